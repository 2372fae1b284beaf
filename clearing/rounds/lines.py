"""Flows of a dispatch by one sparse solve, and PTDF rows of lines on demand."""

from __future__ import annotations

from clearing.rounds.compiled import inner, lesser, reduction
from clearing.rounds.dense import dot, largest
from clearing.rounds.fields import (
    ACTIVE,
    BASE,
    BIG,
    BTMP,
    BTMP2,
    DEMAND,
    FELT,
    FHI,
    FLO,
    FLOW,
    FROM,
    GROW_SLOTS,
    HEAD,
    HEAT,
    HOT,
    INJ,
    LFHI,
    LFLO,
    LINE,
    LISL,
    NET,
    OK,
    REACH,
    ROOM,
    SCOMP,
    SENSE,
    SHIFT,
    SLOT,
    SLOTS,
    SUSC,
    TAIL,
    THETA,
    TO,
    TWIN,
)  # fmt: skip
from clearing.rounds.sites import inject, net
from clearing.rounds.sparse import solve, solve_transposed
from clearing.rounds.store import (
    BALANCES,
    BUSES,
    COLUMNS,
    ISLANDS,
    LINES,
    LINKS,
    ORDER_SITES,
    SITES,
    SLOTCAP,
)

ALIKE = 1e-9  # largest difference of rows that count as the same


@inner
def flows(s):
    """Flows of all lines for the dispatch X; the angles stay in `bus[THETA]`."""
    net(s, s.site[NET])
    inject(s, s.bus[INJ])
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
        s.slot[HEAT, t] = HOT
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
    own = s.rows[t]
    for i in range(s.head[SITES]):
        own[i] = h[s.site_bus[i]]
    for i in range(s.head[ORDER_SITES], s.head[ORDER_SITES] + s.head[LINKS]):
        own[i] = h[s.into[i]] - h[s.out[i]]
    s.slot[REACH, t] = largest(own, s.head[SITES])
    if (
        s.head[ISLANDS] == 1
    ):  # what one bus gives more others give less: any constant may be taken off the row
        top = h[0]
        low = h[0]
        for b in range(nb):
            top = max(top, h[b])
            low = min(low, h[b])
        s.slot[REACH, t] = min(s.slot[REACH, t], 0.5 * (top - low))
    s.islot[LINE, t] = line
    s.islot[ACTIVE, t] = -1
    s.slot[HEAT, t] = HOT
    s.islot[SCOMP, t] = s.ilin[LISL, line]
    s.ilin[SLOT, line] = t
    find_twin(s.rows, s.slot, s.islot, s.head[BALANCES], t, s.head[SITES])
    s.state[SLOTS] = t + 1
    set_limits(s, t)
    return t


@inner
def find_twin(rows, slot, islot, first, t, n):
    """The line in series or parallel to slot t that was remembered before, if any."""
    islot[TWIN, t] = t
    slot[SENSE, t] = 1.0
    mine = rows[t]
    for u in range(first, t):
        if islot[TWIN, u] != u:
            continue
        other = rows[u]
        same = 0.0
        opposite = 0.0
        for j in range(n):
            same = max(same, abs(mine[j] - other[j]))
            opposite = max(opposite, abs(mine[j] + other[j]))
            if same > ALIKE and opposite > ALIKE:
                break
        if same <= ALIKE or opposite <= ALIKE:
            islot[TWIN, t] = u
            slot[SENSE, t] = 1.0 if same <= ALIKE else -1.0
            return


@inner
def set_limits(s, t):
    """Limits and zero-dispatch flow of slot t in this round."""
    line = s.islot[LINE, t]
    s.slot[BASE, t] = s.lin[SHIFT, line] - dot(s.ptdf[t], s.bus[DEMAND], s.head[BUSES])
    s.slot[ROOM, t] = 0.0
    s.islot[FELT, t] = 0
    s.slot[FLO, t] = s.lin[LFLO, line]
    s.slot[FHI, t] = s.lin[LFHI, line]


@reduction
def _least_room(flow, low, high, n):
    """Least distance of the first n lines from a limit."""
    least = BIG
    for line in range(n):
        least = lesser(least, lesser(high[line] - flow[line], flow[line] - low[line]))
    return least


@inner
def check_lines(flow, low, high, lines, popped, tol):
    """(lines beyond a limit, lines at one, the worst of the former, its excess); `popped` lists the second, sorted."""
    tight = 0
    over = 0
    worst = tol
    at = -1
    for first in range(0, lines, 32):
        last = min(first + 32, lines)
        if _least_room(flow[first:], low[first:], high[first:], last - first) >= tol:
            continue
        for line in range(first, last):
            slack = min(high[line] - flow[line], flow[line] - low[line])
            if slack < tol:
                if slack < -tol:
                    over += 1
                    if -slack > worst:
                        worst = -slack
                        at = line
                else:
                    popped[tight] = line
                    tight += 1
    return over, tight, at, worst


@inner
def remember_worst(s, at, worst):
    """Remember line `at` and up to 8 more whose excess is not much smaller. Returns a status."""
    flow = s.lin[FLOW]
    low = s.lin[LFLO]
    high = s.lin[LFHI]
    if remember(s, at) < 0:
        return GROW_SLOTS
    more = 0
    for line in range(s.head[LINES]):
        excess = max(low[line] - flow[line], flow[line] - high[line])
        if excess > 0.3 * worst and line != at and more < 8:
            more += 1
            if remember(s, line) < 0:
                return GROW_SLOTS
    return OK


@inner
def worst_lines(s, tol):
    """Remember the lines that exceed their limits by more than `tol`, at most 8, the worst first.

    Returns (how many exceed, how many stand at a limit, status); `popped` lists the latter sorted.
    """
    over, tight, at, worst = check_lines(s.lin[FLOW], s.lin[LFLO], s.lin[LFHI], s.head[LINES], s.popped, tol)
    if over == 0:
        return 0, tight, OK
    return over, tight, remember_worst(s, at, worst)
