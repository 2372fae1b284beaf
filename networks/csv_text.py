"""The text of a CSV file taken apart: separator, header and cells, with every fault named by its row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from networks.errors import InputError

MOST_BYTES = 100_000_000
"""Of a text file. Two million orders, which take 1 GB as cells."""

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""How a text begins that a spreadsheet would run as a formula, or would without the apostrophes before it."""

_HEADER = re.compile(r'[\r\n]*(?:"(?:[^"]|"")*"|[^"\r\n])*')
_QUOTED = re.compile(r'"(?:[^"]|"")*"')


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a table as text, by column; `separator` is what parts them in the file."""

    table: str
    separator: str
    columns: Mapping[str, list[str]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))


def read_text(path: Path | Traversable, what: str) -> str:
    """A text file in UTF-8, refused where it is too large or no text; `what` begins the message.

    Raises
    ------
    InputError
        where there is no such file, or it is a folder, too large or in another encoding.
    """
    return _decoded(read_bytes(path, what), what)


def read_bytes(path: Path | Traversable, what: str) -> bytes:
    """The bytes of a file, refused where there is none or it is larger than `MOST_BYTES`."""
    if path.is_dir():
        raise InputError(f"{what}: {str(path)!r} is a folder; name a file")
    if not path.is_file() and not (isinstance(path, Path) and path.exists()):
        raise InputError(f"{what}: there is no file {str(path)!r}; check the path")
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{what}: {str(path)!r} cannot be read ({error.strerror or error})") from None
    if len(raw) > MOST_BYTES:
        raise InputError(
            f"{what}: {str(path)!r} is larger than {MOST_BYTES // 1_000_000} MB, the most that is read; "
            "split it, or give a data frame from Python"
        )
    return raw


def read_cells(source: str | Path | Traversable, table: str) -> Cells:
    """The cells of a CSV file with a header row, separated by commas, semicolons or tabs.

    Raises
    ------
    InputError
        where there is no such file, or it is no table: empty, ragged, with a nameless or repeated column.
    """
    path = Path(source) if isinstance(source, str) else source
    raw = read_bytes(path, f"table '{table}'")
    if not raw.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InputError(
            f"table '{table}': {str(source)!r} is empty; give a header row and one row per entry"
        )
    return cells_of(raw, table)


def cells_of(raw: bytes, table: str) -> Cells:
    """The cells of the bytes of a CSV file that is not empty."""
    separator = _separator(_decoded(raw, f"table '{table}'"), table)
    place = raw.find(b"\0")
    if place >= 0:
        raise InputError(
            f"table '{table}', line {_line(raw, place)}: it holds a NUL character; write it again as text"
        )
    rows = _rows(raw, separator, table)
    header = _header(next(rows, []), table)
    columns: list[list[str]] = [[] for _ in header]
    same: dict[str, str] = {}  # one copy of a text that comes again
    for number, row in enumerate(rows):
        if len(row) != len(header):
            raise _ragged(number, len(row), len(header), separator, table)
        for column, cell in zip(columns, row, strict=True):
            column.append(same.setdefault(cell, cell))
    return Cells(table, separator, dict(zip(header, columns, strict=True)))


def guarded(text: str) -> str:
    """The text with an apostrophe in front where it begins like a formula; reading takes it away."""
    return f"'{text}" if FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """What :func:`guarded` was given."""
    return cell[1:] if cell[:1] == "'" and FORMULA.match(cell) else cell


def _decoded(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{what}, line {_line(raw, error.start)}: the file is not text in UTF-8 ({error.reason}); "
            "save it as that"
        ) from None


def _line(raw: bytes, place: int) -> int:
    return raw.count(b"\n", 0, place) + 1


def _separator(text: str, table: str) -> str:
    """The one separator that the header has outside quotes; a comma where it has none."""
    header = _HEADER.match(text)
    assert header is not None  # the pattern matches the empty text
    found = [mark for mark in SEPARATORS if mark in _QUOTED.sub("", header[0])]
    if len(found) > 1:
        words = " and ".join(SEPARATORS[mark] for mark in found)
        raise InputError(
            f"table '{table}': its header row has both {words}; put names with such marks in quotes, so that "
            "one of them is the separator"
        )
    return found[0] if found else ","


def _rows(raw: bytes, separator: str, table: str) -> Iterator[list[str]]:
    """The rows that are not blank lines."""
    lines = io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig", newline="")
    try:
        yield from (row for row in csv.reader(lines, delimiter=separator, strict=True) if row)
    except csv.Error as error:
        raise InputError(f"table '{table}': the file is not CSV ({error}); write it again") from None


def _header(row: list[str], table: str) -> list[str]:
    names = [unguarded(cell) for cell in row]
    seen: set[str] = set()
    for position, name in enumerate(names):
        if not name.strip():
            raise InputError(
                f"table '{table}': column {position} has no name; name it in the header row, or take "
                "it out (no separator at the end of a row)"
            )
        if name in seen:
            raise InputError(f"table '{table}': column '{name}' appears twice; keep one")
        seen.add(name)
    return names


def _ragged(number: int, found: int, wanted: int, separator: str, table: str) -> InputError:
    if found < wanted:
        return InputError(
            f"table '{table}', row {number}: it has {found} of {wanted} columns; complete the row (is the "
            "file truncated?)"
        )
    advice = (
        "decimal points, not commas; text with commas in quotes" if separator == "," else "text in quotes"
    )
    return InputError(
        f"table '{table}', row {number}: it has {found} cells for {wanted} columns; give one cell per column "
        f"({advice}; no separator at the end of a row)"
    )
