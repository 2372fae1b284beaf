"""Lines that have bound before: which of them the present dispatch exceeds, with as few looks as possible."""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import row_products
from clearing.rounds.fields import (
    ACTIVE,
    BASE,
    FHI,
    FLO,
    HEAT,
    HOT,
    LOOK,
    LOOKED,
    NEAR,
    REACH,
    ROOM,
    SEEN,
    WAS,
    X,
)
from clearing.rounds.lanes import LANES, load, magnitude, splat, store, total

LATELY = 8  # rounds for which such a line is looked at first


@inner
def worst_candidate(col, a, slot, islot, n, balances, slots, tol):
    """(hot inactive line that exceeds its limit most, its flow); −1 if none does.

    A line is computed only if the dispatch has moved so far since the last look that it could have got
    to its limit. Lines that bound long ago, which are many, are looked at where no other is exceeded.
    """
    x = col[X]
    moved = distance(x, col[WAS], n)
    look = islot[LOOK]
    active = islot[ACTIVE]
    heat = islot[HEAT]
    near = islot[NEAR]
    room = slot[ROOM]
    reach = slot[REACH]
    early = 0
    late = slots
    for t in range(balances, slots):
        left = room[t] - moved * reach[t]
        if active[t] >= 0 or heat[t] == 0:
            left = 0.0
        elif left <= 10.0 * tol:
            if heat[t] >= HOT - LATELY:
                look[early] = t
                early += 1
            else:
                late -= 1
                look[late] = t
        room[t] = left
        near[t] = 0
    s, flow = look_at(col, a, slot, islot, n, look, early, tol)
    if s < 0 and late < slots:
        s, flow = look_at(col, a, slot, islot, n, look[late:], slots - late, tol)
    return s, flow


@inner
def look_at(col, a, slot, islot, n, look, count, tol):
    """The one of the listed lines that exceeds its limit most, and its flow."""
    flows = slot[LOOKED]
    row_products(flows, n, a, look, count, col[X])
    s = -1
    worst = tol
    flow = 0.0
    for i in range(count):
        t = look[i]
        islot[SEEN, t] = 1
        f = slot[BASE, t] + flows[i]
        v = max(slot[FLO, t] - f, f - slot[FHI, t])
        slot[ROOM, t] = -v
        islot[NEAR, t] = v > -10.0 * tol
        if v > worst:
            worst = v
            s = t
            flow = f
    return s, flow


@inner
def distance(x, was, n):
    """Σ |x − was|; `was` becomes x."""
    moved = splat(0.0)
    for j in range(0, n, LANES):
        v = load(x, j)
        moved = moved + magnitude(v - load(was, j))
        store(was, j, v)
    return total(moved)
