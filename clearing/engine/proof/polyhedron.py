"""Points of a polyhedron in few dimensions: projections, and linear programs by proximal steps."""

from __future__ import annotations

import numpy as np

from clearing.engine.compilation.decorators import allocating

MOST = 32  # dimensions handled here


@allocating
def _combination(basis, d, count, normal, r, z):
    """z = part of `normal` orthogonal to the active normals, r = its coefficients on them."""
    gram = np.empty((MOST, MOST))
    for i in range(count):
        for k in range(count):
            total = 0.0
            for t in range(d):
                total += basis[i, t] * basis[k, t]
            gram[i, k] = total
        total = 0.0
        for t in range(d):
            total += basis[i, t] * normal[t]
        r[i] = total
    for c in range(count):
        top = c
        for i in range(c + 1, count):
            if abs(gram[i, c]) > abs(gram[top, c]):
                top = i
        for k in range(count):
            gram[c, k], gram[top, k] = gram[top, k], gram[c, k]
        r[c], r[top] = r[top], r[c]
        for i in range(c + 1, count):
            f = gram[i, c] / gram[c, c]
            for k in range(c, count):
                gram[i, k] -= f * gram[c, k]
            r[i] -= f * r[c]
    for c in range(count - 1, -1, -1):
        for k in range(c + 1, count):
            r[c] -= gram[c, k] * r[k]
        r[c] /= gram[c, c]
    for t in range(d):
        z[t] = normal[t]
        for i in range(count):
            z[t] -= r[i] * basis[i, t]


@allocating
def project(g, h, d, m, point, tol):
    """Nearest point of {t : g t ≤ h} to `point` (overwritten); rows of g have unit length or are 0.

    Dual active set of Goldfarb and Idnani (1983) for a unit Hessian. Returns True unless the
    polyhedron is empty or rounding stalls.
    """
    basis = np.empty((MOST + 1, MOST))
    normal = np.empty(MOST)
    z = np.empty(MOST)
    r = np.empty(MOST + 1)
    u = np.zeros(MOST + 1)
    which = np.empty(MOST + 1, dtype=np.int64)
    count = 0
    for _ in range(60 * MOST):
        worst = tol
        p = -1
        for c in range(m):
            v = -h[c]
            for t in range(d):
                v += g[c, t] * point[t]
            if v > worst:
                active = False
                for i in range(count):
                    active |= which[i] == c
                if not active:
                    worst = v
                    p = c
        if p < 0:
            return True
        for t in range(d):
            normal[t] = g[p, t]
        excess = worst
        mine = 0.0
        while True:
            _combination(basis, d, count, normal, r, z)
            length = 0.0
            for t in range(d):
                length += z[t] * z[t]
            drop = -1
            first = np.inf
            for i in range(count):
                if r[i] > 1e-12 and u[i] / r[i] < first:
                    first = u[i] / r[i]
                    drop = i
            full = excess / length if length > 1e-14 else np.inf
            step = min(first, full)
            if step == np.inf:
                return False
            if full < np.inf:
                for t in range(d):
                    point[t] -= step * z[t]
                excess -= step * length
            for i in range(count):
                u[i] -= step * r[i]
            mine += step
            if full <= first:
                for t in range(d):
                    basis[count, t] = normal[t]
                u[count] = mine
                which[count] = p
                count += 1
                break
            count -= 1
            for i in range(drop, count):
                u[i] = u[i + 1]
                which[i] = which[i + 1]
                for t in range(d):
                    basis[i, t] = basis[i + 1, t]
    return False


@allocating
def least(g, h, d, m, cost, point, scale, tol):
    """A minimiser of cost·t over {t : g t ≤ h} by proximal steps, which end after finitely many.

    `point` is the start (any point) and the result. Returns 1 optimal, 0 unbounded, −1 failed.
    """
    length = 0.0
    for t in range(d):
        length += cost[t] * cost[t]
    length = length**0.5
    old = np.empty(MOST)
    if not project(g, h, d, m, point, tol):
        return -1
    reach = 100.0 * scale
    for _ in range(40):
        for t in range(d):
            old[t] = point[t]
            point[t] -= reach * cost[t] / length
        if not project(g, h, d, m, point, tol):
            return -1
        moved = 0.0
        size = 0.0
        gain = 0.0
        for t in range(d):
            gain += cost[t] * (old[t] - point[t]) / length
            moved = max(moved, abs(point[t] - old[t]))
            size = max(size, abs(point[t]))
        if size > 1e5 * scale:
            return 0
        if gain <= 10.0 * tol:
            return 1
        if moved > 0.5 * reach:
            reach *= 8.0
    return -1
