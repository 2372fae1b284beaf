"""The panels beside the grid: supply and demand, prices over time, money, and the binding branches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import patheffects
from matplotlib.ticker import FuncFormatter, MaxNLocator

from studies.pages.money import money_shares
from studies.pages.sentences import megawatts, power_unit, price
from studies.pictures.curves import system_curves
from studies.pictures.figure_style import BINDING, DEMAND, FAINT, INK, MUTED, PAPER, SHARE_COLOURS, SUPPLY
from studies.pictures.grid_view import TAGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from studies.pages.facts import Facts

HALO = [patheffects.withStroke(linewidth=2.5, foreground=PAPER)]
LISTED = 5
ROW_INCHES = 0.2  # of a line in the list of binding branches
INVISIBLE = 0.003  # share of the greatest amount below which a bar cannot be seen
TEXT_INCHES = 0.5  # height of the two lines above the clearing point


def draw_curves(axes: Axes, facts: Facts) -> None:
    """Supply and demand of the focus period, with the point (or the range of prices) at which it cleared."""
    curves = system_curves(facts, facts.focus_period)
    (left, right), (low, high) = curves.window()
    if np.isfinite(curves.mean_price):
        figure = axes.get_figure(root=True)
        assert figure is not None
        share = TEXT_INCHES / (axes.get_position().height * figure.get_size_inches()[1])
        high = max(high, low + (curves.mean_price - low) / (1.0 - share))
    factor, unit = power_unit(right)
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)
    axes.plot(curves.supply_mw, curves.supply_price, color=SUPPLY, lw=2.0, label="supply")
    if len(curves.demand_mw) == 1 and curves.demand_mw[0] == 0:
        demand_mw, demand_price = np.zeros(0), np.zeros(0)
    else:
        # the fixed part reaches up out of the picture; after the last bid the curve falls to the floor
        demand_mw = np.concatenate([curves.demand_mw[:1], curves.demand_mw, curves.demand_mw[-1:]])
        fixed = curves.demand_mw[0] > 0
        top = high if fixed else curves.demand_price[0]
        demand_price = np.concatenate([[top], curves.demand_price, [min(low, 0.0)]])
    axes.plot(demand_mw, demand_price, color=DEMAND, lw=2.0, label="demand")
    single = bool(facts.has_one_price[facts.focus_period])
    if not single:
        axes.plot(
            [curves.served_mw] * 2, [curves.low_price, curves.high_price], color=INK, lw=5.0, alpha=0.28,
            solid_capstyle="butt", zorder=4,
        )  # fmt: skip
    if np.isfinite(curves.mean_price):
        axes.plot(curves.served_mw, curves.mean_price, "o", ms=7, mfc=INK, mec=PAPER, mew=1.4, zorder=5)
        words = "" if single else "mean "
        # bids fall from the left through the place above a point in the first half; to its right it is free
        to_right = len(demand_mw) > 3 and curves.served_mw < 0.55 * right
        axes.annotate(
            f"{words}{price(curves.mean_price)} $/MWh\n{megawatts(factor * curves.served_mw)} {unit}",
            (curves.served_mw, curves.mean_price),
            xytext=(9 if to_right else -9, 7), textcoords="offset points",
            ha="left" if to_right else "right", va="bottom", fontsize=9, color=INK,
            path_effects=HALO, zorder=6,
        )  # fmt: skip
    axes.set_title("Supply and demand")
    axes.set_xlabel(
        unit if single else f"{unit}  (limits ignored; grey bar: range of nodal prices)", labelpad=1
    )
    axes.set_ylabel("$/MWh")
    _thousands(axes.xaxis, factor)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.legend(
        loc="lower right", bbox_to_anchor=(1.0, 0.985), ncols=2, borderaxespad=0.2, handlelength=1.4,
        columnspacing=1.2, labelcolor="linecolor",
    )  # fmt: skip


def draw_price_history(axes: Axes, facts: Facts) -> None:
    """Mean price and the range over buses, period by period."""
    lmp = np.where(facts.outcome.priced, facts.outcome.lmp, np.nan)
    period = np.arange(facts.periods)
    known = facts.outcome.priced.any(axis=0)
    low, high = np.full((2, facts.periods), np.nan)
    low[known], high[known] = np.nanmin(lmp[:, known], axis=0), np.nanmax(lmp[:, known], axis=0)
    edges = np.append(period, facts.periods) - 0.5
    axes.stairs(high, edges, baseline=low, fill=True, color=SUPPLY, alpha=0.18, lw=0)
    axes.stairs(facts.mean_price, edges, baseline=None, color=SUPPLY, lw=2.0)
    axes.axvline(facts.focus_period, color=INK, lw=1.0, ls=(0, (3, 2)))
    axes.set_xlim(-0.5, facts.periods - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.set_title("Price by period: mean, and range over buses")
    axes.set_xlabel("period", labelpad=1)
    axes.set_ylabel("$/MWh")


def draw_money(axes: Axes, facts: Facts) -> None:
    """A waterfall: what demand pays, and into which pockets it goes."""
    shares = money_shares(facts.settlement)
    top = max((abs(share.amount) for share in shares), default=0.0)
    shares = [share for share in shares if abs(share.amount) >= INVISIBLE * top]
    digits = 0 if top >= 100 else 2 if top >= 10 else 4
    axes.set_title(f"Where the money goes (rule {facts.settlement.rule})")
    axes.set_axis_off()
    ends = [end for share in shares for end in (share.start, share.start + share.amount)] or [0.0, 1.0]
    low, high = min(*ends, 0.0), max(*ends, 0.0)
    width = (high - low) or 1.0
    axes.set_xlim(low - 0.62 * width, high + 0.42 * width)
    axes.set_ylim(max(len(shares), 4) - 0.4, -0.6)
    for k, share in enumerate(shares):
        colour = SHARE_COLOURS.get(share.label, MUTED)
        axes.barh(k, share.amount, left=share.start, height=0.68, color=colour)
        axes.text(low - 0.03 * width, k, share.label, ha="right", va="center", fontsize=9)
        tip = max(share.start, share.start + share.amount, 0.0)
        axes.text(tip + 0.02 * width, k, f"{share.amount:,.{digits}f} $", ha="left", va="center", fontsize=9)
    axes.plot([0, 0], [-0.5, len(shares) - 0.5], color=MUTED, lw=0.8)


def draw_binding_list(axes: Axes, facts: Facts) -> None:
    """The numbered branches of the picture, with limit and shadow price."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    figure = axes.get_figure(root=True)
    assert figure is not None
    height = axes.get_position().height * figure.get_size_inches()[1]
    listed = max(1, min(LISTED, int(height / ROW_INCHES - 1.2)))
    axes.set_ylim(listed + 0.6, -0.6)
    rows = facts.binding[facts.binding["period"] == facts.focus_period]
    more = f" (first {listed} of {len(rows)})" if len(rows) > listed else ""
    axes.set_title(f"Binding branches{more}")
    columns = ((0.10, "left", "from – to"), (0.66, "right", "limit MW"), (1.0, "right", "shadow $/MWh"))
    for x, side, header in columns:
        axes.text(x, -0.1, header, ha=side, va="center", color=MUTED, fontsize=8.5)
    axes.plot([0, 1], [0.38, 0.38], color=FAINT, lw=0.8)
    for k, row in enumerate(rows.head(listed).to_dict("records"), start=1):
        if k <= TAGS:
            axes.text(
                0.03, k, str(k), ha="center", va="center", color=BINDING, fontsize=8, fontweight="bold",
                bbox={"boxstyle": "circle,pad=0.2", "fc": PAPER, "ec": BINDING, "lw": 1.0},
            )  # fmt: skip
        ends = f"{row['from_bus']} – {row['to_bus']}"
        cells = (
            ends if len(ends) <= 26 else ends[:25] + "…",
            megawatts(row["limit_mw"]),
            price(row["shadow_price"]),
        )
        for (x, side, _), cell in zip(columns, cells, strict=True):
            axes.text(x, k, cell, ha=side, va="center", fontsize=9.5)


def _thousands(axis: Axis, factor: float) -> None:
    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{factor * value:,.10g}"))
