"""Who pays whom after a clearing: payments, surpluses, rents, redispatch and uplift.

Every rule is one formula with its own price p, schedule s and accepted MW x of an order::

    money = (p·s + own price of the move from s to x) × hours

`lmp`: p the locational price, s = x. `pay_as_bid`: s = 0, so each MW has its order's own price.
`uniform`: p and s from the same book cleared without branch limits, so that what the network moves
is settled at the order's own price: a seller is paid it for more MW and keeps p but pays its own
price back for fewer; a buyer likewise. No order's surplus depends on how it is moved, and the
operator bears the redispatch cost. Source: zonal pricing with discriminatory counter-trading,
P. Holmberg and E. Lazarczyk, "Comparison of congestion management techniques: nodal, zonal and
discriminatory pricing", The Energy Journal 36(2), 2015.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from clearing.book import SELL, Book
from clearing.errors import InputError, NumericalError
from clearing.explaining.diagnosis import linked_islands
from clearing.explaining.wording import names
from clearing.outcome import Outcome
from clearing.settlement_tables import FIXED, SHUNTS, SettlementTables
from clearing.structure import fixed_demand
from networks.checks import freeze_arrays, suggest

SettlementRule = Literal["lmp", "uniform", "pay_as_bid"]
TOLERANCES = {"S1": 1e-6, "S2": 1e-8, "S3": 1e-6}  # of the money that changes hands, docs/laws.md
NO_LOSS = 1e-9  # a loss below this share of the offered cost is rounding


@dataclass(frozen=True, eq=False)
class Settlement(SettlementTables):
    """Payments of one outcome under one rule; all money in $ over the book's periods.

    Attributes
    ----------
    outcome, rule : what was settled, and how.
    book : the orders at whose prices cost and utility are counted.
    price : (buses, periods) price of energy [$/MWh]: LMP, uniform price, or the average price of
        accepted sales, which fixed demand pays under pay-as-bid. 0 where none exists.
    schedule_mw : (order columns,) MW settled at that price; the rest has the order's own price.
    order_paid : (order columns,) what a sale receives or a purchase pays; a sale that withdraws receives
        less than 0.
    order_worth : (order columns,) cost of a sale, utility of a purchase.
    fixed_mw, fixed_paid, shunt_paid : (buses, periods) fixed demand and what it and shunts pay.
    branch_rent : (branches, periods) shadow price × flow; shift_rent : what of it phase shifters
        drive, −shadow price × shift flow. Zero unless the rule is "lmp".
    link_rent : (links, periods) worth of what arrives less that of what is sent; under "uniform" of the
        schedule.
    redispatch_paid : (order columns,) part of `order_paid` for MW moved away from the schedule.
    uplift_units, uplift_paid : make-whole payments by (participant, unit).
    schedule : the outcome without branch limits under "uniform", else None.
    identities : name → residual of S1 to S3, divided by 1 + the money that changes hands.
    notes : sentences the user should know.
    """

    outcome: Outcome
    rule: SettlementRule
    book: Book
    price: np.ndarray
    schedule_mw: np.ndarray
    order_paid: np.ndarray
    order_worth: np.ndarray
    fixed_mw: np.ndarray
    fixed_paid: np.ndarray
    shunt_paid: np.ndarray
    branch_rent: np.ndarray
    shift_rent: np.ndarray
    link_rent: np.ndarray
    redispatch_paid: np.ndarray
    uplift_units: tuple[tuple[Hashable, Hashable], ...]
    uplift_paid: np.ndarray
    merchandising_surplus: float
    schedule: Outcome | None
    identities: dict[str, float]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        freeze_arrays(self)


def settle(outcome: Outcome, book: Book | None = None, rule: SettlementRule = "lmp") -> Settlement:
    """Settle an outcome.

    Parameters
    ----------
    book : the same orders at the prices by which cost and utility are counted (true costs, say);
        the cleared book by default. Payments always follow the cleared book.
    rule : "lmp"; "uniform" (one price per island as if no branch had a limit; orders moved by the
        network are settled at their own price); "pay_as_bid" (each order at its own price, area
        under a sloped one; fixed demand pays the average price of accepted sales of the islands
        that links join to its own).

    Notes
    -----
    Fixed demand and shunts are participants of their own and have no utility. Constant costs are
    in `outcome.cost` only. Ramp limits earn no rent. What links lose is part of their rents; under
    "pay_as_bid", which has none, the operator bears it.

    Uplift makes a unit whole whose accepted sales cost more, over all periods, than they are paid:
    max(0, Σ offered cost − Σ receipts) per participant and unit, only for units with a minimum
    output or a ramp limit (no other can lose). The operator pays it out of the merchandising surplus.

    Where no price exists (every order's MW is fixed by the book, or nothing is traded), energy
    changes hands at 0 $/MWh; a must-run unit then recovers its offered cost as uplift.

    Raises
    ------
    InputError
        an unknown rule, or a book with other orders.
    NumericalError
        an identity of docs/laws.md is violated: S1 merchandising surplus = rents − redispatch cost,
        S2 utility − cost = all surpluses − payment of fixed demand, S3 the money balances.
    """
    if rule not in get_args(SettlementRule):
        raise InputError(
            f"rule is {rule!r}{suggest(rule, get_args(SettlementRule))}; "
            f"use one of {', '.join(map(repr, get_args(SettlementRule)))}"
        )
    cleared = outcome.book
    book = cleared if book is None else book
    _check_orders(cleared, book)
    hours, grid, rows = cleared.hours, outcome.grid, cleared.column_row
    x, fixed = outcome.accepted_mw, fixed_demand(cleared, grid)
    schedule, schedule_mw, price, notes = _price_energy(outcome, rule, fixed)
    side = cleared.side[rows]
    own = side * cleared.offered_cost(x) + 0.0  # no negative zero
    redispatch = own - side * cleared.offered_cost(schedule_mw)
    bus, period = outcome.column_bus, cleared.column_period
    paid = price[bus, period] * schedule_mw + redispatch
    sign = -side  # what buyers pay comes in, what sellers get goes out
    withdrawn = fixed.copy()
    np.add.at(withdrawn, (bus, period), sign * schedule_mw)
    surplus = float((price * withdrawn).sum() + (sign * redispatch).sum())
    branch, shift, link = _rents(outcome, rule, schedule, price)
    units, uplift = _make_whole(cleared, own, paid)
    shunt = np.repeat(grid.shunt_mw[:, None], cleared.periods, axis=1)
    worth = side * book.offered_cost(x) + 0.0
    identities = _identities(
        surplus=surplus,
        rents=branch.sum() + shift.sum() + link.sum() + (sign * redispatch).sum()
        if rule != "pay_as_bid"
        else outcome.welfare / hours + (price * fixed).sum(),
        sides=(sign * paid, (price * fixed).ravel(), sign * worth),
    )
    return Settlement(
        outcome=outcome,
        rule=rule,
        book=book,
        price=price,
        schedule_mw=schedule_mw,
        order_paid=paid * hours,
        order_worth=worth * hours,
        fixed_mw=fixed - shunt,
        fixed_paid=price * (fixed - shunt) * hours,
        shunt_paid=price * shunt * hours,
        branch_rent=branch * hours,
        shift_rent=shift * hours,
        link_rent=link * hours,
        redispatch_paid=(redispatch if rule == "uniform" else np.zeros(len(x))) * hours,
        uplift_units=units,
        uplift_paid=uplift * hours,
        merchandising_surplus=surplus * hours,
        schedule=schedule,
        identities=identities,
        notes=notes,
    )


def _check_orders(cleared: Book, book: Book) -> None:
    same = cleared is book or (
        (cleared.orders, cleared.periods, cleared.hours) == (book.orders, book.periods, book.hours)
        and np.array_equal(cleared.side, book.side)
        and np.array_equal(cleared.order_period, book.order_period)
    )
    if not same:
        raise InputError(
            "book holds other orders than the one that was cleared; give the same orders, sides and periods "
            "(only prices and slopes may differ)"
        )
    taken = {FIXED, SHUNTS} & set(cleared.participants)
    if taken:
        name = sorted(taken, key=str)[0]
        raise InputError(f"table 'orders': participant {name!r} is a reserved name in settlements; rename it")


def _price_energy(
    outcome: Outcome, rule: SettlementRule, fixed: np.ndarray
) -> tuple[Outcome | None, np.ndarray, np.ndarray, tuple[str, ...]]:
    """The schedule's outcome, the MW settled at the price of energy, that price, and notes."""
    if rule == "pay_as_bid":
        return None, np.zeros(len(outcome.accepted_mw)), _average_price(outcome), ()
    scheduled = _without_limits(outcome) if rule == "uniform" else outcome
    notes: tuple[str, ...] = ()
    traded = np.abs(fixed)
    np.add.at(traded, (scheduled.column_bus, scheduled.book.column_period), scheduled.accepted_mw)
    silent = ~scheduled.priced & (traded > 0)
    if silent.any():
        buses = [outcome.grid.buses[n] for n in np.flatnonzero(silent.any(axis=1))]
        notes = (f"no price exists at {names(buses, 'bus', 'buses')}: energy is settled at 0 $/MWh there",)
    price = np.where(scheduled.priced, scheduled.lmp, 0.0)
    return scheduled if rule == "uniform" else None, scheduled.accepted_mw, price, notes


def _without_limits(outcome: Outcome) -> Outcome:
    """The same book cleared as if no branch had a limit; links and ramps keep theirs."""
    from clearing.nodal import NodalMarket

    return NodalMarket(outcome.grid.without_limits(), outcome.price_rule).clear(outcome.book)


def _average_price(outcome: Outcome) -> np.ndarray:
    """(buses, periods) offered cost per MWh of accepted sales, over islands that links join."""
    grid, book = outcome.grid, outcome.book
    group = linked_islands(grid)
    sold = (book.side[book.column_row] == SELL) & (outcome.accepted_mw > 0)
    where = group[outcome.column_bus[sold]], book.column_period[sold]
    mw, money = np.zeros((2, group.max() + 1, book.periods))
    np.add.at(mw, where, outcome.accepted_mw[sold])
    np.add.at(money, where, book.offered_cost(outcome.accepted_mw)[sold])
    return np.divide(money, mw, out=np.zeros_like(mw), where=mw > 0)[group]


def _rents(
    outcome: Outcome, rule: SettlementRule, schedule: Outcome | None, price: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Congestion rents, phase shifters' term and link rents [$/h]."""
    grid = outcome.grid
    none = np.zeros(outcome.flow_mw.shape)
    link_mw = (outcome if schedule is None else schedule).link_mw
    arrives = (1.0 - grid.link_loss)[:, None]
    link = (arrives * price[grid.link_to] - price[grid.link_from]) * link_mw
    if rule == "pay_as_bid":
        return none, none, np.zeros(link.shape)
    if rule == "uniform":
        return none, none, link
    dual = np.nan_to_num(outcome.flow_dual)
    return dual * outcome.flow_mw, -dual * grid.flow.shift_flow_mw[:, None], link


def _make_whole(
    book: Book, own: np.ndarray, paid: np.ndarray
) -> tuple[tuple[tuple[Hashable, Hashable], ...], np.ndarray]:
    """(participant, unit) pairs that lose over the horizon because of a minimum or a ramp, and how much."""
    limited = np.isfinite(book.ramp_up_mw) | np.isfinite(book.ramp_down_mw)
    ramped = {unit for unit, flag in zip(book.ramp_units, limited.tolist(), strict=True) if flag}
    bound = {unit for unit, mw in zip(book.units, book.min_mw.tolist(), strict=True) if mw > 0} | ramped
    pairs = list(zip(book.participants, book.units, strict=True))
    sells = (book.side == SELL).tolist()
    known = dict.fromkeys(p for p, sale in zip(pairs, sells, strict=True) if sale and p[1] in bound)
    number = {pair: k for k, pair in enumerate(known)}
    owner = np.array([number.get(p, -1) if s else -1 for p, s in zip(pairs, sells, strict=True)], dtype=int)
    owner = owner[book.column_row]
    chosen = owner >= 0
    loss, scale = np.zeros((2, len(number)))
    np.add.at(loss, owner[chosen], (own - paid)[chosen])
    np.add.at(scale, owner[chosen], np.abs(own)[chosen])
    losing = loss > NO_LOSS * (1.0 + scale)
    return tuple(p for p, flag in zip(number, losing.tolist(), strict=True) if flag), loss[losing]


def _identities(
    surplus: float, rents: float, sides: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> dict[str, float]:
    """Residuals of S1 to S3; `sides`: signed money of orders, of fixed demand, and worth of orders."""
    orders, fixed, worth = sides
    scale = 1.0 + float(np.abs(orders).sum() + np.abs(fixed).sum() + np.abs(worth).sum())
    kept = float((worth - orders).sum())  # consumers' and producers' surplus
    residuals = {
        "S1": surplus - rents,
        "S2": float(worth.sum()) - (kept + surplus - float(fixed.sum())),
        "S3": float(orders.sum() + fixed.sum()) - surplus,
    }
    scaled = {name: abs(float(value)) / scale for name, value in residuals.items()}
    for name, value in scaled.items():
        if not value <= TOLERANCES[name]:
            raise NumericalError(
                f"settlement: identity {name} is off by {value:.1e} of {TOLERANCES[name]:.0e}"
            )
    return scaled
