"""Why a price is what it is: who serves one more MW at a bus, and which limits make it dear.

The price of one more MW is an exact one-sided derivative: the least cost of a direction of dispatch
(:mod:`clearing.pricing.directions`); with the duals of the outcome it splits into energy and congestion.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.errors import InputError
from clearing.explaining.wording import explain_in_words
from clearing.pricing.directions import Direction, Directions
from clearing.pricing.exact import NO_EFFECT
from networks.checks import shown, suggest

if TYPE_CHECKING:
    from clearing.outcome import Outcome

NO_OUTPUT = 1e-9  # share of an order below which what it withdraws is rounding
NO_RENT = 1e-9  # share of the greatest price below which a shadow price is none
SAME_PRICE = 1e-7  # share of a price below which two prices are one


@dataclass(frozen=True, eq=False)
class Explanation:
    """The price of one bus in one period.

    Attributes
    ----------
    bus, period, periods : which price, of how many periods.
    price : the price used, by `price_rule` [$/MWh]; NaN where there is none.
    low, high : what one MW less saves and one MW more costs [$/MWh]; −inf and inf where no order
        can give way. Equal where the price is unique.
    energy, congestion : the island's load-weighted mean price, and the rest [$/MWh].
    served_mw : demand served in the bus's island in this period [MW].
    weights : index order: participant, unit, bus, period, side ("buy" also for a sale that accepts less
        than 0 MW: it withdraws), mw (change of what the order sells or buys per MW of demand more), weight
        (MW served: +mw of a sale, −mw of a purchase), marginal_price [$/MWh].
        Weights sum to 1 in the period (to 0 in others that ramps join) but for what links lose, and
        Σ weight·marginal_price = `high`. Empty where nobody can serve one MW more.
    branches : index branch, those of the bus's island at their limits, greatest part first: flow_mw,
        limit_mw, shadow_price (positive at the high limit, negative at the low), contribution
        [$/MWh], binds (whether it limits who serves one MW more). Contributions sum to `congestion`.
    ramps : index (unit, period): limit_mw ("up" positive, "down" negative), shadow_price [$/MWh],
        binds; the ramp limits that are met in the periods that bear on this price.
    """

    bus: Hashable
    period: int
    periods: int
    price: float
    low: float
    high: float
    energy: float
    congestion: float
    served_mw: float
    price_rule: str
    weights: pd.DataFrame = field(repr=False)
    branches: pd.DataFrame = field(repr=False)
    ramps: pd.DataFrame = field(repr=False)

    @cached_property
    def sentence(self) -> str:
        """The price in plain words."""
        return explain_in_words(self)

    @property
    def unique(self) -> bool:
        """Whether one MW more costs what one MW less saves."""
        return bool(self.high - self.low <= SAME_PRICE * (1.0 + abs(self.price)))

    def __str__(self) -> str:
        return self.sentence


def explain_price(outcome: Outcome, bus: Hashable, period: int = 0) -> Explanation:
    """Explain the price at a bus.

    Raises
    ------
    InputError
        a bus that the grid does not have, or a period that the book does not have.
    """
    grid, book = outcome.grid, outcome.book
    known = grid.bus_position
    try:
        at = known[bus]
    except (KeyError, TypeError):
        raise InputError(
            f"bus {bus!r} is not a bus of the grid{suggest(bus, known)}; use its label"
        ) from None
    whole = isinstance(period, (int, np.integer)) and not isinstance(period, bool)
    if not whole or not 0 <= period < book.periods:
        raise InputError(
            f"period is {shown(period)}; the book has {book.periods}: give 0 to {book.periods - 1}"
        )
    t = int(period)
    directions = Directions(outcome.face, at, t)
    more, less = directions.serve(1.0), directions.serve(-1.0)
    energy, price = float(outcome.energy[at, t]), float(outcome.lmp[at, t])
    return Explanation(
        bus=grid.buses[at],
        period=t,
        periods=book.periods,
        price=price,
        low=-less.cost,
        high=more.cost,
        energy=energy,
        congestion=price - energy,
        served_mw=_served(outcome, at, t),
        price_rule=outcome.price_rule,
        weights=_weigh(outcome, more),
        branches=_met_branches(outcome, at, t, more),
        ramps=_met_ramps(outcome, directions.periods, more),
    )


def _served(outcome: Outcome, bus: int, period: int) -> float:
    """Positive fixed demand and accepted bids of the bus's island [MW]."""
    reduced = outcome.face.reduced
    island = outcome.grid.flow.island == outcome.grid.flow.island[bus]
    bids = outcome.is_demand & (outcome.book.column_period == period) & island[outcome.column_bus]
    fixed = np.maximum(reduced.fixed[island, period], 0.0).sum() * reduced.quantity
    return float(fixed + outcome.accepted_mw[bids].sum())


def _weigh(outcome: Outcome, more: Direction) -> pd.DataFrame:
    book, side = outcome.book, outcome.book.side[outcome.book.column_row]
    moved = np.flatnonzero(more.change[: len(side)])
    frame = outcome.accepted.iloc[moved][["participant", "unit", "bus", "period", "side"]].copy()
    weight = side[moved] * more.change[moved]
    takes = side[moved] * outcome.accepted_mw[moved] < -NO_OUTPUT * (1.0 + book.mw[book.column_row[moved]])
    takes |= side[moved] < 0
    frame["side"] = np.where(takes, "buy", "sell")
    frame["mw"] = np.where(takes, -weight, weight)
    frame["weight"] = weight
    rows = book.column_row[moved]
    frame["marginal_price"] = (
        book.price[rows] + side[moved] * book.slope[rows] * outcome.accepted_mw[moved] + 0.0
    )
    order = np.lexsort((-np.abs(frame["weight"].to_numpy()), frame["period"].to_numpy()))
    return frame.iloc[order]


def _met_branches(outcome: Outcome, bus: int, period: int, more: Direction) -> pd.DataFrame:
    """Contribution −μ_l·(H_l,bus − load-weighted mean of H_l) of each branch at its limit."""
    grid, face = outcome.grid, outcome.face
    island = grid.flow.island == grid.flow.island[bus]
    limited = face.reduced.structure.limited
    lines = face.limits.flow[face.limits.flow[:, 1] == period, 0]
    lines = lines[island[grid.from_bus[limited[lines]]]]
    branches = limited[lines]
    weights = np.where(island, face.weights[:, period], 0.0)
    factors = face.reduced.ptdf(lines)
    against_mean = factors[:, bus] - factors @ weights / weights.sum()
    against_mean[np.abs(against_mean) < NO_EFFECT] = 0.0
    dual = outcome.flow_dual[branches, period]
    dual = np.where(np.abs(dual) > NO_RENT * (1.0 + np.nanmax(np.abs(outcome.lmp), initial=0.0)), dual, 0.0)
    low, high = grid.flow_bounds_mw
    flow = outcome.flow_mw[branches, period]
    frame = pd.DataFrame(
        {
            "flow_mw": flow,
            "limit_mw": np.where(np.abs(flow - high[branches]) <= np.abs(flow - low[branches]),
                                 high[branches], low[branches]),
            "shadow_price": dual,
            "contribution": -dual * against_mean + 0.0,
            "binds": [(line, period) in more.flows for line in lines.tolist()],
        },
        index=pd.Index([grid.branches[k] for k in branches], name="branch"),
    )  # fmt: skip
    return frame.iloc[np.argsort(-frame["contribution"].abs().to_numpy(), kind="stable")]


def _met_ramps(outcome: Outcome, periods: np.ndarray, more: Direction) -> pd.DataFrame:
    face = outcome.face
    met = face.limits.ramp[np.isin(face.limits.ramp[:, 1], periods)]
    unit, t = met.T
    reduced, book = face.reduced, outcome.book
    change = (reduced.ramp_matrix @ face.x).reshape(reduced.ramp_high.shape)[unit, t]
    up = np.abs(reduced.ramp_high[unit, t] - change) <= np.abs(change - reduced.ramp_low[unit, t])
    place = {name: k for k, name in enumerate(book.ramp_units)}
    rows = np.array([place[outcome.ramp_units[u]] for u in unit.tolist()], dtype=np.int64)
    labels = [[outcome.ramp_units[u] for u in unit.tolist()], t.tolist()]
    return pd.DataFrame(
        {
            "limit_mw": np.where(up, book.ramp_up_mw[rows], -book.ramp_down_mw[rows]),
            "shadow_price": outcome.ramp_dual[unit, t],
            "binds": [tuple(key) in set(more.ramps) for key in met.tolist()],
        },
        index=pd.MultiIndex.from_arrays(labels, names=["unit", "period"]),
    )
