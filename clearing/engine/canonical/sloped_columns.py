"""Dispatch and duals of an active set whose columns have slopes, or some of them (law 5)."""

from __future__ import annotations

from clearing.engine.canonical.rank_deficient import decompose, solve_dispatch, solve_sloped_columns
from clearing.engine.canonical.sloped_equations import solve_interior
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import inner, short_loops
from clearing.engine.memory.statuses import GROW_ROWS, OK
from clearing.engine.proof.dual_freedom import share_with_twins
from clearing.engine.proof.dual_nullspace import group_twins, set_directions


@inner
def solve_columns(s, m, f, rule, scale, unpriced):
    """Dispatch and `dual` of the m rows and f interior columns in place.

    Returns (OK, rank, 1 where the duals are those that the rule picks, else 0: they are still to be found).
    """
    short_loops()
    own = group_twins(s, m)
    rank = solve_interior(s, m, own, f)
    settled = rank >= 0
    if settled and own > rank:
        set_directions(s, m, own, rank)
        status = by_address.settle_freedom(s, m, own, rank, rule, scale, unpriced)
        if status >= GROW_ROWS:
            return status, 0, 0
        settled = status == OK
    if settled and own < m:
        settled = share_with_twins(s, m)
    if not settled:
        solve_mixed(s, m, f)
    return OK, rank, 1 if settled else 0


@inner
def solve_mixed(s, m, f):
    """Dispatch of interior columns of which some have a slope and others not, where ranks have to decide."""
    p = s.row_order
    q = s.column_order
    cols = s.interior_columns
    rows = s.active_rows
    some = s.step_columns
    count = 0
    for t in range(f):
        if s.slope[cols[t]] == 0.0:
            some[count] = cols[t]
            count += 1
    steps = 0
    if count > 0:  # of tied step orders as many as the rows can tell apart
        _, steps = decompose(s, rows, m, some, count, p, q)
        for t in range(steps):
            s.canonical.held[t] = some[q[t]]
    solve_sloped_columns(s, m, f, steps)
    if count > 0:
        of_links, rank = decompose(s, rows, m, some, count, p, q)
        solve_dispatch(s, some, m, count, p, q, of_links, rank, s.canonical.solution)
