"""The pivot row, and the long-step ratio test with bound flipping on it."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.linalg.dense import sum_rows
from clearing.engine.linalg.simd import (
    LANES,
    equal_bits,
    larger,
    load,
    load_at,
    magnitude,
    smaller,
    smallest,
    splat,
    store,
    trailing_zeros,
    where_less,
)
from clearing.engine.memory.statuses import BIG, BLOCK


@merged
def breakpoint(red, alpha, direction, sense, small):
    """Dual step at which each of eight reduced costs reaches 0; BIG where it never does."""
    rate = sense * alpha * direction
    gap = larger(direction * red, splat(0.0))
    return where_less(small, rate, gap / where_less(small, rate, rate, splat(1.0)), splat(BIG))


@inner
def pivot_row(s, k, t, sense, small):
    """The pivot row (of slot t, or of a basic column where t < 0), breakpoints, and their least in each
    block.

    `lp.pivot_weight` is the row in terms of the k active ones. Returns the number of blocks.
    """
    short_loops()
    n = s.columns
    red = s.reduced_cost
    alpha = s.lp.pivot_row
    ratio = s.lp.breakpoint
    direction = s.lp.move
    sign = s.sign
    blocks = s.block_least
    g = s.lp.pivot_weight
    share = s.site_row
    sum_rows(share, s.sites, s.site_matrix, s.basis_slot, g, k)
    for b in range(0, s.sites, LANES):
        own = load_at(s.site_matrix, t, b) if t >= 0 else splat(0.0)
        store(share, b, own - load(share, b))
    way = splat(sense)
    least_pivot = splat(small)
    for layer in range(s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            j = at + b
            v = load(sign, j) * load(share, b)
            store(alpha, j, v)
            store(ratio, j, breakpoint(load(red, j), v, load(direction, j), way, least_pivot))
    for i in range(k):
        alpha[n + i] = g[i]
        rate = sense * g[i] * direction[n + i]
        ratio[n + i] = max(direction[n + i] * red[n + i], 0.0) / rate if rate > small else BIG
    count = (n + k + BLOCK - 1) // BLOCK
    for i in range(n + k, count * BLOCK):
        ratio[i] = BIG
    for b in range(count):
        blocks[b] = least_at(ratio, b * BLOCK)
    for b in range(count, count + LANES):
        blocks[b] = BIG
    return count


@merged
def least_at(ratio, j):
    """Least breakpoint of the block that begins at j."""
    a = smaller(load(ratio, j), load(ratio, j + LANES))
    return smallest(smaller(a, smaller(load(ratio, j + 2 * LANES), load(ratio, j + 3 * LANES))))


@merged
def least_block(blocks, count):
    """(least breakpoint of all, the block it is in)."""
    least = load(blocks, 0)
    for j in range(LANES, count, LANES):
        least = smaller(least, load(blocks, j))
    value = smallest(least)
    v = splat(value)
    for j in range(0, count, LANES):
        bits = equal_bits(load(blocks, j), v)
        if bits != 0:
            return value, j + trailing_zeros(bits)
    return BIG, 0  # not a number anywhere: no way on


@merged
def next_in(s, b, value):
    """Columns of block b with that breakpoint, as bits; the block's least becomes its next one."""
    ratio = s.lp.breakpoint
    j = b * BLOCK
    v = splat(value)
    never = splat(BIG)
    r0 = load(ratio, j)
    r1 = load(ratio, j + LANES)
    r2 = load(ratio, j + 2 * LANES)
    r3 = load(ratio, j + 3 * LANES)
    low = smaller(where_less(v, r0, r0, never), where_less(v, r1, r1, never))
    high = smaller(where_less(v, r2, r2, never), where_less(v, r3, r3, never))
    # all eight places are written: one alone would keep the next look at them waiting
    at = b // LANES * LANES
    here = magnitude(load(s.lane_numbers, 0) - splat(float(b - at)))
    after = splat(smallest(smaller(low, high)))
    store(s.block_least, at, where_less(here, splat(0.5), after, load(s.block_least, at)))
    bits = equal_bits(r0, v) + (equal_bits(r1, v) << 8)
    return bits + (equal_bits(r2, v) << 16) + (equal_bits(r3, v) << 24)


@merged
def step_along(s, change, k):
    """Reduced costs += change · pivot row, also for the duals of the k rows."""
    short_loops()
    n = s.columns
    red = s.reduced_cost
    alpha = s.lp.pivot_row
    f = splat(change)
    for j in range(0, n, LANES):
        store(red, j, load(red, j) + f * load(alpha, j))
    for i in range(k):
        red[n + i] += change * alpha[n + i]


@inner
def ratio_test(s, count, sense, violation, tie, tol):
    """Long-step ratio test. Returns (entering, number popped, step); entering −1: none,
    with the violation that no flip can remove in place of the step.

    `lp.passed` lists the columns passed; all of them but the entering one flip. Ties within `tie`
    prefer the larger pivot.
    """
    short_loops()
    red = s.reduced_cost
    alpha = s.lp.pivot_row
    direction = s.lp.move
    low = s.working_lower
    high = s.working_upper
    blocks = s.block_least
    popped = s.lp.passed
    slope = violation
    passed = 0
    entering = -1
    step = 0.0
    kept = 0
    last = 0.0
    while True:
        least, b = least_block(blocks, count)
        if least >= BIG:
            break
        if entering >= 0 and least > step + tie:
            break
        last = least
        bits = next_in(s, b, least)
        while bits != 0:
            e = b * BLOCK + trailing_zeros(bits)
            bits &= bits - 1
            popped[passed] = e
            passed += 1
            if entering < 0:
                slope -= abs(alpha[e]) * (high[e] - low[e])
                if slope <= 0.0:
                    entering = passed - 1
                    step = least
                    kept = passed
            elif abs(alpha[e]) > 2.0 * abs(alpha[popped[entering]]):
                entering = passed - 1
    if entering < 0 and (passed == 0 or slope > tol):
        return -1, 0, slope
    if entering < 0:  # all flips together leave rounding alone: nothing but the last of them can enter
        entering = passed - 1
        step = last
        kept = passed
    chosen = popped[entering]
    # a passed column within the tie that has a much larger pivot is the safer one to enter
    for t in range(kept):
        e = popped[t]
        if abs(alpha[e]) > 2.0 * abs(alpha[chosen]):
            if direction[e] * red[e] / (sense * alpha[e] * direction[e]) >= step - tie:
                chosen = e
    step = max(direction[chosen] * red[chosen], 0.0) / (sense * alpha[chosen] * direction[chosen])
    return chosen, kept, step
