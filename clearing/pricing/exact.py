"""From a solver's answer to the exact optimum that its active set implies, and to unique points of a face.

A simplex or interior point method ends within a tolerance; a price must not show which one ran, nor
how it got there. Here the active set is read off, and primal and dual values are corrected by the
smallest change that satisfies its equations to rounding. All programs are scaled: numbers near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.errors import ClearingError
from clearing.pricing.systems import least_squares
from clearing.solvers import solve

ROUNDING = 2.0**-46  # a residual beside the terms that cancel in it that is no more than their rounding
AT_LIMIT = 1e-9  # a scaled slack below this is none
TIED = 1e-10  # a scaled reduced cost or dual below this is zero, after correction
NO_EFFECT = 1e-11  # a price change per unit of a dual, or a distribution factor, below this is rounding
SMALL = 64  # unknowns up to which even rounding is corrected, as it costs next to nothing
UNSURE = 1e-4  # slacks above this are never taken for active, whatever the dual says
DUAL_ROUNDING = 2.0**-42  # a reduced cost beside the greatest dual that is no more than rounding
NEAR = 1e3  # gaps of the dual equations up to which a reduced cost may have the other sign
REFINEMENTS = 4  # each leaves a small part of the gap before
REVISIONS = 20  # of an active set that a solver's answer left unclear, as at a kink of sloped offers


@dataclass(frozen=True, eq=False)
class Point:
    """Primal and dual values of a program that satisfy its active equations to rounding."""

    x: np.ndarray
    dual: np.ndarray
    reduced: np.ndarray


def solve_exactly(program: Program) -> Point:
    """Solve and correct; errors as in :func:`clearing.solvers.solve`."""
    found = solve(program)
    return correct(program, found.x, found.row_dual)


def correct(program: Program, x: np.ndarray, dual: np.ndarray, slack: float = AT_LIMIT) -> Point:
    """The nearest point that satisfies the equations of the active set that (x, dual) indicates.

    A slack of at most `slack` is none.

    A bound or row is active when its slack vanishes or is smaller than its multiplier (strict
    complementarity tells the two apart at an interior point). Interior columns then have reduced
    cost zero and active rows hold with equality; the correction of least norm achieves both.
    """
    matrix = sparse.csr_array(program.matrix)
    point, active = _settle(program, matrix, _indicated(program, matrix, x, dual, slack), x, dual, slack)
    for _ in range(REFINEMENTS):
        gap = _dual_gap(program, active, point)
        if gap <= DUAL_ROUNDING * (1.0 + float(np.abs(point.dual).max(initial=0.0))):
            break
        finer = _choose_finer(program, matrix, active, point, gap, slack)
        if finer is None:
            break
        refined, revised = _settle(program, matrix, finer[2], *finer[:2], slack)
        if _dual_gap(program, revised, refined) >= gap:
            break
        point, active = refined, revised
    return point


def _indicated(
    program: Program, matrix: sparse.csr_array, x: np.ndarray, dual: np.ndarray, slack: float
) -> _ActiveSet:
    """The active set that a point indicates."""
    gradient = program.cost + program.curvature * x - matrix.T @ dual
    activity = matrix @ x
    at_low, at_high = (
        _active(x - program.low, gradient, slack),
        _active(program.high - x, -gradient, slack),
    )
    at_low &= ~(at_high & (gradient < 0))  # a range within the tolerance: its price decides
    row_at_low = (program.row_low == program.row_high) | _active(activity - program.row_low, dual, slack)
    return _ActiveSet(
        at_low,
        at_high & ~at_low,
        row_at_low,
        _active(program.row_high - activity, -dual, slack) & ~row_at_low,
    )


def _settle(
    program: Program,
    matrix: sparse.csr_array,
    active: _ActiveSet,
    x: np.ndarray,
    dual: np.ndarray,
    slack: float,
) -> tuple[Point, _ActiveSet]:
    """The point of an active set, which is revised while that makes the point less wrong."""
    point, wrong = _solve_active(program, matrix, active, x, dual)
    for _ in range(REVISIONS):
        if wrong <= slack:
            break
        other = _revise(program, matrix, active, point, slack)
        revised, after = _solve_active(program, matrix, other, point.x, point.dual)
        if after >= wrong:
            break
        point, active, wrong = revised, other, after
    return point, active


def _dual_gap(program: Program, active: _ActiveSet, point: Point) -> float:
    """Greatest reduced cost off the bounds, or of the wrong sign at one, or dual of the wrong sign."""
    movable, loose = program.low < program.high, program.row_low < program.row_high
    falls = np.where(active.low | ~movable, 0.0, point.reduced)
    rises = np.where(active.high | ~movable, 0.0, -point.reduced)
    wrong = np.where(active.row_low, -point.dual, point.dual)[loose]
    return float(max(np.maximum(falls, rises).max(initial=0.0), wrong.max(initial=0.0)))


def _choose_finer(
    program: Program, matrix: sparse.csr_array, active: _ActiveSet, point: Point, gap: float, slack: float
) -> tuple[np.ndarray, np.ndarray, _ActiveSet] | None:
    """A point and its active set that tell apart costs which the solver took for equal; None without any.

    What has a reduced cost or dual far beyond the gap stays as it is; what is left moves at the least reduced
    cost, in units of the gap, so that the solver's tolerance counts in these (A. Gleixner, D. Steffy and
    K. Wolter, Iterative refinement for linear programming, INFORMS J. Comput. 28, 2016). Sloped columns move
    in units in which their slope is 1.
    """
    columns = np.flatnonzero((np.abs(point.reduced) <= NEAR * gap) & (program.low < program.high))
    curvature, activity = program.curvature[columns], matrix @ point.x
    unit = np.sqrt(np.divide(gap, curvature, out=np.ones(len(columns)), where=curvature > 0))
    held = (np.abs(point.dual) > NEAR * gap) | (program.row_low == program.row_high)
    dual = np.where(held, point.dual, 0.0)  # of the others the finer program finds the whole
    gradient = program.cost + program.curvature * point.x - matrix.T @ dual
    finer = Program(
        cost=gradient[columns] * unit / gap,
        curvature=curvature * unit**2 / gap,
        matrix=sparse.csc_array(matrix[:, columns] @ sparse.diags_array(unit)),
        row_low=np.where(held, 0.0, np.minimum(program.row_low - activity, 0.0)),
        row_high=np.where(held, 0.0, np.maximum(program.row_high - activity, 0.0)),
        low=np.minimum(program.low - point.x, 0.0)[columns] / unit,
        high=np.maximum(program.high - point.x, 0.0)[columns] / unit,
    )
    try:
        found = solve(finer)
    except ClearingError:
        return None
    x = point.x.copy()
    x[columns] += unit * found.x
    told = _indicated(finer, sparse.csr_array(finer.matrix), found.x, found.row_dual, slack)
    low, high = active.low.copy(), active.high.copy()
    low[columns], high[columns] = told.low, told.high
    row_low = np.where(held, active.row_low, told.row_low)
    row_high = np.where(held, active.row_high, told.row_high)
    return x, dual + gap * found.row_dual, _ActiveSet(low, high, row_low, row_high)


@dataclass(frozen=True, eq=False)
class _ActiveSet:
    """Which columns are at their low and high bounds, and which rows (bool arrays)."""

    low: np.ndarray
    high: np.ndarray
    row_low: np.ndarray
    row_high: np.ndarray


def _solve_active(
    program: Program, matrix: sparse.csr_array, active: _ActiveSet, x: np.ndarray, dual: np.ndarray
) -> tuple[Point, float]:
    """The least change of (x, dual) that satisfies the active set's equations, and its worst violation."""
    x = np.where(active.low, program.low, np.where(active.high, program.high, x))
    free = ~(active.low | active.high)
    rows = active.row_low | active.row_high
    dual = np.where(rows, dual, 0.0)
    target = np.where(active.row_low, program.row_low, program.row_high)[rows]
    part = matrix[np.flatnonzero(rows)][:, np.flatnonzero(free)]
    primal_gap = target - (matrix @ x)[rows]
    dual_gap = -(program.cost + program.curvature * x - matrix.T @ dual)[free]
    if max(part.shape) > SMALL:
        sizes = abs(matrix)
        _drop_rounding(primal_gap, sizes @ np.abs(x))
        _drop_rounding(
            dual_gap, np.abs(program.cost) + program.curvature * np.abs(x) + sizes.T @ np.abs(dual)
        )
    step_x, step_dual = _least_change(part, program.curvature[free], dual_gap, primal_gap)
    x[free] += step_x
    dual[rows] += step_dual
    point = Point(x, dual, program.cost + program.curvature * x - matrix.T @ dual)
    return point, max(float(v.max(initial=0.0)) for v in _violations(program, matrix, active, point))


def _drop_rounding(gap: np.ndarray, terms: np.ndarray) -> None:
    """Set residuals to 0 where none of them exceeds the rounding of the terms that they are sums of."""
    if np.abs(gap).max(initial=0.0) <= ROUNDING * terms.max(initial=0.0):
        gap[:] = 0.0


def _violations(
    program: Program, matrix: sparse.csr_array, active: _ActiveSet, point: Point
) -> tuple[np.ndarray, ...]:
    """How far columns leave their bounds (low, high), reduced costs their signs, rows and duals theirs."""
    activity, movable = matrix @ point.x, program.low < program.high
    loose = program.row_low < program.row_high
    return (
        program.low - point.x,
        point.x - program.high,
        np.where(active.low & movable, -point.reduced, 0.0),
        np.where(active.high & movable, point.reduced, 0.0),
        program.row_low - activity,
        activity - program.row_high,
        np.where(active.row_low & loose, -point.dual, 0.0),
        np.where(active.row_high & loose, point.dual, 0.0),
    )


def _revise(
    program: Program, matrix: sparse.csr_array, active: _ActiveSet, point: Point, slack: float
) -> _ActiveSet:
    """The active set with what is violated taken in, and what pushes the wrong way let go.

    Where an active row is missed all the same, the column that costs the least beside what it moves there is
    let go, as in a step of the dual simplex method.
    """
    below, above, gains_low, gains_high, under, over, wrong_low, wrong_high = (
        v > slack for v in _violations(program, matrix, active, point)
    )
    low, high = (active.low & ~gains_low) | below, (active.high & ~gains_high) | (above & ~below)
    missed = np.flatnonzero((under & active.row_low) | (over & active.row_high))
    for row in missed:
        effect = matrix[[row]].toarray()[0] * (1.0 if under[row] else -1.0)
        can = ((low & (effect > NO_EFFECT)) | (high & (effect < -NO_EFFECT))) & (program.low < program.high)
        if can.any():
            ratio = np.where(can, np.abs(point.reduced), np.inf) / np.where(can, np.abs(effect), 1.0)
            low[np.argmin(ratio)] = high[np.argmin(ratio)] = False
    return _ActiveSet(
        low,
        high,
        (active.row_low & ~wrong_low) | under,
        (active.row_high & ~wrong_high) | (over & ~under),
    )


def _active(room: np.ndarray, multiplier: np.ndarray, slack: float) -> np.ndarray:
    return room <= np.maximum(slack, np.minimum(multiplier, UNSURE))


def _least_change(
    part: sparse.csr_array, curvature: np.ndarray, dual_gap: np.ndarray, primal_gap: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Least-norm (Δx, Δy) with curvature·Δx − partᵀΔy = dual gap and part·Δx = primal gap."""
    columns = len(curvature)
    if not curvature.any():
        return least_squares(part, primal_gap), least_squares(sparse.csr_array(-part.T), dual_gap)
    system = sparse.block_array(
        [[sparse.diags_array(curvature), -part.T], [part, None]], format="csr"
    )  # fmt: skip
    step = least_squares(system, np.concatenate([dual_gap, primal_gap]))
    return step[:columns], step[columns:]


def restrict(program: Program, point: Point, width: float = TIED, sizes: np.ndarray | float = 1.0) -> Program:
    """The program on its own optimal face: what strict complementarity fixes is fixed.

    Columns with a reduced cost beyond `width` (times their `sizes`) stay at their bound, rows with a dual
    beyond it hold with equality, columns with curvature keep their value (the gradient is constant on an
    optimal face).
    """
    settled = (np.abs(point.reduced) > width * sizes) | (program.curvature > 0)
    low = np.where(settled, point.x, program.low)
    high = np.where(settled, point.x, program.high)
    tight = np.abs(point.dual) > width
    row_low = np.where(tight & (point.dual < 0), program.row_high, program.row_low)
    row_high = np.where(tight & (point.dual > 0), program.row_low, program.row_high)
    return replace(program, low=low, high=high, row_low=row_low, row_high=row_high)


def lexicographic(program: Program, stages: Sequence[tuple[np.ndarray, np.ndarray]]) -> Point:
    """Minimise each stage (cost, curvature) on the optimal face of the ones before it."""
    point = None
    for cost, curvature in stages:
        program = replace(program, cost=cost, curvature=curvature)
        point = solve_exactly(program)
        program = restrict(program, point)
    assert point is not None, "no stage"
    return point
