"""Four models of how owners of private lines behave on a public grid, each clearing one instance.

    AdHocTrading            neighbours trade nearest first, the rest goes through the public grid
    SelfInterestedTrading   each coalition (component of private lines) trades at least bill
    CooperativeTrading      coalitions and grid minimise total supply, public flows obey physics
    IntegratedTrading       the same with public flows free

On every instance integrated ≤ cooperative ≤ self-interested and ≤ ad hoc in losses. The three solved
models are Pyomo formulations (:mod:`clearing.trading_models`), compiled once per set of lines and solved
as second-order cone programs; what the solver returns is made exact (losses are r·f² of the flows, public
flows are the DC flow of the injections) and certified. Mathematics: docs/mathematics-coalition.md.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Literal, Protocol

import numpy as np

from clearing.conic import ConicProgram, ConicSolution
from clearing.conic_compiled import CompiledConicModel, compile_conic_model
from clearing.errors import InfeasibleError, NumericalError
from clearing.solvers import TIME_LIMIT, solve, solve_conic
from clearing.trading_adhoc import trade_with_neighbours
from clearing.trading_diagnosis import describe_loose_cone, describe_overload
from clearing.trading_instance import TradingInstance
from clearing.trading_models import BUILDERS
from clearing.trading_outcome import TradingCertificate, TradingModel, TradingOutcome
from clearing.trading_physics import (
    PublicFlow,
    balance_residual,
    price_nodes,
    private_withdrawal,
    public_residuals,
    settle_free_flow,
    solve_public_flow,
)
from networks.checks import number
from networks.errors import InputError
from networks.private_lines import PrivateNetwork

LOOSE = 1e-6  # per unit, over 1 + total loss: a cone with more l − r·f² than this is loose
KEPT = 4  # compiled models that a market keeps, for as many sets of lines
SPREAD = 0.1  # of nodal tariffs above the flat one: our reading of "power of varying cost"

Tariff = Literal["flat", "nodal"]


class Trading(Protocol):
    """Anything that clears trading instances: pure, deterministic, certified (laws 3 and 6)."""

    def clear(
        self, instance: TradingInstance, verify: bool = False, time_limit: float = TIME_LIMIT
    ) -> TradingOutcome: ...


class AdHocTrading:
    """Agents trade with direct neighbours over private lines, the shortest line first."""

    def clear(
        self, instance: TradingInstance, verify: bool = False, time_limit: float = TIME_LIMIT
    ) -> TradingOutcome:
        """The outcome of the procedure of :func:`clearing.trading_adhoc.trade_with_neighbours`.

        It optimises nothing, so `verify` and `time_limit` have no effect.

        Raises
        ------
        InfeasibleError
            naming the public line that no physical flow can use.
        """
        flow = trade_with_neighbours(instance)
        out, _ = private_withdrawal(instance, flow)
        injection = instance.net_mw - out
        public = solve_public_flow(instance, injection)
        moved = np.abs(injection) > 1e-12 * instance.grid.base_mva
        margin = np.where(injection < 0, instance.buy_price, instance.sell_price)
        price = np.where(moved & instance.agent, margin, np.nan)
        bill = float(
            (instance.buy_price * np.maximum(-injection, 0.0)).sum()
            - instance.sell_price * np.maximum(injection, 0.0).sum()
        )
        return _outcome(instance, "ad_hoc", "flat", flow, injection, public, price, instance.buy_price, bill)


class _SolvedTrading:
    """What the three solved models share: compile once per set of lines, solve, make exact, certify."""

    model: TradingModel

    def __init__(self) -> None:
        self._compiled: OrderedDict[tuple[object, ...], CompiledConicModel] = OrderedDict()

    def compiled(self, instance: TradingInstance) -> CompiledConicModel:
        """The compiled model for the instance's lines, made when these lines are new."""
        structure = instance.structure
        if structure.key not in self._compiled:
            self._compiled[structure.key] = compile_conic_model(BUILDERS[self.model](structure))
            while len(self._compiled) > KEPT:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end(structure.key)
        return self._compiled[structure.key]

    def _solve(
        self, instance: TradingInstance, buy_price: np.ndarray, time_limit: float
    ) -> tuple[CompiledConicModel, ConicProgram, ConicSolution]:
        compiled = self.compiled(instance)
        program = compiled.at(**instance.numbers(buy_price))
        try:
            solution = solve_conic(program, time_limit)
        except InfeasibleError as error:
            raise InfeasibleError(describe_overload(instance, compiled, program)) from error
        gap = program.excess(solution.x)
        losses = float(program.weight @ solution.x[program.inner] ** 2)
        if float(gap.max(initial=0.0)) > LOOSE * (1.0 + losses):
            raise NumericalError(describe_loose_cone(instance, compiled, program, solution))
        return compiled, program, solution

    def _finish(
        self,
        instance: TradingInstance,
        tariff: str,
        buy_price: np.ndarray,
        solved: tuple[CompiledConicModel, ConicProgram, ConicSolution],
        verify: bool,
        time_limit: float,
    ) -> TradingOutcome:
        compiled, program, solution = solved
        base, money = instance.grid.base_mva, instance.supply_price * instance.grid.base_mva
        private = base * solution.x[compiled.variables["private_flow"]]
        out, _ = private_withdrawal(instance, private)
        injection = instance.net_mw - out
        if self.model == "integrated":
            start = np.zeros(len(instance.grid.branches))
            start[instance.in_service] = base * solution.x[compiled.variables["flow"]]
            public = settle_free_flow(instance, injection, start)
        else:
            public = solve_public_flow(instance, injection)
        if self.model == "self_interested":
            bill = buy_price * np.maximum(-injection, 0.0) - instance.sell_price * np.maximum(injection, 0.0)
            objective = float(bill.sum())
            dual = instance.supply_price * solution.row_dual[compiled.rows["balance"]]
            price = np.where(instance.agent, np.clip(dual, instance.sell_price, buy_price), np.nan)
        else:
            objective = instance.supply_price * public.supply_mw
            price = price_nodes(instance, public.flow_mw)
        bound, _ = program.lagrangian_bound(solution.x, solution.row_dual)
        cost = objective / money
        gap = program.excess(solution.x)
        residuals = {
            "tightness": float(gap.max(initial=0.0))
            / (1.0 + instance_losses(public, private, instance) / base),
            "optimality": abs(cost - bound) / (1.0 + abs(cost)),
        }
        cuts = np.nan
        if verify:
            tangents = program.tangent_program(program.tangents_near(solution.x))
            cuts = tangents.objective(solve(tangents, time_limit=time_limit).x)
            residuals["cuts"] = abs(cost - cuts) / (1.0 + abs(cost))
        gaps = {"public": np.zeros(len(instance.grid.branches)), "private": np.zeros(len(private))}
        for kind, cones in compiled.cones.items():
            if kind == "public_loss_covered":
                lossy = instance.in_service[instance.structure.lossy]
                gaps["public"][lossy] = base * gap[cones]
            elif kind == "private_loss_covered":
                gaps["private"][:] = base * gap[cones]
        return _outcome(
            instance,
            self.model,
            tariff,
            private,
            injection,
            public,
            price,
            buy_price,
            objective,
            residuals,
            (gaps["public"], gaps["private"]),
            (bound * money, cuts * money),
        )


class SelfInterestedTrading(_SolvedTrading):
    """Each coalition of agents that private lines connect trades at least bill; the grid carries the rest.

    Parameters
    ----------
    tariff : "flat" (the instance's buy prices) or "nodal" (:func:`nodal_tariff`: dearer where serving a
        bus costs more losses, known before trading).
    spread : of the nodal tariff, relative to the flat one.
    """

    model: TradingModel = "self_interested"

    def __init__(self, tariff: Tariff = "flat", spread: float = SPREAD):
        super().__init__()
        if tariff not in ("flat", "nodal"):
            raise InputError(f"tariff is {tariff!r}; use 'flat' or 'nodal'")
        self.tariff = tariff
        self.spread = number("spread", spread, "shares of the flat tariff", minimum=0.0)
        self._cooperative = CooperativeTrading()

    def clear(
        self, instance: TradingInstance, verify: bool = False, time_limit: float = TIME_LIMIT
    ) -> TradingOutcome:
        """The outcome; prices are the coalitions' own marginal values, between sell and buy tariff.

        Parameters
        ----------
        verify : also bound the bill from below by a linear program of tangent cuts (HiGHS), to 1e-6.

        Raises
        ------
        InfeasibleError, NumericalError, TimeLimitError
            a line that cannot carry its flow, a loose cone, or physics without solution is named.
        """
        buy_price = instance.buy_price
        if self.tariff == "nodal":
            buy_price = nodal_tariff(instance, self.spread, self._cooperative)
        solved = self._solve(instance, buy_price, time_limit)
        return self._finish(instance, self.tariff, buy_price, solved, verify, time_limit)


class CooperativeTrading(_SolvedTrading):
    """Agents and grid minimise the main grid's supply; public flows obey physics."""

    model: TradingModel = "cooperative"

    def clear(
        self, instance: TradingInstance, verify: bool = False, time_limit: float = TIME_LIMIT
    ) -> TradingOutcome:
        """The outcome; see :meth:`SelfInterestedTrading.clear` for `verify` and errors."""
        solved = self._solve(instance, instance.buy_price, time_limit)
        return self._finish(instance, "", instance.buy_price, solved, verify, time_limit)


class IntegratedTrading(CooperativeTrading):
    """The cooperative model with public flows free of physics: the least losses of all."""

    model: TradingModel = "integrated"


def nodal_tariff(
    instance: TradingInstance, spread: float = SPREAD, cooperative: CooperativeTrading | None = None
) -> np.ndarray:
    """(buses,) buy prices that follow the cost of serving each agent before any private trade [$/MWh].

    buy_price_i·(1 + spread·(λ_i − min λ)/(max λ − min λ)), λ the nodal prices of agents without private
    lines. Agents take them as given. Our reading of the poster's "power of varying cost".
    """
    market = cooperative if cooperative is not None else CooperativeTrading()
    bare = instance.with_private(PrivateNetwork.none(instance.agents))
    price = market.clear(bare).price
    who = instance.agent
    low, high = (float(price[who].min()), float(price[who].max())) if who.any() else (0.0, 0.0)
    if high - low <= 1e-9 * instance.supply_price:
        return instance.buy_price
    steps = np.where(who, (price - low) / (high - low), 0.0)
    return instance.buy_price * (1.0 + spread * steps)


def instance_losses(public: PublicFlow, private_mw: np.ndarray, instance: TradingInstance) -> float:
    """Losses of all lines [MW]."""
    return float(public.loss_mw.sum() + private_withdrawal(instance, private_mw)[1].sum())


def _outcome(
    instance: TradingInstance,
    model: TradingModel,
    tariff: str,
    private_mw: np.ndarray,
    injection: np.ndarray,
    public: PublicFlow,
    price: np.ndarray,
    buy_price: np.ndarray,
    objective: float,
    residuals: dict[str, float] | None = None,
    gaps: tuple[np.ndarray, np.ndarray] | None = None,
    bounds: tuple[float, float] = (np.nan, np.nan),
) -> TradingOutcome:
    """The outcome with its certificate; raises where the certificate does not hold (law 6)."""
    private_loss = private_withdrawal(instance, private_mw)[1]
    size = 1.0 + max(
        float(np.abs(public.flow_mw).max(initial=0.0)), float(np.abs(private_mw).max(initial=0.0))
    )
    total = public.loss_mw.sum() + private_loss.sum()
    checks = {
        "balance": float(np.abs(balance_residual(instance, injection, public)).max()) / size,
        "identity": abs(public.supply_mw - float(total - instance.net_mw.sum())) / size,
    }
    if model != "integrated":
        checks["physics"] = public_residuals(instance, public.flow_mw)
    certificate = TradingCertificate(checks | (residuals or {}), *bounds)
    if not certificate.holds:
        raise NumericalError(f"{model} trading: {certificate}")
    none = np.zeros(len(instance.grid.branches)), np.zeros(len(private_mw))
    public_gap, private_gap = gaps if gaps is not None else none
    return TradingOutcome(
        instance=instance,
        model=model,
        tariff=tariff,
        public_flow_mw=public.flow_mw,
        public_loss_mw=public.loss_mw,
        private_flow_mw=private_mw,
        private_loss_mw=private_loss,
        injection_mw=injection,
        main_grid_mw=public.supply_mw,
        price=price,
        buy_price=np.array(buy_price),
        public_gap_mw=public_gap,
        private_gap_mw=private_gap,
        objective=objective,
        certificate=certificate,
    )
