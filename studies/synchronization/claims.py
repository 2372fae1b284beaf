"""The document's statements, and the figures of an earlier computation of this game, beside ours."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from networks.profiles import LoadShape
from studies.claims import Claim, compare_open, compare_statement
from studies.sources import SYNCHRONIZATION
from studies.study import Results, Summaries
from studies.synchronization.earlier import list_earlier
from studies.synchronization.storage import repeat_game, rounds_until
from studies.synchronization.tables import (
    clock,
    half_hours,
    ratio,
    remedy_rows,
    spans,
    sync_shares,
    world_table,
)

SIMULATION, DISCUSSION, MODEL = "section IV", "section V", "section III"
PAID = "the document's game changed: who synchronizes pays for its own energy"
LEAST_WORLDS = 4


def claims(results: Results, summaries: Summaries) -> list[Claim]:
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
    literal = world_table(results, "learned").set_index("variant").loc[["literal"]]
    stepped = world_table(results, "learned").set_index("variant").loc[["literal, ±10 % posting"]]
    early = float(np.abs(literal["early_share"]).max())
    price, bill = float(ratio(literal, "midday_price").mean()), float(ratio(literal, "bill").mean())
    gain = literal["one_slot_gain"] / literal["profit"]
    stepping = float(stepped["friendly_profit"].mean() / literal["friendly_profit"].mean())
    return [
        *_hours(results),
        compare_statement(
            SYNCHRONIZATION, f"{SIMULATION}, figure 2",
            "Figure 2: no profit in the first half of the morning peak",
            "“no profit is generated in the first half of the morning peak”",
            f"at most {early:.1%} of the day's booked profit from 5:30 to 7:00", early < 0.02,
            "in the hours of figure 3, where all synchronize; that demand begins then is an input of ours"
            if early < 0.02 else "some prosumers are friendly then", evidence="input",
        ),
        compare_statement(
            SYNCHRONIZATION, SIMULATION, "Synchronization makes consumers pay higher prices",
            "“Artificially generated high demand results in higher energy prices paid by consumers”",
            f"midday price {price:+.1%}, bill {bill:+.1%}", price > 0 and bill > 0,
            "" if price > 0 and bill > 0 else "not in these worlds",
        ),
        compare_statement(
            SYNCHRONIZATION, SIMULATION, "Learned strategies are a Nash equilibrium (of the literal game)",
            "“The set of strategies learned by all prosumers makes a NE”",
            f"best one-slot gain {100 * float(literal['one_slot_gain'].mean()):.1f} ¢ a day, "
            f"{float(gain.mean()):.1%} of the booked profit", float(literal["one_slot_gain"].max()) <= 1e-6,
            f"in {int((literal['one_slot_gain'] > 1e-6).sum())} of {len(literal)} worlds somebody gains by "
            "changing one slot: the learner's errors, and slots that raise later prices, which it cannot see",
        ),
        compare_open(
            SYNCHRONIZATION, SIMULATION,
            "Prosumers keep their prices as close to the operator's as possible (±10 % steps)",
            "“Prosumers try to keep their prices as close to the operator’s price as possible”",
            f"friendly sellers then earn {stepping:.0%} of what they earn at matching prices",
            "offers above the operator's price fail, and where they begin is not given: about half of the "
            "slots go unsold",
        ),
    ]  # fmt: skip


def _hours(results: Results) -> list[Claim]:
    """Figure 3: the morning's window begins with demand, which is ours to set, and ends on a knife edge."""
    shares = half_hours(sync_shares(results, "literal"))
    often = [float(h) for h in shares.index[shares >= 0.5]]
    morning = [h for h in often if h < 12]
    evening = [h for h in often if h >= 12]
    window = {5.5, 6.0, 6.5}
    edge = ", ".join(f"{float(shares[h]):.0%} from {clock(h)}" for h in (6.5, 7.0) if h in shares.index)
    return [
        compare_statement(
            SYNCHRONIZATION, f"{SIMULATION}, figure 3",
            "Figure 3: hours of the morning in which synchronizing is better",
            "“In the morning, between 5:30 to 7:00 AM … sync. game behavior of prosumers is more beneficial”",
            spans(morning, 0.5), len(window ^ set(morning)) <= 1,
            f"its begin is an input: `day_start` = {LoadShape().day_start:g} h, with a night load of "
            f"{results.spec.night_kw:g} kW before. Its end is a knife edge: half hours in which at least "
            f"half prefer it, {edge}; sunrise and panels, which are not given, move it",
            evidence="input",
        ),
        compare_statement(
            SYNCHRONIZATION, f"{SIMULATION}, figure 3",
            "Figure 3: synchronizing is better in the early evening",
            "“in the early evening, sync. game behavior of prosumers is more beneficial”",
            spans(evening, 0.5), bool(evening),
            "no hours are given; ours last until demand ends, which is an input"
            if evening else "never by half of the prosumers", evidence="input",
        ),
    ]  # fmt: skip


def _causes(results: Results) -> list[Claim]:
    agree = world_table(results, "agreement").groupby("against")[["share", "share_awake"]].mean()
    blind = float(agree["share_awake"]["literal, price-blind"])
    own = float(agree["share_awake"]["own need above own sun"])
    found, plans = world_table(results, "equilibria"), world_table(results, "plan_learners")
    price = float(ratio(found, "midday_price").mean())
    gains = float(found[["one_slot_gain", "two_slot_gain", "search_gain"]].to_numpy().max())
    best = plans[plans["reward"] == "difference"]
    reached = float(ratio(best, "midday_price").mean())
    none_left = price > 0.01 and gains <= 1e-6
    return [
        compare_statement(
            SYNCHRONIZATION, SIMULATION, "Prosumers learn to synchronize in order to raise the operator's "
            "price",
            "“artificially boost the demand and leverage the consequent increase of the operator’s price”",
            f"{blind:.2%} of daytime decisions are the same without any effect on the price", blind < 0.9,
            "own need is free in a synced slot under the literal accounting: "
            f"{own:.1%} of daytime decisions are “own need above own sun”. The state holds no price, so "
            "one-step values cannot credit a later rise" if blind >= 0.9 else "",
        ),
        compare_statement(
            SYNCHRONIZATION, f"abstract and {SIMULATION}", "Synchronization is a Nash equilibrium of "
            "selfish prosumers",
            "“synchronization games constitute a Nash equilibrium”",
            f"with own energy paid: midday price {price:+.1%}, best gain from one, two or, by "
            f"search, more slots {100 * gains:.2f} ¢ a day", none_left,
            f"{PAID}; of the document's own game the learned strategies are none" if none_left
            else "gains are left in some world", evidence="weak",
        ),
        compare_statement(
            SYNCHRONIZATION, "abstract", "Selfish learners reach synchronization independently",
            "“even non-cooperative selfish prosumers can learn to play synchronization games independently”",
            f"day plans with difference rewards: {float(best['in_one_slot'].mean()):.1f} of "
            f"{results.spec.prosumers} in one slot, midday price {reached:+.1%}", reached > 0.05,
            "not by the document's learner, but by one that sees what its day's plan changes",
            evidence="weak",
        ),
        compare_open(
            SYNCHRONIZATION, SIMULATION, "The reward is the daily profit",
            "“The reward is their daily profit given by the difference between earned and spent money units”",
            "each slot's own money",
            "given to each of 96 slots the day's profit carries no signal: one slot is worth cents, and the "
            "days differ by dollars",
        ),
    ]  # fmt: skip


def _discussion(results: Results) -> list[Claim]:
    """Section V, and the repeated game's last sentence."""
    means = remedy_rows(results).groupby(["knob", "level"])["price change"].mean()
    base = float(means[("none", 0.0)])
    meters = results["meters"].groupby(["bursts", "interval"])["area"].mean()
    rows = []

    def knob(
        name: str, claim: str, published: str, better: Callable[[float], bool], why: str, variant: str = ""
    ) -> None:
        if name not in means.index.get_level_values("knob"):
            return
        values = means.xs(name, level="knob")
        shown = ", ".join(f"{level:g}: {v:+.1%}" for level, v in values.items())
        best = float(values.min())
        rows.append(
            compare_statement(
                SYNCHRONIZATION, DISCUSSION, claim, published, f"midday price {shown} (none: {base:+.1%})",
                better(best), f"{why.format(values.idxmin())}; {PAID}" if better(best) else
                f"in part: the levels tried weaken it, to {best:+.1%}, and do not end it" if best < base else
                "no level that was tried does", evidence="input", variant=variant,
            )
        )  # fmt: skip

    sensitive = "A price less sensitive to activation and operation costs prevents it"
    printed = "“making operator price … less sensitive to activation and operation cost of spinning reserve”"
    knob(
        "ratchet",
        sensitive,
        printed,
        lambda v: v < 0.01,
        "at a level of ours, {:g} of the height that is kept",
        "activation: how much of a peak's price is kept",
    )
    knob(
        "exponent",
        sensitive,
        printed,
        lambda v: v < 0.01,
        "at an exponent of {:g}, which is ours",
        "operation: exponent of the price",
    )
    knob(
        "elasticity",
        "Real-time prices reduce the artificial peak",
        "“If customers are charged real-time prices, peak demand will be reduced”",
        lambda v: v < base,
        "the consumers' elasticity is an input",
    )
    knob(
        "response_payment",
        "Monetizing demand-side response makes it unattractive",
        "“monetizing demand-side response … could make synchronization games unattractive”",
        lambda v: v < 0.01,
        "at a payment of {:g} $/MWh, which is ours",
    )
    knob(
        "fine",
        "It can be forbidden in contracts (with a fine)",
        "“synchronization games can be forbidden in contractual agreements”",
        lambda v: v < 0.01,
        "at a fine of {:g} $ a slot, which is ours, and sure detection",
    )
    rows += _clock_claim(results)
    if ("5 min", 15) in meters.index and ("5 min", 1) in meters.index:
        hidden, seen = float(meters["5 min", 15]), float(meters["5 min", 1])
        rows.append(
            compare_statement(
                SYNCHRONIZATION, DISCUSSION, "A fraction of the 15-minute reporting interval makes "
                "detection hard",
                "“Prosumers could always use a fraction of the reporting interval to artificially increase "
                "the demand and make synchronization game detection generally hard”",
                f"area under ROC {hidden:.2f} for bursts of 5 minutes", hidden < 0.6,
                "bursts that are made up for within the interval leave its reading as it is, by construction"
                if hidden < 0.6 else "readings show them", evidence="weak",
            )
        )  # fmt: skip
        loose = meters["5 min, not aligned"].sort_index() if "5 min, not aligned" in meters.index else None
        falls = loose is not None and bool((np.diff(loose.to_numpy()) <= 0.02).all())
        rows.append(
            compare_statement(
                SYNCHRONIZATION, DISCUSSION, "The tighter the reporting interval, the harder to stay "
                "undetected",
                "“The tighter the reporting interval of energy meters is, the more difficult it gets to stay "
                "undetected”", f"area under ROC {seen:.2f} at 1 minute, {hidden:.2f} at 15",
                seen > hidden and falls,
                "" if seen > hidden and falls else "not monotone in these trials",
            )
        )  # fmt: skip
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
            SYNCHRONIZATION, DISCUSSION, "Synchronization errors flatten artificial peaks",
            "“contribute to imperfect synchronization and, thus, flatten artificial power peaks”",
            f"midday price {longest.iloc[0]:+.1%} with exact clocks, {longest.iloc[-1]:+.1%} at errors of "
            f"{longest.index[-1]:g} min", flat, "" if flat else "not for these errors",
        )
    ]  # fmt: skip


def _storage() -> list[Claim]:
    """Equations (3) and (4)."""
    carried = repeat_game(1.0, 200.0, 150.0, 10.0, 20)
    inverse = carried * (350.0 + 10.0 * np.arange(21))
    holds = bool(np.abs(inverse / inverse[0] - 1).max() < 1e-12)
    ends = rounds_until(15.0, 1.0, 200.0, 150.0, 10.0)
    place = f"{MODEL}, equation (4)"
    return [
        compare_statement(
            SYNCHRONIZATION, place, "Equation (4): the interval is inversely proportional to the price's "
            "rise",
            "“the length of the synchronization interval is inversely proportional to the increase of the "
            "operator’s price”", "d·(s + s^p) is the same in every round" if holds else "it is not", holds,
            "inverse to s + s^p, not to its rise, and only where s + s^p grows by each rise; with x "
            "constant, as printed, it falls geometrically", evidence="weak",
        ),
        compare_open(
            SYNCHRONIZATION, place, "Equation (4): x = s + s^p is constant", "“The sum … is constant”",
            "grows by the rise in every round",
            "with x held constant the interval falls geometrically, not inversely; the sum s + s^p needs "
            "Δ_a = +Δ_d, although a shorter interval stores less",
        ),
        compare_statement(
            SYNCHRONIZATION, MODEL, "The game is bounded by the accuracy of synchronization",
            "“possible only up to a certain limit bounded by the synchronization accuracy between prosumers”",
            f"{ends:.0f} rounds from 15 minutes to 1 at 10 $/MWh a round", bool(np.isfinite(ends)),
            "arithmetic of equation (4), at prices of ours", evidence="weak",
        ),
    ]  # fmt: skip
