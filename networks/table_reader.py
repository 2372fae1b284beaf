"""A folder of this toolkit's own tables as a case; `networks.table_writer` writes such folders."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Hashable, Mapping
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from networks.case import Case, Provenance, build_case
from networks.checks import Table, shown
from networks.csv_tables import is_whole, typed_tables
from networks.csv_text import read_cells, read_text, unguarded
from networks.errors import InputError
from networks.fleet import Fleet
from networks.grid import AngleLimits, Convention, Grid

TABLES = ("buses", "branches", "links", "units", "segments", "loads")

KINDS = ("bus", "branch", "link", "unit", "load", "owner")
"""Kinds of labels, of which `case.toml` may say how they are written."""

SETTINGS: dict[str, Any] = {
    "name": "",
    "title": "",
    "base_mva": 100.0,
    "convention": "matpower",
    "notes": [],
    "fused": [],
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

    `case.toml` may give name, title, base_mva (100), convention ("matpower"), notes, provenance, fused (pairs
    of a bus that closed switches join to another, and that other one, as in [[5, 3]]) and,
    under `labels`, how the labels of each kind (bus, branch, link, unit, load, owner) are written:
    "integer", "text", or "json" (each cell a JSON value). Without it, labels of a kind that are all plainly
    written whole numbers are whole numbers, and all others are text.

    Raises
    ------
    InputError
        naming folder, table, row, column, value and remedy.
    """
    try:
        settings = _settings(folder)
        frames = _frames(folder, settings["labels"])
        positions = _positions(frames)
        grid = Grid.from_tables(
            frames["buses"],
            frames["branches"],
            frames["links"],
            base_mva=settings["base_mva"],
            convention=convention or settings["convention"],
            angle_limits=angle_limits,
            fused=_pairs(settings["fused"]),
        )
        fleet = Fleet.from_tables(grid, frames["units"], frames["segments"], frames["loads"])
        provenance = Provenance(**{"source": str(folder), **settings["provenance"]})
        name = settings["name"] or folder.name
        notes = tuple(str(note) for note in settings["notes"])
        return build_case(name, settings["title"] or name, grid, fleet, provenance, positions, notes)
    except InputError as error:
        raise InputError(f"folder '{folder}': {error}") from error


def _frames(folder: Traversable, written: Mapping[str, str]) -> dict[str, pd.DataFrame]:
    """Every table as a data frame; one that is not there has no columns."""
    paths = {name: folder.joinpath(f"{name}.csv") for name in TABLES}
    cells = {
        name: read_cells(path, name) for name, path in paths.items() if path.is_file() and _has_text(path)
    }
    for name in ("buses", "units"):
        if name not in cells:
            raise InputError(f"file '{name}.csv' is missing or empty; a case needs buses.csv and units.csv")
    for kind, how in written.items():
        if how not in _DECODERS:
            raise InputError(f"file 'case.toml': labels of '{kind}' are {how!r}; use integer, text or json")
    decoders = {kind: _DECODERS[how] for kind, how in written.items()}
    return {name: pd.DataFrame() for name in TABLES} | typed_tables(cells, decoders=decoders)


def _has_text(path: Traversable) -> bool:
    with path.open("rb") as file:
        return bool(file.read(4).strip(b"\xef\xbb\xbf\r\n"))


def read_settings(folder: Path | Traversable, name: str) -> dict[str, Any]:
    """The settings of a TOML file in a folder; none where it is missing."""
    path = folder.joinpath(name)
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(read_text(path, f"file '{name}'"))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        raise InputError(f"file '{name}' is not TOML ({reason}); correct it") from error


def _settings(folder: Traversable) -> dict[str, Any]:
    given = read_settings(folder, "case.toml")
    for table, known in (
        (given, SETTINGS),
        (given.get("labels", {}), dict.fromkeys(KINDS, "")),
        (given.get("provenance", {}), dict.fromkeys(Provenance.__dataclass_fields__, "")),
    ):
        _refuse_strange_settings(table, known)
    return SETTINGS | given


def _refuse_strange_settings(table: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Raise InputError for an unknown key, and for a value of the wrong kind."""
    remedy = f"known are {', '.join(sorted(known))}"
    for key, value in table.items():
        if key not in known:
            raise InputError(f"file 'case.toml': setting {shown(key)} is unknown; {remedy}")
        wanted = type(known[key])
        good = isinstance(value, (int, float) if wanted is float else wanted) and not isinstance(value, bool)
        if not good:
            raise InputError(
                f"file 'case.toml': setting '{key}' is {shown(value)}; give it as in {key} = {wanted()!r}"
            )


def _pairs(given: list[Any]) -> list[tuple[Hashable, Hashable]]:
    """The setting `fused`: pairs of labels."""
    for pair in given:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(x, (str, int)) for x in pair):
            raise InputError(
                f"file 'case.toml': setting 'fused' has {shown(pair)}; give [bus, bus of the grid]"
            )
    return [(label, bus) for label, bus in given]


def _from_json(cell: str) -> Hashable:
    try:
        value = json.loads(unguarded(cell)) if cell else None
    except (ValueError, RecursionError):
        return cell
    return value if isinstance(value, (str, int, float)) or value is None else cell


def _from_integer(cell: str) -> Hashable:
    return int(cell) if is_whole(cell) else unguarded(cell) or None


_DECODERS: Mapping[str, Callable[[str], Hashable]] = {
    "integer": _from_integer, "text": lambda cell: unguarded(cell) or None, "json": _from_json,
}  # fmt: skip


def _positions(frames: dict[str, pd.DataFrame]) -> np.ndarray | None:
    """(buses, 2) from columns x and y of `buses`, which are taken out."""
    frame = frames["buses"]
    axes = [axis for axis in ("x", "y") if axis in frame]
    if not axes:
        return None
    table = Table(frame[[column for column in ("bus", *axes) if column in frame]], "buses", ["bus", "x", "y"])
    columns = [table.numbers(axis, "drawing units", missing=np.nan) for axis in ("x", "y")]
    frames["buses"] = frame.drop(columns=axes)
    return np.column_stack(columns)
