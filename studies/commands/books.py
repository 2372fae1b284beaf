"""The book that a command asks for: a case's own, with files, profiles, mark-ups and withholding."""

from __future__ import annotations

import csv
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import Book
from clearing.builders import read_csv
from networks.checks import suggest
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
    tables = {
        "orders": None if request.orders is None else _aligned(read_csv(request.orders, "orders"), case.grid),
        "fixed": _fixed_table(request.fixed, case.grid),
        "ramps": None if request.ramps is None else read_csv(request.ramps, "ramps"),
    }
    profile = None if request.profile is None else read_profile(request.profile)
    periods = request.periods
    if periods is None and profile is None and case.fleet.periods == 1:
        periods = _periods_named(tables["orders"], tables["fixed"])
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
    """Multipliers from "0.8, 1, 1.1", or from the last column of a CSV file with or without a header."""
    path = Path(text)
    try:
        is_file = path.is_file()
    except OSError:  # a list of numbers can be longer than any file name
        is_file = False
    if not is_file:
        return _numbers(text.replace(",", " ").split(), f"profile {text!r}")
    try:
        rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"profile: {text!r} cannot be read as CSV ({error}); give one number per row"
        ) from None
    cells = [row[-1].strip() for row in rows]
    if cells and not _is_number(cells[0]):
        cells = cells[1:]
    return _numbers(cells, f"profile: file {text!r}")


def _numbers(words: list[str], where: str) -> np.ndarray:
    for position, word in enumerate(words):
        if not _is_number(word):
            raise InputError(
                f"{where}: entry {position} is {word!r}; give numbers separated by commas, or a CSV file"
            )
    if not words:
        raise InputError(f"{where}: it is empty; give one multiplier for each period")
    return np.array([float(word) for word in words])


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _fixed_table(source: str | None, grid: Grid) -> pd.DataFrame | None:
    if source is None:
        return None
    if source == NO_DEMAND:
        return pd.DataFrame(columns=["bus", "mw"])
    return _aligned(read_csv(source, "fixed"), grid)


def _aligned(frame: pd.DataFrame, grid: Grid) -> pd.DataFrame:
    """The table with bus labels in the grid's own type: a CSV file cannot tell 7 from "7"."""
    if "bus" not in frame.columns:
        return frame
    by_text = {str(label): label for label in grid.buses}
    if len(by_text) < len(grid.buses):
        return frame
    known = grid.bus_position
    labels = [b if b in known else by_text.get(str(b).strip(), b) for b in frame["bus"].tolist()]
    return frame.assign(bus=pd.Series(labels, index=frame.index, dtype=object))


def _periods_named(*tables: pd.DataFrame | None) -> int | None:
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
