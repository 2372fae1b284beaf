"""Our side of the post's statements and of the reference calculations: exact facts first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from studies.claims import Claim
from studies.printed import Ours, compare, ours
from studies.self_play.claims_evolved import EvolvedFigures, sampled
from studies.self_play.claims_post import PostFigures
from studies.self_play.evolving import PLAN
from studies.self_play.facts import Bertrand, Continuum, Facts, Known, Many, Starts, TwoBus
from studies.self_play.facts_five_bus import STARTS
from studies.self_play.facts_prices import DISCRETE, grid_words
from studies.self_play.tables import facts, played
from studies.study import Results, Summaries

LEAST_SEEDS = 4
LONGEST = 300  # generations of Bertrand competition


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """Rows of the ledger; none from runs too short or too few to say anything."""
    spec = results.spec
    enough = spec.generations >= LONGEST and spec.seeds >= LEAST_SEEDS and set(played(results)) == set(PLAN)
    planned = results.manifest.get("cells", 0) * results.manifest.get("replicates", 0)
    if not enough or len(results.cells) - len(results.failures) < planned:
        return []
    known = facts(results)
    figures = (PostFigures(results, known), ExactFigures(known), EvolvedFigures(results, known))
    return compare("self_play", *figures)


@dataclass(frozen=True)
class ExactFigures:
    """Equilibria, money, payoffs and cycles that nothing was learned for."""

    known: Known

    def fact(self, about: str, name: str, **of: float | str) -> Ours:
        """A number; those that need quantecon may be missing."""
        value = getattr(self.known.of(Facts.KINDS[about], **of), name)
        return (
            ours(value)
            if np.isfinite(value)
            else Ours(evidence="open", why="missing", words={"found": "none"})
        )

    def text(self, about: str, name: str, equals: str, **of: float | str) -> Ours:
        """Words or vectors, equal or not."""
        found = getattr(self.known.of(Facts.KINDS[about], **of), name)
        return ours(found == equals, found=found)

    def residual_supply(self) -> Ours:
        least = self.known.of(Many).residual_supply
        return ours(least > 1, least=least)

    def follows_rule(self) -> Ours:
        holds = True
        for grid in DISCRETE:
            expected = [m for k, m in enumerate(grid) if k == 0 or grid[k - 1] <= m / 2]
            listed = self.known.of(Bertrand, grid=grid_words(grid)).equilibria
            holds = holds and listed == ", ".join(f"{m:g}" for m in expected)
        return ours(holds, found="holds" if holds else "fails", count=len(DISCRETE))

    def found_pair(self, line: int, equals: str) -> Ours:
        two = self.known.of(TwoBus, line=line)
        pair = (two.found_first, two.found_second)
        found = "/".join(f"{v:.0f}" for v in pair) if np.isfinite(pair).all() else "none"
        return ours(found == equals, found=found)

    def continuum(self) -> Ours:
        found = [self.known.of(Continuum, profile=profile) for profile in ("(m, 30, 30)", "(30, m, 30)")]
        inside = max(max(one.at_zero, one.inside) for one in found)
        outside = min(one.outside for one in found)
        return ours(inside < 1e-4 < outside, inside=inside, outside=outside)

    def starts(self, name: str, printed: float) -> Ours:
        """Consistent where both counts lie in one 95 % interval of the other's share."""
        count = int(getattr(self.known.of(Starts, limit=100), name))
        return ours(count, sampled(printed, count, STARTS, STARTS), count=count)

    def turns(self) -> Ours:
        found = self.known.of(Starts, limit=100)
        return ours(found.turns, changes=found.changes)

    def not_run(self) -> Ours:
        return ours()
