"""How far a market is from competition: margins, transfers, collusion indices, and intervals over seeds.

Concentration and pivotal-supplier tests look at one book and live in :mod:`clearing.monitor`; what follows
needs a second outcome, a game's benchmarks, or many replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from clearing.book import SELL, Book
from clearing.errors import InputError
from clearing.outcome import Outcome
from clearing.settlement import SettlementRule, settle
from learners.equilibria.pure import joint_optimum, pure_equilibria
from learners.games.game import tabulate
from learners.protocols import PayoffSource


@dataclass(frozen=True)
class Benchmarks:
    """Total payoffs of a game's yardsticks [$].

    Attributes
    ----------
    competitive : where everybody tells the truth.
    nash_low, nash_high : lowest and highest total of the pure static equilibria; NaN where there is none.
    joint : the joint optimum.
    """

    competitive: float
    nash_low: float
    nash_high: float
    joint: float

    @classmethod
    def of(cls, source: PayoffSource, competitive: Sequence[float] | float) -> Benchmarks:
        """Of a game; `competitive` are the players' truthful payoffs (:meth:`Game.competitive`)."""
        tensor = tabulate(source)
        totals = [float(e.payoffs.sum()) for e in pure_equilibria(tensor)]
        return cls(
            competitive=float(np.sum(competitive)),
            nash_low=min(totals, default=float("nan")),
            nash_high=max(totals, default=float("nan")),
            joint=joint_optimum(tensor).total,
        )

    def indices(self, payoffs: Sequence[float] | np.ndarray) -> dict[str, float]:
        """Collusion indices of the players' payoffs against each benchmark (:func:`collusion_index`).

        Against competition alone every static Nash outcome looks like collusion; a price is above what
        rivalry without threats explains only where the index against `nash_high` is positive.
        """
        total = float(np.sum(payoffs))
        return {
            name: collusion_index(total, getattr(self, name), self.joint)
            for name in ("competitive", "nash_low", "nash_high")
        }

    def compare(self, payoffs: Sequence[float] | np.ndarray, level: float = 0.95) -> pd.DataFrame:
        """What was learned beside every benchmark, a table to print.

        Parameters
        ----------
        payoffs : (players,), or (seeds, players) such as `Result.limit_profits()` [$].
        level : of Student's interval over seeds.

        Returns
        -------
        Index competitive, nash_low, nash_high, joint. Columns: profit and learned (all players, mean over
        seeds) [$], and the collusion index against the benchmark with its interval, `low` to `high`; NaN
        where there is no such equilibrium, or no room between it and the joint optimum.
        """
        totals = np.atleast_2d(np.asarray(payoffs, dtype=float)).sum(axis=1)
        rows = {}
        for name in ("competitive", "nash_low", "nash_high", "joint"):
            benchmark = getattr(self, name)
            profit = 0.0 if abs(benchmark) <= 1e-12 * (1 + abs(self.joint)) else benchmark
            found = [collusion_index(t, benchmark, self.joint) for t in totals]
            index = Interval(*[np.nan] * 4) if np.isnan(found).any() else mean_interval(found, level)
            rows[name] = [profit, float(totals.mean()), index.estimate, index.low, index.high]
        return pd.DataFrame.from_dict(rows, "index", columns=["profit", "learned", "index", "low", "high"])


def collusion_index(payoff: float, benchmark: float, joint: float) -> float:
    """Δ = (payoff − benchmark)/(joint − benchmark): 0 at the benchmark, 1 at the joint optimum.

    NaN where the two do not differ. Calvano et al., AER 110(10) (2020), eq. (9), with the static Nash profit.
    """
    room = joint - benchmark
    scale = 1e-12 * (1 + abs(joint) + abs(benchmark))
    return float("nan") if not abs(room) > scale else (payoff - benchmark) / room


def margins(outcome: Outcome, truth: Book, competitive: Outcome | None = None) -> pd.DataFrame:
    """Price–cost margins of the sellers, per participant and period.

    The period-by-period form of :func:`clearing.monitor.lerner`, with the competitive price beside it.

    Parameters
    ----------
    outcome : what was cleared.
    truth : the same orders at true cost, such as `game.book`.
    competitive : the clearing of `truth`.

    Returns
    -------
    Index (participant, period): sold_mw, price (mean LMP of what is sold), marginal_cost (of the dearest
    accepted order of each unit, weighted by sales), margin [$/MWh], lerner (margin/price); with
    `competitive` also competitive_price (at the same buses and weights) and over_competitive.
    """
    book, rows, t = outcome.book, outcome.book.column_row, outcome.book.column_period
    sells = np.flatnonzero(book.side[rows] == SELL)
    _check_same(truth, book)
    bus, mw = outcome.column_bus[sells], np.maximum(outcome.accepted_mw[sells], 0.0)
    row = truth.column_row[sells]
    runs = mw > 1e-9 * (1 + book.mw[rows[sells]])
    keys = ["participant", "period"]
    frame = pd.DataFrame(
        {
            "participant": [book.participants[k] for k in rows[sells].tolist()],
            "period": t[sells],
            "unit": [book.units[k] for k in rows[sells].tolist()],
            "sold_mw": mw,
            "price": outcome.column_price[sells] * mw,
            "marginal_cost": np.where(runs, truth.price[row] + truth.slope[row] * mw, -np.inf),
        }
    )
    how = {"sold_mw": "sum", "price": "sum", "marginal_cost": "max"}
    if competitive is not None:
        frame["competitive_price"] = competitive.lmp[bus, t[sells]] * mw
        how["competitive_price"] = "sum"
    units = frame.groupby([*keys, "unit"], sort=False).agg(how)
    units["marginal_cost"] *= units["sold_mw"].where(units["marginal_cost"] > -np.inf)
    table = units.groupby(keys, sort=False).sum()
    sold = table["sold_mw"].where(table["sold_mw"] > 0)
    for name in table.columns[1:]:
        table[name] = table[name] / sold
    table["margin"] = table["price"] - table["marginal_cost"]
    table["lerner"] = (table["margin"] / table["price"]).where(table["price"] != 0)
    if competitive is not None:
        table["over_competitive"] = table["price"] - table["competitive_price"]
    return table


def withholding(outcome: Outcome, truth: Book) -> pd.DataFrame:
    """MW that the sellers keep from the market, per participant and period.

    Physically: what is not offered. Economically, the output gap: what is offered and worth its true cost at
    the price of its bus, and yet not accepted, because it is offered above cost. A unit at the margin of its
    true cost has no gap, nor has one that a ramp or the like holds back at its own offer (its price does not
    reward more).

    Parameters
    ----------
    outcome : what was cleared.
    truth : the same orders at true cost and full capacity, such as `game.book`.

    Returns
    -------
    Index (participant, period): capacity_mw, offered_mw, sold_mw, physical_mw, economic_mw.

    Source: P. Joskow and E. Kahn, The Energy Journal 23(4) (2002), 1-35; the output gap of American market
    monitors' reports.
    """
    book, t = outcome.book, outcome.book.column_period
    _check_same(truth, book)
    rows = book.column_row
    sells = np.flatnonzero(book.side[rows] == SELL)
    row, true = rows[sells], truth.column_row[sells]
    price = outcome.column_price[sells]
    offered, sold, capacity = book.mw[row], np.maximum(outcome.accepted_mw[sells], 0.0), truth.mw[true]
    room = price - truth.price[true]
    slope = truth.slope[true]
    pays = room > 1e-6 * (1 + np.abs(price))
    wanted = np.where(slope > 0, np.minimum(room / np.where(slope > 0, slope, 1.0), offered), offered)
    gap = np.where(pays, np.maximum(wanted - sold, 0.0), 0.0)
    frame = pd.DataFrame(
        {
            "participant": [book.participants[k] for k in row.tolist()],
            "period": t[sells],
            "capacity_mw": capacity,
            "offered_mw": offered,
            "sold_mw": sold,
            "physical_mw": np.maximum(capacity - offered, 0.0),
            "economic_mw": np.where(gap > 1e-6 * (1 + offered), gap, 0.0),
        }
    )
    return frame.groupby(["participant", "period"], sort=False).sum()


def surplus_transfer(
    outcome: Outcome, truth: Book, competitive: Outcome, rule: SettlementRule = "lmp"
) -> pd.Series:
    """Who gained and who lost against competition, all at true costs and values [$].

    Consumers (fixed demand included, by what it pays), producers, the operator's rents, and welfare; the
    three add up to the change of welfare, which is the deadweight loss with a minus sign.
    """
    now, then = settle(outcome, truth, rule), settle(competitive, truth, rule)

    def consumers(s: object) -> float:
        return s.consumer_surplus - float(s.fixed_paid.sum())  # type: ignore[attr-defined]

    change = {
        "consumers": consumers(now) - consumers(then),
        "producers": now.producer_surplus - then.producer_surplus,
        "operator": now.merchandising_surplus - then.merchandising_surplus,
    }
    return pd.Series({**change, "welfare": sum(change.values())}, name="$")


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval.

    Attributes
    ----------
    estimate, low, high : of the mean, or of the difference of two.
    level : confidence, such as 0.95.
    p_value : of no difference, NaN where nothing is tested.
    """

    estimate: float
    low: float
    high: float
    level: float
    p_value: float = float("nan")


def mean_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Student's interval of the mean over seeds; infinite from a single one."""
    x = _sample(values, "values")
    if len(x) == 1:
        return Interval(float(x[0]), -np.inf, np.inf, level)
    half = float(stats.t.ppf(0.5 + level / 2, len(x) - 1) * x.std(ddof=1) / np.sqrt(len(x)))
    return Interval(float(x.mean()), float(x.mean()) - half, float(x.mean()) + half, level)


def welch_interval(
    a: Sequence[float] | np.ndarray, b: Sequence[float] | np.ndarray, level: float = 0.95
) -> Interval:
    """Mean of a less mean of b with Welch's interval and p-value; variances may differ."""
    x, y = _sample(a, "a", 2), _sample(b, "b", 2)
    found = stats.ttest_ind(x, y, equal_var=False)
    ends = found.confidence_interval(level)
    return Interval(float(x.mean() - y.mean()), float(ends.low), float(ends.high), level, float(found.pvalue))


def bootstrap_interval(
    values: Sequence[float] | np.ndarray,
    rng: np.random.Generator,
    level: float = 0.95,
    statistic: Callable[..., np.ndarray] = np.mean,
    draws: int = 9999,
) -> Interval:
    """Percentile bootstrap of a statistic (with an `axis` argument) over seeds."""
    x = _sample(values, "values")
    picks = x[rng.integers(len(x), size=(draws, len(x)))]
    low, high = np.quantile(statistic(picks, axis=1), [0.5 - level / 2, 0.5 + level / 2])
    return Interval(float(statistic(x, axis=0)), float(low), float(high), level)


def _check_same(truth: Book, book: Book) -> None:
    if truth.orders != book.orders or not np.array_equal(truth.order_period, book.order_period):
        raise InputError("truth holds other orders than the outcome's book; give the same at true cost")


def _sample(values: Sequence[float] | np.ndarray, name: str, least: int = 1) -> np.ndarray:
    x = np.asarray(values, dtype=float)
    if x.ndim != 1 or len(x) < least or not np.isfinite(x).all():
        raise InputError(f"{name}: give at least {least} finite numbers, one per seed")
    return x
