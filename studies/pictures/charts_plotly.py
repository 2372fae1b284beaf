"""Charts as plotly's data and layout, for the page."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from studies.pictures.charts import (
    Bands,
    Bars,
    Chart,
    FlowMaps,
    GridMap,
    HeatMap,
    Intervals,
    Json,
    Lines,
    Multiples,
    Panels,
    Plot,
)
from studies.pictures.charts_scale import ColourScale, colour_scale
from studies.pictures.figure_style import BINDING, DEMAND, FAINT, INK, MUTED, PRICE_STOPS, SUPPLY

SERIES = (SUPPLY, DEMAND, "#009e73", BINDING, "#e69f00", "#56b4e9", INK)
SCALE = [[k / (len(PRICE_STOPS) - 1), colour] for k, colour in enumerate(PRICE_STOPS)]
ROW_PIXELS, FRAME_PIXELS = 30, 110


@singledispatch
def plotly_chart(chart: Chart) -> Plot:
    """(traces, layout) of a chart."""
    raise TypeError(f"no picture is known of a {type(chart).__name__}")


def listed(values: Any) -> list[Any]:
    """Numbers as JSON has them: what is not finite becomes null."""
    array = np.asarray(values, dtype=float)
    if array.ndim > 1:
        return [listed(row) for row in array]
    return [float(f"{v:.7g}") if np.isfinite(v) else None for v in array.tolist()]


def colour_bar(scale: ColourScale, unit: str) -> Json:
    """Plotly's colour bar of a scale."""
    bar: Json = {"title": {"text": unit, "side": "top"}, "thickness": 14, "outlinewidth": 0}
    if scale.ticks:
        bar |= {
            "tickvals": [place for place, _ in scale.ticks],
            "ticktext": [words for _, words in scale.ticks],
        }
    return bar


@plotly_chart.register
def _heat_map(chart: HeatMap) -> Plot:
    scale = colour_scale(chart.values, chart.signed, chart.linear)
    x, y = [str(v) for v in chart.x], [str(v) for v in chart.y]
    value = f"<b>%{{customdata:,.2f}} {chart.unit}</b><extra></extra>"
    hover = f"{chart.x_label} %{{x}}<br>{chart.y_label} %{{y}}<br>{value}"
    data: list[Json] = [
        {
            "type": "heatmap", "x": x, "y": y, "z": listed(scale.coloured),
            "customdata": listed(chart.values), "zmin": scale.low, "zmax": scale.high,
            "colorscale": SCALE, "hoverongaps": False, "xgap": 1, "ygap": 1 if len(y) <= 40 else 0,
            "colorbar": colour_bar(scale, chart.unit), "hovertemplate": hover,
        }
    ]  # fmt: skip
    if chart.marks:
        data.append(
            {
                "type": "scatter", "mode": "markers", "name": chart.mark_words, "showlegend": True,
                "x": [str(a) for a, _ in chart.marks], "y": [str(b) for _, b in chart.marks],
                "marker": {"symbol": "circle-open", "size": 11, "color": INK, "line": {"width": 2.5}},
                "hoverinfo": "skip",
            }
        )  # fmt: skip
    layout = _layout(chart.x_label, chart.y_label)
    layout["xaxis"] |= {"type": "category", "showgrid": False, "nticks": 12 if len(x) > 12 else 0}
    layout["yaxis"] |= {"type": "category", "showgrid": False, "dtick": 1 if len(y) <= 30 else None}
    layout["height"] = FRAME_PIXELS + max(330, min(1100, 19 * len(y)))
    return data, layout


@plotly_chart.register
def _lines(chart: Lines) -> Plot:
    data: list[Json] = [
        {
            "type": "scatter", "mode": "lines+markers" if len(x) <= 40 else "lines", "name": name,
            "x": listed(x), "y": listed(y), "line": {"color": SERIES[k % len(SERIES)], "width": 2.5},
            "marker": {"size": 6, "symbol": k}, "hovertemplate": "%{x:,.4~g}: "
            "<b>%{y:,.2f}</b><extra>%{fullData.name}</extra>",
        }
        for k, (name, x, y) in enumerate(chart.series)
    ]  # fmt: skip
    data += [
        {
            "type": "scatter", "mode": "markers", "name": name, "x": [x], "y": [y],
            "marker": {"symbol": "star", "size": 15, "color": INK}, "hovertemplate": "%{x:,.4~g}: "
            "<b>%{y:,.2f}</b><extra>%{fullData.name}</extra>",
        }
        for name, x, y in chart.stars
    ]  # fmt: skip
    return data, _layout(chart.x_label, chart.y_label)


@plotly_chart.register
def _bands(chart: Bands) -> Plot:
    data: list[Json] = []
    colours = {}
    for k, (name, x, y, low, high) in enumerate(chart.series):
        colours[name] = colour = SERIES[k % len(SERIES)]
        band = listed(x) + listed(x)[::-1]
        data.append(
            {"type": "scatter", "mode": "lines", "x": band, "y": listed(high) + listed(low)[::-1],
             "fill": "toself", "line": {"width": 0, "color": colour}, "opacity": 0.2, "legendgroup": name,
             "showlegend": False, "hoverinfo": "skip"}
        )  # fmt: skip
        data.append(
            {"type": "scatter", "mode": "lines+markers", "x": listed(x), "y": listed(y), "name": name,
             "legendgroup": name, "line": {"color": colour, "width": 2.5}, "marker": {"size": 7, "symbol": k},
             "hovertemplate": "<b>%{y:,.2f}</b><extra>%{fullData.name}</extra>"}
        )  # fmt: skip
    data.append(
        {"type": "scatter", "mode": "markers", "name": chart.point_words,
         "x": [x for _, x, _, _ in chart.points], "y": [y for _, _, y, _ in chart.points],
         "text": [words for *_, words in chart.points],
         "hovertemplate": "<b>%{y:,.2f}</b> %{text}<extra></extra>",
         "marker": {"symbol": "star", "size": 15, "line": {"color": INK, "width": 1},
                    "color": [colours.get(name, INK) for name, *_ in chart.points]}}
    )  # fmt: skip
    layout = _layout(chart.x_label, chart.y_label)
    layout["xaxis"] |= {
        "tickvals": [place for place, _ in chart.ticks],
        "ticktext": [words.replace("\n", "<br>") for _, words in chart.ticks],
    }  # fmt: skip
    layout["yaxis"] |= {"type": "log", "tickvals": [1, 2, 3, 5, 7, 10, 20, 30, 50, 100]}
    layout["height"] = 560
    return data, layout


@plotly_chart.register
def _flow_maps(chart: FlowMaps) -> Plot:
    from studies.pictures.charts_flows import flow_maps_plot

    return flow_maps_plot(chart)


@plotly_chart.register
def _multiples(chart: Multiples) -> Plot:
    from studies.pictures.charts_multiples import multiples_plot

    return multiples_plot(chart)


@plotly_chart.register
def _panels(chart: Panels) -> Plot:
    from studies.pictures.charts_panels import panels_plot

    return panels_plot(chart)


@plotly_chart.register
def _bars(chart: Bars) -> Plot:
    labels = [str(label) for label in chart.labels]
    data: list[Json] = [
        {
            "type": "bar", "orientation": "h", "y": labels, "x": listed(chart.values),
            "marker": {"color": SUPPLY}, "hovertemplate": "%{y}: <b>%{x:,.3~f}</b><extra></extra>",
        }
    ]  # fmt: skip
    layout = _layout(chart.x_label, "")
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "ticks": ""}
    layout["height"] = FRAME_PIXELS + max(180, ROW_PIXELS * len(labels))
    layout["showlegend"] = False
    if chart.line_at is not None:
        layout["margin"] |= {"t": 58}
        layout["shapes"] = [_upright(chart.line_at)]
        layout["annotations"] = [
            {"x": chart.line_at, "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": "left",
             "text": chart.line_words, "showarrow": False, "font": {"color": MUTED}}
        ]  # fmt: skip
    return data, layout


@plotly_chart.register
def _intervals(chart: Intervals) -> Plot:
    labels = [str(label) for label in chart.labels]
    x: list[float | None] = []
    y: list[str | None] = []
    for label, low, high in zip(labels, chart.low, chart.high, strict=True):
        x += [float(low), float(high), None]
        y += [label, label, None]
    point = "%{y}: <b>%{x:,.2f}</b><extra>%{fullData.name}</extra>"
    data: list[Json] = [
        {"type": "scatter", "mode": "lines", "name": chart.interval_words, "x": x, "y": y,
         "line": {"color": "#98cae1", "width": 12}, "hovertemplate": point},
        {"type": "scatter", "mode": "markers", "name": chart.chosen_words,
         "x": listed(chart.chosen), "y": labels,
         "marker": {"size": 13, "color": SUPPLY, "line": {"color": "#fff", "width": 1.5}},
         "hovertemplate": point},
        {"type": "scatter", "mode": "markers", "name": chart.published_words,
         "x": listed(chart.published), "y": labels,
         "marker": {"size": 14, "symbol": "x-thin", "line": {"color": DEMAND, "width": 3.5}},
         "hovertemplate": point},
    ]  # fmt: skip
    if not np.isfinite(np.asarray(chart.published, dtype=float)).any():
        data.pop()
    layout = _layout(chart.x_label, "")
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "ticks": ""}
    layout["height"] = FRAME_PIXELS + max(180, ROW_PIXELS * len(labels))
    return data, layout


@plotly_chart.register
def _grid_map(chart: GridMap) -> Plot:
    from networks.layout import bus_positions

    grid = chart.case.grid
    at = bus_positions(grid, chart.case.positions)
    stressed = {grid.branches.index(label) for label in chart.stressed}
    data = []
    for chosen, style in (
        (
            [k for k in np.flatnonzero(grid.in_service).tolist() if k not in stressed],
            {"color": FAINT, "width": 1.4},
        ),
        (sorted(stressed), {"color": BINDING, "width": 4.5}),
    ):
        x: list[float | None] = []
        y: list[float | None] = []
        for k in chosen:
            a, b = at[grid.from_bus[k]], at[grid.to_bus[k]]
            x += [float(f"{a[0]:.5g}"), float(f"{b[0]:.5g}"), None]
            y += [float(f"{a[1]:.5g}"), float(f"{b[1]:.5g}"), None]
        data.append(
            {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": style, "hoverinfo": "skip",
             "name": "binding limit", "showlegend": bool(stressed) and style["color"] == BINDING}
        )  # fmt: skip
    scale = colour_scale(chart.values, chart.signed, chart.linear)
    text = [
        f"<b>Bus {str(bus).replace('&', '&amp;').replace('<', '&lt;')}</b><br>{value:,.2f} {chart.unit}"
        for bus, value in zip(grid.buses, np.asarray(chart.values).tolist(), strict=True)
    ]
    data.append(
        {
            "type": "scatter", "mode": "markers", "x": listed(at[:, 0]), "y": listed(at[:, 1]),
            "showlegend": False, "hoverinfo": "text", "hovertext": text,
            "marker": {
                "size": 9 if len(text) > 60 else 18, "color": listed(scale.coloured),
                "cmin": scale.low, "cmax": scale.high,
                "colorscale": SCALE, "line": {"color": INK, "width": 0.6}, "showscale": True,
                "colorbar": colour_bar(scale, chart.unit),
            },
        }
    )  # fmt: skip
    layout = _layout("", "")
    for axis in ("xaxis", "yaxis"):
        layout[axis] = {"visible": False}
    layout |= {"height": 640, "margin": {"l": 8, "r": 8, "t": 28, "b": 8}, "dragmode": "pan"}
    return data, layout


def _layout(x: str, y: str) -> Json:
    axis = {
        "gridcolor": "#eef1f4", "zerolinecolor": FAINT, "linecolor": MUTED, "ticks": "outside",
        "tickcolor": MUTED, "automargin": True,
    }  # fmt: skip
    return {
        "margin": {"l": 66, "r": 16, "t": 34, "b": 56},
        "hovermode": "closest",
        "height": 420,
        "xaxis": axis | {"title": {"text": x}},
        "yaxis": axis | {"title": {"text": y}},
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "yanchor": "bottom"},
    }


def _upright(x: float) -> Json:
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1,
            "line": {"color": MUTED, "width": 1.5, "dash": "dot"}}  # fmt: skip
