"""Mitigation as a market rule: offers of sellers that fail a test of market power are capped at cost.

PJM caps the offers of suppliers that fail its three-pivotal-supplier test at cost plus ten per cent. The
tariff's test is one of the relief of a constraint, which is "flows" here (:class:`FlowTest`, our reading of
it); the default "market" is its form for the whole market (:func:`clearing.monitor.residual_supply`), and any
other test can be given.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clearing.book import SELL, Book
from clearing.errors import InputError
from clearing.monitor import residual_supply, three_pivotal_suppliers
from clearing.outcome import Outcome
from networks.checks import number, real_array
from networks.grid import Grid

if TYPE_CHECKING:
    from clearing.nodal import NodalMarket
    from clearing.prepared import Batch, PreparedMarket

ALLOWANCE = 0.10  # over cost (PJM)

Test = Callable[[Book], Iterable[Hashable]]
OVERLOAD = 1e-6  # of 1 + the limit: less than that is no overload
KEPT = 1024  # tests that rounds remember; every one depends on nothing but offered MW and demand


def fails_three_pivotal(book: Book) -> set[Hashable]:
    """Participants without whom, and without the two largest others, demand of some period is not met."""
    failing: set[Hashable] = set()
    for period in range(book.periods):
        table = residual_supply(book, period)
        failing.update(table.index[table["fails_three"].to_numpy(dtype=bool)])
    return failing


@dataclass(frozen=True, eq=False)
class FlowTest:
    """Participants that are jointly pivotal, with the two largest others, for the relief of some branch.

    Our reading of the test (the tariff's wording is not public in the form of equations): what is needed is
    what the dispatch at true cost would put on the branch beyond its limit, were there no limits at all; what
    can be had is each supplier's relief against that dispatch, where it costs no more than 1.5 times the
    branch's shadow price at true cost (:func:`clearing.monitor.three_pivotal_suppliers`). A branch that does
    not bind at true cost is not tested. Two clearings per test.

    Attributes
    ----------
    market : with the limits.
    costs : the orders at true cost.
    """

    market: NodalMarket
    costs: Book

    def __call__(self, book: Book) -> set[Hashable]:
        """Failing participants of a book, whose MW and demand count, not its prices."""
        rows = rows_at_cost(self.costs, book)
        true = replace(book, price=self.costs.price[rows], slope=self.costs.slope[rows])
        limited, free = self.market.clear(true), self._without_limits.clear(true)
        limit = self.market.grid.limit_mw
        failing: set[Hashable] = set()
        for period in range(book.periods):
            over = np.abs(free.flow_mw[:, period]) - limit
            worth = np.abs(limited.flow_dual[:, period])
            tested = np.flatnonzero((over > OVERLOAD * (1 + limit)) & (worth > 0))
            for row in tested.tolist():
                branch, needed = self.market.grid.branches[row], float(over[row])
                table = three_pivotal_suppliers(free, branch, needed, period, float(worth[row]))
                failing.update(table.index[table["fails_three"].to_numpy(dtype=bool)])
        return failing

    @cached_property
    def _without_limits(self) -> NodalMarket:
        from clearing.nodal import NodalMarket

        market = self.market
        grid = replace(market.grid, limit_mw=np.full(len(market.grid.branches), np.inf))
        return NodalMarket(grid, market.price_rule, market.form, market.time_limit, market.require_previous)


def rows_at_cost(costs: Book, book: Book) -> np.ndarray:
    """(rows,) row of each of the book's orders in the book of true costs."""
    known = {(order, t): k for k, (order, t) in enumerate(zip(costs.orders, costs.order_period, strict=True))}
    every = {order: k for (order, t), k in known.items() if t == -1}
    keys = list(zip(book.orders, book.order_period.tolist(), strict=True))
    rows = [known.get(key, every.get(key[0])) for key in keys]
    if None in rows:
        raise InputError(
            f"mitigation: order {book.orders[rows.index(None)]!r} has no true cost; put it into `costs`"
        )
    return np.array(rows, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class MitigatedMarket:
    """A nodal market that caps offers before it clears.

    The test sees offered MW and demand, never prices, so that nobody can talk its way out of it.

    Attributes
    ----------
    market : what clears the capped book.
    costs : the orders at true cost; books are matched to it column by column.
    allowance : caps are cost plus this share of its size.
    test : "market" (residual supply of the whole market), "flows" (relief of each branch that binds), or
        any function book → participants that fail.
    """

    market: NodalMarket
    costs: Book
    allowance: float = ALLOWANCE
    test: Test | Literal["market", "flows"] = "market"

    changes_offers = True

    def __post_init__(self) -> None:
        number("allowance", self.allowance, "shares of cost (0.1)", minimum=0)
        if not (callable(self.test) or self.test in ("market", "flows")):
            raise InputError(f"test is {self.test!r}; use 'market', 'flows', or a function of the book")

    @cached_property
    def find_failing(self) -> Test:
        """The test as a function: book → participants that fail."""
        if self.test == "market":
            return fails_three_pivotal
        return FlowTest(self.market, self.costs) if self.test == "flows" else self.test

    @property
    def grid(self) -> Grid:
        """The network."""
        return self.market.grid

    def capped(self, book: Book) -> Book:
        """The book with the offers of failing participants at no more than their caps, slopes included."""
        failing = set(self.find_failing(book))
        return replace(
            book,
            price=self._cap(book, book.price[None], failing)[0],
            slope=self._slopes(book, book.slope, failing),
        )

    def clear(self, book: Book) -> Outcome:
        """Clear the capped book; errors as :meth:`clearing.NodalMarket.clear`."""
        return self.market.clear(self.capped(book))

    def prepare(self, book: Book) -> MitigatedRounds:
        """The market for rounds of books like `book`: arrays in, arrays out."""
        rows_at_cost(self.costs, book)
        return MitigatedRounds(self, book, self.market.prepare(book))

    def _held(self, book: Book, failing: set[Hashable]) -> np.ndarray:
        return np.array([p in failing for p in book.participants], dtype=bool) & (book.side == SELL)

    def _cap(self, book: Book, price: np.ndarray, failing: set[Hashable]) -> np.ndarray:
        cost = self.costs.price[rows_at_cost(self.costs, book)]
        cap = cost + self.allowance * np.abs(cost)
        return np.where(self._held(book, failing), np.minimum(price, cap), price)

    def _slopes(self, book: Book, slope: np.ndarray, failing: set[Hashable]) -> np.ndarray:
        cap = self.costs.slope[rows_at_cost(self.costs, book)] * (1 + self.allowance)
        return np.where(self._held(book, failing), np.minimum(slope, cap), slope)


@dataclass(frozen=True, eq=False)
class MitigatedRounds:
    """Rounds of a mitigated market.

    Attributes
    ----------
    rule, book : the market and the book it was prepared for.
    rounds : the prepared market that clears capped prices.
    """

    rule: MitigatedMarket
    book: Book
    rounds: PreparedMarket
    _tested: dict[bytes, set[Hashable]] = field(default_factory=dict, init=False, repr=False)

    def clear_many(
        self,
        price: np.ndarray,
        mw: np.ndarray | None = None,
        slope: np.ndarray | None = None,
        fixed_mw: np.ndarray | None = None,
        **options: Any,
    ) -> Batch:
        """As :meth:`clearing.prepared.PreparedMarket.clear_many`, offers capped where the test fails."""
        book = self.book
        if len(book.column_row) != len(book.orders):
            raise InputError("mitigated rounds: write the book's orders out period by period")
        price = np.atleast_2d(real_array("price", price))
        rows = len(price)
        offered = np.broadcast_to(book.mw if mw is None else mw, price.shape)
        demand = (
            None
            if fixed_mw is None
            else np.broadcast_to(fixed_mw, (rows, *np.shape(fixed_mw)[-_axes(book) :]))
        )
        groups: dict[bytes, list[int]] = {}
        for r in range(rows):
            key = offered[r].tobytes() + (b"" if demand is None else demand[r].tobytes())
            groups.setdefault(key, []).append(r)
        curve = np.broadcast_to(book.slope if slope is None else slope, price.shape).copy()
        for key, chosen in groups.items():
            first = chosen[0]
            failing = self._failing(key, offered[first], None if demand is None else demand[first])
            price[chosen] = self.rule._cap(book, price[chosen], failing)
            curve[chosen] = self.rule._slopes(book, curve[chosen], failing)
        slopes = curve if curve.any() or slope is not None else None
        return self.rounds.clear_many(price, mw, slopes, fixed_mw=fixed_mw, **options)

    def _failing(self, key: bytes, mw: np.ndarray, demand: np.ndarray | None) -> set[Hashable]:
        """Who fails with this much offered and needed; remembered, because prices play no part in it."""
        if key not in self._tested:
            if len(self._tested) >= KEPT:
                self._tested.clear()
            self._tested[key] = set(self.rule.find_failing(self._book(mw, demand)))
        return self._tested[key]

    def _book(self, mw: np.ndarray, demand: np.ndarray | None) -> Book:
        book = replace(self.book, mw=np.array(mw))
        if demand is None:
            return book
        demand = demand.reshape(len(self.rule.grid.buses), -1)
        buses, periods = demand.shape
        return replace(
            book,
            fixed_bus=tuple(b for b in self.rule.grid.buses for _ in range(periods)),
            fixed_mw=demand.ravel().copy(),
            fixed_period=np.tile(np.arange(periods), buses),
        )


def _axes(book: Book) -> int:
    return 1 if book.periods == 1 else 2
