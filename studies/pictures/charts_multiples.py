"""Small multiples: little pictures of curves over what theory says of them, as a PNG and for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studies.pictures.charts import Json, Multiple, Multiples, Plot
from studies.pictures.figure_style import BINDING, DEMAND, INK, MUTED, SUPPLY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = (SUPPLY, DEMAND, "#009e73", BINDING, "#e69f00", "#56b4e9")
BAND = "#f2d17a"
PANEL_PIXELS = 215
MOST_COLUMNS = 4


def grid_shape(count: int) -> tuple[int, int]:
    """(rows, columns) of so many panels."""
    columns = min(MOST_COLUMNS, count) if count != 5 else 3
    return -(-count // columns), columns


def series_colours(chart: Multiples) -> dict[str, str]:
    """One colour for a name, the same in all panels."""
    names = dict.fromkeys(name for panel in chart.panels for name, _, _ in panel.curves)
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}


def _thick(panel: Multiple, name: str) -> bool:
    """A name that comes once is drawn thick, one of many runs thin."""
    return sum(name == other for other, _, _ in panel.curves) == 1


def draw_multiples(chart: Multiples, axes: Axes) -> None:
    """All panels inside one pair of axes."""
    axes.set_axis_off()
    colours = series_colours(chart)
    rows, columns = grid_shape(len(chart.panels))
    for k, panel in enumerate(chart.panels):
        row, column = divmod(k, columns)
        wide, high = 1 / columns, 1 / rows
        inner = axes.inset_axes(
            (column * wide + 0.16 * wide, 1 - (row + 1) * high + 0.2 * high, 0.82 * wide, 0.64 * high)
        )
        if panel.band is not None:
            inner.axhspan(*panel.band, color=BAND, alpha=0.5, lw=0)
        for name, x, y in panel.curves:
            thick = _thick(panel, name)
            inner.plot(x, y, color=colours[name], lw=2.0 if thick else 0.8, alpha=1.0 if thick else 0.75)
        for height in panel.levels:
            inner.axhline(height, color=INK, lw=1.3, ls=(0, (4, 2)))
        inner.set_title(panel.title, fontsize=9.5, pad=4)
        if panel.low is not None:
            inner.set_ylim(panel.low, panel.high)
        inner.margins(x=0.01)
        inner.tick_params(labelsize=8)
        inner.grid(color="#eef1f4")
        inner.set_axisbelow(True)
    for name, colour in colours.items():
        axes.plot([], [], color=colour, lw=2.0, label=name)
    if any(panel.levels for panel in chart.panels):
        axes.plot([], [], color=INK, lw=1.3, ls=(0, (4, 2)), label=chart.level_words)
    if any(panel.band is not None for panel in chart.panels):
        axes.fill_between([], [], [], color=BAND, alpha=0.6, label=chart.band_words)
    axes.text(0.5, 0.01, chart.x_label, transform=axes.transAxes, ha="center", color=MUTED)
    axes.text(0.0, 0.5, chart.y_label, transform=axes.transAxes, va="center", rotation=90, color=MUTED)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=6)


def multiples_plot(chart: Multiples) -> Plot:
    """Plotly's traces and layout."""
    colours = series_colours(chart)
    rows, columns = grid_shape(len(chart.panels))
    data: list[Json] = []
    layout: Json = {
        "margin": {"l": 56, "r": 12, "t": 56, "b": 52}, "hovermode": "closest", "shapes": [],
        "height": 120 + PANEL_PIXELS * rows, "annotations": [],
        "legend": {"orientation": "h", "x": 0, "y": 1.01 + 0.1 / rows, "yanchor": "bottom"},
    }  # fmt: skip
    shown: set[str] = set()
    axis = {"gridcolor": "#eef1f4", "zeroline": False, "linecolor": MUTED, "tickfont": {"size": 10}}
    for k, panel in enumerate(chart.panels):
        row, column = divmod(k, columns)
        number = "" if k == 0 else str(k + 1)
        left, top = column / columns, 1 - row / rows
        x_domain = [left + 0.1 / columns, left + 0.98 / columns]
        y_domain = [top - 0.86 / rows, top - 0.14 / rows]
        layout[f"xaxis{number}"] = axis | {"domain": x_domain, "anchor": f"y{number}"}
        layout[f"yaxis{number}"] = axis | {"domain": y_domain, "anchor": f"x{number}"}
        if panel.low is not None:
            layout[f"yaxis{number}"] |= {"range": [panel.low, panel.high]}
        layout["annotations"].append(_note(f"<b>{_escaped(panel.title)}</b>", x_domain[0], y_domain[1], 12))
        if panel.band is not None:
            layout["shapes"].append(
                {"type": "rect", "xref": f"x{number} domain", "yref": f"y{number}", "x0": 0, "x1": 1,
                 "y0": panel.band[0], "y1": panel.band[1], "fillcolor": BAND, "opacity": 0.5,
                 "line": {"width": 0}, "layer": "below"}
            )  # fmt: skip
        layout["shapes"] += [
            {"type": "line", "xref": f"x{number} domain", "yref": f"y{number}", "x0": 0, "x1": 1,
             "y0": height, "y1": height, "line": {"color": INK, "width": 1.4, "dash": "dash"}}
            for height in panel.levels
        ]  # fmt: skip
        for name in dict.fromkeys(name for name, _, _ in panel.curves):
            x: list[float | None] = []
            y: list[float | None] = []
            for other, a, b in panel.curves:
                if other == name:  # one trace for all runs, with gaps in between
                    x += [*map(float, a), None]
                    y += [*(float(f"{v:.4g}") if np.isfinite(v) else None for v in b), None]
            data.append(
                {"type": "scatter", "mode": "lines", "name": name, "legendgroup": name, "x": x, "y": y,
                 "showlegend": name not in shown, "xaxis": f"x{number}", "yaxis": f"y{number}",
                 "line": {"color": colours[name], "width": 2.2 if _thick(panel, name) else 1.0},
                 "hovertemplate": "%{x}: <b>%{y:,.1f}</b><extra>%{fullData.name}</extra>"}
            )  # fmt: skip
            shown.add(name)
    marks = []
    if any(panel.levels for panel in chart.panels):
        marks.append(f"dashed: {chart.level_words}")
    if any(panel.band is not None for panel in chart.panels):
        marks.append(f"yellow: {chart.band_words}")
    words = _escaped(f"{chart.x_label}; {', '.join(marks)}" if marks else chart.x_label)
    layout["annotations"].append(_note(words, 0.5, -0.1 / rows, 12) | {"xanchor": "center", "yanchor": "top"})
    layout["annotations"].append(
        _note(_escaped(chart.y_label), 0.0, 0.5, 12)
        | {"textangle": -90, "xanchor": "right", "xshift": -22, "yanchor": "middle"}
    )
    return data, layout


def _note(text: str, x: float, y: float, size: int) -> Json:
    return {
        "text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left",
        "yanchor": "bottom", "showarrow": False, "font": {"size": size, "color": INK},
    }  # fmt: skip


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
