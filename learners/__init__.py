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
    from learners.demand_states import DemandStates as DemandStates
    from learners.game import PayoffSource as PayoffSource
    from learners.game import PayoffTensor as PayoffTensor
    from learners.game import SignallingSource as SignallingSource
    from learners.game import profiles_of as profiles_of
    from learners.game import tabulate as tabulate
    from learners.market_game import Game as Game
    from learners.payoffs import Disco as Disco
    from learners.payoffs import Genco as Genco
    from learners.payoffs import Prosumer as Prosumer

_HOMES = {
    "ActionSet": "actions",
    "Bids": "actions",
    "Combined": "actions",
    "DayPlans": "actions",
    "DemandStates": "demand_states",
    "Disco": "payoffs",
    "Game": "market_game",
    "Genco": "payoffs",
    "Interruptions": "actions",
    "Markups": "actions",
    "OfferPrices": "actions",
    "PayoffSource": "game",
    "PayoffTensor": "game",
    "Prosumer": "payoffs",
    "SignallingSource": "game",
    "Withholding": "actions",
    "profiles_of": "game",
    "tabulate": "game",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'learners' has no attribute {name!r}")
    return getattr(import_module(f"learners.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
