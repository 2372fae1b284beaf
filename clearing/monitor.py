"""Tests of market power on a book: concentration, residual supply, pivotal suppliers, margins, deviations.

Structure first (who could), then conduct (what it would pay). Shares are of offered sales. Demand is what
law 2 says: positive fixed demand, and purchases of units that sell nothing in the period. What a store takes
is none, since it can be done without. Fixed injections are supply that nobody can withhold. Sources:
Herfindahl and Hirschman's index; the residual supply index of A. Sheffrin (California ISO, 2002);
the three-pivotal-supplier test of PJM's tariff as its market monitor reports it; A. P. Lerner, "The
concept of monopoly and the measurement of monopoly power", Review of Economic Studies 1(3), 1934.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clearing.book import EVERY_PERIOD, SELL, Book
from clearing.errors import InfeasibleError, InputError
from clearing.market import Market
from clearing.outcome import Outcome
from networks.checks import frozen, number, suggest, whole

LEAST_FACTOR = 0.03
"""Transfer factors below this count as no relief (PJM)."""

ROUNDING = 1e-9
"""Margins below this, relative to 1 + the price, are 0, and an index this near to 1 is 1."""

DEAREST_RELIEF = 1.5
"""Relief that costs more than this multiple of what relief is worth is not counted (PJM)."""


def supply(book: Book, period: int = 0) -> pd.Series:
    """Offered MW by participant in a period, in the order of their first sale.

    Of a unit that can also withdraw, what it can inject.
    """
    _check_period(book, period)
    held = (book.side == SELL) & ((book.order_period == EVERY_PERIOD) | (book.order_period == period))
    rows = np.flatnonzero(held)
    frame = pd.Series(book.mw[rows], index=pd.Index([book.participants[k] for k in rows], name="participant"))
    return frame.groupby(level=0, sort=False).sum().rename("supply_mw")


def demand(book: Book, period: int = 0) -> float:
    """Positive fixed demand, and all bids of units that sell nothing, in a period [MW].

    Rows of the table `fixed` at one bus add up before their sign is read.
    """
    bids = book.column_demand & (book.column_period == period)
    return float(np.maximum(_fixed(book, period), 0.0).sum() + book.mw[book.column_row[bids]].sum())


def injected(book: Book, period: int = 0) -> float:
    """Negative fixed demand of a period, which is supply that nobody can withhold [MW]."""
    return float(np.maximum(-_fixed(book, period), 0.0).sum())


def _fixed(book: Book, period: int) -> np.ndarray:
    """(buses with a row,) fixed demand of a period, rows of one bus added up [MW]."""
    _check_period(book, period)
    rows = np.flatnonzero((book.fixed_period == EVERY_PERIOD) | (book.fixed_period == period))
    number = {bus: k for k, bus in enumerate(dict.fromkeys(book.fixed_bus[k] for k in rows))}
    return np.bincount([number[book.fixed_bus[k]] for k in rows], book.fixed_mw[rows], len(number))


def concentration(mw: pd.Series | np.ndarray) -> float:
    """Herfindahl-Hirschman index Σ (100 sᵢ)² of the shares in `mw`: 10 000 for one seller, NaN for none."""
    values = np.asarray(mw, dtype=float)
    total = values.sum()
    return float(((100.0 * values / total) ** 2).sum()) if total > 0 else float("nan")


def residual_supply(book: Book, period: int = 0, demand_mw: float | None = None) -> pd.DataFrame:
    """Who could be done without, ignoring the grid; index participant.

    Columns: supply_mw, share (of offers), rsi = (total − own) / demand, where fixed injections belong to the
    total, unserved_without_mw (demand that nobody else could serve), pivotal (where that is above 0: rsi <
    1), rsi3 = (total − own − two largest others) / demand, and fails_three (rsi3 ≤ 1, the
    three-pivotal-supplier test: with three sellers or fewer all fail, unless fixed injections serve
    demand). Infinite without demand.
    """
    own = supply(book, period)
    needed = demand(book, period) if demand_mw is None else number("demand_mw", demand_mw, "MW", minimum=0.0)
    rsi, rsi3 = _residual_indices(own.to_numpy(), needed, injected(book, period))
    unserved = np.maximum(1.0 - rsi, 0.0) * needed
    total = float(own.sum())
    return pd.DataFrame(
        {
            "supply_mw": own,
            "share": own / total if total > 0 else own * np.nan,
            "rsi": rsi,
            "unserved_without_mw": unserved,
            "pivotal": unserved > 0,
            "rsi3": rsi3,
            "fails_three": rsi3 <= 1.0,
        }
    )


def _residual_indices(
    own: np.ndarray, needed: float, others_mw: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """RSI of each supplier alone, and jointly with the two largest others, beside what nobody withholds."""
    largest = np.sort(own)[::-1]
    top = np.append(largest, [0.0, 0.0, 0.0])[:3]
    order = np.argsort(-own, kind="stable")
    others = np.full(len(own), top[0] + top[1])
    for rank, k in enumerate(order[:2]):
        others[k] = top[:3].sum() - top[rank]
    left = others_mw + np.stack([own.sum() - own, own.sum() - own - others])
    rsi, rsi3 = supply_index(left, np.array(needed))
    return rsi, rsi3


def supply_index(left: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Residual supply over what is needed: infinite where next to nothing is; 1 where only rounding
    tells it from 1, supply that just suffices."""
    with np.errstate(over="ignore"):
        index = np.divide(left, needed, out=np.full(left.shape, np.inf), where=needed > 0)
    return np.where(np.abs(index - 1.0) <= ROUNDING, 1.0, index)


def three_pivotal_suppliers(
    outcome: Outcome, branch: Hashable, relief_mw: float, period: int = 0, worth: float | None = None
) -> pd.DataFrame:
    """Whether the relief of a loaded branch is competitive; index participant.

    A unit's relief is |dfax|·(offered − accepted) MW where more output at its bus, in place of the
    accepted output of its island pro rata, unloads the branch in the direction of its flow. Factors
    below 0.03 are left out, and relief dearer than 1.5 times `worth`, the price of one MW of relief
    [$/MWh] (by default the branch's shadow price; where that is 0, nothing is left out). Columns:
    relief_mw, rsi3 = (all − own − two largest others) / `relief_mw`, fails_three (rsi3 ≤ 1).
    """
    grid, book = outcome.grid, outcome.book
    _check_period(book, period)
    if branch not in grid.branches:
        raise InputError(
            f"branch is {branch!r}, which the grid does not have{suggest(branch, grid.branches)}"
        )
    needed = number("relief_mw", relief_mw, "MW, above 0", above=0)
    row = grid.branches.index(branch)
    factors = grid.flow.ptdf_rows(np.array([row]))[0]
    chosen = (book.side[book.column_row] == SELL) & (book.column_period == period)
    bus = outcome.column_bus[chosen]
    factors = factors - _displaced_factor(outcome, factors, period)
    unloads = -np.sign(outcome.flow_mw[row, period]) * factors[bus]
    rows = book.column_row[chosen]
    spare = book.mw[rows] - outcome.accepted_mw[chosen]
    price = book.price[rows] - outcome.energy[bus, period]  # the rest of the MW replaces energy elsewhere
    value = abs(float(outcome.flow_dual[row, period])) if worth is None else worth
    useful = (unloads >= LEAST_FACTOR) & (spare > 0)
    if value > 0:
        cost = price / np.where(useful, unloads, 1.0)
        useful &= cost <= DEAREST_RELIEF * value
    names = pd.Index([book.participants[k] for k in rows], name="participant")
    relief = pd.Series(np.where(useful, unloads * spare, 0.0), index=names).groupby(level=0, sort=False).sum()
    relief = relief[relief > 0].rename("relief_mw")
    _, rsi3 = _residual_indices(relief.to_numpy(), needed)
    return pd.DataFrame({"relief_mw": relief, "rsi3": rsi3, "fails_three": rsi3 <= 1.0})


def _displaced_factor(outcome: Outcome, factors: np.ndarray, period: int) -> np.ndarray:
    """(buses,) factor of the output that a MW displaces: what the bus's island injects, pro rata."""
    book, island = outcome.book, outcome.grid.flow.island
    sold = (book.side[book.column_row] == SELL) & (book.column_period == period)
    output = np.zeros(len(factors))
    np.add.at(output, outcome.column_bus[sold], np.maximum(outcome.accepted_mw[sold], 0.0))
    weight = np.bincount(island, output)
    mean = np.bincount(island, output * factors) / np.where(weight > 0, weight, 1.0)
    return mean[island]


def lerner(outcome: Outcome, costs: Book | None = None) -> pd.DataFrame:
    """Margins of the sellers; index participant.

    Columns: sold_mwh, price (mean received), marginal_cost (of the dearest accepted order of each unit,
    weighted by what the unit sells), lerner = (price − marginal_cost) / price, NaN where nothing is sold.
    `costs`: the same orders at true cost; by default the cleared book, so that a price taker's margin
    is only the scarcity of its own limits.
    """
    book = outcome.book
    true = book if costs is None else costs
    if true.orders[: len(book.orders)] != book.orders[: len(true.orders)]:
        raise InputError("costs holds other orders than the cleared book; give the same ones at true cost")
    count = min(len(true.orders), len(book.orders))
    sold = (book.side[book.column_row] == SELL) & (book.column_row < count)
    rows, mw = book.column_row[sold], np.maximum(outcome.accepted_mw[sold], 0.0)  # a store may withdraw
    frame = pd.DataFrame(
        {
            "participant": [book.participants[k] for k in rows],
            "unit": [book.units[k] for k in rows],
            "period": book.column_period[sold],
            "mwh": mw * book.hours,
            "paid": outcome.column_price[sold] * mw * book.hours,
            "cost": np.where(
                mw > 1e-9 * (1 + book.mw[rows]), true.price[rows] + true.slope[rows] * mw, -np.inf
            ),
        }
    )
    units = frame.groupby(["participant", "unit", "period"], sort=False).agg(
        mwh=("mwh", "sum"), paid=("paid", "sum"), cost=("cost", "max")
    )
    units["spent"] = np.where(units["mwh"] > 0, units["cost"], 0.0) * units["mwh"]
    totals = units.groupby(level=0, sort=False)[["mwh", "paid", "spent"]].sum()
    some = totals["mwh"] > 1e-9
    price = (totals["paid"] / totals["mwh"]).where(some)
    cost = (totals["spent"] / totals["mwh"]).where(some)
    margin = (price - cost).mask((price - cost).abs() <= ROUNDING * (1 + price.abs()), 0.0)
    return pd.DataFrame(
        {
            "sold_mwh": totals["mwh"],
            "price": price,
            "marginal_cost": cost,
            "lerner": (margin / price).where(price != 0),
        }
    )


@dataclass(frozen=True, eq=False)
class Deviation:
    """What one participant's deviation does, against its true cost.

    Attributes
    ----------
    profit : receipts at LMP less true cost [$], of what its sales inject or withdraw; sold_mwh : what they
        inject.
    lmp : (buses, periods) [$/MWh]; congestion_rent [$].
    shortage_mwh : fixed demand that cannot be served, priced at the value of lost load.
    """

    profit: float
    sold_mwh: float
    lmp: np.ndarray
    congestion_rent: float
    shortage_mwh: float
    outcome: Outcome

    def __post_init__(self) -> None:
        object.__setattr__(self, "lmp", frozen(self.lmp))


def deviate(
    market: Market[Book, Outcome],
    book: Book,
    participant: Hashable,
    withheld: float = 0.0,
    markup: float = 0.0,
    value_of_lost_load: float = 3000.0,
) -> Deviation:
    """Clear `book`, taken as true cost, with one participant withholding a share or marking up [$/MWh].

    Where the rest cannot serve the fixed demand, the book clears with that demand bid at
    `value_of_lost_load` [$/MWh].

    Raises
    ------
    InputError
        an unknown participant, or a share outside 0 to 1.
    """
    changed = book
    if withheld:
        changed = changed.with_withheld({participant: withheld})
    if markup:
        changed = changed.with_markup({participant: markup})
    try:
        outcome = market.clear(changed)
    except InfeasibleError:
        outcome = market.clear(changed.with_lost_load(value_of_lost_load))
    cleared, true_orders = outcome.book, len(book.orders)
    own = np.array([name == participant or str(name) == str(participant) for name in cleared.participants])
    if not (own[:true_orders] & (book.side == SELL)).any():
        raise InputError(
            f"participant {participant!r} sells nothing in this book{suggest(participant, book.participants)}"
        )
    rows, x = cleared.column_row, outcome.accepted_mw
    mine = own[rows] & (cleared.side[rows] == SELL)
    mw, which = x[mine], rows[mine]
    receipts = np.nan_to_num(outcome.column_price[mine]) * mw
    cost = book.price[which] * mw + 0.5 * book.slope[which] * mw**2
    lost = rows >= true_orders
    return Deviation(
        profit=float((receipts - cost).sum()) * book.hours,
        sold_mwh=float(np.maximum(mw, 0.0).sum()) * book.hours,
        lmp=outcome.lmp,
        congestion_rent=float(np.nansum(outcome.flow_dual * outcome.flow_mw)) * book.hours,
        shortage_mwh=float((cleared.mw[rows] - x)[lost].sum()) * book.hours,
        outcome=outcome,
    )


def unserved_without(
    market: Market[Book, Outcome], book: Book, participant: Hashable, value_of_lost_load: float = 3000.0
) -> float:
    """Demand that the grid leaves unserved without a participant's sales [MWh], bids that buy only included.

    The rest of the book clears with all its demand bid at `value_of_lost_load` [$/MWh], so that what is
    dear to serve counts as served. Where no limit of the grid binds and no offer is dearer, it is above 0
    exactly where :func:`residual_supply` calls the participant pivotal in some period.
    """
    own = (book.side == SELL) & np.array([p == participant for p in book.participants], dtype=bool)
    if not own.any():
        raise InputError(
            f"participant {participant!r} sells nothing in this book{suggest(participant, book.participants)}"
        )
    rest = replace(  # what its units may withdraw stays
        book, mw=np.where(own, 0.0, book.mw), min_mw=np.where(own, np.minimum(book.min_mw, 0.0), book.min_mw)
    )
    rest = rest.with_lost_load(value_of_lost_load)
    needed = np.zeros(len(rest.orders), dtype=bool)
    needed[rest.column_row[rest.column_demand]] = True
    dear = np.maximum(rest.price, value_of_lost_load)
    valued = replace(rest, price=np.where(needed, dear, rest.price), slope=np.where(needed, 0.0, rest.slope))
    outcome = market.clear(valued)
    left = (valued.mw[valued.column_row] - outcome.accepted_mw)[valued.column_demand]
    least = ROUNDING * (1.0 + float(valued.mw.max(initial=0.0)))
    return float(left[left > least].sum()) * book.hours


def _check_period(book: Book, period: int) -> None:
    whole("period", period, minimum=0)
    if period >= book.periods:
        raise InputError(f"period is {period}; the book has periods 0 to {book.periods - 1}")
