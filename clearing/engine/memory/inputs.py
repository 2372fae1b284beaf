"""What the engine makes of arrays before the compiled code sees them: units, rows, a first basis."""

from __future__ import annotations

import numpy as np

from clearing.batches import once
from clearing.pricing.reduced import typical_size

NONE = np.zeros((0, 0))
_PLAIN = (2.0**-6, 2.0**20)  # typical MW and $/MWh in this range are used as they are


def rows_for(values: np.ndarray | None, unit: float, add: np.ndarray | None = None) -> np.ndarray:
    """Rows for the compiled code, in its units: one for every round is passed once, unless rounds differ."""
    if values is None:
        return NONE
    array = once(values)
    if add is not None:
        array = array + add
    if unit != 1.0:
        array = array / unit
    return array if array.flags.carray else array.copy(order="C")


def unit_of(values: np.ndarray) -> float:
    """1 for ordinary numbers, else the power of two that makes the typical one ordinary."""
    typical = typical_size(values)
    return 1.0 if _PLAIN[0] <= typical <= _PLAIN[1] else typical


def independent_columns(balance: np.ndarray) -> np.ndarray:
    """One column for each balance row such that they form a regular matrix; −1 where there is none."""
    m = balance.shape[0]
    rest = balance.copy()
    out = np.full(m, -1, dtype=np.int64)
    for i in range(m):
        nonzero = np.flatnonzero(np.abs(rest[i]) > 0.5)
        if len(nonzero) == 0:
            continue
        j = int(nonzero[0])
        out[i] = j
        for k in range(m):
            if k != i and rest[k, j] != 0.0:
                rest[k] -= rest[k, j] / rest[i, j] * rest[i]
    return out
