"""Means with their 95 % intervals, for the sentences that answer a study's question."""

from __future__ import annotations

from typing import Any

import numpy as np

from learners.equilibria.indices import Interval, mean_interval


def mean_of(values: Any, unit: str, digits: int = 0, sign: str = "") -> str:
    """`"3.1 $/MWh (95 % interval 2.8 to 3.4)"` of the finite values; of one, the value alone."""
    found = mean_known(values)
    if found is None:
        return "no finite number"
    form = f"{sign},.{digits}f"
    said = f"{round(found.estimate, digits) + 0.0:{form}} {unit}".strip()
    if not np.isfinite(found.high):
        return f"{said} (one value)"
    ends = (f"{round(end, digits) + 0.0:{form}}" for end in (found.low, found.high))
    return f"{said} (95 % interval {' to '.join(ends)})"


def mean_known(values: Any) -> Interval | None:
    """The mean and interval of the finite values; none where there are none."""
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    return mean_interval(x) if len(x) else None
