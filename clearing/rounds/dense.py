"""Small dense building blocks: rows times coefficients, and eliminations with rank."""

from __future__ import annotations

import numpy as np

from clearing.rounds.compiled import greater, inner, merged, reduction, summing

WIDE = 8  # the work arrays of the basis have room for a multiple of so many rows


@summing
def dot(a, b, n):
    """Σ a_j b_j over the first n entries."""
    total = 0.0
    for j in range(n):
        total += a[j] * b[j]
    return total


@reduction
def largest(a, n):
    """max |a_j| over the first n entries."""
    best = 0.0
    for j in range(n):
        best = greater(best, abs(a[j]))
    return best


@inner
def add_rows(out, n, matrix, index, weight, count, sign):
    """out += sign · Σ_i weight_i · matrix[index_i], four rows at a time to spare memory traffic."""
    i = 0
    while i + 4 <= count:
        a = sign * weight[i]
        b = sign * weight[i + 1]
        c = sign * weight[i + 2]
        d = sign * weight[i + 3]
        ra = matrix[index[i]]
        rb = matrix[index[i + 1]]
        rc = matrix[index[i + 2]]
        rd = matrix[index[i + 3]]
        for j in range(n):
            out[j] += a * ra[j] + b * rb[j] + c * rc[j] + d * rd[j]
        i += 4
    while i < count:
        a = sign * weight[i]
        ra = matrix[index[i]]
        for j in range(n):
            out[j] += a * ra[j]
        i += 1


@merged
def combine(w, weight, k, out):
    """out_r = Σ_i weight_i · w[i, r] for i < k, eight places at a time (also those from k on, unused)."""
    for b in range(0, k, WIDE):
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = 0.0
        for i in range(k):
            mine = w[i]
            f = weight[i]
            c0 += f * mine[b]
            c1 += f * mine[b + 1]
            c2 += f * mine[b + 2]
            c3 += f * mine[b + 3]
            c4 += f * mine[b + 4]
            c5 += f * mine[b + 5]
            c6 += f * mine[b + 6]
            c7 += f * mine[b + 7]
        out[b], out[b + 1], out[b + 2], out[b + 3] = c0, c1, c2, c3
        out[b + 4], out[b + 5], out[b + 6], out[b + 7] = c4, c5, c6, c7


@merged
def square(w, k, out):
    """out_r = Σ_i w[i, r]² in the same way."""
    for b in range(0, k, WIDE):
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = 0.0
        for i in range(k):
            mine = w[i]
            c0 += mine[b] * mine[b]
            c1 += mine[b + 1] * mine[b + 1]
            c2 += mine[b + 2] * mine[b + 2]
            c3 += mine[b + 3] * mine[b + 3]
            c4 += mine[b + 4] * mine[b + 4]
            c5 += mine[b + 5] * mine[b + 5]
            c6 += mine[b + 6] * mine[b + 6]
            c7 += mine[b + 7] * mine[b + 7]
        out[b], out[b + 1], out[b + 2], out[b + 3] = c0, c1, c2, c3
        out[b + 4], out[b + 5], out[b + 6], out[b + 7] = c4, c5, c6, c7


@merged
def add_product(w, f, u, k):
    """w[i, r] += f_i · u_r for i < k in the same way."""
    for b in range(0, k, WIDE):
        u0, u1, u2, u3 = u[b], u[b + 1], u[b + 2], u[b + 3]
        u4, u5, u6, u7 = u[b + 4], u[b + 5], u[b + 6], u[b + 7]
        for i in range(k):
            mine = w[i]
            v = f[i]
            m0 = mine[b] + v * u0
            m1 = mine[b + 1] + v * u1
            m2 = mine[b + 2] + v * u2
            m3 = mine[b + 3] + v * u3
            m4 = mine[b + 4] + v * u4
            m5 = mine[b + 5] + v * u5
            m6 = mine[b + 6] + v * u6
            m7 = mine[b + 7] + v * u7
            mine[b], mine[b + 1], mine[b + 2], mine[b + 3] = m0, m1, m2, m3
            mine[b + 4], mine[b + 5], mine[b + 6], mine[b + 7] = m4, m5, m6, m7


@inner
def invert(b, w, k):
    """w = b⁻¹ (k × k, b is destroyed) by Gauss-Jordan with row exchanges; False if singular."""
    for i in range(k):
        for j in range(k):
            w[i, j] = 0.0
        w[i, i] = 1.0
    for c in range(k):
        top = c
        best = abs(b[c, c])
        for i in range(c + 1, k):
            if abs(b[i, c]) > best:
                best = abs(b[i, c])
                top = i
        if best < 1e-10:
            return False
        if top != c:
            for j in range(k):
                b[c, j], b[top, j] = b[top, j], b[c, j]
                w[c, j], w[top, j] = w[top, j], w[c, j]
        inverse = 1.0 / b[c, c]
        for j in range(k):
            b[c, j] *= inverse
            w[c, j] *= inverse
        for i in range(k):
            f = b[i, c]
            if i != c and f != 0.0:
                for j in range(k):
                    b[i, j] -= f * b[c, j]
                    w[i, j] -= f * w[c, j]
    return True


@inner
def eliminate(a, m, n, p, q, tolerance):
    """In-place LU of the m × n matrix `a` with complete pivoting; returns the rank.

    Row i of the result is row p[i] of the input, column j is column q[j].
    """
    for i in range(m):
        p[i] = i
    for j in range(n):
        q[j] = j
    first = 0.0
    steps = min(m, n)
    for c in range(steps):
        best = 0.0
        r = c
        s = c
        for i in range(c, m):
            for j in range(c, n):
                if abs(a[i, j]) > best:
                    best = abs(a[i, j])
                    r = i
                    s = j
        if c == 0:
            first = best
        if best <= tolerance * first or best == 0.0:
            return c
        if r != c:
            p[c], p[r] = p[r], p[c]
            for j in range(n):
                a[c, j], a[r, j] = a[r, j], a[c, j]
        if s != c:
            q[c], q[s] = q[s], q[c]
            for i in range(m):
                a[i, c], a[i, s] = a[i, s], a[i, c]
        inverse = 1.0 / a[c, c]
        for i in range(c + 1, m):
            f = a[i, c] * inverse
            a[i, c] = f
            if f != 0.0:
                for j in range(c + 1, n):
                    a[i, j] -= f * a[c, j]
    return steps


@inner
def eliminate_square(a, k, p):
    """In-place LU with row exchanges of a k × k matrix; False where complete pivoting is advisable."""
    for i in range(k):
        p[i] = i
    for c in range(k):
        top = c
        best = abs(a[c, c])
        for i in range(c + 1, k):
            if abs(a[i, c]) > best:
                best = abs(a[i, c])
                top = i
        if best < 1e-6:
            return False
        if top != c:
            p[c], p[top] = p[top], p[c]
            for j in range(k):
                a[c, j], a[top, j] = a[top, j], a[c, j]
        inverse = 1.0 / a[c, c]
        for i in range(c + 1, k):
            f = a[i, c] * inverse
            a[i, c] = f
            if f != 0.0:
                for j in range(np.uint64(c + 1), np.uint64(k)):
                    a[i, j] -= f * a[c, j]
    return True
