"""Law 4 on a tied face of a sloped book, exactly: the largest demand, then the least Σ accepted²/offered.

Both are found from the vertex of the face on which the search for the optimum ended, along a way that does
not depend on the rounds before. Where columns of the face nearly depend on one another, the duals of
:mod:`clearing.engine.canonical.tie_newton` are huge: a dispatch that misses the rows by a rounding error then
misses the bounds by MW, and whether it ends depends on the lines that it has met.
"""

from __future__ import annotations

from clearing.engine.canonical.active_set import gather_rows, right_sides
from clearing.engine.canonical.rank_deficient import decompose, solve_dispatch
from clearing.engine.canonical.recompute import same_lines
from clearing.engine.canonical.tie_active_set import CLOSER, list_shared, primal_active_set
from clearing.engine.compilation.decorators import inner
from clearing.engine.grid.lines import add_exceeded_lines, solve_flows
from clearing.engine.memory.statuses import MORE_LINES, OK, STALLED


@inner
def shares_from_vertex(s, n, tol):
    """Law 4's dispatch from the vertex X, recomputed from its active set.

    Returns (status, tight lines), which are the rows `active_rows` behind the balances.
    """
    for j in range(n):
        s.tie.vertex[j] = s.dispatch[j]
    for _ in range(8):
        tight, status = move_to(s, n, tol, False)
        if status == OK:
            status, m = recompute_shares(s, n, tight, tol)
            if status == OK:
                return OK, m - s.balances
        if status != MORE_LINES:
            return status, 0
    return STALLED, 0


@inner
def most_demand_from_vertex(s, n, tol):
    """Move X, a vertex, to the largest accepted demand on the face. Returns a status.

    Leaves what a column gains by its next MW in `reduced_cost`, and the duals of the rows behind, as of a
    simplex.
    """
    for j in range(n):
        s.tie.vertex[j] = s.dispatch[j]
    status = MORE_LINES
    for _ in range(8):
        if status == MORE_LINES:
            _, status = move_to(s, n, tol, True)
    return STALLED if status == MORE_LINES else status


@inner
def move_to(s, n, tol, demand):
    """X from the vertex in `tie.vertex` to the goal. Returns (tight lines, status).

    MORE_LINES: some line exceeds its limit there and has been remembered, so that another try knows it.
    """
    for j in range(n):
        s.dispatch[j] = s.tie.vertex[j]
    status = primal_active_set(s, n, tol, demand)
    if status != OK:
        return 0, status
    solve_flows(s)
    over, tight, status = add_exceeded_lines(s, tol)
    return tight, (MORE_LINES if status == OK and over > 0 else status)


@inner
def recompute_shares(s, n, tight, tol):
    """X of the columns inside their bounds from the lines in `tight_lines`, until these are those at a limit.

    Returns (status, rows).
    """
    cols = s.interior_columns
    edge = CLOSER * tol
    for _ in range(6):
        f = list_shared(s, n, edge)
        m, status = gather_rows(s, tight)
        if status != OK:
            return status, 0
        right_sides(s, m, f, tol, False)
        of_links, rank = decompose(s, s.active_rows, m, cols, f, s.row_order, s.column_order)
        solve_dispatch(s, cols, m, f, s.row_order, s.column_order, of_links, rank, s.canonical.solution)
        close = False
        for t in range(f):
            v = min(
                s.dispatch[cols[t]] - s.working_lower[cols[t]],
                s.working_upper[cols[t]] - s.dispatch[cols[t]],
            )
            if not v >= -tol:
                return STALLED, 0
            close |= v <= edge
        solve_flows(s)
        over, found, status = add_exceeded_lines(s, tol)
        if status != OK or over > 0:
            return (MORE_LINES if status == OK else status), 0
        if not close and found == tight and same_lines(s, found):
            return OK, m
        tight = found
    return STALLED, 0
