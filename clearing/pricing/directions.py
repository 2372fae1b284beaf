"""Directions of dispatch: how a cleared market would serve one more MW of demand at a bus.

A direction balances the extra MW, moves no order beyond its bounds and exceeds no met limit. The
least cost of one is the one-sided derivative of least cost, hence the end of the bus's price
interval. Among directions of equal cost the dispatch follows law 4: least curvature, then most
accepted demand, then least growth of Σ accepted²/offered (its slope, then its curvature), so that
tied orders share in proportion to what they offer, then likewise of link use. Source: directional
derivatives of optimal values and solutions by the restriction to the active set, J. F. Bonnans and
A. Shapiro, Perturbation Analysis of Optimization Problems (2000), chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from clearing.arrays.programs import Program
from clearing.errors import InfeasibleError, UnboundedError
from clearing.pricing.exact import AT_LIMIT, NO_EFFECT, TIED, restrict, solve_exactly
from clearing.pricing.prices import DualFace
from clearing.pricing.systems import has_full_column_rank
from clearing.solvers import solve

MOVED = 1e-9  # MW per MW below which an order does not move


@dataclass(frozen=True, eq=False)
class Direction:
    """A change of dispatch that serves one more MW, or what forbids every one.

    Attributes
    ----------
    change : (columns of the reduced program,) MW per MW of demand.
    cost : $ per MWh; inf where no direction exists.
    flows, ramps : (limited branch, period) and (ramp unit, period) of the limits that make it
        dearer, or that forbid it.
    """

    change: np.ndarray
    cost: float
    flows: tuple[tuple[int, int], ...]
    ramps: tuple[tuple[int, int], ...]


class Directions:
    """Directions in the part of a cleared market that one bus and period can feel.

    Attributes
    ----------
    periods : the periods that ramp limits join to this one, itself included.
    """

    def __init__(self, face: DualFace, bus: int, period: int):
        self.face = face
        reduced, limits, x = face.reduced, face.limits, face.x
        structure, program = reduced.structure, reduced.program(limits)
        matrix = sparse.csr_array(program.matrix)
        matrix.data[np.abs(matrix.data) < NO_EFFECT] = 0.0
        matrix.eliminate_zeros()
        self.balances = len(program.row_low) - limits.count
        self.demand = self._demand_rows(len(program.row_low), bus, period)
        open_ended = program.high - program.low > AT_LIMIT
        down, up = open_ended & (x - program.low > AT_LIMIT), open_ended & (program.high - x > AT_LIMIT)
        self.rows, self.columns = _felt(matrix, self.demand, np.flatnonzero(down | up))
        rows, columns = self.rows, self.columns
        activity = (matrix @ x)[rows]
        balance = rows < self.balances
        self.held_high = balance | (activity >= program.row_high[rows] - AT_LIMIT)
        self.held_low = balance | (activity <= program.row_low[rows] + AT_LIMIT)
        none = np.zeros(len(columns))
        self.program = Program(
            cost=(program.cost + program.curvature * x)[columns],
            curvature=none,
            matrix=sparse.csc_array(matrix[rows][:, columns]),
            row_low=np.zeros(len(rows)),
            row_high=np.zeros(len(rows)),
            low=np.where(down[columns], -np.inf, 0.0),
            high=np.where(up[columns], np.inf, 0.0),
        )
        is_link = columns >= reduced.orders
        offered = reduced.offered[columns]
        share = np.median(offered) / offered if len(columns) else none
        bids = np.zeros(len(columns), dtype=bool)
        bids[~is_link] = structure.demand[columns[~is_link]]
        mine, links = np.where(is_link, 0.0, share), np.where(is_link, share, 0.0)
        stages = [(none, program.curvature[columns]), (np.where(bids, -1.0, 0.0), none)]
        for part in (mine, links):
            stages += [(part * x[columns], none), (none, part)]
        self.later = [stage for stage in stages if stage[0].any() or stage[1].any()]
        orders = columns[~is_link]
        self.periods = np.unique(np.append(structure.period[orders], period))

    def serve(self, mw: float) -> Direction:
        """The direction that serves `mw` (1 more, or −1) at the bus."""
        right = mw * self.demand[self.rows]
        program = Program(
            cost=self.program.cost,
            curvature=self.program.curvature,
            matrix=self.program.matrix,
            row_low=np.where(self.held_low, right, -np.inf),
            row_high=np.where(self.held_high, right, np.inf),
            low=self.program.low,
            high=self.program.high,
        )
        change = np.zeros(self.face.reduced.columns)
        try:
            if len(self.columns) == 0:
                raise InfeasibleError("no order can move")
            cheapest = solve_exactly(program)
        except InfeasibleError:
            return Direction(change, np.inf, *self._name(self._exceeded(program)))
        found, program = cheapest.x, restrict(program, cheapest)
        for cost, curvature in self.later:
            if _is_point(program):
                break
            try:
                point = solve_exactly(replace(program, cost=cost, curvature=curvature))
            except UnboundedError:  # rounding in the dispatch: nothing to choose by this stage
                continue
            found, program = point.x, restrict(replace(program, cost=cost, curvature=curvature), point)
        change[self.columns] = np.where(np.abs(found) > MOVED, found, 0.0)
        dear = self._name(np.abs(cheapest.dual) > 1e3 * TIED)
        return Direction(change, float(self.program.cost @ found) * self.face.reduced.money, *dear)

    def _demand_rows(self, count: int, bus: int, period: int) -> np.ndarray:
        """(rows,) change of each row's right side per MW more of fixed demand at the bus."""
        reduced, limits = self.face.reduced, self.face.limits
        flow = reduced.structure.grid.flow
        demand = np.zeros(count)
        demand[flow.island[bus] * reduced.structure.periods + period] = 1.0
        lines, t = limits.flow.T
        factors = np.where(t == period, reduced.ptdf(lines)[:, bus], 0.0)
        factors[np.abs(factors) < NO_EFFECT] = 0.0
        demand[self.balances : self.balances + len(lines)] = factors
        return demand

    def _exceeded(self, program: Program) -> np.ndarray:
        """(rows,) limits that serving the MW would exceed, by as little as possible; none where no
        order can move at all."""
        exceeded = np.zeros(len(self.rows), dtype=bool)
        rows = np.flatnonzero(self.rows >= self.balances)
        if len(rows) == 0:
            return exceeded
        slack = sparse.csc_array(
            (np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(len(self.rows), len(rows))
        )
        columns, extra = len(program.cost), 2 * len(rows)
        elastic = Program(
            cost=np.append(np.zeros(columns), np.ones(extra)),
            curvature=np.zeros(columns + extra),
            matrix=sparse.csc_array(sparse.hstack([program.matrix, slack, -slack])),
            row_low=program.row_low,
            row_high=program.row_high,
            low=np.append(program.low, np.zeros(extra)),
            high=np.append(program.high, np.full(extra, np.inf)),
        )
        try:
            by = solve(elastic).x[columns:].reshape(2, -1).max(axis=0)
        except InfeasibleError:
            return exceeded
        exceeded[rows] = by > MOVED
        return exceeded

    def _name(self, chosen: np.ndarray) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        limits = self.face.limits
        at = self.rows[chosen & (self.rows >= self.balances)] - self.balances
        keys = [tuple(key) for key in np.vstack([limits.flow, limits.ramp])[at].tolist()]
        count = int((at < len(limits.flow)).sum())
        return tuple(keys[:count]), tuple(keys[count:])


def _felt(matrix: sparse.csr_array, demand: np.ndarray, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that the demand touches, and all rows and moving columns that they are joined to."""
    extra = sparse.csr_array(demand[:, None])
    part = sparse.hstack([extra, matrix[:, moving]], format="csr")
    _, label = connected_components(sparse.block_array([[None, part], [part.T, None]]), directed=False)
    count = matrix.shape[0]
    mine = label == label[count]
    return np.flatnonzero(mine[:count]), moving[mine[count + 1 :]]


def _is_point(program: Program) -> bool:
    """Whether the rows that hold with equality leave the open columns no freedom."""
    open_ended = np.flatnonzero(program.low < program.high)
    equal = np.flatnonzero(program.row_low == program.row_high)
    return has_full_column_rank(sparse.csr_array(program.matrix)[equal][:, open_ended])
