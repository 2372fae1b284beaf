"""From which basis a round starts: the last round's, or that of average numbers.

Where rounds resemble the one before, its basis needs the fewest pivots. Where they are drawn independently of
one another, each is nearer to their average than to the last one: then the basis of a round of average prices
and quantities, found now and then, is the better start. Which of both is, the pivots that they took tell. No
start shows in a result (law 3).
"""

from __future__ import annotations

from clearing.rounds import apart
from clearing.rounds.basis import place, refactor, renew
from clearing.rounds.compiled import inner, merged, short_loops
from clearing.rounds.fields import (
    ACT,
    ACTIVE,
    AGE,
    ANCHOR,
    ANCHORACT,
    ANCHORBAS,
    ANCHORED,
    ANCHORSIDE,
    AVERAGED,
    BAS,
    COST,
    COSTP,
    HIGH,
    HIGHP,
    JITTER,
    KEPT,
    LOW,
    LOWP,
    MEANCOST,
    MEANHIGH,
    NOW,
    OK,
    READY,
    SIDE,
    SIZE,
)
from clearing.rounds.lanes import LANES, larger, load_at, splat, store_at
from clearing.rounds.store import COLUMNS

LAST, AVERAGE = 0, 1
SHORT = 2.0  # pivots from the last basis below which no other is tried
OFTEN = 4  # rounds of which one counts in the average
TRY = 32  # rounds of which one starts from the other basis, to learn how that does
LONG = 1024  # rounds after which the average is looked for again
WARM = 64  # rounds before it is first looked for


@merged
def choose_start(s, e, tol, tie):
    """Put the basis in place that seems the better start. Returns (status, LAST or AVERAGE).

    `e`: perturbation of costs.
    """
    now = s.state[NOW]
    few = s.habit[LAST] < SHORT
    if now % OFTEN == 0 and not (few and s.state[AVERAGED] > 0):
        average(s)
    if s.state[SIZE] == 0 or few or now < WARM:
        return OK, LAST
    if s.state[ANCHOR] == 0 or now - s.state[ANCHORED] > LONG:
        status = apart.find_average(s, e, tol, tie)
        if status != OK:
            return status, LAST
    better = s.habit[AVERAGE] < s.habit[LAST]
    if now % TRY == 0:
        better = not better
    if s.state[ANCHOR] <= 0 or not better:
        return OK, LAST
    put_back(s)
    return OK, AVERAGE


@merged
def learn(s, start, pivots):
    """How many pivots a start took."""
    s.habit[start] += 0.125 * (pivots - s.habit[start])


@inner
def average(s):
    """Costs and quantities of the round into their running averages."""
    part = splat(1.0 / 16.0 if s.state[AVERAGED] > 0 else 1.0)
    s.state[AVERAGED] = 1
    for mean, value in ((MEANCOST, COST), (MEANHIGH, HIGH)):
        for j in range(0, s.head[COLUMNS], LANES):
            v = load_at(s.col, mean, j)
            store_at(s.col, mean, j, v + part * (load_at(s.col, value, j) - v))


@inner
def find_average(s, e, tol, tie):
    """Keep the optimal basis of average numbers, with a fresh inverse; none where the simplex does not find it.

    Returns OK.
    """
    n = s.head[COLUMNS]
    s.state[READY] = 0
    s.state[ANCHOR] = -1
    s.state[ANCHORED] = s.state[NOW]
    noise = splat(e)
    for j in range(0, n, LANES):
        low = load_at(s.col, LOW, j)
        store_at(s.col, COSTP, j, load_at(s.col, MEANCOST, j) + noise * load_at(s.col, JITTER, j))
        store_at(s.col, LOWP, j, low)
        store_at(s.col, HIGHP, j, larger(low, load_at(s.col, MEANHIGH, j)))
    renew(s)
    place(s)
    status = apart.dual_simplex(s, tol, tie, 200 + 4 * n)
    s.state[KEPT] = 0
    k = s.state[SIZE]
    if status != OK or not refactor(s, k):
        renew(s)
        return OK
    s.state[AGE] = 0
    s.state[ANCHOR] = k
    for i in range(k):
        s.irow[ANCHORACT, i] = s.irow[ACT, i]
        s.irow[ANCHORBAS, i] = s.irow[BAS, i]
        s.irow[ANCHORSIDE, i] = s.irow[SIDE, i]
        for p in range(0, k, LANES):
            store_at(s.anchor, i, p, load_at(s.w, i, p))
    return OK


@inner
def put_back(s):
    """The basis of average numbers as the working one."""
    short_loops()
    active = s.islot[ACTIVE]
    act = s.irow[ACT]
    k = s.state[SIZE]
    s.state[READY] = 0
    for i in range(k):
        active[act[i]] = -1
    zero = splat(0.0)
    new = s.state[ANCHOR]
    for i in range(new):
        act[i] = s.irow[ANCHORACT, i]
        active[act[i]] = i
        s.irow[BAS, i] = s.irow[ANCHORBAS, i]
        s.irow[SIDE, i] = s.irow[ANCHORSIDE, i]
        for p in range(0, new, LANES):
            store_at(s.w, i, p, load_at(s.anchor, i, p))
        for p in range((new + LANES - 1) // LANES * LANES, k, LANES):
            store_at(s.w, i, p, zero)
    for i in range(new, k):
        for p in range(0, k, LANES):
            store_at(s.w, i, p, zero)
    s.state[SIZE] = new
    s.state[AGE] = 0
