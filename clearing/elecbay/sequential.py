"""The sequential auction: the highest bid first, served by the cheapest offers up to the line headroom left.

A plain reading of "the highest bidder wins after a system security check". It is no optimisation: what an
early pair takes from a line is lost to a later one, and no counter-flow is sought. Each outcome carries
the exact one of the same book and its own efficiency relative to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from clearing.book import BUY, SELL
from clearing.certificate import Certificate
from clearing.elecbay.book import SealedBook
from clearing.elecbay.outcome import WHOLE, ElecBayOutcome
from clearing.errors import InfeasibleError, InputError
from clearing.structure import bus_positions, fixed_demand
from clearing.violations import largest
from networks.checks import freeze_arrays, frozen
from networks.grid import Grid

TOLERANCES = {"P1": 1e-9, "P2": 1e-9, "P3": 1e-9}
DUST = 1e-12  # of the largest order: headroom below this is none


@dataclass(frozen=True, eq=False)
class SequentialOutcome:
    """Pairs traded one after another.

    Attributes
    ----------
    exact : the proven optimum of the same book.
    accepted_mw : (order columns,) MW.
    flow_mw : (branches, periods).
    trades : (trades, 3) period, buying and selling order column (−1: fixed demand), in the order made;
        trade_mw, trade_price : (trades,) MW and $/MWh (buyer pays, seller gets: two columns).
    cut_by : (order columns,) branch that first cut an order short, −1 for none.
    rejected_pairs : number of pairs that a line kept apart.
    certificate : balance (P1), limits (P2) and flow law (P3), relative to the largest order; that the
        rule was followed is the algorithm's own definition.
    """

    exact: ElecBayOutcome
    pricing: str
    accepted_mw: np.ndarray
    flow_mw: np.ndarray
    trades: np.ndarray
    trade_mw: np.ndarray
    trade_price: np.ndarray
    cut_by: np.ndarray
    rejected_pairs: int
    certificate: Certificate
    notes: tuple[str, ...] = ()
    status: str = "sequential"
    mode: str = "sequential"

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @property
    def sealed(self) -> SealedBook:
        return self.exact.sealed

    @property
    def grid(self) -> Grid:
        return self.exact.grid

    @cached_property
    def welfare(self) -> float:
        """Value of accepted bids less cost of accepted offers [$]."""
        book = self.sealed.book
        return float(-book.offered_cost(self.accepted_mw).sum()) * book.hours

    @cached_property
    def trade_welfare(self) -> np.ndarray:
        """(trades,) welfare that each adds, value less cost [$]; fixed demand has no value."""
        book, rows = self.sealed.book, self.sealed.book.column_row
        limit = np.append(book.price[rows], 0.0)  # column −1: fixed demand
        gain = limit[self.trades[:, 1]] - limit[self.trades[:, 2]]
        return frozen(gain * self.trade_mw * book.hours)

    @property
    def efficiency(self) -> float:
        """Welfare relative to the proven optimum; NaN where that is 0 or the signs differ.

        Where fixed demand, which has no value, makes both negative: the least cost relative to its own.
        """
        best, own = self.exact.welfare, self.welfare
        if best < 0 and own < 0:
            return best / own
        return own / best if best > 0 else float("nan")

    @cached_property
    def life_cycle(self) -> pd.DataFrame:
        """Index (order, period): participant, submitted, offered_mw, accepted_mw, status, reason."""
        book, rows = self.sealed.book, self.sealed.book.column_row
        offered, x = book.mw[rows], self.accepted_mw
        whole, none = x >= offered * (1 - WHOLE), x <= offered * WHOLE
        reason = np.where(whole & ~none, "", "price").astype(object)
        for c in np.flatnonzero((self.cut_by >= 0) & ~whole).tolist():
            reason[c] = f"security of branch {self.grid.branches[self.cut_by[c]]}"
        frame = self.exact.life_cycle[["participant", "submitted", "offered_mw"]]
        status = np.where(none, "rejected", np.where(whole, "accepted", "partly accepted"))
        return frame.assign(accepted_mw=x, status=status, reason=reason)

    @cached_property
    def trades_frame(self) -> pd.DataFrame:
        """One row per trade: period, buy_order, sell_order, mw, buyer_pays, seller_gets [$/MWh]."""
        book, rows = self.sealed.book, self.sealed.book.column_row

        def labels(columns: np.ndarray) -> list[object]:
            return ["fixed demand" if c < 0 else book.orders[rows[c]] for c in columns.tolist()]

        return pd.DataFrame(
            {
                "period": self.trades[:, 0],
                "buy_order": labels(self.trades[:, 1]),
                "sell_order": labels(self.trades[:, 2]),
                "mw": self.trade_mw,
                "buyer_pays": self.trade_price[:, 0],
                "seller_gets": self.trade_price[:, 1],
            }
        )

    @cached_property
    def summary(self) -> pd.Series:
        """Totals [$]: welfare, efficiency, buyers_pay, sellers_get (supplier included), platform_surplus."""
        mwh = self.trade_mw * self.sealed.book.hours
        pay, get = float(mwh @ self.trade_price[:, 0]), float(mwh @ self.trade_price[:, 1])
        return pd.Series(
            {
                "welfare": self.welfare,
                "efficiency": self.efficiency,
                "buyers_pay": pay,
                "sellers_get": get,
                "platform_surplus": pay - get,
                "rejected_pairs": float(self.rejected_pairs),
            }
        )

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """orders and trades."""
        return {"orders": self.life_cycle.reset_index(), "trades": self.trades_frame}


def clear_in_sequence(exact: ElecBayOutcome, pricing: str, k: float) -> SequentialOutcome:
    """Run the sequential auction on the book of an exact outcome.

    Fixed demand is served first; then bids by price, submission and label, each by offers in the same
    order. A pair trades what both have left and every line can still carry; "pay_as_bid" charges the
    bid and pays the offer, "k" settles at offer + k·(bid − offer), fixed demand at the offer.

    Raises
    ------
    InputError
        blocks, sloped orders, minimum outputs, or links: they need the exact mode.
    InfeasibleError
        fixed demand that this order of trades cannot serve.
    """
    run = _Run(exact, k if pricing == "k" else None)
    for period in range(exact.sealed.book.periods):
        run.trade_period(period)
    flow = exact.grid.flow.flows(run.injection)
    return SequentialOutcome(
        exact=exact,
        pricing=pricing,
        accepted_mw=run.accepted,
        flow_mw=flow,
        trades=np.array(run.trades, dtype=np.int64).reshape(-1, 3),
        trade_mw=np.array(run.mw),
        trade_price=np.array(run.price).reshape(-1, 2),
        cut_by=run.cut_by,
        rejected_pairs=run.rejected,
        certificate=_certify(exact, run, flow).required("ElecBay, sequential"),
        notes=exact.notes,
    )


class _Run:
    def __init__(self, exact: ElecBayOutcome, k: float | None):
        sealed, grid = exact.sealed, exact.grid
        book, rows = sealed.book, sealed.book.column_row
        if len(sealed.blocks) or book.slope.any() or book.min_mw.any() or len(grid.links):
            raise InputError(
                "mode is 'sequential', which trades divisible orders without slopes or minima on a grid "
                "without links; use mode='exact'"
            )
        self.book, self.k, self.grid = book, k, grid
        self.side, self.limit, self.period = book.side[rows], book.price[rows], book.column_period
        self.bus = bus_positions(book.order_bus, grid, "orders", book.orders)[rows]
        self.left = book.mw[rows].copy()
        self.dust = DUST * float(self.left.max(initial=0.0))
        self.accepted = np.zeros(len(rows))
        low, high = grid.flow_bounds_mw
        self.lines = np.flatnonzero(np.isfinite(low) | np.isfinite(high))
        self.factors = grid.flow.ptdf_rows(self.lines)
        self.low, self.high = low[self.lines], high[self.lines]
        self.fixed = fixed_demand(book, grid)
        self.injection = np.zeros(self.fixed.shape)
        self.cut_by = np.full(len(rows), -1)
        self.rejected = 0
        self.trades: list[tuple[int, int, int]] = []
        self.mw: list[float] = []
        self.price: list[tuple[float, float]] = []
        names = [str(book.orders[r]) for r in rows.tolist()]
        self.key = [
            (-p if s == BUY else p, t, n)
            for s, p, t, n in zip(
                self.side.tolist(), self.limit.tolist(), sealed.submitted[rows].tolist(), names, strict=True
            )
        ]

    def trade_period(self, t: int) -> None:
        here = np.flatnonzero((self.period == t) & (self.left > 0))
        ranked = sorted(here.tolist(), key=self.key.__getitem__)
        bids = [c for c in ranked if self.side[c] == BUY]
        self.offers = [c for c in ranked if self.side[c] == SELL]
        self.flow = np.zeros(len(self.lines))
        self.flow += self.grid.flow.shift_flow_mw[self.lines]
        for bus in np.flatnonzero(self.fixed[:, t] < 0).tolist():
            # fixed injections flow to the reference bus of their island until somebody takes them
            raise InputError(
                f"fixed injection at bus {self.grid.buses[bus]!r}: the sequential mode needs it as an offer"
            )
        for bus in np.flatnonzero(self.fixed[:, t] > 0).tolist():
            missing = self._serve(t, -1, bus, float(self.fixed[bus, t]), np.inf)
            if missing > self.dust:
                raise InfeasibleError(
                    f"sequential mode: {missing:g} MW of fixed demand at bus {self.grid.buses[bus]!r}, "
                    f"period {t}, find no offer within the line limits; use mode='exact', or import more"
                )
        for bid in bids:
            served = self._serve(t, bid, int(self.bus[bid]), float(self.left[bid]), float(self.limit[bid]))
            self.left[bid] = served
            self.accepted[bid] = self.book.mw[self.book.column_row[bid]] - served

    def _serve(self, t: int, bid: int, bus: int, wanted: float, value: float) -> float:
        """Trade a bid with the offers in turn; returns what stays unserved [MW]."""
        for offer in self.offers:
            if wanted <= self.dust or self.limit[offer] > value:
                break
            room, line = self._headroom(int(self.bus[offer]), bus)
            mw = min(wanted, float(self.left[offer]), room)
            if mw < min(wanted, float(self.left[offer])):
                self._note_cut(bid, offer, line)
            if mw <= self.dust:
                self.rejected += 1
                continue
            move = self.factors[:, self.bus[offer]] - self.factors[:, bus]
            self.flow += move * mw
            self.injection[self.bus[offer], t] += mw
            self.injection[bus, t] -= mw
            self.left[offer] -= mw
            self.accepted[offer] += mw
            wanted -= mw
            self._record(t, bid, offer, mw, value)
        self.offers = [c for c in self.offers if self.left[c] > self.dust]
        return wanted if wanted > self.dust else 0.0

    def _headroom(self, source: int, sink: int) -> tuple[float, int]:
        island = self.grid.flow.island
        if island[source] != island[sink]:
            return 0.0, -1
        move = self.factors[:, source] - self.factors[:, sink]
        room = np.full(len(move), np.inf)
        up, down = move > DUST, move < -DUST
        room[up] = (self.high[up] - self.flow[up]) / move[up]
        room[down] = (self.low[down] - self.flow[down]) / move[down]
        if len(room) == 0:
            return np.inf, -1
        tightest = int(np.argmin(room))
        return max(float(room[tightest]), 0.0), int(self.lines[tightest])

    def _note_cut(self, bid: int, offer: int, line: int) -> None:
        for column in (bid, offer):
            if column >= 0 and self.cut_by[column] < 0:
                self.cut_by[column] = line

    def _record(self, t: int, bid: int, offer: int, mw: float, value: float) -> None:
        cost = float(self.limit[offer])
        pays = value if np.isfinite(value) else cost
        if self.k is not None:
            pays = cost = cost + self.k * (pays - cost)
        self.trades.append((t, bid, offer))
        self.mw.append(mw)
        self.price.append((pays, cost))


def _certify(exact: ElecBayOutcome, run: _Run, flow: np.ndarray) -> Certificate:
    grid, book = exact.grid, exact.sealed.book
    size = float(book.mw.max(initial=0.0)) or 1.0
    injection = -run.fixed.copy()
    np.add.at(injection, (run.bus, run.period), run.side * run.accepted)
    leaving = grid.flow.incidence.T @ flow
    low, high = grid.flow_bounds_mw
    beyond = np.maximum(low[:, None] - flow, flow - high[:, None])
    orders = np.maximum(-run.accepted, run.accepted - book.mw[book.column_row])
    residuals = {
        "P1": largest(np.abs(injection - leaving)) / size,
        "P2": largest(beyond, orders) / size,
        "P3": largest(np.abs(grid.flow.flows(injection) - flow)) / size,
    }
    return Certificate(residuals, TOLERANCES)
