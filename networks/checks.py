"""Checks of user tables: each returns clean arrays or raises an InputError that names the cell."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from itertools import islice
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from networks.errors import InputError

Rows = pd.DataFrame | Sequence[Mapping[str, Any]]

MOST_MW = 1e10
"""More than all power plants of the world by a factor of a thousand. Beyond it, double precision no longer
tells kilowatts apart, and no optimum could be certified."""

LONGEST = 10**18
"""Whole numbers from here on are no labels: no file of results could hold them."""

LONGEST_NAME, MOST_NAMES = 100, 20_000
"""Characters of a name, and number of names, among which a misspelt one is looked for."""

_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)", re.IGNORECASE | re.ASCII
)


class Table:
    """A user's table under validation; `name` and the label column appear in every message.

    Parameters
    ----------
    rows : data frame, or sequence of dicts. A named index that holds a wanted column is accepted.
    name : the table's name in messages ("orders").
    required, optional : column names; anything else is refused, because a misspelt optional
        column that is silently ignored changes prices.
    """

    def __init__(self, rows: Rows, name: str, required: Sequence[str], optional: Sequence[str] = ()):
        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
        known = dict.fromkeys([*required, *optional])
        index_names = [n for n in frame.index.names if n is not None]
        if any(n in known and n not in frame.columns for n in index_names):
            frame = frame.reset_index()
        if frame.empty and len(frame.columns) == 0:
            frame = pd.DataFrame(columns=list(required))
        self.name, self.frame, self.label_column = name, frame, required[0]
        duplicated = frame.columns[frame.columns.duplicated()]
        if len(duplicated):
            raise InputError(f"table '{name}': column '{duplicated[0]}' appears twice; keep one")
        for column in required:
            if column not in frame.columns:
                raise InputError(
                    f"table '{name}': column '{column}' is missing{suggest(column, frame.columns)}; "
                    f"it needs the columns {', '.join(required)}"
                )
        for column in frame.columns:
            if column not in known:
                raise InputError(
                    f"table '{name}': column '{column}' is unknown{suggest(column, known)}; "
                    f"known columns are {', '.join(known)}"
                )

    def __len__(self) -> int:
        return len(self.frame)

    def has(self, column: str) -> bool:
        return column in self.frame.columns

    def row(self, position: int) -> str:
        """The row's name in a message: its label where there is one, else its position."""
        label = self.value(position, self.label_column)
        if label is None or (isinstance(label, float) and np.isnan(label)):
            return f"table '{self.name}', row {position}"
        return f"table '{self.name}', {self.label_column} {shown(label)} (row {position})"

    def fail(self, position: int, column: str, problem: str, remedy: str) -> InputError:
        value = self.value(position, column)
        return InputError(f"{self.row(position)}: column '{column}' is {shown(value)}: {problem}; {remedy}")

    def refuse(self, bad: np.ndarray, column: str, problem: str, remedy: str) -> None:
        """Raise InputError for the first row where `bad`, if there is one."""
        if bad.any():
            raise self.fail(int(np.flatnonzero(bad)[0]), column, problem, remedy)

    def value(self, position: int, column: str) -> Any:
        """The cell as a plain Python value, None where there is no such column."""
        value = self.frame[column].iloc[position] if self.has(column) else None
        return value.item() if isinstance(value, np.generic) else value

    def labels(self, column: str, unique: bool = False) -> list[Hashable]:
        """Labels as given (their type is kept); missing ones and, on request, duplicates are refused."""
        values = [v.item() if isinstance(v, np.generic) else v for v in self.frame[column].tolist()]
        seen: dict[Hashable, int] = {}
        for position, value in enumerate(values):
            if (
                value is None
                or value is pd.NaT
                or (isinstance(value, float) and np.isnan(value))
                or value == ""
            ):
                raise self.fail(position, column, "a label is missing", "give a name or a number")
            if not isinstance(value, Hashable):
                raise self.fail(position, column, "it is no label", "give a name or a number")
            if isinstance(value, int) and not -LONGEST < value < LONGEST:
                raise self.fail(position, column, "it has more than 18 digits", "write it as text")
            if unique and value in seen:
                raise self.fail(
                    position,
                    column,
                    f"it appears twice (first in row {seen[value]})",
                    "labels must be unique",
                )
            seen.setdefault(value, position)
        return values

    def positions(self, column: str, known: Mapping[Hashable, int], where: str) -> np.ndarray:
        """Positions of the column's labels in `known`; an unknown label is refused with the nearest one."""
        out = np.empty(len(self), dtype=np.int64)
        for position, label in enumerate(self.labels(column)):
            found = known.get(label)
            if found is None:
                raise self.fail(
                    position, column, f"it is not in {where}", f"use a known label{suggest(label, known)}"
                )
            out[position] = found
        return out

    def numbers(
        self,
        column: str,
        unit: str,
        default: float | None = None,
        minimum: float | None = None,
        infinite: bool = False,
        missing: float | None = None,
        most: float | None = None,
    ) -> np.ndarray:
        """Numbers of a column as floats.

        Parameters
        ----------
        unit : for the message ("$/MWh").
        default : value of every row when the optional column is absent.
        minimum : least admissible value.
        infinite : whether ±inf is admissible.
        missing : what an empty cell (NaN) stands for; None refuses it.
        most : greatest admissible finite magnitude.
        """
        if not self.has(column):
            assert default is not None, column
            return np.full(len(self), default)
        raw = self.frame[column]
        values = _column_of_numbers(raw)
        empty = raw.isna().to_numpy()
        if missing is not None:
            values[empty] = missing
        bad = np.isnan(values) if infinite else ~np.isfinite(values)
        if missing is not None:
            bad &= ~empty
        problem = "it is not a number" if infinite else "it is not a finite number"
        self.refuse(bad, column, problem, f"give a number in {unit}")
        if minimum is not None:
            remedy = f"give a number ≥ {minimum:g} in {unit}"
            self.refuse(values < minimum, column, f"it is below {minimum:g}", remedy)
        if most is not None:
            with np.errstate(invalid="ignore"):
                beyond = np.isfinite(values) & (np.abs(values) > most)
            self.refuse(beyond, column, "it is larger than any market", f"give at most {most:g} {unit}")
        return values

    def whole_numbers(self, column: str, below: int, what: str) -> np.ndarray:
        """Whole numbers from 0 to below − 1; an empty cell is −1 (meaning: all of them)."""
        if not self.has(column):
            return np.full(len(self), -1)
        values = self.numbers(column, "whole numbers", missing=-1.0)
        empty = self.frame[column].isna().to_numpy()
        bad = ~empty & ((values != np.floor(values)) | (values < 0) | (values >= below))
        self.refuse(bad, column, f"there are {below} {what}", f"give 0 to {below - 1}")
        return values.astype(np.int64)


def number(
    name: str, value: object, unit: str, above: float | None = None, minimum: float | None = None
) -> float:
    """A finite number given as an argument; anything else is an InputError that says what to give."""
    good = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, (bool, np.bool_)
    )
    found = plain_number(value) if good else np.nan
    if (
        not np.isfinite(found)
        or (above is not None and found <= above)
        or (minimum is not None and found < minimum)
    ):
        bound = (
            f" above {above:g}"
            if above is not None
            else f" of at least {minimum:g}"
            if minimum is not None
            else ""
        )
        raise InputError(f"{name} is {shown(value)}; give a finite number{bound} in {unit}")
    return found


def real_array(name: str, values: object) -> np.ndarray:
    """Real numbers given as an argument, as a new array of floats; complex ones would lose a part.

    Raises
    ------
    InputError
        for what holds anything else.
    """
    try:
        if np.asarray(values).dtype.kind == "c":
            raise TypeError
        return np.array(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"{name} does not hold real numbers; give an array of them") from None


def whole(name: str, value: object, minimum: int = 1, most: int | None = None) -> int:
    """A whole number given as an argument, at least `minimum` and at most `most`."""
    good = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not good or value < minimum or (most is not None and value > most):  # type: ignore[operator]
        bound = f"of at least {minimum}" if most is None else f"from {minimum} to {most}"
        raise InputError(f"{name} is {shown(value)}; give a whole number {bound}")
    return int(value)  # type: ignore[call-overload]


def plain_number(value: object) -> float:
    """A number, or a text that is one in plain decimal notation, as a float; NaN for everything else.

    Truth values, complex numbers and times are no numbers; `1_000`, `0x1F` and `1,5` are no plain notation.
    """
    if isinstance(value, str):
        text = value.strip()
        return float(text) if _NUMBER.fullmatch(text) else np.nan
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (Real, Decimal)):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.nan


def _column_of_numbers(raw: pd.Series) -> np.ndarray:
    """A column as floats, NaN where there is no number."""
    if getattr(raw.dtype, "kind", "O") in "iuf":
        return raw.to_numpy(dtype=float, na_value=np.nan, copy=True)
    return np.array([plain_number(value) for value in raw.tolist()], dtype=float)


def shown(value: object, most: int = 160) -> str:
    """The value as a message shows it: a numpy scalar as Python's, escaped, and cut where it is long."""
    value = value.item() if isinstance(value, np.generic) else value
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # Python writes no whole number of more than 4,300 digits
        return f"a {type(value).__name__} too large to show"
    return text if len(text) <= most else f"{text[: most // 2]}… ({len(text):,} characters)"


def suggest(label: Hashable, known: Iterable[Hashable]) -> str:
    """`" (did you mean 'B70'?)"`, or nothing when no known label is near."""
    text = str(label)
    names = {str(k): k for k in known}
    if text in names:
        return f" (did you mean {names[text]!r}, a {type(names[text]).__name__}?)"
    if len(text) > LONGEST_NAME:
        return ""
    # the comparison is quadratic in the length of a name
    comparable = [name for name in islice(names, MOST_NAMES) if len(name) <= LONGEST_NAME]
    near = difflib.get_close_matches(text, comparable, n=1, cutoff=0.6)
    return f" (did you mean {names[near[0]]!r}?)" if near else ""


class Protected:
    """Base of the frozen dataclasses that hold arrays: every array is write-protected (law 10), also
    after a journey to another process. Only fields travel; what is derived is made anew there."""

    def __post_init__(self) -> None:
        freeze_arrays(self)

    def __getstate__(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        freeze_arrays(self)


def freeze_arrays(instance: Any) -> None:
    """Write-protect every array field of a frozen dataclass (law 10); for its `__post_init__`."""
    for item in fields(instance):
        value = getattr(instance, item.name, None)
        if isinstance(value, np.ndarray):
            object.__setattr__(instance, item.name, frozen(value))


def frozen(array: np.ndarray) -> np.ndarray:
    """The array, write-protected (law 10): a view is copied so that no writable alias remains."""
    out = array if array.base is None and array.flags.owndata else array.copy()
    out.setflags(write=False)
    return out
