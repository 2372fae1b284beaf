"""Elimination of an active set's coefficients, and the combinations of rows that depend on one another."""

from __future__ import annotations

from clearing.rounds.compiled import inner, short_loops
from clearing.rounds.fields import (
    INVERSE,
    ORDER,
    OWN,
    VEC2,
)
from clearing.rounds.lanes import (
    LANES,
    load,
    load_at,
    splat,
    store,
    store_at,
)


@inner
def eliminate_tall(s, m, f):
    """Elimination of the m ≥ f rows listed in irow[OWN] in f columns by row exchanges.

    `above` becomes the upper triangle, `below` gets the multipliers of all rows, irow[ORDER] the order of the
    rows: the first f are independent. False where complete pivoting is advisable.
    """
    short_loops()
    a = s.above
    lower = s.below
    own = s.irow[OWN]
    p = s.irow[ORDER]
    for i in range(m):
        p[i] = own[i]
        for b in range(0, f, LANES):
            store_at(a, i, b, load_at(s.entries, own[i], b))
            store_at(lower, i, b, splat(0.0))
    for c in range(f):
        top = c
        best = abs(a[c, c])
        for i in range(c + 1, m):
            v = abs(a[i, c])
            if v > 1.0000001 * best:  # twins have equal entries but for rounding: the first of them
                best = v
                top = i
        if not best >= 1e-6:
            return False
        first = c // LANES * LANES
        if top != c:
            p[c], p[top] = p[top], p[c]
            for b in range(0, f, LANES):
                mine = load_at(a, c, b)
                store_at(a, c, b, load_at(a, top, b))
                store_at(a, top, b, mine)
                mine = load_at(lower, c, b)
                store_at(lower, c, b, load_at(lower, top, b))
                store_at(lower, top, b, mine)
        inverse = 1.0 / a[c, c]
        s.row[INVERSE, c] = inverse
        for i in range(c + 1, m):
            ratio = a[i, c] * inverse
            lower[i, c] = ratio
            factor = splat(ratio)
            for b in range(first, f, LANES):
                store_at(a, i, b, load_at(a, i, b) - factor * load_at(a, c, b))
    across = s.below_across
    up = s.above_across
    for i in range(f):
        for b in range(0, f, LANES):
            store_at(across, i, b, splat(0.0))
            store_at(up, i, b, splat(0.0))
    for i in range(f):
        for c in range(i):
            across[c, i] = lower[i, c]
        for c in range(i + 1, f):
            up[c, i] = a[i, c]
    return True


@inner
def combine_upwards(s, u, f, out):
    """out = P⁻¹ L⁻ᵀ u over the first f rows of the elimination; u is destroyed."""
    short_loops()
    lower = s.below
    p = s.irow[ORDER]
    for i in range(f - 1, -1, -1):
        v = u[i]
        out[p[i]] = v
        factor = splat(v)
        for b in range(0, i, LANES):
            store(u, b, load(u, b) - factor * load_at(lower, i, b))


@inner
def dependence(s, h, f, m, out):
    """Combination of the m rows that vanishes on the interior columns: row h ≥ f of the elimination less others."""
    short_loops()
    u = s.row[VEC2]
    for b in range(0, f, LANES):
        store(u, b, splat(0.0) - load_at(s.below, h, b))
    for i in range(m):
        out[i] = 0.0
    combine_upwards(s, u, f, out)
    out[s.irow[ORDER, h]] = 1.0
    for i in range(m):
        if abs(out[i]) <= 1e-12:
            out[i] = 0.0
