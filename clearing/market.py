"""The one door to every market, and the registry of markets by name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, overload

from clearing.errors import InputError

if TYPE_CHECKING:
    from clearing.bilateral.market import BilateralMarket
    from clearing.elecbay.market import ElecBay
    from clearing.nodal import NodalMarket
    from clearing.posted.market import PostedOfferMarket
    from clearing.result import Clearing
    from clearing.trading import markets as trading

BookT = TypeVar("BookT", contravariant=True)
ClearingT = TypeVar("ClearingT", bound="Clearing", covariant=True)


class Market(Protocol[BookT, ClearingT]):
    """Anything that clears books: pure, deterministic, certified (laws 3 and 6)."""

    def clear(self, book: BookT, /) -> ClearingT: ...


MARKETS = {
    "nodal": "clearing.nodal:NodalMarket",
    "elecbay": "clearing.elecbay.market:ElecBay",
    "bilateral": "clearing.bilateral.market:BilateralMarket",
    "posted": "clearing.posted.market:PostedOfferMarket",
    "ad_hoc": "clearing.trading.markets:AdHocTrading",
    "self_interested": "clearing.trading.markets:SelfInterestedTrading",
    "cooperative": "clearing.trading.markets:CooperativeTrading",
    "integrated": "clearing.trading.markets:IntegratedTrading",
}
"""Name → where the market's class is, `package.module:name`."""


@overload
def market_named(name: Literal["nodal"]) -> type[NodalMarket]: ...
@overload
def market_named(name: Literal["elecbay"]) -> type[ElecBay]: ...
@overload
def market_named(name: Literal["bilateral"]) -> type[BilateralMarket]: ...
@overload
def market_named(name: Literal["posted"]) -> type[PostedOfferMarket]: ...
@overload
def market_named(name: Literal["self_interested"]) -> type[trading.SelfInterestedTrading]: ...
@overload
def market_named(name: Literal["ad_hoc"]) -> type[trading.AdHocTrading]: ...
@overload
def market_named(name: Literal["cooperative", "integrated"]) -> type[trading.CooperativeTrading]: ...
@overload
def market_named(name: str) -> type[Market[Any, Clearing]]: ...
def market_named(name: str) -> Any:
    """The market class of a name, imported when it is asked for."""
    if name not in MARKETS:
        from networks.checks import suggest

        raise InputError(f"market is {name!r}{suggest(name, MARKETS)}; known markets: {', '.join(MARKETS)}")
    module, _, attribute = MARKETS[name].partition(":")
    return getattr(import_module(module), attribute)
