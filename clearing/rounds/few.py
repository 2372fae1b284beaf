"""A round in which few orders differ from the last one: the simplex goes on where it ended.

Where no cost of a basic column has changed, neither have the duals: of all reduced costs, bounds and columns at a
bound those of the changed orders alone are touched. Whatever the simplex starts from shows in no result (law 3).
"""

from __future__ import annotations

from clearing.rounds.compiled import merged, short_loops
from clearing.rounds.fields import (
    ACT,
    BAS,
    CHANGED,
    COST,
    COSTP,
    DIR,
    HEAT,
    HIGH,
    HIGHP,
    HOT,
    JITTER,
    KEPT,
    LEAST,
    LOW,
    READY,
    RED,
    REST,
    SIGN,
    SIZE,
    X,
)
from clearing.rounds.store import BALANCES


@merged
def go_on(s, e):
    """Put the changed orders in place, with costs perturbed by `e`; False where the simplex has to be set up anew.

    habit[LEAST] stays at most the least reduced cost.
    """
    short_loops()
    if s.state[READY] == 0 or s.state[CHANGED] < 0:
        return False
    k = s.state[SIZE]
    changed = s.changed
    costp = s.col[COSTP]
    bas = s.irow[BAS]
    for t in range(s.state[CHANGED]):
        j = changed[t]
        c = s.col[COST, j] + e * s.col[JITTER, j]
        if c != costp[j]:
            for p in range(k):
                if bas[p] == j:
                    return False
    rest = s.row[REST]
    act = s.irow[ACT]
    least = s.habit[LEAST]
    for t in range(s.state[CHANGED]):
        j = changed[t]
        high = s.col[HIGH, j]
        s.col[HIGHP, j] = high
        basic = False
        for p in range(k):
            basic |= bas[p] == j
        if basic:
            continue
        c = s.col[COST, j] + e * s.col[JITTER, j]
        d = s.col[RED, j] + (c - costp[j])
        costp[j] = c
        s.col[RED, j] = d
        low = s.col[LOW, j]
        mw = high if d < 0.0 else low
        way = 0.0
        if low < high:
            way = -1.0 if d < 0.0 else 1.0
            least = min(least, abs(d))
        s.col[DIR, j] = way
        move = s.col[SIGN, j] * (mw - s.col[X, j])
        s.col[X, j] = mw
        if move != 0.0:
            site = s.site_of[j]
            for i in range(k):
                rest[i] -= s.rows[act[i], site] * move
    s.habit[LEAST] = least
    for i in range(s.head[BALANCES], k):
        s.islot[HEAT, act[i]] = HOT
    s.state[KEPT] = 0
    return True
