"""What the variables of a `.m` file hold: numbers, matrices that know their lines, texts, cells, structs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

MOST_CELLS = 20_000_000
"""Cells of the largest matrix that is built: 160 MB, ten times the largest public case."""
MOST_HELD = 2 * MOST_CELLS
"""Cells of all variables together."""


class Fault(Exception):
    """What a line does that is not read, and the remedy."""

    def __init__(self, line: int, problem: str, remedy: str):
        super().__init__(problem)
        self.line, self.problem, self.remedy = line, problem, remedy


@dataclass(eq=False, slots=True)
class Matrix:
    """(rows, columns) numbers or bools, and the file's line of each row.

    `shared` marks that two variables hold it, so that an assignment to some of its cells must copy it;
    otherwise a thousand such assignments would copy a large table a thousand times.
    """

    values: np.ndarray
    lines: np.ndarray
    held: bool = field(default=False)
    shared: bool = field(default=False)


@dataclass(frozen=True, eq=False, slots=True)
class Cell:
    """A cell array: rows of values."""

    rows: list[list[object]]


@dataclass(frozen=True, eq=False, slots=True)
class Struct:
    """A struct; assigning to a field makes a new one."""

    fields: dict[str, object]

    def with_field(self, name: str, value: object) -> Struct:
        return Struct({**self.fields, name: value})


@dataclass(frozen=True, eq=False, slots=True)
class Unknown:
    """What a statement would have assigned that is not executed: an error only where it is used."""

    fault: Fault


Value = np.float64 | np.bool_ | Matrix | str | Cell | Struct | Unknown


def hold(value: object) -> object:
    """Tell the matrices in `value` that one more variable holds them; what it holds often is visited once."""
    waiting, seen = [value], {id(value)}
    while waiting:
        part = waiting.pop()
        if isinstance(part, Matrix):
            part.shared, part.held = part.held, True
        elif isinstance(part, Struct):
            new = {id(inner): inner for inner in part.fields.values() if id(inner) not in seen}
            seen |= new.keys()
            waiting += new.values()
    return value


def stack_rows(rows: Sequence[Sequence[float]], lines: Sequence[int]) -> Matrix | np.float64:
    """The matrix of rows of numbers; one number is a scalar.

    Raises
    ------
    Fault
        for the first row of unusual length, if the rows differ.
    """
    if not rows:
        return Matrix(np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
    columns, _ = Counter(map(len, rows)).most_common(1)[0]
    for k, row in enumerate(rows):
        if len(row) != columns:
            raise Fault(
                lines[k],
                f"row {k + 1} has {len(row)} of {columns} columns",
                "complete the row (is the file truncated?)",
            )
    values = np.array(rows, dtype=float)
    return values[0, 0] if values.shape == (1, 1) else Matrix(values, np.array(lines, dtype=np.int64))


def simple(values: np.ndarray, lines: np.ndarray) -> Matrix | np.float64 | np.bool_:
    """A matrix, or the scalar that a matrix of one cell is."""
    return values[0, 0] if values.shape == (1, 1) else Matrix(values, lines)


def join(rows: list[list[tuple[Value, int]]], line: int) -> Value:
    """The value of a bracket's rows of elements (each with its line): `[a b; c d]`."""
    if all(isinstance(value, (np.float64, np.bool_)) for row in rows for value, _ in row):
        scalars = [[float(value) for value, _ in row] for row in rows]  # type: ignore[arg-type]
        found = stack_rows(scalars, [row[0][1] for row in rows])
        if isinstance(found, Matrix) and all(isinstance(v, np.bool_) for row in rows for v, _ in row):
            return Matrix(found.values != 0, found.lines)  # a mask
        return found
    if len(rows) == 1 and all(isinstance(value, str) for value, _ in rows[0]):
        texts = [str(value) for value, _ in rows[0]]
        limit_cells(sum(map(len, texts)), line, "a text of {} characters")
        return "".join(texts)
    limit_cells(sum(v.values.size if isinstance(v, Matrix) else 1 for row in rows for v, _ in row), line)
    bands = [band for row in rows if (band := _side_by_side(row)).values.size]
    widths = Counter(band.values.shape[1] for band in bands)
    for band in bands:
        usual = widths.most_common(1)[0][0]
        if band.values.shape[1] != usual:
            raise Fault(
                int(band.lines[0]),
                f"a row has {band.values.shape[1]} columns below or above rows of {usual}",
                "give every row the same number of columns",
            )
    if not bands:
        return Matrix(np.zeros((0, 0)), np.zeros(0, dtype=np.int64))
    return simple(np.vstack([b.values for b in bands]), np.concatenate([b.lines for b in bands]))


def _side_by_side(row: list[tuple[Value, int]]) -> Matrix:
    blocks = [as_matrix(value, line) for value, line in row]
    kept = [block for block in blocks if block.values.size] or blocks[:1]
    heights = {len(block.values) for block in kept}
    if len(heights) > 1:
        raise Fault(
            row[0][1],
            f"parts of {' and '.join(map(str, sorted(heights)))} rows stand side by side",
            "give every part the same number of rows",
        )
    return Matrix(np.hstack([block.values for block in kept]), kept[0].lines.astype(np.int64))


def as_matrix(value: Value, line: int) -> Matrix:
    """A number or matrix as a matrix; anything else is no part of a table of numbers."""
    if isinstance(value, Matrix):
        return value
    if isinstance(value, (np.float64, np.bool_)):
        return Matrix(np.array([[value]]), np.array([line], dtype=np.int64))
    if isinstance(value, Unknown):
        raise value.fault
    raise Fault(line, f"{kind_of(value)} stands among numbers", "give a number")


def numbers_of(value: Value, line: int) -> np.ndarray:
    """A number or matrix as an array, for arithmetic."""
    if isinstance(value, (np.float64, np.bool_)):
        return np.asarray(value)
    return as_matrix(value, line).values


def kind_of(value: object) -> str:
    """What a value is, in words."""
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, Matrix):
        return f"a matrix of {value.values.shape[0]} by {value.values.shape[1]}"
    named = {Cell: "a cell array", Struct: "a struct", Unknown: "a value that is not known"}
    return named.get(type(value), f"the number {value}")


ALL = ":"
"""The index that takes everything."""


def positions(index: object, size: int, line: int) -> np.ndarray:
    """(chosen,) positions from 0 that an index (from 1, a mask, or ALL) picks of `size`."""
    if isinstance(index, str) and index == ALL:
        return np.arange(size)
    raw = numbers_of(index, line).ravel(order="F")  # type: ignore[arg-type]
    if raw.dtype == bool:
        return np.flatnonzero(raw)
    for bad, problem, remedy in (
        (~np.isfinite(raw) | (raw != np.floor(raw)), "is no row or column", "give whole numbers"),
        (raw < 1, "is no row or column", "count from 1"),
        (raw > MOST_CELLS, "is too large for a row or column", f"at most {MOST_CELLS} cells are read"),
    ):
        if bad.any():
            raise Fault(line, f"{raw[bad][0]:.15g} {problem}", remedy)
    return raw.astype(np.int64) - 1


def pick(value: Value, indices: list[object], line: int) -> Value:
    """`value(i)` or `value(i, j)`."""
    matrix = as_matrix(value, line)
    rows, columns = matrix.values.shape
    if len(indices) == 2:
        i, j = positions(indices[0], rows, line), positions(indices[1], columns, line)
        _inside(i, rows, "row", line)
        _inside(j, columns, "column", line)
        limit_cells(len(i) * len(j), line)
        return simple(matrix.values[np.ix_(i, j)], matrix.lines[i])
    k = positions(indices[0], rows * columns, line)
    _inside(k, rows * columns, "cell", line)
    found = matrix.values.ravel(order="F")[k]
    if columns == 1 or indices[0] is ALL or (rows != 1 and _is_column(indices[0])):
        of_row = k % max(rows, 1)
        return simple(found[:, None], matrix.lines[of_row])
    if rows != 1 and isinstance(indices[0], Matrix) and indices[0].values.dtype != bool:
        found = found.reshape(indices[0].values.shape, order="F")
    else:
        found = found[None, :]
    return simple(found, np.full(len(found), line))


def _is_column(index: object) -> bool:
    return isinstance(index, Matrix) and (index.values.dtype == bool or index.values.shape[1] == 1)


def _inside(chosen: np.ndarray, size: int, what: str, line: int) -> None:
    if len(chosen) and chosen.max() >= size:
        raise Fault(line, f"{what} {chosen.max() + 1} is taken of {size}", f"there is no such {what}")


def put(target: Value | None, indices: list[object], value: Value, line: int) -> Value:
    """`target` after `target(i) = value` or `target(i, j) = value`; `[]` deletes rows or columns."""
    matrix = as_matrix(target, line) if target is not None else as_matrix(join([], line), line)
    given = as_matrix(value, line)
    rows, columns = matrix.values.shape
    if len(indices) == 1 and min(rows, columns) > 1 and indices[0] is not ALL:
        return _put_by_number(matrix, indices[0], given, line)
    if len(indices) == 1:
        indices = _two_indices(matrix, indices[0])
    if given.values.shape == (0, 0):
        return _without(matrix, indices, line)
    i = _axis(indices[0], rows, given.values.shape[0], line)
    j = _axis(indices[1], columns, given.values.shape[1], line)
    cells = len(i), len(j)
    limit_cells(len(i) * len(j), line)
    fits = given.values.size == 1 or given.values.shape == cells
    if not fits and not (1 in given.values.shape and 1 in cells and given.values.size == len(i) * len(j)):
        shape = f"{given.values.shape[0]} by {given.values.shape[1]}"
        raise Fault(
            line, f"{shape} numbers are put into {len(i)} by {len(j)} cells", "give one for each cell"
        )
    matrix = _room_for(matrix, i, j, line)
    new = given.values if given.values.size == 1 else given.values.reshape(len(i), len(j))
    matrix.values[np.ix_(i, j)] = new
    return matrix if target is None or isinstance(target, Matrix) else simple(matrix.values, matrix.lines)


def _axis(index: object, size: int, given: int, line: int) -> np.ndarray:
    """The positions of an index; ALL of nothing yet takes as many as are given."""
    return np.arange(given) if index is ALL and size == 0 else positions(index, size, line)


def _two_indices(matrix: Matrix, index: object) -> list[object]:
    """One index of a vector, or ALL of a matrix, as two."""
    rows, columns = matrix.values.shape
    if rows <= 1 and not (index is ALL and rows == 0):
        return [np.float64(1.0), index]
    return [index, np.float64(1.0)] if columns == 1 else [ALL, ALL]


def _put_by_number(matrix: Matrix, index: object, given: Matrix, line: int) -> Matrix:
    """A matrix after cells that are counted down its columns are given values."""
    rows, columns = matrix.values.shape
    k = positions(index, rows * columns, line)
    _inside(k, rows * columns, "cell", line)
    if given.values.size not in (1, len(k)):
        raise Fault(
            line, f"{given.values.size} numbers are put into {len(k)} cells", "give one for each cell"
        )
    matrix = _room_for(matrix, k % rows, k // rows, line)
    matrix.values[k % rows, k // rows] = given.values.ravel(order="F")
    return matrix


def _room_for(matrix: Matrix, i: np.ndarray, j: np.ndarray, line: int) -> Matrix:
    """The matrix itself where it may be written to, else a copy, with zeros up to rows i and columns j."""
    rows, columns = matrix.values.shape
    need = max(rows, int(i.max(initial=-1)) + 1), max(columns, int(j.max(initial=-1)) + 1)
    if need == (rows, columns):
        if matrix.shared or matrix.values.dtype == bool:
            return Matrix(matrix.values.astype(float), matrix.lines.copy())
        return matrix
    limit_cells(need[0] * need[1], line)
    values = np.zeros(need)
    values[:rows, :columns] = matrix.values
    return Matrix(values, np.concatenate([matrix.lines, np.full(need[0] - rows, line)]).astype(np.int64))


def _without(matrix: Matrix, indices: list[object], line: int) -> Value:
    """The matrix after `(i, :) = []` or `(:, j) = []`."""
    rows, columns = matrix.values.shape
    gone = [positions(index, size, line) for index, size in zip(indices, (rows, columns), strict=True)]
    for axis, size, what in ((0, rows, "row"), (1, columns, "column")):
        _inside(gone[axis], size, what, line)
    if len(set(gone[1].tolist())) == columns:
        kept = np.setdiff1d(np.arange(rows), gone[0])
        return simple(matrix.values[kept], matrix.lines[kept])
    if len(set(gone[0].tolist())) == rows:
        kept = np.setdiff1d(np.arange(columns), gone[1])
        return simple(matrix.values[:, kept], matrix.lines)
    raise Fault(line, "a part of rows and columns is deleted", "delete whole rows or columns")


def cells_of(values: Iterable[object]) -> int:
    """Cells, and characters, in the values and what they hold, each object once."""
    waiting, seen, cells = list(values), set[int](), 0
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        cells += part.values.size if isinstance(part, Matrix) else len(part) if isinstance(part, str) else 1
        if isinstance(part, Cell):
            waiting += [value for row in part.rows for value in row]
        elif isinstance(part, Struct):
            waiting += part.fields.values()
    return cells


def limit_cells(cells: int, line: int, what: str = "a matrix of {} cells", most: int = MOST_CELLS) -> None:
    """Refuse what would not fit into memory."""
    if cells > most:
        raise Fault(line, f"it makes {what.format(cells)}", f"at most {most} are read")
