"""What rounds are cleared in: the two arrays of a store, which belong to one thread at a time."""

from __future__ import annotations

import numpy as np

from clearing.rounds import apart, store
from clearing.rounds import fields as F


class Workspace:
    """A store, and room for one round. What it holds of earlier rounds shows in no result (law 3).

    Attributes
    ----------
    floats, ints : the arrays that compiled code works on.
    desk : room for the status, info and numbers of one round, see :mod:`clearing.rounds.desk`.
    dirty : whether slopes, fixed demand or limits of the last batch are still in it.
    """

    __slots__ = ("desk", "dirty", "floats", "ints")

    def __init__(self, head: np.ndarray):
        self.floats, self.ints = store.allocate(head)
        apart.fill(self.views()["apart"])
        self.desk = np.zeros(2 + F.N_INFO + 2 * int(head[store.ORDERS]))
        self.dirty = False

    def views(self) -> dict[str, np.ndarray]:
        """The pieces of the store by name."""
        return store.views(self.floats, self.ints)

    def copy(self) -> Workspace:
        """Another one with the same numbers."""
        other = Workspace(self.ints[: store.HEADER])
        other._take(self.views())
        other.dirty = self.dirty
        return other

    def provide(self, status: float) -> None:
        """What a round asked for before it could go on; the basis starts cold, which shows in no result."""
        if status >= F.LOAD:
            apart.load(int(status) - F.LOAD)
            apart.fill(self.views()["apart"])
        else:
            self._grow(status)
        state, active = (self.views()[name] for name in ("state", "islot"))
        active[F.ACTIVE, : int(state[F.SLOTS])] = -1
        state[[F.SIZE, F.KNOWN, F.ANCHOR, F.READY]] = 0

    def _grow(self, status: float) -> None:
        """Twice the rows or slots."""
        old = self.views()
        head = self.ints[: store.HEADER].copy()
        which = store.ROWCAP if status == F.GROW_ROWS else store.SLOTCAP
        lines = int(head[store.LINES])
        head[which] = min(2 * head[which], store.padded(head[store.ISLANDS] + lines + 1))
        self.floats, self.ints = store.allocate(head)
        apart.fill(self.views()["apart"])
        self._take({name: piece for name, piece in old.items() if name not in store.PENDING})

    def restore(self, fixed: np.ndarray, limits: tuple[np.ndarray, np.ndarray]) -> None:
        """Fixed demand and limits of the book again, and no slopes."""
        v = self.views()
        v["bus"][F.DEMAND, : len(fixed)] = fixed
        v["lin"][F.LFLO], v["lin"][F.LFHI] = limits
        v["col"][F.SLOPE] = 0.0
        v["state"][F.STALE] = 1
        self.dirty = False

    def _take(self, pieces: dict[str, np.ndarray]) -> None:
        """Numbers of pieces that are no larger; zeros are there already, and memory nobody has touched costs none."""
        mine = self.views()
        for name, piece in pieces.items():
            if piece.any() and name != "apart":
                mine[name][tuple(slice(n) for n in piece.shape)] = piece
