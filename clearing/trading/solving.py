"""What the solved trading models share: compile once per set of lines, solve, make exact, certify."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearing.arrays.conic import ConicProgram, ConicSolution
from clearing.arrays.conic_compiled import CompiledConicModel, compile_conic_model
from clearing.arrays.kept import KeptModels
from clearing.certificate import Certificate
from clearing.errors import InfeasibleError, NumericalError
from clearing.solvers import solve, solve_conic
from clearing.trading.diagnosis import describe_loose_cone, describe_overload
from clearing.trading.instance import TradingInstance
from clearing.trading.models import BUILDERS
from clearing.trading.outcome import TradingModel, TradingOutcome, tolerances_of
from clearing.trading.physics import (
    PublicFlow,
    balance_residual,
    price_nodes,
    private_withdrawal,
    public_residuals,
    settle_free_flow,
    solve_public_flow,
)
from clearing.trading.polish import polish_coalitions, polish_grid

LOOSE = 1e-6  # per unit, over 1 + total loss: a cone with more l − r·f² than this is loose
KEPT = 4  # compiled models that a market keeps, for as many sets of lines


class SolvedTrading:
    """A trading model that is a program; what differs between models is which one, and the tariff."""

    model: TradingModel

    def __init__(self) -> None:
        self._compiled: KeptModels[CompiledConicModel] = KeptModels(KEPT)

    def compiled(self, instance: TradingInstance) -> CompiledConicModel:
        """The compiled model for the instance's lines, made when these lines are new."""
        structure = instance.structure
        build = BUILDERS[self.model]
        return self._compiled.get(structure.key, lambda: compile_conic_model(build(structure)))

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

    def _exact_flows(
        self,
        instance: TradingInstance,
        buy_price: np.ndarray,
        compiled: CompiledConicModel,
        solution: ConicSolution,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Private and free public flows [MW] and prices: the solver's, exact where Newton's method can."""
        structure, numbers = instance.structure, instance.numbers(buy_price)
        price, unit = solution.row_dual[compiled.rows["balance"]], instance.unit_mw
        private = solution.x[compiled.variables["private_flow"]]
        public = np.zeros(len(instance.grid.branches))
        if self.model == "self_interested":
            exact = polish_coalitions(structure, numbers, price)
            private, price = (private, price) if exact is None else exact
            return unit * private, public, instance.supply_price * price
        flow = solution.x[compiled.variables["flow"]]
        both = polish_grid(structure, numbers, price, flow, self.model == "cooperative")
        if both is not None:
            private, flow = both
        public[instance.in_service] = unit * flow
        return unit * private, public, instance.supply_price * price

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
        unit, money = instance.unit_mw, instance.supply_price * instance.unit_mw
        private, start, price = self._exact_flows(instance, buy_price, compiled, solution)
        out, _ = private_withdrawal(instance, private)
        injection = instance.net_mw - out
        if self.model == "integrated":
            public = settle_free_flow(instance, injection, start)
        else:
            public = solve_public_flow(instance, injection)
        if self.model == "self_interested":
            bill = buy_price * np.maximum(-injection, 0.0) - instance.sell_price * np.maximum(injection, 0.0)
            objective = float(bill.sum())
            price = np.where(instance.agent, np.clip(price, instance.sell_price, buy_price), np.nan)
        else:
            objective = instance.supply_price * public.supply_mw
            price = price_nodes(instance, public.flow_mw)
        bound, _ = program.lagrangian_bound(solution.x, solution.row_dual)
        cost = objective / money
        gap = program.excess(solution.x)
        residuals = {
            "tightness": float(gap.max(initial=0.0))
            / (1.0 + instance_losses(public, private, instance) / unit),
            "optimality": abs(cost - bound) / (1.0 + abs(cost)),
        }
        cuts = np.nan
        if verify:
            tangents = program.tangent_program(program.tangents_near(solution.x))
            cuts = tangents.objective(solve(tangents, time_limit=time_limit).x)
            residuals["cuts"] = abs(cost - cuts) / (1.0 + abs(cost))
        found = build_outcome(
            instance, self.model, tariff, private, injection, public, price, buy_price, objective,
            residuals, verify,
        )  # fmt: skip
        public_gap, private_gap = np.zeros(len(instance.grid.branches)), np.zeros(len(private))
        if "public_loss_covered" in compiled.cones:
            lossy = instance.in_service[instance.structure.lossy]
            public_gap[lossy] = unit * gap[compiled.cones["public_loss_covered"]]
        private_gap[:] = unit * gap[compiled.cones["private_loss_covered"]]
        return replace(
            found,
            public_gap_mw=public_gap,
            private_gap_mw=private_gap,
            bound=bound * money,
            cut_bound=cuts * money,
        )


def instance_losses(public: PublicFlow, private_mw: np.ndarray, instance: TradingInstance) -> float:
    """Losses of all lines [MW]."""
    return float(public.loss_mw.sum() + private_withdrawal(instance, private_mw)[1].sum())


def build_outcome(
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
    verify: bool = False,
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
    certificate = Certificate(checks | (residuals or {}), tolerances_of(model, verify))
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
        public_gap_mw=np.zeros(len(instance.grid.branches)),
        private_gap_mw=np.zeros(len(private_mw)),
        objective=objective,
        certificate=certificate.required(f"{model} trading"),
    )
