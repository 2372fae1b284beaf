"""Dispatch, duals and prices of a final active set, and the round put aside to be checked with others."""

from __future__ import annotations

from clearing.engine.canonical.active_set import (
    cached_dispatch,
    cached_duals,
    duals_still_hold,
    gather_rows,
    right_sides,
)
from clearing.engine.canonical.active_set_cache import cache_active_set
from clearing.engine.canonical.rank_deficient import decompose, solve_dispatch, solve_duals
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.grid.bus_aggregation import inject_at_buses, sum_sites, sum_sites_again
from clearing.engine.grid.lines import add_exceeded_lines, solve_flows
from clearing.engine.linalg.dense import largest, sum_rows
from clearing.engine.linalg.simd import LANES, load, store
from clearing.engine.memory.statuses import GROW_ROWS, HOT, MORE_LINES, OK, STALLED
from clearing.engine.proof.certificate import prove_columns
from clearing.engine.proof.dual_freedom import any_demand_served, share_with_twins
from clearing.tolerances import TIE_WIDTH

AS_BEFORE = -1


@inner
def recompute(s, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """Dispatch, duals, prices from the active set: the f interior columns, and the `tight` lines in
    `tight_lines`.

    `tight` AS_BEFORE: rows and columns of the last round, which are known. Returns (status, rows, rank).
    """
    short_loops()
    known = tight == AS_BEFORE
    if known:
        m = s.cache_rows
        for i in range(s.balances, m):
            s.heat[s.active_rows[i]] = HOT
    else:
        m, status = gather_rows(s, tight)
        if status != OK:
            return status, 0, 0
        known = not sloped and cache_active_set(s, m, f)
    right_sides(s, m, f, tol, known)
    s.bounds_activity_kept = s.injection_kept = 0
    s.interior_count = f
    rank = m
    settled = False
    if known:
        cached_dispatch(s, m, f)
        if duals_still_hold(s, m, f) and any_demand_served(s):
            copy(s.kept_dual, s.dual, m)
            sum_sites_again(s, s.interior_columns, f)
            s.injection_kept = 1
            return OK, m, f
        cached_duals(s, m, f)
        rank = f
        own = s.cache_own_rows
        settled = own == f
        if not settled:
            status = by_address.settle_freedom(s, m, own, f, rule, cost_scale, unpriced)
            if status >= GROW_ROWS:
                return status, 0, 0
            settled = status == OK
        settled = settled and (own == m or share_with_twins(s, m))
        s.duals_kept = 1 if settled and (own == f or s.directions_unfelt == 1) and any_demand_served(s) else 0
        copy(s.dual, s.kept_dual, m)
    elif sloped:
        s.cache_state = 0
        s.duals_kept = 0
        status, rank, ended = by_address.solve_columns(s, m, f, rule, cost_scale, unpriced)
        if status != OK:
            return status, 0, 0
        settled = ended > 0
    if not settled:
        s.duals_kept = 0
        s.is_warm = 0
        s.cache_state = min(s.cache_state, 0)  # the face uses some of its room
        status, rank = by_address.solve_singular(s, m, f, sloped)
        if status == OK and rank < m:
            status = by_address.choose_duals(s, m, rank, rule, cost_scale, unpriced)
        if status != OK:
            return status, m, rank
    if known and settled:
        sum_sites_again(s, s.interior_columns, f)
    else:
        sum_sites(s, s.site_injection)
    s.injection_kept = 0 if sloped else 1
    sum_rows(s.lmp, s.bus_width, s.ptdf, s.active_rows, s.dual, m)
    return OK, m, rank


@merged
def copy(source, target, n):
    for i in range(0, n, LANES):
        store(target, i, load(source, i))


@inner
def solve_singular(s, m, f, sloped):
    """A dual, and the dispatch of step orders, where the active set leaves choices. Returns (OK, rank)."""
    p = s.row_order
    q = s.column_order
    cols = s.interior_columns
    of_links, rank = decompose(s, s.active_rows, m, cols, f, p, q)
    if not sloped:
        solve_dispatch(s, cols, m, f, p, q, of_links, rank, s.canonical.solution)
    solve_duals(s, cols, m, p, q, rank, s.dual)
    return OK, rank


@inner
def same_lines(s, tight):
    """Whether the sorted tight lines in `tight_lines` are the rows of the last recomputation."""
    first = s.balances
    for t in range(tight):
        if s.slot_line[s.active_rows[first + t]] != s.tight_lines[t]:
            return False
    return True


@inner
def recompute_until_tight(s, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """Recompute on the lines in `tight_lines` until they are those at a limit in the recomputed dispatch.

    Returns (status, rows, rank). MORE_LINES: some line exceeds its limit and has been remembered.
    """
    for _ in range(5):
        status, m, rank = by_address.recompute(s, f, tight, tol, sloped, rule, cost_scale, unpriced)
        if status != OK:
            return status, 0, 0
        solve_flows(s)
        s.injection_kept = 0
        over, found, status = add_exceeded_lines(s, tol)
        if status != OK:
            return status, 0, 0
        if over > 0:
            return MORE_LINES, 0, 0
        if found == tight and same_lines(s, found):
            return OK, m, rank
        tight = found
    return STALLED, 0, 0


@merged
def queue_for_proof(s, lane, m, tol):
    """Keep injections, prices and line duals of the round that has just been recomputed, and what its columns
    prove.
    """
    short_loops()
    inject_at_buses(s, s.proof.injection_rows[lane])
    copy(s.lmp, s.proof.price_rows[lane], s.bus_width)
    first = s.balances
    dearest = largest(s.lmp, s.buses)
    for i in range(first, m):
        s.proof.tight_line[lane, i - first] = s.slot_line[s.active_rows[i]]
        dual = -s.dual[i]
        s.proof.tight_dual[lane, i - first] = dual
        dearest = max(dearest, abs(dual))
    s.proof.tight_count[lane] = m - first
    s.proof.tolerance[lane] = tol
    s.proof.price_scale[lane] = dearest
    s.proof.tie_width[lane] = TIE_WIDTH * s.greatest_stated_price
    prove_columns(s, lane, 1e-6 * tol)
