"""Goals on a tied face by exchanges in its active set: the most demand, or the least Σ accepted²/offered.

A primal active-set method: every point on its way is feasible, and a step solves the equations of the active
set by complete pivoting, so that columns which nearly depend on one another do no harm.
"""

from __future__ import annotations

from clearing.engine.canonical.rank_deficient import combine_pivots, decompose, solve_dispatch, weight
from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.dense import add_rows, dot
from clearing.engine.memory.statuses import GROW_ROWS, OK, STALLED

CLOSER = 0.1  # of the tolerance: the primal method is to end well within what its end is tested by
EQUAL = 1e-6  # MW of demand per MW: what gains less is among equals


@inner
def primal_active_set(s, n, tol, demand):
    """From a feasible X to the most demand, or the least squares, on the rows of all slots, by exchanges in
    the active set.

    Each step heads for the goal on the columns inside their bounds and the rows at a limit; what is in the
    way joins the active set; where no way is left whatever its multiplier pulls off a bound leaves it.
    """
    cols = s.interior_columns
    rows = s.tie.row_slot
    sides = s.tie.row_side
    before = s.tie.start
    least = CLOSER * tol
    f = list_shared(s, n, least)
    m = list_limits(s, n, tol)
    if m < 0:
        return GROW_ROWS
    for _ in range(100 + 4 * n):
        _, rank = decompose(s, rows, m, cols, f, s.row_order, s.column_order)
        if step_to_goal(s, m, f, rank, demand, least):
            length, at, side = first_blocking(s, n, f, least)
            if at >= 0:
                for t in range(f):
                    s.dispatch[cols[t]] = before[t] + length * (s.dispatch[cols[t]] - before[t])
                if at < f:
                    j = cols[at]
                    s.dispatch[j] = s.working_upper[j] if side > 0 else s.working_lower[j]
                    f -= 1
                    cols[at] = cols[f]
                    continue
                if m >= s.row_capacity:
                    return GROW_ROWS
                rows[m] = at - f
                sides[m] = side
                s.slot_row[at - f] = m
                m += 1
                continue
        multipliers(s, cols, m, rank, s.tie.multiplier, demand)
        at = worst_multiplier(s, n, rows, sides, m, s.tie.multiplier, demand, least)
        if at < 0:
            break
        if at < n:
            cols[f] = at
            f += 1
            continue
        m -= 1
        s.slot_row[rows[at - n]] = -1
        rows[at - n] = rows[m]
        sides[at - n] = sides[m]
        if at - n < m:
            s.slot_row[rows[at - n]] = at - n
    else:
        return STALLED
    s.basis_size = m
    for i in range(m):
        s.basis_slot[i] = rows[i]
        s.basis_side[i] = sides[i]
    return OK


@inner
def step_to_goal(s, m, f, rank, demand, least):
    """X of the f columns becomes the goal on the present active set; where they stood goes to `tie.start`.

    For squares it is the minimum; demand has none, so it lies beyond all bounds. False where there is no way
    to go.
    """
    cols = s.interior_columns
    before = s.tie.start
    for t in range(f):
        before[t] = s.dispatch[cols[t]]
    if f == rank:
        return False
    for i in range(m):
        v = 0.0
        for t in range(f):
            j = cols[t]
            v += s.matrix[s.tie.row_slot[i], j] * (
                -weight(s, j) * goal_gradient(s, j, True) if demand else before[t]
            )
        s.canonical.right_side[i] = v
    way = s.tie.direction
    order = s.column_order
    solve_dispatch(s, cols, m, f, s.row_order, order, 0, rank, way)
    for t in range(rank, f):
        j = cols[order[t]]
        way[t] = -weight(s, j) * goal_gradient(s, j, True) - way[t] if demand else way[t] - before[order[t]]
    keep_rows(s.wide_work, way, rank, f)
    far = 1.0
    if demand:
        most = 0.0
        room = 0.0
        for t in range(f):
            most = max(most, abs(way[t]))
            room = max(room, s.working_upper[cols[t]] - s.working_lower[cols[t]])
        far = 2.0 * room / most if most > least else 0.0
    for t in range(f):
        s.dispatch[cols[order[t]]] = before[order[t]] + far * way[t]
    return far > 0.0


@inner
def keep_rows(a, way, rank, f):
    """How the pivot columns move, so that the rows keep their flows when the other columns move their `way`.

    As a difference of two dispatches it would be rounded to the size of these: a column that hardly counts in
    its pivot's row would seem to move, off a bound at which it has to stay.
    """
    for i in range(rank - 1, -1, -1):
        v = 0.0
        for t in range(i + 1, f):
            v -= a[i, t] * way[t]
        way[i] = v / a[i, i]


@inner
def first_blocking(s, n, f, tol):
    """How far the way from `tie.start` to X of the f columns is free of bounds that it would miss by more
    than `tol`.

    Returns (length, what is in the way, its side): place among the columns, f + slot, −1 where nothing is.
    """
    length = 1.0
    at = -1
    side = 0
    for t in range(f):
        j = s.interior_columns[t]
        now = s.tie.start[t]
        goal = s.dispatch[j]
        above = goal - s.working_upper[j] > tol
        if above or s.working_lower[j] - goal > tol:
            bound = s.working_upper[j] if above else s.working_lower[j]
            v = max((bound - now) / (goal - now), 0.0)
            if v < length:
                length = v
                at = t
                side = 1 if above else -1
    for t in range(s.balances, s.slots):
        if s.slot_row[t] >= 0:
            continue
        goal = s.base_flow[t] + dot(s.matrix[t], s.dispatch, n)
        above = goal - s.flow_upper[t] > tol
        if above or s.flow_lower[t] - goal > tol:
            move = 0.0
            for h in range(f):
                j = s.interior_columns[h]
                move += s.matrix[t, j] * (s.dispatch[j] - s.tie.start[h])
            bound = s.flow_upper[t] if above else s.flow_lower[t]
            v = max(1.0 - (goal - bound) / move, 0.0) if (goal - bound) * move > 0.0 else 0.0
            first = v == length and at >= f and s.slot_line[t] < s.slot_line[at - f]
            if v < length or first:
                length = v
                at = f + t
                side = 1 if above else -1
    return length, at, side


@inner
def list_limits(s, n, tol):
    """Rows of all slots at a limit in `tie.row_slot`, sorted: when a line was remembered must not show.

    Returns their number, −1 where there is no room.
    """
    m = 0
    for t in range(s.slots):
        s.slot_row[t] = -1
        side = 0
        if s.flow_lower[t] < s.flow_upper[t]:
            flow = s.base_flow[t] + dot(s.matrix[t], s.dispatch, n)
            side = 1 if s.flow_upper[t] - flow <= tol else (-1 if flow - s.flow_lower[t] <= tol else 0)
            if side == 0:
                continue
        if m >= s.row_capacity:
            return -1
        at = m
        while at > 0 and s.slot_line[s.tie.row_slot[at - 1]] > s.slot_line[t]:
            s.tie.row_slot[at] = s.tie.row_slot[at - 1]
            s.tie.row_side[at] = s.tie.row_side[at - 1]
            s.slot_row[s.tie.row_slot[at]] = at
            at -= 1
        s.tie.row_slot[at] = t
        s.tie.row_side[at] = side
        s.slot_row[t] = at
        m += 1
    return m


@inner
def list_shared(s, n, tol):
    """Move columns of the face within `tol` of a bound onto it; list the others, sorted, in
    `interior_columns`.
    """
    f = 0
    for j in range(n):
        low = s.working_lower[j]
        high = s.working_upper[j]
        if low < high:
            if s.dispatch[j] - low <= tol:
                s.dispatch[j] = low
            elif high - s.dispatch[j] <= tol:
                s.dispatch[j] = high
            else:
                s.interior_columns[f] = j
                f += 1
    return f


@inner
def goal_gradient(s, j, demand):
    """What one more MW of column j adds to the goal: less demand, or half the sum of squares."""
    if demand:
        return -1.0 if s.kind[j] < 0 else 0.0
    return s.dispatch[j] / weight(s, j)


@inner
def multipliers(s, cols, m, rank, y, demand):
    """y of the rows at which the pivot columns of the last elimination have no wish to move: steepness = Aᵀy."""
    wish = s.tie.wish
    for t in range(rank):
        wish[t] = goal_gradient(s, cols[s.column_order[t]], demand)
    combine_pivots(s.wide_work, s.row_order, m, rank, wish, y)


@inner
def worst_multiplier(s, n, rows, sides, m, y, demand, least):
    """The column (or n + the row) that would leave its bound for the most MW, more than `least`; −1 if none.

    Leaves steepness less Aᵀy in `reduced_cost`, y behind it.
    """
    level = EQUAL if demand else 0.0
    left = s.reduced_cost
    for j in range(n):
        left[j] = 0.0
    for i in range(m):
        left[n + i] = y[i]
    add_rows(left, n, s.matrix, rows, y, m, -1.0)
    worst = least
    at = -1
    for j in range(n):
        low = s.working_lower[j]
        high = s.working_upper[j]
        if low < high:
            left[j] += goal_gradient(s, j, demand)
            v = weight(s, j) * left[j] if abs(left[j]) > level else 0.0
            v = -v if s.dispatch[j] == low else (v if s.dispatch[j] == high else 0.0)
            if v > worst:
                worst = v
                at = j
    for i in range(s.balances, m):
        t = rows[i]
        if s.flow_lower[t] < s.flow_upper[t] and sides[i] * y[i] > level:
            felt = 0.0
            for j in range(n):
                if s.working_lower[j] < s.working_upper[j]:
                    felt += s.matrix[t, j] * s.matrix[t, j] * weight(s, j)
            v = felt * abs(y[i])
            if v > worst:
                worst = v
                at = n + i
    return at
