"""HiGHS: linear and integer programs by dual simplex or interior point with crossover."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import highspy
import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program, Solution
from clearing.solvers.endings import ERRORS, TIME_LIMIT, Ending, size_of
from clearing.solvers.feasibility import TOLERANCE, elastic, excludes_all, is_a_point, without_objective

CLEARLY = 1e-7  # a scaled dual beyond this is one, whatever the tolerances


def is_feasible(program: Program, time_limit: float = TIME_LIMIT) -> bool:
    """Whether any point satisfies the rows and bounds, proven by such a point or by weights of the rows.

    Raises
    ------
    TimeLimitError, NumericalError
        where HiGHS leads to neither, as where rows contradict each other by less than its tolerance.
    """
    ending, _ = solve_highs(without_objective(program), time_limit)
    if ending not in (Ending.OPTIMAL, Ending.INFEASIBLE):
        raise ERRORS[ending](f"highs: {ending.value} while testing feasibility ({size_of(program)})")
    return ending is Ending.OPTIMAL


def least_values(program: Program, costs: np.ndarray, time_limit: float = TIME_LIMIT) -> np.ndarray:
    """(rows of costs,) least value of each cost vector over one feasible region; −inf where unbounded.

    One HiGHS instance keeps its basis from cost to cost; a least value is unique, so no basis shows.
    """
    highs, columns = _new_highs(time_limit), np.arange(costs.shape[1], dtype=np.int32)
    _pass(highs, program)
    out = np.empty(len(costs))
    for k, cost in enumerate(costs):
        highs.changeColsCost(len(columns), columns, np.ascontiguousarray(cost))
        highs.run()
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kOptimal:
            out[k] = float(cost @ np.array(highs.getSolution().col_value))
            continue
        ending, fresh = solve_highs(replace(program, cost=cost), time_limit)
        if ending not in (Ending.OPTIMAL, Ending.UNBOUNDED):
            raise ERRORS[ending](f"highs: {ending.value} ({size_of(program)}, time limit {time_limit:g} s)")
        out[k] = -np.inf if fresh is None else cost @ fresh.x
    return out


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


def _pass(highs: Any, program: Program) -> None:
    """The program to HiGHS as arrays: to fill a HighsLp takes ten times as long."""
    matrix, nothing = program.matrix, np.zeros(len(program.cost), dtype=np.int32)
    kinds = nothing if program.integer is None else program.integer.astype(np.int32)
    highs.passModel(
        matrix.shape[1], matrix.shape[0], matrix.nnz, _COLUMNWISE, _MINIMISE, 0.0,
        program.cost, program.low, program.high, program.row_low, program.row_high,
        matrix.indptr.astype(np.int32), matrix.indices.astype(np.int32), matrix.data, kinds,
    )  # fmt: skip


_COLUMNWISE, _MINIMISE = int(highspy.MatrixFormat.kColwise), int(highspy.ObjSense.kMinimize)


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


def solve_highs(
    program: Program, time_limit: float, method: str = "simplex", presolve: bool = True
) -> tuple[Ending, Solution | None]:
    highs = _new_highs(time_limit)
    if not presolve:
        highs.setOptionValue("presolve", "off")
    if program.integer is None:
        highs.setOptionValue("solver", method)
    _pass(highs, program)
    highs.run()
    status = highs.getModelStatus()
    if program.integer is None and _is_doubtful(status):
        status = _look_again(highs, program, time_limit)
    elif status == highspy.HighsModelStatus.kUnboundedOrInfeasible:
        highs.setOptionValue("presolve", "off")
        highs.run()
        status = highs.getModelStatus()
    ending = _HIGHS_ENDINGS.get(status, Ending.NUMERICAL)
    if status == highspy.HighsModelStatus.kModelEmpty and _forbids_zero(program):
        ending = Ending.INFEASIBLE  # HiGHS does not look at the rows of a model without columns
    if ending is not Ending.OPTIMAL:
        return ending, None
    name = "highs" if method == "simplex" else f"highs-{method}"
    return ending, _solution(highs, program.matrix.shape, program.integer is None, name)


def _look_again(highs: Any, program: Program, time_limit: float) -> highspy.HighsModelStatus:
    """What a program is that HiGHS calls infeasible: presolve's word, and that of a basis, are no proof.

    Presolve has called unbounded programs with parallel rows infeasible; without it, at a tight tolerance,
    the simplex may end without a word on programs that presolve has rightly refused. Then phase 1 decides.
    """
    highs.setOptionValue("presolve", "off")
    highs.run()
    status = highs.getModelStatus()
    if not _is_doubtful(status):
        return status
    _, known, ray = highs.getDualRay()
    if known and excludes_all(program, np.asarray(ray)):
        return highspy.HighsModelStatus.kInfeasible
    return _phase_one(program, time_limit, otherwise=status)


def _is_doubtful(status: highspy.HighsModelStatus) -> bool:
    """Whether a linear program ended infeasible, which is to be proven, or without a word."""
    return _HIGHS_ENDINGS.get(status, Ending.INFEASIBLE) is Ending.INFEASIBLE


def _phase_one(
    program: Program, time_limit: float, otherwise: highspy.HighsModelStatus
) -> highspy.HighsModelStatus:
    """Infeasible where the duals of the least violation prove it; unknown where a point refutes it."""
    relaxed = elastic(program)
    columns = len(program.cost)
    for method, presolve in (("simplex", "on"), ("simplex", "off"), ("ipm", "on")):
        highs = _new_highs(time_limit)
        highs.setOptionValue("solver", method)
        highs.setOptionValue("presolve", presolve)
        _pass(highs, relaxed)
        highs.run()
        found = highs.getSolution()
        if not found.value_valid:
            continue
        if found.dual_valid and excludes_all(program, np.array(found.row_dual)):
            return highspy.HighsModelStatus.kInfeasible
        if is_a_point(program, np.array(found.col_value)[:columns]):
            return highspy.HighsModelStatus.kUnknown
    return otherwise


def _solution(highs: Any, shape: tuple[int, ...], with_dual: bool, name: str) -> Solution:
    found = highs.getSolution()
    x, row_dual, column_dual = (np.array(v) for v in (found.col_value, found.row_dual, found.col_dual))
    if not with_dual or len(row_dual) != shape[0]:
        row_dual, column_dual = np.full(shape[0], np.nan), np.full(shape[1], np.nan)
    return Solution(x, row_dual, column_dual, name)


class GrowingProgram:
    """A linear program whose rows come in turns; each turn starts where the last one ended.

    Parameters
    ----------
    program : scaled, so that HiGHS need not; without integers.
    start : (columns,) and (rows,) where the dual simplex starts: −1 at the low bound, 1 at the high one,
        0 in the basis; HiGHS mends what is no basis. None where nothing is known.
    """

    def __init__(
        self, program: Program, start: tuple[np.ndarray, np.ndarray] | None, time_limit: float = TIME_LIMIT
    ):
        self.highs, self.shape = _new_highs(time_limit), program.matrix.shape
        self._program = program
        self._rows = [(sparse.csr_array(program.matrix), program.row_low, program.row_high)]
        for option, value in (("presolve", "off"), ("solver", "simplex"), ("simplex_scale_strategy", 0)):
            self.highs.setOptionValue(option, value)
        _pass(self.highs, program)
        if start is not None:
            # Devex, because the exact weights of a basis to start from are dear
            self.highs.setOptionValue("simplex_dual_edge_weight_strategy", 1)
            basis = highspy.HighsBasis()
            basis.col_status, basis.row_status = (_STARTS[part + 1].tolist() for part in start)
            basis.valid, basis.alien = True, True
            self.highs.setBasis(basis)

    def add_rows(self, matrix: sparse.csr_array, low: np.ndarray, high: np.ndarray) -> None:
        """Rows behind those that are there."""
        start, index = (part.astype(np.int32) for part in (matrix.indptr[:-1], matrix.indices))
        self.highs.addRows(len(low), low, high, matrix.nnz, start, index, matrix.data)
        self.shape = self.shape[0] + len(low), self.shape[1]
        self._rows.append((matrix, low, high))

    def solve(self) -> tuple[Ending, Solution | None]:
        self.highs.run()
        ending = _HIGHS_ENDINGS.get(self.highs.getModelStatus(), Ending.NUMERICAL)
        found = _solution(self.highs, self.shape, True, "highs") if ending is Ending.OPTIMAL else None
        return ending, found

    def is_only_optimum(self, solution: Solution) -> bool:
        """Whether all that is outside the last basis has a dual, so that no other point is as good."""
        status, basic = self.highs.getBasicVariables()
        if status != highspy.HighsStatus.kOk:
            return False
        loose = [self._program.low < self._program.high] + [low < high for _, low, high in self._rows]
        duals = np.concatenate([solution.column_dual, solution.row_dual])
        tied = (np.abs(duals) <= CLEARLY) & np.concatenate(loose)
        tied[np.where(basic < 0, self.shape[1] - 1 - basic, basic)] = False
        return not tied.any()

    def is_proven_infeasible(self) -> bool:
        """Whether HiGHS's dual ray, taken with its arrays, shows that no point satisfies all rows."""
        ray = self.dual_ray()
        if ray is None:
            return False
        matrix, row_low, row_high = zip(*self._rows, strict=True)
        whole = replace(
            self._program,
            matrix=sparse.csc_array(sparse.vstack(matrix)),
            row_low=np.concatenate(row_low),
            row_high=np.concatenate(row_high),
        )
        return excludes_all(whole, ray)

    def dual_ray(self) -> np.ndarray | None:
        """(rows,) weights of rows that add up to one without a point, as HiGHS found them; of either sign."""
        _, known, ray = self.highs.getDualRay()
        return np.asarray(ray) if known else None


_STARTS = np.array(
    [highspy.HighsBasisStatus.kLower, highspy.HighsBasisStatus.kBasic, highspy.HighsBasisStatus.kUpper],
    dtype=object,
)


def _forbids_zero(program: Program) -> bool:
    """Whether a row forbids the value 0, the only one without columns."""
    return bool((program.row_low > TOLERANCE).any() or (program.row_high < -TOLERANCE).any())


def solve_highs_ipm(program: Program, time_limit: float) -> tuple[Ending, Solution | None]:
    return solve_highs(program, time_limit, "ipm")
