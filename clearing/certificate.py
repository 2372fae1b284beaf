"""The proof of an outcome: optimality residuals computed from book and grid alone (law 6).

Nothing here comes from a solver or from the code that picks dispatch and prices: angles are found
from injections by the grid's own susceptance matrix, and every condition of optimality of the
convex program is evaluated at the reported numbers. Row names: P primal, D dual, C complementarity,
G gap, S surplus identity (docs/laws.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearing.book import Book
from clearing.residuals import Residuals
from clearing.structure import Numbers, Structure
from networks.checks import frozen
from networks.grid import Grid

TOLERANCES = {
    "P1": 1e-6,
    "P2": 1e-6,
    "P3": 1e-5,
    "P4": 1e-6,
    "D1": 1e-5,
    "D3": 1e-5,
    "D4": 1e-7,
    "C1": 1e-6,
    "G1": 1e-6,
    "S1": 1e-6,
}


@dataclass(frozen=True, eq=False)
class Certificate(Residuals):
    """Scaled residuals of the conditions of optimality; each must not exceed its tolerance.

    Attributes
    ----------
    residuals : row name → largest violation, divided by its scale: MW by 1 + greatest MW, prices
        by 1 + greatest price, money by 1 + |objective|.
    tolerances : row name → what is admitted.
    priced : (buses, periods) bool, False where no price is bounded from either side: there some prices
        support the dispatch, as the rows show, and no rule picks among them.
    """

    priced: np.ndarray


@dataclass(frozen=True, eq=False)
class Claim:
    """What an outcome says, in the units of the public boundary.

    Attributes
    ----------
    accepted : (order columns,) MW.
    link_mw : (links, periods) MW.
    flow_mw : (branches, periods) MW.
    lmp : (buses, periods) $/MWh; NaN admitted only at all buses of an island where nothing can move.
    flow_dual : (branches, periods) shadow price, positive at the high limit, negative at the low one.
    ramp_dual : (ramp units, periods) likewise for the change of output.
    unpriced : (buses, periods) bool, where `lmp` supports the dispatch and no rule picks it.
    """

    accepted: np.ndarray
    link_mw: np.ndarray
    flow_mw: np.ndarray
    lmp: np.ndarray
    flow_dual: np.ndarray
    ramp_dual: np.ndarray
    unpriced: np.ndarray | None = None


def certify(book: Book, grid: Grid, claim: Claim) -> Certificate:
    """Check a claimed outcome against book and grid.

    Every violation is taken per order, bus, branch and period; the docstrings of the helpers name
    the condition. Source: the KKT conditions of the program in docs/mathematics.md.
    """
    structure = Structure.of(book, grid)
    return certify_numbers(structure, Numbers.of(book, structure), claim)


def certify_numbers(structure: Structure, numbers: Numbers, claim: Claim) -> Certificate:
    """The same for numbers already laid onto a structure."""
    stated = np.isfinite(claim.lmp)
    check = _Check(structure, numbers, claim, stated)
    residuals = {
        "P1": check.balance(),
        "P2": check.limits(),
        "P3": check.flow_law(),
        "P4": check.self_trade(),
        "D1": check.order_stationarity(),
        "D3": check.angle_stationarity(),
        "D4": check.dual_signs(),
        "C1": check.complementarity(),
        "G1": check.gap(),
        "S1": check.surplus_identity(),
    }
    priced = stated if claim.unpriced is None else stated & ~claim.unpriced
    return Certificate({k: float(v) for k, v in residuals.items()}, dict(TOLERANCES), frozen(priced))


class _Check:
    def __init__(self, structure: Structure, numbers: Numbers, claim: Claim, stated: np.ndarray):
        s, self.numbers, self.claim, self.stated = structure, numbers, claim, stated
        self.structure, self.grid = s, s.grid
        grid = s.grid
        self.injection = -numbers.fixed_mw.copy()
        np.add.at(self.injection, (s.bus, s.period), s.side * claim.accepted)
        np.add.at(self.injection, grid.link_from, -claim.link_mw)
        np.add.at(self.injection, grid.link_to, claim.link_mw)
        self.lmp = np.where(stated, claim.lmp, 0.0)
        self.flow_dual = np.nan_to_num(claim.flow_dual)
        self.ramp_dual = np.nan_to_num(claim.ramp_dual)
        flows = claim.flow_mw
        self.mw_scale = 1.0 + max(_top(claim.accepted), _top(flows), _top(self.injection))
        self.price_scale = 1.0 + max(_top(self.lmp), _top(numbers.price))
        cost = s.side * numbers.price * claim.accepted + 0.5 * numbers.slope * claim.accepted**2
        self.objective = float(cost.sum())
        # a market with large two-sided turnover and small net cost is judged by its turnover
        self.money_scale = 1.0 + float(np.abs(cost).sum())
        low, high = grid.flow_bounds_mw
        self.flow_low, self.flow_high = low[:, None], high[:, None]
        self._ramps()

    def _ramps(self) -> None:
        s, n = self.structure, self.numbers
        units, periods = len(s.ramp_units), s.periods
        output = np.zeros((units, periods))
        owned = s.ramp_of >= 0
        np.add.at(output, (s.ramp_of[owned], s.period[owned]), (s.side * self.claim.accepted)[owned])
        before = np.column_stack([n.previous_mw, output[:, :-1]]) if units else output
        self.change = output - before
        self.ramp_high = np.repeat(n.ramp_up_mw[:, None], periods, axis=1)
        self.ramp_low = -np.repeat(n.ramp_down_mw[:, None], periods, axis=1)
        self.ramp_high[~s.ramp_start, 0], self.ramp_low[~s.ramp_start, 0] = np.inf, -np.inf
        after = np.column_stack([self.ramp_dual[:, 1:], np.zeros(units)]) if units else self.ramp_dual
        self.ramp_term = np.zeros(len(s.bus))
        self.ramp_term[owned] = (s.side[owned]) * (self.ramp_dual - after)[s.ramp_of[owned], s.period[owned]]

    def balance(self) -> float:
        """Injections equal the flows that leave each bus."""
        leaving = self.grid.flow.incidence.T @ self.claim.flow_mw
        return _top(self.injection - leaving) / self.mw_scale

    def limits(self) -> float:
        """Orders, flows (thermal and angle limits), links and ramps stay within their bounds."""
        n, grid = self.numbers, self.grid
        beyond = [
            _beyond(self.claim.accepted, n.min_mw, n.mw),
            _beyond(self.claim.flow_mw, self.flow_low, self.flow_high),
            _beyond(self.claim.link_mw, grid.link_min_mw[:, None], grid.link_max_mw[:, None]),
            _beyond(self.change, self.ramp_low, self.ramp_high),
        ]
        return max(beyond) / self.mw_scale

    def flow_law(self) -> float:
        """Flows are those that the injections cause: angles solved afresh from the susceptance matrix."""
        return _top(self.grid.flow.flows(self.injection) - self.claim.flow_mw) / self.mw_scale

    def self_trade(self) -> float:
        """No unit injects by one order and withdraws by another in the same period."""
        s = self.structure
        machine = s.unit_of * s.periods + s.period
        injected = s.side * self.claim.accepted
        sold = np.bincount(machine, np.maximum(injected, 0.0))
        return _top(np.minimum(sold, np.bincount(machine, np.maximum(-injected, 0.0)))) / self.mw_scale

    def reduced_costs(self) -> np.ndarray:
        """Cost of one more accepted MW of each order, less what it is worth at its bus."""
        s, n = self.structure, self.numbers
        marginal = s.side * n.price + n.slope * self.claim.accepted
        gap = marginal - s.side * self.lmp[s.bus, s.period] + self.ramp_term
        return np.where(self.stated[s.bus, s.period], gap, 0.0)

    def link_costs(self) -> np.ndarray:
        """(links, periods) price difference against the direction of the link."""
        gap = self.lmp[self.grid.link_from] - self.lmp[self.grid.link_to]
        both = self.stated[self.grid.link_from] & self.stated[self.grid.link_to]
        return np.where(both, gap, 0.0)

    def order_stationarity(self) -> float:
        """No order (or link) inside its bounds gains by moving; none at a bound gains by moving inwards.

        Prices may be withheld only where there is nothing to prove.
        """
        n, grid = self.numbers, self.grid
        if self._withheld():
            return np.inf
        return max(
            self._stationary(self.claim.accepted, n.min_mw, n.mw, self.reduced_costs()),
            self._stationary(
                self.claim.link_mw, grid.link_min_mw[:, None], grid.link_max_mw[:, None], self.link_costs()
            ),
        )

    def _withheld(self) -> bool:
        """Whether a price is missing where an order or a link can move, or beside a stated one."""
        if self.stated.all():
            return False
        n, s, grid = self.numbers, self.structure, self.grid
        room = 1e-6 * self.mw_scale
        silent = np.zeros((grid.flow.islands, s.periods), dtype=bool)
        bus, period = np.nonzero(~self.stated)
        silent[grid.flow.island[bus], period] = True
        moving = silent[grid.flow.island[s.bus], s.period] & (n.mw > n.min_mw + room)
        ends = silent[grid.flow.island[grid.link_from]] | silent[grid.flow.island[grid.link_to]]
        open_link = (grid.link_max_mw > grid.link_min_mw + room)[:, None] & ends
        partly = silent[grid.flow.island] & self.stated
        return bool(moving.any() or open_link.any() or partly.any())

    def _stationary(self, x: np.ndarray, low: np.ndarray, high: np.ndarray, gap: np.ndarray) -> float:
        room = 1e-6 * self.mw_scale  # within P2's tolerance of a bound counts as at it
        falls = np.where(x > low + room, np.maximum(gap, 0.0), 0.0)
        rises = np.where(x < high - room, np.maximum(-gap, 0.0), 0.0)
        return max(_top(falls), _top(rises)) / self.price_scale

    def angle_stationarity(self) -> float:
        """Prices differ between buses only as binding branches explain: Aᵀ·diag(b)·(A·λ + μ) = 0."""
        flow, b = self.grid.flow, self.grid.susceptance_mw
        gap = flow.incidence.T @ (b[:, None] * (flow.incidence @ self.lmp + self.flow_dual))
        around = np.abs(flow.incidence).T @ np.abs(b)
        gap = np.where(self.stated, gap, 0.0)
        return _top(gap / np.maximum(around, 1e-300)[:, None] * (around > 0)[:, None]) / self.price_scale

    def dual_signs(self) -> float:
        """A limit that does not exist has no shadow price, and no shadow price pushes the wrong way."""
        wrong = [
            np.where(np.isfinite(self.flow_high), 0.0, np.maximum(self.flow_dual, 0.0)),
            np.where(np.isfinite(self.flow_low), 0.0, np.maximum(-self.flow_dual, 0.0)),
            np.where(np.isfinite(self.ramp_high), 0.0, np.maximum(self.ramp_dual, 0.0)),
            np.where(np.isfinite(self.ramp_low), 0.0, np.maximum(-self.ramp_dual, 0.0)),
        ]
        return max(_top(w) for w in wrong) / self.price_scale

    def complementarity(self) -> float:
        """Slack times multiplier vanishes for orders, links, flows and ramps."""
        n, grid, claim = self.numbers, self.grid, self.claim
        products = [
            _slack_times(claim.accepted, n.min_mw, n.mw, -self.reduced_costs()),
            _slack_times(
                claim.link_mw, grid.link_min_mw[:, None], grid.link_max_mw[:, None], -self.link_costs()
            ),
            _slack_times(claim.flow_mw, self.flow_low, self.flow_high, self.flow_dual),
            _slack_times(self.change, self.ramp_low, self.ramp_high, self.ramp_dual),
        ]
        return max(products) / (self.mw_scale * self.price_scale)

    def gap(self) -> float:
        """Offered cost equals the dual objective: the value of fixed demand and of every limit."""
        n, grid = self.numbers, self.grid
        x = self.claim.accepted
        shift = (grid.susceptance_mw * grid.shift_radian)[:, None]
        worth = float((self.lmp * (n.fixed_mw - grid.flow.incidence.T @ shift)).sum())
        stated = self.stated[self.structure.bus, self.structure.period]
        cost = np.where(stated, self.structure.side * n.price * x + 0.5 * n.slope * x**2, 0.0)
        dual = worth - 0.5 * float(np.where(stated, n.slope * x**2, 0.0).sum())
        reduced, links = self.reduced_costs(), self.link_costs()
        dual += float((np.where(reduced > 0, n.min_mw, n.mw) * reduced).sum())
        ends = np.where(links > 0, grid.link_min_mw[:, None], grid.link_max_mw[:, None])
        dual += float((ends * links).sum())
        dual -= _paid_at_limits(self.flow_dual, self.flow_low, self.flow_high) + float(
            (self.flow_dual * shift).sum()
        )
        dual -= _paid_at_limits(self.ramp_dual, self.ramp_low, self.ramp_high)
        dual -= float(self.ramp_dual[:, 0] @ n.previous_mw)
        return abs(float(cost.sum()) - dual) / self.money_scale

    def surplus_identity(self) -> float:
        """Merchandising surplus equals congestion rents (phase shifters' term included) and link rents."""
        grid, links = self.grid, self.claim.link_mw
        traded = self.injection.copy()
        np.add.at(traded, grid.link_from, links)
        np.add.at(traded, grid.link_to, -links)
        surplus = -float((self.lmp * traded).sum())
        rents = float((self.flow_dual * (self.claim.flow_mw - grid.flow.shift_flow_mw[:, None])).sum())
        rents -= float((self.link_costs() * links).sum())
        return abs(surplus - rents) / self.money_scale


def _top(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0))


def _beyond(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    return float(max(np.max(low - x, initial=0.0), np.max(x - high, initial=0.0)))


def _slack_times(x: np.ndarray, low: np.ndarray, high: np.ndarray, dual: np.ndarray) -> float:
    """Largest product of a multiplier (positive at the high bound) and the slack of its bound."""
    with np.errstate(invalid="ignore"):
        up = np.where(dual > 0, dual * np.maximum(high - x, 0.0), 0.0)
        down = np.where(dual < 0, -dual * np.maximum(x - low, 0.0), 0.0)
    return max(_top(np.nan_to_num(up, posinf=np.inf)), _top(np.nan_to_num(down, posinf=np.inf)))


def _paid_at_limits(dual: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Σ dual·limit, each dual taken at the limit that its sign names."""
    limit = np.where(dual > 0, high, low)
    return float((dual * np.where(dual == 0, 0.0, np.broadcast_to(limit, dual.shape))).sum())
