"""From which basis a round starts: the last round's, or that of average numbers.

Where rounds resemble the one before, its basis needs the fewest pivots. Where they are drawn independently of
one another, each is nearer to their average than to the last one: then the basis of a round of average prices
and quantities, found now and then, is the better start. Which of both is, the pivots that they took tell. No
start shows in a result (law 3).
"""

from __future__ import annotations

from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.linalg.simd import LANES, larger, load, load_at, splat, store, store_at
from clearing.engine.lp.basis import factorise_basis, make_dual_feasible, refactorise
from clearing.engine.memory.statuses import OK

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
    now = s.round_count
    few = s.start_pivots[LAST] < SHORT
    if now % OFTEN == 0 and not (few and s.has_averages > 0):
        update_averages(s)
    if s.basis_size == 0 or few or now < WARM:
        return OK, LAST
    if s.anchor_size == 0 or now - s.anchor_round > LONG:
        status = by_address.find_anchor(s, e, tol, tie)
        if status != OK:
            return status, LAST
    better = s.start_pivots[AVERAGE] < s.start_pivots[LAST]
    if now % TRY == 0:
        better = not better
    if s.anchor_size <= 0 or not better:
        return OK, LAST
    start_from_anchor(s)
    return OK, AVERAGE


@merged
def record_pivots(s, start, pivots):
    """How many pivots a start took."""
    s.start_pivots[start] += 0.125 * (pivots - s.start_pivots[start])


@inner
def update_averages(s):
    """Costs and quantities of the round into their running averages."""
    part = splat(1.0 / 16.0 if s.has_averages > 0 else 1.0)
    s.has_averages = 1
    for mean, value in ((s.mean_cost, s.cost), (s.mean_upper, s.upper)):
        for j in range(0, s.columns, LANES):
            v = load(mean, j)
            store(mean, j, v + part * (load(value, j) - v))


@inner
def find_anchor(s, e, tol, tie):
    """Keep the optimal basis of average numbers, with a fresh inverse; none where the simplex does not find
    it.

    Returns OK.
    """
    n = s.columns
    s.is_warm = 0
    s.anchor_size = -1
    s.anchor_round = s.round_count
    noise = splat(e)
    for j in range(0, n, LANES):
        low = load(s.lower, j)
        store(s.working_cost, j, load(s.mean_cost, j) + noise * load(s.perturbation, j))
        store(s.working_lower, j, low)
        store(s.working_upper, j, larger(low, load(s.mean_upper, j)))
    refactorise(s)
    make_dual_feasible(s)
    status = by_address.dual_simplex(s, tol, tie, 200 + 4 * n)
    s.bounds_activity_kept = 0
    k = s.basis_size
    if status != OK or not factorise_basis(s, k):
        refactorise(s)
        return OK
    s.inverse_age = 0
    s.anchor_size = k
    for i in range(k):
        s.anchor_slot[i] = s.basis_slot[i]
        s.anchor_column[i] = s.basic_column[i]
        s.anchor_side[i] = s.basis_side[i]
        for p in range(0, k, LANES):
            store_at(s.anchor_inverse, i, p, load_at(s.basis_inverse, i, p))
    return OK


@inner
def start_from_anchor(s):
    """The basis of average numbers as the working one."""
    short_loops()
    active = s.slot_row
    act = s.basis_slot
    k = s.basis_size
    s.is_warm = 0
    for i in range(k):
        active[act[i]] = -1
    zero = splat(0.0)
    new = s.anchor_size
    for i in range(new):
        act[i] = s.anchor_slot[i]
        active[act[i]] = i
        s.basic_column[i] = s.anchor_column[i]
        s.basis_side[i] = s.anchor_side[i]
        for p in range(0, new, LANES):
            store_at(s.basis_inverse, i, p, load_at(s.anchor_inverse, i, p))
        for p in range((new + LANES - 1) // LANES * LANES, k, LANES):
            store_at(s.basis_inverse, i, p, zero)
    for i in range(new, k):
        for p in range(0, k, LANES):
            store_at(s.basis_inverse, i, p, zero)
    s.basis_size = new
    s.inverse_age = 0
