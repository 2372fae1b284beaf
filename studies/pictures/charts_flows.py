"""Networks with flows, drawn as a PNG and for the page: arrows and widths say how much goes where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from studies.pictures.charts import FlowMaps, Json, Plot
from studies.pictures.figure_style import BINDING, DEMAND, FAINT, INK, MUTED, PAPER, SUPPLY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BEND = 0.14  # of a private line, as a share of its length
STEPS = 13  # points of a line; the middle one carries arrow and number
DETAILED = 40  # lines up to which each has its number
SEEN = 5e-3  # of the largest flow: less is drawn as none
WIDEST = 7.0
PRIVATE, PUBLIC = BINDING, MUTED
EVEN = "#aab4be"  # of a node that has what it needs
_ARROW: Json = {"arrowstyle": "-|>", "lw": 0}


def line_paths(chart: FlowMaps) -> np.ndarray:
    """(lines, STEPS, 2) points of the lines, private ones on an arc to the emptier side."""
    at, ends = np.asarray(chart.positions, dtype=float), np.asarray(chart.ends, dtype=np.int64)
    start, end = at[ends[:, 0]], at[ends[:, 1]]
    share = np.linspace(0.0, 1.0, STEPS)[None, :, None]
    step = (end - start)[:, None, :]
    side = 4.0 * BEND * share * (1.0 - share) * np.stack([-step[..., 1], step[..., 0]], axis=-1)
    paths = start[:, None, :] + share * step
    private = np.flatnonzero(np.asarray(chart.private, dtype=bool))
    public = np.setdiff1d(np.arange(len(ends)), private)
    inner = paths[public][:, 2:-2].reshape(-1, 2) if len(ends) <= DETAILED else np.zeros((0, 2))
    for k in private.tolist():
        others = np.concatenate([np.delete(at, ends[k], axis=0), inner])
        arcs = (paths[k] + side[k], paths[k] - side[k])
        paths[k] = max(arcs, key=lambda arc: _clearance(arc, others))
    return paths


def _clearance(arc: np.ndarray, others: np.ndarray) -> float:
    """Distance of the middle of an arc from the nearest of other points."""
    middle = arc[3:-3]
    return float(np.hypot(*(middle[:, None, :] - others[None, :, :]).T).min(initial=np.inf))


def node_colours(chart: FlowMaps) -> list[str]:
    """Ink for the main grid, blue where there is energy to spare, vermilion where it is needed."""
    net = np.asarray(chart.net_mw, dtype=float)
    colours = np.select([net > 0, net < 0], [SUPPLY, DEMAND], EVEN)
    colours[chart.main] = INK
    return [str(colour) for colour in colours]


def widths(flow: np.ndarray, most: float) -> np.ndarray:
    """Points of line width, by flow."""
    return 0.9 + (WIDEST - 0.9) * np.abs(flow) / max(most, 1e-12)


def _largest(chart: FlowMaps) -> float:
    return max((float(np.abs(np.asarray(f)).max(initial=0.0)) for _, f in chart.panels), default=0.0)


def _grid_shape(panels: int) -> tuple[int, int]:
    columns = 1 if panels == 1 else 2
    return -(-panels // columns), columns


def draw_flow_maps(chart: FlowMaps, axes: Axes) -> None:
    """All panels inside one pair of axes."""
    axes.set_axis_off()
    rows, columns = _grid_shape(len(chart.panels))
    for k, (title, flow) in enumerate(chart.panels):
        row, column = divmod(k, columns)
        box = (column / columns + 0.01, 1 - (row + 1) / rows + 0.01, 1 / columns - 0.02, 1 / rows - 0.07)
        _draw_panel(chart, axes.inset_axes(box), title, np.asarray(flow, dtype=float))
    shown = legend_entries(chart)
    for words, colour, mark in shown:
        look: Json = {"lw": 3} if mark == "line" else {"marker": mark[0], "ms": 9, "ls": ""}
        axes.plot([], [], color=colour, label=words, **look)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=len(shown))


def legend_entries(chart: FlowMaps) -> list[tuple[str, str, str]]:
    """(words, colour, mark) of what occurs: mark is "line", "o" or "square"."""
    private, net = np.asarray(chart.private, dtype=bool), np.delete(np.asarray(chart.net_mw), chart.main)
    entries = [
        ("public line", PUBLIC, "line", (~private).any()),
        ("private line", PRIVATE, "line", private.any()),
        ("has more than it needs", SUPPLY, "o", (net > 0).any()),
        ("needs more than it has", DEMAND, "o", (net < 0).any()),
        ("neither", EVEN, "o", (net == 0).any()),
        ("main grid", INK, "square", True),
    ]
    return [(words, colour, mark) for words, colour, mark, occurs in entries if occurs]


def _draw_panel(chart: FlowMaps, axes: Axes, title: str, flow: np.ndarray) -> None:
    paths, most = line_paths(chart), _largest(chart)
    detailed = len(flow) <= DETAILED
    width = widths(flow, most) * (1.0 if detailed else 0.5)
    for k in np.argsort(np.asarray(chart.private), kind="stable").tolist():
        colour = PRIVATE if chart.private[k] else PUBLIC
        used = abs(flow[k]) > SEEN * most
        style = {"color": colour} if used else {"color": FAINT, "ls": (0, (3, 2))}
        axes.plot(*paths[k].T, lw=width[k] if used else 1.2, solid_capstyle="butt", zorder=1, **style)
        if used and detailed:
            middle, step = STEPS // 2, 1 if flow[k] > 0 else -1
            axes.annotate(
                "", paths[k][middle + 2 * step], paths[k][middle - step], zorder=2,
                arrowprops=dict(_ARROW, color=colour, mutation_scale=12 + 3 * width[k]),
            )  # fmt: skip
    if detailed:
        for k, points in enumerate(paths):
            words = f"{abs(flow[k]):.2f}" if abs(flow[k]) > SEEN * most else "0"
            x, y = points[STEPS // 2].tolist()
            axes.text(
                x, y, words, ha="center", va="center", fontsize=8.5, zorder=5,
                color=PRIVATE if chart.private[k] else INK,
                bbox={"boxstyle": "round,pad=0.16", "fc": PAPER, "ec": "none", "alpha": 0.88},
            )  # fmt: skip
    at = np.asarray(chart.positions, dtype=float)
    size = 430 if len(at) <= DETAILED else 26
    others = np.arange(len(at)) != chart.main
    colours = np.array(node_colours(chart))
    look: Json = {"edgecolors": PAPER, "linewidths": 1.2, "zorder": 4}
    for chosen, marker in ((others, "o"), (~others, "s")):
        dots = at[chosen]
        axes.scatter(dots[:, 0], dots[:, 1], s=size, c=colours[chosen].tolist(), marker=marker, **look)
    if len(at) <= DETAILED:
        for name, (x, y) in zip(chart.nodes, at, strict=True):
            axes.text(x, y, name, ha="center", va="center", color=PAPER, fontsize=8, weight="bold", zorder=6)
    axes.set_aspect("equal")
    axes.margins(0.06)
    axes.set_axis_off()
    axes.set_title(title, pad=4)


def flow_maps_plot(chart: FlowMaps) -> Plot:
    """(traces, layout) of plotly."""
    rows, columns = _grid_shape(len(chart.panels))
    data: list[Json] = []
    layout: Json = {
        "showlegend": True, "height": 100 + 430 * rows, "margin": {"l": 8, "r": 8, "t": 30, "b": 48},
        "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0, "yanchor": "top",
                   "itemclick": False, "itemdoubleclick": False},
        "hovermode": "closest", "dragmode": "pan", "annotations": [],
    }  # fmt: skip
    for k, (title, flow) in enumerate(chart.panels):
        row, column = divmod(k, columns)
        name = "" if k == 0 else str(k + 1)
        x = [column / columns + 0.01, (column + 1) / columns - 0.01]
        y = [1 - (row + 1) / rows + 0.01, 1 - row / rows - 0.08 / rows]
        layout[f"xaxis{name}"] = {"visible": False, "domain": x, "anchor": f"y{name}"}
        layout[f"yaxis{name}"] = {
            "visible": False, "domain": y, "anchor": f"x{name}", "scaleanchor": f"x{name}",
        }  # fmt: skip
        layout["annotations"].append(
            {"text": f"<b>{_escaped(title)}</b>", "x": x[0], "y": y[1], "xref": "paper", "yref": "paper",
             "xanchor": "left", "yanchor": "bottom", "showarrow": False}
        )  # fmt: skip
        panel = _panel_traces(chart, np.asarray(flow, dtype=float))
        data += [trace | {"xaxis": f"x{name}", "yaxis": f"y{name}", "showlegend": False} for trace in panel]
    return data + _legend(chart), layout


def _legend(chart: FlowMaps) -> list[Json]:
    """Traces without points that explain the colours."""
    traces = []
    for words, colour, mark in legend_entries(chart):
        dot = {"color": colour, "size": 13, "symbol": "square" if mark == "square" else "circle"}
        line = {"mode": "lines", "line": {"color": colour, "width": 4}}
        look = line if mark == "line" else {"mode": "markers", "marker": dot}
        empty = {"type": "scatter", "x": [None], "y": [None], "hoverinfo": "skip"}
        traces.append(empty | {"name": words, "showlegend": True} | look)
    return traces


def _panel_traces(chart: FlowMaps, flow: np.ndarray) -> list[Json]:
    paths, most = line_paths(chart), _largest(chart)
    detailed = len(flow) <= DETAILED
    width = widths(flow, most) * (1.0 if detailed else 0.5)
    used = np.abs(flow) > SEEN * most
    private = np.asarray(chart.private, dtype=bool)
    traces: list[Json] = []
    groups = [(~used, FAINT, 1.4, "dot")]
    for kind, colour in ((~private & used, PUBLIC), (private & used, PRIVATE)):
        # one trace per line where there are few, else by eight widths
        level = np.arange(len(flow)) if detailed else np.ceil(8 * width / WIDEST)
        for step in sorted(set(level[kind].tolist())):
            chosen = kind & (level == step)
            groups.append((chosen, colour, float(width[chosen].max()), "solid"))
    for chosen, colour, points, dash in groups:
        if chosen.any():
            line = {"color": colour, "width": round(points, 2), "dash": dash}
            traces.append(_lines(paths[chosen], line))
    step = np.where(flow > 0, 1, -1)
    way = (paths[:, STEPS // 2 + 1] - paths[:, STEPS // 2 - 1]) * step[:, None]
    ends = np.asarray(chart.ends)
    texts = [
        f"{'private' if own else 'public'}: <b>{abs(mw):,.3f} {chart.unit}</b> "
        f"from {_escaped(chart.nodes[a])} to {_escaped(chart.nodes[b])}"
        for own, mw, (a, b) in zip(
            private, flow, np.where(flow[:, None] >= 0, ends, ends[:, ::-1]).tolist(), strict=True
        )
    ]
    middle = paths[:, STEPS // 2]
    places = np.where(np.abs(way[:, 1]) > np.abs(way[:, 0]), "middle right", "bottom center").tolist()
    numbers = [f"{abs(mw):.2f}" if seen else "" for mw, seen in zip(flow, used, strict=True)]
    traces.append(
        {
            "type": "scatter", "mode": "markers+text" if detailed else "markers",
            "x": _listed(middle[:, 0]), "y": _listed(middle[:, 1]), "textposition": places,
            "text": numbers if detailed else [],
            "textfont": {"size": 12, "color": np.where(private, PRIVATE, INK).tolist()},
            "hoverinfo": "text", "hovertext": texts,
            "marker": {
                "symbol": ["arrow" if u else "circle" for u in used],
                "angle": np.round(90.0 - np.degrees(np.arctan2(way[:, 1], way[:, 0])), 1).tolist(),
                "size": [(15 if detailed else 6) if u else 4 for u in used],
                "color": np.where(used, np.where(private, PRIVATE, INK), FAINT).tolist(),
            },
        }
    )  # fmt: skip
    at = np.asarray(chart.positions, dtype=float)
    net = np.asarray(chart.net_mw, dtype=float)
    small = len(at) <= DETAILED
    traces.append(
        {
            "type": "scatter", "mode": "markers+text" if small else "markers",
            "x": _listed(at[:, 0]), "y": _listed(at[:, 1]),
            "text": [_escaped(name) for name in chart.nodes] if small else [],
            "textfont": {"color": PAPER, "size": 11}, "hoverinfo": "text",
            "hovertext": [
                "<b>main grid</b>" if k == chart.main
                else f"<b>{_escaped(name)}</b>: net {net[k]:+,.3f} {chart.unit}"
                for k, name in enumerate(chart.nodes)
            ],
            "marker": {
                "size": 28 if small else 8, "color": node_colours(chart),
                "symbol": ["square" if k == chart.main else "circle" for k in range(len(at))],
                "line": {"color": PAPER, "width": 1},
            },
        }
    )  # fmt: skip
    return traces


def _lines(paths: np.ndarray, style: Json) -> Json:
    x: list[float | None] = []
    y: list[float | None] = []
    for points in paths:
        x += [*_listed(points[:, 0]), None]
        y += [*_listed(points[:, 1]), None]
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": style, "hoverinfo": "skip"}


def _listed(values: np.ndarray) -> list[float]:
    return [float(f"{v:.5g}") for v in values.tolist()]


def _escaped(text: object) -> str:
    return str(text).replace("&", "&amp;").replace("<", "&lt;")
