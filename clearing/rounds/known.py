"""What is known of an active set from its rows and columns alone; kept for as long as these stay.

From round to round the lines at a limit and the interior columns are often the same, and only prices, quantities
and limits differ. The elimination of their coefficients, the directions in which duals are free, and what these
directions move depend on none of those numbers. All of it is a function of the active set, however it was
reached, so that keeping it shows in no result (law 3).
"""

from __future__ import annotations

from clearing.rounds.compiled import inner, short_loops
from clearing.rounds.dense import sum_rows
from clearing.rounds.fields import (
    APART,
    BTMP2,
    BUS_AT,
    BUYS,
    COLS,
    COLUMN,
    DEMAND,
    FIRST,
    INVERSE,
    KNOWN,
    KNOWNCOLS,
    KNOWNOWN,
    KNOWNROWS,
    LINE,
    LOCAL,
    MET,
    MOVED,
    N_STIR,
    N_TOUCH,
    NORM,
    ORDER,
    OWN,
    PLAIN,
    PRICED,
    PULL,
    RISE,
    ROWS,
    SENSE,
    SHARE,
    SIGN,
    SITE,
    STILL,
    SUSC,
    TIEROWS,
    TOUCHED,
    TWIN,
    TWINSFELT,
    VEC2,
    VEC3,
    WASCOLS,
    WASROWS,
    XB,
)
from clearing.rounds.lanes import (
    LANES,
    greatest,
    larger,
    less_bits,
    load,
    load_at,
    magnitude,
    smaller,
    splat,
    store,
    store_at,
    trailing_zeros,
)
from clearing.rounds.sites import combine
from clearing.rounds.store import BALANCES, BUSES, ISLANDS, LAYERS, SITES

SMALL = 1e-9  # part of a direction that counts as none


@inner
def know(s, m, f):
    """Make what is kept that of the m rows in irow[ROWS] and f columns in irow[COLS]; False where it has no elimination."""
    short_loops()
    if s.state[KNOWN] != 0 and s.state[KNOWNROWS] == m and s.state[KNOWNCOLS] == f:
        if same(s.irow[ROWS], s.irow[WASROWS], m) and same(s.irow[COLS], s.irow[WASCOLS], f):
            return s.state[KNOWN] > 0
    s.state[PRICED] = 0
    s.state[KNOWNROWS] = m
    s.state[KNOWNCOLS] = f
    s.state[KNOWN] = -1
    rows = s.irow[ROWS]
    cols = s.irow[COLS]
    for i in range(m):
        s.irow[WASROWS, i] = rows[i]
    for t in range(f):
        s.irow[WASCOLS, t] = cols[t]
    if m < f or f == 0:
        return False
    own = set_twins_apart(s, m)
    s.state[KNOWNOWN] = own
    if own < f:
        return False
    entries = s.entries
    for i in range(m):
        for b in range(0, f, LANES):
            store_at(entries, i, b, splat(0.0))
        for t in range(f):
            entries[i, t] = s.col[SIGN, cols[t]] * s.rows[rows[i], s.site_of[cols[t]]]
    if not eliminate_tall(s, own, f):
        return False
    set_directions(s, m, own, f)
    s.state[KNOWN] = 1
    return True


@inner
def same(a, b, n):
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True


@inner
def set_twins_apart(s, m):
    """List the rows that are no twins of earlier ones in irow[OWN]; returns their number.

    irow[FIRST] is the first twin of each row. row[NORM] becomes what the square of a row's dual counts in the
    norm: |b| of a line; of twins, which share a dual best by 1/|b|, what the square of the whole counts.
    """
    short_loops()
    own = s.irow[OWN]
    rows = s.irow[ROWS]
    first = s.irow[FIRST]
    norm = s.row[NORM]
    met = s.islot[MET]
    balances = s.head[BALANCES]
    grouped = s.head[ISLANDS] == 1
    count = 0
    felt = 0
    for i in range(m):
        own[count] = i
        first[i] = i
        norm[i] = 0.0
        if i < balances:
            count += 1
            continue
        norm[i] = abs(s.lin[SUSC, s.islot[LINE, rows[i]]])
        twin = s.islot[TWIN, rows[i]]
        at = met[twin]
        if grouped and balances <= at < i and s.islot[TWIN, rows[at]] == twin:
            first[i] = at
            norm[at] = norm[at] * norm[i] / (norm[at] + norm[i])
            s.irow[TIEROWS, 0], s.irow[TIEROWS, 1] = rows[at], rows[i]
            s.row[VEC3, 0], s.row[VEC3, 1] = -s.slot[SENSE, rows[i]] * s.slot[SENSE, rows[at]], 1.0
            felt |= is_felt(s, 2)
            continue
        met[twin] = i
        count += 1
    s.state[TWINSFELT] = felt
    return count


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
def set_directions(s, m, own, f):
    """Directions in which the duals of the m rows are free, of `own` that are no twins, and what they move."""
    short_loops()
    used = s.row[XB]
    for i in range(m):
        used[i] = 0.0
    apart = True
    plain = s.head[ISLANDS] == 1
    for d in range(own - f):
        z = s.null[d]
        dependence(s, f + d, f, m, z)
        for i in range(m):
            if z[i] != 0.0:
                apart &= used[i] == 0.0
                used[i] = 1.0
        count = support(s, z, m)
        combine(s, s.irow[TIEROWS], s.row[VEC3], count)
        moved = splat(0.0)
        for b in range(0, s.head[SITES], LANES):
            moved = larger(moved, magnitude(load(s.site[SHARE], b)))
        still = greatest(moved) <= SMALL
        felt = is_felt(s, count)
        s.irow[STILL, d] = 1 if still else 0
        list_touched(s, d)
        plain &= still and not felt
    s.state[APART] = 1 if apart else 0
    s.state[PLAIN] = 1 if plain else 0


@inner
def list_touched(s, d):
    """Columns and buses that site[SHARE] and bus[BTMP2], the moves of direction d, reach, if they are few."""
    short_loops()
    share = s.site[SHARE]
    sign = s.col[SIGN]
    columns = 0
    for layer in range(s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
            bits = less_bits(splat(SMALL), magnitude(load(sign, at + b) * load(share, b)))
            while bits != 0:
                i = b + trailing_zeros(bits)
                bits &= bits - 1
                if columns < LOCAL:
                    s.touch[N_TOUCH * d + COLUMN, columns] = at + i
                    s.touch[N_TOUCH * d + SITE, columns] = i
                    s.stir[N_STIR * d + PULL, columns] = sign[at + i] * share[i]
                columns += 1
    move = s.bus[BTMP2]
    buses = 0
    for b in range(s.head[BUSES]):
        if abs(move[b]) > SMALL:
            if buses < LOCAL:
                s.touch[N_TOUCH * d + BUS_AT, buses] = b
                s.stir[N_STIR * d + RISE, buses] = move[b]
            buses += 1
    s.irow[TOUCHED, d] = columns if columns <= LOCAL and buses <= LOCAL else -1
    s.irow[MOVED, d] = buses


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


@inner
def support(s, z, m):
    """Rows where z is not 0: slots in irow[TIEROWS], entries in row[VEC3]. Returns their number."""
    short_loops()
    count = 0
    for i in range(m):
        if z[i] != 0.0:
            s.irow[TIEROWS, count] = s.irow[ROWS, i]
            s.row[VEC3, count] = z[i]
            count += 1
    return count


@inner
def is_felt(s, count):
    """Whether the direction in irow[TIEROWS], row[VEC3] moves the price of a bus where demand may be served."""
    move = s.bus[BTMP2]
    buses = s.bus.shape[1]
    sum_rows(move, buses, s.ptdf, s.irow[TIEROWS], s.row[VEC3], count)
    most = splat(0.0)
    weighted = splat(0.0)
    one = splat(1.0)
    for b in range(0, buses, LANES):
        v = magnitude(load(move, b))
        most = larger(most, v)
        weight = smaller(load(s.bus[BUYS], b) + larger(load(s.bus[DEMAND], b), splat(0.0)), one)
        weighted = larger(weighted, weight * v)
    return greatest(weighted) > SMALL * greatest(most)
