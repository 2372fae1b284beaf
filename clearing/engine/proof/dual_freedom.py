"""Prices where several lines at a limit depend on one another (law 5), on the elimination of the active set.

Lines in series, in parallel or around a bus without orders are often at their limits together: their rows
depend on one another in every column, so that no reduced cost tells how they share a dual. Where that is
all the freedom, or one direction is left beside it, the point that the rule names has a closed form;
:mod:`clearing.engine.proof.dual_face` looks at all other faces.
"""

from __future__ import annotations

import numpy as np

from clearing.engine.compilation.decorators import inner, short_loops
from clearing.engine.grid.bus_aggregation import combine_rows, greatest_at_free_columns
from clearing.engine.linalg.dense import largest, lower_solve, pivot_range, upper_solve
from clearing.engine.linalg.simd import LANES, larger, less_bits, load, splat, total
from clearing.engine.memory.statuses import FAILED, OK
from clearing.engine.proof.dual_direction import one_direction, served_weights, settle_between
from clearing.engine.proof.dual_nullspace import SMALL, list_support


@inner
def share_with_twins(s, m):
    """Share the dual of each row among its twins, by least Σ |b| μ²; False where another rule may ask for
    more.
    """
    short_loops()
    if s.twins_felt != 0 or not any_demand_served(s):
        return False
    y = s.dual
    rows = s.active_rows
    first = s.first_twin
    sides = s.active_side
    sense = s.twin_sense
    norm = s.norm_weight
    balances = s.balances
    for i in range(balances, m):
        at = first[i]
        if at != i and sense[rows[i]] * sense[rows[at]] * sides[i] != sides[at]:
            return False
    for i in range(m - 1, balances - 1, -1):
        at = first[i]
        part = norm[at] / abs(s.susceptance[s.slot_line[rows[i]]])
        y[i] = y[at] * part * sense[rows[i]] * sense[rows[at]]
    return True


@inner
def settle_freedom(s, m, own, f, rule, scale, unpriced):
    """Move `dual` to the point that the rule names. Returns OK, or FAILED where the face has to be looked at
    as a whole.

    Of m rows `own` are no twins of others, and f of those independent.
    """
    short_loops()
    free = own - f
    apart = s.directions_disjoint == 1
    if s.directions_unfelt == 1 and any_demand_served(s):
        if not apart:
            return OK if least_norm_along_all(s, m, free) else FAILED
        for d in range(free):
            if not least_norm_along(s, s.null_vectors[d], m):
                return FAILED
        return OK
    if not apart:
        return FAILED
    if s.islands == 1 and all_local(s, free):
        served_mw = demand_served(s)
        if served_mw > 0.0:
            for d in range(free):
                if not settle_local(s, m, d, served_mw, rule, scale):
                    return FAILED
            return OK
    moving = 0
    for d in range(free):
        moves = False
        if s.is_still[d] == 0:
            count = list_support(s, s.null_vectors[d], m)
            combine_rows(s, s.proof.support_slot, s.proof.support_entry, count)
            moves = greatest_at_free_columns(s) > SMALL
        s.null_vectors[d, m] = 1.0 if moves else 0.0
        moving += moves
    if moving > 1:
        return FAILED
    served_weights(s)
    for d in range(free):
        found = one_direction(s, m, s.null_vectors[d], rule, scale)
        if found < 0:
            return FAILED
        if found == 0:
            unpriced[s.slot_component[s.active_rows[s.elimination_order[f + d]]]] = 1
    return OK


@inner
def all_local(s, free):
    """Whether each direction moves but few columns, and at most one of them any that is not fixed."""
    short_loops()
    moving = 0
    for d in range(free):
        count = s.moved_column_count[d]
        if count < 0:
            return False
        moves = 0
        for k in range(count):
            j = s.moved_column[d, k]
            moves |= s.lower[j] < s.upper[j]
        moving += moves
    return moving <= 1


@inner
def demand_served(s):
    """Demand served, fixed and bid [MW]."""
    zero = splat(0.0)
    sums = zero
    for b in range(0, s.bus_width, LANES):
        sums = sums + larger(load(s.net_demand, b), zero)
    for j in range(0, s.columns, LANES):
        sums = sums + load(s.is_demand, j) * load(s.dispatch, j)
    return total(sums)


@inner
def settle_local(s, m, d, served_mw, rule, scale):
    """`dual_direction.one_direction` for a direction that moves few columns; False where that has to look
    again.
    """
    short_loops()
    z = s.null_vectors[d]
    y = s.dual
    rows = s.active_rows
    first = -np.inf
    last = np.inf
    gain = 0.0
    for k in range(s.moved_column_count[d]):
        j = s.moved_column[d, k]
        site = s.moved_site[d, k]
        pull = s.moved_pull[d, k]
        x = s.dispatch[j]
        sign = s.sign[j]
        if s.is_demand[j] > 0.0:
            gain -= pull * x
        at_low = x == s.lower[j]
        if s.lower[j] < s.upper[j] and (at_low or x == s.upper[j]):
            price = 0.0
            for i in range(m):
                price += y[i] * s.site_matrix[rows[i], site]
            t = (s.cost[j] + s.slope[j] * x - sign * price) / pull
            if (pull > 0.0) == at_low:
                last = min(last, t)
            else:
                first = max(first, t)
    most = 0.0
    for k in range(s.moved_bus_count[d]):
        rise = s.moved_rise[d, k]
        most = max(most, abs(rise))
        gain += max(s.net_demand[s.moved_bus[d, k]], 0.0) * rise
    for i in range(m):
        side = s.active_side[i]
        if side != 0 and abs(z[i]) > SMALL:
            t = -y[i] / z[i]
            if side * z[i] > 0.0:
                last = min(last, t)
            else:
                first = max(first, t)
    return settle_between(s, m, z, first, last, gain, served_mw * most, rule, scale) == 1


@inner
def any_demand_served(s):
    """Whether any demand is served, so that prices are weighted by it."""
    zero = splat(0.0)
    buyer = s.is_demand
    x = s.dispatch
    for j in range(0, s.columns, LANES):
        if less_bits(zero, load(buyer, j) * load(x, j)) != 0:
            return True
    demand = s.net_demand
    for b in range(0, s.bus_width, LANES):
        if less_bits(zero, load(demand, b)) != 0:
            return True
    return False


@inner
def least_norm_along(s, z, m):
    """Least Σ |b| μ² along z within the signs of the duals; False if there is no such point."""
    short_loops()
    top = 0.0
    bottom = 0.0
    first = -1e300
    last = 1e300
    for i in range(m):
        v = z[i]
        if v != 0.0:
            y = s.dual[i]
            b = s.norm_weight[i]
            top += b * y * v
            bottom += b * v * v
            side = s.active_side[i]
            if side != 0:
                t = -y / v
                if side * v > 0.0:
                    last = min(last, t)
                else:
                    first = max(first, t)
    if first > last or bottom <= 0.0:
        return False
    t = min(max(-top / bottom, first), last)
    for i in range(m):
        s.dual[i] += t * z[i]
    return True


@inner
def least_norm_along_all(s, m, free):
    """The same along several directions at once; False where a sign would not hold."""
    short_loops()
    gram = s.square_work
    right = s.proof.moved_dual  # the right sides stay for another way
    for c in range(free):
        right[c] = 0.0
        for d in range(free):
            gram[c, d] = 0.0
    for i in range(s.balances, m):
        b = s.norm_weight[i]
        for c in range(free):
            v = b * s.null_vectors[c, i]
            right[c] -= v * s.dual[i]
            for d in range(free):
                gram[c, d] += v * s.null_vectors[d, i]
    p = s.proof.gram_order
    q = s.column_order
    most = 0.0
    for c in range(free):
        p[c] = c
        q[c] = c
        most = max(most, largest(gram[c], free))
    if pivot_range(gram, free, free, 0, 0, free, p, q, 1e-12 * most) < free:
        return False
    t = s.proof.forward
    way = s.proof.step
    lower_solve(gram, p, right, t, free)
    upper_solve(gram, t, way, free)
    for i in range(m):
        v = s.dual[i]
        for c in range(free):
            v += way[c] * s.null_vectors[q[c], i]
        right[i] = v
    for i in range(m):
        if s.active_side[i] * right[i] > 0.0:
            return False
    for i in range(m):
        s.dual[i] = right[i]
    return True
