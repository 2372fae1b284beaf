"""The colour scale of a chart: plain or logarithmic beyond a value, about zero where it has a sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class ColourScale:
    """Values as they are coloured.

    Attributes
    ----------
    coloured : what the colours follow; low, high : its ends; ticks : (place, words) of the colour bar,
        none where the plain numbers will do.
    """

    coloured: np.ndarray
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


def colour_scale(values: Any, signed: bool, linear: float | None) -> ColourScale:
    """The scale for `values` of any shape; without `linear` a few extremes are cut off."""
    array = np.asarray(values, dtype=float)
    if linear is None:
        return ColourScale(array, *_ends(array, signed), ticks=())
    coloured = np.sign(array) * np.log10(1.0 + np.abs(array) / linear)
    top = float(np.nanmax(np.abs(coloured), initial=0.0)) or 1.0
    low = -top if signed else min(0.0, float(np.nanmin(coloured, initial=0.0)))
    greatest = linear * 10.0**top
    steps = [v for v in 10.0 ** np.arange(np.ceil(np.log10(linear)), 12) if 3 * linear < v <= greatest]
    steps = steps[:: max(1, len(steps) // 4)]
    ticks = [(0.0, "0")]
    for step in steps:
        place = float(np.log10(1.0 + step / linear))
        ticks.append((place, _short(step)))
        if low < 0:
            ticks.insert(0, (-place, f"−{_short(step)}"))
    return ColourScale(coloured, low, top, tuple(ticks))


def _ends(array: np.ndarray, signed: bool) -> tuple[float, float]:
    finite = array[np.isfinite(array)]
    if not len(finite):
        return -1.0, 1.0
    low, high = (float(q) for q in np.quantile(finite, [0.02, 0.98]))
    if float(finite.max() - finite.min()) <= 3.0 * (high - low):
        low, high = float(finite.min()), float(finite.max())
    if signed:
        high = max(abs(low), abs(high)) or float(np.abs(finite).max()) or 1.0
        low = -high
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _short(value: float) -> str:
    """`"10k"`, `"1M"`, `"0.01"`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
