"""What a price gap means: its size with an interval, and whether errors of the monitor's costs explain it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clearing.detection import alarm_threshold, exceedance
from clearing.errors import InputError
from clearing.incubator import Counterfactual, honest_gaps
from learners.equilibria.indices import welch_interval
from networks.checks import number, whole

LEVEL = 0.95
FALSE_ALARMS = 0.05
SMALLEST_GAP = 1e-6
"""Smaller gaps are rounding [$/MWh]."""


def block_bootstrap(values: np.ndarray, block: int, draws: int, generator: np.random.Generator) -> np.ndarray:
    """(draws, columns) means of (books, columns) resampled in circular blocks of neighbouring books.

    Neighbouring periods are alike, so that single books would give intervals that are too narrow. Source:
    D. Politis and J. Romano, "A circular block-resampling procedure for stationary data" (1992).
    """
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    count = len(values)
    if count == 0:
        raise InputError("values: give at least one book")
    length = min(whole("block", block), count)
    starts = generator.integers(0, count, (whole("draws", draws), -(-count // length)))
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(np.vstack([values, values]), axis=0)])
    whole_blocks, rest = divmod(count, length)
    total = (sums[starts[:, :whole_blocks] + length] - sums[starts[:, :whole_blocks]]).sum(axis=1)
    if rest:
        total = total + sums[starts[:, -1] + rest] - sums[starts[:, -1]]
    return total / count


@dataclass(frozen=True, eq=False)
class Assessment:
    """A counterfactual with its statistics.

    Attributes
    ----------
    found : the counterfactual.
    gap, low, high : mean gap of the cleared books and its interval over time by block bootstrap [$/MWh].
    welch : p-value of Welch's test of the two price samples, which does not use that they are paired;
        NaN with fewer than two books.
    sigma : error of the monitor's costs that is allowed for.
    null : (trials,) mean gaps of honest sellers under such errors; empty where none was computed.
    agents : one row per seller, with intervals of its gap.
    """

    found: Counterfactual
    gap: float
    low: float
    high: float
    welch: float
    sigma: float
    null: np.ndarray
    agents: pd.DataFrame

    @property
    def p_value(self) -> float:
        """Chance that honest sellers show a mean gap as large, given errors of costs; NaN if not computed."""
        return exceedance(self.null, self.gap) if len(self.null) else float("nan")

    @property
    def threshold(self) -> float:
        """Mean gap that 5 % of honest series exceed [$/MWh]; NaN if not computed."""
        return alarm_threshold(self.null, FALSE_ALARMS) if len(self.null) else float("nan")

    @property
    def sentence(self) -> str:
        """The result in words, from the numbers."""
        books = int(self.found.cleared.sum())
        left = len(self.found.cleared) - books
        if books == 0:
            return "No book could be cleared both as offered and at cost, so nothing can be said."
        size = f"Over {books:,} books"
        if abs(self.gap) <= SMALLEST_GAP:
            words = f"{size} prices are what truthful costs would give."
        else:
            side = "above" if self.gap > 0 else "below"
            words = (
                f"{size} prices are on average {abs(self.gap):,.2f} $/MWh {side} what truthful costs would "
                f"give (95 % interval over time {self.low:,.2f} to {self.high:,.2f})."
            )
        if len(self.null) and self.gap > SMALLEST_GAP:
            if self.p_value <= FALSE_ALARMS:
                words += (
                    f" Costs that are wrong by {self.sigma:.0%} explain so much in only {self.p_value:.1%} "
                    f"of trials (5 % exceed {self.threshold:,.2f}), which calls for a closer look."
                )
            else:
                words += (
                    f" Costs that are wrong by {self.sigma:.0%} explain as much in {self.p_value:.0%} of "
                    f"trials (5 % exceed {self.threshold:,.2f}), so this alone shows nothing."
                )
        elif not len(self.null) and self.gap > SMALLEST_GAP:
            words += " This takes the costs as exact; name their error to see what it explains."
        if left:
            words += f" {left:,} book{'s' if left > 1 else ''} could not be served and are left out."
        return words


def assess(
    found: Counterfactual,
    sigma: float,
    generator: np.random.Generator,
    trials: int = 400,
    block: int = 24,
    draws: int = 2000,
) -> Assessment:
    """Intervals of the gaps, and gaps of honest sellers under costs wrong by σ.

    Parameters
    ----------
    block : neighbouring books that are resampled together; draws : bootstrap samples.
    trials : draws of wrong costs; with `sigma` 0 none is made.
    """
    number("cost error", sigma, "shares of cost (0.1 for about ten per cent)", minimum=0.0)
    kept = np.flatnonzero(found.cleared)
    agents = found.agents()
    if len(kept) == 0:
        nothing = float("nan")
        return Assessment(found, nothing, nothing, nothing, nothing, sigma, np.zeros(0), agents)
    columns = np.column_stack([found.gap[kept], found.seller_gap[kept]])
    present = np.isfinite(columns)  # a seller whose units are all out has no gap
    drawn = block_bootstrap(np.hstack([np.nan_to_num(columns), present]), block, draws, generator)
    total, share = np.split(drawn, 2, axis=1)
    means = np.divide(total, share, out=np.full(total.shape, np.nan), where=share > 0)
    tail = [0.5 - LEVEL / 2, 0.5 + LEVEL / 2]
    low, high = np.full((2, columns.shape[1]), np.nan)
    some = present.any(axis=0)
    low[some], high[some] = np.nanquantile(means[:, some], tail, axis=0)
    agents.insert(3, "gap_low", low[1:])
    agents.insert(4, "gap_high", high[1:])
    prices = found.observed_price[kept], found.competitive_price[kept]
    varies = len(kept) > 1 and max(float(p.std()) for p in prices) > SMALLEST_GAP
    welch = welch_interval(*prices).p_value if varies else float("nan")
    null = np.zeros(0)
    if sigma > 0:
        null = honest_gaps(found.incubator, found.series.part(kept), sigma, trials, generator)
        null = null[np.isfinite(null)]
    gap = float(found.gap[kept].mean())
    return Assessment(found, gap, float(low[0]), float(high[0]), welch, sigma, null, agents)
