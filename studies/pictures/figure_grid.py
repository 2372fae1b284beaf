"""A grid drawn with matplotlib: price as colour, loading as line width, binding branches marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.lines import Line2D

from studies.pictures.figure_labels import call_out_extremes, label_buses, name_buses
from studies.pictures.figure_style import (
    BINDING,
    CALM,
    FAINT,
    INK,
    MUTED,
    PAPER,
    PRICE_STOPS,
    UNPRICED,
    line_width,
)
from studies.pictures.grid_view import (
    GIVEN_STRETCH,
    MOST_STRETCH,
    NAMED,
    NUMBERED,
    TAGS,
    GridView,
    branch_segments,
    marker_areas,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PRICE_MAP = LinearSegmentedColormap.from_list("price", PRICE_STOPS)


def draw_grid(axes: Axes, view: GridView) -> ScalarMappable | None:
    """Draw the grid; returns what a colour bar needs, or None where there is nothing to scale."""
    axes.set_axis_off()
    _set_window(axes, view)
    _draw_branches(axes, view)
    _draw_binding(axes, view)
    mappable = _draw_buses(axes, view)
    count = len(view.grid.buses)
    if count <= NAMED:
        label_buses(axes, view)
    elif count <= NUMBERED:
        name_buses(axes, view)
    elif view.lmp is not None and view.scale is not None:
        call_out_extremes(axes, view)
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


def _draw_branches(axes: Axes, view: GridView) -> None:
    grid, count = view.grid, len(view.grid.buses)
    on = np.flatnonzero(grid.in_service)
    share = np.clip(np.nan_to_num(view.loading[on]), 0.0, 1.0)
    light, dark = np.array([0.81, 0.84, 0.87]), np.array([0.36, 0.42, 0.48])
    colours = light + (dark - light) * share[:, None] ** 1.5
    order = np.argsort(share, kind="stable")
    axes.add_collection(
        LineCollection(
            list(branch_segments(view, on[order])),
            colors=colours[order],
            linewidths=line_width(view.loading[on][order], count),
            capstyle="round",
            zorder=1,
        )
    )
    off = np.flatnonzero(~grid.in_service)
    axes.add_collection(
        LineCollection(
            list(branch_segments(view, off)), colors=FAINT, linewidths=0.7, linestyles=(0, (2, 2)), zorder=1
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
    segments = list(branch_segments(view, view.binding))
    axes.add_collection(LineCollection(segments, colors=PAPER, linewidths=wide + 2.4, zorder=2))
    axes.add_collection(
        LineCollection(segments, colors=BINDING, linewidths=wide, capstyle="round", zorder=2.1)
    )
    size = 9.0 if count <= 40 else 7.5
    for number, branch in enumerate(view.binding[:TAGS], start=1):
        start, end = branch_segments(view, np.array([branch]))[0]
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


def _draw_buses(axes: Axes, view: GridView) -> ScalarMappable | None:
    count = len(view.grid.buses)
    areas, net = marker_areas(view), view.net_mw
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
