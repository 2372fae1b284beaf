"""Flows of a dispatch by one sparse solve, and PTDF rows of lines on demand."""

from __future__ import annotations

from clearing.rounds.compiled import inner
from clearing.rounds.dense import dot
from clearing.rounds.fields import (
    ACTIVE,
    BASE,
    BTMP,
    BTMP2,
    DEMAND,
    FHI,
    FLO,
    FLOW,
    FROM,
    GROW_SLOTS,
    HEAD,
    HEAT,
    INJ,
    LFHI,
    LFLO,
    LINE,
    LISL,
    OK,
    SCOMP,
    SHIFT,
    SLOT,
    SLOTS,
    SUSC,
    TAIL,
    THETA,
    TO,
    X,
)  # fmt: skip
from clearing.rounds.simplex import HOT
from clearing.rounds.sparse import solve, solve_transposed
from clearing.rounds.store import BUSES, COLUMNS, LINES, SLOTCAP


@inner
def inject(s):
    """Net injections of the dispatch X minus the fixed demand."""
    nb = s.head[BUSES]
    inj = s.bus[INJ]
    demand = s.bus[DEMAND]
    for b in range(nb):
        inj[b] = -demand[b]
    inj[nb] = 0.0
    x = s.col[X]
    for j in range(s.head[COLUMNS]):
        inj[s.into[j]] += x[j]
        inj[s.out[j]] -= x[j]


@inner
def flows(s):
    """Flows of all lines for the dispatch X; the angles stay in `bus[THETA]`."""
    inject(s)
    theta = s.bus[THETA]
    solve(
        s.source, s.target, s.lower_start, s.lower_index, s.lower, s.upper_start, s.upper_index, s.upper, s.pivot,
        s.bus[INJ], theta, s.bus[BTMP],
    )  # fmt: skip
    b = s.lin[SUSC]
    shift = s.lin[SHIFT]
    flow = s.lin[FLOW]
    for line in range(s.head[LINES]):
        flow[line] = b[line] * (theta[s.start[line]] - theta[s.end[line]]) + shift[line]


@inner
def remember(s, line):
    """Give `line` a slot (its PTDF row, once) and heat it. Returns the slot, or −1 if there is no room."""
    t = s.ilin[SLOT, line]
    if t >= 0:
        s.islot[HEAT, t] = HOT
        return t
    t = s.state[SLOTS]
    if t >= s.head[SLOTCAP]:
        return -1
    nb = s.head[BUSES]
    right = s.bus[BTMP2]
    for b in range(nb + 1):
        right[b] = 0.0
    right[s.ilin[FROM, line]] = s.lin[SUSC, line]
    right[s.ilin[TO, line]] = -s.lin[SUSC, line]
    h = s.ptdf[t]
    for b in range(nb + 1):
        h[b] = 0.0
    solve_transposed(
        s.source, s.target, s.lower_start, s.lower_index, s.lower, s.upper_start, s.upper_index, s.upper, s.pivot,
        right, h, s.bus[BTMP],
    )  # fmt: skip
    for j in range(s.head[COLUMNS]):
        s.a[t, j] = h[s.icol[HEAD, j]] - h[s.icol[TAIL, j]]
    s.islot[LINE, t] = line
    s.islot[ACTIVE, t] = -1
    s.islot[HEAT, t] = HOT
    s.islot[SCOMP, t] = s.ilin[LISL, line]
    s.ilin[SLOT, line] = t
    s.state[SLOTS] = t + 1
    set_limits(s, t)
    return t


@inner
def set_limits(s, t):
    """Limits and zero-dispatch flow of slot t in this round."""
    line = s.islot[LINE, t]
    s.slot[BASE, t] = s.lin[SHIFT, line] - dot(s.ptdf[t], s.bus[DEMAND], s.head[BUSES])
    s.slot[FLO, t] = s.lin[LFLO, line]
    s.slot[FHI, t] = s.lin[LFHI, line]


@inner
def worst_lines(s, tol):
    """Remember the lines that exceed their limits by more than `tol`, at most 8, the worst first.

    Returns (how many exceed, how many stand at a limit, status); `popped` lists the latter sorted.
    """
    flow = s.lin[FLOW]
    low = s.lin[LFLO]
    high = s.lin[LFHI]
    tight = 0
    over = 0
    worst = tol
    at = -1
    for line in range(s.head[LINES]):
        slack = min(high[line] - flow[line], flow[line] - low[line])
        if slack < tol:
            if slack < -tol:
                over += 1
                if -slack > worst:
                    worst = -slack
                    at = line
            else:
                s.popped[tight] = line
                tight += 1
    if over == 0:
        return 0, tight, OK
    if remember(s, at) < 0:
        return over, tight, GROW_SLOTS
    more = 0
    for line in range(s.head[LINES]):
        excess = max(low[line] - flow[line], flow[line] - high[line])
        if excess > 0.3 * worst and line != at and more < 8:
            more += 1
            if remember(s, line) < 0:
                return over, tight, GROW_SLOTS
    return over, tight, OK
