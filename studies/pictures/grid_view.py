"""What a picture of a grid shows, before any of it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from studies.pictures.figure_style import PriceScale

if TYPE_CHECKING:
    from networks.grid import Grid

DETAILED, NAMED, NUMBERED = 8, 20, 60
"""Up to DETAILED buses each has price and MW beside it, up to NAMED its price, up to NUMBERED its name."""

TAGS = 9
"""Binding branches that get a number in the picture."""


MOST_STRETCH = 1.7
"""A drawing may be stretched to fill its panel, up to this ratio of the axes' scales; a given one less."""

GIVEN_STRETCH = 1.25


@dataclass(frozen=True, eq=False)
class GridView:
    """What to draw of a grid, one period.

    Attributes
    ----------
    positions : (buses, 2).
    net_mw, size_mw : (buses,) generation less demand, and the greater of the two [MW].
    lmp : (buses,) prices, NaN for none; None where nothing was cleared.
    scale : of the colours; None where one price holds everywhere.
    loading : (branches,) share of the limit, NaN without one.
    flow_mw : (branches,) for the arrows.
    binding : positions of binding branches, the greatest rent first.
    labels : (buses,) second line of a bus's label on a small grid.
    positions_given : whether the positions came with the case (then they are stretched less).
    """

    grid: Grid
    positions: np.ndarray
    net_mw: np.ndarray
    size_mw: np.ndarray
    loading: np.ndarray
    flow_mw: np.ndarray
    binding: np.ndarray
    labels: tuple[str, ...]
    lmp: np.ndarray | None = None
    scale: PriceScale | None = None
    positions_given: bool = False


def branch_segments(view: GridView, branches: np.ndarray) -> np.ndarray:
    """(branches, 2, 2) ends of branches."""
    grid = view.grid
    return np.stack([view.positions[grid.from_bus[branches]], view.positions[grid.to_bus[branches]]], axis=1)


def marker_areas(view: GridView) -> np.ndarray:
    """(buses,) marker areas in points², by MW."""
    count = len(view.grid.buses)
    small, large = (
        (90.0, 700.0)
        if count <= DETAILED
        else (70.0, 400.0)
        if count <= NAMED
        else (26.0, 260.0)
        if count <= 400
        else (3.5, 60.0)
    )
    top = float(view.size_mw.max(initial=0.0))
    share = view.size_mw / top if top > 0 else np.zeros(count)
    return small + (large - small) * share
