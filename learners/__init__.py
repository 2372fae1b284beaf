"""What participants do: actions, strategies, the game around a market, equilibria and measures.

Names load when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learners.actions import ActionSet as ActionSet
    from learners.actions import Bids as Bids
    from learners.actions import Combined as Combined
    from learners.actions import DayPlans as DayPlans
    from learners.actions import Interruptions as Interruptions
    from learners.actions import Markups as Markups
    from learners.actions import OfferPrices as OfferPrices
    from learners.actions import Withholding as Withholding
    from learners.bertrand import CapacityBertrand as CapacityBertrand
    from learners.bertrand import LogitBertrand as LogitBertrand
    from learners.bertrand import TwoBusBertrand as TwoBusBertrand
    from learners.bertrand import price_grid as price_grid
    from learners.best_response import BestResponse as BestResponse
    from learners.best_response import EquilibriumCertificate as EquilibriumCertificate
    from learners.best_response import certify_equilibrium as certify_equilibrium
    from learners.best_response import find_best_response as find_best_response
    from learners.demand_states import DemandStates as DemandStates
    from learners.deviations import Repeated as Repeated
    from learners.deviations import best_response_loss as best_response_loss
    from learners.deviations import force_deviation as force_deviation
    from learners.environments import parallel_env as parallel_env
    from learners.environments import single_agent_env as single_agent_env
    from learners.equilibria import PureEquilibrium as PureEquilibrium
    from learners.equilibria import best_response_path as best_response_path
    from learners.equilibria import competitive_profile as competitive_profile
    from learners.equilibria import edgeworth_cycle as edgeworth_cycle
    from learners.equilibria import joint_optimum as joint_optimum
    from learners.equilibria import pure_equilibria as pure_equilibria
    from learners.equilibria import regrets as regrets
    from learners.game import PayoffSource as PayoffSource
    from learners.game import PayoffTensor as PayoffTensor
    from learners.game import SignallingSource as SignallingSource
    from learners.game import profiles_of as profiles_of
    from learners.game import tabulate as tabulate
    from learners.indices import Benchmarks as Benchmarks
    from learners.indices import bootstrap_interval as bootstrap_interval
    from learners.indices import collusion_index as collusion_index
    from learners.indices import margins as margins
    from learners.indices import mean_interval as mean_interval
    from learners.indices import surplus_transfer as surplus_transfer
    from learners.indices import welch_interval as welch_interval
    from learners.market_game import Game as Game
    from learners.mixed import MixedEquilibrium as MixedEquilibrium
    from learners.mixed import mixed_equilibria as mixed_equilibria
    from learners.payoffs import Disco as Disco
    from learners.payoffs import Genco as Genco
    from learners.payoffs import Prosumer as Prosumer
    from learners.sequential_pricing import SequentialPricing as SequentialPricing

_HOMES = {
    "ActionSet": "actions",
    "Benchmarks": "indices",
    "BestResponse": "best_response",
    "Bids": "actions",
    "CapacityBertrand": "bertrand",
    "Combined": "actions",
    "DayPlans": "actions",
    "DemandStates": "demand_states",
    "Disco": "payoffs",
    "EquilibriumCertificate": "best_response",
    "Game": "market_game",
    "Genco": "payoffs",
    "Interruptions": "actions",
    "LogitBertrand": "bertrand",
    "Markups": "actions",
    "MixedEquilibrium": "mixed",
    "OfferPrices": "actions",
    "PayoffSource": "game",
    "PayoffTensor": "game",
    "Prosumer": "payoffs",
    "PureEquilibrium": "equilibria",
    "Repeated": "deviations",
    "SequentialPricing": "sequential_pricing",
    "SignallingSource": "game",
    "TwoBusBertrand": "bertrand",
    "Withholding": "actions",
    "best_response_loss": "deviations",
    "best_response_path": "equilibria",
    "bootstrap_interval": "indices",
    "certify_equilibrium": "best_response",
    "collusion_index": "indices",
    "competitive_profile": "equilibria",
    "edgeworth_cycle": "equilibria",
    "find_best_response": "best_response",
    "force_deviation": "deviations",
    "joint_optimum": "equilibria",
    "margins": "indices",
    "mean_interval": "indices",
    "mixed_equilibria": "mixed",
    "parallel_env": "environments",
    "price_grid": "bertrand",
    "profiles_of": "game",
    "pure_equilibria": "equilibria",
    "regrets": "equilibria",
    "single_agent_env": "environments",
    "surplus_transfer": "indices",
    "tabulate": "game",
    "welch_interval": "indices",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'learners' has no attribute {name!r}")
    return getattr(import_module(f"learners.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
