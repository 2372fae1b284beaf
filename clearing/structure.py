"""Who may do what where: a book laid onto a grid as columns, before any number is looked at."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from clearing.book import EVERY_PERIOD, Book
from clearing.tolerances import greatest_price
from networks.checks import frozen, suggest
from networks.errors import InputError
from networks.grid import Grid


@dataclass(frozen=True, eq=False)
class Structure:
    """Columns of a nodal clearing: every order in each of its periods, then every link in each period.

    Attributes
    ----------
    periods : int.
    bus, period, side : (columns,) of the order columns; side +1 injects (withdraws where it accepts less
        than 0 MW), −1 withdraws.
    unit_of : (columns,) number of the order's unit.
    demand : (columns,) bool, purchases of units that sell nothing in the period: what law 4 and every
        weight count as demand.
    ramp_of : (columns,) position in `ramp_units`, −1 where the unit has no ramp limit.
    ramp_units : labels of units with a finite ramp limit.
    ramp_start : (ramp units,) whether the output before period 0 is known.
    limited : (limited branches,) positions of branches with a finite flow bound.
    links : number of links.
    """

    grid: Grid
    periods: int
    bus: np.ndarray
    period: np.ndarray
    side: np.ndarray
    unit_of: np.ndarray
    demand: np.ndarray
    ramp_of: np.ndarray
    ramp_units: tuple[Hashable, ...]
    ramp_start: np.ndarray
    limited: np.ndarray
    links: int

    @classmethod
    def of(cls, book: Book, grid: Grid) -> Structure:
        """The structure of a book on a grid; an order or fixed demand at an unknown bus is refused."""
        bus = bus_positions(book.order_bus, grid, "orders", book.orders)
        ramped = np.flatnonzero(np.isfinite(book.ramp_up_mw) | np.isfinite(book.ramp_down_mw))
        units = tuple(book.ramp_units[k] for k in ramped)
        index = {unit: k for k, unit in enumerate(units)}
        rows = book.column_row
        ramp_of = np.array([index.get(unit, -1) for unit in book.units], dtype=np.int64)[rows]
        low, high = grid.flow_bounds_mw
        unit_of = book.unit_numbers[rows]
        return cls(
            grid=grid,
            periods=book.periods,
            bus=frozen(bus[rows]),
            period=book.column_period,
            side=frozen(book.side[rows]),
            unit_of=frozen(unit_of),
            demand=book.column_demand,
            ramp_of=frozen(ramp_of),
            ramp_units=units,
            ramp_start=frozen(np.isfinite(book.previous_mw[ramped])),
            limited=frozen(np.flatnonzero(np.isfinite(low) | np.isfinite(high))),
            links=len(grid.links),
        )

    def on_grid(self, grid: Grid) -> Structure:
        """The same orders on a grid that differs in its limits only."""
        low, high = grid.flow_bounds_mw
        return replace(self, grid=grid, limited=frozen(np.flatnonzero(np.isfinite(low) | np.isfinite(high))))

    def in_period(self, period: int) -> Structure:
        """The columns of one period, without the ramps that join it to others."""
        mine = self.period == period
        return replace(
            self,
            periods=1,
            period=frozen(np.zeros(int(mine.sum()), dtype=np.int64)),
            bus=frozen(self.bus[mine]),
            side=frozen(self.side[mine]),
            unit_of=frozen(self.unit_of[mine]),
            demand=frozen(self.demand[mine]),
            ramp_of=frozen(np.full(int(mine.sum()), -1)),
            ramp_units=(),
            ramp_start=frozen(np.zeros(0, dtype=bool)),
        )

    @cached_property
    def key(self) -> tuple[object, ...]:
        """Equal for books that differ in numbers only, so that one compiled model serves them."""
        arrays = (
            self.bus, self.period, self.side, self.unit_of, self.ramp_of, self.ramp_start, self.limited,
        )  # fmt: skip
        return (self.periods, *(a.tobytes() for a in arrays))


@dataclass(frozen=True, eq=False)
class Numbers:
    """The numbers of a book on a structure.

    Attributes
    ----------
    price, slope, mw, min_mw : (columns,) of the order columns [$/MWh, $/MW²h, MW, MW]; min_mw is negative
        for a sale that may also withdraw.
    fixed_mw : (buses, periods) fixed demand and shunts, negative injects [MW].
    low_mw, high_mw : (limited branches,) flow bounds [MW].
    ramp_up_mw, ramp_down_mw, previous_mw : (ramp units,) [MW]; previous 0 where it is unknown.
    """

    price: np.ndarray
    slope: np.ndarray
    mw: np.ndarray
    min_mw: np.ndarray
    fixed_mw: np.ndarray
    low_mw: np.ndarray
    high_mw: np.ndarray
    ramp_up_mw: np.ndarray
    ramp_down_mw: np.ndarray
    previous_mw: np.ndarray

    @classmethod
    def of(cls, book: Book, structure: Structure) -> Numbers:
        """The numbers of `book` in the order of the structure's columns, units and branches."""
        grid, rows = structure.grid, book.column_row
        low, high = grid.flow_bounds_mw
        ramped = np.flatnonzero(np.isfinite(book.ramp_up_mw) | np.isfinite(book.ramp_down_mw))
        return cls(
            price=book.price[rows],
            slope=book.slope[rows],
            mw=book.mw[rows],
            min_mw=book.min_mw[rows],
            fixed_mw=fixed_demand(book, grid),
            low_mw=low[structure.limited],
            high_mw=high[structure.limited],
            ramp_up_mw=book.ramp_up_mw[ramped],
            ramp_down_mw=book.ramp_down_mw[ramped],
            previous_mw=np.nan_to_num(book.previous_mw[ramped]),
        )

    def traded_mw(self, structure: Structure) -> np.ndarray:
        """(periods,) the most MW that change hands: what all may sell or all may buy, whichever is less."""
        sold, bought = np.maximum(-self.fixed_mw, 0).sum(0), np.maximum(self.fixed_mw, 0).sum(0)
        sales = structure.side > 0
        np.add.at(sold, structure.period, np.where(sales, np.maximum(self.mw, 0), 0))
        np.add.at(bought, structure.period, np.where(sales, np.maximum(-self.min_mw, 0), self.mw))
        return np.minimum(sold, bought)

    def greatest_price(self, structure: Structure) -> float:
        """The greatest price that an order states on what can be traded of it [$/MWh], for the tie width."""
        traded = self.traded_mw(structure)[structure.period]
        return greatest_price(self.price, self.slope, self.min_mw, self.mw, traded)

    def in_period(self, period: int, structure: Structure) -> Numbers:
        """The numbers of :meth:`Structure.in_period` of `structure`."""
        mine, none = structure.period == period, np.zeros(0)
        return replace(
            self,
            **{name: getattr(self, name)[mine] for name in ("price", "slope", "mw", "min_mw")},
            fixed_mw=self.fixed_mw[:, period : period + 1],
            ramp_up_mw=none,
            ramp_down_mw=none,
            previous_mw=none,
        )


def fixed_demand(book: Book, grid: Grid) -> np.ndarray:
    """(buses, periods) fixed demand of the book plus the grid's shunts [MW]."""
    out = np.repeat(grid.shunt_mw[:, None], book.periods, axis=1)
    bus = bus_positions(book.fixed_bus, grid, "fixed", book.fixed_bus)
    every = book.fixed_period == EVERY_PERIOD
    for t in range(book.periods):
        chosen = every | (book.fixed_period == t)
        np.add.at(out[:, t], bus[chosen], book.fixed_mw[chosen])
    return out


def bus_positions(
    labels: tuple[Hashable, ...], grid: Grid, table: str, rows: tuple[Hashable, ...]
) -> np.ndarray:
    """Positions of bus labels in the grid; an unknown one is refused with its row and the nearest bus."""
    known = grid.bus_position
    try:
        return np.array([known[label] for label in labels], dtype=np.int64)
    except KeyError:
        position, label = next((k, b) for k, b in enumerate(labels) if b not in known)
        raise InputError(
            f"table '{table}', row {position} ({rows[position]!r}): column 'bus' is {label!r}: "
            f"it is not a bus of the grid; use a known label{suggest(label, known)}"
        ) from None
