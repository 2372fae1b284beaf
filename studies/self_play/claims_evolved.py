"""Our side of what the reference calculations say of evolved bids: ranges and counts over few runs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from studies.printed import Ours, ours
from studies.self_play.facts import Known, TwoBus
from studies.self_play.facts_prices import grid_words
from studies.self_play.tables import at, benefits, bids, discrete_table, ends, near_equilibrium, rerun_table
from studies.study import Results
from studies.verdicts import HALF, Ends, Evidence

NONE_LOST = 0.2  # difference of shares that is none, of few runs


@dataclass(frozen=True)
class EvolvedFigures:
    """Median mark-ups [$/MWh] by situation, kind of strategies and generation."""

    results: Results
    known: Known

    def markups(
        self, situation: str, low: float, high: float, generation: int, kind: str = "network"
    ) -> Ours:
        return range_of(at(self.results, situation, kind, generation), low, high)

    def mean_markup(self, situation: str, low: float, high: float, generation: int) -> Ours:
        found = at(self.results, situation, "network", generation)
        return range_of(None if found is None else found.mean(axis=1), low, high)

    def final_markup(self, situation: str, seller: int, low: float, high: float) -> Ours:
        return range_of(ends(self.results, situation, "network")[:, seller - 1], low, high, scale=30.0)

    def evolved_on(self, grid: str, end: float) -> Ours:
        rows = {row["grid"]: row for row in discrete_table(self.results).to_dict("records")}
        row = rows[grid_words(tuple(float(m) for m in grid.split(", ")))]
        runs, mean = int(row["runs"]), float(row["mean mark-up at the end"])
        there = int(row["runs that end there"]) if row["highest strict one"] == end else 0
        all_there = there == runs
        words = {"there": there, "runs": runs, "mean": mean}
        evidence: Evidence = "independent" if all_there else "weak"
        return Ours(2 * there > runs, why="all" if all_there else "some", evidence=evidence, words=words)

    def apart_from(self, low: float, high: float) -> Ours:
        """The generation from which one seller is high and the other low, in each run where it comes."""
        table = bids(self.results, "capacity_uniform", "network")
        when = []
        for session in sorted({s for s, _ in table.columns}):
            pair = table[session].to_numpy()
            good = (pair.max(axis=1) >= 95) & (pair.min(axis=1) <= 60)
            when += [int(np.argmax(good)) + 1] if good.any() else []
        return range_of(np.array(when) if when else None, low, high, 0, len(table))

    def drifts(self, printed: float, of: int) -> Ours:
        low = ends(self.results, "capacity_uniform", "network").min(axis=1)
        return counted(printed, of, int((low > 60).sum()), len(low))

    def strangers(self, side: str, low: float, high: float) -> Ours:
        found = ends(self.results, "capacity_uniform", "immigrants")
        return range_of(found.max(axis=1) if side == "high" else found.min(axis=1), low, high, 0)

    def third_with_strangers(self, low: float, high: float) -> Ours:
        found = bids(self.results, "five_bus_100", "immigrants").tail(50)
        return range_of(found.xs(3, level="player", axis=1).to_numpy(), low, high, 0, 30.0)

    def benefit_range(
        self, situation: str, name: str, low: float, high: float, kind: str = "network"
    ) -> Ours:
        return range_of(np.array([float(benefits(self.results, situation, kind)[name])]), low, high, 0)

    def late_benefit(self, name: str, low: float, high: float) -> Ours:
        after = self.results["benefits"]
        after = after[(after["situation"] == "five_bus_200") & (after["kind"] == "network")]
        by_run = after[after["generation"] > 80].groupby("session")[name].mean()
        return range_of(by_run.to_numpy(), low, high, 0, 2e4)

    def mean_bid(self, line: int, low: float, high: float) -> Ours:
        table = bids(self.results, f"two_bus_{line}", "network")
        half = table.iloc[len(table) // 2 :]
        return range_of(half.T.groupby(level="session").mean().T.mean().to_numpy(), low, high)

    def least_median(self, line: int) -> Ours:
        table = bids(self.results, f"two_bus_{line}", "network")
        pooled = table.iloc[len(table) // 2 :].T.groupby(level="session").median().T
        return ours(float(pooled.min().min()), floor=self.known.of(TwoBus, line=line).least_markup)

    def runs_that_end_in(self, kind: str, end: str, printed: float, of: int) -> Ours:
        group = self.results["reruns"].query("kind == @kind")
        return counted(printed, of, int((group["equilibrium"] == end).sum()), len(group))

    def holds_from(self, kind: str) -> Ours:
        group = self.results["reruns"].query("kind == @kind")
        first = group.loc[group["generation"] > 0, "generation"]
        span = (float(first.quantile(0.1)), float(first.quantile(0.9)))
        return ours(float(first.median()), span, median=first.median(), least=span[0], most=span[1])

    def memory_changes_nothing(self) -> Ours:
        table = rerun_table(self.results)
        shares = table[table["equilibrium"] == "(low, 30, 30)"].set_index("strategies")
        with_it, without = (shares["runs"] / shares["of"]).to_numpy()[:2]
        return ours(bool(abs(with_it - without) <= NONE_LOST), with_it=with_it, without=without)

    def holds_equilibrium(self, printed: float, of: int) -> Ours:
        found = ends(self.results, "five_bus_100", "immigrants")
        held = near_equilibrium("five_bus_100", found, self.known, 1.0)
        return counted(printed, of, int(held.sum()), len(held))


def range_of(
    found: np.ndarray | None, low: float, high: float, digits: int = 1, scale: float = 100.0
) -> Ours:
    """A printed range over runs: it holds where most of our runs lie in it.

    A single printed figure is consistent inside the range of our runs. A range over half of `scale`, what is
    possible, decides nothing.
    """
    if found is None:
        return Ours(evidence="open", why="short", words={"found": "none"})
    least, most, half = float(found.min()), float(found.max()), 0.5 * 10.0**-digits
    shown: dict[str, object] = {"found": f"{least:.{digits}f} to {most:.{digits}f}"}
    if low == high:
        return Ours(float(found.mean()), (least - half, most + half), words=shown)
    if high - low >= HALF * scale:
        words = {"range": f"{high - low:g}", "scale": f"{scale:g}"}
        return Ours(evidence="open", why="wide", words=shown | words)
    share = float(((found >= low - half) & (found <= high + half)).mean())
    shown["share"] = share
    return Ours(share > 0.5, why="most" if share > 0.5 else "few", evidence="weak", words=shown)


def counted(printed: float, of: int, count: int, runs: int) -> Ours:
    """Runs of a kind, out of few: consistent where another `of` runs could well have as many."""
    low, high = sampled(printed, count, of, runs)
    words = {"found": f"{count} of {runs}", "least": low, "most": high, "of": of}
    few = low <= printed <= high and high - low > HALF * of
    if few:
        return Ours(evidence="open", why="few", words=words)
    return Ours(count, (low, high), words=words)


def sampled(published: float, ours: float, n_published: int, n_ours: int) -> Ends:
    """Counts of `n_published` draws that agree with ours: 95 % of the binomial at our share, widened by its
    own error (Agresti and Coull's share for few runs)."""
    share = (ours + 2) / (n_ours + 4)
    error = 1.96 * (share * (1 - share) / (n_ours + 4)) ** 0.5
    low = binom.ppf(0.025, n_published, max(share - error, 0.0))
    high = binom.ppf(0.975, n_published, min(share + error, 1.0))
    return float(low), float(high)
