"""What rounds are cleared in: the two arrays of a store, which belong to one thread at a time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from clearing.engine.compilation import by_address
from clearing.engine.memory import store
from clearing.engine.memory.declare import EIGHT, Sizes, padded
from clearing.engine.memory.layout import INFO
from clearing.engine.memory.statuses import GROW_ROWS, LOAD


class Workspace:
    """A store, and room for one round. What it holds of earlier rounds shows in no result (law 3).

    Attributes
    ----------
    floats, ints : the arrays that compiled code works on.
    single : room for the status, info and numbers of one round, see :mod:`clearing.engine.single_round`.
    dirty : whether slopes, fixed demand or limits of the last batch are still in it.
    """

    __slots__ = ("dirty", "floats", "ints", "single")

    def __init__(self, sizes: Sizes):
        self.floats, self.ints = store.allocate(sizes)
        by_address.fill(self["addresses"])
        self.single = np.zeros(2 + len(INFO) + 2 * sizes.orders)
        self.dirty = False

    def __getitem__(self, name: str) -> np.ndarray:
        """A field of the store; a number is an array without a dimension."""
        return store.view(self.floats, self.ints, name)

    def __setitem__(self, name: str, value: np.ndarray | float) -> None:
        """Write all of a field."""
        self[name][...] = value

    def copy(self) -> Workspace:
        """Another one with the same numbers."""
        other = Workspace(store.sizes_of(self.ints))
        other._take({name: self[name] for name in store.names()})
        other.dirty = self.dirty
        return other

    def provide(self, status: float) -> None:
        """What a round asked for before it could go on; the basis starts cold, which shows in no result."""
        if status >= LOAD:
            by_address.load(int(status) - LOAD)
            by_address.fill(self["addresses"])
        else:
            self._grow(status)
        self["slot_row"][: int(self["slots"])] = -1
        for name in ("basis_size", "cache_state", "anchor_size", "is_warm"):
            self[name] = 0

    def _grow(self, status: float) -> None:
        """Twice the rows or slots; what waited for its proof is solved again."""
        sizes = store.sizes_of(self.ints)
        most = padded(sizes.islands + sizes.lines + 1)
        if status == GROW_ROWS:
            larger = replace(sizes, row_capacity=min(2 * sizes.row_capacity, most))
        else:
            larger = replace(sizes, slot_capacity=min(2 * sizes.slot_capacity, most))
        old = {name: self[name] for name in store.names(EIGHT)}
        self.floats, self.ints = store.allocate(larger)
        by_address.fill(self["addresses"])
        self._take(old)

    def restore(self, fixed: np.ndarray, limits: tuple[np.ndarray, np.ndarray]) -> None:
        """Fixed demand and limits of the book again, and no slopes."""
        self["net_demand"][: len(fixed)] = fixed
        self["line_lower"], self["line_upper"] = limits
        self["slope"] = 0.0
        self["limits_stale"] = 1
        self.dirty = False

    def _take(self, given: dict[str, np.ndarray]) -> None:
        """Numbers of fields that are no larger; zeros are there already, and memory nobody has touched costs
        none.
        """
        for name, values in given.items():
            if values.view(np.int64).any() and name != "addresses":  # −0 is no such zero
                self[name][tuple(slice(n) for n in values.shape)] = values
