"""What conditions of optimality lack, and how much that is beside a scale of its own."""

from __future__ import annotations

import numpy as np


def worst(violation: np.ndarray | float, scale: np.ndarray | float) -> float:
    """Largest |violation| beside its scale: 0 where there is none, NaN where one is not a number."""
    size = np.abs(np.asarray(violation, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.max(np.where(size == 0.0, 0.0, size / scale), initial=0.0))


def greatest(*values: float) -> float:
    return float(np.max(values))  # a NaN prevails


def largest(*parts: np.ndarray | float) -> float:
    """The greatest of all numbers, at least 0; NaN where one is not a number."""
    values = [float(np.max(part, initial=0.0)) for part in parts]
    return max(values) if np.isfinite(values).all() else greatest(*values)


def beyond(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.maximum(np.maximum(low - x, x - high), 0.0)


def stationary_violation(
    x: np.ndarray, low: np.ndarray, high: np.ndarray, room: np.ndarray, gap: np.ndarray, price: np.ndarray
) -> float:
    """Worst gain of a move into what is more than `room` away from a bound, beside `price`."""
    falls = np.where(x > low + room, np.maximum(gap, 0.0), 0.0)
    rises = np.where(x < high - room, np.maximum(-gap, 0.0), 0.0)
    return greatest(worst(falls, price), worst(rises, price))


def slack_times(x: np.ndarray, low: np.ndarray, high: np.ndarray, dual: np.ndarray) -> np.ndarray:
    """Products of multipliers (positive at the high bound) and the slacks of their bounds."""
    with np.errstate(invalid="ignore"):
        up = np.where(dual > 0, dual * np.maximum(high - x, 0.0), 0.0)
        down = np.where(dual < 0, -dual * np.maximum(x - low, 0.0), 0.0)
    return np.nan_to_num(up + down, posinf=np.inf)
