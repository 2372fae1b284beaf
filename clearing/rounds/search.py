"""How far the dual function rises along a straight way through the kinks of the columns' answers."""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, reduction
from clearing.rounds.fields import (
    ACT,
    ALPHA,
    COSTP,
    DIR,
    GOAL,
    HIGH,
    HIGHP,
    LOW,
    LOWP,
    PREV,
    RATIO,
    RED,
    TMP,
    TMP2,
    X,
)

LOSS = 0.1  # a whole step is taken where the rate falls below zero by less than this share of what it loses


@reduction
def answered(x, u, v, cost, inverse, low, high, moved, n):
    """moved_j = v_j times what column j answers more at the prices u + v; returns their sum."""
    total = 0.0
    for j in range(n):
        z = (u[j] + v[j] - cost[j]) * inverse[j]
        z = min(high[j], max(low[j], z))
        z = v[j] * (z - x[j])
        moved[j] = z
        total += z
    return total


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
def between(kink, q, first, last):
    """Keep the q kinks that lie between the two lengths; returns their number."""
    left = 0
    for k in range(q):
        t = kink[k]
        kink[left] = t
        left += (t > first) & (t < last)
    return left


@merged
def rise(s, n, rate, bend):
    """Length ≤ 1 of the step along col[ALPHA]; `rate` is the dual function's rate of growth at its start,
    `bend` what the columns with curvature take from it until the end."""
    x = s.col[X]
    u = s.col[RED]
    v = s.col[ALPHA]
    cost = s.col[COSTP]
    inverse = s.col[PREV]
    moved = s.col[TMP]
    end = rate - answered(x, u, v, cost, inverse, s.col[LOW], s.col[HIGH], moved, n)
    if end >= -LOSS * bend:
        return 1.0
    start = s.col[RATIO]
    speed = s.col[DIR]
    low = s.col[LOWP]
    high = s.col[HIGHP]
    pull = s.col[GOAL]
    into = s.col[TMP2]
    out = s.wide[0]
    chosen = s.irow[ACT]
    c = 0
    for j in range(n):
        chosen[c] = j
        c += moved[j] != 0.0
    full = rate
    for k in range(c):
        j = chosen[k]
        start[k] = (u[j] - cost[j]) * inverse[j]
        speed[k] = v[j] * inverse[j]
        low[k] = s.col[LOW, j]
        high[k] = s.col[HIGH, j]
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
    p = between(into, c, first, last)
    q = between(out, c, first, last)
    while p + q > 0:
        t = into[p // 2] if p > q else out[q // 2]
        now = full - rate_at(t, start, speed, low, high, pull, c)
        if now > 0.0:
            first = t
            above = now
        else:
            last = t
            end = now
        p = between(into, p, first, last)
        q = between(out, q, first, last)
    return first + (last - first) * above / (above - end) if above > end else last
