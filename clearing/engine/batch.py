"""One round and batches of rounds: load, solve, decide ties, recompute, price, prove."""

from __future__ import annotations

import numpy as np

from clearing.engine.attempt import MW_TOL, NOISE, attempt
from clearing.engine.canonical.recompute import queue_for_proof
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import door, inner, merged, short_loops
from clearing.engine.linalg.simd import (
    LANES,
    fetch,
)
from clearing.engine.lp.starting_basis import choose_start, record_pivots
from clearing.engine.memory.round_data import copy_row, read_round, write_accepted
from clearing.engine.memory.statuses import BAD_INPUT, FAILED, GROW_ROWS, INFEASIBLE, OK
from clearing.engine.memory.store import (
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
from clearing.engine.proof.certificate import prove


@inner
def clear_round(s, rule, r, lane, number):
    """Solve row r and put it aside as one of eight to be proven. Returns a status; see `attempt` for
    `number`.
    """
    short_loops()
    s.out_ties[r] = s.out_freedom[r] = s.out_unpriced[r] = 0.0
    s.bounds_activity_kept = 0
    s.round_count += 1
    mw_scale, sloped, valid = read_round(s, r)
    if not valid:
        return BAD_INPUT
    fetch_row(s.in_price, r + 1)
    fetch_row(s.in_mw, r + 1)
    unpriced = s.unpriced
    components = s.components
    for c in range(components):
        unpriced[c] = 0
    if sloped != (s.was_sloped > 0):  # these rounds remember other dispatches at the last look at a line
        s.was_sloped = 1 if sloped else 0
        for t in range(s.balances, s.slots):
            s.room[t] = 0.0
    dearest = s.greatest_stated_price if s.greatest_stated_price > 0.0 else 1.0
    start = -1
    if number == 0 and s.is_careful == 0 and not sloped:
        status, start = choose_start(s, NOISE * dearest, 0.1 * MW_TOL * mw_scale, 1e-14 * dearest)
        if status != OK:
            return status
    before = s.pivots
    status, m, rank = attempt(s, number, rule, dearest, mw_scale, sloped, r, unpriced)
    s.out_steps[r] += s.pivots - before
    if start >= 0:
        record_pivots(s, start, s.pivots - before)
    if sloped:
        for t in range(s.balances, s.slots):
            s.heat[t] = max(s.heat[t] - 1.0, 0.0)
    if status != OK:
        return status
    fetch_row(s.out_accepted, r)
    fetch_row(s.out_lmp, r)
    queue_for_proof(s, lane, m, MW_TOL * mw_scale)
    s.out_welfare[r] = -s.proof.net_cost[lane]
    s.out_freedom[r] = m - rank
    s.out_binding[r] = m - s.balances
    if s.out_low.shape[0] > 0:
        s.is_warm = 0  # its arrays are lent to the search for intervals
        status = by_address.bus_intervals(s, m, rank, dearest, s.out_low[r], s.out_high[r])
        if status != OK:
            return status
    if s.out_accepted.shape[0] > 0:
        if s.layers == 1:
            copy_row(s.dispatch, s.out_accepted[r], s.orders)
        else:
            write_accepted(s, s.out_accepted[r])
    if s.out_lmp.shape[0] > 0:
        copy_row(s.lmp, s.out_lmp[r], s.buses)
    if rank < m:
        for c in range(components):
            if unpriced[c] > 0:
                s.out_unpriced[r] += 1.0
                if s.out_lmp.shape[0] > 0:
                    for b in range(s.buses):
                        if s.bus_component[b] == c:
                            s.out_lmp[r, b] = np.nan
    return OK


@door
def clear_rounds(
    floats, ints, price, mw, slope, fixed, limit, rule, first, accepted, lmp, low, high, flow, welfare, info
):
    """Clear rows first, first + 1, … of the batch. Returns (0 or the GROW or LOAD status that stopped it,
    rows done).

    price and mw (× orders) have 1 or `rounds` rows; slope, fixed (× buses), limit (× lines) may have none;
    info has a row for each of `layout.INFO` and a column for each round. Outputs with 0 rows are not wanted.
    Eight rounds are solved one after the other and proven together; a round that is not proven so is solved
    again by itself, with a look at all lines on the way.
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
    rounds = welfare.shape[0]
    width = LANES if fixed.shape[0] <= 1 and limit.shape[0] <= 1 else 1
    r = k = first  # eight rounds from r on; k is the one to be solved
    last = min(r + width, rounds)
    s.is_careful = number = 0
    while k < rounds:
        alone = s.is_careful > 0
        status = by_address.clear_round(s, rule, k, 0 if alone else k - r, number)
        if status >= GROW_ROWS:
            s.basis_size = 0
            return status, r
        s.out_status[k] = status
        k += 1
        if not alone:
            if k < last:
                continue
            prove_together(s, r, last - r)
            s.is_careful = 1
            k = r
        else:
            number += 1
            s.out_residual[k - 1] = 1e300
            if status == OK:
                prove_together(s, k - 1, 1)
            if not proven(s, k - 1):
                if number < 3 and status != BAD_INPUT and (status != INFEASIBLE or number < 2):
                    k -= 1
                    continue
                give_up(s, k - 1)
        number = 0
        while k < last and (proven(s, k) or s.out_status[k] == BAD_INPUT):
            if s.out_status[k] == BAD_INPUT:
                give_up(s, k)
            k += 1
        if k == last:
            r = last
            last = min(r + width, rounds)
            s.is_careful = 0
    return 0, rounds


@merged
def fetch_row(array, r):
    """Ask for a row that is read or written soon, if there is one."""
    if r < array.shape[0]:
        for j in range(0, array.shape[1], LANES):
            fetch(array, r, j)


@merged
def proven(s, k):
    return s.out_status[k] == OK and s.out_residual[k] <= 1.0


@inner
def prove_together(s, first, count):
    """Prove the rounds put aside, which are `first` and those after it; their flows are known then."""
    prove(s, count)
    for lane in range(count):
        s.out_residual[first + lane] = s.proof.worst[lane]
        if s.out_flow.shape[0] > 0:
            for line in range(s.lines):
                s.out_flow[first + lane, line] = s.proof.flow[line, lane]


@inner
def give_up(s, k):
    """NaN in every output of a round without a proven outcome, and a status that says so."""
    if s.out_status[k] != INFEASIBLE and s.out_status[k] != BAD_INPUT:
        s.out_status[k] = FAILED
    s.out_residual[k] = 1e300
    s.out_welfare[k] = np.nan
    for array in (s.out_accepted, s.out_lmp, s.out_low, s.out_high, s.out_flow):
        if array.shape[0] > 0:
            for j in range(array.shape[1]):
                array[k, j] = np.nan
