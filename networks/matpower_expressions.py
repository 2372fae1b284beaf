"""The value of an expression of a `.m` file: arithmetic element by element, indices, and what MATPOWER names.

The grammar and the order of operators are MATLAB's (operator precedence, MATLAB documentation).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from networks.matpower_lexer import Token
from networks.matpower_names import DCLINE
from networks.matpower_values import (
    ALL,
    Cell,
    Fault,
    Matrix,
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
_OPERATORS: dict[str, Callable[..., np.ndarray]] = {
    "||": np.logical_or, "&&": np.logical_and, "|": np.logical_or, "&": np.logical_and,
    "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
    "==": np.equal, "~=": np.not_equal,
    "+": np.add, "-": np.subtract, "*": np.multiply, ".*": np.multiply, "/": np.divide, "./": np.divide,
    "^": np.power, ".^": np.power,
}  # fmt: skip
CONSTANTS: dict[str, np.float64 | np.bool_] = {
    "Inf": np.float64(np.inf), "inf": np.float64(np.inf), "NaN": np.float64(np.nan),
    "nan": np.float64(np.nan), "pi": np.float64(np.pi), "eps": np.finfo(float).eps,
    "true": np.bool_(True), "false": np.bool_(False),
}  # fmt: skip
_BY_ELEMENT: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sqrt": np.sqrt, "abs": np.abs, "exp": np.exp, "log": np.log, "log10": np.log10, "floor": np.floor,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan,
    "ceil": np.ceil,
    "round": lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x), "isinf": np.isinf, "isnan": np.isnan,
    "deg2rad": np.deg2rad, "rad2deg": np.rad2deg,
}  # fmt: skip
_OF_A_MATRIX = ("size", "length", "numel", "find", "zeros", "ones")
REMEDY = "write the values out, or load the case in MATPOWER and save it with savecase"


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
        after = self.peek(1)
        return (
            self.in_matrix
            and token.kind in ("+", "-")
            and token.spaced
            and after is not None
            and not after.spaced
        )

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
        count = int(np.floor((stop - start) / by * (1 + 1e-15) + 1e-10)) + 1 if by else 0
        limit_cells(count, line)
        return simple(start + by * np.arange(max(count, 0))[None, :], np.array([line]))

    def _operand(self) -> Value:
        token = self.peek()
        if token is not None and token.kind in ("-", "+", "~"):
            self.at += 1
            inner = self.value(_UNARY)
            if token.kind == "~":
                return _mapped(np.logical_not, inner, token.line)
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
                value = _transposed(value, token.line)
            elif token.kind == "." and isinstance(value, (Struct, Unknown)):
                self.at += 1
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
        if self.sees("(") and (name in _BY_ELEMENT or name in _OF_A_MATRIX):
            return _call(name, self.indices(None), token.line)
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


def elementwise(sign: str, left: Value, right: Value, line: int) -> Value:
    """`left sign right`, element by element; refuses products and quotients of matrices."""
    a, b = numbers_of(left, line), numbers_of(right, line)
    if sign in ("*", "^", "&&", "||") and a.size != 1 and b.size != 1:
        raise Fault(
            line, "two matrices are multiplied", "use .* for products of their elements, or " + REMEDY
        )
    if (sign in ("/", "^", "&&", "||") and b.size != 1) or (sign in ("^", "&&", "||") and a.size != 1):
        raise Fault(line, f"'{sign}' stands beside a matrix", f"use .{sign} for its elements, or {REMEDY}")
    if _LEVELS.get(sign, _UNARY) > _RANGE:
        a, b = a.astype(float), b.astype(float)
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        sizes = " and ".join(f"{len(x)} by {x.shape[1]}" for x in (a, b))
        raise Fault(line, f"matrices of {sizes} do not go together", "give both the same size") from None
    limit_cells(int(np.prod(shape)), line)
    with np.errstate(all="ignore"):
        result = np.asarray(_OPERATORS[sign](a, b))
    if sign in ("^", ".^") and (np.isnan(result) & ~np.isnan(a) & ~np.isnan(b)).any():
        raise Fault(line, "a root of a negative number is taken", REMEDY)
    return _with_lines(result, left, right, line)


def _with_lines(result: np.ndarray, left: Value, right: Value, line: int) -> Value:
    if result.ndim == 0:
        return result[()]  # type: ignore[return-value]
    for value in (left, right):
        if isinstance(value, Matrix) and len(value.lines) == len(result):
            return simple(result, value.lines)
    return simple(result, np.full(len(result), line))


def _mapped(function: Callable[[np.ndarray], np.ndarray], value: Value, line: int) -> Value:
    numbers = numbers_of(value, line)
    with np.errstate(all="ignore"):
        result = np.asarray(function(numbers.astype(float)))
    if result.dtype == float and (np.isnan(result) & ~np.isnan(numbers)).any():
        raise Fault(line, "the result is no real number", REMEDY)
    return _with_lines(result, value, value, line)


def _transposed(value: Value, line: int) -> Value:
    numbers = numbers_of(value, line)
    return value if numbers.ndim == 0 else simple(numbers.T, np.full(numbers.shape[1], line))


def _call(name: str, arguments: list[object], line: int) -> Value:
    """The functions that are known; none of them reads or changes anything but its arguments."""
    if not arguments or any(argument is ALL for argument in arguments):
        raise Fault(line, f"{name} is called without a number", REMEDY)
    first, *more = arguments
    if name in _BY_ELEMENT and not more:
        return _mapped(_BY_ELEMENT[name], first, line)  # type: ignore[arg-type]
    sizes = [numbers_of(argument, line) for argument in arguments]  # type: ignore[arg-type]
    if name in ("zeros", "ones"):
        shape = [int(size.item()) if size.size == 1 and np.isfinite(size).all() else -1 for size in sizes]
        shape = shape * 2 if len(shape) == 1 else shape
        if min(shape) < 0:
            raise Fault(line, f"{name} is called with no size", REMEDY)
        limit_cells(shape[0] * shape[1], line)
        return simple(np.full(shape, float(name == "ones")), np.full(shape[0], line))
    rows, columns = sizes[0].shape or (1, 1)
    if name == "size" and more and sizes[1].size == 1 and sizes[1].item() in (1, 2):
        return np.float64((rows, columns)[int(sizes[1].item()) - 1])
    if more:
        raise Fault(line, f"{name} is called with {len(arguments)} arguments", REMEDY)
    if name == "size":
        return simple(np.array([[rows, columns]], dtype=float), np.array([line]))
    if name == "find":
        found = np.flatnonzero(sizes[0].ravel(order="F")) + 1.0
        return simple(
            found[None, :] if rows == 1 and columns > 1 else found[:, None], np.full(len(found), line)
        )
    return np.float64(rows * columns if name == "numel" else max(rows, columns) * (rows * columns > 0))
