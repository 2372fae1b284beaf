"""Prices along one direction in which the duals of an active set are free (law 5)."""

from __future__ import annotations

import numpy as np

from clearing.rounds.compiled import greater, inner, reduction
from clearing.rounds.dense import sum_rows
from clearing.rounds.fields import (
    ALPHA,
    BIG,
    BTMP2,
    BUYER,
    COST,
    DEMAND,
    HIGH,
    ISLE,
    LOW,
    NORM,
    PERM2,
    READY,
    RED,
    ROWS,
    SHARE,
    SLOPE,
    TIEROWS,
    VEC3,
    WEIGHT,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.lanes import (
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
from clearing.rounds.reach import support
from clearing.rounds.sites import combine, spread
from clearing.rounds.store import BUSES, COLUMNS, ISLANDS, LAYERS, ORDER_SITES, SITES

LOW_POINT = 0
HIGH_POINT = 1


@inner
def served_weights(s):
    """bus[WEIGHT] = served demand of each bus; 1 in an island where nothing is served."""
    nb = s.head[BUSES]
    w = s.bus[WEIGHT]
    zero = splat(0.0)
    for b in range(0, s.bus.shape[1], LANES):
        store(w, b, larger(load(s.bus[DEMAND], b), zero))
    bought = s.site[SHARE]
    buyer = s.col[BUYER]
    x = s.col[X]
    for b in range(0, s.head[SITES], LANES):
        v = zero
        layer = 0
        while layer < s.head[LAYERS] and b < s.width[layer]:
            j = s.first[layer] + b
            v = v + load(buyer, j) * load(x, j)
            layer += 1
        store(bought, b, v)
    for i in range(s.head[ORDER_SITES]):
        w[s.site_bus[i]] += bought[i]
    if s.head[ISLANDS] == 1:
        if weighted(w, w, nb)[0] > 0.0:
            return
        for b in range(nb):
            w[b] = 1.0
        return
    for i in range(s.head[ISLANDS]):
        total = 0.0
        for b in range(nb):
            if s.ibus[ISLE, b] == i:
                total += w[b]
        if total <= 0.0:
            for b in range(nb):
                if s.ibus[ISLE, b] == i:
                    w[b] = 1.0


@inner
def reduced_costs(s, m):
    """col[RED] for the duals row[Y] of the rows in irow[ROWS]."""
    s.state[READY] = 0  # the simplex ended with others
    n = s.head[COLUMNS]
    red = s.col[RED]
    cost = s.col[COST]
    slope = s.col[SLOPE]
    x = s.col[X]
    combine(s, s.irow[ROWS], s.row[Y], m)
    spread(s, red)
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
    nb = s.head[BUSES]
    lam = s.bus[BTMP2]
    sum_rows(lam, s.bus.shape[1], s.ptdf, s.irow[TIEROWS], s.row[VEC3], support(s, z, m))
    return weighted(s.bus[WEIGHT], lam, nb)


@inner
def pull(s, z, m):
    """site[SHARE] = how the reduced costs fall along z."""
    count = support(s, z, m)
    combine(s, s.irow[TIEROWS], s.row[VEC3], count)


@inner
def segment(s, z, m, moves):
    """Ends of {t : y + t z on the face}; col[RED] counts where z moves a reduced cost."""
    first = -np.inf
    last = np.inf
    if moves:
        alpha = s.col[ALPHA]
        red = s.col[RED]
        x = s.col[X]
        low = s.col[LOW]
        high = s.col[HIGH]
        pull(s, z, m)
        spread(s, alpha)
        zero = splat(0.0)
        one = splat(1.0)
        small = splat(1e-9)
        never = splat(BIG)
        most = never
        least = zero - never
        for j in range(0, s.head[COLUMNS], LANES):
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
        side = s.irow[PERM2, i]
        if side != 0 and abs(z[i]) > 1e-9:
            t = -s.row[Y, i] / z[i]
            if side * z[i] > 0.0:
                last = min(last, t)
            else:
                first = max(first, t)
    return first, last


@inner
def _least_norm(s, z, m):
    """Minimiser of Σ b (y + t z)² over t, with b of row[NORM]."""
    top = 0.0
    bottom = 0.0
    for i in range(m):
        if z[i] != 0.0:
            b = s.row[NORM, i]
            top += b * s.row[Y, i] * z[i]
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
    """Move row[Y] along z to the point between `first` and `last` that the rule names; as `one_direction`.

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
            s.row[Y, i] += t * z[i]
    return 1
