"""Elimination of an active set's coefficients, and the combinations of rows that depend on one another."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, short_loops
from clearing.engine.linalg.simd import (
    LANES,
    greatest,
    larger,
    less_bits,
    load,
    load_at,
    magnitude,
    splat,
    store,
    store_at,
    trailing_zeros,
    turn,
    where_less,
)


@inner
def eliminate_tall(s, m, own, f):
    """Elimination of the f columns in `kept_entries` by the largest pivot of each, among the `own` ≥ f rows
    in `own_rows`.

    Row `elimination_order[c]` is the pivot of column c; behind those f stand the rows that depend on them.
    `elimination_lower` gets the multipliers of all m rows, `elimination_upper` what is left of the columns,
    of which row `elimination_order[c]` counts from c on; both stay where their rows are, and come by columns
    too. False where complete pivoting is advisable.
    """
    short_loops()
    up = s.elimination_upper_columns
    down = s.elimination_lower_columns
    rows = s.own_rows
    p = s.elimination_order
    free = s.canonical.is_free  # 1 for a row that is no pivot yet
    zero = splat(0.0)
    for b in range(0, m, LANES):
        store(free, b, zero)
        for t in range(f):
            store_at(up, t, b, load_at(s.kept_entries, t, b))
    for i in range(own):
        free[rows[i]] = 1.0
    for c in range(f):
        most = zero
        for b in range(0, m, LANES):
            most = larger(most, load(free, b) * magnitude(load_at(up, c, b)))
        best = greatest(most)
        if not best >= 1e-6:
            return False
        enough = splat(best * 0.9999999)  # twins have equal entries but for rounding: the first of them
        b = 0
        bits = less_bits(enough, load(free, 0) * magnitude(load_at(up, c, 0)))
        while bits == 0:
            b += LANES
            bits = less_bits(enough, load(free, b) * magnitude(load_at(up, c, b)))
        lane = trailing_zeros(bits)
        top = b + lane
        inverse = 1.0 / up[c, top]
        s.elimination_inverse[c] = inverse
        p[c] = top
        here = magnitude(
            load(s.lane_numbers, 0) - splat(float(lane))
        )  # eight places at once: see `ratio_test.next_in`
        store(free, b, where_less(here, splat(0.5), zero, load(free, b)))
        factor = splat(inverse)
        for b in range(0, m, LANES):
            share = load(free, b) * load_at(up, c, b) * factor
            store_at(down, c, b, share)
            for t in range(c + 1, f):
                store_at(up, t, b, load_at(up, t, b) - splat(up[t, top]) * share)
    at = f
    for i in range(own):
        if free[rows[i]] != 0.0:
            p[at] = rows[i]
            at += 1
    for b in range(0, m, LANES):
        for c in range(0, f, LANES):
            turn(down, c, b, s.elimination_lower)
            turn(up, c, b, s.elimination_upper)
    return True


@inner
def combine_upwards(s, u, f, out):
    """out = P⁻¹ L⁻ᵀ u over the first f rows of the elimination; u is destroyed."""
    short_loops()
    lower = s.elimination_lower
    p = s.elimination_order
    for i in range(f - 1, -1, -1):
        v = u[i]
        out[p[i]] = v
        factor = splat(v)
        for b in range(0, i, LANES):
            store(u, b, load(u, b) - factor * load_at(lower, p[i], b))


@inner
def dependence(s, h, f, m, out):
    """Combination of the m rows that vanishes on the interior columns: row h ≥ f of the elimination less
    others.
    """
    short_loops()
    u = s.canonical.reduced_right
    for b in range(0, f, LANES):
        store(u, b, splat(0.0) - load_at(s.elimination_lower, s.elimination_order[h], b))
    for i in range(m):
        out[i] = 0.0
    combine_upwards(s, u, f, out)
    out[s.elimination_order[h]] = 1.0
    for i in range(m):
        if abs(out[i]) <= 1e-12:
            out[i] = 0.0
