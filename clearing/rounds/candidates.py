"""Lines that have bound before: which of them the present dispatch exceeds, with as few looks as possible."""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.dense import row_products
from clearing.rounds.fields import (
    ACTIVE,
    BASE,
    FHI,
    FLO,
    HEAT,
    HOT,
    LINE,
    LOOK,
    LOOKED,
    NOW,
    NOWNET,
    REACH,
    ROOM,
    SEEN,
    SHARE,
    SLOTS,
)
from clearing.rounds.lanes import LANES, load, magnitude, splat, store, total
from clearing.rounds.sites import net
from clearing.rounds.store import BALANCES, SITES

LATELY = 8  # rounds for which such a line is looked at first
CLOSE = 10.0  # lines so many tolerances from a limit are taken to be at it


@inner
def worst_candidate(s, tol):
    """(hot inactive line that exceeds its limit most, its flow); −1 if none does.

    A line is computed only if the dispatch has moved so far since the last look that it could have got
    to its limit. Lines that bound long ago, which are many, are looked at where no other is exceeded.
    """
    short_loops()
    moved = distance(s)
    look = s.islot[LOOK]
    active = s.islot[ACTIVE]
    heat = s.islot[HEAT]
    room = s.slot[ROOM]
    reach = s.slot[REACH]
    slots = s.state[SLOTS]
    early = 0
    late = slots
    for t in range(s.head[BALANCES], slots):
        left = room[t] - moved * reach[t]
        if active[t] >= 0 or heat[t] == 0:
            left = 0.0
        elif left <= CLOSE * tol:
            if heat[t] >= HOT - LATELY:
                look[early] = t
                early += 1
            else:
                late -= 1
                look[late] = t
        room[t] = left
    if early > 0:
        t, flow = look_at(s, 0, early, tol)
        if t >= 0:
            return t, flow
    if late < slots:
        return look_at(s, late, slots - late, tol)
    return -1, 0.0


@inner
def look_at(s, first, count, tol):
    """The one of the listed lines that exceeds its limit most, and its flow."""
    short_loops()
    look = s.islot[LOOK, first:]
    flows = s.slot[LOOKED]
    row_products(flows, s.head[SITES], s.rows, look, count, s.site[NOWNET])
    seen = s.islot[SEEN]
    heat = s.islot[HEAT]
    room = s.slot[ROOM]
    base = s.slot[BASE]
    least = s.slot[FLO]
    most = s.slot[FHI]
    now = s.state[NOW]
    found = -1
    worst = tol
    flow = 0.0
    for i in range(count):
        t = look[i]
        if seen[t] != now:  # what is never at its limit cools down
            seen[t] = now
            heat[t] -= 1
        f = base[t] + flows[i]
        v = max(least[t] - f, f - most[t])
        room[t] = -v
        if v > worst:
            worst = v
            found = t
            flow = f
    return found, flow


@merged
def list_close(s, tol):
    """Lines of the working basis and those found at a limit beside it, sorted, into `popped`; their number.

    The latter (twins of binding lines: in series, or parallel) only spare a second recomputation.
    """
    short_loops()
    popped = s.popped
    active = s.islot[ACTIVE]
    heat = s.islot[HEAT]
    lines = s.islot[LINE]
    room = s.slot[ROOM]
    count = 0
    for t in range(s.head[BALANCES], s.state[SLOTS]):
        if active[t] >= 0 or (room[t] < CLOSE * tol and heat[t] > 0):
            line = lines[t]
            at = count
            while at > 0 and popped[at - 1] > line:
                popped[at] = popped[at - 1]
                at -= 1
            popped[at] = line
            count += 1
    return count


@merged
def distance(s):
    """Σ |change of a site's injection| since the last look; site[NOWNET] becomes that of the dispatch X."""
    now = s.site[SHARE]
    was = s.site[NOWNET]
    net(s, now)
    moved = splat(0.0)
    for b in range(0, s.head[SITES], LANES):
        v = load(now, b)
        moved = moved + magnitude(v - load(was, b))
        store(was, b, v)
    return total(moved)
