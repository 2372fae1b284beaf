"""The value of an expression of a `.m` file: arithmetic element by element, indices, and what MATPOWER names.

The grammar and the order of operators are MATLAB's (operator precedence, MATLAB documentation).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from networks.matpower_functions import CONSTANTS, FUNCTIONS, REMEDY, call, elementwise, mapped, transposed
from networks.matpower_lexer import Token
from networks.matpower_names import DCLINE
from networks.matpower_values import (
    ALL,
    Cell,
    Fault,
    Struct,
    Unknown,
    Value,
    join,
    limit_cells,
    numbers_of,
    pick,
    simple,
)

_LEVELS = {
    "||": 1, "&&": 2, "|": 3, "&": 4, "<": 5, "<=": 5, ">": 5, ">=": 5, "==": 5, "~=": 5, ":": 6,
    "+": 7, "-": 7, "*": 8, "/": 8, ".*": 8, "./": 8,
}  # fmt: skip
_RANGE, _UNARY = 6, 9


class Expression:
    """A parser over the tokens of one statement that gives values as it goes."""

    def __init__(self, tokens: list[Token], variables: Mapping[str, Value], at: int = 0):
        self.tokens, self.variables, self.at = tokens, variables, at
        self.in_matrix = False
        self.ends: list[tuple[Value, int, int]] = []  # what `end` stands for: value, which index, of how many

    # The interface of the statements.

    def whole(self) -> Value:
        """The value of all tokens that are left."""
        value = self.value()
        if (token := self.peek()) is not None:
            raise Fault(token.line, "this is no arithmetic on numbers", REMEDY)
        return value

    def peek(self, ahead: int = 0) -> Token | None:
        at = self.at + ahead
        return self.tokens[at] if at < len(self.tokens) else None

    def sees(self, *kinds: str) -> bool:
        token = self.peek()
        return token is not None and token.kind in kinds

    def take(self, kind: str | None = None) -> Token:
        token = self.peek()
        if token is None or (kind is not None and token.kind != kind):
            line = self.tokens[min(self.at, len(self.tokens) - 1)].line
            raise Fault(line, "the statement is not complete", "complete it, or take it out")
        self.at += 1
        return token

    def value(self, level: int = 1) -> Value:
        """Operators of `level` and tighter, from left to right."""
        left = self._operand()
        while (token := self.peek()) is not None and (own := _LEVELS.get(token.kind, 0)) >= level:
            if self._begins_an_element(token) or (token.kind == ":" and self._ends_index()):
                break
            self.at += 1
            if own == _RANGE:
                left = self._range(left, token.line)
            else:
                left = elementwise(token.kind, left, self.value(own + 1), token.line)
        return left

    def indices(self, target: Value | None) -> list[object]:
        """The indices between the brackets that begin here; `end` means the last of `target`."""
        opening = self.take("(")
        count = self._count_arguments()
        outer, self.in_matrix = self.in_matrix, False
        found: list[object] = []
        while not self.sees(")"):
            if found:
                self.take(",")
            self.ends.append((target, len(found), count))  # type: ignore[arg-type]
            if self.sees(":") and (after := self.peek(1)) is not None and after.kind in (",", ")"):
                self.take()
                found.append(ALL)
            else:
                found.append(self.value())
            self.ends.pop()
        self.take(")")
        self.in_matrix = outer
        if len(found) > 2:
            raise Fault(opening.line, f"there are {len(found)} indices", "use one or two")
        return found

    # Parts of an expression.

    def _begins_an_element(self, token: Token) -> bool:
        """Whether, in a matrix, white space before a sign and none behind it makes a new element of it."""
        return self.in_matrix and token.kind in ("+", "-") and token.spaced and not token.parted

    def _ends_index(self) -> bool:
        after = self.peek(1)
        return after is None or after.kind in (",", ")")

    def _range(self, first: Value, line: int) -> Value:
        second = self.value(_RANGE + 1)
        step, last = np.float64(1.0), second
        if self.sees(":") and not self._ends_index():
            self.take()
            step, last = second, self.value(_RANGE + 1)  # type: ignore[assignment]
        ends = [numbers_of(part, line) for part in (first, step, last)]
        if any(end.size != 1 for end in ends) or not np.isfinite([end.item() for end in ends]).all():
            raise Fault(line, "the ends of a range are no finite numbers", REMEDY)
        start, by, stop = (float(end.item()) for end in ends)
        # As MATLAB does, the last point may miss its place by rounding.
        steps = (stop - start) / by * (1 + 1e-15) + 1e-10 if by else -1.0
        if not np.isfinite(steps):
            raise Fault(line, "a range has more numbers than are counted", REMEDY)
        count = int(np.floor(steps)) + 1
        limit_cells(count, line)
        return simple(start + by * np.arange(max(count, 0))[None, :], np.array([line]))

    def _operand(self) -> Value:
        token = self.peek()
        if token is not None and token.kind in ("-", "+", "~"):
            self.at += 1
            inner = self.value(_UNARY)
            if token.kind == "~":
                return mapped(np.logical_not, inner, token.line)
            return inner if token.kind == "+" else elementwise("*", np.float64(-1.0), inner, token.line)
        return self._power()

    def _power(self) -> Value:
        base = self._postfix()
        while self.sees("^", ".^"):
            sign = self.take()
            negative = self.sees("-", "+") and self.take().kind == "-"
            exponent = self._postfix()
            if negative:
                exponent = elementwise("*", np.float64(-1.0), exponent, sign.line)
            base = elementwise(sign.kind, base, exponent, sign.line)
        return base

    def _postfix(self) -> Value:
        value = self._primary()
        while (token := self.peek()) is not None:
            if token.kind in ("'", ".'"):
                self.at += 1
                value = transposed(value, token.line)
            elif token.kind == "." and isinstance(value, (Struct, Unknown)):
                self.at += 1
                if self.sees("("):
                    raise Fault(token.line, "a field is named by a value", "write the field's name out")
                value = field_of(value, self.take("name"))
            elif token.kind == "(" and not (self.in_matrix and token.spaced):
                value = pick(value, self.indices(value), token.line)
            elif token.kind == "{" and not (self.in_matrix and token.spaced):
                raise Fault(token.line, "a cell is taken out of a cell array", REMEDY)
            else:
                break
        return value

    def _primary(self) -> Value:
        token = self.take()
        match token.kind:
            case "number" | "text" | "table":
                if isinstance(token.value, Fault):
                    raise token.value
                return token.value  # type: ignore[return-value]
            case "name":
                return self._named(token)
            case "(":
                outer, self.in_matrix = self.in_matrix, False
                value = self.value()
                self.take(")")
                self.in_matrix = outer
                return value
            case "[":
                return join(self._rows("]"), token.line)
            case "{":
                return Cell([[value for value, _ in row] for row in self._rows("}")])
            case "keyword" if token.value == "end" and self.ends:
                target, axis, count = self.ends[-1]
                shape = numbers_of(target, token.line).shape if target is not None else (0, 0)
                size = (shape or (1, 1))[axis] if count > 1 else int(np.prod(shape))
                return np.float64(size)
        raise Fault(token.line, f"'{token.value or token.kind}' is no number", REMEDY)

    def _named(self, token: Token) -> Value:
        name = str(token.value)
        if name in self.variables:
            return self.variables[name]
        if name in CONSTANTS and not self.sees("("):
            return CONSTANTS[name]
        if name == "idx_dcline":
            return Struct({field: np.float64(column) for field, column in DCLINE.items()})
        if name == "struct" and not self.sees("("):
            return Struct({})
        if name == "struct" and (after := self.peek(1)) is not None and after.kind == ")":
            self.at += 2
            return Struct({})
        if self.sees("(") and name in FUNCTIONS:
            return call(name, self.indices(None), token.line)
        what = f"the function {name} is called" if self.sees("(") else f"'{name}' is not defined"
        raise Fault(token.line, what, REMEDY)

    def _rows(self, closing: str) -> list[list[tuple[Value, int]]]:
        """The elements of a bracket, row by row, each with its line."""
        outer, self.in_matrix = self.in_matrix, True
        rows: list[list[tuple[Value, int]]] = [[]]
        separated = True
        while not self.sees(closing):
            token = self.peek()
            if token is None or (token.kind == "," and separated):
                raise Fault(self.tokens[self.at - 1].line, "an element is missing", "give a number")
            if token.kind in (";", "\n"):
                rows.append([])
            elif token.kind == "," or not rows[-1] or token.spaced:
                if token.kind != ",":
                    rows[-1].append((self.value(), token.line))
                    separated = False
                    continue
            else:
                raise Fault(token.line, f"'{token.value or token.kind}' follows a number", "separate the two")
            separated = True
            self.at += 1
        self.take(closing)
        self.in_matrix = outer
        return [row for row in rows if row]

    def _count_arguments(self) -> int:
        """How many indices stand before the bracket that closes."""
        depth, count = 0, 1
        for at in range(self.at, len(self.tokens)):
            token = self.tokens[at]
            if token.kind in ("(", "[", "{"):
                depth += 1
            elif token.kind in (")", "]", "}"):
                if depth == 0:
                    break
                depth -= 1
            count += token.kind == "," and depth == 0
        return count


def field_of(value: Value | None, name: Token) -> Value:
    """`value.name`."""
    if isinstance(value, Unknown):
        raise value.fault
    if not isinstance(value, Struct) or name.value not in value.fields:
        raise Fault(name.line, f"the field '{name.value}' does not exist", "assign it before it is used")
    return value.fields[str(name.value)]  # type: ignore[return-value]
