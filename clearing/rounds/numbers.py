"""Numbers of a round from a batch's arrays into the engine's, and its outcome back into arrays."""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, part, short_loops
from clearing.rounds.dense import largest
from clearing.rounds.fields import (
    AFHI,
    AFLO,
    ASKED,
    BESIDE,
    BIG,
    BUYING,
    CHANGED,
    COST,
    DEAREST,
    DEMAND,
    FEW,
    FHI,
    FIXED,
    FLO,
    FLOOR,
    HIGH,
    KNOWN,
    LFHI,
    LFLO,
    LOW,
    MOST,
    READY,
    SAID,
    SELLING,
    SERVED,
    SHORTASKED,
    SHORTSAID,
    SLOPE,
    SLOTS,
    STALE,
    STATED,
    SUPPLIED,
    SUSC,
    VALID,
    WAY,
    WITHDRAWN,
    X,
)  # fmt: skip
from clearing.rounds.lanes import (
    LANES,
    equal_bits,
    gather,
    greatest,
    larger,
    less_bits,
    load,
    magnitude,
    splat,
    store,
    total,
    trailing_zeros,
    wrong_bits,
)
from clearing.rounds.lines import set_limits
from clearing.rounds.store import (
    BALANCES,
    BUSES,
    COLUMNS,
    LAYERS,
    LINES,
    LINKS,
    ORDER_SITES,
    ORDERS,
)


@inner
def take(s, r):
    """Prices and quantities of round r into its columns; False where one is nothing that a book may hold.

    Only blocks of orders that are not as in the last round are looked at closely. Columns of these orders are listed
    in `changed`, if they are few. habit[DEAREST] and habit[MOST] become the greatest |price| and quantity.
    """
    short_loops()
    said = s.book[SAID]
    asked = s.book[ASKED]
    n = s.head[ORDERS]
    price = s.in_price[min(r, s.in_price.shape[0] - 1)]
    mw = s.in_mw[min(r, s.in_mw.shape[0] - 1)]
    if n < LANES:
        for i in range(n):
            s.book[SHORTSAID, i] = price[i]
            s.book[SHORTASKED, i] = mw[i]
        price = s.book[SHORTSAID]
        mw = s.book[SHORTASKED]
    floor = s.book[FLOOR]
    way = s.book[WAY]
    plain = s.head[LAYERS] == 1 and n >= LANES
    limit = splat(1e15)
    dearest = splat(s.habit[DEAREST])
    most = splat(s.habit[MOST])
    none = splat(0.0)
    dear = none
    much = none
    trusted = 255 if s.state[VALID] > 0 else 0
    kept = 0
    lost = 0
    bad = 0
    changed = 0
    last = max(n - LANES, 0)
    last_block = max(n - 1, 0) & -LANES
    j = 0
    while True:
        p = load(price, j)
        q = load(mw, j)
        as_asked = equal_bits(q, load(asked, j)) & trusted
        same = equal_bits(p, load(said, j)) & as_asked
        if same == 255:
            kept += 1
        else:
            if same == 0 or changed > FEW - LANES:
                changed = FEW + 1
            else:
                changed = list_changed(s, same ^ 255, j, changed)
            # the greatest numbers of the last round may be among those that are no more
            lost |= wrong_bits(magnitude(load(said, j)), dearest) | wrong_bits(load(asked, j), most)
            store(said, j, p)
            store(asked, j, q)
            if as_asked != 255:
                tally(s, j & -LANES)
                if j & (LANES - 1) != 0:  # the last eight may lie across two
                    tally(s, last_block)
            if plain:
                store(s.col[COST], j, load(way, j) * p)
                store(s.col[HIGH], j, q)
            else:
                put_down(s, j, min(j + LANES, n))
            size = magnitude(p)
            bad |= wrong_bits(size, limit) | wrong_bits(q, limit) | less_bits(q, larger(load(floor, j), none))
            dear = larger(dear, size)
            much = larger(much, q)
        if j == last:
            break
        j = min(j + LANES, last)  # the last block may overlap the one before
    if kept > 0 and lost == 0:
        dear = larger(dear, dearest)
        much = larger(much, most)
    elif kept > 0:
        for j in range(0, n, LANES):
            dear = larger(dear, magnitude(load(said, j)))
            much = larger(much, load(asked, j))
    s.habit[DEAREST] = greatest(dear)
    s.habit[MOST] = greatest(much)
    s.state[VALID] = 1 if bad == 0 else 0
    s.state[CHANGED] = changed if changed <= FEW else -1
    return bad == 0


@merged
def list_changed(s, bits, first, count):
    """Columns of the orders first … first + 7 that the bits name into `changed`, which has `count`; their number then."""
    while bits != 0:
        s.changed[count] = s.column[first + trailing_zeros(bits)]
        count += 1
        bits &= bits - 1
    return count


@merged
def put_down(s, first, last):
    """Costs and quantities of some orders into their columns."""
    short_loops()
    for i in range(first, last):
        j = s.column[i]
        s.col[COST, j] = s.book[WAY, i] * s.book[SAID, i]
        s.col[HIGH, j] = s.book[ASKED, i]


@merged
def tally(s, first):
    """What the eight orders from `first` on, a multiple of eight, can sell and buy."""
    zero = splat(0.0)
    mw = load(s.book[WAY], first) * load(s.book[ASKED], first)
    s.book[SELLING, first // LANES] = total(larger(mw, zero))
    s.book[BUYING, first // LANES] = total(larger(zero - mw, zero))


@merged
def most_traded(s):
    """The most MW that can change hands: what all may sell or what all may buy, whichever is less."""
    sold = bought = splat(0.0)
    for b in range(0, (s.head[ORDERS] + LANES - 1) // LANES, LANES):
        sold = sold + load(s.book[SELLING], b)
        bought = bought + load(s.book[BUYING], b)
    withdrawn = s.habit[SERVED] + s.habit[WITHDRAWN]
    return min(total(sold) + s.habit[SUPPLIED], total(bought) + withdrawn)


@part
def read_round(s, r):
    """Numbers of round r into the arrays. Returns (MW scale, any slope, valid).

    Quantities far beyond what can be traded, as of an unlimited offer, do not set the scale of MW, down to 1e-9 of them.
    """
    valid = take(s, r)
    nb = s.head[BUSES]
    news = s.state[STALE] > 0
    if s.in_fixed.shape[0] > 0:
        news = True
        fixed = s.in_fixed[min(r, s.in_fixed.shape[0] - 1)]
        for b in range(nb):
            s.bus[DEMAND, b] = fixed[b]
            valid &= abs(fixed[b]) < 1e15
    if s.in_limit.shape[0] > 0:
        news = True
        limit = s.in_limit[min(r, s.in_limit.shape[0] - 1)]
        for line in range(s.head[LINES]):
            f = limit[line]
            valid &= f >= 0.0
            f = min(f, BIG) if s.lin[SUSC, line] != 0.0 else BIG
            low = max(-f, s.lin[AFLO, line])
            high = min(f, s.lin[AFHI, line])
            valid &= low < high  # a closed line is an equation, which is left to the general path
            s.lin[LFLO, line] = low
            s.lin[LFHI, line] = high
    if news:
        s.state[STALE] = 0
        s.state[KNOWN] = 0
        s.state[READY] = 0
        for i in range(s.head[BALANCES]):
            d = 0.0
            for b in range(nb):
                d += s.ptdf[i, b] * s.bus[DEMAND, b]
            s.slot[FLO, i] = d
            s.slot[FHI, i] = d
        for t in range(s.head[BALANCES], s.state[SLOTS]):
            set_limits(s, t)
        s.habit[FIXED] = largest(s.bus[DEMAND], nb)
        s.habit[BESIDE] = max(s.habit[FIXED], largest(s.col[LOW], s.head[COLUMNS]))
        s.habit[SERVED] = s.habit[SUPPLIED] = 0.0
        for b in range(nb):
            d = s.bus[DEMAND, b]
            s.habit[SERVED] += max(d, 0.0)
            s.habit[SUPPLIED] += max(-d, 0.0)
        if s.head[LINKS] > 0:
            of_links = largest(s.col[HIGH, s.head[ORDER_SITES] :], s.head[LINKS])
            s.habit[BESIDE] = max(s.habit[BESIDE], of_links)
    traded = most_traded(s)
    sloped = False
    stated = s.habit[DEAREST]
    if s.in_slope.shape[0] > 0:
        slope = s.in_slope[min(r, s.in_slope.shape[0] - 1)]
        for i in range(s.head[ORDERS]):
            v = slope[i]
            j = s.column[i]
            s.col[SLOPE, j] = v
            valid &= v >= 0.0 and v < BIG
            sloped |= v > 0.0
            mw = min(max(s.col[HIGH, j], -s.col[LOW, j]), traded)
            stated = max(stated, abs(s.book[SAID, i]) + v * mw)
    s.habit[STATED] = stated
    if not valid:
        s.state[READY] = 0
    most = max(s.habit[MOST], s.habit[BESIDE])
    mw_scale = max(min(most, traded), 1e-9 * most) if traded > 0.0 else most
    return mw_scale if mw_scale > 0.0 else 1.0, sloped, valid


@inner
def accept(s, target):
    """Dispatch in the order of the book."""
    x = s.col[X]
    n = s.head[ORDERS]
    j = 0
    while j + LANES <= n:
        store(target, j, gather(x, s.column, j))
        j += LANES
    while j < n:
        target[j] = x[s.column[j]]
        j += 1


@merged
def copy_row(source, target, n):
    j = 0
    while j + LANES <= n:
        store(target, j, load(source, j))
        j += LANES
    while j < n:
        target[j] = source[j]
        j += 1
