"""Whether a linear program has any point, with a proof of either answer that we check ourselves.

A solver's word that nothing is feasible is a claim: presolve has called unbounded programs infeasible, and
at tight tolerances the simplex may end without a word on programs that presolve has rightly refused. Both
answers have short proofs: a point, or weights of the rows that add up to one row which nothing satisfies.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program

TOLERANCE = 1e-9  # feasibility in a scaled program; HiGHS's default 1e-7 is 1e-5 MW per 100 MW
ROUNDING = 2.0**-46  # what is left of a sum of terms that cancel, beside their sizes
BEYOND = 1e6  # scaled size of a variable without bounds, such as an angle, that no point has


def elastic(program: Program) -> Program:
    """The least Σ |violation of rows| within the columns' bounds: feasible and bounded whatever the rows say.

    Columns are the program's, then what each row with a low bound lacks, then what each with a high one has
    too much.
    """
    rows = len(program.row_low)
    eye = sparse.csc_array(sparse.eye_array(rows))
    short, over = (np.flatnonzero(np.isfinite(end)) for end in (program.row_low, program.row_high))
    slacks = len(short) + len(over)
    return Program(
        cost=np.concatenate([np.zeros(len(program.cost)), np.ones(slacks)]),
        curvature=np.zeros(len(program.cost) + slacks),
        matrix=sparse.csc_array(sparse.hstack([program.matrix, eye[:, short], -eye[:, over]])),
        row_low=program.row_low,
        row_high=program.row_high,
        low=np.concatenate([program.low, np.zeros(slacks)]),
        high=np.concatenate([program.high, np.full(slacks, np.inf)]),
    )


def is_a_point(program: Program, x: np.ndarray) -> bool:
    """Whether x satisfies rows and bounds, up to the tolerance and the rounding of a row's terms."""
    sizes = 1e-3 * (abs(program.matrix) @ np.abs(x))
    activity = program.matrix @ x
    missed = np.maximum(program.row_low - activity, activity - program.row_high)
    beyond = np.maximum(program.low - x, x - program.high)
    return bool((missed <= TOLERANCE * (1.0 + sizes)).all() and (beyond <= TOLERANCE).all())


def excludes_all(program: Program, weights: np.ndarray) -> bool:
    """Whether the rows weighted so, or with the opposite signs, show that no point satisfies all of them.

    They add up to one row; where its bounds lie beyond what any point within the columns' bounds reaches, by
    more than all tolerances, nothing is feasible (J. Farkas, Theorie der einfachen Ungleichungen, 1902).
    """
    largest = float(np.abs(weights).max(initial=0.0))
    if not 0.0 < largest < np.inf:
        return False
    return any(_excludes(program, sign * weights / largest) for sign in (1.0, -1.0))


def _excludes(program: Program, weights: np.ndarray) -> bool:
    side = np.where(weights > 0, program.row_low, program.row_high)
    weights = np.where(np.isfinite(side), weights, 0.0)
    terms = weights * np.where(np.isfinite(side), side, 0.0)
    felt = np.isfinite(program.low) & np.isfinite(program.high)
    slope = program.matrix.T @ weights
    rounding = ROUNDING * (abs(program.matrix).T @ np.abs(weights))
    slope[(np.abs(slope) <= rounding) & ~felt] = 0.0
    low, high = np.maximum(program.low, -BEYOND), np.minimum(program.high, BEYOND)
    reach = np.maximum(slope * low, slope * high)
    sizes = np.abs(terms).sum() + np.abs(reach[felt]).sum()
    tolerance = TOLERANCE * (np.abs(weights).sum() + 1e-3 * sizes)
    return bool(terms.sum() - reach.sum() > tolerance)


def improving_directions(program: Program) -> Program:
    """The least cost of a direction of length 1 along which no row or bound ends and no slope rises; below 0
    where some direction improves the objective without end."""

    def ends(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.where(np.isfinite(low), 0.0, -np.inf), np.where(np.isfinite(high), 0.0, np.inf)

    row_low, row_high = ends(program.row_low, program.row_high)
    low, high = ends(program.low, program.high)
    straight = program.curvature == 0
    return replace(
        program,
        curvature=np.zeros(len(program.cost)),
        row_low=row_low,
        row_high=row_high,
        low=np.where(straight, np.maximum(low, -1.0), 0.0),
        high=np.where(straight, np.minimum(high, 1.0), 0.0),
    )


def without_objective(program: Program) -> Program:
    """The same rows and bounds, where every point is as good as any other."""
    nothing = np.zeros(len(program.cost))
    return replace(program, cost=nothing, curvature=nothing)
