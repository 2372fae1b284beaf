"""Small dense building blocks: rows times coefficients, and eliminations with rank."""

from __future__ import annotations

from clearing.rounds.compiled import greater, inner, merged, reduction, summing
from clearing.rounds.lanes import LANES, load, load_at, splat, store, store_at, total


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


@inner
def combine(w, weight, k, out):
    """out_r = Σ_i weight_i · w[i, r] for i < k (also some places from k on, unused)."""
    for b in range(0, k, LANES):
        sums = splat(0.0)
        for i in range(k):
            sums = sums + splat(weight[i]) * load_at(w, i, b)
        store(out, b, sums)


@merged
def combine_square(w, weight, k, out, norm):
    """The same, and norm_r = Σ_i w[i, r]²."""
    for b in range(0, k, LANES):
        sums = splat(0.0)
        squares = splat(0.0)
        for i in range(k):
            mine = load_at(w, i, b)
            sums = sums + splat(weight[i]) * mine
            squares = squares + mine * mine
        store(out, b, sums)
        store(norm, b, squares)


@inner
def add_product(w, f, u, k):
    """w[i, r] += f_i · u_r for i < k in the same way."""
    for b in range(0, k, LANES):
        column = load(u, b)
        for i in range(k):
            store_at(w, i, b, load_at(w, i, b) + splat(f[i]) * column)


@inner
def sum_rows(out, n, matrix, index, weight, count):
    """out = Σ_i weight_i · matrix[index_i]; n counts in full widths."""
    j = 0
    while j + 4 * LANES <= n:
        a = b = c = d = splat(0.0)
        for i in range(count):
            f = splat(weight[i])
            row = index[i]
            a = a + f * load_at(matrix, row, j)
            b = b + f * load_at(matrix, row, j + LANES)
            c = c + f * load_at(matrix, row, j + 2 * LANES)
            d = d + f * load_at(matrix, row, j + 3 * LANES)
        store(out, j, a)
        store(out, j + LANES, b)
        store(out, j + 2 * LANES, c)
        store(out, j + 3 * LANES, d)
        j += 4 * LANES
    while j < n:
        a = splat(0.0)
        for i in range(count):
            a = a + splat(weight[i]) * load_at(matrix, index[i], j)
        store(out, j, a)
        j += LANES


@inner
def row_products(out, n, matrix, index, count, x):
    """out_i = matrix[index_i] · x, in one order of additions whatever the rows; n counts in full widths."""
    i = 0
    while i + 4 <= count:
        ia = index[i]
        ib = index[i + 1]
        ic = index[i + 2]
        id_ = index[i + 3]
        a = b = c = d = splat(0.0)
        for j in range(0, n, LANES):
            v = load(x, j)
            a = a + load_at(matrix, ia, j) * v
            b = b + load_at(matrix, ib, j) * v
            c = c + load_at(matrix, ic, j) * v
            d = d + load_at(matrix, id_, j) * v
        out[i] = total(a)
        out[i + 1] = total(b)
        out[i + 2] = total(c)
        out[i + 3] = total(d)
        i += 4
    while i < count:
        out[i] = product(matrix[index[i]], x, n)
        i += 1


@inner
def product(a, x, n):
    """a · x by the same order of additions."""
    sums = splat(0.0)
    for j in range(0, n, LANES):
        sums = sums + load(a, j) * load(x, j)
    return total(sums)


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
