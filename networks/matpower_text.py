"""The text of a MATPOWER `.m` case file, taken apart into numeric tables that know their lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from networks.errors import InputError
from networks.matpower_names import COLUMN_NAMES
from networks.matpower_program import Program, refusal, run_program
from networks.matpower_values import Cell, Fault, Matrix, Struct, Unknown, kind_of

REQUIRED = ("bus", "gen", "branch")
READ = (*REQUIRED, "gencost", "dcline", "dclinecost")
"""The tables that a case is made of; others are passed over."""

GEN_NAME = "gen_name"
"""The cell array whose first column names the units. (Buses have numbers, which the tables refer to.)"""

VERSION_1 = ("baseMVA", "bus", "gen", "branch", "areas", "gencost")
"""The results of a file of version 1, in their order."""


@dataclass(frozen=True)
class TextTable:
    """One matrix of the file: `values` (rows, columns), and per row its number and its line (from 1).

    `shown` is the file's own name of the table ("mpc.bus"), `name` MATPOWER's ("bus").
    """

    file: str
    shown: str
    name: str
    values: np.ndarray
    numbers: np.ndarray
    lines: np.ndarray

    def row(self, k: int) -> str:
        return f"file '{self.file}', line {self.lines[k]}: {self.shown}, row {self.numbers[k]}"

    def take(self, rows: np.ndarray) -> TextTable:
        """Some of the rows, which keep their numbers and lines."""
        return TextTable(
            self.file, self.shown, self.name, self.values[rows], self.numbers[rows], self.lines[rows]
        )

    def column(self, number: int, finite: bool = True) -> np.ndarray:
        """(rows,) a column, counted from 1 as MATPOWER does; refuses NaN, and on request infinite cells."""
        values = self.values[:, number - 1]
        self.refuse(np.isnan(values), number, "it is not a number", "give a number")
        if finite:
            self.refuse(np.isinf(values), number, "it is not finite", "give a finite number")
        return values

    def refuse(self, bad: np.ndarray, number: int, problem: str, remedy: str) -> None:
        """Raise InputError for the first row where `bad`, naming the row's cell in column `number`."""
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            name = COLUMN_NAMES.get(self.name, {}).get(number)
            column = f"{name} (column {number})" if name else f"column {number}"
            cell = self.values[k, number - 1]
            raise InputError(f"{self.row(k)}: {column} is {cell:.10g}: {problem}; {remedy}")


@dataclass(frozen=True)
class MatpowerText:
    """Name of the file and of its case, power base [MVA], its tables, the units' names (none where the file
    gives none, empty where they are no texts), and notes on the reading."""

    file: str
    name: str
    base_mva: float
    tables: dict[str, TextTable]
    unit_names: tuple[str, ...] | None
    notes: tuple[str, ...]


def parse_matpower(text: str, file: str) -> MatpowerText:
    """Take apart a case file of format version 1 or 2; `file` appears in messages.

    Statements are executed as MATLAB would: tables, numbers, arithmetic on their columns with
    MATPOWER's names, appended rows. What is not executed, such as `if`, `for` and functions, is
    refused by line where it may change a table that is read.

    Raises
    ------
    InputError
        for a file that is no such case, is truncated, has rows of unequal length, or computes its
        tables by more than that.
    """
    program = run_program(text, file, _is_read)
    content = _Content(program, text, file)
    version, notes = content.version()
    tables = {name: table for name in READ if (table := content.table(name)) is not None}
    if version == "1":
        tables |= {name: _as_version_2(tables[name]) for name in ("gen", "branch")}
    notes += [f"the file's function '{name}' is not part of the case" for name in program.never_run]
    return MatpowerText(
        file, program.name or PurePath(file).stem, content.base_mva(), tables,
        content.unit_names(), tuple(notes),
    )  # fmt: skip


def _is_read(outputs: tuple[str, ...], variable: str, part: str) -> bool:
    """Whether a case is read from what is assigned."""
    if len(outputs) == 1:
        return variable == outputs[0] and part in (*READ, "baseMVA", "version", "")
    return variable in outputs and VERSION_1[min(outputs.index(variable), 5)] != "areas"


def _as_version_2(table: TextTable) -> TextTable:
    """The columns that mean the same in both versions: version 1 has results behind them."""
    kept = {"gen": 10, "branch": 11}[table.name]
    return TextTable(table.file, table.shown, table.name, table.values[:, :kept], table.numbers, table.lines)


class _Content:
    """The case's fields, as a struct (version 2) or as separate results (version 1) hold them."""

    def __init__(self, program: Program, text: str, file: str):
        self.text, self.file = text, file
        self.fields: dict[str, object] = {}
        self.shown = {name: name for name in VERSION_1}
        result = program.variables.get(program.outputs[0]) if program.outputs else None
        self.separate = len(program.outputs) > 1
        if self.separate:
            given = zip(VERSION_1, program.outputs, strict=False)
            self.shown |= dict(given)
            self.fields = {
                field: program.variables[variable]
                for field, variable in zip(VERSION_1, program.outputs, strict=False)
                if variable in program.variables
            }
        elif isinstance(result, Unknown):
            raise refusal(result.fault, text, file)
        elif isinstance(result, Struct):
            self.fields = dict(result.fields)
            self.shown = {name: f"{program.outputs[0]}.{name}" for name in self.fields}
        self._need_all(program)

    def _need_all(self, program: Program) -> None:
        result = program.outputs[0] if program.outputs else "mpc"
        for name in ("baseMVA", *REQUIRED):
            if name not in self.fields:
                shown = name if self.separate else f"{result}.{name}"
                fault = Fault(
                    program.line,
                    f"{shown} is missing; it is not a MATPOWER case, or it is truncated",
                    "give a .m file with mpc.baseMVA, mpc.bus, mpc.gen and mpc.branch",
                )
                raise refusal(fault, self.text, self.file)

    def version(self) -> tuple[str, list[str]]:
        """Format version "1" or "2", as MATPOWER's loadcase tells them apart; a note where it is not said."""
        columns = self._matrix("gen").values.shape[1]
        notes = []
        if self.separate:
            version: object = "1"
        elif "version" in self.fields:
            version = self._known("version")
            version = f"{version:g}" if isinstance(version, np.float64) else version
        else:
            version = "1" if columns < 21 else "2"
            notes = [f"the file does not say its format's version: read as version {version}"]
            notes[0] += ", which has no angle limits" if version == "1" else ""
        if version not in ("1", "2"):
            said = version if isinstance(version, str) else kind_of(version)
            raise InputError(
                f"file '{self.file}': {self.shown['version']} is {said!r}; MATPOWER's formats are '1' and '2'"
                ": load the case in MATPOWER and save it with savecase"
            )
        if version == "1" and columns > 21:
            raise InputError(
                f"file '{self.file}': {self.shown['gen']} has {columns} columns, which version 1 does not "
                "have; write mpc.version = '2'"
            )
        return str(version), notes

    def base_mva(self) -> float:
        value = self._known("baseMVA")
        if not isinstance(value, np.float64) or not 0 < value < np.inf:
            raise InputError(
                f"file '{self.file}': {self.shown['baseMVA']} is {kind_of(value)}; give a positive number in "
                "MVA (usually 100)"
            )
        return float(value)

    def table(self, name: str) -> TextTable | None:
        """A table of numbers; None where the file has none, or an empty one."""
        if name not in self.fields:
            return None
        matrix = self._matrix(name)
        if not len(matrix.values) and name not in REQUIRED:
            return None
        numbers = np.arange(1, len(matrix.values) + 1)
        values = matrix.values.astype(float)
        return TextTable(self.file, self.shown[name], name, values, numbers, matrix.lines)

    def unit_names(self) -> tuple[str, ...] | None:
        """The texts of `gen_name`'s first column; None where the file has none."""
        if GEN_NAME not in self.fields:
            return None
        value = self.fields[GEN_NAME]
        rows = value.rows if isinstance(value, Cell) else []
        cells = rows[0] if len(rows) == 1 else [row[0] for row in rows]
        return tuple(str(cell).strip() for cell in cells) if all(isinstance(c, str) for c in cells) else ()

    def _known(self, name: str) -> object:
        value = self.fields[name]
        if isinstance(value, Unknown):
            raise refusal(value.fault, self.text, self.file)
        return value

    def _matrix(self, name: str) -> Matrix:
        value = self._known(name)
        if not isinstance(value, Matrix):
            raise InputError(
                f"file '{self.file}': {self.shown[name]} is {kind_of(value)}; give a matrix of numbers in "
                "brackets"
            )
        return value
