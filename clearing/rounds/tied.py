"""The face of a sloped book's optimum on which tied orders may move, and the prices that support all of it.

The sloped columns' dispatch is unique. Step orders with a reduced cost within the tie width may move; a line whose
dual is within it may leave its limit, however the active set had it.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.exchange import CLOSER
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    COLS,
    COST,
    FIRM,
    HIGH,
    HIGHP,
    LOW,
    LOWP,
    PERM,
    PERM2,
    RED,
    ROWS,
    SENSE,
    SIDE,
    SIZE,
    SLOPE,
    SLOTS,
    TWIN,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.interior import REGULAR
from clearing.rounds.lanes import (
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
from clearing.rounds.sites import combine, spread
from clearing.rounds.store import BALANCES, LINKS


@inner
def steps_apart(s, rows, price, m, f, least):
    """Whether the rows, of lines those with a price above `least`, tell the interior step orders apart.

    Tied ones they do not: the climb's dispatch of these means nothing, and law 4 has to decide.
    """
    a = s.work
    b = 0
    k = 0
    for i in range(m):
        if i < s.head[BALANCES] or abs(price[i]) > least:
            s.irow[PERM, k] = rows[i]
            k += 1
    for t in range(f):
        j = s.irow[COLS, t]
        if s.col[SLOPE, j] == 0.0:
            if b == k:
                return False
            for i in range(k):
                a[b, i] = s.a[s.irow[PERM, i], j]
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
    """How many step orders (`steps` of them at a bound), limits and links could move at no cost, 0 where none can;
    puts rows and duals where `ties.restrict` looks.

    The dispatch is unique where the rows that have a price hold the step orders and links among the f interior
    columns. A link beside a line without a limit is held by none.
    """
    weak = 0
    for i in range(s.head[BALANCES], m):
        weak += abs(s.row[Y, i]) <= cost_tol
    links = s.head[LINKS]
    if steps == 0 and weak == 0 and links == 0:
        return 0
    price = s.col[RED, n:]
    add_twins(s, price, m)
    weak = 0
    for i in range(s.head[BALANCES], m):
        weak += abs(price[i]) <= cost_tol
    if steps == 0 and (weak + links == 0 or steps_apart(s, s.irow[ROWS], price, m, f, cost_tol)):
        return 0
    for j in range(n):
        s.col[LOWP, j] = s.col[LOW, j]
        s.col[HIGHP, j] = s.col[HIGH, j]
    for t in range(s.state[SLOTS]):
        s.islot[ACTIVE, t] = -1
    for i in range(m):
        s.irow[ACT, i] = s.irow[ROWS, i]
        s.irow[SIDE, i] = s.irow[PERM2, i]
        s.islot[ACTIVE, s.irow[ROWS, i]] = i
    s.state[SIZE] = m
    keep_duals(s, m)
    return max(steps + weak, 1)


@inner
def keep_duals(s, m):
    """slot[FIRM] = the duals row[Y] of the m rows, 0 of all other slots."""
    for t in range(s.state[SLOTS]):
        s.slot[FIRM, t] = 0.0
    for i in range(m):
        s.slot[FIRM, s.irow[ROWS, i]] = s.row[Y, i]


@inner
def add_twins(s, price, m):
    """What each of the m rows and its twins are worth together.

    Together they hold one flow at its limit: how they share its dual must not decide whether it may move.
    """
    for i in range(m):
        price[i] = s.row[Y, i]
    for i in range(s.head[BALANCES], m):
        mine = s.irow[ROWS, i]
        together = 0.0
        for k in range(s.head[BALANCES], m):
            other = s.irow[ROWS, k]
            if s.islot[TWIN, other] == s.islot[TWIN, mine]:
                together += s.slot[SENSE, other] * s.row[Y, k]
        price[i] = s.slot[SENSE, mine] * together


@inner
def inside_bounds(col, cols, n, tol, tie):
    """Move columns close to a bound onto it; list the others, sorted, in `cols`. Returns their number.

    Close is well within `tol`, since what they move lines move, whose flows are to stay within it; and where the price
    of a steep column moves by well less than `tie`.
    """
    x = col[X]
    edge = splat(CLOSER * tol)
    one = splat(1.0)
    part = splat(tol / tie)
    count = 0
    for j in range(0, n, LANES):
        v = load(x, j)
        low = load(col[LOW], j)
        high = load(col[HIGH], j)
        steep = larger(one, part * load(col[SLOPE], j))
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
    most. Leaves reduced costs in col[RED].
    """
    for i in range(s.head[BALANCES], m):
        if s.irow[PERM2, i] * s.row[Y, i] > cost_tol:
            return -1
    red = s.col[RED]
    combine(s, s.irow[ROWS], s.row[Y], m)
    spread(s, red)
    zero = splat(0.0)
    edge = splat(tol)
    free = splat(tie)
    beyond = zero
    wrong = zero
    steps = 0
    for j in range(0, n, LANES):
        v = load(s.col[X], j)
        curve = load(s.col[SLOPE], j)
        low = load(s.col[LOW], j)
        high = load(s.col[HIGH], j)
        d = load(s.col[COST], j) + curve * v - load(red, j)
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
