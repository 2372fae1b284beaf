"""Law 4 on a tied face of a sloped book, exactly: the largest demand, then the least Σ accepted²/offered.

Both are found from the vertex of the face on which the search for the optimum ended, along a way that does not
depend on the rounds before. Where columns of the face nearly depend on one another, the duals of
:mod:`clearing.rounds.newton` are huge: a dispatch that misses the rows by a rounding error then misses the bounds by
MW, and whether it ends depends on the lines that it has met.
"""

from __future__ import annotations

from clearing.rounds.canonical import gather_rows, right_sides
from clearing.rounds.compiled import inner
from clearing.rounds.exchange import CLOSER, exchange, list_shared
from clearing.rounds.fields import (
    CHECKS,
    COLS,
    HIGHP,
    LOWP,
    MORE_LINES,
    OK,
    PERM,
    PERMQ,
    RATIO,
    ROWS,
    STALLED,
    TMP2,
    X,
)  # fmt: skip
from clearing.rounds.lines import flows, worst_lines
from clearing.rounds.outcome import same_lines
from clearing.rounds.singular import decompose, solve_dispatch
from clearing.rounds.store import BALANCES


@inner
def share_from(s, n, tol):
    """Law 4's dispatch from the vertex X, recomputed from its active set.

    Returns (status, tight lines), which are the rows irow[ROWS] behind the balances.
    """
    for j in range(n):
        s.col[RATIO, j] = s.col[X, j]
    for _ in range(8):
        tight, status = move_to(s, n, tol, False)
        if status == OK:
            status, m = recompute_shares(s, n, tight, tol)
            if status == OK:
                return OK, m - s.head[BALANCES]
        if status != MORE_LINES:
            return status, 0
    return STALLED, 0


@inner
def ask_for_demand(s, n, tol):
    """Move X, a vertex, to the largest accepted demand on the face. Returns a status.

    Leaves what a column gains by its next MW in RED, and the duals of the rows behind, as of a simplex.
    """
    for j in range(n):
        s.col[RATIO, j] = s.col[X, j]
    status = MORE_LINES
    for _ in range(8):
        if status == MORE_LINES:
            _, status = move_to(s, n, tol, True)
    return STALLED if status == MORE_LINES else status


@inner
def move_to(s, n, tol, demand):
    """X from the vertex in col[RATIO] to the goal. Returns (tight lines, status).

    MORE_LINES: some line exceeds its limit there and has been remembered, so that another try knows it.
    """
    for j in range(n):
        s.col[X, j] = s.col[RATIO, j]
    status = exchange(s, n, tol, demand)
    if status != OK:
        return 0, status
    flows(s)
    s.state[CHECKS] += 1
    over, tight, status = worst_lines(s, tol)
    return tight, (MORE_LINES if status == OK and over > 0 else status)


@inner
def recompute_shares(s, n, tight, tol):
    """X of the columns inside their bounds from the lines in `popped`, until these are those at a limit.

    Returns (status, rows).
    """
    cols = s.irow[COLS]
    edge = CLOSER * tol
    for _ in range(6):
        f = list_shared(s, n, edge)
        m, status = gather_rows(s, tight)
        if status != OK:
            return status, 0
        right_sides(s, m, f, tol, False)
        of_links, rank = decompose(s, s.irow[ROWS], m, cols, f, s.irow[PERM], s.irow[PERMQ])
        solve_dispatch(s, cols, m, f, s.irow[PERM], s.irow[PERMQ], of_links, rank, s.col[TMP2])
        close = False
        for t in range(f):
            v = min(
                s.col[X, cols[t]] - s.col[LOWP, cols[t]],
                s.col[HIGHP, cols[t]] - s.col[X, cols[t]],
            )
            if not v >= -tol:
                return STALLED, 0
            close |= v <= edge
        flows(s)
        s.state[CHECKS] += 1
        over, found, status = worst_lines(s, tol)
        if status != OK or over > 0:
            return (MORE_LINES if status == OK else status), 0
        if not close and found == tight and same_lines(s, found):
            return OK, m
        tight = found
    return STALLED, 0
