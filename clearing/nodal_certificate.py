"""The proof of a nodal outcome: optimality residuals computed from book and grid alone (law 6).

Nothing here comes from a solver or from the code that picks dispatch and prices: angles are found
from injections by the grid's own susceptance matrix, and every condition of optimality of the
convex program is evaluated at the reported numbers. Row names: P primal, D dual, C complementarity,
G gap, S surplus identity (docs/laws.md).

A residual counts beside what it is about: the MW of its order, bus or branch, the prices that meet
there. Nothing is added to these but a share of the greatest MW and price of the outcome, below which
doubles cannot tell. So one unlimited order, or one price at the value of lost load, hides nothing
about the others, and the size of a market does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearing.book import Book
from clearing.certificate import Certificate
from clearing.structure import Numbers, Structure
from clearing.tolerances import TIE_WIDTH
from clearing.violations import beyond, greatest, slack_times, stationary_violation, worst
from networks.checks import freeze_arrays
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
EXACT = 1e-3  # of their own size: buses, orders and links, so that a kilowatt shows at a bus of gigawatts
# What every scale has on top, as a share of the greatest MW or price of the outcome: times the row's
# tolerance that is 1e-12 (orders, links), 1e-10 (buses) or 1e-9 (branches) of it, 1e-11 or 1e-9 of the price.
# Reduced costs and shadow prices within law 4's tie width, which comes on top of those, count as none.
COLUMN_ROUNDING = 1e-6
BUS_ROUNDING = 1e-4
LINE_ROUNDING = 1e-3
PRICE_ROUNDING = 1e-6
SHIFT_ROUNDING = 1e-7  # of the greatest MW that a phase shifter drives: in a tree all of it must cancel
NO_TRADE = 1e-12  # share of the greatest order that is nothing: what doubles leave of a difference of its MW


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

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @property
    def priced(self) -> np.ndarray:
        """(buses, periods) bool, False where no price is bounded from either side: there some prices support
        the dispatch, as the certificate shows, and no rule picks among them."""
        stated = np.isfinite(self.lmp)
        return stated if self.unpriced is None else stated & ~self.unpriced


def certify(book: Book, grid: Grid, claim: Claim) -> Certificate:
    """Check a claimed outcome against book and grid.

    Every violation is taken per order, bus, branch and period; the docstrings of the helpers name
    the condition. Source: the KKT conditions of the program in docs/mathematics.md.
    """
    structure = Structure.of(book, grid)
    return certify_numbers(structure, Numbers.of(book, structure), claim)


def certify_numbers(structure: Structure, numbers: Numbers, claim: Claim) -> Certificate:
    """The same for numbers already laid onto a structure."""
    check = _Check(structure, numbers, claim)
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
    return Certificate(residuals, TOLERANCES)


class _Check:
    def __init__(self, structure: Structure, numbers: Numbers, claim: Claim):
        s, self.numbers, self.claim, self.stated = structure, numbers, claim, np.isfinite(claim.lmp)
        self.structure, self.grid = s, s.grid
        grid = s.grid
        self.injection = -numbers.fixed_mw.copy()
        np.add.at(self.injection, (s.bus, s.period), s.side * claim.accepted)
        np.add.at(self.injection, grid.link_from, -claim.link_mw)
        self.arrives = (1.0 - grid.link_loss)[:, None]
        np.add.at(self.injection, grid.link_to, self.arrives * claim.link_mw)
        self.lmp = np.where(self.stated, claim.lmp, 0.0)
        self.flow_dual = np.nan_to_num(claim.flow_dual)
        self.ramp_dual = np.nan_to_num(claim.ramp_dual)
        cost = s.side * numbers.price * claim.accepted + 0.5 * numbers.slope * claim.accepted**2
        self.objective = float(cost.sum())
        self._scales(float(np.abs(cost).sum()))
        low, high = grid.flow_bounds_mw
        self.flow_low, self.flow_high = low[:, None], high[:, None]
        self._ramps()

    def _scales(self, turnover: float) -> None:
        s, numbers, claim, grid = self.structure, self.numbers, self.claim, self.grid
        accepted, flows, links = (np.abs(part) for part in (claim.accepted, claim.flow_mw, claim.link_mw))
        bus_mw = np.abs(numbers.fixed_mw)
        np.maximum.at(bus_mw, (s.bus, s.period), accepted)
        for ends, passing in (
            (grid.from_bus, flows),
            (grid.to_bus, flows),
            (grid.link_from, links),
            (grid.link_to, self.arrives * links),
        ):
            np.maximum.at(bus_mw, ends, passing)
        offered = max(_top(numbers.mw), _top(numbers.min_mw))
        self.mw_scale = max(_top(bus_mw), NO_TRADE * offered)
        self.price_scale = max(_top(self.lmp), _top(self.flow_dual), _top(self.ramp_dual))
        self.tied = TIE_WIDTH * numbers.greatest_price(s)
        # a market with large two-sided turnover and small net cost is judged by its turnover
        least = 1e-3 * self.price_scale + self.tied / TOLERANCES["G1"]
        shifted = SHIFT_ROUNDING * _top(grid.susceptance_mw * grid.shift_radian)
        self.money_scale = turnover + self.mw_scale * least + shifted * self.price_scale
        self.bus_mw = EXACT * bus_mw + BUS_ROUNDING * self.mw_scale + shifted
        self.flow_mw = flows + LINE_ROUNDING * self.mw_scale + shifted
        least = COLUMN_ROUNDING * self.mw_scale
        self.order_mw = EXACT * np.minimum(numbers.mw - numbers.min_mw, bus_mw[s.bus, s.period]) + least
        self.link_mw = EXACT * links + least

    def _ramps(self) -> None:
        s, n = self.structure, self.numbers
        units, periods = len(s.ramp_units), s.periods
        output = np.zeros((units, periods))
        owned = s.ramp_of >= 0
        np.add.at(output, (s.ramp_of[owned], s.period[owned]), (s.side * self.claim.accepted)[owned])
        before = np.column_stack([n.previous_mw, output[:, :-1]]) if units else output
        self.change = output - before
        self.output_mw = np.maximum(np.abs(output), np.abs(before)) + COLUMN_ROUNDING * self.mw_scale
        self.ramp_high = np.repeat(n.ramp_up_mw[:, None], periods, axis=1)
        self.ramp_low = -np.repeat(n.ramp_down_mw[:, None], periods, axis=1)
        self.ramp_high[~s.ramp_start, 0], self.ramp_low[~s.ramp_start, 0] = np.inf, -np.inf
        after = np.column_stack([self.ramp_dual[:, 1:], np.zeros(units)]) if units else self.ramp_dual
        self.ramp_term = np.zeros(len(s.bus))
        self.ramp_term[owned] = (s.side[owned]) * (self.ramp_dual - after)[s.ramp_of[owned], s.period[owned]]

    def balance(self) -> float:
        """Injections equal the flows that leave each bus."""
        leaving = self.grid.flow.incidence.T @ self.claim.flow_mw
        return worst(self.injection - leaving, self.bus_mw)

    def limits(self) -> float:
        """Orders, flows (thermal and angle limits), links and ramps stay within their bounds."""
        n, grid = self.numbers, self.grid
        return greatest(
            worst(beyond(self.claim.accepted, n.min_mw, n.mw), self.order_mw),
            worst(beyond(self.claim.flow_mw, self.flow_low, self.flow_high), self.flow_mw),
            worst(
                beyond(self.claim.link_mw, grid.link_min_mw[:, None], grid.link_max_mw[:, None]),
                self.link_mw,
            ),
            worst(beyond(self.change, self.ramp_low, self.ramp_high), self.output_mw),
        )

    def flow_law(self) -> float:
        """Flows are those that the injections cause: angles solved afresh from the susceptance matrix."""
        return worst(self.grid.flow.flows(self.injection) - self.claim.flow_mw, self.flow_mw)

    def self_trade(self) -> float:
        """No unit injects by one order and withdraws by another in the same period."""
        s = self.structure
        machine = s.unit_of * s.periods + s.period
        injected = s.side * self.claim.accepted
        sold = np.bincount(machine, np.maximum(injected, 0.0))
        bought = np.bincount(machine, np.maximum(-injected, 0.0))
        least = COLUMN_ROUNDING * self.mw_scale
        return worst(np.minimum(sold, bought), np.maximum(sold, bought) + least)

    def reduced_costs(self) -> tuple[np.ndarray, np.ndarray]:
        """Cost of one more accepted MW of each order, less what it is worth at its bus; and the scale."""
        s, n = self.structure, self.numbers
        marginal, worth = s.side * n.price + n.slope * self.claim.accepted, self.lmp[s.bus, s.period]
        own = np.maximum(np.maximum(np.abs(marginal), np.abs(worth)), np.abs(self.ramp_term))
        return self._felt(marginal - s.side * worth + self.ramp_term, own, self.stated[s.bus, s.period])

    def link_costs(self) -> tuple[np.ndarray, np.ndarray]:
        """(links, periods) price of a MW sent less what arrives of it is worth, and the scale."""
        source, target = self.lmp[self.grid.link_from], self.arrives * self.lmp[self.grid.link_to]
        both = self.stated[self.grid.link_from] & self.stated[self.grid.link_to]
        return self._felt(source - target, np.maximum(np.abs(source), np.abs(target)), both)

    def _felt(self, gap: np.ndarray, own: np.ndarray, stated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Reduced costs where prices are stated, and their scale.

        What is rounding or a tie is none: beside an unlimited quantity it would count without end.
        """
        least = PRICE_ROUNDING * self.price_scale + self.tied / TOLERANCES["D1"]
        nothing = np.abs(gap) <= TOLERANCES["D1"] * least
        return np.where(stated & ~nothing, gap, 0.0), own + least

    def _pressing(self, dual: np.ndarray) -> np.ndarray:
        """Shadow prices beyond the tie width: others hold no limit in place."""
        return np.where(np.abs(dual) > self.tied, dual, 0.0)

    def order_stationarity(self) -> float:
        """No order (or link) inside its bounds gains by moving; none at a bound gains by moving inwards.

        Prices may be withheld only where there is nothing to prove.
        """
        n, grid = self.numbers, self.grid
        if self._withheld():
            return np.inf
        low, high = grid.link_min_mw[:, None], grid.link_max_mw[:, None]
        order_room, link_room = (TOLERANCES["P2"] * size for size in (self.order_mw, self.link_mw))
        return greatest(  # what P2 lets pass counts as at the bound
            stationary_violation(self.claim.accepted, n.min_mw, n.mw, order_room, *self.reduced_costs()),
            stationary_violation(self.claim.link_mw, low, high, link_room, *self.link_costs()),
        )

    def _withheld(self) -> bool:
        """Whether a price is missing where an order or a link can move, or beside a stated one."""
        if self.stated.all():
            return False
        n, s, grid = self.numbers, self.structure, self.grid
        silent = np.zeros((grid.flow.islands, s.periods), dtype=bool)
        bus, period = np.nonzero(~self.stated)
        silent[grid.flow.island[bus], period] = True
        moving = silent[grid.flow.island[s.bus], s.period] & (n.mw > n.min_mw)
        ends = silent[grid.flow.island[grid.link_from]] | silent[grid.flow.island[grid.link_to]]
        open_link = (grid.link_max_mw > grid.link_min_mw)[:, None] & ends
        partly = silent[grid.flow.island] & self.stated
        return bool(moving.any() or open_link.any() or partly.any())

    def angle_stationarity(self) -> float:
        """Prices differ between buses only as binding branches explain: Aᵀ·diag(b)·(A·λ + μ) = 0."""
        flow, b = self.grid.flow, self.grid.susceptance_mw
        gap = flow.incidence.T @ (b[:, None] * (flow.incidence @ self.lmp + self.flow_dual))
        ends = np.abs(flow.incidence)
        around = np.maximum(ends.T @ np.abs(b), 1e-300)[:, None]
        met = ends.T @ (np.abs(b)[:, None] * (ends @ np.abs(self.lmp) + np.abs(self.flow_dual))) / around
        gap = np.where(self.stated, gap, 0.0) / around
        return worst(gap, met + BUS_ROUNDING * self.price_scale + self.tied / TOLERANCES["D3"])

    def dual_signs(self) -> float:
        """A limit that does not exist has no shadow price, and no shadow price pushes the wrong way."""
        wrong = [
            np.where(np.isfinite(self.flow_high), 0.0, np.maximum(self.flow_dual, 0.0)),
            np.where(np.isfinite(self.flow_low), 0.0, np.maximum(-self.flow_dual, 0.0)),
            np.where(np.isfinite(self.ramp_high), 0.0, np.maximum(self.ramp_dual, 0.0)),
            np.where(np.isfinite(self.ramp_low), 0.0, np.maximum(-self.ramp_dual, 0.0)),
        ]
        return worst(max(_top(w) for w in wrong), self.price_scale + self.tied / TOLERANCES["D4"])

    def complementarity(self) -> float:
        """Slack times multiplier vanishes for orders, links, flows and ramps."""
        n, grid, claim = self.numbers, self.grid, self.claim
        least = BUS_ROUNDING * self.price_scale
        (reduced, own), (difference, ends) = self.reduced_costs(), self.link_costs()
        low, high = grid.link_min_mw[:, None], grid.link_max_mw[:, None]
        return greatest(
            worst(slack_times(claim.accepted, n.min_mw, n.mw, -reduced), self.order_mw * own),
            worst(slack_times(claim.link_mw, low, high, -difference), self.link_mw * ends),
            worst(
                slack_times(claim.flow_mw, self.flow_low, self.flow_high, self._pressing(self.flow_dual)),
                self.flow_mw * (np.abs(self.flow_dual) + least),
            ),
            worst(
                slack_times(self.change, self.ramp_low, self.ramp_high, self._pressing(self.ramp_dual)),
                self.output_mw * (np.abs(self.ramp_dual) + least),
            ),
        )

    def gap(self) -> float:
        """Offered cost equals the dual objective: the value of fixed demand and of every limit."""
        n, grid = self.numbers, self.grid
        x = self.claim.accepted
        shift = (grid.susceptance_mw * grid.shift_radian)[:, None]
        worth = float((self.lmp * (n.fixed_mw - grid.flow.incidence.T @ shift)).sum())
        stated = self.stated[self.structure.bus, self.structure.period]
        cost = np.where(stated, self.structure.side * n.price * x + 0.5 * n.slope * x**2, 0.0)
        dual = worth - 0.5 * float(np.where(stated, n.slope * x**2, 0.0).sum())
        (reduced, _), (links, _) = self.reduced_costs(), self.link_costs()
        dual += float((np.where(reduced > 0, n.min_mw, n.mw) * reduced).sum())
        ends = np.where(links > 0, grid.link_min_mw[:, None], grid.link_max_mw[:, None])
        dual += float((ends * links).sum())
        flows, pressing = self.claim.flow_mw, self._pressing(self.flow_dual)
        dual -= _paid_at_limits(pressing, self.flow_low, self.flow_high)
        dual -= float(((self.flow_dual - pressing) * flows).sum() + (self.flow_dual * shift).sum())
        pressing = self._pressing(self.ramp_dual)
        dual -= _paid_at_limits(pressing, self.ramp_low, self.ramp_high)
        dual -= float(((self.ramp_dual - pressing) * self.change).sum())
        dual -= float(self.ramp_dual[:, 0] @ n.previous_mw)
        return worst(float(cost.sum()) - dual, self.money_scale)

    def surplus_identity(self) -> float:
        """Merchandising surplus equals congestion rents (phase shifters' term included) and link rents."""
        grid, links = self.grid, self.claim.link_mw
        traded = self.injection.copy()
        np.add.at(traded, grid.link_from, links)
        np.add.at(traded, grid.link_to, -self.arrives * links)
        surplus = -float((self.lmp * traded).sum())
        rents = float((self.flow_dual * (self.claim.flow_mw - grid.flow.shift_flow_mw[:, None])).sum())
        rents -= float((self.link_costs()[0] * links).sum())
        return worst(surplus - rents, self.money_scale)


def _top(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0))


def _paid_at_limits(dual: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """Σ dual·limit, each dual taken at the limit that its sign names."""
    limit = np.where(dual > 0, high, low)
    return float((dual * np.where(dual == 0, 0.0, np.broadcast_to(limit, dual.shape))).sum())
