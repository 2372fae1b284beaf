"""How far the dual function rises along a straight way through the kinks of the columns' answers."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, reduction
from clearing.engine.linalg.simd import LANES, equal_bits, larger, load, load_at, smaller, splat, store, total

LOSS = 0.2  # a whole step is taken where the rate falls below zero by less than this share of what it loses


@inner
def response_along(s, count, m):
    """`qp.price_rate` = Σ way_i a_i, the prices' way, and `qp.response_change` = that times what each column
    answers more at its end.

    Returns (sum of the latter, what it would be by the curvatures in `qp.curvature`). Only the `count` listed
    blocks are looked at.
    """
    blocks = s.qp.blocks
    a = s.matrix
    rows = s.qp.row_slot
    way = s.qp.dual_direction
    q = 0
    while q + 4 <= count:
        ja = blocks[q]
        jb = blocks[q + 1]
        jc = blocks[q + 2]
        jd = blocks[q + 3]
        va = vb = vc = vd = splat(0.0)
        for i in range(m):
            f = splat(way[i])
            row = rows[i]
            va = va + f * load_at(a, row, ja)
            vb = vb + f * load_at(a, row, jb)
            vc = vc + f * load_at(a, row, jc)
            vd = vd + f * load_at(a, row, jd)
        store(s.qp.price_rate, ja, va)
        store(s.qp.price_rate, jb, vb)
        store(s.qp.price_rate, jc, vc)
        store(s.qp.price_rate, jd, vd)
        q += 4
    while q < count:
        va = splat(0.0)
        for i in range(m):
            va = va + splat(way[i]) * load_at(a, rows[i], blocks[q])
        store(s.qp.price_rate, blocks[q], va)
        q += 1
    more = splat(0.0)
    bend = splat(0.0)
    for q in range(count):
        j = blocks[q]
        v = load(s.qp.price_rate, j)
        z = (load(s.qp.column_price, j) + v - load(s.working_cost, j)) * load(s.qp.inverse_slope, j)
        z = smaller(load(s.upper, j), larger(load(s.lower, j), z))
        z = v * (z - load(s.dispatch, j))
        store(s.qp.response_change, j, z)
        more = more + z
        bend = bend + v * v * load(s.qp.curvature, j)
    return total(more), total(bend)


@reduction
def rate_at(t, start, speed, low, high, v, c):
    """Σ v clip(start + speed t, low, high) over the c columns that move."""
    total = 0.0
    for k in range(c):
        z = start[k] + speed[k] * t
        z = min(high[k], max(low[k], z))
        total += v[k] * z
    return total


@inner
def keep_between(kink, q, first, last):
    """Keep the q kinks that lie between the two lengths; returns their number."""
    left = 0
    for k in range(q):
        t = kink[k]
        kink[left] = t
        left += (t > first) & (t < last)
    return left


@merged
def line_search(s, live, rate, m):
    """Length ≤ 1 of the step along the duals' way `qp.dual_direction`, whose prices' way becomes
    `qp.price_rate`.

    `rate` is the dual function's rate of growth at its start.
    """
    x = s.dispatch
    u = s.qp.column_price
    v = s.qp.price_rate
    cost = s.working_cost
    inverse = s.qp.inverse_slope
    moved = s.qp.response_change
    more, bend = response_along(s, live, m)
    end = rate - more
    if end >= -LOSS * bend:
        return 1.0
    start = s.qp.packed_answer
    speed = s.qp.packed_speed
    low = s.qp.packed_lower
    high = s.qp.packed_upper
    pull = s.qp.packed_rate
    into = s.qp.entry_kink
    out = s.wide_work[0]
    chosen = s.qp.chosen
    c = 0
    zero = splat(0.0)
    for b in range(live):
        j = s.qp.blocks[b]
        bits = 255 ^ equal_bits(load(moved, j), zero)
        if bits != 0:
            for k in range(LANES):
                chosen[c] = j + k
                c += (bits >> k) & 1
    full = rate
    for k in range(c):
        j = chosen[k]
        start[k] = (u[j] - cost[j]) * inverse[j]
        speed[k] = v[j] * inverse[j]
        low[k] = s.lower[j]
        high[k] = s.upper[j]
        pull[k] = v[j]
        full += v[j] * x[j]
    first = 0.0
    last = 1.0
    above = rate
    for _ in range(2):
        t = first + (last - first) * above / (above - end)
        now = full - rate_at(t, start, speed, low, high, pull, c)
        if now > 0.0:
            first = t
            above = now
        else:
            last = t
            end = now
    for k in range(c):
        d = 1.0 / speed[k]
        into[k] = (low[k] - start[k]) * d
        out[k] = (high[k] - start[k]) * d
    p = keep_between(into, c, first, last)
    q = keep_between(out, c, first, last)
    while p + q > 0:
        t = into[p // 2] if p > q else out[q // 2]
        now = full - rate_at(t, start, speed, low, high, pull, c)
        if now > 0.0:
            first = t
            above = now
        else:
            last = t
            end = now
        p = keep_between(into, p, first, last)
        q = keep_between(out, q, first, last)
    return first + (last - first) * above / (above - end) if above > end else last
