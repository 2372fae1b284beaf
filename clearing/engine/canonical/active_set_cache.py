"""What is known of an active set from its rows and columns alone; kept for as long as these stay.

From round to round the lines at a limit and the interior columns are often the same, and only prices,
quantities and limits differ. The elimination of their coefficients, the directions in which duals are free,
and what these directions move depend on none of those numbers. All of it is a function of the active set,
however it was reached, so that keeping it shows in no result (law 3).
"""

from __future__ import annotations

from clearing.engine.canonical.elimination import eliminate_tall
from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.linalg.simd import (
    LANES,
    splat,
    store_at,
)
from clearing.engine.proof.dual_nullspace import group_twins, set_directions


@inner
def cache_active_set(s, m, f):
    """Make what is kept that of the m rows in `active_rows` and f columns in `interior_columns`; False where
    it has no elimination.
    """
    short_loops()
    if s.cache_state != 0 and s.cache_rows == m and s.cache_columns == f:
        if same(s.active_rows, s.kept_rows, m) and same(s.interior_columns, s.kept_columns, f):
            return s.cache_state > 0
    s.duals_kept = 0
    s.cache_rows = m
    s.cache_columns = f
    s.cache_state = -1
    rows = s.active_rows
    cols = s.interior_columns
    for i in range(m):
        s.kept_rows[i] = rows[i]
    for t in range(f):
        s.kept_columns[t] = cols[t]
    if m < f or f == 0:
        return False
    own = group_twins(s, m)
    s.cache_own_rows = own
    if own < f:
        return False
    entries = s.kept_entries
    for t in range(f):
        sign = s.sign[cols[t]]
        site = s.column_site[cols[t]]
        if m % LANES > 0:
            store_at(entries, t, m // LANES * LANES, splat(0.0))
        for i in range(m):
            entries[t, i] = sign * s.site_matrix[rows[i], site]
    if not eliminate_tall(s, m, own, f):
        return False
    set_directions(s, m, own, f)
    s.cache_state = 1
    return True


@merged
def same(a, b, n):
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True
