"""Numbers of a round from a batch's arrays into the engine's, and its outcome back into arrays."""

from __future__ import annotations

import numpy as np

from clearing.rounds.compiled import inner, merged, part, short_loops
from clearing.rounds.dense import largest
from clearing.rounds.fields import (
    AFHI,
    AFLO,
    ASKED,
    BIG,
    CHANGED,
    COST,
    DEMAND,
    FEW,
    FHI,
    FLO,
    FLOOR,
    HIGH,
    KNOWN,
    LFHI,
    LFLO,
    READY,
    SAID,
    SLOPE,
    SLOTS,
    STALE,
    WAY,
    X,
)  # fmt: skip
from clearing.rounds.lanes import (
    LANES,
    equal_bits,
    gather,
    greatest,
    larger,
    less_bits,
    load,
    magnitude,
    splat,
    store,
    trailing_zeros,
    wrong_bits,
)
from clearing.rounds.lines import set_limits
from clearing.rounds.store import (
    BALANCES,
    BUSES,
    LAYERS,
    LINES,
    LINKS,
    ORDER_SITES,
    ORDERS,
)


@inner
def take(s, price, mw):
    """Costs (price for sales, −price for purchases) and quantities of a round.

    Returns (greatest |cost|, greatest quantity, anything that no book may hold). Columns of orders that are not as
    in the last round are listed in `changed`, if they are few.
    """
    short_loops()
    said = s.book[SAID]
    asked = s.book[ASKED]
    floor = s.book[FLOOR]
    way = s.book[WAY]
    n = s.head[ORDERS]
    plain = s.head[LAYERS] == 1
    dear = splat(0.0)
    most = splat(0.0)
    limit = splat(1e15)
    bad = 0
    changed = 0
    j = 0
    while j + LANES <= n:
        c = load(way, j) * load(price, j)
        q = load(mw, j)
        same = equal_bits(c, load(said, j)) & equal_bits(q, load(asked, j))
        if same != 255:
            if same == 0 or changed > FEW - LANES:
                changed = FEW + 1
            else:
                changed = list_changed(s, same ^ 255, j, changed)
            store(said, j, c)
            store(asked, j, q)
            if plain:
                store(s.col[COST], j, c)
                store(s.col[HIGH], j, q)
            else:
                put_down(s, j, j + LANES)
        c = magnitude(c)
        bad |= wrong_bits(c, limit) | wrong_bits(q, limit) | less_bits(q, load(floor, j))
        dear = larger(dear, c)
        most = larger(most, q)
        j += LANES
    dearest = greatest(dear)
    largest_mw = greatest(most)
    if j < n:
        for i in range(j, n):
            c = way[i] * price[i]
            q = mw[i]
            if (said[i] != c or asked[i] != q) and changed <= FEW:
                if changed < FEW:
                    s.changed[changed] = s.column[i]
                changed += 1
            said[i] = c
            asked[i] = q
            bad |= 0 if abs(c) < 1e15 and floor[i] <= q < 1e15 else 1
            dearest = max(dearest, abs(c))
            largest_mw = max(largest_mw, q)
        put_down(s, j, n)
    s.state[CHANGED] = changed if changed <= FEW else -1
    return dearest, largest_mw, bad


@merged
def list_changed(s, bits, first, count):
    """Columns of the orders first … first + 7 that the bits name into `changed`, which has `count`; their number then."""
    while bits != 0:
        s.changed[count] = s.column[first + trailing_zeros(bits)]
        count += 1
        bits &= bits - 1
    return count


@merged
def put_down(s, first, last):
    """Costs and quantities of some orders into their columns."""
    short_loops()
    for i in range(first, last):
        j = s.column[i]
        s.col[COST, j] = s.book[SAID, i]
        s.col[HIGH, j] = s.book[ASKED, i]


@part
def read_round(s, price, mw, slope, fixed, limit, r):
    """Numbers of round r into the arrays. Returns (cost scale, MW scale, any slope, valid)."""
    curve = s.col[SLOPE]
    orders = s.head[ORDERS]
    p = min(r, price.shape[0] - 1)
    q = min(r, mw.shape[0] - 1)
    dearest, largest_mw, wrong = take(s, price[p], mw[q])
    sloped = False
    bad = 0.0 if wrong == 0 else 1.0
    if slope.shape[0] > 0:
        k = min(r, slope.shape[0] - 1)
        for j in range(orders):
            v = slope[k, j]
            curve[s.column[j]] = v
            bad += 0.0 if v >= 0.0 else 1.0
            sloped |= v > 0.0
    nb = s.head[BUSES]
    if fixed.shape[0] > 0:
        k = min(r, fixed.shape[0] - 1)
        for b in range(nb):
            s.bus[DEMAND, b] = fixed[k, b]
            bad += 0.0 if abs(fixed[k, b]) < 1e15 else 1.0
    if limit.shape[0] > 0:
        k = min(r, limit.shape[0] - 1)
        for line in range(s.head[LINES]):
            f = limit[k, line]
            bad += 0.0 if f >= 0.0 else 1.0
            f = min(f, BIG)
            s.lin[LFLO, line] = max(-f, s.lin[AFLO, line])
            s.lin[LFHI, line] = min(f, s.lin[AFHI, line])
    if s.state[STALE] > 0 or limit.shape[0] > 0 or fixed.shape[0] > 0:
        s.state[STALE] = 0
        s.state[KNOWN] = 0
        s.state[READY] = 0
        for i in range(s.head[BALANCES]):
            d = 0.0
            for b in range(nb):
                d += s.ptdf[i, b] * s.bus[DEMAND, b]
            s.slot[FLO, i] = d
            s.slot[FHI, i] = d
        for t in range(s.head[BALANCES], s.state[SLOTS]):
            set_limits(s, t)
    largest_mw = max(largest_mw, largest(s.bus[DEMAND], nb))
    links = s.head[LINKS]
    if links > 0:
        largest_mw = max(largest_mw, largest(s.col[HIGH, s.head[ORDER_SITES] :], links))
    if bad != 0.0:
        s.state[READY] = 0
    return 1.0 + dearest, 1.0 + largest_mw, sloped, bad == 0.0


@inner
def accept(s, target):
    """Dispatch in the order of the book."""
    x = s.col[X]
    n = s.head[ORDERS]
    j = 0
    while j + LANES <= n:
        store(target, j, gather(x, s.column, j))
        j += LANES
    while j < n:
        target[j] = x[s.column[j]]
        j += 1


@merged
def copy_row(source, target, n):
    j = 0
    while j + LANES <= n:
        store(target, j, load(source, j))
        j += LANES
    while j < n:
        target[j] = source[j]
        j += 1


@inner
def blank(r, accepted, lmp, low, high, flow, welfare):
    """NaN in every output of a round without a proven outcome."""
    welfare[r] = np.nan
    for array in (accepted, lmp, low, high, flow):
        if array.shape[0] > 0:
            for j in range(array.shape[1]):
                array[r, j] = np.nan
