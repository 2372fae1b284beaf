"""Clarabel on second-order cones: programs with rows outer ≥ weight·inner²."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy import sparse

from clearing.arrays.conic import ConicProgram, ConicSolution
from clearing.solvers.endings import ERRORS, TIME_LIMIT, Ending, size_of

CONIC_TOLERANCES = (1e-10, 1e-8)  # of the attempts, in turn
CONIC_RESIDUAL = 1e-6  # what our own residuals must not exceed, whatever word the solver ends with


def solve_conic(program: ConicProgram, time_limit: float = TIME_LIMIT) -> ConicSolution:
    """Solve a program with rows outer ≥ weight·inner² by Clarabel, each as a cone of dimension 3.

    Whether "almost solved" or "insufficient progress" is an optimum is decided by the residuals that
    we compute from the arrays; a second attempt has a looser tolerance.

    Raises
    ------
    InfeasibleError, UnboundedError, TimeLimitError, NumericalError
    """
    import clarabel

    p = program.linear
    rows, eye = sparse.csr_array(p.matrix), sparse.csr_array(sparse.eye_array(len(p.cost)))
    equal = p.row_low == p.row_high
    up, down = ~equal & np.isfinite(p.row_high), ~equal & np.isfinite(p.row_low)
    top, bottom = np.isfinite(p.high), np.isfinite(p.low)
    squares, corner = program.second_order_rows()
    matrix = sparse.vstack([rows[equal], rows[up], -rows[down], eye[top], -eye[bottom], squares])
    right = [p.row_high[equal], p.row_high[up], -p.row_low[down], p.high[top], -p.low[bottom], corner]
    sizes = [len(part) for part in right]
    cones = [clarabel.ZeroConeT(sizes[0]), clarabel.NonnegativeConeT(sum(sizes[1:5]))]
    cones += [clarabel.SecondOrderConeT(3)] * len(program.weight)
    nothing, columns = sparse.csc_matrix((len(p.cost), len(p.cost))), sparse.csc_matrix(matrix)
    settings = clarabel.DefaultSettings()
    settings.verbose, settings.time_limit, settings.max_iter = False, time_limit, 300
    settings.max_threads = 1
    ending, word = Ending.NUMERICAL, ""
    for tolerance in CONIC_TOLERANCES:
        settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = tolerance
        found = clarabel.DefaultSolver(
            nothing, p.cost, columns, np.concatenate(right), cones, settings
        ).solve()
        word = str(found.status)
        ending = _CONIC_ENDINGS.get(word, Ending.NUMERICAL)
        if ending is Ending.NUMERICAL:
            continue
        if ending is not Ending.OPTIMAL:
            break
        parts = np.split(np.asarray(found.z), np.cumsum(sizes)[:-1])
        dual = np.zeros(len(equal))
        dual[equal] = -parts[0]
        dual[up] -= parts[1]
        dual[down] += parts[2]
        x = np.clip(np.array(found.x), p.low, p.high)
        residuals = program.residuals(x, dual)
        if max(residuals.values()) <= CONIC_RESIDUAL:
            return ConicSolution(x, dual, residuals, "clarabel", word)
        row = max(residuals, key=lambda name: residuals[name])
        ending, word = Ending.NUMERICAL, f"{word}, but residual '{row}' is {residuals[row]:.1e}"
    raise ERRORS[ending](f"clarabel: {ending.value} ({word}; {size_of(p)}, {len(program.weight)} cones)")


_CONIC_ENDINGS: Mapping[str, Ending] = {
    "Solved": Ending.OPTIMAL,
    "AlmostSolved": Ending.OPTIMAL,  # our residuals decide
    "InsufficientProgress": Ending.OPTIMAL,  # likewise
    "PrimalInfeasible": Ending.INFEASIBLE,
    "DualInfeasible": Ending.UNBOUNDED,
    "MaxTime": Ending.TIME_LIMIT,
}
