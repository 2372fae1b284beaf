"""Supply and demand of a whole system as curves: steps, slopes, must-run output and fixed demand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from clearing.book import BUY, SELL

if TYPE_CHECKING:
    from studies.pages.facts import Facts


@dataclass(frozen=True, eq=False)
class SystemCurves:
    """The curves of one period, network ignored, each as the corners of a polyline.

    Attributes
    ----------
    supply_mw, supply_price : rising; it begins at the must-run output (minimum outputs and fixed injections).
    demand_mw, demand_price : falling; it begins at the fixed demand, which has no price.
    served_mw : demand served in this period [MW].
    low_price, mean_price, high_price : of the buses in this period [$/MWh].
    """

    supply_mw: np.ndarray
    supply_price: np.ndarray
    demand_mw: np.ndarray
    demand_price: np.ndarray
    served_mw: float
    low_price: float
    mean_price: float
    high_price: float

    def window(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Axis limits (MW, then $/MWh) that show where the market cleared; far-off prices are cut."""
        right = max(float(self.supply_mw[-1]), float(self.demand_mw[-1]), 1e-9)
        right = max(min(right, 2.0 * self.served_mw), 1.05 * self.served_mw) or right
        seen = np.concatenate([self.supply_price[self.supply_mw <= right], self.demand_price, np.zeros(1)])
        marks = [p for p in (self.low_price, self.mean_price, self.high_price) if np.isfinite(p)] or [0.0]
        reach = max(4.0 * max(abs(m) for m in marks[1:2] or marks), 1.15 * max(marks), 1e-9)
        floor = min(-4.0 * abs(marks[len(marks) // 2]), 1.15 * min(marks), 0.0)
        high = min(float(seen.max()), reach)
        low = max(float(seen.min()), floor)
        high, low = max(high, max(marks)), min(low, min(marks))
        room = 0.08 * max(high - low, 1e-6 + 0.1 * abs(high))
        return (0.0, 1.03 * right), (low - (room if low < 0 else 0.0), high + room)


def system_curves(facts: Facts, period: int) -> SystemCurves:
    """The curves of one period."""
    book = facts.book
    columns = np.flatnonzero(book.column_period == period)
    rows = book.column_row[columns]
    fixed = facts.fixed_mw[:, period]
    sides = {}
    for side in (SELL, BUY):
        chosen = rows[book.side[rows] == side]
        must = float(np.maximum(-side * fixed, 0.0).sum() + book.min_mw[chosen].sum())
        mw = book.mw[chosen] - book.min_mw[chosen]
        start = side * book.price[chosen] + book.slope[chosen] * book.min_mw[chosen]
        quantity, key = _aggregated(start, book.slope[chosen], mw)
        sides[side] = (must + quantity, side * key)
    priced = facts.outcome.priced[:, period]
    lmp = facts.outcome.lmp[priced, period]
    return SystemCurves(
        *sides[SELL],
        *sides[BUY],
        served_mw=float(facts.served_mw[:, period].sum()),
        low_price=float(lmp.min()) if len(lmp) else np.nan,
        mean_price=float(facts.mean_price[period]),
        high_price=float(lmp.max()) if len(lmp) else np.nan,
    )


def _aggregated(start: np.ndarray, slope: np.ndarray, mw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (MW, key) of the sum of orders whose key rises from `start` by `slope` per MW.

    Flat orders jump at their key; sloped ones add 1/slope MW per $/MWh over their range.
    """
    used = mw > 0
    start, slope, mw = start[used], slope[used], mw[used]
    if len(mw) == 0:
        return np.zeros(1), np.zeros(1)
    rise = slope * mw
    flat = rise <= 1e-9 * (1.0 + np.abs(start))
    keys = np.unique(np.concatenate([start, (start + rise)[~flat]]))
    jump = np.bincount(np.searchsorted(keys, start[flat]), mw[flat], minlength=len(keys))
    rate = np.zeros(len(keys))
    np.add.at(rate, np.searchsorted(keys, start[~flat]), 1.0 / slope[~flat])
    np.add.at(rate, np.searchsorted(keys, (start + rise)[~flat]), -1.0 / slope[~flat])
    gained = np.concatenate([[0.0], np.cumsum(rate)[:-1] * np.diff(keys)])
    after = np.cumsum(np.maximum(gained, 0.0) + jump)
    corners = np.column_stack([after - jump, after]).ravel()
    return corners, np.repeat(keys, 2)
