"""The working basis: its inverse, and how the basis of the last round starts this one."""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.dense import invert, product, row_products, sum_rows
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    AGE,
    BAS,
    BASE,
    BIG,
    COSTP,
    DIR,
    FHI,
    FLO,
    FRESH,
    HEAT,
    HIGHP,
    HOT,
    KEPT,
    LOWP,
    NET,
    RED,
    REST,
    SHARE,
    SIDE,
    SIGN,
    SIZE,
    SLOTS,
    SUMMED,
    VEC,
    X,
)
from clearing.rounds.lanes import LANES, load, load_at, splat, store, store_at, where_less
from clearing.rounds.sites import net
from clearing.rounds.store import BALANCES, COLUMNS, LAYERS, SITES


@inner
def refactor(s, k):
    """w[i, p] = transposed inverse of the k × k basis matrix; False if singular."""
    w = s.w
    work = s.work
    for i in range(k):
        for p in range(k):
            work[p, i] = s.a[s.irow[ACT, i], s.irow[BAS, p]]
    # places behind the basis take part in all that is done eight at a time, so they have to stay 0
    for i in range(w.shape[0]):
        for p in range(k if i < k else 0, w.shape[1]):
            w[i, p] = 0.0
    return invert(work, w, k)


@inner
def restart(s):
    """The basis that every engine starts from: one column for each balance row."""
    m = s.head[BALANCES]
    for t in range(s.state[SLOTS]):
        s.islot[ACTIVE, t] = -1
    for i in range(m):
        s.irow[ACT, i] = i
        s.irow[SIDE, i] = 0
        s.irow[BAS, i] = s.cold[i]
        s.islot[ACTIVE, i] = i
    s.state[SIZE] = m
    refactor(s, m)
    s.state[AGE] = 0


@inner
def renew(s):
    """Fresh inverse of the present basis; the cold basis where it is singular."""
    s.state[AGE] = 0
    if not refactor(s, s.state[SIZE]):
        restart(s)


@merged
def set_duals(s):
    """y = B⁻ᵀ c_B, kept behind the columns' reduced costs."""
    short_loops()
    n = s.head[COLUMNS]
    k = s.state[SIZE]
    y = s.col[RED]
    c = s.row[VEC]
    w = s.w
    cost = s.col[COSTP]
    bas = s.irow[BAS]
    for p in range(k):
        c[p] = cost[bas[p]]
    for p in range(k, (k + LANES - 1) // LANES * LANES):
        c[p] = 0.0
    for i in range(k):
        y[n + i] = product(w[i], c, k)


@inner
def remove_row(s, k, i, p):
    """Drop row i and basic place p; the last row and place move into the gaps. Returns k − 1."""
    short_loops()
    w = s.w
    n = s.head[COLUMNS]
    inverse = 1.0 / w[i, p]
    for q in range(k):
        f = splat(w[q, p] * inverse)
        if q != i:
            for r in range(0, k, LANES):
                store_at(w, q, r, load_at(w, q, r) - f * load_at(w, i, r))
    last = k - 1
    act = s.irow[ACT]
    s.islot[ACTIVE, act[i]] = -1
    if i != last:
        for r in range(k):
            w[i, r] = w[last, r]
        act[i] = act[last]
        s.irow[SIDE, i] = s.irow[SIDE, last]
        s.islot[ACTIVE, act[i]] = i
        s.row[REST, i] = s.row[REST, last]
        for f in (RED, DIR, LOWP, HIGHP):
            s.col[f, n + i] = s.col[f, n + last]
    if p != last:
        for q in range(k):
            w[q, p] = w[q, last]
        s.irow[BAS, p] = s.irow[BAS, last]
    for q in range(k):
        w[q, last] = 0.0
    return last


@inner
def place(s):
    """Make the old basis dual feasible for new numbers: drop lines of wrong sign, flip columns."""
    short_loops()
    n = s.head[COLUMNS]
    balances = s.head[BALANCES]
    k = s.state[SIZE]
    red = s.col[RED]
    act = s.irow[ACT]
    bas = s.irow[BAS]
    sides = s.irow[SIDE]
    least = s.slot[FLO]
    most = s.slot[FHI]
    set_duals(s)
    i = balances
    while i < k:
        t = act[i]
        side = sides[i]
        if least[t] == most[t]:
            side = 0
        elif side == 0:
            side = 1 if red[n + i] <= 0.0 else -1
        sides[i] = side
        bound = least[t] if side < 0 else most[t]
        if side * red[n + i] > 0.0 or abs(bound) >= BIG:
            p = 0
            for r in range(1, k):
                if abs(s.w[i, r]) > abs(s.w[i, p]):
                    p = r
            s.col[DIR, bas[p]] = 1.0
            k = remove_row(s, k, i, p)
            s.state[SIZE] = k
            set_duals(s)
            i = balances
        else:
            i += 1
    flip(s, n, k)
    low = s.col[LOWP]
    high = s.col[HIGHP]
    x = s.col[X]
    direction = s.col[DIR]
    for p in range(k):
        j = bas[p]
        direction[j] = 0.0
        x[j] = 0.0
        red[j] = 0.0
    fresh = s.row[FRESH]
    rest = s.row[REST]
    base = s.slot[BASE]
    heat = s.slot[HEAT]
    net(s, s.site[NET])
    row_products(fresh, s.head[SITES], s.rows, act, k, s.site[NET])
    s.state[KEPT] = 1
    s.state[SUMMED] = 0
    for i in range(k):
        t = act[i]
        side = sides[i]
        bound = least[t] if side < 0 else most[t]
        rest[i] = bound - base[t] - fresh[i]
        low[n + i] = least[t]
        high[n + i] = most[t]
        direction[n + i] = -float(side)
        if i >= balances:
            heat[t] = HOT


@merged
def flip(s, n, k):
    """Reduced costs for the duals behind them, and every column at the bound that its own asks for."""
    red = s.col[RED]
    cost = s.col[COSTP]
    sign = s.col[SIGN]
    low = s.col[LOWP]
    high = s.col[HIGHP]
    x = s.col[X]
    direction = s.col[DIR]
    worth = s.site[SHARE]
    sum_rows(worth, s.head[SITES], s.rows, s.irow[ACT], red[n:], k)
    zero = splat(0.0)
    one = splat(1.0)
    for layer in range(s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
            j = at + b
            d = load(cost, j) - load(sign, j) * load(worth, b)
            top = load(high, j)
            floor = load(low, j)
            store(red, j, d)
            store(x, j, where_less(d, zero, top, floor))
            store(direction, j, where_less(floor, top, where_less(d, zero, zero - one, one), zero))
