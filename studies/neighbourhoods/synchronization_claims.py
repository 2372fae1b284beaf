"""The document's statements, and the figures of an earlier computation of this game, beside ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from learners.games.synchronization_storage import repeat_game, rounds_until
from studies.neighbourhoods.synchronization_earlier import list_earlier
from studies.neighbourhoods.synchronization_tables import (
    half_hours,
    ratio,
    remedy_rows,
    spans,
    sync_shares,
    world_table,
)
from studies.study import Claim, Results, Verdict, compare_statement

DOCUMENT = "Synchronization Games in P2P Energy Trading (Saukh, Papst, Saukh)"
LEAST_WORLDS = 4


def list_claims(results: Results) -> list[Claim]:
    """Rows of the ledger; none with fewer worlds than a standard error needs, or other homes."""
    if "learned" not in results.tables or "meters" not in results.tables:
        return []
    if world_table(results, "equilibria").shape[0] < LEAST_WORLDS:
        return []
    return [
        *_patterns(results),
        *_causes(results),
        *_discussion(results),
        *_storage(),
        *list_earlier(results),
    ]


def _patterns(results: Results) -> list[Claim]:
    """Figures 2 and 3."""
    shares = half_hours(sync_shares(results, "literal"))
    often = [float(h) for h in shares.index[shares >= 0.5]]
    morning = [h for h in often if h < 12]
    evening = [h for h in often if h >= 12]
    covers = {5.5, 6.0, 6.5} <= set(morning)
    verdict: Verdict = "matches" if morning == [5.5, 6.0, 6.5] else "consistent" if covers else "differs"
    literal = world_table(results, "learned").set_index("variant").loc[["literal"]]
    stepped = world_table(results, "learned").set_index("variant").loc[["literal, ±10 % posting"]]
    early = float(np.abs(literal["early_share"]).max())
    price, bill = float(ratio(literal, "midday_price").mean()), float(ratio(literal, "bill").mean())
    gain = literal["one_slot_gain"] / literal["profit"]
    stepping = float(stepped["friendly_profit"].mean() / literal["friendly_profit"].mean())
    return [
        Claim(
            DOCUMENT,
            "Figure 3: hours of the morning in which synchronizing is better",
            "5:30–7:00",
            spans(morning, 0.5),
            verdict,
            "half hours in which at least half prefer it: from first demand until the own sun covers the own "
            "need; sunrise and panels, which are not given, move its end"
            if verdict != "matches"
            else "",
        ),
        Claim(
            DOCUMENT,
            "Figure 3: synchronizing is better in the early evening",
            "early evening",
            spans(evening, 0.5),
            "consistent" if evening else "differs",
            "no hours are given; ours last until demand ends"
            if evening
            else "never by half of the prosumers",
        ),
        compare_statement(
            DOCUMENT,
            "Figure 2: no profit in the first half of the morning peak",
            "no profit",
            f"at most {early:.1%} of the day's booked profit from 5:30 to 7:00",
            early < 0.02,
            "" if early < 0.02 else "some prosumers are friendly then",
        ),
        compare_statement(
            DOCUMENT,
            "Synchronization makes consumers pay higher prices",
            "higher",
            f"midday price {price:+.1%}, bill {bill:+.1%}",
            price > 0 and bill > 0,
            "" if price > 0 else "not in these worlds",
        ),
        compare_statement(
            DOCUMENT,
            "Learned strategies are a Nash equilibrium (of the literal game)",
            "equilibrium",
            f"best one-slot gain {100 * float(literal['one_slot_gain'].mean()):.1f} ¢ a day, "
            f"{float(gain.mean()):.1%} of the booked profit",
            float(literal["one_slot_gain"].max()) <= 1e-6,
            f"in {int((literal['one_slot_gain'] > 1e-6).sum())} of {len(literal)} worlds somebody gains by "
            "changing one slot: the learner's errors, and slots that raise later prices, which it cannot see",
        ),
        Claim(
            DOCUMENT,
            "Prosumers keep their prices as close to the operator's as possible (±10 % steps)",
            "close",
            f"friendly sellers then earn {stepping:.0%} of what they earn at matching prices",
            "under-specified",
            "offers above the operator's price fail, and where they begin is not given: about half of the "
            "slots go unsold",
        ),
    ]


def _causes(results: Results) -> list[Claim]:
    agree = world_table(results, "agreement").groupby("against")[["share", "share_awake"]].mean()
    blind = float(agree["share_awake"]["literal, price-blind"])
    own = float(agree["share_awake"]["own need above own sun"])
    found, plans = world_table(results, "equilibria"), world_table(results, "plan_learners")
    price = float(ratio(found, "midday_price").mean())
    gains = float(found[["one_slot_gain", "two_slot_gain", "search_gain"]].to_numpy().max())
    best = plans[plans["reward"] == "difference"]
    reached = float(ratio(best, "midday_price").mean())
    return [
        compare_statement(
            DOCUMENT,
            "Prosumers learn to synchronize in order to raise the operator's price",
            "because of the price",
            f"{blind:.2%} of daytime decisions are the same without any effect on the price",
            blind < 0.9,
            "own need is free in a synced slot under the literal accounting: "
            f"{own:.1%} of daytime decisions are “own need above own sun”. The state holds no price, so "
            "one-step values cannot credit a later rise"
            if blind >= 0.9
            else "",
        ),
        compare_statement(
            DOCUMENT,
            "Synchronization is a Nash equilibrium of selfish prosumers",
            "equilibrium",
            f"with own energy paid: midday price {price:+.1%}, best gain from one, two or, by "
            f"search, more slots {100 * gains:.2f} ¢ a day",
            price > 0.01 and gains <= 1e-6,
            "" if price > 0.01 and gains <= 1e-6 else "gains are left in some world",
        ),
        Claim(
            DOCUMENT,
            "Selfish learners reach synchronization independently",
            "they do",
            f"day plans with difference rewards: {float(best['in_one_slot'].mean()):.1f} of "
            f"{results.spec.prosumers} in one slot, midday price {reached:+.1%}",
            "consistent" if reached > 0.05 else "differs",
            "not by the document's learner, but by one that sees what its day's plan changes",
        ),
        Claim(
            DOCUMENT,
            "The reward is the daily profit",
            "daily profit",
            "each slot's own money",
            "under-specified",
            "given to each of 96 slots the day's profit carries no signal: one slot is worth cents, and the "
            "days differ by dollars",
        ),
    ]


def _discussion(results: Results) -> list[Claim]:
    """Section V, and the repeated game's last sentence."""
    means = remedy_rows(results).groupby(["knob", "level"])["price change"].mean()
    base = float(means[("none", 0.0)])
    meters = results["meters"].groupby(["bursts", "interval"])["area"].mean()
    rows = []

    def knob(name: str, claim: str, published: str, better: Callable[[float], bool]) -> None:
        if name not in means.index.get_level_values("knob"):
            return
        values = means.xs(name, level="knob")
        shown = ", ".join(f"{level:g}: {v:+.1%}" for level, v in values.items())
        best = float(values.min())
        rows.append(
            compare_statement(
                DOCUMENT,
                claim,
                published,
                f"midday price {shown} (none: {base:+.1%})",
                better(best),
                "" if better(best) else "no level that was tried does",
            )
        )

    knob("ratchet", "A price less sensitive to activation costs prevents it", "prevents", lambda v: v < 0.01)
    knob("exponent", "A price less sensitive to operation costs weakens it", "weakens", lambda v: v < base)
    knob("elasticity", "Real-time prices reduce the artificial peak", "reduce", lambda v: v < base)
    knob(
        "response_payment",
        "Monetizing demand-side response makes it unattractive",
        "unattractive",
        lambda v: v < 0.01,
    )
    knob("fine", "It can be forbidden in contracts (with a fine)", "forbidden", lambda v: v < 0.01)
    rows += _clock_claim(results)
    if ("5 min", 15) in meters.index and ("5 min", 1) in meters.index:
        hidden, seen = float(meters["5 min", 15]), float(meters["5 min", 1])
        rows.append(
            compare_statement(
                DOCUMENT,
                "A fraction of the 15-minute reporting interval makes detection hard",
                "hard",
                f"area under ROC {hidden:.2f} for bursts of 5 minutes",
                hidden < 0.6,
                "" if hidden < 0.6 else "readings show them",
            )
        )
        loose = meters["5 min, not aligned"].sort_index() if "5 min, not aligned" in meters.index else None
        falls = loose is not None and bool((np.diff(loose.to_numpy()) <= 0.02).all())
        rows.append(
            compare_statement(
                DOCUMENT,
                "The tighter the reporting interval, the harder to stay undetected",
                "harder",
                f"area under ROC {seen:.2f} at 1 minute, {hidden:.2f} at 15",
                seen > hidden and falls,
                "" if seen > hidden and falls else "not monotone in these trials",
            )
        )
    return rows


def _clock_claim(results: Results) -> list[Claim]:
    """Clock errors against the longest bursts that were tried."""
    if len(results.tables.get("clocks", ())) == 0:
        return []
    clocks = world_table(results, "clocks").groupby(["burst_minutes", "clock_error"])["price_rise"].mean()
    longest = clocks.xs(max(results.spec.bursts), level="burst_minutes").sort_index()
    flat = bool((np.diff(longest.to_numpy()) <= 1e-9).all() and longest.iloc[-1] < longest.iloc[0])
    return [
        compare_statement(
            DOCUMENT,
            "Synchronization errors flatten artificial peaks",
            "flatten",
            f"midday price {longest.iloc[0]:+.1%} with exact clocks, {longest.iloc[-1]:+.1%} at errors of "
            f"{longest.index[-1]:g} min",
            flat,
            "" if flat else "not for these errors",
        )
    ]


def _storage() -> list[Claim]:
    """Equations (3) and (4)."""
    carried = repeat_game(1.0, 200.0, 150.0, 10.0, 20)
    inverse = carried * (350.0 + 10.0 * np.arange(21))
    holds = bool(np.abs(inverse / inverse[0] - 1).max() < 1e-12)
    ends = rounds_until(15.0, 1.0, 200.0, 150.0, 10.0)
    return [
        compare_statement(
            DOCUMENT,
            "Equation (4): the interval is inversely proportional to the price's rise",
            "inverse",
            "d·(s + s^p) is the same in every round" if holds else "it is not",
            holds,
        ),
        Claim(
            DOCUMENT,
            "Equation (4): x = s + s^p is constant",
            "constant",
            "grows by the rise in every round",
            "under-specified",
            "with x held constant the interval falls geometrically, not inversely; the sum s + s^p needs "
            "Δ_a = +Δ_d, although a shorter interval stores less",
        ),
        compare_statement(
            DOCUMENT,
            "The game is bounded by the accuracy of synchronization",
            "bounded",
            f"{ends:.0f} rounds from 15 minutes to 1 at 10 $/MWh a round",
            np.isfinite(ends),
        ),
    ]
