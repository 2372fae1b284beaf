"""One attempt at the loaded round of steps: simplex, ties, recomputation; books with slopes go elsewhere."""

from __future__ import annotations

from clearing.engine.canonical.active_set import interior_basic_columns, interior_columns
from clearing.engine.canonical.recompute import AS_BEFORE
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import merged, part
from clearing.engine.grid.candidate_lines import active_set_stays, list_active_lines
from clearing.engine.grid.lines import add_exceeded_lines, solve_flows
from clearing.engine.linalg.simd import LANES, load, splat, store
from clearing.engine.lp.basis import make_dual_feasible, refactorise, start_cold
from clearing.engine.lp.dual_simplex import OLD
from clearing.engine.lp.reduced_costs import count_ties, least_cost, true_duals
from clearing.engine.lp.warm_continuation import continue_warm
from clearing.engine.memory.statuses import MORE_LINES, OK, REFACTOR, STALLED
from clearing.tolerances import TIE_WIDTH

MW_TOL = 1e-9  # relative primal tolerance
NOISE = 2e-11  # relative size of the anti-cycling perturbation, far below the tie width
LOUD = 1e-7  # the same where the simplex does not come to an end; taken back before the end


@merged
def perturb(s, n, e):
    """Costs and bounds of the round for the simplex."""
    costp = s.working_cost
    cost = s.cost
    jitter = s.perturbation
    lowp = s.working_lower
    highp = s.working_upper
    low = s.lower
    high = s.upper
    f = splat(e)
    for j in range(0, n, LANES):
        store(costp, j, load(cost, j) + f * load(jitter, j))
        store(lowp, j, load(low, j))
        store(highp, j, load(high, j))


@part
def attempt(s, number, rule, dearest, mw_scale, sloped, r, unpriced):
    """Solve the loaded round once. Returns (status, rows, rank); `dispatch`, `dual` and `lmp` are the
    outcome.

    Attempt 0 starts from the basis in place (see `starting_basis`; where few orders have changed, see
    `warm_continuation`), 1 from the cold one, 2 cold without perturbation.
    """
    n = s.columns
    tol = MW_TOL * mw_scale
    tie = TIE_WIDTH * dearest
    noise = NOISE if number < 2 else 0.0
    renewals = 0
    if sloped:
        s.is_warm = 0
        return by_address.solve_sloped(s, number, rule, dearest, noise, tol, tie, r, unpriced)
    going_on = False
    if number > 0 or s.basis_size == 0:
        start_cold(s)
    elif s.inverse_age >= OLD:
        refactorise(s)
    elif s.is_careful == 0:
        going_on = continue_warm(s, noise * dearest)
    s.is_warm = 0
    for _ in range(60):
        before = s.pivots
        if not going_on:
            perturb(s, n, noise * dearest)
            make_dual_feasible(s)
        status = by_address.dual_simplex(s, 0.1 * tol, 1e-14 * dearest, 200 + 4 * n)
        if status == REFACTOR:
            going_on = False
            refactorise(s)
            renewals += 1
            if renewals % 8 == 3:
                noise = LOUD
            continue
        if status != OK:
            return status, 0, 0
        ties = near = 0
        if not going_on or s.pivots > before:
            s.least_reduced_cost = least_cost(s.reduced_cost, s.lp.move, n, s.basis_size)
        going_on = False
        if noise == LOUD or s.least_reduced_cost <= 1.01 * tie:
            for j in range(n):
                s.working_cost[j] = s.cost[j]
            true_duals(s, n)
            ties, near, wrong = count_ties(s, n, tie)
            if wrong > tie:
                if noise == LOUD:
                    noise = NOISE
                    continue
                return STALLED, 0, 0
        if ties > 0:
            s.injection_kept = 0
            solve_flows(s)
            over, tight, status = add_exceeded_lines(s, tol)
            if status != OK:
                return status, 0, 0
            if over > 0:
                continue
            s.out_ties[r] = ties
            if near > 0:
                return by_address.share_near_ties(s, n, tight, tol, tie, rule, dearest, unpriced)
            status, tight = by_address.apply_tie_rule(s, n, tol, tie, False)
            if status != OK:
                return status, 0, 0
            f = interior_columns(s, tol)
        else:
            s.is_warm = 1 if noise == NOISE and s.least_reduced_cost > 1.01 * tie else 0
            if active_set_stays(s, tol):
                f = s.interior_count
                tight = AS_BEFORE
            else:
                f = interior_basic_columns(s, tol)
                tight = list_active_lines(s, 0.1 * tol)
        if s.is_careful == 0:
            return by_address.recompute(s, f, tight, tol, False, rule, dearest, unpriced)
        status, m, rank = by_address.recompute_until_tight(s, f, tight, tol, False, rule, dearest, unpriced)
        if status == MORE_LINES and ties == 0:
            continue
        return status, m, rank
    return STALLED, 0, 0
