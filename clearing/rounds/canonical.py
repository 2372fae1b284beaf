"""The outcome of a round recomputed from its final active set alone (law 3).

The final active set is a property of the unique outcome of laws 4 and 5, not of the way there:
the interior columns, and every line at a limit. One fixed routine on sorted columns and lines
turns it into numbers, so no warm start, remembered line or perturbation can show in a bit.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import product, row_products
from clearing.rounds.fields import (
    ACTIVE,
    BAS,
    BASE,
    COLS,
    COST,
    FHI,
    FRESH,
    GROW_ROWS,
    GROW_SLOTS,
    HEAT,
    HIGH,
    HOT,
    KEPT,
    LFHI,
    LFLO,
    LINE,
    LOW,
    OK,
    OWN,
    PERM,
    PERM2,
    ROWS,
    SIZE,
    SLOT,
    TMP,
    VEC,
    VEC2,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.lanes import LANES, load, load_at, splat, store, store_at
from clearing.rounds.lines import remember
from clearing.rounds.store import BALANCES, COLUMNS, ROWCAP

RANK = 1e-8  # relative pivot below which a row counts as dependent


@inner
def interior_columns(s, tol):
    """Move columns within `tol` of a bound onto it; list the others, sorted, in irow[COLS]. Returns their number."""
    x = s.col[X]
    low = s.col[LOW]
    high = s.col[HIGH]
    count = 0
    for j in range(s.head[COLUMNS]):
        if x[j] - low[j] <= tol:
            x[j] = low[j]
        elif high[j] - x[j] <= tol:
            x[j] = high[j]
        else:
            s.irow[COLS, count] = j
            count += 1
    return count


@inner
def interior_basics(col, irow, state, tol):
    """The same where only basic columns can be interior."""
    x = col[X]
    count = 0
    cols = irow[COLS]
    for p in range(state[SIZE]):
        j = irow[BAS, p]
        if x[j] - col[LOW, j] <= tol:
            x[j] = col[LOW, j]
        elif col[HIGH, j] - x[j] <= tol:
            x[j] = col[HIGH, j]
        else:
            at = count
            while at > 0 and cols[at - 1] > j:
                cols[at] = cols[at - 1]
                at -= 1
            cols[at] = j
            count += 1
    return count


@inner
def gather_rows(head, islot, ilin, irow, popped, tight):
    """Rows of the active set: balances, then the `tight` lines listed (sorted) in `popped`.

    Returns (number of rows, status); slots in irow[ROWS]. GROW_SLOTS: a line has no slot yet.
    """
    m = head[BALANCES]
    if m + tight > head[ROWCAP]:
        return 0, GROW_ROWS
    rows = irow[ROWS]
    for i in range(m):
        rows[i] = i
    for t in range(tight):
        slot = ilin[SLOT, popped[t]]
        if slot < 0:
            return 0, GROW_SLOTS
        islot[HEAT, slot] = HOT
        rows[m] = slot
        m += 1
    return m, OK


@inner
def remember_rows(s, tight):
    """The same where lines may have no slot yet."""
    for t in range(tight):
        if remember(s, s.popped[t]) < 0:
            return 0, GROW_SLOTS
    return gather_rows(s.head, s.islot, s.ilin, s.irow, s.popped, tight)


@inner
def right_sides(head, col, a, slots, islot, row, irow, wide, lin, state, m, f, tol):
    """row[VEC] = limit of each row minus what fixed demand and columns at a bound contribute.

    irow[SIDE] of row i in place PERM2: +1 at the upper limit, −1 at the lower, 0 both. `wide` holds the
    rows' entries in the interior columns, in the order of irow[COLS].
    """
    x = col[X]
    cols = irow[COLS]
    rows = irow[ROWS]
    inside = col[TMP]
    for t in range(f):
        inside[t] = x[cols[t]]
        x[cols[t]] = 0.0
    right = row[VEC]
    if state[KEPT] == 1 and f == state[SIZE]:  # the basis was placed on the same columns at their bounds
        for i in range(m):
            at = islot[ACTIVE, rows[i]]
            right[i] = row[FRESH, at] if at >= 0 else product(a[rows[i]], x, head[COLUMNS])
    else:
        row_products(right, head[COLUMNS], a, rows, m, x)
    for t in range(f):
        x[cols[t]] = inside[t]
    balances = head[BALANCES]
    for i in range(m):
        slot = rows[i]
        mine = a[slot]
        entries = wide[i]
        if i < balances:
            for t in range(f):
                entries[t] = mine[cols[t]]
            right[i] = slots[FHI, slot] - right[i]
            irow[PERM2, i] = 0
            continue
        rest = slots[BASE, slot] + right[i]
        flow = rest
        for t in range(f):
            v = mine[cols[t]]
            entries[t] = v
            flow += v * inside[t]
        line = islot[LINE, slot]
        up = lin[LFHI, line] - flow
        down = flow - lin[LFLO, line]
        limit = lin[LFHI, line] if up <= down else lin[LFLO, line]
        irow[PERM2, i] = 0 if up <= tol and down <= tol else (1 if up <= down else -1)
        right[i] = limit - rest


@inner
def lower_solve(a, p, right, out, r):
    """out = L⁻¹ P right over the first r rows."""
    for i in range(r):
        v = right[p[i]]
        for k in range(i):
            v -= a[i, k] * out[k]
        out[i] = v


@inner
def eliminate_tall(a, lower, m, f, p):
    """Elimination of m ≥ f rows in f columns by row exchanges; row m takes part, but is no pivot.

    `a` becomes the upper triangle, `lower` gets the multipliers, p the order of the rows: the first f are
    independent. False where complete pivoting is advisable.
    """
    for i in range(m):
        p[i] = i
    for i in range(m + 1):
        for b in range(0, f + 1, LANES):
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
            for b in range(0, f + 1, LANES):
                mine = load_at(a, c, b)
                store_at(a, c, b, load_at(a, top, b))
                store_at(a, top, b, mine)
                mine = load_at(lower, c, b)
                store_at(lower, c, b, load_at(lower, top, b))
                store_at(lower, top, b, mine)
        inverse = 1.0 / a[c, c]
        for i in range(c + 1, m + 1):
            ratio = a[i, c] * inverse
            lower[i, c] = ratio
            factor = splat(ratio)
            for b in range(first, f + 1, LANES):
                store_at(a, i, b, load_at(a, i, b) - factor * load_at(a, c, b))
    return True


@inner
def solve_independent(col, row, irow, wide, work, lower, rows, m, f):
    """Dispatch of the f interior columns where it is unique, and a dual of the m ≥ f rows listed in irow[OWN].

    One elimination of [A b; c 0] does for both: its last column gives the dispatch, its last row the duals,
    0 for those of all `rows` that depend on others. Writes X and row[Y]; False where the rank has to be looked at.
    """
    cols = irow[COLS]
    own = irow[OWN]
    right = row[VEC]
    for i in range(m):
        for b in range(0, f, LANES):
            store_at(work, i, b, load_at(wide, own[i], b))
        work[i, f] = right[own[i]]
    for t in range(f):
        work[m, t] = col[COST, cols[t]]
    work[m, f] = 0.0
    for i in range(m + 1):
        for t in range(f + 1, (f + LANES) // LANES * LANES):
            work[i, t] = 0.0
    p = irow[PERM]
    if not eliminate_tall(work, lower, m, f, p):
        return False
    for i in range(m):
        p[i] = own[p[i]]
    z = row[VEC2]
    for b in range(0, f, LANES):
        store(z, b, splat(0.0))
    for i in range(f - 1, -1, -1):
        v = (work[i, f] - product(work[i], z, f)) / work[i, i]
        z[i] = v
        col[X, cols[i]] = v
    y = row[Y]
    for i in range(rows):
        y[i] = 0.0
    combine_upwards(lower, lower[m], f, p, y)
    return True


@inner
def combine_upwards(lower, u, f, p, out):
    """out = P⁻¹ L⁻ᵀ u over the first f rows; u is destroyed."""
    for i in range(f - 1, -1, -1):
        v = u[i]
        out[p[i]] = v
        factor = splat(v)
        for b in range(0, i, LANES):
            store(u, b, load(u, b) - factor * load_at(lower, i, b))


@inner
def dependence(lower, h, f, m, p, out):
    """Combination of the m rows that vanishes on the interior columns: row p[h] (h ≥ f) less independent rows."""
    u = lower[h]
    for b in range(0, f, LANES):
        store(u, b, splat(0.0) - load(u, b))
    for i in range(m):
        out[i] = 0.0
    combine_upwards(lower, u, f, p, out)
    out[p[h]] = 1.0
    for i in range(m):
        if abs(out[i]) <= 1e-12:
            out[i] = 0.0
