"""What the auctioneer does: books, markets, prices with proofs, settlement.

Names load when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearing.bilateral import BilateralMarket as BilateralMarket
    from clearing.bilateral_book import BilateralBook as BilateralBook
    from clearing.book import Book as Book
    from clearing.certificate import Certificate as Certificate
    from clearing.certificate import certify as certify
    from clearing.cooperative_games import CooperativeGame as CooperativeGame
    from clearing.cooperative_games import check_core as check_core
    from clearing.cooperative_games import least_core as least_core
    from clearing.cooperative_games import nucleolus as nucleolus
    from clearing.cooperative_games import shapley_value as shapley_value
    from clearing.elecbay import ElecBay as ElecBay
    from clearing.errors import ClearingError as ClearingError
    from clearing.errors import InfeasibleError as InfeasibleError
    from clearing.errors import InputError as InputError
    from clearing.errors import NumericalError as NumericalError
    from clearing.errors import TimeLimitError as TimeLimitError
    from clearing.errors import UnboundedError as UnboundedError
    from clearing.home import Home as Home
    from clearing.home_schedule import schedule_homes as schedule_homes
    from clearing.market import Market as Market
    from clearing.nodal import NodalMarket as NodalMarket
    from clearing.outcome import Outcome as Outcome
    from clearing.payments import pay_agents as pay_agents
    from clearing.payments_charged import ChargedShareGame as ChargedShareGame
    from clearing.payments_partitions import merge_and_split as merge_and_split
    from clearing.payments_partitions import stable_partitions as stable_partitions
    from clearing.payments_tariff import dual_price_payments as dual_price_payments
    from clearing.payments_tariff import tariff_game as tariff_game
    from clearing.posted import PostedOfferMarket as PostedOfferMarket
    from clearing.posted_book import PostedBook as PostedBook
    from clearing.power_plant import VirtualPowerPlant as VirtualPowerPlant
    from clearing.sealed import SealedBook as SealedBook
    from clearing.settlement import Settlement as Settlement
    from clearing.settlement import settle as settle
    from clearing.trading import AdHocTrading as AdHocTrading
    from clearing.trading import CooperativeTrading as CooperativeTrading
    from clearing.trading import IntegratedTrading as IntegratedTrading
    from clearing.trading import SelfInterestedTrading as SelfInterestedTrading
    from clearing.trading import nodal_tariff as nodal_tariff
    from clearing.trading_instance import TradingInstance as TradingInstance
    from clearing.trading_outcome import TradingOutcome as TradingOutcome

_HOMES = {
    "BilateralBook": "bilateral_book",
    "BilateralMarket": "bilateral",
    "Book": "book",
    "Certificate": "certificate",
    "certify": "certificate",
    "ElecBay": "elecbay",
    "ClearingError": "errors",
    "InfeasibleError": "errors",
    "InputError": "errors",
    "NumericalError": "errors",
    "TimeLimitError": "errors",
    "UnboundedError": "errors",
    "Home": "home",
    "schedule_homes": "home_schedule",
    "Market": "market",
    "NodalMarket": "nodal",
    "Outcome": "outcome",
    "PostedBook": "posted_book",
    "PostedOfferMarket": "posted",
    "VirtualPowerPlant": "power_plant",
    "SealedBook": "sealed",
    "Settlement": "settlement",
    "settle": "settlement",
    "CooperativeGame": "cooperative_games",
    "check_core": "cooperative_games",
    "least_core": "cooperative_games",
    "nucleolus": "cooperative_games",
    "shapley_value": "cooperative_games",
    "pay_agents": "payments",
    "ChargedShareGame": "payments_charged",
    "merge_and_split": "payments_partitions",
    "stable_partitions": "payments_partitions",
    "dual_price_payments": "payments_tariff",
    "tariff_game": "payments_tariff",
    "AdHocTrading": "trading",
    "CooperativeTrading": "trading",
    "IntegratedTrading": "trading",
    "SelfInterestedTrading": "trading",
    "nodal_tariff": "trading",
    "TradingInstance": "trading_instance",
    "TradingOutcome": "trading_outcome",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'clearing' has no attribute {name!r}")
    return getattr(import_module(f"clearing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
