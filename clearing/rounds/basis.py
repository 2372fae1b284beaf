"""The working basis: its inverse, and how the basis of the last round starts this one."""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import invert, product, row_products
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
    RED,
    REST,
    SIDE,
    SIZE,
    SLOTS,
    VEC,
    X,
)
from clearing.rounds.lanes import LANES, load, load_at, splat, store, store_at, where_less
from clearing.rounds.store import BALANCES


@inner
def refactor(a, row, irow, w, work, k):
    """w[i, p] = transposed inverse of the basis matrix; False if singular."""
    for i in range(k):
        for p in range(k):
            work[p, i] = a[irow[ACT, i], irow[BAS, p]]
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
    refactor(s.a, s.row, s.irow, s.w, s.work, m)
    s.state[AGE] = 0


@inner
def renew(s):
    """Fresh inverse of the present basis; the cold basis where it is singular."""
    s.state[AGE] = 0
    if not refactor(s.a, s.row, s.irow, s.w, s.work, s.state[SIZE]):
        restart(s)


@inner
def set_duals(col, row, irow, w, n, k):
    """y = B⁻ᵀ c_B, kept behind the columns' reduced costs."""
    y = col[RED]
    c = row[VEC]
    cost = col[COSTP]
    for p in range(k):
        c[p] = cost[irow[BAS, p]]
    for p in range(k, (k + LANES - 1) // LANES * LANES):
        c[p] = 0.0
    for i in range(k):
        y[n + i] = product(w[i], c, k)


@inner
def remove_row(col, row, irow, islot, w, n, k, i, p):
    """Drop row i and basic place p; the last row and place move into the gaps. Returns k − 1."""
    inverse = 1.0 / w[i, p]
    for q in range(k):
        f = splat(w[q, p] * inverse)
        if q != i:
            for r in range(0, k, LANES):
                store_at(w, q, r, load_at(w, q, r) - f * load_at(w, i, r))
    last = k - 1
    islot[ACTIVE, irow[ACT, i]] = -1
    if i != last:
        for r in range(k):
            w[i, r] = w[last, r]
        irow[ACT, i] = irow[ACT, last]
        irow[SIDE, i] = irow[SIDE, last]
        islot[ACTIVE, irow[ACT, i]] = i
        row[REST, i] = row[REST, last]
        for f in (RED, DIR, LOWP, HIGHP):
            col[f, n + i] = col[f, n + last]
    if p != last:
        for q in range(k):
            w[q, p] = w[q, last]
        irow[BAS, p] = irow[BAS, last]
    for q in range(k):
        w[q, last] = 0.0
    return last


@inner
def place(col, a, slot, islot, row, irow, w, n, balances, state):
    """Make the old basis dual feasible for new numbers: drop lines of wrong sign, flip columns."""
    k = state[SIZE]
    red = col[RED]
    set_duals(col, row, irow, w, n, k)
    i = balances
    while i < k:
        s = irow[ACT, i]
        side = irow[SIDE, i]
        if slot[FLO, s] == slot[FHI, s]:
            side = 0
        elif side == 0:
            side = 1 if red[n + i] <= 0.0 else -1
        irow[SIDE, i] = side
        bound = slot[FLO, s] if side < 0 else slot[FHI, s]
        if side * red[n + i] > 0.0 or abs(bound) >= BIG:
            p = 0
            for r in range(1, k):
                if abs(w[i, r]) > abs(w[i, p]):
                    p = r
            col[DIR, irow[BAS, p]] = 1.0
            k = remove_row(col, row, irow, islot, w, n, k, i, p)
            set_duals(col, row, irow, w, n, k)
            i = balances
        else:
            i += 1
    state[SIZE] = k
    low = col[LOWP]
    high = col[HIGHP]
    x = col[X]
    direction = col[DIR]
    flip(red, col[COSTP], low, high, x, direction, a, irow[ACT], k, n)
    for p in range(k):
        j = irow[BAS, p]
        direction[j] = 0.0
        x[j] = 0.0
        red[j] = 0.0
    row_products(row[FRESH], n, a, irow[ACT], k, x)
    state[KEPT] = 1
    for i in range(k):
        s = irow[ACT, i]
        side = irow[SIDE, i]
        bound = slot[FLO, s] if side < 0 else slot[FHI, s]
        row[REST, i] = bound - slot[BASE, s] - row[FRESH, i]
        low[n + i] = slot[FLO, s]
        high[n + i] = slot[FHI, s]
        direction[n + i] = -float(side)
        if i >= balances:
            islot[HEAT, s] = HOT
    return k


@inner
def flip(red, cost, low, high, x, direction, a, act, k, n):
    """Reduced costs for the duals behind them, and every column at the bound that its own asks for."""
    zero = splat(0.0)
    one = splat(1.0)
    for j in range(0, n, 2 * LANES):
        d = load(cost, j)
        e = load(cost, j + LANES)
        for i in range(k):
            y = splat(red[n + i])
            d = d - y * load_at(a, act[i], j)
            e = e - y * load_at(a, act[i], j + LANES)
        store(red, j, d)
        store(red, j + LANES, e)
        top = load(high, j)
        floor = load(low, j)
        store(x, j, where_less(d, zero, top, floor))
        store(direction, j, where_less(floor, top, where_less(d, zero, zero - one, one), zero))
        top = load(high, j + LANES)
        floor = load(low, j + LANES)
        store(x, j + LANES, where_less(e, zero, top, floor))
        store(direction, j + LANES, where_less(floor, top, where_less(e, zero, zero - one, one), zero))
