"""The outcome of a round recomputed from its final active set alone (law 3).

The final active set is a property of the unique outcome of laws 4 and 5, not of the way there:
the interior columns, and every line at a limit. One fixed routine on sorted columns and lines
turns it into numbers, so no warm start, remembered line or perturbation can show in a bit.
"""

from __future__ import annotations

from clearing.engine.canonical.elimination import combine_upwards
from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.grid.bus_aggregation import sum_sites, sum_sites_again
from clearing.engine.grid.lines import add_slot
from clearing.engine.linalg.dense import product, row_products
from clearing.engine.linalg.simd import LANES, load, load_at, splat, store
from clearing.engine.memory.statuses import GROW_ROWS, GROW_SLOTS, HOT, OK

RANK = 1e-8  # relative pivot below which a row counts as dependent


@inner
def interior_columns(s, tol):
    """Move columns within `tol` of a bound onto it; list the others, sorted, in `interior_columns`. Returns
    their number.
    """
    x = s.dispatch
    low = s.lower
    high = s.upper
    count = 0
    for j in range(s.columns):
        if x[j] - low[j] <= tol:
            x[j] = low[j]
        elif high[j] - x[j] <= tol:
            x[j] = high[j]
        else:
            s.interior_columns[count] = j
            count += 1
    return count


@merged
def interior_basic_columns(s, tol):
    """The same where only basic columns can be interior."""
    short_loops()
    x = s.dispatch
    low = s.lower
    high = s.upper
    bas = s.basic_column
    cols = s.interior_columns
    count = 0
    for p in range(s.basis_size):
        j = bas[p]
        if x[j] - low[j] <= tol:
            x[j] = low[j]
        elif high[j] - x[j] <= tol:
            x[j] = high[j]
        else:
            at = count
            while at > 0 and cols[at - 1] > j:
                cols[at] = cols[at - 1]
                at -= 1
            cols[at] = j
            count += 1
    return count


@merged
def gather_rows(s, tight):
    """Rows of the active set: balances, then the `tight` lines listed (sorted) in `tight_lines`.

    Returns (number of rows, status); slots in `active_rows`.
    """
    short_loops()
    m = s.balances
    if m + tight > s.row_capacity:
        return 0, GROW_ROWS
    rows = s.active_rows
    popped = s.tight_lines
    slots = s.line_slot
    heat = s.heat
    for i in range(m):
        rows[i] = i
    for t in range(tight):
        slot = slots[popped[t]]
        if slot < 0:
            slot = add_slot(s, popped[t])
            if slot < 0:
                return 0, GROW_SLOTS
        heat[slot] = HOT
        rows[m] = slot
        m += 1
    return m, OK


@merged
def right_sides(s, m, f, tol, known):
    """`canonical.right_side` = limit of each row minus what fixed demand and columns at a bound contribute.

    `active_side` of row i: +1 at the upper limit, −1 at the lower, 0 both. The rows' entries in
    the interior columns, in the order of `interior_columns`, are those that are `known`; else they are put
    into `wide_work`.
    """
    short_loops()
    x = s.dispatch
    cols = s.interior_columns
    rows = s.active_rows
    inside = s.canonical.interior_dispatch
    sites = s.sites
    balances = s.balances
    for t in range(f):
        inside[t] = x[cols[t]]
        x[cols[t]] = 0.0
    right = s.canonical.right_side
    if (
        s.bounds_activity_kept == 1 and f == s.basis_size
    ):  # the basis was placed on the same columns at their bounds
        fresh = s.bounds_activity
        active = s.slot_row
        for i in range(m):
            at = active[rows[i]]
            right[i] = fresh[at] if at >= 0 else product(s.site_matrix[rows[i]], s.site_injection, sites)
    else:
        if s.injection_kept == 1:  # but for columns that were basic, of which some are interior
            sum_sites_again(s, s.basic_column, s.basis_size)
        else:
            sum_sites(s, s.site_injection)
        row_products(right, sites, s.site_matrix, rows, m, s.site_injection)
    for t in range(f):
        x[cols[t]] = inside[t]
    if not known:
        for i in range(m):
            for t in range(f):
                s.wide_work[i, t] = s.matrix[rows[i], cols[t]]
    sides = s.active_side
    base = s.base_flow
    lines = s.slot_line
    of_inside = s.bounds_activity
    if known:
        for b in range(0, m, LANES):
            sums = splat(0.0)
            for t in range(f):
                sums = sums + splat(inside[t]) * load_at(s.kept_entries, t, b)
            store(of_inside, b, sums)
    else:
        for i in range(m):
            of_inside[i] = 0.0
            for t in range(f):
                of_inside[i] += s.wide_work[i, t] * inside[t]
    for i in range(balances):
        right[i] = s.flow_upper[rows[i]] - right[i]
        sides[i] = 0
    for i in range(balances, m):
        rest = base[rows[i]] + right[i]
        flow = rest + of_inside[i]
        line = lines[rows[i]]
        most = s.line_upper[line]
        least = s.line_lower[line]
        up = most - flow
        down = flow - least
        sides[i] = 0 if up <= tol and down <= tol else (1 if up <= down else -1)
        right[i] = (most if up <= down else least) - rest


@merged
def cached_dispatch(s, m, f):
    """X of the f interior columns by the elimination that is kept."""
    short_loops()
    z = s.canonical.reduced_right
    p = s.elimination_order
    down = s.elimination_lower_columns
    for b in range(0, m, LANES):
        store(z, b, load(s.canonical.right_side, b))
    for c in range(f - 1):
        v = splat(z[p[c]])
        for b in range(0, m, LANES):
            store(z, b, load(z, b) - v * load_at(down, c, b))
    up = s.elimination_upper_columns
    inverse = s.elimination_inverse
    x = s.dispatch
    cols = s.interior_columns
    for c in range(f - 1, -1, -1):
        value = z[p[c]] * inverse[c]
        x[cols[c]] = value
        v = splat(value)
        for b in range(0, m, LANES):
            store(z, b, load(z, b) - v * load_at(up, c, b))


@merged
def cached_duals(s, m, f):
    """A dual `dual` of the m rows by the elimination that is kept: 0 for those that depend on others."""
    short_loops()
    u = s.canonical.reduced_right
    w = s.canonical.half_solved
    p = s.elimination_order
    cost = s.kept_cost
    above = s.elimination_upper
    inverse = s.elimination_inverse
    y = s.dual
    for b in range(0, f, LANES):
        store(u, b, load(cost, b))
        store(w, b, splat(0.0))
    for c in range(f):
        value = u[c] * inverse[c]
        w[c] = value
        v = splat(value)
        for b in range(c // LANES * LANES, f, LANES):
            store(u, b, load(u, b) - v * load_at(above, p[c], b))
    for i in range(m):
        y[i] = 0.0
    combine_upwards(s, w, f, y)


@merged
def duals_still_hold(s, m, f):
    """Whether costs of the interior columns and sides of the lines are those of the prices that are kept;
    they become so.
    """
    short_loops()
    was = s.kept_cost
    sides = s.active_side
    before = s.kept_sides
    cost = s.cost
    cols = s.interior_columns
    same = s.duals_kept == 1
    for t in range(f):
        v = cost[cols[t]]
        same &= was[t] == v
        was[t] = v
    for t in range(f, (f + LANES - 1) // LANES * LANES):
        was[t] = 0.0
    for i in range(m):
        same &= before[i] == sides[i]
        before[i] = sides[i]
    return same
