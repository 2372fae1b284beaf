"""Lines that have bound before: which of them the present dispatch exceeds, with as few looks as possible."""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.dense import row_products
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    BAS,
    BASE,
    BIG,
    FHI,
    FLO,
    HEAT,
    HIGH,
    HOT,
    INSIDE,
    KNOWN,
    LINE,
    LOOK,
    LOOKED,
    LOW,
    NEAR,
    NET,
    NOW,
    NOWNET,
    REACH,
    ROOM,
    SEEN,
    SHARE,
    SIZE,
    SLOTS,
    SUMMED,
    X,
)
from clearing.rounds.lanes import (
    LANES,
    less_bits,
    load,
    magnitude,
    negative_bits,
    splat,
    store,
    total,
    trailing_zeros,
    wrong_bits,
)
from clearing.rounds.sites import net, net_again
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
    moved = splat(distance(s))
    look = s.islot[LOOK]
    active = s.islot[ACTIVE]
    heat = s.slot[HEAT]
    room = s.slot[ROOM]
    reach = s.slot[REACH]
    near = splat(CLOSE * tol)
    slots = s.state[SLOTS]
    early = 0
    late = slots
    for b in range(0, slots, LANES):
        left = load(room, b) - moved * load(reach, b)
        store(room, b, left)
        warmth = load(heat, b)
        bits = less_bits(splat(0.0), warmth) & wrong_bits(near, left) & negative_bits(active, b)
        cool = less_bits(warmth, splat(HOT - LATELY))
        while bits != 0:
            lane = trailing_zeros(bits)
            if cool & bits & -bits == 0:
                look[early] = b + lane
                early += 1
            else:
                late -= 1
                look[late] = b + lane
            bits &= bits - 1
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
    heat = s.slot[HEAT]
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
            heat[t] -= 1.0
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
    act = s.irow[ACT]
    count = 0
    for i in range(s.head[BALANCES], s.state[SIZE]):
        count = insert(s, act[i], count)
    for b in range(0, s.state[SLOTS], LANES):
        bits = close_bits(s, b, tol)
        s.islot[NEAR, b] = bits
        while bits != 0:
            count = insert(s, b + trailing_zeros(bits), count)
            bits &= bits - 1
    return count


@merged
def stays(s, tol):
    """Whether the basis, which is that of the last round, makes the last round's active set once more.

    Then its columns are more than `tol` from their bounds, as all of them were, and the lines found at a limit
    beside it are the same.
    """
    short_loops()
    if s.state[SUMMED] == 0 or s.state[KNOWN] != 1 or s.state[INSIDE] != s.state[SIZE]:
        return False
    x = s.col[X]
    low = s.col[LOW]
    high = s.col[HIGH]
    bas = s.irow[BAS]
    least = BIG
    for p in range(s.state[SIZE]):
        j = bas[p]
        least = min(least, min(x[j] - low[j], high[j] - x[j]))
    same = least > tol
    for b in range(0, s.state[SLOTS], LANES):
        same &= close_bits(s, b, 0.1 * tol) == s.islot[NEAR, b]
    return same


@merged
def close_bits(s, b, tol):
    """Which of eight slots are of lines at a limit, and not in the working basis."""
    hot = less_bits(splat(0.0), load(s.slot[HEAT], b))
    return hot & less_bits(load(s.slot[ROOM], b), splat(CLOSE * tol)) & negative_bits(s.islot[ACTIVE], b)


@merged
def insert(s, t, count):
    """Put the line of slot t in its place among the `count` lines in `popped`; their number then."""
    popped = s.popped
    line = s.islot[LINE, t]
    at = count
    while at > 0 and popped[at - 1] > line:
        popped[at] = popped[at - 1]
        at -= 1
    popped[at] = line
    return count + 1


@merged
def distance(s):
    """Σ |change of a site's injection| since the last look; site[NOWNET] becomes that of the dispatch X."""
    was = s.site[NOWNET]
    now = s.site[SHARE]
    if s.state[SUMMED] == 1:  # but for the basic columns
        now = s.site[NET]
        net_again(s, s.irow[BAS], s.state[SIZE])
    else:
        net(s, now)
    moved = splat(0.0)
    for b in range(0, s.head[SITES], LANES):
        v = load(now, b)
        moved = moved + magnitude(v - load(was, b))
        store(was, b, v)
    return total(moved)
