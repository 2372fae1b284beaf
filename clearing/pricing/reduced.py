"""A clearing on the rows that matter: island balances, and the flow and ramp limits that are met.

Bus angles are eliminated by power transfer distribution factors, so the equations that decide a
dispatch and its prices are few (one per island and period, plus the binding limits), whatever the
size of the grid. Ties, prices, intervals and explanations all work here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.errors import InputError
from clearing.pricing.exact import AT_LIMIT
from clearing.pricing.layout import layout_of
from clearing.structure import Numbers, Structure
from clearing.tolerances import TIE_WIDTH


@dataclass(frozen=True, eq=False)
class Limits:
    """Chosen limit rows: flows (position in `structure.limited`, period), then ramps (unit, period)."""

    flow: np.ndarray  # (k, 2)
    ramp: np.ndarray  # (m, 2)

    @property
    def count(self) -> int:
        return len(self.flow) + len(self.ramp)

    def same_as(self, other: Limits) -> bool:
        return np.array_equal(self.flow, other.flow) and np.array_equal(self.ramp, other.ramp)

    def joined(self, more: Limits) -> Limits:
        """These, then `more`, of each kind."""
        return Limits(np.vstack([self.flow, more.flow]), np.vstack([self.ramp, more.ramp]))

    def without(self, known: Limits) -> Limits:
        """Those that are not among the known ones."""

        def fresh(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            seen = set(map(tuple, b.tolist()))
            return np.array([row for row in a.tolist() if tuple(row) not in seen], dtype=np.int64).reshape(
                -1, 2
            )

        return Limits(fresh(self.flow, known.flow), fresh(self.ramp, known.ramp))


class Reduced:
    """A book on a grid in scaled numbers: MW in units of `quantity`, $/MWh in units of `money`.

    Columns are the structure's order columns, then links (link-major, then period).

    Attributes
    ----------
    cost, curvature, low, high : (columns,) of the least-cost program.
    tie_width : reduced costs and duals up to this are none (law 4).
    offered : (columns,) what law 4's shares are shares of: an order's MW, or what it withdraws at most where
        that is more, and a link's range.
    fixed : (buses, periods) fixed demand; flow_low, flow_high : (limited,) bounds; ramp_low,
        ramp_high : (ramp units, periods) bounds of the change of output, previous output included.
    """

    def __init__(self, structure: Structure, numbers: Numbers, quantity: float | None = None):
        self.structure, self._layout = structure, layout_of(structure)
        self._last: tuple[Limits, Program] | None = None  # often asked for again
        grid, periods = structure.grid, structure.periods
        self.quantity = _unit_of_power(structure, numbers) if quantity is None else quantity
        self.money = typical_size(np.abs(numbers.price))
        links = structure.links * periods
        self.orders = len(structure.bus)
        self.columns = self.orders + links
        self.tie_width = TIE_WIDTH * numbers.greatest_price(structure) / self.money
        self.cost = np.concatenate([structure.side * numbers.price, np.zeros(links)]) / self.money
        self.curvature = np.concatenate([numbers.slope, np.zeros(links)]) * (self.quantity / self.money)
        self.low = np.concatenate([numbers.min_mw, np.repeat(grid.link_min_mw, periods)]) / self.quantity
        self.high = np.concatenate([numbers.mw, np.repeat(grid.link_max_mw, periods)]) / self.quantity
        self.offered = np.maximum(self.high, -self.low)
        self.offered[self.orders :] = (self.high - self.low)[self.orders :]
        self.fixed = numbers.fixed_mw / self.quantity
        self.flow_low, self.flow_high = numbers.low_mw / self.quantity, numbers.high_mw / self.quantity
        up = np.repeat(numbers.ramp_up_mw[:, None] / self.quantity, periods, axis=1)
        down = np.repeat(numbers.ramp_down_mw[:, None] / self.quantity, periods, axis=1)
        before = np.where(structure.ramp_start, numbers.previous_mw / self.quantity, 0.0)
        self.ramp_low, self.ramp_high = -down, up
        if len(before):
            self.ramp_low[:, 0] += before
            self.ramp_high[:, 0] += before
            self.ramp_low[~structure.ramp_start, 0] = -np.inf
            self.ramp_high[~structure.ramp_start, 0] = np.inf

    @property
    def injection_matrix(self) -> sparse.csr_array:
        """(buses·periods, columns): injections, bus-major, that a dispatch of 1 causes."""
        return self._layout.injection

    @property
    def ramp_matrix(self) -> sparse.csr_array:
        """(ramp units·periods, columns): output of a period less that of the one before."""
        return self._layout.ramp

    @property
    def balance_matrix(self) -> sparse.csr_array:
        """(islands·periods, columns): injections summed over each island, island-major."""
        return self._layout.balance

    @property
    def flow_shape(self) -> tuple[int, int]:
        return len(self.structure.limited), self.structure.periods

    def injections(self, x: np.ndarray) -> np.ndarray:
        """(buses, periods) net injections of a dispatch, fixed demand included."""
        return (self.injection_matrix @ x).reshape(self.fixed.shape) - self.fixed

    def flows(self, x: np.ndarray) -> np.ndarray:
        """(branches, periods) flows of a dispatch, phase shifters included."""
        return self.structure.grid.flow.flows(self.injections(x) * self.quantity) / self.quantity

    def met_limits(self, x: np.ndarray, tolerance: float) -> Limits:
        """Limits within `tolerance` of being met, or beyond."""
        near, steep = self.meets(x, tolerance)
        return Limits(np.argwhere(near), np.argwhere(steep))

    def meets(self, x: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
        """(limited, periods) and (ramp units, periods) bool, the same."""
        flows = self.flows(x)[self.structure.limited]
        near = (flows >= self.flow_high[:, None] - tolerance) | (flows <= self.flow_low[:, None] + tolerance)
        change = (self.ramp_matrix @ x).reshape(self.ramp_low.shape)
        steep = (change >= self.ramp_high - tolerance) | (change <= self.ramp_low + tolerance)
        return near, steep

    def ramped(self, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(columns,) each: side, ramp unit (−1 where none) and period; a link has side 1 and no unit."""
        s, is_link = self.structure, columns >= self.orders
        side, unit, period = (
            np.ones(len(columns)),
            np.full(len(columns), -1),
            np.zeros(len(columns), dtype=int),
        )
        orders = columns[~is_link]
        side[~is_link], unit[~is_link], period[~is_link] = s.side[orders], s.ramp_of[orders], s.period[orders]
        return side, unit, period

    def ramps_that_can_bind(self) -> np.ndarray:
        """(ramp units, periods) bool, whether some dispatch within the orders' bounds exceeds the limit."""
        matrix = self.ramp_matrix
        up, down = matrix.maximum(0.0), matrix.minimum(0.0)
        shape = self.ramp_low.shape
        most = (up @ self.high + down @ self.low).reshape(shape)
        least = (up @ self.low + down @ self.high).reshape(shape)
        return (most > self.ramp_high) | (least < self.ramp_low)

    def limit_rows(self, limits: Limits) -> tuple[sparse.csr_array, np.ndarray, np.ndarray]:
        """Matrix over the columns, and bounds with fixed demand and shifters moved to the right."""
        s, grid = self.structure, self.structure.grid
        lines, t = limits.flow.T
        ptdf = self.ptdf(lines)
        offset = grid.flow.shift_flow_mw[s.limited[lines]] / self.quantity
        offset -= np.einsum("kb,bk->k", ptdf, self.fixed[:, t])
        matrix = self._layout.flow_rows(ptdf, t)
        low, high = self.flow_low[lines] - offset, self.flow_high[lines] - offset
        if len(limits.ramp):
            unit, at = limits.ramp.T
            matrix = sparse.vstack([matrix, self.ramp_matrix[unit * s.periods + at]], format="csr")
            low = np.concatenate([low, self.ramp_low[unit, at]])
            high = np.concatenate([high, self.ramp_high[unit, at]])
        return sparse.csr_array(matrix), low, high

    def ptdf(self, lines: np.ndarray) -> np.ndarray:
        """(len(lines), buses) PTDF rows of limited branches."""
        return self._layout.ptdf(self.structure, lines)

    def program(self, limits: Limits) -> Program:
        """The least-cost program with island balances and the chosen limits as its only rows."""
        if self._last is not None and self._last[0].same_as(limits):
            return self._last[1]
        matrix, low, high = self.limit_rows(limits)
        demand = self._layout.island_sum @ self.fixed.ravel()
        program = Program(
            cost=self.cost,
            curvature=self.curvature,
            matrix=sparse.csc_array(sparse.vstack([self.balance_matrix, matrix])),
            row_low=np.concatenate([demand, low]),
            row_high=np.concatenate([demand, high]),
            low=self.low,
            high=self.high,
        )
        self._last = limits, program
        return program

    def bus_prices(self, limits: Limits, dual: np.ndarray) -> np.ndarray:
        """(buses, periods) prices from the duals of :meth:`program`'s rows: λ = λ_ref + Σ H·dual."""
        flow, periods = self.structure.grid.flow, self.structure.periods
        balances = flow.islands * periods
        prices = dual[:balances].reshape(flow.islands, periods)[flow.island].copy()
        if len(limits.flow):
            lines, at = np.unique(limits.flow[:, 0], return_inverse=True)
            weight = np.zeros((len(lines), periods))
            np.add.at(weight, (at, limits.flow[:, 1]), dual[balances : balances + len(limits.flow)])
            prices += self.ptdf(lines).T @ weight
        return prices


OVERSIZED = 2.0**14
"""Orders larger than what could ever be traded by more than this make a poor unit of power."""


OUTWEIGHED = 2.0**17
"""Orders smaller than what most MW are traded in by more than this make a poor unit of power, too."""


def _unit_of_power(structure: Structure, numbers: Numbers) -> float:
    """The typical order or fixed demand [MW]; where orders are out of all proportion to what their buses can
    trade and their lines carry (1e9 MW on a feeder of kilowatts), the typical of what is possible instead.
    Where most orders are nothing beside the rest (half of them 10 mW beside 100 MW), the typical MW's.

    In units of a huge order every line limit would be within tolerance of 0; in units of a tiny one no double
    carries a flow to the tolerance.
    """
    fixed = np.abs(numbers.fixed_mw).ravel()
    size = np.maximum(numbers.mw, -numbers.min_mw)
    typical = typical_size(np.concatenate([size, fixed]))
    if len(numbers.mw) == 0:
        return typical
    traded = np.concatenate([_most_traded(structure, numbers), fixed])
    possible = typical_size(traded)
    unit = possible if typical > OVERSIZED * possible else typical
    bulk = typical_size(_middle_of_all(traded))
    unit = bulk if bulk > OUTWEIGHED * unit else unit
    limit = structure.grid.limit_mw
    lost = structure.grid.in_service & (limit > 0) & (limit < AT_LIMIT * unit)
    if lost.any():
        k = int(np.flatnonzero(lost)[0])
        raise InputError(
            f"branch {structure.grid.branches[k]!r} has a limit of {limit[k]:g} MW, which is nothing beside "
            f"orders of up to {float(size.max()):g} MW; lower the orders to what can be traded, or "
            "make the limit 0"
        )
    return unit


def _middle_of_all(mw: np.ndarray) -> np.ndarray:
    """(1,) the size that half of all MW are not beyond."""
    increasing = np.sort(mw)
    total = np.cumsum(increasing)
    return increasing[np.searchsorted(total, 0.5 * total[-1]), None]


def _most_traded(structure: Structure, numbers: Numbers) -> np.ndarray:
    """(order columns,) bound of what each order can trade: with the other side at its bus and over its lines,
    and with the other side of the whole market and what links lose [MW]."""
    grid, side = structure.grid, structure.side
    shape = numbers.fixed_mw.shape
    carried = np.where(grid.in_service, np.inf, 0.0)
    bounds = np.maximum(np.abs(numbers.low_mw), np.abs(numbers.high_mw))
    carried[structure.limited] = np.where(grid.in_service[structure.limited], bounds, 0.0)
    lines = np.bincount(grid.from_bus, carried, shape[0]) + np.bincount(grid.to_bus, carried, shape[0])
    links = np.maximum(np.abs(grid.link_min_mw), np.abs(grid.link_max_mw))
    arriving = (1.0 - grid.link_loss) * links
    lines = lines + np.bincount(grid.link_from, links, shape[0])
    lines = lines + np.bincount(grid.link_to, arriving, shape[0])
    lost = float((links - arriving).sum())
    sold, bought = np.maximum(-numbers.fixed_mw, 0.0), np.maximum(numbers.fixed_mw, 0.0)
    at = (structure.bus, structure.period)
    most_in = np.where(side > 0, numbers.mw, 0.0)
    most_out = np.where(side > 0, np.maximum(-numbers.min_mw, 0.0), numbers.mw)
    np.add.at(sold, at, most_in)
    np.add.at(bought, at, most_out)

    def limited(mw: np.ndarray, others: np.ndarray) -> np.ndarray:
        here = others[at] + lines[structure.bus]
        return np.minimum(mw, np.minimum(here, (others.sum(axis=0) + lost)[structure.period]))

    return np.maximum(limited(most_in, bought), limited(most_out, sold))


def typical_size(values: np.ndarray) -> float:
    """The power of two nearest to the median of the non-zero values (1 where there are none)."""
    positive = values[values > 0]
    return float(2.0 ** np.round(np.log2(np.median(positive)))) if len(positive) else 1.0
