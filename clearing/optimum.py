"""One certified optimum: solve, recompute from the active set, share ties, pick prices, prove.

This is the general path, for any number of periods, slopes, ramps and links; it works on numbers
laid out by a structure, so that books and rows of arrays are cleared alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np

from clearing.arrays.compiled import CompiledModel
from clearing.arrays.programs import Program, Solution
from clearing.certificate import Certificate
from clearing.errors import ClearingError, InfeasibleError, NumericalError, UnboundedError
from clearing.nodal_certificate import Claim, certify_numbers
from clearing.pricing.exact import AT_LIMIT, correct
from clearing.pricing.prices import DualFace, PriceRule, Prices
from clearing.pricing.reduced import Limits, Reduced
from clearing.pricing.ties import share_ties
from clearing.solvers import solve, solvers_for
from clearing.structure import Numbers, Structure
from networks.checks import freeze_arrays, frozen

ON_BOUND = 2.0**-36
"""Share of an order (at most of a unit of power) by which it misses its bound for rounding."""
TRIFLE = 2.0**-10
"""Share of the unit of power below which a whole trade is computed again in a unit of its own size: where
almost nothing is worth trading, the solvers' tolerances, and ours, hide it."""
FINER_UNITS = 2  # at most; one is enough for what is known
FINE = 1e-13  # in place of AT_LIMIT where that proves nothing
BY_LIMITS = "by limits"
LIMIT_TURNS = 100  # each adds at least one limit that was exceeded


@dataclass(frozen=True, eq=False)
class Optimum:
    """A certified optimum.

    Attributes
    ----------
    claim : dispatch, flows, and prices and shadow prices that support it everywhere, in MW and $/MWh.
    certificate : the proof of the claim, computed from book and grid.
    energy : (buses, periods) load-weighted mean price of the bus's island; `lmp` less it is congestion.
    flow_dual : (branches, periods) shadow prices by the rule, positive at the high limit, negative at the low
        [$/MWh]; those of the claim, NaN where the rule picks none.
    ramp_dual : (ramp units, periods) likewise for the change of a unit's output.
    face : the dual face from which the prices were picked.
    solver : which solver found the active set.
    """

    claim: Claim
    certificate: Certificate
    energy: np.ndarray
    flow_dual: np.ndarray
    ramp_dual: np.ndarray
    face: DualFace
    solver: str

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @cached_property
    def lmp(self) -> np.ndarray:
        """(buses, periods) locational marginal prices by the rule [$/MWh]; NaN where nothing bounds them."""
        return frozen(np.where(self.claim.priced, self.claim.lmp, np.nan))

    def lmp_by(self, rule: PriceRule) -> np.ndarray:
        """(buses, periods) prices of the same dispatch by any rule of law 5 [$/MWh]."""
        return frozen(self.face.pick(rule).bus * self.face.reduced.money)

    @cached_property
    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, periods) twice: least and greatest supporting price of each bus, ±inf where unbounded."""
        low, high = self.face.intervals()
        return frozen(low * self.face.reduced.money), frozen(high * self.face.reduced.money)

    @cached_property
    def demand_weights(self) -> np.ndarray:
        """(buses, periods) weights of mean prices: served demand [MW]; equal where an island serves none."""
        return frozen(self.face.weights * self.face.reduced.quantity)

    def mixed_with(self, other: Self, share: float) -> Self:
        """The dispatch at prices a share of the way to the other's: supporting prices form a convex set."""

        def mix(here: np.ndarray, there: np.ndarray) -> np.ndarray:
            return (1 - share) * here + share * there

        mine, its = self.claim, other.claim
        return replace(
            self,
            claim=replace(
                mine,
                lmp=mix(mine.lmp, its.lmp),
                flow_dual=mix(mine.flow_dual, its.flow_dual),
                ramp_dual=mix(mine.ramp_dual, its.ramp_dual),
            ),
            energy=mix(self.energy, other.energy),
            flow_dual=mix(self.flow_dual, other.flow_dual),
            ramp_dual=mix(self.ramp_dual, other.ramp_dual),
        )


def find_optimum(
    structure: Structure, numbers: Numbers, model: CompiledModel, price_rule: PriceRule, time_limit: float
) -> Optimum:
    """Solve with one solver after the other until a certificate holds (law 6).

    Raises
    ------
    InfeasibleError
        as proven by a solver, without a diagnosis.
    TimeLimitError, NumericalError
        no solver proved an optimum whose certificate holds.
    """
    failures: list[str] = []
    program = model.at(**{name: getattr(numbers, name) for name in Numbers.__dataclass_fields__})
    reduced = Reduced(structure, numbers)
    proven, traded = _solve(numbers, reduced, model, program, price_rule, time_limit, failures)
    for _ in range(FINER_UNITS):
        if proven is not None or not 0 < traded < TRIFLE:
            break
        reduced = Reduced(structure, numbers, traded * reduced.quantity)
        try:
            proven, traded = _solve(numbers, reduced, model, program, price_rule, time_limit, failures)
        except InfeasibleError as error:  # in units so small, of a book for which a dispatch was found
            failures.append(f"in units of {reduced.quantity:g} MW: {error}")
            break
    if proven is None:
        raise NumericalError("no solver's outcome could be certified: " + "; ".join(failures))
    return proven


def _solve(
    numbers: Numbers,
    reduced: Reduced,
    model: CompiledModel,
    program: Program,
    price_rule: PriceRule,
    time_limit: float,
    failures: list[str],
) -> tuple[Optimum | None, float]:
    """The first optimum that is certified; if none, the greatest trade in any dispatch found, in units."""
    structure, traded = reduced.structure, 0.0
    scaled = program.scaled(reduced.quantity, reduced.money)
    for name in (*solvers_for(scaled), BY_LIMITS):
        try:
            if name == BY_LIMITS:
                found = _find_by_limits(reduced, time_limit)
            else:
                found = _columns(model, structure, solve(scaled, name, time_limit))
        except (NumericalError, UnboundedError) as error:  # no book is unbounded: its orders are not
            failures.append(f"{name}: {error}")
            continue
        try:
            return prove(structure, numbers, reduced, found, price_rule, name), 0.0
        except ClearingError as error:  # a step after the solve failed: no word about the book
            failures.append(f"{name}: {error}")
        traded = max(traded, float(np.abs(found.x).max(initial=0.0)))
    return None, traded


def _find_by_limits(reduced: Reduced, time_limit: float) -> Found:
    """An optimum without bus angles: balances alone, then with the limits that the dispatch before exceeds.

    Where susceptances lie many orders of magnitude apart, no solver carries the angles to the tolerance; the
    distribution factors lie between −1 and 1.
    """
    none = np.zeros((0, 2), dtype=np.int64)
    limits = Limits(none, none)
    for _ in range(LIMIT_TURNS):
        solution = solve(reduced.program(limits), time_limit=time_limit)
        beyond = reduced.met_limits(solution.x, -AT_LIMIT).without(limits)
        if beyond.count == 0:
            return Found.of(reduced, solution.x, limits, solution.row_dual)
        limits = limits.joined(beyond)
    raise NumericalError(f"after {LIMIT_TURNS} turns the dispatch still exceeds other limits")


def prove(
    structure: Structure,
    numbers: Numbers,
    reduced: Reduced,
    found: Found,
    price_rule: PriceRule,
    solver: str,
) -> Optimum:
    """The certified optimum that a solver's answer leads to; NumericalError where the certificate fails."""
    for slack in (AT_LIMIT, FINE):
        claim, face, prices = _recompute(structure, numbers, reduced, found, price_rule, slack)
        certificate = certify_numbers(structure, numbers, claim)
        if certificate.holds:
            break
    else:
        raise NumericalError(str(certificate))
    flow_dual, ramp_dual = _limit_duals(reduced, face.limits, prices.dual)
    return Optimum(
        claim=claim,
        certificate=certificate,
        energy=_energy(face, prices.bus * reduced.money),
        flow_dual=flow_dual * reduced.money,
        ramp_dual=ramp_dual * reduced.money,
        face=face,
        solver=solver,
    )


def _energy(face: DualFace, lmp: np.ndarray) -> np.ndarray:
    """(buses, periods) load-weighted mean price of each island, so that no slack bus matters (law 2)."""
    flow, weights = face.reduced.structure.grid.flow, face.weights
    value, weight = np.zeros((2, flow.islands, lmp.shape[1]))
    np.add.at(value, flow.island, np.where(weights > 0, weights * lmp, 0.0))
    np.add.at(weight, flow.island, weights)
    return (value / weight)[flow.island]


def _recompute(
    structure: Structure,
    numbers: Numbers,
    reduced: Reduced,
    found: Found,
    price_rule: PriceRule,
    slack: float,
) -> tuple[Claim, DualFace, Prices]:
    x, limits, dual = _settle_dispatch(reduced, found, slack)
    face = DualFace(reduced, x, limits, dual)
    prices = face.pick(price_rule)
    flow_dual, ramp_dual = _limit_duals(reduced, limits, prices.proof_dual)
    orders = reduced.orders
    claim = Claim(
        accepted=x[:orders] * reduced.quantity,
        link_mw=x[orders:].reshape(structure.links, structure.periods) * reduced.quantity,
        flow_mw=reduced.flows(x) * reduced.quantity,
        lmp=prices.proof_bus * reduced.money,
        flow_dual=flow_dual * reduced.money,
        ramp_dual=ramp_dual * reduced.money,
        unpriced=np.isnan(prices.bus),
    )
    return claim, face, prices


def _columns(model: CompiledModel, structure: Structure, solution: Solution) -> Found:
    """The solver's answer in the columns and rows of the reduced program."""
    periods, none = structure.periods, np.full(0, -1)
    x = solution.x[np.concatenate([model.variables["accepted"], model.variables["link"]])]
    dual = np.append(solution.row_dual, 0.0)  # position −1: a row that became a column's bound
    flow = dual[model.rows.get("flow_limit.low", none)].reshape(len(structure.limited), periods)
    ramp = np.zeros((len(structure.ramp_units), periods))
    started = np.ones(ramp.shape, dtype=bool)
    started[:, :1] &= structure.ramp_start[:, None]
    ramp[started] = dual[model.rows.get("ramp.low", none)]
    balance = dual[model.rows["balance"]].reshape(-1, periods)
    if len(balance) != structure.grid.flow.islands:  # one row per bus: the price at each reference bus
        balance = balance[structure.grid.flow.reference]
    return Found(x, balance, flow, ramp)


class Found:
    """A solver's dispatch (columns,) and duals (islands | limited | ramp units, periods).

    `only` tells that no other dispatch is as good, as its solver has shown; False where nobody looked.
    """

    def __init__(
        self, x: np.ndarray, balance: np.ndarray, flow: np.ndarray, ramp: np.ndarray, only: bool = False
    ):
        self.x, self.balance, self.flow, self.ramp, self.only = x, balance, flow, ramp, only

    @classmethod
    def of(cls, reduced: Reduced, x: np.ndarray, limits: Limits, dual: np.ndarray) -> Found:
        """From the duals of `reduced.program(limits)`; 0 at all other limits."""
        flow, ramp = np.zeros(reduced.flow_shape), np.zeros(reduced.ramp_low.shape)
        first = len(dual) - limits.count
        split = first + len(limits.flow)
        flow[tuple(limits.flow.T)], ramp[tuple(limits.ramp.T)] = dual[first:split], dual[split:]
        return cls(x, dual[:first].reshape(-1, reduced.structure.periods), flow, ramp)

    def dual(self, limits: Limits) -> np.ndarray:
        parts = [self.balance.ravel(), self.flow[tuple(limits.flow.T)], self.ramp[tuple(limits.ramp.T)]]
        return np.concatenate(parts)


def _settle_dispatch(reduced: Reduced, found: Found, slack: float) -> tuple[np.ndarray, Limits, np.ndarray]:
    """The canonical dispatch, the limits it meets, and duals that support it."""
    flow, ramp = reduced.meets(found.x, 1e3 * AT_LIMIT)
    flow |= np.abs(found.flow) > AT_LIMIT
    ramp |= np.abs(found.ramp) > AT_LIMIT
    limits = Limits(np.argwhere(flow), np.argwhere(ramp))
    program = reduced.program(limits)
    point = correct(program, found.x, found.dual(limits), slack)
    x = point.x if found.only else share_ties(reduced, limits, program, point)
    x = _onto_bounds(reduced, x)
    met = reduced.met_limits(x, AT_LIMIT)
    return x, met, Found.of(reduced, x, limits, point.dual).dual(met)


def _onto_bounds(reduced: Reduced, x: np.ndarray) -> np.ndarray:
    """The dispatch with what is a bound, or 0, but for rounding put onto it: 1e-16 MW are no trade."""
    room = ON_BOUND * np.minimum(reduced.offered, 1.0)
    x = np.where(np.abs(x) <= room, np.clip(0.0, reduced.low, reduced.high), x)
    x = np.where(x - reduced.low <= room, reduced.low, x)
    return np.where(reduced.high - x <= room, reduced.high, x)


def _limit_duals(reduced: Reduced, limits: Limits, dual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(branches, periods) and (ramp units, periods), positive at the high limit."""
    structure = reduced.structure
    flow = np.zeros((len(structure.grid.branches), structure.periods))
    ramp = np.zeros((len(structure.ramp_units), structure.periods))
    first = len(dual) - limits.count
    split = first + len(limits.flow)
    flow[structure.limited[limits.flow[:, 0]], limits.flow[:, 1]] = -dual[first:split]
    ramp[tuple(limits.ramp.T)] = -dual[split:]
    return flow + 0.0, ramp + 0.0  # no negative zeros in tables
