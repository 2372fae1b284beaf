"""Books with slopes, fast: Newton steps on the dual function, each to the optimum of a model with sign limits.

The dual function of Σ cost x + ½ slope x² over boxes, balance rows and line limits is concave and piecewise
quadratic in the duals y of the rows: column j answers x_j = clip((A_jᵀy − cost_j) / slope_j) to its price.
Step orders get the slope of a narrow band (`band` in price over their whole quantity), so that all columns
are alike. One step takes the columns' present curvature, finds the best duals of that quadratic model with
every line's dual on its side of zero (`model.best_duals`), and goes along the straight way there as far as
the true function rises (`search.rise`). This is semismooth Newton with an exact line search; it ends after
5 to 10 steps where one kink at a time needs 20. In the first steps the curvature is that of a window of
prices around the present ones, since the pieces nearby say more about the way than the piece itself.

What it ends with is a guess of the active set, made exact and tested by the caller.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged
from clearing.rounds.dense import add_rows, dot
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    ALPHA,
    BASE,
    BIG,
    COSTP,
    DUAL,
    FHI,
    FLO,
    GOAL,
    GROW_ROWS,
    HEAT,
    HIGH,
    HOT,
    LOW,
    OK,
    PERM,
    PREV,
    QPS,
    RED,
    REST,
    RULED,
    SLOPE,
    SLOTS,
    STALLED,
    TIEROWS,
    TIESIDES,
    TMP,
    VEC,
    XB,
    X,
)  # fmt: skip
from clearing.rounds.model import WIDE, best_duals, curvature
from clearing.rounds.search import rise
from clearing.rounds.store import BALANCES, ROWCAP

WINDOW = 0.1  # of the price of the first balance row: the window of the first step
SHARE = 0.6  # of the worst excess: lines beyond their limits by less wait
LOOK = 0.5  # a shorter step is followed by one that looks at its rows alone
NARROW = 0.1  # what becomes of it after a step that the model foresaw


@inner
def inverses(inverse, slope, low, high, band, n):
    """One over each column's slope, which is at least `band` over its range; 0 for fixed columns."""
    wide = 1.0 / band
    for j in range(n):
        room = (high[j] - low[j]) * wide
        v = 1.0 / max(slope[j], 1e-300)
        inverse[j] = min(v, room)


@inner
def respond(x, u, cost, inverse, low, high, n):
    """x = clip((u − cost) · inverse, low, high)."""
    for j in range(n):
        v = (u[j] - cost[j]) * inverse[j]
        v = max(low[j], v)
        x[j] = min(high[j], v)


@inner
def local_weights(weight, u, cost, inverse, low, high, n):
    """Curvature of each column's answer at its price."""
    for j in range(n):
        v = (u[j] - cost[j]) * inverse[j]
        inside = (v >= low[j]) & (v <= high[j])
        weight[j] = inverse[j] if inside else 0.0


@inner
def window_weights(weight, u, cost, inverse, low, high, width, n):
    """The same, on average over prices up to `width` away, or at the price where that is more."""
    share = 0.5 / width
    for j in range(n):
        v = (u[j] - cost[j]) * inverse[j]
        inside = (v >= low[j]) & (v <= high[j])
        reach = width * inverse[j]
        above = min(high[j], max(low[j], v + reach))
        below = min(high[j], max(low[j], v - reach))
        weight[j] = max((above - below) * share, inverse[j] if inside else 0.0)


@inner
def list_weights(weight, chosen, n):
    """List the columns with curvature, their weights in front of `weight`; as many as fill whole vectors."""
    f = 0
    for j in range(n):
        w = weight[j]
        chosen[f] = j
        weight[f] = w
        f += w > 0.0
    whole = (f + WIDE - 1) // WIDE * WIDE
    for k in range(f, whole):
        chosen[k] = 0
        weight[k] = 0.0
    return whole


@merged
def begin(s):
    """Rows of the last round's duals, and the balances. Returns their number."""
    balances = s.head[BALANCES]
    m = 0
    for t in range(s.state[SLOTS]):
        y = s.slot[DUAL, t]
        s.islot[ACTIVE, t] = -1
        if t < balances or (y != 0.0 and m < s.head[ROWCAP] - 1):
            s.irow[TIEROWS, m] = t
            s.irow[TIESIDES, m] = 0 if s.slot[FLO, t] == s.slot[FHI, t] else (1 if y < 0.0 else -1)
            s.row[XB, m] = y
            s.islot[ACTIVE, t] = m
            s.islot[HEAT, t] = HOT
            m += 1
    return m


@merged
def imbalances(s, n, m):
    """row[REST] = what each row lacks at the dispatch X; returns the largest."""
    x = s.col[X]
    worst = 0.0
    for i in range(m):
        t = s.irow[TIEROWS, i]
        bound = s.slot[FHI, t] if s.irow[TIESIDES, i] > 0 else s.slot[FLO, t]
        g = bound - s.slot[BASE, t] - dot(s.a[t], x, n)
        s.row[REST, i] = g
        worst = max(worst, abs(g))
    return worst


@merged
def exceeded(s, n, m, tol, cold):
    """Append the lines that the dispatch X exceeds most to the m rows, of all slots or of the hot ones.

    Returns (rows, greatest excess, negative where there is room everywhere, whether a row found no room).
    """
    x = s.col[X]
    closest = -BIG
    most = 0.0
    count = 0
    for t in range(s.head[BALANCES], s.state[SLOTS]):
        if s.islot[ACTIVE, t] < 0 and (cold or s.islot[HEAT, t] > 0):
            f = s.slot[BASE, t] + dot(s.a[t], x, n)
            above = f - s.slot[FHI, t]
            below = s.slot[FLO, t] - f
            over = max(above, below)
            closest = max(closest, over)
            if over > max(tol, SHARE * most):
                most = max(most, over)
                s.irow[PERM, count] = t if above > below else -1 - t
                s.col[GOAL, count] = over
                count += 1
    for k in range(count):
        over = s.col[GOAL, k]
        if over > SHARE * most:
            if m + 1 >= s.head[ROWCAP]:
                return m, closest, True
            t = s.irow[PERM, k]
            above = t >= 0
            t = t if above else -1 - t
            s.irow[TIEROWS, m] = t
            s.irow[TIESIDES, m] = 0 if s.slot[FLO, t] == s.slot[FHI, t] else (1 if above else -1)
            s.row[XB, m] = 0.0
            s.row[REST, m] = -over if above else over
            s.islot[ACTIVE, t] = m
            s.islot[HEAT, t] = HOT
            m += 1
    return m, closest, False


@inner
def close(s, n, m, closest, tol):
    """Keep the duals; append the lines at a limit beside the m rows, as far as there is room."""
    x = s.col[X]
    for i in range(m):
        s.slot[DUAL, s.irow[TIEROWS, i]] = s.row[XB, i]
    for t in range(s.head[BALANCES], s.state[SLOTS] if closest >= -tol else 0):
        if s.islot[ACTIVE, t] < 0 and m < s.head[ROWCAP]:
            f = s.slot[BASE, t] + dot(s.a[t], x, n)
            if min(s.slot[FHI, t] - f, f - s.slot[FLO, t]) <= tol:
                s.irow[TIEROWS, m] = t
                m += 1
    s.state[RULED] = m


@merged
def advance(s, m, length):
    """Duals after the step; lines whose dual has become 0 leave the rows. Returns how many stay."""
    y = s.row[XB]
    way = s.row[VEC]
    balances = s.head[BALANCES]
    kept = 0
    for i in range(m):
        t = s.irow[TIEROWS, i]
        side = s.irow[TIESIDES, i]
        v = y[i] + length * way[i]
        if t >= balances and (v == 0.0 or side * v > 0.0):
            s.islot[ACTIVE, t] = -1
            s.slot[DUAL, t] = 0.0
        else:
            s.irow[TIEROWS, kept] = t
            s.irow[TIESIDES, kept] = side
            s.islot[ACTIVE, t] = kept
            s.islot[HEAT, t] = HOT
            y[kept] = v
            kept += 1
    return kept


@inner
def climb(s, n, tol, band, limit):
    """Greatest value of the dual function with bands over the rows and hot lines.

    Leaves X, the duals in slot[DUAL], the rows in irow[TIEROWS] and state[RULED]. Returns a status.
    """
    u = s.col[RED]
    v = s.col[ALPHA]
    x = s.col[X]
    cost = s.col[COSTP]
    inverse = s.col[PREV]
    low = s.col[LOW]
    high = s.col[HIGH]
    y = s.row[XB]
    weight = s.col[TMP]
    inverses(inverse, s.col[SLOPE], low, high, band, n)
    m = begin(s)
    for j in range(n):
        u[j] = 0.0
    add_rows(u, n, s.a, s.irow[TIEROWS], y, m, 1.0)
    window = WINDOW * abs(y[0])
    before = 1e300
    near = 0.0
    looking = True
    for _ in range(limit):
        respond(x, u, cost, inverse, low, high, n)
        worst = imbalances(s, n, m)
        # what is left after the step of a true piece, or stays in spite of steps, is rounding in the bands
        settled = worst <= tol or (worst <= 1e4 * tol and worst <= near)
        settled |= worst <= 1e3 * tol and worst > 0.1 * before
        least = max(tol, 4.0 * worst) if settled else tol
        closest = 0.0
        full = False
        if looking or settled:
            m, closest, full = exceeded(s, n, m, least, settled)
        if full:
            return GROW_ROWS
        if settled and closest <= least:
            close(s, n, m, closest, 10.0 * max(worst, tol))
            return OK
        if before == 1e300 and max(worst, closest) <= 1e6 * tol:
            window = 0.0
        s.state[QPS] += 1
        if window > 1e-6 * abs(y[0]):
            window_weights(weight, u, cost, inverse, low, high, window, n)
        else:
            local_weights(weight, u, cost, inverse, low, high, n)
        f = list_weights(weight, s.irow[ACT], n)
        curvature(s, f, m)
        rate = best_duals(s, m)
        if not rate > 0.0:
            return STALLED
        for j in range(n):
            v[j] = 0.0
        add_rows(v, n, s.a, s.irow[TIEROWS], s.row[VEC], m, 1.0)
        bend = 0.0
        for t in range(f):
            j = s.irow[ACT, t]
            bend += weight[t] * v[j] * v[j]
        length = rise(s, n, rate, bend)
        m = advance(s, m, length)
        for j in range(n):
            u[j] += length * v[j]
        before = worst
        near = 1e-4 * worst if length == 1.0 else 0.0
        looking = length > LOOK or not looking
        window *= NARROW if length > 0.3 else (0.5 if length > 0.01 else 1.0)
    return STALLED
