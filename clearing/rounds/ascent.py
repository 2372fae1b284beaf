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

from clearing.rounds.compiled import inner, reduction
from clearing.rounds.dense import add_rows, dot
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    ALPHA,
    BAS,
    BASE,
    BIG,
    COLS,
    COST,
    COSTP,
    DIR,
    DUAL,
    FHI,
    FLO,
    GOAL,
    GROW_ROWS,
    HEAT,
    HELDS,
    HIGH,
    INFEASIBLE,
    LOW,
    MODE,
    OK,
    PERM,
    PREV,
    QPS,
    RATIO,
    RED,
    REST,
    ROWS,
    RULED,
    SLOPE,
    SLOTS,
    STALLED,
    TIEROWS,
    TIESIDES,
    TMP,
    TMP2,
    VEC,
    VEC3,
    XB,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.simplex import BLOCK, HOT, least_of
from clearing.rounds.store import BALANCES, ROWCAP

AT_LOW = 1.0
AT_HIGH = -1.0
INSIDE = 0.0
HELD = 2.0  # a step order at its kink: basic
FIXED = 3.0
REGULAR = 1e-6  # least pivot of equations whose solution is taken for the only one
SOFT = 1e-9  # relative regularisation of H: a direction without curvature goes straight to a kink


@inner
def kinks(s, n):
    """Prices at which each column leaves its lower and reaches its upper bound, 1/slope, and fixed columns."""
    low = s.col[LOW]
    high = s.col[HIGH]
    slope = s.col[SLOPE]
    cost = s.col[COSTP]
    first = s.col[TMP]
    last = s.col[GOAL]
    inverse = s.col[PREV]
    mode = s.col[MODE]
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
def remainders(s, n, m):
    """row[REST] = each row's limit less what the columns at bounds contribute."""
    at_bounds(s.col[X], s.col[LOW], s.col[HIGH], s.col[MODE], n)
    for i in range(m):
        t = s.irow[TIEROWS, i]
        bound = s.slot[FLO, t] if s.irow[TIESIDES, i] < 0 else s.slot[FHI, t]
        s.row[REST, i] = bound - s.slot[BASE, t] - dot(s.a[t], s.col[X], n)


@inner
def list_inside(mode, inside, n):
    """List the columns inside their bounds; returns their number."""
    f = 0
    for j in range(n):
        inside[f] = j
        f += mode[j] == INSIDE
    return f


@inner
def assemble(
    a, wide, work, rows, m, inside, f, held, b, inverse, cost, y, rest, right, scaled, unit, soft, share
):
    """The equations of the working set in `work` and `right`, scaled from both sides by `unit`.

    `soft` becomes what is added to the diagonal of H: `share` of what stands there, so that duals that no
    sloped column feels stay near y.
    """
    top = 0.0
    for i in range(m):
        mine = a[rows[i]]
        packed = wide[i]
        total = 0.0
        for t in range(f):
            j = inside[t]
            v = mine[j]
            packed[t] = v
            v *= inverse[j]
            scaled[t] = v
            total += v * cost[j]
        right[i] = rest[i] + total
        for k in range(i + 1):
            work[i, k] = dot(scaled, wide[k], f)
        top = max(top, work[i, i])
    for i in range(m):
        d = work[i, i]
        if d <= 1e-12 * top:
            d = top if top > 0.0 else 1.0
        soft[i] = share * d
        work[i, i] += soft[i]
        right[i] += soft[i] * y[i]
        unit[i] = 1.0 / d**0.5
    for i in range(m):
        mine = work[i]
        for k in range(i + 1):
            v = mine[k] * unit[i] * unit[k]
            mine[k] = v
            work[k, i] = v
        right[i] *= unit[i]
    for t in range(b):
        j = held[t]
        size = 0.0
        for i in range(m):
            v = a[rows[i], j] * unit[i]
            work[i, m + t] = v
            size = max(size, abs(v))
        size = 1.0 / size if size > 0.0 else 1.0
        for i in range(m):
            v = work[i, m + t] * size
            work[i, m + t] = v
            work[m + t, i] = v
        for k in range(b):
            work[m + t, m + k] = 0.0
        unit[m + t] = size
        right[m + t] = cost[j] * size


@inner
def solve_square(a, k, right, floor):
    """right = a⁻¹ right by elimination with row exchanges; False where a pivot is not above `floor`."""
    for c in range(k):
        top = c
        best = abs(a[c, c])
        for i in range(c + 1, k):
            if abs(a[i, c]) > best:
                best = abs(a[i, c])
                top = i
        if not best > floor:
            return False
        if top != c:
            right[c], right[top] = right[top], right[c]
            for j in range(c, k):
                a[c, j], a[top, j] = a[top, j], a[c, j]
        inverse = 1.0 / a[c, c]
        pivot = a[c]
        for i in range(c + 1, k):
            mine = a[i]
            f = mine[c] * inverse
            if f != 0.0:
                for j in range(c + 1, k):
                    mine[j] -= f * pivot[j]
                right[i] -= f * right[c]
    for i in range(k - 1, -1, -1):
        v = right[i]
        for j in range(i + 1, k):
            v -= a[i, j] * right[j]
        right[i] = v / a[i, i]
    return True


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
    """Go along row[VEC] (col[ALPHA] in the columns' prices) while the dual function rises.

    `slope` is its derivative and `rate` what that loses per length. Columns passed change their mode,
    limits their side. Returns (length, crossings, where it stopped): −1 between kinks, a column to
    hold, n + a row to drop, −2 nowhere.
    """
    u = s.col[RED]
    v = s.col[ALPHA]
    first = s.col[TMP]
    last = s.col[GOAL]
    inverse = s.col[PREV]
    mode = s.col[MODE]
    ratio = s.col[RATIO]
    low = s.col[LOW]
    high = s.col[HIGH]
    y = s.row[XB]
    way = s.row[VEC]
    sides = s.irow[TIESIDES]
    rows = s.irow[TIEROWS]
    for i in range(m):
        crosses = sides[i] != 0 and y[i] * way[i] < 0.0
        crosses |= sides[i] != 0 and y[i] == 0.0 and sides[i] * way[i] > 0.0
        ratio[n + i] = -y[i] / way[i] if crosses else BIG
    count = breakpoints(ratio, s.blocks, u, v, first, last, mode, n, m, small)
    at = 0.0
    passed = 0
    while True:
        b = 0
        least = s.blocks[0]
        for c in range(1, count):
            if s.blocks[c] < least:
                least = s.blocks[c]
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
            jump = abs(way[i]) * (s.slot[FHI, t] - s.slot[FLO, t])
            if slope <= jump:
                return at, passed, j
            slope -= jump
            s.row[REST, i] += sides[i] * (s.slot[FLO, t] - s.slot[FHI, t])
            sides[i] = -sides[i]
        elif inverse[j] == 0.0:
            jump = abs(v[j]) * (high[j] - low[j])
            if slope <= jump:
                return at, passed, j
            slope -= jump
            change = mode[j] * (high[j] - low[j])
            for i in range(m):
                s.row[REST, i] -= s.a[rows[i], j] * change
            mode[j] = -mode[j]
        elif mode[j] == INSIDE:
            rate -= inverse[j] * v[j] * v[j]
            rate = max(rate, 0.0)
            bound = high[j] if v[j] > 0.0 else low[j]
            for i in range(m):
                s.row[REST, i] -= s.a[rows[i], j] * bound
            mode[j] = AT_HIGH if v[j] > 0.0 else AT_LOW
        else:
            rate += inverse[j] * v[j] * v[j]
            bound = low[j] if mode[j] == AT_LOW else high[j]
            for i in range(m):
                s.row[REST, i] += s.a[rows[i], j] * bound
            mode[j] = INSIDE
            own[e] = max(((last[j] if v[j] > 0.0 else first[j]) - u[j]) / v[j], at)
        s.blocks[b] = least_of(own, BLOCK)


@inner
def drop_row(s, i, m):
    """Take row i out; the last one moves into its place. Returns m − 1."""
    last = m - 1
    t = s.irow[TIEROWS, i]
    s.slot[DUAL, t] = 0.0
    s.islot[ACTIVE, t] = -1
    s.irow[TIEROWS, i] = s.irow[TIEROWS, last]
    s.irow[TIESIDES, i] = s.irow[TIESIDES, last]
    s.row[XB, i] = s.row[XB, last]
    s.row[REST, i] = s.row[REST, last]
    if i != last:
        s.islot[ACTIVE, s.irow[TIEROWS, i]] = i
    return last


@inner
def add_row(s, n, t, side, y, m):
    """Put slot t behind the m rows; X holds the columns at their bounds and 0 for the others."""
    s.irow[TIEROWS, m] = t
    s.irow[TIESIDES, m] = 0 if s.slot[FLO, t] == s.slot[FHI, t] else side
    s.row[XB, m] = y
    s.islot[ACTIVE, t] = m
    s.islot[HEAT, t] = HOT
    bound = s.slot[FLO, t] if side < 0 else s.slot[FHI, t]
    s.row[REST, m] = bound - s.slot[BASE, t] - dot(s.a[t], s.col[X], n)


@inner
def dispatch(s, n, m, b, f):
    """X of the columns inside their bounds (at the prices col[RED]) and of the held ones (col[DIR])."""
    x = s.col[X]
    for t in range(f):
        j = s.irow[ACT, t]
        v = (s.col[RED, j] - s.col[COSTP, j]) * s.col[PREV, j]
        x[j] = min(max(v, s.col[LOW, j]), s.col[HIGH, j])
    for t in range(b):
        x[s.irow[BAS, t]] = s.col[DIR, m + t]


@inner
def exceeded_lines(s, n, tol):
    """List in irow[PERM] the hot slots beside the rows whose limits the dispatch X exceeds, −1 − t where it is
    the lower one. Returns their number."""
    x = s.col[X]
    count = 0
    for t in range(s.head[BALANCES], s.state[SLOTS]):
        if s.islot[HEAT, t] > 0 and s.islot[ACTIVE, t] < 0:
            f = s.slot[BASE, t] + dot(s.a[t], x, n)
            if f - s.slot[FHI, t] > tol:
                s.irow[PERM, count] = t
                count += 1
            elif s.slot[FLO, t] - f > tol:
                s.irow[PERM, count] = -1 - t
                count += 1
    return count


@inner
def release(s, m, b, tol):
    """Let the held column go that is furthest beyond its bounds. Returns how many stay held."""
    held = s.irow[BAS]
    value = s.col[DIR]
    worst = tol
    at = -1
    for t in range(b):
        j = held[t]
        over = max(value[m + t] - s.col[HIGH, j], s.col[LOW, j] - value[m + t])
        if over > worst:
            worst = over
            at = t
    if at < 0:
        return b
    j = held[at]
    above = value[m + at] > s.col[HIGH, j]
    s.col[MODE, j] = AT_HIGH if above else AT_LOW
    bound = s.col[HIGH, j] if above else s.col[LOW, j]
    for i in range(m):
        s.row[REST, i] -= s.a[s.irow[TIEROWS, i], j] * bound
    held[at] = held[b - 1]
    return b - 1


@inner
def prices(s, n, m):
    """col[RED] = Aᵀy."""
    u = s.col[RED]
    for j in range(n):
        u[j] = 0.0
    add_rows(u, n, s.a, s.irow[TIEROWS], s.row[XB], m, 1.0)


@inner
def start(s, n, cold):
    """Rows, duals and held columns of the last round, or the balances alone. Returns (rows, held)."""
    balances = s.head[BALANCES]
    mode = s.col[MODE]
    kinks(s, n)
    for t in range(s.state[SLOTS]):
        s.islot[ACTIVE, t] = -1
    m = 0
    b = 0
    if cold:
        mean = 0.0
        for j in range(n):
            mean += abs(s.col[COSTP, j]) / n
            if mode[j] != FIXED:
                mode[j] = AT_LOW
        for t in range(s.state[SLOTS]):
            s.slot[DUAL, t] = mean if t < balances else 0.0
    else:
        for j in range(n):
            if mode[j] == HELD:
                mode[j] = AT_LOW
    for t in range(s.state[SLOTS]):
        y = s.slot[DUAL, t]
        if (t < balances or y != 0.0) and m < s.head[ROWCAP]:
            s.irow[TIEROWS, m] = t
            s.irow[TIESIDES, m] = 0 if s.slot[FLO, t] == s.slot[FHI, t] else (1 if y < 0.0 else -1)
            s.row[XB, m] = y
            s.islot[ACTIVE, t] = m
            s.islot[HEAT, t] = HOT
            m += 1
    return m, b


@inner
def ascend(s, n, tol, cold, limit):
    """Greatest value of the dual function over the rows and hot lines; the caller checks all other lines.

    Leaves X, the duals in slot[DUAL], the modes of the columns and state[RULED], state[HELDS]. Returns a
    status.
    """
    balances = s.head[BALANCES]
    m, b = start(s, n, cold)
    y = s.row[XB]
    way = s.row[VEC]
    right = s.col[DIR]
    soft = s.row[VEC3]
    u = s.col[RED]
    v = s.col[ALPHA]
    mode = s.col[MODE]
    inside = s.irow[ACT]
    held = s.irow[BAS]
    prices(s, n, m)
    answer(u, s.col[TMP], s.col[GOAL], mode, s.col[PREV], n)
    remainders(s, n, m)
    for _ in range(limit):
        s.state[QPS] += 1
        f = list_inside(mode, inside, n)
        assemble(
            s.a, s.wide, s.work, s.irow[TIEROWS], m, inside, f, held, b, s.col[PREV], s.col[COSTP], y,
            s.row[REST], right, s.col[TMP2], s.blocks, soft, SOFT,
        )  # fmt: skip
        if not solve_square(s.work, m + b, right, 1e-3 * SOFT):
            return STALLED
        for i in range(m + b):
            right[i] *= s.blocks[i]
        size = 0.0
        for i in range(m):
            way[i] = right[i] - y[i]
            size = max(size, abs(way[i]))
        # lines just taken in whose duals would grow the wrong way
        kept = m
        for i in range(m - 1, balances - 1, -1):
            if y[i] == 0.0 and s.irow[TIESIDES, i] * way[i] > 0.0:
                kept = drop_row(s, i, kept)
                way[i] = way[kept]
        if kept < m:
            m = kept
            continue
        small = 1e-9 * size
        for j in range(n):
            v[j] = 0.0
        add_rows(v, n, s.a, s.irow[TIEROWS], way, m, 1.0)
        # derivative of the dual function along the way, its loss per length, and the largest imbalance left
        slope = 0.0
        rate = 0.0
        for t in range(f):
            j = inside[t]
            move = s.col[PREV, j] * v[j]
            s.col[TMP2, t] = move
            slope += move * v[j]
            rate += move * v[j] if abs(v[j]) > small else 0.0
        gap = 0.0
        for i in range(m):
            slope += soft[i] * way[i] * way[i]
            gap = max(gap, abs(dot(s.wide[i], s.col[TMP2], f) + soft[i] * way[i]))
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
            bound = s.col[LOW, stop] if mode[stop] == AT_LOW else s.col[HIGH, stop]
            for i in range(m):
                s.row[REST, i] += s.a[s.irow[TIEROWS, i], stop] * bound
            mode[stop] = HELD
            held[b] = stop
            b += 1
        if stop >= 0 or passed > 0:
            continue
        # the working set's own solution
        at_bounds(s.col[X], s.col[LOW], s.col[HIGH], mode, n)
        dispatch(s, n, m, b, f)
        count = exceeded_lines(s, n, tol)
        left = release(s, m, b, tol)
        if count == 0 and left == b:
            for i in range(m):
                s.slot[DUAL, s.irow[TIEROWS, i]] = y[i]
            s.state[RULED] = m
            s.state[HELDS] = b
            return OK
        b = left
        if count > 0:
            if m + count > s.head[ROWCAP]:
                return GROW_ROWS
            at_bounds(s.col[X], s.col[LOW], s.col[HIGH], mode, n)
            for k in range(count):
                t = s.irow[PERM, k]
                if t >= 0:
                    add_row(s, n, t, 1, 0.0, m)
                else:
                    add_row(s, n, -1 - t, -1, 0.0, m)
                m += 1
    return STALLED


@inner
def solve_interior(s, m, f):
    """Dispatch X of the interior columns and duals row[Y] of the rows, where the active set determines both.

    Rows are irow[ROWS] with right sides row[VEC], columns irow[COLS]. False where the equations are not
    regular enough to tell: then ranks decide.
    """
    inside = s.irow[ACT]
    held = s.irow[BAS]
    inverse = s.col[PREV]
    n = 0
    b = 0
    for t in range(f):
        j = s.irow[COLS, t]
        if s.col[SLOPE, j] > 0.0:
            inside[n] = j
            inverse[j] = 1.0 / s.col[SLOPE, j]
            n += 1
        else:
            held[b] = j
            b += 1
    if b > m or m + b > s.work.shape[0]:
        return False
    right = s.col[DIR]
    y = s.row[Y]
    for i in range(m):
        y[i] = 0.0
    assemble(
        s.a, s.wide, s.work, s.irow[ROWS], m, inside, n, held, b, inverse, s.col[COST], y, s.row[VEC], right,
        s.col[TMP2], s.blocks, s.row[VEC3], 0.0,
    )  # fmt: skip
    if not solve_square(s.work, m + b, right, REGULAR):
        return False
    for i in range(m):
        y[i] = right[i] * s.blocks[i]
    for t in range(b):
        s.col[X, held[t]] = right[m + t] * s.blocks[m + t]
    u = s.col[TMP2]
    for t in range(n):
        u[t] = 0.0
    for i in range(m):
        packed = s.wide[i]
        for t in range(n):
            u[t] += y[i] * packed[t]
    for t in range(n):
        j = inside[t]
        s.col[X, j] = (u[t] - s.col[COST, j]) * inverse[j]
    return True
