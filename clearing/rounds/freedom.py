"""Prices where several lines at a limit depend on one another (law 5), on the elimination of the active set.

Lines in series, in parallel or around a bus without orders are often at their limits together: their rows
depend on one another in every column, so that no reduced cost tells how they share a dual. Where that is
all the freedom, or one direction is left beside it, the point that the rule names has a closed form;
:mod:`clearing.rounds.face` looks at all other faces.
"""

from __future__ import annotations

import numpy as np

from clearing.rounds.compiled import inner, short_loops
from clearing.rounds.dense import eliminate
from clearing.rounds.direction import one_direction, served_weights, settle_between
from clearing.rounds.fields import (
    APART,
    BUS_AT,
    BUYER,
    COLUMN,
    COST,
    DEMAND,
    FAILED,
    FIRST,
    GEE,
    HIGH,
    LINE,
    LOW,
    MOVED,
    N_STIR,
    N_TOUCH,
    NORM,
    OK,
    ORDER,
    PERM2,
    PERMQ,
    PLAIN,
    PULL,
    RISE,
    ROWS,
    SCOMP,
    SENSE,
    SIGN,
    SITE,
    SLOPE,
    STILL,
    SUSC,
    TIEROWS,
    TOUCHED,
    TWINSFELT,
    VEC2,
    VEC3,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.lanes import LANES, larger, less_bits, load, splat, total
from clearing.rounds.reach import SMALL, support
from clearing.rounds.sites import combine, touched
from clearing.rounds.store import BALANCES, COLUMNS, ISLANDS


@inner
def share_with_twins(s, m):
    """Share the dual of each row among its twins, by least Σ |b| μ²; False where another rule may ask for more."""
    short_loops()
    if s.state[TWINSFELT] != 0 or not served(s):
        return False
    y = s.row[Y]
    rows = s.irow[ROWS]
    first = s.irow[FIRST]
    sides = s.irow[PERM2]
    sense = s.slot[SENSE]
    norm = s.row[NORM]
    balances = s.head[BALANCES]
    for i in range(balances, m):
        at = first[i]
        if at != i and sense[rows[i]] * sense[rows[at]] * sides[i] != sides[at]:
            return False
    for i in range(m - 1, balances - 1, -1):
        at = first[i]
        part = norm[at] / abs(s.lin[SUSC, s.islot[LINE, rows[i]]])
        y[i] = y[at] * part * sense[rows[i]] * sense[rows[at]]
    return True


@inner
def settle_freedom(s, m, own, f, rule, scale, unpriced):
    """Move row[Y] to the point that the rule names. Returns OK, or FAILED where the face has to be looked at as a whole.

    Of m rows `own` are no twins of others, and f of those independent.
    """
    short_loops()
    free = own - f
    apart = s.state[APART] == 1
    if s.state[PLAIN] == 1 and served(s):
        if not apart:
            return OK if share_duals(s, m, free) else FAILED
        for d in range(free):
            if not share_dual(s, s.null[d], m):
                return FAILED
        return OK
    if not apart:
        return FAILED
    if s.head[ISLANDS] == 1 and all_local(s, free):
        served_mw = demand_served(s)
        if served_mw > 0.0:
            for d in range(free):
                if not settle_local(s, m, d, served_mw, rule, scale):
                    return FAILED
            return OK
    moving = 0
    for d in range(free):
        moves = False
        if s.irow[STILL, d] == 0:
            count = support(s, s.null[d], m)
            combine(s, s.irow[TIEROWS], s.row[VEC3], count)
            moves = touched(s) > SMALL
        s.null[d, m] = 1.0 if moves else 0.0
        moving += moves
    if moving > 1:
        return FAILED
    served_weights(s)
    for d in range(free):
        found = one_direction(s, m, s.null[d], rule, scale)
        if found < 0:
            return FAILED
        if found == 0:
            unpriced[s.islot[SCOMP, s.irow[ROWS, s.irow[ORDER, f + d]]]] = 1
    return OK


@inner
def all_local(s, free):
    """Whether each direction moves but few columns, and at most one of them any that is not fixed."""
    short_loops()
    moving = 0
    for d in range(free):
        count = s.irow[TOUCHED, d]
        if count < 0:
            return False
        moves = 0
        for k in range(count):
            j = s.touch[N_TOUCH * d + COLUMN, k]
            moves |= s.col[LOW, j] < s.col[HIGH, j]
        moving += moves
    return moving <= 1


@inner
def demand_served(s):
    """Demand served, fixed and bid [MW]."""
    zero = splat(0.0)
    sums = zero
    for b in range(0, s.bus.shape[1], LANES):
        sums = sums + larger(load(s.bus[DEMAND], b), zero)
    for j in range(0, s.head[COLUMNS], LANES):
        sums = sums + load(s.col[BUYER], j) * load(s.col[X], j)
    return total(sums)


@inner
def settle_local(s, m, d, served_mw, rule, scale):
    """`direction.one_direction` for a direction that moves few columns; False where that has to look again."""
    short_loops()
    z = s.null[d]
    y = s.row[Y]
    rows = s.irow[ROWS]
    first = -np.inf
    last = np.inf
    gain = 0.0
    for k in range(s.irow[TOUCHED, d]):
        j = s.touch[N_TOUCH * d + COLUMN, k]
        site = s.touch[N_TOUCH * d + SITE, k]
        pull = s.stir[N_STIR * d + PULL, k]
        x = s.col[X, j]
        sign = s.col[SIGN, j]
        if s.col[BUYER, j] > 0.0:
            gain -= pull * x
        at_low = x == s.col[LOW, j]
        if s.col[LOW, j] < s.col[HIGH, j] and (at_low or x == s.col[HIGH, j]):
            price = 0.0
            for i in range(m):
                price += y[i] * s.rows[rows[i], site]
            t = (s.col[COST, j] + s.col[SLOPE, j] * x - sign * price) / pull
            if (pull > 0.0) == at_low:
                last = min(last, t)
            else:
                first = max(first, t)
    most = 0.0
    for k in range(s.irow[MOVED, d]):
        rise = s.stir[N_STIR * d + RISE, k]
        most = max(most, abs(rise))
        gain += max(s.bus[DEMAND, s.touch[N_TOUCH * d + BUS_AT, k]], 0.0) * rise
    for i in range(m):
        side = s.irow[PERM2, i]
        if side != 0 and abs(z[i]) > SMALL:
            t = -y[i] / z[i]
            if side * z[i] > 0.0:
                last = min(last, t)
            else:
                first = max(first, t)
    return settle_between(s, m, z, first, last, gain, served_mw * most, rule, scale) == 1


@inner
def served(s):
    """Whether any demand is served, so that prices are weighted by it."""
    zero = splat(0.0)
    buyer = s.col[BUYER]
    x = s.col[X]
    for j in range(0, s.head[COLUMNS], LANES):
        if less_bits(zero, load(buyer, j) * load(x, j)) != 0:
            return True
    demand = s.bus[DEMAND]
    for b in range(0, s.bus.shape[1], LANES):
        if less_bits(zero, load(demand, b)) != 0:
            return True
    return False


@inner
def share_dual(s, z, m):
    """Least Σ |b| μ² along z within the signs of the duals; False if there is no such point."""
    short_loops()
    top = 0.0
    bottom = 0.0
    first = -1e300
    last = 1e300
    for i in range(m):
        v = z[i]
        if v != 0.0:
            y = s.row[Y, i]
            b = s.row[NORM, i]
            top += b * y * v
            bottom += b * v * v
            side = s.irow[PERM2, i]
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
        s.row[Y, i] += t * z[i]
    return True


@inner
def share_duals(s, m, free):
    """The same along several directions at once; False where a sign would not hold."""
    short_loops()
    gram = s.work
    right = s.row[GEE]  # the right sides stay for another way
    for c in range(free):
        right[c] = 0.0
        for d in range(free):
            gram[c, d] = 0.0
    for i in range(s.head[BALANCES], m):
        b = s.row[NORM, i]
        for c in range(free):
            v = b * s.null[c, i]
            right[c] -= v * s.row[Y, i]
            for d in range(free):
                gram[c, d] += v * s.null[d, i]
    p = s.irow[TIEROWS]
    q = s.irow[PERMQ]
    if eliminate(gram, free, free, p, q, 1e-12) < free:
        return False
    t = s.row[VEC2]
    way = s.row[VEC3]
    for c in range(free):
        v = right[p[c]]
        for d in range(c):
            v -= gram[c, d] * t[d]
        t[c] = v
    for c in range(free - 1, -1, -1):
        v = t[c]
        for d in range(c + 1, free):
            v -= gram[c, d] * way[d]
        way[c] = v / gram[c, c]
    for i in range(m):
        v = s.row[Y, i]
        for c in range(free):
            v += way[c] * s.null[q[c], i]
        right[i] = v
    for i in range(m):
        if s.irow[PERM2, i] * right[i] > 0.0:
            return False
    for i in range(m):
        s.row[Y, i] = right[i]
    return True
