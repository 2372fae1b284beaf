"""Several periods at once: island balances, ramps and candidate lines instead of bus angles.

The candidates are the lines that bind when every period is cleared alone, without ramps, by the round
engine. HiGHS solves the small program from the basis of these periods side by side, all lines are
checked, and those exceeded become candidates too.
Everything follows from the book alone, so that what was cleared before does not show (law 3).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from clearing.arrays.programs import Program, Solution
from clearing.batches import Rows
from clearing.errors import ClearingError, InfeasibleError
from clearing.optimum import Found, Optimum, prove
from clearing.pricing.exact import AT_LIMIT
from clearing.pricing.reduced import Limits, Reduced
from clearing.solvers import Ending, GrowingProgram
from clearing.structure import Numbers, Structure

if TYPE_CHECKING:
    from clearing.engine.engine import Engine
    from clearing.pricing.prices import PriceRule

NEAR_LIMIT = 1e-6  # scaled distance from its limit at which a line of a period alone is a candidate
TURNS = 30  # each adds at least one line that was exceeded


class Days:
    """Books of several periods of one structure, without slopes.

    Parameters
    ----------
    structure, numbers : of the book whose minimum outputs hold in every round.
    """

    def __init__(self, structure: Structure, numbers: Numbers, row: np.ndarray):
        self.structure = structure
        _, first, self.order = np.unique(row, return_index=True, return_inverse=True)
        self.alone = self._engine(numbers, first) if not numbers.min_mw.any() else None

    def _engine(self, numbers: Numbers, first: np.ndarray) -> Engine | None:
        """The engine for one period with every order of the book, or None where it does not apply."""
        from clearing.engine.engine import Engine

        none = np.zeros(0)
        hour = replace(
            self.structure, periods=1, bus=self.structure.bus[first], period=np.zeros(len(first), dtype=np.int64),
            side=self.structure.side[first], demand=self.structure.demand[first], ramp_of=np.full(len(first), -1), ramp_units=(),
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
        """The certified optimum; None where it is not found or not proven, which the general path looks into.

        Raises
        ------
        InfeasibleError
            where already the candidate limits leave no dispatch.
        """
        reduced = Reduced(structure, numbers)
        alone = self._clear_alone(reduced, numbers)
        lines = np.zeros((0, 2), dtype=np.int64) if alone is None else np.argwhere(alone.side)
        parts = [Limits(lines, np.argwhere(reduced.ramps_that_can_bind()))]
        program = reduced.program(parts[0])
        turns = GrowingProgram(program, None if alone is None else alone.start(program, parts[0]), time_limit)
        for _ in range(TURNS):
            ending, solution = turns.solve()
            if ending is Ending.INFEASIBLE and turns.is_proven_infeasible():
                raise InfeasibleError(
                    f"highs: {ending.value} ({turns.shape[0]} rows, {turns.shape[1]} columns)"
                )
            if solution is None:
                return None
            beyond = reduced.met_limits(solution.x, -AT_LIMIT)
            for part in parts:
                beyond = beyond.without(part)
            if beyond.count == 0:
                try:
                    found = _found(reduced, parts, solution, turns.is_only_optimum(solution))
                    return prove(structure, numbers, reduced, found, rule, "highs")
                except ClearingError:
                    return None
            parts.append(beyond)
            turns.add_rows(*reduced.limit_rows(beyond))
        return None

    def _clear_alone(self, reduced: Reduced, numbers: Numbers) -> _Alone | None:
        """Every period without ramps; None where the engine does not apply or a period has no optimum."""
        s = reduced.structure
        if self.alone is None:
            return None
        price, mw = np.zeros((2, s.periods, int(self.order.max()) + 1))
        price[s.period, self.order], mw[s.period, self.order] = numbers.price, numbers.mw
        limit = None
        if s is not self.structure and (s.grid.limit_mw > 0).all():  # the engine closes no lines
            limit = np.broadcast_to(s.grid.limit_mw, (s.periods, len(s.grid.branches)))
        rows = Rows(price, mw, None, numbers.fixed_mw.T - s.grid.shunt_mw, limit)
        batch = self.alone.clear_many(rows, ("accepted", "flow"), s.limited, 1.0)
        if batch.status.any():
            return None
        flow, accepted = np.asarray(batch.flow).T, np.asarray(batch.accepted)[s.period, self.order]
        flow, accepted = flow / reduced.quantity, accepted / reduced.quantity
        side = (flow >= reduced.flow_high[:, None] - NEAR_LIMIT).astype(np.int64)
        side -= (flow <= reduced.flow_low[:, None] + NEAR_LIMIT) & (side == 0)
        return _Alone(accepted, side)


@dataclass(frozen=True, eq=False)
class _Alone:
    """Every period cleared without ramps.

    Attributes
    ----------
    accepted : (order columns,) scaled.
    side : (limited branches, periods) 1 where a flow meets its high limit, −1 its low one, 0 else.
    """

    accepted: np.ndarray
    side: np.ndarray

    def start(self, program: Program, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
        """The basis of these periods side by side, with every ramp limit loose: dual feasible."""
        orders = len(self.accepted)  # links, behind them, start at their low ends
        columns = np.full(len(program.cost), -1)
        columns[:orders] = self.accepted >= program.high[:orders] - NEAR_LIMIT
        columns[:orders][self.accepted <= program.low[:orders] + NEAR_LIMIT] = -1
        rows = np.zeros(len(program.row_low), dtype=np.int64)
        balances = len(rows) - limits.count
        rows[:balances] = -1
        rows[balances : balances + len(limits.flow)] = self.side[tuple(limits.flow.T)]
        return columns, rows


def _found(reduced: Reduced, parts: list[Limits], solution: Solution, only: bool) -> Found:
    """The solver's answer by island, line and unit."""
    s, dual = reduced.structure, solution.row_dual
    flow, ramp = np.zeros(reduced.flow_shape), np.zeros(reduced.ramp_low.shape)
    at = balances = s.grid.flow.islands * s.periods
    for part in parts:
        for values, keys in ((flow, part.flow), (ramp, part.ramp)):
            values[tuple(keys.T)] = dual[at : at + len(keys)]
            at += len(keys)
    return Found(solution.x, dual[:balances].reshape(-1, s.periods), flow, ramp, only)
