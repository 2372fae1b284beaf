"""CSV files as tables, one way for all of them: labels as they are written, numbers to the last digit.

Which columns hold labels follows from their names (`LABELS`); every other cell is a number. The rules that a
user has to know are in `docs/tables.md`; `networks.csv_text` takes the file apart into cells.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from networks.checks import plain_number
from networks.csv_text import Cells, guarded, read_cells, unguarded
from networks.errors import InputError
from networks.files import replacing

Source = str | Path | Traversable

LABELS: Mapping[str, str] = {
    "bus": "bus", "from_bus": "bus", "to_bus": "bus", "branch": "branch", "link": "link", "line": "line",
    "unit": "unit", "order": "order", "load": "load", "owner": "owner", "participant": "owner",
    "seller": "seller", "buyer": "buyer", "agent": "agent", "book": "book", "block": "block",
    "exclusive": "exclusive",
}  # fmt: skip
"""Columns of labels, and the kind of each: labels of one kind in files read together have one type."""

WORDS = ("side", "in_service")
"""Columns of words, which are left as they are written."""

_WHOLE = re.compile(r"-?[1-9][0-9]{0,17}|0", re.ASCII)
_COMMA = re.compile(r"[+-]?([0-9]+,[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?")
_POINT = re.compile(r"[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")


def read_table(source: Source, table: str, labels: Mapping[str, str] = LABELS) -> pd.DataFrame:
    """One CSV file as a data frame; see :func:`read_tables`."""
    return typed_tables({table: read_cells(source, table)}, labels)[table]


def read_tables(sources: Mapping[str, Source | None], labels: Mapping[str, str] = LABELS) -> dict[str, Any]:
    """CSV files that belong together (such as orders, ramps and fixed demand) as data frames by table.

    Cells are separated by commas, semicolons or tabs. Labels are whole numbers where all of their kind are
    written plainly as such (`59`, never `059`, `1e2` or `59.0`), and text as written otherwise (`NA`, `007`).
    Numbers have a decimal point, or a decimal comma where the file leaves no doubt. An empty cell is a gap;
    whatever else is no number stays text, so that whoever needs a number refuses it by name.

    Parameters
    ----------
    sources : file by table; None (the table is not given) stays None.
    labels : columns of labels and their kinds.

    Raises
    ------
    InputError
        naming table, row, column, value and remedy.
    """
    cells = {table: read_cells(source, table) for table, source in sources.items() if source is not None}
    frames = typed_tables(cells, labels)
    return {table: frames.get(table) for table in sources}


def typed_tables(
    tables: Mapping[str, Cells],
    labels: Mapping[str, str] = LABELS,
    decoders: Mapping[str, Callable[[str], Hashable]] | None = None,
) -> dict[str, pd.DataFrame]:
    """Cells as data frames; `decoders` says how the labels of some kinds are written."""
    decode = {**_decoders(tables, labels), **(decoders or {})}
    frames = {}
    for table, cells in tables.items():
        words = {name for name in cells.columns if name in labels or name in WORDS}
        comma = _decimal_comma(cells, [name for name in cells.columns if name not in words])
        columns: dict[str, np.ndarray] = {}
        for name, column in cells.columns.items():
            if name in labels:
                columns[name] = np.array(_each(column, decode[labels[name]]), dtype=object)
            elif name in words:
                columns[name] = np.array(column, dtype=object)
            else:
                columns[name] = numbers_of(column, comma)
        frames[table] = pd.DataFrame(columns)
    return frames


def numbers_of(cells: Iterable[str], decimal_comma: bool = False) -> np.ndarray:
    """Cells as floats to the last digit, empty ones NaN; where one is no number, it stays text among them."""

    def parse(cell: str) -> Any:
        if not cell.strip():
            return np.nan
        value = plain_number(cell.replace(",", ".") if decimal_comma else cell)
        return cell if np.isnan(value) else value

    values = _each(cells, parse)
    return np.array(values, dtype=float if all(isinstance(value, float) for value in values) else object)


def is_whole(text: str) -> bool:
    """Whether a text is a whole number written plainly, so that it can be written back the same."""
    return _WHOLE.fullmatch(text) is not None


def known_labels(labels: Iterable[Hashable]) -> dict[Hashable, int]:
    """Positions by label, and by what a file makes of it: it cannot tell 7 from "7". A label's own type
    goes before."""
    out: dict[Hashable, int] = {}
    exact = {label: k for k, label in enumerate(labels)}
    for label, k in exact.items():
        text = str(label)
        out.setdefault(text, k)
        if is_whole(text):
            out.setdefault(int(text), k)
    return out | exact


def with_labels_of(frame: pd.DataFrame | None, known: Collection[Hashable], column: str = "bus") -> Any:
    """The table with the labels of a column in the type in which `known` has them; others as they are."""
    if frame is None or column not in frame.columns:
        return frame
    names, position = list(known), known_labels(known)
    given = frame[column].tolist()
    found = [position.get(label, position.get(str(label).strip())) for label in given]
    labels = [label if k is None else names[k] for label, k in zip(given, found, strict=True)]
    return frame.assign(**{column: pd.Series(labels, index=frame.index, dtype=object)})


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table whole or not at all, with floats to the last digit; missing values are empty cells.

    Text that a spreadsheet would run as a formula gets an apostrophe in front (see
    :func:`networks.csv_text.guarded`).
    """
    with replacing(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([guarded(str(name)) for name in frame.columns])
        columns = [[_cell(value) for value in frame.iloc[:, k].tolist()] for k in range(frame.shape[1])]
        writer.writerows(zip(*columns, strict=True))


def _cell(value: Any) -> str:
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, float):
        return "" if np.isnan(value) else repr(float(value))
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    return guarded(value) if isinstance(value, str) else str(value)


def _each(cells: Iterable[str], function: Callable[[str], Any]) -> list[Any]:
    """The function of every cell; a cell that comes again is not worked out again."""
    cells = list(cells)
    known = {cell: function(cell) for cell in set(cells)}
    return [known[cell] for cell in cells]


def _decoders(tables: Mapping[str, Cells], labels: Mapping[str, str]) -> dict[str, Callable[[str], Hashable]]:
    """By kind: whole numbers where all of the kind are, else text."""
    # an order without a unit is a unit of its own, so that ramps may name it
    joined = any("order" in t.columns and not all(t.columns.get("unit", [""])) for t in tables.values())
    group = {kind: "unit" if joined and kind == "order" else kind for kind in labels.values()}
    textual = set()
    for cells in tables.values():
        for name, column in cells.columns.items():
            if name in labels and not all(is_whole(cell.strip(" ")) for cell in set(column) if cell):
                textual.add(group[labels[name]])
    return {kind: _text_label if group[kind] in textual else _whole_label for kind in group}


def _whole_label(cell: str) -> Hashable:
    return int(cell) if cell else None


def _text_label(cell: str) -> Hashable:
    return unguarded(cell) if cell else None


def _decimal_comma(cells: Cells, names: Sequence[str]) -> bool:
    """Whether the file's numbers have decimal commas.

    A comma before three digits may as well part the thousands, and so may a point where cells are not
    separated by commas: one number of the file that can only be a fraction tells.
    """
    found = {name: {cell.strip() for cell in cells.columns[name]} for name in names}
    commas = [(name, c) for name in names for c in found[name] if "," in c and _COMMA.fullmatch(c)]
    points = [(name, c) for name in names for c in found[name] if "." in c and _POINT.fullmatch(c)]
    marks = commas or (points if cells.separator != "," else [])
    if not marks:
        return False
    if commas and points:
        raise _doubt(
            cells, commas, "other numbers of the file have a decimal point", "write points throughout"
        )
    if all(_GROUPED.fullmatch(cell) for _, cell in marks):
        raise _doubt(
            cells, marks, "its mark may part the thousands as well as the decimals",
            "write it with a decimal point, no mark between thousands, and commas between cells",
        )  # fmt: skip
    return bool(commas)


def _doubt(cells: Cells, marks: list[tuple[str, str]], problem: str, remedy: str) -> InputError:
    wanted = set(marks)
    row, name, cell = min(
        (row, name, cell)
        for name in {name for name, _ in marks}
        for row, cell in enumerate(cells.columns[name])
        if (name, cell.strip()) in wanted
    )
    return InputError(f"table '{cells.table}', row {row}: column '{name}' is {cell!r}: {problem}; {remedy}")
