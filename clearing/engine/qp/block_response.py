"""What the columns of a sloped book answer to prices in a climb, and which of them cannot move in it.

Columns far from their kinks, such as bids at the value of lost load and units far out of the money, stay at
their bounds whatever the steps do. They are found eight at a time (a block), and all passes look at the other
blocks alone.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.simd import (
    LANES,
    equal_bits,
    larger,
    less_bits,
    load,
    smaller,
    splat,
    store,
    where_less,
)

ALL = (1 << LANES) - 1


@inner
def inverse_slopes(inverse, slope, low, high, band, n):
    """One over each column's slope, which is at least `band` over its range; 0 for fixed columns."""
    wide = 1.0 / band
    for j in range(n):
        room = (high[j] - low[j]) * wide
        v = 1.0 / max(slope[j], 1e-300)
        inverse[j] = min(v, room)


@inner
def respond(s, blocks, count, chosen, length, window):
    """Prices after a step of `length` along `qp.price_rate`, what the columns answer, and the curvature of
    that.

    u += length · v; x = clip((u − cost) · inverse, low, high). A column's curvature is the inverse of its
    slope where it is inside its bounds, or the average over prices up to `window` away where that is more.
    All of them stand in `qp.curvature`; those that are not 0 are listed in `chosen`, with their values in
    `qp.packed_curvature`; as many as fill whole vectors. Returns their number. Only the `count` listed blocks
    are looked at.
    """
    zero = splat(0.0)
    step = splat(length)
    width = splat(window)
    share = splat(0.5 / window if window > 0.0 else 0.0)
    weight = s.qp.packed_curvature
    f = 0
    for b in range(count):
        j = blocks[b]
        u = load(s.qp.column_price, j) + step * load(s.qp.price_rate, j)
        store(s.qp.column_price, j, u)
        inverse = load(s.qp.inverse_slope, j)
        low = load(s.lower, j)
        high = load(s.upper, j)
        z = (u - load(s.working_cost, j)) * inverse
        store(s.dispatch, j, smaller(high, larger(low, z)))
        w = where_less(z, low, zero, where_less(high, z, zero, inverse))
        if window > 0.0:
            reach = width * inverse
            above = smaller(high, larger(low, z + reach))
            below = smaller(high, larger(low, z - reach))
            w = larger(w, share * (above - below))
        store(s.qp.curvature, j, w)
        bits = less_bits(zero, w)
        if bits != 0:
            for k in range(LANES):
                chosen[f] = j + k
                weight[f] = s.qp.curvature[j + k]
                f += (bits >> k) & 1
    whole = (f + LANES - 1) // LANES * LANES
    for k in range(f, whole):
        chosen[k] = 0
        weight[k] = 0.0
    return whole


@inner
def sort_blocks(s, live, n, margin):
    """Answers X to the prices `qp.column_price`; lists the blocks in which a column may leave its bound where
    prices move by no more than `margin`, and the others behind the end of them. Returns the number of the
    former.
    """
    width = splat(margin)
    count = 0
    last = n // LANES
    for j in range(0, n, LANES):
        inverse = load(s.qp.inverse_slope, j)
        low = load(s.lower, j)
        high = load(s.upper, j)
        z = (load(s.qp.column_price, j) - load(s.working_cost, j)) * inverse
        store(s.dispatch, j, smaller(high, larger(low, z)))
        reach = width * inverse
        still = less_bits(z + reach, low) | less_bits(high, z - reach) | equal_bits(low, high)
        if still == ALL:
            last -= 1
            live[last] = j
        else:
            live[count] = j
            count += 1
    return count
