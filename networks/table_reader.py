"""A folder of this toolkit's own tables as a case; `networks.table_writer` writes such folders."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Hashable, Iterable, Mapping
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import pandas as pd

from networks.case import Case, Provenance, build_case
from networks.checks import Table
from networks.errors import InputError
from networks.fleet import Fleet
from networks.grid import AngleLimits, Convention, Grid

TABLES = ("buses", "branches", "links", "units", "segments", "loads")

LABELS = {
    "bus": [("buses", "bus"), ("units", "bus"), ("loads", "bus")]
    + [(table, end) for table in ("branches", "links") for end in ("from_bus", "to_bus")],
    "branch": [("branches", "branch")],
    "link": [("links", "link")],
    "unit": [("units", "unit"), ("segments", "unit")],
    "load": [("loads", "load")],
    "owner": [("units", "owner"), ("loads", "owner")],
}
"""Kinds of labels, and the table columns that hold them."""

SETTINGS: dict[str, Any] = {
    "name": "",
    "title": "",
    "base_mva": 100.0,
    "convention": "matpower",
    "notes": [],
    "labels": {},
    "provenance": {},
}
"""The settings that `case.toml` may give, with their defaults (name and title: the folder's name)."""


def read_folder(
    folder: Traversable, convention: Convention | None = None, angle_limits: AngleLimits = "file"
) -> Case:
    """The case in a folder: `buses.csv`, `units.csv` and, where needed, `branches.csv`, `links.csv`,
    `segments.csv`, `loads.csv` (columns as in `Grid.from_tables` and `Fleet.from_tables`; `buses` may
    have drawing coordinates `x, y`), and `case.toml`.

    `case.toml` may give name, title, base_mva (100), convention ("matpower"), notes, provenance and,
    under `labels`, how the labels of each kind (bus, branch, link, unit, load, owner) are written:
    "integer", "text", or "json" (each cell a JSON value). Without it, labels that all look like whole
    numbers are whole numbers, and all others are text.

    Raises
    ------
    InputError
        naming folder, table, row, column, value and remedy.
    """
    try:
        settings = _settings(folder)
        frames = {name: _read_csv(folder, name) for name in TABLES}
        for name in ("buses", "units"):
            if not len(frames[name].columns):
                raise InputError(
                    f"file '{name}.csv' is missing or empty; a case needs buses.csv and units.csv"
                )
        for kind, columns in LABELS.items():
            _decode_labels(frames, columns, settings["labels"].get(kind), kind)
        positions = _positions(frames)
        grid = Grid.from_tables(
            frames["buses"],
            frames["branches"],
            frames["links"],
            base_mva=settings["base_mva"],
            convention=convention or settings["convention"],
            angle_limits=angle_limits,
        )
        fleet = Fleet.from_tables(grid, frames["units"], frames["segments"], frames["loads"])
        provenance = Provenance(**{"source": str(folder), **settings["provenance"]})
        name = settings["name"] or folder.name
        notes = tuple(str(note) for note in settings["notes"])
        return build_case(name, settings["title"] or name, grid, fleet, provenance, positions, notes)
    except InputError as error:
        raise InputError(f"folder '{folder}': {error}") from error


def _settings(folder: Traversable) -> dict[str, Any]:
    given: dict[str, Any] = {}
    path = folder.joinpath("case.toml")
    if path.is_file():
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"file 'case.toml' is not TOML ({error}); correct it") from error
    for table, known in (
        (given, SETTINGS),
        (given.get("labels", {}), LABELS),
        (given.get("provenance", {}), Provenance.__dataclass_fields__),
    ):
        _refuse_strange_settings(table, known)
    return SETTINGS | given


def _refuse_strange_settings(table: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raise InputError for an unknown key, and for a value of the wrong kind."""
    remedy = f"known are {', '.join(sorted(known))}"
    for key, value in table.items():
        if key not in known:
            raise InputError(f"file 'case.toml': setting '{key}' is unknown; {remedy}")
        wanted = type(known[key]) if known is SETTINGS else str
        if not isinstance(value, (int, float) if wanted is float else wanted):
            raise InputError(
                f"file 'case.toml': setting '{key}' is {value!r}; give it as in {key} = {wanted()!r}"
            )


def read_csv_rows(path: Traversable, table: str) -> pd.DataFrame:
    """The cells of a CSV file as text; a row of the wrong length is refused."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"table '{table}': the file is not CSV in UTF-8 ({error}); write it again"
        ) from error
    if not rows:
        return pd.DataFrame()
    for number, row in enumerate(rows[1:]):
        if len(row) != len(rows[0]):
            raise InputError(
                f"table '{table}', row {number}: it has {len(row)} of {len(rows[0])} columns; complete the "
                "row (is the file truncated?)"
            )
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=object)


def as_numbers(column: Iterable[str]) -> list[Any]:
    """Cells as floats to the last digit; empty ones NaN; others stay text, to be refused by name."""

    def number(cell: str) -> Any:
        if not cell.strip():
            return np.nan
        try:
            return float(cell)
        except ValueError:
            return cell

    return [number(cell) for cell in column]


def _read_csv(folder: Traversable, name: str) -> pd.DataFrame:
    path = folder.joinpath(f"{name}.csv")
    if not path.is_file():
        return pd.DataFrame()
    frame = read_csv_rows(path, name)
    labels = {column for columns in LABELS.values() for table, column in columns if table == name}
    for column in frame.columns:
        if column not in labels and column != "in_service":
            frame[column] = pd.Series(as_numbers(frame[column]), dtype=object).infer_objects()
    return frame


def _decode_labels(
    frames: dict[str, pd.DataFrame], columns: list[tuple[str, str]], written: str | None, kind: str
) -> None:
    present = [(table, column) for table, column in columns if column in frames[table]]
    if written is None:
        cells = [cell for table, column in present for cell in frames[table][column] if cell]
        written = "integer" if all(_is_integer(cell) for cell in cells) else "text"
    if written not in ("integer", "text", "json"):
        raise InputError(f"file 'case.toml': labels of '{kind}' are {written!r}; use integer, text or json")
    for table, column in present:
        decoded = [_decode(cell, written) for cell in frames[table][column]]
        frames[table][column] = pd.Series(decoded, dtype=object)


def _decode(cell: str, written: str) -> Hashable:
    if cell == "":
        return None
    if written == "integer":
        return int(cell) if _is_integer(cell) else cell
    if written == "json":
        try:
            value = json.loads(cell)
        except json.JSONDecodeError:
            return cell
        return value if isinstance(value, (str, int, float)) else cell
    return cell


def _is_integer(cell: str) -> bool:
    """Whether the cell is a whole number written plainly, so that it can be written back the same."""
    digits = cell.removeprefix("-")
    return digits.isascii() and digits.isdigit() and str(int(cell)) == cell


def _positions(frames: dict[str, pd.DataFrame]) -> np.ndarray | None:
    """(buses, 2) from columns x and y of `buses`, which are taken out."""
    frame = frames["buses"]
    if "x" not in frame and "y" not in frame:
        return None
    table = Table(frame[["bus", *[c for c in ("x", "y") if c in frame]]], "buses", ["bus", "x", "y"])
    columns = [table.numbers(axis, "drawing units", missing=np.nan) for axis in ("x", "y")]
    frames["buses"] = frame.drop(columns=["x", "y"])
    return np.column_stack(columns)
