"""One round and batches of rounds: load, solve, decide ties, recompute, price, prove."""

from __future__ import annotations

import numpy as np

from clearing.rounds import apart
from clearing.rounds.basis import place, renew, restart
from clearing.rounds.candidates import list_close, stays
from clearing.rounds.canonical import interior_basics, interior_columns
from clearing.rounds.compiled import door, inner, merged, part, short_loops
from clearing.rounds.few import go_on
from clearing.rounds.fields import (
    AGE,
    BAD_INPUT,
    CAREFUL,
    CHECKS,
    COST,
    COSTP,
    CURVED,
    DIR,
    FAILED,
    GROW_ROWS,
    HEAT,
    HIGH,
    HIGHP,
    INFEASIBLE,
    INSIDE,
    JITTER,
    KEPT,
    LAM,
    LEAST,
    LOW,
    LOWP,
    MORE_LINES,
    NOW,
    OF,
    OK,
    PIVOTS,
    READY,
    RED,
    REDONE,
    REFACTOR,
    ROOM,
    SIZE,
    SLOTS,
    SPENT,
    STALLED,
    STATED,
    SUMMED,
    UNSET,
    WORST,
    X,
)  # fmt: skip
from clearing.rounds.lanes import (
    LANES,
    fetch,
    load,
    splat,
    store,
)
from clearing.rounds.lines import flows, worst_lines
from clearing.rounds.numbers import accept, copy_row, read_round
from clearing.rounds.outcome import AS_BEFORE, put_aside
from clearing.rounds.proof import prove
from clearing.rounds.signs import count_ties, least_cost, true_duals
from clearing.rounds.simplex import OLD
from clearing.rounds.start import choose_start, learn
from clearing.rounds.store import (
    BALANCES,
    BUSES,
    COLUMNS,
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
from clearing.tolerances import TIE_WIDTH

MW_TOL = 1e-9  # relative primal tolerance
NOISE = 2e-11  # relative size of the anti-cycling perturbation, far below the tie width
LOUD = 1e-7  # the same where the simplex does not come to an end; taken back before the end

# info columns
STATUS, RESIDUAL, TIES, FREEDOM, UNPRICED, STEPS, BINDING, N_INFO = range(8)


@merged
def perturbed(s, n, e):
    """Costs and bounds of the round for the simplex."""
    costp = s.col[COSTP]
    cost = s.col[COST]
    jitter = s.col[JITTER]
    lowp = s.col[LOWP]
    highp = s.col[HIGHP]
    low = s.col[LOW]
    high = s.col[HIGH]
    f = splat(e)
    for j in range(0, n, LANES):
        store(costp, j, load(cost, j) + f * load(jitter, j))
        store(lowp, j, load(low, j))
        store(highp, j, load(high, j))


@part
def attempt(s, number, rule, dearest, mw_scale, sloped, out, unpriced):
    """Solve the loaded round once. Returns (status, rows, rank); X, row[Y] and LAM are the outcome.

    Attempt 0 starts from the basis in place (see `start`; where few orders have changed, see `few`), 1 from the cold
    one, 2 cold without perturbation.
    """
    n = s.head[COLUMNS]
    tol = MW_TOL * mw_scale
    tie = TIE_WIDTH * dearest
    noise = NOISE if number < 2 else 0.0
    renewals = 0
    if sloped:
        s.state[READY] = 0
        return apart.solve_sloped(s, number, rule, dearest, noise, tol, tie, out, unpriced)
    going_on = False
    if number > 0 or s.state[SIZE] == 0:
        restart(s)
    elif s.state[AGE] >= OLD:
        renew(s)
    elif s.state[CAREFUL] == 0:
        going_on = go_on(s, noise * dearest)
    s.state[READY] = 0
    for _ in range(60):
        before = s.state[PIVOTS]
        if not going_on:
            perturbed(s, n, noise * dearest)
            place(s)
        status = apart.dual_simplex(s, 0.1 * tol, 1e-14 * dearest, 200 + 4 * n)
        if status == REFACTOR:
            going_on = False
            renew(s)
            renewals += 1
            if renewals % 8 == 3:
                noise = LOUD
            continue
        if status != OK:
            return status, 0, 0
        ties = near = 0
        if not going_on or s.state[PIVOTS] > before:
            s.habit[LEAST] = least_cost(s.col[RED], s.col[DIR], n, s.state[SIZE])
        going_on = False
        if noise == LOUD or s.habit[LEAST] <= 1.01 * tie:
            for j in range(n):
                s.col[COSTP, j] = s.col[COST, j]
            true_duals(s, n)
            ties, near, wrong = count_ties(s, n, tie)
            if wrong > tie:
                if noise == LOUD:
                    noise = NOISE
                    continue
                return STALLED, 0, 0
        if ties > 0:
            s.state[SUMMED] = 0
            flows(s)
            s.state[CHECKS] += 1
            over, tight, status = worst_lines(s, tol)
            if status != OK:
                return status, 0, 0
            if over > 0:
                continue
            out[TIES] = ties
            if near > 0:
                return apart.share_near(s, n, tight, tol, tie, rule, dearest, unpriced)
            status, tight = apart.share(s, n, tol, tie, False)
            if status != OK:
                return status, 0, 0
            f = interior_columns(s, tol)
        else:
            s.state[READY] = 1 if noise == NOISE and s.habit[LEAST] > 1.01 * tie else 0
            if stays(s, tol):
                f = s.state[INSIDE]
                tight = AS_BEFORE
            else:
                f = interior_basics(s, tol)
                tight = list_close(s, 0.1 * tol)
        if s.state[CAREFUL] == 0:
            return apart.recompute(s, f, tight, tol, False, rule, dearest, unpriced)
        status, m, rank = apart.settle(s, f, tight, tol, False, rule, dearest, unpriced)
        if status == MORE_LINES and ties == 0:
            continue
        return status, m, rank
    return STALLED, 0, 0


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
