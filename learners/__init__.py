"""What participants do: actions, strategies, the game around a market, equilibria and measures.

Names load when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from learners.environments import parallel_env as parallel_env
    from learners.environments import single_agent_env as single_agent_env
    from learners.equilibria.best_response import EquilibriumCertificate as EquilibriumCertificate
    from learners.equilibria.best_response import ExactBestResponse as ExactBestResponse
    from learners.equilibria.best_response import ExactResponsePath as ExactResponsePath
    from learners.equilibria.best_response import certify_equilibrium as certify_equilibrium
    from learners.equilibria.best_response import exact_response_path as exact_response_path
    from learners.equilibria.best_response import find_best_response as find_best_response
    from learners.equilibria.deviations import BestResponseLoss as BestResponseLoss
    from learners.equilibria.deviations import DeviationTest as DeviationTest
    from learners.equilibria.deviations import Repeated as Repeated
    from learners.equilibria.deviations import best_response_loss as best_response_loss
    from learners.equilibria.deviations import force_deviation as force_deviation
    from learners.equilibria.deviations import tabulate_policy as tabulate_policy
    from learners.equilibria.indices import Benchmarks as Benchmarks
    from learners.equilibria.indices import Interval as Interval
    from learners.equilibria.indices import bootstrap_interval as bootstrap_interval
    from learners.equilibria.indices import collusion_index as collusion_index
    from learners.equilibria.indices import margins as margins
    from learners.equilibria.indices import mean_interval as mean_interval
    from learners.equilibria.indices import surplus_transfer as surplus_transfer
    from learners.equilibria.indices import welch_interval as welch_interval
    from learners.equilibria.indices import withholding as withholding
    from learners.equilibria.mixed import MixedEquilibrium as MixedEquilibrium
    from learners.equilibria.mixed import mixed_equilibria as mixed_equilibria
    from learners.equilibria.pure import BestResponsePath as BestResponsePath
    from learners.equilibria.pure import EdgeworthCycle as EdgeworthCycle
    from learners.equilibria.pure import JointOptimum as JointOptimum
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
    from learners.games.actions import OfferQuantities as OfferQuantities
    from learners.games.actions import Withholding as Withholding
    from learners.games.bertrand import CapacityBertrand as CapacityBertrand
    from learners.games.bertrand import LogitBertrand as LogitBertrand
    from learners.games.bertrand import TwoBusBertrand as TwoBusBertrand
    from learners.games.bertrand import price_grid as price_grid
    from learners.games.demand_states import DemandStates as DemandStates
    from learners.games.game import PayoffTensor as PayoffTensor
    from learners.games.game import profiles_of as profiles_of
    from learners.games.game import tabulate as tabulate
    from learners.games.level_games import LevelGames as LevelGames
    from learners.games.market_game import Game as Game
    from learners.games.microgrid_elecbay import ElecBayGame as ElecBayGame
    from learners.games.microgrid_elecbay import Shading as Shading
    from learners.games.microgrid_pairs import BilateralGame as BilateralGame
    from learners.games.microgrid_pairs import PostedGame as PostedGame
    from learners.games.microgrid_pairs import Trader as Trader
    from learners.games.microgrid_stage import SealedStage as SealedStage
    from learners.games.payoffs import Disco as Disco
    from learners.games.payoffs import Genco as Genco
    from learners.games.payoffs import Prosumer as Prosumer
    from learners.games.sequential_pricing import SequentialPricing as SequentialPricing
    from learners.protocols import PayoffSource as PayoffSource
    from learners.protocols import SignallingSource as SignallingSource
    from learners.sessions.controls import without_future as without_future
    from learners.sessions.controls import without_memory as without_memory
    from learners.sessions.run import Run as Run
    from learners.sessions.session import Ended as Ended
    from learners.sessions.session import Result as Result
    from learners.sessions.session import Session as Session
    from learners.sessions.stopping import Stages as Stages
    from learners.sessions.stopping import Stopping as Stopping
    from learners.sessions.traces import Trace as Trace
    from learners.sessions.traces import TraceSpec as TraceSpec
    from learners.strategies.conformance import check_learner as check_learner
    from learners.strategies.evolution import Evolution as Evolution
    from learners.strategies.evolution import Evolved as Evolved
    from learners.strategies.learner import ArrayLearner as ArrayLearner
    from learners.strategies.learner import Learner as Learner
    from learners.strategies.learner import LearnerSpec as LearnerSpec
    from learners.strategies.learner import Seat as Seat
    from learners.strategies.learner import Seen as Seen
    from learners.strategies.linear import LinearTD as LinearTD
    from learners.strategies.linear import TileCoding as TileCoding
    from learners.strategies.memory import DemandLevel as DemandLevel
    from learners.strategies.memory import LastActions as LastActions
    from learners.strategies.memory import LastSignal as LastSignal
    from learners.strategies.policies import Boltzmann as Boltzmann
    from learners.strategies.policies import Constant as Constant
    from learners.strategies.policies import EntropyBoltzmann as EntropyBoltzmann
    from learners.strategies.policies import EpsilonGreedy as EpsilonGreedy
    from learners.strategies.policies import Exponential as Exponential
    from learners.strategies.policies import Linear as Linear
    from learners.strategies.policy_card import PolicyCard as PolicyCard
    from learners.strategies.policy_card import Strategy as Strategy
    from learners.strategies.policy_card import make_policy_card as make_policy_card
    from learners.strategies.rewards import DifferenceRewards as DifferenceRewards
    from learners.strategies.roth_erev import RothErev as RothErev
    from learners.strategies.rules import BestResponse as BestResponse
    from learners.strategies.rules import Fixed as Fixed
    from learners.strategies.rules import Grim as Grim
    from learners.strategies.rules import Held as Held
    from learners.strategies.rules import TitForTat as TitForTat
    from learners.strategies.rules import Truthful as Truthful
    from learners.strategies.rules import Undercut as Undercut
    from learners.strategies.tabular import ExpectedSarsa as ExpectedSarsa
    from learners.strategies.tabular import QLearning as QLearning
    from learners.strategies.tabular import Sarsa as Sarsa
    from learners.strategies.tabular import day_plan_learner as day_plan_learner

_HOMES = {
    "ActionSet": "games.actions",
    "ArrayLearner": "strategies.learner",
    "Benchmarks": "equilibria.indices",
    "BestResponse": "strategies.rules",
    "BestResponseLoss": "equilibria.deviations",
    "BestResponsePath": "equilibria.pure",
    "Bids": "games.actions",
    "BilateralGame": "games.microgrid_pairs",
    "Boltzmann": "strategies.policies",
    "CapacityBertrand": "games.bertrand",
    "Combined": "games.actions",
    "Constant": "strategies.policies",
    "DayPlans": "games.actions",
    "DemandLevel": "strategies.memory",
    "DemandStates": "games.demand_states",
    "DeviationTest": "equilibria.deviations",
    "DifferenceRewards": "strategies.rewards",
    "Disco": "games.payoffs",
    "EdgeworthCycle": "equilibria.pure",
    "ElecBayGame": "games.microgrid_elecbay",
    "Ended": "sessions.session",
    "EntropyBoltzmann": "strategies.policies",
    "EpsilonGreedy": "strategies.policies",
    "EquilibriumCertificate": "equilibria.best_response",
    "Evolution": "strategies.evolution",
    "Evolved": "strategies.evolution",
    "ExactBestResponse": "equilibria.best_response",
    "ExactResponsePath": "equilibria.best_response",
    "ExpectedSarsa": "strategies.tabular",
    "Exponential": "strategies.policies",
    "Fixed": "strategies.rules",
    "Game": "games.market_game",
    "Genco": "games.payoffs",
    "Grim": "strategies.rules",
    "Held": "strategies.rules",
    "Interruptions": "games.actions",
    "Interval": "equilibria.indices",
    "JointOptimum": "equilibria.pure",
    "LastActions": "strategies.memory",
    "LastSignal": "strategies.memory",
    "Learner": "strategies.learner",
    "LearnerSpec": "strategies.learner",
    "LevelGames": "games.level_games",
    "Linear": "strategies.policies",
    "LinearTD": "strategies.linear",
    "LogitBertrand": "games.bertrand",
    "Markups": "games.actions",
    "MixedEquilibrium": "equilibria.mixed",
    "OfferPrices": "games.actions",
    "OfferQuantities": "games.actions",
    "PayoffSource": "protocols",
    "PayoffTensor": "games.game",
    "PolicyCard": "strategies.policy_card",
    "PostedGame": "games.microgrid_pairs",
    "Prosumer": "games.payoffs",
    "PureEquilibrium": "equilibria.pure",
    "QLearning": "strategies.tabular",
    "Repeated": "equilibria.deviations",
    "Result": "sessions.session",
    "RothErev": "strategies.roth_erev",
    "Run": "sessions.run",
    "Sarsa": "strategies.tabular",
    "SealedStage": "games.microgrid_stage",
    "Seat": "strategies.learner",
    "Seen": "strategies.learner",
    "SequentialPricing": "games.sequential_pricing",
    "Session": "sessions.session",
    "Shading": "games.microgrid_elecbay",
    "SignallingSource": "protocols",
    "Stages": "sessions.stopping",
    "Stopping": "sessions.stopping",
    "Strategy": "strategies.policy_card",
    "TileCoding": "strategies.linear",
    "TitForTat": "strategies.rules",
    "Trace": "sessions.traces",
    "TraceSpec": "sessions.traces",
    "Trader": "games.microgrid_pairs",
    "Truthful": "strategies.rules",
    "TwoBusBertrand": "games.bertrand",
    "Undercut": "strategies.rules",
    "Withholding": "games.actions",
    "best_response_loss": "equilibria.deviations",
    "best_response_path": "equilibria.pure",
    "bootstrap_interval": "equilibria.indices",
    "certify_equilibrium": "equilibria.best_response",
    "check_learner": "strategies.conformance",
    "collusion_index": "equilibria.indices",
    "competitive_profile": "equilibria.pure",
    "day_plan_learner": "strategies.tabular",
    "edgeworth_cycle": "equilibria.pure",
    "exact_response_path": "equilibria.best_response",
    "find_best_response": "equilibria.best_response",
    "force_deviation": "equilibria.deviations",
    "joint_optimum": "equilibria.pure",
    "make_policy_card": "strategies.policy_card",
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
    "tabulate_policy": "equilibria.deviations",
    "welch_interval": "equilibria.indices",
    "withholding": "equilibria.indices",
    "without_future": "sessions.controls",
    "without_memory": "sessions.controls",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'learners' has no attribute {name!r}")
    return getattr(import_module(f"learners.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
