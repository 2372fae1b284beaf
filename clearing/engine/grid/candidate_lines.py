"""Lines that have bound before: which of them the present dispatch exceeds, with as few looks as possible."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.grid.bus_aggregation import sum_sites, sum_sites_again
from clearing.engine.linalg.dense import row_products
from clearing.engine.linalg.simd import (
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
from clearing.engine.memory.statuses import BIG, HOT

LATELY = 8  # rounds for which such a line is looked at first
CLOSE = 10.0  # lines so many tolerances from a limit are taken to be at it


@inner
def most_exceeded(s, tol):
    """(hot inactive line that exceeds its limit most, its flow); −1 if none does.

    A line is computed only if the dispatch has moved so far since the last look that it could have got
    to its limit. Lines that bound long ago, which are many, are looked at where no other is exceeded.
    """
    short_loops()
    moved = splat(moved_since_look(s))
    look = s.look_list
    active = s.slot_row
    heat = s.heat
    room = s.room
    reach = s.flow_reach
    near = splat(CLOSE * tol)
    slots = s.slots
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
        t, flow = most_exceeded_of(s, 0, early, tol)
        if t >= 0:
            return t, flow
    if late < slots:
        return most_exceeded_of(s, late, slots - late, tol)
    return -1, 0.0


@inner
def most_exceeded_of(s, first, count, tol):
    """The one of the listed lines that exceeds its limit most, and its flow."""
    short_loops()
    look = s.look_list[first:]
    flows = s.looked_flow
    row_products(flows, s.sites, s.site_matrix, look, count, s.looked_injection)
    seen = s.seen
    heat = s.heat
    room = s.room
    base = s.base_flow
    least = s.flow_lower
    most = s.flow_upper
    now = s.round_count
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
def list_active_lines(s, tol):
    """Lines of the working basis and those found at a limit beside it, sorted, into `tight_lines`; their
    number.

    The latter (twins of binding lines: in series, or parallel) only spare a second recomputation.
    """
    short_loops()
    act = s.basis_slot
    count = 0
    for i in range(s.balances, s.basis_size):
        count = insert(s, act[i], count)
    for b in range(0, s.slots, LANES):
        bits = tight_bits(s, b, tol)
        s.near_bits[b] = bits
        while bits != 0:
            count = insert(s, b + trailing_zeros(bits), count)
            bits &= bits - 1
    return count


@merged
def active_set_stays(s, tol):
    """Whether the basis, which is that of the last round, makes the last round's active set once more.

    Then its columns are more than `tol` from their bounds, as all of them were, and the lines found at a
    limit beside it are the same.
    """
    short_loops()
    if s.injection_kept == 0 or s.cache_state != 1 or s.interior_count != s.basis_size:
        return False
    x = s.dispatch
    low = s.lower
    high = s.upper
    bas = s.basic_column
    least = BIG
    for p in range(s.basis_size):
        j = bas[p]
        least = min(least, min(x[j] - low[j], high[j] - x[j]))
    same = least > tol
    for b in range(0, s.slots, LANES):
        same &= tight_bits(s, b, 0.1 * tol) == s.near_bits[b]
    return same


@merged
def tight_bits(s, b, tol):
    """Which of eight slots are of lines at a limit, and not in the working basis."""
    hot = less_bits(splat(0.0), load(s.heat, b))
    return hot & less_bits(load(s.room, b), splat(CLOSE * tol)) & negative_bits(s.slot_row, b)


@merged
def insert(s, t, count):
    """Put the line of slot t in its place among the `count` lines in `tight_lines`; their number then."""
    popped = s.tight_lines
    line = s.slot_line[t]
    at = count
    while at > 0 and popped[at - 1] > line:
        popped[at] = popped[at - 1]
        at -= 1
    popped[at] = line
    return count + 1


@merged
def moved_since_look(s):
    """Σ |change of a site's injection| since the last look; `looked_injection` becomes that of the dispatch
    X.
    """
    was = s.looked_injection
    now = s.site_row
    if s.injection_kept == 1:  # but for the basic columns
        now = s.site_injection
        sum_sites_again(s, s.basic_column, s.basis_size)
    else:
        sum_sites(s, now)
    moved = splat(0.0)
    for b in range(0, s.sites, LANES):
        v = load(now, b)
        moved = moved + magnitude(v - load(was, b))
        store(was, b, v)
    return total(moved)
