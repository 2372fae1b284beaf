"""Tables and headline of the synchronization study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from studies.study import Results, Summaries, Summary, mean_and_error

SLOTS = 96
FALSE_ALARMS = 0.05
REMEDY_WORDS = {
    "none": "no remedy",
    "ratchet": "price keeps less of earlier peaks (share kept)",
    "exponent": "price rises less with demand (exponent)",
    "share": "less artificial demand is possible (share of own need)",
    "storage_loss": "storage loses energy (share lost)",
    "elasticity": "real-time prices (elasticity of consumers)",
    "response_payment": "pay for demand not taken ($/MWh)",
    "fine": "fine (expected $ per synced slot)",
}


def world_table(results: Results, name: str) -> pd.DataFrame:
    """Rows of the worlds."""
    frame = results[name]
    return frame[frame["part"] == "world"] if "part" in frame else frame


def sync_shares(results: Results, variant: str) -> pd.Series:
    """Share of (world, prosumer) that sync, by slot."""
    table = "equilibrium_slots" if variant == "equilibrium" else "slots"
    frame = results[table]
    return frame[frame["variant"] == variant].groupby("slot")["syncs"].mean()


def half_hours(shares: pd.Series) -> pd.Series:
    """Shares by the hour at which each half hour begins."""
    by_half = shares.groupby(shares.index // 2).mean()
    return by_half.set_axis(by_half.index * 24.0 / (SLOTS / 2))


def ratio(frame: pd.DataFrame, name: str) -> pd.Series:
    """A measure over the same one with everyone friendly, less 1, row by row."""
    return frame[name] / frame[f"friendly_{name}"] - 1


def clock(hour: float) -> str:
    """5.5 as "5:30"."""
    return f"{int(hour)}:{round((hour % 1) * 60):02d}"


def spans(hours: Sequence[float], step: float) -> str:
    """Hours at which steps begin as spans: "5:30–7:00, 20:00–21:00"."""
    out: list[list[float]] = []
    for hour in hours:
        if out and abs(out[-1][1] - hour) < 1e-9:
            out[-1][1] = hour + step
        else:
            out.append([hour, hour + step])
    return ", ".join(f"{clock(a)}–{clock(b)}" for a, b in out) or "never"


def summarise(results: Results) -> Mapping[str, Summary]:
    """All tables; those of worlds have means and standard errors over worlds."""
    out: dict[str, Summary] = {}
    if "learned" in results.tables:
        out |= _world_summaries(results)
    if "meters" in results.tables and "needed_fines" in results.tables:
        out["ban"] = Summary(
            "What a contractual ban must fine",
            ban_table(results),
            "Expected fines that just stop it, divided by how much likelier an alarm is than a false alarm, "
            f"which falls on the honest as well ({FALSE_ALARMS:.0%}); none where meters tell nothing apart. "
            "Prevents: nobody begins. Dissolves: the equilibrium ends, which takes more: who leaves it alone "
            "loses what the others keep up.",
        )
    if "meters" in results.tables:
        frame = results["meters"][["bursts", "interval", "area", "detected"]]
        out["meters"] = Summary(
            "What meters show",
            frame.rename(
                columns={
                    "bursts": "bursts of",
                    "interval": "reading every, min",
                    "area": "area under ROC",
                    "detected": "detected at 5 % false alarms",
                }
            ),
            "All prosumers burst once in the morning and give the energy back in as many minutes. Aligned: "
            "bursts begin with a reading. The monitor knows the expected need and pools "
            f"{results.spec.meter_days} day{'s' if results.spec.meter_days > 1 else ''}: the best case.",
        )
    return out


def _world_summaries(results: Results) -> dict[str, Summary]:
    learned = world_table(results, "learned").copy()
    learned["price change"] = ratio(learned, "midday_price")
    learned["bill change"] = ratio(learned, "bill")
    learned["booked $"] = learned["profit"]
    learned["true $"] = learned["honest_profit"]
    learned["friendly $"] = learned["friendly_profit"]
    learned["synced slots"] = learned["synced"]
    learned["best one-slot gain $"] = learned["one_slot_gain"]
    shown = ["synced slots", "booked $", "true $", "friendly $", "price change", "bill change"]
    out = {
        "learned": Summary(
            "What the document's learner learns",
            mean_and_error(learned, ["variant"], [*shown, "best one-slot gain $"]),
            "Per prosumer and day, on days not learned from, greedy play. Booked: by the accounting learned "
            "with; true: with every own need paid. Price from 9:00 to 16:00.",
        ),
        "agreement": Summary(
            "Share of decisions that are those of the literal learner",
            mean_and_error(world_table(results, "agreement"), ["against"], ["share", "share_awake"]).rename(
                columns={"share_awake": "from 5:30 to 21:00", "share_awake ± s.e.": "± s.e."}
            ),
            "Same homes, same exploration. By night there is no need, so nothing to decide: look at the "
            "second column.",
        ),
    }
    found = world_table(results, "equilibria").copy()
    for column in ("midday_price", "bill", "profit"):
        found[f"{column} change"] = ratio(found, column)
    columns = [
        "synced", "profit", "friendly_profit", "midday_price change", "bill change", "one_slot_gain",
        "one_slot_gain_test", "two_slot_gain", "search_gain", "leaving_slot", "leaving_all",
    ]  # fmt: skip
    means = mean_and_error(found.assign(all="mean"), ["all"], columns).drop(columns="all")
    turned = pd.DataFrame(
        {
            "what": [EQUILIBRIUM_WORDS[c] for c in columns],
            "mean": [float(means[c].iloc[0]) for c in columns],
            "± s.e.": [float(means[f"{c} ± s.e."].iloc[0]) for c in columns],
        }
    )
    several = world_table(results, "several")
    more = pd.DataFrame(
        [
            {"what": words, "mean": float(several[name].mean()), "± s.e.": standard_error(several[name])}
            for name, words in SEVERAL_WORDS.items()
        ]
    )
    out["equilibrium"] = Summary(
        "Equilibrium under honest accounting",
        pd.concat([turned, more], ignore_index=True),
        f"Best replies in turn from all friendly; {int(found['settled'].sum())} of {len(found)} worlds came "
        f"to rest, after {found['rounds'].min()} to {found['rounds'].max()} rounds. Gains are per prosumer "
        "and day.",
    )
    plans = world_table(results, "plan_learners").copy()
    plans["price change"] = ratio(plans, "midday_price")
    out["plan_learners"] = Summary(
        "Learners over whole-day plans (13 plans: friendly, or one slot of 6:00 to 8:45)",
        mean_and_error(
            plans, ["reward"],
            ["profit", "friendly_profit", "price change", "in_one_slot", "one_slot_gain", "leaving_slot"],
        ),
        f"{results.spec.training_days} days of stateless Q-learning. The difference reward takes off the "
        "same day's profit under the friendly plan.",
    )  # fmt: skip
    out["remedies"] = Summary(
        "Remedies, one at a time",
        remedy_table(results),
        "Equilibria from the better of two starts for prosumers: everyone friendly, and the equilibrium "
        "without remedy. Price and bill against everyone friendly under the same rule; the last columns are "
        "levels, since a rule may also change what friendly days cost.",
    )
    if "clocks" in results.tables:
        clocks = world_table(results, "clocks")
        out["clocks"] = Summary(
            "Clock errors of a deliberate game",
            mean_and_error(
                clocks, ["burst_minutes", "clock_error"], ["coincides", "price_rise", "profit_rise"]
            ),
            "All prosumers agree on the best common slot; each starts its burst with an error of its clock "
            "(standard deviation in minutes). Coincides: greatest simultaneous share of artificial demand.",
        )
    return out


def ban_table(results: Results) -> pd.DataFrame:
    """Fine on a detected neighbourhood by what meters show; none where they tell nothing apart.

    Honest neighbourhoods are fined for false alarms whatever they do, so only what detection exceeds
    them by deters.
    """
    fines = world_table(results, "needed_fines")[["prevents", "dissolves"]].mean()
    blur = 2.0 * float(np.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / results.spec.meter_trials))
    rows = []
    for row in results["meters"].to_dict("records"):
        more = float(row["detected"]) - FALSE_ALARMS
        deters = more if more > blur else float("nan")
        rows.append(
            {
                "bursts of": row["bursts"],
                "reading every, min": row["interval"],
                "detected": float(row["detected"]),
                "fine that prevents $": float(fines["prevents"]) / deters,
                "fine that dissolves $": float(fines["dissolves"]) / deters,
            }
        )
    return pd.DataFrame(rows)


SEVERAL_WORDS = {
    "distinct": "different equilibria from 12 common slots to start in",
    "lowest_rise": "price change in the one with the lowest price",
    "highest_rise": "price change in the one with the highest price",
}

EQUILIBRIUM_WORDS = {
    "synced": "synced slots of a prosumer",
    "profit": "profit $",
    "friendly_profit": "profit when all are friendly $",
    "midday_price change": "price change, 9:00 to 16:00",
    "bill change": "change of consumers' bill",
    "one_slot_gain": "greatest gain of one slot $, days of the replies",
    "one_slot_gain_test": "greatest gain of one slot $, other days",
    "two_slot_gain": "greatest gain of two slots $",
    "search_gain": "greatest gain found by search over all slots $",
    "leaving_slot": "loss from leaving the most valuable slot $",
    "leaving_all": "loss from being friendly alone $",
}


def remedy_rows(results: Results) -> pd.DataFrame:
    """Per world, knob and level the start with the higher midday price, with changes against friendly."""
    frame = world_table(results, "remedies").copy()
    frame["price change"] = ratio(frame, "midday_price")
    frame["bill change"] = ratio(frame, "bill")
    frame["profit change"] = ratio(frame, "profit")
    worst = frame.groupby(["world", "replicate", "knob", "level"], sort=False)["price change"].idxmax()
    return frame.loc[worst]


def remedy_table(results: Results) -> pd.DataFrame:
    """Means over worlds."""
    rows = remedy_rows(results)
    rows["synced slots"] = rows["synced"]
    rows["friendly price $/MWh"] = rows["friendly_midday_price"]
    rows["friendly bill $"], rows["bill $"] = rows["friendly_bill"], rows["bill"]
    means = rows.groupby(["knob", "level"], sort=False)[
        ["synced slots", "price change", "bill change", "profit change", "friendly price $/MWh",
         "friendly bill $", "bill $"]
    ].mean()  # fmt: skip
    error = rows.groupby(["knob", "level"], sort=False)["price change"].sem()
    means.insert(2, "± s.e.", error)
    table = means.reset_index()
    table["knob"] = table["knob"].map(REMEDY_WORDS)
    return table


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """What the page says first, from the numbers alone."""
    out: list[tuple[str, str]] = []
    if "learned" in results.tables:
        agree = world_table(results, "agreement").groupby("against")[["share", "share_awake"]].mean()
        learned = world_table(results, "learned").set_index("variant")
        literal = learned.loc[["literal"]]
        found = world_table(results, "equilibria")
        plans = world_table(results, "plan_learners")
        shares = half_hours(sync_shares(results, "literal"))
        window = spans(list(shares.index[shares >= 0.5]), 0.5)
        blind = float(agree["share_awake"]["literal, price-blind"])
        own = float(agree["share_awake"]["own need above own sun"])
        verdict = "stay the same" if blind > 0.95 else "change"
        kept = blind if blind > 0.95 else 1 - blind
        gain = float(found["profit"].mean() - found["friendly_profit"].mean())
        price, bill = float(ratio(found, "midday_price").mean()), float(ratio(found, "bill").mean())
        worst = float(max(found["one_slot_gain"].max(), found["two_slot_gain"].max()))
        out += [
            (window, "is when most literal learners synchronize"),
            (f"{kept:.1%}", f"of daytime decisions {verdict} when prices ignore artificial demand"),
            (f"{own:.1%}", "of daytime decisions just say: own need above own sun"),
            (
                f"{float(literal['profit'].mean()):.2f} $",
                f"a day is what they book, {float(literal['honest_profit'].mean()):.2f} $ is what they earn, "
                f"{float(literal['friendly_profit'].mean()):.2f} $ when all are friendly",
            ),
            (f"{price:+.0%}", "midday price in the equilibrium with honest accounting"),
            (f"{gain:+.2f} $", f"a day for each prosumer there, {bill:+.1%} on consumers' bills"),
            (f"{100 * worst:.1f} ¢", "a day is the best anyone gains there by changing one or two slots"),
        ]
        for name, group in plans.groupby("reward", sort=False):
            change = float(ratio(group, "midday_price").mean())
            out.append((f"{change:+.0%}", f"midday price by learners over day plans paid by {name}"))
        remedies = remedy_rows(results).groupby(["knob", "level"], sort=False)["price change"].mean()
        works = [
            f"{knob.replace('_', ' ')} {level:g}"
            for (knob, level), v in zip(remedies.index.to_list(), remedies.tolist(), strict=True)
            if knob != "none" and v < 0.01
        ]
        out.append(
            (str(len(works)), f"of {len(remedies) - 1} remedies keep prices within 1 %: {', '.join(works)}")
        )
    if "meters" in results.tables:
        meters = results["meters"]
        hidden = meters[meters["bursts"] == "5 min"].set_index("interval")["area"]
        seen = [str(k) for k, v in hidden.items() if v > 0.9]
        lost = [str(k) for k, v in hidden.items() if v < 0.6]
        if seen or lost:
            words = f"minutes between readings show bursts of 5 minutes; {' or '.join(lost)} do not"
            out.append((" or ".join(seen) or "no", words))
    return out


def standard_error(values: pd.Series) -> float:
    """Of the mean; NaN for one value."""
    return float(values.std(ddof=1)) / float(np.sqrt(len(values)))


def interval(values: pd.Series, count: int) -> tuple[float, float]:
    """Mean, and twice the standard error of its difference to another mean over `count` worlds."""
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("inf")
    return float(values.mean()), 2.0 * spread * float(np.sqrt(1 / len(values) + 1 / count))
