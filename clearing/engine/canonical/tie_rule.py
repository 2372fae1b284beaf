"""Tied dispatches (law 4): the largest accepted demand, then pro rata, on the optimal face.

A column may move on the optimal face if its reduced cost is 0; the flow of a line must stay at
its limit if the line's dual is not 0. Any optimal dual describes the same face.
"""

from __future__ import annotations

from clearing.engine.canonical.rank_deficient import weight
from clearing.engine.canonical.sloped_tie_rule import (
    most_demand_from_vertex,
    recompute_shares,
    shares_from_vertex,
)
from clearing.engine.canonical.tie_active_set import EQUAL
from clearing.engine.canonical.tie_newton import newton_on_face
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import inner, short_loops
from clearing.engine.grid.lines import add_exceeded_lines, set_limits, solve_flows
from clearing.engine.linalg.simd import (
    LANES,
    larger,
    less_bits,
    load,
    magnitude,
    splat,
    store,
    trailing_zeros,
    where_less,
)
from clearing.engine.lp.basis import make_dual_feasible, refactorise, start_cold
from clearing.engine.lp.reduced_costs import true_duals
from clearing.engine.memory.statuses import GROW_ROWS, OK, REFACTOR, STALLED

LINK_WEIGHT = 1e-6  # weight of links' squares beside orders' while the active set is sought


@inner
def restrict_to_face(s, n, tol):
    """Fix what cannot move on the face of the present duals; returns (demands, other orders, links) left."""
    red = s.reduced_cost
    low = s.working_lower
    high = s.working_upper
    x = s.dispatch
    demands = 0
    others = 0
    links = 0
    short_loops()
    none = splat(0.0)
    wide = splat(tol)
    j = 0
    while j + LANES <= n:
        dear = larger(magnitude(load(red, j)) - wide, load(s.slope, j))
        lower = where_less(none, dear, load(x, j), load(low, j))
        upper = where_less(none, dear, load(x, j), load(high, j))
        store(low, j, lower)
        store(high, j, upper)
        bits = less_bits(lower, upper)
        while bits != 0:
            kind = s.kind[j + trailing_zeros(bits)]
            bits &= bits - 1
            demands += kind < 0
            others += kind > 0
            links += kind == 0
        j += LANES
    while j < n:
        if abs(red[j]) > tol or s.slope[j] > 0.0:
            low[j] = x[j]
            high[j] = x[j]
        elif high[j] > low[j]:
            kind = s.kind[j]
            demands += kind < 0
            others += kind > 0
            links += kind == 0
        j += 1
    for i in range(s.balances, s.basis_size):
        t = s.basis_slot[i]
        side = s.basis_side[i]
        if abs(red[n + i]) > tol and side != 0:
            if side > 0:
                s.flow_lower[t] = s.flow_upper[t]
            else:
                s.flow_upper[t] = s.flow_lower[t]
    return demands, others, links


@inner
def most_demand(s, n, tol):
    """Law 4's largest demand by the same simplex on the face: cost −1 for each demand that may move."""
    for j in range(n):
        s.working_cost[j] = 0.0
        if s.kind[j] < 0 and s.working_upper[j] > s.working_lower[j]:
            s.working_cost[j] = -1.0
        s.working_cost[j] += 1e-8 * s.perturbation[j]
    for _ in range(60):
        make_dual_feasible(s)
        status = by_address.dual_simplex(s, 0.1 * tol, 1e-14, 200 + 4 * n)
        if status == REFACTOR:
            refactorise(s)
            continue
        if status != OK:
            return status
        solve_flows(s)
        over, _, status = add_exceeded_lines(s, tol)
        if status != OK:
            return status
        if over == 0:
            break
    for j in range(n):
        s.working_cost[j] = -1.0 if s.working_cost[j] < -0.5 else 0.0
    true_duals(s, n)
    restrict_to_face(s, n, EQUAL)
    return OK


@inner
def apply_tie_rule(s, n, tol, cost_tol, sloped):
    """Dispatch of law 4 from an optimal basis with true reduced costs; leaves `dispatch`, tight lines in
    `tight_lines`.

    Returns (status, tight lines). Costs and bounds of the simplex are left changed. Of a sloped book X is
    final, and the tight lines are the rows `active_rows` behind the balances.
    """
    demands, others, links = restrict_to_face(s, n, cost_tol)
    counts = demands > 0 and (others > 0 or links > 0 or s.islands > 1)
    if sloped and links == 0:
        status = OK
        if counts:
            status = most_demand_from_vertex(s, n, tol)
            restrict_to_face(s, n, EQUAL)
        tight = 0
        if status == OK:
            status, tight = shares_from_vertex(s, n, tol)
        _restore(s)
        return status, tight
    if sloped:
        start_cold(s)
    if counts:
        status = most_demand(s, n, tol)
        if status != OK:
            _restore(s)
            return status, 0
    inverse = s.tie.inverse_weight
    for j in range(n):
        s.working_cost[j] = 0.0
        inverse[j] = 0.0
        if s.working_upper[j] > s.working_lower[j]:
            inverse[j] = 0.5 * weight(s, j) / (LINK_WEIGHT if s.kind[j] == 0 else 1.0)
    rows = s.tie.row_slot
    sides = s.tie.row_side
    y = s.dual
    m = 0
    for slot in range(s.slots):
        fixed = s.flow_lower[slot] == s.flow_upper[slot]
        if slot < s.balances or fixed or s.slot_row[slot] >= 0:
            if m >= s.row_capacity:
                _restore(s)
                return GROW_ROWS, 0
            rows[m] = slot
            sides[m] = 0 if fixed else 1
            y[m] = 0.0
            m += 1
    tight = 0
    status = STALLED
    for _ in range(60):
        status, m = newton_on_face(s, n, rows, sides, m, y, inverse, 0.1 * tol, 200)
        if status != OK:
            break
        solve_flows(s)
        over, tight, status = add_exceeded_lines(s, tol)
        if status != OK or over == 0:
            break
    if sloped:
        s.bounds_activity_kept = 0
        if status == OK:
            status, tight = recompute_shares(s, n, tight, tol)
            tight -= s.balances
    _restore(s)
    return status, tight


@inner
def _restore(s):
    """Limits of the round again; what the columns gave to the rows is no more what it was."""
    s.bounds_activity_kept = 0
    for t in range(s.balances, s.slots):
        set_limits(s, t)
