"""How a solve can end, and the error for each way but one."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from clearing.arrays.programs import Program
from clearing.errors import ClearingError, InfeasibleError, NumericalError, TimeLimitError, UnboundedError

TIME_LIMIT = 120.0  # seconds for one solve unless told otherwise


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


def size_of(program: Program) -> str:
    """'12 rows, 30 columns', for messages."""
    return f"{program.matrix.shape[0]} rows, {program.matrix.shape[1]} columns"
