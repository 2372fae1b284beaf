"""The outcome of a clearing: accepted orders, prices, flows, and the proof that they are right."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import SELL, Book
from clearing.certificate import Certificate, Claim
from clearing.pricing.prices import DualFace, PriceRule
from networks.checks import frozen
from networks.grid import Grid

if TYPE_CHECKING:
    from clearing.explaining.explain import Explanation


@dataclass(frozen=True, eq=False)
class Outcome:
    """A proven optimum of one nodal clearing; tables are made when they are read.

    Attributes
    ----------
    book, grid : what was cleared.
    accepted_mw : (order columns,) accepted MW, negative where a sale withdraws; column k is row
        `book.column_row[k]` in period `book.column_period[k]`.
    link_mw : (links, periods) what controllable links send from `from_bus`; less their loss arrives.
    flow_mw : (branches, periods) branch flows, positive from `from_bus` to `to_bus`.
    lmp : (buses, periods) locational marginal prices [$/MWh]; NaN where nothing bounds them.
    energy : (buses, periods) load-weighted mean price of the bus's island; `lmp` less it is congestion.
    flow_dual : (branches, periods) shadow prices, positive at the high limit, negative at the low.
    ramp_dual : (ramp units, periods) likewise for the change of a unit's output.
    ramp_units : labels of the units with a ramp limit.
    status : "optimal": nothing else is returned (law 6).
    price_rule, unique_prices : the rule of law 5, and whether it had to choose.
    claim : the same dispatch with prices that support it everywhere, `lmp` where that is a number.
    certificate : the proof of the claim, computed from book and grid.
    solver : which solver found the active set.
    notes : sentences the user should know.
    """

    book: Book
    grid: Grid
    accepted_mw: np.ndarray
    link_mw: np.ndarray
    flow_mw: np.ndarray
    lmp: np.ndarray
    energy: np.ndarray
    flow_dual: np.ndarray
    ramp_dual: np.ndarray
    ramp_units: tuple[Hashable, ...]
    price_rule: PriceRule
    unique_prices: bool
    claim: Claim
    certificate: Certificate
    solver: str
    face: DualFace
    notes: tuple[str, ...] = ()
    status: str = "optimal"

    def __post_init__(self) -> None:
        for name in ("accepted_mw", "link_mw", "flow_mw", "lmp", "energy", "flow_dual", "ramp_dual"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def priced(self) -> np.ndarray:
        """(buses, periods) whether the bus has a price."""
        return np.isfinite(self.lmp)

    @property
    def is_demand(self) -> np.ndarray:
        """(order columns,) bool, purchases of units that sell nothing in the period (law 2)."""
        return self.face.reduced.structure.demand

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
        book, rows, x = self.book, self.book.column_row, self.accepted_mw
        return (book.side[rows] * book.price[rows] * x + 0.5 * book.slope[rows] * x**2) * book.hours

    @cached_property
    def intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """(buses, periods) twice: least and greatest supporting price of each bus, ±inf where unbounded."""
        if self.unique_prices:
            return self.lmp, self.lmp
        low, high = self.face.intervals()
        money = self.face.reduced.money
        return frozen(low * money), frozen(high * money)

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
        bus = self.face.reduced.structure.bus

        def spread(labels: tuple[Hashable, ...]) -> list[Hashable]:
            return [labels[k] for k in rows.tolist()]

        return pd.DataFrame(
            {
                "participant": spread(book.participants),
                "unit": spread(book.units),
                "bus": spread(book.order_bus),
                "period": period,
                "side": np.where(book.side[rows] == SELL, "sell", "buy"),
                "offered_mw": book.mw[rows],
                "accepted_mw": self.accepted_mw,
                "limit_price": book.price[rows],
                "price": self.lmp[bus, period],
            },
            index=pd.Index(spread(book.orders), name="order"),
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

    def explain(self, bus: Hashable, period: int = 0) -> Explanation:
        """The price at a bus: who serves one more MW there, and which branches make it differ."""
        from clearing.explaining.explain import explain_price

        return explain_price(self, bus, period)

    def _by(self, what: str) -> pd.MultiIndex:
        labels = {"bus": self.grid.buses, "branch": self.grid.branches, "link": self.grid.links}[what]
        return pd.MultiIndex.from_product([list(labels), range(self.book.periods)], names=[what, "period"])
