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
    from clearing.posted import PostedOfferMarket as PostedOfferMarket
    from clearing.posted_book import PostedBook as PostedBook
    from clearing.power_plant import VirtualPowerPlant as VirtualPowerPlant
    from clearing.sealed import SealedBook as SealedBook
    from clearing.settlement import Settlement as Settlement
    from clearing.settlement import settle as settle

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
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'clearing' has no attribute {name!r}")
    return getattr(import_module(f"clearing.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
