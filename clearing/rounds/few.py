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
    HIGH,
    HIGHP,
    JITTER,
    KEPT,
    LEAST,
    LOW,
    NET,
    READY,
    RED,
    REST,
    SIGN,
    SIZE,
    SUMMED,
    X,
)
from clearing.rounds.sites import whole


@merged
def go_on(s, e):
    """Put the changed orders in place, with costs perturbed by `e`; False where the simplex has to be set up anew.

    habit[LEAST] stays at most the least reduced cost.
    """
    short_loops()
    if s.state[READY] == 0 or s.state[SUMMED] == 0 or s.state[CHANGED] < 0:
        return False
    k = s.state[SIZE]
    changed = s.changed
    costp = s.col[COSTP]
    way = s.col[DIR]
    for t in range(s.state[CHANGED]):
        j = changed[t]
        if way[j] == 0.0 and s.col[COST, j] + e * s.col[JITTER, j] != costp[j] and is_basic(s, j):
            return False
    rest = s.row[REST]
    act = s.irow[ACT]
    least = s.habit[LEAST]
    for t in range(s.state[CHANGED]):
        j = changed[t]
        high = s.col[HIGH, j]
        s.col[HIGHP, j] = high
        if way[j] == 0.0 and is_basic(s, j):
            continue
        c = s.col[COST, j] + e * s.col[JITTER, j]
        d = s.col[RED, j] + (c - costp[j])
        costp[j] = c
        s.col[RED, j] = d
        low = s.col[LOW, j]
        mw = high if d < 0.0 else low
        way[j] = 0.0
        if low < high:
            way[j] = -1.0 if d < 0.0 else 1.0
            least = min(least, abs(d))
        move = s.col[SIGN, j] * (mw - s.col[X, j])
        s.col[X, j] = mw
        if move != 0.0:
            site = s.site_of[j]
            s.site[NET, site] = whole(s, site)
            for i in range(k):
                rest[i] -= s.rows[act[i], site] * move
    s.habit[LEAST] = least
    s.state[KEPT] = 0
    return True


@merged
def is_basic(s, j):
    """Whether column j is basic; of those without a direction some are fixed."""
    for p in range(s.state[SIZE]):
        if s.irow[BAS, p] == j:
            return True
    return False
