"""The outcome of a central auction: what became of every order and why, prices, payments, the proof."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clearing.book import SELL
from clearing.certificate import Certificate
from clearing.elecbay.book import SealedBook
from clearing.outcome import Outcome
from clearing.result import labels_as_columns
from networks.grid import Grid

if TYPE_CHECKING:
    from clearing.elecbay.settlement import ElecBaySettlement

WHOLE = 1e-9  # an order whose unaccepted share is below this is accepted whole


@dataclass(frozen=True, eq=False)
class ElecBayOutcome:
    """A proven optimum of one auction.

    Attributes
    ----------
    sealed, grid : what was cleared.
    nodal : the nodal outcome at the chosen blocks: accepted MW, flows, prices, intervals, explanations.
    chosen : (blocks,) whether each block was chosen.
    pricing : the rule of payment; unique_choice : whether no other choice of blocks is as good.
    contributions : under VCG, participant → W(N) − W(N without it) [$]; else None.
    certificate : the proof, computed from book and grid in units of the largest accepted order.
    """

    sealed: SealedBook
    grid: Grid
    nodal: Outcome
    chosen: np.ndarray
    pricing: str
    unique_choice: bool
    contributions: Mapping[object, float] | None
    certificate: Certificate
    notes: tuple[str, ...] = ()
    status: str = "optimal"
    mode: str = "exact"

    def __post_init__(self) -> None:
        self.chosen.setflags(write=False)

    @property
    def book(self) -> SealedBook:
        return self.sealed

    @property
    def welfare(self) -> float:
        """Value of accepted bids less cost of accepted offers, import and export included [$]."""
        return self.nodal.welfare

    @property
    def accepted_mw(self) -> np.ndarray:
        return self.nodal.accepted_mw

    @property
    def prices(self) -> pd.DataFrame:
        """Index (bus, period): lmp, lmp_low, lmp_high, energy, congestion [$/MWh]."""
        return self.nodal.prices

    @property
    def accepted(self) -> pd.DataFrame:
        """Index order: participant, unit, bus, period, side, offered_mw, accepted_mw, limit_price, price."""
        frame = self.nodal.accepted
        return frame.assign(offered_mw=self.sealed.book.mw[self.sealed.book.column_row])

    @property
    def flows(self) -> pd.DataFrame:
        """Index (branch, period): flow_mw, limit_mw, shadow_price, rent."""
        return self.nodal.flows

    @cached_property
    def settlement(self) -> ElecBaySettlement:
        """Who pays whom under the auction's pricing, with uplift and money balances."""
        from clearing.elecbay.settlement import settle_auction

        return settle_auction(self)

    @property
    def summary(self) -> pd.Series:
        """Totals of the settlement [$]."""
        return self.settlement.summary

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """prices, orders, payments, participants, flows, and blocks where there are any."""
        tables = {
            "prices": self.prices,
            "orders": self.life_cycle,
            "payments": self.settlement.payments,
            "participants": self.settlement.participants,
            "flows": self.flows,
        }
        return labels_as_columns(tables | ({"blocks": self.blocks} if len(self.chosen) else {}))

    @cached_property
    def life_cycle(self) -> pd.DataFrame:
        """Index (order, period): participant, submitted, offered_mw, accepted_mw, status, reason.

        `status` is accepted, partly accepted or rejected; `reason` why not whole: "price", "security of
        branch X" (a grid without limits would accept more) or what kept its block out.
        """
        book, rows = self.sealed.book, self.sealed.book.column_row
        offered, accepted = book.mw[rows], self.nodal.accepted_mw
        whole = accepted >= offered * (1 - WHOLE)
        none = accepted <= offered * WHOLE
        status = np.where(none, "rejected", np.where(whole, "accepted", "partly accepted"))
        reason = np.full(len(rows), "", dtype=object)
        reason[~whole | none] = "price"
        reason[offered == 0] = "no quantity"
        for c in np.flatnonzero(self._kept_out_by_grid & ~whole).tolist():
            reason[c] = f"security of branch {self._worst_branch(c)}"
        block = self.sealed.block_of[rows]
        for c in np.flatnonzero((block >= 0) & none & (offered > 0)).tolist():
            if not self.chosen[block[c]]:
                reason[c] = self._block_reason(int(block[c]))
        return pd.DataFrame(
            {
                "participant": book.by_column(book.participants),
                "submitted": self.sealed.submitted[rows],
                "offered_mw": offered,
                "accepted_mw": accepted,
                "status": status,
                "reason": reason,
            },
            index=pd.MultiIndex.from_arrays(
                [book.by_column(book.orders), book.column_period], names=["order", "period"]
            ),
        )

    @cached_property
    def blocks(self) -> pd.DataFrame:
        """Index block: participant, chosen, surplus [$] at the prices, uplift [$], group.

        The surplus of a block that was not chosen is what it would have earned whole: positive ones are
        paradoxically rejected. Chosen ones that would lose are made whole by `uplift`.
        """
        if len(self.chosen) == 0:
            return pd.DataFrame(columns=["participant", "chosen", "surplus", "uplift", "group"])
        book, rows = self.sealed.book, self.sealed.book.column_row
        block = self.sealed.block_of[rows]
        mine = block >= 0
        x = np.where(np.append(self.chosen, True)[block], self.nodal.accepted_mw, book.mw[rows])
        gain = book.side[rows] * (np.nan_to_num(self.column_price) - book.price[rows]) * x * book.hours
        surplus = np.bincount(block[mine], gain[mine], minlength=len(self.chosen))
        first = [int(np.flatnonzero(self.sealed.block_of == b)[0]) for b in range(len(self.chosen))]
        group = np.empty(len(self.chosen), dtype=object)
        group[:] = [None if g < 0 else self.sealed.groups[g] for g in self.sealed.group_of.tolist()]
        return pd.DataFrame(
            {
                "participant": [book.participants[k] for k in first],
                "chosen": self.chosen,
                "surplus": surplus,
                "uplift": np.where(self.chosen, np.maximum(-surplus, 0.0), 0.0),
                "group": group,
            },
            index=pd.Index(list(self.sealed.blocks), name="block", dtype=object),
        )

    @property
    def column_price(self) -> np.ndarray:
        """(order columns,) price of energy at each order's bus and period [$/MWh]."""
        return self.nodal.column_price

    @cached_property
    def _kept_out_by_grid(self) -> np.ndarray:
        """(order columns,) whether the same book would have more accepted if no branch had a limit."""
        from clearing.nodal import NodalMarket

        if not (np.abs(self.nodal.flow_dual) > 0).any():
            return np.zeros(len(self.nodal.accepted_mw), dtype=bool)
        unlimited = NodalMarket(self.grid.without_limits()).clear(self.nodal.book)
        more = unlimited.accepted_mw - self.nodal.accepted_mw
        return more > WHOLE * (1.0 + self.nodal.accepted_mw.max(initial=0.0))

    def _worst_branch(self, column: int) -> Hashable:
        """The binding branch that moves the price at an order's bus most against the order."""
        book = self.sealed.book
        bus, t = int(self.nodal.column_bus[column]), int(book.column_period[column])
        side = book.side[book.column_row[column]]
        binding = np.flatnonzero(np.abs(self.nodal.flow_dual[:, t]) > 0)
        if len(binding) == 0:
            return "of another period"
        factors = self.grid.flow.ptdf_rows(binding)
        weights = self.nodal.demand_weights[:, t] * (self.grid.flow.island == self.grid.flow.island[bus])
        relative = factors[:, bus] - factors @ weights / weights.sum()
        push = -self.nodal.flow_dual[binding, t] * relative * (1.0 if side == SELL else -1.0)
        return self.grid.branches[binding[int(np.argmin(push))]]

    def _block_reason(self, block: int) -> str:
        group = self.sealed.group_of[block]
        if group >= 0:
            rivals = np.flatnonzero((self.sealed.group_of == group) & self.chosen)
            if len(rivals):
                return (
                    f"block: exclusive group {self.sealed.groups[group]} took {self.sealed.blocks[rivals[0]]}"
                )
        if self.blocks["surplus"].iloc[block] > 0:
            return "block: indivisible (paradoxically rejected: it does not fit whole)"
        return "price"
