"""The book that a command asks for: a case's own, with files, profiles, mark-ups and withholding."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import Book
from networks.checks import Table, plain_number, shown, suggest
from networks.csv_tables import read_tables, typed_tables, with_labels_of
from networks.csv_text import Cells, read_cells
from networks.errors import InputError

if TYPE_CHECKING:
    from networks.case import Case
    from networks.grid import Grid

NO_DEMAND = "none"
"""The word for `--fixed` that means: no fixed demand at all."""


@dataclass(frozen=True, slots=True)
class BookRequest:
    """How to make a book from a case.

    Attributes
    ----------
    orders, ramps : CSV files in place of the case's own.
    fixed : a CSV file in place of the case's fixed demand, or "none".
    periods, hours : number of periods (None: what profile, files or case say) and length of one [h].
    profile : multipliers of the case's loads, as text ("0.8,1,1.1") or a CSV file.
    ramp_share : ramp limit of every unit as a share of its capacity per period.
    markup, withheld : (name, number, whether the number is in per cent).
    value_of_lost_load : price of unserved fixed demand [$/MWh].
    """

    orders: Path | None = None
    fixed: str | None = None
    ramps: Path | None = None
    periods: int | None = None
    hours: float = 1.0
    profile: str | None = None
    ramp_share: float | None = None
    markup: tuple[tuple[str, float, bool], ...] = ()
    withheld: tuple[tuple[str, float, bool], ...] = ()
    value_of_lost_load: float | None = None


def build_book(case: Case, request: BookRequest) -> Book:
    """The book of `request` on `case`.

    Raises
    ------
    InputError
        naming the option or the table, row, column and value (law 11).
    """
    if request.orders is not None and request.ramp_share is not None:
        raise InputError(
            "--ramp-share is a share of the capacity of the case's own units, which --orders replaces; "
            "give the limits in a file with --ramps"
        )
    fixed = None if request.fixed in (None, NO_DEMAND) else str(request.fixed)
    tables = read_tables({"orders": request.orders, "fixed": fixed, "ramps": request.ramps})
    for name in ("orders", "fixed"):
        tables[name] = with_labels_of(tables[name], case.grid.buses)
    if request.fixed == NO_DEMAND:
        tables["fixed"] = pd.DataFrame(columns=["bus", "mw"])
    if request.orders is None:
        tables["ramps"] = with_labels_of(tables["ramps"], case.fleet.units, "unit")
    profile = None if request.profile is None else read_profile(request.profile)
    periods = request.periods
    if periods is None and profile is None and case.fleet.periods == 1:
        periods = periods_named(tables["orders"], tables["fixed"])
    own = Book.from_case(
        case, periods=periods, hours=request.hours, profile=profile, ramp_share=request.ramp_share
    )
    book = own if all(table is None for table in tables.values()) else _with_tables(own, **tables)
    book = _with_changes(book, request)
    if request.value_of_lost_load is not None:
        book = book.with_lost_load(request.value_of_lost_load)
    return book


def _with_tables(
    own: Book, orders: pd.DataFrame | None, fixed: pd.DataFrame | None, ramps: pd.DataFrame | None
) -> Book:
    """The case's book with some tables replaced; with new orders its units' ramps and costs go too."""
    kept_ramps = own.ramps_frame if orders is None else None
    book = Book.from_tables(
        own.orders_frame if orders is None else orders,
        periods=own.periods,
        hours=own.hours,
        ramps=kept_ramps if ramps is None else ramps,
        fixed=own.fixed_frame if fixed is None else fixed,
    )
    return replace(book, constant_cost=own.constant_cost) if orders is None else book


def _with_changes(book: Book, request: BookRequest) -> Book:
    for name, number, percent in request.markup:
        book = book.with_markup({name: number / 100 if percent else number}, relative=percent)
    for name, number, percent in request.withheld:
        book = book.with_withheld({name: number / 100 if percent else number})
    return book


def read_profile(text: str) -> np.ndarray:
    """Multipliers from "0.8, 1, 1.1", or from a CSV file.

    The file has one column, with or without the header `multiplier` (or factor, share, profile), or beside
    it a column `period` (or hour, slot) that counts the rows from 0, in any order.
    """
    path = Path(text)
    try:
        is_file = path.is_file()
    except OSError:  # a list of numbers can be longer than any file name
        is_file = False
    if is_file:
        return _profile_of_file(read_cells(path, "profile"))
    if not text.strip():
        raise InputError(f"profile {text!r}: it is empty; give one multiplier for each period")
    entries = [entry.strip() for entry in text.split(",")]
    if not NUMBERS.fullmatch(text) and all(np.isnan(plain_number(entry)) for entry in entries):
        raise InputError(
            f"profile: there is no file {shown(text)}; check the path, or give numbers separated by commas"
        )
    for position, entry in enumerate(entries):
        if (problem := _problem_of(entry)) is not None:
            raise InputError(f"profile {shown(text)}: entry {position} {problem}")
    return np.array([plain_number(entry) for entry in entries])


NUMBERS = re.compile(r"[0-9eE+\-.,;\s]+")
"""Text that is meant as numbers, whether or not it is right, and no path."""


def _problem_of(entry: str) -> str | None:
    """What is wrong with an entry of a profile, and the remedy; None for a finite number."""
    if not entry:
        return "is empty; give a number for each period"
    if np.isfinite(number := plain_number(entry)):
        return None
    if not np.isnan(number):
        return f"is {shown(entry)}: it is too large; give a finite number"
    if len(re.split(r"[;\s]+", entry)) > 1:
        return f"is {shown(entry)}: it is no single number; separate numbers by commas, with decimal points"
    return f"is {shown(entry)}: it is no number; give numbers separated by commas, or a file"


def _profile_of_file(cells: Cells) -> np.ndarray:
    names = [name.strip() for name in cells.columns]
    if len(names) == 1 and np.isfinite(plain_number(names[0])):
        column = next(iter(cells.columns.values()))
        cells = replace(cells, columns={"multiplier": [names[0], *column]})
        names = ["multiplier"]
    counts = [name for name in names if name in COUNTS]
    values = [name for name in names if name in MULTIPLIERS]
    if any(np.isfinite(plain_number(name)) for name in names):
        raise InputError(
            f"table 'profile': its first row has {len(names)} numbers and no names; give one multiplier per "
            "row, with a decimal point, or a header row 'period, multiplier'"
        )
    for position, name in enumerate(names):
        if name not in COUNTS + MULTIPLIERS:
            raise InputError(
                f"table 'profile': column {position} begins with {name!r}, neither a number nor a known "
                "name; give one column of multipliers with the header 'multiplier', where wanted beside "
                "'period'"
            )
    if len(values) != 1 or len(counts) > 1:
        raise InputError(
            f"table 'profile': its columns are {', '.join(names)}; give one column 'multiplier', where "
            "wanted beside one 'period'"
        )
    frame = typed_tables({"profile": cells}, labels={})["profile"]
    table = Table(frame.set_axis(names, axis=1), "profile", values, counts)
    if len(table) == 0:
        raise InputError("table 'profile': it is empty; give one multiplier for each period")
    found = table.numbers(values[0], "multiples of the load")
    if not counts:
        return found
    period = table.whole_numbers(counts[0], len(table), "periods")
    seen = np.bincount(period[period >= 0], minlength=len(table))
    wrong = (period < 0) | (seen[np.maximum(period, 0)] > 1)
    table.refuse(wrong, counts[0], "periods must be 0, 1, 2, … once each", "number the rows from 0")
    return found[np.argsort(period)]


COUNTS, MULTIPLIERS = ["period", "hour", "slot"], ["multiplier", "factor", "share", "profile"]
"""Names of the columns of a profile."""


def periods_named(*tables: pd.DataFrame | None) -> int | None:
    """One more than the greatest period that a table names, or None where none does."""
    last = -1.0
    for table in tables:
        if table is not None and "period" in table.columns:
            numbers = pd.to_numeric(table["period"], errors="coerce")
            last = max(last, float(numbers.max()) if numbers.notna().any() else -1.0)
    return int(last) + 1 if 0 <= last < MOST_PERIODS else None


MOST_PERIODS = 1_000_000
"""A larger period is a mistake in the file (a year of one-minute periods has 525 600)."""


def find_bus(grid: Grid, word: str) -> Hashable:
    """The bus that a word on the command line names, whatever the type of its label."""
    if word in grid.bus_position:
        return word
    for label in grid.buses:
        if str(label) == word:
            return label
    raise InputError(f"--explain is {word!r}, which is not a bus of the grid{suggest(word, grid.buses)}")
