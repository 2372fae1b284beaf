"""A book's numbers as columns, what actions add to them, and profiles as arrays of numbers.

Players own different orders, so the books of a profile are the book's numbers plus the sum of the players'
effects: one gather and one addition per player.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from clearing.book import Book
from clearing.errors import InputError
from clearing.structure import Structure, fixed_demand
from networks.checks import suggest
from networks.grid import Grid


@dataclass(frozen=True, eq=False)
class Columns:
    """A book's numbers on a grid, one column per order and period, as :mod:`clearing.prepared` has them.

    Attributes
    ----------
    book, grid : where the numbers come from.
    price, slope, mw, min_mw : (columns,) [$/MWh, $/MW²h, MW, MW].
    side, bus, period : (columns,) +1 sale or −1 purchase, position of the bus, period.
    demand : (columns,) bool, purchases of units that sell nothing in the period.
    fixed_mw : (buses, periods) fixed demand without shunts [MW].
    """

    book: Book
    grid: Grid
    price: np.ndarray
    slope: np.ndarray
    mw: np.ndarray
    min_mw: np.ndarray
    side: np.ndarray
    demand: np.ndarray
    bus: np.ndarray
    period: np.ndarray
    fixed_mw: np.ndarray

    @classmethod
    def of(cls, book: Book, grid: Grid) -> Columns:
        """The columns of a book; unknown buses are refused."""
        structure, rows = Structure.of(book, grid), book.column_row
        return cls(
            book=book,
            grid=grid,
            price=book.price[rows],
            slope=book.slope[rows],
            mw=book.mw[rows],
            min_mw=book.min_mw[rows],
            side=structure.side,
            demand=structure.demand,
            bus=structure.bus,
            period=structure.period,
            fixed_mw=fixed_demand(book, grid) - grid.shunt_mw[:, None],
        )

    def owned(self, labels: Sequence[Hashable]) -> np.ndarray:
        """(columns,) which belong to the labels: participants, else units, else orders."""
        book = self.book
        chosen = np.zeros(len(book.orders), dtype=bool)
        for label in labels:
            for names in (book.participants, book.units, book.orders):
                found = np.array([name == label for name in names], dtype=bool)
                if found.any():
                    break
            else:
                known = dict.fromkeys([*book.participants, *book.units, *book.orders])
                raise InputError(
                    f"player: {label!r} is no participant, unit or order of the book{suggest(label, known)}"
                )
            chosen |= found
        return chosen[book.column_row]

    def bus_of(self, label: Hashable) -> int:
        """Position of a bus label."""
        known = self.grid.bus_position
        if label not in known:
            raise InputError(f"player: bus {label!r} is not in the grid{suggest(label, known)}")
        return known[label]


def one_row_per_period(book: Book) -> Book:
    """The same book, its orders written out period by period, so that actions may differ by period."""
    if book.periods == 1:
        return book
    rows = book.column_row
    names = rows.tolist()
    return replace(
        book,
        orders=tuple(book.orders[k] for k in names),
        participants=tuple(book.participants[k] for k in names),
        units=tuple(book.units[k] for k in names),
        order_bus=tuple(book.order_bus[k] for k in names),
        side=book.side[rows],
        mw=book.mw[rows],
        min_mw=book.min_mw[rows],
        price=book.price[rows],
        slope=book.slope[rows],
        order_period=book.column_period,
    )


@dataclass(frozen=True, eq=False)
class Effects:
    """What each action adds to the book.

    Attributes
    ----------
    labels : (actions,) what the actions are called.
    price, mw : (actions, columns) [$/MWh, MW].
    fixed_mw : (actions, buses, periods) [MW], negative where load is interrupted.
    """

    labels: tuple[object, ...]
    price: np.ndarray
    mw: np.ndarray
    fixed_mw: np.ndarray

    @classmethod
    def none(cls, labels: Sequence[object], columns: Columns) -> Effects:
        """Actions that change nothing."""
        n, shape = len(labels), (len(labels), len(columns.price))
        return cls(tuple(labels), np.zeros(shape), np.zeros(shape), np.zeros((n, *columns.fixed_mw.shape)))

    @property
    def interrupted_mwh(self) -> np.ndarray:
        """(actions,) interrupted demand summed over periods [MW × periods]."""
        return -self.fixed_mw.sum(axis=(1, 2))


@dataclass(frozen=True, eq=False)
class Moves:
    """The players' effects together: profiles become arrays of numbers.

    Attributes
    ----------
    columns : the book's numbers.
    effects : one per player.
    """

    columns: Columns
    effects: tuple[Effects, ...]

    @cached_property
    def moves_mw(self) -> bool:
        """Whether any action changes MW."""
        return any(bool(e.mw.any()) for e in self.effects)

    @cached_property
    def moves_fixed(self) -> bool:
        """Whether any action changes fixed demand."""
        return any(bool(e.fixed_mw.any()) for e in self.effects)

    def numbers(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prices and MW (batch, columns) and fixed demand (batch, buses, periods) of profiles."""
        batch = len(profiles)
        price = np.broadcast_to(self.columns.price, (batch, len(self.columns.price))).copy()
        mw = np.broadcast_to(self.columns.mw, price.shape)
        fixed = np.broadcast_to(self.columns.fixed_mw, (batch, *self.columns.fixed_mw.shape))
        mw, fixed = (mw.copy() if self.moves_mw else mw), (fixed.copy() if self.moves_fixed else fixed)
        for i, effect in enumerate(self.effects):
            price += effect.price[profiles[:, i]]
            if self.moves_mw:
                mw += effect.mw[profiles[:, i]]
            if self.moves_fixed:
                fixed += effect.fixed_mw[profiles[:, i]]
        return price, mw, fixed
