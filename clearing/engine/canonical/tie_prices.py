"""Prices of law 4's dispatch, computed once more from its active set or kept from the optimum of least cost.

Orders that share as equals need not cost quite the same (law 4's tie width). The equations of their active
set would make all those inside their bounds cost the same, however far prices have to go for that; the duals
of the least cost support them all within the tie width.
"""

from __future__ import annotations

from clearing.engine.canonical.active_set import interior_basic_columns
from clearing.engine.canonical.rank_deficient import decompose
from clearing.engine.canonical.sloped_face import inside_bounds, keep_duals, signs_hold
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import inner
from clearing.engine.grid.bus_aggregation import sum_sites
from clearing.engine.linalg.dense import sum_rows
from clearing.engine.lp.reduced_costs import true_duals
from clearing.engine.memory.statuses import GROW_ROWS, OK

AGAIN = 0.01  # of the tolerance: a recomputed dispatch is the one that was found, but for rounding


@inner
def share_near_ties(s, n, tight, tol, tie, rule, scale, unpriced):
    """Dispatch of step orders of which some cost nearly the same. Returns (status, rows, rank).

    The basis in place is optimal, `tight` lines in `tight_lines` stand at a limit, and `working_cost` holds
    the true costs.
    """
    f = interior_basic_columns(s, tol)
    status, m, _ = by_address.recompute_until_tight(s, f, tight, tol, False, rule, scale, unpriced)
    if status != OK:
        return status, 0, 0
    keep_duals(s, m)
    true_duals(s, n)
    status, tight = by_address.apply_tie_rule(s, n, tol, tie, True)
    s.basis_size = 0  # no basis any more
    if status != OK:
        return status, 0, 0
    return keep_prices(s, n, tight, tol, tie)


@inner
def price_again(s, n, tight, tol, tie, rule, scale, unpriced):
    """Dispatch and duals of a sloped book once more, from the active set of law 4's dispatch alone (law 3).

    Those that the search ended with are kept where these do not support the dispatch within the tie width.
    Returns (status, rows, rank).
    """
    first = s.balances
    for j in range(n):
        s.canonical.kept_dispatch[j] = s.dispatch[j]
    for t in range(tight):
        s.tight_lines[t] = s.slot_line[s.active_rows[first + t]]
    f = inside_bounds(s, n, tol, tie)
    status, m, rank = by_address.recompute(s, f, tight, tol, True, rule, scale, unpriced)
    if status >= GROW_ROWS:
        return status, 0, 0
    if status == OK and signs_hold(s, n, m, tol, tie, tie) >= 0:
        moved = 0.0
        for j in range(n):
            moved = max(moved, abs(s.dispatch[j] - s.canonical.kept_dispatch[j]))
        if moved <= AGAIN * tol:
            return OK, m, rank
    for j in range(n):
        s.dispatch[j] = s.canonical.kept_dispatch[j]
    return keep_prices(s, n, tight, tol, tie)


@inner
def keep_prices(s, n, tight, tol, tie):
    """Prices at which the tied face was set up, for the dispatch X. Returns (status, rows, rank)."""
    m = s.balances + tight
    for i in range(m):
        y = s.face_dual[s.active_rows[i]]
        s.dual[i] = y if s.active_side[i] * y <= 0.0 else 0.0
    sum_rows(s.lmp, s.bus_width, s.ptdf, s.active_rows, s.dual, m)
    f = inside_bounds(s, n, tol, tie)
    s.interior_count = f
    sum_sites(s, s.site_injection)
    _, rank = decompose(s, s.active_rows, m, s.interior_columns, f, s.row_order, s.column_order)
    return OK, m, rank
