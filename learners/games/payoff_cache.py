"""A bounded exact cache of payoffs: what was cleared once is remembered, never approximated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clearing.errors import InputError

_MIX = np.uint64(0x9E3779B97F4A7C15)  # golden-ratio multiplier: Knuth, TAOCP 3, section 6.4


class PayoffCache:
    """Rows of numbers by integer key, in a table of fixed size.

    Every key has one place. While there are no more keys than places each has its own; beyond that keys
    that share a place displace each other and are computed again, so that memory stays bounded and values
    never depend on what was asked before (law 3).

    Parameters
    ----------
    width : numbers per row.
    keys : how many different keys there are.
    limit_bytes : memory for the table.
    """

    def __init__(self, width: int, keys: int, limit_bytes: int = 256 * 2**20):
        places = min(keys, limit_bytes // (8 * (width + 1)))
        if places < 1:
            raise InputError(f"payoff cache: {limit_bytes} bytes hold no row of {width} numbers; give more")
        self.places, self.keys, self._direct = int(places), keys, places >= keys
        self._key = np.full(self.places, -1, dtype=np.int64)
        self._rows = np.zeros((self.places, width))
        self.computed = 0

    def fetch(self, keys: np.ndarray, compute: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Rows (batch, width) of keys (batch,); `compute` makes those of distinct unknown ones."""
        keys = np.asarray(keys, dtype=np.int64)
        place = self._place(keys)
        rows = self._rows[place]
        known = self._key[place] == keys
        if known.all():
            return rows
        missing, back = np.unique(keys[~known], return_inverse=True)
        fresh = compute(missing)
        self.computed += len(missing)
        rows[~known] = fresh[back]
        slot, first = np.unique(self._place(missing), return_index=True)
        self._rows[slot], self._key[slot] = fresh[first], missing[first]
        return rows

    @property
    def held(self) -> int:
        """How many rows the table holds."""
        return int((self._key >= 0).sum())

    def _place(self, keys: np.ndarray) -> np.ndarray:
        if self._direct:
            return keys
        mixed = (keys.astype(np.uint64) * _MIX) >> np.uint64(20)
        return (mixed % np.uint64(self.places)).astype(np.int64)
