"""Programs with slopes by a dual active-set method on balance rows and binding lines.

The dual function of Σ cost x + ½ slope x² over boxes, balance rows and line limits is concave and
piecewise quadratic in the duals y of the rows. Each column looks at its price u_j = A_jᵀy: one with a
slope answers min(max((u_j − cost_j) / slope_j, low_j), high_j); one without stands at the bound that
u_j − cost_j asks for, and has a kink where the two are equal. A limit is a column of its own without
cost: its kink is y = 0, and it flips from one end of the line's range to the other there.

The working set is the rows, the interior sloped columns (implied variables) and the step orders *held*
at their kink (basic variables). One step solves its equations

    [H  A_B] [y  ]   [rest + A_F c_F / s_F]
    [A_Bᵀ 0] [x_B] = [c_B                 ],   H = A_F diag(1/s_F) A_Fᵀ,

and follows the way to the solution through all breakpoints as long as the dual function rises: boxed
columns flip, interior ones settle on bounds or leave them. It may end at a kink, whose column is then
held, or whose line leaves the rows. Where the equations' solution is reached, a held column beyond its
bounds or a line beyond its limits is released. This is Goldfarb and Idnani's dual method (1983) with
bound flips; without slopes it is the bounded dual simplex. Every y is dual feasible, so any old one, and
any old working set, starts a round.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.dense import add_rows, dot, solve_square
from clearing.engine.memory.statuses import GROW_ROWS, HOT, INFEASIBLE, OK, STALLED
from clearing.engine.qp.piecewise_response import (
    AT_HIGH,
    AT_LOW,
    FIXED,
    HELD,
    answer,
    at_bounds,
    follow,
    kinks,
    list_inside,
)
from clearing.engine.qp.working_set_equations import assemble

ROUGH = 1e6  # of the tolerance: imbalances up to this may be rounding errors, which a second solution removes
SOFT = 1e-9  # relative regularisation of H: a direction without curvature goes straight to a kink


@inner
def right_sides(s, n, m):
    """`qp.right_side` = each row's limit less what the columns at bounds contribute."""
    at_bounds(s.dispatch, s.lower, s.upper, s.mode, n)
    for i in range(m):
        t = s.qp.row_slot[i]
        bound = s.flow_lower[t] if s.qp.row_side[i] < 0 else s.flow_upper[t]
        s.qp.right_side[i] = bound - s.base_flow[t] - dot(s.matrix[t], s.dispatch, n)


@inner
def drop_row(s, i, m):
    """Take row i out; the last one moves into its place. Returns m − 1."""
    last = m - 1
    t = s.qp.row_slot[i]
    s.warm_dual[t] = 0.0
    s.slot_row[t] = -1
    s.qp.row_slot[i] = s.qp.row_slot[last]
    s.qp.row_side[i] = s.qp.row_side[last]
    s.qp.row_dual[i] = s.qp.row_dual[last]
    s.qp.right_side[i] = s.qp.right_side[last]
    if i != last:
        s.slot_row[s.qp.row_slot[i]] = i
    return last


@inner
def add_row(s, n, t, side, y, m):
    """Put slot t behind the m rows; X holds the columns at their bounds and 0 for the others."""
    s.qp.row_slot[m] = t
    s.qp.row_side[m] = 0 if s.flow_lower[t] == s.flow_upper[t] else side
    s.qp.row_dual[m] = y
    s.slot_row[t] = m
    s.heat[t] = HOT
    bound = s.flow_lower[t] if side < 0 else s.flow_upper[t]
    s.qp.right_side[m] = bound - s.base_flow[t] - dot(s.matrix[t], s.dispatch, n)


@inner
def dispatch(s, n, m, b, f):
    """X of the columns inside their bounds (at the prices `qp.column_price`) and of the held ones
    (`qp.solution`).
    """
    x = s.dispatch
    for t in range(f):
        j = s.qp.inside[t]
        v = (s.qp.column_price[j] - s.working_cost[j]) * s.qp.inverse_slope[j]
        x[j] = min(max(v, s.lower[j]), s.upper[j])
    for t in range(b):
        x[s.qp.held[t]] = s.qp.solution[m + t]


@inner
def exceeded_lines(s, n, tol):
    """List in `qp.exceeded` the hot slots beside the rows whose limits the dispatch X exceeds, −1 − t where
    it is the lower one. Returns their number.
    """
    x = s.dispatch
    count = 0
    for t in range(s.balances, s.slots):
        if s.heat[t] > 0 and s.slot_row[t] < 0:
            f = s.base_flow[t] + dot(s.matrix[t], x, n)
            if f - s.flow_upper[t] > tol:
                s.qp.exceeded[count] = t
                count += 1
            elif s.flow_lower[t] - f > tol:
                s.qp.exceeded[count] = -1 - t
                count += 1
    return count


@inner
def release_held(s, m, b, tol):
    """Let the held column go that is furthest beyond its bounds. Returns how many stay held."""
    held = s.qp.held
    value = s.qp.solution
    worst = tol
    at = -1
    for t in range(b):
        j = held[t]
        over = max(value[m + t] - s.upper[j], s.lower[j] - value[m + t])
        if over > worst:
            worst = over
            at = t
    if at < 0:
        return b
    j = held[at]
    above = value[m + at] > s.upper[j]
    s.mode[j] = AT_HIGH if above else AT_LOW
    bound = s.upper[j] if above else s.lower[j]
    for i in range(m):
        s.qp.right_side[i] -= s.matrix[s.qp.row_slot[i], j] * bound
    held[at] = held[b - 1]
    return b - 1


@inner
def price_columns(s, n, m):
    """`qp.column_price` = Aᵀy."""
    u = s.qp.column_price
    for j in range(n):
        u[j] = 0.0
    add_rows(u, n, s.matrix, s.qp.row_slot, s.qp.row_dual, m, 1.0)


@inner
def warm_start(s, n, cold):
    """Rows, duals and held columns of the last round, or the balances alone. Returns (rows, held)."""
    balances = s.balances
    mode = s.mode
    kinks(s, n)
    for t in range(s.slots):
        s.slot_row[t] = -1
    m = 0
    b = 0
    if cold:
        mean = 0.0
        for j in range(n):
            mean += abs(s.working_cost[j]) / n
            if mode[j] != FIXED:
                mode[j] = AT_LOW
        for t in range(s.slots):
            s.warm_dual[t] = mean if t < balances else 0.0
    else:
        for j in range(n):
            if mode[j] == HELD:
                mode[j] = AT_LOW
    for t in range(s.slots):
        y = s.warm_dual[t]
        if (t < balances or y != 0.0) and m < s.row_capacity:
            s.qp.row_slot[m] = t
            s.qp.row_side[m] = 0 if s.flow_lower[t] == s.flow_upper[t] else (1 if y < 0.0 else -1)
            s.qp.row_dual[m] = y
            s.slot_row[t] = m
            s.heat[t] = HOT
            m += 1
    return m, b


@inner
def dual_active_set(s, n, tol, cold, limit):
    """Greatest value of the dual function over the rows and hot lines; the caller checks all other lines.

    Leaves X, the duals in `warm_dual`, the modes of the columns and `working_rows`. Returns a
    status.
    """
    balances = s.balances
    m, b = warm_start(s, n, cold)
    y = s.qp.row_dual
    way = s.qp.dual_direction
    right = s.qp.solution
    soft = s.qp.regularisation
    u = s.qp.column_price
    v = s.qp.price_rate
    mode = s.mode
    inside = s.qp.inside
    held = s.qp.held
    known = s.qp.held_dispatch  # dispatch of the held columns when the rows last lacked little
    again = False
    price_columns(s, n, m)
    answer(u, s.qp.lower_kink, s.qp.upper_kink, mode, s.qp.inverse_slope, n)
    right_sides(s, n, m)
    for _ in range(limit):
        if m + b >= s.square_work.shape[1]:
            return GROW_ROWS
        f = list_inside(mode, inside, n)
        assemble(
            s.matrix, s.wide_work, s.square_work, s.qp.row_slot, m, inside, f, held, b, s.qp.inverse_slope, s.working_cost, u,
            known, s.qp.right_side, right, s.qp.packed_move, s.qp.unit_scale, soft, SOFT,
        )  # fmt: skip
        if not solve_square(s.square_work, m + b, right, 1e-3 * SOFT):
            return STALLED
        size = 0.0
        for i in range(m):
            way[i] = right[i] * s.qp.unit_scale[i]
            size = max(size, abs(way[i]))
        for t in range(b):
            right[m + t] = known[held[t]] + right[m + t] * s.qp.unit_scale[m + t]
        # lines just taken in whose duals would grow the wrong way
        kept = m
        for i in range(m - 1, balances - 1, -1):
            if y[i] == 0.0 and s.qp.row_side[i] * way[i] > 0.0:
                kept = drop_row(s, i, kept)
                way[i] = way[kept]
        if kept < m:
            m = kept
            continue
        small = 1e-9 * size
        for j in range(n):
            v[j] = 0.0
        add_rows(v, n, s.matrix, s.qp.row_slot, way, m, 1.0)
        # derivative of the dual function along the way, its loss per length, and the largest imbalance left
        slope = 0.0
        rate = 0.0
        for t in range(f):
            j = inside[t]
            move = s.qp.inverse_slope[j] * v[j]
            s.qp.packed_move[t] = move
            slope += move * v[j]
            rate += move * v[j] if abs(v[j]) > small else 0.0
        gap = 0.0
        for i in range(m):
            slope += soft[i] * way[i] * way[i]
            gap = max(gap, abs(dot(s.wide_work[i], s.qp.packed_move, f) + soft[i] * way[i]))
        near = gap <= ROUGH * tol
        if near:
            for t in range(b):
                known[held[t]] = right[m + t]
        if near and gap > tol and not again:
            again = True
            continue
        again = False
        length = 0.0
        passed = 0
        stop = -1
        if gap > tol:
            length, passed, stop = follow(s, n, m, slope, rate, small)
            if stop == -2 or length > 1e18:
                return INFEASIBLE
            for i in range(m):
                y[i] += length * way[i]
            for j in range(n):
                u[j] += length * v[j]
        if stop >= n:
            m = drop_row(s, stop - n, m)
        elif stop >= 0:
            bound = s.lower[stop] if mode[stop] == AT_LOW else s.upper[stop]
            for i in range(m):
                s.qp.right_side[i] += s.matrix[s.qp.row_slot[i], stop] * bound
            mode[stop] = HELD
            known[stop] = bound
            held[b] = stop
            b += 1
        if stop >= 0 or passed > 0:
            continue
        # the working set's own solution
        at_bounds(s.dispatch, s.lower, s.upper, mode, n)
        dispatch(s, n, m, b, f)
        count = exceeded_lines(s, n, tol)
        left = release_held(s, m, b, tol)
        if count == 0 and left == b:
            for i in range(m):
                s.warm_dual[s.qp.row_slot[i]] = y[i]
            s.working_rows = m
            return OK
        b = left
        if count > 0:
            if m + count > s.row_capacity:
                return GROW_ROWS
            at_bounds(s.dispatch, s.lower, s.upper, mode, n)
            for k in range(count):
                t = s.qp.exceeded[k]
                if t >= 0:
                    add_row(s, n, t, 1, 0.0, m)
                else:
                    add_row(s, n, -1 - t, -1, 0.0, m)
                m += 1
    return STALLED
