"""The nodal market: a DC optimal power flow with unique dispatch, prices by rule, and a proof."""

from __future__ import annotations

import numpy as np

from clearing.book import Book
from clearing.certificate import Certificate, Claim, certify
from clearing.compiled import CompiledModel, compile_model
from clearing.diagnosis import explain_infeasibility, refuse_unsupplied
from clearing.errors import ClearingError, InfeasibleError, InputError, NumericalError
from clearing.exact import AT_LIMIT, correct
from clearing.nodal_model import Form, build_nodal_model
from clearing.outcome import Outcome
from clearing.prices import DualFace, PriceRule, check_price_rule, demand_weights
from clearing.programs import Solution
from clearing.reduced import Limits, Reduced
from clearing.solvers import TIME_LIMIT, solve, solvers_for
from clearing.structure import Numbers, Structure
from clearing.ties import share_ties
from networks.checks import number
from networks.grid import Grid

MODELS_KEPT = 8  # compiled models a market remembers, one per structure of book


class NodalMarket:
    """Clears books on a grid at locational marginal prices.

    Parameters
    ----------
    grid : the network.
    price_rule : "canonical" (default), "low" or "high": which supporting prices are used where they
        are not unique (law 5).
    form : "angle" or "ptdf", the Pyomo formulation; both have the same solutions.
    time_limit : seconds for one solve.
    require_previous : refuse ramp limits without the output before the first period.

    Notes
    -----
    `clear` is a function of the book alone (law 3): every clearing is solved from scratch, and the
    result is recomputed from its active set.
    """

    def __init__(
        self,
        grid: Grid,
        price_rule: PriceRule = "canonical",
        form: Form = "angle",
        time_limit: float = TIME_LIMIT,
        require_previous: bool = False,
    ):
        check_price_rule(price_rule)
        if form not in ("angle", "ptdf"):
            raise InputError(f"form is {form!r}; use 'angle' or 'ptdf'")
        self.grid, self.price_rule, self.form = grid, price_rule, form
        self.time_limit, self.require_previous = (
            number("time_limit", time_limit, "seconds", above=0),
            require_previous,
        )
        self._models: dict[tuple[object, ...], CompiledModel] = {}

    def clear(self, book: Book) -> Outcome:
        """Clear one book.

        Raises
        ------
        InputError
            an order at an unknown bus, fixed demand cut off from every supply, or ramps without a
            previous output where it is required.
        InfeasibleError
            no dispatch serves the fixed demand; the message names the cut and the missing MW.
        TimeLimitError, NumericalError
            no solver proved an optimum whose certificate holds.
        """
        notes = self._check_ramps(book)
        structure = Structure.of(book, self.grid)
        numbers = Numbers.of(book, structure)
        refuse_unsupplied(structure, numbers)
        reduced = Reduced(structure, numbers)
        program = self.compiled(structure).at(**_data(numbers))
        scaled = program.scaled(reduced.quantity, reduced.money)
        failures = []
        for name in solvers_for(scaled):
            try:
                solution = solve(scaled, name, self.time_limit)
            except InfeasibleError as error:
                raise explain_infeasibility(book, structure, numbers) from error
            except NumericalError as error:
                failures.append(str(error))
                continue
            try:
                outcome = self._outcome(book, structure, reduced, solution, notes)
            except ClearingError as error:  # a step after the solve failed: no word about the book
                failures.append(f"{name}: {error}")
                continue
            if outcome.certificate.holds:
                return outcome
            failures.append(f"{name}: {outcome.certificate}")
        raise NumericalError("no solver's outcome could be certified: " + "; ".join(failures))

    def compiled(self, structure: Structure) -> CompiledModel:
        """The compiled model of a structure: built once, then re-used for books that differ in numbers."""
        key = structure.key
        if key not in self._models:
            if len(self._models) >= MODELS_KEPT:
                self._models.pop(next(iter(self._models)))
            self._models[key] = compile_model(build_nodal_model(structure, self.form))
        return self._models[key]

    def _check_ramps(self, book: Book) -> tuple[str, ...]:
        limited = np.isfinite(book.ramp_up_mw) | np.isfinite(book.ramp_down_mw)
        free = [book.ramp_units[k] for k in np.flatnonzero(limited & np.isnan(book.previous_mw))]
        if free and self.require_previous:
            raise InputError(
                f"table 'ramps', unit {free[0]!r}: column 'previous_mw' is missing; "
                "give the output before period 0"
            )
        if not free:
            return ()
        who = f"unit {free[0]!r}" if len(free) == 1 else f"{len(free)} units"
        return (f"{who} with ramp limits have no previous output: period 0 is free for them",)

    def _outcome(
        self, book: Book, structure: Structure, reduced: Reduced, solution: Solution, notes: tuple[str, ...]
    ) -> Outcome:
        x, limits, dual = _settle_dispatch(reduced, self._columns(structure, solution))
        face = DualFace(reduced, x, limits, dual)
        prices = face.pick(self.price_rule)
        flow_dual, ramp_dual = _limit_duals(reduced, limits, prices.dual)
        orders = reduced.orders
        links = x[orders:].reshape(structure.links, structure.periods) * reduced.quantity
        lmp = prices.bus * reduced.money
        claim = Claim(
            accepted=x[:orders] * reduced.quantity,
            link_mw=links,
            flow_mw=reduced.flows(x) * reduced.quantity,
            lmp=lmp,
            flow_dual=flow_dual * reduced.money,
            ramp_dual=ramp_dual * reduced.money,
        )
        certificate: Certificate = certify(book, self.grid, claim)
        return Outcome(
            book=book,
            grid=self.grid,
            accepted_mw=claim.accepted,
            link_mw=claim.link_mw,
            flow_mw=claim.flow_mw,
            lmp=lmp,
            energy=_energy(reduced, x, lmp),
            flow_dual=claim.flow_dual,
            ramp_dual=claim.ramp_dual,
            ramp_units=structure.ramp_units,
            price_rule=self.price_rule,
            unique_prices=prices.unique,
            certificate=certificate,
            solver=solution.solver,
            face=face,
            notes=notes,
        )

    def _columns(self, structure: Structure, solution: Solution) -> _Found:
        """The solver's answer in the columns and rows of the reduced program."""
        model, periods = self.compiled(structure), structure.periods
        none = np.full(0, -1)
        columns = [model.variables.get(name, none) for name in ("accepted", "link")]
        x = solution.x[np.concatenate(columns)]
        dual = np.append(solution.row_dual, 0.0)  # position −1: a row that became a column's bound
        flow = dual[model.rows.get("flow_limit", none)[::2]].reshape(len(structure.limited), periods)
        ramp = np.zeros((len(structure.ramp_units), periods))
        started = np.ones(ramp.shape, dtype=bool)
        started[:, :1] &= structure.ramp_start[:, None]
        ramp[started] = dual[model.rows.get("ramp", none)[::2]]
        balance = dual[model.rows["balance"]].reshape(-1, periods)
        if self.form == "angle":
            balance = balance[self.grid.flow.reference]
        return _Found(x, balance, flow, ramp)


class _Found:
    """A solver's dispatch (columns,) and duals (islands | limited | ramp units, periods)."""

    def __init__(self, x: np.ndarray, balance: np.ndarray, flow: np.ndarray, ramp: np.ndarray):
        self.x, self.balance, self.flow, self.ramp = x, balance, flow, ramp

    def dual(self, limits: Limits) -> np.ndarray:
        parts = [self.balance.ravel(), self.flow[tuple(limits.flow.T)], self.ramp[tuple(limits.ramp.T)]]
        return np.concatenate(parts)


def _settle_dispatch(reduced: Reduced, found: _Found) -> tuple[np.ndarray, Limits, np.ndarray]:
    """The canonical dispatch, the limits it meets, and duals that support it."""
    near = reduced.met_limits(found.x, 1e3 * AT_LIMIT)
    flow = np.unique(np.vstack([near.flow, np.argwhere(np.abs(found.flow) > AT_LIMIT)]), axis=0)
    ramp = np.unique(np.vstack([near.ramp, np.argwhere(np.abs(found.ramp) > AT_LIMIT)]), axis=0)
    limits = Limits(flow, ramp)
    program = reduced.program(limits)
    point = correct(program, found.x, found.dual(limits))
    supports = _Duals(limits, point.dual)
    x = share_ties(reduced, limits, program, point)
    met = reduced.met_limits(x, AT_LIMIT)
    return x, met, supports.at(met, len(point.dual) - limits.count)


class _Duals:
    """Duals by limit, so that they can be laid onto another choice of rows (0 where there was none)."""

    def __init__(self, limits: Limits, dual: np.ndarray):
        first = len(dual) - limits.count
        self.balance = dual[:first]
        split = first + len(limits.flow)
        self.flow = dict(zip(map(tuple, limits.flow.tolist()), dual[first:split].tolist(), strict=True))
        self.ramp = dict(zip(map(tuple, limits.ramp.tolist()), dual[split:].tolist(), strict=True))

    def at(self, limits: Limits, balances: int) -> np.ndarray:
        flow = [self.flow.get(tuple(key), 0.0) for key in limits.flow.tolist()]
        ramp = [self.ramp.get(tuple(key), 0.0) for key in limits.ramp.tolist()]
        return np.concatenate([self.balance[:balances], flow, ramp])


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


def _energy(reduced: Reduced, x: np.ndarray, lmp: np.ndarray) -> np.ndarray:
    """(buses, periods) load-weighted mean price of each island, so that no slack bus matters (law 2)."""
    flow, weights = reduced.structure.grid.flow, demand_weights(reduced, x)
    value, weight = np.zeros((2, flow.islands, reduced.structure.periods))
    np.add.at(value, flow.island, np.where(weights > 0, weights * lmp, 0.0))
    np.add.at(weight, flow.island, weights)
    return (value / weight)[flow.island]


def _data(numbers: Numbers) -> dict[str, np.ndarray]:
    return {name: getattr(numbers, name) for name in Numbers.__dataclass_fields__}
