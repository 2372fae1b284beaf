"""How far the duals of a linear program's rows can move while its solution stays optimal (law 5)."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.solvers import least_values

AT_BOUND = 1e-7  # a scaled slack below this is none


def dual_intervals(program: Program, x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) twice: least and greatest dual of some rows over all duals that support an optimal x.

    Interior columns have reduced cost 0, columns at a bound the sign that keeps them there, rows that are met
    duals of one sign, all others none; ±inf where nothing bounds a dual.
    """
    activity = program.matrix @ x
    moving = np.flatnonzero(program.low < program.high)
    gradient = (program.cost + program.curvature * x)[moving]
    at_low = (x - program.low <= AT_BOUND)[moving]
    at_high = (program.high - x <= AT_BOUND)[moving]
    met_low = activity - program.row_low <= AT_BOUND
    met_high = program.row_high - activity <= AT_BOUND
    none = np.zeros(len(activity))
    face = Program(
        cost=none,
        curvature=none,
        matrix=sparse.csc_array(program.matrix[:, moving].T),
        row_low=np.where(at_low, -np.inf, gradient),
        row_high=np.where(at_high, np.inf, gradient),
        low=np.where(met_high, -np.inf, 0.0),
        high=np.where(met_low, np.inf, 0.0),
    )
    unit = np.zeros((len(rows), len(activity)))
    unit[np.arange(len(rows)), rows] = 1.0
    return least_values(face, unit), -least_values(face, -unit)
