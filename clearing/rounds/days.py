"""Several periods at once: island balances, ramps and candidate lines instead of bus angles.

The candidates are the lines that bind when every period is cleared alone, without ramps, by the round
engine; HiGHS solves the small program, all lines are checked, and those exceeded become candidates too.
Everything follows from the book alone, so that what was cleared before does not show (law 3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from clearing.arrays.programs import Solution
from clearing.batches import Rows
from clearing.errors import ClearingError
from clearing.optimum import Found, Optimum, prove
from clearing.pricing.exact import AT_LIMIT
from clearing.pricing.reduced import Limits, Reduced
from clearing.solvers import Ending, solve_highs
from clearing.structure import Numbers, Structure

if TYPE_CHECKING:
    from clearing.pricing.prices import PriceRule
    from clearing.rounds.engine import Engine

NEAR_LIMIT = 1e-6  # scaled distance from its limit at which a line of a period alone is a candidate
TURNS = 30  # each adds at least one line that was exceeded


class Days:
    """Books of several periods of one structure, without slopes.

    Parameters
    ----------
    structure, numbers : of the book whose minimum outputs hold in every round.
    """

    def __init__(self, structure: Structure, numbers: Numbers, row: np.ndarray):
        self.structure, self.row = structure, row
        first = np.unique(row, return_index=True)[1]
        self.alone = self._engine(numbers, first) if not numbers.min_mw.any() else None

    def _engine(self, numbers: Numbers, first: np.ndarray) -> Engine | None:
        """The engine for one period with every order of the book, or None where it does not apply."""
        from clearing.rounds.engine import Engine

        none = np.zeros(0)
        hour = replace(
            self.structure, periods=1, bus=self.structure.bus[first], period=np.zeros(len(first), dtype=np.int64),
            side=self.structure.side[first], ramp_of=np.full(len(first), -1), ramp_units=(),
            ramp_start=none.astype(bool),
        )  # fmt: skip
        if not Engine.suits(hour):
            return None
        alone = replace(
            numbers, price=numbers.price[first], slope=numbers.slope[first], mw=numbers.mw[first],
            min_mw=numbers.min_mw[first], fixed_mw=numbers.fixed_mw[:, :1], ramp_up_mw=none, ramp_down_mw=none,
            previous_mw=none,
        )  # fmt: skip
        return Engine.of(hour, alone, "low")

    def find(
        self, structure: Structure, numbers: Numbers, rule: PriceRule, time_limit: float
    ) -> Optimum | None:
        """The certified optimum; None where it is not found or not proven, which the general path looks into."""
        reduced = Reduced(structure, numbers)
        unit, at = np.nonzero(np.isfinite(reduced.ramp_low) | np.isfinite(reduced.ramp_high))
        limits = Limits(self._candidates(reduced, numbers), np.column_stack([unit, at]))
        for _ in range(TURNS):
            program = reduced.program(limits)
            ending, solution = solve_highs(program, time_limit, presolve=False)
            if ending is not Ending.OPTIMAL or solution is None:
                return None
            beyond = reduced.met_limits(solution.x, -AT_LIMIT).flow
            seen = set(map(tuple, limits.flow.tolist()))
            fresh = [key for key in beyond.tolist() if tuple(key) not in seen]
            if not fresh:
                try:
                    return prove(
                        structure, numbers, reduced, _found(reduced, limits, solution), rule, "highs"
                    )
                except ClearingError:
                    return None
            limits = Limits(np.vstack([limits.flow, fresh]), limits.ramp)
        return None

    def _candidates(self, reduced: Reduced, numbers: Numbers) -> np.ndarray:
        """(lines, 2) limited branches and the periods in which they bind without ramps."""
        s = reduced.structure
        if self.alone is None:
            return np.zeros((0, 2), dtype=np.int64)
        order = np.unique(self.row, return_inverse=True)[1]
        price, mw = np.zeros((2, s.periods, int(order.max()) + 1))
        price[s.period, order], mw[s.period, order] = numbers.price, numbers.mw
        rows = Rows(price, mw, None, numbers.fixed_mw.T - s.grid.shunt_mw, None)
        alone = self.alone.clear_many(rows, ("flow",), s.limited, 1.0)
        flow = np.asarray(alone.flow).T / reduced.quantity
        near = flow >= reduced.flow_high[:, None] - NEAR_LIMIT
        near |= flow <= reduced.flow_low[:, None] + NEAR_LIMIT
        return np.argwhere(near)


def _found(reduced: Reduced, limits: Limits, solution: Solution) -> Found:
    """The solver's answer by island, line and unit."""
    s = reduced.structure
    flow, ramp = np.zeros((len(s.limited), s.periods)), np.zeros((len(s.ramp_units), s.periods))
    first = len(solution.row_dual) - limits.count
    split = first + len(limits.flow)
    flow[tuple(limits.flow.T)] = solution.row_dual[first:split]
    ramp[tuple(limits.ramp.T)] = solution.row_dual[split:]
    return Found(solution.x, solution.row_dual[:first].reshape(-1, s.periods), flow, ramp)
