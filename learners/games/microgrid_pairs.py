"""Bilateral trade among homes as a game: stable contracts, and posted offers.

Both play on a :class:`clearing.BilateralBook` at true costs and values. A player owns rows of one side or
both; its mark-up is added to the cost of its sales, its shade is taken off the value of its purchases.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from clearing.bilateral.book import BilateralBook, refuse_slopes
from clearing.bilateral.market import BilateralMarket
from clearing.errors import InputError
from clearing.pricing.prices import PriceRule
from learners.games.game import EvaluatedGame, action_indices
from networks.checks import suggest


@dataclass(frozen=True)
class Trader:
    """A player of a bilateral market.

    Attributes
    ----------
    sells, buys : labels of its sellers' and buyers' rows.
    markups, shades : its actions are all pairs of a mark-up and a shade, the shade running fastest [$/MWh].
    """

    sells: tuple[Hashable, ...] = ()
    buys: tuple[Hashable, ...] = ()
    markups: tuple[float, ...] = (0.0,)
    shades: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        for name in ("markups", "shades"):
            values = getattr(self, name)
            if not values or not np.isfinite(values).all():
                raise InputError(f"trader: {name} is {values!r}; give finite numbers in $/MWh")
        if not self.sells and not self.buys:
            raise InputError("trader: it owns nothing; give labels of sellers or buyers")

    @property
    def labels(self) -> tuple[object, ...]:
        """Mark-ups, shades, or pairs of both."""
        if len(self.shades) == 1:
            return self.markups
        if len(self.markups) == 1:
            return self.shades
        return tuple((m, s) for m in self.markups for s in self.shades)


@dataclass(frozen=True, eq=False)
class Trades:
    """What a batch of profiles traded.

    Attributes
    ----------
    mw : (batch, sellers, buyers) energy of each pair [MW].
    price : (batch, sellers) what each seller gets [$/MWh]; buyers pay the network charge on top.
    """

    mw: np.ndarray
    price: np.ndarray


class PairGame(EvaluatedGame):
    """Traders on a bilateral book; a market says what they trade.

    Notes
    -----
    Signals: "price", what buyers pay per MWh, charges included; "welfare" at true costs and values; "bill",
    what buyers pay [$]. A payoff is the surplus at true cost and value [$].

    Raises
    ------
    InputError
        unknown rows, rows of two traders, sloped books.
    """

    signal_names = ("price", "welfare", "bill")

    def __init__(self, book: BilateralBook, players: Mapping[str, Trader]):
        refuse_slopes(book, "a game of bilateral trade")
        if not players:
            raise InputError("players: a game needs at least one")
        self.book, self.traders = book, tuple(players.values())
        self.players = tuple(players)
        self.sells = np.stack([_rows(book.sellers, t.sells, "seller") for t in self.traders])
        self.buys = np.stack([_rows(book.buyers, t.buys, "buyer") for t in self.traders])
        if (self.sells.sum(axis=0) > 1).any() or (self.buys.sum(axis=0) > 1).any():
            raise InputError("players: two traders own the same row; name each once")
        self.labels = tuple(t.labels for t in self.traders)
        self.actions = tuple(map(len, self.labels))

    def evaluate(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs and signals side by side, (batch, players + 3)."""
        return self._account(self.trade(*self.reports(action_indices(self, profiles))))

    def competitive(self) -> tuple[np.ndarray, np.ndarray]:
        """Payoffs (players,) and signals (3,) when everybody tells the truth."""
        book = self.book
        row = self._account(self.trade(book.seller_price[None], book.buyer_price[None]))[0]
        return row[: len(self.players)], row[len(self.players) :]

    def reports(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Asked prices (batch, sellers) and greatest prices accepted (batch, buyers) [$/MWh]."""
        profiles = np.atleast_2d(np.asarray(profiles, dtype=np.int64))
        ask = np.tile(self.book.seller_price, (len(profiles), 1))
        bid = np.tile(self.book.buyer_price, (len(profiles), 1))
        for i, trader in enumerate(self.traders):
            markup, shade = np.divmod(profiles[:, i], len(trader.shades))
            ask += np.outer(np.array(trader.markups)[markup], self.sells[i])
            bid -= np.outer(np.array(trader.shades)[shade], self.buys[i])
        return ask, bid

    def trade(self, ask: np.ndarray, bid: np.ndarray) -> Trades:
        """What is traded at asked and accepted prices."""
        raise NotImplementedError

    def _account(self, trades: Trades) -> np.ndarray:
        book, mw = self.book, trades.mw
        pays = trades.price[:, :, None] + book.charge
        gets = (trades.price - book.seller_price) * mw.sum(axis=2)
        keeps = ((book.buyer_price + book.preference - pays) * mw).sum(axis=1)
        earned = (gets @ self.sells.T + keeps @ self.buys.T) * book.hours
        bill, volume = (pays * mw).sum(axis=(1, 2)), mw.sum(axis=(1, 2))
        price = np.divide(bill, volume, out=np.zeros(len(bill)), where=volume > 0)
        welfare = [book.welfare(one) for one in mw]
        return np.column_stack([earned, price, welfare, bill * book.hours])


class BilateralGame(PairGame):
    """Stable contracts at reported costs and values, each profile cleared by :class:`BilateralMarket`.

    `price_rule` picks among the supporting prices: "low" is best for buyers, "high" for sellers.
    """

    def __init__(
        self, book: BilateralBook, players: Mapping[str, Trader], price_rule: PriceRule = "canonical"
    ):
        super().__init__(book, players)
        self.market = BilateralMarket(price_rule)

    def trade(self, ask: np.ndarray, bid: np.ndarray) -> Trades:
        """One clearing per distinct report."""
        both, place = np.unique(np.hstack([ask, bid]), axis=0, return_inverse=True)
        count = ask.shape[1]
        found = [
            self.market.clear(replace(self.book, seller_price=row[:count], buyer_price=row[count:]))
            for row in both
        ]
        place = place.ravel()
        return Trades(
            np.stack([one.traded_mw for one in found])[place],
            np.stack([one.prices.seller for one in found])[place],
        )


class PostedGame(PairGame):
    """Sellers post prices; buyers, in order of true value and label, fill their need from the cheapest.

    A buyer compares posted price plus charge less preference, and takes nothing that costs more than its
    value less its shade: the rule of :func:`clearing.bilateral.processes.run_posted_offers`, for all profiles
    at once.
    """

    def trade(self, ask: np.ndarray, bid: np.ndarray) -> Trades:
        """Buyers in turn."""
        book = self.book
        left = np.tile(book.seller_mw, (len(ask), 1))
        mw = np.zeros((len(ask), *book.allowed.shape))
        turns = sorted(range(len(book.buyers)), key=lambda j: (-book.buyer_price[j], str(book.buyers[j])))
        for j in turns:
            full = np.where(book.allowed[:, j], ask + book.charge[:, j] - book.preference[:, j], np.inf)
            order = np.argsort(full, axis=1, kind="stable")
            covered = np.take_along_axis(full, order, axis=1) <= bid[:, j, None]
            room = np.where(covered, np.take_along_axis(left, order, axis=1), 0.0)
            taken = np.clip(book.buyer_mw[j] - (np.cumsum(room, axis=1) - room), 0.0, room)
            column = np.zeros(room.shape)
            np.put_along_axis(column, order, taken, axis=1)
            mw[:, :, j] = column
            left -= column
        return Trades(mw, ask)


def book_of_orders(
    orders: Sequence[Mapping[str, Any]],
    import_price: float,
    charge: float | np.ndarray = 0.0,
    preference: float | np.ndarray = 0.0,
    hours: float = 1.0,
    supplier: str = "supplier",
) -> BilateralBook:
    """A bilateral book of rows as :func:`clearing.homes.offers.orders_of_homes` gives them.

    Each row becomes a seller or a buyer of its own, named by its order; a home does not trade with itself.
    The supplier sells without limit at its import price.

    Parameters
    ----------
    charge, preference : of trade between homes, one number or (sellers, buyers) [$/MWh]; the supplier's
        energy has neither (its price has the charges in it).
    """
    sells = [r for r in orders if r["side"] == "sell"]
    buys = [r for r in orders if r["side"] == "buy"]
    ample = 2.0 * sum(float(r["mw"]) for r in buys) or 1.0
    ends = ([*(r["participant"] for r in sells), supplier], [r["participant"] for r in buys])
    own = np.array([[a == b for b in ends[1]] for a in ends[0]], dtype=bool).reshape(
        len(ends[0]), len(ends[1])
    )
    shape = (len(sells), len(buys))
    extra = [np.vstack([np.broadcast_to(v, shape), np.zeros((1, len(buys)))]) for v in (charge, preference)]
    none = np.zeros
    return BilateralBook(
        sellers=(*(r["order"] for r in sells), supplier),
        buyers=tuple(r["order"] for r in buys),
        seller_mw=np.array([*(r["mw"] for r in sells), ample], dtype=float),
        seller_price=np.array([*(r["price"] for r in sells), import_price], dtype=float),
        seller_slope=none(len(sells) + 1),
        buyer_mw=np.array([r["mw"] for r in buys], dtype=float),
        buyer_price=np.array([r["price"] for r in buys], dtype=float),
        buyer_slope=none(len(buys)),
        preference=extra[1],
        charge=extra[0],
        allowed=~own,
        hours=hours,
    )


def _rows(known: Sequence[Hashable], labels: Sequence[Hashable], side: str) -> np.ndarray:
    for label in labels:
        if label not in known:
            raise InputError(f"player: {label!r} is no {side} of the book{suggest(label, known)}")
    return np.array([name in labels for name in known], dtype=float)
