"""The least cost of a microgrid as a function of its net export, traced exactly by parametric solves."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from clearing.errors import NumericalError
from networks.checks import freeze_arrays

SAME_SLOPE = 1e-9  # of the greatest slope: two marginal costs closer than this are one
SAME_COST = 1e-9  # of the turnover: a cost on its tangent
MOST_SOLVES = 20_000


@dataclass(frozen=True, eq=False)
class SupplyCurve:
    """Net supply of one period: C(y) is convex and piecewise linear in the net export y.

    Attributes
    ----------
    breakpoint_mw : (segments + 1,) rising net exports; negative is import [MW].
    price : (segments,) marginal cost between them, rising [$/MWh].
    cost_at_zero : C(0) [$/h], NaN where 0 is outside the range.
    solves : linear programs it took.
    """

    breakpoint_mw: np.ndarray
    price: np.ndarray
    cost_at_zero: float
    solves: int

    def __post_init__(self) -> None:
        freeze_arrays(self)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per segment: from_mw, to_mw, price."""
        return pd.DataFrame(
            {"from_mw": self.breakpoint_mw[:-1], "to_mw": self.breakpoint_mw[1:], "price": self.price}
        )

    def orders(
        self, bus: Hashable, participant: Hashable, period: int | None = None, markup: float = 0.0
    ) -> list[dict[str, object]]:
        """Rows of a book's table `orders`: exports as sales, imports as purchases, one block per segment.

        All blocks are one unit; the block that spans 0 is a sale with a negative minimum.
        `markup` [$/MWh] is added to every block's price: a seller's withholding, a buyer's overbidding.
        """
        rows: list[dict[str, object]] = []
        for low, high, price in zip(
            self.breakpoint_mw[:-1].tolist(),
            self.breakpoint_mw[1:].tolist(),
            np.maximum.accumulate(self.price).tolist(),  # rounding aside, marginal costs never fall
            strict=True,
        ):
            side = "sell" if high > 0 else "buy"
            rows.append(
                {
                    "order": f"{participant} {side} {len(rows)}" + ("" if period is None else f" @{period}"),
                    "participant": participant,
                    "unit": participant,
                    "bus": bus,
                    "side": side,
                    "mw": high - max(low, 0.0) if high > 0 else high - low,
                    "min_mw": low if low < 0 < high else 0.0,
                    "price": price + markup,
                    "period": period,
                }
            )
        return rows


def trace_curve(
    evaluate: Callable[[float], tuple[float, float]], low: float, high: float, turnover: float
) -> SupplyCurve:
    """Breakpoints and slopes of a convex piecewise-linear function on [low, high].

    `evaluate(y)` gives C(y) and one subgradient. Two tangents meet at a point; if C lies on them there, it is
    a breakpoint or within a segment, else the point splits the interval. Each solve settles a segment or a
    breakpoint, so their number is at most about twice that of the segments. Source: the sandwich
    method for parametric right-hand sides; exact because C is piecewise linear.
    """
    known: dict[float, tuple[float, float]] = {}

    def at(y: float) -> tuple[float, float]:
        if y not in known:
            if len(known) >= MOST_SOLVES:
                raise NumericalError(f"the supply curve has more than {MOST_SOLVES} breakpoints")
            known[y] = evaluate(y)
        return known[y]

    segments: list[tuple[float, float, float]] = []
    stack = [(low, high)] if high > low else []
    while stack:
        a, b = stack.pop()
        (cost_a, slope_a), (cost_b, slope_b) = at(a), at(b)
        scale = 1.0 + max(abs(slope_a), abs(slope_b))
        chord = (cost_b - cost_a) / (b - a)
        if min(abs(slope_a - chord), abs(slope_b - chord)) <= SAME_SLOPE * scale:
            segments.append((a, b, chord))
            continue
        middle = (cost_b - cost_a + slope_a * a - slope_b * b) / (slope_a - slope_b)
        if not a < middle < b:
            middle = 0.5 * (a + b)
        tangent = cost_a + slope_a * (middle - a)
        if abs(at(middle)[0] - tangent) <= SAME_COST * max(turnover, 1e-300):
            segments += [(a, middle, slope_a), (middle, b, slope_b)]
        else:
            stack += [(a, middle), (middle, b)]
    merged: list[tuple[float, float, float]] = []
    for a, b, slope in sorted(segments):
        if merged and abs(merged[-1][2] - slope) <= 1e-7 * (1.0 + abs(slope)):
            merged[-1] = (merged[-1][0], b, merged[-1][2])
        else:
            merged.append((a, b, slope))
    points = [merged[0][0], *(b for _, b, _ in merged)] if merged else [low]
    zero = evaluate(0.0)[0] if low <= 0 <= high else float("nan")
    prices = np.maximum.accumulate([slope for _, _, slope in merged]) if merged else np.zeros(0)
    return SupplyCurve(np.array(points), np.asarray(prices, dtype=float), zero, len(known) + 1)
