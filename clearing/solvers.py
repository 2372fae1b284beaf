"""The one boundary to the solvers: a program goes in, a proven optimum or an error comes out.

Linear and integer programs go to HiGHS (dual simplex; interior point with crossover as retry).
Separable quadratic programs go to PIQP, then Clarabel: HiGHS's own QP solver does not terminate on
some small convex problems. Programs with quadratic rows go to Clarabel. Status, not a loaded solution,
decides; every call has a time limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from clearing.conic import ConicProgram, ConicSolution
from clearing.errors import ClearingError, InfeasibleError, NumericalError, TimeLimitError, UnboundedError
from clearing.programs import Program, Solution

TIME_LIMIT = 120.0  # seconds for one solve unless told otherwise
TOLERANCE = 1e-9  # feasibility of HiGHS in the scaled program; its default 1e-7 is 1e-5 MW per 100 MW
IPM_TOLERANCE = 1e-10
CONIC_TOLERANCES = (1e-10, 1e-8)  # of Clarabel's attempts at a conic program, in turn
CONIC_RESIDUAL = 1e-6  # what our own residuals must not exceed, whatever word the solver ends with


class Ending(Enum):
    """How a solver ended; every solver's own status is mapped to exactly one of these."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    TIME_LIMIT = "time limit"
    NUMERICAL = "numerical difficulty"


ERRORS: Mapping[Ending, type[ClearingError]] = {
    Ending.INFEASIBLE: InfeasibleError,
    Ending.UNBOUNDED: UnboundedError,
    Ending.TIME_LIMIT: TimeLimitError,
    Ending.NUMERICAL: NumericalError,
}


def solvers_for(program: Program) -> tuple[str, ...]:
    """Names of the solvers to try in turn."""
    if program.integer is not None and program.integer.any():
        return ("highs",)
    return ("piqp", "clarabel") if program.quadratic else ("highs", "highs-ipm")


def solve(program: Program, solver: str | None = None, time_limit: float = TIME_LIMIT) -> Solution:
    """Solve by one named solver, or by the chain of :func:`solvers_for` until one proves optimality.

    Raises
    ------
    InfeasibleError, UnboundedError
        as soon as one solver proves it.
    TimeLimitError, NumericalError
        when no solver of the chain ends with a proof.
    """
    ending = Ending.NUMERICAL
    names = solvers_for(program) if solver is None else (solver,)
    for name in names:
        ending, solution = SOLVERS[name](program, time_limit)
        if solution is not None:
            return solution
        if ending in (Ending.INFEASIBLE, Ending.UNBOUNDED):
            break
    raise ERRORS[ending](
        f"{', '.join(names)}: {ending.value} ({_size(program)}, time limit {time_limit:g} s)"
    )


def is_feasible(program: Program, time_limit: float = TIME_LIMIT) -> bool:
    """Whether any point satisfies the rows and bounds: a proof by HiGHS's simplex, without the objective."""
    nothing = np.zeros(len(program.cost))
    bare = Program(
        nothing, nothing, program.matrix, program.row_low, program.row_high, program.low, program.high
    )
    ending, _ = _solve_highs(bare, time_limit)
    if ending not in (Ending.OPTIMAL, Ending.INFEASIBLE):
        raise ERRORS[ending](f"highs: {ending.value} while testing feasibility ({_size(program)})")
    return ending is Ending.OPTIMAL


def least_values(program: Program, costs: np.ndarray, time_limit: float = TIME_LIMIT) -> np.ndarray:
    """(rows of costs,) least value of each cost vector over one feasible region; −inf where unbounded.

    One HiGHS instance keeps its basis from cost to cost; a least value is unique, so no basis shows.
    """
    highs, columns = _new_highs(time_limit), np.arange(costs.shape[1], dtype=np.int32)
    highs.passModel(highs_model(program))
    out = np.empty(len(costs))
    for k, cost in enumerate(costs):
        highs.changeColsCost(len(columns), columns, np.ascontiguousarray(cost))
        highs.run()
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            out[k] = float(cost @ np.array(highs.getSolution().col_value))
            continue
        ending, fresh = _solve_highs(replace(program, cost=cost), time_limit)
        if ending not in (Ending.OPTIMAL, Ending.UNBOUNDED):
            raise ERRORS[ending](f"highs: {ending.value} ({_size(program)}, time limit {time_limit:g} s)")
        out[k] = -np.inf if fresh is None else cost @ fresh.x
    return out


def _size(program: Program) -> str:
    return f"{program.matrix.shape[0]} rows, {program.matrix.shape[1]} columns"


def highs_model(program: Program) -> Any:
    """The program as a HighsLp; the curvature is left out."""
    lp = highspy.HighsLp()
    rows, columns = program.matrix.shape
    lp.num_row_, lp.num_col_ = rows, columns
    lp.col_cost_ = program.cost
    lp.col_lower_, lp.col_upper_ = program.low, program.high
    lp.row_lower_, lp.row_upper_ = program.row_low, program.row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_ = program.matrix.indptr.astype(np.int32)
    lp.a_matrix_.index_ = program.matrix.indices.astype(np.int32)
    lp.a_matrix_.value_ = program.matrix.data
    if program.integer is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(flag)] for flag in program.integer]
    return lp


def _new_highs(time_limit: float) -> Any:
    highs = highspy.Highs()
    for option, value in (
        ("output_flag", False),
        ("threads", 1),
        ("time_limit", float(time_limit)),
        ("primal_feasibility_tolerance", TOLERANCE),
        ("dual_feasibility_tolerance", TOLERANCE),
        ("mip_feasibility_tolerance", TOLERANCE),
        ("mip_rel_gap", 0.0),
        ("mip_abs_gap", 0.0),
    ):
        highs.setOptionValue(option, value)
    return highs


_HIGHS_ENDINGS = {
    highspy.HighsModelStatus.kOptimal: Ending.OPTIMAL,
    highspy.HighsModelStatus.kModelEmpty: Ending.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Ending.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Ending.UNBOUNDED,
    highspy.HighsModelStatus.kTimeLimit: Ending.TIME_LIMIT,
    highspy.HighsModelStatus.kIterationLimit: Ending.TIME_LIMIT,
    highspy.HighsModelStatus.kInterrupt: Ending.TIME_LIMIT,
}


def _solve_highs(
    program: Program, time_limit: float, method: str = "simplex"
) -> tuple[Ending, Solution | None]:
    highs = _new_highs(time_limit)
    if program.integer is None:
        highs.setOptionValue("solver", method)
    highs.passModel(highs_model(program))
    highs.run()
    status = highs.getModelStatus()
    # presolve's word is no proof: it has called unbounded programs with parallel rows infeasible
    doubtful = status == highspy.HighsModelStatus.kInfeasible and program.integer is None
    if doubtful or status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        highs.setOptionValue("presolve", "off")
        highs.run()
        status = highs.getModelStatus()
    ending = _HIGHS_ENDINGS.get(status, Ending.NUMERICAL)
    if status == highspy.HighsModelStatus.kModelEmpty and _forbids_zero(program):
        ending = Ending.INFEASIBLE  # HiGHS does not look at the rows of a model without columns
    if ending is not Ending.OPTIMAL:
        return ending, None
    found = highs.getSolution()
    rows, columns = program.matrix.shape
    x = np.array(found.col_value)
    has_dual = len(found.row_dual) == rows and program.integer is None
    row_dual = np.array(found.row_dual) if has_dual else np.full(rows, np.nan)
    column_dual = np.array(found.col_dual) if has_dual else np.full(columns, np.nan)
    return ending, Solution(x, row_dual, column_dual, "highs" if method == "simplex" else f"highs-{method}")


def _forbids_zero(program: Program) -> bool:
    """Whether a row forbids the value 0, the only one without columns."""
    return bool((program.row_low > TOLERANCE).any() or (program.row_high < -TOLERANCE).any())


def _solve_highs_ipm(program: Program, time_limit: float) -> tuple[Ending, Solution | None]:
    return _solve_highs(program, time_limit, "ipm")


def _solve_piqp(program: Program, time_limit: float) -> tuple[Ending, Solution | None]:
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
        # an interior point method's word on infeasibility is no proof: HiGHS settles it
        return (ending if ending is Ending.UNBOUNDED else _settle(program, time_limit)), None
    result = solver.result
    dual = np.zeros(len(equal))
    dual[equal] = -np.asarray(result.y)
    dual[~equal] = np.asarray(result.z_l) - np.asarray(result.z_u)
    return ending, small.restore(np.array(result.x), dual, "piqp")


def _solve_clarabel(program: Program, time_limit: float) -> tuple[Ending, Solution | None]:
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
        settle = ending in (Ending.INFEASIBLE, Ending.NUMERICAL)
        return (_settle(program, time_limit) if settle else ending), None
    z = np.asarray(found.z)
    parts = np.split(z, np.cumsum(sizes)[:-1])
    dual = np.zeros(len(equal))
    dual[equal] = -parts[0]
    dual[up] -= parts[1]
    dual[down] += parts[2]
    return ending, small.restore(np.array(found.x), dual, "clarabel")


def _settle(program: Program, time_limit: float) -> Ending:
    return Ending.NUMERICAL if is_feasible(program, time_limit) else Ending.INFEASIBLE


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


SOLVERS: Mapping[str, Callable[[Program, float], tuple[Ending, Solution | None]]] = {
    "highs": _solve_highs,
    "highs-ipm": _solve_highs_ipm,
    "piqp": _solve_piqp,
    "clarabel": _solve_clarabel,
}


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
    raise ERRORS[ending](f"clarabel: {ending.value} ({word}; {_size(p)}, {len(program.weight)} cones)")


_CONIC_ENDINGS: Mapping[str, Ending] = {
    "Solved": Ending.OPTIMAL,
    "AlmostSolved": Ending.OPTIMAL,  # our residuals decide
    "InsufficientProgress": Ending.OPTIMAL,  # likewise
    "PrimalInfeasible": Ending.INFEASIBLE,
    "DualInfeasible": Ending.UNBOUNDED,
    "MaxTime": Ending.TIME_LIMIT,
}
