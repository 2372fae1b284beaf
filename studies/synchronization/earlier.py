"""Figures of an earlier computation of the synchronization game beside ours, with both sampling errors.

They were means over a few worlds of the same kind (4 to 10), so a difference counts where it exceeds twice
the standard error of the difference of two such means.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, log10

import pandas as pd

from studies.claims import Claim, Source, compare_sampled, compare_share
from studies.study import Results
from studies.synchronization.tables import clock, interval, ratio, remedy_rows, world_table

EARLIER = Source(
    "Synchronization Games in P2P Energy Trading: figures of our first computation", "cross-check"
)
WORLDS = "means over {} worlds"
NEAR = "within twice the standard error of the difference"
POSTING = "its prosumers posted prices with a memory that the operator's price clipped; ours match the price"
ONE_SLOT = "its replies were sought among few slots of the morning; ours take every slot that pays"
FEW_DAYS = "zero on the days that replies were computed on; on other days it depends on how many those were"
DARK = "its share counts nights with some need as well, ours the hours from 5:30 to 21:00"
EVENING = "its homes' evening peak is lower; how its noise and jitter were drawn is not recorded"
NIGHTS = "it goes with the square of day over night demand; how its nights were drawn is not recorded"
SCARCE = "in ours raising the price at the morning's peak still pays for one slot's energy"
OUTSIDE = "outside twice the standard error of both means"
SHARES = (
    (5.5, 1.0), (6.0, 0.8), (6.5, 0.7), (7.0, 0.7), (7.5, 0.5), (8.0, 0.3), (12.0, 0.0),
    (17.0, 0.4), (18.0, 0.6), (19.0, 0.75), (20.0, 1.0),
)  # fmt: skip
REMEDIES = (
    ("none", 0.0, 0.186, "exponent 2"), ("exponent", 1.0, 0.084, "exponent 1"),
    ("exponent", 0.5, 0.037, "exponent 0.5"), ("share", 0.25, 0.083, "artificial share 0.25"),
    ("ratchet", 0.0, 0.0, "no ratchet"),
)  # fmt: skip

Row = tuple[str, float, int, pd.Series, str, float, str]
"""Claim, its figure, its worlds, ours by world, format, half of its last digit, reason of a difference."""

SHARE = ("Daytime decisions", "Share that syncs")
"""How claims begin whose figures are shares: their intervals end at 0 and 1."""


def list_earlier(results: Results) -> list[Claim]:
    """One row per figure: *consistent* where the sampling errors of both explain the difference."""
    out = []
    rows = [*_learned(results), *_equilibria(results), *_remedies(results), *_plans(results)]
    rows += [*_readings(results)]
    for claim, theirs, worlds, ours, shown, digit, reason in rows:
        mean, half = interval(ours.astype(float), worlds)
        place, outside = WORLDS.format(worlds), reason or OUTSIDE
        if claim.startswith(SHARE):
            ends = (mean - half - digit, mean + half + digit)
            places = 4 if digit < 1e-3 else 2
            out.append(
                compare_share(EARLIER, place, claim, theirs, mean, ends, places, NEAR, outside=outside)
            )
            continue
        out.append(
            compare_sampled(
                EARLIER, place, claim, theirs, mean, (mean - half, mean + half), -ceil(log10(2 * digit)),
                NEAR,
                published=shown.format(theirs),
                shown=f"{shown.format(mean)} ± {shown.format(half).lstrip('+')}",
                outside=outside, half=digit,
            )
        )  # fmt: skip
    return out


def _learned(results: Results) -> Iterator[Row]:
    agree = world_table(results, "agreement")
    blind = agree.loc[agree["against"] == "literal, price-blind", "share_awake"]
    myopic = agree.loc[agree["against"] == "literal, γ = 0", "share_awake"]
    yield "Daytime decisions that stay when the price ignores them", 0.9987, 10, blind, "{:.2%}", 5e-5, DARK
    yield "Daytime decisions that stay with γ = 0", 0.9896, 10, myopic, "{:.2%}", 5e-5, DARK
    slots = results["slots"]
    slots = slots[slots["variant"] == "literal"]
    for hour, theirs in SHARES:
        chosen = slots[slots["slot"].between(4 * hour, 4 * hour + 1)]
        by_world = chosen.groupby(["world", "replicate"])["syncs"].mean()
        yield (
            f"Share that syncs in the half hour from {clock(hour)}",
            theirs,
            10,
            by_world,
            "{:.2f}",
            0.05,
            POSTING,
        )
    learned = world_table(results, "learned")
    literal = learned[learned["variant"] == "literal"]
    price, late = ratio(literal, "midday_price"), ratio(literal, "night_price")
    true = literal["honest_profit"] / literal["friendly_profit"] - 1
    level, bill = literal["friendly_midday_price"] / 1e3, ratio(literal, "bill")
    yield "Literal: midday price over all friendly", 0.16, 10, price, "{:+.1%}", 5e-3, ""
    yield "Midday price, all friendly [$/kWh]", 0.874, 10, level, "{:.3f}", 5e-4, ""
    yield "Literal: price from 20:00 over all friendly", 1.78 / 1.53 - 1, 10, late, "{:+.1%}", 5e-3, POSTING
    booked = ratio(literal, "profit")
    yield "Literal: booked profit over all friendly", 11.15 / 7.82 - 1, 10, booked, "{:+.1%}", 5e-4, POSTING
    yield "Literal: true profit over all friendly", 8.15 / 7.82 - 1, 10, true, "{:+.1%}", 5e-4, POSTING
    yield "Literal: bill over all friendly", 318 / 278 - 1, 10, bill, "{:+.1%}", 2e-3, ""
    peak, friendly = literal["peak_kw"], literal["friendly_peak_kw"]
    yield "Daily peak, all friendly [kW]", 32.6, 10, friendly, "{:.1f}", 0.05, EVENING
    yield "Literal: daily peak [kW]", 35.7, 10, peak, "{:.1f}", 0.05, EVENING
    gain = 100 * literal["one_slot_gain"]
    yield "Literal: best gain of one slot [¢ a day]", 17.9, 10, gain, "{:.1f}", 0.05, ""


def _equilibria(results: Results) -> Iterator[Row]:
    found = world_table(results, "equilibria")
    bill, rise = found["friendly_bill"], ratio(found, "bill")
    yield "Bill, all friendly [$ a day]", 278.5, 4, bill, "{:.1f}", 0.05, EVENING
    yield "Profit, all friendly [$ a day]", 12.06, 4, found["friendly_profit"], "{:.2f}", 5e-3, ""
    yield "Equilibrium: profit [$ a day]", 14.14, 4, found["profit"], "{:.2f}", 5e-3, ""
    yield "Equilibrium: bill [$ a day]", 302.7, 4, found["bill"], "{:.1f}", 0.05, EVENING
    price = ratio(found, "midday_price")
    yield (
        "Equilibrium: midday price over all friendly",
        0.989 / 0.843 - 1,
        4,
        price,
        "{:+.1%}",
        5e-3,
        ONE_SLOT,
    )
    yield "Equilibrium: bill over all friendly", 302.7 / 278.5 - 1, 4, rise, "{:+.1%}", 5e-4, ONE_SLOT
    leaving, other = 100 * found["leaving_slot"], 100 * found["one_slot_gain_test"]
    yield "Equilibrium: loss from leaving a slot [¢ a day]", 34, 4, leaving, "{:.0f}", 0.5, ONE_SLOT
    yield "Equilibrium: one-slot gain on other days [¢]", 2.3, 4, other, "{:.1f}", 0.05, FEW_DAYS


def _remedies(results: Results) -> Iterator[Row]:
    rows = remedy_rows(results)
    for knob, level, theirs, words in REMEDIES:
        chosen = rows[(rows["knob"] == knob) & (rows["level"] == level)]["price change"]
        if len(chosen):
            yield f"Equilibrium: midday price with {words}", theirs, 3, chosen, "{:+.1%}", 5e-4, ONE_SLOT


def _plans(results: Results) -> Iterator[Row]:
    plans = world_table(results, "plan_learners")
    own, difference = (plans[plans["reward"] == name] for name in ("day's profit", "difference"))
    profit, better = ratio(own, "profit"), ratio(difference, "profit")
    yield "Day plans, own profit: profit over all friendly", 13.15 / 12.06 - 1, 8, profit, "{:+.1%}", 1e-3, ""
    yield "Day plans, difference: profit over all friendly", 14.18 / 12.06 - 1, 8, better, "{:+.1%}", 1e-3, ""
    price, gain = ratio(difference, "midday_price"), 100 * difference["one_slot_gain"]
    yield "Day plans, difference: midday price", 0.17, 8, price, "{:+.1%}", 5e-3, ""
    yield "Day plans, difference: one-slot gain [¢]", 3.3, 8, gain, "{:.1f}", 0.05, ""
    leaving = 100 * difference["leaving_slot"]
    yield "Day plans, difference: loss from leaving [¢]", 57, 8, leaving, "{:.0f}", 0.5, ""


def _readings(results: Results) -> Iterator[Row]:
    readings = world_table(results, "readings")
    for noise, theirs in ((0.0, 2.4e3), (0.05, 4.2e3), (0.15, 1.8e4)):
        factor = readings.loc[readings["noise"] == noise, "pump_factor"]
        claim = f"Rule “pump”, {noise:.0%} noise: factor of the price in a day"
        yield claim, theirs, 4, factor, "{:,.0f}", 50.0, NIGHTS
    level = readings.loc[readings["noise"] == 0.15, "level_range"]
    yield (
        "Rule “level”: highest over lowest price of a day (660 to 1100)",
        880,
        4,
        level,
        "{:,.0f}",
        220.0,
        NIGHTS,
    )
    scarce = world_table(results, "scarce")
    waste = scarce.loc[scarce["accounting"] == "waste", "synced"]
    yield "Scarce sun, “waste”: synced slots of a prosumer", 0.0, 4, waste, "{:.1f}", 0.05, SCARCE
