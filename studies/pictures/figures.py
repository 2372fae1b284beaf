"""Pictures as PNG: one clearing on one slide, and the grid of a case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from networks.files import replacing
from studies.pages.sentences import megawatts, money, price, price_sentence
from studies.pictures.figure_grid import draw_grid
from studies.pictures.figure_panels import draw_binding_list, draw_curves, draw_money, draw_price_history
from studies.pictures.figure_style import INK, MUTED, house_style, price_scale
from studies.pictures.grid_view import DETAILED, GridView

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from networks.case import Case
    from studies.pages.facts import Facts

    Panel = Callable[[Axes, Facts], None]

SLIDE = (12.8, 7.2)
"""Inches; at DOTS per inch a picture of 1920 × 1080, the shape of a slide."""

DOTS = 150

MANY_PANELS = 4
"""Panels beside the grid from which they stand closer, so that titles need more of the gaps."""


def draw_clearing(facts: Facts, path: Path) -> Path:
    """Draw a clearing on one slide: grid with prices, curves, settlement, binding branches; write a PNG."""
    with house_style():
        figure = Figure(figsize=SLIDE, dpi=DOTS)
        _draw_heading(figure, facts)
        _draw_network(figure, facts)
        panels = _panels(facts)
        heights = [height for height, _ in panels]
        right = figure.add_gridspec(
            len(panels), 1, left=0.685, right=0.985, top=0.845, bottom=0.06, height_ratios=heights,
            hspace=0.62 if len(panels) < MANY_PANELS else 0.92,
        )  # fmt: skip
        for k, (_, draw) in enumerate(panels):
            draw(figure.add_subplot(right[k]), facts)
        return _save(figure, path)


def draw_case(case: Case, path: Path) -> Path:
    """Draw the grid of a case with its capacity and demand; write a PNG."""
    from networks.layout import bus_positions

    grid, fleet = case.grid, case.fleet
    count = len(grid.buses)
    capacity = np.bincount(fleet.unit_bus, np.maximum(fleet.max_mw, 0.0), minlength=count)
    peak = fleet.load_mw.max(axis=1, initial=0.0) if len(fleet.loads) else np.zeros(0)
    demand = np.bincount(fleet.load_bus, np.maximum(peak, 0.0), minlength=count)
    view = GridView(
        grid=grid,
        positions=bus_positions(grid, case.positions),
        net_mw=capacity - demand,
        size_mw=np.maximum(capacity, demand),
        loading=np.full(len(grid.branches), np.nan),
        flow_mw=np.zeros(len(grid.branches)),
        binding=np.empty(0, dtype=np.int64),
        labels=tuple(_megawatt_label(g, d) for g, d in zip(capacity, demand, strict=True)),
        positions_given=case.positions is not None,
    )
    with house_style():
        figure = Figure(figsize=SLIDE, dpi=DOTS)
        _write_title(figure, case)
        figure.text(
            0.02, 0.885,
            f"{count:,} buses   {len(grid.branches):,} branches   {len(fleet.units):,} units with "
            f"{megawatts(float(capacity.sum()))} MW   peak demand {megawatts(float(demand.sum()))} MW",
            fontsize=10.5, color=MUTED,
        )  # fmt: skip
        draw_grid(figure.add_axes((0.02, 0.08, 0.96, 0.78)), view)
        return _save(figure, path)


def _panels(facts: Facts) -> list[tuple[float, Panel]]:
    panels: list[tuple[float, Panel]] = [(1.2, draw_curves)]
    if facts.periods > 1:
        panels.append((0.8, draw_price_history))
    panels.append((0.62, draw_money))
    if not facts.binding.empty:
        panels.append((0.95, draw_binding_list))
    return panels


def _write_title(figure: Figure, case: Case) -> None:
    name = figure.text(0.02, 0.935, case.name, fontsize=19, fontweight="bold", color=INK)
    box = name.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    left = figure.transFigure.inverted().transform((box.x1, box.y0))[0] + 0.012
    title = case.title if len(case.title) <= 90 else case.title[:88] + "…"
    figure.text(left, 0.935, title, fontsize=12, color=MUTED)


def _draw_heading(figure: Figure, facts: Facts) -> None:
    _write_title(figure, facts.case)
    certificate = facts.outcome.certificate
    row, residual = certificate.worst
    period = (
        f"   Shown: period {facts.focus_period} (of 0 to {facts.periods - 1})" if facts.periods > 1 else ""
    )
    welfare = f"   Welfare {money(facts.outcome.welfare)}" if (facts.book.side < 0).any() else ""
    figure.text(
        0.02, 0.897,
        f"Cost {money(facts.outcome.cost)}{welfare}   "
        f"Certificate {certificate.verdict} (worst row {row} at {residual:.0e}){period}",
        fontsize=10.5, color=MUTED,
    )  # fmt: skip
    figure.text(0.02, 0.862, _shortened(price_sentence(facts)), fontsize=11.5, color=INK)


def _shortened(sentence: str, most: int = 118) -> str:
    return sentence if len(sentence) <= most else sentence[: most - 1] + "…"


def _draw_network(figure: Figure, facts: Facts) -> None:
    period = facts.focus_period
    single = bool(facts.has_one_price[period])
    axes = figure.add_axes((0.015, 0.155 if not single else 0.06, 0.635, 0.685 if not single else 0.78))
    mappable = draw_grid(axes, grid_view(facts, period))
    if mappable is None:
        return
    scale = price_scale(facts.outcome.lmp[:, period])
    bar_axes = figure.add_axes((0.13, 0.078, 0.40, 0.02))
    bar = figure.colorbar(mappable, cax=bar_axes, orientation="horizontal", extend=scale.extend)
    bar.outline.set_visible(False)
    bar.set_label("Nodal price [$/MWh]", color=MUTED)
    bar.ax.tick_params(length=2.5)


def grid_view(facts: Facts, period: int) -> GridView:
    """What to draw of a clearing's grid in one period."""
    generated, served = facts.generated_mw[:, period], facts.served_mw[:, period]
    lmp = facts.outcome.lmp[:, period]
    single = bool(facts.has_one_price[period])
    rents = np.abs(facts.outcome.flow_dual[:, period] * facts.outcome.flow_mw[:, period])
    binding = np.flatnonzero(facts.is_binding[:, period])
    texts = []
    for bus in range(len(lmp)):
        amount = "" if single else f"{price(lmp[bus])} $/MWh"
        megawatt = _megawatt_label(generated[bus], served[bus]) if single or len(lmp) <= DETAILED else ""
        texts.append("\n".join(part for part in (amount, megawatt) if part))
    return GridView(
        grid=facts.grid,
        positions=facts.positions,
        net_mw=generated - served,
        size_mw=np.maximum(generated, served),
        loading=facts.loading[:, period],
        flow_mw=facts.outcome.flow_mw[:, period],
        binding=binding[np.argsort(-rents[binding], kind="stable")],
        labels=tuple(texts),
        lmp=lmp,
        scale=None if single else price_scale(lmp),
        positions_given=facts.case.positions is not None,
    )


def _megawatt_label(generated: float, served: float) -> str:
    parts = []
    if generated > 0.05:
        parts.append(f"gen {generated:,.0f} MW" if generated >= 10 else f"gen {generated:.1f} MW")
    if served > 0.05:
        parts.append(f"load {served:,.0f} MW" if served >= 10 else f"load {served:.1f} MW")
    return ", ".join(parts)


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        figure.savefig(draft, format="png", metadata={"Software": "walras"})
    return path
