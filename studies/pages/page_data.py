"""The numbers behind the page of a clearing, in the shape that its scripts read."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from clearing.book import SELL
from studies.pages.money import money_shares
from studies.pictures import figure_style as style
from studies.pictures.curves import system_curves
from studies.pictures.figure_style import SHARE_COLOURS, line_width, price_scale
from studies.pictures.grid_view import GIVEN_STRETCH, MOST_STRETCH

if TYPE_CHECKING:
    from studies.pages.facts import Facts

DIGITS = 7
"""Significant digits on the page; the CSV and parquet files have all."""

WEBGL_FROM = 4000
"""Buses from which the page draws with WebGL where the browser has it."""


def page_data(facts: Facts) -> dict[str, object]:
    """Everything that `clearing_figures.js` and `clearing_tables.js` draw from; arrays are [period][item]."""
    return {
        "name": facts.case.name,
        "periods": facts.periods,
        "focus": facts.focus_period,
        "single": facts.has_one_price.tolist(),
        "unique": not bool(facts.open_intervals.any()),
        "webgl": len(facts.grid.buses) >= WEBGL_FROM,
        "style": _style(facts),
        "bus": _buses(facts),
        "branch": _branches(facts),
        "link": _links(facts),
        "binding": [_binding_in(facts, t) for t in range(facts.periods)],
        "curves": [_curves(facts, t) for t in range(facts.periods)],
        "history": _history(facts),
        "orders": _orders(facts),
        "money": _money(facts),
    }


def _style(facts: Facts) -> dict[str, object]:
    scale = price_scale(facts.outcome.lmp)
    stops = style.PRICE_STOPS
    return {
        "low": scale.low,
        "high": scale.high,
        "cut": scale.cut_low or scale.cut_high,
        "scale": [[k / (len(stops) - 1), colour] for k, colour in enumerate(stops)],
        "calm": style.CALM,
        "ink": style.INK,
        "muted": style.MUTED,
        "faint": style.FAINT,
        "binding": style.BINDING,
        "supply": style.SUPPLY,
        "demand": style.DEMAND,
    }


def _buses(facts: Facts) -> dict[str, object]:
    outcome, count = facts.outcome, len(facts.grid.buses)
    positions = facts.positions
    span = np.maximum(np.ptp(positions, axis=0), 1e-9)
    data = {
        "label": labels(facts.grid.buses),
        "x": rounded((positions[:, 0] - positions[:, 0].min()) / span[0]),
        "y": rounded((positions[:, 1] - positions[:, 1].min()) / span[1]),
        "lmp": by_period(outcome.lmp),
        "energy": by_period(outcome.energy),
        "generation": by_period(facts.generated_mw),
        "demand": by_period(facts.served_mw),
        "low": None,
        "high": None,
        "size": _sizes(facts, count),
        "span": [float(span[0]), float(span[1])],
        "stretch": GIVEN_STRETCH if facts.case.positions is not None else MOST_STRETCH,
    }
    if facts.open_intervals.any():
        low, high = outcome.intervals
        data["low"], data["high"] = _ends(low), _ends(high)
    return data


def _sizes(facts: Facts, count: int) -> list[list[float | None]]:
    """Marker diameters in pixels, by the greater of generation and demand."""
    small, large = (16.0, 34.0) if count <= 20 else (7.0, 22.0) if count <= 400 else (3.5, 11.0)
    power = np.maximum(facts.generated_mw, facts.served_mw)
    share = np.sqrt(power / max(float(power.max(initial=0.0)), 1e-9))
    return by_period(small + (large - small) * share)


def _ends(values: np.ndarray) -> list[list[float | str | None]]:
    """Interval ends, "−∞" and "∞" in words."""
    words = {math.inf: "∞", -math.inf: "−∞"}
    return [[words.get(v, _number(v)) for v in column] for column in values.T.tolist()]


def _branches(facts: Facts) -> dict[str, object]:
    grid, outcome = facts.grid, facts.outcome
    low, high = grid.flow_bounds_mw
    limit = np.where(outcome.flow_mw >= 0, high[:, None], -low[:, None])
    count = len(grid.buses)
    return {
        "label": labels(grid.branches),
        "from": grid.from_bus.tolist(),
        "to": grid.to_bus.tolist(),
        "on": grid.in_service.tolist(),
        "flow": by_period(outcome.flow_mw),
        "limit": by_period(limit),
        "loading": by_period(facts.loading),
        "width": by_period(line_width(facts.loading, count)),
        "shadow": by_period(np.abs(outcome.flow_dual)),
        "rent": by_period(outcome.flow_dual * outcome.flow_mw * facts.book.hours),
    }


def _links(facts: Facts) -> dict[str, object]:
    grid = facts.grid
    return {
        "label": labels(grid.links),
        "from": grid.link_from.tolist(),
        "to": grid.link_to.tolist(),
        "flow": by_period(facts.outcome.link_mw),
        "min": rounded(grid.link_min_mw),
        "max": rounded(grid.link_max_mw),
    }


def _binding_in(facts: Facts, period: int) -> list[int]:
    """Positions of the binding branches of a period, greatest rent first."""
    branches = np.flatnonzero(facts.is_binding[:, period])
    rent = np.abs(facts.outcome.flow_dual[branches, period] * facts.outcome.flow_mw[branches, period])
    return branches[np.argsort(-rent, kind="stable")].tolist()


def _curves(facts: Facts, period: int) -> dict[str, object]:
    curves = system_curves(facts, period)
    (left, right), (low, high) = curves.window()
    return {
        "supply": [rounded(curves.supply_mw), rounded(curves.supply_price)],
        "demand": [rounded(curves.demand_mw), rounded(curves.demand_price)],
        "served": _number(curves.served_mw),
        "low": _number(curves.low_price),
        "mean": _number(curves.mean_price),
        "high": _number(curves.high_price),
        "x": [left, right],
        "y": [low, high],
    }


def _history(facts: Facts) -> dict[str, object]:
    lmp, priced = facts.outcome.lmp, facts.outcome.priced
    low = np.where(priced.any(axis=0), np.where(priced, lmp, np.inf).min(axis=0), np.nan)
    high = np.where(priced.any(axis=0), np.where(priced, lmp, -np.inf).max(axis=0), np.nan)
    return {
        "low": rounded(low),
        "mean": rounded(facts.mean_price),
        "high": rounded(high),
        "served": rounded(facts.served_mw.sum(axis=0)),
    }


def _orders(facts: Facts) -> dict[str, object]:
    book = facts.book
    rows, period = book.column_row, book.column_period
    sell = ~facts.settlement.buys
    turned = np.where(
        sell == (book.side[rows] == SELL), 1.0, -1.0
    )  # a sale that withdraws is shown as bought
    paid, worth = turned * facts.settlement.order_paid, turned * facts.settlement.order_worth
    gain = np.where(sell, paid - worth, worth - paid)
    gain = np.where(np.abs(gain) <= 1e-9 * (np.abs(paid) + np.abs(worth)), 0.0, gain)
    return {
        "order": labels(book.orders),
        "participant": labels(book.participants),
        "unit": labels(book.units),
        "bus": labels(book.order_bus),
        "row": rows.tolist(),
        "period": period.tolist(),
        "sell": sell.tolist(),
        "offered": rounded(np.where(turned > 0, book.mw[rows], -book.min_mw[rows])),
        "accepted": rounded(turned * facts.outcome.accepted_mw),
        "asked": rounded(book.price[rows]),
        "slope": rounded(book.slope[rows]),
        "price": rounded(facts.outcome.column_price),
        "paid": rounded(paid),
        "gain": rounded(gain),
    }


def _money(facts: Facts) -> dict[str, object]:
    totals = facts.settlement.totals
    columns = ("sold_mwh", "bought_mwh", "receipts", "payments", "cost", "utility", "uplift", "profit")
    return {
        "shares": [[share.label, share.start, share.amount] for share in money_shares(facts.settlement)],
        "colours": SHARE_COLOURS,
        "participants": [labels(totals.index), *(rounded(totals[name].to_numpy()) for name in columns)],
    }


def labels(values: Iterable[Hashable]) -> list[str]:
    return [str(value) for value in values]


def by_period(values: np.ndarray) -> list[list[float | None]]:
    """(items, periods) as [period][item]."""
    return [rounded(column) for column in np.asarray(values, dtype=float).T]


def rounded(values: np.ndarray) -> list[float | None]:
    """Numbers at the page's precision; None where not finite."""
    return [_number(value) for value in np.asarray(values, dtype=float).tolist()]


def _number(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}") + 0.0
