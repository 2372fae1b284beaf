"""Our side of the poster's efficiency table and its sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import exp

import pandas as pd

from studies.claims import Claim
from studies.coalition_efficiency.tables import ORDER, PUBLISHED, mean_losses, ordering
from studies.printed import Ours, compare, ours
from studies.study import Results, Summaries

LEAST_DRAWS = 10
ERRORS = 3.0  # standard errors on either side
PRINTED = 0.005  # half of the last printed digit
SQUARE = 0.02  # relative difference that is hardly one; the table's own is 0.006


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """Every cell of the table, then its sentences and the facts against it."""
    means = mean_losses(results)
    needed = product(results.spec.sides_km, {density for _, _, density in PUBLISHED}, ORDER)
    complete = all(key in means.index for key in needed)  # all clearings of a model may fail
    if int(means["replicates"].min()) < LEAST_DRAWS or not complete:
        return []
    return compare("coalition_efficiency", Figures(results, means))


@dataclass(frozen=True)
class Figures:
    """Mean losses [p.u.] with standard errors, by square [km], mean degree and model."""

    results: Results
    means: pd.DataFrame

    @property
    def _side(self) -> float:
        return float(self.results.spec.sides_km[0])

    def _found(self, side: float, density: str, model: str) -> tuple[float, float]:
        row = self.means.loc[[(side, density, model)]].iloc[0]
        return float(row["losses_pu"]), float(row["error"])

    def _by_degree(self, model: str) -> Mapping[str, float]:
        degrees = [f"{d:g}" for d in sorted(self.results.spec.degrees)]
        return {degree: self._found(self._side, degree, model)[0] for degree in degrees}

    def losses(self, side: float, model: str, density: str, between: float = 0.0) -> Ours | None:
        """Mean ± 3 standard errors at the degree that we read a column as.

        Without private lines there is nothing to draw and the square cannot matter: what the table's rows
        differ by between the squares is the room that it leaves itself.
        """
        if side not in self.results.spec.sides_km:
            return None
        mean, error = self._found(side, density, "self_nodal" if model == "self_interested" else model)
        room = max(ERRORS * error, between) + PRINTED
        flat, flat_error = self._found(side, density, "self_flat")
        none, _ = self._found(side, "0", "self_nodal")
        words = {"mean": mean, "error": error, "flat": flat, "flat_error": flat_error}
        rises = model == "self_interested" and density == "1" and side == 1
        why = ("rises" if mean > none + ERRORS * error else "falls") if rises else ""
        return Ours(mean, (mean - room, mean + room), why=why, words=words)

    def ordered(self) -> Ours:
        good, count = (sum(held[k] for held in ordering(self.results).values()) for k in (0, 1))
        return ours(good == count, good=good, count=count)

    def self_interest(self, model: str) -> Ours:
        losses = self._by_degree(model)
        top = max(losses, key=lambda degree: losses[degree])
        none, dense = losses["0"], losses["52"]
        rises = losses[top] > none + ERRORS * self._found(self._side, top, model)[1]
        words = {"peak": losses[top], "top": top, "none": none, "dense": dense}
        return Ours(rises and dense < none, why="high" if rises else "flat", words=words)

    def ad_hoc_rises(self) -> Ours:
        mean, error = self._found(self._side, "1", "ad_hoc")
        none, _ = self._found(self._side, "0", "ad_hoc")
        return ours(mean > none + ERRORS * error, mean=mean, error=error, none=none)

    def as_probability(self) -> Ours | None:
        if "1/n²" not in set(self.means.index.get_level_values("density")):
            return None
        mean, error = self._found(self._side, "1/n²", "cooperative")
        room, empty = ERRORS * error + PRINTED, exp(-0.5)
        least = empty * self.results.spec.losses_at_zero
        return ours(mean, (mean - room, mean + room), mean=mean, error=error, empty=empty, least=least)

    def gap(self) -> Ours:
        coop, integrated = (self._found(self._side, "0", model)[0] for model in ("cooperative", "integrated"))
        return ours(gap=1 - integrated / coop, scatter=self.results.spec.scatter)

    def floor(self) -> Ours:
        mean, error = self._found(self._side, "52", "cooperative")
        return ours(mean=mean, error=error)

    def square(self) -> Ours | None:
        spec = self.results.spec
        if len(spec.sides_km) < 2:
            return None
        other = spec.sides_km[-1]
        (near, e1), (far, e2) = (self._found(side, "1", "cooperative") for side in (self._side, other))
        return ours(abs(far / near - 1) < SQUARE, side=self._side, other=other, near=near, near_error=e1,
                    far=far, far_error=e2, r_pu_per_km=spec.r_pu_per_km)  # fmt: skip

    def scale(self) -> Ours:
        return ours(base=self.results.spec.losses_at_zero)

    def peak(self, printed: float, none: float) -> Ours:
        base = self.results.spec.losses_at_zero
        nodal, error = self._found(self._side, "1", "self_nodal")
        flat, _ = self._found(self._side, "1", "self_flat")
        holds = abs(nodal / base - printed / none) <= ERRORS * error / base
        return ours(holds, nodal=nodal / base, flat=flat / base)
