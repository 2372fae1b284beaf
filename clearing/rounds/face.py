"""Prices where the dual solution is not unique (law 5): the low, high and canonical point of its face.

With the interior columns as equalities, duals are y = y₀ + Σ_k t_k z_k, one null vector z_k of
the active rows per degree of freedom; columns at a bound and lines at a limit bound t.
"""

from __future__ import annotations

import numpy as np

from clearing.rounds.compiled import allocating, greater, inner, reduction
from clearing.rounds.dense import add_rows, sum_rows
from clearing.rounds.fields import (
    ALPHA,
    BIG,
    BTMP2,
    COMP,
    COST,
    DEMAND,
    HIGH,
    LINE,
    LOW,
    NORM,
    PERM,
    PERM2,
    RED,
    ROWS,
    SCOMP,
    SHARE,
    SIGN,
    SLOPE,
    SUSC,
    TIEROWS,
    VEC3,
    WEIGHT,
    XB,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.known import support
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
from clearing.rounds.polyhedron import MOST, least, project
from clearing.rounds.singular import null_vector
from clearing.rounds.sites import combine, spread, touched
from clearing.rounds.store import BUSES, COLUMNS, COMPONENTS, ISLANDS, LAYERS, ORDER_SITES, SITES

LOW_POINT = 0
HIGH_POINT = 1
MIDDLE = 2


@inner
def served_weights(s):
    """bus[WEIGHT] = served demand of each bus; 1 in an island where nothing is served."""
    nb = s.head[BUSES]
    w = s.bus[WEIGHT]
    zero = splat(0.0)
    for b in range(0, s.bus.shape[1], LANES):
        store(w, b, larger(load(s.bus[DEMAND], b), zero))
    bought = s.site[SHARE]
    sign = s.col[SIGN]
    x = s.col[X]
    for b in range(0, s.head[SITES], LANES):
        v = zero
        layer = 0
        while layer < s.head[LAYERS] and b < s.width[layer]:
            j = s.first[layer] + b
            v = v + where_less(load(sign, j), zero, load(x, j), zero)
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
            if s.ibus[1, b] == i:
                total += w[b]
        if total <= 0.0:
            for b in range(nb):
                if s.ibus[1, b] == i:
                    w[b] = 1.0


@inner
def reduced_costs(s, m):
    """col[RED] for the duals row[Y] of the rows in irow[ROWS]."""
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
def _gain(s, z, m):
    """(Σ weight · price change, scale of its rounding) per unit of the dual direction z."""
    nb = s.head[BUSES]
    lam = s.bus[BTMP2]
    sum_rows(lam, s.bus.shape[1], s.ptdf, s.irow[TIEROWS], s.row[VEC3], support(s, z, m))
    return weighted(s.bus[WEIGHT], lam, nb)


@inner
def _pull(s, z, m):
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
        _pull(s, z, m)
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
def _directions(s, m, rank, c):
    """Null vectors of component c in the rows of `work`, behind each whether it moves a reduced cost.

    Returns (their number, whether they can be settled one after the other). So they can where no row has
    a part in two of them and at most one moves any reduced cost: twins of binding lines (in series, or
    parallel) give vectors that only share a dual between two lines.
    """
    p = s.irow[PERM]
    used = s.row[XB]
    for i in range(m):
        used[i] = 0.0
    count = 0
    moving = 0
    apart = True
    for h in range(rank, m):
        if s.islot[SCOMP, s.irow[ROWS, p[h]]] == c:
            z = s.work[count]
            null_vector(s.wide, m, p, rank, h - rank, z)
            for i in range(m):
                if abs(z[i]) <= 1e-12:
                    z[i] = 0.0
                else:
                    apart &= used[i] == 0.0
                    used[i] = 1.0
            _pull(s, z, m)
            moves = touched(s) > 1e-9
            z[m] = 1.0 if moves else 0.0
            moving += moves
            count += 1
    return count, apart and moving <= 1


@inner
def one_direction(s, m, z, rule, scale):
    """Settle one null vector: 1 priced, 0 no end is finite, −1 empty."""
    if z[m] > 0.0:
        reduced_costs(s, m)
    first, last = segment(s, z, m, z[m] > 0.0)
    gain, size = _gain(s, z, m)
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


@inner
def choose_duals(s, m, rank, rule, scale, unpriced):
    """Move row[Y] to the point of the dual face that `rule` names, component by component.

    `unpriced[c]` becomes 1 for a component without a finite end. False: too many dimensions, or
    rounding.
    """
    served_weights(s)
    for i in range(m):
        line = s.islot[LINE, s.irow[ROWS, i]]
        s.row[NORM, i] = abs(s.lin[SUSC, line]) if line >= 0 else 0.0
    for c in range(s.head[COMPONENTS]):
        unpriced[c] = 0
        freedom, apart = _directions(s, m, rank, c)
        if freedom == 0:
            continue
        if apart:
            for k in range(freedom):
                found = one_direction(s, m, s.work[k], rule, scale)
                if found < 0:
                    return False
                if found == 0:
                    unpriced[c] = 1
        elif freedom > MOST:
            return False
        else:
            reduced_costs(s, m)
            found = _many(s, m, rank, c, freedom, rule, scale)
            if found < 0:
                return False
            unpriced[c] = 1 - found
    return True


@allocating
def face_rows(s, m, rank, c, d, null, g, h):
    """Inequalities g t ≤ h of the face of component c in the coordinates of its null vectors."""
    n = s.head[COLUMNS]
    p = s.irow[PERM]
    at = 0
    for q in range(rank, m):
        if s.islot[SCOMP, s.irow[ROWS, p[q]]] == c:
            for i in range(m):
                null[at, i] = 0.0
            null_vector(s.wide, m, p, rank, q - rank, null[at])
            at += 1
    parts = np.zeros((d, n))
    for k in range(d):
        add_rows(parts[k], n, s.a, s.irow[ROWS], null[k], m, 1.0)
    x = s.col[X]
    count = 0
    for j in range(n):
        if s.icol[COMP, j] == c and s.col[HIGH, j] > s.col[LOW, j]:
            sign = 1.0 if x[j] == s.col[LOW, j] else (-1.0 if x[j] == s.col[HIGH, j] else 0.0)
            if sign != 0.0:
                length = 0.0
                for k in range(d):
                    g[count, k] = sign * parts[k, j]
                    length += parts[k, j] ** 2
                h[count] = sign * s.col[RED, j]
                if length > 1e-18:
                    length = length**0.5
                    for k in range(d):
                        g[count, k] /= length
                    h[count] /= length
                    count += 1
    for i in range(m):
        side = s.irow[PERM2, i]
        if side != 0:
            length = 0.0
            for k in range(d):
                g[count, k] = side * null[k, i]
                length += null[k, i] ** 2
            if length > 1e-18:
                length = length**0.5
                for k in range(d):
                    g[count, k] /= length
                h[count] = -side * s.row[Y, i] / length
                count += 1
    return count


@allocating
def _many(s, m, rank, c, d, rule, scale):
    """The same for two and more degrees of freedom in component c: 1 priced, 0 no end is finite, −1 failed."""
    n = s.head[COLUMNS]
    null = np.zeros((d, m))
    g = np.empty((n + m, d))
    h = np.empty(n + m)
    count = face_rows(s, m, rank, c, d, null, g, h)
    tol = 1e-9 * scale
    gain = np.empty(d)
    cost = np.empty(d)
    size = 0.0
    for k in range(d):
        gain[k], part = _gain(s, null[k], m)
        size += part
    found = np.zeros((2, MOST))
    finite = np.zeros(2)
    most = 0.0
    for k in range(d):
        most = max(most, abs(gain[k]))
    for end in range(2):
        t = np.zeros(MOST)
        if end == 1 and most <= 1e-9 * size:
            finite[1] = finite[0]
            for k in range(d):
                found[1, k] = found[0, k]
            break
        if most <= 1e-9 * size:
            result = 1 if project(g, h, d, count, t, tol) else -1
            for k in range(d):
                gain[k] = 0.0
        else:
            for k in range(d):
                cost[k] = gain[k] if end == 0 else -gain[k]
            result = least(g, h, d, count, cost, t, scale, tol)
        if result < 0:
            return -1
        finite[end] = result
        if result == 1 and not _settle(s, m, d, null, g, h, count, gain, t):
            return -1
        for k in range(d):
            found[end, k] = t[k]
    take_low = finite[0] and (rule == LOW_POINT or not finite[1])
    take_high = finite[1] and (rule == HIGH_POINT or not finite[0])
    for k in range(d):
        t = 0.5 * (found[0, k] + found[1, k])
        if take_low:
            t = found[0, k]
        elif take_high:
            t = found[1, k]
        for i in range(m):
            if null[k, i] != 0.0:
                s.row[Y, i] += t * null[k, i]
    return 1 if finite[0] or finite[1] else 0


@allocating
def _settle(s, m, d, null, g, h, count, gain, t):
    """Among the points with the objective of t, the one of least Σ |b| μ²; t is overwritten."""
    basis = np.zeros((MOST, MOST))
    left = _level_directions(gain, d, basis)
    if left == 0:
        return True
    # norm ½ uᵀQu + r·u in the coordinates u; with Q = LLᵀ and v = Lᵀu it is a projection
    q = np.zeros((MOST, MOST))
    r = np.zeros(MOST)
    trace = 0.0
    for i in range(m):
        line = s.islot[LINE, s.irow[ROWS, i]]
        if line < 0:
            continue
        now = s.row[Y, i]
        for k in range(d):
            now += t[k] * null[k, i]
        w = abs(s.lin[SUSC, line])
        for b in range(left):
            mine = 0.0
            for k in range(d):
                mine += basis[b, k] * null[k, i]
            r[b] += w * mine * now
            trace += w * mine * mine
            for e in range(left):
                other = 0.0
                for k in range(d):
                    other += basis[e, k] * null[k, i]
                q[b, e] += w * mine * other
    if trace == 0.0:
        return True
    for b in range(left):
        q[b, b] += 1e-12 * trace
    for b in range(left):  # Cholesky, in the lower triangle
        for e in range(b + 1):
            v = q[b, e]
            for c in range(e):
                v -= q[b, c] * q[e, c]
            q[b, e] = max(v, 1e-300) ** 0.5 if e == b else v / q[e, e]
    point = np.zeros(MOST)
    for b in range(left):
        v = -r[b]
        for c in range(b):
            v -= q[b, c] * point[c]
        point[b] = v / q[b, b]
    moved = np.zeros((count, MOST))
    room = np.zeros(count)
    for c in range(count):
        v = h[c]
        for k in range(d):
            v -= g[c, k] * t[k]
        size = 0.0
        for b in range(left):
            w = 0.0
            for k in range(d):
                w += g[c, k] * basis[b, k]
            for e in range(b):
                w -= q[b, e] * moved[c, e]
            moved[c, b] = w / q[b, b]
            size += moved[c, b] ** 2
        size = size**0.5
        scale = 1.0 / size if size * trace**0.5 > 1e-9 else 0.0
        for b in range(left):
            moved[c, b] *= scale
        room[c] = max(v, 0.0) * scale
    largest = 1.0
    for b in range(left):
        largest = max(largest, abs(point[b]))
    if not project(moved, room, left, count, point, 1e-11 * largest):
        return False
    for b in range(left - 1, -1, -1):
        for c in range(b + 1, left):
            point[b] -= q[c, b] * point[c]
        point[b] /= q[b, b]
    for k in range(d):
        for b in range(left):
            t[k] += basis[b, k] * point[b]
    return True


@inner
def _level_directions(gain, d, basis):
    """Orthonormal directions along which the objective stays; returns their number."""
    length = 0.0
    for k in range(d):
        length += gain[k] * gain[k]
    wanted = d - 1 if length > 0.0 else d
    left = 0
    for k in range(d):
        if left == wanted:
            break
        v = basis[left]
        for i in range(d):
            v[i] = -gain[k] * gain[i] / length if length > 0.0 else 0.0
        v[k] += 1.0
        for b in range(left):
            f = 0.0
            for i in range(d):
                f += v[i] * basis[b, i]
            for i in range(d):
                v[i] -= f * basis[b, i]
        size = 0.0
        for i in range(d):
            size += v[i] * v[i]
        size = size**0.5
        if size > 0.3 / d:
            for i in range(d):
                v[i] /= size
            left += 1
    return left
