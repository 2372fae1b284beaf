"""The order book of one clearing: sealed offers, bids, fixed demand and ramp limits."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book_tables import (
    read_ramps,
    read_sides,
    refuse_repeated_orders,
    refuse_scattered_units,
    unit_labels,
)
from clearing.machines import BUY, EVERY_PERIOD, SELL, only_buys, refuse_self_trade
from networks.checks import MOST_MW, Rows, Table, freeze_arrays, frozen, number, shown, suggest, whole
from networks.csv_tables import read_tables
from networks.errors import InputError

if TYPE_CHECKING:
    from networks.case import Case


@dataclass(frozen=True, eq=False)
class Book:
    """Sealed orders of one clearing, as write-protected arrays; built by :meth:`from_tables`.

    The price of the x-th MW of a sale is price + slope·x, of a purchase price − slope·x. A sale whose
    `min_mw` is negative is one machine from withdrawing to injecting: it accepts from min_mw to mw MW, and
    what it takes below 0 it pays for along the same line.

    Attributes
    ----------
    orders, participants, units, order_bus : (rows,) labels; orders of one unit are one machine, which never
        sells and buys in the same period.
    side : (rows,) +1 sale, −1 purchase.
    mw, min_mw, price, slope : (rows,) [MW, MW, $/MWh, $/MW²h].
    order_period : (rows,) period, −1 for every period.
    fixed_bus, fixed_mw, fixed_period : (fixed rows,) demand without a price; negative injects [MW].
    ramp_units, ramp_up_mw, ramp_down_mw, previous_mw : (ramp rows,) change of a unit's output per
        period [MW], inf for none; output before period 0 [MW], NaN when unknown.
    periods, hours : number of periods and the length of one [h].
    constant_cost : cost that no order carries (units' no-load cost) [$/h].
    """

    orders: tuple[Hashable, ...]
    participants: tuple[Hashable, ...]
    units: tuple[Hashable, ...]
    order_bus: tuple[Hashable, ...]
    side: np.ndarray
    mw: np.ndarray
    min_mw: np.ndarray
    price: np.ndarray
    slope: np.ndarray
    order_period: np.ndarray
    fixed_bus: tuple[Hashable, ...]
    fixed_mw: np.ndarray
    fixed_period: np.ndarray
    ramp_units: tuple[Hashable, ...] = ()
    ramp_up_mw: np.ndarray = field(default_factory=lambda: np.empty(0))
    ramp_down_mw: np.ndarray = field(default_factory=lambda: np.empty(0))
    previous_mw: np.ndarray = field(default_factory=lambda: np.empty(0))
    periods: int = 1
    hours: float = 1.0
    constant_cost: float = 0.0

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @classmethod
    def from_tables(
        cls,
        orders: Rows,
        periods: int = 1,
        hours: float = 1.0,
        ramps: Rows | None = None,
        fixed: Rows | None = None,
    ) -> Book:
        """A book from plain tables (data frames, or sequences of dicts).

        Parameters
        ----------
        orders : `order, participant, bus, side ("sell"|"buy"), mw, price[, slope, min_mw, unit, period]`.
            Without `period` a row holds in every period; `unit` defaults to the order itself. Orders of
            one unit are one machine, at one bus: it may sell and buy, yet not at the same time, so it
            bids no more than it asks. A sale's `min_mw` may be negative (it can also withdraw).
        periods, hours : number of periods and the length of one [h].
        ramps : `unit[, up_mw, down_mw, previous_mw]` per period; missing or infinite means none.
        fixed : `bus, mw[, period]`; negative means injection. Rows of one bus and period add up, as the
            loads of a bus do.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        periods, hours = whole("periods", periods), number("hours", hours, "hours", above=0)
        table = Table(
            orders,
            "orders",
            ["order", "participant", "bus", "side", "mw", "price"],
            ["slope", "min_mw", "unit", "period"],
        )
        labels = table.labels("order")
        period = table.whole_numbers("period", periods, "periods")
        refuse_repeated_orders(table, labels, period)
        mw = table.numbers("mw", "MW", minimum=0.0, most=MOST_MW)
        min_mw = table.numbers("min_mw", "MW", default=0.0, missing=0.0, most=MOST_MW)
        table.refuse(min_mw > mw, "min_mw", "it is above mw", "lower it, or raise mw")
        units = labels if not table.has("unit") else unit_labels(table, labels)
        buses, side = table.labels("bus"), read_sides(table)
        table.refuse(
            (min_mw < 0) & (side == BUY), "min_mw", "it is below 0, and the order buys",
            "give a machine that can inject and withdraw one row with side 'sell'",
        )  # fmt: skip
        refuse_scattered_units(table, units, buses)
        fixed_table = Table(() if fixed is None else fixed, "fixed", ["bus", "mw"], ["period"])
        takes = (side == BUY) | (min_mw < 0)
        takers = {unit for unit, flag in zip(units, takes.tolist(), strict=True) if flag}
        ramp_units, up, down, previous = read_ramps(ramps, units, takers)
        book = cls(
            orders=tuple(labels),
            participants=tuple(table.labels("participant")),
            units=tuple(units),
            order_bus=tuple(buses),
            side=side,
            mw=mw,
            min_mw=min_mw,
            price=table.numbers("price", "$/MWh"),
            slope=table.numbers("slope", "$/MW²h", default=0.0, minimum=0.0, missing=0.0),
            order_period=period,
            fixed_bus=tuple(fixed_table.labels("bus")),
            fixed_mw=fixed_table.numbers("mw", "MW", most=MOST_MW),
            fixed_period=fixed_table.whole_numbers("period", periods, "periods"),
            ramp_units=tuple(ramp_units),
            ramp_up_mw=up,
            ramp_down_mw=down,
            previous_mw=previous,
            periods=periods,
            hours=hours,
        )
        refuse_self_trade(book)
        return book

    @classmethod
    def from_case(
        cls,
        case: Case,
        periods: int | None = None,
        hours: float = 1.0,
        profile: Sequence[float] | np.ndarray | None = None,
        ramps: bool = True,
        ramp_share: float | None = None,
    ) -> Book:
        """Offers at true cost, loads as bids where they have a price and as fixed demand elsewhere.

        Parameters
        ----------
        periods : number of periods; by default the length of `profile` or of the case's loads.
        hours : length of a period [h].
        profile : (periods,) multipliers of every load, none negative.
        ramps : whether the fleet's own ramp limits apply.
        ramp_share : ramp limit of every unit as a share of its capacity per period, in place of the
            fleet's own.

        Raises
        ------
        InputError
            when a profile does not fit, or a unit's costs cannot be offered.
        """
        from clearing.builders import book_from_case

        return book_from_case(case, periods, hours, profile, ramps, ramp_share)

    @classmethod
    def from_csv(
        cls,
        orders: str | Path,
        periods: int = 1,
        hours: float = 1.0,
        ramps: str | Path | None = None,
        fixed: str | Path | None = None,
    ) -> Book:
        """A book from CSV files with the columns of :meth:`from_tables`."""
        tables = read_tables({"orders": orders, "ramps": ramps, "fixed": fixed})
        return cls.from_tables(
            tables["orders"], periods=periods, hours=hours, ramps=tables["ramps"], fixed=tables["fixed"]
        )

    def with_markup(self, markup: Mapping[Hashable, float], relative: bool = False) -> Book:
        """Sales offered above their price: `markup` by participant, unit or order.

        In $/MWh, or with `relative` as a share of the price (0.1 for ten per cent).
        """
        price = self.price.copy()
        for key, value in markup.items():
            chosen = self._select(key, "markup", value)
            price[chosen] = price[chosen] * (1 + value) if relative else price[chosen] + value
        return replace(self, price=price)

    def with_withheld(self, share: Mapping[Hashable, float]) -> Book:
        """Sales with a share (0 to 1) of their MW withheld, by participant, unit or order.

        A minimum output stays: an order never falls below its `min_mw`.
        """
        mw = self.mw.copy()
        for key, value in share.items():
            chosen = self._select(key, "share", value)
            if not 0 <= value <= 1:
                raise InputError(f"withheld share of {key!r} is {shown(value)}; give a number from 0 to 1")
            mw[chosen] = np.maximum(mw[chosen] * (1 - value), self.min_mw[chosen])
        return replace(self, mw=mw)

    def with_lost_load(self, value_of_lost_load: float) -> Book:
        """Fixed demand turned into bids at the value of lost load [$/MWh]; injections stay fixed.

        Each bus and period with positive net fixed demand gets one order `lost load BUS`.
        """
        from clearing.builders import price_fixed_demand

        return price_fixed_demand(self, value_of_lost_load)

    @cached_property
    def unit_numbers(self) -> np.ndarray:
        """(rows,) number of each order's unit, by first appearance."""
        number = {unit: k for k, unit in enumerate(dict.fromkeys(self.units))}
        return frozen(np.array([number[unit] for unit in self.units], dtype=np.int64))

    @cached_property
    def column_row(self) -> np.ndarray:
        """(columns,) row of each order-and-period column; a row for every period makes `periods` columns."""
        return frozen(np.repeat(np.arange(len(self.orders)), self._repeats))

    @cached_property
    def column_demand(self) -> np.ndarray:
        """(columns,) bool, purchases of units that sell nothing in the period: what law 2 calls demand, with
        positive fixed demand."""
        machine = self.unit_numbers[self.column_row] * self.periods + self.column_period
        return frozen(only_buys(machine, self.side[self.column_row]))

    @cached_property
    def column_period(self) -> np.ndarray:
        """(columns,) period of each order-and-period column."""
        every = self.order_period == EVERY_PERIOD
        period = np.repeat(self.order_period, self._repeats)
        starts = np.repeat(np.cumsum(self._repeats) - self._repeats, self._repeats)
        return frozen(np.where(np.repeat(every, self._repeats), np.arange(len(period)) - starts, period))

    def by_column(self, labels: Sequence[Hashable]) -> list[Hashable]:
        """(columns,) labels of the rows, such as `participants`, at each column."""
        return [labels[k] for k in self.column_row.tolist()]

    def offered_cost(self, accepted_mw: np.ndarray) -> np.ndarray:
        """(columns,) what accepted MW cost, less the value of what they withdraw, at the own prices [$/h]."""
        rows = self.column_row
        return self.side[rows] * self.price[rows] * accepted_mw + 0.5 * self.slope[rows] * accepted_mw**2

    @property
    def _repeats(self) -> np.ndarray:
        return np.where(self.order_period == EVERY_PERIOD, self.periods, 1)

    @cached_property
    def orders_frame(self) -> pd.DataFrame:
        """The table `orders` that :meth:`from_tables` reads back."""
        period = pd.array(self.order_period, dtype="Int64")
        period[self.order_period == EVERY_PERIOD] = pd.NA
        return pd.DataFrame(
            {
                "order": list(self.orders),
                "participant": list(self.participants),
                "unit": list(self.units),
                "bus": list(self.order_bus),
                "side": np.where(self.side == SELL, "sell", "buy"),
                "mw": self.mw,
                "min_mw": self.min_mw,
                "price": self.price,
                "slope": self.slope,
                "period": period,
            }
        )

    @cached_property
    def fixed_frame(self) -> pd.DataFrame:
        """The table `fixed` that :meth:`from_tables` reads back."""
        period = pd.array(self.fixed_period, dtype="Int64")
        period[self.fixed_period == EVERY_PERIOD] = pd.NA
        return pd.DataFrame({"bus": list(self.fixed_bus), "mw": self.fixed_mw, "period": period})

    @cached_property
    def ramps_frame(self) -> pd.DataFrame:
        """The table `ramps` that :meth:`from_tables` reads back."""
        return pd.DataFrame(
            {
                "unit": list(self.ramp_units),
                "up_mw": self.ramp_up_mw,
                "down_mw": self.ramp_down_mw,
                "previous_mw": self.previous_mw,
            }
        )

    def _select(self, key: Hashable, what: str, value: float) -> np.ndarray:
        """Rows of the sales that belong to a participant, else a unit, else an order."""
        number(f"{what} of {key!r}", value, "$/MWh, or as a share")
        for labels in (self.participants, self.units, self.orders):
            rows = [k for k, label in enumerate(labels) if label == key]
            rows = rows or [k for k, label in enumerate(labels) if str(label) == str(key)]
            rows = [k for k in rows if self.side[k] == SELL]
            if rows:
                return np.array(rows)
        known = dict.fromkeys([*self.participants, *self.units, *self.orders])
        raise InputError(f"{what}: {key!r} sells nothing in this book{suggest(key, known)}")
