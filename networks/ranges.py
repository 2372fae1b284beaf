"""Ranges without an end, made as wide as they can matter."""

from __future__ import annotations

import numpy as np


def close_ranges(
    min_mw: np.ndarray, max_mw: np.ndarray, withdrawal_mw: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(units,) twice: the ranges, infinite ends replaced by all that the rest can take or give.

    `withdrawal_mw` are the fixed withdrawals, negative where they inject [MW]. What fixed demand and the
    other units' finite ranges can use leaves every dispatch possible in which units without an end do
    not trade with each other.
    """
    take = (
        np.minimum(withdrawal_mw, 0.0).sum() - np.maximum(np.where(np.isinf(max_mw), 0.0, max_mw), 0.0).sum()
    )
    give = (
        np.maximum(withdrawal_mw, 0.0).sum() - np.minimum(np.where(np.isinf(min_mw), 0.0, min_mw), 0.0).sum()
    )
    return np.where(np.isneginf(min_mw), take, min_mw), np.where(np.isposinf(max_mw), give, max_mw)
