"""One float and one integer array hold everything the compiled code works on.

Two arrays cross from Python to compiled code quickly; a hundred do not. `layout` lays them out. The integer
array begins with the sizes and the numbers, and a table of where each array begins. In compiled code a
:class:`Store` is no more than the addresses of the two arrays, so that it is passed on at no cost, and so is
an owner of scratch such as `s.qp`; `s.cost` reads the table when it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import carray, types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr, lower_setattr, models, register_model
from numba.np.arrayobj import populate_array

from clearing.engine.compilation.decorators import allocating
from clearing.engine.linalg.simd import LANES
from clearing.engine.memory import declare
from clearing.engine.memory.declare import Field, Sizes, padded
from clearing.engine.memory.fields import AMOUNTS, NUMBERS
from clearing.engine.memory.layout import CALLED, INFO, LAYOUT

FLOAT, INT = types.float64, types.int64
_DTYPES = {declare.FLOAT: FLOAT, declare.INT: INT, declare.INDEX: types.uint64}
_SOME = Sizes(*[1] * len(fields(Sizes)))

# numbers, by their place in the integer or the float array
SIZES = {field.name: i for i, field in enumerate(fields(Sizes))}
_COUNTS = {field.name: padded(len(SIZES)) + i for i, field in enumerate(NUMBERS)}
_AMOUNTS = {field.name: i for i, field in enumerate(AMOUNTS)}

# arrays: type and dimensions; and their places in the table
_ARRAYS = {
    name: (_DTYPES[block.kind], len(block.shape(_SOME)))
    for block in LAYOUT for place in block.places for name, _, _ in place
}  # fmt: skip
_LENT = dict.fromkeys(CALLED, (FLOAT, 2)) | {"out_welfare": (FLOAT, 1)}
_LENT |= {f"out_{field.name}": (FLOAT, 1) for field in INFO}
_ARRAYS |= _LENT
_TABLE = padded(len(SIZES)) + padded(len(NUMBERS))
_PLACES = {name: _TABLE + 3 * i for i, name in enumerate(_ARRAYS)}  # first, rows, columns
TABLE_END = padded(_TABLE + 3 * len(_ARRAYS))
FLOATS_BEGIN = padded(len(AMOUNTS))
_OWNERS = sorted({name.partition(".")[0] for name in _ARRAYS if "." in name})


def pieces(sizes: Sizes) -> Iterator[tuple[Field, types.Type, tuple[int, ...], int]]:
    """Every array of the store: what it is, its type, shape, and place in the float or integer array."""
    at = {FLOAT: FLOATS_BEGIN, INT: TABLE_END}
    for block in LAYOUT:
        kind, shape = _DTYPES[block.kind], block.shape(sizes)
        array = FLOAT if kind == FLOAT else INT
        for place in block.places:
            for field in place:
                yield field, kind, shape, at[array]
            at[array] += int(np.prod(shape))


def allocate(sizes: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """Zeroed float and integer arrays for these sizes."""
    end = {FLOAT: FLOATS_BEGIN, INT: TABLE_END}
    table = np.zeros(TABLE_END, dtype=np.int64)
    table[: len(SIZES)] = sizes.array()
    for field, kind, shape, first in pieces(sizes):
        table[_PLACES[field.name] : _PLACES[field.name] + 3] = first, shape[0], shape[-1]
        end[FLOAT if kind == FLOAT else INT] = first + int(np.prod(shape))
    floats = np.zeros(end[FLOAT] + LANES)
    begin = -floats.ctypes.data % (8 * LANES) // 8  # eight numbers lie in one line of the cache, not in two
    ints = np.zeros(end[INT], dtype=np.int64)
    ints[:TABLE_END] = table
    return floats[begin : begin + end[FLOAT]], ints


def view(floats: np.ndarray, ints: np.ndarray, name: str) -> np.ndarray:
    """A field for Python; numbers are arrays without a dimension."""
    if name not in _ARRAYS:
        array, at = (floats, _AMOUNTS[name]) if name in _AMOUNTS else (ints, (SIZES | _COUNTS)[name])
        return array[at : at + 1].reshape(())
    kind, dimensions = _ARRAYS[name]
    first, rows, columns = ints[_PLACES[name] : _PLACES[name] + 3].tolist()
    array = floats if kind == FLOAT else ints
    if dimensions == 1:
        return array[first : first + rows]
    return array[first : first + rows * columns].reshape(rows, columns)


def names(*but: str) -> list[str]:
    """One name of each number and array that is the store's own, without the sizes and what is of `but`."""
    places = [place[0] for block in LAYOUT for place in block.places]
    return [field.name for field in (*NUMBERS, *AMOUNTS, *places) if field.whose not in but]


def sizes_of(ints: np.ndarray) -> Sizes:
    """The sizes of a store."""
    return Sizes(*ints[: len(SIZES)].tolist())


class _StoreType(types.Type):
    """The store, or one owner of scratch in it, in compiled code."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        super().__init__(name=f"Store.{owner}" if owner else "Store")


class _OwnerType(_StoreType):
    pass


STORE = _StoreType("")
_OWNER_TYPES = {owner: _OwnerType(owner) for owner in _OWNERS}


@register_model(_StoreType)
@register_model(_OwnerType)
class _StoreModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any):
        members = [("floats", types.CPointer(types.float64)), ("ints", types.CPointer(types.int64))]
        super().__init__(manager, kind, members)


def _at(builder: Any, array: Any, place: int) -> Any:
    return builder.gep(array, [ir.Constant(ir.IntType(64), place)])


def entry_of(builder: Any, ints: Any, name: str, place: int) -> Any:
    """A pointer to one number of an array of integers, inside an intrinsic."""
    first = builder.load(_at(builder, ints, _PLACES[name]))
    return builder.gep(ints, [builder.add(first, ir.Constant(ir.IntType(64), place))])


@intrinsic
def unpack(context, floats, ints):
    """The store of the two arrays, inside compiled code."""

    def generate(context, builder, sig, args):
        out = cgutils.create_struct_proxy(STORE)(context, builder)
        out.floats = context.make_array(sig.args[0])(context, builder, args[0]).data
        out.ints = context.make_array(sig.args[1])(context, builder, args[1]).data
        return out._getvalue()

    return STORE(floats, ints), generate


def _array(name: str) -> types.Array:
    kind, dimensions = _ARRAYS[name]
    return types.Array(kind, dimensions, "C")


@infer_getattr
class _Attributes(AttributeTemplate):
    key = _StoreType

    def generic_resolve(self, kind: Any, name: str) -> Any:
        if kind.owner:
            name = f"{kind.owner}.{name}"
        if name in _OWNER_TYPES:
            return _OWNER_TYPES[name]
        if name in _AMOUNTS:
            return FLOAT
        if name in SIZES or name in _COUNTS:
            return INT
        return _array(name) if name in _ARRAYS else None


@infer_getattr
class _OwnersAttributes(_Attributes):
    key = _OwnerType


def _declare_number(name: str, place: int, of: str) -> None:
    @lower_getattr(STORE, name)
    def read(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        store = cgutils.create_struct_proxy(STORE)(context, builder, value)
        return builder.load(_at(builder, getattr(store, of), place))

    if name in SIZES:
        return

    @lower_setattr(STORE, name)
    def write(context: Any, builder: Any, sig: Any, args: Any) -> None:
        store = cgutils.create_struct_proxy(STORE)(context, builder, args[0])
        builder.store(args[1], _at(builder, getattr(store, of), place))


def _declare_owner(owner: str) -> None:
    @lower_getattr(STORE, owner)
    def read(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        return value


def _declare_array(name: str) -> None:
    owner, _, attribute = name.rpartition(".")

    @lower_getattr(_OWNER_TYPES[owner] if owner else STORE, attribute)
    def read(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        store = cgutils.create_struct_proxy(kind)(context, builder, value)

        def entry(i: int) -> Any:
            found = builder.load(_at(builder, store.ints, _PLACES[name] + i))
            if name not in _LENT:  # what never changes has to be read only once
                found.set_metadata("invariant.load", builder.module.add_metadata([]))
            return found

        of = _array(name)
        out = context.make_array(of)(context, builder)
        size = ir.Constant(ir.IntType(64), 8)
        data = builder.gep(store.floats if of.dtype == FLOAT else store.ints, [entry(0)])
        shape = [entry(1 + i) for i in range(of.ndim)]
        populate_array(
            out,
            data=builder.bitcast(data, out.data.type),
            shape=shape,
            strides=[builder.mul(shape[1], size), size] if of.ndim == 2 else [size],
            itemsize=size,
            meminfo=None,
        )
        return out._getvalue()


for _owner in _OWNERS:
    _declare_owner(_owner)
for _name in _ARRAYS:
    _declare_array(_name)
for _name, _place in (SIZES | _COUNTS).items():
    _declare_number(_name, _place, "ints")
for _name, _place in _AMOUNTS.items():
    _declare_number(_name, _place, "floats")


def _lender(*names: str) -> Any:
    """A compiled function (store, array) that makes an array of the caller's, or each of its rows, known by
    name.
    """

    @intrinsic
    def lend(context, store, array):
        def generate(context, builder, signature, args):
            ours = cgutils.create_struct_proxy(STORE)(context, builder, args[0])
            theirs = context.make_array(signature.args[1])(context, builder, args[1])
            size = ir.Constant(ir.IntType(64), 8)
            first, base = (builder.ptrtoint(p, ir.IntType(64)) for p in (theirs.data, ours.floats))
            first = builder.sdiv(builder.sub(first, base), size)
            shape = cgutils.unpack_tuple(builder, theirs.shape)
            rows = shape[0] if len(names) == 1 else shape[-1]
            for name in names:
                for i, value in enumerate((first, rows, shape[-1])):
                    builder.store(value, _at(builder, ours.ints, _PLACES[name] + i))
                first = builder.add(first, shape[-1])
            return context.get_dummy_value()

        return types.none(store, array), generate

    return lend


lend_price, lend_mw, lend_slope, lend_fixed, lend_limit = (_lender(name) for name in CALLED[:5])
lend_accepted, lend_lmp, lend_low, lend_high, lend_flow = (_lender(name) for name in CALLED[5:])
lend_welfare, lend_info = _lender("out_welfare"), _lender(*(f"out_{field.name}" for field in INFO))


@intrinsic
def _pointer(context, address):
    """The integer `address` as a pointer."""

    def generate(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return types.voidptr(address), generate


@allocating
def floats_at(address, count):
    return carray(_pointer(address), (count,), np.float64)


@allocating
def matrix_at(address, rows, columns):
    return carray(_pointer(address), (rows, columns), np.float64)
