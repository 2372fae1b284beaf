"""Pictures of the incubator study; the first tells how wrong costs may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from clearing.detection import roc_curve
from studies.incubator.cells import HONEST
from studies.incubator.tables import (
    FOUND,
    VISIBLE,
    false_alarm_table,
    has_errors,
    largest_conduct,
    power_table,
    reliable_error,
)
from studies.pictures.charts import Bars, Chart, HeatMap, Lines, Panels
from studies.study import Results, Summaries

HOURS_SHOWN = 168
SELLERS_SHOWN = 15
CURVE = np.linspace(0.0, 1.0, 101)


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """The charts of what the run holds."""
    charts: list[Chart] = []
    if has_errors(results):
        charts += [_misses(results), _false_alarms(results), _roc(results)]
    if "summary" in results.tables:
        charts += [_prices(results), _gaps(results), _sellers(results)]
    return charts


def curve(name: str, x: ArrayLike, y: ArrayLike) -> tuple[str, list[float], list[float]]:
    """A named curve, its numbers as lists."""
    return name, np.asarray(x, dtype=float).tolist(), np.asarray(y, dtype=float).tolist()


def _worth_finding(results: Results) -> list[str]:
    """Conducts that move prices, and those reported as cost; all where none does."""
    table = power_table(results)
    names = list(dict.fromkeys(table["conduct"]))
    if "summary" not in results.tables:
        return names
    gaps = results["summary"].set_index("conduct")["gap"].to_dict()
    return [n for n in names if gaps.get(n, 1.0) > VISIBLE or "reported" in n] or names


def _misses(results: Results) -> Chart:
    table = power_table(results)
    sigmas = sorted(table["sigma"].unique().tolist())
    title = "How wrong a monitor's costs may be: conduct that it misses at 5 % false alarms"
    if "summary" in results.tables:
        worst = largest_conduct(results)
        limit = reliable_error(table, worst)
        title = (
            f"Costs known to ±{limit:.0%} let a monitor find {FOUND:.0%} of “{worst}”"
            if np.isfinite(limit)
            else f"No accuracy that was tried lets a monitor find {FOUND:.0%} of “{worst}”"
        )
        if np.isfinite(limit) and limit >= max(sigmas):
            title = f"Even costs wrong by {limit:.0%} let a monitor find {FOUND:.0%} of “{worst}”"
    names = _worth_finding(results)

    def of(statistic: str) -> list[tuple[str, list[float], list[float]]]:
        rows = table.pivot_table(index="sigma", columns="conduct", values=f"missed_{statistic}")
        return [curve(name, range(len(sigmas)), 100 * rows[name].reindex(sigmas)) for name in names]

    return Panels(
        name="misses",
        title=title,
        caption="Missed series at 5 % false alarms, by the error of the monitor's costs; above: by the mean "
        f"price gap of {results.spec.pooled} hours; below: by the dearest offer over believed cost. Conducts "
        f"that move prices by less than {VISIBLE:g} $/MWh are left out.",
        panels=[("missed by price, %", of("gap")), ("missed by offers, %", of("offers"))],
        x_label="error of costs, standard deviation",
        ticks=[(float(k), f"{s:.0%}") for k, s in enumerate(sigmas)],
        wide=True,
        opening=True,
    )


def _false_alarms(results: Results) -> Chart:
    table = false_alarm_table(results)
    place = range(len(table))
    return Panels(
        name="false_alarms",
        title="Honest sellers: gaps that wrong costs make up",
        caption="Mean gap of honest series, and the gap that 5 % of them exceed.",
        panels=[
            (
                "$/MWh",
                [
                    curve("mean", place, table["mean gap $/MWh"]),
                    curve("exceeded by 5 %", place, table["gap that 5 % exceed"]),
                ],
            )
        ],
        x_label="error of costs, standard deviation",
        ticks=[(float(k), f"{s:.0%}") for k, s in enumerate(table["error of costs"])],
    )


def _roc(results: Results) -> Chart:
    frame = results["statistics"]
    sigmas = np.array(sorted(frame["sigma"].unique().tolist()))
    sigma = float(sigmas[np.abs(sigmas - 0.1).argmin()])
    rows = frame[frame["sigma"] == sigma]
    honest = rows.loc[rows["conduct"] == HONEST, "gap"].to_numpy()
    series = []
    for name in _worth_finding(results):
        false, found = roc_curve(honest, rows.loc[rows["conduct"] == name, "gap"].to_numpy())
        series.append(curve(name, CURVE, np.interp(CURVE, false, found)))
    return Lines(
        name="roc",
        title=f"ROC of the price gap when costs are wrong by {sigma:.0%}",
        caption="Series found against false alarms; on the diagonal nothing is told apart.",
        series=series,
        x_label="false alarms",
        y_label="found",
    )


def _prices(results: Results) -> Chart:
    worst = largest_conduct(results)
    frame = results["periods"]
    rows = frame[frame["conduct"] == worst].sort_values("book").head(HOURS_SHOWN)
    hours = rows["book"].to_numpy()
    return Panels(
        name="prices",
        title=f"“{worst}”: prices as offered, and at truthful costs",
        caption="The first hours of the series. Screen: least RSI₃ of any seller; it fails at 1 or less.",
        panels=[
            (
                "$/MWh",
                [
                    curve("as offered", hours, rows["observed_price"]),
                    curve("at cost", hours, rows["competitive_price"]),
                ],
            ),
            ("gap, $/MWh", [curve("gap", hours, rows["gap"])]),
            ("RSI₃", [curve("least RSI₃", hours, rows["least_rsi3"])]),
        ],
        x_label="hour",
        wide=True,
    )


def _gaps(results: Results) -> Chart:
    frame = results["summary"]
    rows = frame[frame["conduct"] != HONEST]
    return Bars(
        name="gaps",
        title="What each conduct does to prices, with exact costs",
        caption="Mean gap of demand-weighted prices. A large seller whose offers are not marginal moves "
        "nothing by asking more.",
        labels=rows["conduct"].tolist(),
        values=rows["gap"].tolist(),
        x_label="$/MWh",
    )


def _sellers(results: Results) -> Chart:
    agents = results["agents"]
    agents = agents[agents["conduct"] != HONEST]
    table = agents.pivot_table(index="seller", columns="conduct", values="gap")
    order = table.abs().max(axis=1).sort_values(ascending=False).index[:SELLERS_SHOWN]
    table = table.loc[order, list(dict.fromkeys(agents["conduct"]))]
    acting = agents[agents["acts"] & agents["seller"].isin(order)]
    return HeatMap(
        name="sellers",
        title="Gap at each seller's buses",
        caption="Sellers where prices move most; rings: who acts.",
        x=[str(k) for k in table.index],
        y=list(table.columns),
        values=table.to_numpy().T,
        x_label="seller",
        y_label="",
        unit="$/MWh",
        marks=list(zip(acting["seller"], acting["conduct"], strict=True)),
        mark_words="acts",
        signed=True,
        linear=1.0,
        wide=True,
    )
