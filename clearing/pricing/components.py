"""One independent part of a dual face: its directions, its points by rule, its price ranges.

The duals of a part are known + directions·s. The first directions move prices or shadow prices of
lines; each of the others moves the ramp prices along one chain of a unit, and nothing else. Hence
prices are picked in the few first directions, and the chains settle by themselves afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, sparse

from clearing.arrays.programs import Program
from clearing.errors import UnboundedError
from clearing.pricing.exact import AT_LIMIT, NO_EFFECT, TIED, lexicographic, restrict, solve_exactly
from clearing.pricing.systems import joined, null_space
from clearing.solvers import least_values

if TYPE_CHECKING:
    from clearing.pricing.prices import DualFace

SAME_PRICE = 1e-9  # a scaled price interval narrower than this is a point
FELT = 1e-9  # change of a slack per unit of a direction below which the direction does not matter


@dataclass(frozen=True, eq=False)
class Component:
    """Some rows (orders) and columns (duals) of a dual face, independent of the others.

    Attributes
    ----------
    null : (columns, directions) in which the duals can move while interior orders keep reduced cost zero.
    pricing : number of first directions that move prices or shadow prices of lines.
    """

    face: DualFace
    rows: np.ndarray
    columns: np.ndarray
    null: sparse.csc_array
    pricing: int

    @property
    def idle(self) -> bool:
        """Duals of limits that no order can feel: nothing prices them, and least norm makes them 0."""
        return len(self.rows) == 0 and bool((self.columns >= self.face.balances).all())

    @property
    def moves_prices(self) -> bool:
        """Whether a bus price has an interval; duals of ramps alone may move within their unit."""
        if self.pricing == 0:
            return False
        fall, rise = self.price_range
        return bool((rise - fall).max() > SAME_PRICE)

    @cached_property
    def program(self) -> Program:
        whole = self.face.program
        return Program(
            cost=np.zeros(len(self.columns)),
            curvature=np.zeros(len(self.columns)),
            matrix=sparse.csc_array(sparse.csr_array(whole.matrix)[self.rows][:, self.columns]),
            row_low=whole.row_low[self.rows],
            row_high=whole.row_high[self.rows],
            low=whole.low[self.columns],
            high=whole.high[self.columns],
        )

    @cached_property
    def known(self) -> np.ndarray:
        """(columns,) a point of the face."""
        return self.face.known[self.columns]

    @property
    def priced(self) -> np.ndarray:
        """(buses, periods) bool, where the component's duals move the price."""
        unit = np.zeros(len(self.face.known))
        moved = np.zeros(self.face.weights.shape, dtype=bool)
        for column in self.columns.tolist():
            unit[column] = 1.0
            moved |= np.abs(self.face.bus_prices(unit)) > NO_EFFECT
            unit[column] = 0.0
        return moved

    def extreme(self, sign: float) -> np.ndarray | None:
        """Duals of least (sign +1) or greatest (−1) price weighted by served demand; None if unbounded.

        What is left is settled by the least norm of the shadow prices, each weighted by its branch's
        susceptance or its unit's size, so that a line or unit split in two counts as before.
        """
        worth = sign * self.face.worth[self.columns]
        cost = worth @ self.null
        try:
            if np.abs(cost).max(initial=0.0) <= TIED:
                return self._same_worth
            return self._least_worth(cost)
        except UnboundedError:
            return None
        except linalg.LinAlgError:  # the norm is flat along some direction
            none = np.zeros(len(worth))
            return lexicographic(self.program, [(worth, none), (none, self._norm_weights)]).x

    @cached_property
    def _same_worth(self) -> np.ndarray:
        """The point of least norm where all points have the same price weighted by served demand."""
        if self.pricing == 0:
            return self._settle_chains(self.known)
        return self._least_norm(self.known, self.null, *self._room)

    def _least_worth(self, cost: np.ndarray) -> np.ndarray:
        """The point of least cost (per step along each direction), and of least norm among those."""
        matrix, low, high = self._room
        if len(cost) == 1:
            end = _reach(matrix, low, high, -np.sign(cost[0]))
            if np.isinf(end):
                raise UnboundedError("no order and no limit bounds the price")
            return self.known + self.null.toarray()[:, 0] * end
        free = np.full(len(cost), np.inf)
        program = Program(cost, np.zeros(len(cost)), sparse.csc_array(matrix), low, high, -free, free)
        point = solve_exactly(program)
        program = restrict(program, point)
        left = null_space(matrix[np.flatnonzero(program.row_low == program.row_high)])
        reached = self.known + self.null @ point.x
        if np.abs(left[: self.pricing].data).max(initial=0.0) < FELT:
            return self._settle_chains(reached)
        at = matrix @ point.x
        rest = _felt(matrix @ left, program.row_low - at, program.row_high - at)
        return self._least_norm(reached, sparse.csc_array(self.null @ left), *rest)

    def _least_norm(
        self,
        duals: np.ndarray,
        directions: sparse.csc_array,
        matrix: sparse.csr_array,
        low: np.ndarray,
        high: np.ndarray,
    ) -> np.ndarray:
        """The duals + directions·s of least norm with low ≤ matrix·s ≤ high.

        The steps are taken in coordinates in which the norm is a sum of squares.
        """
        dense, weights = directions.toarray(), self._norm_weights
        factor = linalg.cholesky(dense.T @ (weights[:, None] * dense), lower=True, check_finite=False)
        back = linalg.solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False).T
        cost = back.T @ (dense.T @ (weights * duals))
        free = np.full(len(factor), np.inf)
        rows = sparse.csc_array(matrix @ back)
        found = solve_exactly(Program(cost, np.ones(len(cost)), rows, low, high, -free, free))
        return duals + dense @ (back @ found.x)

    @cached_property
    def _room(self) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
        """Rows over the directions, and how far each can fall and rise: slacks of orders and of duals."""
        program, known = self.program, self.known
        matrix = sparse.csr_array(sparse.vstack([program.matrix @ self.null, self.null]))
        at = np.concatenate([program.matrix @ known, known])
        low = np.minimum(np.concatenate([program.row_low, program.low]) - at, 0.0)
        high = np.maximum(np.concatenate([program.row_high, program.high]) - at, 0.0)
        return _felt(matrix, low, high)

    def _settle_chains(self, duals: np.ndarray) -> np.ndarray:
        """The duals with every loose chain of ramps where the norm of its ramp prices is least.

        Chains of a unit that an order at its bound joins are settled together.
        """
        chains = self.null[:, self.pricing :]
        if chains.shape[1] == 0:
            return duals
        program, weights = self.program, self._norm_weights
        curvature = chains.T @ weights
        cost = chains.T @ (weights * duals)
        matrix = sparse.csr_array(sparse.vstack([program.matrix @ chains, chains]))
        matrix.eliminate_zeros()
        at = np.concatenate([program.matrix @ duals, duals])
        room_low = np.concatenate([program.row_low, program.low]) - at
        room_high = np.concatenate([program.row_high, program.high]) - at
        entries = np.diff(matrix.indptr)
        single = np.flatnonzero(entries == 1)
        column, value = (part[matrix.indptr[single]] for part in (matrix.indices, matrix.data))
        ends = np.sort(np.stack([room_low[single] / value, room_high[single] / value]), axis=0)
        low, high = np.full(len(cost), -np.inf), np.full(len(cost), np.inf)
        np.maximum.at(low, column, ends[0])
        np.minimum.at(high, column, ends[1])
        shift = np.minimum(np.maximum(-cost / curvature, low), high)
        several = np.flatnonzero(entries > 1)
        activity = matrix[several] @ shift
        wrong = np.maximum(room_low[several] - activity, activity - room_high[several]) > AT_LIMIT
        if wrong.any():  # chains of a unit that an order at its bound joins
            row_group, group = joined(matrix[several])
            mine = np.isin(group, row_group[wrong])
            rows = several[np.isin(row_group, row_group[wrong])]
            part = Program(
                cost[mine],
                curvature[mine],
                sparse.csc_array(matrix[rows][:, np.flatnonzero(mine)]),
                room_low[rows],
                room_high[rows],
                low[mine],
                np.maximum(low, high)[mine],
            )
            shift[mine] = solve_exactly(part).x
        return duals + chains @ shift

    @cached_property
    def _norm_weights(self) -> np.ndarray:
        weights = self.face.norm_weights
        return weights[self.columns] / weights.max(initial=1e-6)

    @cached_property
    def price_range(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, periods) twice: how far each price can fall and rise from the known duals.

        Prices move along the first directions, of which most see the same few combinations; each
        distinct one is followed to both ends of the face.
        """
        shape = self.face.weights.shape
        moves = self._price_moves
        size = np.abs(moves).max(axis=1)
        moving = np.flatnonzero(size)
        unit = moves[moving] / size[moving, None]
        leading = unit[np.arange(len(moving)), np.argmax(np.abs(unit) > 0.5, axis=1)]
        unit *= np.sign(leading)[:, None]
        _, first, which = np.unique(np.round(unit, 10), axis=0, return_index=True, return_inverse=True)
        fall, rise = self._follow(unit[first])  # a rounded direction can leave a cone that it bounds
        reach = np.stack([fall[which.ravel()], rise[which.ravel()]]) * (size[moving] * np.sign(leading))
        low, high = np.zeros(size.shape), np.zeros(size.shape)
        low[moving], high[moving] = reach.min(axis=0), reach.max(axis=0)
        return low.reshape(shape), high.reshape(shape)

    @cached_property
    def _price_moves(self) -> np.ndarray:
        """(buses·periods, directions) change of each price along each direction."""
        duals = np.zeros((len(self.face.known), self.null.shape[1]))
        duals[self.columns] = self.null.toarray()
        moves = np.zeros((self.face.weights.size, self.null.shape[1]))
        for k in range(self.pricing):
            moves[:, k] = self.face.bus_prices(duals[:, k]).ravel()
        moves[np.abs(moves) < NO_EFFECT] = 0.0
        return moves

    def _follow(self, combinations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest value of each combination·s over the steps s that stay on the face."""
        matrix, low, high = self._room
        if matrix.shape[1] == 1:
            fall, rise = (_reach(matrix, low, high, sign) for sign in (-1.0, 1.0))
            ends = np.sort(np.outer([fall, rise], combinations[:, 0]), axis=0)
            return ends[0], ends[1]
        none = np.zeros(matrix.shape[1])
        free = np.full(len(none), np.inf)
        face = Program(none, none, sparse.csc_array(matrix), low, high, -free, free)
        return least_values(face, combinations), -least_values(face, -combinations)


def components_of(face: DualFace) -> list[Component]:
    """Independent parts of the face that are more than a point; ramps that no order feels are left out."""
    row_label, label = joined(sparse.csr_array(face.program.matrix))
    directions, pricing = face.directions
    owner = label[directions.indices[directions.indptr[:-1]]]
    parts = []
    for c in np.unique(owner).tolist():
        columns, mine = np.flatnonzero(label == c), np.flatnonzero(owner == c)
        null = sparse.csc_array(directions[columns][:, mine])
        parts.append(
            Component(face, np.flatnonzero(row_label == c), columns, null, int((mine < pricing).sum()))
        )
    return parts


def _felt(
    matrix: sparse.csr_array, low: np.ndarray, high: np.ndarray
) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
    """The rows that the directions change and that bound something."""
    matrix = sparse.csr_array(matrix)
    matrix.data[np.abs(matrix.data) <= FELT] = 0.0
    matrix.eliminate_zeros()
    felt = (np.diff(matrix.indptr) > 0) & (np.isfinite(low) | np.isfinite(high))
    return matrix[np.flatnonzero(felt)], low[felt], high[felt]


def _reach(matrix: sparse.csr_array, low: np.ndarray, high: np.ndarray, sign: float) -> float:
    """How far the one direction of `matrix` can be followed, upwards (sign 1) or downwards (−1)."""
    slope = sign * matrix.data  # every row has one entry
    room = np.where(slope > 0, high, low) / slope
    return sign * float(room.min(initial=np.inf))
