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
from networks.case import Case
from networks.checks import suggest
from networks.grid import Grid


@dataclass(frozen=True, eq=False)
class Columns:
    """A book's numbers on a grid, one column per order and period, as :mod:`clearing.prepared` has them.

    Fixed demand is by load: those of the case that a book was made from, else one load per bus, named as it.

    Attributes
    ----------
    book, grid : where the numbers come from.
    price, slope, mw, min_mw : (columns,) [$/MWh, $/MW²h, MW, MW].
    side, bus, period : (columns,) +1 sale or −1 purchase, position of the bus, period.
    demand : (columns,) bool, purchases of units that sell nothing in the period.
    loads, load_bus : labels of the loads without a price, and positions of their buses.
    fixed_mw : (loads, periods) what they demand [MW], without shunts.
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
    loads: tuple[Hashable, ...]
    load_bus: np.ndarray
    fixed_mw: np.ndarray

    @classmethod
    def of(cls, book: Book, grid: Grid, case: Case | None = None) -> Columns:
        """The columns of a book, of a case with its loads; unknown buses are refused."""
        structure, rows = Structure.of(book, grid), book.column_row
        loads, load_bus = grid.buses, np.arange(len(grid.buses))
        fixed = fixed_demand(book, grid) - grid.shunt_mw[:, None]
        if case is not None:
            fleet, place = case.fleet, grid.bus_position
            kept = np.flatnonzero(np.isnan(fleet.load_price))
            loads, fixed = tuple(fleet.loads[k] for k in kept), fleet.load_mw[kept]
            load_bus = np.array([place[case.grid.buses[b]] for b in fleet.load_bus[kept]], dtype=np.int64)
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
            loads=loads,
            load_bus=load_bus,
            fixed_mw=fixed,
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

    def loads_of(self, load: Hashable | None, bus: Hashable | None) -> np.ndarray:
        """Positions of the load of a label, or of all loads at a bus."""
        if load is not None:
            if load not in self.loads:
                raise InputError(f"player: {load!r} is no load{suggest(load, self.loads)}")
            return np.array([self.loads.index(load)])
        known = self.grid.bus_position
        if bus not in known:
            raise InputError(f"player: bus {bus!r} is not in the grid{suggest(bus, known)}")
        return np.flatnonzero(self.load_bus == known[bus])

    def at_buses(self, fixed_mw: np.ndarray) -> np.ndarray:
        """(batch, buses, periods) fixed demand of loads (batch, loads, periods), which may share a bus."""
        out = np.zeros((len(fixed_mw), len(self.grid.buses), fixed_mw.shape[2]))
        for k, bus in enumerate(self.load_bus.tolist()):
            out[:, bus] += fixed_mw[:, k]
        return out


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
    fixed_mw : (actions, loads, periods) [MW], negative where load is interrupted.
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

    def interrupted_mwh(self, profiles: np.ndarray) -> np.ndarray:
        """(batch, players) what each interrupts in profiles, summed over periods [MW × periods]."""
        return np.stack([e.interrupted_mwh[profiles[:, i]] for i, e in enumerate(self.effects)], axis=1)

    def numbers(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prices and MW (batch, columns) and fixed demand (batch, loads, periods) of profiles."""
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
