"""Shares and means with their intervals, spans and lists, for the answers of studies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from learners.equilibria.indices import mean_interval
from learners.equilibria.shares import share_interval


def share_of(hits: Any) -> str:
    """`"62 % (95 % interval 49 to 73 %)"` from one truth per run, at least one."""
    hits = np.asarray(hits, dtype=bool)
    low, high = share_interval(int(hits.sum()), len(hits))
    return share_words(float(hits.mean()), float(low), float(high))


def share_words(share: float, low: float, high: float) -> str:
    """A share in percent with the ends of its 95 % interval."""
    return f"{100 * share:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"


def mean_of(values: Any, unit: str, digits: int = 0, sign: str = "") -> str:
    """`"3.1 $/MWh (95 % interval 2.8 to 3.4)"` over runs, at least one; of a single run the value alone."""
    found = mean_interval(np.asarray(values, dtype=float))
    form = f"{sign},.{digits}f"
    said = f"{round(found.estimate, digits) + 0.0:{form}} {unit}"
    if not np.isfinite(found.high):
        return f"{said} (one run)"
    ends = (f"{round(end, digits) + 0.0:{form}}" for end in (found.low, found.high))
    return f"{said} (95 % interval {' to '.join(ends)})"


def span(values: Any, digits: int = 0, unit: str = "") -> str:
    """`"3 to 7 $"`, or one number where least and greatest read the same."""
    low, high = (f"{round(float(v), digits) + 0.0:,.{digits}f}" for v in (np.min(values), np.max(values)))
    return f"{low if low == high else f'{low} to {high}'} {unit}".strip()


def listed(words: Sequence[str]) -> str:
    """`"a, b and c"`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
