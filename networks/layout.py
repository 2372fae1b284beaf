"""Drawing coordinates of the buses: the given ones, or a drawing in which distance follows the grid.

Without coordinates the buses are placed so that their distances in the plane come close to their
numbers of branches apart (stress majorisation, Gansner, Koren and North 2004), measured to a few
hundred pivots (Ortmann, Klimenta and Brandes 2017). Nothing is random.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.sparse.linalg import spsolve

from networks.grid import Grid

PIVOTS = 150
"""Buses to which distances are measured: on grids of 300 to 9000 buses more do not look better."""

ROUNDS = 120
"""Rounds of majorisation; the drawing is at rest long before."""


def bus_positions(grid: Grid, given: np.ndarray | None = None) -> np.ndarray:
    """(buses, 2) finite drawing coordinates, the same for the same grid.

    `given` (buses, 2) is kept where it is finite; buses without coordinates are put at the mean of
    their neighbours, and parts of the grid without any coordinates beside the rest.
    """
    adjacency = _adjacency(grid)
    _, part = connected_components(adjacency, directed=False)
    positions = np.full((len(grid.buses), 2), np.nan)
    if given is not None:
        positions = np.where(np.isfinite(given).all(axis=1)[:, None], given, np.nan)
    drawn = []
    for members in _members(part):
        known = np.isfinite(positions[members, 0])
        inner = adjacency[members][:, members]
        if known.any():
            positions[members] = _filled(inner, positions[members], known)
        else:
            drawn.append((members, _drawing(inner)))
    _set_beside(positions, drawn)
    return positions


def _adjacency(grid: Grid) -> sparse.csr_array:
    """(buses, buses) symmetric ones for links and branches, also out of service: the picture stays whole."""
    start, end = np.r_[grid.from_bus, grid.link_from], np.r_[grid.to_bus, grid.link_to]
    size = len(grid.buses)
    ends = (np.r_[start, end], np.r_[end, start])
    matrix = sparse.coo_array((np.ones(2 * len(start)), ends), shape=(size, size)).tocsr()
    matrix.data[:] = 1.0
    return matrix


def _members(part: np.ndarray) -> list[np.ndarray]:
    """The buses of each part, the largest part first."""
    order = np.argsort(part, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(part[order])) + 1)
    return sorted(groups, key=len, reverse=True)


def _filled(adjacency: sparse.csr_array, positions: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Unknown positions at the mean of their neighbours (the harmonic extension of the known ones)."""
    if known.all():
        return positions
    degree = sparse.diags_array(np.asarray(adjacency.sum(axis=1)).ravel())
    laplacian = (degree - adjacency).tocsr()
    unknown = ~known
    right = -laplacian[unknown][:, known] @ positions[known]
    solved = spsolve(laplacian[unknown][:, unknown].tocsc(), right)
    out = positions.copy()
    out[unknown] = solved.reshape(-1, 2)
    return out


def _drawing(adjacency: sparse.csr_array) -> np.ndarray:
    """(n, 2) coordinates of one connected part, one unit per branch, centred, its long side across."""
    count = adjacency.shape[0]
    if count == 1:
        return np.zeros((1, 2))
    pivots, hops = _pivot_distances(adjacency, min(PIVOTS, count))
    return _turned(_majorised(adjacency, pivots, hops, _classical_scaling(hops)))


def _pivot_distances(adjacency: sparse.csr_array, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pivots spread over the grid (each the farthest from those before), and (n, count) hops to them."""
    pivots = np.empty(count, dtype=np.int64)
    hops = np.empty((adjacency.shape[0], count))
    nearest = np.full(adjacency.shape[0], np.inf)
    pivots[0] = int(np.argmax(_hops(adjacency, 0)))
    for k in range(count):
        if k:
            pivots[k] = int(np.argmax(nearest))
        hops[:, k] = _hops(adjacency, int(pivots[k]))
        nearest = np.minimum(nearest, hops[:, k])
    return pivots, hops


def _hops(adjacency: sparse.csr_array, bus: int) -> np.ndarray:
    """(n,) number of branches from `bus`."""
    return dijkstra(adjacency, unweighted=True, indices=bus)  # type: ignore[call-overload,unused-ignore]


def _classical_scaling(hops: np.ndarray) -> np.ndarray:
    """(n, 2) start: the two main axes of the squared distances to the pivots (Brandes and Pich 2007)."""
    squared = hops**2
    centred = -0.5 * (squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean())
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, ::-1][:, :2]
    start = centred @ axes[:, : min(2, axes.shape[1])]
    start = np.pad(start, ((0, 0), (0, 2 - start.shape[1])))
    start *= hops.max() / max(np.ptp(start, axis=0).max(), 1e-12)
    # Buses at equal distances from all pivots would coincide: a golden-angle spiral tells them apart.
    turn = np.arange(len(start)) * np.pi * (3.0 - np.sqrt(5.0))
    return start + 0.3 * np.column_stack([np.cos(turn), np.sin(turn)])


def _majorised(
    adjacency: sparse.csr_array, pivots: np.ndarray, hops: np.ndarray, positions: np.ndarray
) -> np.ndarray:
    """Positions of low stress: each bus moves to the mean of where its neighbours and the pivots want it."""
    row, column = adjacency.nonzero()
    with np.errstate(divide="ignore"):
        weight = np.where(hops > 0, 1.0 / hops**2, 0.0)
    # All pivots together weigh as much as the neighbours, so that clusters open up.
    degree = np.bincount(row, minlength=len(positions)).astype(float)
    weight *= (degree / weight.sum(axis=1))[:, None]
    total = 2.0 * degree
    for step in range(ROUNDS):
        wanted = _pulled(positions[row], positions[column], np.ones(len(row)))
        pull = np.column_stack([np.bincount(row, wanted[:, k], minlength=len(positions)) for k in (0, 1)])
        for k in (0, 1):
            apart = positions[:, None, k] - positions[None, pivots, k]
            other = positions[:, None, 1 - k] - positions[None, pivots, 1 - k]
            length = np.maximum(np.hypot(apart, other), 1e-9)
            pull[:, k] += (weight * (positions[None, pivots, k] + hops * apart / length)).sum(axis=1)
        share = 0.9 if step < ROUNDS // 2 else 0.5
        positions = (1.0 - share) * positions + share * pull / total[:, None]
    return positions


def _pulled(here: np.ndarray, there: np.ndarray, wish: np.ndarray) -> np.ndarray:
    """Where a bus `here` would be at its wished distance from `there`, in its present direction."""
    apart = here - there
    return there + wish[:, None] * apart / np.maximum(np.hypot(*apart.T), 1e-9)[:, None]


def _turned(positions: np.ndarray) -> np.ndarray:
    """The drawing centred, its long axis across, its signs fixed: nothing is left to chance."""
    positions = positions - positions.mean(axis=0)
    _, axes = np.linalg.eigh(positions.T @ positions)
    turned = positions @ axes[:, ::-1]
    signs = np.where((turned**3).sum(axis=0) < 0, -1.0, 1.0)
    return turned * signs


def _set_beside(positions: np.ndarray, drawn: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """Place parts without coordinates in rows under what is placed already, none on another."""
    if not drawn:
        return
    placed = positions[np.isfinite(positions[:, 0])]
    unit, left, top, width = 1.0, 0.0, 0.0, max(np.ptp(drawing[:, 0]) for _, drawing in drawn)
    if len(placed):  # each further part is at most a tenth as large as what is placed
        unit = (
            0.1 * np.ptp(placed, axis=0).max() / max(1.0, *(np.ptp(d, axis=0).max() for _, d in drawn)) or 1.0
        )
        left, top, width = placed[:, 0].min(), placed[:, 1].min() - unit, np.ptp(placed[:, 0])
    x, depth = left, 0.0
    for members, drawing in drawn:
        size = unit * np.ptp(drawing, axis=0)
        if x > left and x + size[0] > left + width:
            x, top, depth = left, top - depth - unit, 0.0
        positions[members] = (x, top - size[1]) + unit * (drawing - drawing.min(axis=0))
        x, depth = x + size[0] + unit, max(depth, size[1])
