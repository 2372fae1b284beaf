"""One float and one integer array hold everything the compiled code works on.

Two arrays cross from Python to compiled code quickly; a hundred do not. `pieces` lays them out, and a
table behind the header says where each begins. In compiled code a :class:`Store` is no more than the
addresses of the two arrays, so that it is passed on at no cost; `s.col` reads the table when it is needed.

Rows that are worked on eight numbers at a time are padded to a multiple of eight.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import carray, types
from numba.core import cgutils
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import intrinsic, lower_getattr, models, register_model
from numba.np.arrayobj import populate_array

from clearing.rounds.compiled import allocating
from clearing.rounds.fields import (
    BUS,
    FEW,
    FROM,
    LOCAL,
    N_BOOK,
    N_BUS,
    N_COL,
    N_HABIT,
    N_IBUS,
    N_ICOL,
    N_ILIN,
    N_IROW,
    N_ISLOT,
    N_LIN,
    N_MARK,
    N_NOTE,
    N_ROW,
    N_SITE,
    N_SLOT,
    N_STATE,
    N_STIR,
    N_TOUCH,
    TO,
)  # fmt: skip
from clearing.rounds.lanes import LANES
from clearing.rounds.layout import MOST_LAYERS

HEADER = 32  # numbers that tell the sizes
ORDERS, COLUMNS, BUSES, LINES, ISLANDS, ROWCAP, SLOTCAP, ANGLES, LOWER, UPPER, COMPONENTS = range(11)
BALANCES, SITES, ORDER_SITES, LINKS, LAYERS, APIECE = range(12, 18)

FLOAT, INT, INDEX = types.float64, types.int64, types.uint64  # numba tests every signed index for its sign


def padded(count: int, by: int = LANES) -> int:
    """The next multiple of a width."""
    return -(-int(count) // by) * by


def pieces(h: np.ndarray) -> list[tuple[str, types.Type, tuple[int, ...]]]:
    """Name, kind and shape of each piece, in order; see `fields` for what their rows mean."""
    n, buses, nl, k, s, m = (int(h[i]) for i in (COLUMNS, BUSES, LINES, ROWCAP, SLOTCAP, ANGLES))
    nb, low, up = padded(buses + 1), int(h[LOWER]), int(h[UPPER])
    orders, sites = int(h[ORDERS]), int(h[SITES])
    return [
        ("col", FLOAT, (N_COL, n + 2 * k + 32)),
        ("a", FLOAT, (s, n)),
        ("rows", FLOAT, (s, sites)),  # the same per site: MW of flow per MW injected
        ("site", FLOAT, (N_SITE, sites + LANES)),  # the last of them stay 0
        ("book", FLOAT, (N_BOOK, padded(max(orders, 1)))),
        ("ptdf", FLOAT, (s, nb)),
        ("slot", FLOAT, (N_SLOT, s)),
        ("row", FLOAT, (N_ROW, k)),
        ("w", FLOAT, (k, k)),
        ("anchor", FLOAT, (k, k)),  # inverse of the basis of average numbers
        ("habit", FLOAT, (N_HABIT,)),
        ("work", FLOAT, (2 * k + 2, 2 * k)),
        ("wide", FLOAT, (k, n + k)),
        # of the active set that is kept, see `known`: its columns' entries in its rows, their elimination with
        # both triangles by rows and by columns (`across`), directions of its duals
        ("entries", FLOAT, (k, k)),
        ("below", FLOAT, (k, k)),
        ("below_across", FLOAT, (k, k)),
        ("above", FLOAT, (k, k)),
        ("above_across", FLOAT, (k, k)),
        ("null", FLOAT, (k, k)),
        ("stir", FLOAT, (N_STIR * k, LOCAL)),
        ("blocks", FLOAT, (padded(n + k + 1),)),
        ("ladder", FLOAT, (LANES,)),  # 0 … 7
        ("bus", FLOAT, (N_BUS, nb)),
        # of up to eight rounds that are checked together; a round is a row, or a place of the last axis
        ("inj", FLOAT, (LANES, nb)),  # net injections [MW]
        ("lam", FLOAT, (LANES, nb)),  # prices
        ("left", FLOAT, (nb, LANES)),  # injections
        ("price", FLOAT, (nb, LANES)),
        ("angle", FLOAT, (nb, LANES)),
        ("pull", FLOAT, (nb, LANES)),  # what line duals ask of the prices, see `proof`
        ("sweep", FLOAT, (nb, LANES)),
        ("flow", FLOAT, (nl, LANES)),
        ("press", FLOAT, (LANES, k)),  # duals of the lines in `tight`
        ("note", FLOAT, (N_NOTE, LANES)),
        ("lin", FLOAT, (N_LIN, nl)),
        ("lower", FLOAT, (low,)),
        ("upper", FLOAT, (up,)),
        ("pivot", FLOAT, (m,)),
        ("tie", FLOAT, (2 * nl,)),  # susceptances of the lines in `beside`
        ("icol", INT, (N_ICOL, n)),
        ("islot", INT, (N_ISLOT, s)),
        ("irow", INT, (N_IROW, n + 2 * k)),
        ("column", INDEX, (orders,)),  # of each order
        ("changed", INT, (FEW,)),
        ("site_of", INDEX, (n,)),  # of each column
        ("site_bus", INDEX, (sites,)),  # number of buses = none
        ("bus_site", INDEX, (nb,)),  # number of sites = none
        ("into", INDEX, (sites,)),  # of links
        ("out", INDEX, (sites,)),
        ("first", INT, (MOST_LAYERS,)),  # column of each layer, and its columns
        ("width", INT, (MOST_LAYERS,)),
        ("popped", INT, (n + k + nl,)),
        ("ibus", INT, (N_IBUS, buses + 1)),
        ("ilin", INT, (N_ILIN, nl)),
        ("source", INDEX, (m,)),
        ("target", INDEX, (m,)),
        ("lower_start", INDEX, (m + 1,)),
        ("lower_index", INDEX, (low,)),
        ("upper_start", INDEX, (m + 1,)),
        ("upper_index", INDEX, (up,)),
        ("cold", INT, (k,)),
        ("state", INT, (N_STATE,)),
        ("beside_start", INDEX, (buses + 2,)),
        ("beside", INDEX, (2 * nl,)),  # lines in service at each bus: the other end
        ("touch", INT, (N_TOUCH * k, LOCAL)),
        ("tight", INT, (LANES, k)),  # lines at a limit, sorted
        ("mark", INT, (N_MARK, LANES)),
        ("apart", INT, (2 * LANES,)),  # addresses of compiled functions, see there
    ]


PENDING = ("inj", "lam", "left", "price", "angle", "pull", "sweep", "flow", "press", "note", "tight", "mark")

# a part of a piece by another name: piece, first row, kind, whether it is one row
_PARTS = {
    "at": ("icol", BUS, INDEX, True),
    "start": ("ilin", FROM, INDEX, True),
    "end": ("ilin", TO, INDEX, True),
}
# arrays of the caller's, lent for a batch: numbers of the rounds, and where their outcomes go
_LENT = {
    name: (FLOAT, 1 if name == "out_welfare" else 2)
    for name in (
        "in_price", "in_mw", "in_slope", "in_fixed", "in_limit", "out_accepted", "out_lmp", "out_low", "out_high",
        "out_flow", "out_welfare", "out_info",
    )
}  # fmt: skip
_KINDS = {name: (kind, len(shape)) for name, kind, shape in pieces(np.ones(HEADER))}
_KINDS |= {name: (kind, 1 if one else 2) for name, (_, _, kind, one) in _PARTS.items()}
_KINDS |= _LENT
_PLACES = {name: HEADER + 3 * i for i, name in enumerate(_KINDS)}  # in the table: first, rows, columns
TABLE_END = padded(HEADER + 3 * len(_KINDS))


def _table(head: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Header with the table of pieces behind it, and the sizes of the float and the integer array."""
    out = np.zeros(TABLE_END, dtype=np.int64)
    out[:HEADER] = head[:HEADER]
    at = {FLOAT: 0, INT: TABLE_END}
    for name, kind, shape in pieces(head):
        array = FLOAT if kind == FLOAT else INT
        out[_PLACES[name] : _PLACES[name] + 3] = at[array], shape[0], shape[-1]
        at[array] += int(np.prod(shape))
    for name, (piece, row, _, one) in _PARTS.items():
        first, rows, columns = out[_PLACES[piece] : _PLACES[piece] + 3]
        rows = columns if one else rows - row
        out[_PLACES[name] : _PLACES[name] + 3] = first + row * columns, rows, columns
    return out, at[FLOAT], at[INT]


def views(floats: np.ndarray, ints: np.ndarray) -> dict[str, np.ndarray]:
    """The pieces by name, for Python."""
    out: dict[str, np.ndarray] = {}
    for name, kind, shape in pieces(ints):
        array, at = floats if kind == FLOAT else ints, int(ints[_PLACES[name]])
        out[name] = array[at : at + int(np.prod(shape))].reshape(shape)
    return out


def allocate(head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zeroed float and integer arrays for the sizes in `head`."""
    table, n_floats, n_ints = _table(head)
    floats = np.zeros(n_floats + LANES)
    first = -floats.ctypes.data % (8 * LANES) // 8  # eight numbers lie in one line of the cache, not in two
    ints = np.zeros(n_ints, dtype=np.int64)
    ints[:TABLE_END] = table
    return floats[first : first + n_floats], ints


class _StoreType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Store")


STORE = _StoreType()


@register_model(_StoreType)
class _StoreModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any):
        members = [("floats", types.CPointer(types.float64)), ("ints", types.CPointer(types.int64))]
        super().__init__(manager, kind, members)


def entry_of(builder: Any, ints: Any, name: str, place: int) -> Any:
    """A pointer to one number of a piece of the integer array `ints`, inside an intrinsic."""
    first = builder.load(builder.gep(ints, [ir.Constant(ir.IntType(64), _PLACES[name])]))
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
    kind, dimensions = (INT, 1) if name == "head" else _KINDS[name]
    return types.Array(kind, dimensions, "C")


@infer_getattr
class _Attributes(AttributeTemplate):
    key = _StoreType

    def generic_resolve(self, kind: Any, name: str) -> Any:
        return _array(name) if name == "head" or name in _KINDS else None


def _attribute(name: str) -> None:
    @lower_getattr(_StoreType, name)
    def read(context: Any, builder: Any, kind: Any, value: Any) -> Any:
        store = cgutils.create_struct_proxy(STORE)(context, builder, value)

        def entry(i: int) -> Any:
            found = builder.load(builder.gep(store.ints, [ir.Constant(ir.IntType(64), _PLACES[name] + i)]))
            if name not in _LENT:  # what never changes has to be read only once
                found.set_metadata("invariant.load", builder.module.add_metadata([]))
            return found

        of = _array(name)
        out = context.make_array(of)(context, builder)
        size = ir.Constant(ir.IntType(64), 8)
        if name == "head":
            data, shape = store.ints, [ir.Constant(ir.IntType(64), HEADER)]
        else:
            data = builder.gep(store.floats if of.dtype == FLOAT else store.ints, [entry(0)])
            shape = [entry(1 + i) for i in range(of.ndim)]
        strides = [builder.mul(shape[1], size), size] if of.ndim == 2 else [size]
        populate_array(
            out,
            data=builder.bitcast(data, out.data.type),
            shape=shape,
            strides=strides,
            itemsize=size,
            meminfo=None,
        )
        return out._getvalue()


for _name in ("head", *_KINDS):
    _attribute(_name)


def _lender(name: str) -> Any:
    """A compiled function (store, array) that makes an array of the caller's known by a name of `_LENT`."""

    @intrinsic
    def lend(context, store, array):
        def generate(context, builder, signature, args):
            ours = cgutils.create_struct_proxy(STORE)(context, builder, args[0])
            theirs = context.make_array(signature.args[1])(context, builder, args[1])
            size = ir.Constant(ir.IntType(64), 8)
            first, base = (builder.ptrtoint(p, ir.IntType(64)) for p in (theirs.data, ours.floats))
            shape = cgutils.unpack_tuple(builder, theirs.shape)
            for i, value in enumerate((builder.sdiv(builder.sub(first, base), size), shape[0], shape[-1])):
                place = [ir.Constant(ir.IntType(64), _PLACES[name] + i)]
                builder.store(value, builder.gep(ours.ints, place))
            return context.get_dummy_value()

        return types.none(store, array), generate

    return lend


lend_price, lend_mw, lend_slope, lend_fixed, lend_limit = (_lender(name) for name in list(_LENT)[:5])
lend_accepted, lend_lmp, lend_low, lend_high, lend_flow, lend_welfare, lend_info = (
    _lender(name) for name in list(_LENT)[5:]
)


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
