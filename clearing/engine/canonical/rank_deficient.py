"""Dispatch and duals of an active set that does not determine both: ranks, least norms, null spaces."""

from __future__ import annotations

from clearing.engine.canonical.active_set import RANK
from clearing.engine.compilation.decorators import inner, merged
from clearing.engine.linalg.dense import lower_solve, pivot_range, upper_solve


@inner
def decompose(s, rows, m, cols, f, p, q):
    """P·A·Q = L·U of the active rows and interior columns in `wide_work`, link columns first.

    Links come first in the elimination, because law 4 settles orders before links.
    Returns (rank of the link columns, rank).
    """
    a = s.wide_work
    for i in range(m):
        p[i] = i
    links = 0
    for t in range(f):
        if s.kind[cols[t]] == 0:
            q[links] = t
            links += 1
    at = links
    for t in range(f):
        if s.kind[cols[t]] != 0:
            q[at] = t
            at += 1
    most = 1.0  # MW of flow per MW: alone, a link that no line feels would have but rounding for a pivot
    for i in range(m):
        for t in range(f):
            v = s.matrix[rows[i], cols[q[t]]]
            a[i, t] = v
            most = max(most, abs(v))
    floor = RANK * most
    of_links = pivot_range(a, m, f, 0, 0, links, p, q, floor)
    return of_links, pivot_range(a, m, f, of_links, 0, f, p, q, floor)


@merged
def weight(s, j):
    """Inverse weight of column j in law 4's sum of squares: offered MW (either way), range of a link."""
    low = s.lower[j]
    high = s.upper[j]
    return high - low if s.kind[j] == 0 else max(high, -low)


@inner
def least_norm(s, a, first, last, f, q, cols, links, right, out):
    """Least Σ x²/weight over the order (or link) columns with a[first:last] · x = right."""
    g = s.square_work
    k = last - first
    pi = s.canonical.half_solved
    for t in range(f):
        if (s.kind[cols[q[t]]] == 0) == links:
            out[t] = 0.0
    for i in range(k):
        for h in range(i + 1):
            total = 0.0
            for t in range(f):
                j = cols[q[t]]
                if (s.kind[j] == 0) == links:
                    total += a_entry(a, first + i, t) * a_entry(a, first + h, t) * weight(s, j)
            g[i, h] = total
            g[h, i] = total
    for i in range(k):  # Cholesky, in the lower triangle
        for h in range(i + 1):
            v = g[i, h]
            for c in range(h):
                v -= g[i, c] * g[h, c]
            g[i, h] = v**0.5 if h == i else v / g[h, h]
    for _ in range(3):  # refinement: the normal equations square the condition number
        for i in range(k):
            v = right[first + i]
            for t in range(f):
                if (s.kind[cols[q[t]]] == 0) == links:
                    v -= a_entry(a, first + i, t) * out[t]
            for c in range(i):
                v -= g[i, c] * pi[c]
            pi[i] = v / g[i, i]
        for i in range(k - 1, -1, -1):
            v = pi[i]
            for c in range(i + 1, k):
                v -= g[c, i] * pi[c]
            pi[i] = v / g[i, i]
        for t in range(f):
            j = cols[q[t]]
            if (s.kind[j] == 0) == links:
                v = 0.0
                for i in range(k):
                    v += a_entry(a, first + i, t) * pi[i]
                out[t] += weight(s, j) * v


@inner
def a_entry(a, i, t):
    """Entry of U: below the diagonal `a` stores L."""
    return a[i, t] if t >= i else 0.0


@inner
def solve_dispatch(s, cols, m, f, p, q, of_links, rank, out):
    """X of the interior columns `cols` from `canonical.right_side`; free choices by law 4's least norm."""
    a = s.wide_work
    z = s.canonical.reduced_right
    lower_solve(a, p, s.canonical.right_side, z, rank)
    if f > rank:
        least_norm(s, a, of_links, rank, f, q, cols, False, z, out)
        for i in range(of_links):
            for t in range(i, f):
                if s.kind[cols[q[t]]] != 0:
                    z[i] -= a[i, t] * out[t]
        least_norm(s, a, 0, of_links, f, q, cols, True, z, out)  # 0 for a link that no row feels
    else:
        upper_solve(a, z, out, rank)
    for t in range(f):
        s.dispatch[cols[q[t]]] = out[t]


@inner
def solve_duals(s, cols, m, p, q, rank, y):
    """A particular dual with zero reduced cost at the interior columns; free rows get 0."""
    u = s.canonical.half_solved
    for t in range(rank):
        j = cols[q[t]]
        u[t] = s.cost[j] + s.slope[j] * s.dispatch[j]
    combine_pivots(s.wide_work, p, m, rank, u, y)


@inner
def combine_pivots(a, p, m, rank, u, y):
    """y with Aᵀy = u at the pivot columns; rows without a pivot get 0. Leaves y of the others in u."""
    for t in range(rank):
        v = u[t]
        for i in range(t):
            v -= a[i, t] * u[i]
        u[t] = v / a[t, t]
    for i in range(rank - 1, -1, -1):
        v = u[i]
        for k in range(i + 1, rank):
            v -= a[k, i] * u[k]
        u[i] = v
    for i in range(m):
        y[p[i]] = u[i] if i < rank else 0.0


@inner
def null_vector(a, m, p, rank, free, out):
    """Row combination number `free` (0 … m − rank − 1) that vanishes on the interior columns."""
    h = rank + free
    for i in range(rank - 1, -1, -1):
        v = -a[h, i]
        for k in range(i + 1, rank):
            v -= a[k, i] * out[p[k]]
        out[p[i]] = v
    for i in range(rank, m):
        out[p[i]] = 0.0
    out[p[h]] = 1.0


@inner
def solve_sloped_columns(s, m, f, steps):
    """Dispatch of the interior columns with a slope, from the equations of the active set.

    Unknowns are the duals y and the independent step columns x₁, the first `steps` in `canonical.held`:
    A₂S₂⁻¹A₂ᵀ y + A₁x₁ = b + A₂S₂⁻¹c₂ and A₁ᵀy = c₁, with index 2 for columns with a slope.
    Writes X of those, and takes their flows off `canonical.right_side`.
    """
    cols = s.interior_columns
    rows = s.active_rows
    a = s.square_work
    size = m
    scale = 0.0
    for i in range(m):
        for k in range(m):
            a[i, k] = 0.0
    for t in range(f):
        j = cols[t]
        if s.slope[j] > 0.0:
            w = 1.0 / s.slope[j]
            for i in range(m):
                v = w * s.matrix[rows[i], j]
                for k in range(m):
                    a[i, k] += v * s.matrix[rows[k], j]
                s.canonical.right_side[i] += v * s.cost[j]
    for i in range(m):
        scale = max(scale, abs(a[i, i]))
    if scale == 0.0:
        scale = 1.0
    for i in range(m):
        s.canonical.equation_right[i] = s.canonical.right_side[i] / scale
        for k in range(m):
            a[i, k] /= scale
    for h in range(steps):
        j = s.canonical.held[h]
        for i in range(m):
            a[i, size] = s.matrix[rows[i], j]
            a[size, i] = s.matrix[rows[i], j]
        for k in range(m, size + 1):
            a[k, size] = 0.0
            a[size, k] = 0.0
        s.canonical.equation_right[size] = s.cost[j]
        size += 1
    p = s.row_order
    q = s.column_order
    for i in range(size):
        p[i] = i
        q[i] = i
    rank = pivot_range(a, size, size, 0, 0, size, p, q, 1e-11)
    z = s.canonical.equation_solution
    right = s.canonical.equation_right
    lower_solve(a, p, right, z, rank)
    upper_solve(a, z, z, rank)
    for i in range(size):
        if q[i] < m:
            s.dual[q[i]] = z[i] if i < rank else 0.0
    for t in range(f):
        j = cols[t]
        if s.slope[j] > 0.0:
            v = -s.cost[j]
            for i in range(m):
                v += s.matrix[rows[i], j] * s.dual[i]
            s.dispatch[j] = v / s.slope[j]
    # right-hand sides again, sloped columns' dispatch taken off
    for i in range(m):
        for t in range(f):
            j = cols[t]
            if s.slope[j] > 0.0:
                s.canonical.right_side[i] -= s.matrix[rows[i], j] * (s.dispatch[j] + s.cost[j] / s.slope[j])
