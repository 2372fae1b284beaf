"""Pictures of the 18-bus study."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.pictures.charts import Bars, Chart, GridMap, Intervals, Lines
from studies.study import Results, Summaries
from studies.two_sided_eighteen_bus.general_market import general_charts
from studies.two_sided_eighteen_bus.market import EXPERIMENTS, LINES, PLACEMENTS, case_of
from studies.two_sided_eighteen_bus.tables import PRICES, flow_of, price_of

STRATEGIES = ("base", "alone 40", "alone 80", "G1 D1", "G1 D2", "direct 1060", "G1 D1 D3", "G1 D2 D3")


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """The finding first, then prices, curves, bids and flows."""
    out: list[Chart] = [_finding(results), _prices(results), _curve(results)]
    if "by_day" in results.tables:
        out += _days(results)
    out += _flows(results)
    if "general" in results.tables:
        out += general_charts(results)
    out.append(_map(results))
    return out


def _first(results: Results) -> str:
    return str(results["experiments"]["placement"].iloc[0])


def _finding(results: Results) -> Chart:
    frame, place = results["experiments"], _first(results)
    values = {key: price_of(frame, place, key, "G1", "profit") for key in STRATEGIES}
    alone, joint = values["alone 80"], max(values["G1 D1 D3"], values["G1 D2 D3"])
    verdict = (
        f"G1 needs no disco: alone it earns {alone:,.0f} $, with two of them {joint:,.0f} $"
        if alone >= joint
        else f"With two discos G1 earns {joint:,.0f} $, alone {alone:,.0f} $"
    )
    return Bars(
        name="finding", title=verdict,
        caption=f"G1's profit per hour by strategy, {place} placement, the others at cost. Dotted: what the "
        "article gives for its final collusion by way of D2 (12,400 $).",
        labels=[EXPERIMENTS[key][0] for key in STRATEGIES], values=list(values.values()),
        x_label="$ per hour",
        line_at=12400.0, line_words="published, with D2 and D3", wide=True, opening=True,
    )  # fmt: skip


def _prices(results: Results) -> Chart:
    frame = results["experiments"]
    places = list(dict.fromkeys(frame["placement"]))
    labels, low, high, ours, paper = [], [], [], [], []
    for key, agent, published in PRICES:
        found = [price_of(frame, place, key, agent) for place in places]
        labels.append(f"{agent}, {EXPERIMENTS[key][0]}")
        low.append(min(found))
        high.append(max(found))
        ours.append(found[0])
        paper.append(published)
    return Intervals(
        name="prices", title="Published prices, and ours",
        caption="Bars span the placements that were run, dots are the first one. Both named placements were "
        "fitted to these prices: agreement is no validation.",
        labels=labels, low=low, high=high, chosen=ours, published=paper, x_label="$/MWh", wide=True,
        interval_words="over placements", chosen_words=f"{places[0]} placement",
    )  # fmt: skip


def _curve(results: Results) -> Chart:
    curve = results["curve"]
    curve = curve[curve["placement"] == _first(results)]
    words = {
        "nobody": "alone",
        "D1": "D1 interrupts 40 MW",
        "D2": "D2 interrupts 40 MW",
        "D3": "D3 interrupts 40 MW",
    }
    series = [
        (words[str(name)], group["offer_mw"].tolist(), group["profit"].tolist())
        for name, group in curve.groupby("with", sort=False)
    ]
    alone = curve[curve["with"] == "nobody"].sort_values("offer_mw", ascending=False)
    base = float(alone["profit"].iloc[0])
    gains = alone[alone["profit"] > base + 1.0]
    jump = f"{gains['offer_mw'].iloc[0]:g} MW" if len(gains) else "no offer"
    return Lines(
        name="curve", title=f"Alone, withholding pays from {jump} downward",
        caption=f"G1's profit over its offer, {_first(results)} placement, the others at cost: alone, and "
                "where one "
        "disco interrupts 40 MW.",
        series=series, x_label="G1's offer, MW", y_label="$ per hour",
    )  # fmt: skip


def _days(results: Results) -> list[Chart]:
    by_day = results["by_day"]
    place = _first(results)
    rate = sorted(by_day["rate"].unique())[len(by_day["rate"].unique()) // 2]
    rows = by_day[(by_day["placement"] == place) & (by_day["rate"] == rate) & by_day["discos"]]
    rows = rows[(rows["memory"] == "none") & (rows["lines"] == "")]
    out: list[Chart] = []
    for ramp in (True, False):
        one = rows[rows["ramp"] == ramp]
        if not len(one):
            continue
        words = "with the ramp limit" if ramp else "without a ramp limit"
        days = one["day"].tolist()
        out.append(
            Lines(
                name=f"bids_{'ramp' if ramp else 'free'}", title=f"Bids over the days, {words}",
                caption=f"Mean over seeds of what is played at exploration rate {rate:g}, {place} "
                        "placement: MW "
                "that G1 withholds and that the discos interrupt.",
                series=[("G1 withholds", days, (1100 - one["G1_mw"]).tolist())]
                + [(f"{d} interrupts", days, one[f"{d}_mw"].tolist()) for d in ("D1", "D2", "D3")],
                x_label="day", y_label="MW",
            )
        )  # fmt: skip
    limits = by_day[(by_day["placement"] == place) & (by_day["rate"] == rate) & by_day["discos"]]
    limits = limits[(limits["memory"] == "none") & ~limits["ramp"]]
    out.append(
        Lines(
            name="d3_lines", title="What D3 interrupts, by line limits",
            caption="Mean over seeds of D3's interruption, no ramp limit: the article's question of which "
                    "line "
            "makes D3 join.",
            series=[
                (f"line {str(lines).replace('=', ' at ')} MW" if lines else "limits as given",
                 group["day"].tolist(), group["D3_mw"].tolist())
                for lines, group in limits.groupby("lines", sort=False)
            ],
            x_label="day", y_label="MW",
        )
    )  # fmt: skip
    one = limits[limits["lines"] == ""]
    if len(one):
        out.append(
            Lines(
                name="flows_days", title="Flows of the lines between zones 1 and 2 over the days",
                caption=f"Mean over seeds, no ramp limit, {place} placement.",
                series=[(f"line {k}", one["day"].tolist(), one[f"line{k}_mw"].tolist()) for k in LINES],
                x_label="day", y_label="MW",
            )
        )  # fmt: skip
    return out


def _flows(results: Results) -> list[Chart]:
    flows, place = results["flows"], _first(results)
    chosen = ("base", "alone 40", "G1 D1", "G1 D1 D3", "G1 D2", "G1 D2 D3")
    series = []
    for line in LINES:
        rows = flows[(flows["placement"] == place) & (flows["line"] == line)].set_index("experiment")
        series.append((f"line {line}", list(range(len(chosen))), rows.loc[list(chosen), "flow_mw"].tolist()))
    words = "; ".join(f"{k}: {EXPERIMENTS[key][0]}" for k, key in enumerate(chosen))
    return [
        Lines(
            name="flows", title="Flows of lines 4, 5 and 8 in the experiments", caption=f"Places: {words}.",
            series=series, x_label="experiment", y_label="MW",
        )
    ]  # fmt: skip


def _map(results: Results) -> Chart:
    frame, place = results["experiments"], _first(results)
    case = case_of(place)
    rows = frame[(frame["placement"] == place) & (frame["experiment"] == "base")].set_index("agent")["price"]
    values = np.full(len(case.grid.buses), np.nan)
    for names, buses in ((case.fleet.units, case.fleet.unit_bus), (case.fleet.loads, case.fleet.load_bus)):
        values[buses] = pd.Series(rows).loc[list(map(str, names))].to_numpy()
    full = [
        k
        for k in LINES
        if abs(flow_of(results, place, "base", k)[0]) > flow_of(results, place, "base", k)[1] - 1e-6
    ]
    return GridMap(
        name="map", title=f"Prices where nobody withholds, {place} placement",
        caption="Price at each bus that has an agent. "
        + ("The placement was fitted to published "
           "prices." if place in PLACEMENTS else "Placement of your own."),
        case=case, values=values, unit="$/MWh", signed=False, wide=True, stressed=full,
    )  # fmt: skip
