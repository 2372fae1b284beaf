"""ElecBay as a game: homes add mark-ups to their own marginal cost or shade what energy is worth to them.

Every profile of a sealed book is cleared exactly in one batch; payments follow the auction's pricing rule as
:class:`clearing.ElecBay` settles it, which tests compare profile by profile.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from clearing.book import BUY, SELL
from clearing.elecbay.book import SealedBook
from clearing.errors import InputError
from clearing.nodal import NodalMarket
from clearing.prepared import Batch
from learners.games.actions import ActionSet, actions_by_player, moves_of, players_by_name
from learners.games.game import EvaluatedGame, action_indices
from learners.games.moves import Columns, Effects
from networks.checks import number, suggest
from networks.grid import Grid

AuctionPricing = Literal["uniform", "pay_as_bid", "pay_as_offer", "k", "vcg"]
CHUNK = 4096


@dataclass(frozen=True)
class Shading:
    """Purchases bid below their worth by an amount [$/MWh], down to nothing."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        values = tuple(number("shading", v, "$/MWh", minimum=0.0) for v in self.values)
        if not values:
            raise InputError("shading: give at least one amount in $/MWh")
        object.__setattr__(self, "values", values)

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """Prices of the player's purchases lowered by each amount."""
        none = Effects.none(self.values, columns)
        bought = own & (columns.side == BUY)
        lowered = np.minimum(np.array(self.values)[:, None], np.maximum(columns.price, 0.0))
        return Effects(none.labels, np.where(bought, -lowered, 0.0), none.mw, none.fixed_mw)


@dataclass(frozen=True, eq=False)
class _Result:
    """A batch of cleared auctions: accepted MW, money per hour of each order, prices."""

    accepted: np.ndarray
    money: np.ndarray
    lmp: np.ndarray


class ElecBayGame(EvaluatedGame):
    """A sealed auction of one period as a game.

    Parameters
    ----------
    grid : the feeder, with its limits.
    book : at true marginal costs and values, without blocks (:func:`clearing.homes.offers.orders_of_homes`).
    players : by name, the participants (one label, or several) whose orders the player moves.
    actions : one set for all players, or one by name: :class:`~learners.games.actions.Markups`,
        :class:`Shading`, or both in :class:`~learners.games.actions.Combined`.
    pricing : "uniform" (locational), "pay_as_bid" (everybody at the own price, the platform keeps the rest),
        "pay_as_offer" (sellers at their own offers, buyers at the mean of what was paid), "k" (at the share
        `k` between the lowest and the highest supporting prices) or "vcg".
    cap : offers of players above it are lowered to it, but not below their true cost [$/MWh].
    reserve : offers of players above it are refused, so that the supplier or nobody sells instead [$/MWh].
    fee : sell the firm: each player also gets an equal share of (surplus of all others − fee), so that the
        payoffs add up to true welfare less the fee [$]; with it `pricing` must be "pay_as_offer".

    Notes
    -----
    A player's payoff is its surplus: receipts less true cost of what it sells, worth less payment of what it
    buys. Signals: "price", what buyers pay per MWh; "welfare", at true costs and values; "bill", what buyers
    pay; "platform", what the platform keeps (rents; negative is a deficit) [$].

    Raises
    ------
    InputError
        a book with blocks or several periods, players without orders.
    """

    signal_names = ("price", "welfare", "bill", "platform")

    def __init__(
        self,
        grid: Grid,
        book: SealedBook,
        players: Mapping[str, Hashable | Sequence[Hashable]] | Sequence[Hashable],
        actions: ActionSet | Mapping[str, ActionSet],
        pricing: AuctionPricing = "uniform",
        k: float = 0.5,
        cap: float | None = None,
        reserve: float | None = None,
        fee: float | None = None,
    ):
        known = get_args(AuctionPricing)
        if pricing not in known:
            raise InputError(f"pricing is {pricing!r}{suggest(pricing, known)}; use {', '.join(known)}")
        if len(book.blocks) or book.book.periods > 1 or book.book.slope.any() or book.book.min_mw.any():
            raise InputError(
                "a game of auctions takes one period of divisible orders without slopes; clear books with "
                "blocks by clearing.ElecBay"
            )
        if fee is not None and pricing != "pay_as_offer":
            raise InputError(
                f"fee: the transfer is paid beside own offers; use pricing='pay_as_offer', not {pricing!r}"
            )
        if not 0 <= number("k", k, "shares from 0 to 1") <= 1:
            raise InputError(f"k is {k!r}; give a share from 0 to 1")
        self.grid, self.sealed, self.pricing, self.k = grid, book, pricing, k
        self.cap, self.reserve, self.fee = cap, reserve, fee
        named = players_by_name(players)
        self.players = tuple(named)
        self.columns = c = Columns.of(book.book, grid)
        self.own = tuple(c.owned(_labels(given)) for given in named.values())
        self.moves = moves_of(c, self.own, actions_by_player(actions, self.players))
        self.labels = tuple(e.labels for e in self.moves.effects)
        self.actions = tuple(map(len, self.labels))
        rules: tuple[Literal["low", "high", "canonical"], ...] = (
            ("low", "high") if pricing == "k" else ("canonical",)
        )
        self._prepared = [NodalMarket(grid, rule).prepare(book.book) for rule in rules]
        self._owner = np.array([book.book.participants[r] for r in book.book.column_row], dtype=object)
        self._supplied = book.supplied[book.book.column_row]

    def evaluate(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs and signals of the same clearings side by side, (batch, players + 4)."""
        profiles = action_indices(self, profiles)
        out = [self._evaluate(self.offers(profiles[a : a + CHUNK])) for a in range(0, len(profiles), CHUNK)]
        return np.concatenate(out)

    def competitive(self) -> tuple[np.ndarray, np.ndarray]:
        """Payoffs (players,) and signals (4,) when everybody tells the truth."""
        row = self._evaluate(self.columns.price[None])[0]
        return row[: len(self.players)], row[len(self.players) :]

    def offers(self, profiles: np.ndarray) -> np.ndarray:
        """(batch, columns) prices asked and bid [$/MWh]."""
        price, _, _ = self.moves.numbers(action_indices(self, profiles))
        if self.cap is not None:
            mine = np.any(self.own, axis=0) & (self.columns.side == SELL)
            price = np.where(mine, np.minimum(price, np.maximum(self.cap, self.columns.price)), price)
        return price

    def trades(self, profiles: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Accepted MW and money [$] (batch, columns), and nodal prices (batch, buses) [$/MWh]."""
        found = self._settle(self.offers(profiles))
        return found.accepted, found.money * self.sealed.book.hours, found.lmp

    def _clear(self, market: int, price: np.ndarray, mw: np.ndarray | None = None) -> Batch:
        return self._prepared[market].clear_many(
            price, mw, want=("accepted", "lmp", "welfare"), on_error="raise"
        )

    def _settle(self, price: np.ndarray) -> _Result:
        """Clear, and pay by the rule; money is what a sale earns and a purchase costs [$/h]."""
        c = self.columns
        mw = self._offered(price)
        batch = self._clear(0, price, mw)
        assert batch.accepted is not None
        assert batch.lmp is not None
        x, lmp = batch.accepted, batch.lmp
        if self.pricing == "k":
            high = self._clear(1, price, mw).lmp
            assert high is not None
            lmp = (1 - self.k) * lmp + self.k * high
        if self.pricing in ("uniform", "k"):
            return _Result(x, lmp[:, c.bus] * x, lmp)
        money = price * x
        if self.pricing == "pay_as_offer":
            sells = c.side == SELL
            bought = np.where(sells, 0.0, x)
            total = bought.sum(axis=1)
            paid = np.where(sells, money, 0.0).sum(axis=1)
            mean = np.divide(paid, total, out=np.zeros(len(paid)), where=total > 0)
            money = np.where(sells, money, bought * mean[:, None])
        if self.pricing == "vcg":
            assert batch.welfare is not None
            money = money + self._bonus(price, mw, x, batch.welfare / self.sealed.book.hours)
        return _Result(x, money, lmp)

    def _offered(self, price: np.ndarray) -> np.ndarray:
        """(batch, columns) MW that the auction takes."""
        mw = np.broadcast_to(self.columns.mw, price.shape)
        if self.reserve is None:
            return mw
        mine = np.any(self.own, axis=0) & (self.columns.side == SELL)
        return np.where(mine & (price > self.reserve), 0.0, mw)

    def _bonus(self, price: np.ndarray, mw: np.ndarray, x: np.ndarray, welfare: np.ndarray) -> np.ndarray:
        """(batch, columns) W(N) − W(N without its owner), shared over the owner's accepted MW [$/h].

        Added to a sale's receipt, taken off a purchase's payment.
        """
        out = np.zeros(price.shape)
        c = self.columns
        for name in self.sealed.players:
            mine = (self._owner == name) & ~self._supplied
            won = np.where(mine, x, 0.0)
            total = won.sum(axis=1)
            rows = np.flatnonzero(total > 1e-12 * (1.0 + c.mw.sum()))
            if len(rows) == 0:
                continue
            others = self._clear(0, price[rows], np.where(mine, 0.0, mw[rows])).welfare
            assert others is not None
            gain = np.maximum(welfare[rows] - others / self.sealed.book.hours, 0.0)
            out[rows] += won[rows] * (gain / total[rows])[:, None] * c.side
        return out

    def _evaluate(self, price: np.ndarray) -> np.ndarray:
        found, c, hours = self._settle(price), self.columns, self.sealed.book.hours
        x, money = found.accepted, found.money
        worth = c.price * x
        surplus = c.side * (money - worth)
        buys = c.side == BUY
        bill = np.where(buys, money, 0.0).sum(axis=1)
        bought = np.where(buys, x, 0.0).sum(axis=1)
        platform = -(c.side * money).sum(axis=1)
        welfare = -(c.side * worth).sum(axis=1)
        earned = np.stack([surplus[:, own].sum(axis=1) for own in self.own], axis=1)
        if self.fee is not None:
            rest = welfare - earned.sum(axis=1) - self.fee / hours
            earned = earned + (rest / len(self.players))[:, None]
            mine = np.any(self.own, axis=0)
            # all others together keep the fee: what they buy costs them its worth less that
            fringe = np.where(~mine & ~buys & ~self._supplied, surplus, 0.0).sum(axis=1)
            bill = np.where(buys & ~mine, worth, 0.0).sum(axis=1) - self.fee / hours + fringe
            bill += np.where(buys & mine, money, 0.0).sum(axis=1)
        mean = np.divide(bill, bought, out=np.zeros(len(bill)), where=bought > 0)
        return np.column_stack([earned * hours, mean, welfare * hours, bill * hours, platform * hours])


def _labels(given: Hashable | Sequence[Hashable]) -> Sequence[Hashable]:
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)
