"""Books with slopes: Newton on the duals, step orders by proximal steps, then the exact active set.

Orders with a slope have one dispatch each. Step orders get a small proximal slope around the last
iterate, which keeps the program strictly convex; for piecewise quadratic costs these steps end
after finitely many. Each iterate proposes an active set; its equations are solved exactly, and
the first solution that satisfies all signs is optimal.
"""

from __future__ import annotations

from clearing.rounds.canonical import interior_columns
from clearing.rounds.compiled import inner
from clearing.rounds.face import reduced_costs
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    COST,
    COSTP,
    GOAL,
    GROW_ROWS,
    GROW_SLOTS,
    HIGH,
    HIGHP,
    LOW,
    LOWP,
    OK,
    PERM2,
    PREV,
    RED,
    ROWS,
    SIDE,
    SIZE,
    SLOPE,
    SLOTS,
    STALLED,
    TIEROWS,
    TIESIDES,
    TMP,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.lines import flows, worst_lines
from clearing.rounds.newton import newton
from clearing.rounds.outcome import settle
from clearing.rounds.store import BALANCES, COLUMNS
from clearing.rounds.ties import share

PROXIMAL = 1e-4  # price change over an order's whole range, relative to the largest price


@inner
def solve_sloped(s, number, rule, cost_scale, tol, cost_tol, out, unpriced):
    """Dispatch of a book with slopes. Returns (status, rows, rank)."""
    n = s.head[COLUMNS]
    balances = s.head[BALANCES]
    x = s.col[X]
    s.state[SIZE] = 0
    low = s.col[LOW]
    high = s.col[HIGH]
    inverse = s.col[PREV]
    rows = s.irow[TIEROWS]
    sides = s.irow[TIESIDES]
    y = s.row[Y]
    m = balances
    for i in range(balances):
        rows[i] = i
        sides[i] = 0
        y[i] = 0.0
    steps = 0
    reach = PROXIMAL * (1.0 if number == 0 else 30.0)
    for j in range(n):
        s.col[LOWP, j] = low[j]
        s.col[HIGHP, j] = high[j]
        free = high[j] > low[j]
        if s.col[SLOPE, j] > 0.0:
            inverse[j] = 1.0 / s.col[SLOPE, j] if free else 0.0
        else:
            steps += free
            inverse[j] = (high[j] - low[j]) / (reach * cost_scale) if free else 0.0
        s.col[TMP, j] = 0.5 * (low[j] + high[j])  # proximal centre
    # without a start, the dual of each balance row is the mean price
    mean = 0.0
    for j in range(n):
        mean += abs(s.col[COST, j]) / n
    for i in range(balances):
        y[i] = mean
    for _ in range(60):
        for j in range(n):
            s.col[COSTP, j] = s.col[COST, j]
            if s.col[SLOPE, j] == 0.0 and inverse[j] > 0.0:
                s.col[COSTP, j] -= s.col[TMP, j] / inverse[j]
        tight = 0
        status = STALLED
        for _ in range(60):
            status, m = newton(s, n, rows, sides, m, y, inverse, 0.1 * tol, 300)
            if status != OK:
                return status, 0, 0
            flows(s)
            over, tight, status = worst_lines(s, tol)
            if status != OK:
                return status, 0, 0
            if over == 0:
                break
        for j in range(n):
            s.col[TMP, j] = x[j]
            s.col[GOAL, j] = x[j]
        f = interior_columns(s, tol)
        status, rank_rows, rank = settle(s, f, tight, tol, True, rule, cost_scale, unpriced)
        if status == GROW_ROWS or status == GROW_SLOTS:
            return status, 0, 0
        if status == OK and signs_hold(s, n, rank_rows, tol, cost_tol):
            if steps == 0:
                return status, rank_rows, rank
            ties = list_face(s, n, rank_rows, cost_tol)
            if ties == 0:
                return status, rank_rows, rank
            out[2] = ties
            status, tight = share(s, n, tol, cost_tol, True)
            if status != OK:
                return status, 0, 0
            f = interior_columns(s, tol)
            return settle(s, f, tight, tol, True, rule, cost_scale, unpriced)
        if steps == 0:
            return STALLED, 0, 0
        for j in range(n):
            s.col[TMP, j] = s.col[GOAL, j]
    return STALLED, 0, 0


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
def list_face(s, n, m, cost_tol):
    """Put rows and duals where `ties.restrict` looks for them; returns how much could move at no cost.

    This is no basis, so the next simplex starts cold.
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
    interior = 0
    for t in range(n):
        if s.col[SLOPE, t] == 0.0 and low[t] < s.col[X, t] < high[t]:
            interior += 1
    for t in range(s.state[SLOTS]):
        s.islot[ACTIVE, t] = -1
    for i in range(m):
        s.irow[ACT, i] = s.irow[ROWS, i]
        s.irow[SIDE, i] = s.irow[PERM2, i]
        s.islot[ACTIVE, s.irow[ROWS, i]] = i
        s.col[RED, n + i] = s.row[Y, i]
        if i >= s.head[BALANCES] and abs(s.row[Y, i]) <= cost_tol:
            ties += 1
    s.state[SIZE] = m
    if ties == 0 and interior < 2:
        s.state[SIZE] = 0
        return 0
    return max(ties, 1)
