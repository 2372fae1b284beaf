"""Certificates of up to eight rounds from book and grid alone: rows P, D, C, G of docs/laws.md.

They see dispatch, prices and the lines' duals, recompute everything else, and know nothing of bases or
working sets. What concerns the columns is looked at round by round; angles, flows and the balance of every
bus are computed for eight rounds side by side, which costs hardly more than for one.

An outcome that is exact but for rounding meets far more than :mod:`clearing.certificate` asks for. So all buses and
columns are held to what that routine grants the least of them, its ROUNDING of the greatest MW and price *of the
outcome*: a round that passes here passes there, whatever sizes the book mixes, and no scale is needed by bus or unit.
"""

from __future__ import annotations

from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.fields import (
    ASTRAY,
    BOUND,
    BSUM,
    COST,
    COSTSCALE,
    COUNT,
    CURVED,
    FINITE,
    FIXED,
    FOUND,
    HIGH,
    JOINED,
    LAM,
    LFHI,
    LFLO,
    LOW,
    MWSCALE,
    PULLED,
    SHIFT,
    SIGN,
    SLACKNESS,
    SLOPE,
    SPENT,
    STATIONARITY,
    SUSC,
    TIED,
    TOL,
    VOLUME,
    WORST,
    WORTH,
    X,
)  # fmt: skip
from clearing.rounds.lanes import (
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
from clearing.rounds.sites import value
from clearing.rounds.sparse import solve_eight
from clearing.rounds.store import BUSES, LAYERS, LINES

AT_LIMIT = 0.2  # of the tolerance: so close to its limit is a line that the outcome was computed from
COLUMN_MW, BUS_MW, LINE_MW = 1e-12, 1e-10, 1e-9  # of the greatest MW: what rounding may leave
COLUMN_PRICE, BUS_PRICE = 1e-11, 1e-9  # of the greatest price or shadow price
OWN_PRICE = 1e-5  # of the column's own price and that at its site
TURNOVER = 1e-6  # of the gap
PLAINLY = 0.1  # of the least that the gap may be: so small a slackness needs no excuse
NOTHING = 1e-250  # where there is nothing, nothing is wrong


@inner
def prove_columns(s, lane, edge):
    """Bounds, slackness, cost, |cost| and anything not finite, each summed over the columns; their greatest MW; and
    the greatest reduced cost of a column that is more than `edge`, which is rounding, away from the bound of its sign.
    """
    short_loops()
    note = s.note
    x = s.col[X]
    cost = s.col[COST]
    slope = s.col[SLOPE]
    low = s.col[LOW]
    high = s.col[HIGH]
    sign = s.col[SIGN]
    worth = s.site[WORTH]
    curved = s.state[CURVED] > 0
    value(s, s.bus[LAM])
    zero = splat(0.0)
    half = splat(0.5)
    far = splat(edge)
    bound = wrong = slack = spent = volume = moved = zero
    for layer in range(s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
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
    mw = max(greatest(moved), s.habit[FIXED])
    note[MWSCALE, lane] = mw
    note[BOUND, lane] = -total(bound)
    note[STATIONARITY, lane] = greatest(wrong)
    note[SLACKNESS, lane] = total(slack)
    note[SPENT, lane] = total(spent)
    note[VOLUME, lane] = total(volume)
    note[FINITE, lane] = note[SPENT, lane] + note[SLACKNESS, lane]
    none = COLUMN_PRICE * note[COSTSCALE, lane] + note[TIED, lane]
    if note[STATIONARITY, lane] > none or note[SLACKNESS, lane] > PLAINLY * mw * none:
        excuse(s, lane, far, none)


@inner
def excuse(s, lane, far, none):
    """Slackness and greatest reduced cost less what :mod:`clearing.certificate` excuses.

    That is what a reduced cost owes to its own price; and in the slackness a reduced cost that is no more than `none`,
    rounding or a tie: beside an unlimited quantity it would count without end.
    """
    short_loops()
    x = s.col[X]
    worth = s.site[WORTH]
    zero = splat(0.0)
    own = splat(OWN_PRICE)
    least = splat(none)
    excess = slack = zero
    for layer in range(s.head[LAYERS]):
        at = s.first[layer]
        for b in range(0, s.width[layer], LANES):
            j = at + b
            v = load(x, j)
            c = load(s.col[COST], j)
            price = load(worth, b)
            d = c - load(s.col[SIGN], j) * price
            if s.state[CURVED] > 0:
                d = d + load(s.col[SLOPE], j) * v
            over = v - load(s.col[LOW], j)
            under = load(s.col[HIGH], j) - v
            slack = slack + where_less(least, magnitude(d), larger(d * over, zero - d * under), zero)
            wrong = larger(where_less(far, over, d, zero), where_less(far, under, zero - d, zero))
            excess = larger(excess, wrong - own * (magnitude(c) + magnitude(price)))
    s.note[STATIONARITY, lane] = greatest(excess)
    s.note[SLACKNESS, lane] = total(slack)


@inner
def prove(s, live):
    """note[WORST]: worst residual over its tolerance, ≤ 1 holds, of the first `live` rounds put aside.

    Also 1e300 where a line beyond its limit, or at it, was not known to the round (law 3). `flow` becomes that of the
    lines at a limit, and of all where the caller wants them.
    """
    short_loops()
    zero = splat(0.0)
    if live == 1:  # the other places hold the same
        for b in range(s.head[BUSES]):
            store_at(s.left, b, 0, splat(s.inj[0, b]))
            store_at(s.price, b, 0, splat(s.lam[0, b]))
    else:
        for b in range(0, s.inj.shape[1], LANES):
            turn(s.inj, 0, b, s.left)
            turn(s.lam, 0, b, s.price)
    solve_eight(
        s.source, s.target, s.lower_start, s.lower_index, s.lower, s.upper_start, s.upper_index, s.upper, s.pivot,
        s.left, s.angle, s.sweep,
    )  # fmt: skip
    for lane in range(live):
        s.mark[FOUND, lane] = 0
        s.mark[ASTRAY, lane] = 0
        for k in range(s.mark[COUNT, lane]):
            line = s.tight[lane, k]
            v = s.lin[SUSC, line] * s.press[lane, k]
            draw(s, s.start[line], lane, v)
            draw(s, s.end[line], lane, -v)
    room = prove_lines(s, (1 << live) - 1)
    primal, nodal, finite = prove_buses(s)
    compare(s, live, primal, zero - room, nodal, finite)


@merged
def compare(s, live, primal, beyond, nodal, finite):
    """note[WORST] of the rounds: their residuals over the tolerances."""
    short_loops()
    note = s.note
    for lane in range(live):
        slack = note[SLACKNESS, lane]
        none = COLUMN_PRICE * note[COSTSCALE, lane] + note[TIED, lane]
        for k in range(s.mark[COUNT, lane]):
            line = s.tight[lane, k]
            v = s.press[lane, k]
            flow = s.flow[line, lane]
            if abs(v) > none:
                slack += abs(v * (s.lin[LFHI, line] - flow) if v > 0.0 else v * (flow - s.lin[LFLO, line]))
        if s.mark[ASTRAY, lane] > 0 or s.mark[FOUND, lane] < s.mark[COUNT, lane]:
            slack = 1e300
        s.sweep[0, lane] = slack
    tiny = splat(NOTHING)
    mw = larger(load(note[MWSCALE], 0), tiny)
    cost = load(note[COSTSCALE], 0)
    tied = load(note[TIED], 0)
    slack = magnitude(load(s.sweep[0], 0))
    # the gap between cost and dual function is the sum of all slacknesses; it also bounds each (row C1)
    money = splat(TURNOVER) * load(note[VOLUME], 0) + mw * (splat(BUS_PRICE) * cost + tied)
    worst = larger(primal / (splat(BUS_MW) * mw), slack / larger(money, tiny))
    worst = larger(
        worst, larger(beyond / (splat(LINE_MW) * mw), load(note[BOUND], 0) / (splat(COLUMN_MW) * mw))
    )
    worst = larger(worst, load(note[STATIONARITY], 0) / larger(splat(COLUMN_PRICE) * cost + tied, tiny))
    worst = larger(worst, nodal / larger(splat(BUS_PRICE) * cost + tied, tiny))
    finite = magnitude(finite + load(note[FINITE], 0)) + slack
    store(note[WORST], 0, where_less(finite, splat(1e290), worst, splat(1e300)))


@merged
def draw(s, bus, lane, v):
    """The dual of a line asks for `v` of the prices around a bus, in one of the rounds."""
    if s.ibus[PULLED, bus] == 0:
        s.ibus[PULLED, bus] = 1
        store_at(s.pull, bus, 0, splat(0.0))
    s.pull[bus, lane] += v


@merged
def prove_lines(s, live):
    """Flows of all lines, and which stand at a limit; returns the least room that one has."""
    short_loops()
    angle = s.angle
    flow = s.flow
    susceptance = s.lin[SUSC]
    shift = s.lin[SHIFT]
    low = s.lin[LFLO]
    high = s.lin[LFHI]
    start = s.start
    end = s.end
    note = s.note
    mark = s.mark
    tight = s.tight
    tol = load(note[TOL], 0)
    wanted = s.out_flow.shape[0] > 0
    least = splat(1e300)
    for line in range(s.head[LINES]):
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
            at = mark[FOUND, lane]
            known = at < mark[COUNT, lane] and tight[lane, at] == line
            if known and abs(min(high[line] - v, v - low[line])) <= AT_LIMIT * note[TOL, lane]:
                mark[FOUND, lane] = at + 1
            else:
                mark[ASTRAY, lane] = 1
    return least


@merged
def prove_buses(s):
    """(worst imbalance of a bus, worst residual of its price over its susceptances, anything not finite).

    A bus is balanced if its lines, of susceptance b, carry its injection away; its price fits if λ Σ b − Σ b λ_other
    cancels what the duals of those at a limit pull.
    """
    short_loops()
    left = s.left
    angle = s.angle
    price = s.price
    pull = s.pull
    pulled = s.ibus[PULLED]
    weight = s.bus[BSUM]
    joined = s.bus[JOINED]
    first = s.beside_start
    beside = s.beside
    tie = s.tie
    primal = splat(0.0)
    nodal = primal
    finite = primal
    for i in range(s.head[BUSES]):
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
