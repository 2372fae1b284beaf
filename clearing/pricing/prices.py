"""The dual optimal face: which prices support a dispatch, which one a rule picks, and the intervals.

For a fixed optimal dispatch the supporting duals form a polyhedron: interior orders have reduced
cost zero, orders at a bound have the sign that keeps them there, limits that are met have duals of
one sign, all others none. It falls into independent components (islands and periods, unless ramps
join them); where a component is a single point, prices are unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from clearing.arrays.programs import Program
from clearing.errors import InputError, UnboundedError
from clearing.pricing.exact import AT_LIMIT, has_full_column_rank, lexicographic, null_space
from clearing.pricing.reduced import Limits, Reduced
from clearing.solvers import least_values

PriceRule = Literal["low", "high", "canonical"]


SAME_PRICE = 1e-9  # a scaled price interval narrower than this is a point
NO_EFFECT = 1e-11  # a price change per unit of a dual, or a distribution factor, below this is rounding


def check_price_rule(rule: str) -> None:
    if rule not in get_args(PriceRule):
        raise InputError(f"price_rule is {rule!r}; use one of {', '.join(map(repr, get_args(PriceRule)))}")


@dataclass(frozen=True, eq=False)
class Prices:
    """Duals that a rule picked, in scaled numbers.

    Attributes
    ----------
    bus : (buses, periods) prices, NaN where nothing bounds them from either side.
    dual : (rows,) of the reduced program: island balances, then the met limits.
    proof_bus, proof_dual : the same, with some supporting prices where the rule picks none.
    """

    bus: np.ndarray
    dual: np.ndarray
    proof_bus: np.ndarray
    proof_dual: np.ndarray


class DualFace:
    """All duals that support a dispatch.

    Its variables are the duals of the reduced program's rows, with the price of an island taken at a
    bus where an order can move, so that the choice of a reference bus decides nothing: a limit that
    no order of its island can feel then stands alone.

    Parameters
    ----------
    x : (columns,) an optimal dispatch.
    dual : (rows,) one optimal dual of `reduced.program(limits)`; `limits` are all limits met at x.
    """

    def __init__(self, reduced: Reduced, x: np.ndarray, limits: Limits, dual: np.ndarray):
        self.reduced, self.x, self.limits = reduced, x, limits
        program = reduced.program(limits)
        matrix = sparse.csr_array(program.matrix)
        gradient = program.cost + program.curvature * x
        moving = program.low < program.high
        at_low = x - program.low <= AT_LIMIT
        at_high = program.high - x <= AT_LIMIT
        chosen = np.flatnonzero(moving)
        self.columns = chosen
        self.interior = (~at_low & ~at_high)[chosen]
        activity = matrix @ x
        self.balances = balances = len(program.row_low) - limits.count
        low, high = np.full(len(activity), -np.inf), np.full(len(activity), np.inf)
        low[balances:] = np.where(activity >= program.row_high - AT_LIMIT, -np.inf, 0.0)[balances:]
        high[balances:] = np.where(activity <= program.row_low + AT_LIMIT, np.inf, 0.0)[balances:]
        none = np.zeros(len(activity))
        self._to_rows = _prices_at_origins(reduced, limits, chosen)
        self.known = 2.0 * dual - self._to_rows @ dual  # the inverse: its off-diagonal part squares to zero
        self.program = Program(
            cost=none,
            curvature=none,
            matrix=_without_noise(matrix[:, chosen].T @ self._to_rows),
            row_low=np.where(at_low, -np.inf, gradient)[chosen],
            row_high=np.where(at_high, np.inf, gradient)[chosen],
            low=low,
            high=high,
        )

    @cached_property
    def components(self) -> list[_Component]:
        """Independent parts of the face that are more than a point."""
        matrix = sparse.csr_array(self.program.matrix)
        duals = matrix.shape[1]
        count, label = connected_components(
            sparse.block_array([[None, matrix.T], [matrix, None]])
            if matrix.shape[0]
            else sparse.csr_array((duals, duals)),
            directed=False,
        )
        parts = []
        for c in range(count):
            rows, columns = np.flatnonzero(label[duals:] == c), np.flatnonzero(label[:duals] == c)
            if len(columns) == 0:
                continue
            fixed = rows[self.interior[rows]]
            if len(fixed) < len(columns) or not has_full_column_rank(matrix[fixed][:, columns]):
                parts.append(_Component(self, rows, columns, self.interior[rows]))
        return parts

    @cached_property
    def weights(self) -> np.ndarray:
        """(buses, periods) served demand, see :func:`demand_weights`."""
        return demand_weights(self.reduced, self.x)

    @cached_property
    def worth(self) -> np.ndarray:
        """(duals,) what all served demand pays per unit of each dual: Σ weight·price is linear in them."""
        reduced, limits = self.reduced, self.limits
        flow, periods = reduced.structure.grid.flow, reduced.structure.periods
        served = np.zeros((flow.islands, periods))
        np.add.at(served, flow.island, self.weights)
        lines, t = limits.flow.T
        through = (reduced.ptdf(lines) * self.weights[:, t].T).sum(axis=1)
        return self._to_rows.T @ np.concatenate([served.ravel(), through, np.zeros(len(limits.ramp))])

    def pick(self, rule: PriceRule) -> Prices:
        """The face's point by a rule (law 5)."""
        dual, proof = self.known.copy(), self.known.copy()
        unpriced = np.zeros(self.weights.size, dtype=bool)
        for part in self.components:
            ends = {"low": [1.0], "high": [-1.0], "canonical": [1.0, -1.0]}[rule]
            if part.idle:
                dual[part.columns] = proof[part.columns] = 0.0
                continue
            found = [part.extreme(sign) for sign in ends]
            if rule != "canonical" and found[0] is None:
                found = [part.extreme(-ends[0])]
            points = [point for point in found if point is not None]
            if points:
                dual[part.columns] = proof[part.columns] = np.mean(points, axis=0)
            else:
                dual[part.columns] = np.nan
                unpriced |= (np.abs(part.price_map) > NO_EFFECT).any(axis=1)
        # rounding must not turn a shadow price of zero into one that pushes the wrong way
        rows, proof_rows = (
            self._to_rows @ np.clip(values, self.program.low, self.program.high) for values in (dual, proof)
        )
        proof_bus = self.reduced.bus_prices(self.limits, proof_rows)
        bus = np.where(unpriced.reshape(proof_bus.shape), np.nan, proof_bus)
        return Prices(bus, rows, proof_bus, proof_rows)

    @cached_property
    def unique(self) -> bool:
        """Whether no other prices support the dispatch."""
        return not any(part.moves_prices for part in self.components)

    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, periods) twice: least and greatest price of each bus, ±inf where unbounded."""
        base = self.reduced.bus_prices(self.limits, self._to_rows @ self.known)
        low, high = base.copy(), base.copy()
        for part in self.components:
            if not part.moves_prices:
                continue
            down, up = part.price_range
            low, high = low + down, high + up
        return low, high


@dataclass(frozen=True, eq=False)
class _Component:
    """One independent part of a dual face: some rows (orders) and columns (duals) of its program."""

    face: DualFace
    rows: np.ndarray
    columns: np.ndarray
    interior: np.ndarray

    @cached_property
    def null(self) -> np.ndarray:
        """Directions in which the duals can move while interior orders keep reduced cost zero."""
        return null_space(sparse.csr_array(self.program.matrix)[np.flatnonzero(self.interior)])

    @property
    def idle(self) -> bool:
        """Duals of limits that no order can feel: nothing prices them, and least norm makes them 0."""
        return len(self.rows) == 0 and bool((self.columns >= self.face.balances).all())

    @property
    def moves_prices(self) -> bool:
        """Whether a bus price has an interval; duals of ramps alone may move within their unit."""
        if (self.columns >= self.face.balances + len(self.face.limits.flow)).all():
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
    def price_map(self) -> np.ndarray:
        """(buses·periods, columns) price per unit of each dual of the component."""
        reduced, limits = self.face.reduced, self.face.limits
        unit = np.zeros((len(self.face.known), len(self.columns)))
        unit[self.columns, np.arange(len(self.columns))] = 1.0
        rows = self.face._to_rows @ unit
        return np.column_stack([reduced.bus_prices(limits, column).ravel() for column in rows.T])

    def extreme(self, sign: float) -> np.ndarray | None:
        """Duals of least (sign +1) or greatest (−1) price weighted by served demand; None if unbounded.

        What is left is settled by the least norm of the shadow prices, each weighted by its branch's
        susceptance or its unit's size, so that a line or unit split in two counts as before.
        """
        none = np.zeros(len(self.columns))
        cost = sign * self.face.worth[self.columns]
        try:
            return lexicographic(self.program, [(cost, none), (none, self._norm_weights)]).x
        except UnboundedError:
            return None

    @cached_property
    def _norm_weights(self) -> np.ndarray:
        reduced, limits = self.face.reduced, self.face.limits
        structure = reduced.structure
        susceptance = np.abs(structure.grid.susceptance_mw[structure.limited])
        size = np.zeros(len(structure.ramp_units))
        owned = np.flatnonzero(structure.ramp_of >= 0)
        np.add.at(size, structure.ramp_of[owned], reduced.high[owned])
        weights = np.zeros(len(self.face.known))
        first = len(weights) - limits.count
        flows = susceptance[limits.flow[:, 0]]
        ramps = size[limits.ramp[:, 0]] / structure.periods
        weights[first : first + len(flows)] = flows / reduced.quantity
        weights[first + len(flows) :] = np.maximum(ramps, 1e-6)
        return weights[self.columns] / weights.max(initial=1e-6)

    @cached_property
    def price_range(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, periods) twice: how far each price can fall and rise from the known duals.

        Prices move along the null space of the interior orders' equations, of which most see the
        same few directions; each distinct one is followed to both ends of the face.
        """
        shape = self.face.weights.shape
        moves = self.price_map @ self.null
        moves[np.abs(moves) < NO_EFFECT] = 0.0
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

    def _follow(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest value of each direction·s over the s for which known + null·s is on the face."""
        program, known = self.program, self.face.known[self.columns]
        matrix = np.concatenate([program.matrix @ self.null, self.null])
        at = np.concatenate([program.matrix @ known, known])
        felt = np.abs(matrix).max(axis=1) > 1e-9
        low = np.minimum(np.concatenate([program.row_low, program.low]) - at, 0.0)[felt]
        high = np.maximum(np.concatenate([program.row_high, program.high]) - at, 0.0)[felt]
        none = np.zeros(matrix.shape[1])
        face = Program(
            none,
            none,
            sparse.csc_array(matrix[felt]),
            low,
            high,
            np.full(len(none), -np.inf),
            np.full(len(none), np.inf),
        )
        return least_values(face, directions), -least_values(face, -directions)


def _prices_at_origins(reduced: Reduced, limits: Limits, moving: np.ndarray) -> sparse.csr_array:
    """Map to the duals of the reduced rows from duals with island prices at a bus where an order can move.

    The price at the reference bus is the one at the origin less Σ H_l,origin·dual_l.
    """
    grid, periods = reduced.structure.grid, reduced.structure.periods
    flow = grid.flow
    touched = np.abs(reduced.injection_matrix[:, moving]).sum(axis=1).reshape(-1, periods) > 0
    origin = np.repeat(flow.reference[:, None], periods, axis=1)
    bus, t = np.nonzero(touched)
    origin[flow.island[bus][::-1], t[::-1]] = bus[::-1]  # the first one stays
    size = origin.size + limits.count
    lines, at = limits.flow.T
    island = flow.island[grid.from_bus[reduced.structure.limited[lines]]]
    moved = -reduced.ptdf(lines)[np.arange(len(lines)), origin[island, at]]
    place = (island * periods + at, origin.size + np.arange(len(lines)))
    shift = sparse.csr_array((moved, place), shape=(size, size))
    shift.eliminate_zeros()
    return sparse.csr_array(sparse.eye_array(size) + shift)


def _without_noise(matrix: sparse.sparray) -> sparse.csc_array:
    out = sparse.csc_array(matrix)
    out.data[np.abs(out.data) <= NO_EFFECT] = 0.0
    out.eliminate_zeros()
    return out


def demand_weights(reduced: Reduced, x: np.ndarray) -> np.ndarray:
    """(buses, periods) served demand: positive net fixed demand plus accepted bids; all 1 in an island
    and period in which nothing is served."""
    structure = reduced.structure
    weights = np.maximum(reduced.fixed, 0.0)
    bids = np.flatnonzero(structure.side < 0)
    np.add.at(weights, (structure.bus[bids], structure.period[bids]), x[bids])
    flow = structure.grid.flow
    served = np.zeros((flow.islands, structure.periods))
    np.add.at(served, flow.island, weights)
    weights[(served <= AT_LIMIT)[flow.island]] = 1.0
    return weights
