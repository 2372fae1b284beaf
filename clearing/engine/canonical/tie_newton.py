"""Separable strictly convex programs by Newton steps on the duals of the few active rows.

Least Σ cost x + ½ curve x² over boxes, balance rows and line limits, every curve > 0. Used for
law 4's least sum of squares on the optimal face. The dual function is
concave and piecewise quadratic, x_j(y) = clip((A_jᵀy − cost_j) / curve_j); Newton steps with an
exact line search end after finitely many. Limits may only pull their way: the dual of a line is
≤ 0 at its upper limit, ≥ 0 at its lower one, and a step stops where it would change sign.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, reduction
from clearing.engine.linalg.dense import add_rows, dot
from clearing.engine.memory.statuses import GROW_ROWS, INFEASIBLE, OK, STALLED


@inner
def respond(x, u, cost, inverse, low, high, n):
    """x = clip((u − cost) · inverse, low, high)."""
    for j in range(n):
        v = (u[j] - cost[j]) * inverse[j]
        v = max(low[j], v)
        x[j] = min(high[j], v)


@reduction
def slope_at(t, u, v, cost, inverse, low, high, n):
    """Σ v_j x_j(u + t v): how the dual function's slope along v depends on the columns."""
    total = 0.0
    for j in range(n):
        x = (u[j] + t * v[j] - cost[j]) * inverse[j]
        x = min(high[j], max(low[j], x))
        total += v[j] * x
    return total


@reduction
def curvature(r, q, keep, n):
    """Σ r_j q_j keep_j."""
    total = 0.0
    for j in range(n):
        total += r[j] * q[j] * keep[j]
    return total


@inner
def _direction(h, g, free, count, out):
    """Solve the free rows' regularised system by Cholesky; out = 0 on the other rows."""
    for a in range(count):
        i = free[a]
        for b in range(a + 1):
            v = h[i, free[b]] if i >= free[b] else h[free[b], i]
            for c in range(b):
                v -= h[a + h.shape[0] // 2, c] * h[b + h.shape[0] // 2, c]
            if a == b:
                h[a + h.shape[0] // 2, a] = max(v, 1e-300) ** 0.5
            else:
                h[a + h.shape[0] // 2, b] = v / h[b + h.shape[0] // 2, b]
    o = h.shape[0] // 2
    for a in range(count):
        v = g[free[a]]
        for c in range(a):
            v -= h[a + o, c] * out[c]
        out[a] = v / h[a + o, a]
    for a in range(count - 1, -1, -1):
        v = out[a]
        for c in range(a + 1, count):
            v -= h[c + o, a] * out[c]
        out[a] = v / h[a + o, a]


@inner
def newton_on_face(s, n, rows, sides, m, y, inverse, tol, limit):
    """Solve on the rows `rows[:m]` (slots), growing the list by hot lines that are exceeded.

    `sides` 0 marks equalities, anything else a limit with a sign; y is start and result. Columns:
    `working_cost`, `inverse` = 1/curve (0 for a fixed column), `working_lower`, `working_upper`, `dispatch`.
    Returns (status, number of rows).
    """
    x = s.dispatch
    cost = s.working_cost
    low = s.working_lower
    high = s.working_upper
    u = s.tie.column_price
    v = s.tie.price_rate
    keep = s.tie.free_curvature
    g = s.tie.gradient
    step = s.tie.dual_step
    whole = s.tie.dual_direction
    free = s.tie.free_rows
    h = s.square_work
    for _ in range(limit):
        for j in range(n):
            u[j] = 0.0
        add_rows(u, n, s.matrix, rows, y, m, 1.0)
        respond(x, u, cost, inverse, low, high, n)
        count = 0
        worst = 0.0
        for i in range(m):
            t = rows[i]
            f = s.base_flow[t] + dot(s.matrix[t], x, n)
            if sides[i] == 0:
                g[i] = s.flow_lower[t] - f
            elif y[i] < 0.0:
                g[i] = s.flow_upper[t] - f
            elif y[i] > 0.0:
                g[i] = s.flow_lower[t] - f
            else:
                g[i] = min(s.flow_upper[t] - f, 0.0) + max(s.flow_lower[t] - f, 0.0)
            if sides[i] == 0 or y[i] != 0.0 or g[i] != 0.0:
                free[count] = i
                count += 1
            worst = max(worst, abs(g[i]))
        if worst <= tol:
            # other remembered lines
            at = -1
            most = tol
            for t in range(s.balances, s.slots):
                if s.heat[t] > 0:
                    known = False
                    for i in range(m):
                        known |= rows[i] == t
                    if not known:
                        f = s.base_flow[t] + dot(s.matrix[t], x, n)
                        over = max(f - s.flow_upper[t], s.flow_lower[t] - f)
                        if over > most:
                            most = over
                            at = t
            if at < 0:
                return OK, m
            if m >= s.row_capacity:
                return GROW_ROWS, m
            rows[m] = at
            sides[m] = 1
            y[m] = 0.0
            m += 1
            continue
        total = 0.0
        for j in range(n):
            raw = (u[j] - cost[j]) * inverse[j]
            keep[j] = inverse[j] if low[j] <= raw and raw <= high[j] else 0.0
            total += inverse[j]
        while True:
            for a in range(count):
                i = free[a]
                for b in range(a + 1):
                    q = free[b]
                    c = curvature(s.matrix[rows[i]], s.matrix[rows[q]], keep, n)
                    h[max(i, q), min(i, q)] = c
                h[i, i] += 1e-12 * h[i, i] + 1e-10 * total / n
            _direction(h, g, free, count, step)
            # a limit at zero dual must move the way its excess asks for
            wrong = -1
            for a in range(count):
                i = free[a]
                if sides[i] != 0 and y[i] == 0.0 and step[a] * g[i] < 0.0:
                    wrong = a
            if wrong < 0:
                break
            count -= 1
            for a in range(wrong, count):
                free[a] = free[a + 1]
        for i in range(m):
            whole[i] = 0.0
        top = 1e300
        block = -1
        base = 0.0
        for a in range(count):
            i = free[a]
            whole[i] = step[a]
            t = rows[i]
            f = s.base_flow[t]
            side = y[i] if y[i] != 0.0 else step[a]
            if sides[i] == 0:
                bound = s.flow_lower[t]
            else:
                bound = s.flow_upper[t] if side < 0.0 else s.flow_lower[t]
                if y[i] * step[a] < 0.0 and -y[i] / step[a] < top:
                    top = -y[i] / step[a]
                    block = i
            base += step[a] * (bound - f)
        for j in range(n):
            v[j] = 0.0
        add_rows(v, n, s.matrix, rows, whole, m, 1.0)
        # exact line search: root of the decreasing, piecewise linear slope
        start = base - slope_at(0.0, u, v, cost, inverse, low, high, n)
        if not start > 0.0:
            return STALLED, m
        t1 = min(1.0, top)
        end = base - slope_at(t1, u, v, cost, inverse, low, high, n)
        t0 = 0.0
        d0 = start
        tries = 0
        while end > 1e-9 * start and t1 < top and tries < 200:
            t0 = t1
            d0 = end
            t1 = min(4.0 * t1, top)
            end = base - slope_at(t1, u, v, cost, inverse, low, high, n)
            tries += 1
            if t1 > 1e18:
                return INFEASIBLE, m
        take = t1
        if end < -1e-9 * start:
            for q in range(60):
                t = t0 + (t1 - t0) * d0 / (d0 - end) if q % 3 < 2 else 0.5 * (t0 + t1)
                d = base - slope_at(t, u, v, cost, inverse, low, high, n)
                take = t
                if abs(d) <= 1e-9 * start:
                    break
                if d > 0.0:
                    t0 = t
                    d0 = d
                else:
                    t1 = t
                    end = d
        for i in range(m):
            if whole[i] != 0.0:
                y[i] += take * whole[i]
        if take == top and block >= 0:
            y[block] = 0.0
    return STALLED, m
