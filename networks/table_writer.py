"""A case as a folder of tables, which `networks.table_reader` reads back with identical arrays."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from networks.case import Case
from networks.csv_tables import LABELS, write_csv
from networks.errors import InputError
from networks.files import replacing
from networks.notes import standing_notes
from networks.table_reader import KINDS


def write_case(case: Case, folder: Path) -> Path:
    """Write `case` to `folder` (made if needed; its tables are replaced); returns the folder."""
    frames = {
        "buses": _buses(case),
        "branches": case.grid.branches_frame,
        "links": case.grid.links_frame,
        "units": case.fleet.units_frame,
        "segments": case.fleet.segments_frame,
        "loads": case.fleet.loads_frame,
    }
    written = {kind: _encode_labels(frames, kind) for kind in KINDS}
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        write_csv(frame, folder / f"{name}.csv")
    with replacing(folder / "case.toml") as draft:
        draft.write_text(_settings(case, written), encoding="utf-8", newline="\n")
    return folder


def _buses(case: Case) -> pd.DataFrame:
    frame = case.grid.buses_frame
    if case.positions is None:
        return frame
    return frame.assign(x=case.positions[:, 0], y=case.positions[:, 1])


def _encode_labels(frames: dict[str, pd.DataFrame], kind: str) -> str:
    """Replace the labels of one kind by what the cells hold, and say how they are written."""
    columns = [(f, c) for f, frame in frames.items() for c in frame.columns if LABELS.get(c) == kind]
    values = [value for table, column in columns for value in frames[table][column].tolist()]
    for value in values:
        if not isinstance(value, (str, int, float)):
            raise InputError(f"label {value!r} of a {kind} cannot be written; use numbers or text as labels")
    if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
        written = "integer"
    elif all(isinstance(v, str) and v.isprintable() for v in values):
        written = "text"
    else:
        written = "json"
        for table, column in columns:
            frames[table][column] = [_json(value) for value in frames[table][column].tolist()]
    return written


def _json(label: Hashable) -> str | int:
    whole = isinstance(label, int) and not isinstance(label, bool)
    return label if whole else json.dumps(label)  # type: ignore[return-value]


def _settings(case: Case, written: dict[str, str]) -> str:
    """The text of `case.toml`; notes that follow from the tables are left to the reader."""
    standing = standing_notes(case.grid, case.fleet)
    lines = [
        _setting("name", case.name),
        _setting("title", case.title),
        f"base_mva = {case.grid.base_mva!r}",
        _setting("convention", case.grid.convention),
        *([_setting("fused", [list(pair) for pair in case.grid.fused])] if case.grid.fused else []),
        _setting("notes", [note for note in case.notes if note not in standing]),
        "",
        "[labels]",
        *[_setting(kind, how) for kind, how in written.items()],
        "",
        "[provenance]",
        *[_setting(key, value) for key, value in asdict(case.provenance).items()],
    ]
    return "\n".join(lines) + "\n"


def _setting(key: str, value: Hashable | list[Any]) -> str:
    """A TOML line; JSON strings and lists of strings are TOML too."""
    return f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
