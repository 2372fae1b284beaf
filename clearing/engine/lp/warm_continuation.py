"""A round in which few orders differ from the last one: the simplex goes on where it ended.

Where no cost of a basic column has changed, neither have the duals: of all reduced costs, bounds and columns
at a bound those of the changed orders alone are touched. Whatever the simplex starts from shows in no result
(law 3).
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import merged, short_loops
from clearing.engine.grid.bus_aggregation import sum_site


@merged
def continue_warm(s, e):
    """Put the changed orders in place, with costs perturbed by `e`; False where the simplex has to be set up
    anew.

    `least_reduced_cost` stays at most the least reduced cost.
    """
    short_loops()
    if s.is_warm == 0 or s.injection_kept == 0 or s.changed_count < 0:
        return False
    k = s.basis_size
    changed = s.changed_columns
    costp = s.working_cost
    way = s.lp.move
    for t in range(s.changed_count):
        j = changed[t]
        if way[j] == 0.0 and s.cost[j] + e * s.perturbation[j] != costp[j] and is_basic(s, j):
            return False
    rest = s.lp.right_side
    act = s.basis_slot
    least = s.least_reduced_cost
    for t in range(s.changed_count):
        j = changed[t]
        high = s.upper[j]
        s.working_upper[j] = high
        if way[j] == 0.0 and is_basic(s, j):
            continue
        c = s.cost[j] + e * s.perturbation[j]
        d = s.reduced_cost[j] + (c - costp[j])
        costp[j] = c
        s.reduced_cost[j] = d
        low = s.lower[j]
        mw = high if d < 0.0 else low
        way[j] = 0.0
        if low < high:
            way[j] = -1.0 if d < 0.0 else 1.0
            least = min(least, abs(d))
        move = s.sign[j] * (mw - s.dispatch[j])
        s.dispatch[j] = mw
        if move != 0.0:
            site = s.column_site[j]
            s.site_injection[site] = sum_site(s, site)
            for i in range(k):
                rest[i] -= s.site_matrix[act[i], site] * move
    s.least_reduced_cost = least
    s.bounds_activity_kept = 0
    return True


@merged
def is_basic(s, j):
    """Whether column j is basic; of those without a direction some are fixed."""
    for p in range(s.basis_size):
        if s.basic_column[p] == j:
            return True
    return False
