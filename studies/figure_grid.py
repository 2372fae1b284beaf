"""A grid drawn with matplotlib: price as colour, loading as line width, binding branches marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.lines import Line2D

from studies.figure_style import (
    BINDING,
    CALM,
    FAINT,
    INK,
    MUTED,
    PAPER,
    PRICE_STOPS,
    UNPRICED,
    PriceScale,
    line_width,
)
from studies.label_placing import Placer
from studies.sentences import price

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from networks.grid import Grid

NAMED, NUMBERED = 20, 60
"""Up to NAMED buses each has a label with its figures, up to NUMBERED its name only."""

TAGS = 9
"""Binding branches that get a number in the picture."""

MOST_STRETCH = 1.7
"""A drawing may be stretched to fill its panel, up to this ratio of the axes' scales; a given one less."""

GIVEN_STRETCH = 1.25

PRICE_MAP = LinearSegmentedColormap.from_list("price", PRICE_STOPS)


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


def draw_grid(axes: Axes, view: GridView) -> ScalarMappable | None:
    """Draw the grid; returns what a colour bar needs, or None where there is nothing to scale."""
    axes.set_axis_off()
    _set_window(axes, view)
    _draw_branches(axes, view)
    _draw_binding(axes, view)
    mappable = _draw_buses(axes, view)
    count = len(view.grid.buses)
    if count <= NAMED:
        _label_buses(axes, view)
    elif count <= NUMBERED:
        _name_buses(axes, view)
    elif view.lmp is not None and view.scale is not None:
        _call_out_extremes(axes, view)
    _legend(axes, view)
    return mappable


def _set_window(axes: Axes, view: GridView) -> None:
    """Limits around the buses with room for labels, both directions scaled nearly alike."""
    low, high = view.positions.min(axis=0), view.positions.max(axis=0)
    span, centre = np.maximum(high - low, 1e-9), (low + high) / 2
    figure = axes.get_figure(root=True)
    assert figure is not None
    box = axes.get_position()
    inches = np.array([box.width, box.height]) * figure.get_size_inches()
    room = np.array([1.15, 0.62]) if len(view.grid.buses) <= NAMED else np.array([0.3, 0.3])
    per_inch = span / (inches - 2 * room)
    stretch = GIVEN_STRETCH if view.positions_given else MOST_STRETCH
    per_inch = np.maximum(per_inch, per_inch.max() / stretch)
    half = per_inch * inches / 2
    axes.set_xlim(centre[0] - half[0], centre[0] + half[0])
    axes.set_ylim(centre[1] - half[1], centre[1] + half[1])


def _segments(view: GridView, branches: np.ndarray) -> np.ndarray:
    grid = view.grid
    return np.stack([view.positions[grid.from_bus[branches]], view.positions[grid.to_bus[branches]]], axis=1)


def _draw_branches(axes: Axes, view: GridView) -> None:
    grid, count = view.grid, len(view.grid.buses)
    on = np.flatnonzero(grid.in_service)
    share = np.clip(np.nan_to_num(view.loading[on]), 0.0, 1.0)
    light, dark = np.array([0.81, 0.84, 0.87]), np.array([0.36, 0.42, 0.48])
    colours = light + (dark - light) * share[:, None] ** 1.5
    order = np.argsort(share, kind="stable")
    axes.add_collection(
        LineCollection(
            list(_segments(view, on[order])),
            colors=colours[order],
            linewidths=line_width(view.loading[on][order], count),
            capstyle="round",
            zorder=1,
        )
    )
    off = np.flatnonzero(~grid.in_service)
    axes.add_collection(
        LineCollection(
            list(_segments(view, off)), colors=FAINT, linewidths=0.7, linestyles=(0, (2, 2)), zorder=1
        )
    )
    ends = np.stack([view.positions[grid.link_from], view.positions[grid.link_to]], axis=1)
    axes.add_collection(
        LineCollection(list(ends), colors=INK, linewidths=1.4, linestyles=(0, (5, 2)), zorder=1)
    )


def _draw_binding(axes: Axes, view: GridView) -> None:
    if len(view.binding) == 0:
        return
    count = len(view.grid.buses)
    wide = 4.6 if count <= 40 else 3.4 if count <= 400 else 2.6
    segments = list(_segments(view, view.binding))
    axes.add_collection(LineCollection(segments, colors=PAPER, linewidths=wide + 2.4, zorder=2))
    axes.add_collection(
        LineCollection(segments, colors=BINDING, linewidths=wide, capstyle="round", zorder=2.1)
    )
    size = 9.0 if count <= 40 else 7.5
    for number, branch in enumerate(view.binding[:TAGS], start=1):
        start, end = _segments(view, np.array([branch]))[0]
        axes.annotate(
            str(number),
            (start + end) / 2,
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold",
            color=BINDING,
            zorder=6,
            bbox={"boxstyle": "circle,pad=0.22", "fc": PAPER, "ec": BINDING, "lw": 1.3},
        )


def _areas(view: GridView) -> np.ndarray:
    """(buses,) marker areas in points², by MW."""
    count = len(view.grid.buses)
    small, large = (90.0, 700.0) if count <= NAMED else (26.0, 260.0) if count <= 400 else (3.5, 60.0)
    top = float(view.size_mw.max(initial=0.0))
    share = view.size_mw / top if top > 0 else np.zeros(count)
    return small + (large - small) * share


def _draw_buses(axes: Axes, view: GridView) -> ScalarMappable | None:
    count = len(view.grid.buses)
    areas, net = _areas(view), view.net_mw
    still = np.abs(net) <= 1e-6 * (1.0 + np.abs(net).max(initial=0.0))
    scale = view.scale
    norm = Normalize(scale.low, scale.high) if scale is not None else Normalize(0.0, 1.0)
    edge = 0.9 if count <= 400 else 0.25
    for chosen, marker in ((still, "o"), (~still & (net < 0), "o"), (~still & (net > 0), "s")):
        where = np.flatnonzero(chosen)
        where = where[np.argsort(-areas[where], kind="stable")]  # small ones on top
        if len(where) == 0:
            continue
        if view.lmp is None or scale is None:
            colours: Any = CALM
        else:
            rgba = PRICE_MAP(norm(np.nan_to_num(view.lmp[where], nan=scale.low)))
            rgba[~np.isfinite(view.lmp[where])] = (1.0, 1.0, 1.0, 1.0)
            colours = rgba
        axes.scatter(
            view.positions[where, 0], view.positions[where, 1], s=areas[where], c=colours, marker=marker,
            edgecolors=INK if count <= 400 else "#00000066", linewidths=edge, zorder=3, clip_on=False,
        )  # fmt: skip
    return None if view.lmp is None or scale is None else ScalarMappable(norm, PRICE_MAP)


def _placer(axes: Axes, view: GridView) -> Placer:
    """Label placing with the buses, points along the branches, and the tags of binding branches."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    dots = figure.dpi / 72
    pixels = axes.transData.transform(view.positions)
    on = np.flatnonzero(view.grid.in_service)
    ends = axes.transData.transform(_segments(view, on).reshape(-1, 2)).reshape(-1, 2, 2)
    along = np.linspace(0.0, 1.0, 12)[None, :, None]
    samples = (ends[:, :1] * (1 - along) + ends[:, 1:] * along).reshape(-1, 2)
    window = axes.get_window_extent()
    placer = Placer(
        points=pixels,
        radii=np.sqrt(_areas(view)) / 2 * dots,
        samples=samples,
        low=np.array([window.x0, window.y0]),
        high=np.array([window.x1, window.y1]),
    )
    for branch in view.binding[:TAGS]:
        start, end = axes.transData.transform(_segments(view, np.array([branch]))[0])
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


def _label_buses(axes: Axes, view: GridView) -> None:
    """Name, price and MW beside each bus."""
    texts = [
        f"{label}\n{text}" if text else str(label)
        for label, text in zip(view.grid.buses, view.labels, strict=True)
    ]
    _put_labels(axes, view, range(len(texts)), texts, 10.5 if len(texts) <= 6 else 8.5)


def _name_buses(axes: Axes, view: GridView) -> None:
    names = [str(label) for label in view.grid.buses]
    _put_labels(axes, view, range(len(names)), names, 7.5)


def _call_out_extremes(axes: Axes, view: GridView) -> None:
    """Name the dearest and the cheapest bus of a large grid."""
    assert view.lmp is not None
    buses = [int(np.nanargmax(view.lmp)), int(np.nanargmin(view.lmp))]
    texts = [
        f"{word}: bus {view.grid.buses[bus]}, {price(view.lmp[bus])} $/MWh"
        for word, bus in zip(("highest", "lowest"), buses, strict=True)
    ]
    _put_labels(axes, view, buses, texts, 9.0, boxed=True)


def _legend(axes: Axes, view: GridView) -> None:
    def node(marker: str, size: float, label: str, face: str = FAINT) -> Line2D:
        return Line2D(
            [], [], marker=marker, markersize=size, label=label, linestyle="none",
            markerfacecolor=face, markeredgecolor=INK, markeredgewidth=0.8,
        )  # fmt: skip

    handles = [node("s", 8, "net generation"), node("o", 8, "net demand"), node("o", 4, "neither")]
    if np.isfinite(view.loading).any():
        handles.append(Line2D([], [], color="#7d8894", lw=3.0, label="wide: loaded"))
    if len(view.binding):
        handles.append(Line2D([], [], color=BINDING, lw=3.5, label="binding limit"))
    if len(view.grid.links):
        handles.append(Line2D([], [], color=INK, lw=1.4, ls=(0, (5, 2)), label="link"))
    if view.lmp is not None and not np.isfinite(view.lmp).all():
        handles.append(node("o", 8, "no price", UNPRICED))
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(handles),
        handletextpad=0.5,
        columnspacing=1.6,
        labelcolor=MUTED,
    )
