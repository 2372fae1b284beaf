"""Proofs that no dispatch exists, kept for later rounds of the same structure.

Rows that every dispatch keeps, weighted and added up, make one row that every dispatch keeps; where no
quantities within their ranges do, there is no dispatch (J. Farkas, 1902). The weights of one round often
prove the next one, whose demand crowds the same lines: that takes one look at every order, while a
solver starts anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from clearing.pricing.exact import AT_LIMIT
from clearing.pricing.reduced import Limits, Reduced
from clearing.solvers import Ending, GrowingProgram
from clearing.structure import Numbers, Structure

KEPT = 8  # proofs that are tried again, the last ones first
TURNS = 30  # each adds at least one line that was exceeded
NOISE = 1e-9  # of a ray: what is not of it
CLEARLY = 1e-6  # of all terms together: a shortage that no tolerance of a solver explains


@dataclass(frozen=True, eq=False)
class Cut:
    """Weights of island balances and of line limits.

    Attributes
    ----------
    lines : (k,) positions of branches; weights : (k,) positive at the high limit, negative at the low one.
    worth : (buses,) of one MW injected there: the weights' sum of the rows' entries.
    """

    lines: np.ndarray
    weights: np.ndarray
    worth: np.ndarray

    def excludes(self, structure: Structure, numbers: Numbers) -> bool:
        """Whether no dispatch keeps Σ worth·injection within what the limits of the lines allow."""
        grid = structure.grid
        low, high = (ends[self.lines] for ends in grid.flow_bounds_mw)
        allowed = self.weights * np.where(self.weights > 0, high, low)
        shifted = self.weights * grid.flow.shift_flow_mw[self.lines]
        order = structure.side * self.worth[structure.bus]
        link = (1.0 - grid.link_loss) * self.worth[grid.link_to] - self.worth[grid.link_from]
        fixed = self.worth * numbers.fixed_mw[:, 0]
        least = [
            np.minimum(order * numbers.min_mw, order * numbers.mw),
            np.minimum(link * grid.link_min_mw, link * grid.link_max_mw),
            -fixed,
            shifted,
            -allowed,
        ]
        size = sum(float(np.abs(part).sum()) for part in least)
        return bool(np.isfinite(size) and sum(float(part.sum()) for part in least) > CLEARLY * size)


class Shortages:
    """Which rounds of one period have no dispatch. What was proven before shows in no answer (law 3)."""

    def __init__(self) -> None:
        self._cuts: deque[Cut] = deque(maxlen=KEPT)

    def prove(self, structure: Structure, numbers: Numbers, time_limit: float) -> bool:
        """Whether it is proven that no dispatch exists; False leaves the question open."""
        for cut in tuple(self._cuts):
            if cut.excludes(structure, numbers):
                return True
        for cut in _find_cuts(Reduced(structure, numbers), time_limit):
            if cut.excludes(structure, numbers):
                self._cuts.appendleft(cut)
                return True
        return False


def _find_cuts(reduced: Reduced, time_limit: float) -> list[Cut]:
    """From the dual ray of the program with the lines that its dispatches exceeded, turn by turn; it may
    point either way."""
    none = np.zeros((0, 2), dtype=np.int64)
    parts = [Limits(none, none)]
    program = reduced.program(parts[0])
    turns = GrowingProgram(replace(program, curvature=0.0 * program.curvature), None, time_limit)
    for _ in range(TURNS):
        ending, solution = turns.solve()
        if ending is Ending.INFEASIBLE:
            ray = turns.dual_ray()
            return [] if ray is None else [_cut(reduced, parts, ray), _cut(reduced, parts, -ray)]
        if solution is None:
            return []
        beyond = reduced.met_limits(solution.x, -AT_LIMIT)
        for part in parts:
            beyond = beyond.without(part)
        if beyond.count == 0:
            return []
        parts.append(beyond)
        turns.add_rows(*reduced.limit_rows(beyond))
    return []


def _cut(reduced: Reduced, parts: list[Limits], ray: np.ndarray) -> Cut:
    structure = reduced.structure
    flow, line = structure.grid.flow, np.concatenate([part.flow[:, 0] for part in parts])
    prices, weights = ray[: flow.islands], ray[flow.islands :]
    used = np.abs(weights) > NOISE * np.abs(ray).max(initial=0.0)
    lines, weights = structure.limited[line[used]], weights[used]
    return Cut(lines, weights, prices[flow.island] + weights @ flow.ptdf_rows(lines))
