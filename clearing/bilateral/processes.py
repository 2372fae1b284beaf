"""Decentralised trade beside the exact bilateral market: posted offers, contracts with adjusted prices.

Each process returns what it traded round by round with its efficiency, welfare relative to the proven
optimum of the same book. They are models of behaviour or algorithms with a bound, not clearings.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from clearing.bilateral.book import BilateralBook, refuse_slopes
from clearing.bilateral.market import BilateralMarket
from clearing.errors import InputError, NumericalError
from networks.checks import freeze_arrays, number, whole

MOST_ROUNDS = 1_000_000


@dataclass(frozen=True, eq=False)
class Process:
    """A run of a decentralised process.

    Attributes
    ----------
    book : what was traded in; optimum : its proven greatest welfare [$].
    traded_mw : (sellers, buyers) trades of the last round.
    welfare : (rounds,) after each round [$]; one 0 where there was none.
    price : (rounds, sellers) posted prices, or empty.
    bound : least welfare that theory guarantees at the end [$], −inf for none.
    rounds : rounds (posted offers, pair prices) or bids (unit contracts).
    """

    book: BilateralBook
    optimum: float
    traded_mw: np.ndarray
    welfare: np.ndarray
    price: np.ndarray
    bound: float
    rounds: int

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @cached_property
    def efficiency(self) -> np.ndarray:
        """(rounds,) welfare relative to the optimum; NaN where that is 0."""
        return self.welfare / self.optimum if self.optimum else np.full(len(self.welfare), np.nan)

    @cached_property
    def history(self) -> pd.DataFrame:
        """Index round: welfare [$], efficiency."""
        frame = pd.DataFrame({"welfare": self.welfare, "efficiency": self.efficiency})
        return frame.rename_axis("round")


def run_posted_offers(
    book: BilateralBook, rounds: int = 100, step: float = 0.1, start: np.ndarray | None = None
) -> Process:
    """Sellers post prices, buyers take the cheapest; who sold raises its price by `step`, others lower it.

    Buyers come in order of value (then label) and each fills its need with the least p_i + γ_ij − π_ij that
    its value covers. No seller posts below its cost. `start` (sellers,) defaults to the mean of the buyers'
    values. Source of the rule: the ±10 % updates of "Synchronization Games in P2P Energy Trading".
    """
    refuse_slopes(book, "the posted-offer process")
    rounds, step = whole("rounds", rounds), number("step", step, "shares", above=0)
    if step >= 1:
        raise InputError(f"step is {step!r}; give a share below 1")
    optimum = BilateralMarket().clear(book).welfare
    price = (
        np.full(len(book.sellers), book.buyer_price.mean()) if start is None else np.array(start, dtype=float)
    )
    price = np.maximum(price, book.seller_price)
    order = sorted(range(len(book.buyers)), key=lambda j: (-book.buyer_price[j], str(book.buyers[j])))
    posts, welfare = np.empty((rounds, len(price))), np.empty(rounds)
    traded = np.zeros(book.allowed.shape)
    for r in range(rounds):
        posts[r] = price
        traded = _buy_the_cheapest(book, price, order)
        welfare[r] = book.welfare(traded)
        sold = traded.sum(axis=1) > 0
        price = np.maximum(np.where(sold, price * (1 + step), price * (1 - step)), book.seller_price)
    return Process(book, optimum, traded, welfare, posts, -np.inf, rounds)


def _buy_the_cheapest(book: BilateralBook, price: np.ndarray, order: list[int]) -> np.ndarray:
    left, traded = book.seller_mw.copy(), np.zeros(book.allowed.shape)
    for j in order:
        full = np.where(book.allowed[:, j], price + book.charge[:, j] - book.preference[:, j], np.inf)
        ranked = np.argsort(full, kind="stable")
        ranked = ranked[full[ranked] <= book.buyer_price[j]]
        before = np.cumsum(left[ranked]) - left[ranked]
        taken = np.clip(book.buyer_mw[j] - before, 0.0, left[ranked])
        traded[ranked, j] = taken
        left[ranked] -= taken
    return traded


def adjust_pair_prices(book: BilateralBook, step: float, most_rounds: int = MOST_ROUNDS) -> Process:
    """One contract per pair: prices rise by `step` where the buyer wants more than the seller gives.

    Each agent chooses the amounts that are best for it at its own buy and sell prices, which start at 0; for
    every pair whose buyer wants more, the sell price rises by `step` while it is below the buy price, else
    the buy price; it ends when no such pair is left. After the price-adjustment process for bilateral
    contract networks of T. Morstyn, A. Teytelboym, M. D. McCulloch (2019), whose contracts are units of
    energy: with one price for all the energy of a pair, as here, agents turn whole amounts over, and several
    per cent of welfare are lost. See :func:`auction_unit_contracts`.
    """
    refuse_slopes(book, "the pair-price process")
    step = number("step", step, "$/MWh", above=0)
    optimum = BilateralMarket().clear(book).welfare
    buy, sell = np.zeros((2, *book.allowed.shape))
    contract = np.minimum(book.seller_mw[:, None], book.buyer_mw[None, :])
    worth = np.where(book.allowed, book.buyer_price[None, :] + book.preference - book.charge, -np.inf)
    history: list[float] = []
    for _ in range(most_rounds):
        wanted = _choose(worth - buy, book.buyer_mw, contract, axis=0)
        given = _choose(sell - book.seller_price[:, None], book.seller_mw, contract, axis=1)
        history.append(book.welfare(np.minimum(wanted, given)))
        short = wanted > given + 1e-12 * (1.0 + wanted)
        if not short.any():
            traded = np.minimum(wanted, given)
            return Process(book, optimum, traded, np.array(history), np.empty((0, 0)), -np.inf, len(history))
        raise_sell = short & (buy > sell)
        sell = np.where(raise_sell, sell + step, sell)
        buy = np.where(short & ~raise_sell, buy + step, buy)
    raise NumericalError(f"pair prices did not settle in {most_rounds} rounds; take a larger step")


def _choose(gain: np.ndarray, size: np.ndarray, contract: np.ndarray, axis: int) -> np.ndarray:
    """Amounts that each agent along the other axis wants: best gains first, none below 0."""
    ranked = np.argsort(-gain, axis=axis, kind="stable")
    most = size[None, :] if axis == 0 else size[:, None]
    best = np.take_along_axis(np.where(gain > 0, contract, 0.0), ranked, axis)
    before = np.cumsum(best, axis=axis) - best
    taken = np.clip(most - before, 0.0, best)
    out = np.zeros(gain.shape)
    np.put_along_axis(out, ranked, taken, axis)
    return out


def auction_unit_contracts(book: BilateralBook, unit_mw: float, step: float) -> Process:
    """Contracts for one unit of energy each, by the auction algorithm; welfare ≥ optimum − units·step.

    Every unit that a buyer still lacks bids for the seller's unit with the best gain A_ij − price, and
    raises its price by the lead over the second best (or over not trading) plus `step`; who is outbid bids
    again. Source: D. P. Bertsekas, "The auction algorithm", Annals of Operations Research 14 (1988).

    Parameters
    ----------
    unit_mw : size of a contract; every seller's and buyer's MW must be a multiple.
    step : least raise [$/MWh]. The bound is on the optimum, in units·unit_mw·step.
    """
    refuse_slopes(book, "the unit-contract auction")
    unit = number("unit_mw", unit_mw, "MW", above=0)
    step = number("step", step, "$/MWh", above=0)
    counts = []
    for name, mw, labels in (
        ("sellers", book.seller_mw, book.sellers),
        ("buyers", book.buyer_mw, book.buyers),
    ):
        units = np.round(mw / unit).astype(np.int64)
        off = np.abs(units * unit - mw) > 1e-9 * unit * np.maximum(units, 1)
        if off.any():
            k = int(np.flatnonzero(off)[0])
            raise InputError(
                f"table '{name}', {labels[k]!r}: {mw[k]:g} MW are no multiple of unit_mw = {unit:g}; take "
                "a smaller unit"
            )
        counts.append(units)
    optimum = BilateralMarket().clear(book).welfare
    owner = np.repeat(np.arange(len(book.sellers)), counts[0])
    wants = np.repeat(np.arange(len(book.buyers)), counts[1])
    price, holder = np.zeros(len(owner)), np.full(len(owner), -1)
    waiting = list(range(len(wants)))[::-1]
    gain = book.gain[owner]  # (seller units, buyers)
    added: list[float] = []  # worth of a unit to its new holder less that to the one it is taken from
    while waiting and len(owner):
        bidder = waiting.pop()
        net = gain[:, wants[bidder]] - price
        best = int(np.argmax(net))
        lead = net[best]
        if lead <= 0:
            continue
        net[best] = -np.inf
        second = max(float(net.max()), 0.0)
        price[best] += lead - second + step
        more = float(gain[best, wants[bidder]])
        if holder[best] >= 0:
            waiting.append(int(holder[best]))
            more -= float(gain[best, wants[holder[best]]])
        holder[best] = bidder
        added.append(more)
    traded = np.zeros(book.allowed.shape)
    held = holder >= 0
    np.add.at(traded, (owner[held], wants[holder[held]]), unit)
    contracts = int(min(counts[0].sum(), counts[1].sum()))
    bound = optimum - contracts * unit * step * book.hours
    welfare = np.cumsum(added) * unit * book.hours if added else np.zeros(1)
    welfare[-1] = book.welfare(traded)
    return Process(book, optimum, traded, welfare, np.empty((0, 0)), float(bound), len(added))
