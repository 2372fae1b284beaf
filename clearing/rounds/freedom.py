"""Prices where several lines at a limit depend on one another (law 5), on the elimination of the active set.

Lines in series, in parallel or around a bus without orders are often at their limits together: their rows
depend on one another in every column, so that no reduced cost tells how they share a dual. Where that is
all the freedom, or one direction is left beside it, the point that the rule names has a closed form;
:mod:`clearing.rounds.face` looks at all other faces.
"""

from __future__ import annotations

from clearing.rounds.canonical import dependence
from clearing.rounds.compiled import inner
from clearing.rounds.dense import eliminate, sum_rows
from clearing.rounds.face import one_direction, served_weights, support, touched
from clearing.rounds.fields import (
    ALPHA,
    BTMP2,
    BUYS,
    DEMAND,
    GEE,
    HIGH,
    LINE,
    LOW,
    MET,
    OWN,
    PERM,
    PERM2,
    PERMQ,
    REST,
    ROWS,
    SCOMP,
    SENSE,
    SIGN,
    SUSC,
    TIEROWS,
    TWIN,
    VEC2,
    VEC3,
    XB,
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
    splat,
    total,
    where_less,
)
from clearing.rounds.store import BALANCES, COLUMNS, ISLANDS, unpack

SMALL = 1e-9  # part of a direction that counts as none


@inner
def set_twins_apart(lin, slot, islot, row, irow, balances, m, grouped):
    """List the rows that are no twins of earlier ones in irow[OWN]; returns their number.

    row[REST] becomes what the square of a row's dual counts in the norm: |b| of a line; of twins, which
    share a dual best by 1/|b|, what the square of the whole counts.
    """
    own = irow[OWN]
    rows = irow[ROWS]
    norm = row[REST]
    count = 0
    for i in range(m):
        own[count] = i
        norm[i] = 0.0
        if i < balances:
            count += 1
            continue
        norm[i] = abs(lin[SUSC, islot[LINE, rows[i]]])
        twin = islot[TWIN, rows[i]]
        at = islot[MET, twin]
        if grouped and balances <= at < i and islot[TWIN, rows[at]] == twin:
            norm[at] = norm[at] * norm[i] / (norm[at] + norm[i])
            continue
        islot[MET, twin] = i
        count += 1
    return count


@inner
def share_with_twins(s, m):
    """Share the dual of each row among its twins, by least Σ |b| μ²; False where another rule may ask for more."""
    y = s.row[Y]
    rows = s.irow[ROWS]
    first = s.head[BALANCES]
    if not served(s):
        return False
    for i in range(first, m):
        at = s.islot[MET, s.islot[TWIN, rows[i]]]
        if at != i:
            sense = s.slot[SENSE, rows[i]] * s.slot[SENSE, rows[at]]
            s.irow[TIEROWS, 0], s.irow[TIEROWS, 1] = rows[at], rows[i]
            s.row[VEC3, 0], s.row[VEC3, 1] = -sense, 1.0
            if felt(s, 2) or sense * s.irow[PERM2, i] != s.irow[PERM2, at]:
                return False
    for i in range(m - 1, first - 1, -1):
        at = s.islot[MET, s.islot[TWIN, rows[i]]]
        part = s.row[REST, at] / abs(s.lin[SUSC, s.islot[LINE, rows[i]]])
        y[i] = y[at] * part * s.slot[SENSE, rows[i]] * s.slot[SENSE, rows[at]]
    return True


@inner
def settle_freedom(base, head, rows, m, f, rule, scale, unpriced):
    """Move row[Y] to the point that the rule names; False where the face has to be looked at as a whole.

    Of `rows` rows m are no twins of others, and f of those independent.
    """
    s = unpack(base, head)
    p = s.irow[PERM]
    used = s.row[XB]
    free = m - f
    m = rows
    for i in range(m):
        used[i] = 0.0
    moving = 0
    apart = True
    for d in range(free):
        z = s.wide[d]
        dependence(s.triangle, f + d, f, m, p, z)
        for i in range(m):
            if z[i] != 0.0:
                apart &= used[i] == 0.0
                used[i] = 1.0
        count = support(s.irow, s.row, z, m)
        sum_rows(s.col[ALPHA], s.head[COLUMNS], s.a, s.irow[TIEROWS], s.row[VEC3], count)
        moves = touched(s.col[ALPHA], s.col[LOW], s.col[HIGH], s.head[COLUMNS]) > SMALL
        z[m] = 1.0 if moves else 0.0
        moving += moves
    if moving > 1 or (moving > 0 and not apart):
        return False
    plain = moving == 0 and s.head[ISLANDS] == 1 and served(s)
    if plain:
        for d in range(free):
            plain &= not felt(s, support(s.irow, s.row, s.wide[d], m))
    if plain and apart:
        for d in range(free):
            if not share_dual(s, s.wide[d], m):
                return False
        return True
    if plain:
        return share_duals(s, m, free)
    if not apart:
        return False
    served_weights(s)
    for d in range(free):
        found = one_direction(s, m, s.wide[d], rule, scale)
        if found < 0:
            return False
        if found == 0:
            unpriced[s.islot[SCOMP, s.irow[ROWS, p[f + d]]]] = 1
    return True


@inner
def served(s):
    """Whether any demand is served, so that prices are weighted by it."""
    zero = splat(0.0)
    sums = zero
    for b in range(0, s.bus.shape[1], LANES):
        sums = sums + larger(load(s.bus[DEMAND], b), zero)
    for j in range(0, s.head[COLUMNS], LANES):
        sums = sums + where_less(load(s.col[SIGN], j), zero, load(s.col[X], j), zero)
    return total(sums) > 0.0


@inner
def felt(s, count):
    """Whether the direction in irow[TIEROWS], row[VEC3] moves the price of a bus where demand may be served."""
    move = s.bus[BTMP2]
    buses = s.bus.shape[1]
    sum_rows(move, buses, s.ptdf, s.irow[TIEROWS], s.row[VEC3], count)
    most = splat(0.0)
    weighted = splat(0.0)
    one = splat(1.0)
    for b in range(0, buses, LANES):
        v = magnitude(load(move, b))
        most = larger(most, v)
        weight = smaller(load(s.bus[BUYS], b) + larger(load(s.bus[DEMAND], b), splat(0.0)), one)
        weighted = larger(weighted, weight * v)
    return greatest(weighted) > SMALL * greatest(most)


@inner
def share_dual(s, z, m):
    """Least Σ |b| μ² along z within the signs of the duals; False if there is no such point."""
    top = 0.0
    bottom = 0.0
    first = -1e300
    last = 1e300
    for i in range(m):
        v = z[i]
        if v != 0.0:
            y = s.row[Y, i]
            b = s.row[REST, i]
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
    gram = s.work
    right = s.row[GEE]  # the right sides stay for another way
    for c in range(free):
        right[c] = 0.0
        for d in range(free):
            gram[c, d] = 0.0
    for i in range(s.head[BALANCES], m):
        b = s.row[REST, i]
        for c in range(free):
            v = b * s.wide[c, i]
            right[c] -= v * s.row[Y, i]
            for d in range(free):
                gram[c, d] += v * s.wide[d, i]
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
            v += way[c] * s.wide[q[c], i]
        right[i] = v
    for i in range(m):
        if s.irow[PERM2, i] * right[i] > 0.0:
            return False
    for i in range(m):
        s.row[Y, i] = right[i]
    return True
