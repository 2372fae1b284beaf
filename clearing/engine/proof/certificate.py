"""Certificates of up to eight rounds from book and grid alone: rows P, D, C, G of docs/laws.md.

They see dispatch, prices and the lines' duals, recompute everything else, and know nothing of bases or
working sets. What concerns the columns is looked at round by round; angles, flows and the balance of every
bus are computed for eight rounds side by side, which costs hardly more than for one.

An outcome that is exact but for rounding meets far more than :mod:`clearing.certificate` asks for. So all
buses and columns are held to what that routine grants the least of them, its ROUNDING of the greatest MW and
price *of the outcome*: a round that passes here passes there, whatever sizes the book mixes, and no scale is
needed by bus or unit.
"""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.grid.bus_aggregation import price_sites
from clearing.engine.linalg.simd import (
    LANES,
    greatest,
    larger,
    less_bits,
    load,
    load_at,
    magnitude,
    smaller,
    splat,
    store,
    store_at,
    total,
    trailing_zeros,
    turn,
    where_less,
)
from clearing.engine.linalg.sparse import solve_eight

AT_LIMIT = 0.2  # of the tolerance: so close to its limit is a line that the outcome was computed from
COLUMN_MW, BUS_MW, LINE_MW = 1e-12, 1e-10, 1e-9  # of the greatest MW: what rounding may leave
COLUMN_PRICE, BUS_PRICE = 1e-11, 1e-9  # of the greatest price or shadow price
OWN_PRICE = 1e-5  # of the column's own price and that at its site
TURNOVER = 1e-6  # of the gap
PLAINLY = 0.1  # of the least that the gap may be: so small a slackness needs no excuse
NOTHING = 1e-250  # where there is nothing, nothing is wrong


@inner
def prove_columns(s, lane, edge):
    """Bounds, slackness, cost, |cost| and anything not finite, each summed over the columns; their greatest
    MW; and the greatest reduced cost of a column that is more than `edge`, which is rounding, away from the
    bound of its sign.
    """
    short_loops()
    x = s.dispatch
    cost = s.cost
    slope = s.slope
    low = s.lower
    high = s.upper
    sign = s.sign
    worth = s.site_price
    curved = s.was_sloped > 0
    price_sites(s, s.lmp)
    zero = splat(0.0)
    half = splat(0.5)
    far = splat(edge)
    bound = wrong = slack = spent = volume = moved = zero
    for layer in range(s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            j = at + b
            v = load(x, j)
            c = load(cost, j)
            d = c - load(sign, j) * load(worth, b)
            volume = volume + magnitude(c * v)
            moved = larger(moved, magnitude(v))
            if curved:
                k = load(slope, j)
                d = d + k * v
                c = c + half * k * v
            over = v - load(low, j)
            under = load(high, j) - v
            spent = spent + c * v
            bound = bound + smaller(smaller(over, under), zero)
            # least value of the Lagrangian over the box is at the bound that the sign of d asks for
            slack = slack + larger(d * over, zero - d * under)
            wrong = larger(
                wrong, larger(where_less(far, over, d, zero), where_less(far, under, zero - d, zero))
            )
    mw = max(greatest(moved), s.greatest_fixed)
    s.proof.mw_scale[lane] = mw
    s.proof.bound_violation[lane] = -total(bound)
    s.proof.stationarity[lane] = greatest(wrong)
    s.proof.slackness[lane] = total(slack)
    s.proof.net_cost[lane] = total(spent)
    s.proof.turnover[lane] = total(volume)
    s.proof.not_finite[lane] = s.proof.net_cost[lane] + s.proof.slackness[lane]
    none = COLUMN_PRICE * s.proof.price_scale[lane] + s.proof.tie_width[lane]
    if s.proof.stationarity[lane] > none or s.proof.slackness[lane] > PLAINLY * mw * none:
        excuse_ties(s, lane, far, none)


@inner
def excuse_ties(s, lane, far, none):
    """Slackness and greatest reduced cost less what :mod:`clearing.certificate` excuses.

    That is what a reduced cost owes to its own price; and in the slackness a reduced cost that is no more
    than `none`, rounding or a tie: beside an unlimited quantity it would count without end.
    """
    short_loops()
    x = s.dispatch
    worth = s.site_price
    zero = splat(0.0)
    own = splat(OWN_PRICE)
    least = splat(none)
    excess = slack = zero
    for layer in range(s.layers):
        at = s.layer_first[layer]
        for b in range(0, s.layer_width[layer], LANES):
            j = at + b
            v = load(x, j)
            c = load(s.cost, j)
            price = load(worth, b)
            d = c - load(s.sign, j) * price
            if s.was_sloped > 0:
                d = d + load(s.slope, j) * v
            over = v - load(s.lower, j)
            under = load(s.upper, j) - v
            slack = slack + where_less(least, magnitude(d), larger(d * over, zero - d * under), zero)
            wrong = larger(where_less(far, over, d, zero), where_less(far, under, zero - d, zero))
            excess = larger(excess, wrong - own * (magnitude(c) + magnitude(price)))
    s.proof.stationarity[lane] = greatest(excess)
    s.proof.slackness[lane] = total(slack)


@inner
def prove(s, live):
    """`proof.worst`: worst residual over its tolerance, ≤ 1 holds, of the first `live` rounds put aside.

    Also 1e300 where a line beyond its limit, or at it, was not known to the round (law 3). `flow` becomes
    that of the lines at a limit, and of all where the caller wants them.
    """
    short_loops()
    zero = splat(0.0)
    if live == 1:  # the other places hold the same
        for b in range(s.buses):
            store_at(s.proof.injection, b, 0, splat(s.proof.injection_rows[0, b]))
            store_at(s.proof.price, b, 0, splat(s.proof.price_rows[0, b]))
    else:
        for b in range(0, s.proof.injection_rows.shape[1], LANES):
            turn(s.proof.injection_rows, 0, b, s.proof.injection)
            turn(s.proof.price_rows, 0, b, s.proof.price)
    solve_eight(s, s.proof.injection, s.proof.angle, s.proof.work)
    for lane in range(live):
        s.proof.tight_found[lane] = 0
        s.proof.is_astray[lane] = 0
        for k in range(s.proof.tight_count[lane]):
            line = s.proof.tight_line[lane, k]
            v = s.susceptance[line] * s.proof.tight_dual[lane, k]
            add_pull(s, s.from_bus[line], lane, v)
            add_pull(s, s.to_bus[line], lane, -v)
    room = prove_lines(s, (1 << live) - 1)
    primal, nodal, finite = prove_buses(s)
    set_worst(s, live, primal, zero - room, nodal, finite)


@merged
def set_worst(s, live, primal, beyond, nodal, finite):
    """`proof.worst` of the rounds: their residuals over the tolerances."""
    short_loops()
    for lane in range(live):
        slack = s.proof.slackness[lane]
        none = COLUMN_PRICE * s.proof.price_scale[lane] + s.proof.tie_width[lane]
        for k in range(s.proof.tight_count[lane]):
            line = s.proof.tight_line[lane, k]
            v = s.proof.tight_dual[lane, k]
            flow = s.proof.flow[line, lane]
            if abs(v) > none:
                slack += abs(v * (s.line_upper[line] - flow) if v > 0.0 else v * (flow - s.line_lower[line]))
        if s.proof.is_astray[lane] > 0 or s.proof.tight_found[lane] < s.proof.tight_count[lane]:
            slack = 1e300
        s.proof.work[0, lane] = slack
    tiny = splat(NOTHING)
    mw = larger(load(s.proof.mw_scale, 0), tiny)
    cost = load(s.proof.price_scale, 0)
    tied = load(s.proof.tie_width, 0)
    slack = magnitude(load(s.proof.work[0], 0))
    # the gap between cost and dual function is the sum of all slacknesses; it also bounds each (row C1)
    money = splat(TURNOVER) * load(s.proof.turnover, 0) + mw * (splat(BUS_PRICE) * cost + tied)
    worst = larger(primal / (splat(BUS_MW) * mw), slack / larger(money, tiny))
    worst = larger(
        worst,
        larger(beyond / (splat(LINE_MW) * mw), load(s.proof.bound_violation, 0) / (splat(COLUMN_MW) * mw)),
    )
    worst = larger(worst, load(s.proof.stationarity, 0) / larger(splat(COLUMN_PRICE) * cost + tied, tiny))
    worst = larger(worst, nodal / larger(splat(BUS_PRICE) * cost + tied, tiny))
    finite = magnitude(finite + load(s.proof.not_finite, 0)) + slack
    store(s.proof.worst, 0, where_less(finite, splat(1e290), worst, splat(1e300)))


@merged
def add_pull(s, bus, lane, v):
    """The dual of a line asks for `v` of the prices around a bus, in one of the rounds."""
    if s.is_pulled[bus] == 0:
        s.is_pulled[bus] = 1
        store_at(s.proof.pull, bus, 0, splat(0.0))
    s.proof.pull[bus, lane] += v


@merged
def prove_lines(s, live):
    """Flows of all lines, and which stand at a limit; returns the least room that one has."""
    short_loops()
    angle = s.proof.angle
    flow = s.proof.flow
    susceptance = s.susceptance
    shift = s.shift_flow
    low = s.line_lower
    high = s.line_upper
    start = s.from_bus
    end = s.to_bus
    tight = s.proof.tight_line
    tol = load(s.proof.tolerance, 0)
    wanted = s.out_flow.shape[0] > 0
    least = splat(1e300)
    for line in range(s.lines):
        driven = splat(susceptance[line]) * (load_at(angle, start[line], 0) - load_at(angle, end[line], 0))
        driven = driven + splat(shift[line])
        room = smaller(splat(high[line]) - driven, driven - splat(low[line]))
        least = smaller(least, room)
        bits = less_bits(room, tol) & live
        if bits != 0 or wanted:
            store_at(flow, line, 0, driven)
        while bits != 0:
            lane = trailing_zeros(bits)
            bits &= bits - 1
            v = flow[line, lane]
            at = s.proof.tight_found[lane]
            known = at < s.proof.tight_count[lane] and tight[lane, at] == line
            if known and abs(min(high[line] - v, v - low[line])) <= AT_LIMIT * s.proof.tolerance[lane]:
                s.proof.tight_found[lane] = at + 1
            else:
                s.proof.is_astray[lane] = 1
    return least


@merged
def prove_buses(s):
    """(worst imbalance of a bus, worst residual of its price over its susceptances, anything not finite).

    A bus is balanced if its lines, of susceptance b, carry its injection away; its price fits if λ Σ b − Σ b
    λ_other cancels what the duals of those at a limit pull.
    """
    short_loops()
    left = s.proof.injection
    angle = s.proof.angle
    price = s.proof.price
    pull = s.proof.pull
    pulled = s.is_pulled
    weight = s.inverse_susceptance_sum
    joined = s.susceptance_sum
    first = s.neighbour_start
    beside = s.neighbour
    tie = s.neighbour_susceptance
    primal = splat(0.0)
    nodal = primal
    finite = primal
    for i in range(s.buses):
        whole = splat(joined[i])
        own = load_at(price, i, 0)
        rest = load_at(left, i, 0) - whole * load_at(angle, i, 0)
        drawn = whole * own
        if pulled[i] != 0:
            pulled[i] = 0
            drawn = drawn + load_at(pull, i, 0)
        for p in range(first[i], first[i + 1]):
            k = beside[p]
            b = splat(tie[p])
            rest = rest + b * load_at(angle, k, 0)
            drawn = drawn - b * load_at(price, k, 0)
        primal = larger(primal, magnitude(rest))
        nodal = larger(nodal, magnitude(drawn) * splat(weight[i]))
        finite = finite + rest + own + drawn
    return primal, nodal, finite
