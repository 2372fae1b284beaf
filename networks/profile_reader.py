"""A user's load or sun as one series per home, and how long its rows are where the file says so."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from networks.checks import Protected, Rows, Table
from networks.csv_tables import read_table
from networks.errors import InputError

SECOND = 1.0 / 3600.0  # hours: rows that differ by less are equally long


@dataclass(frozen=True, eq=False)
class Profiles(Protected):
    """Series of several homes.

    Attributes
    ----------
    homes : labels, one per series.
    mw : (homes, slots) [MW].
    hours : length of a slot [h]; None where the table has no times.
    clock : (slots,) hour of the day at which each slot begins; None where the table has no times.
    """

    homes: tuple[Hashable, ...]
    mw: np.ndarray
    hours: float | None = None
    clock: np.ndarray | None = None


def read_profiles(rows: Rows | str | Path, unit: str = "MW") -> Profiles:
    """Series [MW] of a user's table or CSV file.

    Columns: `slot` (0, 1, 2, …, each once, in any order) or `time` (ISO 8601, equally far apart, in any
    order, the beginning of the slot), then one column per home, of numbers of at least 0. `unit` is "MW" or
    "kW".

    Raises
    ------
    InputError
        naming file, row, column, value in the table's unit, and remedy.
    """
    if unit not in ("MW", "kW"):
        raise InputError(f"unit is {unit!r}; use 'MW' or 'kW'")
    if not isinstance(rows, (str, Path)):
        return _profiles_of(rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows)), unit)
    frame = read_table(rows, "profiles", labels={"time": "time"})
    try:
        return _profiles_of(frame, unit)
    except InputError as error:
        raise InputError(f"file '{rows}': {error}") from error


def _profiles_of(frame: pd.DataFrame, unit: str) -> Profiles:
    when = "time" if "time" in frame.columns and "slot" not in frame.columns else "slot"
    homes = [column for column in frame.columns if column != when]
    if not homes:
        raise InputError(f"table 'profiles': there is no column of a home; give {when!r} and one per home")
    table = Table(frame, "profiles", [when, *homes])
    if len(table) == 0:
        raise InputError("table 'profiles': there is no row; give one for each slot")
    hours, clock = None, None
    if when == "slot":
        order = np.argsort(_slots(table))
    else:
        order, hours, clock = _times(table)
    values = np.array([table.numbers(home, unit, minimum=0.0) for home in homes])[:, order]
    return Profiles(tuple(homes), values * (1e-3 if unit == "kW" else 1.0), hours, clock)


def _slots(table: Table) -> np.ndarray:
    slot = table.whole_numbers("slot", len(table), "slots")
    seen = np.bincount(slot[slot >= 0], minlength=len(table))
    wrong = (slot < 0) | (seen[np.maximum(slot, 0)] > 1)
    table.refuse(wrong, "slot", "slots must be 0, 1, 2, … once each", "number the rows from 0")
    return slot


def _times(table: Table) -> tuple[np.ndarray, float, np.ndarray]:
    """Order of the rows by time, length of a slot [h], and (slots,) hour of the day of each."""
    times = [_time(table, row, value) for row, value in enumerate(table.frame["time"].tolist())]
    if len(times) < 2:
        raise InputError("table 'profiles': one row does not tell how long a slot is; give the column 'slot'")
    zoned = {time.tzinfo is not None for time in times}
    if len(zoned) > 1:
        raise InputError(
            "table 'profiles': some times have an offset from UTC and some have none; give all the same"
        )
    stamps = np.array([(time - times[0]).total_seconds() / 3600.0 for time in times])
    order = np.argsort(stamps, kind="stable")
    steps = np.diff(stamps[order])
    hours = float(np.median(steps))
    wrong = np.zeros(len(times), dtype=bool)
    wrong[order[1:]] = (np.abs(steps - hours) > SECOND) | (steps <= 0)
    table.refuse(
        wrong, "time", f"it does not follow the row before by {hours:g} h, as others do",
        "give equal steps without gap, and an offset from UTC where clocks change (2026-03-29 03:00+02:00)",
    )  # fmt: skip
    clock = np.array([time.hour + time.minute / 60.0 + time.second * SECOND for time in times])
    return order, hours, clock[order]


def _time(table: Table, row: int, value: object) -> datetime:
    if isinstance(value, datetime) and not pd.isna(value):
        return value
    try:
        return datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise table.fail(row, "time", "it is no time", "write times as 2026-01-31 13:00") from None
