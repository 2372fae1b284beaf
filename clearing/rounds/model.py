"""The best duals of a quadratic model of the dual function, every line's dual on its side of zero.

Most of gᵀd − ½ dᵀHd over steps d from the duals y, where lines keep the sign of their side: Lawson and
Hanson's method for nonnegative least squares (1974) on a tableau in which a row enters or leaves by one sweep.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, summing
from clearing.rounds.fields import (
    ACT,
    PERM,
    REST,
    TIEROWS,
    TIESIDES,
    TMP,
    TMP2,
    VEC,
    VEC3,
    XB,
    Y,
)  # fmt: skip

WIDE = 8  # numbers worked on together; there is room for a multiple of so many rows
SOFT = 1e-11  # relative regularisation: a direction without curvature goes straight to a kink


@summing
def products(a, rows, chosen, weight, f, packed, scaled, out, m):
    """out = Σ weight_t a_t a_tᵀ over the f chosen columns, on and below the diagonal."""
    for i in range(m):
        mine = a[rows[i]]
        own = packed[i]
        for t in range(f):
            own[t] = mine[chosen[t]]
        for t in range(f):
            scaled[t] = weight[t] * own[t]
        for k in range(i + 1):
            other = packed[k]
            total = 0.0
            for t in range(f):
                total += scaled[t] * other[t]
            out[i, k] = total


@merged
def curvature(s, f, m):
    """work = Σ weight_j A_j A_jᵀ over the f listed columns and a little on the diagonal; row[REST] behind it."""
    work = s.work
    products(s.a, s.irow[TIEROWS], s.irow[ACT], s.col[TMP], f, s.wide, s.col[TMP2], work, m)
    wide = (m + WIDE) // WIDE * WIDE
    top = 0.0
    for i in range(m):
        top = max(top, work[i, i])
    for i in range(m):
        d = work[i, i]
        if d <= 1e-12 * top:
            d = top if top > 0.0 else 1.0
        work[i, i] += SOFT * d
        for k in range(i):
            work[k, i] = work[i, k]
        work[i, m] = s.row[REST, i]
        for k in range(m + 1, wide):
            work[i, k] = 0.0


@inner
def sweep(work, p, m, own, sign):
    """Row p into (sign 1) or out of (−1) the solved ones; column m is the right-hand side."""
    wide = (m + WIDE) // WIDE * WIDE
    inverse = 1.0 / work[p, p]
    for k in range(wide):
        own[k] = work[p, k] * inverse
    own[p] = 1.0 - sign * inverse  # leaves sign · f / pivot in the column
    for i in range(m):
        if i != p:
            mine = work[i]
            f = mine[p]
            for k in range(wide):
                mine[k] -= f * own[k]
    mine = work[p]
    for k in range(wide):
        mine[k] = sign * own[k]
    mine[p] = -inverse


@merged
def best_duals(s, m):
    """row[VEC] = the step to the best duals of the model; returns the dual function's rate of growth along it."""
    work = s.work
    g = s.row[REST]
    y = s.row[XB]
    way = s.row[VEC]
    shift = s.row[Y]
    own = s.row[VEC3]
    sides = s.irow[TIESIDES]
    solved = s.irow[PERM]
    most = 0.0
    for i in range(m):
        way[i] = 0.0
        shift[i] = 0.0
        solved[i] = 0
        most = max(most, abs(g[i]))
        if sides[i] == 0 or y[i] != 0.0:
            sweep(work, i, m, own, 1.0)
            solved[i] = 1
    for _ in range(4 * m + 10):
        # as far towards the solution of the present rows as all signs allow
        at = -1
        step = 1.0
        for i in range(m):
            if solved[i] == 1 and sides[i] != 0:
                now = y[i] + way[i]
                goal = y[i] + shift[i] + work[i, m]
                if sides[i] * goal > 0.0:
                    t = now / (now - goal) if now != goal else 0.0
                    t = min(max(t, 0.0), 1.0)
                    if at < 0 or t < step:
                        step = t
                        at = i
        for i in range(m):
            goal = shift[i] + work[i, m] if solved[i] == 1 else shift[i]
            way[i] += step * (goal - way[i])
        if at >= 0:
            way[at] = -y[at]
            sweep(work, at, m, own, -1.0)
            solved[at] = 0
            change = -y[at] - shift[at]
            if change != 0.0:
                for i in range(m):
                    work[i, m] -= work[i, at] * change
                shift[at] = -y[at]
            continue
        # a line at zero that should pull
        worst = 1e-9 * most
        for i in range(m):
            if solved[i] == 0 and -sides[i] * work[i, m] > worst:
                worst = -sides[i] * work[i, m]
                at = i
        if at < 0:
            break
        sweep(work, at, m, own, 1.0)
        solved[at] = 1
    rate = 0.0
    for i in range(m):
        rate += g[i] * way[i]
    return rate
