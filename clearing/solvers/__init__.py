"""The one boundary to the solvers: a program goes in, a proven optimum or an error comes out.

Linear and integer programs go to HiGHS (dual simplex; interior point with crossover as retry).
Separable quadratic programs go to PIQP, then Clarabel: HiGHS's own QP solver does not terminate on
some small convex problems. Programs with quadratic rows go to Clarabel. Status, not a loaded solution,
decides; every call has a time limit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clearing.arrays.programs import Program, Solution
from clearing.solvers.cones import CONIC_TOLERANCES, solve_conic
from clearing.solvers.endings import ERRORS, TIME_LIMIT, Ending, size_of
from clearing.solvers.highs import (
    GrowingProgram,
    highs_model,
    is_feasible,
    least_values,
    solve_highs,
    solve_highs_ipm,
)
from clearing.solvers.interior import solve_clarabel, solve_piqp

__all__ = [
    "CONIC_TOLERANCES",
    "TIME_LIMIT",
    "Ending",
    "GrowingProgram",
    "highs_model",
    "is_feasible",
    "least_values",
    "solve",
    "solve_conic",
    "solve_highs",
    "solvers_for",
]


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
        f"{', '.join(names)}: {ending.value} ({size_of(program)}, time limit {time_limit:g} s)"
    )


SOLVERS: Mapping[str, Callable[[Program, float], tuple[Ending, Solution | None]]] = {
    "highs": solve_highs,
    "highs-ipm": solve_highs_ipm,
    "piqp": solve_piqp,
    "clarabel": solve_clarabel,
}
