"""Shares of seeds with an interval: how sure a count out of some replicates makes us."""

from __future__ import annotations

import numpy as np
from scipy import stats

from clearing.errors import InputError


def share_interval(
    hits: int | np.ndarray, trials: int | np.ndarray, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of Wilson's interval of a share, elementwise.

    Parameters
    ----------
    hits, trials : counts, 0 ≤ hits ≤ trials, at least one trial.
    level : confidence level in (0, 1).

    Raises
    ------
    InputError
        counts or a level out of range.

    Source: E. B. Wilson, JASA 22 (1927). It keeps inside [0, 1] and has width where all or none hit.

    Examples
    --------
    >>> low, high = share_interval(10, 10)
    >>> round(float(low), 3), float(high)
    (0.722, 1.0)
    """
    k, n = np.asarray(hits, dtype=float), np.asarray(trials, dtype=float)
    if not ((n >= 1) & (k >= 0) & (k <= n)).all():
        raise InputError(f"shares: {hits!r} of {trials!r}; give 0 ≤ hits ≤ trials and at least one trial")
    if not 0 < level < 1:
        raise InputError(f"shares: level is {level!r}; give a number between 0 and 1, such as 0.95")
    z = float(stats.norm.ppf(0.5 + level / 2))
    centre, spread = k + z * z / 2, z * np.sqrt(k * (n - k) / n + z * z / 4)
    low, high = (centre - spread) / (n + z * z), (centre + spread) / (n + z * z)
    return np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)
