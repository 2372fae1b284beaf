"""What is known of an active set from its rows and columns alone; kept for as long as these stay.

From round to round the lines at a limit and the interior columns are often the same, and only prices, quantities
and limits differ. The elimination of their coefficients, the directions in which duals are free, and what these
directions move depend on none of those numbers. All of it is a function of the active set, however it was
reached, so that keeping it shows in no result (law 3).
"""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.elimination import eliminate_tall
from clearing.rounds.fields import (
    COLS,
    KNOWN,
    KNOWNCOLS,
    KNOWNOWN,
    KNOWNROWS,
    PRICED,
    ROWS,
    SIGN,
    WASCOLS,
    WASROWS,
)
from clearing.rounds.lanes import (
    LANES,
    splat,
    store_at,
)
from clearing.rounds.reach import set_directions, set_twins_apart


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
    for t in range(f):
        sign = s.col[SIGN, cols[t]]
        site = s.site_of[cols[t]]
        if m % LANES > 0:
            store_at(entries, t, m // LANES * LANES, splat(0.0))
        for i in range(m):
            entries[t, i] = sign * s.rows[rows[i], site]
    if not eliminate_tall(s, m, own, f):
        return False
    set_directions(s, m, own, f)
    s.state[KNOWN] = 1
    return True


@merged
def same(a, b, n):
    for i in range(n):
        if a[i] != b[i]:
            return False
    return True
