"""What participants do: actions, strategies, the game around a market, equilibria and measures.

Names load when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learners.environments import parallel_env as parallel_env
    from learners.environments import single_agent_env as single_agent_env
    from learners.equilibria.best_response import BestResponse as BestResponse
    from learners.equilibria.best_response import EquilibriumCertificate as EquilibriumCertificate
    from learners.equilibria.best_response import certify_equilibrium as certify_equilibrium
    from learners.equilibria.best_response import find_best_response as find_best_response
    from learners.equilibria.deviations import Repeated as Repeated
    from learners.equilibria.deviations import best_response_loss as best_response_loss
    from learners.equilibria.deviations import force_deviation as force_deviation
    from learners.equilibria.indices import Benchmarks as Benchmarks
    from learners.equilibria.indices import bootstrap_interval as bootstrap_interval
    from learners.equilibria.indices import collusion_index as collusion_index
    from learners.equilibria.indices import margins as margins
    from learners.equilibria.indices import mean_interval as mean_interval
    from learners.equilibria.indices import surplus_transfer as surplus_transfer
    from learners.equilibria.indices import welch_interval as welch_interval
    from learners.equilibria.mixed import MixedEquilibrium as MixedEquilibrium
    from learners.equilibria.mixed import mixed_equilibria as mixed_equilibria
    from learners.equilibria.pure import PureEquilibrium as PureEquilibrium
    from learners.equilibria.pure import best_response_path as best_response_path
    from learners.equilibria.pure import competitive_profile as competitive_profile
    from learners.equilibria.pure import edgeworth_cycle as edgeworth_cycle
    from learners.equilibria.pure import joint_optimum as joint_optimum
    from learners.equilibria.pure import pure_equilibria as pure_equilibria
    from learners.equilibria.pure import regrets as regrets
    from learners.games.actions import ActionSet as ActionSet
    from learners.games.actions import Bids as Bids
    from learners.games.actions import Combined as Combined
    from learners.games.actions import DayPlans as DayPlans
    from learners.games.actions import Interruptions as Interruptions
    from learners.games.actions import Markups as Markups
    from learners.games.actions import OfferPrices as OfferPrices
    from learners.games.actions import Withholding as Withholding
    from learners.games.bertrand import CapacityBertrand as CapacityBertrand
    from learners.games.bertrand import LogitBertrand as LogitBertrand
    from learners.games.bertrand import TwoBusBertrand as TwoBusBertrand
    from learners.games.bertrand import price_grid as price_grid
    from learners.games.demand_states import DemandStates as DemandStates
    from learners.games.game import PayoffSource as PayoffSource
    from learners.games.game import PayoffTensor as PayoffTensor
    from learners.games.game import SignallingSource as SignallingSource
    from learners.games.game import profiles_of as profiles_of
    from learners.games.game import tabulate as tabulate
    from learners.games.market_game import Game as Game
    from learners.games.payoffs import Disco as Disco
    from learners.games.payoffs import Genco as Genco
    from learners.games.payoffs import Prosumer as Prosumer
    from learners.games.sequential_pricing import SequentialPricing as SequentialPricing

_HOMES = {
    "ActionSet": "games.actions",
    "Benchmarks": "equilibria.indices",
    "BestResponse": "equilibria.best_response",
    "Bids": "games.actions",
    "CapacityBertrand": "games.bertrand",
    "Combined": "games.actions",
    "DayPlans": "games.actions",
    "DemandStates": "games.demand_states",
    "Disco": "games.payoffs",
    "EquilibriumCertificate": "equilibria.best_response",
    "Game": "games.market_game",
    "Genco": "games.payoffs",
    "Interruptions": "games.actions",
    "LogitBertrand": "games.bertrand",
    "Markups": "games.actions",
    "MixedEquilibrium": "equilibria.mixed",
    "OfferPrices": "games.actions",
    "PayoffSource": "games.game",
    "PayoffTensor": "games.game",
    "Prosumer": "games.payoffs",
    "PureEquilibrium": "equilibria.pure",
    "Repeated": "equilibria.deviations",
    "SequentialPricing": "games.sequential_pricing",
    "SignallingSource": "games.game",
    "TwoBusBertrand": "games.bertrand",
    "Withholding": "games.actions",
    "best_response_loss": "equilibria.deviations",
    "best_response_path": "equilibria.pure",
    "bootstrap_interval": "equilibria.indices",
    "certify_equilibrium": "equilibria.best_response",
    "collusion_index": "equilibria.indices",
    "competitive_profile": "equilibria.pure",
    "edgeworth_cycle": "equilibria.pure",
    "find_best_response": "equilibria.best_response",
    "force_deviation": "equilibria.deviations",
    "joint_optimum": "equilibria.pure",
    "margins": "equilibria.indices",
    "mean_interval": "equilibria.indices",
    "mixed_equilibria": "equilibria.mixed",
    "parallel_env": "environments",
    "price_grid": "games.bertrand",
    "profiles_of": "games.game",
    "pure_equilibria": "equilibria.pure",
    "regrets": "equilibria.pure",
    "single_agent_env": "environments",
    "surplus_transfer": "equilibria.indices",
    "tabulate": "games.game",
    "welch_interval": "equilibria.indices",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'learners' has no attribute {name!r}")
    return getattr(import_module(f"learners.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
