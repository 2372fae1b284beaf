"""A monitor's sandbox: the same inputs cleared again with truthful costs, and what that tells.

Every book of a series is cleared twice: as offered, and with every sale at the monitor's idea of its cost
and at all that was available. The difference of prices is the gap. It is no more than the monitor's costs
are: :func:`honest_gaps` says how large gaps of honest sellers look when these costs are wrong by σ.

Sources: the "algorithmic pricing incubator" of A. Ezrachi and M. Stucke (2018), proposed as a simulation
that a market monitor runs beside the market; the three-pivotal-supplier test of PJM's tariff.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from clearing.batches import Batch, Status
from clearing.book import SELL, Book
from clearing.book_series import BookSeries
from clearing.errors import InputError
from clearing.nodal import NodalMarket
from clearing.prepared import PreparedMarket
from clearing.screens import three_pivotal_rows
from networks.checks import number, real_array, whole


class Incubator:
    """A market prepared for counterfactuals of one book's orders.

    Parameters
    ----------
    market : what clears.
    book : the orders at true cost, one period.
    """

    def __init__(self, market: NodalMarket, book: Book):
        if book.periods > 1:
            raise InputError(f"the incubator takes books of one period; this one has {book.periods}")
        self.market, self.book = market, book
        self.rounds: PreparedMarket = market.prepare(book)

    def compare(
        self, series: BookSeries, cost: np.ndarray | None = None, recorded: np.ndarray | None = None
    ) -> Counterfactual:
        """The series as offered beside the series at cost.

        Parameters
        ----------
        cost : (orders,) prices of the monitor for sales; by default the book's own [$/MWh]. Slopes are the
            book's own.
        recorded : (books, buses) prices that were observed, in place of the offered books' clearing
            [$/MWh]; NaN where there is none.
        """
        self._check(series)
        observed = self._clear(series.price, series.mw, series.slope, series.fixed_mw)
        competitive = self._clear(*self._truthful(series, cost))
        if recorded is not None:
            recorded = real_array("recorded", recorded)
            assert observed.lmp is not None
            if recorded.shape != observed.lmp.shape:
                raise InputError(f"recorded has shape {recorded.shape}; give {observed.lmp.shape}")
        used = self.book.price if cost is None else real_array("cost", cost)
        return Counterfactual(self, series, used, observed, competitive, recorded)

    def competitive_prices(self, series: BookSeries, cost: np.ndarray) -> np.ndarray:
        """(rows,) demand-weighted prices with sales at cost; `cost` (orders,) or (books, orders) [$/MWh]."""
        self._check(series)
        price, mw, slope, fixed = self._truthful(series, cost)
        return self.mean_price(self._clear(price, mw, slope, fixed), fixed)

    def mean_price(self, batch: Batch, fixed_mw: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """(books,) price weighted by the demand that is served [$/MWh]; NaN where nothing was cleared."""
        assert batch.lmp is not None
        w = self.served(batch, fixed_mw) if weights is None else weights
        total = w.sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean = (np.where(w > 0, batch.lmp, 0.0) * w).sum(axis=1) / total
        return np.where((total > 0) & (batch.status == Status.OPTIMAL), mean, np.nan)

    def served(self, batch: Batch, fixed_mw: np.ndarray) -> np.ndarray:
        """(books, buses) fixed demand above 0, and accepted bids of units that sell nothing [MW]."""
        assert batch.accepted is not None
        out = np.maximum(np.broadcast_to(fixed_mw, (len(batch.status), fixed_mw.shape[-1])), 0.0).copy()
        bus = self.rounds.structure.bus
        for k in np.flatnonzero(self.rounds.structure.demand).tolist():
            out[:, bus[k]] += np.nan_to_num(batch.accepted[:, k])
        return out

    def _truthful(
        self, series: BookSeries, cost: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        sells = self.book.side == SELL
        price = np.where(sells, self.book.price if cost is None else cost, series.price)
        slope = np.where(sells, self.book.slope, series.slope)
        return price, series.available_mw, slope, series.fixed_mw

    def _clear(self, price: np.ndarray, mw: np.ndarray, slope: np.ndarray, fixed: np.ndarray) -> Batch:
        return self.rounds.clear_many(
            price, mw, slope if slope.any() else None, fixed_mw=fixed, want=("accepted", "lmp")
        )

    def _check(self, series: BookSeries) -> None:
        if series.book.orders != self.book.orders:
            raise InputError(
                "the series holds other orders than the incubator's book; make both from one book"
            )


@dataclass(frozen=True, eq=False)
class Counterfactual:
    """A series beside its competitive counterfactual.

    Attributes
    ----------
    cost : (orders,) of the monitor [$/MWh].
    observed, competitive : batches of clearings; recorded : observed prices in place of cleared ones.
    """

    incubator: Incubator
    series: BookSeries
    cost: np.ndarray
    observed: Batch
    competitive: Batch
    recorded: np.ndarray | None = None

    @property
    def lmp(self) -> np.ndarray:
        """(books, buses) prices as recorded, else as cleared from the offers [$/MWh]."""
        assert self.observed.lmp is not None
        if self.recorded is None:
            return self.observed.lmp
        return np.where(np.isfinite(self.recorded), self.recorded, self.observed.lmp)

    @cached_property
    def cleared(self) -> np.ndarray:
        """(books,) whether both clearings are optimal."""
        return (self.observed.status == Status.OPTIMAL) & (self.competitive.status == Status.OPTIMAL)

    @cached_property
    def weights(self) -> np.ndarray:
        """(books, buses) demand served in the counterfactual, by which both mean prices are weighted [MW]."""
        return self.incubator.served(self.competitive, self.series.fixed_mw)

    @cached_property
    def observed_price(self) -> np.ndarray:
        """(books,) mean price as offered [$/MWh]."""
        total = self.weights.sum(axis=1)
        with np.errstate(invalid="ignore"):
            mean = (np.where(self.weights > 0, self.lmp, 0.0) * self.weights).sum(axis=1) / total
        return np.where(self.cleared & (total > 0), mean, np.nan)

    @cached_property
    def competitive_price(self) -> np.ndarray:
        """(books,) mean price at cost [$/MWh]."""
        mean = self.incubator.mean_price(self.competitive, self.series.fixed_mw, self.weights)
        return np.where(self.cleared, mean, np.nan)

    @cached_property
    def gap(self) -> np.ndarray:
        """(books,) observed less competitive price [$/MWh]; NaN where a book was not cleared."""
        return self.observed_price - self.competitive_price

    @cached_property
    def sellers(self) -> tuple[Hashable, ...]:
        """Participants with something to sell."""
        book = self.incubator.book
        return tuple(dict.fromkeys(p for p, s in zip(book.participants, book.side, strict=True) if s == SELL))

    @cached_property
    def _seller_of(self) -> np.ndarray:
        """(orders,) position in `sellers`, −1 for purchases."""
        book, known = self.incubator.book, {p: k for k, p in enumerate(self.sellers)}
        return np.array(
            [known[p] if s == SELL else -1 for p, s in zip(book.participants, book.side, strict=True)]
        )

    def _by_seller(self, values: np.ndarray) -> np.ndarray:
        """(books, sellers) sums of (books, orders)."""
        out = np.zeros((len(values), len(self.sellers)))
        for k, seller in enumerate(self._seller_of.tolist()):
            if seller >= 0:
                out[:, seller] += values[:, k]
        return out

    @cached_property
    def seller_gap(self) -> np.ndarray:
        """(books, sellers) gap at the seller's buses, weighted by what was available there [$/MWh]."""
        assert self.competitive.lmp is not None
        at = self.incubator.rounds.structure.bus[: len(self.incubator.book.orders)]
        change = np.nan_to_num(self.lmp - self.competitive.lmp)[:, at]
        capacity = self._by_seller(self.series.available_mw)
        raised = self._by_seller(change * self.series.available_mw)
        out = np.divide(raised, capacity, out=np.full(capacity.shape, np.nan), where=capacity > 0)
        return np.where(self.cleared[:, None], out, np.nan)

    @cached_property
    def seller_gain(self) -> np.ndarray:
        """(books, sellers) profit as offered less profit at cost, both at the monitor's cost [$]."""
        out = self._profit(self.observed, self.lmp) - self._profit(self.competitive, self.competitive.lmp)
        return np.where(self.cleared[:, None], out, np.nan)

    def _profit(self, batch: Batch, lmp: np.ndarray | None) -> np.ndarray:
        assert batch.accepted is not None
        assert lmp is not None
        book = self.incubator.book
        x = np.nan_to_num(batch.accepted)
        price = np.nan_to_num(lmp)[:, self.incubator.rounds.structure.bus]
        return self._by_seller((price - self.cost - 0.5 * book.slope * x) * x * book.hours)

    @cached_property
    def offered_markup(self) -> np.ndarray:
        """(books, sellers) offers above cost, weighted by MW, as a share of cost [1]; NaN at cost 0."""
        paid = self._by_seller((self.series.price - self.cost) * self.series.mw)
        base = self._by_seller(np.abs(self.cost) * self.series.mw)
        return np.divide(paid, base, out=np.full(paid.shape, np.nan), where=base > 0)

    @cached_property
    def withheld(self) -> np.ndarray:
        """(books, sellers) share of what was available that was not offered."""
        offered, own = self._by_seller(self.series.mw), self._by_seller(self.series.available_mw)
        return np.divide(own - offered, own, out=np.zeros(own.shape), where=own > 0)

    @cached_property
    def rsi3(self) -> np.ndarray:
        """(books, sellers) (supply − own − two largest others) / demand, ignoring the grid; fails at ≤ 1.

        Demand and supply as :mod:`clearing.monitor` has them.
        """
        supply, fixed = self._by_seller(self.series.available_mw), self.series.fixed_mw
        bids = np.where(self.incubator.book.column_demand, self.series.mw, 0.0).sum(axis=1)
        needed = np.maximum(fixed, 0.0).sum(axis=1) + bids
        return three_pivotal_rows(supply, needed, np.maximum(-fixed, 0.0).sum(axis=1))

    def periods(self) -> pd.DataFrame:
        """One row per book: prices, gap, demand, number of sellers that fail the three-pivotal test."""
        return pd.DataFrame(
            {
                "book": list(self.series.labels),
                "demand_mw": self.weights.sum(axis=1),
                "observed_price": self.observed_price,
                "competitive_price": self.competitive_price,
                "gap": self.gap,
                "fail_three_pivotal": (self.rsi3 <= 1.0).sum(axis=1),
                "cleared": self.cleared,
            }
        )

    def agents(self) -> pd.DataFrame:
        """One row per seller: means over the cleared books."""
        kept = self.cleared
        rows = {
            "available_mw": self._by_seller(self.series.available_mw),
            "gap": self.seller_gap,
            "gain": self.seller_gain,
            "offered_markup": self.offered_markup,
            "withheld": self.withheld,
            "fails_three_pivotal": (self.rsi3 <= 1.0).astype(float),
        }
        table: dict[str, object] = {"seller": list(self.sellers)}
        for name, values in rows.items():
            mean = np.full(len(self.sellers), np.nan)
            some = np.isfinite(values[kept]).any(axis=0) if kept.any() else np.zeros(len(mean), dtype=bool)
            mean[some] = np.nanmean(values[kept][:, some], axis=0)
            table[name] = mean
        return pd.DataFrame(table)

    def agent_periods(self) -> pd.DataFrame:
        """One row per book and seller: gap, gain, offered mark-up, withheld share, three-pivotal test."""
        books, sellers = self.seller_gap.shape
        return pd.DataFrame(
            {
                "book": np.repeat(np.array(self.series.labels, dtype=object), sellers),
                "seller": list(self.sellers) * books,
                "gap": self.seller_gap.ravel(),
                "gain": self.seller_gain.ravel(),
                "offered_markup": self.offered_markup.ravel(),
                "withheld": self.withheld.ravel(),
                "rsi3": self.rsi3.ravel(),
                "fails_three_pivotal": (self.rsi3 <= 1.0).ravel(),
            }
        )


def wrong_costs(book: Book, sigma: float, trials: int, generator: np.random.Generator) -> np.ndarray:
    """(trials, orders) costs of a monitor that errs by a factor exp(σε − σ²/2) for each unit, mean 1 [$/MWh].

    One ε per unit and trial: a wrong heat rate or fuel price stays wrong in every book. Purchases keep
    their prices.
    """
    number("sigma", sigma, "shares of cost (0.1 for about ten per cent)", minimum=0.0)
    units = {unit: k for k, unit in enumerate(dict.fromkeys(book.units))}
    of = np.array([units[unit] for unit in book.units])
    error = generator.standard_normal((whole("trials", trials), len(units)))[:, of]
    factor = np.exp(sigma * error - 0.5 * sigma**2)
    return np.where(book.side == SELL, book.price * factor, book.price)


def honest_gaps(
    incubator: Incubator, series: BookSeries, sigma: float, trials: int, generator: np.random.Generator
) -> np.ndarray:
    """(trials,) mean gap of the series if all sellers were honest and the monitor's costs wrong by σ [$/MWh].

    The monitor's costs are the book's; in each trial true costs are drawn around them and offered.
    """
    believed = incubator.competitive_prices(series, incubator.book.price)
    out = np.full(trials, np.nan)
    for k, cost in enumerate(wrong_costs(incubator.book, sigma, trials, generator)):
        change = incubator.competitive_prices(series, cost) - believed
        if np.isfinite(change).any():
            out[k] = np.nanmean(change)
    return out
