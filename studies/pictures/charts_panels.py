"""Panels of curves one above the other on a shared x axis, as a PNG and for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studies.pictures.charts import Json, Panels, Plot
from studies.pictures.figure_style import BINDING, DEMAND, FAINT, INK, MUTED, SUPPLY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_PIXELS, LEAST_PIXELS = 165, 300
COLOURS = (SUPPLY, DEMAND, "#009e73", BINDING, "#e69f00", "#56b4e9", INK)


def series_colours(chart: Panels) -> dict[str, str]:
    """One colour for a name, the same in all panels."""
    names = dict.fromkeys(name for _, series in chart.panels for name, _, _ in series)
    return {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}


def draw_panels(chart: Panels, axes: Axes) -> None:
    """All panels inside one pair of axes."""
    axes.set_axis_off()
    colours, count = series_colours(chart), len(chart.panels)
    shown: set[str] = set()
    for k, (label, series) in enumerate(chart.panels):
        inner = axes.inset_axes((0.0, 1 - (k + 1) / count + 0.18 / count, 1.0, 0.78 / count))
        for name, x, y in series:
            inner.plot(x, y, color=colours[name], lw=1.3, drawstyle="steps-post" if chart.steps else None,
                       label=None if name in shown else name)  # fmt: skip
            shown.add(name)
        inner.set_ylabel(label)
        inner.grid(color="#eef1f4")
        inner.set_axisbelow(True)
        inner.margins(x=0.005)
        if chart.ticks:
            inner.set_xticks([place for place, _ in chart.ticks], [words for _, words in chart.ticks])
        if k < count - 1:
            inner.set_xticklabels([])
        else:
            inner.set_xlabel(chart.x_label)
        if inner.get_legend_handles_labels()[1]:
            inner.legend(loc="upper left", bbox_to_anchor=(1.0, 1.05))


def panels_plot(chart: Panels) -> Plot:
    """Plotly's traces and layout."""
    colours, count = series_colours(chart), len(chart.panels)
    data: list[Json] = []
    shown: set[str] = set()
    axis = {"gridcolor": "#eef1f4", "zerolinecolor": FAINT, "linecolor": MUTED, "automargin": True}
    layout: Json = {
        "margin": {"l": 70, "r": 16, "t": 40, "b": 50}, "hovermode": "x",
        "height": 90 + max(LEAST_PIXELS, PANEL_PIXELS * count),
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
        "xaxis": axis | {"title": {"text": chart.x_label}, "anchor": f"y{count}" if count > 1 else "y"},
    }  # fmt: skip
    if chart.ticks:
        layout["xaxis"] |= {
            "tickvals": [place for place, _ in chart.ticks], "ticktext": [words for _, words in chart.ticks]
        }  # fmt: skip
    for k, (label, series) in enumerate(chart.panels):
        number = "" if k == 0 else str(k + 1)
        top = 1 - k / count
        layout[f"yaxis{number}"] = axis | {
            "title": {"text": label, "font": {"size": 12}}, "domain": [top - 0.86 / count, top]
        }  # fmt: skip
        for name, x, y in series:
            values = [
                float(f"{v:.5g}") if np.isfinite(v) else None for v in np.asarray(y, dtype=float).tolist()
            ]
            data.append(
                {
                    "type": "scatter", "mode": "lines", "name": name, "legendgroup": name,
                    "showlegend": name not in shown, "x": [float(f"{v:.7g}") for v in x], "y": values,
                    "yaxis": f"y{number}", "line": {"color": colours[name], "width": 1.6,
                                                    "shape": "hv" if chart.steps else "linear"},
                    "hovertemplate": "%{y:,.3~g}<extra>%{fullData.name}</extra>",
                }
            )  # fmt: skip
            shown.add(name)
    return data, layout
