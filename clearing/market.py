"""The one door to every market, and the registry of markets by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from clearing.errors import InputError
from networks.checks import suggest

if TYPE_CHECKING:
    from clearing.book import Book
    from clearing.outcome import Outcome


class Market(Protocol):
    """Anything that clears books: pure, deterministic, certified (laws 3 and 6)."""

    def clear(self, book: Book) -> Outcome: ...


MARKETS = {
    "nodal": "clearing.nodal:NodalMarket",
    "elecbay": "clearing.elecbay.market:ElecBay",
    "bilateral": "clearing.bilateral.market:BilateralMarket",
    "posted": "clearing.posted.market:PostedOfferMarket",
}


def market_named(name: str) -> Any:
    """The market class of a name, imported when it is asked for."""
    if name not in MARKETS:
        raise InputError(f"market is {name!r}{suggest(name, MARKETS)}; known markets: {', '.join(MARKETS)}")
    module, _, attribute = MARKETS[name].partition(":")
    return getattr(import_module(module), attribute)
