"""Dispatch, duals and prices of a final active set, and the round put aside to be checked with others."""

from __future__ import annotations

from clearing.rounds import apart
from clearing.rounds.canonical import gather_rows, known_dispatch, known_duals, right_sides, same_prices
from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.dense import largest, sum_rows
from clearing.rounds.fields import (
    CHECKS,
    COLS,
    COSTSCALE,
    COUNT,
    GROW_ROWS,
    HEAT,
    HOT,
    INSIDE,
    KEPT,
    KNOWN,
    KNOWNOWN,
    KNOWNROWS,
    LAM,
    LINE,
    MORE_LINES,
    NET,
    OK,
    PERM,
    PERMQ,
    PLAIN,
    PRICED,
    READY,
    ROWS,
    STALLED,
    STATED,
    SUMMED,
    TIED,
    TMP2,
    TOL,
    WASDUAL,
    Y,
)  # fmt: skip
from clearing.rounds.freedom import served, share_with_twins
from clearing.rounds.known import know
from clearing.rounds.lanes import LANES, load, store
from clearing.rounds.lines import flows, worst_lines
from clearing.rounds.proof import prove_columns
from clearing.rounds.singular import decompose, solve_dispatch, solve_duals
from clearing.rounds.sites import inject, net, net_again
from clearing.rounds.store import BALANCES, BUSES
from clearing.tolerances import TIE_WIDTH

AS_BEFORE = -1


@inner
def recompute(s, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """Dispatch, duals, prices from the active set: the f interior columns, and the `tight` lines in `popped`.

    `tight` AS_BEFORE: rows and columns of the last round, which are known. Returns (status, rows, rank).
    """
    short_loops()
    known = tight == AS_BEFORE
    if known:
        m = s.state[KNOWNROWS]
        for i in range(s.head[BALANCES], m):
            s.slot[HEAT, s.irow[ROWS, i]] = HOT
    else:
        m, status = gather_rows(s, tight)
        if status != OK:
            return status, 0, 0
        known = not sloped and know(s, m, f)
    right_sides(s, m, f, tol, known)
    s.state[KEPT] = s.state[SUMMED] = 0
    s.state[INSIDE] = f
    rank = m
    settled = False
    if known:
        known_dispatch(s, m, f)
        if same_prices(s, m, f) and served(s):
            copy(s.row[WASDUAL], s.row[Y], m)
            net_again(s, s.irow[COLS], f)
            s.state[SUMMED] = 1
            return OK, m, f
        known_duals(s, m, f)
        rank = f
        own = s.state[KNOWNOWN]
        settled = own == f
        if not settled:
            status = apart.settle_freedom(s, m, own, f, rule, cost_scale, unpriced)
            if status >= GROW_ROWS:
                return status, 0, 0
            settled = status == OK
        settled = settled and (own == m or share_with_twins(s, m))
        s.state[PRICED] = 1 if settled and (own == f or s.state[PLAIN] == 1) and served(s) else 0
        copy(s.row[Y], s.row[WASDUAL], m)
    elif sloped:
        s.state[KNOWN] = 0
        s.state[PRICED] = 0
        status, rank, ended = apart.solve_columns(s, m, f, rule, cost_scale, unpriced)
        if status != OK:
            return status, 0, 0
        settled = ended > 0
    if not settled:
        s.state[PRICED] = 0
        s.state[READY] = 0
        s.state[KNOWN] = min(s.state[KNOWN], 0)  # the face uses some of its room
        status, rank = apart.solve_singular(s, m, f, sloped)
        if status == OK and rank < m:
            status = apart.choose_duals(s, m, rank, rule, cost_scale, unpriced)
        if status != OK:
            return status, m, rank
    if known and settled:
        net_again(s, s.irow[COLS], f)
    else:
        net(s, s.site[NET])
    s.state[SUMMED] = 0 if sloped else 1
    sum_rows(s.bus[LAM], s.bus.shape[1], s.ptdf, s.irow[ROWS], s.row[Y], m)
    return OK, m, rank


@merged
def copy(source, target, n):
    for i in range(0, n, LANES):
        store(target, i, load(source, i))


@inner
def solve_singular(s, m, f, sloped):
    """A dual, and the dispatch of step orders, where the active set leaves choices. Returns (OK, rank)."""
    p = s.irow[PERM]
    q = s.irow[PERMQ]
    cols = s.irow[COLS]
    of_links, rank = decompose(s, s.irow[ROWS], m, cols, f, p, q)
    if not sloped:
        solve_dispatch(s, cols, m, f, p, q, of_links, rank, s.col[TMP2])
    solve_duals(s, cols, m, p, q, rank, s.row[Y])
    return OK, rank


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

    Returns (status, rows, rank). MORE_LINES: some line exceeds its limit and has been remembered.
    """
    for _ in range(5):
        status, m, rank = apart.recompute(s, f, tight, tol, sloped, rule, cost_scale, unpriced)
        if status != OK:
            return status, 0, 0
        flows(s)
        s.state[SUMMED] = 0
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


@merged
def put_aside(s, lane, m, tol):
    """Keep injections, prices and line duals of the round that has just been recomputed, and what its columns prove."""
    short_loops()
    inject(s, s.inj[lane])
    copy(s.bus[LAM], s.lam[lane], s.bus.shape[1])
    first = s.head[BALANCES]
    dearest = largest(s.bus[LAM], s.head[BUSES])
    for i in range(first, m):
        s.tight[lane, i - first] = s.islot[LINE, s.irow[ROWS, i]]
        dual = -s.row[Y, i]
        s.press[lane, i - first] = dual
        dearest = max(dearest, abs(dual))
    s.mark[COUNT, lane] = m - first
    s.note[TOL, lane] = tol
    s.note[COSTSCALE, lane] = dearest
    s.note[TIED, lane] = TIE_WIDTH * s.habit[STATED]
    prove_columns(s, lane, 1e-6 * tol)
