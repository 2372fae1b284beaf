"""Means and shares with their intervals, spans and lists in words, for the answers of studies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from learners.equilibria.indices import Interval, mean_interval
from learners.equilibria.shares import share_interval
from studies.verdicts import Ends, clearly


def share_of(hits: ArrayLike) -> str:
    """`"62 % (95 % interval 49 to 73 %)"` from one truth per run, at least one."""
    truths = np.asarray(hits, dtype=bool)
    low, high = share_interval(int(truths.sum()), len(truths))
    return share_words(float(truths.mean()), float(low), float(high))


def share_words(share: float, low: float, high: float) -> str:
    """A share in percent with the ends of its 95 % interval."""
    return f"{100 * share:.0f} % (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"


def mean_of(values: ArrayLike, unit: str, digits: int = 0, sign: str = "") -> str:
    """`"3.1 $/MWh (95 % interval 2.8 to 3.4)"` of the finite values; of a single one the value alone."""
    found = mean_known(values)
    if found is None:
        return "no finite number"
    form = f"{sign},.{digits}f"
    said = f"{round(found.estimate, digits) + 0.0:{form}} {unit}".strip()
    if not np.isfinite(found.high):
        return f"{said} (one value)"
    ends = (f"{round(end, digits) + 0.0:{form}}" for end in (found.low, found.high))
    return f"{said} (95 % interval {' to '.join(ends)})"


def mean_known(values: ArrayLike) -> Interval | None:
    """The mean and interval of the finite values; none where there are none."""
    x = np.asarray(values, dtype=float)
    x = x[np.isfinite(x)]
    return mean_interval(x) if len(x) else None


def side_of(
    interval: Ends,
    bound: float,
    above: str = "above",
    below: str = "below",
    neither: str = "not clearly apart from",
) -> str:
    """On which side of a bound all of an interval is, in words."""
    return above if clearly(interval, above=bound) else below if clearly(interval, below=bound) else neither


def span(values: ArrayLike, digits: int = 0, unit: str = "") -> str:
    """`"3 to 7 $"`, or one number where least and greatest read the same."""
    low, high = (f"{round(float(v), digits) + 0.0:,.{digits}f}" for v in (np.min(values), np.max(values)))
    return f"{low if low == high else f'{low} to {high}'} {unit}".strip()


def listed(words: Sequence[str]) -> str:
    """`"a, b and c"`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
