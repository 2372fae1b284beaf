"""Operators and functions of `.m` files, element by element, and the names of numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from networks.matpower_values import ALL, Fault, Matrix, Value, limit_cells, numbers_of, simple

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
FUNCTIONS = frozenset(_BY_ELEMENT) | {"size", "length", "numel", "find", "zeros", "ones"}
"""The functions that are known; none reads or changes anything but its arguments."""

_ARITHMETIC = frozenset({"+", "-", "*", ".*", "/", "./", "^", ".^"})
REMEDY = "write the values out, or load the case in MATPOWER and save it with savecase"


def elementwise(sign: str, left: Value, right: Value, line: int) -> Value:
    """`left sign right`, element by element; refuses products and quotients of matrices."""
    a, b = numbers_of(left, line), numbers_of(right, line)
    if sign in ("*", "^", "&&", "||") and a.size != 1 and b.size != 1:
        raise Fault(
            line, "two matrices are multiplied", "use .* for products of their elements, or " + REMEDY
        )
    if (sign in ("/", "^", "&&", "||") and b.size != 1) or (sign in ("^", "&&", "||") and a.size != 1):
        raise Fault(line, f"'{sign}' stands beside a matrix", f"use .{sign} for its elements, or {REMEDY}")
    if sign in _ARITHMETIC:
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


def mapped(function: Callable[[np.ndarray], np.ndarray], value: Value, line: int) -> Value:
    numbers = numbers_of(value, line)
    with np.errstate(all="ignore"):
        result = np.asarray(function(numbers.astype(float)))
    if result.dtype == float and (np.isnan(result) & ~np.isnan(numbers)).any():
        raise Fault(line, "the result is no real number", REMEDY)
    return _with_lines(result, value, value, line)


def transposed(value: Value, line: int) -> Value:
    numbers = numbers_of(value, line)
    return value if numbers.ndim == 0 else simple(numbers.T, np.full(numbers.shape[1], line))


def call(name: str, arguments: list[object], line: int) -> Value:
    """The functions that are known; none of them reads or changes anything but its arguments."""
    if not arguments or any(argument is ALL for argument in arguments):
        raise Fault(line, f"{name} is called without a number", REMEDY)
    first, *more = arguments
    if name in _BY_ELEMENT and not more:
        return mapped(_BY_ELEMENT[name], first, line)  # type: ignore[arg-type]
    sizes = [numbers_of(argument, line) for argument in arguments]  # type: ignore[arg-type]
    if name in ("zeros", "ones"):
        shape = [int(size.item()) if size.size == 1 and np.isfinite(size).all() else -1 for size in sizes]
        shape = shape * 2 if len(shape) == 1 else shape
        if min(shape) < 0:
            raise Fault(line, f"{name} is called with no size", REMEDY)
        limit_cells(max(shape[0], 1) * max(shape[1], 1), line)  # rows without cells have lines as well
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
