"""One round and batches of rounds: load, solve, decide ties, recompute, price, prove."""

from __future__ import annotations

import numpy as np

from clearing.rounds.canonical import interior_basics, interior_columns
from clearing.rounds.compiled import door, inner, part, summing
from clearing.rounds.dense import largest
from clearing.rounds.fields import (
    ACTIVE,
    AFHI,
    AFLO,
    AGE,
    BAD_INPUT,
    BIG,
    CHECKS,
    COST,
    COSTP,
    DEMAND,
    DIR,
    FAILED,
    FHI,
    FLO,
    FLOW,
    GROW_ROWS,
    GROW_SLOTS,
    HEAT,
    HIGH,
    HIGHP,
    INFEASIBLE,
    JITTER,
    LAM,
    LFHI,
    LFLO,
    LINE,
    LOW,
    LOWP,
    MORE_LINES,
    NEAR,
    OK,
    PIVOTS,
    RED,
    REFACTOR,
    SIGN,
    SIZE,
    SLOPE,
    SLOTS,
    STALE,
    STALLED,
    X,
)  # fmt: skip
from clearing.rounds.intervals import bus_intervals
from clearing.rounds.lines import flows, set_limits, worst_lines
from clearing.rounds.outcome import settle_here
from clearing.rounds.proof import prove
from clearing.rounds.simplex import OLD, dual_simplex, place, renew, restart
from clearing.rounds.sloped import solve_sloped
from clearing.rounds.store import (
    BALANCES,
    BUSES,
    COLUMNS,
    COMPONENTS,
    LINES,
    ORDERS,
    floats_at,
    matrix_at,
    unpack,
)
from clearing.rounds.ties import count_ties, least_cost, share, true_duals

MW_TOL = 1e-9  # relative primal tolerance
COST_TOL = 2e-9  # reduced costs below this, relative to the largest price, are ties
NOISE = 2e-11  # relative size of the anti-cycling perturbation
LOUD = 1e-7  # the same where the simplex does not come to an end; taken back before the end

# info columns
STATUS, RESIDUAL, TIES, FREEDOM, UNPRICED, STEPS, BINDING, N_INFO = range(8)


@inner
def take(price, sign, cost, n):
    """Costs: price for sales, −price for purchases."""
    for j in range(n):
        cost[j] = sign[j] * price[j]


@summing
def invalid(cost, low, high, n):
    """Number of orders whose price or quantity no book may hold."""
    bad = 0.0
    for j in range(n):
        good = (high[j] >= low[j]) & (high[j] < 1e15) & (abs(cost[j]) < 1e15)
        bad += 0.0 if good else 1.0
    return bad


@part
def load(s, price, mw, slope, fixed, limit, r):
    """Numbers of round r into the arrays. Returns (cost scale, MW scale, any slope, valid)."""
    cost = s.col[COST]
    high = s.col[HIGH]
    low = s.col[LOW]
    curve = s.col[SLOPE]
    orders = s.head[ORDERS]
    p = min(r, price.shape[0] - 1)
    q = min(r, mw.shape[0] - 1)
    take(price[p], s.col[SIGN], cost, orders)
    own = mw[q]
    for j in range(orders):
        high[j] = own[j]
    sloped = False
    bad = invalid(cost, low, high, orders)
    if slope.shape[0] > 0:
        k = min(r, slope.shape[0] - 1)
        for j in range(orders):
            curve[j] = slope[k, j]
            bad += 0.0 if curve[j] >= 0.0 else 1.0
            sloped |= curve[j] > 0.0
    nb = s.head[BUSES]
    if fixed.shape[0] > 0:
        k = min(r, fixed.shape[0] - 1)
        for b in range(nb):
            s.bus[DEMAND, b] = fixed[k, b]
            bad += 0.0 if abs(fixed[k, b]) < 1e15 else 1.0
    if limit.shape[0] > 0:
        k = min(r, limit.shape[0] - 1)
        for line in range(s.head[LINES]):
            f = limit[k, line]
            bad += 0.0 if f >= 0.0 else 1.0
            f = min(f, BIG)
            s.lin[LFLO, line] = max(-f, s.lin[AFLO, line])
            s.lin[LFHI, line] = min(f, s.lin[AFHI, line])
    if s.state[STALE] > 0 or limit.shape[0] > 0 or fixed.shape[0] > 0:
        s.state[STALE] = 0
        for i in range(s.head[BALANCES]):
            d = 0.0
            for b in range(nb):
                d += s.ptdf[i, b] * s.bus[DEMAND, b]
            s.slot[FLO, i] = d
            s.slot[FHI, i] = d
        for t in range(s.head[BALANCES], s.state[SLOTS]):
            set_limits(s, t)
    cost_scale = 1.0 + largest(cost, orders)
    mw_scale = 1.0 + max(largest(high, s.head[COLUMNS]), largest(s.bus[DEMAND], nb))
    return cost_scale, mw_scale, sloped, bad == 0.0


@part
def perturbed(s, cost_scale, noise):
    """Costs and bounds of the round for the simplex."""
    n = s.head[COLUMNS]
    e = noise * cost_scale
    costp = s.col[COSTP]
    cost = s.col[COST]
    jitter = s.col[JITTER]
    lowp = s.col[LOWP]
    highp = s.col[HIGHP]
    low = s.col[LOW]
    high = s.col[HIGH]
    for j in range(n):
        costp[j] = cost[j] + e * jitter[j]
        lowp[j] = low[j]
        highp[j] = high[j]


@part
def list_active(s):
    """Lines of the working basis and those found at a limit beside it, sorted, into `popped`.

    The latter (twins of binding lines: in series, or parallel) only spare a second recomputation.
    """
    count = 0
    for t in range(s.head[BALANCES], s.state[SLOTS]):
        if s.islot[ACTIVE, t] >= 0 or (s.islot[NEAR, t] > 0 and s.islot[HEAT, t] > 0):
            line = s.islot[LINE, t]
            at = count
            while at > 0 and s.popped[at - 1] > line:
                s.popped[at] = s.popped[at - 1]
                at -= 1
            s.popped[at] = line
            count += 1
    return count


@part
def attempt(s, number, rule, cost_scale, mw_scale, sloped, out, unpriced):
    """Solve the loaded round once. Returns (status, rows, rank); X, LAM, MU, FLOW are the outcome.

    Attempt 0 starts from the last basis, 1 from the cold one, 2 cold without perturbation.
    """
    n = s.head[COLUMNS]
    balances = s.head[BALANCES]
    tol = MW_TOL * mw_scale
    noise = NOISE if number < 2 else 0.0
    renewals = 0
    if sloped:
        return solve_sloped(s, number, rule, cost_scale, noise, tol, COST_TOL * cost_scale, out, unpriced)
    if number > 0 or s.state[SIZE] == 0:
        restart(s)
    elif s.state[AGE] >= OLD:
        renew(s)
    for _ in range(60):
        perturbed(s, cost_scale, noise)
        place(s.col, s.icol, s.a, s.slot, s.islot, s.row, s.irow, s.w, n, balances, s.state)
        status = dual_simplex(
            s.col, s.icol, s.a, s.slot, s.islot, s.row, s.irow, s.w, s.work, s.blocks, s.popped, n, balances, s.state,
            0.1 * tol, 1e-14 * cost_scale, 200 + 4 * n,
        )  # fmt: skip
        if status == REFACTOR:
            renew(s)
            renewals += 1
            if renewals % 8 == 3:
                noise = LOUD
            continue
        if status != OK:
            return status, 0, 0
        ties = 0
        if (
            noise == LOUD
            or least_cost(s.col[RED], s.col[DIR], n + s.state[SIZE]) <= 1.01 * COST_TOL * cost_scale
        ):
            for j in range(n):
                s.col[COSTP, j] = s.col[COST, j]
            true_duals(s, n)
            ties, wrong = count_ties(s, n, COST_TOL * cost_scale)
            if wrong > COST_TOL * cost_scale:
                if noise == LOUD:
                    noise = NOISE
                    continue
                return STALLED, 0, 0
        f = interior_basics(s, tol)
        if ties > 0:
            flows(s)
            s.state[CHECKS] += 1
            over, tight, status = worst_lines(s, tol)
            if status != OK:
                return status, 0, 0
            if over > 0:
                continue
            out[TIES] = ties
            status, tight = share(s, n, tol, COST_TOL * cost_scale, False)
            if status != OK:
                return status, 0, 0
            f = interior_columns(s, tol)
        else:
            tight = list_active(s)
        status, m, rank = settle_here(s, f, tight, tol, False, rule, cost_scale, unpriced)
        if status == MORE_LINES and ties == 0:
            continue
        return status, m, rank
    return STALLED, 0, 0


@part
def clear_round(s, rule, cost_scale, mw_scale, sloped, low, high, r, out):
    """Clear the loaded round; `out` is the row of info. Returns a status."""
    unpriced = s.ibus[2]
    for c in range(s.head[COMPONENTS]):
        unpriced[c] = 0
    before = s.state[PIVOTS]
    out[UNPRICED] = 0.0
    worst = 1e300
    spent = np.nan
    status = FAILED
    for number in range(3):
        out[TIES] = 0.0
        out[FREEDOM] = 0.0
        status, m, rank = attempt(s, number, rule, cost_scale, mw_scale, sloped, out, unpriced)
        if status == GROW_ROWS or status == GROW_SLOTS:
            return status, spent
        if status == OK:
            worst, spent = prove(s, cost_scale, mw_scale)
            if worst <= 1.0:
                break
            status = FAILED
        elif status == INFEASIBLE and number > 0:
            break
    if status == OK:
        out[FREEDOM] = m - rank
        out[BINDING] = m - s.head[BALANCES]
        if low.shape[0] > 0:
            bus_intervals(s, m, rank, cost_scale, low[r], high[r])
        if rank < m:
            for c in range(s.head[COMPONENTS]):
                if unpriced[c] > 0:
                    out[UNPRICED] += 1.0
                    for b in range(s.head[BUSES]):
                        if s.ibus[0, b] == c:
                            s.bus[LAM, b] = np.nan
    elif status != INFEASIBLE:
        status = FAILED
    out[STATUS] = status
    out[RESIDUAL] = worst
    out[STEPS] = s.state[PIVOTS] - before
    for t in range(s.head[BALANCES], s.state[SLOTS]):
        s.islot[HEAT, t] -= s.islot[HEAT, t] > 0
    return status, spent


@door
def clear_rounds(
    floats, ints, price, mw, slope, fixed, limit, rule, first, accepted, lmp, low, high, flow, welfare, info
):
    """Clear rows first, first + 1, … of the batch. Returns (rows done, 0 or the GROW status that stopped it).

    price and mw (× orders) have 1 or `rounds` rows; slope, fixed (× buses), limit (× lines) may have none.
    Outputs with 0 rows are not wanted.
    """
    s = unpack(floats, ints)
    orders = s.head[ORDERS]
    nb = s.head[BUSES]
    for r in range(first, info.shape[0]):
        cost_scale, mw_scale, sloped, valid = load(s, price, mw, slope, fixed, limit, r)
        status = BAD_INPUT
        spent = np.nan
        if valid:
            status, spent = clear_round(s, rule, cost_scale, mw_scale, sloped, low, high, r, info[r])
            if status == GROW_ROWS or status == GROW_SLOTS:
                s.state[SIZE] = 0
                return r, status
        else:
            info[r, STATUS] = BAD_INPUT
            info[r, RESIDUAL] = 1e300
        good = status == OK
        welfare[r] = -spent if good else np.nan
        if accepted.shape[0] > 0:
            for j in range(orders):
                accepted[r, j] = s.col[X, j] if good else np.nan
        if lmp.shape[0] > 0:
            for b in range(nb):
                lmp[r, b] = s.bus[LAM, b] if good else np.nan
        if low.shape[0] > 0 and not good:
            for b in range(nb):
                low[r, b] = np.nan
                high[r, b] = np.nan
        if flow.shape[0] > 0:
            for line in range(s.head[LINES]):
                flow[r, line] = s.lin[FLOW, line] if good else np.nan
    return price.shape[0], 0


@door
def clear_desk(price, mw, accepted, lmp, floats, ints, desk, rule):
    """One round: its welfare, with accepted MW and prices written; NaN where it is not proven and priced.

    price and mw (orders,) may have any strides. `desk` has room for the GROW status that stopped the round
    (else 0), its welfare and info, and for price and MW.
    """
    orders = ints[ORDERS]
    at = desk.ctypes.data
    welfare = floats_at(at + 8, 1)
    info = matrix_at(at + 16, 1, N_INFO)
    at += 8 * (2 + N_INFO)
    none = matrix_at(at, 0, 0)
    prices = matrix_at(at, 1, orders)
    quantities = matrix_at(at + 8 * orders, 1, orders)
    if price.strides[0] == 8 and mw.strides[0] == 8 and (price.ctypes.data | mw.ctypes.data) % 8 == 0:
        prices = matrix_at(price.ctypes.data, 1, orders)
        quantities = matrix_at(mw.ctypes.data, 1, orders)
    else:
        for j in range(orders):
            prices[0, j] = price[j]
            quantities[0, j] = mw[j]
    _, desk[0] = clear_rounds(
        floats, ints, prices, quantities, none, none, none, rule, 0, matrix_at(accepted.ctypes.data, 1, orders),
        matrix_at(lmp.ctypes.data, 1, ints[BUSES]), none, none, none, welfare, info,
    )  # fmt: skip
    good = desk[0] == 0.0 and info[0, STATUS] == OK and info[0, RESIDUAL] <= 1.0 and info[0, UNPRICED] == 0.0
    return welfare[0] if good else np.nan
