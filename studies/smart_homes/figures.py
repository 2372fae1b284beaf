"""Figures of the smart-homes study; the first one tells the finding."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.pictures.charts import Bars, Chart, HeatMap, Intervals, Lines
from studies.smart_homes.stage import CASES
from studies.smart_homes.tables import (
    NOTES,
    YARD,
    agent_table,
    finding,
    market_sessions,
    market_words,
    stage_sessions,
)
from studies.study import Results, Summaries

GLANCE_STAGE = ("uniform", "uniform_price", "uniform_own", "uniform_none", "myopic", "five")
RESPONSES = ("uniform", "two")


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """At a glance, hours, agents, deviations, years, plants, and the stage game's table."""
    charts: list[Chart] = [*glance(results)]
    if "hours" in results.tables:
        charts.append(hours_chart(results))
    if {"agents", "competitive_agents"} <= set(results.tables):
        charts.append(agents_chart(results))
    charts += response_charts(results)
    charts.append(years_chart(results))
    if "sizes" in results.tables:
        charts.append(sizes_chart(results))
    stage = stage_chart(results)
    return charts if stage is None else [*charts, stage]


def glance(results: Results) -> list[Chart]:
    """Static Nash and learned outcome of every market on one scale; none where there is no room anywhere."""
    frame, stage = market_sessions(results), stage_sessions(results)
    rows = []
    for key in GLANCE_STAGE if len(stage) else ():
        group = stage[stage["market"] == key]
        if len(group):
            rows.append((f"stage game: {CASES[key].words}", group))
    for (words, market), group in frame.groupby(["words", "market"], sort=False):
        if market not in ("uniform", "clubs"):
            rows.append((str(words), group))
    rows = [(words, g) for words, g in rows if np.isfinite(g["index_competition"]).all()]
    if not rows:
        return []
    none = [float("nan")] * len(rows)
    chart = Intervals(
        name="glance",
        title="Where learning homes end: 0 is competition, 1 the joint optimum",
        caption=finding(results)
        + ". Bars: from the lowest to the highest static Nash equilibrium, which needs no threats; right of "
        "the bar, learned strategies take more than that. Dots: mean of the sessions.",
        labels=[words for words, _ in rows],
        low=[float(g["at_nash_low"].iloc[0]) for _, g in rows],
        high=[
            max(float(g["at_nash_high"].iloc[0]), float(g["at_nash_low"].iloc[0]) + 0.006) for _, g in rows
        ],
        chosen=[float(g["index_competition"].mean()) for _, g in rows],
        published=none,
        x_label="sellers' profit: share of the way from competition to the joint optimum",
        interval_words="static Nash equilibria",
        chosen_words="learned",
        wide=True,
        opening=True,
    )
    return [chart]


def hours_chart(results: Results) -> Chart:
    """Prices over the day."""
    hours = results["hours"]
    x = hours["of_hour"].tolist()
    names = {
        "import_price": "import price", "joint_price": "joint optimum", "nash_price_high": "highest "
        "static Nash",
        "competitive_price": "competition",
    }  # fmt: skip
    series = [(words, x, hours[name].tolist()) for name, words in names.items()]
    frame = market_sessions(results)
    learned = frame[(frame["market"] == "auction") & (frame["treatment"] == "memory")]
    mean = learned.groupby("hour")["price"].mean().sort_index()
    series.append(("learned (hours of the study)", mean.index.tolist(), mean.tolist()))
    return Lines(
        name="hours",
        title="Mean price that buyers pay in the street's auction, hour by hour",
        caption="Where all lines meet, the import price or a line of the feeder sets the price and there "
        "is nothing to collude about; where roofs are ample, competition is far below what the sellers "
        "could take together. Gaps in a line: no pure equilibrium.",
        series=series,
        x_label="hour of the day",
        y_label="$/MWh",
        wide=True,
    )  # fmt: skip


def agents_chart(results: Results) -> Chart:
    """Learned price less own marginal cost, home by home."""
    table = agent_table(results)
    wide = table.pivot_table(index="home", columns="hour", values="margin", sort=False)
    sellers = dict(zip(table["home"], table["seller"], strict=True))
    return HeatMap(
        name="agents",
        title="Learned price at each home's bus less its own marginal cost",
        caption="Marginal cost: dual of the home's own energy balance in its truthful plan at the tariff. "
        "Sellers gain where it is red. Prices of homes differ where a line of the feeder is full.",
        x=[f"{hour} h" for hour in wide.columns],
        y=[f"{home}{' (seller)' if sellers[home] else ''}" for home in wide.index],
        values=wide.to_numpy(),
        x_label="hour",
        y_label="home",
        unit="$/MWh",
        signed=True,
    )


def response_charts(results: Results) -> list[Chart]:
    """Own and rivals' offers after a forced deviation."""
    charts: list[Chart] = []
    stage = results.tables.get("stage_responses")
    if stage is not None:
        chosen = [(CASES[key].words, stage[stage["market"] == key]) for key in RESPONSES]
        charts.append(_responses("stage_responses", "the sealed stage game", "$ per unit", chosen))
    street = results.tables.get("sessions_responses")
    if street is not None:
        chosen = []
        for key in ("auction", "posted", "plants"):
            hour = 12 if key == "plants" else results.spec.hour
            rows = street[
                (street["market"] == key) & (street["hour"] == hour) & (street["treatment"] == "memory")
            ]
            chosen.append((market_words(results, key, hour, "memory"), rows))
        charts.append(_responses("street_responses", "homes and plants", "$/MWh", chosen))
    return charts


def _responses(name: str, where: str, unit: str, groups: list[tuple[str, pd.DataFrame]]) -> Chart:
    series = []
    for words, rows in groups:
        if len(rows) == 0:
            continue
        mean = rows.groupby("round")[["own", "rivals"]].mean()
        series += [
            (f"{who}: {words}", mean.index.tolist(), mean[column].tolist())
            for column, who in (("own", "deviator"), ("rivals", "others"))
        ]
    return Lines(
        name=name,
        title=f"What a forced cut does to offers in {where}",
        caption="Round 0: one seller plays its best reply of a single round wherever that pays at once. "
        "Others that cut afterwards punish; a return to 0 says that play comes back. Mean of sessions, "
        "sellers and phases of the cycle, less what would have been played.",
        series=series,
        x_label="rounds after the deviation",
        y_label=f"change of the offer, {unit}",
    )  # fmt: skip


def years_chart(results: Results) -> Chart:
    """Years of quarter hours until sessions ended."""
    frame, stage = market_sessions(results), stage_sessions(results)
    rows = [(f"stage game: {CASES[str(k)].words}", float(g["years"].mean()))
            for k, g in stage.groupby("market", sort=False)] if len(stage) else []  # fmt: skip
    rows += [(str(words), float(g["years"].mean())) for words, g in frame.groupby("words", sort=False)]
    rows = [row for row in rows if "locked" not in row[0]]
    least, most = min(v for _, v in rows), max(v for _, v in rows)
    return Bars(
        name="years",
        title="Years of quarter-hour rounds until learning settles",
        caption=f"{least:.0f} to {most:.0f} years, at 96 rounds a day: such learning can only come from "
        "training in a simulation. Markets with locked offers are left out: they need as many times longer.",
        labels=[words for words, _ in rows],
        values=[value for _, value in rows],
        x_label="years",
        line_at=20.0,
        line_words="20 years: a roof's life",
        wide=True,
    )  # fmt: skip


def sizes_chart(results: Results) -> Chart:
    """What a plant alone gains by size."""
    frame = results["sizes"]
    series = [
        (words, rows["most_mw"].tolist(), rows["gain"].tolist())
        for hour, words in ((12, "sells at noon: mark-up"), (19, "buys in the evening: shade"))
        for rows in [frame[frame["of_hour"] == hour]]
    ]
    bus = results.spec.bulk_bus
    return Lines(
        name="sizes",
        title=f"Local power of one virtual plant at bus {bus} of {results.spec.bulk}",
        caption="Exact gain of its best mark-up or shade over truth, all others honest, by what it can "
        "sell or buy at most. It need not rise with size: the plant's own energy takes lines from their "
        "limits, and sizes at which a step of the price is near pay most.",
        series=series,
        x_label="greatest sale or purchase of the plant, MW",
        y_label="gain over truth, $/h",
    )  # fmt: skip


def stage_chart(results: Results) -> Chart | None:
    """Learned prices of the stage game's table with the notes' figures."""
    stage = stage_sessions(results)
    if len(stage) == 0:
        return None
    rows = [(CASES[str(key)], group) for key, group in stage.groupby("market", sort=False)]
    keys = [str(key) for key in stage["market"].unique()]
    return Intervals(
        name="stage_table",
        title="The sealed stage game: prices of our sessions and the notes' means",
        caption=f"Competition is {rows[0][1][f'{YARD}competitive_price'].iloc[0]:.2f}, the joint optimum "
        ".18. Bars: from the lowest to the highest session; dots: mean; crosses: the notes' mean of a few "
        "sessions.",
        labels=[case.words for case, _ in rows],
        low=[float(g["price"].min()) for _, g in rows],
        high=[max(float(g["price"].max()), float(g["price"].min()) + 3e-4) for _, g in rows],
        chosen=[float(g["price"].mean()) for _, g in rows],
        published=[entry.printed if (entry := NOTES.get((key, "price"))) else float("nan") for key in keys],
        x_label="price paid, $ per unit",
        interval_words="our sessions",
        chosen_words="our mean",
        published_words="notes",
        wide=True,
    )  # fmt: skip
