"""The outcome of a round recomputed from its final active set alone (law 3).

The final active set is a property of the unique outcome of laws 4 and 5, not of the way there:
the interior columns, and every line at a limit. One fixed routine on sorted columns and lines
turns it into numbers, so no warm start, remembered line or perturbation can show in a bit.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged
from clearing.rounds.dense import dot, eliminate_square
from clearing.rounds.fields import (
    BAS,
    COLS,
    COST,
    GROW_ROWS,
    GROW_SLOTS,
    HEAT,
    HIGH,
    INJ,
    LFHI,
    LFLO,
    LINE,
    LOW,
    OK,
    PERM,
    PERM2,
    ROWS,
    SHIFT,
    SIZE,
    SLOPE,
    SLOT,
    TMP,
    VEC,
    VEC2,
    VEC3,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.lines import inject, remember
from clearing.rounds.simplex import HOT
from clearing.rounds.store import BALANCES, BUSES, COLUMNS, ROWCAP

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


@merged
def interior_basics(s, tol):
    """The same where only basic columns can be interior."""
    x = s.col[X]
    count = 0
    cols = s.irow[COLS]
    for p in range(s.state[SIZE]):
        j = s.irow[BAS, p]
        if x[j] - s.col[LOW, j] <= tol:
            x[j] = s.col[LOW, j]
        elif s.col[HIGH, j] - x[j] <= tol:
            x[j] = s.col[HIGH, j]
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
    """Rows of the active set: balances, then the `tight` lines listed (sorted) in `popped`.

    Returns (number of rows, status); slots in irow[ROWS].
    """
    m = s.head[BALANCES]
    if m + tight > s.head[ROWCAP]:
        return 0, GROW_ROWS
    for i in range(m):
        s.irow[ROWS, i] = i
    for t in range(tight):
        slot = s.ilin[SLOT, s.popped[t]]
        if slot >= 0:
            s.islot[HEAT, slot] = HOT
        else:
            slot = remember(s, s.popped[t])
            if slot < 0:
                return 0, GROW_SLOTS
        s.irow[ROWS, m] = slot
        m += 1
    return m, OK


@merged
def right_sides(s, m, f, tol):
    """row[VEC] = limit of each row minus what fixed demand and columns at a bound contribute.

    bus[INJ] is left without the interior columns. irow[SIDE] of row i in place PERM2: +1 at the upper limit, −1 at the lower, 0 both.
    """
    nb = s.head[BUSES]
    x = s.col[X]
    for t in range(f):
        s.col[TMP, t] = x[s.irow[COLS, t]]
        x[s.irow[COLS, t]] = 0.0
    inject(s)
    inj = s.bus[INJ]
    for t in range(f):
        x[s.irow[COLS, t]] = s.col[TMP, t]
    for i in range(m):
        slot = s.irow[ROWS, i]
        line = s.islot[LINE, slot]
        if line < 0:
            s.row[VEC, i] = -dot(s.ptdf[slot], inj, nb)
            s.irow[PERM2, i] = 0
        else:
            rest = dot(s.ptdf[slot], inj, nb) + s.lin[SHIFT, line]
            flow = rest
            for t in range(f):
                flow += s.a[slot, s.irow[COLS, t]] * s.col[TMP, t]
            up = s.lin[LFHI, line] - flow
            down = flow - s.lin[LFLO, line]
            limit = s.lin[LFHI, line] if up <= down else s.lin[LFLO, line]
            s.irow[PERM2, i] = 0 if up <= tol and down <= tol else (1 if up <= down else -1)
            s.row[VEC, i] = limit - rest


@merged
def lower_solve(a, p, right, out, r):
    """out = L⁻¹ P right over the first r rows."""
    for i in range(r):
        v = right[p[i]]
        for k in range(i):
            v -= a[i, k] * out[k]
        out[i] = v


@merged
def solve_regular(s, m):
    """As many interior columns as rows and a regular matrix: dispatch and duals are unique.

    Writes X and row[Y]; returns False where complete pivoting has to look at the rank.
    """
    a = s.work
    cols = s.irow[COLS]
    rows = s.irow[ROWS]
    for i in range(m):
        mine = s.a[rows[i]]
        for t in range(m):
            a[i, t] = mine[cols[t]]
    p = s.irow[PERM]
    if not eliminate_square(a, m, p):
        return False
    z = s.row[VEC2]
    lower_solve(a, p, s.row[VEC], z, m)
    for i in range(m - 1, -1, -1):
        v = z[i]
        for t in range(i + 1, m):
            v -= a[i, t] * z[t]
        z[i] = v / a[i, i]
        s.col[X, cols[i]] = z[i]
    u = s.row[VEC3]
    for t in range(m):
        j = cols[t]
        v = s.col[COST, j] + s.col[SLOPE, j] * s.col[X, j]
        for i in range(t):
            v -= a[i, t] * u[i]
        u[t] = v / a[t, t]
    for i in range(m - 1, -1, -1):
        v = u[i]
        for k in range(i + 1, m):
            v -= a[k, i] * u[k]
        u[i] = v
    for i in range(m):
        s.row[Y, p[i]] = u[i]
    return True
