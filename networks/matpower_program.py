"""A `.m` file executed as far as it is straight-line code: what its first function assigns."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from networks.errors import InputError
from networks.matpower_expressions import Expression
from networks.matpower_functions import REMEDY
from networks.matpower_lexer import Statement, Token, split_statements
from networks.matpower_names import INDEX_FUNCTIONS
from networks.matpower_values import (
    MOST_CELLS,
    MOST_HELD,
    Fault,
    Matrix,
    Struct,
    Unknown,
    Value,
    cells_of,
    hold,
    kind_of,
    limit_cells,
    put,
)

SILENT = frozenset({"clc", "disp", "format", "fprintf", "more", "printf", "warning"})
"""Commands that print, and change no variable."""

RUN_TEXT = frozenset({"assignin", "builtin", "eval", "evalc", "evalin", "feval", "run", "source"})
"""Functions that may change variables other than the one that they are assigned to."""


NAME = re.compile(r"[A-Za-z][A-Za-z_0-9]*")


@dataclass
class Program:
    """What a file's first function, or a script, has assigned.

    Attributes
    ----------
    name, line : of the function, empty for a script; where it begins.
    outputs : the function's results in order; ("mpc",) for a script.
    variables : by name.
    never_run : the names of further functions, which MATPOWER does not run.
    """

    name: str = ""
    line: int = 1
    outputs: tuple[str, ...] = ("mpc",)
    variables: dict[str, Value] = field(default_factory=dict)
    never_run: tuple[str, ...] = ()


def run_program(text: str, file: str, is_read: Callable[[tuple[str, ...], str, str], bool]) -> Program:
    """Execute the statements of `text`; `file` appears in messages.

    A statement that cannot be executed is refused where `is_read(outputs, variable, field)` says that
    what it assigns is wanted (field is "" for the variable as a whole). Elsewhere its value is unknown,
    and is refused only where a wanted value needs it.

    Raises
    ------
    InputError
        naming file, line, the text of the line and the remedy.
    """
    try:
        run = _Run(is_read)
        for statement in split_statements(text):
            if not run.execute(statement):
                break
        return run.program
    except Fault as fault:
        raise refusal(fault, text, file) from None


def refusal(fault: Fault, text: str, file: str) -> InputError:
    """The error that a user reads: file, line, its text, the problem and the remedy."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    shown = " ".join(lines[fault.line - 1].split()) if 0 < fault.line <= len(lines) else ""
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    return InputError(f"file '{file}', line {fault.line} ({shown}): {fault.problem}; {fault.remedy}")


class _Run:
    """The variables as they stand, and what to do with one more statement."""

    def __init__(self, is_read: Callable[[tuple[str, ...], str, str], bool]):
        self.program, self.is_read = Program(), is_read
        self.begun = self.closed = False
        self._made = 0  # cells since all that is held was counted

    def execute(self, statement: Statement) -> bool:
        """Execute one statement; False where MATPOWER would go no further."""
        first = statement.tokens[0]
        try:
            if first.kind == "keyword":
                return self._keyword(str(first.value), statement)
            if self.closed:
                raise Fault(first.line, "code stands behind the end of the function", "take it out")
            self.begun = True
            self._assign_or_call(statement)
        except RecursionError:
            raise Fault(first.line, "its brackets are nested too deeply", REMEDY) from None
        return True

    def _keyword(self, word: str, statement: Statement) -> bool:
        if word == "function" and not self.begun:
            self._header(statement)
        elif word == "function":
            self.program.never_run = (_function_name(statement),)
            return False
        elif word == "return" and len(statement.tokens) == 1:
            return False
        elif word in ("end", "endfunction") and self.program.name and not self.closed:
            self.closed = True
        else:
            raise Fault(statement.line, f"'{word}' is not executed", REMEDY)
        return True

    def _header(self, statement: Statement) -> None:
        """`function out = name`, `function [out, …] = name`, with or without arguments."""
        tokens, line = statement.tokens[1:], statement.line
        at = next((k for k, token in enumerate(tokens) if token.kind == "="), None)
        if at is None or at + 1 >= len(tokens) or tokens[at + 1].kind != "name":
            raise Fault(line, "the function has no result", "begin with: function mpc = NAME")
        self.program.outputs = tuple(str(t.value) for t in tokens[:at] if t.kind == "name")
        self.program.name, self.program.line = str(tokens[at + 1].value), line
        self.begun = True

    def _assign_or_call(self, statement: Statement) -> None:
        tokens = statement.tokens
        at = _assignment(tokens)
        if at is not None and tokens[0].kind == "[":
            self._assign_columns(tokens[1 : at - 1], tokens[at + 1 :], statement.line)
        elif at is not None:
            self._assign(tokens[:at], tokens[at + 1 :], statement.line)
        elif tokens[0].value == "define_constants" and len(tokens) == 1:
            for names in INDEX_FUNCTIONS.values():
                self.program.variables |= {name: np.float64(column) for name, column in names.items()}
        elif tokens[0].kind != "name" or tokens[0].value not in SILENT or _runs_text(tokens):
            Expression(tokens, self.program.variables).whole()

    def _assign_columns(self, targets: list[Token], source: list[Token], line: int) -> None:
        """`[PQ, PV, …] = idx_bus`: the numbers that MATPOWER names, under the names given here."""
        names = [token for token in targets if token.kind not in (",", "\n")]
        called = source[0].value if len(source) == 1 else None
        if len(names) == 1 and names[0].kind == "name" and called not in INDEX_FUNCTIONS:
            self._assign(names, source, line)
            return
        columns = list(INDEX_FUNCTIONS.get(str(called), {}).values())
        if any(token.kind not in ("name", "~") for token in names) or not 0 < len(names) <= len(columns):
            raise Fault(line, "several results are assigned", REMEDY)
        for token, column in zip(names, columns, strict=False):
            if token.kind == "name":
                self._set(str(token.value), [], np.float64(column), line)

    def _assign(self, target: list[Token], source: list[Token], line: int) -> None:
        if target[0].kind != "name" or not source:
            raise Fault(line, "it is no assignment to a variable", REMEDY)
        name, path = str(target[0].value), _path(target)
        shown = ".".join([name, *path])
        try:
            if (dynamic := self._with_named_fields(target)) != target:
                self._assign(dynamic, source, line)
                return
            value = self._new_value(target, source, name, path, line)
        except Fault as fault:
            named = Fault(fault.line, f"{shown}: {fault.problem}", fault.remedy)
            wanted = self.is_read(self.program.outputs, name, path[0] if path else "")
            if wanted or _runs_text([*target, *source]):
                raise named from None
            value, path = Unknown(named), path[:1]
        self._set(name, path, value, line)

    def _with_named_fields(self, target: list[Token]) -> list[Token]:
        """`target` with the first dynamic field, `s.(f)`, as the field that its text names."""
        path = _path(target)
        at = 1 + 2 * len(path)
        if [token.kind for token in target[at : at + 2]] != [".", "("]:
            return target
        name = Expression(target, self.program.variables, at=at + 1)
        opening, field_name = name.take("("), name.value()
        name.take(")")
        if isinstance(field_name, Unknown):
            raise field_name.fault
        if not isinstance(field_name, str) or not NAME.fullmatch(field_name):
            raise Fault(opening.line, f"{kind_of(field_name)} names no field", "write the field's name out")
        return [*target[: at + 1], Token("name", field_name, opening.line, False), *target[name.at :]]

    def _new_value(
        self, target: list[Token], source: list[Token], name: str, path: list[str], line: int
    ) -> Value:
        variables = self.program.variables
        value = Expression(source, variables).whole()
        index = Expression(target, variables, at=1 + 2 * len(path))
        base: Value | None = variables.get(name)
        for part in path:
            if not isinstance(base, (Struct, Unknown)) and base is not None and not _is_empty(base):
                raise Fault(line, f"a field is given to {kind_of(base)}", "assign to another name")
            base = base if isinstance(base, Unknown) else getattr(base, "fields", {}).get(part)
        if index.peek() is None:
            return hold(value)  # type: ignore[return-value]
        if isinstance(base, Unknown):
            raise base.fault
        if not index.sees("("):
            raise Fault(line, "a part of a cell array is assigned", REMEDY)
        indices = index.indices(base)
        if index.peek() is not None or not indices:
            raise Fault(line, "a part of a part is assigned", REMEDY)
        value = put(base, indices, value, line)
        if isinstance(value, Matrix):
            value.held = True
        return value

    def _set(self, name: str, path: list[str], value: Value, line: int) -> None:
        variables = self.program.variables
        variables[name] = _with(variables.get(name), path, value)
        self._made += cells_of([value])
        if self._made > MOST_CELLS:
            limit_cells(cells_of(variables.values()), line, "variables of {} cells together", MOST_HELD)
            self._made = 0


def _with(base: object, path: list[str], value: Value) -> Value:
    """`base` after `base.path = value`; `_new_value` has seen that it is a struct, or nothing yet."""
    if not path:
        return value
    if isinstance(base, Unknown):
        return base
    struct = base if isinstance(base, Struct) else Struct({})
    return struct.with_field(path[0], _with(struct.fields.get(path[0]), path[1:], value))


def _runs_text(tokens: list[Token]) -> bool:
    return any(isinstance(token.value, str) and token.value in RUN_TEXT for token in tokens)


def _is_empty(value: object) -> bool:
    return isinstance(value, Matrix) and not value.values.size


def _path(target: list[Token]) -> list[str]:
    """The fields of `name.field.field(…)`."""
    fields: list[str] = []
    while (
        len(target) > 2 * len(fields) + 2
        and target[2 * len(fields) + 1].kind == "."
        and target[2 * len(fields) + 2].kind == "name"
    ):
        fields.append(str(target[2 * len(fields) + 2].value))
    return fields


def _assignment(tokens: list[Token]) -> int | None:
    """Where the sign `=` of an assignment stands."""
    depth = 0
    for k, token in enumerate(tokens):
        depth += (token.kind in ("(", "[", "{")) - (token.kind in (")", "]", "}"))
        if token.kind == "=" and depth == 0:
            return k
    return None


def _function_name(statement: Statement) -> str:
    """The name that `function out = name(arguments)` defines; the results before `=` may be missing."""
    results = _assignment(statement.tokens)
    behind = statement.tokens[1 if results is None else results + 1 :]
    return next((str(token.value) for token in behind if token.kind == "name"), "")
