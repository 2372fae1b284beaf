"""Goals on a tied face by exchanges in its active set: the most demand, or the least Σ accepted²/offered.

A primal active-set method: every point on its way is feasible, and a step solves the equations of the active set
by complete pivoting, so that columns which nearly depend on one another do no harm.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import add_rows, dot
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    BASE,
    COLS,
    FHI,
    FLO,
    GEE,
    GROW_ROWS,
    HIGHP,
    KIND,
    LINE,
    LOWP,
    OK,
    PERM,
    PERMQ,
    QPS,
    RED,
    SIDE,
    SIZE,
    SLOTS,
    STALLED,
    TIEROWS,
    TIESIDES,
    TMP,
    TMP2,
    VEC,
    VEC3,
    X,
)  # fmt: skip
from clearing.rounds.singular import combine_pivots, decompose, solve_dispatch, weight
from clearing.rounds.store import BALANCES, ROWCAP

CLOSER = 0.1  # of the tolerance: the primal method is to end well within what its end is tested by
EQUAL = 1e-6  # MW of demand per MW: what gains less is among equals


@inner
def exchange(s, n, tol, demand):
    """From a feasible X to the most demand, or the least squares, on the rows of all slots, by exchanges in the
    active set.

    Each step heads for the goal on the columns inside their bounds and the rows at a limit; what is in the way
    joins the active set; where no way is left whatever its multiplier pulls off a bound leaves it.
    """
    cols = s.irow[COLS]
    rows = s.irow[TIEROWS]
    sides = s.irow[TIESIDES]
    before = s.col[TMP]
    least = CLOSER * tol
    f = list_shared(s, n, least)
    m = list_limits(s, n, tol)
    if m < 0:
        return GROW_ROWS
    for _ in range(100 + 4 * n):
        s.state[QPS] += 1
        _, rank = decompose(s, rows, m, cols, f, s.irow[PERM], s.irow[PERMQ])
        if head_for(s, m, f, rank, demand, least):
            length, at, side = way_off(s, n, f, least)
            if at >= 0:
                for t in range(f):
                    s.col[X, cols[t]] = before[t] + length * (s.col[X, cols[t]] - before[t])
                if at < f:
                    j = cols[at]
                    s.col[X, j] = s.col[HIGHP, j] if side > 0 else s.col[LOWP, j]
                    f -= 1
                    cols[at] = cols[f]
                    continue
                if m >= s.head[ROWCAP]:
                    return GROW_ROWS
                rows[m] = at - f
                sides[m] = side
                s.islot[ACTIVE, at - f] = m
                m += 1
                continue
        multipliers(s, cols, m, rank, s.row[GEE], demand)
        at = unwilling(s, n, rows, sides, m, s.row[GEE], demand, least)
        if at < 0:
            break
        if at < n:
            cols[f] = at
            f += 1
            continue
        m -= 1
        s.islot[ACTIVE, rows[at - n]] = -1
        rows[at - n] = rows[m]
        sides[at - n] = sides[m]
        if at - n < m:
            s.islot[ACTIVE, rows[at - n]] = at - n
    else:
        return STALLED
    s.state[SIZE] = m
    for i in range(m):
        s.irow[ACT, i] = rows[i]
        s.irow[SIDE, i] = sides[i]
    return OK


@inner
def head_for(s, m, f, rank, demand, least):
    """X of the f columns becomes the goal on the present active set; where they stood goes to col[TMP].

    For squares it is the minimum; demand has none, so it lies beyond all bounds. False where there is no way to go.
    """
    cols = s.irow[COLS]
    before = s.col[TMP]
    for t in range(f):
        before[t] = s.col[X, cols[t]]
    if f == rank:
        return False
    for i in range(m):
        v = 0.0
        for t in range(f):
            j = cols[t]
            v += s.a[s.irow[TIEROWS, i], j] * (-weight(s, j) * steepness(s, j, True) if demand else before[t])
        s.row[VEC, i] = v
    way = s.col[TMP2]
    order = s.irow[PERMQ]
    solve_dispatch(s, cols, m, f, s.irow[PERM], order, 0, rank, way)
    for t in range(rank, f):
        j = cols[order[t]]
        way[t] = -weight(s, j) * steepness(s, j, True) - way[t] if demand else way[t] - before[order[t]]
    keep_rows(s.wide, way, rank, f)
    far = 1.0
    if demand:
        most = 0.0
        room = 0.0
        for t in range(f):
            most = max(most, abs(way[t]))
            room = max(room, s.col[HIGHP, cols[t]] - s.col[LOWP, cols[t]])
        far = 2.0 * room / most if most > least else 0.0
    for t in range(f):
        s.col[X, cols[order[t]]] = before[order[t]] + far * way[t]
    return far > 0.0


@inner
def keep_rows(a, way, rank, f):
    """How the pivot columns move, so that the rows keep their flows when the other columns move their `way`.

    As a difference of two dispatches it would be rounded to the size of these: a column that hardly counts in its
    pivot's row would seem to move, off a bound at which it has to stay.
    """
    for i in range(rank - 1, -1, -1):
        v = 0.0
        for t in range(i + 1, f):
            v -= a[i, t] * way[t]
        way[i] = v / a[i, i]


@inner
def way_off(s, n, f, tol):
    """How far the way from col[TMP] to X of the f columns is free of bounds that it would miss by more than `tol`.

    Returns (length, what is in the way, its side): place among the columns, f + slot, −1 where nothing is.
    """
    length = 1.0
    at = -1
    side = 0
    for t in range(f):
        j = s.irow[COLS, t]
        now = s.col[TMP, t]
        goal = s.col[X, j]
        above = goal - s.col[HIGHP, j] > tol
        if above or s.col[LOWP, j] - goal > tol:
            bound = s.col[HIGHP, j] if above else s.col[LOWP, j]
            v = max((bound - now) / (goal - now), 0.0)
            if v < length:
                length = v
                at = t
                side = 1 if above else -1
    for t in range(s.head[BALANCES], s.state[SLOTS]):
        if s.islot[ACTIVE, t] >= 0:
            continue
        goal = s.slot[BASE, t] + dot(s.a[t], s.col[X], n)
        above = goal - s.slot[FHI, t] > tol
        if above or s.slot[FLO, t] - goal > tol:
            move = 0.0
            for h in range(f):
                j = s.irow[COLS, h]
                move += s.a[t, j] * (s.col[X, j] - s.col[TMP, h])
            bound = s.slot[FHI, t] if above else s.slot[FLO, t]
            v = max(1.0 - (goal - bound) / move, 0.0) if (goal - bound) * move > 0.0 else 0.0
            first = v == length and at >= f and s.islot[LINE, t] < s.islot[LINE, at - f]
            if v < length or first:
                length = v
                at = f + t
                side = 1 if above else -1
    return length, at, side


@inner
def list_limits(s, n, tol):
    """Rows of all slots at a limit in irow[TIEROWS], sorted: when a line was remembered must not show.

    Returns their number, −1 where there is no room.
    """
    m = 0
    for t in range(s.state[SLOTS]):
        s.islot[ACTIVE, t] = -1
        side = 0
        if s.slot[FLO, t] < s.slot[FHI, t]:
            flow = s.slot[BASE, t] + dot(s.a[t], s.col[X], n)
            side = 1 if s.slot[FHI, t] - flow <= tol else (-1 if flow - s.slot[FLO, t] <= tol else 0)
            if side == 0:
                continue
        if m >= s.head[ROWCAP]:
            return -1
        at = m
        while at > 0 and s.islot[LINE, s.irow[TIEROWS, at - 1]] > s.islot[LINE, t]:
            s.irow[TIEROWS, at] = s.irow[TIEROWS, at - 1]
            s.irow[TIESIDES, at] = s.irow[TIESIDES, at - 1]
            s.islot[ACTIVE, s.irow[TIEROWS, at]] = at
            at -= 1
        s.irow[TIEROWS, at] = t
        s.irow[TIESIDES, at] = side
        s.islot[ACTIVE, t] = at
        m += 1
    return m


@inner
def list_shared(s, n, tol):
    """Move columns of the face within `tol` of a bound onto it; list the others, sorted, in irow[COLS]."""
    f = 0
    for j in range(n):
        low = s.col[LOWP, j]
        high = s.col[HIGHP, j]
        if low < high:
            if s.col[X, j] - low <= tol:
                s.col[X, j] = low
            elif high - s.col[X, j] <= tol:
                s.col[X, j] = high
            else:
                s.irow[COLS, f] = j
                f += 1
    return f


@inner
def steepness(s, j, demand):
    """What one more MW of column j adds to the goal: less demand, or half the sum of squares."""
    if demand:
        return -1.0 if s.icol[KIND, j] < 0 else 0.0
    return s.col[X, j] / weight(s, j)


@inner
def multipliers(s, cols, m, rank, y, demand):
    """y of the rows at which the pivot columns of the last elimination have no wish to move: steepness = Aᵀy."""
    wish = s.row[VEC3]
    for t in range(rank):
        wish[t] = steepness(s, cols[s.irow[PERMQ, t]], demand)
    combine_pivots(s.wide, s.irow[PERM], m, rank, wish, y)


@inner
def unwilling(s, n, rows, sides, m, y, demand, least):
    """The column (or n + the row) that would leave its bound for the most MW, more than `least`; −1 if none.

    Leaves steepness less Aᵀy in RED, y behind it.
    """
    level = EQUAL if demand else 0.0
    left = s.col[RED]
    for j in range(n):
        left[j] = 0.0
    for i in range(m):
        left[n + i] = y[i]
    add_rows(left, n, s.a, rows, y, m, -1.0)
    worst = least
    at = -1
    for j in range(n):
        low = s.col[LOWP, j]
        high = s.col[HIGHP, j]
        if low < high:
            left[j] += steepness(s, j, demand)
            v = weight(s, j) * left[j] if abs(left[j]) > level else 0.0
            v = -v if s.col[X, j] == low else (v if s.col[X, j] == high else 0.0)
            if v > worst:
                worst = v
                at = j
    for i in range(s.head[BALANCES], m):
        t = rows[i]
        if s.slot[FLO, t] < s.slot[FHI, t] and sides[i] * y[i] > level:
            felt = 0.0
            for j in range(n):
                if s.col[LOWP, j] < s.col[HIGHP, j]:
                    felt += s.a[t, j] * s.a[t, j] * weight(s, j)
            v = felt * abs(y[i])
            if v > worst:
                worst = v
                at = n + i
    return at
