"""Piecewise linear answers of columns to their prices, and the way along a direction through their kinks."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, lesser, reduction
from clearing.engine.memory.statuses import BIG, BLOCK

AT_LOW = 1.0
AT_HIGH = -1.0
INSIDE = 0.0
HELD = 2.0  # a step order at its kink: basic
FIXED = 3.0


@inner
def kinks(s, n):
    """Prices at which each column leaves its lower and reaches its upper bound, 1/slope, and fixed columns."""
    low = s.lower
    high = s.upper
    slope = s.slope
    cost = s.working_cost
    first = s.qp.lower_kink
    last = s.qp.upper_kink
    inverse = s.qp.inverse_slope
    mode = s.mode
    for j in range(n):
        first[j] = cost[j] + slope[j] * low[j]
        last[j] = cost[j] + slope[j] * high[j]
        free = high[j] > low[j]
        inverse[j] = 1.0 / slope[j] if free and slope[j] > 0.0 else 0.0
        if not free:
            mode[j] = FIXED
        elif (
            mode[j] == FIXED
            or (mode[j] == HELD and slope[j] > 0.0)
            or (mode[j] == INSIDE and slope[j] == 0.0)
        ):
            mode[j] = AT_LOW


@inner
def at_bounds(x, low, high, mode, n):
    """x of the columns at their bounds; 0 for those inside or held."""
    for j in range(n):
        d = mode[j]
        v = high[j] if d == AT_HIGH else low[j]
        x[j] = 0.0 if d == INSIDE or d == HELD else v


@inner
def answer(u, first, last, mode, inverse, n):
    """Each column's place at the prices u; what is held or fixed stays so."""
    for j in range(n):
        d = mode[j]
        if d != HELD and d != FIXED:
            above = u[j] >= last[j]
            d = AT_HIGH if above else (AT_LOW if u[j] <= first[j] else INSIDE)
            mode[j] = d


@inner
def list_inside(mode, inside, n):
    """List the columns inside their bounds; returns their number."""
    f = 0
    for j in range(n):
        inside[f] = j
        f += mode[j] == INSIDE
    return f


@reduction
def least_of(values, count):
    """Smallest of the first `count` values."""
    least = BIG
    for i in range(count):
        least = lesser(least, values[i])
    return least


@reduction
def breakpoints(ratio, blocks, u, v, first, last, mode, n, m, small):
    """Length of the step at which each column meets its next kink, and the least of each block."""
    for j in range(n):
        d = mode[j]
        up = v[j] > small
        down = v[j] < -small
        moves = (up and (d == AT_LOW or d == INSIDE)) or (down and (d == AT_HIGH or d == INSIDE))
        goal = first[j] if d == AT_LOW or (d == INSIDE and down) else last[j]
        r = max((goal - u[j]) / (v[j] if moves else 1.0), 0.0)
        ratio[j] = r if moves else BIG
    total = n + m
    count = (total + BLOCK - 1) // BLOCK
    for j in range(count * BLOCK - total):
        ratio[total + j] = BIG
    for b in range(count):
        least = BIG
        for i in range(BLOCK):
            least = min(least, ratio[b * BLOCK + i])
        blocks[b] = least
    return count


@inner
def follow(s, n, m, slope, rate, small):
    """Go along `qp.dual_direction` (`qp.price_rate` in the columns' prices) while the dual function rises.

    `slope` is its derivative and `rate` what that loses per length. Columns passed change their mode,
    limits their side. Returns (length, crossings, where it stopped): −1 between kinks, a column to
    hold, n + a row to drop, −2 nowhere.
    """
    u = s.qp.column_price
    v = s.qp.price_rate
    first = s.qp.lower_kink
    last = s.qp.upper_kink
    inverse = s.qp.inverse_slope
    mode = s.mode
    ratio = s.qp.breakpoint
    low = s.lower
    high = s.upper
    y = s.qp.row_dual
    way = s.qp.dual_direction
    sides = s.qp.row_side
    rows = s.qp.row_slot
    for i in range(m):
        crosses = sides[i] != 0 and y[i] * way[i] < 0.0
        crosses |= sides[i] != 0 and y[i] == 0.0 and sides[i] * way[i] > 0.0
        ratio[n + i] = -y[i] / way[i] if crosses else BIG
    count = breakpoints(ratio, s.block_least, u, v, first, last, mode, n, m, small)
    at = 0.0
    passed = 0
    while True:
        b = 0
        least = s.block_least[0]
        for c in range(1, count):
            if s.block_least[c] < least:
                least = s.block_least[c]
                b = c
        if slope <= rate * (least - at) or (rate > 0.0 and slope <= 0.0):
            return at + max(slope, 0.0) / rate, passed, -1
        if least >= BIG:
            return at, passed, -2
        own = ratio[b * BLOCK : b * BLOCK + BLOCK]
        e = 0
        while own[e] != least:
            e += 1
        j = b * BLOCK + e
        slope -= rate * (least - at)
        at = least
        passed += 1
        own[e] = BIG
        if j >= n:
            i = j - n
            t = rows[i]
            jump = abs(way[i]) * (s.flow_upper[t] - s.flow_lower[t])
            if slope <= jump:
                return at, passed, j
            slope -= jump
            s.qp.right_side[i] += sides[i] * (s.flow_lower[t] - s.flow_upper[t])
            sides[i] = -sides[i]
        elif inverse[j] == 0.0:
            jump = abs(v[j]) * (high[j] - low[j])
            if slope <= jump:
                return at, passed, j
            slope -= jump
            change = mode[j] * (high[j] - low[j])
            for i in range(m):
                s.qp.right_side[i] -= s.matrix[rows[i], j] * change
            mode[j] = -mode[j]
        elif mode[j] == INSIDE:
            rate -= inverse[j] * v[j] * v[j]
            rate = max(rate, 0.0)
            bound = high[j] if v[j] > 0.0 else low[j]
            for i in range(m):
                s.qp.right_side[i] -= s.matrix[rows[i], j] * bound
            mode[j] = AT_HIGH if v[j] > 0.0 else AT_LOW
        else:
            rate += inverse[j] * v[j] * v[j]
            bound = low[j] if mode[j] == AT_LOW else high[j]
            for i in range(m):
                s.qp.right_side[i] += s.matrix[rows[i], j] * bound
            mode[j] = INSIDE
            own[e] = max(((last[j] if v[j] > 0.0 else first[j]) - u[j]) / v[j], at)
        s.block_least[b] = least_of(own, BLOCK)
