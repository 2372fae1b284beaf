"""Tables of the smart-homes study: every market beside its yardsticks, and what was found in figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from studies.printed import read_claims
from studies.registry import claims_path
from studies.smart_homes.stage import CASES
from studies.study import Results, Row, Summaries, Summary
from studies.verdicts import clearly

WORDS = {
    "auction": "auction on the feeder",
    "uniform": "auction, uniform price",
    "pay_as_offer": "auction, sellers paid their offers",
    "k": "auction, lowest supporting prices",
    "vcg": "auction, VCG payments",
    "clubs": "auction, three clubs of buyers learn, sellers honest",
    "one_sided": "auction, sellers learn, only four mark-ups",
    "two_sided": "auction, a club of buyers learns too, four mark-ups",
    "posted": "posted offers",
    "posted_two_sided": "posted offers, four mark-ups, buyers learn too",
    "bilateral": "bilateral contracts, four mark-ups",
    "plants": "virtual plants",
}
WAYS = {"memory": "", "myopic": ", δ = 0", "forgetful": ", no memory"}
SCENARIO = {"posted": 1, "posted_two_sided": 1, "bilateral": 1, "plants": 3}
YARD = "yard_"
LEVEL = 0.95
LEAST_ROOM = (
    1e-3  # of the joint optimum: with less between it and competition there is nothing to collude about
)
NOTES = {
    (str(entry.of["market"]), str(entry.of["column"])): entry
    for entry in read_claims(claims_path("smart_homes"))
    if entry.figure == "mean"
}
"""(case of the stage game, column) → the mean that the notes print, with its number of sessions."""


def with_indices(frame: pd.DataFrame) -> pd.DataFrame:
    """Collusion indices of each session, and of both ends of static Nash, on competition = 0, joint = 1."""
    room = frame[f"{YARD}joint"] - frame[f"{YARD}competitive"]
    room = room.where(room > LEAST_ROOM * frame[f"{YARD}joint"].abs())
    out = frame.assign(index_competition=(frame["profit"] - frame[f"{YARD}competitive"]) / room)
    for end in ("nash_low", "nash_high"):
        out[f"at_{end}"] = (frame[f"{YARD}{end}"] - frame[f"{YARD}competitive"]) / room
        left = frame[f"{YARD}joint"] - frame[f"{YARD}{end}"]
        left = left.where(left > LEAST_ROOM * frame[f"{YARD}joint"].abs())
        out[f"index_{end}"] = (frame["profit"] - frame[f"{YARD}{end}"]) / left
    out["welfare_share"] = frame["welfare"] / frame[f"{YARD}competitive_welfare"]
    return out


def stage_sessions(results: Results) -> pd.DataFrame:
    """Sessions of the stage game with indices; empty where it was left out."""
    frame = results.tables.get("stage")
    return pd.DataFrame() if frame is None else with_indices(frame)


def market_sessions(results: Results) -> pd.DataFrame:
    """Sessions of homes and plants with indices, and the name of their market."""
    frame = with_indices(results["sessions"])
    return frame.assign(words=[market_words(results, *key) for key in market_keys(frame)])


def market_keys(frame: pd.DataFrame) -> list[tuple[str, int, str]]:
    """(market, hour, treatment) of each row."""
    return list(
        zip(
            frame["market"].astype(str),
            frame["hour"].astype(int),
            frame["treatment"].astype(str),
            strict=True,
        )
    )


def market_words(results: Results, market: str, hour: int, treatment: str) -> str:
    """What the page calls a market."""
    words = WORDS[market]
    if market == "plants":
        words += " that sell, noon" if hour == 12 else " that buy, evening"
    elif market == "auction":
        words += f", {hour} h"
    return words + WAYS[treatment]


def interval(values: ArrayLike) -> tuple[float, float, float]:
    """Mean and its interval over sessions; NaN where there is no room for an index."""
    from learners import mean_interval

    x = np.asarray(values, dtype=float)
    if not np.isfinite(x).all() or len(x) == 0:
        return (float("nan"),) * 3
    found = mean_interval(x, LEVEL)
    return found.estimate, found.low, found.high


def shown(values: ArrayLike, digits: int) -> str:
    """`"0.68 (0.61 to 0.75)"`."""
    mean, low, high = interval(values)
    if not np.isfinite(mean):
        return "no room"
    if not np.isfinite(low):
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def outcome_row(group: pd.DataFrame, digits: int) -> Row:
    """What one market's sessions came to."""
    first = group.iloc[0]
    row = {
        "sessions": len(group),
        "competitive price": round(float(first[f"{YARD}competitive_price"]), digits),
        "static Nash prices": _range(first[f"{YARD}nash_price_low"], first[f"{YARD}nash_price_high"], digits),
        "joint optimum": round(float(first[f"{YARD}joint_price"]), digits),
        "learned price": shown(group["price"], digits),
        "index, competition = 0": shown(group["index_competition"], 2),
        "index, lowest Nash = 0": shown(group["index_nash_low"], 2),
        "index, highest Nash = 0": shown(group["index_nash_high"], 2),
        "welfare share": round(float(group["welfare_share"].mean()), 3),
        "bill over competition": f"{group['bill'].mean() / first[f'{YARD}competitive_bill'] - 1:+.1%}",
        "years": round(float(group["years"].mean()), 1),
        "settled": f"{int(group['stable'].sum())} of {len(group)}",
    }
    for column, words in (("loss", "best-response loss"), ("unprofitable", "deviations that do not pay")):
        known = group[column].dropna().to_numpy() if column in group else np.zeros(0)
        row[words] = f"{known.mean():.0%}" if len(known) else ""
    return row


def _range(low: float, high: float, digits: int) -> str:
    if not np.isfinite(low):
        return "none"
    return f"{low:.{digits}f}" if high - low < 0.5 * 10**-digits else f"{low:.{digits}f} to {high:.{digits}f}"


def summarise(results: Results) -> dict[str, Summary]:
    """Everything the page shows as tables."""
    markets, stage = market_sessions(results), stage_sessions(results)
    rows = [
        {"scenario": SCENARIO.get(str(key[0]), 2), "market": words} | outcome_row(group, 1)
        for (words, *key), group in markets.groupby(["words", "market", "hour", "treatment"], sort=False)
    ]
    note = (
        "Prices in $/MWh. Means of sessions with 95 % intervals. Index: share of the way to the joint "
        "optimum. Years: updates as quarter hours, 96 a day. Best-response loss: what a learner gives up "
        "against the best reply to the others' strategies. Deviations: of static best replies that pay at "
        "once, the share that costs more than it brings once the others have answered."
    )
    out = {
        "markets": Summary(
            "Homes and plants", pd.DataFrame(rows).sort_values("scenario", kind="stable"), note
        )
    }
    if len(stage):
        table = [
            {"case": CASES[str(key)].words} | outcome_row(group, 3)
            for key, group in stage.groupby("market", sort=False)
        ]
        out["stage"] = Summary(
            "The sealed stage game", pd.DataFrame(table), f"Prices in $ per unit. {note[18:]}"
        )
    if {"agents", "competitive_agents"} <= set(results.tables):
        out["agents"] = Summary(
            "Price and own marginal cost of every home in the hours that are learned",
            agent_table(results),
            "$/MWh and kW, means of sessions. Marginal cost: dual of the home's own balance in its truthful "
            "plan at the tariff; price: at its bus. A price above marginal cost shows nothing alone: it is "
            "there under competition too, where a line or the roofs are short.",
        )  # fmt: skip
    if "hours" in results.tables:
        out["hours"] = Summary(
            "Every hour of the day without learning",
            hour_table(results),
            "Uniform prices in $/MWh, sellers' profits in $. Where competition and joint optimum agree "
            "there is nothing to collude about: the grid's price, a battery or a line sets the price.",
        )  # fmt: skip
    if "sizes" in results.tables:
        out["sizes"] = Summary(
            "One virtual plant alone: its best mark-up or shade by size",
            size_table(results),
            "Exact, no learning: all others offer at cost. Noon: a mark-up on what it sells; evening: a "
            "shade on what it buys.",
        )  # fmt: skip
    return out


def agent_table(results: Results) -> pd.DataFrame:
    """Index columns home and hour: marginal cost, competitive and learned price, traded kW."""
    learned, honest = results["agents"], results["competitive_agents"]
    keys = ["home", "of_hour"]
    mean = learned.groupby(keys, sort=False)[["price", "sold_kw", "bought_kw"]].mean()
    base = honest.set_index(keys)[["seller", "marginal_cost", "price", "sold_kw", "bought_kw"]]
    table = base.join(mean, how="inner", rsuffix=" learned")
    table["margin"] = table["price learned"] - table["marginal_cost"]
    table["over competition"] = table["price learned"] - table["price"]
    return table.reset_index().rename(columns={"of_hour": "hour", "price": "price competitive"}).round(2)


def hour_table(results: Results) -> pd.DataFrame:
    """Yardsticks by hour."""
    frame = results["hours"]
    names = {
        "of_hour": "hour", "import_price": "import price", "competitive_price": "competitive price",
        "nash_price_low": "lowest Nash price", "nash_price_high": "highest Nash price",
        "joint_price": "joint price", "competitive": "competitive profit", "nash_low": "lowest Nash profit",
        "nash_high": "highest Nash profit", "joint": "joint profit", "equilibria": "equilibria",
    }  # fmt: skip
    return frame[list(names)].rename(columns=names).round(3)


def size_table(results: Results) -> pd.DataFrame:
    """What a plant alone gains."""
    frame = results["sizes"]
    names = {
        "of_hour": "hour", "streets": "streets", "most_mw": "most MW", "action": "best mark-up or shade "
        "$/MWh",
        "profit": "honest profit $/h", "gain": "gain $/h", "price_before": "price before $/MWh",
        "price_after": "price after $/MWh", "bill_change": "change of fixed demand's bill $/h",
    }  # fmt: skip
    return frame[list(names)].rename(columns=names).round(2)


def finding(results: Results) -> str:
    """One sentence: where the learners end at the main hour, beside static Nash and the controls."""
    frame = market_sessions(results)
    hour = results.spec.hour
    main = frame[(frame["market"] == "auction") & (frame["hour"] == hour)]
    mean = {way: group["index_competition"].mean() for way, group in main.groupby("treatment")}
    ends = main.iloc[0]
    if not np.isfinite(mean.get("memory", np.nan)):
        return f"At {hour} h nothing separates competition from the joint optimum: nothing to collude about"
    nash = (
        f"{ends['at_nash_low']:.0%} to {ends['at_nash_high']:.0%}"
        if np.isfinite(ends["at_nash_low"])
        else "none"
    )
    return (
        f"Homes that see all offers end {mean['memory']:.0%} of the way from competition to the joint "
        "optimum "
        f"(static Nash {nash}); without memory {mean.get('forgetful', np.nan):.0%}, with δ = 0 "
        f"{mean.get('myopic', np.nan):.0%}"
    )


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """Figures for the head of the page."""
    frame = market_sessions(results)
    hour = results.spec.hour
    tiles = []
    main = frame[(frame["market"] == "auction") & (frame["hour"] == hour)]
    memory = main[main["treatment"] == "memory"]
    mean, *ends = interval(memory["index_competition"])
    if np.isfinite(mean):
        top = memory["at_nash_high"].iloc[0]
        clear = clearly((ends[0], ends[1]), above=float(top))
        verdict = "above every static Nash equilibrium" if clear else "not clearly above static Nash"
        tiles.append(
            (f"{mean:.0%}", f"of the way from competition to joint optimum, auction at {hour} h: {verdict}")
        )
    for way in ("myopic", "forgetful"):
        group = main[main["treatment"] == way]
        if len(group) and np.isfinite(group["index_competition"]).all():
            tiles.append((f"{group['index_competition'].mean():.0%}", f"of the way{WAYS[way]}"))
    sides = {key: frame[frame["market"] == key]["index_competition"] for key in ("one_sided", "two_sided")}
    if all(len(x) and np.isfinite(x).all() for x in sides.values()):
        tiles.append(
            (f"{sides['two_sided'].mean():.0%}",
             f"when a club of buyers learns too, {sides['one_sided'].mean():.0%} without it")
        )  # fmt: skip
    plants = frame[(frame["market"] == "plants") & (frame["hour"] == 12) & (frame["treatment"] == "memory")]
    if len(plants):
        first = plants.iloc[0]
        tiles.append(
            (f"{plants['price'].mean():.1f} $/MWh",
             f"at the bus of three virtual plants at noon, {first[f'{YARD}competitive_price']:.1f} in "
             "competition")
        )  # fmt: skip
    tiles.append((f"{memory['years'].mean():.0f} years", "of quarter hours until play at that hour settles"))
    return tiles
