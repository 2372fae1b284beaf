"""Cost rows in MATPOWER's format (`gencost`) as prices, slopes and segments.

Source: MATPOWER User's Manual 8.0, table B-4. PYPOWER and pandapower use the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from networks.errors import InputError

PIECEWISE, POLYNOMIAL = 1, 2


@dataclass(frozen=True)
class Costs:
    """Columns `price`, `slope`, `constant_cost` of table `units` (price NaN where the cost is
    piecewise linear), and the table `segments` of those units."""

    price: np.ndarray
    slope: np.ndarray
    constant: np.ndarray
    segments: pd.DataFrame


def read_costs(
    rows: np.ndarray,
    units: Sequence[Hashable],
    min_mw: np.ndarray,
    max_mw: np.ndarray,
    where: Callable[[int], str],
) -> Costs:
    """Costs of `units` from their `rows` of a cost table: model, start-up, shut-down, n, data.

    `where(k)` names row k in messages. A polynomial c₂p² + c₁p + c₀ is the price c₁ with slope 2c₂
    and constant c₀; a piecewise linear cost is extended at both ends with its outer slopes.

    Raises
    ------
    InputError
        for an unknown model, a row too short for its n, terms above second order that are not 0,
        and points that do not advance.
    """
    price, slope, constant = np.full(len(units), np.nan), np.zeros(len(units)), np.zeros(len(units))
    pieces = []
    for k, row in enumerate(rows):
        model, count = row[0], int(row[3]) if len(row) > 3 else 0
        if model == POLYNOMIAL:
            price[k], slope[k], constant[k] = _polynomial(_data(row, count, where(k)), where(k))
        elif model == PIECEWISE:
            points = _data(row, 2 * count, where(k)).reshape(-1, 2)
            piece, constant[k] = _piecewise(points, min_mw[k], max_mw[k], where(k))
            piece.insert(0, "unit", pd.Series([units[k]] * len(piece), dtype=object))
            pieces.append(piece)
        else:
            raise InputError(
                f"{where(k)}: the cost model is {model:g}; use 1 (piecewise linear) or 2 (polynomial)"
            )
    return Costs(price, slope, constant, pd.concat(pieces, ignore_index=True) if pieces else _no_segments())


def _no_segments() -> pd.DataFrame:
    return pd.DataFrame({"unit": [], "from_mw": [], "to_mw": [], "price": []})


def _data(row: np.ndarray, count: int, where: str) -> np.ndarray:
    if len(row) < 4 + count or count < 1:
        raise InputError(
            f"{where}: it has {max(len(row) - 4, 0)} of {max(count, 1)} cost values; complete the row or "
            "correct n"
        )
    return row[4 : 4 + count]


def _polynomial(coefficients: np.ndarray, where: str) -> tuple[float, float, float]:
    """Price, slope and constant of coefficients with the highest order first."""
    if coefficients[:-3].any():
        order = len(coefficients) - 1 - int(np.flatnonzero(coefficients)[0])
        raise InputError(
            f"{where}: the cost is a polynomial of order {order}; only orders up to 2 are cleared exactly: "
            "fit a quadratic, or give the cost as piecewise linear (model 1)"
        )
    c2, c1, c0 = [0.0, 0.0, 0.0, *coefficients][-3:]
    return float(c1), 2.0 * float(c2), float(c0)


def _piecewise(points: np.ndarray, low: float, high: float, where: str) -> tuple[pd.DataFrame, float]:
    """Segments over [min(low, 0), max(high, 0)] and the cost at output 0."""
    p, cost = points[:, 0], points[:, 1]
    if len(p) < 2 or (np.diff(p) <= 0).any():
        raise InputError(f"{where}: the cost needs two or more points of rising output; correct the points")
    prices = np.diff(cost) / np.diff(p)
    start, end = p[:-1].copy(), p[1:].copy()
    start[0], end[-1] = min(start[0], low, 0.0), max(end[-1], high, 0.0)
    segment = int(np.clip(np.searchsorted(p, 0.0, side="right") - 1, 0, len(prices) - 1))
    at_zero = cost[segment] - prices[segment] * p[segment]
    return pd.DataFrame({"from_mw": start, "to_mw": end, "price": prices}), float(at_zero)
