"""The matrices of a clearing that its structure alone decides, made once for all books on it."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse

from clearing.structure import Structure

KEPT = 2**22  # numbers in the PTDF rows that are kept, 32 MB


class Layout:
    """What a structure alone decides: which columns stand in which rows, and with which sign.

    Attributes
    ----------
    injection, ramp, balance : matrices over the columns, see :class:`Reduced`.
    island_sum : (islands·periods, buses·periods) sums over the buses of each island.
    """

    def __init__(self, s: Structure):
        grid, periods = s.grid, s.periods
        orders, links = len(s.bus), s.links * periods
        columns, cells = orders + links, len(grid.buses) * periods
        link, t = np.divmod(np.arange(links), periods)
        at = np.arange(links) + orders
        rows = np.concatenate(
            [s.bus * periods + s.period, grid.link_from[link] * periods + t, grid.link_to[link] * periods + t]
        )
        arrives = 1.0 - grid.link_loss[link]
        values = np.concatenate([s.side.astype(float), -np.ones(links), arrives])
        places = rows, np.concatenate([np.arange(orders), at, at])
        self.injection = sparse.csr_array((values, places), shape=(cells, columns))
        sums = (grid.flow.island[:, None] * periods + np.arange(periods)).ravel()
        self.island_sum = sparse.csr_array(
            (np.ones(cells), (sums, np.arange(cells))), shape=(grid.flow.islands * periods, cells)
        )
        self.balance = sparse.csr_array(self.island_sum @ self.injection)
        self.ramp = self._ramps(s, columns)
        period = np.concatenate([s.period, t])
        self._sorted = np.argsort(period, kind="stable")
        self._count = np.bincount(period, minlength=periods)
        self._start = np.cumsum(self._count) - self._count
        self._to = np.concatenate([s.bus, grid.link_to[link]])
        self._sign = np.concatenate([s.side.astype(float), arrives])
        self._from, self._orders = grid.link_from[link], orders
        self._ptdf: dict[int, np.ndarray] = {}

    @staticmethod
    def _ramps(s: Structure, columns: int) -> sparse.csr_array:
        owned = np.flatnonzero(s.ramp_of >= 0)
        rows, side = s.ramp_of[owned] * s.periods + s.period[owned], s.side[owned].astype(float)
        later = s.period[owned] < s.periods - 1
        places = np.concatenate([rows, rows[later] + 1]), np.concatenate([owned, owned[later]])
        values = np.concatenate([side, -side[later]])
        return sparse.csr_array((values, places), shape=(len(s.ramp_units) * s.periods, columns))

    def ptdf(self, s: Structure, lines: np.ndarray) -> np.ndarray:
        """(len(lines), buses) PTDF rows of limited branches; each is solved for once while there is room.

        A row does not depend on those that it is solved with: a factorisation takes transposed
        right-hand sides one after the other.
        """
        wanted, place = np.unique(lines, return_inverse=True)
        rows = {line: row for line in wanted.tolist() if (row := self._ptdf.get(line)) is not None}
        new = np.array([line for line in wanted.tolist() if line not in rows], dtype=np.int64)
        buses = len(s.grid.buses)
        if len(new):
            rows |= dict(zip(new.tolist(), s.grid.flow.ptdf_rows(s.limited[new]), strict=True))
            if len(rows) + len(self._ptdf) <= KEPT // buses:
                self._ptdf |= rows
        return np.array([rows[line] for line in wanted.tolist()]).reshape(-1, buses)[place]

    def flow_rows(self, ptdf: np.ndarray, period: np.ndarray) -> sparse.csr_array:
        """(rows of ptdf, columns) flows that a dispatch of 1 causes, each row in its period."""
        count = self._count[period]
        ends = np.cumsum(count)
        row = np.repeat(np.arange(len(ptdf)), count)
        place = np.arange(len(row)) + np.repeat(self._start[period] - (ends - count), count)
        column = self._sorted[place]
        value = ptdf[row, self._to[column]] * self._sign[column]
        links = np.flatnonzero(column >= self._orders)
        value[links] -= ptdf[row[links], self._from[column[links] - self._orders]]
        shape = (len(ptdf), len(self._to))
        out = sparse.csr_array((value, column, np.concatenate([[0], ends])), shape=shape)
        out.eliminate_zeros()
        return out


_LAYOUTS: WeakKeyDictionary[Structure, Layout] = WeakKeyDictionary()


def layout_of(structure: Structure) -> Layout:
    """The layout of a structure, made once: it holds nothing of a book's numbers."""
    layout = _LAYOUTS.get(structure)
    if layout is None:
        layout = _LAYOUTS[structure] = Layout(structure)
    return layout
