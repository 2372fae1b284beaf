"""Conditions of optimality of any linear or separable quadratic program, evaluated from its arrays."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.certificate import Certificate
from clearing.violations import largest

TOLERANCES = {"P": 1e-7, "D": 1e-7, "C": 1e-7, "G": 1e-7}


def certify_program(program: Program, x: np.ndarray, row_dual: np.ndarray) -> Certificate:
    """The KKT conditions at (x, row_dual) of a program in scaled numbers (entries near 1).

    P rows and bounds hold [1 + greatest |x|]; D a column off its bounds has reduced cost 0 and one at a
    bound does not gain by leaving it, and no dual pushes against a limit that is not there [1 + greatest
    |cost|]; C dual × slack of rows [both]; G cost = dual objective [1 + turnover].
    """
    matrix = sparse.csr_array(program.matrix)
    activity = matrix @ x
    size = 1.0 + float(np.abs(x).max(initial=0.0))
    reduced = program.cost + program.curvature * x - matrix.T @ row_dual
    price = 1.0 + float(np.abs(program.cost).max(initial=0.0))
    room = 1e-7 * size
    beyond = [program.low - x, x - program.high, program.row_low - activity, activity - program.row_high]
    falls = np.where(x > program.low + room, reduced, 0.0)
    rises = np.where(x < program.high - room, -reduced, 0.0)
    side = np.where(row_dual > 0, program.row_low, program.row_high)
    missing = (row_dual != 0) & ~np.isfinite(side)
    slack = np.abs(activity - np.where(np.isfinite(side), side, activity))
    ends = np.where(reduced > 0, program.low, program.high)
    tied = np.abs(reduced) <= 1e-9 * price
    column = np.where(tied, reduced * x, reduced * np.where(np.isfinite(ends), ends, x))
    dual = float((row_dual * np.where(np.isfinite(side), side, 0.0)).sum() + column.sum())
    dual -= 0.5 * float((program.curvature * x**2).sum())
    cost = program.objective(x)
    turnover = 1.0 + float(np.abs(program.cost * x).sum())
    residuals = {
        "P": largest(*beyond) / size,
        "D": largest(falls, rises, np.abs(row_dual[missing])) / price,
        "C": largest(np.abs(row_dual) * slack) / (size * price),
        "G": abs(cost - dual) / turnover,
    }
    return Certificate(residuals, TOLERANCES)
