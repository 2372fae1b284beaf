"""Flows of a climb's dispatch, of which only some blocks of columns move: what the others give is computed
once.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.simd import (
    LANES,
    load,
    load_at,
    magnitude,
    splat,
    store,
    total,
)
from clearing.engine.memory.statuses import BIG


@inner
def block_product(a, x, blocks, first, last):
    """a · x over some of the blocks."""
    sums = splat(0.0)
    for q in range(first, last):
        sums = sums + load(a, blocks[q]) * load(x, blocks[q])
    return total(sums)


@inner
def block_products(out, blocks, count, a, rows, m, x):
    """out_i = a[rows_i] · x over the first `count` blocks."""
    i = 0
    while i + 4 <= m:
        ia = rows[i]
        ib = rows[i + 1]
        ic = rows[i + 2]
        id_ = rows[i + 3]
        p = q = r = s = splat(0.0)
        for b in range(count):
            j = blocks[b]
            v = load(x, j)
            p = p + load_at(a, ia, j) * v
            q = q + load_at(a, ib, j) * v
            r = r + load_at(a, ic, j) * v
            s = s + load_at(a, id_, j) * v
        out[i] = total(p)
        out[i + 1] = total(q)
        out[i + 2] = total(r)
        out[i + 3] = total(s)
        i += 4
    while i < m:
        out[i] = block_product(a[rows[i]], x, blocks, 0, count)
        i += 1


@inner
def flows_of(s, n, live, rows, m, out):
    """out_i = what the dispatch X gives to row rows_i."""
    blocks = s.qp.blocks
    block_products(out, blocks, live, s.matrix, rows, m, s.dispatch)
    for i in range(m):
        t = rows[i]
        if s.seen[t] == 0:
            s.seen[t] = 1
            s.standing_flow[t] = block_product(s.matrix[t], s.dispatch, blocks, live, n // LANES)
        out[i] += s.standing_flow[t]


@inner
def moved_since_look(s, blocks, count, n):
    """How far the dispatch X may have moved a flow since the last look, per MW of `flow_reach`; it counts as
    looked at now. Only the listed blocks may have moved.

    REACH is that of dispatches with one sum; what the sum has changed comes on top, and no entry of a row is
    greater than twice its REACH.
    """
    moved = splat(0.0)
    net = splat(0.0)
    for b in range(count):
        j = blocks[b]
        v = load(s.dispatch, j)
        d = v - load(s.looked_dispatch, j)
        moved = moved + magnitude(d)
        net = net + load(s.sign, j) * d
        store(s.looked_dispatch, j, v)
    # what links take from one bus they give to another: they have no part in the sum, but in `net`
    far = total(moved) + (abs(total(net)) if s.links == 0 else total(moved))
    if far < BIG:
        return far
    for j in range(n):  # nothing that is no number may stay for other rounds
        s.looked_dispatch[j] = 0.0
    return BIG
