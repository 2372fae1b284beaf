"""Equations of a working set of rows, interior sloped columns and held step orders, scaled and solved."""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import dot
from clearing.rounds.fields import ACT, BAS, COLS, COST, DIR, PREV, ROWS, SLOPE, TMP2, VEC, VEC3, X, Y

REGULAR = 1e-6  # least pivot of equations whose solution is taken for the only one


@inner
def assemble(
    a, wide, work, rows, m, inside, f, held, b, inverse, cost, y, rest, right, scaled, unit, soft, share
):
    """The equations of the working set in `work` and `right`, scaled from both sides by `unit`.

    `soft` becomes what is added to the diagonal of H: `share` of what stands there, so that duals that no
    sloped column feels stay near y.
    """
    top = 0.0
    for i in range(m):
        mine = a[rows[i]]
        packed = wide[i]
        total = 0.0
        for t in range(f):
            j = inside[t]
            v = mine[j]
            packed[t] = v
            v *= inverse[j]
            scaled[t] = v
            total += v * cost[j]
        right[i] = rest[i] + total
        for k in range(i + 1):
            work[i, k] = dot(scaled, wide[k], f)
        top = max(top, work[i, i])
    for i in range(m):
        d = work[i, i]
        if d <= 1e-12 * top:
            d = top if top > 0.0 else 1.0
        soft[i] = share * d
        work[i, i] += soft[i]
        right[i] += soft[i] * y[i]
        unit[i] = 1.0 / d**0.5
    for i in range(m):
        mine = work[i]
        for k in range(i + 1):
            v = mine[k] * unit[i] * unit[k]
            mine[k] = v
            work[k, i] = v
        right[i] *= unit[i]
    for t in range(b):
        j = held[t]
        size = 0.0
        for i in range(m):
            v = a[rows[i], j] * unit[i]
            work[i, m + t] = v
            size = max(size, abs(v))
        size = 1.0 / size if size > 0.0 else 1.0
        for i in range(m):
            v = work[i, m + t] * size
            work[i, m + t] = v
            work[m + t, i] = v
        for k in range(b):
            work[m + t, m + k] = 0.0
        unit[m + t] = size
        right[m + t] = cost[j] * size


@inner
def solve_square(a, k, right, floor):
    """right = a⁻¹ right by elimination with row exchanges; False where a pivot is not above `floor`."""
    for c in range(k):
        top = c
        best = abs(a[c, c])
        for i in range(c + 1, k):
            if abs(a[i, c]) > best:
                best = abs(a[i, c])
                top = i
        if not best > floor:
            return False
        if top != c:
            right[c], right[top] = right[top], right[c]
            for j in range(c, k):
                a[c, j], a[top, j] = a[top, j], a[c, j]
        inverse = 1.0 / a[c, c]
        pivot = a[c]
        for i in range(c + 1, k):
            mine = a[i]
            f = mine[c] * inverse
            if f != 0.0:
                for j in range(c + 1, k):
                    mine[j] -= f * pivot[j]
                right[i] -= f * right[c]
    for i in range(k - 1, -1, -1):
        v = right[i]
        for j in range(i + 1, k):
            v -= a[i, j] * right[j]
        right[i] = v / a[i, i]
    return True


@inner
def solve_interior(s, m, f):
    """Dispatch X of the interior columns and duals row[Y] of the rows, where the active set determines both.

    Rows are irow[ROWS] with right sides row[VEC], columns irow[COLS]. False where the equations are not
    regular enough to tell: then ranks decide.
    """
    inside = s.irow[ACT]
    held = s.irow[BAS]
    inverse = s.col[PREV]
    n = 0
    b = 0
    for t in range(f):
        j = s.irow[COLS, t]
        if s.col[SLOPE, j] > 0.0:
            inside[n] = j
            inverse[j] = 1.0 / s.col[SLOPE, j]
            n += 1
        else:
            held[b] = j
            b += 1
    if b > m or m + b > s.work.shape[0]:
        return False
    right = s.col[DIR]
    y = s.row[Y]
    for i in range(m):
        y[i] = 0.0
    assemble(
        s.a, s.wide, s.work, s.irow[ROWS], m, inside, n, held, b, inverse, s.col[COST], y, s.row[VEC], right,
        s.col[TMP2], s.blocks, s.row[VEC3], 0.0,
    )  # fmt: skip
    if not solve_square(s.work, m + b, right, REGULAR):
        return False
    for i in range(m):
        y[i] = right[i] * s.blocks[i]
    for t in range(b):
        s.col[X, held[t]] = right[m + t] * s.blocks[m + t]
    u = s.col[TMP2]
    for t in range(n):
        u[t] = 0.0
    for i in range(m):
        packed = s.wide[i]
        for t in range(n):
            u[t] += y[i] * packed[t]
    for t in range(n):
        j = inside[t]
        s.col[X, j] = (u[t] - s.col[COST, j]) * inverse[j]
    return True
