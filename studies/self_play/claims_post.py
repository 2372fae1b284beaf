"""Our side of the statements and figures of the post: what evolved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.printed import Ours, ours
from studies.self_play.facts import Capacity, FiveBus, FiveBusGrid, Known, Starts, TwoBus
from studies.self_play.facts_five_bus import STARTS
from studies.self_play.facts_prices import LINES
from studies.self_play.situations import COST
from studies.self_play.tables import (
    benefits,
    bids,
    by_run,
    discrete_table,
    ends,
    near_equilibrium,
    rerun_table,
)
from studies.study import Results
from studies.verdicts import Evidence

ABOUT = 0.05  # how far “about” may be, as a share


@dataclass(frozen=True)
class PostFigures:
    """Bids [$/MWh above cost], benefits [$/h] and counts of runs."""

    results: Results
    known: Known

    def _ends(self, situation: str, kind: str = "network") -> np.ndarray:
        return ends(self.results, situation, kind)

    def matches_per_generation(self) -> Ours:
        from learners.strategies.evolution import Evolution

        pool = Evolution()
        return ours(pool.strategies * pool.matches)

    def near(self, situation: str, within: float, kind: str = "network") -> Ours:
        """How many runs end within so much of the equilibrium."""
        found = self._ends(situation, kind)
        good = near_equilibrium(situation, found, self.known, within)
        return most_runs(good, within=within, least=found.min(), greatest=found.max())

    def discrete_is_arbitrary(self) -> Ours:
        table = discrete_table(self.results)
        grids = table[~table["even"]]
        last = grids["mean mark-up at the end"]
        predicted = float(table["runs that end there"].sum() / table["runs"].sum())
        depends = bool(last.max() - last.min() > 10)
        why = ("depends" if depends else "fixed") + ("_by_rule" if predicted >= 0.5 else "")
        words = {"least": last.min(), "most": last.max(), "count": len(grids), "predicted": predicted}
        return Ours(depends and predicted < 0.5, why=why, words=words)

    def few_levels_cooperate(self) -> Ours:
        table = discrete_table(self.results)
        even = table[table["even"]].sort_values("levels")
        few, many = (even.loc[part, "mean mark-up at the end"].mean()
                     for part in (even["levels"] <= 3, even["levels"] >= 101))  # fmt: skip
        return ours(bool(few > 10 * many), few=few, many=many)

    def indifference(self) -> Ours:
        return ours(self.known.of(Capacity).indifference)

    def stays_high(self) -> Ours:
        high = self._ends("capacity_uniform").max(axis=1)
        return most_runs(high >= 95, least=high.min(), greatest=high.max())

    def stays_low(self) -> Ours:
        low = self._ends("capacity_uniform").min(axis=1)
        return most_runs(low <= self.known.of(Capacity).indifference - COST + 1, greatest=low.max())

    def who_is_high(self) -> Ours:
        found = self._ends("capacity_uniform")
        return even_odds(int((found.argmax(axis=1) == 0).sum()), len(found))

    def drifts_on(self) -> Ours:
        moves = float(bids(self.results, "capacity_uniform", "network").tail(50).std().max())
        return ours(moves > 0.1, moves=moves)

    def no_pure_equilibrium(self) -> Ours:
        none = all(self.known.of(TwoBus, line=line).equilibria == 0 for line in LINES)
        return ours(none, found=f"none for K of {_named(LINES)} MW" if none else "some")

    def _late(self, situation: str) -> pd.DataFrame:
        table = bids(self.results, situation, "network")
        return table.iloc[len(table) // 2 :]

    def _swing(self, situation: str) -> float:
        """Range of the median bids in the second half, mean over sellers and runs."""
        half = self._late(situation)
        return float((half.max() - half.min()).mean())

    def cyclical(self) -> Ours:
        swings = {line: self._swing(f"two_bus_{line}") for line in LINES}
        noise = self._swing("capacity_uniform")
        still = [line for line, swing in swings.items() if swing <= noise]
        as_much = f", as much as at K of {_named(still)} MW" if still else ""
        return ours(len(still) < len(LINES), swings=", ".join(f"{v:.0f}" for v in swings.values()),
                    lines=_named(LINES), noise=noise, as_much=as_much)  # fmt: skip

    def mean_bid_falls(self) -> Ours:
        means = [float(self._late(f"two_bus_{line}").to_numpy().mean()) for line in LINES]
        return ours(means == sorted(means, reverse=True), means=", ".join(f"{v:.0f}" for v in means))

    def two_equilibria(self, equals: str) -> Ours:
        pure = self.known.of(FiveBusGrid, limit=100, step=10).listed
        return ours(pure == equals, pure=pure)

    def _held(self) -> np.ndarray:
        return near_equilibrium("five_bus_100", self._ends("five_bus_100"), self.known, 2.0)

    def same_equilibria(self) -> Ours:
        return most_runs(self._held(), "fitted")

    def stays_there(self) -> Ours:
        table = bids(self.results, "five_bus_100", "network").tail(40)
        moved = by_run(table.max() - table.min())
        return most_runs((moved[:, 1:].max(axis=1) < 3) & self._held(), "fitted")

    def reruns_find_both(self) -> Ours:
        reruns, starts = rerun_table(self.results), self.known.of(Starts, limit=100)
        kinds = reruns[(reruns["runs"] > 0) & (reruns["equilibrium"] != "none")]["equilibrium"].nunique()
        return ours(kinds == 2, kinds=kinds, runs=int(reruns["runs"].sum()), starts=STARTS,
                    first=starts.first_low, second=starts.second_low)  # fmt: skip

    def benefit(self, name: str, printed: float) -> Ours:
        """Of the last generations; “about” leaves room."""
        found = float(benefits(self.results, "five_bus_100", "network")[name])
        room = (found / (1 + ABOUT), found / (1 - ABOUT))
        return ours(found, room, found=found, apart=abs(found / printed - 1), room=ABOUT)

    def honest_benefit(self, name: str) -> Ours:
        found = float(getattr(self.known.of(FiveBus, limit=100, markups="0, 0, 0"), name))
        return ours(found, found=found)

    def line_ends_power(self) -> Ours:
        excess = [
            float(benefits(self.results, f"five_bus_{limit}", "network")["producer"])
            - self.known.of(FiveBus, limit=limit, markups="0, 0, 0").producers
            for limit in (100, 200)
        ]
        return ours(excess[1] < 0.25 * excess[0], before=excess[0], after=excess[1])

    def line_adds_welfare(self) -> Ours:
        now, wide = (float(benefits(self.results, f"five_bus_{k}", "network")["welfare"]) for k in (100, 200))
        return ours(0 < wide / now - 1 < 0.1, now=now, wide=wide, more=wide / now - 1)

    def alternates(self) -> Ours:
        """The earlier agent-based study, with learners that go on exploring."""
        frame = self.results["alternation"]
        both = (frame["first"] > 0.01) & (frame["second"] > 0.01) & (frame["switches"] >= 2)
        return ours(bool(both.mean() > 0.5), both=int(both.sum()), runs=len(frame),
                    first=frame["first"].mean(), second=frame["second"].mean(),
                    switches=frame["switches"].median(), rounds=int(frame["rounds"].iloc[0]))  # fmt: skip

    def reconstructed(self) -> Ours:
        return ours()


def _named(lines: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, lines))


def most_runs(good: np.ndarray, evidence: Evidence = "independent", **words: object) -> Ours:
    """How self-play ends: a statement holds where most runs do so, and is weak where not all do."""
    share = float(good.mean())
    why = "all" if share == 1 else "most" if share > 0.5 else "few"
    found = evidence if share == 1 or evidence != "independent" else "weak"
    runs = f"{int(good.sum())} of {len(good)} runs"
    return Ours(share > 0.5, why=why, evidence=found, words=words | {"runs": runs})


def even_odds(first: int, runs: int) -> Ours:
    """Chance itself cannot be seen in a few runs: at best they do not speak against even odds."""
    from scipy.stats import binomtest

    odds = binomtest(first, runs)
    low, high = odds.proportion_ci(method="wilson")
    return ours(bool(odds.pvalue > 0.05), first=first, runs=runs, low=low, high=high, chance=odds.pvalue)
