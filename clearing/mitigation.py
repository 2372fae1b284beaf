"""Mitigation as a market rule: offers of sellers that fail a test of market power are capped at cost.

PJM caps the offers of suppliers that fail its three-pivotal-supplier test at cost plus ten per cent. The
tariff's test is one of the relief of a constraint; the default here is its form for the whole market
(:func:`clearing.monitor.residual_supply`), and any other test can be given.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clearing.book import SELL, Book
from clearing.errors import InputError
from clearing.monitor import residual_supply
from clearing.outcome import Outcome
from networks.checks import number
from networks.grid import Grid

if TYPE_CHECKING:
    from clearing.nodal import NodalMarket
    from clearing.prepared import Batch, PreparedMarket

ALLOWANCE = 0.10  # over cost (PJM)

Test = Callable[[Book], Iterable[Hashable]]


def fails_three_pivotal(book: Book) -> set[Hashable]:
    """Participants without whom, and without the two largest others, demand of some period is not met."""
    failing: set[Hashable] = set()
    for period in range(book.periods):
        table = residual_supply(book, period)
        failing.update(table.index[table["fails_three"].to_numpy(dtype=bool)])
    return failing


@dataclass(frozen=True, eq=False)
class MitigatedMarket:
    """A nodal market that caps offers before it clears.

    The test sees offered MW and demand, never prices, so that nobody can talk its way out of it.

    Attributes
    ----------
    market : what clears the capped book.
    costs : the orders at true cost; books are matched to it column by column.
    allowance : caps are cost plus this share of its size.
    test : book → participants that fail.
    """

    market: NodalMarket
    costs: Book
    allowance: float = ALLOWANCE
    test: Test = fails_three_pivotal

    changes_offers = True

    def __post_init__(self) -> None:
        number("allowance", self.allowance, "shares of cost (0.1)", minimum=0)

    @property
    def grid(self) -> Grid:
        """The network."""
        return self.market.grid

    def capped(self, book: Book) -> Book:
        """The book with the offers of failing participants at no more than their caps, slopes included."""
        failing = set(self.test(book))
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
        self._rows(book)
        return MitigatedRounds(self, book, self.market.prepare(book))

    def _rows(self, book: Book) -> np.ndarray:
        """(rows,) row of each of the book's orders in `costs`."""
        known = {
            (order, t): k
            for k, (order, t) in enumerate(zip(self.costs.orders, self.costs.order_period, strict=True))
        }
        every = {order: k for (order, t), k in known.items() if t == -1}
        keys = list(zip(book.orders, book.order_period.tolist(), strict=True))
        rows = [known.get(key, every.get(key[0])) for key in keys]
        if None in rows:
            raise InputError(
                f"mitigation: order {book.orders[rows.index(None)]!r} has no true cost; put it into `costs`"
            )
        return np.array(rows, dtype=np.int64)

    def _held(self, book: Book, failing: set[Hashable]) -> np.ndarray:
        return np.array([p in failing for p in book.participants], dtype=bool) & (book.side == SELL)

    def _cap(self, book: Book, price: np.ndarray, failing: set[Hashable]) -> np.ndarray:
        cost = self.costs.price[self._rows(book)]
        cap = cost + self.allowance * np.abs(cost)
        return np.where(self._held(book, failing), np.minimum(price, cap), price)

    def _slopes(self, book: Book, slope: np.ndarray, failing: set[Hashable]) -> np.ndarray:
        cap = self.costs.slope[self._rows(book)] * (1 + self.allowance)
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
        price = np.atleast_2d(np.asarray(price, dtype=float)).copy()
        rows = len(price)
        offered = np.broadcast_to(book.mw if mw is None else mw, price.shape)
        demand = (
            None
            if fixed_mw is None
            else np.broadcast_to(fixed_mw, (rows, *np.shape(fixed_mw)[-_axes(book) :]))
        )
        tested: dict[bytes, set[Hashable]] = {}
        groups: dict[bytes, list[int]] = {}
        for r in range(rows):
            key = offered[r].tobytes() + (b"" if demand is None else demand[r].tobytes())
            groups.setdefault(key, []).append(r)
            if key not in tested:
                tested[key] = set(
                    self.rule.test(self._book(offered[r], None if demand is None else demand[r]))
                )
        curve = np.broadcast_to(book.slope if slope is None else slope, price.shape).copy()
        for key, chosen in groups.items():
            price[chosen] = self.rule._cap(book, price[chosen], tested[key])
            curve[chosen] = self.rule._slopes(book, curve[chosen], tested[key])
        slopes = curve if curve.any() or slope is not None else None
        return self.rounds.clear_many(price, mw, slopes, fixed_mw=fixed_mw, **options)

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
