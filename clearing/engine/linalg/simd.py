"""Eight numbers at once: the vector type of the hot loops, which decide themselves what is done side by side.

`Eight` holds eight doubles in a register (or in two or four, where the machine has shorter ones). Loops
written with it need no proof of the compiler that arrays do not overlap, and have no remainders: the
engine's rows are padded to a multiple of eight.
"""

from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 8
_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_INT = ir.IntType(64)
_FLAGS = ("contract", "nsz")


class _EightType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Eight")


eight = _EightType()


@register_model(_EightType)
class _EightModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any):
        super().__init__(manager, kind, _VECTOR)


def _arithmetic(symbol: Any, instruction: str) -> None:
    @infer_global(symbol)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and all(isinstance(a, _EightType) for a in args):
                return signature(eight, eight, eight)
            return None

    @lower_builtin(symbol, eight, eight)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return getattr(builder, instruction)(*args, flags=_FLAGS)


for _symbol, _name in ((operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul")):
    _arithmetic(_symbol, _name)
for _symbol, _name in ((operator.iadd, "fadd"), (operator.isub, "fsub"), (operator.truediv, "fdiv")):
    _arithmetic(_symbol, _name)


def _named(builder: Any, name: str, result: Any, *given: Any) -> Any:
    """A function of LLVM's own by its full name, declared once in a module."""
    known = builder.module.globals
    return known.get(name) or ir.Function(builder.module, ir.FunctionType(result, given), name)


def _place(context: Any, builder: Any, kind: Any, array: Any, at: list[Any]) -> Any:
    """Pointer to element `at` of a contiguous array, as a pointer to a vector."""
    made = context.make_array(kind)(context, builder, array)
    index = at[0]
    if len(at) == 2:
        index = builder.add(builder.mul(at[0], builder.extract_value(made.shape, 1)), at[1])
    return builder.bitcast(builder.gep(made.data, [index]), _VECTOR.as_pointer())


@intrinsic
def load(context, array, i):
    """Entries i … i + 7 of a row."""

    def generate(context, builder, sig, args):
        return builder.load(_place(context, builder, sig.args[0], args[0], [args[1]]), align=8)

    return eight(array, types.int64), generate


@intrinsic
def load_at(context, matrix, i, j):
    """Entries j … j + 7 of row i."""

    def generate(context, builder, sig, args):
        return builder.load(_place(context, builder, sig.args[0], args[0], list(args[1:])), align=8)

    return eight(matrix, types.int64, types.int64), generate


@intrinsic
def store(context, array, i, value):
    """Write entries i … i + 7 of a row."""

    def generate(context, builder, sig, args):
        builder.store(args[2], _place(context, builder, sig.args[0], args[0], [args[1]]), align=8)
        return context.get_dummy_value()

    return types.none(array, types.int64, eight), generate


@intrinsic
def store_at(context, matrix, i, j, value):
    """Write entries j … j + 7 of row i."""

    def generate(context, builder, sig, args):
        builder.store(args[3], _place(context, builder, sig.args[0], args[0], list(args[1:3])), align=8)
        return context.get_dummy_value()

    return types.none(matrix, types.int64, types.int64, eight), generate


@intrinsic
def fetch(context, matrix, i, j):
    """Ask for the entries of row i around j, which are read or written soon, to be brought near."""

    def generate(context, builder, sig, args):
        byte = ir.IntType(8).as_pointer()
        place = builder.bitcast(_place(context, builder, sig.args[0], args[0], list(args[1:])), byte)
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), (byte, flag, flag, flag))
        function = builder.module.declare_intrinsic("llvm.prefetch", (byte,), kind)
        builder.call(function, [place, *(ir.Constant(flag, value) for value in (0, 2, 1))])
        return context.get_dummy_value()

    return types.none(matrix, types.int64, types.int64), generate


@intrinsic
def gather(context, array, indices, i):
    """Entries indices[i] … indices[i + 7] of a row."""

    def generate(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        where = context.make_array(sig.args[1])(context, builder, args[1]).data
        where = builder.gep(where, [args[2]])
        out = ir.Constant(_VECTOR, ir.Undefined)
        for lane in range(LANES):
            at = builder.load(builder.gep(where, [ir.Constant(_INT, lane)]))
            out = builder.insert_element(
                out, builder.load(builder.gep(data, [at])), ir.Constant(ir.IntType(32), lane)
            )
        return out

    return eight(array, indices, types.int64), generate


@intrinsic
def splat(context, value):
    """The same number eight times."""

    def generate(context, builder, sig, args):
        one = builder.insert_element(
            ir.Constant(_VECTOR, ir.Undefined), args[0], ir.Constant(ir.IntType(32), 0)
        )
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)

    return eight(types.float64), generate


def _pairwise(name: str, doc: str) -> Any:
    def apply(context, a, b):
        def generate(context, builder, sig, args):
            function = _named(builder, f"{name}.v{LANES}f64", _VECTOR, _VECTOR, _VECTOR)
            return builder.call(function, args, fastmath=("nnan", "nsz"))

        return eight(eight, eight), generate

    apply.__doc__ = doc
    return intrinsic(apply)


smaller = _pairwise("llvm.minnum", "The smaller of each two.")
larger = _pairwise("llvm.maxnum", "The larger of each two.")


@intrinsic
def magnitude(context, value):
    """|value| of each."""

    def generate(context, builder, sig, args):
        return builder.call(_named(builder, f"llvm.fabs.v{LANES}f64", _VECTOR, _VECTOR), args)

    return eight(eight), generate


@intrinsic
def where_less(context, a, b, yes, no):
    """`yes` where a < b, else `no` (also where either is not a number)."""

    def generate(context, builder, sig, args):
        return builder.select(builder.fcmp_ordered("<", args[0], args[1]), args[2], args[3])

    return eight(eight, eight, eight, eight), generate


@intrinsic
def equal_bits(context, a, b):
    """Bit l is set where a_l = b_l."""

    def generate(context, builder, sig, args):
        mask = builder.fcmp_ordered("==", args[0], args[1])
        return builder.zext(builder.bitcast(mask, ir.IntType(LANES)), _INT)

    return types.int64(eight, eight), generate


@intrinsic
def trailing_zeros(context, bits):
    """Place of the lowest set bit; 64 where there is none."""

    def generate(context, builder, sig, args):
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), generate


@intrinsic
def ones(context, bits):
    """How many bits are set."""

    def generate(context, builder, sig, args):
        return builder.ctpop(args[0])

    return types.int64(types.int64), generate


@intrinsic
def less_bits(context, a, b):
    """Bit l is set where a_l < b_l."""

    def generate(context, builder, sig, args):
        mask = builder.fcmp_ordered("<", args[0], args[1])
        return builder.zext(builder.bitcast(mask, ir.IntType(LANES)), _INT)

    return types.int64(eight, eight), generate


@intrinsic
def wrong_bits(context, a, b):
    """Bit l is set where a_l < b_l does not hold, also where either is not a number."""

    def generate(context, builder, sig, args):
        mask = builder.fcmp_unordered(">=", args[0], args[1])
        return builder.zext(builder.bitcast(mask, ir.IntType(LANES)), _INT)

    return types.int64(eight, eight), generate


@intrinsic
def negative_bits(context, array, i):
    """Bit l is set where entry i + l of a row of integers is negative."""

    def generate(context, builder, sig, args):
        place = _place(context, builder, sig.args[0], args[0], [args[1]])
        whole = ir.VectorType(_INT, LANES)
        value = builder.load(builder.bitcast(place, whole.as_pointer()), align=8)
        mask = builder.icmp_signed("<", value, ir.Constant(whole, [0] * LANES))
        return builder.zext(builder.bitcast(mask, ir.IntType(LANES)), _INT)

    return types.int64(array, types.int64), generate


def _reduced(name: str, doc: str, flags: tuple[str, ...], start: bool) -> Any:
    def apply(context, value):
        def generate(context, builder, sig, args):
            kinds = (_DOUBLE, _VECTOR) if start else (_VECTOR,)
            function = _named(builder, f"llvm.vector.reduce.{name}.v{LANES}f64", _DOUBLE, *kinds)
            given = [ir.Constant(_DOUBLE, -0.0), args[0]] if start else [args[0]]
            return builder.call(function, given, fastmath=flags)

        return types.float64(eight), generate

    apply.__doc__ = doc
    return intrinsic(apply)


total = _reduced("fadd", "Sum of the eight, in one fixed order.", ("reassoc", "contract", "nsz"), True)
greatest = _reduced("fmax", "The greatest of the eight.", ("nnan", "nsz"), False)
smallest = _reduced("fmin", "The smallest of the eight.", ("nnan", "nsz"), False)


@intrinsic
def turn(context, source, i, j, target):
    """target[j … j + 7, i … i + 7] = source[i … i + 7, j … j + 7] transposed."""

    def generate(context, builder, sig, args):
        source, i, j, target = args
        rows = []
        for k in range(LANES):
            at = [builder.add(i, ir.Constant(_INT, k)), j]
            rows.append(builder.load(_place(context, builder, sig.args[0], source, at), align=8))
        kind = ir.VectorType(ir.IntType(32), LANES)
        for step in (1, 2, 4):
            # blocks of `step` of each pair of rows change places: three times makes the transpose
            low = [k if not k & step else k - step + LANES for k in range(LANES)]
            high = [k + step if not k & step else k + LANES for k in range(LANES)]
            for k in range(LANES):
                if k & step:
                    continue
                a, b = rows[k], rows[k + step]
                rows[k] = builder.shuffle_vector(a, b, ir.Constant(kind, low))
                rows[k + step] = builder.shuffle_vector(a, b, ir.Constant(kind, high))
        for k in range(LANES):
            at = [builder.add(j, ir.Constant(_INT, k)), i]
            builder.store(rows[k], _place(context, builder, sig.args[3], target, at), align=8)
        return context.get_dummy_value()

    return types.none(source, types.int64, types.int64, target), generate
