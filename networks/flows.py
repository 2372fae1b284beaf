"""The DC power flow of a grid: islands, angles and flows from injections, and PTDF rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from networks.checks import frozen
from networks.errors import InputError

if TYPE_CHECKING:
    from networks.grid import Grid

CANCELLED = 1e-13  # a pivot this small beside the greatest susceptance is a cancellation


class DcFlow:
    """Sparse factorisation of the bus susceptance matrix, one reference bus per island.

    Which bus is the reference never shows in a flow, a price or a dispatch: angles are only used
    in differences and injections balance in each island.

    Attributes
    ----------
    incidence : (branches, buses) sparse, +1 at `from_bus`, −1 at `to_bus`; rows out of service are 0.
    island : (buses,) number of the island of each bus, counted in the order of their first bus.
    islands : number of islands (joined by branches in service; links do not join).
    reference : (islands,) position of each island's reference bus.
    shift_flow_mw : (branches,) flow at zero injection that the phase shifters drive [MW].
    """

    def __init__(self, grid: Grid):
        n, m = len(grid.buses), len(grid.branches)
        b = grid.susceptance_mw
        on = grid.in_service.astype(float)
        rows = np.concatenate([np.arange(m), np.arange(m)])
        ends = np.concatenate([grid.from_bus, grid.to_bus])
        self.incidence = sparse.csr_matrix((np.concatenate([on, -on]), (rows, ends)), shape=(m, n))
        self.incidence.eliminate_zeros()
        adjacency = self.incidence.T @ self.incidence
        self.islands, island = connected_components(adjacency, directed=False)
        order = np.full(self.islands, n)
        np.minimum.at(order, island, np.arange(n))
        self.reference = frozen(np.sort(order))
        rank = np.empty(self.islands, dtype=np.int64)
        rank[np.argsort(order)] = np.arange(self.islands)
        self.island = frozen(rank[island])
        self._b = b
        self._kept = np.setdiff1d(np.arange(n), self.reference)
        self._branch_matrix = sparse.diags_array(b) @ self.incidence  # flow = this @ theta − b·shift
        laplacian = (self.incidence.T @ self._branch_matrix).tocsc()
        self._factor = None
        if len(self._kept):
            reduced = laplacian[self._kept][:, self._kept].tocsc()
            self._factor = _factorise(reduced)
        offset = -b * grid.shift_radian
        self.shift_flow_mw = frozen(offset - self._flows_of(self.incidence.T @ offset))

    def angles(self, injection_mw: np.ndarray) -> np.ndarray:
        """Bus angles [rad] that carry `injection_mw`, shape (buses,) or (buses, k), without shifters."""
        theta = np.zeros(np.shape(injection_mw))
        if self._factor is not None:
            theta[self._kept] = self._factor.solve(
                np.ascontiguousarray(injection_mw[self._kept], dtype=float)
            )
        return theta

    def flows(self, injection_mw: np.ndarray) -> np.ndarray:
        """Branch flows [MW], shape (branches,) or (branches, k), phase shifters included.

        `injection_mw` must balance in each island; what does not is taken up by the reference bus.
        """
        shift = self.shift_flow_mw if np.ndim(injection_mw) == 1 else self.shift_flow_mw[:, None]
        return self._flows_of(injection_mw) + shift

    def _flows_of(self, injection_mw: np.ndarray) -> np.ndarray:
        return self._branch_matrix @ self.angles(injection_mw)

    def ptdf_rows(self, branches: np.ndarray) -> np.ndarray:
        """(len(branches), buses) power transfer distribution factors, reference columns 0.

        Row l gives the flow on branch l per MW injected at a bus and withdrawn at the
        reference bus of its island: one sparse solve per row, never the dense matrix of the grid.
        """
        rows = np.zeros((len(branches), self.incidence.shape[1]))
        if self._factor is not None and len(branches):
            right = self._branch_matrix[branches].T.toarray()
            solved = self._factor.solve(right[self._kept], trans="T")  # type: ignore[call-overload,unused-ignore]
            rows[:, self._kept] = solved.T
        return rows

    def susceptance(self) -> sparse.csr_matrix:
        """(buses, buses) bus susceptance matrix [MW/rad]."""
        return (self.incidence.T @ self._branch_matrix).tocsr()


def _factorise(matrix: sparse.csc_matrix) -> Any:
    """Sparse LU of the reduced susceptance matrix, refused where negative reactances cancel it."""
    try:
        factor = splu(matrix)
        pivots = np.abs(factor.U.diagonal())
        regular = pivots.min() > CANCELLED * np.abs(matrix.data).max()
    except RuntimeError:  # exactly singular
        regular = False
    if not regular:
        raise InputError(
            "table 'branches': the reactances cancel (the susceptance matrix is singular), so "
            "flows are not determined; check negative values of x_pu"
        )
    return factor
