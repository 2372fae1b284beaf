"""Books with slopes: Newton steps or the dual active set, then dispatch, ties and prices from what they end with."""

from __future__ import annotations

from clearing.rounds.ascent import ascend
from clearing.rounds.canonical import interior_columns
from clearing.rounds.climb import climb
from clearing.rounds.compiled import inner
from clearing.rounds.equations import REGULAR
from clearing.rounds.face import reduced_costs
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    COLS,
    COST,
    COSTP,
    GROW_ROWS,
    GROW_SLOTS,
    HIGH,
    HIGHP,
    JITTER,
    LINE,
    LOW,
    LOWP,
    MORE_LINES,
    OK,
    PERM,
    PERM2,
    RED,
    ROWS,
    RULED,
    SIDE,
    SIZE,
    SLOPE,
    SLOTS,
    STALLED,
    TIEROWS,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.outcome import settle
from clearing.rounds.store import BALANCES, COLUMNS
from clearing.rounds.ties import share

STRICT = (
    1e-3  # where the climb's bands have moved the dispatch, signs tell only if they are looked at so closely
)
BAND = 1e-9  # of the largest price: over so much a step order answers gradually in the climb


@inner
def solve_sloped(s, number, rule, cost_scale, noise, tol, cost_tol, out, unpriced):
    """Dispatch of a book with slopes. Returns (status, rows, rank).

    Attempt 0 climbs from the last round's duals; where that ends nowhere, at tied step orders, or at an active
    set that its recomputation refutes, and in the other attempts (cold), the dual active set finds the outcome.
    """
    n = s.head[COLUMNS]
    s.state[SIZE] = 0  # the rows and columns here are no basis: a simplex afterwards starts cold
    e = noise * cost_scale
    for j in range(n):
        s.col[COSTP, j] = s.col[COST, j] + (e * s.col[JITTER, j] if s.col[SLOPE, j] == 0.0 else 0.0)
    quick = number == 0
    for turn in range(60):
        if quick:
            status = climb(s, n, tol, BAND * cost_scale, 40)
            if status == GROW_ROWS:
                return status, 0, 0
            quick = status == OK
        if not quick:
            status = ascend(s, n, 0.1 * tol, number > 0 and turn == 0, 200 + 4 * n)
            if status != OK:
                return status, 0, 0
        tight = list_ruling(s)
        f = interior_columns(s, tol)
        if quick and not steps_apart(s, s.irow[TIEROWS], s.state[RULED], f, -1.0):
            quick = False
            continue
        status, m, rank = settle(s, f, tight, tol, True, rule, cost_scale, unpriced)
        if status == OK and quick and at_edge(s, f, tol):
            f = interior_columns(s, tol)
            status, m, rank = settle(s, f, m - s.head[BALANCES], tol, True, rule, cost_scale, unpriced)
        if status == MORE_LINES:
            continue
        if status == GROW_ROWS or status == GROW_SLOTS:
            return status, 0, 0
        if status != OK or not signs_hold(s, n, m, tol, STRICT * cost_tol if quick else cost_tol):
            if quick:
                quick = False
                continue
            return (STALLED if status == OK else status), 0, 0
        ties = list_face(s, n, m, f, cost_tol)
        if ties == 0:
            return status, m, rank
        out[2] = ties
        status, tight = share(s, n, tol, cost_tol, True)
        if status != OK:
            return status, 0, 0
        f = interior_columns(s, tol)
        return settle(s, f, tight, tol, True, rule, cost_scale, unpriced)
    return STALLED, 0, 0


@inner
def at_edge(s, f, tol):
    """Whether the recomputation has moved an interior column to a bound."""
    for t in range(f):
        j = s.irow[COLS, t]
        if s.col[X, j] - s.col[LOW, j] <= tol or s.col[HIGH, j] - s.col[X, j] <= tol:
            return True
    return False


@inner
def steps_apart(s, rows, m, f, least):
    """Whether the rows, of lines those with a price above `least`, tell the interior step orders apart.

    Tied ones they do not: the climb's dispatch of these means nothing, and law 4 has to decide.
    """
    a = s.work
    b = 0
    k = 0
    for i in range(m):
        if i < s.head[BALANCES] or abs(s.row[Y, i]) > least:
            s.irow[PERM, k] = rows[i]
            k += 1
    for t in range(f):
        j = s.irow[COLS, t]
        if s.col[SLOPE, j] == 0.0:
            if b == k:
                return False
            for i in range(k):
                a[b, i] = s.a[s.irow[PERM, i], j]
            b += 1
    for c in range(b):
        best = 0.0
        at = c
        for i in range(c, k):
            if abs(a[c, i]) > best:
                best = abs(a[c, i])
                at = i
        if best <= REGULAR:
            return False
        for e in range(c, b):
            a[e, c], a[e, at] = a[e, at], a[e, c]
            if e > c:
                v = a[e, c] / a[c, c]
                for i in range(c + 1, k):
                    a[e, i] -= v * a[c, i]
    return True


@inner
def list_ruling(s):
    """The lines among the rows of the working set, sorted, into `popped`. Returns their number."""
    count = 0
    for i in range(s.head[BALANCES], s.state[RULED]):
        line = s.islot[LINE, s.irow[TIEROWS, i]]
        at = count
        while at > 0 and s.popped[at - 1] > line:
            s.popped[at] = s.popped[at - 1]
            at -= 1
        s.popped[at] = line
        count += 1
    return count


@inner
def signs_hold(s, n, m, tol, cost_tol):
    """Whether the recomputed active set is optimal: columns in their bounds, duals of the right sign."""
    reduced_costs(s, m)
    for j in range(n):
        d = s.col[RED, j]
        over = s.col[X, j] - s.col[LOW, j]
        under = s.col[HIGH, j] - s.col[X, j]
        if min(over, under) < -tol or (over > tol and d > cost_tol) or (under > tol and d < -cost_tol):
            return False
    for i in range(s.head[BALANCES], m):
        if s.irow[PERM2, i] * s.row[Y, i] > cost_tol:
            return False
    return True


@inner
def list_face(s, n, m, f, cost_tol):
    """How many step orders and limits could move at no cost; puts rows and duals where `ties.restrict` looks.

    Without any the dispatch is unique: so it is too where the rows that have a price hold the step orders
    among the f interior columns.
    """
    ties = 0
    low = s.col[LOW]
    high = s.col[HIGH]
    for j in range(n):
        s.col[LOWP, j] = low[j]
        s.col[HIGHP, j] = high[j]
        at_bound = s.col[X, j] == low[j] or s.col[X, j] == high[j]
        if at_bound and high[j] > low[j] and s.col[SLOPE, j] == 0.0 and abs(s.col[RED, j]) <= cost_tol:
            ties += 1
    weak = 0
    for i in range(s.head[BALANCES], m):
        weak += abs(s.row[Y, i]) <= cost_tol
    if ties == 0 and (weak == 0 or steps_apart(s, s.irow[ROWS], m, f, cost_tol)):
        return 0
    for t in range(s.state[SLOTS]):
        s.islot[ACTIVE, t] = -1
    for i in range(m):
        s.irow[ACT, i] = s.irow[ROWS, i]
        s.irow[SIDE, i] = s.irow[PERM2, i]
        s.islot[ACTIVE, s.irow[ROWS, i]] = i
        s.col[RED, n + i] = s.row[Y, i]
    s.state[SIZE] = m
    return ties + weak
