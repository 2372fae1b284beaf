"""One round and batches of rounds: load, solve, decide ties, recompute, price, prove."""

from __future__ import annotations

import numpy as np

from clearing.rounds import apart
from clearing.rounds.attempt import MW_TOL, NOISE, attempt
from clearing.rounds.compiled import door, inner, merged, short_loops
from clearing.rounds.fields import (
    BAD_INPUT,
    BINDING,
    CAREFUL,
    CURVED,
    FAILED,
    FREEDOM,
    GROW_ROWS,
    HEAT,
    INFEASIBLE,
    KEPT,
    LAM,
    NOW,
    OF,
    OK,
    PIVOTS,
    READY,
    REDONE,
    RESIDUAL,
    ROOM,
    SIZE,
    SLOTS,
    SPENT,
    STATED,
    STATUS,
    STEPS,
    TIES,
    UNPRICED,
    UNSET,
    WORST,
    X,
)  # fmt: skip
from clearing.rounds.lanes import (
    LANES,
    fetch,
)
from clearing.rounds.numbers import accept, copy_row, read_round
from clearing.rounds.outcome import put_aside
from clearing.rounds.proof import prove
from clearing.rounds.start import choose_start, learn
from clearing.rounds.store import (
    BALANCES,
    BUSES,
    COMPONENTS,
    LAYERS,
    LINES,
    ORDERS,
    lend_accepted,
    lend_fixed,
    lend_flow,
    lend_high,
    lend_info,
    lend_limit,
    lend_lmp,
    lend_low,
    lend_mw,
    lend_price,
    lend_slope,
    lend_welfare,
    unpack,
)


@inner
def clear_round(s, rule, r, lane, number):
    """Solve row r and put it aside as one of eight to be proven. Returns a status; see `attempt` for `number`."""
    short_loops()
    out = s.out_info[r]
    out[TIES] = out[FREEDOM] = out[UNPRICED] = 0.0
    s.state[KEPT] = 0
    s.state[NOW] += 1
    mw_scale, sloped, valid = read_round(s, r)
    if not valid:
        return BAD_INPUT
    fetch_row(s.in_price, r + 1)
    fetch_row(s.in_mw, r + 1)
    unpriced = s.ibus[UNSET]
    components = s.head[COMPONENTS]
    for c in range(components):
        unpriced[c] = 0
    if sloped != (s.state[CURVED] > 0):  # these rounds remember other dispatches at the last look at a line
        s.state[CURVED] = 1 if sloped else 0
        for t in range(s.head[BALANCES], s.state[SLOTS]):
            s.slot[ROOM, t] = 0.0
    dearest = s.habit[STATED] if s.habit[STATED] > 0.0 else 1.0
    start = -1
    if number == 0 and s.state[CAREFUL] == 0 and not sloped:
        status, start = choose_start(s, NOISE * dearest, 0.1 * MW_TOL * mw_scale, 1e-14 * dearest)
        if status != OK:
            return status
    before = s.state[PIVOTS]
    status, m, rank = attempt(s, number, rule, dearest, mw_scale, sloped, out, unpriced)
    out[STEPS] += s.state[PIVOTS] - before
    if start >= 0:
        learn(s, start, s.state[PIVOTS] - before)
    if sloped:
        for t in range(s.head[BALANCES], s.state[SLOTS]):
            s.slot[HEAT, t] = max(s.slot[HEAT, t] - 1.0, 0.0)
    if status != OK:
        return status
    fetch_row(s.out_accepted, r)
    fetch_row(s.out_lmp, r)
    put_aside(s, lane, m, MW_TOL * mw_scale)
    s.out_welfare[r] = -s.note[SPENT, lane]
    out[FREEDOM] = m - rank
    out[BINDING] = m - s.head[BALANCES]
    if s.out_low.shape[0] > 0:
        s.state[READY] = 0  # its arrays are lent to the search for intervals
        status = apart.bus_intervals(s, m, rank, dearest, s.out_low[r], s.out_high[r])
        if status != OK:
            return status
    if s.out_accepted.shape[0] > 0:
        if s.head[LAYERS] == 1:
            copy_row(s.col[X], s.out_accepted[r], s.head[ORDERS])
        else:
            accept(s, s.out_accepted[r])
    if s.out_lmp.shape[0] > 0:
        copy_row(s.bus[LAM], s.out_lmp[r], s.head[BUSES])
    if rank < m:
        for c in range(components):
            if unpriced[c] > 0:
                out[UNPRICED] += 1.0
                if s.out_lmp.shape[0] > 0:
                    for b in range(s.head[BUSES]):
                        if s.ibus[OF, b] == c:
                            s.out_lmp[r, b] = np.nan
    return OK


@door
def clear_rounds(
    floats, ints, price, mw, slope, fixed, limit, rule, first, accepted, lmp, low, high, flow, welfare, info
):
    """Clear rows first, first + 1, … of the batch. Returns (0 or the GROW or LOAD status that stopped it, rows done).

    price and mw (× orders) have 1 or `rounds` rows; slope, fixed (× buses), limit (× lines) may have none.
    Outputs with 0 rows are not wanted. Eight rounds are solved one after the other and proven together;
    a round that is not proven so is solved again by itself, with a look at all lines on the way.
    """
    s = unpack(floats, ints)
    lend_price(s, price)
    lend_mw(s, mw)
    lend_slope(s, slope)
    lend_fixed(s, fixed)
    lend_limit(s, limit)
    lend_accepted(s, accepted)
    lend_lmp(s, lmp)
    lend_low(s, low)
    lend_high(s, high)
    lend_flow(s, flow)
    lend_welfare(s, welfare)
    lend_info(s, info)
    state = s.state
    rounds = info.shape[0]
    width = LANES if fixed.shape[0] <= 1 and limit.shape[0] <= 1 else 1
    r = k = first  # eight rounds from r on; k is the one to be solved
    last = min(r + width, rounds)
    state[CAREFUL] = number = 0
    while k < rounds:
        alone = state[CAREFUL] > 0
        status = apart.clear_round(s, rule, k, 0 if alone else k - r, number)
        if status >= GROW_ROWS:
            state[SIZE] = 0
            return status, r
        info[k, STATUS] = status
        k += 1
        if not alone:
            if k < last:
                continue
            conclude(s, r, last - r)
            state[CAREFUL] = 1
            k = r
        else:
            state[REDONE] += 1
            number += 1
            info[k - 1, RESIDUAL] = 1e300
            if status == OK:
                conclude(s, k - 1, 1)
            if not proven(info, k - 1):
                if number < 3 and status != BAD_INPUT and (status != INFEASIBLE or number < 2):
                    k -= 1
                    continue
                give_up(s, k - 1)
        number = 0
        while k < last and (proven(info, k) or info[k, STATUS] == BAD_INPUT):
            if info[k, STATUS] == BAD_INPUT:
                give_up(s, k)
            k += 1
        if k == last:
            r = last
            last = min(r + width, rounds)
            state[CAREFUL] = 0
    return 0, rounds


@merged
def fetch_row(array, r):
    """Ask for a row that is read or written soon, if there is one."""
    if r < array.shape[0]:
        for j in range(0, array.shape[1], LANES):
            fetch(array, r, j)


@merged
def proven(info, k):
    return info[k, STATUS] == OK and info[k, RESIDUAL] <= 1.0


@inner
def conclude(s, first, count):
    """Prove the rounds put aside, which are `first` and those after it; their flows are known then."""
    prove(s, count)
    for lane in range(count):
        s.out_info[first + lane, RESIDUAL] = s.note[WORST, lane]
        if s.out_flow.shape[0] > 0:
            for line in range(s.head[LINES]):
                s.out_flow[first + lane, line] = s.flow[line, lane]


@inner
def give_up(s, k):
    """NaN in every output of a round without a proven outcome, and a status that says so."""
    if s.out_info[k, STATUS] != INFEASIBLE and s.out_info[k, STATUS] != BAD_INPUT:
        s.out_info[k, STATUS] = FAILED
    s.out_info[k, RESIDUAL] = 1e300
    s.out_welfare[k] = np.nan
    for array in (s.out_accepted, s.out_lmp, s.out_low, s.out_high, s.out_flow):
        if array.shape[0] > 0:
            for j in range(array.shape[1]):
                array[k, j] = np.nan
