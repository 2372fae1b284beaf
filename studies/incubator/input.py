"""What `walras incubate` reads: recorded books, loads, costs and prices on a case, or a simulated series."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import networks
from clearing import Book, InputError, NodalMarket
from clearing.book_series import BookSeries
from clearing.incubator import Counterfactual, Incubator
from networks.checks import Table
from networks.csv_tables import known_labels, read_table, read_tables, write_csv
from studies.incubator.series import simulate_series

Pairs = tuple[tuple[str, float, bool], ...]


@dataclass(frozen=True, slots=True)
class IncubatorRequest:
    """What a user asks of the incubator.

    Attributes
    ----------
    case : a named case, a file, or a folder of tables.
    books, loads, costs, prices : CSV files; see :meth:`clearing.book_series.BookSeries.from_tables`, and
        `order, price` and `book, bus, lmp`.
    simulate : number of hours to simulate where no books are given.
    markup, withheld : (name, number, whether in per cent) of a simulated series' sellers.
    sigma : error of the monitor's costs; trials, block, seed : of
        :func:`studies.incubator.assessment.assess`.
    """

    case: str
    books: Path | None = None
    loads: Path | None = None
    costs: Path | None = None
    prices: Path | None = None
    simulate: int | None = None
    markup: Pairs = ()
    withheld: Pairs = ()
    sigma: float = 0.1
    trials: int = 400
    block: int = 24
    seed: int = 0


def read_counterfactual(request: IncubatorRequest) -> Counterfactual:
    """The user's series, cleared as offered and at cost.

    Raises
    ------
    InputError
        naming the option or the table, row, column and value (law 11).
    """
    case = networks.load(request.case)
    own = Book.from_case(case, ramps=False)
    incubator = Incubator(NodalMarket(case.grid), own)
    series = _series(request, own, case.grid)
    cost = None if request.costs is None else _costs(request.costs, own)
    recorded = None
    if request.prices is not None:
        recorded = _prices(request.prices, series, case.grid.buses)
    return incubator.compare(series, cost, recorded)


def _series(request: IncubatorRequest, own: Book, grid: networks.Grid) -> BookSeries:
    if (request.books is None) == (request.simulate is None):
        raise InputError("give a CSV file of books, or --simulate HOURS to make a series on the case")
    if request.books is not None:
        if request.markup or request.withheld:
            raise InputError("--markup and --withhold change a simulated series, not recorded books")
        tables = read_tables({"books": request.books, "loads": request.loads})
        return BookSeries.from_tables(own, grid, tables["books"], tables["loads"])
    for option, given in (("--loads", request.loads), ("--prices", request.prices)):
        if given is not None:
            raise InputError(f"{option} belongs to recorded books; a simulated series has its own")
    assert request.simulate is not None
    series = simulate_series(own, grid, request.simulate, np.random.default_rng(request.seed))
    for name, number, percent in request.markup:
        series = series.with_markup({_seller(own, name): number / 100 if percent else number})
    for name, number, percent in request.withheld:
        series = series.with_withheld({_seller(own, name): number / 100 if percent else number})
    return series


def _seller(book: Book, word: str) -> Hashable:
    """The label that a word means, whatever its type."""
    for labels in (book.participants, book.units, book.orders):
        for label in labels:
            if str(label) == word:
                return label
    return word


def _costs(path: Path, book: Book) -> np.ndarray:
    table = Table(read_table(path, "costs"), "costs", ["order", "price"])
    order = table.positions("order", known_labels(book.orders), "the case's orders")
    table.refuse(
        np.bincount(order, minlength=1)[order] > 1, "order", "it appears twice", "give one cost per order"
    )
    cost = book.price.copy()
    cost[order] = table.numbers("price", "$/MWh")
    return cost


def _prices(path: Path, series: BookSeries, buses: tuple[Hashable, ...]) -> np.ndarray:
    table = Table(read_table(path, "prices"), "prices", ["book", "bus", "lmp"])
    book = table.positions("book", known_labels(series.labels), "the table 'books'")
    bus = table.positions("bus", known_labels(buses), "the grid")
    key = book * len(buses) + bus
    table.refuse(np.bincount(key, minlength=1)[key] > 1, "bus", "its book lists it twice", "keep one price")
    out = np.full((len(series), len(buses)), np.nan)
    out[book, bus] = table.numbers("lmp", "$/MWh")
    return out


def write_series(found: Counterfactual, folder: Path) -> list[Path]:
    """The series as `books.csv` and `loads.csv`, ready to be edited and read again."""
    offers, loads = found.series.frames(found.incubator.market.grid)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, frame in (("books", offers), ("loads", loads)):
        path = folder / f"{name}.csv"
        write_csv(frame.round(6), path)
        files.append(path)
    return files
