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

from clearing.arrays.programs import Program
from clearing.errors import InputError
from clearing.pricing.chains import eliminate_ramps
from clearing.pricing.components import Component, components_of
from clearing.pricing.exact import AT_LIMIT, NO_EFFECT
from clearing.pricing.reduced import Limits, Reduced
from clearing.pricing.systems import null_space

PriceRule = Literal["low", "high", "canonical"]


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
    def components(self) -> list[Component]:
        """Independent parts of the face that are more than a point, see :func:`components_of`."""
        return components_of(self)

    @cached_property
    def directions(self) -> tuple[sparse.csc_array, int]:
        """(duals, directions) a basis of what interior orders leave free, and how many of its first
        directions move prices or shadow prices of lines; each other one moves one chain of ramps."""
        matrix = sparse.csr_array(self.program.matrix)
        split = self.balances + len(self.limits.flow)
        felt = np.flatnonzero(self._felt_ramps)
        equations, columns = matrix[np.flatnonzero(self.interior)], self.columns[self.interior]
        ramps = self.reduced.ramped(columns)
        chains = eliminate_ramps(equations[:, :split], *ramps, self.limits.ramp[felt])
        prices = null_space(_without_noise(chains.equations).tocsr())
        loose = np.flatnonzero(chains.loose >= 0)
        count = int(chains.loose.max(initial=-1)) + 1
        along = sparse.csc_array(
            (np.ones(len(loose)), (felt[loose] + split, chains.loose[loose])), shape=(matrix.shape[1], count)
        )
        follow = (chains.follow @ prices).tocoo()
        prices = prices.tocoo()
        entries = np.concatenate([prices.data, follow.data])
        places = (
            np.concatenate([prices.coords[0], felt[follow.coords[0]] + split]),
            np.concatenate([prices.coords[1], follow.coords[1]]),
        )
        pricing = sparse.csc_array((entries, places), shape=(matrix.shape[1], prices.shape[1]))
        return sparse.csc_array(sparse.hstack([pricing, along])), prices.shape[1]

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

    def bus_prices(self, dual: np.ndarray) -> np.ndarray:
        """(buses, periods) prices that duals of the face make."""
        return self.reduced.bus_prices(self.limits, self._to_rows @ dual)

    @cached_property
    def norm_weights(self) -> np.ndarray:
        """(duals,) weight of each shadow price in the norm: its branch's susceptance, or its unit's size."""
        reduced, limits = self.reduced, self.limits
        structure = reduced.structure
        susceptance = np.abs(structure.grid.susceptance_mw[structure.limited])
        size = np.zeros(len(structure.ramp_units))
        owned = np.flatnonzero(structure.ramp_of >= 0)
        np.add.at(size, structure.ramp_of[owned], reduced.high[owned])
        flows = susceptance[limits.flow[:, 0]] / reduced.quantity
        ramps = np.maximum(size[limits.ramp[:, 0]] / structure.periods, 1e-6)
        return np.concatenate([np.zeros(self.balances), flows, ramps])

    def pick(self, rule: PriceRule) -> Prices:
        """The face's point by a rule (law 5)."""
        dual, proof = self.known.copy(), self.known.copy()
        dual[self._unfelt_ramps] = proof[self._unfelt_ramps] = 0.0
        unpriced = np.zeros(self.weights.shape, dtype=bool)
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
                unpriced |= part.priced
        # rounding must not turn a shadow price of zero into one that pushes the wrong way
        rows, proof_rows = (
            self._to_rows @ np.clip(values, self.program.low, self.program.high) for values in (dual, proof)
        )
        proof_bus = self.reduced.bus_prices(self.limits, proof_rows)
        bus = np.where(unpriced, np.nan, proof_bus)
        return Prices(bus, rows, proof_bus, proof_rows)

    @cached_property
    def _felt_ramps(self) -> np.ndarray:
        """(ramps,) bool, whether an order that can move feels each met ramp."""
        split = self.balances + len(self.limits.flow)
        return np.diff(self.program.matrix.indptr)[split:] > 0

    @property
    def _unfelt_ramps(self) -> np.ndarray:
        """Positions of the other ramps among the duals: nothing prices them, and least norm makes them 0."""
        return self.balances + len(self.limits.flow) + np.flatnonzero(~self._felt_ramps)

    @cached_property
    def unique(self) -> bool:
        """Whether no other prices support the dispatch."""
        return not any(part.moves_prices for part in self.components)

    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, periods) twice: least and greatest price of each bus, ±inf where unbounded."""
        base = self.bus_prices(self.known)
        low, high = base.copy(), base.copy()
        for part in self.components:
            if not part.moves_prices:
                continue
            down, up = part.price_range
            low, high = low + down, high + up
        return low, high


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
    """(buses, periods) served demand: positive net fixed demand plus accepted bids of units that sell
    nothing; all 1 in an island and period in which nothing is served."""
    structure = reduced.structure
    weights = np.maximum(reduced.fixed, 0.0)
    bids = np.flatnonzero(structure.demand)
    np.add.at(weights, (structure.bus[bids], structure.period[bids]), x[bids])
    flow = structure.grid.flow
    served = np.zeros((flow.islands, structure.periods))
    np.add.at(served, flow.island, weights)
    weights[(served <= AT_LIMIT)[flow.island]] = 1.0
    return weights
