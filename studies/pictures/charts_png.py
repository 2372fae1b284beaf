"""Charts as PNG pictures, in the style of the clearing's picture."""

from __future__ import annotations

from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from networks.files import replacing
from studies.pictures.charts import (
    Bands,
    Bars,
    Chart,
    FlowMaps,
    GridMap,
    HeatMap,
    Intervals,
    Lines,
    Multiples,
    Panels,
)
from studies.pictures.charts_multiples import grid_shape
from studies.pictures.charts_plotly import SERIES
from studies.pictures.charts_scale import ColourScale, colour_scale
from studies.pictures.figure_grid import PRICE_MAP
from studies.pictures.figure_style import BINDING, DEMAND, FAINT, INK, MUTED, PAPER, SUPPLY, house_style

DOTS = 130
MARKERS = "osD^vPX"
MOST_TICKS = 40


def draw_chart(chart: Chart, path: Path) -> Path:
    """Draw a chart; write a PNG in one step."""
    with house_style():
        figure = Figure(figsize=_size(chart), dpi=DOTS, layout="constrained")
        axes = figure.add_subplot()
        _draw(chart, axes)
        axes.set_title(chart.title, pad=10)
        FigureCanvasAgg(figure)
        with replacing(path) as draft:
            figure.savefig(draft, format="png")
    return path


def _size(chart: Chart) -> tuple[float, float]:
    if isinstance(chart, GridMap):
        return 11.0, 7.0
    if isinstance(chart, FlowMaps):
        return 12.8, 0.6 + 5.2 * -(-len(chart.panels) // 2)
    if isinstance(chart, Multiples):
        high, wide = grid_shape(len(chart.panels))
        return 1.0 + 3.4 * wide, 0.9 + 2.5 * high
    if isinstance(chart, Panels):
        return 11.0, max(4.2, 1.0 + 1.7 * len(chart.panels))
    if isinstance(chart, Bands):
        return 11.0, 6.0
    rows = {HeatMap: lambda c: len(c.y) * 0.16, Bars: lambda c: len(c.labels) * 0.3,
            Intervals: lambda c: len(c.labels) * 0.36}.get(type(chart), lambda c: 0.0)(chart)  # fmt: skip
    return 9.0, min(14.0, max(4.2, 1.5 + rows))


@singledispatch
def _draw(chart: Chart, axes: Axes) -> None:
    raise TypeError(f"no picture is known of a {type(chart).__name__}")


@_draw.register
def _heat_map(chart: HeatMap, axes: Axes) -> None:
    scale = colour_scale(chart.values, chart.signed, chart.linear)
    shown = axes.pcolormesh(
        np.ma.masked_invalid(scale.coloured), cmap=PRICE_MAP, vmin=scale.low, vmax=scale.high,
        edgecolors=PAPER, linewidth=0.4,
    )  # fmt: skip
    _colour_bar(axes, shown, scale, chart.unit)
    for axis, labels in ((axes.xaxis, chart.x), (axes.yaxis, chart.y)):
        step = -(-len(labels) // MOST_TICKS) if len(labels) > MOST_TICKS else 1
        where = range(0, len(labels), step)
        axis.set_ticks([k + 0.5 for k in where], [str(labels[k]) for k in where])
    if max((len(str(v)) for v in chart.x), default=0) > 3 and len(chart.x) > 12:
        axes.tick_params(axis="x", rotation=90)
    columns = {label: k for k, label in enumerate(chart.x)}
    rows = {label: k for k, label in enumerate(chart.y)}
    if chart.marks:
        axes.scatter(
            [columns[a] + 0.5 for a, _ in chart.marks], [rows[b] + 0.5 for _, b in chart.marks],
            s=70, facecolors="none", edgecolors=INK, linewidths=2.0, label=chart.mark_words, clip_on=False,
        )  # fmt: skip
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)


@_draw.register
def _lines(chart: Lines, axes: Axes) -> None:
    for k, (name, x, y) in enumerate(chart.series):
        marker = MARKERS[k % len(MARKERS)] if len(x) <= 40 else None
        axes.plot(x, y, color=SERIES[k % len(SERIES)], lw=2.0, ms=4.5, marker=marker, label=name)
    for name, a, b in chart.stars:
        axes.plot(a, b, "*", ms=14, color=INK, label=name, clip_on=False)
    axes.grid(color="#eef1f4")
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)


@_draw.register
def _bands(chart: Bands, axes: Axes) -> None:
    colours = {}
    for k, (name, x, y, low, high) in enumerate(chart.series):
        colours[name] = SERIES[k % len(SERIES)]
        axes.fill_between(x, low, high, color=colours[name], alpha=0.16, lw=0)
        axes.plot(x, y, color=colours[name], lw=2.0, ms=4.5, marker=MARKERS[k % len(MARKERS)], label=name)
    for name, a, b, _ in chart.points:
        axes.plot(a, b, "*", ms=15, color=colours.get(name, INK), mec=INK, mew=0.9, zorder=5, clip_on=False)
    if chart.points:
        axes.plot([], [], "*", ms=14, color=PAPER, mec=INK, label=chart.point_words)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0, 7.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([place for place, _ in chart.ticks], [words for _, words in chart.ticks])
    axes.grid(color="#eef1f4")
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)


@_draw.register
def _flow_maps(chart: FlowMaps, axes: Axes) -> None:
    from studies.pictures.charts_flows import draw_flow_maps

    draw_flow_maps(chart, axes)


@_draw.register
def _multiples(chart: Multiples, axes: Axes) -> None:
    from studies.pictures.charts_multiples import draw_multiples

    draw_multiples(chart, axes)


@_draw.register
def _panels(chart: Panels, axes: Axes) -> None:
    from studies.pictures.charts_panels import draw_panels

    draw_panels(chart, axes)


@_draw.register
def _bars(chart: Bars, axes: Axes) -> None:
    axes.barh(range(len(chart.labels)), chart.values, color=SUPPLY, height=0.7)
    axes.set_yticks(range(len(chart.labels)), [str(label) for label in chart.labels])
    axes.invert_yaxis()
    if chart.line_at is not None:
        axes.axvline(chart.line_at, color=MUTED, ls=":", lw=1.4)
        axes.text(chart.line_at, -0.9, f" {chart.line_words}", color=MUTED, fontsize=9, va="bottom")
    axes.set_xlabel(chart.x_label)


@_draw.register
def _intervals(chart: Intervals, axes: Axes) -> None:
    rows = np.arange(len(chart.labels))
    axes.hlines(rows, chart.low, chart.high, color="#98cae1", lw=9, label=chart.interval_words)
    axes.plot(chart.chosen, rows, "o", ms=9, color=SUPPLY, mec=PAPER, label=chart.chosen_words)
    if np.isfinite(np.asarray(chart.published, dtype=float)).any():
        axes.plot(chart.published, rows, "x", ms=10, mew=3, color=DEMAND, label=chart.published_words)
    axes.set_yticks(rows, [str(label) for label in chart.labels])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.grid(axis="x", color="#eef1f4")
    axes.set_axisbelow(True)
    axes.set_xlabel(chart.x_label)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


@_draw.register
def _grid_map(chart: GridMap, axes: Axes) -> None:
    from networks.layout import bus_positions

    grid = chart.case.grid
    at = bus_positions(grid, chart.case.positions)
    scale = colour_scale(chart.values, chart.signed, chart.linear)
    stressed = [grid.branches.index(label) for label in chart.stressed]

    def ends(chosen: Any) -> list[Any]:
        return list(np.stack([at[grid.from_bus[chosen]], at[grid.to_bus[chosen]]], axis=1))

    axes.add_collection(LineCollection(ends(np.flatnonzero(grid.in_service)), colors=FAINT, linewidths=1.0))
    if stressed:
        lines = LineCollection(ends(stressed), colors=BINDING, linewidths=3.5, label="binding limit")
        axes.add_collection(lines)
    shown = axes.scatter(
        at[:, 0], at[:, 1], c=scale.coloured, cmap=PRICE_MAP, norm=Normalize(scale.low, scale.high), zorder=3,
        s=34 if len(grid.buses) > 60 else 220, edgecolors=INK, linewidths=0.5,
    )  # fmt: skip
    _colour_bar(axes, shown, scale, chart.unit)
    axes.set_axis_off()
    if stressed:
        axes.legend(loc="lower left")


def _colour_bar(axes: Axes, shown: Any, scale: ColourScale, unit: str) -> None:
    figure = axes.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(shown, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label(unit, color=MUTED)
    bar.outline.set_visible(False)
    if scale.ticks:
        bar.set_ticks([place for place, _ in scale.ticks], labels=[words for _, words in scale.ticks])
