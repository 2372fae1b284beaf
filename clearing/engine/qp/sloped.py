"""Books with slopes: Newton steps or the dual active set, then dispatch, ties and prices from what they end
with.
"""

from __future__ import annotations

from clearing.engine.canonical.sloped_face import inside_bounds, list_face, signs_hold, steps_are_independent
from clearing.engine.canonical.tie_active_set import CLOSER
from clearing.engine.canonical.tie_prices import price_again
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import inner
from clearing.engine.linalg.simd import LANES, equal_bits, less_bits, load, splat, store, where_less
from clearing.engine.memory.statuses import GROW_ROWS, MORE_LINES, OK, STALLED
from clearing.engine.qp.dual_active_set import dual_active_set
from clearing.engine.qp.semismooth_newton import semismooth_newton

STRICT = (
    1e-3  # where the climb's bands have moved the dispatch, signs tell only if they are looked at so closely
)


@inner
def solve_sloped(s, number, rule, cost_scale, noise, tol, cost_tol, r, unpriced):
    """Dispatch of a book with slopes. Returns (status, rows, rank).

    r : row of the batch. Attempt 0 climbs from the last round's duals; where that ends nowhere, at tied step
    orders, or at an active set that its recomputation refutes, and in the other attempts (cold), the dual
    active set finds the outcome.
    """
    n = s.columns
    s.basis_size = 0  # the rows and columns here are no basis: a simplex afterwards starts cold
    s.injection_kept = 0
    e = noise * cost_scale
    steps = perturb_steps(s, n, e)
    quick = number == 0
    for turn in range(60):
        if quick:
            status = semismooth_newton(s, n, tol, cost_scale, 40)
            if status == GROW_ROWS:
                return status, 0, 0
            quick = status == OK
        if not quick:
            status = dual_active_set(s, n, 0.1 * tol, number > 0 and turn == 0, 200 + 4 * n)
            if status != OK:
                return status, 0, 0
        tight = list_ruling(s)
        f = inside_bounds(s, n, tol, cost_tol)
        if quick and steps and not steps_are_independent(s, s.qp.row_slot, s.dual, s.working_rows, f, -1.0):
            quick = False
            continue
        status, m, rank, f = settle_guess(s, n, f, tight, tol, cost_tol, quick, rule, cost_scale, unpriced)
        if status == MORE_LINES:
            continue
        if status >= GROW_ROWS:
            return status, 0, 0
        free = -1
        if status == OK:
            free = signs_hold(s, n, m, tol, STRICT * cost_tol if quick else cost_tol, cost_tol)
        if free < 0:
            if quick:
                quick = False
                continue
            return (STALLED if status == OK else status), 0, 0
        ties = list_face(s, n, m, f, free, cost_tol)
        if ties == 0:
            return status, m, rank
        if quick:  # which of the tied orders the climb left inside their bounds says nothing
            quick = False
            continue
        s.out_ties[r] = ties
        status, tight = by_address.apply_tie_rule(s, n, tol, cost_tol, True)
        if status != OK:
            return status, 0, 0
        return price_again(s, n, tight, tol, cost_tol, rule, cost_scale, unpriced)
    return STALLED, 0, 0


@inner
def settle_guess(s, n, f, tight, tol, cost_tol, quick, rule, cost_scale, unpriced):
    """Recompute on the f interior columns and the lines in `tight_lines`. Returns (status, rows, rank, f).

    Only a climb's may leave the lines that it does not know to the check of eight rounds together: a tied
    face without one of the lines at a limit would be another one.
    """
    status, m, rank = OK, 0, 0
    for last in range(2):
        if quick and s.is_careful == 0:
            status, m, rank = by_address.recompute(s, f, tight, tol, True, rule, cost_scale, unpriced)
        else:
            status, m, rank = by_address.recompute_until_tight(
                s, f, tight, tol, True, rule, cost_scale, unpriced
            )
        if status != OK or last == 1 or not at_edge(s, f, tol, cost_tol):
            break
        f = inside_bounds(s, n, tol, cost_tol)
        tight = m - s.balances
    return status, m, rank, f


@inner
def perturb_steps(s, n, e):
    """Costs that the ways to the active set see: those of step orders are told apart. Whether there are any."""
    cost = s.cost
    slope = s.slope
    jitter = s.perturbation
    costp = s.working_cost
    zero = splat(0.0)
    part = splat(e)
    steps = 0
    for j in range(0, n, LANES):
        more = where_less(zero, load(slope, j), zero, part * load(jitter, j))
        store(costp, j, load(cost, j) + more)
        steps |= equal_bits(load(slope, j), zero) & less_bits(load(s.lower, j), load(s.upper, j))
    return steps != 0


@inner
def at_edge(s, f, tol, tie):
    """Whether the recomputation has moved an interior column to a bound (see `inside_bounds`)."""
    for t in range(f):
        j = s.interior_columns[t]
        edge = CLOSER * tol / max(1.0, s.slope[j] * (tol / tie))
        if s.dispatch[j] - s.lower[j] <= edge or s.upper[j] - s.dispatch[j] <= edge:
            return True
    return False


@inner
def list_ruling(s):
    """The lines among the rows of the working set, sorted, into `tight_lines`. Returns their number."""
    count = 0
    for i in range(s.balances, s.working_rows):
        line = s.slot_line[s.qp.row_slot[i]]
        at = count
        while at > 0 and s.tight_lines[at - 1] > line:
            s.tight_lines[at] = s.tight_lines[at - 1]
            at -= 1
        s.tight_lines[at] = line
        count += 1
    return count
