"""A settlement as sums and tables: by participant, order, branch, link and unit."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import BUY, Book

if TYPE_CHECKING:
    from clearing.outcome import Outcome

FIXED, SHUNTS = "fixed demand", "grid shunts"
MOVED = 1e-9  # share of the greatest accepted MW below which a move is rounding


class SettlementTables:
    """Sums and data frames of :class:`clearing.settlement.Settlement`, made when they are read."""

    outcome: Outcome
    book: Book
    rule: str
    price: np.ndarray
    schedule_mw: np.ndarray
    order_paid: np.ndarray
    order_worth: np.ndarray
    fixed_mw: np.ndarray
    fixed_paid: np.ndarray
    shunt_paid: np.ndarray
    branch_rent: np.ndarray
    shift_rent: np.ndarray
    link_rent: np.ndarray
    redispatch_paid: np.ndarray
    uplift_units: tuple[tuple[Hashable, Hashable], ...]
    uplift_paid: np.ndarray
    merchandising_surplus: float

    @property
    def consumer_surplus(self) -> float:
        """Utility less payments of demand (law 2); fixed demand has no utility and is left out [$]."""
        return float((self.order_worth - self.order_paid)[self.outcome.is_demand].sum())

    @property
    def producer_surplus(self) -> float:
        """Receipts less cost of all other orders, before uplift and constant costs [$]."""
        supply = ~self.outcome.is_demand
        return float((self._side * (self.order_paid - self.order_worth))[supply].sum())

    @property
    def redispatch_cost(self) -> float:
        """What moving orders away from the schedule costs the operator [$]; 0 unless "uniform"."""
        return float((self._side * self.redispatch_paid).sum())

    @property
    def uplift(self) -> float:
        """Sum of make-whole payments [$]."""
        return float(self.uplift_paid.sum())

    @property
    def operator_surplus(self) -> float:
        """Merchandising surplus less uplift [$]."""
        return self.merchandising_surplus - self.uplift

    @cached_property
    def summary(self) -> pd.Series:
        """Name → $: what each side gets and what the operator keeps; buyers are demand as in law 2, and what
        sellers withdraw is taken from their receipts and cost."""
        return pd.Series(
            {
                "utility": float(self._utility.sum()),
                "cost": float(self._cost.sum()),
                "buyers' payments": float(self.order_paid[self.outcome.is_demand].sum()),
                "fixed demand's payment": float(self.fixed_paid.sum()),
                "grid shunts' payment": float(self.shunt_paid.sum()),
                "sellers' receipts": float((self._side * self.order_paid)[~self.outcome.is_demand].sum()),
                "consumer surplus": self.consumer_surplus,
                "producer surplus": self.producer_surplus,
                "merchandising surplus": self.merchandising_surplus,
                "congestion rents": float(self.branch_rent.sum()),
                "phase shifters' term": float(self.shift_rent.sum()),
                "link rents": float(self.link_rent.sum()),
                "redispatch cost": self.redispatch_cost,
                "uplift": self.uplift,
                "operator surplus": self.operator_surplus,
            },
            name="$",
        )

    @cached_property
    def payments(self) -> pd.DataFrame:
        """Index (participant, period): sold_mwh, bought_mwh, receipts, payments, cost, utility, surplus [$].

        Surplus is receipts − cost + utility − payments, before uplift (which is per unit over all
        periods, see :attr:`totals`). Negative fixed demand counts as sold, and what a sale withdraws as
        bought; the cost of a unit that sells and withdraws is net.
        """
        book, hours = self.outcome.book, self.outcome.book.hours
        names = list(dict.fromkeys(book.participants))
        number = {name: k for k, name in enumerate(names)}
        owner = np.array([number[p] for p in book.participants], dtype=np.int64)[book.column_row]
        at = owner * book.periods + book.column_period
        mwh = np.abs(self.outcome.accepted_mw) * hours
        buys, size = self.buys, len(names) * book.periods

        def total(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
            return np.bincount(at[chosen], weights=values[chosen], minlength=size)

        columns = {
            "sold_mwh": total(mwh, ~buys),
            "bought_mwh": total(mwh, buys),
            "receipts": total(self._paid, ~buys),
            "payments": total(self._paid, buys),
            "cost": total(self._cost, ~self.outcome.is_demand),
            "utility": total(self._utility, self.outcome.is_demand),
        }
        shunts = np.repeat(self.outcome.grid.shunt_mw[:, None], book.periods, axis=1)
        for name, mw, paid in ((FIXED, self.fixed_mw, self.fixed_paid), (SHUNTS, shunts, self.shunt_paid)):
            if mw.any():
                names.append(name)
                _append_fixed(columns, mw * hours, paid)
        index = pd.MultiIndex.from_product([names, range(book.periods)], names=["participant", "period"])
        frame = pd.DataFrame(columns, index=index)
        frame["surplus"] = frame["receipts"] - frame["cost"] + frame["utility"] - frame["payments"]
        return frame

    @cached_property
    def totals(self) -> pd.DataFrame:
        """Index participant: :attr:`payments` over all periods, `uplift`, and `profit` with it [$]."""
        frame = self.payments.groupby(level="participant", sort=False).sum()
        uplift = dict.fromkeys(frame.index, 0.0)
        for (participant, _), paid in zip(self.uplift_units, self.uplift_paid.tolist(), strict=True):
            uplift[participant] += paid
        frame["uplift"] = list(uplift.values())
        frame["profit"] = frame["surplus"] + frame["uplift"]
        return frame

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Index order: participant, unit, bus, period, side, mwh, scheduled_mwh, price, paid, worth,
        redispatch_paid; `price` is the rule's price of energy at the bus, `worth` cost or utility."""
        frame = self.outcome.accepted[["participant", "unit", "bus", "period", "side"]].copy()
        outcome, hours = self.outcome, self.outcome.book.hours
        frame["mwh"] = self.outcome.accepted_mw * hours
        frame["scheduled_mwh"] = self.schedule_mw * hours
        frame["price"] = self.price[outcome.column_bus, outcome.book.column_period]
        frame["paid"], frame["worth"] = self.order_paid, self.order_worth
        frame["redispatch_paid"] = self.redispatch_paid
        return frame

    @cached_property
    def redispatch(self) -> pd.DataFrame:
        """The rows of :attr:`orders` that the network moved, with `moved_mwh`; empty unless "uniform"."""
        frame = self.orders.assign(moved_mwh=self.orders["mwh"] - self.orders["scheduled_mwh"])
        room = MOVED * (1.0 + self.orders["mwh"].abs().max()) if len(frame) else 0.0
        return frame[(frame["moved_mwh"].abs() > room) & (self.rule == "uniform")]

    @cached_property
    def fixed(self) -> pd.DataFrame:
        """Index (bus, period): mwh, price, payment of fixed demand, where there is any."""
        frame = pd.DataFrame(
            {
                "mwh": self.fixed_mw.ravel() * self.outcome.book.hours,
                "price": self.price.ravel(),
                "payment": self.fixed_paid.ravel(),
            },
            index=self._by("bus", self.outcome.grid.buses),
        )
        return frame[frame["mwh"] != 0]

    @cached_property
    def rents(self) -> pd.DataFrame:
        """Index (branch, period): congestion_rent, shift_term [$]; their sum with link rents is the
        merchandising surplus under "lmp"."""
        columns = {"congestion_rent": self.branch_rent.ravel(), "shift_term": self.shift_rent.ravel()}
        return pd.DataFrame(columns, index=self._by("branch", self.outcome.grid.branches)) + 0.0

    @cached_property
    def link_rents(self) -> pd.DataFrame:
        """Index (link, period): rent [$]."""
        return pd.DataFrame(
            {"rent": self.link_rent.ravel() + 0.0}, index=self._by("link", self.outcome.grid.links)
        )

    @cached_property
    def uplifts(self) -> pd.DataFrame:
        """Index (participant, unit): uplift [$] of each unit that is made whole."""
        index = pd.MultiIndex.from_tuples(list(self.uplift_units) or [], names=["participant", "unit"])
        return pd.DataFrame({"uplift": self.uplift_paid}, index=index)

    @cached_property
    def _side(self) -> np.ndarray:
        book = self.outcome.book
        return book.side[book.column_row]

    @cached_property
    def buys(self) -> np.ndarray:
        """(order columns,) purchases, and sales that withdraw."""
        return (self._side == BUY) | (self.outcome.accepted_mw < 0)

    @property
    def _paid(self) -> np.ndarray:
        """(order columns,) what a seller receives, or whoever withdraws pays."""
        return np.where(self.buys & (self._side != BUY), -self.order_paid, self.order_paid)

    @property
    def _cost(self) -> np.ndarray:
        """(order columns,) cost of supply, with a minus sign what units that also sell withdraw."""
        return np.where(self.outcome.is_demand, 0.0, self._side * self.order_worth)

    @property
    def _utility(self) -> np.ndarray:
        """(order columns,) what demand is worth to those who bid for it."""
        return np.where(self.outcome.is_demand, self.order_worth, 0.0)

    def _by(self, what: str, labels: tuple[Hashable, ...]) -> pd.MultiIndex:
        return pd.MultiIndex.from_product(
            [list(labels), range(self.outcome.book.periods)], names=[what, "period"]
        )


def _append_fixed(columns: dict[str, np.ndarray], mwh: np.ndarray, paid: np.ndarray) -> None:
    """Rows of a participant without orders: withdrawals are bought, injections sold."""
    bought = mwh > 0
    none = np.zeros(mwh.shape[1])
    rows = {
        "sold_mwh": np.where(bought, 0.0, -mwh).sum(axis=0),
        "bought_mwh": np.where(bought, mwh, 0.0).sum(axis=0),
        "receipts": np.where(bought, 0.0, -paid).sum(axis=0),
        "payments": np.where(bought, paid, 0.0).sum(axis=0),
        "cost": none,
        "utility": none,
    }
    for name, values in rows.items():
        columns[name] = np.append(columns[name], values)
