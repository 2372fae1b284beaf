"""One float and one integer array hold everything the compiled code works on.

Two arrays cross from Python to compiled code quickly; a hundred do not. `sizes` lays the pieces
out, `unpack` gives them their shapes again inside compiled code (no copies).

Rows that are worked on eight numbers at a time are padded to a multiple of eight.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import carray, types
from numba.extending import intrinsic

from clearing.rounds.compiled import allocating, merged_allocating
from clearing.rounds.fields import (
    BUS,
    FROM,
    HEAD,
    N_BUS,
    N_COL,
    N_ICOL,
    N_ILIN,
    N_IROW,
    N_ISLOT,
    N_LIN,
    N_MARK,
    N_NOTE,
    N_ROW,
    N_SLOT,
    N_STATE,
    TAIL,
    TO,
)  # fmt: skip
from clearing.rounds.lanes import LANES

HEADER = 32
ORDERS, COLUMNS, BUSES, LINES, ISLANDS, ROWCAP, SLOTCAP, ANGLES, LOWER, UPPER, COMPONENTS = range(11)
BALANCES = 12
ASIDE = 13  # where the arrays of eight rounds begin: of floats, of ints
ASIDE_INTS = 14


def padded(count: int, by: int = LANES) -> int:
    """The next multiple of a width."""
    return -(-int(count) // by) * by


class Store(NamedTuple):
    """Views of the engine's arrays; see `fields` for the meaning of their rows."""

    col: np.ndarray
    icol: np.ndarray
    a: np.ndarray
    ptdf: np.ndarray
    slot: np.ndarray
    islot: np.ndarray
    row: np.ndarray
    irow: np.ndarray
    w: np.ndarray
    work: np.ndarray
    triangle: np.ndarray  # the lower half of `work`, for the triangle that an elimination leaves
    wide: np.ndarray
    blocks: np.ndarray
    popped: np.ndarray
    bus: np.ndarray
    ibus: np.ndarray
    lin: np.ndarray
    ilin: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    pivot: np.ndarray
    source: np.ndarray
    target: np.ndarray
    lower_start: np.ndarray
    lower_index: np.ndarray
    upper_start: np.ndarray
    upper_index: np.ndarray
    cold: np.ndarray
    state: np.ndarray
    head: np.ndarray
    into: np.ndarray  # icol[HEAD] and the like once more, unsigned
    out: np.ndarray
    start: np.ndarray
    end: np.ndarray
    at: np.ndarray  # icol[BUS], unsigned
    beside_start: np.ndarray  # lines in service at each bus: other end, susceptance
    beside: np.ndarray
    tie: np.ndarray
    base: np.ndarray  # where all floats begin; with `head`, this unpacks the store again


class Aside(NamedTuple):
    """Views of what is kept of eight rounds until they are checked together; rounds are rows, or the last axis."""

    inj: np.ndarray  # (8, buses) net injections [MW]
    lam: np.ndarray  # (8, buses) prices
    press: np.ndarray  # (8, rows) duals of the lines in `tight`
    note: np.ndarray
    left: np.ndarray  # (buses, 8) injections
    price: np.ndarray  # (buses, 8)
    angle: np.ndarray  # (buses, 8)
    pull: np.ndarray  # (buses, 8) what line duals ask of the prices, see `proof`
    work: np.ndarray  # (buses, 8)
    flow: np.ndarray  # (lines, 8)
    tight: np.ndarray  # (8, rows) lines at a limit, sorted
    mark: np.ndarray


def float_shapes(h: np.ndarray) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the pieces of the float array, in order."""
    n, nl, k, s = (int(h[i]) for i in (COLUMNS, LINES, ROWCAP, SLOTCAP))
    nb = padded(h[BUSES] + 1)
    return [
        ("col", (N_COL, n + 2 * k + 32)), ("a", (s, n)), ("ptdf", (s, nb)), ("slot", (N_SLOT, s)), ("row", (N_ROW, k)),
        ("w", (k, k)), ("work", (2 * k + 2, 2 * k)), ("wide", (k, n + k)), ("blocks", (padded(n + k + 1),)),
        ("bus", (N_BUS, nb)), ("aside", (LANES * (7 * nb + nl + k + N_NOTE),)), ("lin", (N_LIN, nl)),
        ("lower", (int(h[LOWER]),)), ("upper", (int(h[UPPER]),)), ("pivot", (int(h[ANGLES]),)), ("tie", (2 * nl,)),
    ]  # fmt: skip


def int_shapes(h: np.ndarray) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the pieces of the integer array behind its header, in order."""
    n, nb, nl, k, s = (int(h[i]) for i in (COLUMNS, BUSES, LINES, ROWCAP, SLOTCAP))
    m = int(h[ANGLES])
    return [
        ("icol", (N_ICOL, n)), ("islot", (N_ISLOT, s)), ("irow", (N_IROW, n + 2 * k)), ("popped", (n + k + nl,)),
        ("ibus", (3, nb + 1)), ("ilin", (N_ILIN, nl)), ("source", (m,)), ("target", (m,)),
        ("lower_start", (m + 1,)), ("lower_index", (int(h[LOWER]),)), ("upper_start", (m + 1,)),
        ("upper_index", (int(h[UPPER]),)), ("cold", (k,)), ("state", (N_STATE,)),
        ("beside_start", (nb + 2,)), ("beside", (2 * nl,)), ("aside_ints", (LANES * (k + N_MARK),)),
    ]  # fmt: skip


def views(floats: np.ndarray, ints: np.ndarray) -> dict[str, np.ndarray]:
    """The pieces by name, for Python."""
    out: dict[str, np.ndarray] = {}
    for array, shapes, at in ((floats, float_shapes(ints), 0), (ints, int_shapes(ints), HEADER)):
        for name, shape in shapes:
            size = int(np.prod(shape))
            out[name] = array[at : at + size].reshape(shape)
            at += size
    return out


def allocate(head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Zeroed float and integer arrays for the sizes in `head`."""
    size = sum(int(np.prod(shape)) for _, shape in float_shapes(head))
    floats = np.zeros(size + LANES)
    first = -floats.ctypes.data % (8 * LANES) // 8  # eight numbers lie in one line of the cache, not in two
    floats = floats[first : first + size]
    ints = np.zeros(HEADER + sum(int(np.prod(shape)) for _, shape in int_shapes(head)), dtype=np.int64)
    ints[:HEADER] = head
    names = [name for name, _ in float_shapes(head)]
    before = float_shapes(head)[: names.index("aside")]
    ints[ASIDE] = sum(int(np.prod(shape)) for _, shape in before)
    ints[ASIDE_INTS] = len(ints) - int_shapes(head)[-1][1][0]
    return floats, ints


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


@allocating
def _ints(address, count):
    return carray(_pointer(address), (count,), np.int64)


@allocating
def _indices(address, count):
    """Unsigned, because numba tests every signed index for a negative sign."""
    return carray(_pointer(address), (count,), np.uint64)


@allocating
def _table(address, rows, columns):
    return carray(_pointer(address), (rows, columns), np.int64)


@merged_allocating
def unpack(f, i):
    """The pieces inside compiled code; the order is that of `float_shapes` and `int_shapes`.

    They are made from addresses because views of `f` and `i` would count references at every call.
    """
    n = i[COLUMNS]
    nb = (i[BUSES] + LANES) // LANES * LANES
    nl = i[LINES]
    k = i[ROWCAP]
    s = i[SLOTCAP]
    m = i[ANGLES]
    at = f.ctypes.data
    col = matrix_at(at, N_COL, n + 2 * k + 32)
    at += 8 * (N_COL) * (n + 2 * k + 32)
    a = matrix_at(at, s, n)
    at += 8 * (s) * (n)
    ptdf = matrix_at(at, s, nb)
    at += 8 * (s) * (nb)
    slot = matrix_at(at, N_SLOT, s)
    at += 8 * (N_SLOT) * (s)
    row = matrix_at(at, N_ROW, k)
    at += 8 * (N_ROW) * (k)
    w = matrix_at(at, k, k)
    at += 8 * (k) * (k)
    work = matrix_at(at, 2 * k + 2, 2 * k)
    at += 8 * (2 * k + 2) * (2 * k)
    triangle = matrix_at(at - 8 * (k + 1) * (2 * k), k + 1, 2 * k)
    wide = matrix_at(at, k, n + k)
    at += 8 * (k) * (n + k)
    size = (n + k + LANES) // LANES * LANES
    blocks = floats_at(at, size)
    at += 8 * (size)
    bus = matrix_at(at, N_BUS, nb)
    at += 8 * (N_BUS) * (nb)
    at += 8 * LANES * (7 * nb + nl + k + N_NOTE)
    lin = matrix_at(at, N_LIN, nl)
    at += 8 * (N_LIN) * (nl)
    lower = floats_at(at, i[LOWER])
    at += 8 * (i[LOWER])
    upper = floats_at(at, i[UPPER])
    at += 8 * (i[UPPER])
    pivot = floats_at(at, m)
    at += 8 * (m)
    tie = floats_at(at, 2 * nl)
    at = i.ctypes.data + 8 * HEADER
    icol = _table(at, N_ICOL, n)
    at += 8 * (N_ICOL) * (n)
    islot = _table(at, N_ISLOT, s)
    at += 8 * (N_ISLOT) * (s)
    irow = _table(at, N_IROW, n + 2 * k)
    at += 8 * (N_IROW) * (n + 2 * k)
    popped = _ints(at, n + k + nl)
    at += 8 * (n + k + nl)
    nb = i[BUSES] + 1
    ibus = _table(at, 3, nb)
    at += 8 * (3) * (nb)
    ilin = _table(at, N_ILIN, nl)
    at += 8 * (N_ILIN) * (nl)
    source = _indices(at, m)
    at += 8 * (m)
    target = _indices(at, m)
    at += 8 * (m)
    lower_start = _indices(at, m + 1)
    at += 8 * (m + 1)
    lower_index = _indices(at, i[LOWER])
    at += 8 * (i[LOWER])
    upper_start = _indices(at, m + 1)
    at += 8 * (m + 1)
    upper_index = _indices(at, i[UPPER])
    at += 8 * (i[UPPER])
    cold = _ints(at, k)
    at += 8 * (k)
    state = _ints(at, N_STATE)
    at += 8 * (N_STATE)
    beside_start = _indices(at, nb + 1)
    at += 8 * (nb + 1)
    beside = _indices(at, 2 * nl)
    head = _ints(i.ctypes.data, HEADER)
    into = _indices(icol.ctypes.data + 8 * HEAD * n, n)
    out = _indices(icol.ctypes.data + 8 * TAIL * n, n)
    place = _indices(icol.ctypes.data + 8 * BUS * n, n)
    start = _indices(ilin.ctypes.data + 8 * FROM * nl, nl)
    end = _indices(ilin.ctypes.data + 8 * TO * nl, nl)
    return Store(
        col, icol, a, ptdf, slot, islot, row, irow, w, work, triangle, wide, blocks, popped, bus, ibus, lin, ilin, lower, upper,
        pivot, source, target, lower_start, lower_index, upper_start, upper_index, cold, state, head,
        into, out, start, end, place, beside_start, beside, tie, floats_at(f.ctypes.data, 0),
    )  # fmt: skip


@merged_allocating
def unpack_aside(f, i):
    """What is kept of eight rounds, inside compiled code."""
    nb = (i[BUSES] + LANES) // LANES * LANES
    nl = i[LINES]
    k = i[ROWCAP]
    at = f.ctypes.data + 8 * i[ASIDE]
    inj = matrix_at(at, LANES, nb)
    lam = matrix_at(at + 8 * LANES * nb, LANES, nb)
    left = matrix_at(at + 16 * LANES * nb, nb, LANES)
    price = matrix_at(at + 24 * LANES * nb, nb, LANES)
    angle = matrix_at(at + 32 * LANES * nb, nb, LANES)
    pull = matrix_at(at + 40 * LANES * nb, nb, LANES)
    work = matrix_at(at + 48 * LANES * nb, nb, LANES)
    at += 56 * LANES * nb
    flow = matrix_at(at, nl, LANES)
    at += 8 * LANES * nl
    press = matrix_at(at, LANES, k)
    note = matrix_at(at + 8 * LANES * k, N_NOTE, LANES)
    at = i.ctypes.data + 8 * i[ASIDE_INTS]
    tight = _table(at, LANES, k)
    mark = _table(at + 8 * LANES * k, N_MARK, LANES)
    return Aside(inj, lam, press, note, left, price, angle, pull, work, flow, tight, mark)
