"""Pictures of the synchronization study; the first tells the finding."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from studies.pictures.charts import Bars, Chart, HeatMap, Lines, Panels
from studies.study import Results, Summaries
from studies.synchronization.storage import Reading, repeat_game, rounds_until
from studies.synchronization.tables import (
    REMEDY_WORDS,
    SLOTS,
    clock,
    ratio,
    remedy_rows,
    sync_shares,
    world_table,
)

HOURS = np.arange(SLOTS) * 24.0 / SLOTS
CLOCK_TICKS = [(float(h), clock(h)) for h in range(0, 25, 3)]
GAME_MINUTES, GAME_PRICE, GAME_RISE, GAME_ROUNDS, GAME_ACCURACY = 15.0, 200.0, 20.0, 40, 6.0
"""The repeated game's picture: interval, both prices at first, rise a round, rounds, clocks' accuracy."""


Curve = tuple[str, list[float], list[float]]


def curve(name: str, x: ArrayLike, y: ArrayLike) -> Curve:
    """A named curve, its numbers as lists."""
    return name, np.asarray(x, dtype=float).tolist(), np.asarray(y, dtype=float).tolist()


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """The charts of what the run holds."""
    charts: list[Chart] = []
    if "learned" in results.tables:
        charts += [_who_syncs_when(results), _prices(results), _five_days(results), _learned_values(results)]
        charts += [_deviation_map(results), _compare_learners(results)]
        if (results["remedies"]["knob"] != "none").any():
            charts.append(_remedies(results))
    if "clocks" in results.tables:
        charts.append(_clocks(results))
    charts.append(_repeated_game())
    if "meters" in results.tables:
        charts += _meters(results)
    return charts


def _who_syncs_when(results: Results) -> Chart:
    agree = world_table(results, "agreement").groupby("against")["share_awake"].mean()
    blind = float(agree["literal, price-blind"])
    dark = world_table(results, "prices").groupby("slot")["dark"].mean()
    series = [
        curve("learned (literal accounting)", HOURS, 100 * sync_shares(results, "literal").to_numpy()),
        curve(
            "learned, operator's price ignores it",
            HOURS,
            100 * sync_shares(results, "literal, price-blind").to_numpy(),
        ),
        curve("own need above own sun", HOURS, 100 * dark.to_numpy()),
        curve("equilibrium, honest accounting", HOURS, 100 * sync_shares(results, "equilibrium").to_numpy()),
    ]
    price = float(ratio(world_table(results, "equilibria"), "midday_price").mean())
    slots = float(world_table(results, "equilibria")["synced"].mean())
    where = (
        f"{blind:.1%} of learned decisions stay when the price ignores artificial demand"
        if blind > 0.5
        else f"{1 - blind:.1%} of learned decisions change when the price ignores artificial demand"
    )
    return Panels(
        name="who_syncs_when",
        title=f"{where}; honest equilibrium: {slots:.1f} slots a day, prices {price:+.0%}",
        caption="Share of prosumers, over all worlds, who synchronize in each quarter hour. Where the first "
        "three curves agree, the learned pattern only says when a prosumer has no sun of its own.",
        panels=[("prosumers, %", [s]) for s in series],
        x_label="hour of the day",
        ticks=CLOCK_TICKS,
        steps=True,
        wide=True,
        opening=True,
    )


def _prices(results: Results) -> Chart:
    means = world_table(results, "prices").groupby("slot")[
        ["price_friendly", "price_literal", "price_equilibrium"]
    ].mean()  # fmt: skip
    names = ("all friendly", "literal learners", "equilibrium, honest accounting")
    return Lines(
        name="prices",
        title="Operator's price over the day",
        caption="Mean over worlds and test days. The price holds the highest demand so far until midnight.",
        series=[curve(n, HOURS, means[c]) for n, c in zip(names, means.columns, strict=True)],
        x_label="hour of the day",
        y_label="$/MWh",
        wide=True,
    )


def _first_world(frame: pd.DataFrame) -> pd.DataFrame:
    """The first world and replicate of a table."""
    return frame[(frame["world"] == frame["world"].min()) & (frame["replicate"] == frame["replicate"].min())]


def _five_days(results: Results) -> Chart:
    frame = _first_world(world_table(results, "days")).sort_values(["day", "slot"])
    hours = frame["day"].to_numpy() * 24.0 + frame["slot"].to_numpy() * 24.0 / SLOTS
    homes = [k for k in (1, 2) if f"demand_{k}_kw" in frame]

    def of(column: str) -> list[Curve]:
        return [curve(f"prosumer {k}", hours, frame[column.format(k)]) for k in homes]

    def consumer(column: str) -> Curve:
        return curve("mean consumer", hours, frame[column])

    days = int(frame["day"].max()) + 1
    return Panels(
        name="five_days",
        title="The market over five days, in the document's layout (its figure 2)",
        caption="First world, days not learned from, literal accounting, ±10 % posting. Prices of prosumers "
        "are shown where they offer.",
        panels=[
            ("demand, kW", [*of("demand_{}_kw"), consumer("demand_consumer_kw")]),
            ("generation, kW", of("sun_{}_kw")),
            ("price, $/MWh", [curve("operator", hours, frame["operator_price"]), *of("price_{}")]),
            ("profit, $", [*of("profit_{}"), consumer("profit_consumer")]),
            ("synchronizing", [curve("number of prosumers", hours, frame["synced"])]),
        ],
        x_label="hour",
        ticks=[(12.0 * k, clock(12.0 * (k % 2))) for k in range(2 * days + 1)],
        wide=True,
    )


def _learned_values(results: Results) -> Chart:
    frame = results["slots"]
    frame = _first_world(frame[frame["variant"] == "literal"])
    table = frame.pivot_table(index="prosumer", columns="slot", values="advantage")
    return HeatMap(
        name="learned_values",
        title="Learned Q-matrix: value of synchronizing less value of being friendly (its figure 3)",
        caption="First world. Red: synchronizing is preferred.",
        x=[clock(h) for h in HOURS],
        y=[f"prosumer {k}" for k in table.index],
        values=100 * table.to_numpy(),
        x_label="slot",
        y_label="",
        unit="¢",
        signed=True,
        linear=1.0,
        wide=True,
    )


def _deviation_map(results: Results) -> Chart:
    frame = _first_world(results["equilibrium_slots"])
    table = frame.pivot_table(index="prosumer", columns="slot", values="advantage")
    marks = frame[frame["syncs"]]
    return HeatMap(
        name="deviation_map",
        title="Honest equilibrium: what a prosumer gains by changing one slot",
        caption="First world. Rings: slots that are synchronized in the equilibrium; changing one of them is "
        "leaving it. Nothing is above zero where the plans are an equilibrium.",
        x=[clock(h) for h in HOURS],
        y=[f"prosumer {k}" for k in table.index],
        values=100 * table.to_numpy(),
        x_label="slot",
        y_label="",
        unit="¢ a day",
        marks=[
            (clock(HOURS[s]), f"prosumer {p}") for s, p in zip(marks["slot"], marks["prosumer"], strict=True)
        ],
        mark_words="synchronized",
        signed=True,
        linear=1.0,
        wide=True,
    )


def _compare_learners(results: Results) -> Chart:
    plans = world_table(results, "plan_learners")
    rows = [
        (f"day plans, {name}", float(ratio(group, "midday_price").mean()))
        for name, group in plans.groupby("reward", sort=False)
    ]
    rows.append(("best replies", float(ratio(world_table(results, "equilibria"), "midday_price").mean())))
    learned = world_table(results, "learned")
    for variant in ("balanced", "waste", "sales"):
        group = learned[learned["variant"] == variant]
        rows.append((f"slot learner, {variant}", float(ratio(group, "midday_price").mean())))
    return Bars(
        name="learners",
        title="How far learners move the midday price under honest accounting",
        caption="Price from 9:00 to 16:00 against everyone friendly, mean over worlds.",
        labels=[words for words, _ in rows],
        values=[100 * value for _, value in rows],
        x_label="%",
    )


def _remedies(results: Results) -> Chart:
    means = remedy_rows(results).groupby(["knob", "level"], sort=False)["price change"].mean()
    base = float(means.xs("none", level="knob").iloc[0])
    rest = [
        (knob, level, value)
        for (knob, level), value in zip(means.index.to_list(), means.tolist(), strict=True)
        if knob != "none"
    ]
    return Bars(
        name="remedies",
        title="Remedies one at a time: what is left of the price rise at midday",
        caption="Equilibria under each rule, price from 9:00 to 16:00 against everyone friendly under the "
        "same rule, worse of two starts, mean over worlds.",
        labels=[f"{REMEDY_WORDS[knob].split(' (')[0]}: {level:g}" for knob, level, _ in rest],
        values=[100 * value for *_, value in rest],
        x_label="%",
        line_at=100 * base,
        line_words="no remedy",
        wide=True,
    )


def _clocks(results: Results) -> Chart:
    means = world_table(results, "clocks").groupby(["burst_minutes", "clock_error"])["price_rise"].mean()
    errors = sorted(set(means.index.get_level_values("clock_error")))
    positive = [e for e in errors if e > 0]
    least = min(positive, default=1.0)

    def place(error: float) -> float:
        return float(np.log10(error if error > 0 else least / 3))

    return Panels(
        name="clocks",
        title="Clock errors and what is left of an agreed peak",
        caption="All prosumers agree on the best slot; each burst starts with an error of its clock. What "
        "counts is the error against the length of the burst.",
        panels=[
            (
                "price rise, %",
                [
                    curve(f"bursts of {burst} min", [place(e) for e in errors],
                     100 * means.xs(burst, level="burst_minutes").reindex(errors).to_numpy())
                    for burst in results.spec.bursts
                ],
            )
        ],
        x_label="standard deviation of clocks, minutes",
        ticks=[(place(e), f"{e:g}") for e in errors],
    )  # fmt: skip


def _repeated_game() -> Chart:
    rounds = list(range(GAME_ROUNDS + 1))
    words: dict[Reading, str] = {
        "carried": "equation (4), x follows the price",
        "constant": "equation (4), x held constant",
    }
    series = [
        curve(
            text, rounds, repeat_game(GAME_MINUTES, GAME_PRICE, GAME_PRICE, GAME_RISE, GAME_ROUNDS, reading)
        )
        for reading, text in words.items()
    ]
    last = rounds_until(GAME_MINUTES, GAME_ACCURACY, GAME_PRICE, GAME_PRICE, GAME_RISE)
    return Lines(
        name="repeated_game",
        title="The repeated game with storage: the interval shrinks as the price rises",
        caption=f"Interval of {GAME_MINUTES:g} minutes, both prices {GAME_PRICE:g} $/MWh at first, the "
        f"operator's rises by {GAME_RISE:g} a round. With clocks accurate to {GAME_ACCURACY:g} minutes the "
        f"game ends after {last:.0f} rounds (star).",
        series=series,
        stars=[("shorter than the clocks allow", last, GAME_ACCURACY)] if last <= GAME_ROUNDS else [],
        x_label="round",
        y_label="minutes",
    )


def _meters(results: Results) -> list[Chart]:
    frame = results["meters"]
    intervals = sorted(frame["interval"].unique())
    area = frame.groupby(["bursts", "interval"], sort=False)["detected"].mean()
    names = list(dict.fromkeys(frame["bursts"]))
    curves = results["roc"]
    shown = "5 min" if "5 min" in names else names[0]
    chosen = curves[curves["bursts"] == shown]
    return [
        Panels(
            name="meters",
            title="Detection from meters, by the time between readings",
            caption="Share of synchronizing neighbourhoods found at 5 % false alarms, by the time between "
            "readings. The energy is given back right after the burst.",
            panels=[
                (
                    "detected, %",
                    [
                        curve(f"bursts of {n}", [float(np.log2(k)) for k in intervals],
                         100 * area.xs(n, level="bursts").reindex(intervals).to_numpy())
                        for n in names
                    ],
                )
            ],
            x_label="minutes between readings",
            ticks=[(float(np.log2(k)), f"{k:g}") for k in intervals],
        ),
        Lines(
            name="roc",
            title=f"ROC of meters for bursts of {shown}",
            caption="Detection against false alarms, by the minutes between readings.",
            series=[
                (f"{k} min", g["false_alarms"].tolist(), g["found"].tolist())
                for k, g in chosen.groupby("interval")
            ],
            x_label="false alarms",
            y_label="detected",
        ),
    ]  # fmt: skip
