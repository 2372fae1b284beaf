"""PIQP and Clarabel: convex separable quadratic programs by interior points."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program, Solution
from clearing.solvers.endings import Ending
from clearing.solvers.feasibility import TOLERANCE, improving_directions
from clearing.solvers.highs import CLEARLY, is_feasible, solve_highs

IPM_TOLERANCE = 1e-10


def solve_piqp(program: Program, time_limit: float) -> tuple[Ending, Solution | None]:
    import piqp

    small = _WithoutFixed(program)
    if small.nothing_left:
        return small.trivial("piqp")
    if small.contradiction and not is_feasible(program, time_limit):
        return Ending.INFEASIBLE, None
    rows = small.rows
    solver = piqp.SparseSolver()
    settings = solver.settings
    settings.max_iter = 500
    settings.eps_abs = settings.eps_duality_gap_abs = IPM_TOLERANCE
    settings.eps_rel = settings.eps_duality_gap_rel = IPM_TOLERANCE
    equal = small.row_low == small.row_high
    solver.setup(
        sparse.csc_matrix(sparse.diags_array(small.curvature)),
        small.cost,
        sparse.csc_matrix(rows[equal]) if equal.any() else None,
        small.row_high[equal] if equal.any() else None,
        sparse.csc_matrix(rows[~equal]) if (~equal).any() else None,
        small.row_low[~equal] if (~equal).any() else None,
        small.row_high[~equal] if (~equal).any() else None,
        small.low,
        small.high,
    )
    endings = {
        piqp.PIQP_SOLVED: Ending.OPTIMAL,
        piqp.PIQP_PRIMAL_INFEASIBLE: Ending.INFEASIBLE,
        piqp.PIQP_DUAL_INFEASIBLE: Ending.UNBOUNDED,
    }
    ending = endings.get(solver.solve(), Ending.NUMERICAL)
    if ending is not Ending.OPTIMAL:
        return _settle(program, time_limit), None
    result = solver.result
    dual = np.zeros(len(equal))
    dual[equal] = -np.asarray(result.y)
    dual[~equal] = np.asarray(result.z_l) - np.asarray(result.z_u)
    return ending, small.restore(np.array(result.x), dual, "piqp")


def solve_clarabel(program: Program, time_limit: float) -> tuple[Ending, Solution | None]:
    import clarabel

    small = _WithoutFixed(program)
    if small.nothing_left:
        return small.trivial("clarabel")
    if small.contradiction and not is_feasible(program, time_limit):
        return Ending.INFEASIBLE, None
    eye = sparse.csr_array(sparse.eye_array(len(small.cost)))
    equal = small.row_low == small.row_high
    up, down = ~equal & np.isfinite(small.row_high), ~equal & np.isfinite(small.row_low)
    top, bottom = np.isfinite(small.high), np.isfinite(small.low)
    rows = small.rows
    matrix = sparse.vstack([rows[equal], rows[up], -rows[down], eye[top], -eye[bottom]], format="csc")
    right = [
        small.row_high[equal],
        small.row_high[up],
        -small.row_low[down],
        small.high[top],
        -small.low[bottom],
    ]
    sizes = [len(part) for part in right]
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.time_limit = time_limit
    settings.max_iter = 500
    settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = IPM_TOLERANCE
    cones = [clarabel.ZeroConeT(sizes[0]), clarabel.NonnegativeConeT(sum(sizes[1:]))]
    quadratic = sparse.csc_matrix(sparse.diags_array(small.curvature))
    found = clarabel.DefaultSolver(
        quadratic, small.cost, sparse.csc_matrix(matrix), np.concatenate(right), cones, settings
    ).solve()
    status = clarabel.SolverStatus
    endings = {
        status.Solved: Ending.OPTIMAL,
        status.AlmostSolved: Ending.OPTIMAL,  # the certificate decides, not the solver's own tolerance
        status.PrimalInfeasible: Ending.INFEASIBLE,
        status.DualInfeasible: Ending.UNBOUNDED,
        status.MaxTime: Ending.TIME_LIMIT,
    }
    ending = endings.get(found.status, Ending.NUMERICAL)
    if ending is not Ending.OPTIMAL:
        return (ending if ending is Ending.TIME_LIMIT else _settle(program, time_limit)), None
    z = np.asarray(found.z)
    parts = np.split(z, np.cumsum(sizes)[:-1])
    dual = np.zeros(len(equal))
    dual[equal] = -parts[0]
    dual[up] -= parts[1]
    dual[down] += parts[2]
    return ending, small.restore(np.array(found.x), dual, "clarabel")


def _settle(program: Program, time_limit: float) -> Ending:
    """What a program without an answer is: an interior point method's own word on that is no proof."""
    if not is_feasible(program, time_limit):
        return Ending.INFEASIBLE
    _, best = solve_highs(improving_directions(program), time_limit)
    improves = best is not None and program.cost @ best.x < -CLEARLY
    return Ending.UNBOUNDED if improves else Ending.NUMERICAL


class _WithoutFixed:
    """A program without its fixed columns and free rows, on which interior point methods stumble."""

    def __init__(self, program: Program):
        self.program = program
        self.kept = program.low < program.high
        fixed = np.flatnonzero(~self.kept)
        self.fixed_x = np.where(self.kept, 0.0, program.low)
        moved = program.matrix[:, fixed] @ program.low[fixed]
        self.bounded = np.isfinite(program.row_low) | np.isfinite(program.row_high)
        remaining = sparse.csr_array(program.matrix[:, np.flatnonzero(self.kept)])
        empty = np.diff(remaining.indptr) == 0
        missed = np.maximum(program.row_low - moved, moved - program.row_high)
        self.contradiction = bool((missed[empty] > TOLERANCE).any())  # fixed columns alone break a row
        self.bounded &= ~empty
        self.rows = remaining[np.flatnonzero(self.bounded)]
        self.row_low = (program.row_low - moved)[self.bounded]
        self.row_high = (program.row_high - moved)[self.bounded]
        self.cost, self.curvature = program.cost[self.kept], program.curvature[self.kept]
        self.low, self.high = program.low[self.kept], program.high[self.kept]
        self.nothing_left = not self.kept.any()

    def restore(self, x: np.ndarray, row_dual: np.ndarray, solver: str) -> Solution:
        full, dual = self.fixed_x.copy(), np.zeros(len(self.program.row_low))
        full[self.kept] = np.clip(x, self.low, self.high)
        dual[self.bounded] = row_dual
        reduced = self.program.cost + self.program.curvature * full - self.program.matrix.T @ dual
        return Solution(full, dual, reduced, solver)

    def trivial(self, solver: str) -> tuple[Ending, Solution | None]:
        if not is_feasible(self.program):
            return Ending.INFEASIBLE, None
        return Ending.OPTIMAL, self.restore(np.empty(0), np.zeros(int(self.bounded.sum())), solver)
