"""Which blocks win: a proven optimum of the winner determination, and the rule of law 4 among equals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.book import BUY
from clearing.elecbay.model import SHARPER, WinnerProgram
from clearing.errors import InfeasibleError
from clearing.solvers import TIME_LIMIT, solve

TIED = 1e-7  # welfare below this share of one typical order is rounding of the search
TIED_VOLUME = 1e-7  # likewise of accepted volume, in typical orders
TOGETHER = 20  # blocks ranked in one search: weights 1 to 2^19 are exact


@dataclass(frozen=True, eq=False)
class Choice:
    """Chosen blocks.

    Attributes
    ----------
    chosen : (blocks,) bool.
    welfare : proven greatest welfare [$/h].
    unique : whether no other choice of blocks is as good.
    """

    chosen: np.ndarray
    welfare: float
    unique: bool


def choose_blocks(winner: WinnerProgram, time_limit: float = TIME_LIMIT) -> Choice:
    """The blocks of greatest welfare; among equals those of larger accepted demand, then the earliest.

    The search ends with a proof (gap 0). A second one, barred from the first answer, proves that
    answer to be the only one, or hands over to the rule: greatest accepted demand, then the block
    submitted first (then first by label) chosen if any tied choice has it, and so on down the ranks.

    Raises
    ------
    InfeasibleError, TimeLimitError, NumericalError
    """
    program = winner.program()
    x = solve(program, time_limit=time_limit).x
    chosen = x[winner.chosen] > 0.5
    best = program.objective(x)
    worth = _Row(program.cost * SHARPER, high=best * SHARPER + TIED)
    barred = _bar(program, winner.chosen, chosen)
    try:
        other = solve(_with_rows(program, [worth, barred]), time_limit=time_limit).x
    except InfeasibleError:
        return Choice(chosen, -best * winner.unit, True)
    best = min(best, program.objective(other))
    worth = _Row(program.cost * SHARPER, high=best * SHARPER + TIED)
    chosen = _first_by_rule(winner, _with_rows(program, [worth]), time_limit)
    return Choice(chosen, -best * winner.unit, False)


def greatest_welfare(
    winner: WinnerProgram, without: np.ndarray | None, time_limit: float = TIME_LIMIT
) -> float:
    """Proven greatest welfare [$/h], with the orders of some rows left out."""
    program = winner.program(without)
    return -program.objective(solve(program, time_limit=time_limit).x) * winner.unit


def _first_by_rule(winner: WinnerProgram, program: Program, time_limit: float) -> np.ndarray:
    """Chosen blocks of the tied choice that law 4 prefers."""
    book = winner.sealed.book
    volume = np.zeros(len(program.cost))
    volume[winner.columns] = np.where(book.side[book.column_row] == BUY, 1.0, 0.0)
    found = solve(replace(program, cost=-volume), time_limit=time_limit).x
    program = _with_rows(program, [_Row(volume, low=float(volume @ found) - TIED_VOLUME)])
    ranked = winner.chosen[np.argsort(winner.sealed.rank)]
    for start in range(0, len(ranked), TOGETHER):
        part = ranked[start : start + TOGETHER]
        cost = np.zeros(len(program.cost))
        cost[part] = -(2.0 ** np.arange(len(part))[::-1])
        found = solve(replace(program, cost=cost), time_limit=time_limit).x
        low, high = program.low.copy(), program.high.copy()
        low[part] = high[part] = np.round(found[part])
        program = replace(program, low=low, high=high)
    return found[winner.chosen] > 0.5


@dataclass(frozen=True, eq=False)
class _Row:
    coefficients: np.ndarray
    low: float = -np.inf
    high: float = np.inf


def _bar(program: Program, columns: np.ndarray, chosen: np.ndarray) -> _Row:
    """Σ_{chosen} (1 − z) + Σ_{others} z ≥ 1: any choice but this one."""
    coefficients = np.zeros(len(program.cost))
    coefficients[columns] = np.where(chosen, -1.0, 1.0)
    return _Row(coefficients, low=1.0 - float(chosen.sum()))


def _with_rows(program: Program, rows: Sequence[_Row]) -> Program:
    extra = sparse.csc_array(np.array([row.coefficients for row in rows]))
    return replace(
        program,
        matrix=sparse.csc_array(sparse.vstack([program.matrix, extra])),
        row_low=np.append(program.row_low, [row.low for row in rows]),
        row_high=np.append(program.row_high, [row.high for row in rows]),
    )
