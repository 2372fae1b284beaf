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

from clearing.rounds.compiled import inner
from clearing.rounds.dense import add_rows, dot
from clearing.rounds.equations import assemble, solve_square
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    ALPHA,
    BAS,
    BASE,
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
    HOT,
    INFEASIBLE,
    LOW,
    LOWP,
    MODE,
    OK,
    PERM,
    PREV,
    QPS,
    RED,
    REST,
    RULED,
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
)
from clearing.rounds.pieces import AT_HIGH, AT_LOW, FIXED, HELD, answer, at_bounds, follow, kinks, list_inside
from clearing.rounds.store import BALANCES, ROWCAP

ROUGH = 1e6  # of the tolerance: imbalances up to this may be rounding errors, which a second solution removes
SOFT = 1e-9  # relative regularisation of H: a direction without curvature goes straight to a kink


@inner
def remainders(s, n, m):
    """row[REST] = each row's limit less what the columns at bounds contribute."""
    at_bounds(s.col[X], s.col[LOW], s.col[HIGH], s.col[MODE], n)
    for i in range(m):
        t = s.irow[TIEROWS, i]
        bound = s.slot[FLO, t] if s.irow[TIESIDES, i] < 0 else s.slot[FHI, t]
        s.row[REST, i] = bound - s.slot[BASE, t] - dot(s.a[t], s.col[X], n)


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
    s.slot[HEAT, t] = HOT
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
        if s.slot[HEAT, t] > 0 and s.islot[ACTIVE, t] < 0:
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
            s.slot[HEAT, t] = HOT
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
    known = s.col[LOWP]  # dispatch of the held columns when the rows last lacked little
    again = False
    prices(s, n, m)
    answer(u, s.col[TMP], s.col[GOAL], mode, s.col[PREV], n)
    remainders(s, n, m)
    for _ in range(limit):
        s.state[QPS] += 1
        if m + b >= s.work.shape[1]:
            return GROW_ROWS
        f = list_inside(mode, inside, n)
        assemble(
            s.a, s.wide, s.work, s.irow[TIEROWS], m, inside, f, held, b, s.col[PREV], s.col[COSTP], u,
            known, s.row[REST], right, s.col[TMP2], s.blocks, soft, SOFT,
        )  # fmt: skip
        if not solve_square(s.work, m + b, right, 1e-3 * SOFT):
            return STALLED
        size = 0.0
        for i in range(m):
            way[i] = right[i] * s.blocks[i]
            size = max(size, abs(way[i]))
        for t in range(b):
            right[m + t] = known[held[t]] + right[m + t] * s.blocks[m + t]
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
            bound = s.col[LOW, stop] if mode[stop] == AT_LOW else s.col[HIGH, stop]
            for i in range(m):
                s.row[REST, i] += s.a[s.irow[TIEROWS, i], stop] * bound
            mode[stop] = HELD
            known[stop] = bound
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
