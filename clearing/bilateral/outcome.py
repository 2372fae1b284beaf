"""What became of a bilateral market: trades, prices of every pair, stability, payments, the proof."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from clearing.bilateral.book import BilateralBook
from clearing.certificate import Certificate
from clearing.pricing.prices import PriceRule
from clearing.result import labels_as_columns
from clearing.violations import largest
from networks.checks import freeze_arrays, frozen

TOLERANCES = {"P1": 1e-9, "D1": 1e-7, "D2": 1e-7, "G1": 1e-8}


@dataclass(frozen=True, eq=False)
class PairPrices:
    """Supporting prices: `seller` (sellers,) what each seller gets, `buyer` (buyers,) what energy is worth
    to each buyer at the margin, before its preferences and charges [$/MWh]."""

    seller: np.ndarray
    buyer: np.ndarray

    def __post_init__(self) -> None:
        freeze_arrays(self)

    def mean_with(self, other: PairPrices) -> PairPrices:
        """Halfway to other supporting prices; supporting prices form a convex set."""
        return PairPrices(0.5 * (self.seller + other.seller), 0.5 * (self.buyer + other.buyer))


@dataclass(frozen=True, eq=False)
class BilateralOutcome:
    """A proven optimum of one bilateral market.

    Attributes
    ----------
    traded_mw : (sellers, buyers) MW of each pair.
    prices : supporting prices by the rule; buyer_optimal, seller_optimal : the ends.
    """

    book: BilateralBook
    traded_mw: np.ndarray
    prices: PairPrices
    buyer_optimal: PairPrices
    seller_optimal: PairPrices
    price_rule: PriceRule
    certificate: Certificate
    status: str = "optimal"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @cached_property
    def welfare(self) -> float:
        """Values and preferences less charges and costs of all trades [$]."""
        return self.book.welfare(self.traded_mw)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Index (seller, buyer), pairs that trade: mw, price, price_low, price_high (what the seller gets),
        charge, buyer_pays [$/MWh], money [$, to the seller]."""
        book = self.book
        i, j = np.nonzero(self.traded_mw)
        labels = [[book.sellers[k] for k in i.tolist()], [book.buyers[k] for k in j.tolist()]]
        price, mw = self.prices.seller[i], self.traded_mw[i, j]
        return pd.DataFrame(
            {
                "mw": mw,
                "price": price,
                "price_low": self.buyer_optimal.seller[i],
                "price_high": self.seller_optimal.seller[i],
                "charge": book.charge[i, j],
                "buyer_pays": price + book.charge[i, j],
                "money": price * mw * book.hours,
            },
            index=pd.MultiIndex.from_arrays(labels, names=["seller", "buyer"]),
        )

    @cached_property
    def participants(self) -> pd.DataFrame:
        """Index (side, participant): mw, money (received or paid, charges included), worth, surplus [$]."""
        book, t, h = self.book, self.traded_mw, self.book.hours
        sold, bought = t.sum(axis=1), t.sum(axis=0)
        got = self.prices.seller * sold * h
        paid = ((self.prices.seller[:, None] + book.charge) * t).sum(axis=0) * h
        cost = (book.seller_price * sold + 0.5 * book.seller_slope * sold**2) * h
        value = (book.buyer_price * bought - 0.5 * book.buyer_slope * bought**2) * h
        value = value + (book.preference * t).sum(axis=0) * h
        labels = [("seller", s) for s in book.sellers] + [("buyer", b) for b in book.buyers]
        return pd.DataFrame(
            {
                "mw": np.concatenate([sold, bought]),
                "money": np.concatenate([got, paid]),
                "worth": np.concatenate([cost, value]),
                "surplus": np.concatenate([got - cost, value - paid]),
            },
            index=pd.MultiIndex.from_tuples(labels, names=["side", "participant"]),
        )

    @cached_property
    def summary(self) -> pd.Series:
        """Totals [$]: welfare, buyers_pay, sellers_get, network_charges; the three balance exactly."""
        frame = self.participants
        return pd.Series(
            {
                "welfare": self.welfare,
                "volume_mwh": float(self.traded_mw.sum()) * self.book.hours,
                "buyers_pay": float(frame.money.loc["buyer"].sum()),
                "sellers_get": float(frame.money.loc["seller"].sum()),
                "network_charges": float((self.book.charge * self.traded_mw).sum()) * self.book.hours,
            }
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """trades, participants and blocking_pairs."""
        tables = labels_as_columns({"trades": self.trades, "participants": self.participants})
        return tables | {"blocking_pairs": self.blocking_pairs()}

    @cached_property
    def seller_gain(self) -> np.ndarray:
        """(sellers,) μ_i: what a seller earns on its last MW [$/MWh], never negative."""
        marginal = self.book.seller_price + self.book.seller_slope * self.traded_mw.sum(axis=1)
        return frozen(np.maximum(self.prices.seller - marginal, 0.0))

    @cached_property
    def buyer_gain(self) -> np.ndarray:
        """(buyers,) ν_j: what a buyer gains on its last MW [$/MWh], never negative."""
        marginal = self.book.buyer_price - self.book.buyer_slope * self.traded_mw.sum(axis=0)
        return frozen(np.maximum(marginal - self.prices.buyer, 0.0))

    def blocking_pairs(self, tolerance: float = 1e-7) -> pd.DataFrame:
        """Pairs that would gain by trading with each other instead: A_ij − μ_i − ν_j > tolerance.

        The gain A_ij counts at the margin. A stable outcome has none. `tolerance` is relative to the
        greatest price.
        """
        book = self.book
        cost = book.seller_price + book.seller_slope * self.traded_mw.sum(axis=1)
        value = book.buyer_price - book.buyer_slope * self.traded_mw.sum(axis=0)
        gain = value[None, :] + book.preference - book.charge - cost[:, None]
        excess = np.where(book.allowed, gain - self.seller_gain[:, None] - self.buyer_gain[None, :], -np.inf)
        scale = 1.0 + float(max(np.abs(book.seller_price).max(), np.abs(book.buyer_price).max()))
        i, j = np.nonzero(excess > tolerance * scale)
        return pd.DataFrame(
            {
                "seller": [book.sellers[k] for k in i.tolist()],
                "buyer": [book.buyers[k] for k in j.tolist()],
                "excess": excess[i, j],
            }
        )


def certify_bilateral(book: BilateralBook, traded: np.ndarray, prices: PairPrices) -> Certificate:
    """Optimality from the book alone.

    P1 trades are not negative, within what is offered, and only of allowed pairs [largest offer]; D1 no
    seller or buyer wants another amount at its price; D2 no pair is better than its prices, and pairs that
    trade are exactly as good [greatest price]; G1 welfare = what is left to sellers and buyers [turnover].
    """
    sold, bought = traded.sum(axis=1), traded.sum(axis=0)
    size = 1e-300 + max(float(book.seller_mw.max()), float(book.buyer_mw.max()))
    top = 1e-300 + max(float(np.abs(book.seller_price).max()), float(np.abs(book.buyer_price).max()))
    beyond = -traded, np.where(book.allowed, 0.0, traded), sold - book.seller_mw, bought - book.buyer_mw
    room = 1e-8 * size
    cost = book.seller_price + book.seller_slope * sold
    value = book.buyer_price - book.buyer_slope * bought
    wrong = [
        np.where(sold > room, cost - prices.seller, 0.0),
        np.where(sold < book.seller_mw - room, prices.seller - cost, 0.0),
        np.where(bought > room, prices.buyer - value, 0.0),
        np.where(bought < book.buyer_mw - room, value - prices.buyer, 0.0),
    ]
    gap = prices.buyer[None, :] - prices.seller[:, None] + book.preference - book.charge
    pairs = np.where(book.allowed, np.where(traded > room, np.abs(gap), gap), 0.0)
    mu, nu = np.maximum(prices.seller - cost, 0.0), np.maximum(value - prices.buyer, 0.0)
    rents = 0.5 * float(book.seller_slope @ sold**2 + book.buyer_slope @ bought**2)
    dual = float(mu @ book.seller_mw + nu @ book.buyer_mw) + rents
    welfare = book.welfare(traded) / book.hours
    turnover = 1e-300 + float(np.abs(book.buyer_price) @ bought + np.abs(book.seller_price) @ sold)
    turnover = turnover if traded.any() else top * size
    residuals = {
        "P1": largest(*beyond) / size,
        "D1": largest(*wrong) / top,
        "D2": largest(pairs) / top,
        "G1": abs(welfare - dual) / turnover,
    }
    return Certificate(residuals, TOLERANCES)
