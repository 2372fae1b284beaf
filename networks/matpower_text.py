"""The text of a MATPOWER `.m` case file, taken apart into numeric tables that know their lines."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from networks.errors import InputError

READ = frozenset({"bus", "gen", "branch", "gencost", "dcline", "dclinecost"})
"""The tables that a case is made of; others are passed over."""


@dataclass(frozen=True)
class TextTable:
    """One matrix of the file: `values` (rows, columns), and per row its number (from 1) and its line."""

    file: str
    name: str
    values: np.ndarray
    numbers: tuple[int, ...] = ()
    lines: tuple[int, ...] = ()

    def row(self, k: int) -> str:
        return f"file '{self.file}', table '{self.name}', row {self.numbers[k]} (line {self.lines[k]})"

    def need_columns(self, least: int, usual: int) -> None:
        """Refuse a row that is shorter than the format's `least`; the message counts the `usual` ones."""
        if self.values.shape[1] < least:
            raise InputError(
                f"{self.row(0)}: it has {self.values.shape[1]} of {usual} columns; "
                "complete it (MATPOWER format version 2), or save the case again with savecase"
            )

    def take(self, rows: np.ndarray) -> TextTable:
        """Some of the rows, which keep their numbers and lines."""
        numbers, lines = (tuple(given[k] for k in rows) for given in (self.numbers, self.lines))
        return TextTable(self.file, self.name, self.values[rows], numbers, lines)


@dataclass(frozen=True)
class MatpowerText:
    """Name of the file and of its case, power base [MVA], and its numeric tables."""

    file: str
    name: str
    base_mva: float
    tables: dict[str, TextTable]


def parse_matpower(text: str, file: str) -> MatpowerText:
    """Take apart a case file of format version 2; `file` appears in messages.

    Raises
    ------
    InputError
        for a file that is no such case, is truncated, has rows of unequal length or values that are
        not numbers, or changes its tables by program code, which only MATPOWER can run.
    """
    clean = _without_comments(text)
    header = re.search(r"^\s*function\s+(\w+)\s*=\s*(\w+)", clean, re.MULTILINE)
    struct = header.group(1) if header else "mpc"
    fields = _assignments(clean, struct, file)
    if "bus" not in fields or "branch" not in fields:
        lacking = "bus" if "bus" not in fields else "branch"
        raise InputError(
            f"file '{file}': table '{lacking}' is missing; it is not a MATPOWER case, or it is truncated: "
            "give a .m file with mpc.bus, mpc.gen and mpc.branch"
        )
    version = fields.get("version", (0, ""))[1].strip("'\" ")
    if version != "2":
        raise InputError(
            f"file '{file}': version is {version!r}; only MATPOWER format '2' is read: "
            "load the case in MATPOWER and save it with savecase"
        )
    base = fields.get("baseMVA", (0, ""))[1].strip()
    if not _is_number(base):
        raise InputError(f"file '{file}': baseMVA is {base!r}; give a positive number in MVA (usually 100)")
    for name in READ.intersection(fields):
        if not fields[name][1].startswith("["):
            raise InputError(
                f"file '{file}', table '{name}' (line {_line(clean, fields[name][0])}): it is no matrix "
                "of numbers "
                "in brackets; load the case in MATPOWER and save it with savecase"
            )
    tables = {
        name: _matrix(clean, start, body, name, file)
        for name, (start, body) in fields.items()
        if body.startswith("[")
    }
    return MatpowerText(file, header.group(2) if header else "case", float(base), tables)


JOINED = "\r"
"""Stands for a line end after `...`: white space that still counts as a line."""


def _without_comments(text: str) -> str:
    """The text without comments and with continued lines joined; line numbers are kept."""
    out: list[str] = []
    in_block = False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if line.strip() in ("%{", "%}"):
            in_block = line.strip() == "%{"
            out.append("\n")
            continue
        kept = "" if in_block else _strip_comment(line)
        body, dots, _ = kept.partition("...")
        out.append(body + (JOINED if dots else "\n"))
    return "".join(out)


def _strip_comment(line: str) -> str:
    """The line up to the first % that is not inside quotes (a quote after a word transposes)."""
    quoted = False
    for k, character in enumerate(line):
        if character == "'" and (quoted or k == 0 or not (line[k - 1].isalnum() or line[k - 1] in "])}.'")):
            quoted = not quoted
        elif character == "%" and not quoted:
            return line[:k]
    return line


def _assignments(clean: str, struct: str, file: str) -> dict[str, tuple[int, str]]:
    """`field -> (start, text of the value)` of every `struct.field = value`."""
    fields: dict[str, tuple[int, str]] = {}
    for found in re.finditer(rf"^[ \t\r]*{struct}\.(\w+)([^\n=]*)=(?!=)\s*", clean, re.MULTILINE):
        name, index = found.group(1), found.group(2).strip()
        if index:
            raise InputError(
                f"file '{file}', line {_line(clean, found.start(1))}: table '{name}' is changed by program "
                f"code ({struct}.{name}{index} = …), which only MATPOWER can run: load it there and save it "
                "with savecase"
            )
        fields[name] = (found.end(), _value(clean, found.end(), name, file))
    return fields


def _value(clean: str, start: int, name: str, file: str) -> str:
    closing = {"[": "]", "{": "}"}.get(clean[start : start + 1])
    if closing is None:
        return re.split(r"[;\n]", clean[start:], maxsplit=1)[0]
    end = clean.find(closing, start)
    following = re.search(r"^\s*\w+(\.\w+)?\s*=", clean[start:], re.MULTILINE)
    if end < 0 or (following and start + following.start() < end and closing == "]"):
        raise InputError(
            f"file '{file}', table '{name}' (line {_line(clean, start)}): the closing '{closing}' is "
            "missing; the file is truncated: fetch it again"
        )
    rest = re.split(r"[;\n]", clean[end + 1 :], maxsplit=1)[0].strip()
    if rest:
        raise InputError(
            f"file '{file}', table '{name}' (line {_line(clean, end)}): program code follows it ({rest!r}); "
            "load the case in MATPOWER and save it with savecase"
        )
    return clean[start : end + 1]


def _matrix(clean: str, start: int, body: str, name: str, file: str) -> TextTable:
    rows: list[list[str]] = []
    lines: list[int] = []
    line = _line(clean, start)
    for piece, end in re.findall(r"([^;\n]*)([;\n]?)", body[1:-1]):
        cells = piece.replace(",", " ").split()
        if cells:
            rows.append(cells)
            lines.append(line + piece[: len(piece) - len(piece.lstrip())].count(JOINED))
        line += piece.count(JOINED) + (end == "\n")
    if not rows:
        return TextTable(file, name, np.zeros((0, 0)))
    table = TextTable(file, name, np.zeros((0, 0)), tuple(range(1, len(rows) + 1)), tuple(lines))
    columns, _ = Counter(len(cells) for cells in rows).most_common(1)[0]
    for k, cells in enumerate(rows):
        if len(cells) != columns:
            raise InputError(
                f"{table.row(k)}: it has {len(cells)} of {columns} columns; complete the row "
                "(is the file truncated?)"
            )
        for column, cell in enumerate(cells):
            if not _is_number(cell):
                raise InputError(
                    f"{table.row(k)}: column {column + 1} is {cell!r}: it is not a number; give a number"
                )
    return replace(table, values=np.array(rows, dtype=float))


_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[iI]nf)")


def _is_number(cell: str) -> bool:
    """Whether MATLAB and Python read the cell as the same number (no `1_0`, no NaN)."""
    return _NUMBER.fullmatch(cell) is not None


def _line(clean: str, position: int) -> int:
    return clean.count("\n", 0, position) + clean.count(JOINED, 0, position) + 1
