"""Our side of the document's statements, and of the figures of an earlier computation of this game.

The earlier figures were means over a few worlds of the same kind (3 to 10), so a difference counts where it
exceeds twice the standard error of the difference of two such means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from networks.profiles import LoadShape
from studies.claims import Claim
from studies.printed import Ours, compare, ours
from studies.study import Results, Summaries
from studies.synchronization.storage import repeat_game, rounds_until
from studies.synchronization.tables import (
    clock,
    half_hours,
    interval,
    ratio,
    remedy_rows,
    spans,
    sync_shares,
    world_table,
)

LEAST_WORLDS = 4
NOTHING = 1e-6  # $ a day: a gain of rounding errors
HIDDEN = 0.6  # area under the receiver operating curve that tells hardly anything
WINDOW = {5.5, 6.0, 6.5}  # half hours of the document's morning


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """Rows of the ledger; none with fewer worlds than a standard error needs, or other homes."""
    if "learned" not in results.tables or "meters" not in results.tables:
        return []
    if world_table(results, "equilibria").shape[0] < LEAST_WORLDS:
        return []
    return compare("synchronization", DocumentFigures(results), EarlierFigures(results))


@dataclass(frozen=True)
class DocumentFigures:
    """Learned decisions, equilibria, remedies and meters, over worlds."""

    results: Results

    def _table(self, name: str, **where: str) -> pd.DataFrame:
        return rows_where(world_table(self.results, name), where)

    def _often(self) -> pd.Series:
        """Half hours of the day in which at least half of the prosumers synchronize."""
        shares = half_hours(sync_shares(self.results, "literal"))
        return shares[shares >= 0.5]

    def morning_hours(self) -> Ours:
        """The window begins with demand, which is ours to set, and ends on a knife edge."""
        shares = half_hours(sync_shares(self.results, "literal"))
        morning = [float(hour) for hour in self._often().index if hour < 12]
        edge = ", ".join(f"{float(shares[h]):.0%} from {clock(h)}" for h in (6.5, 7.0) if h in shares.index)
        return ours(len(WINDOW ^ set(morning)) <= 1, spans=spans(morning, 0.5), edge=edge,
                    day_start=LoadShape().day_start, night_kw=self.results.spec.night_kw)  # fmt: skip

    def evening_hours(self) -> Ours:
        evening = [float(hour) for hour in self._often().index if hour >= 12]
        return ours(bool(evening), spans=spans(evening, 0.5))

    def early_profit(self) -> Ours:
        early = float(np.abs(self._table("learned", variant="literal")["early_share"]).max())
        return ours(early < 0.02, early=early)

    def higher_prices(self) -> Ours:
        literal = self._table("learned", variant="literal")
        price, bill = (float(ratio(literal, column).mean()) for column in ("midday_price", "bill"))
        return ours(price > 0 and bill > 0, price=price, bill=bill)

    def learned_equilibrium(self) -> Ours:
        literal = self._table("learned", variant="literal")
        gain = literal["one_slot_gain"]
        share, gaining = float((gain / literal["profit"]).mean()), int((gain > NOTHING).sum())
        return ours(float(gain.max()) <= NOTHING, gain=100 * float(gain.mean()), worlds=len(literal),
                    share=share, gaining=gaining)  # fmt: skip

    def stepping(self) -> Ours:
        profit = [
            self._table("learned", variant=variant)["friendly_profit"].mean()
            for variant in ("literal, ±10 % posting", "literal")
        ]
        return ours(share=float(profit[0] / profit[1]))

    def price_is_why(self) -> Ours:
        agree = self._table("agreement").groupby("against")["share_awake"].mean()
        blind, own = float(agree["literal, price-blind"]), float(agree["own need above own sun"])
        return ours(blind < 0.9, blind=blind, own=own)

    def equilibrium(self) -> Ours:
        found = self._table("equilibria")
        price = float(ratio(found, "midday_price").mean())
        gain = float(found[["one_slot_gain", "two_slot_gain", "search_gain"]].to_numpy().max())
        return ours(price > 0.01 and gain <= NOTHING, price=price, gain=100 * gain)

    def selfish_learners(self) -> Ours:
        best = self._table("plan_learners", reward="difference")
        price = float(ratio(best, "midday_price").mean())
        return ours(price > 0.05, price=price, together=float(best["in_one_slot"].mean()),
                    prosumers=self.results.spec.prosumers)  # fmt: skip

    def undecided(self) -> Ours:
        return ours()

    def knob(self, name: str, below: float | None = None) -> Ours | None:
        """Whether a remedy ends the rise of the midday price; without `below`, whether it weakens it."""
        means = remedy_rows(self.results).groupby(["knob", "level"])["price change"].mean()
        if name not in means.index.get_level_values("knob"):
            return None
        base, levels = float(means[("none", 0.0)]), means.xs(name, level="knob")
        best = float(levels.min())
        words = {"levels": ", ".join(f"{level:g}: {change:+.1%}" for level, change in levels.items()),
                 "base": base, "best": best, "level": levels.idxmin()}  # fmt: skip
        ends = best < (base if below is None else below)
        return Ours(ends, why="" if ends else "part" if best < base else "none", words=words)

    def clock_errors(self) -> Ours | None:
        """Clock errors against the longest bursts that were tried."""
        if len(self.results.tables.get("clocks", ())) == 0:
            return None
        clocks = self._table("clocks").groupby(["burst_minutes", "clock_error"])["price_rise"].mean()
        rises = clocks.xs(max(self.results.spec.bursts), level="burst_minutes").sort_index()
        exact, wrong = rises.iloc[0], rises.iloc[-1]
        flat = bool((np.diff(rises.to_numpy()) <= 1e-9).all() and wrong < exact)
        return ours(flat, exact=exact, wrong=wrong, error=rises.index[-1])

    def _area(self, bursts: str) -> pd.Series:
        """Area under the receiver operating curve by minutes between readings."""
        meters = self.results["meters"]
        return meters[meters["bursts"] == bursts].groupby("interval")["area"].mean()

    def hidden_bursts(self) -> Ours | None:
        area = self._area("5 min")
        hidden = float(area.get(15, np.nan))
        return ours(hidden < HIDDEN, hidden=hidden) if {1, 15} <= set(area.index) else None

    def tighter_readings(self) -> Ours | None:
        area, loose = self._area("5 min"), self._area("5 min, not aligned")
        if not {1, 15} <= set(area.index):
            return None
        falls = len(loose) > 0 and bool((np.diff(loose.to_numpy()) <= 0.02).all())
        seen, hidden = float(area[1]), float(area[15])
        return ours(seen > hidden and falls, seen=seen, hidden=hidden)

    def inverse_interval(self) -> Ours:
        """Equation (4) over 20 rounds."""
        inverse = repeat_game(1.0, 200.0, 150.0, 10.0, 20) * (350.0 + 10.0 * np.arange(21))
        holds = bool(np.abs(inverse / inverse[0] - 1).max() < 1e-12)
        return ours(holds, found="d·(s + s^p) is the same in every round" if holds else "it is not")

    def bounded(self) -> Ours:
        rounds = rounds_until(15.0, 1.0, 200.0, 150.0, 10.0)
        return ours(bool(np.isfinite(rounds)), rounds=rounds)


@dataclass(frozen=True)
class EarlierFigures:
    """Means over worlds with the standard error of their difference to a mean over `worlds` others.

    Arguments of all: `half` of the last printed digit, and `form` of the number in words, none for shares.
    """

    results: Results

    def world_mean(
        self,
        table: str,
        column: str,
        worlds: int,
        half: float,
        form: str = "",
        scale: float = 1.0,
        over: bool = False,
        **where: str | float,
    ) -> Ours:
        """The mean of a column; `over` all friendly: its relative change."""
        rows = rows_where(world_table(self.results, table), where)
        return _mean(ratio(rows, column) if over else scale * rows[column], worlds, half, form)

    def true_profit(self, worlds: int, half: float, form: str) -> Ours:
        rows = rows_where(world_table(self.results, "learned"), {"variant": "literal"})
        return _mean(rows["honest_profit"] / rows["friendly_profit"] - 1, worlds, half, form)

    def syncing(self, hour: float, worlds: int, half: float) -> Ours:
        """The share of prosumers that sync in a half hour."""
        slots = rows_where(self.results["slots"], {"variant": "literal"})
        chosen = slots[slots["slot"].between(4 * hour, 4 * hour + 1)]
        return _mean(chosen.groupby(["world", "replicate"])["syncs"].mean(), worlds, half)

    def remedy(self, knob: str, level: float, worlds: int, half: float, form: str) -> Ours | None:
        rows = rows_where(remedy_rows(self.results), {"knob": knob, "level": level})
        return _mean(rows["price change"], worlds, half, form) if len(rows) else None


def rows_where(frame: pd.DataFrame, where: Mapping[str, str | float]) -> pd.DataFrame:
    """The rows with these values."""
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


def _mean(values: pd.Series, worlds: int, half: float, form: str = "") -> Ours:
    mean, error = interval(values.astype(float), worlds)
    if not form:
        return ours(mean, (mean - error - half, mean + error + half))
    words = {"mean": format(mean, form), "spread": format(error, form).lstrip("+")}
    return Ours(mean, (mean - error, mean + error), half=half, words=words)
