"""Dispatch, duals and prices of a final active set, repeated until the active set is its own."""

from __future__ import annotations

from clearing.rounds.canonical import gather_rows, right_sides, solve_regular
from clearing.rounds.compiled import inner, merged
from clearing.rounds.dense import add_rows
from clearing.rounds.equations import solve_interior
from clearing.rounds.face import choose_duals
from clearing.rounds.fields import (
    BAS,
    CHECKS,
    COLS,
    FAILED,
    INJ,
    LAM,
    LINE,
    MORE_LINES,
    MU,
    OK,
    PERM,
    PERMQ,
    ROWS,
    SLOPE,
    STALLED,
    STEPCOLS,
    TMP2,
    X,
    Y,
)  # fmt: skip
from clearing.rounds.lines import spread, worst_lines
from clearing.rounds.singular import decompose, solve_dispatch, solve_duals, solve_sloped_columns
from clearing.rounds.store import BALANCES, BUSES, LINES


@merged
def recompute(s, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """Dispatch, duals, prices from the active set. Returns (status, rows, rank)."""
    m, status = gather_rows(s, tight)
    if status != OK:
        return status, 0, 0
    right_sides(s, m, f, tol)
    rank = m
    p = s.irow[PERM]
    q = s.irow[PERMQ]
    cols = s.irow[COLS]
    rows = s.irow[ROWS]
    y = s.row[Y]
    regular = sloped and solve_interior(s, m, f)
    if sloped and not regular:
        some = s.irow[STEPCOLS]
        count = 0
        for t in range(f):
            if s.col[SLOPE, cols[t]] == 0.0:
                some[count] = cols[t]
                count += 1
        steps = 0
        if count > 0:  # of tied step orders as many as the rows can tell apart
            of_links, steps = decompose(s, rows, m, some, count, p, q)
            for t in range(steps):
                s.irow[BAS, t] = some[q[t]]
        solve_sloped_columns(s, m, f, steps)
        if count > 0:
            of_links, rank = decompose(s, rows, m, some, count, p, q)
            solve_dispatch(s, some, m, count, p, q, of_links, rank, s.col[TMP2])
    if not regular and (sloped or m != f or not solve_regular(s, m)):
        of_links, rank = decompose(s, rows, m, cols, f, p, q)
        if not sloped:
            solve_dispatch(s, cols, m, f, p, q, of_links, rank, s.col[TMP2])
        solve_duals(s, cols, m, p, q, rank, y)
        if rank < m and not choose_duals(s, m, rank, rule, cost_scale, unpriced):
            return FAILED, m, rank
    inj = s.bus[INJ]
    inj[s.head[BUSES]] = 0.0
    for t in range(f):
        j = cols[t]
        inj[s.into[j]] += s.col[X, j]
        inj[s.out[j]] -= s.col[X, j]
    nb = s.head[BUSES]
    lam = s.bus[LAM]
    for b in range(nb):
        lam[b] = 0.0
    add_rows(lam, nb, s.ptdf, s.irow[ROWS], s.row[Y], m, 1.0)
    mu = s.lin[MU]
    for line in range(s.head[LINES]):
        mu[line] = 0.0
    for i in range(s.head[BALANCES], m):
        mu[s.islot[LINE, s.irow[ROWS, i]]] = -s.row[Y, i]
    return OK, m, rank


@merged
def same_lines(s, tight):
    """Whether the sorted tight lines in `popped` are the rows of the last recomputation."""
    first = s.head[BALANCES]
    for t in range(tight):
        if s.islot[LINE, s.irow[ROWS, first + t]] != s.popped[t]:
            return False
    return True


@merged
def settle_here(s, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """Recompute on the lines in `popped` until they are those at a limit in the recomputed dispatch.

    Returns (status, rows, rank). MORE_LINES: some line exceeds its limit and has been remembered.
    """
    for _ in range(5):
        status, m, rank = recompute(s, f, tight, tol, sloped, rule, cost_scale, unpriced)
        if status != OK:
            return status, 0, 0
        spread(s)
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
def settle(s, f, tight, tol, sloped, rule, cost_scale, unpriced):
    """The same as a function of its own, for callers that need it rarely."""
    return settle_here(s, f, tight, tol, sloped, rule, cost_scale, unpriced)
