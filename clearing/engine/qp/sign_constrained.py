"""The best duals of a quadratic model of the dual function, every line's dual on its side of zero.

Most of gᵀd − ½ dᵀHd over steps d from the duals y, where lines keep the sign of their side: Lawson and
Hanson's method for nonnegative least squares (1974) on a tableau in which a row enters or leaves by one
sweep.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged
from clearing.engine.linalg.dense import four_products, product
from clearing.engine.linalg.simd import LANES, load, load_at, splat, store, store_at

SOFT = 1e-11  # relative regularisation: a direction without curvature goes straight to a kink


@inner
def products(a, rows, chosen, weight, f, packed, scaled, out, m):
    """out = Σ weight_t a_t a_tᵀ over the f chosen columns (in whole vectors), on and below the diagonal."""
    for i in range(m):
        mine = a[rows[i]]
        own = packed[i]
        for t in range(f):
            own[t] = mine[chosen[t]]
        for t in range(0, f, LANES):
            store(scaled, t, load(weight, t) * load(own, t))
        k = 0
        while k + 4 <= i + 1:
            out[i, k], out[i, k + 1], out[i, k + 2], out[i, k + 3] = four_products(
                packed, k, k + 1, k + 2, k + 3, scaled, f
            )
            k += 4
        while k <= i:
            out[i, k] = product(scaled, packed[k], f)
            k += 1


@merged
def curvature(s, f, m, far):
    """work = Σ weight_j A_j A_jᵀ over the f listed columns and a little on the diagonal; `qp.imbalance`
    behind it.

    A line that hardly any of these columns feels gets more, so that by itself it asks its dual to move by no
    more than `far`: else the step, cut short at the first kinks, would have nothing left for the other rows.
    Returns whether there is such a line.
    """
    work = s.square_work
    products(
        s.matrix,
        s.qp.row_slot,
        s.qp.chosen,
        s.qp.packed_curvature,
        f,
        s.wide_work,
        s.qp.packed_scaled,
        work,
        m,
    )
    wide = (m + LANES) // LANES * LANES
    held_back = False
    top = 0.0
    for i in range(m):
        top = max(top, work[i, i])
    for i in range(m):
        d = work[i, i]
        if d <= 1e-12 * top:
            d = top if top > 0.0 else 1.0
        work[i, i] += SOFT * d
        if s.qp.row_side[i] != 0:
            firm = abs(s.qp.imbalance[i]) / far
            if work[i, i] < firm:
                work[i, i] = firm
                held_back = True
        for k in range(i):
            work[k, i] = work[i, k]
        work[i, m] = s.qp.imbalance[i]
        for k in range(m + 1, wide):
            work[i, k] = 0.0
    return held_back


@inner
def sweep(work, p, m, own, column, sign):
    """Row p into (sign 1) or out of (−1) the solved ones; column m is the right-hand side."""
    inverse = 1.0 / work[p, p]
    for i in range(m):
        column[i] = work[i, p]
    column[p] = 0.0
    scale = splat(inverse)
    for b in range(0, m + 1, LANES):
        store(own, b, scale * load_at(work, p, b))
    own[p] = 1.0 - sign * inverse  # leaves sign · f / pivot in the column
    turned = splat(sign)
    for b in range(0, m + 1, LANES):
        mine = load(own, b)
        for i in range(m):
            store_at(work, i, b, load_at(work, i, b) - splat(column[i]) * mine)
        store_at(work, p, b, turned * mine)
    work[p, p] = -inverse


@merged
def best_duals(s, m):
    """`qp.dual_direction` = the step to the best duals of the model; returns the dual function's rate of
    growth along it.
    """
    work = s.square_work
    g = s.qp.imbalance
    y = s.qp.row_dual
    way = s.qp.dual_direction
    shift = s.qp.dual_shift
    own = s.qp.sweep_row
    column = s.qp.sweep_column
    sides = s.qp.row_side
    solved = s.qp.is_solved
    most = 0.0
    for i in range(m):
        way[i] = 0.0
        shift[i] = 0.0
        solved[i] = 0
        most = max(most, abs(g[i]))
        if sides[i] == 0 or y[i] != 0.0:
            sweep(work, i, m, own, column, 1.0)
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
            sweep(work, at, m, own, column, -1.0)
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
        sweep(work, at, m, own, column, 1.0)
        solved[at] = 1
    rate = 0.0
    for i in range(m):
        rate += g[i] * way[i]
    return rate
