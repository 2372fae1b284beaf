"""Prices where the dual solution is not unique (law 5): the low, high and canonical point of its face.

With the interior columns as equalities, duals are y = y₀ + Σ_k t_k z_k, one null vector z_k of
the active rows per degree of freedom; columns at a bound and lines at a limit bound t.
"""

from __future__ import annotations

import numpy as np

from clearing.engine.canonical.rank_deficient import null_vector
from clearing.engine.compilation.decorators import allocating, inner
from clearing.engine.grid.bus_aggregation import greatest_at_free_columns
from clearing.engine.linalg.dense import add_rows
from clearing.engine.memory.statuses import FAILED, OK
from clearing.engine.proof.dual_direction import (
    HIGH_POINT,
    LOW_POINT,
    one_direction,
    price_gain,
    pull,
    reduced_costs,
    served_weights,
)
from clearing.engine.proof.polyhedron import MOST, least, project


@inner
def _directions(s, m, rank, c):
    """Null vectors of component c in the rows of `square_work`, behind each whether it moves a reduced cost.

    Returns (their number, whether they can be settled one after the other). So they can where no row has
    a part in two of them and at most one moves any reduced cost: twins of binding lines (in series, or
    parallel) give vectors that only share a dual between two lines.
    """
    p = s.row_order
    used = s.proof.row_used
    for i in range(m):
        used[i] = 0.0
    count = 0
    moving = 0
    apart = True
    for h in range(rank, m):
        if s.slot_component[s.active_rows[p[h]]] == c:
            z = s.square_work[count]
            null_vector(s.wide_work, m, p, rank, h - rank, z)
            for i in range(m):
                if abs(z[i]) <= 1e-12:
                    z[i] = 0.0
                else:
                    apart &= used[i] == 0.0
                    used[i] = 1.0
            pull(s, z, m)
            moves = greatest_at_free_columns(s) > 1e-9
            z[m] = 1.0 if moves else 0.0
            moving += moves
            count += 1
    return count, apart and moving <= 1


@inner
def choose_duals(s, m, rank, rule, scale, unpriced):
    """Move `dual` to the point of the dual face that `rule` names, component by component.

    `unpriced[c]` becomes 1 for a component without a finite end. Returns OK, or FAILED: too many dimensions,
    or rounding.
    """
    served_weights(s)
    for i in range(m):
        line = s.slot_line[s.active_rows[i]]
        s.norm_weight[i] = abs(s.susceptance[line]) if line >= 0 else 0.0
    for c in range(s.components):
        unpriced[c] = 0
        freedom, apart = _directions(s, m, rank, c)
        if freedom == 0:
            continue
        if apart:
            for k in range(freedom):
                found = one_direction(s, m, s.square_work[k], rule, scale)
                if found < 0:
                    return FAILED
                if found == 0:
                    unpriced[c] = 1
        elif freedom > MOST:
            return FAILED
        else:
            reduced_costs(s, m)
            found = _many(s, m, rank, c, freedom, rule, scale)
            if found < 0:
                return FAILED
            unpriced[c] = 1 - found
    return OK


@allocating
def face_rows(s, m, rank, c, d, null, g, h):
    """Inequalities g t ≤ h of the face of component c in the coordinates of its null vectors."""
    n = s.columns
    p = s.row_order
    at = 0
    for q in range(rank, m):
        if s.slot_component[s.active_rows[p[q]]] == c:
            for i in range(m):
                null[at, i] = 0.0
            null_vector(s.wide_work, m, p, rank, q - rank, null[at])
            at += 1
    parts = np.zeros((d, n))
    for k in range(d):
        add_rows(parts[k], n, s.matrix, s.active_rows, null[k], m, 1.0)
    x = s.dispatch
    count = 0
    for j in range(n):
        if s.column_component[j] == c and s.upper[j] > s.lower[j]:
            sign = 1.0 if x[j] == s.lower[j] else (-1.0 if x[j] == s.upper[j] else 0.0)
            if sign != 0.0:
                length = 0.0
                for k in range(d):
                    g[count, k] = sign * parts[k, j]
                    length += parts[k, j] ** 2
                h[count] = sign * s.reduced_cost[j]
                if length > 1e-18:
                    length = length**0.5
                    for k in range(d):
                        g[count, k] /= length
                    h[count] /= length
                    count += 1
    for i in range(m):
        side = s.active_side[i]
        if side != 0:
            length = 0.0
            for k in range(d):
                g[count, k] = side * null[k, i]
                length += null[k, i] ** 2
            if length > 1e-18:
                length = length**0.5
                for k in range(d):
                    g[count, k] /= length
                h[count] = -side * s.dual[i] / length
                count += 1
    return count


@allocating
def _many(s, m, rank, c, d, rule, scale):
    """The same for two and more degrees of freedom in component c: 1 priced, 0 no end is finite, −1 failed."""
    n = s.columns
    null = np.zeros((d, m))
    g = np.empty((n + m, d))
    h = np.empty(n + m)
    count = face_rows(s, m, rank, c, d, null, g, h)
    tol = 1e-9 * scale
    gain = np.empty(d)
    cost = np.empty(d)
    size = 0.0
    for k in range(d):
        gain[k], part = price_gain(s, null[k], m)
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
                s.dual[i] += t * null[k, i]
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
        line = s.slot_line[s.active_rows[i]]
        if line < 0:
            continue
        now = s.dual[i]
        for k in range(d):
            now += t[k] * null[k, i]
        w = abs(s.susceptance[line])
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
