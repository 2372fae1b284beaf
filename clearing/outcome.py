"""The outcome of a clearing: accepted orders, prices, flows, and the proof that they are right."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import SELL, Book
from clearing.optimum import Optimum
from clearing.pricing.prices import PriceRule
from clearing.result import labels_as_columns
from networks.grid import Grid

if TYPE_CHECKING:
    from clearing.explaining.explain import Explanation


@dataclass(frozen=True, eq=False)
class Outcome(Optimum):
    """A proven optimum of one nodal clearing; tables are made when they are read.

    Attributes
    ----------
    book : what was cleared.
    price_rule : the rule of law 5.
    status : "optimal": nothing else is returned (law 6).
    notes : sentences the user should know.
    """

    book: Book
    price_rule: PriceRule
    notes: tuple[str, ...] = ()
    status: str = "optimal"

    @classmethod
    def of(cls, found: Optimum, book: Book, price_rule: PriceRule, notes: tuple[str, ...]) -> Outcome:
        """The outcome of a book that an optimum is."""
        own = {item.name: getattr(found, item.name) for item in fields(found)}
        return cls(**own, book=book, price_rule=price_rule, notes=notes)

    @property
    def grid(self) -> Grid:
        """The grid on which the book was cleared."""
        return self.face.reduced.structure.grid

    @property
    def ramp_units(self) -> tuple[Hashable, ...]:
        """Labels of the units with a ramp limit, the rows of `ramp_dual`."""
        return self.face.reduced.structure.ramp_units

    @property
    def accepted_mw(self) -> np.ndarray:
        """(order columns,) accepted MW, negative where a sale withdraws; column k is row `book.column_row[k]`
        in period `book.column_period[k]`."""
        return self.claim.accepted

    @property
    def link_mw(self) -> np.ndarray:
        """(links, periods) what controllable links send from `from_bus`; less their loss arrives [MW]."""
        return self.claim.link_mw

    @property
    def flow_mw(self) -> np.ndarray:
        """(branches, periods) branch flows, positive from `from_bus` to `to_bus` [MW]."""
        return self.claim.flow_mw

    @property
    def unique_prices(self) -> bool:
        """Whether the price rule had nothing to choose."""
        return self.face.unique

    @property
    def column_bus(self) -> np.ndarray:
        """(order columns,) position of each order's bus in the grid."""
        return self.face.reduced.structure.bus

    @property
    def column_price(self) -> np.ndarray:
        """(order columns,) LMP at each order's bus and period [$/MWh]."""
        return self.lmp[self.column_bus, self.book.column_period]

    @property
    def priced(self) -> np.ndarray:
        """(buses, periods) whether the bus has a price."""
        return np.isfinite(self.lmp)

    @property
    def is_demand(self) -> np.ndarray:
        """(order columns,) bool, purchases of units that sell nothing in the period (law 2)."""
        return self.book.column_demand

    @cached_property
    def welfare(self) -> float:
        """Value of served bids less offered cost, constant costs left out, over all periods [$]."""
        return -float(self._signed_cost.sum())

    @cached_property
    def cost(self) -> float:
        """Offered cost of supply, constant costs included, over all periods [$].

        Of units that sell and withdraw it is net: what they withdraw counts with a minus sign.
        """
        constant = self.book.constant_cost * self.book.periods * self.book.hours
        return float(self._signed_cost[~self.is_demand].sum()) + constant

    @property
    def _signed_cost(self) -> np.ndarray:
        """(order columns,) cost of what each order injects, less the value of what it withdraws [$]."""
        return self.book.offered_cost(self.accepted_mw) * self.book.hours

    @cached_property
    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, periods) twice: least and greatest supporting price of each bus, ±inf where unbounded."""
        return (self.lmp, self.lmp) if self.unique_prices else super().intervals

    @cached_property
    def prices(self) -> pd.DataFrame:
        """Index (bus, period): lmp, lmp_low, lmp_high, energy, congestion [$/MWh]; fused buses last."""
        low, high = self.intervals
        columns = {"lmp": self.lmp, "lmp_low": low, "lmp_high": high, "energy": self.energy}
        position = self.grid.bus_position  # the buses in their order, then those that are fused with one
        rows = np.array(list(position.values()), dtype=np.int64)
        index = pd.MultiIndex.from_product(
            [list(position), range(self.book.periods)], names=["bus", "period"]
        )
        frame = pd.DataFrame({name: values[rows].ravel() for name, values in columns.items()}, index=index)
        frame["congestion"] = frame["lmp"] - frame["energy"]
        return frame

    @cached_property
    def accepted(self) -> pd.DataFrame:
        """Index order: participant, unit, bus, period, side, offered_mw, accepted_mw, limit_price, price.

        `limit_price` is the order's own price of its first MW, `price` the LMP at its bus [$/MWh]. A sale
        with a negative `accepted_mw` withdraws.
        """
        book, rows, period = self.book, self.book.column_row, self.book.column_period

        return pd.DataFrame(
            {
                "participant": book.by_column(book.participants),
                "unit": book.by_column(book.units),
                "bus": book.by_column(book.order_bus),
                "period": period,
                "side": np.where(book.side[rows] == SELL, "sell", "buy"),
                "offered_mw": book.mw[rows],
                "accepted_mw": self.accepted_mw,
                "limit_price": book.price[rows],
                "price": self.column_price,
            },
            index=pd.Index(book.by_column(book.orders), name="order"),
        )

    @cached_property
    def flows(self) -> pd.DataFrame:
        """Index (branch, period): flow_mw, limit_mw, shadow_price, rent.

        `limit_mw` is the bound in the direction of the flow, `shadow_price` what one more MW of it
        saves [$/MWh], `rent` the congestion rent [$].
        """
        low, high = self.grid.flow_bounds_mw
        limit = np.where(self.flow_mw >= 0, high[:, None], -low[:, None])
        rent = self.flow_dual * self.flow_mw * self.book.hours + 0.0
        return pd.DataFrame(
            {
                "flow_mw": self.flow_mw.ravel(),
                "limit_mw": limit.ravel(),
                "shadow_price": np.abs(self.flow_dual).ravel(),
                "rent": rent.ravel(),
            },
            index=self._by("branch"),
        )

    @cached_property
    def links(self) -> pd.DataFrame:
        """Index (link, period): flow_mw, min_mw, max_mw, rent [$].

        `flow_mw` is what leaves `from_bus`; `rent` the worth of what arrives less that of what is sent.
        """
        grid = self.grid
        worth = (1.0 - grid.link_loss)[:, None] * self.lmp[grid.link_to] - self.lmp[grid.link_from]
        gain = worth * self.link_mw * self.book.hours
        periods = self.book.periods
        return pd.DataFrame(
            {
                "flow_mw": self.link_mw.ravel(),
                "min_mw": np.repeat(grid.link_min_mw, periods),
                "max_mw": np.repeat(grid.link_max_mw, periods),
                "rent": gain.ravel(),
            },
            index=self._by("link"),
        )

    @cached_property
    def binding(self) -> pd.DataFrame:
        """The rows of :attr:`flows` with a shadow price, greatest rent first."""
        frame = self.flows[
            self.flows["shadow_price"] > 1e-9 * (1.0 + np.nanmax(np.abs(self.lmp), initial=0.0))
        ]
        return frame.sort_values("rent", ascending=False, kind="stable")

    @property
    def summary(self) -> pd.Series:
        """Totals [$]: welfare, cost, congestion_rent; what each side pays is in :func:`clearing.settle`."""
        rent = float(np.nansum(self.flow_dual * self.flow_mw)) * self.book.hours
        return pd.Series({"welfare": self.welfare, "cost": self.cost, "congestion_rent": rent})

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """prices, accepted and flows; links where the grid has any."""
        tables = {"prices": self.prices, "accepted": self.accepted, "flows": self.flows}
        return labels_as_columns(tables | ({"links": self.links} if self.grid.links else {}))

    def explain(self, bus: Hashable, period: int = 0) -> Explanation:
        """The price at a bus: who serves one more MW there, and which branches make it differ."""
        from clearing.explaining.explain import explain_price

        return explain_price(self, bus, period)

    def _by(self, what: str) -> pd.MultiIndex:
        labels = {"bus": self.grid.buses, "branch": self.grid.branches, "link": self.grid.links}[what]
        return pd.MultiIndex.from_product([list(labels), range(self.book.periods)], names=[what, "period"])
