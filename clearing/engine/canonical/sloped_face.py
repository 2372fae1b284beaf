"""The face of a sloped book's optimum on which tied orders may move, and the prices that support all of it.

The sloped columns' dispatch is unique. Step orders with a reduced cost within the tie width may move; a line
whose dual is within it may leave its limit, however the active set had it.
"""

from __future__ import annotations

from clearing.engine.canonical.tie_active_set import CLOSER
from clearing.engine.compilation.decorators import inner
from clearing.engine.grid.bus_aggregation import combine_rows, spread_to_columns
from clearing.engine.linalg.dense import REGULAR
from clearing.engine.linalg.simd import (
    LANES,
    equal_bits,
    greatest,
    larger,
    less_bits,
    load,
    magnitude,
    smaller,
    smallest,
    splat,
    store,
    where_less,
)


@inner
def steps_are_independent(s, rows, price, m, f, least):
    """Whether the rows, of lines those with a price above `least`, tell the interior step orders apart.

    Tied ones they do not: the climb's dispatch of these means nothing, and law 4 has to decide.
    """
    a = s.square_work
    b = 0
    k = 0
    for i in range(m):
        if i < s.balances or abs(price[i]) > least:
            s.canonical.priced_rows[k] = rows[i]
            k += 1
    for t in range(f):
        j = s.interior_columns[t]
        if s.slope[j] == 0.0:
            if b == k:
                return False
            for i in range(k):
                a[b, i] = s.matrix[s.canonical.priced_rows[i], j]
            b += 1
    for c in range(b):
        best = 0.0
        at = c
        for i in range(c, k):
            if abs(a[c, i]) > best:
                best = abs(a[c, i])
                at = i
        if best <= REGULAR:
            return False
        for e in range(c, b):
            a[e, c], a[e, at] = a[e, at], a[e, c]
            if e > c:
                v = a[e, c] / a[c, c]
                for i in range(c + 1, k):
                    a[e, i] -= v * a[c, i]
    return True


@inner
def list_face(s, n, m, f, steps, cost_tol):
    """How many step orders (`steps` of them at a bound), limits and links could move at no cost, 0 where none
    can; puts rows and duals where `tie_rule.restrict_to_face` looks.

    The dispatch is unique where the rows that have a price hold the step orders and links among the f
    interior columns. A link beside a line without a limit is held by none.
    """
    weak = 0
    for i in range(s.balances, m):
        weak += abs(s.dual[i]) <= cost_tol
    links = s.links
    if steps == 0 and weak == 0 and links == 0:
        return 0
    price = s.reduced_cost[n:]
    add_twins(s, price, m)
    weak = 0
    for i in range(s.balances, m):
        weak += abs(price[i]) <= cost_tol
    if steps == 0 and (weak + links == 0 or steps_are_independent(s, s.active_rows, price, m, f, cost_tol)):
        return 0
    for j in range(n):
        s.working_lower[j] = s.lower[j]
        s.working_upper[j] = s.upper[j]
    for t in range(s.slots):
        s.slot_row[t] = -1
    for i in range(m):
        s.basis_slot[i] = s.active_rows[i]
        s.basis_side[i] = s.active_side[i]
        s.slot_row[s.active_rows[i]] = i
    s.basis_size = m
    keep_duals(s, m)
    return max(steps + weak, 1)


@inner
def keep_duals(s, m):
    """`face_dual` = the duals `dual` of the m rows, 0 of all other slots."""
    for t in range(s.slots):
        s.face_dual[t] = 0.0
    for i in range(m):
        s.face_dual[s.active_rows[i]] = s.dual[i]


@inner
def add_twins(s, price, m):
    """What each of the m rows and its twins are worth together.

    Together they hold one flow at its limit: how they share its dual must not decide whether it may move.
    """
    for i in range(m):
        price[i] = s.dual[i]
    for i in range(s.balances, m):
        mine = s.active_rows[i]
        together = 0.0
        for k in range(s.balances, m):
            other = s.active_rows[k]
            if s.twin[other] == s.twin[mine]:
                together += s.twin_sense[other] * s.dual[k]
        price[i] = s.twin_sense[mine] * together


@inner
def inside_bounds(s, n, tol, tie):
    """Move columns close to a bound onto it; list the others, sorted, in `interior_columns`. Returns their
    number.

    Close is well within `tol`, since what they move lines move, whose flows are to stay within it; and where
    the price of a steep column moves by well less than `tie`.
    """
    x = s.dispatch
    cols = s.interior_columns
    edge = splat(CLOSER * tol)
    one = splat(1.0)
    part = splat(tol / tie)
    count = 0
    for j in range(0, n, LANES):
        v = load(x, j)
        low = load(s.lower, j)
        high = load(s.upper, j)
        steep = larger(one, part * load(s.slope, j))
        over = (v - low) * steep
        under = (high - v) * steep
        store(x, j, where_less(edge, over, where_less(edge, under, v, high), low))
        bits = less_bits(edge, over) & less_bits(edge, under)
        if bits != 0:
            for k in range(LANES):
                cols[count] = j + k
                count += (bits >> k) & 1
    return count


@inner
def signs_hold(s, n, m, tol, cost_tol, tie):
    """Whether the recomputed active set is optimal: columns in their bounds, duals of the right sign.

    Returns −1 where it is not, else the number of step orders at a bound that could move at no cost, `tie` at
    most. Leaves reduced costs in `reduced_cost`.
    """
    for i in range(s.balances, m):
        if s.active_side[i] * s.dual[i] > cost_tol:
            return -1
    red = s.reduced_cost
    combine_rows(s, s.active_rows, s.dual, m)
    spread_to_columns(s, red)
    zero = splat(0.0)
    edge = splat(tol)
    free = splat(tie)
    beyond = zero
    wrong = zero
    steps = 0
    for j in range(0, n, LANES):
        v = load(s.dispatch, j)
        curve = load(s.slope, j)
        low = load(s.lower, j)
        high = load(s.upper, j)
        d = load(s.cost, j) + curve * v - load(red, j)
        store(red, j, d)
        over = v - low
        under = high - v
        beyond = smaller(beyond, smaller(over, under))
        wrong = larger(wrong, where_less(edge, over, d, zero))
        wrong = larger(wrong, where_less(edge, under, zero - d, zero))
        bits = less_bits(low, high) & equal_bits(curve, zero) & (equal_bits(v, low) | equal_bits(v, high))
        bits &= ~less_bits(free, magnitude(d))
        while bits != 0:
            bits &= bits - 1
            steps += 1
    if not smallest(beyond) >= -tol or not greatest(wrong) <= cost_tol:
        return -1
    return steps
