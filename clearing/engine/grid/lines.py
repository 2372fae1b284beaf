"""Flows of a dispatch by one sparse solve, and PTDF rows of lines on demand."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, lesser, reduction
from clearing.engine.grid.bus_aggregation import inject_at_buses, sum_sites
from clearing.engine.linalg.dense import dot, largest
from clearing.engine.linalg.sparse import solve, solve_transposed
from clearing.engine.memory.statuses import BIG, GROW_SLOTS, HOT, OK

ALIKE = 1e-9  # largest difference of rows that count as the same


@inner
def solve_flows(s):
    """Flows of all lines for the dispatch X; the angles stay in `bus_angle`."""
    sum_sites(s, s.site_injection)
    inject_at_buses(s, s.injection)
    theta = s.bus_angle
    solve(s, s.injection, theta, s.grid.work)
    b = s.susceptance
    shift = s.shift_flow
    flow = s.line_flow
    for line in range(s.lines):
        flow[line] = b[line] * (theta[s.from_bus[line]] - theta[s.to_bus[line]]) + shift[line]


@inner
def add_slot(s, line):
    """Give `line` a slot (its PTDF row, once) and heat it. Returns the slot, or −1 if there is no room."""
    t = s.line_slot[line]
    if t >= 0:
        s.heat[t] = HOT
        return t
    t = s.slots
    if t >= s.slot_capacity:
        return -1
    nb = s.buses
    right = s.grid.right_side
    for b in range(nb + 1):
        right[b] = 0.0
    right[s.from_bus[line]] = s.susceptance[line]
    right[s.to_bus[line]] = -s.susceptance[line]
    h = s.ptdf[t]
    for b in range(nb + 1):
        h[b] = 0.0
    solve_transposed(s, right, h, s.grid.work)
    for j in range(s.columns):
        s.matrix[t, j] = h[s.into_bus[j]] - h[s.out_of_bus[j]]
    own = s.site_matrix[t]
    for i in range(s.sites):
        own[i] = h[s.site_bus[i]]
    for i in range(s.order_sites, s.order_sites + s.links):
        own[i] = h[s.link_into[i]] - h[s.link_out_of[i]]
    s.flow_reach[t] = largest(own, s.sites)
    if s.islands == 1:  # what one bus gives more others give less: any constant may be taken off the row
        top = h[0]
        low = h[0]
        for b in range(nb):
            top = max(top, h[b])
            low = min(low, h[b])
        s.flow_reach[t] = min(s.flow_reach[t], 0.5 * (top - low))
    s.slot_line[t] = line
    s.slot_row[t] = -1
    s.heat[t] = HOT
    s.slot_component[t] = s.line_component[line]
    s.line_slot[line] = t
    find_twin(s, t)
    s.slots = t + 1
    set_limits(s, t)
    return t


@inner
def find_twin(s, t):
    """The line in series or parallel to slot t that was remembered before, if any."""
    s.twin[t] = t
    s.twin_sense[t] = 1.0
    mine = s.site_matrix[t]
    for u in range(s.balances, t):
        if s.twin[u] != u:
            continue
        other = s.site_matrix[u]
        same = 0.0
        opposite = 0.0
        for j in range(s.sites):
            same = max(same, abs(mine[j] - other[j]))
            opposite = max(opposite, abs(mine[j] + other[j]))
            if same > ALIKE and opposite > ALIKE:
                break
        if same <= ALIKE or opposite <= ALIKE:
            s.twin[t] = u
            s.twin_sense[t] = 1.0 if same <= ALIKE else -1.0
            return


@inner
def set_limits(s, t):
    """Limits and zero-dispatch flow of slot t in this round."""
    line = s.slot_line[t]
    s.base_flow[t] = s.shift_flow[line] - dot(s.ptdf[t], s.net_demand, s.buses)
    s.room[t] = 0.0
    s.twin_felt[t] = 0
    s.flow_lower[t] = s.line_lower[line]
    s.flow_upper[t] = s.line_upper[line]


@reduction
def _least_room(flow, low, high, n):
    """Least distance of the first n lines from a limit."""
    least = BIG
    for line in range(n):
        least = lesser(least, lesser(high[line] - flow[line], flow[line] - low[line]))
    return least


@inner
def list_tight_lines(flow, low, high, lines, popped, tol):
    """(lines beyond a limit, lines at one, the worst of the former, its excess); `tight_lines` lists the
    second, sorted.
    """
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
def add_worst_slots(s, at, worst):
    """Remember line `at` and up to 8 more whose excess is not much smaller. Returns a status."""
    flow = s.line_flow
    low = s.line_lower
    high = s.line_upper
    if add_slot(s, at) < 0:
        return GROW_SLOTS
    more = 0
    for line in range(s.lines):
        excess = max(low[line] - flow[line], flow[line] - high[line])
        if excess > 0.3 * worst and line != at and more < 8:
            more += 1
            if add_slot(s, line) < 0:
                return GROW_SLOTS
    return OK


@inner
def add_exceeded_lines(s, tol):
    """Remember the lines that exceed their limits by more than `tol`, at most 8, the worst first.

    Returns (how many exceed, how many stand at a limit, status); `tight_lines` lists the latter sorted.
    """
    over, tight, at, worst = list_tight_lines(
        s.line_flow, s.line_lower, s.line_upper, s.lines, s.tight_lines, tol
    )
    if over == 0:
        return 0, tight, OK
    return over, tight, add_worst_slots(s, at, worst)
