"""What the auctioneer does: books, markets, prices with proofs, settlement.

Names load when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clearing.bilateral.book import BilateralBook as BilateralBook
    from clearing.bilateral.market import BilateralMarket as BilateralMarket
    from clearing.book import Book as Book
    from clearing.book_series import BookSeries as BookSeries
    from clearing.certificate import Certificate as Certificate
    from clearing.elecbay.book import SealedBook as SealedBook
    from clearing.elecbay.market import ElecBay as ElecBay
    from clearing.errors import ClearingError as ClearingError
    from clearing.errors import InfeasibleError as InfeasibleError
    from clearing.errors import InputError as InputError
    from clearing.errors import NumericalError as NumericalError
    from clearing.errors import TimeLimitError as TimeLimitError
    from clearing.errors import UnboundedError as UnboundedError
    from clearing.homes.home import Home as Home
    from clearing.homes.schedule import schedule_homes as schedule_homes
    from clearing.incubator import Incubator as Incubator
    from clearing.market import Market as Market
    from clearing.mitigation import MitigatedMarket as MitigatedMarket
    from clearing.nodal import NodalMarket as NodalMarket
    from clearing.nodal_certificate import certify as certify
    from clearing.outcome import Outcome as Outcome
    from clearing.payments.charged import ChargedShareGame as ChargedShareGame
    from clearing.payments.games import CooperativeGame as CooperativeGame
    from clearing.payments.games import check_core as check_core
    from clearing.payments.games import least_core as least_core
    from clearing.payments.games import nucleolus as nucleolus
    from clearing.payments.games import shapley_value as shapley_value
    from clearing.payments.partitions import merge_and_split as merge_and_split
    from clearing.payments.partitions import stable_partitions as stable_partitions
    from clearing.payments.rules import pay_agents as pay_agents
    from clearing.payments.tariff import dual_price_payments as dual_price_payments
    from clearing.payments.tariff import tariff_game as tariff_game
    from clearing.plants.plant import VirtualPowerPlant as VirtualPowerPlant
    from clearing.posted.book import PostedBook as PostedBook
    from clearing.posted.market import PostedOfferMarket as PostedOfferMarket
    from clearing.settlement import Settlement as Settlement
    from clearing.settlement import settle as settle
    from clearing.trading.instance import TradingInstance as TradingInstance
    from clearing.trading.markets import AdHocTrading as AdHocTrading
    from clearing.trading.markets import CooperativeTrading as CooperativeTrading
    from clearing.trading.markets import IntegratedTrading as IntegratedTrading
    from clearing.trading.markets import SelfInterestedTrading as SelfInterestedTrading
    from clearing.trading.markets import nodal_tariff as nodal_tariff
    from clearing.trading.outcome import TradingOutcome as TradingOutcome

_HOMES = {
    "BilateralBook": "bilateral.book",
    "BilateralMarket": "bilateral.market",
    "Book": "book",
    "Certificate": "certificate",
    "certify": "nodal_certificate",
    "ElecBay": "elecbay.market",
    "ClearingError": "errors",
    "InfeasibleError": "errors",
    "InputError": "errors",
    "NumericalError": "errors",
    "TimeLimitError": "errors",
    "UnboundedError": "errors",
    "BookSeries": "book_series",
    "Incubator": "incubator",
    "Home": "homes.home",
    "schedule_homes": "homes.schedule",
    "Market": "market",
    "MitigatedMarket": "mitigation",
    "NodalMarket": "nodal",
    "Outcome": "outcome",
    "PostedBook": "posted.book",
    "PostedOfferMarket": "posted.market",
    "VirtualPowerPlant": "plants.plant",
    "SealedBook": "elecbay.book",
    "Settlement": "settlement",
    "settle": "settlement",
    "CooperativeGame": "payments.games",
    "check_core": "payments.games",
    "least_core": "payments.games",
    "nucleolus": "payments.games",
    "shapley_value": "payments.games",
    "pay_agents": "payments.rules",
    "ChargedShareGame": "payments.charged",
    "merge_and_split": "payments.partitions",
    "stable_partitions": "payments.partitions",
    "dual_price_payments": "payments.tariff",
    "tariff_game": "payments.tariff",
    "AdHocTrading": "trading.markets",
    "CooperativeTrading": "trading.markets",
    "IntegratedTrading": "trading.markets",
    "SelfInterestedTrading": "trading.markets",
    "nodal_tariff": "trading.markets",
    "TradingInstance": "trading.instance",
    "TradingOutcome": "trading.outcome",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'clearing' has no attribute {name!r}")
    return getattr(import_module(f"clearing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
