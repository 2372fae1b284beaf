"""Prices along one direction in which the duals of an active set are free (law 5)."""

from __future__ import annotations

import numpy as np

from clearing.engine.compilation.decorators import greater, inner, reduction
from clearing.engine.grid.bus_aggregation import combine_rows, spread_to_columns
from clearing.engine.linalg.dense import sum_rows
from clearing.engine.linalg.simd import (
    LANES,
    greatest,
    larger,
    load,
    magnitude,
    smaller,
    smallest,
    splat,
    store,
    where_less,
)
from clearing.engine.memory.statuses import BIG
from clearing.engine.proof.dual_nullspace import list_support

LOW_POINT = 0
HIGH_POINT = 1


@inner
def served_weights(s):
    """`price_weight` = served demand of each bus; 1 in an island where nothing is served."""
    nb = s.buses
    w = s.price_weight
    zero = splat(0.0)
    for b in range(0, s.bus_width, LANES):
        store(w, b, larger(load(s.net_demand, b), zero))
    bought = s.site_row
    buyer = s.is_demand
    x = s.dispatch
    for b in range(0, s.sites, LANES):
        v = zero
        layer = 0
        while layer < s.layers and b < s.layer_width[layer]:
            j = s.layer_first[layer] + b
            v = v + load(buyer, j) * load(x, j)
            layer += 1
        store(bought, b, v)
    for i in range(s.order_sites):
        w[s.site_bus[i]] += bought[i]
    if s.islands == 1:
        if weighted(w, w, nb)[0] > 0.0:
            return
        for b in range(nb):
            w[b] = 1.0
        return
    for i in range(s.islands):
        total = 0.0
        for b in range(nb):
            if s.bus_island[b] == i:
                total += w[b]
        if total <= 0.0:
            for b in range(nb):
                if s.bus_island[b] == i:
                    w[b] = 1.0


@inner
def reduced_costs(s, m):
    """`reduced_cost` for the duals `dual` of the rows in `active_rows`."""
    s.is_warm = 0  # the simplex ended with others
    n = s.columns
    red = s.reduced_cost
    cost = s.cost
    slope = s.slope
    x = s.dispatch
    combine_rows(s, s.active_rows, s.dual, m)
    spread_to_columns(s, red)
    for j in range(0, n, LANES):
        store(red, j, load(cost, j) + load(slope, j) * load(x, j) - load(red, j))


@reduction
def weighted(w, v, n):
    """(Σ w v, Σ w · max |v|): the second is the scale on which the first counts as zero."""
    total = 0.0
    weights = 0.0
    most = 0.0
    for b in range(n):
        total += w[b] * v[b]
        weights += w[b]
        most = greater(most, abs(v[b]))
    return total, weights * most


@inner
def price_gain(s, z, m):
    """(Σ weight · price change, scale of its rounding) per unit of the dual direction z."""
    nb = s.buses
    lam = s.proof.lmp_rate
    sum_rows(lam, s.bus_width, s.ptdf, s.proof.support_slot, s.proof.support_entry, list_support(s, z, m))
    return weighted(s.price_weight, lam, nb)


@inner
def pull(s, z, m):
    """`site_row` = how the reduced costs fall along z."""
    count = list_support(s, z, m)
    combine_rows(s, s.proof.support_slot, s.proof.support_entry, count)


@inner
def segment(s, z, m, moves):
    """Ends of {t : y + t z on the face}; `reduced_cost` counts where z moves a reduced cost."""
    first = -np.inf
    last = np.inf
    if moves:
        alpha = s.proof.reduced_cost_rate
        red = s.reduced_cost
        x = s.dispatch
        low = s.lower
        high = s.upper
        pull(s, z, m)
        spread_to_columns(s, alpha)
        zero = splat(0.0)
        one = splat(1.0)
        small = splat(1e-9)
        never = splat(BIG)
        most = never
        least = zero - never
        for j in range(0, s.columns, LANES):
            v = load(x, j)
            floor = load(low, j)
            top = load(high, j)
            # +1 at the lower bound, −1 at the upper, 0 elsewhere and where there is nothing between them
            side = where_less(floor, v, where_less(v, top, zero, zero - one), one)
            side = where_less(floor, top, side, zero)
            g = side * load(alpha, j)
            t = side * load(red, j) / where_less(small, magnitude(g), g, one)
            most = smaller(most, where_less(small, g, t, never))
            least = larger(least, where_less(g, zero - small, t, zero - never))
        last = smallest(most)
        first = greatest(least)
        if last >= BIG:
            last = np.inf
        if first <= -BIG:
            first = -np.inf
    for i in range(m):
        side = s.active_side[i]
        if side != 0 and abs(z[i]) > 1e-9:
            t = -s.dual[i] / z[i]
            if side * z[i] > 0.0:
                last = min(last, t)
            else:
                first = max(first, t)
    return first, last


@inner
def _least_norm(s, z, m):
    """Minimiser of Σ b (y + t z)² over t, with b of `norm_weight`."""
    top = 0.0
    bottom = 0.0
    for i in range(m):
        if z[i] != 0.0:
            b = s.norm_weight[i]
            top += b * s.dual[i] * z[i]
            bottom += b * z[i] * z[i]
    return -top / bottom if bottom > 0.0 else 0.0


@inner
def one_direction(s, m, z, rule, scale):
    """Settle one null vector: 1 priced, 0 no end is finite, −1 empty."""
    if z[m] > 0.0:
        reduced_costs(s, m)
    first, last = segment(s, z, m, z[m] > 0.0)
    gain, size = price_gain(s, z, m)
    return settle_between(s, m, z, first, last, gain, size, rule, scale)


@inner
def settle_between(s, m, z, first, last, gain, size, rule, scale):
    """Move `dual` along z to the point between `first` and `last` that the rule names; as `one_direction`.

    gain : Σ weight · price change per step, zero where it is below 1e-9 of `size`.
    """
    if first > last:
        if first > last + 1e-6 * scale:
            return -1
        first = 0.5 * (first + last)
        last = first
    if abs(gain) <= 1e-9 * size:
        first = min(max(_least_norm(s, z, m), first), last)
        last = first
    elif gain < 0.0:
        first, last = last, first
    no_low = not np.isfinite(first)
    no_high = not np.isfinite(last)
    if no_low and no_high:  # any point proves the dispatch, none is a price
        return 0
    t = 0.5 * (first + last)
    if rule == LOW_POINT or no_high:
        t = first
    if (rule == HIGH_POINT or no_low) and not no_high:
        t = last
    for i in range(m):
        if z[i] != 0.0:
            s.dual[i] += t * z[i]
    return 1
