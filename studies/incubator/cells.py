"""Cells of the incubator study: series under each conduct, and what wrong costs do to a monitor."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import networks
from clearing import Book, InputError, NodalMarket
from clearing.book import SELL
from clearing.book_series import BookSeries
from clearing.incubator import Incubator, wrong_costs
from clearing.screens import screen_lines
from studies.incubator.assessment import assess
from studies.incubator.series import largest_sellers, simulate_series
from studies.study import Tables

if TYPE_CHECKING:
    from studies.incubator.study import Settings

HONEST = "honest"
CHUNK = 4096  # clearings at a time


@dataclass(frozen=True)
class Conduct:
    """What some sellers do: mark up, withhold, or mark up and tell the monitor that this is their cost."""

    name: str
    sellers: tuple[Hashable, ...] = ()
    markup: float = 0.0
    withheld: float = 0.0
    reported: bool = False

    def applied(self, series: BookSeries) -> BookSeries:
        """The honest series under this conduct."""
        if self.markup:
            series = series.with_markup(dict.fromkeys(self.sellers, self.markup))
        if self.withheld:
            series = series.with_withheld(dict.fromkeys(self.sellers, self.withheld))
        return series

    def told_cost(self, book: Book) -> np.ndarray:
        """(orders,) cost that the monitor is told [$/MWh]."""
        if not self.reported:
            return book.price
        return book.with_markup(dict.fromkeys(self.sellers, self.markup), relative=True).price


def conducts(spec: Settings, book: Book) -> list[Conduct]:
    """Honest, then groups of the largest sellers with each mark-up, withholding, and false reports."""
    ranked = largest_sellers(book)
    out = [Conduct(HONEST)]
    groups = sorted({min(count, len(ranked)) for count in spec.groups})

    def words(count: int) -> str:
        return "largest" if count == 1 else "all" if count == len(ranked) else f"{count} largest"

    for count in groups:
        sellers = tuple(ranked[:count])
        out += [Conduct(f"{words(count)} +{m:.0%}", sellers, m) for m in spec.markups if m > 0]
        out += [
            Conduct(f"{words(count)} withhold {w:.0%}", sellers, withheld=w) for w in spec.withheld if w > 0
        ]
    if groups and spec.markups:
        count, most = groups[-1], max(spec.markups)
        if most > 0:
            out.append(
                Conduct(
                    f"{words(count)} +{most:.0%}, reported as cost", tuple(ranked[:count]), most, 0.0, True
                )
            )
    return out


@lru_cache(maxsize=1)
def sandbox(
    case_name: str, books: int, seed: int, mean: float, swing: float, noise: float, outages: float
) -> tuple[Incubator, BookSeries]:
    """The prepared market and the honest series; the same for all cells of a spec.

    Hours that the case cannot serve at all (outages behind a narrow line) are left out.
    """
    case = networks.load(case_name)
    book = Book.from_case(case)
    generator = np.random.default_rng(seed)
    series = simulate_series(book, case.grid, books, generator, mean, swing, noise, outages)
    incubator = Incubator(NodalMarket(case.grid), book)
    served = np.flatnonzero(incubator.compare(series).cleared)
    if len(served) < 2:
        raise InputError(
            f"case {case_name!r}: {len(served)} of {books} simulated hours can be served; lower demand_mean, "
            "demand_swing or outages"
        )
    return incubator, series.part(served)


def sandbox_of(spec: Settings) -> tuple[Incubator, BookSeries]:
    """Of a spec."""
    return sandbox(
        spec.case, spec.books, spec.series_seed, spec.demand_mean, spec.demand_swing, spec.demand_noise,
        spec.outages,
    )  # fmt: skip


def run_series(spec: Settings, generator: np.random.Generator) -> Tables:
    """Gaps of every conduct with exact costs: by book, by seller, and their intervals."""
    incubator, honest = sandbox_of(spec)
    summary, periods, agents = [], [], []
    for conduct in conducts(spec, incubator.book):
        series = conduct.applied(honest)
        found = incubator.compare(series, conduct.told_cost(incubator.book))
        result = assess(found, 0.0, generator, block=spec.block, draws=spec.draws)
        by_book = found.periods()
        summary.append(
            {
                "conduct": conduct.name,
                "gap": result.gap,
                "low": result.low,
                "high": result.high,
                "welch_p": result.welch,
                "competitive_price": float(np.nanmean(found.competitive_price)),
                "books_with_gap": float((found.gap[found.cleared] > 1e-3).mean())
                if found.cleared.any()
                else 0.0,
                "not_cleared": int((~found.cleared).sum()),
                "fail_three_pivotal": float((found.rsi3 <= 1.0).any(axis=1).mean()),
                "least_rsi3": float(found.rsi3.min()),
            }
        )
        periods.append(by_book.assign(conduct=conduct.name, least_rsi3=found.rsi3.min(axis=1)))
        table = result.agents.assign(conduct=conduct.name, acts=[s in conduct.sellers for s in found.sellers])
        agents.append(table.assign(seller=table["seller"].astype(str)))
    joined = pd.concat(periods, ignore_index=True)
    return {
        "lines": _screen(spec, incubator, honest),
        "summary": summary,
        "periods": joined.assign(book=joined["book"].astype(np.int64)),
        "agents": pd.concat(agents, ignore_index=True),
    }


def _screen(spec: Settings, incubator: Incubator, honest: BookSeries) -> pd.DataFrame:
    """The three-pivotal-supplier test of binding lines, in some hours spread over the series."""
    if spec.screened == 0:
        return pd.DataFrame()
    found = incubator.compare(honest)
    rows = np.unique(np.linspace(0, len(honest) - 1, min(spec.screened, len(honest))).astype(np.int64))
    tables = [screen_lines(found, row).assign(book=honest.labels[row]) for row in rows.tolist()]
    joined = pd.concat(tables, ignore_index=True)
    return joined.assign(branch=joined["branch"].astype(str), screened=len(rows))


def run_errors(spec: Settings, sigma: float, generator: np.random.Generator) -> Tables:
    """Statistics of series of `pooled` books, honest and not, when the monitor's costs are wrong by σ."""
    incubator, honest = sandbox_of(spec)
    book = incubator.book
    every = conducts(spec, book)
    prices = {}
    for conduct in every:
        series = conduct.applied(honest)
        found = incubator.compare(series)
        prices[conduct.name] = np.where(found.cleared, found.observed_price, np.nan)
    usable = np.flatnonzero(np.isfinite(np.stack(list(prices.values()))).all(axis=0))
    pooled = min(spec.pooled, len(usable))
    out: dict[str, list[Any]] = {"conduct": [], "trial": [], "gap": [], "offers": []}
    for conduct in every:
        chosen = usable[generator.integers(0, len(usable), (spec.trials, pooled))]
        errors = wrong_costs(book, sigma, spec.trials, generator)
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.where(book.price != 0, errors / book.price, 1.0)
        believed = conduct.told_cost(book) * factor
        competitive = _mean_prices(incubator, honest, chosen, believed)
        gap = prices[conduct.name][chosen].mean(axis=1) - competitive
        out["conduct"] += [conduct.name] * spec.trials
        out["trial"] += range(spec.trials)
        out["gap"] += np.round(gap, 9).tolist()
        out["offers"] += np.round(_dearest_offer(conduct, honest, believed), 12).tolist()
    return {"statistics": {name: np.array(values) for name, values in out.items()}}


def _mean_prices(
    incubator: Incubator, series: BookSeries, chosen: np.ndarray, cost: np.ndarray
) -> np.ndarray:
    """(trials,) mean competitive price of each trial's books at its costs [$/MWh]."""
    trials, pooled = chosen.shape
    rows, of = chosen.ravel(), np.repeat(np.arange(trials), pooled)
    prices = np.concatenate(
        [
            incubator.competitive_prices(series.part(rows[k : k + CHUNK]), cost[of[k : k + CHUNK]])
            for k in range(0, len(rows), CHUNK)
        ]
    )
    return np.nanmean(prices.reshape(trials, pooled), axis=1)


def _dearest_offer(conduct: Conduct, honest: BookSeries, believed: np.ndarray) -> np.ndarray:
    """(trials,) greatest mark-up of any seller's offers over what the monitor believes to be its cost."""
    book = honest.book
    offers = conduct.applied(honest.part(np.array([0])))
    sells = (book.side == SELL) & (book.price > 0)
    sellers = list(dict.fromkeys(p for p, s in zip(book.participants, sells, strict=True) if s))
    best = np.full(len(believed), -np.inf)
    for seller in sellers:
        own = np.array([p == seller for p in book.participants]) & sells
        cost = (believed[:, own] * book.mw[own]).sum(axis=1)
        asked = (offers.price[0, own] * book.mw[own]).sum()
        best = np.maximum(best, asked / cost - 1.0)
    return np.maximum(best, -1.0)
