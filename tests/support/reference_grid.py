"""Grids as the tests' oracle sees them, from their raw tables alone."""

from __future__ import annotations

import numpy as np


def susceptance_mw(grid) -> np.ndarray:
    """MW per radian of each branch, from the raw tables (law 8)."""
    if grid.convention == "matpower":
        b = grid.base_mva / (grid.x_pu * grid.tap)
    else:
        b = grid.base_mva * grid.x_pu / (grid.x_pu**2 + grid.r_pu**2)
    return b * grid.in_service


def shift_radian(grid) -> np.ndarray:
    return np.deg2rad(grid.shift_degree) * (grid.convention == "matpower")


def incidence(grid) -> np.ndarray:
    out = np.zeros((len(grid.branches), len(grid.buses)))
    out[np.arange(len(out)), grid.from_bus] += grid.in_service
    out[np.arange(len(out)), grid.to_bus] -= grid.in_service
    return out


def island_numbers(grid) -> np.ndarray:
    """(buses,) the least position of a bus of the same island: by spreading, not by a graph library."""
    number = np.arange(len(grid.buses))
    for _ in number:
        for f, t, on in zip(grid.from_bus, grid.to_bus, grid.in_service, strict=True):
            if on:
                number[f] = number[t] = min(number[f], number[t])
    return number


def well_posed(grid, limit: float = 1e6) -> bool:
    """Whether flows are determined: negative reactances may cancel."""
    a, number = incidence(grid), island_numbers(grid)
    laplacian = a.T @ (susceptance_mw(grid)[:, None] * a)
    kept = np.flatnonzero(number != np.arange(len(number)))
    return len(kept) == 0 or bool(np.linalg.cond(laplacian[np.ix_(kept, kept)]) < limit)
