"""Books of many periods as arrays: what was offered, what was available, what was needed, one row each."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clearing.book import SELL, Book
from clearing.errors import InputError
from clearing.structure import fixed_demand
from networks.checks import Protected, Rows, Table, real_array
from networks.csv_tables import known_labels
from networks.grid import Grid


@dataclass(frozen=True, eq=False)
class BookSeries(Protected):
    """Recorded or simulated books with the orders of one book.

    Attributes
    ----------
    book : the orders, at true cost and full MW, one period.
    labels : (books,) name of each book, such as its time.
    price, mw, slope : (books, orders) as offered and bid [$/MWh, MW, $/MW²h].
    available_mw : (books, orders) what could have been offered; equal to `mw` for purchases [MW].
    fixed_mw : (books, buses) fixed demand, without shunts; negative injects [MW].
    """

    book: Book
    labels: tuple[Hashable, ...]
    price: np.ndarray
    mw: np.ndarray
    slope: np.ndarray
    available_mw: np.ndarray
    fixed_mw: np.ndarray

    def __post_init__(self) -> None:
        if self.book.periods > 1:
            raise InputError(
                f"a series needs a book of one period; this one has {self.book.periods}. Give each period "
                "as a book of its own"
            )
        shape = (len(self.labels), len(self.book.orders))
        for name in ("price", "mw", "slope", "available_mw"):
            if getattr(self, name).shape != shape:
                raise InputError(f"series: {name} has shape {getattr(self, name).shape}; give {shape}")
        if len(self.fixed_mw) != len(self.labels):
            raise InputError(f"series: fixed_mw has {len(self.fixed_mw)} rows for {len(self.labels)} books")
        super().__post_init__()

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def honest(
        cls, book: Book, grid: Grid, factors: np.ndarray, noise: np.ndarray | None = None
    ) -> BookSeries:
        """Everybody at true cost and full MW, under demand that varies.

        Parameters
        ----------
        factors : (books,) multipliers of all demand, bids included.
        noise : (books, buses) further multipliers of fixed demand.
        """
        if book.periods > 1:
            raise InputError(f"a series needs a book of one period; this one has {book.periods}")
        factors = real_array("factors", factors)
        if (
            factors.ndim != 1
            or len(factors) == 0
            or not (np.isfinite(factors).all() and (factors >= 0).all())
        ):
            raise InputError("factors: give one multiplier of at least 0 for each book")
        fixed = fixed_demand(book, grid)[:, 0] - grid.shunt_mw
        rows = np.ones((len(factors), 1))
        mw = np.where(book.column_demand, factors[:, None] * book.mw, book.mw)
        load = factors[:, None] * fixed * (1.0 if noise is None else noise)
        return cls(
            book, tuple(range(len(factors))), rows * book.price, mw, rows * book.slope, mw.copy(), load
        )

    @classmethod
    def from_tables(cls, book: Book, grid: Grid, offers: Rows, loads: Rows | None = None) -> BookSeries:
        """A series from plain tables.

        Parameters
        ----------
        offers : `book, order, price[, mw, available_mw, slope]`. An order that a book does not list stands
            at true cost and full MW; `available_mw` says what could have been offered (an outage), by
            default the book's own MW.
        loads : `book, factor` (multiplier of all demand), or `book, bus, mw` (fixed demand at the named
            buses, the others as in the case); without it demand is the case's in every book.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        table = Table(offers, "books", ["book", "order", "price"], ["mw", "available_mw", "slope"])
        if len(table) == 0:
            raise InputError("table 'books': there is no row; give book, order, price")
        labels, which = _numbered(table.labels("book"))
        order = table.positions("order", known_labels(book.orders), "the case's orders")
        key = which * len(book.orders) + order
        first = np.unique(key, return_index=True)[1]
        again = np.ones(len(key), dtype=bool)
        again[first] = False
        table.refuse(again, "order", "its book lists it twice", "give an order once in each book")
        series = cls.honest(book, grid, np.ones(len(labels)))
        price, mw, slope = series.price.copy(), series.mw.copy(), series.slope.copy()
        available = series.available_mw.copy()
        price[which, order] = table.numbers("price", "$/MWh")
        if table.has("slope"):
            slope[which, order] = table.numbers("slope", "$/MW²h", minimum=0.0)
        for name, array in (("available_mw", available), ("mw", mw)):
            if table.has(name):
                own = array[which, order]
                given = table.numbers(name, "MW", minimum=0.0, missing=np.nan)
                table.refuse(
                    given < book.min_mw[order], name, "it is below the order's minimum output",
                    "give at least that minimum, or lower it in the case",
                )  # fmt: skip
                array[which, order] = np.where(np.isnan(given), own, given)
        if table.has("available_mw") and not table.has("mw"):
            mw[which, order] = available[which, order]
        buys = book.side != SELL
        available[:, buys] = mw[:, buys]
        if table.has("mw") and not table.has("available_mw"):
            available = np.maximum(available, mw)
        fixed = series.fixed_mw.copy()
        if loads is not None:
            factor, fixed = _loads(loads, labels, grid, fixed)
            mw[:, book.column_demand] *= factor[:, None]
            available[:, buys] = mw[:, buys]
        return cls(book, labels, price, mw, slope, available, fixed)

    def part(self, rows: np.ndarray) -> BookSeries:
        """The books at positions `rows`."""
        names = ("price", "mw", "slope", "available_mw", "fixed_mw")
        return replace(
            self,
            labels=tuple(self.labels[k] for k in np.asarray(rows).tolist()),
            **{name: getattr(self, name)[rows] for name in names},
        )

    def with_markup(self, markup: Mapping[Hashable, float]) -> BookSeries:
        """Sales offered above cost by shares of the price, by participant, unit or order, in every book."""
        changed = self.book.with_markup(dict(markup), relative=True)
        return replace(self, price=self.price + (changed.price - self.book.price))

    def with_withheld(self, share: Mapping[Hashable, float]) -> BookSeries:
        """Sales with a share of what is available withheld, in every book; availability stays."""
        changed = self.book.with_withheld(dict(share))
        kept = np.divide(changed.mw, self.book.mw, out=np.ones(len(changed.mw)), where=self.book.mw > 0)
        return replace(self, mw=np.maximum(self.mw * kept, self.book.min_mw))

    def frames(self, grid: Grid) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The tables (offers, loads) that :meth:`from_tables` reads back."""
        books, orders = self.price.shape
        offers = pd.DataFrame(
            {
                "book": np.repeat(np.array(self.labels, dtype=object), orders),
                "order": list(self.book.orders) * books,
                "price": self.price.ravel(),
                "mw": self.mw.ravel(),
                "available_mw": self.available_mw.ravel(),
            }
        )
        if self.slope.any():
            offers["slope"] = self.slope.ravel()
        buses = np.flatnonzero((self.fixed_mw != 0).any(axis=0))
        loads = pd.DataFrame(
            {
                "book": np.repeat(np.array(self.labels, dtype=object), len(buses)),
                "bus": [grid.buses[k] for k in buses.tolist()] * books,
                "mw": self.fixed_mw[:, buses].ravel(),
            }
        )
        return offers, loads


def _numbered(labels: list[Hashable]) -> tuple[tuple[Hashable, ...], np.ndarray]:
    """Labels in the order of their first row, and the number of each row's label."""
    number: dict[Hashable, int] = {}
    which = np.array([number.setdefault(label, len(number)) for label in labels], dtype=np.int64)
    return tuple(number), which


def _loads(
    rows: Rows, labels: tuple[Hashable, ...], grid: Grid, fixed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(books,) multiplier of bids and (books, buses) fixed demand of a table of loads."""
    table = Table(rows, "loads", ["book"], ["factor", "bus", "mw"])
    number = {label: k for k, label in enumerate(labels)}
    which = table.positions("book", number, "the table 'books'")
    factor = np.ones(len(labels))
    if table.has("factor"):
        if table.has("bus") or table.has("mw"):
            raise InputError("table 'loads': give factor, or bus and mw, not both")
        table.refuse(
            np.bincount(which, minlength=len(labels))[which] > 1, "book", "it appears twice", "keep one row"
        )
        factor[which] = table.numbers("factor", "multiples of the case's demand", minimum=0.0)
        return factor, fixed * factor[:, None]
    if not (table.has("bus") and table.has("mw")):
        raise InputError("table 'loads': give the columns book, factor, or book, bus, mw")
    bus = table.positions("bus", known_labels(grid.buses), "the grid")
    key = which * len(grid.buses) + bus
    table.refuse(np.bincount(key, minlength=1)[key] > 1, "bus", "its book lists it twice", "add the rows up")
    fixed[which, bus] = table.numbers("mw", "MW")
    return factor, fixed
