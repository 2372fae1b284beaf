"""What is worth saying about one clearing: the numbers that the summary, the picture and the page share."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import Book
from clearing.structure import fixed_demand
from networks.grid import Grid
from networks.headroom import Injections, any_limit_can_bind_within
from networks.notes import NO_LIMIT_CAN_BIND

if TYPE_CHECKING:
    from clearing.explaining.explain import Explanation
    from clearing.outcome import Outcome
    from clearing.settlement import Settlement
    from networks.case import Case

SAME_PRICE = 1e-6
"""Prices this close, relative to 1 + the greatest, are one price in words."""


@dataclass(frozen=True, eq=False)
class Facts:
    """One clearing with what follows from it; arrays are (buses or branches, periods).

    Attributes
    ----------
    case, outcome, settlement : what was cleared and settled.
    command : the command that made it, as typed.
    explanations : of the buses that were asked for.
    """

    case: Case
    outcome: Outcome
    settlement: Settlement
    command: str
    explanations: tuple[Explanation, ...] = ()

    def with_explanations(self, buses: Sequence[Hashable]) -> Facts:
        """The facts with the prices at `buses` explained, in the focus period."""
        found = tuple(self.outcome.explain(bus, self.focus_period) for bus in buses)
        return replace(self, explanations=found)

    @property
    def grid(self) -> Grid:
        return self.case.grid

    @property
    def book(self) -> Book:
        return self.outcome.book

    @property
    def periods(self) -> int:
        return self.book.periods

    @cached_property
    def positions(self) -> np.ndarray:
        """(buses, 2) drawing coordinates."""
        from networks.layout import bus_positions

        return bus_positions(self.grid, self.case.positions)

    @cached_property
    def fixed_mw(self) -> np.ndarray:
        """(buses, periods) fixed demand, shunts included; negative injects [MW]."""
        return fixed_demand(self.book, self.grid)

    @cached_property
    def served_mw(self) -> np.ndarray:
        """(buses, periods) served demand: fixed demand, and accepted bids of units that sell nothing [MW]."""
        return np.maximum(self.fixed_mw, 0.0) + self._injected(self.outcome.is_demand) * -1.0

    @cached_property
    def generated_mw(self) -> np.ndarray:
        """(buses, periods) fixed injections, and what units that sell inject less what they withdraw [MW]."""
        return np.maximum(-self.fixed_mw, 0.0) + self._injected(~self.outcome.is_demand)

    def _injected(self, chosen: np.ndarray) -> np.ndarray:
        out = np.zeros((len(self.grid.buses), self.periods))
        where = (self.outcome.column_bus[chosen], self.book.column_period[chosen])
        side = self.book.side[self.book.column_row]
        np.add.at(out, where, (side * self.outcome.accepted_mw)[chosen])
        return out

    @cached_property
    def unserved_mw(self) -> float:
        """Demand that bid and was not accepted, over all periods [MW summed over periods]."""
        offered = self.book.mw[self.book.column_row]
        return float((offered - self.outcome.accepted_mw)[self.outcome.is_demand].sum())

    @cached_property
    def mean_price(self) -> np.ndarray:
        """(periods,) price weighted by served demand (plain mean where nothing is served) [$/MWh]."""
        priced = self.outcome.priced
        lmp = np.where(priced, self.outcome.lmp, 0.0)
        weight = np.where(priced, self.served_mw, 0.0)
        weight = np.where(weight.sum(axis=0) > 0, weight, priced)
        with np.errstate(invalid="ignore", divide="ignore"):
            return (weight * lmp).sum(axis=0) / weight.sum(axis=0)

    @cached_property
    def overall_mean_price(self) -> float:
        """Price weighted by served demand over all periods [$/MWh], NaN where nothing is priced."""
        weight = self.served_mw.sum(axis=0)
        known = np.isfinite(self.mean_price)
        if not known.any():
            return float("nan")
        weights = np.where(weight > 0, weight, 0.0) if (weight[known] > 0).any() else np.ones(self.periods)
        return float(np.average(self.mean_price[known], weights=weights[known]))

    @cached_property
    def spread(self) -> np.ndarray:
        """(periods,) greatest less least price [$/MWh], 0 where no bus has a price."""
        lmp, priced = self.outcome.lmp, self.outcome.priced
        top = np.where(priced, lmp, -np.inf).max(axis=0)
        low = np.where(priced, lmp, np.inf).min(axis=0)
        return np.where(priced.any(axis=0), top - low, 0.0)

    @cached_property
    def has_one_price(self) -> np.ndarray:
        """(periods,) whether all priced buses have the same price."""
        top = np.abs(np.where(self.outcome.priced, self.outcome.lmp, 0.0)).max(axis=0, initial=0.0)
        return self.spread <= SAME_PRICE * (1.0 + top)

    @cached_property
    def focus_period(self) -> int:
        """The period to show first: the greatest price spread, or the greatest demand where none differs."""
        if self.has_one_price.all():
            return int(np.argmax(self.served_mw.sum(axis=0)))
        return int(np.argmax(np.where(self.has_one_price, -1.0, self.spread)))

    def extreme(self, greatest: bool) -> tuple[float, Hashable, int]:
        """The greatest or least price, its bus and its period; NaN where no bus has a price."""
        priced = self.outcome.priced
        if not priced.any():
            return float("nan"), self.grid.buses[0], 0
        worst = -np.inf if greatest else np.inf
        lmp = np.where(priced, self.outcome.lmp, worst)
        bus, period = np.unravel_index(np.argmax(lmp) if greatest else np.argmin(lmp), lmp.shape)
        return float(lmp[bus, period]), self.grid.buses[bus], int(period)

    @cached_property
    def loading(self) -> np.ndarray:
        """(branches, periods) flow as a share of its limit in the flow's direction; NaN without a limit."""
        low, high = self.grid.flow_bounds_mw
        limit = np.where(self.outcome.flow_mw >= 0, high[:, None], -low[:, None])
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.abs(self.outcome.flow_mw) / limit
        share = np.where(limit == 0, 1.0, share)
        return np.where(np.isfinite(limit) & (limit >= 0), share, np.nan)

    @cached_property
    def is_binding(self) -> np.ndarray:
        """(branches, periods) whether the branch has a shadow price."""
        scale = 1.0 + float(np.nanmax(np.abs(self.outcome.lmp), initial=0.0))
        return np.abs(np.nan_to_num(self.outcome.flow_dual)) > 1e-9 * scale

    @cached_property
    def binding(self) -> pd.DataFrame:
        """Binding branches, greatest rent first: branch, period, from_bus, to_bus, flow_mw, limit_mw,
        shadow_price, rent."""
        branch, period = np.nonzero(self.is_binding)
        buses, grid, flow = np.array(self.grid.buses, dtype=object), self.grid, self.outcome.flow_mw
        low, high = grid.flow_bounds_mw
        dual = self.outcome.flow_dual[branch, period]
        frame = pd.DataFrame(
            {
                "branch": [grid.branches[k] for k in branch],
                "period": period,
                "from_bus": buses[grid.from_bus[branch]],
                "to_bus": buses[grid.to_bus[branch]],
                "flow_mw": flow[branch, period],
                "limit_mw": np.abs(np.where(dual > 0, high[branch], low[branch])),
                "shadow_price": np.abs(dual),
                "rent": dual * flow[branch, period] * self.book.hours,
            }
        )
        return frame.sort_values("rent", ascending=False, kind="stable", ignore_index=True)

    @cached_property
    def congestion_rent(self) -> float:
        """Rents of all branches and periods [$]."""
        return float((np.nan_to_num(self.outcome.flow_dual) * self.outcome.flow_mw).sum() * self.book.hours)

    @cached_property
    def open_intervals(self) -> np.ndarray:
        """(buses, periods) whether more than one price supports the dispatch."""
        low, high = self.outcome.intervals
        with np.errstate(invalid="ignore"):
            wide = high - low > SAME_PRICE * (1.0 + np.abs(np.nan_to_num(self.outcome.lmp)))
        return wide | ~self.outcome.priced

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Notes of the case, of the outcome and of the settlement, each once; what cannot bind follows the
        book that was cleared, not the case's own units and loads."""
        case = [note for note in self.case.notes if note != NO_LIMIT_CAN_BIND or not self._a_limit_can_bind]
        return tuple(dict.fromkeys([*case, *self.outcome.notes, *self.settlement.notes]))

    @cached_property
    def _a_limit_can_bind(self) -> bool:
        if len(self.binding):
            return True
        book, rows, bus = self.book, self.book.column_row, self.outcome.column_bus
        low = np.where(book.side[rows] > 0, book.min_mw[rows], -book.mw[rows])
        high = np.where(book.side[rows] > 0, book.mw[rows], -book.min_mw[rows])
        periods = []
        for t in range(self.periods):
            mine = book.column_period == t
            periods.append(Injections(bus[mine], low[mine], high[mine], self.fixed_mw[:, t]))
        return any_limit_can_bind_within(self.grid, periods)
