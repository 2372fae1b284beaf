"""Four models of how owners of private lines behave on a public grid, each clearing one instance.

    AdHocTrading            neighbours trade nearest first, the rest goes through the public grid
    SelfInterestedTrading   each coalition (component of private lines) trades at least bill
    CooperativeTrading      coalitions and grid minimise total supply, public flows obey physics
    IntegratedTrading       the same with public flows free

On every instance integrated ≤ cooperative ≤ self-interested and ≤ ad hoc in losses. The three solved
models are Pyomo formulations (:mod:`clearing.trading.models`), compiled once per set of lines and solved
as second-order cone programs; what the solver returns is made exact (losses are r·f² of the flows, public
flows are the DC flow of the injections) and certified. Mathematics: docs/mathematics-coalition.md.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from clearing.solvers import TIME_LIMIT
from clearing.trading.adhoc import trade_with_neighbours
from clearing.trading.instance import TradingInstance
from clearing.trading.outcome import TradingModel, TradingOutcome
from clearing.trading.physics import private_withdrawal, solve_public_flow
from clearing.trading.solving import SolvedTrading, build_outcome
from networks.checks import number
from networks.errors import InputError
from networks.private_lines import PrivateNetwork

SPREAD = 0.1  # of nodal tariffs above the flat one: our reading of "power of varying cost"

Tariff = Literal["flat", "nodal"]


class AdHocTrading:
    """Agents trade with direct neighbours over private lines, the shortest line first."""

    def clear(
        self, instance: TradingInstance, verify: bool = False, time_limit: float = TIME_LIMIT
    ) -> TradingOutcome:
        """The outcome of the procedure of :func:`clearing.trading.adhoc.trade_with_neighbours`.

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
        moved = np.abs(injection) > 1e-12 * instance.unit_mw
        margin = np.where(injection < 0, instance.buy_price, instance.sell_price)
        price = np.where(moved & instance.agent, margin, np.nan)
        bill = float(
            (instance.buy_price * np.maximum(-injection, 0.0)).sum()
            - instance.sell_price * np.maximum(injection, 0.0).sum()
        )
        return build_outcome(
            instance, "ad_hoc", "flat", flow, injection, public, price, instance.buy_price, bill
        )


class SelfInterestedTrading(SolvedTrading):
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


class CooperativeTrading(SolvedTrading):
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
