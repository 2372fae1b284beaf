"""Books with slopes, fast: Newton steps on the dual function, each to the optimum of a model with sign
limits.

The dual function of Σ cost x + ½ slope x² over boxes, balance rows and line limits is concave and piecewise
quadratic in the duals y of the rows: column j answers x_j = clip((A_jᵀy − cost_j) / slope_j) to its price.
Step orders get the slope of a narrow band (BAND in price over their whole quantity), so that all columns are
alike. One step takes the columns' present curvature, finds the best duals of that quadratic model with every
line's dual on its side of zero (`sign_constrained.best_duals`), and goes along the straight way there as far
as the true function rises (`line_search`). This is semismooth Newton with an exact line search; it ends after
5 to 10 steps where one kink at a time needs 20. In the first steps the curvature is that of a window of
prices around the present ones, since the pieces nearby say more about the way than the piece itself.

What it ends with is a guess of the active set, made exact and tested by the caller.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged
from clearing.engine.grid.bus_aggregation import combine_rows, spread_to_columns
from clearing.engine.linalg.simd import (
    LANES,
)
from clearing.engine.memory.statuses import BIG, GROW_ROWS, HOT, OK, STALLED
from clearing.engine.qp.block_response import inverse_slopes, respond, sort_blocks
from clearing.engine.qp.incremental_flows import flows_of, moved_since_look
from clearing.engine.qp.line_search import line_search
from clearing.engine.qp.sign_constrained import best_duals, curvature

LEVEL = 0.01  # of the largest price: the least that counts as the price of the first balance row
WINDOW = 0.2  # of that price: the window of the first step
SHARE = 0.6  # of the worst excess: lines beyond their limits by less wait
AGAIN = 0.5  # a shorter step is followed by one that looks at its rows alone
NARROW = 0.3  # what becomes of the window after a step that the model foresaw
FORESEEN = 0.6  # length of such a step
BAND = 1e-9  # of the largest price: over so much a step order answers gradually
FAR = 0.5  # of the same: no line by itself asks its dual to go further in a step
PATIENCE = 3  # so many whole steps that were held back by that; then they may be longer and longer
STAND = 20.0  # of the same: columns so far from their kinks stand still until prices have moved so far


@merged
def start_rows(s):
    """Rows of the last round's duals, and the balances. Returns their number."""
    balances = s.balances
    m = 0
    for t in range(s.slots):
        y = s.warm_dual[t]
        s.slot_row[t] = -1
        s.seen[t] = 0
        if t < balances or (y != 0.0 and m < s.row_capacity - 1):
            s.qp.row_slot[m] = t
            s.qp.row_side[m] = 0 if s.flow_lower[t] == s.flow_upper[t] else (1 if y < 0.0 else -1)
            s.qp.row_dual[m] = y
            s.slot_row[t] = m
            s.heat[t] = HOT
            m += 1
    return m


@merged
def imbalances(s, n, live, m):
    """`qp.imbalance` = what each row lacks at the dispatch X; returns the largest."""
    lack = s.qp.imbalance
    flows_of(s, n, live, s.qp.row_slot, m, lack)
    worst = 0.0
    for i in range(m):
        t = s.qp.row_slot[i]
        bound = s.flow_upper[t] if s.qp.row_side[i] > 0 else s.flow_lower[t]
        g = bound - s.base_flow[t] - lack[i]
        lack[i] = g
        worst = max(worst, abs(g))
    return worst


@merged
def exceeded(s, n, live, m, tol, near, cold, anew):
    """Append the lines that the dispatch X exceeds most to the m rows, of all slots or of the hot ones.

    A line is computed only where it may have come closer than `near` to a limit since it was computed last;
    `anew` says that this was in another round.
    Returns (rows, greatest excess, negative where there is room everywhere, whether a row found no room).
    """
    moved = moved_since_look(s, s.qp.blocks, n // LANES if anew else live, n)
    look = s.look_list
    flows = s.looked_flow
    room = s.room
    closest = -BIG
    count = 0
    for t in range(s.balances, s.slots):
        left = room[t] - moved * s.flow_reach[t]
        room[t] = left
        if s.slot_row[t] >= 0:
            room[t] = 0.0
        elif cold or s.heat[t] > 0:
            look[count] = t
            count += left <= near
            closest = max(closest, -left if left > near else -BIG)
    flows_of(s, n, live, look, count, flows)
    most = 0.0
    for k in range(count):
        t = look[k]
        f = s.base_flow[t] + flows[k]
        over = max(f - s.flow_upper[t], s.flow_lower[t] - f)
        room[t] = -over if over < BIG else 0.0
        most = max(most, over)
    if not most > tol:
        for k in range(count):
            closest = max(closest, -room[look[k]])
        return m, closest, False
    closest = most
    for k in range(count):
        t = look[k]
        over = -room[t]
        if over > tol and over > SHARE * most:
            if m + 1 >= s.row_capacity:
                return m, closest, True
            above = s.base_flow[t] + flows[k] > s.flow_upper[t]
            s.qp.row_slot[m] = t
            s.qp.row_side[m] = 0 if s.flow_lower[t] == s.flow_upper[t] else (1 if above else -1)
            s.qp.row_dual[m] = 0.0
            s.qp.imbalance[m] = -over if above else over
            s.slot_row[t] = m
            s.heat[t] = HOT
            m += 1
    return m, closest, False


@inner
def keep_result(s, m, closest, tol):
    """Keep the duals; append the lines at a limit beside the m rows, as far as there is room."""
    for i in range(m):
        s.warm_dual[s.qp.row_slot[i]] = s.qp.row_dual[i]
    for t in range(s.balances, s.slots if closest >= -tol else 0):
        if s.slot_row[t] < 0 and m < s.row_capacity and s.room[t] <= tol:
            s.qp.row_slot[m] = t
            m += 1
    s.working_rows = m


@merged
def update_duals(s, m, length):
    """Duals after the step; lines whose dual has become 0 leave the rows. Returns how many stay."""
    y = s.qp.row_dual
    way = s.qp.dual_direction
    balances = s.balances
    kept = 0
    for i in range(m):
        t = s.qp.row_slot[i]
        side = s.qp.row_side[i]
        v = y[i] + length * way[i]
        if t >= balances and (v == 0.0 or side * v > 0.0):
            s.slot_row[t] = -1
            s.warm_dual[t] = 0.0
        else:
            s.qp.row_slot[kept] = t
            s.qp.row_side[kept] = side
            s.slot_row[t] = kept
            s.heat[t] = HOT
            y[kept] = v
            kept += 1
    return kept


@inner
def greatest_price_move(s, m):
    """The most that the duals' way moves the price of any column."""
    most = 0.0
    for i in range(m):
        t = s.qp.row_slot[i]
        most += abs(s.qp.dual_direction[i]) * (1.0 if t < s.balances else 2.0 * s.flow_reach[t])
    return most


@inner
def semismooth_newton(s, n, tol, cost_scale, limit):
    """Greatest value of the dual function with bands over the rows and hot lines.

    Leaves X, the duals in `warm_dual`, the rows in `qp.row_slot` and `working_rows`. Returns a status.
    """
    inverse_slopes(s.qp.inverse_slope, s.slope, s.lower, s.upper, BAND * cost_scale, n)
    m = start_rows(s)
    y = s.qp.row_dual
    combine_rows(s, s.qp.row_slot, y, m)
    spread_to_columns(s, s.qp.column_price)
    for j in range(n):
        s.qp.price_rate[j] = 0.0
    blocks = s.qp.blocks
    price = max(abs(y[0]), LEVEL * cost_scale)
    margin = STAND * price
    live = sort_blocks(s, blocks, n, margin)
    window = WINDOW * price
    far = FAR * price
    patience = PATIENCE
    before = 1e300
    near = 0.0
    length = 0.0
    looking = True
    anew = True
    for _ in range(limit):
        f = respond(s, blocks, live, s.qp.chosen, length, window if window > 1e-6 * price else 0.0)
        worst = imbalances(s, n, live, m)
        # what is left after the step of a true piece, or stays in spite of steps, is rounding in the bands
        settled = worst <= tol or (worst <= 1e4 * tol and worst <= near)
        settled |= worst <= 1e3 * tol and worst > 0.1 * before
        least = max(tol, 4.0 * worst) if settled else tol
        closest = 0.0
        full = False
        if looking or settled:
            m, closest, full = exceeded(s, n, live, m, least, 20.0 * least, settled, anew)
            anew = False
        if full:
            return GROW_ROWS
        if settled and closest <= least:
            keep_result(s, m, closest, 10.0 * max(worst, tol))
            return OK
        if before == 1e300 and max(worst, closest) <= 1e6 * tol:
            window = 0.0
            f = respond(s, blocks, live, s.qp.chosen, 0.0, 0.0)
        held_back = curvature(s, f, m, far)
        rate = best_duals(s, m)
        if not rate > 0.0:
            return STALLED
        length = line_search(s, live, rate, m)
        margin -= length * greatest_price_move(s, m)
        m = update_duals(s, m, length)
        patience -= held_back and length == 1.0
        if patience < 0:
            far *= 4.0
        before = worst
        near = 1e-4 * worst if length == 1.0 else 0.0
        looking = length > AGAIN or not looking
        window *= NARROW if length > FORESEEN else (0.5 if length > 0.01 else 1.0)
        if margin < 0.0 and live < n // LANES:  # prices have come far: nothing stands still any more
            combine_rows(s, s.qp.row_slot, y, m)
            spread_to_columns(s, s.qp.column_price)
            live = sort_blocks(s, blocks, n, BIG)
            for t in range(s.slots):
                s.seen[t] = 0
            margin = BIG
            length = 0.0
    return STALLED
