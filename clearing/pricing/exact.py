"""From a solver's answer to the exact optimum that its active set implies, and to unique points of a face.

A simplex or interior point method ends within a tolerance; a price must not show which one ran, nor
how it got there. Here the active set is read off, and primal and dual values are corrected by the
smallest change that satisfies its equations to rounding. All programs are scaled: numbers near 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import linalg, sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from clearing.arrays.programs import Program
from clearing.solvers import TIME_LIMIT, Ending, solve, solve_highs

ROUNDING = 2.0**-46  # a residual beside the terms that cancel in it that is no more than their rounding
AT_LIMIT = 1e-9  # a scaled slack below this is none
TIED = 1e-10  # a scaled reduced cost or dual below this is zero, after correction
NO_EFFECT = 1e-11  # a price change per unit of a dual, or a distribution factor, below this is rounding
SMALL = 64  # unknowns up to which even rounding is corrected, as it costs next to nothing
UNSURE = 1e-4  # slacks above this are never taken for active, whatever the dual says
RANK_TOLERANCE = 1e-9  # relative size of a pivot that counts as zero
DUAL_ROUNDING = 2.0**-42  # a reduced cost beside the greatest dual that is no more than rounding
NEAR = 1e3  # gaps of the dual equations up to which a reduced cost may have the other sign
REFINEMENTS = 4  # each leaves a small part of the gap before
REVISIONS = 20  # of an active set that a solver's answer left unclear, as at a kink of sloped offers
DENSE = 500  # unknowns up to which a dense least-squares solve is the faster one


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


def correct(program: Program, x: np.ndarray, dual: np.ndarray) -> Point:
    """The nearest point that satisfies the equations of the active set that (x, dual) indicates.

    A bound or row is active when its slack vanishes or is smaller than its multiplier (strict
    complementarity tells the two apart at an interior point). Interior columns then have reduced
    cost zero and active rows hold with equality; the correction of least norm achieves both.
    """
    matrix = sparse.csr_array(program.matrix)
    point, active = _settle(program, matrix, _indicated(program, matrix, x, dual), x, dual)
    for _ in range(REFINEMENTS):
        gap = _dual_gap(program, active, point)
        if gap <= DUAL_ROUNDING * (1.0 + float(np.abs(point.dual).max(initial=0.0))):
            break
        finer = _choose_finer(program, matrix, point, gap)
        if finer is None:
            break
        refined, active = _settle(program, matrix, _indicated(program, matrix, *finer), *finer)
        if _dual_gap(program, active, refined) >= gap:
            break
        point = refined
    return point


def _indicated(program: Program, matrix: sparse.csr_array, x: np.ndarray, dual: np.ndarray) -> _ActiveSet:
    """The active set that a point indicates."""
    gradient = program.cost + program.curvature * x - matrix.T @ dual
    activity = matrix @ x
    at_low = _active(x - program.low, gradient)
    row_at_low = (program.row_low == program.row_high) | _active(activity - program.row_low, dual)
    return _ActiveSet(
        at_low,
        _active(program.high - x, -gradient) & ~at_low,
        row_at_low,
        _active(program.row_high - activity, -dual) & ~row_at_low,
    )


def _settle(
    program: Program, matrix: sparse.csr_array, active: _ActiveSet, x: np.ndarray, dual: np.ndarray
) -> tuple[Point, _ActiveSet]:
    """The point of an active set, which is revised while that makes the point less wrong."""
    point, wrong = _solve_active(program, matrix, active, x, dual)
    for _ in range(REVISIONS):
        if wrong <= AT_LIMIT:
            break
        other = _revise(program, matrix, active, point)
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
    program: Program, matrix: sparse.csr_array, point: Point, gap: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """(x, dual) that tell apart costs which the solver took for equal; None where that finds nothing.

    What has a reduced cost or dual far beyond the gap stays as it is; what is left moves at the least reduced
    cost, in units of the gap, so that the solver's tolerance counts in these (A. Gleixner, D. Steffy and
    K. Wolter, Iterative refinement for linear programming, INFORMS J. Comput. 28, 2016). Sloped columns stay
    too: within the gap they hardly move, and the equations of the new active set place them.
    """
    close = (np.abs(point.reduced) <= NEAR * gap) & (program.curvature == 0) & (program.low < program.high)
    columns = np.flatnonzero(close)
    activity = matrix @ point.x
    held = np.abs(point.dual) > NEAR * gap
    room = Program(
        cost=point.reduced[columns] / gap,
        curvature=np.zeros(len(columns)),
        matrix=sparse.csc_array(matrix[:, columns]),
        row_low=np.where(held, 0.0, np.minimum(program.row_low - activity, 0.0)),
        row_high=np.where(held, 0.0, np.maximum(program.row_high - activity, 0.0)),
        low=np.minimum(program.low - point.x, 0.0)[columns],
        high=np.maximum(program.high - point.x, 0.0)[columns],
    )
    ending, found = solve_highs(room, TIME_LIMIT)
    if ending is not Ending.OPTIMAL or found is None:
        return None
    x = point.x.copy()
    x[columns] = np.clip(x[columns] + found.x, program.low[columns], program.high[columns])
    return x, point.dual + gap * found.row_dual


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


def _revise(program: Program, matrix: sparse.csr_array, active: _ActiveSet, point: Point) -> _ActiveSet:
    """The active set with what is violated taken in, and what pushes the wrong way let go."""
    below, above, gains_low, gains_high, under, over, wrong_low, wrong_high = (
        v > AT_LIMIT for v in _violations(program, matrix, active, point)
    )
    return _ActiveSet(
        (active.low & ~gains_low) | below,
        (active.high & ~gains_high) | (above & ~below),
        (active.row_low & ~wrong_low) | under,
        (active.row_high & ~wrong_high) | (over & ~under),
    )


def _active(slack: np.ndarray, multiplier: np.ndarray) -> np.ndarray:
    return slack <= np.maximum(AT_LIMIT, np.minimum(multiplier, UNSURE))


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


def least_squares(matrix: sparse.csr_array, right: np.ndarray) -> np.ndarray:
    """Least-norm solution of a consistent (possibly rank-deficient) linear system."""
    rows, columns = matrix.shape
    if rows == 0 or columns == 0 or not right.any():
        return np.zeros(columns)
    if max(rows, columns) <= DENSE:
        return linalg.lstsq(matrix.toarray(), right, cond=1e-11, lapack_driver="gelsy", check_finite=False)[0]
    return _sparse_least_squares(matrix, right)


def _sparse_least_squares(matrix: sparse.csr_array, right: np.ndarray) -> np.ndarray:
    """The same through the augmented system [I Mᵀ; M −ε I], refined until the residual stops falling."""
    rows, columns = matrix.shape
    augmented = sparse.block_array(
        [[sparse.eye_array(columns), matrix.T], [matrix, -1e-9 * sparse.eye_array(rows)]], format="csc"
    )
    factor = splu(augmented)
    x = np.zeros(columns)
    residual = right.copy()
    for _ in range(8):
        step = factor.solve(np.concatenate([np.zeros(columns), residual]))[:columns]
        after = right - matrix @ (x + step)
        if np.linalg.norm(after) >= np.linalg.norm(residual):
            break
        x, residual = x + step, after
    return x


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


def has_full_column_rank(matrix: sparse.csr_array) -> bool:
    """Whether no combination of columns vanishes."""
    rows, columns = matrix.shape
    return columns <= rows and null_space(matrix).shape[1] == 0


def null_space(matrix: sparse.csr_array) -> sparse.csc_array:
    """Basis (columns, each of greatest entry 1) of the combinations of columns that vanish.

    Independent blocks are taken one by one, so that a basis vector touches one of them only.
    """
    row_block, block = joined(matrix)
    rows, columns = np.argsort(row_block, kind="stable"), np.argsort(block, kind="stable")
    sorted_blocks = matrix[rows][:, columns]
    start, row_start = (
        np.searchsorted(label[order], np.arange(matrix.shape[1] + 1))
        for label, order in ((block, columns), (row_block, rows))
    )
    indptr, indices, data = sorted_blocks.indptr, sorted_blocks.indices, sorted_blocks.data
    vectors: list[tuple[np.ndarray, np.ndarray]] = []
    for k in range(int(block.max(initial=-1)) + 1):
        a, b, first, last = row_start[k], row_start[k + 1], start[k], start[k + 1]
        dense = np.zeros((b - a, last - first))
        entries = slice(indptr[a], indptr[b])
        dense[np.repeat(np.arange(b - a), np.diff(indptr[a : b + 1])), indices[entries] - first] = data[
            entries
        ]
        vectors += [(columns[first:last], vector) for vector in _dense_null_space(dense).T]
    places = [np.full(len(at), k) for k, (at, _) in enumerate(vectors)]
    none = [np.zeros(0)]
    entries_of = np.concatenate(none + [v for _, v in vectors])
    at = np.concatenate(none + [at for at, _ in vectors]), np.concatenate(none + places)
    shape = (matrix.shape[1], len(vectors))
    return sparse.csc_array((entries_of, (at[0].astype(np.int64), at[1].astype(np.int64))), shape=shape)


def joined(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """(rows,), (columns,) number of the independent block that each belongs to; those with columns first."""
    rows, columns = matrix.shape
    row = np.repeat(np.arange(rows), np.diff(matrix.indptr)) + columns
    both = sparse.csr_array((np.ones(len(row)), (row, matrix.indices)), shape=(rows + columns,) * 2)
    _, label = connected_components(both, directed=False)
    return label[columns:], label[:columns]


def _dense_null_space(matrix: np.ndarray) -> np.ndarray:
    """Basis (columns) by a QR factorisation with pivoting; empty where the rank is full."""
    rows, columns = matrix.shape
    if rows == columns > DENSE and _is_regular(matrix):
        return np.zeros((columns, 0))
    if not matrix.any():
        return np.eye(columns)
    triangle, pivot = linalg.qr(matrix, mode="r", pivoting=True, check_finite=False)
    pivots = np.abs(np.diag(triangle))
    rank = int((pivots > RANK_TOLERANCE * pivots[0]).sum())
    null = np.zeros((columns, columns - rank))
    if rank < columns:
        null[pivot[:rank]] = -linalg.solve_triangular(
            triangle[:rank, :rank], triangle[:rank, rank:], check_finite=False
        )
        null[pivot[rank:]] = np.eye(columns - rank)
        null /= np.abs(null).max(axis=0)
    return null


def _is_regular(matrix: np.ndarray) -> bool:
    try:
        pivots = np.abs(splu(sparse.csc_array(matrix)).U.diagonal())
    except RuntimeError:  # exactly singular
        return False
    return bool(pivots.min() > RANK_TOLERANCE * pivots.max())
