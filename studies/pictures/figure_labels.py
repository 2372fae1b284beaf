"""Labels on the picture of a grid: names and figures on a small one, extremes on a large one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg

from studies.pages.sentences import price
from studies.pictures.figure_style import INK, MUTED, PAPER
from studies.pictures.grid_view import TAGS, GridView, branch_segments, marker_areas
from studies.pictures.label_placing import Placer

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _placer(axes: Axes, view: GridView) -> Placer:
    """Label placing with the buses, points along the branches, and the tags of binding branches."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    dots = figure.dpi / 72
    pixels = axes.transData.transform(view.positions)
    on = np.flatnonzero(view.grid.in_service)
    ends = axes.transData.transform(branch_segments(view, on).reshape(-1, 2)).reshape(-1, 2, 2)
    along = np.linspace(0.0, 1.0, 12)[None, :, None]
    samples = (ends[:, :1] * (1 - along) + ends[:, 1:] * along).reshape(-1, 2)
    window = axes.get_window_extent()
    placer = Placer(
        points=pixels,
        radii=np.sqrt(marker_areas(view)) / 2 * dots,
        samples=samples,
        low=np.array([window.x0, window.y0]),
        high=np.array([window.x1, window.y1]),
    )
    for branch in view.binding[:TAGS]:
        start, end = axes.transData.transform(branch_segments(view, np.array([branch]))[0])
        placer.block((start + end) / 2, 14.0 * dots)
    return placer


def _put_labels(
    axes: Axes, view: GridView, buses: Sequence[int], texts: Sequence[str], size: float, boxed: bool = False
) -> None:
    """Write each text near its bus, where it covers least; a box has a line to its bus."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    dots = figure.dpi / 72
    placer = _placer(axes, view)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for bus, text in zip(buses, texts, strict=True):
        label = axes.annotate(
            text,
            view.positions[bus],
            ha="center",
            va="center",
            multialignment="center",
            fontsize=size,
            linespacing=1.2,
            color=INK,
            zorder=7,
            annotation_clip=False,
        )
        extent = label.get_window_extent(renderer)
        label.remove()
        box = np.array([extent.width, extent.height]) + (10.0 if boxed else 2.0) * dots
        gaps = (18.0, 36.0, 60.0, 90.0) if boxed else (3.0, 9.0, 16.0)
        radius = placer.radii[bus] * (1.3 if view.net_mw[bus] > 0 else 1.0)
        centre = placer.place(placer.points[bus], box, tuple(radius + gap * dots for gap in gaps))
        axes.annotate(
            text,
            view.positions[bus],
            xytext=tuple((centre - placer.points[bus]) / dots),
            textcoords="offset points",
            ha="center",
            va="center",
            multialignment="center",
            fontsize=size,
            linespacing=1.2,
            color=INK,
            zorder=7,
            annotation_clip=False,
            path_effects=None if boxed else [patheffects.withStroke(linewidth=2.6, foreground=PAPER)],
            bbox={"boxstyle": "round,pad=0.3", "fc": PAPER, "ec": MUTED, "lw": 0.7} if boxed else None,
            arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.9, "shrinkB": 3.0} if boxed else None,
        )


def label_buses(axes: Axes, view: GridView) -> None:
    """Name, price and MW beside each bus."""
    texts = [
        f"{label}\n{text}" if text else str(label)
        for label, text in zip(view.grid.buses, view.labels, strict=True)
    ]
    _put_labels(axes, view, range(len(texts)), texts, 10.5 if len(texts) <= 6 else 8.5)


def name_buses(axes: Axes, view: GridView) -> None:
    names = [str(label) for label in view.grid.buses]
    _put_labels(axes, view, range(len(names)), names, 7.5)


def call_out_extremes(axes: Axes, view: GridView) -> None:
    """Name the dearest and the cheapest bus of a large grid."""
    assert view.lmp is not None
    buses = [int(np.nanargmax(view.lmp)), int(np.nanargmin(view.lmp))]
    texts = [
        f"{word}: bus {view.grid.buses[bus]}, {price(view.lmp[bus])} $/MWh"
        for word, bus in zip(("highest", "lowest"), buses, strict=True)
    ]
    _put_labels(axes, view, buses, texts, 9.0, boxed=True)
