"""Cost curves of units: contiguous segments of marginal cost that never decreases."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np

from networks.checks import Rows, Table

CONVEXITY_TOLERANCE = 1e-9
"""By how much a marginal cost may fall, relative to its size: rounding of slopes computed from
points of a cost curve, far below a cent."""


@dataclass(frozen=True)
class Segments:
    """(segments,) arrays, sorted by unit and output: marginal cost price + slope·(p − from_mw)."""

    unit: np.ndarray
    from_mw: np.ndarray
    to_mw: np.ndarray
    price: np.ndarray
    slope: np.ndarray

    def take(self, rows: np.ndarray) -> Segments:
        return Segments(
            self.unit[rows], self.from_mw[rows], self.to_mw[rows], self.price[rows], self.slope[rows]
        )

    def end_price(self) -> np.ndarray:
        """Marginal cost at the upper end of each segment [$/MWh]."""
        return self.price + self.slope * (self.to_mw - self.from_mw)


def segments_from_tables(
    units: Table, labels: list[Hashable], min_mw: np.ndarray, max_mw: np.ndarray, segments: Rows | None
) -> Segments:
    """The cost segments of all units, from columns `price`, `slope` or from a table `segments`.

    They cover exactly [min(min_mw, 0), max(max_mw, 0)] of each unit. Raises InputError for a unit
    with no cost or with two, for gaps and overlaps, and for a marginal cost that decreases.
    """
    low, high = np.minimum(min_mw, 0.0), np.maximum(max_mw, 0.0)
    table = Table(
        () if segments is None else segments, "segments", ["unit", "from_mw", "to_mw", "price"], ["slope"]
    )
    own = _read(table, {label: k for k, label in enumerate(labels)})
    price = units.numbers("price", "$/MWh", default=np.nan, missing=np.nan)
    slope = units.numbers("slope", "$/MW²h", default=0.0, missing=0.0)
    priced, listed = ~np.isnan(price), np.bincount(own.unit, minlength=len(labels)) > 0
    _refuse_unclear_costs(units, priced, listed, slope)

    order = np.lexsort((own.to_mw, own.from_mw, own.unit))
    own = own.take(order)
    _refuse_gaps(table, order, own, low, high)
    lines = np.flatnonzero(priced)
    merged = Segments(
        np.concatenate([own.unit, lines]),
        np.concatenate([own.from_mw, low[lines]]),
        np.concatenate([own.to_mw, high[lines]]),
        np.concatenate([own.price, price[lines] + slope[lines] * low[lines]]),
        np.concatenate([own.slope, slope[lines]]),
    )
    return _cut(merged.take(np.lexsort((merged.from_mw, merged.unit))), low, high)


def _read(table: Table, position: dict[Hashable, int]) -> Segments:
    start, end = table.numbers("from_mw", "MW"), table.numbers("to_mw", "MW")
    table.refuse(start > end, "from_mw", "it is above to_mw", "swap the two")
    return Segments(
        table.positions("unit", position, "table 'units'"),
        start,
        end,
        table.numbers("price", "$/MWh"),
        table.numbers("slope", "$/MW²h", default=0.0, minimum=0.0, missing=0.0),
    )


def _refuse_unclear_costs(units: Table, priced: np.ndarray, listed: np.ndarray, slope: np.ndarray) -> None:
    remedy = "give a price in $/MWh, or rows in table 'segments'"
    units.refuse(~priced & ~listed, "price", "the unit has no cost", remedy)
    units.refuse(priced & listed, "price", "the unit has rows in table 'segments' too", "keep one of the two")
    units.refuse(slope < 0, "slope", "the marginal cost would decrease (not convex)", "give a slope ≥ 0")
    units.refuse(
        listed & (slope != 0), "slope", "the unit's cost is in table 'segments'", "put the slope there"
    )


def _refuse_gaps(table: Table, order: np.ndarray, own: Segments, low: np.ndarray, high: np.ndarray) -> None:
    """Adjacent, not decreasing, and reaching over the unit's range; `order` leads back to table rows."""
    if not len(order):
        return
    joined = np.append(own.unit[1:] == own.unit[:-1], False)
    after = np.minimum(np.arange(len(order)) + 1, len(order) - 1)
    apart = joined & (own.from_mw[after] != own.to_mw)
    falling = joined & (own.price[after] < own.end_price() - CONVEXITY_TOLERANCE * (1 + abs(own.end_price())))
    starts_late = ~np.insert(joined[:-1], 0, False) & (own.from_mw > low[own.unit])
    ends_early = ~joined & (own.to_mw < high[own.unit])
    for bad, shown, column, problem, remedy in (
        (
            apart,
            after,
            "from_mw",
            "it is not where the unit's segment before ends",
            "leave no gap or overlap",
        ),
        (falling, after, "price", "the marginal cost decreases (not convex)", "give rising prices"),
        (
            starts_late,
            None,
            "from_mw",
            "the cost is unknown below it",
            "begin at 0, or at min_mw if negative",
        ),
        (ends_early, None, "to_mw", "the cost is unknown above it", "end at max_mw, or at 0 if negative"),
    ):
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            raise table.fail(int(order[k if shown is None else shown[k]]), column, problem, remedy)


def _cut(curve: Segments, low: np.ndarray, high: np.ndarray) -> Segments:
    """The curve inside each unit's range; a unit that can only stand still keeps one empty segment."""
    start = np.maximum(curve.from_mw, low[curve.unit])
    end = np.minimum(curve.to_mw, high[curve.unit])
    kept = end > start
    still = (low == high)[curve.unit] & (start == end)
    first = np.append(True, curve.unit[1:] != curve.unit[:-1])[: len(start)]
    first_still = still & (first | ~np.insert(still[:-1], 0, False)[: len(start)])
    inside = Segments(
        curve.unit, start, end, curve.price + curve.slope * (start - curve.from_mw), curve.slope
    )
    return inside.take(np.flatnonzero(kept | first_still))
