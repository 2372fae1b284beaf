"""Bounded dual simplex with bound flipping on balance rows and binding lines .

Every column is boxed, so any basis becomes dual feasible once each nonbasic column stands at the
bound that its reduced cost asks for: the basis of the last round starts phase 2 of this one.

The leaving variable z is a basic column or the flow of an inactive line. In terms of the nonbasic
columns j and of the limits b_i of the active lines, z = const + Σ α_j x_j + Σ g_i b_i, so a limit
enters the ratio test as one more boxed column whose reduced cost is the row's dual y_i.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.grid.candidate_lines import most_exceeded
from clearing.engine.linalg.dense import add_product, combine, combine_square, largest, product
from clearing.engine.linalg.simd import LANES, load_at, splat, store_at
from clearing.engine.lp.basis import remove_row
from clearing.engine.lp.ratio_test import pivot_row, ratio_test, step_along
from clearing.engine.memory.statuses import GROW_ROWS, HOT, INFEASIBLE, OK, REFACTOR, SINGULAR, STALLED

OLD = 50  # pivots after which the inverse is computed afresh


@inner
def dual_simplex(s, tol, tie, limit):
    """Optimal basis of the working set plus hot lines; the caller checks all other lines.

    `tol` [MW] is the primal tolerance, `tie` [$/MWh] the width of a tie of the ratio test, `limit` the number
    of pivots. Returns OK, INFEASIBLE, STALLED, SINGULAR, REFACTOR or GROW_ROWS.
    """
    short_loops()
    n = s.columns
    k = s.basis_size
    rows = s.site_matrix
    sign = s.sign
    site_of = s.column_site
    w = s.basis_inverse
    red = s.reduced_cost
    x = s.dispatch
    alpha = s.lp.pivot_row
    direction = s.lp.move
    low = s.working_lower
    high = s.working_upper
    rest = s.lp.right_side
    xb = s.lp.basic_value
    norm = s.lp.edge_norm
    g = s.lp.pivot_weight
    basic = s.lp.new_row
    u = s.lp.entering_step
    part = s.lp.entering_entry
    act = s.basis_slot
    bas = s.basic_column
    sides = s.basis_side
    least = s.flow_lower
    most = s.flow_upper
    popped = s.lp.passed
    for _ in range(limit):
        if s.inverse_age >= 2 * OLD:
            return REFACTOR
        # leaving variable: largest violation in the norm of the dual steepest edge
        combine_square(w, rest, k, xb, norm)
        best = 0.0
        p = -1
        for r in range(k):
            j = bas[r]
            v = max(low[j] - xb[r], xb[r] - high[j])
            if v > tol and v * v > best * norm[r]:
                best = v * v / norm[r]
                p = r
        new = -1
        flow = 0.0
        if p < 0:
            for r in range(k):
                x[bas[r]] = xb[r]
            new, flow = most_exceeded(s, tol)
            if new < 0:
                return OK
            if k >= w.shape[0]:
                return GROW_ROWS
        if p >= 0:
            value = xb[p]
            sense = 1.0 if value < low[bas[p]] else -1.0
            goal = low[bas[p]] if sense > 0 else high[bas[p]]
            for i in range(k):
                g[i] = w[i, p]
        else:
            value = flow
            sense = 1.0 if flow < least[new] else -1.0
            goal = least[new] if sense > 0 else most[new]
            for r in range(k):
                j = bas[r]
                basic[r] = sign[j] * rows[new, site_of[j]]
            for r in range(k, (k + LANES - 1) // LANES * LANES):
                basic[r] = 0.0
            for i in range(k):
                g[i] = product(w[i], basic, k)
        small = 1e-8 * (1.0 + largest(g, k))
        count = pivot_row(s, k, new, sense, small)
        e, kept, step = ratio_test(s, count, sense, abs(goal - value), tie, tol)
        if e < 0:  # the violation that remains with every column at its best
            if s.inverse_age > 0:
                return REFACTOR
            if step > 1e4 * tol:
                return INFEASIBLE
            if new < 0:
                return SINGULAR
            s.heat[new] = 0.0  # a row that depends on active ones: rounding, and the final check decides
            continue
        s.pivots += 1
        s.bounds_activity_kept = s.injection_kept = 0
        # bound flips of the passed columns and limits
        added = 0.0
        for t in range(kept):
            j = popped[t]
            if j == e:
                continue
            move = direction[j] * (high[j] - low[j])
            direction[j] = -direction[j]
            if j < n:
                x[j] = low[j] if direction[j] > 0.0 else high[j]  # a sum of moves would miss it by a bit
                move *= sign[j]
                site = site_of[j]
                for i in range(k):
                    rest[i] -= rows[act[i], site] * move
                if new >= 0:
                    added += rows[new, site] * move
            else:
                rest[j - n] += move
                sides[j - n] = -sides[j - n]
        step_along(s, -step * sense, k)
        if e < n:  # column e enters: u = B⁻¹ A_e
            site = site_of[e]
            for i in range(k):
                part[i] = sign[e] * rows[act[i], site]
                rest[i] += part[i] * x[e]
            combine(w, part, k, u)
        if p >= 0:
            j = bas[p]
            if e < n:
                pivot = u[p]
                if abs(pivot + alpha[e]) > 1e-6 * abs(pivot) + 1e-9 or abs(pivot) < 1e-9:
                    return REFACTOR if s.inverse_age > 0 else SINGULAR
                leave_basis(s, k, j, goal)
                inverse = 1.0 / pivot
                u[p] -= 1.0  # leaves w[i, p] / pivot in place p
                for i in range(k):
                    part[i] = -w[i, p] * inverse
                add_product(w, part, u, k)
                bas[p] = e
                direction[e] = 0.0
                red[e] = 0.0
            else:
                if abs(w[e - n, p]) < 1e-9:
                    return REFACTOR if s.inverse_age > 0 else SINGULAR
                leave_basis(s, k, j, goal)
                k = remove_row(s, k, e - n, p)
            x[j] = goal
            direction[j] = sense if high[j] > low[j] else 0.0
            red[j] = sense * step
        else:
            # right-hand side of the new row without its basic columns
            load = goal - flow - added
            for r in range(k):
                j = bas[r]
                load += sign[j] * rows[new, site_of[j]] * xb[r]
            side = -1 if sense > 0 else 1
            if least[new] == most[new]:
                side = 0
            if e < n:
                column = sign[e] * rows[new, site_of[e]]
                inner = column
                for i in range(k):
                    inner -= g[i] * part[i]
                if abs(inner) < 1e-9:
                    return REFACTOR if s.inverse_age > 0 else SINGULAR
                inverse = 1.0 / inner
                for i in range(k):
                    part[i] = g[i] * inverse
                add_product(w, part, u, k)
                for i in range(k):
                    w[i, k] = -part[i]
                for r in range(k):
                    w[k, r] = -u[r] * inverse
                w[k, k] = inverse
                load += column * x[e]
                bas[k] = e
                direction[e] = 0.0
                red[e] = 0.0
                i = k
                k += 1
            else:
                i = e - n
                if abs(g[i]) < 1e-9:
                    return REFACTOR if s.inverse_age > 0 else SINGULAR
                inverse = 1.0 / g[i]
                old = w[i]
                for r in range(k):
                    old[r] *= inverse
                for c in range(k):
                    f = splat(g[c])
                    if c != i:
                        for r in range(0, k, LANES):
                            store_at(w, c, r, load_at(w, c, r) - f * load_at(w, i, r))
                s.slot_row[act[i]] = -1
            act[i] = new
            sides[i] = side
            s.slot_row[new] = i
            s.heat[new] = HOT
            rest[i] = load
            red[n + i] = sense * step
            direction[n + i] = -float(side)
            low[n + i] = least[new]
            high[n + i] = most[new]
        s.basis_size = k
        s.inverse_age += 1
    return STALLED


@merged
def leave_basis(s, k, j, mw):
    """Right-hand sides of the rows when column j leaves the basis at `mw`."""
    short_loops()
    site = s.column_site[j]
    move = s.sign[j] * mw
    rest = s.lp.right_side
    act = s.basis_slot
    for i in range(k):
        rest[i] -= s.site_matrix[act[i], site] * move
