"""Dispatch, duals and prices of a final active set, and the round put aside to be checked with others."""

from __future__ import annotations

from clearing.rounds.canonical import gather_rows, remember_rows, right_sides, solve_independent
from clearing.rounds.compiled import inner
from clearing.rounds.dense import sum_rows
from clearing.rounds.face import choose_duals
from clearing.rounds.fields import (
    BAS,
    CAREFUL,
    CHECKS,
    COLS,
    COST,
    COSTSCALE,
    COUNT,
    DEMAND,
    FAILED,
    GROW_SLOTS,
    HIGH,
    INSIDE,
    LAM,
    LINE,
    LOW,
    MORE_LINES,
    MWSCALE,
    OK,
    PERM,
    PERMQ,
    ROWS,
    SIGN,
    SLOPE,
    STALLED,
    STEPCOLS,
    TMP2,
    TOL,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.freedom import set_twins_apart, settle_freedom, share_with_twins
from clearing.rounds.interior import solve_interior
from clearing.rounds.lanes import LANES, load, splat, store
from clearing.rounds.lines import flows, worst_lines
from clearing.rounds.proof import prove_columns
from clearing.rounds.singular import decompose, solve_dispatch, solve_duals, solve_sloped_columns
from clearing.rounds.store import BALANCES, COLUMNS, ISLANDS, ORDERS, unpack, unpack_aside


@inner
def recompute(base, head, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """Dispatch, duals, prices from the active set: the interior columns, and the lines in `popped`.

    Returns (status, rows, rank).
    """
    s = unpack(base, head)
    m, status = gather_rows(s.head, s.islot, s.ilin, s.irow, s.popped, tight)
    if status == GROW_SLOTS:
        m, status = remember_rows(s, tight)
    if status != OK:
        return status, 0, 0
    right_sides(s.head, s.col, s.a, s.slot, s.islot, s.row, s.irow, s.wide, s.lin, s.state, m, f, tol)
    s.state[INSIDE] = f
    rank = m
    settled = False
    own = 0
    if sloped or m >= f:
        own = set_twins_apart(
            s.lin, s.slot, s.islot, s.row, s.irow, s.head[BALANCES], m, s.head[ISLANDS] == 1
        )
    if sloped:
        rank = solve_interior(s, m, own, f)
        settled = rank >= 0
        if settled and own > rank:
            settled = settle_freedom(base, head, m, own, rank, rule, cost_scale, unpriced)
        if settled and own < m:
            settled = share_with_twins(s, m)
        if not settled:
            solve_mixed(s, m, f)
    elif m >= f:
        settled = own >= f and solve_independent(s.col, s.row, s.irow, s.wide, s.work, s.triangle, m, own, f)
        rank = f
        if settled and own > f:
            settled = settle_freedom(base, head, m, own, f, rule, cost_scale, unpriced)
        if settled and own < m:
            settled = share_with_twins(s, m)
    if not settled:
        rank = solve_singular(s, m, f, sloped)
        if rank < m and not choose_duals(s, m, rank, rule, cost_scale, unpriced):
            return FAILED, m, rank
    sum_rows(s.bus[LAM], s.bus.shape[1], s.ptdf, s.irow[ROWS], s.row[Y], m)
    return OK, m, rank


@inner
def solve_mixed(s, m, f):
    """Dispatch of interior columns of which some have a slope and others not, where ranks have to decide."""
    p = s.irow[PERM]
    q = s.irow[PERMQ]
    cols = s.irow[COLS]
    rows = s.irow[ROWS]
    some = s.irow[STEPCOLS]
    count = 0
    for t in range(f):
        if s.col[SLOPE, cols[t]] == 0.0:
            some[count] = cols[t]
            count += 1
    steps = 0
    if count > 0:  # of tied step orders as many as the rows can tell apart
        _, steps = decompose(s, rows, m, some, count, p, q)
        for t in range(steps):
            s.irow[BAS, t] = some[q[t]]
    solve_sloped_columns(s, m, f, steps)
    if count > 0:
        of_links, rank = decompose(s, rows, m, some, count, p, q)
        solve_dispatch(s, some, m, count, p, q, of_links, rank, s.col[TMP2])


@inner
def solve_singular(s, m, f, sloped):
    """A dual, and the dispatch of step orders, where the active set leaves choices. Returns the rank."""
    p = s.irow[PERM]
    q = s.irow[PERMQ]
    cols = s.irow[COLS]
    of_links, rank = decompose(s, s.irow[ROWS], m, cols, f, p, q)
    if not sloped:
        solve_dispatch(s, cols, m, f, p, q, of_links, rank, s.col[TMP2])
    solve_duals(s, cols, m, p, q, rank, s.row[Y])
    return rank


@inner
def same_lines(s, tight):
    """Whether the sorted tight lines in `popped` are the rows of the last recomputation."""
    first = s.head[BALANCES]
    for t in range(tight):
        if s.islot[LINE, s.irow[ROWS, first + t]] != s.popped[t]:
            return False
    return True


@inner
def settle(s, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """Recompute on the lines in `popped` until they are those at a limit in the recomputed dispatch.

    Returns (status, rows, rank). MORE_LINES: some line exceeds its limit and has been remembered. Where the
    round is not CAREFUL, lines are left to the check of eight rounds together.
    """
    for _ in range(5):
        status, m, rank = recompute(s.base, s.head, f, tight, tol, sloped, rule, cost_scale, unpriced)
        if status != OK:
            return status, 0, 0
        if s.state[CAREFUL] == 0:
            return OK, m, rank
        flows(s)
        s.state[CHECKS] += 1
        over, found, status = worst_lines(s, tol)
        if status != OK:
            return status, 0, 0
        if over > 0:
            return MORE_LINES, 0, 0
        if found == tight and same_lines(s, found):
            return OK, m, rank
        tight = found
    return STALLED, 0, 0


@inner
def put_aside(base, head, lane, m, tol, mw_scale, cost_scale):
    """Keep injections, prices and line duals of the round that has just been recomputed, and what its columns prove."""
    s = unpack(base, head)
    t = unpack_aside(base, head)
    x = s.col[X]
    inj = t.inj[lane]
    lam = t.lam[lane]
    for b in range(0, s.bus.shape[1], LANES):
        store(inj, b, splat(0.0) - load(s.bus[DEMAND], b))
        store(lam, b, load(s.bus[LAM], b))
    sign = s.col[SIGN]
    orders = s.head[ORDERS]
    for j in range(orders):
        inj[s.at[j]] += sign[j] * x[j]
    for j in range(orders, s.head[COLUMNS]):
        inj[s.into[j]] += x[j]
        inj[s.out[j]] -= x[j]
    first = s.head[BALANCES]
    for i in range(first, m):
        t.tight[lane, i - first] = s.islot[LINE, s.irow[ROWS, i]]
        t.press[lane, i - first] = -s.row[Y, i]
    t.mark[COUNT, lane] = m - first
    t.note[TOL, lane] = tol
    t.note[MWSCALE, lane] = mw_scale
    t.note[COSTSCALE, lane] = cost_scale
    prove_columns(
        t.note, lane, x, s.col[COST], s.col[SLOPE], s.col[LOW], s.col[HIGH], sign, s.bus[LAM], s.at, s.into, s.out,
        orders, s.head[COLUMNS], 1e-6 * mw_scale,
    )  # fmt: skip
