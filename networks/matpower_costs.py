"""Cost rows in MATPOWER's format (`gencost`) as prices, slopes and segments.

Source: MATPOWER User's Manual 8.0, table B-4. PYPOWER and pandapower use the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from networks.costs import CONVEXITY_TOLERANCE
from networks.errors import InputError

PIECEWISE, POLYNOMIAL = 1, 2

ROUNDED_SLOPE = 1e-4
"""By how much of itself a slope may fall, at most, where the rounding of printed points explains it."""


@dataclass(frozen=True)
class Costs:
    """Columns `price`, `slope`, `constant_cost` of table `units` (price NaN where the cost is
    piecewise linear), the table `segments` of those units, and by how much of itself a slope fell, per
    cost whose points were taken for rounded ones of a convex cost."""

    price: np.ndarray
    slope: np.ndarray
    constant: np.ndarray
    segments: pd.DataFrame
    straightened: tuple[float, ...]


def read_costs(
    rows: np.ndarray,
    units: Sequence[Hashable],
    min_mw: np.ndarray,
    max_mw: np.ndarray,
    where: Callable[[int], str],
) -> Costs:
    """Costs of `units` from their `rows` of a cost table: model, start-up, shut-down, n, data.

    `where(k)` names row k in messages. A polynomial c₂p² + c₁p + c₀ is the price c₁ with slope 2c₂
    and constant c₀; a piecewise linear cost is extended at both ends with its outer slopes. Numbers
    behind the n values are not read; a unit whose output can only be 0 needs no values.

    Points are printed with so many digits. Slopes that fall by no more than the rounding of the last
    digit explains, and by at most `ROUNDED_SLOPE` of themselves, are read as the greatest convex cost
    below the points.

    Raises
    ------
    InputError
        for an unknown model, a row too short for its n, values that are no finite numbers, terms above
        second order that are not 0, points that do not advance, and costs that are not convex.
    """
    price, slope, constant = np.full(len(units), np.nan), np.zeros(len(units)), np.zeros(len(units))
    pieces, straightened = [], []
    for k, row in enumerate(rows):
        still = min_mw[k] == max_mw[k] == 0
        model, count = row[0], _count(row, where(k))
        if count == 0 and still:
            price[k] = 0.0
        elif model == POLYNOMIAL:
            data = _data(row, count, where(k))
            price[k], slope[k], constant[k] = _polynomial(data, where(k))
        elif model == PIECEWISE:
            points = _distinct(_data(row, 2 * count, where(k)).reshape(-1, 2), where(k))
            if len(points) == 1 and still:
                price[k], constant[k] = 0.0, points[0, 1]
                continue
            hull, fall = _convex(points, where(k))
            straightened += [fall] if fall else []
            piece, constant[k] = _piecewise(hull, min_mw[k], max_mw[k])
            piece.insert(0, "unit", pd.Series([units[k]] * len(piece), dtype=object))
            pieces.append(piece)
        else:
            raise InputError(
                f"{where(k)}: the cost model is {model:g}; use 1 (piecewise linear) or 2 (polynomial)"
            )
    segments = pd.concat(pieces, ignore_index=True) if pieces else _no_segments()
    return Costs(price, slope, constant, segments, tuple(straightened))


def straightened_note(costs: Costs, table: str) -> list[str]:
    """The sentence that some costs were taken for rounded ones, with the tolerance; or none."""
    if not costs.straightened:
        return []
    count, fall = len(costs.straightened), max(costs.straightened)
    which = "1 piecewise cost" if count == 1 else f"{count} piecewise costs"
    return [
        f"{table}: slopes of {which} fall by up to {fall:.1g} of themselves, as the rounding of the printed "
        f"points explains: read as convex (tolerance {ROUNDED_SLOPE:g})"
    ]


def _no_segments() -> pd.DataFrame:
    return pd.DataFrame({"unit": [], "from_mw": [], "to_mw": [], "price": []})


def _count(row: np.ndarray, where: str) -> int:
    """The number n of points or coefficients."""
    n = row[3] if len(row) > 3 else 0.0
    if not np.isfinite(n) or n != np.floor(n) or n < 0:
        raise InputError(f"{where}: column 4, the number of cost values, is {n:g}; give a whole number")
    return int(n)


def _data(row: np.ndarray, count: int, where: str) -> np.ndarray:
    if len(row) < 4 + count or count < 1:
        raise InputError(
            f"{where}: it has {max(len(row) - 4, 0)} of {max(count, 1)} cost values; complete the row or "
            "correct n"
        )
    data = row[4 : 4 + count]
    if not np.isfinite(data).all():
        k = int(np.flatnonzero(~np.isfinite(data))[0])
        raise InputError(f"{where}: column {5 + k} is {data[k]}; give a finite number")
    return data


def _polynomial(coefficients: np.ndarray, where: str) -> tuple[float, float, float]:
    """Price, slope and constant of coefficients with the highest order first."""
    if coefficients[:-3].any():
        order = len(coefficients) - 1 - int(np.flatnonzero(coefficients)[0])
        raise InputError(
            f"{where}: the cost is a polynomial of order {order}; only orders up to 2 are cleared exactly: "
            "fit a quadratic, or give the cost as piecewise linear (model 1)"
        )
    c2, c1, c0 = [0.0, 0.0, 0.0, *coefficients][-3:]
    if c2 < 0:
        raise InputError(
            f"{where}: the coefficient of p² is {c2:g}: the marginal cost would decrease (not convex); give "
            "one of at least 0"
        )
    return float(c1), 2.0 * float(c2), float(c0)


def _distinct(points: np.ndarray, where: str) -> np.ndarray:
    """The points without those that repeat the one before."""
    points = points[np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))]
    back = np.flatnonzero(np.diff(points[:, 0]) <= 0)
    if len(back):
        (p, cost), (q, other) = points[back[0]], points[back[0] + 1]
        raise InputError(
            f"{where}: the cost's point ({q:g} MW, {other:g} $/h) follows ({p:g} MW, {cost:g} $/h); "
            "give points of rising output"
        )
    return points


def _convex(points: np.ndarray, where: str) -> tuple[np.ndarray, float]:
    """The points, without those that only their rounding puts above a convex cost, and the greatest fall
    of a slope relative to itself, 0 where none falls."""
    if len(points) < 2:
        raise InputError(f"{where}: the cost has one point; give two or more")
    slopes = np.diff(points[:, 1]) / np.diff(points[:, 0])
    falls = slopes[:-1] - slopes[1:]
    exact = CONVEXITY_TOLERANCE * (1 + np.abs(slopes[:-1]))
    if not (falls > exact).any():
        return points, 0.0
    # A printed number is off by half a unit of its last digit; a slope by that of its two points.
    p_error, cost_error = (0.5 * 10.0 ** -_decimals(points[:, k]) for k in (0, 1))
    slope_error = 2 * (cost_error + np.abs(slopes) * p_error) / np.diff(points[:, 0])
    rounding = slope_error[:-1] + slope_error[1:]
    explained = np.minimum(rounding, ROUNDED_SLOPE * np.abs(slopes[:-1])) + exact
    k = int(np.argmax(falls - explained))
    if falls[k] > explained[k]:
        raise InputError(
            f"{where}: the cost's slope falls from {slopes[k]:.10g} to {slopes[k + 1]:.10g} $/MWh at "
            f"{points[k + 1, 0]:g} MW (not convex); give points of rising slope"
        )
    return points[_lower_hull(points)], float((falls / np.maximum(np.abs(slopes[:-1]), 1e-300)).max())


def _decimals(values: np.ndarray) -> int:
    """How many decimals the longest of the numbers is printed with."""
    exponents = [Decimal(repr(float(value))).normalize().as_tuple().exponent for value in values]
    return max(0, *(-int(exponent) for exponent in exponents))


def _lower_hull(points: np.ndarray) -> list[int]:
    """Positions of the points on the greatest convex function below them (Andrew's monotone chain, 1979)."""
    hull: list[int] = []
    for k, (p, cost) in enumerate(points):
        while len(hull) > 1:
            (p1, c1), (p2, c2) = points[hull[-2]], points[hull[-1]]
            if (c2 - c1) * (p - p2) < (cost - c2) * (p2 - p1):
                break
            hull.pop()
        hull.append(k)
    return hull


def _piecewise(points: np.ndarray, low: float, high: float) -> tuple[pd.DataFrame, float]:
    """Segments over [min(low, 0), max(high, 0)] and the cost at output 0."""
    p, cost = points[:, 0], points[:, 1]
    prices = np.diff(cost) / np.diff(p)
    start, end = p[:-1].copy(), p[1:].copy()
    start[0], end[-1] = min(start[0], low, 0.0), max(end[-1], high, 0.0)
    segment = int(np.clip(np.searchsorted(p, 0.0, side="right") - 1, 0, len(prices) - 1))
    at_zero = cost[segment] - prices[segment] * p[segment]
    return pd.DataFrame({"from_mw": start, "to_mw": end, "price": prices}), float(at_zero)
