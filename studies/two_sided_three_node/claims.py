"""Our side of the article's section 4, and of the shares of seeds that a reproduction study found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from learners.equilibria.shares import share_interval
from studies.claims import Claim
from studies.printed import Ours, compare, ours
from studies.study import Results, Summaries
from studies.two_sided_three_node.hour import RULES, SAME_MONEY, best_replies, pure_equilibria
from studies.two_sided_three_node.learning_tables import SETTING, minimal_game, pick, share_table
from studies.two_sided_three_node.tables import POINTS, clearing_at, ends_of_profit
from studies.verdicts import HALF, Ends

THEIRS = 0.07  # sampling error that the reproduction study states for its 60 to 200 seeds
LEAST_SEEDS = 50  # fewer say nothing about a share
MOST_PROFIT = 398  # $ that Gen-A can earn in hour 1
COSTS = (6.0, 10.0, 8.0)  # $/MWh of the generators at nodes 1 to 3


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """The article's figures where its clearings are there, then what was learned in enough seeds."""
    points = [clearing_at(results["clearings"], hour, offer, cut) for _, hour, offer, cut in POINTS]
    known = [point for point in points if point is not None]
    table = share_table(results) if "seeds" in results.tables else pd.DataFrame({"seeds": []})
    table = table[table["seeds"] >= LEAST_SEEDS]
    article = ArticleFigures(results, known if len(known) == len(points) else [], summaries)
    return compare("two_sided_three_node", article, LearnedFigures(results, table))


@dataclass(frozen=True)
class ArticleFigures:
    """Prices [$/MWh] and profits [$] of the clearings that scenarios A, B and C are made of.

    Attributes
    ----------
    points : the four clearings, none where the spec leaves one out.
    """

    results: Results
    points: list[dict[str, float]]
    summaries: Summaries

    def _prices(self, point: int) -> dict[str, float]:
        return {name: self.points[point][f"lmp{bus}_canonical_rule"]
                for bus, name in enumerate(("one", "two", "three"), start=1)}  # fmt: skip

    def _earns(self, who: str, point: int) -> float:
        return float(self.points[point][f"{who}_canonical"])

    def vertex_price(self) -> Ours | None:
        """Where the offer of Gen-A just fills the line the price is not unique."""
        if not self.points:
            return None
        found = self.points[0]
        return ours(found["lmp1_canonical_rule"], (found["lmp1_low"], found["lmp1_high"]))

    def vertex_profit(self) -> Ours | None:
        return ours(self._earns("gen_a", 0), ends_of_profit(self.points[0])) if self.points else None

    def one_price(self, printed: float) -> Ours | None:
        """The price that is farthest from the printed one."""
        if not self.points:
            return None
        paid = self._prices(1)
        return Ours(max(paid.values(), key=lambda price: abs(price - printed)), words=paid)

    def profit_in_hour_1(self) -> Ours | None:
        return ours(self._earns("gen_a", 1)) if self.points else None

    def price_in_hour_2(self, bus: int, interrupted: bool = False) -> Ours | None:
        return ours(self.points[2 + interrupted][f"lmp{bus}_canonical_rule"]) if self.points else None

    def prices_are_own_costs(self) -> Ours | None:
        if not self.points:
            return None
        local = self._prices(2)
        return Ours(np.allclose(list(local.values()), COSTS, atol=0.005), words=local)

    def earns_nothing(self) -> Ours | None:
        if not self.points:
            return None
        profit = self._earns("gen_a", 2)
        return ours(abs(profit) < SAME_MONEY, profit=profit)

    def both_hours(self, who: str, interrupted: bool = False) -> Ours | None:
        return ours(self._earns(who, 1) + self._earns(who, 2 + interrupted)) if self.points else None

    def equilibrium(self) -> Ours | None:
        if not self.points:
            return None
        frame = self.results["clearings"]
        best = {rule: best_replies(frame, 2, rule, 199.0)[0] for rule in RULES}
        holds = any((199.0, 20.0) in pure_equilibria(frame, 2, rule) for rule in RULES)
        replies = ", ".join(f"{rule}: {_megawatts(found)} MW" for rule, found in best.items())
        coarse = [step for step in (10.0, 20.0) if _settles(_every(frame, step))]
        steps = f" It is one in steps of {' or '.join(f'{step:g}' for step in coarse)} MW." if coarse else ""
        return ours(holds, found="an equilibrium" if holds else "no equilibrium on this grid of offers",
                    replies=replies, steps=steps)  # fmt: skip

    def ramp(self) -> Ours | None:
        """At which ramp limits Gen-A earns no more alone than in scenario B."""
        if not self.points:
            return None
        alone = self._earns("gen_a", 1) + self._earns("gen_a", 2)
        ramps = self.summaries["ramps"].frame
        true = ramps.loc[ramps["profit $, 200 MW before"] <= alone + SAME_MONEY, "ramp limit MW/h"]
        true = true[true >= 1]
        limits = f"{true.min():g} to {true.max():g}" if len(true) else ""
        return ours(found=f"true only with 200 MW before hour 1 and a limit of {limits} MW/h" if limits
                    else "false for every ramp limit")  # fmt: skip


def _megawatts(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _settles(frame: pd.DataFrame) -> bool:
    """Whether 20 MW is a best reply to 199 MW under every price rule."""
    return all(20.0 in best_replies(frame, 2, rule, 199.0)[0] for rule in RULES)


def _every(frame: pd.DataFrame, step: float) -> pd.DataFrame:
    """The clearings at multiples of `step` MW interrupted."""
    share = frame["interrupted_mw"] / step
    return frame[np.isclose(share, share.round())]


@dataclass(frozen=True)
class LearnedFigures:
    """Shares of seeds, days and profits by setting of what was learned.

    Attributes
    ----------
    table : settings with enough seeds.
    """

    results: Results
    table: pd.DataFrame

    def _one(self, **wanted: str | float) -> dict[str, Any] | None:
        found = self._swept(**wanted)
        return {str(key): value for key, value in found.iloc[0].items()} if len(found) else None

    def _seeds(self, row: Mapping[str, Any]) -> pd.DataFrame:
        seeds = self.results["seeds"]
        return seeds[np.logical_and.reduce([seeds[name] == row[name] for name in SETTING])]

    def share(self, column: str, **wanted: str | float) -> Ours | None:
        """Our Wilson interval widened by the error that their own share has."""
        row = self._one(**wanted)
        if row is None:
            return None
        seeds = int(row["seeds"])
        low, high = (float(v) for v in share_interval(round(row[column] * row["seeds"]), seeds))
        other = row["two-sided"] - row[column]
        return ours(float(row[column]), (low - THEIRS, high + THEIRS), seeds=seeds, other=other)

    def median(self, **wanted: str | float) -> Ours | None:
        """A median with the order-statistic interval of ours (distribution-free, 95 %)."""
        row = self._one(**wanted)
        if row is None:
            return None
        values = np.sort(self._seeds(row)["settled_day"].to_numpy())
        low, high = median_interval(values)
        median = float(np.median(values))
        return ours(median, (0.85 * low, 1.15 * high), median=median, low=low, high=high)

    def online_profit(self, rate: float) -> Ours | None:
        row = self._one(sweep="rate", rule="high", genco_rate=rate)
        if row is None:
            return None
        values = self._seeds(row)["gen_a_online"]
        error = float(values.std(ddof=1) / np.sqrt(len(values)))
        mean, room = float(row["gen_a_online"]), 3 * error * float(np.sqrt(1 + len(values) / 60))
        return ours(mean, (mean - room, mean + room), mean=mean, error=error)

    def entropy_bound(self) -> Ours | None:
        game = minimal_game(self.results) if len(self.table) else self.table
        if not len(game):
            return None
        bound, trust = float(game["rate_bound"].iloc[0]), float(game["needed_trust"].iloc[0])
        return ours(abs(bound - 0.722) <= 5e-4 and abs(trust - 0.8) <= 5e-3, bound=bound, trust=trust)

    def _swept(self, **wanted: str | float) -> pd.DataFrame:
        sweep = str(wanted.pop("sweep", ""))
        return pick(self.table, sweep, **wanted) if len(self.table) else self.table

    def passive_disco(self) -> Ours | None:
        rows = self._swept(sweep="passive disco")
        if not len(rows):
            return None
        hits = np.isclose(rows["gen_a"], 398) & np.isclose(rows["disco_1"], 540)
        return ours(bool(hits.all()), held=int((hits * rows["seeds"]).sum()), seeds=int(rows["seeds"].sum()))

    def hour_1_profit(self, grid: str, low: int, high: int) -> Ours | None:
        both = self._swept(sweep="disco may interrupt in hour 1", grid=grid)
        if not len(both):
            return None
        inside = float(both["gen_a"].between(low, high).mean())
        words = {"least": both["gen_a"].min(), "most": both["gen_a"].max(), "width": high - low,
                 "inside_range": inside}  # fmt: skip
        if high - low > HALF * MOST_PROFIT:
            return Ours(evidence="open", why="wide", words=words)
        return Ours(inside > 0.5, words=words)

    def likely(self) -> Ours | None:
        main = self._swept(
            who="Gen-A and Disco-1", policy="entropy", objective="margin", disco_hours="second"
        )
        if not len(main):
            return None
        shares = main["two-sided"]
        return ours(least=shares.min(), most=shares.max(), often=(shares > 0.5).mean(), settings=len(main))

    def boltzmann(self, grid: str) -> Ours | None:
        group = self._swept(sweep="policies", grid=grid)
        if not len(group) or not {"entropy", "epsilon-greedy"} <= set(group["policy"]):
            return None
        earned = group.groupby("policy")["gen_a_online"].max()
        shares = group.groupby("policy")["two-sided"].max()
        entropy, greedy = earned["entropy"], earned["epsilon-greedy"]
        return ours(bool(entropy > greedy), entropy=entropy, greedy=greedy, entropy_share=shares["entropy"],
                    greedy_share=shares["epsilon-greedy"])  # fmt: skip

    def foresight(self) -> Ours | None:
        fine = self._swept(sweep="foresight")
        if not len(fine) or len(set(fine["gamma"])) < 2:
            return None
        pivot = fine.pivot_table(index="ramp_mw", columns="gamma", values="alone")
        change = (pivot[pivot.columns.max()] - pivot[pivot.columns.min()]).abs()
        ramps = ", ".join(f"{ramp:g}" for ramp in change.index[change > 0.2])
        where = f"at a ramp limit of {ramps} MW/h only" if ramps else "nowhere on this network"
        return ours(bool(ramps), where=where)


def median_interval(values: np.ndarray, level: float = 0.95) -> Ends:
    """Distribution-free interval of the median of sorted values: order statistics of Binomial(n, 1/2)."""
    from scipy import stats

    count = len(values)
    k = max(int(stats.binom.ppf((1 - level) / 2, count, 0.5)) - 1, 0)
    return float(values[k]), float(values[count - 1 - k])
