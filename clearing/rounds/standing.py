"""Columns that stand still in a climb: far from their kinks, they stay at their bounds whatever the steps do.

Bids at the value of lost load, for instance, and units far out of the money. They are found eight at a time (a
block); what they give to a row is computed once, and all passes look at the other blocks alone.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.fields import (
    BIG,
    COSTP,
    HIGH,
    LOW,
    PERMQ,
    PREV,
    RED,
    SEEN,
    SIGN,
    STILL,
    WAS,
    X,
)  # fmt: skip
from clearing.rounds.lanes import (
    LANES,
    equal_bits,
    larger,
    less_bits,
    load,
    load_at,
    magnitude,
    smaller,
    splat,
    store,
    total,
)

ALL = (1 << LANES) - 1


@inner
def sort_blocks(col, live, n, margin):
    """Answers X to the prices col[RED]; lists the blocks in which a column may leave its bound where prices move by
    no more than `margin`, and the others behind the end of them. Returns the number of the former."""
    width = splat(margin)
    count = 0
    last = n // LANES
    for j in range(0, n, LANES):
        inverse = load(col[PREV], j)
        low = load(col[LOW], j)
        high = load(col[HIGH], j)
        z = (load(col[RED], j) - load(col[COSTP], j)) * inverse
        store(col[X], j, smaller(high, larger(low, z)))
        reach = width * inverse
        still = less_bits(z + reach, low) | less_bits(high, z - reach) | equal_bits(low, high)
        if still == ALL:
            last -= 1
            live[last] = j
        else:
            live[count] = j
            count += 1
    return count


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
    blocks = s.irow[PERMQ]
    block_products(out, blocks, live, s.a, rows, m, s.col[X])
    for i in range(m):
        t = rows[i]
        if s.islot[SEEN, t] == 0:
            s.islot[SEEN, t] = 1
            s.slot[STILL, t] = block_product(s.a[t], s.col[X], blocks, live, n // LANES)
        out[i] += s.slot[STILL, t]


@inner
def strayed(col, blocks, count, n):
    """How far the dispatch X may have moved a flow since the last look, per MW of `slot[REACH]`; it counts as
    looked at now. Only the listed blocks may have moved.

    REACH is that of dispatches with one sum; what the sum has changed comes on top, and no entry of a row is
    greater than twice its REACH.
    """
    moved = splat(0.0)
    net = splat(0.0)
    for b in range(count):
        j = blocks[b]
        v = load(col[X], j)
        d = v - load(col[WAS], j)
        moved = moved + magnitude(d)
        net = net + load(col[SIGN], j) * d
        store(col[WAS], j, v)
    far = total(moved) + abs(total(net))
    if far < BIG:
        return far
    for j in range(n):  # nothing that is no number may stay for other rounds
        col[WAS, j] = 0.0
    return BIG
