"""Small dense linear algebra: products, eliminations and triangular solves."""

from __future__ import annotations

from clearing.engine.compilation.decorators import greater, inner, merged, reduction, summing
from clearing.engine.linalg.simd import LANES, load, load_at, splat, store, store_at, total

REGULAR = 1e-6  # least pivot of equations whose solution is taken for the only one
DEPENDENT = 1e-11  # greatest pivot of a row that depends on others


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


@merged
def four_products(matrix, ia, ib, ic, id_, x, n):
    """Four rows of a matrix · x; n counts in full widths."""
    a = b = c = d = splat(0.0)
    for j in range(0, n, LANES):
        v = load(x, j)
        a = a + load_at(matrix, ia, j) * v
        b = b + load_at(matrix, ib, j) * v
        c = c + load_at(matrix, ic, j) * v
        d = d + load_at(matrix, id_, j) * v
    return total(a), total(b), total(c), total(d)


@inner
def row_products(out, n, matrix, index, count, x):
    """out_i = matrix[index_i] · x, in one order of additions whatever the rows; n counts in full widths."""
    i = 0
    while i + 4 <= count:
        a, b, c, d = four_products(matrix, index[i], index[i + 1], index[i + 2], index[i + 3], x, n)
        out[i] = a
        out[i + 1] = b
        out[i + 2] = c
        out[i + 3] = d
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
def pivot_range(a, m, n, c, first, last, p, q, floor):
    """Complete pivoting from step c with pivots in columns first..last−1; returns the step reached."""
    while c < m:
        best = floor
        r = -1
        t = -1
        for i in range(c, m):
            if last - c >= 16 and not largest(a[i, max(c, first) :], last - max(c, first)) > best:
                continue
            for j in range(max(c, first), last):
                if abs(a[i, j]) > best:
                    best = abs(a[i, j])
                    r = i
                    t = j
        if r < 0:
            return c
        if r != c:
            p[c], p[r] = p[r], p[c]
            for j in range(n):
                a[c, j], a[r, j] = a[r, j], a[c, j]
        if t != c:
            q[c], q[t] = q[t], q[c]
            for i in range(m):
                a[i, c], a[i, t] = a[i, t], a[i, c]
        inverse = 1.0 / a[c, c]
        for i in range(c + 1, m):
            f = a[i, c] * inverse
            a[i, c] = f
            if f != 0.0:
                for j in range(c + 1, n):
                    a[i, j] -= f * a[c, j]
        c += 1
    return c


@inner
def lower_solve(a, p, right, out, r):
    """out = L⁻¹ P right over the first r rows."""
    for i in range(r):
        v = right[p[i]]
        for k in range(i):
            v -= a[i, k] * out[k]
        out[i] = v


@inner
def upper_solve(a, right, out, r):
    """out = U⁻¹ right over the first r rows; the two may be the same."""
    for i in range(r - 1, -1, -1):
        v = right[i]
        for t in range(i + 1, r):
            v -= a[i, t] * out[t]
        out[i] = v / a[i, i]


@inner
def solve_square(a, k, right, floor):
    """right = a⁻¹ right by elimination with row exchanges; False where a pivot is not above `floor`.

    The right-hand side takes part as column k; there is room for whole vectors in every row.
    """
    append(a, k, right)
    for c in range(k):
        top = c
        best = abs(a[c, c])
        for i in range(c + 1, k):
            v = abs(a[i, c])
            if v > best:
                best = v
                top = i
        if not best > floor:
            return False
        first = c // LANES * LANES
        if top != c:
            for b in range(first, k + 1, LANES):
                mine = load_at(a, c, b)
                store_at(a, c, b, load_at(a, top, b))
                store_at(a, top, b, mine)
        inverse = 1.0 / a[c, c]
        for i in range(c + 1, k):
            factor = splat(a[i, c] * inverse)
            for b in range(first, k + 1, LANES):
                store_at(a, i, b, load_at(a, i, b) - factor * load_at(a, c, b))
    for i in range(k):
        right[i] = a[i, k]
    solve_upper(a, k, right)
    return True


@inner
def eliminate_definite(a, m, k, right, part):
    """Elimination without exchanges of [H B; Bᵀ 0], H (m × m) positive semidefinite with a diagonal of 1 or
    0.

    Rows that depend on earlier ones get a row of zeros in U. `a` becomes L and U, column k the right-hand
    side with L taken off; `part` has room for a vector. Returns the least pivot, 0 where one is neither far
    from zero nor zero.
    """
    append(a, k, right)
    least = 1.0
    for c in range(k):
        d = a[c, c] if c < m else -a[c, c]
        if not d > REGULAR:
            if c >= m or not d < DEPENDENT:
                return 0.0
            for j in range(c, k + 1):
                a[c, j] = 0.0
            for i in range(c + 1, k):
                a[i, c] = 0.0
            continue
        least = min(least, d)
        inverse = 1.0 / a[c, c]
        first = c // LANES * LANES
        store(part, 0, load_at(a, c, first))
        for j in range(c - first + 1):  # what stands there stays: factors of this block
            part[j] = 0.0
        pivot = load(part, 0)
        for i in range(c + 1, k):
            ratio = a[i, c] * inverse
            factor = splat(ratio)
            store_at(a, i, first, load_at(a, i, first) - factor * pivot)
            for b in range(first + LANES, k + 1, LANES):
                store_at(a, i, b, load_at(a, i, b) - factor * load_at(a, c, b))
            a[i, c] = ratio
    return least


@inner
def solve_again(a, k, right):
    """right = (L U)⁻¹ right with the factors that :func:`eliminate_definite` has left."""
    for i in range(k):
        v = right[i]
        for j in range(i):
            v -= a[i, j] * right[j]
        right[i] = v
    solve_upper(a, k, right)


@inner
def append(a, k, right):
    """Put `right` behind the k columns, and zeros up to a whole vector."""
    for i in range(k):
        a[i, k] = right[i]
        for j in range(k + 1, (k + LANES) // LANES * LANES):
            a[i, j] = 0.0


@inner
def solve_upper(a, k, right):
    """right = U⁻¹ right, 0 where the diagonal has 0."""
    for i in range(k - 1, -1, -1):
        v = right[i]
        for j in range(i + 1, k):
            v -= a[i, j] * right[j]
        right[i] = v / a[i, i] if a[i, i] != 0.0 else 0.0
