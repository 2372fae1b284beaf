"""Numbers of a round from a batch's arrays into the engine's, and its outcome back into arrays."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, part, short_loops
from clearing.engine.grid.lines import set_limits
from clearing.engine.linalg.dense import largest
from clearing.engine.linalg.simd import (
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
from clearing.engine.memory.declare import FEW
from clearing.engine.memory.statuses import BIG


@inner
def take_bids(s, r):
    """Prices and quantities of round r into its columns; False where one is nothing that a book may hold.

    Only blocks of orders that are not as in the last round are looked at closely. Columns of these orders are
    listed in `changed`, if they are few. `greatest_price` and `greatest_mw` become the greatest |price| and
    quantity.
    """
    short_loops()
    said = s.bid_price
    asked = s.bid_mw
    n = s.orders
    price = s.in_price[min(r, s.in_price.shape[0] - 1)]
    mw = s.in_mw[min(r, s.in_mw.shape[0] - 1)]
    if n < LANES:
        for i in range(n):
            s.short_price[i] = price[i]
            s.short_mw[i] = mw[i]
        price = s.short_price
        mw = s.short_mw
    floor = s.bid_min_mw
    way = s.bid_side
    plain = s.layers == 1 and n >= LANES
    limit = splat(1e15)
    dearest = splat(s.greatest_price)
    most = splat(s.greatest_mw)
    none = splat(0.0)
    dear = none
    much = none
    trusted = 255 if s.bids_valid > 0 else 0
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
                sum_block(s, j & -LANES)
                if j & (LANES - 1) != 0:  # the last eight may lie across two
                    sum_block(s, last_block)
            if plain:
                store(s.cost, j, load(way, j) * p)
                store(s.upper, j, q)
            else:
                write_columns(s, j, min(j + LANES, n))
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
    s.greatest_price = greatest(dear)
    s.greatest_mw = greatest(much)
    s.bids_valid = 1 if bad == 0 else 0
    s.changed_count = changed if changed <= FEW else -1
    return bad == 0


@merged
def list_changed(s, bits, first, count):
    """Columns of the orders first … first + 7 that the bits name into `changed`, which has `count`; their
    number then.
    """
    while bits != 0:
        s.changed_columns[count] = s.order_column[first + trailing_zeros(bits)]
        count += 1
        bits &= bits - 1
    return count


@merged
def write_columns(s, first, last):
    """Costs and quantities of some orders into their columns."""
    short_loops()
    for i in range(first, last):
        j = s.order_column[i]
        s.cost[j] = s.bid_side[i] * s.bid_price[i]
        s.upper[j] = s.bid_mw[i]


@merged
def sum_block(s, first):
    """What the eight orders from `first` on, a multiple of eight, can sell and buy."""
    zero = splat(0.0)
    mw = load(s.bid_side, first) * load(s.bid_mw, first)
    s.block_sales[first // LANES] = total(larger(mw, zero))
    s.block_purchases[first // LANES] = total(larger(zero - mw, zero))


@merged
def most_tradable(s):
    """The most MW that can change hands: what all may sell or what all may buy, whichever is less."""
    sold = bought = splat(0.0)
    for b in range(0, (s.orders + LANES - 1) // LANES, LANES):
        sold = sold + load(s.block_sales, b)
        bought = bought + load(s.block_purchases, b)
    withdrawn = s.fixed_demand + s.withdrawable
    return min(total(sold) + s.fixed_supply, total(bought) + withdrawn)


@part
def read_round(s, r):
    """Numbers of round r into the arrays. Returns (MW scale, any slope, valid).

    Quantities far beyond what can be traded, as of an unlimited offer, do not set the scale of MW, down to
    1e-9 of them.
    """
    valid = take_bids(s, r)
    nb = s.buses
    news = s.limits_stale > 0
    if s.in_fixed.shape[0] > 0:
        news = True
        fixed = s.in_fixed[min(r, s.in_fixed.shape[0] - 1)]
        for b in range(nb):
            s.net_demand[b] = fixed[b]
            valid &= abs(fixed[b]) < 1e15
    if s.in_limit.shape[0] > 0:
        news = True
        limit = s.in_limit[min(r, s.in_limit.shape[0] - 1)]
        for line in range(s.lines):
            f = limit[line]
            valid &= f >= 0.0
            f = min(f, BIG) if s.susceptance[line] != 0.0 else BIG
            low = max(-f, s.angle_lower[line])
            high = min(f, s.angle_upper[line])
            valid &= low < high  # a closed line is an equation, which is left to the general path
            s.line_lower[line] = low
            s.line_upper[line] = high
    if news:
        s.limits_stale = 0
        s.cache_state = 0
        s.is_warm = 0
        for i in range(s.balances):
            d = 0.0
            for b in range(nb):
                d += s.ptdf[i, b] * s.net_demand[b]
            s.flow_lower[i] = d
            s.flow_upper[i] = d
        for t in range(s.balances, s.slots):
            set_limits(s, t)
        s.greatest_fixed = largest(s.net_demand, nb)
        s.greatest_other_mw = max(s.greatest_fixed, largest(s.lower, s.columns))
        s.fixed_demand = s.fixed_supply = 0.0
        for b in range(nb):
            d = s.net_demand[b]
            s.fixed_demand += max(d, 0.0)
            s.fixed_supply += max(-d, 0.0)
        if s.links > 0:
            of_links = largest(s.upper[s.order_sites :], s.links)
            s.greatest_other_mw = max(s.greatest_other_mw, of_links)
    traded = most_tradable(s)
    sloped = False
    stated = s.greatest_price
    if s.in_slope.shape[0] > 0:
        slope = s.in_slope[min(r, s.in_slope.shape[0] - 1)]
        for i in range(s.orders):
            v = slope[i]
            j = s.order_column[i]
            s.slope[j] = v
            valid &= v >= 0.0 and v < BIG
            sloped |= v > 0.0
            mw = min(max(s.upper[j], -s.lower[j]), traded)
            stated = max(stated, abs(s.bid_price[i]) + v * mw)
    s.greatest_stated_price = stated
    if not valid:
        s.is_warm = 0
    most = max(s.greatest_mw, s.greatest_other_mw)
    mw_scale = max(min(most, traded), 1e-9 * most) if traded > 0.0 else most
    return mw_scale if mw_scale > 0.0 else 1.0, sloped, valid


@inner
def write_accepted(s, target):
    """Dispatch in the order of the book."""
    x = s.dispatch
    n = s.orders
    j = 0
    while j + LANES <= n:
        store(target, j, gather(x, s.order_column, j))
        j += LANES
    while j < n:
        target[j] = x[s.order_column[j]]
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
