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

_NAMES = {
    "bilateral.book": "BilateralBook",
    "bilateral.market": "BilateralMarket",
    "book": "Book",
    "book_series": "BookSeries",
    "certificate": "Certificate",
    "elecbay.book": "SealedBook",
    "elecbay.market": "ElecBay",
    "errors": "ClearingError InfeasibleError InputError NumericalError TimeLimitError UnboundedError",
    "homes.home": "Home",
    "homes.schedule": "schedule_homes",
    "incubator": "Incubator",
    "market": "Market",
    "mitigation": "MitigatedMarket",
    "nodal": "NodalMarket",
    "nodal_certificate": "certify",
    "outcome": "Outcome",
    "payments.charged": "ChargedShareGame",
    "payments.games": "CooperativeGame check_core least_core nucleolus shapley_value",
    "payments.partitions": "merge_and_split stable_partitions",
    "payments.rules": "pay_agents",
    "payments.tariff": "dual_price_payments tariff_game",
    "plants.plant": "VirtualPowerPlant",
    "posted.book": "PostedBook",
    "posted.market": "PostedOfferMarket",
    "settlement": "Settlement settle",
    "trading.instance": "TradingInstance",
    "trading.markets": "AdHocTrading CooperativeTrading IntegratedTrading SelfInterestedTrading nodal_tariff",
    "trading.outcome": "TradingOutcome",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'clearing' has no attribute {name!r}")
    return getattr(import_module(f"clearing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
