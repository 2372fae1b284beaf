"""What became of posted offers: accepted MW, prices, bills, and the proof."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from clearing.certificate import Certificate
from clearing.posted.book import PostedBook
from clearing.pricing.prices import PriceRule
from clearing.result import labels_as_columns
from clearing.violations import largest
from networks.checks import freeze_arrays, frozen

TOLERANCES = {"P1": 1e-12, "P2": 1e-12, "D1": 1e-12, "G1": 1e-12}


@dataclass(frozen=True, eq=False)
class PostedOutcome:
    """Accepted offers of all slots.

    Attributes
    ----------
    book : the cleared book, with the posted and the operator's prices filled in.
    accepted_mw : (days, slots, sellers); operator_mw : (days, slots) [MW].
    price, price_low, price_high : (days, slots) supporting price by the rule, and its interval [$/MWh]:
        what one more MW of demand costs. Sellers are paid what they posted.
    """

    book: PostedBook
    accepted_mw: np.ndarray
    operator_mw: np.ndarray
    price: np.ndarray
    price_low: np.ndarray
    price_high: np.ndarray
    price_rule: PriceRule
    certificate: Certificate
    status: str = "optimal"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @cached_property
    def revenue(self) -> np.ndarray:
        """(days, sellers) what sellers earn at their own prices [$]."""
        assert self.book.price is not None
        return frozen((self.book.price * self.accepted_mw).sum(axis=1) * self.book.hours)

    @cached_property
    def bill(self) -> np.ndarray:
        """(days,) what demand pays to sellers and to the operator [$]."""
        assert self.book.operator_price is not None
        operator = (self.book.operator_price * self.operator_mw).sum(axis=1) * self.book.hours
        return frozen(self.revenue.sum(axis=1) + operator)

    @cached_property
    def accepted(self) -> pd.DataFrame:
        """Index (day, period, seller): offered_mw, accepted_mw, price, operator_price, money [$]."""
        assert self.book.price is not None
        assert self.book.operator_price is not None
        days, slots, sellers = self.accepted_mw.shape
        index = pd.MultiIndex.from_product(
            [range(days), range(slots), list(self.book.sellers)], names=["day", "period", "seller"]
        )
        return pd.DataFrame(
            {
                "offered_mw": self.book.mw.ravel(),
                "accepted_mw": self.accepted_mw.ravel(),
                "price": self.book.price.ravel(),
                "operator_price": np.repeat(self.book.operator_price.ravel(), sellers),
                "money": (self.book.price * self.accepted_mw).ravel() * self.book.hours,
            },
            index=index,
        )

    @cached_property
    def prices(self) -> pd.DataFrame:
        """Index (day, period): demand_mw, operator_mw, operator_price, price, price_low, price_high."""
        assert self.book.operator_price is not None
        days, slots = self.price.shape
        index = pd.MultiIndex.from_product([range(days), range(slots)], names=["day", "period"])
        columns = {
            "demand_mw": self.book.demand_mw,
            "operator_mw": self.operator_mw,
            "operator_price": self.book.operator_price,
            "price": self.price,
            "price_low": self.price_low,
            "price_high": self.price_high,
        }
        return pd.DataFrame({name: values.ravel() for name, values in columns.items()}, index=index)

    @cached_property
    def summary(self) -> pd.Series:
        """Totals: demand and local energy [MWh], bill, what sellers and the operator get [$]."""
        sellers, bill = float(self.revenue.sum()), float(self.bill.sum())
        return pd.Series(
            {
                "demand_mwh": float(self.book.demand_mw.sum() * self.book.hours),
                "local_mwh": float(self.accepted_mw.sum() * self.book.hours),
                "bill": bill,
                "sellers_get": sellers,
                "operator_gets": bill - sellers,
            }
        )

    @property
    def welfare(self) -> float:
        """Less what demand costs at the posted and the operator's prices; it has no value of its own [$]."""
        return -float(self.bill.sum())

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """prices and accepted."""
        return labels_as_columns({"prices": self.prices, "accepted": self.accepted})


def certify_posted(
    book: PostedBook, accepted: np.ndarray, operator: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Certificate:
    """Optimality of every slot from the book: balance (P1), bounds (P2), no offer on the wrong side of a
    price (D1), cost = dual objective (G1) at both ends of the interval; relative to the largest numbers."""
    assert book.price is not None
    assert book.operator_price is not None
    rows = low.size
    x, q = accepted.reshape(rows, -1), book.mw.reshape(rows, -1)
    p, s = book.price.reshape(rows, -1), book.operator_price.reshape(rows)
    demand, y = book.demand_mw.reshape(rows), operator.reshape(rows)
    mw = 1e-300 + largest(demand, q)
    money = 1e-300 + largest(np.abs(p), np.abs(s))
    wrong = gap = 0.0
    for end in (low, high):
        at = np.where(np.isfinite(end), end, high)
        dear = np.where(x > 0, p - at[:, None], 0.0)
        cheap = np.where((x < q) & (p <= s[:, None]), at[:, None] - p, 0.0)
        wrong = largest(wrong, dear, cheap, at - s)
        cost = (p * x).sum(axis=1) + s * y
        dual = at * demand - (np.maximum(at[:, None] - p, 0.0) * np.where(p <= s[:, None], q, 0.0)).sum(
            axis=1
        )
        turnover = 1e-300 + money * np.maximum(demand, mw)
        gap = max(gap, largest(np.abs(cost - dual) / turnover) / max(x.shape[1], 1))
    beyond = np.maximum(-x, x - q)
    residuals = {
        "P1": largest(np.abs(x.sum(axis=1) + y - demand)) / mw / max(x.shape[1], 1),
        "P2": largest(beyond, -y) / mw,
        "D1": wrong / money,
        "G1": gap,
    }
    return Certificate(residuals, TOLERANCES)
