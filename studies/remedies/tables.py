"""Tables, figures and claims of the remedies study: every remedy against none, paired by seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from studies.pictures.charts import Chart, Intervals
from studies.remedies.treatments import REMEDIES
from studies.smart_homes.tables import YARD, interval
from studies.study import Results, Summaries, Summary
from studies.verdicts import Ends, clearly

PLACE = {"stage": "sealed stage game", "street": "street"}
SAME_BILL = 1e-9


def paired(results: Results) -> pd.DataFrame:
    """Sessions of all remedies beside the session of the same number without remedy.

    Columns: index (0 competition, 1 joint optimum of the market without remedy), d_index, d_bill and
    d_welfare (shares of the bill and the welfare of competition), and static Nash on the same scale.
    """
    frame = results["sessions"]
    keys = ["market", "session", "replicate"]
    parts = []
    for (market, name), group in frame.groupby(["market", "remedy"], sort=False):
        base_name = REMEDIES[str(name)].base(str(market))
        base = frame[(frame["market"] == market) & (frame["remedy"] == base_name)]
        if base.empty:  # its cells have failed: nothing to compare with
            continue
        yard = base.iloc[0]
        both = group.merge(base[[*keys, "profit", "bill", "welfare"]], on=keys, suffixes=("", "_base"))
        room = float(yard[f"{YARD}joint"] - yard[f"{YARD}competitive"])
        if not room > 0:
            continue
        zero = float(yard[f"{YARD}competitive"])
        parts.append(
            both.assign(
                index=(both["profit"] - zero) / room,
                d_index=(both["profit"] - both["profit_base"]) / room,
                d_bill=(both["bill"] - both["bill_base"]) / float(yard[f"{YARD}competitive_bill"]),
                d_welfare=(both["welfare"] - both["welfare_base"])
                / float(yard[f"{YARD}competitive_welfare"]),
                nash_low=(both[f"{YARD}nash_low"] - zero) / room,
                nash_high=(both[f"{YARD}nash_high"] - zero) / room,
            )
        )
    if not parts:
        added = ["index", "d_index", "d_bill", "d_welfare", "nash_low", "nash_high"]
        return pd.DataFrame(columns=[*frame.columns, *added])
    return pd.concat(parts, ignore_index=True)


def remedy_rows(frame: pd.DataFrame, market: str) -> list[tuple[str, pd.DataFrame]]:
    """(remedy, its sessions) of one market in the order of the list."""
    mine = frame[frame["market"] == market]
    return [(name, mine[mine["remedy"] == name]) for name in REMEDIES if (mine["remedy"] == name).any()]


def _percent(values: ArrayLike) -> str:
    mean, low, high = interval(values)
    return f"{mean:+.1%} ({low:+.1%} to {high:+.1%})"


def _number(values: ArrayLike) -> str:
    mean, low, high = interval(values)
    return f"{mean:.2f} ({low:.2f} to {high:.2f})"


def summarise(results: Results) -> dict[str, Summary]:
    """One table per market, and the two side by side."""
    frame = paired(results)
    out = {}
    for market, place in PLACE.items():
        rows = []
        for name, group in remedy_rows(frame, market):
            plain = name == REMEDIES[name].base(market)
            first = group.iloc[0]
            nash = (
                f"{first['nash_low']:.2f} to {first['nash_high']:.2f}"
                if np.isfinite(first["nash_low"])
                else "none"
            )
            rows.append(
                {
                    "kind": REMEDIES[name].kind,
                    "remedy": REMEDIES[name].words,
                    "price": round(float(group["price"].mean()), 3 if market == "stage" else 1),
                    "index": _number(group["index"]),
                    "static Nash": nash,
                    "change of index": "" if plain else _number(group["d_index"]),
                    "change of welfare": "" if plain else _percent(group["d_welfare"]),
                    "change of bill": "" if plain else _percent(group["d_bill"]),
                    "sessions": len(group),
                    "years": round(float(group["years"].mean()), 1),
                }
            )
        out[market] = Summary(
            f"Remedies in the {place}",
            pd.DataFrame(rows),
            "Means with 95 % intervals over sessions; changes are differences of sessions of the same seed, "
            "welfare and bill as shares of those of competition. Index: 0 competition, 1 joint optimum of "
            "the market without remedy; static Nash under the remedy, on the same scale.",
        )
    return out


def _sign(interval: Ends) -> int:
    """-1 or 1 where all of the interval is below or above none, else 0."""
    return clearly(interval, above=SAME_BILL) - clearly(interval, below=-SAME_BILL)


def changes(frame: pd.DataFrame) -> pd.DataFrame:
    """Index remedy; per market the mean changes, and whether their intervals exclude none (sign)."""
    rows: dict[str, dict[str, Any]] = {}
    for market in PLACE:
        for name, group in remedy_rows(frame, market):
            if name == REMEDIES[name].base(market):
                continue
            row = rows.setdefault(name, {})
            for column in ("d_index", "d_bill", "d_welfare"):
                mean, low, high = interval(group[column])
                row[f"{market} {column}"] = mean
                row[f"{market} {column} sign"] = _sign((low, high))
    return pd.DataFrame.from_dict(rows, orient="index")


def finding(frame: pd.DataFrame) -> str:
    """What works in both markets and what does in none, in words."""
    table = changes(frame)
    signs = table[[c for c in table.columns if c.endswith("d_index sign")]]
    single = [name for name in table.index if REMEDIES[name].kind != "together"]
    both = [name for name in single if (signs.loc[name].dropna() == -1).all()]
    none = [name for name in single if not (signs.loc[name].dropna() == -1).any()]
    works = "; ".join(REMEDIES[name].words for name in both) or "none"
    fails = "; ".join(REMEDIES[name].words for name in none) or "none"
    return f"Lower the index in every market: {works}. In no market: {fails}."


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """The best single remedy of each market, and counts."""
    frame = paired(results)
    tiles = []
    for market, place in PLACE.items():
        rows = [(n, g) for n, g in remedy_rows(frame, market) if REMEDIES[n].kind not in ("none", "together")]
        base = frame[(frame["market"] == market) & (frame["remedy"] == "none")]
        if not rows or not len(base):
            continue
        name, group = min(rows, key=lambda row: float(row[1]["d_bill"].mean()))
        tiles.append(
            (f"{base['index'].mean():.0%}", f"of the way to the joint optimum without remedy, {place}")
        )
        tiles.append(
            (
                f"{group['d_bill'].mean():+.0%}",
                f"change of the bill, {place}: {REMEDIES[name].words} (the most)",
            )
        )
    table = changes(frame)
    bill = table[[c for c in table.columns if c.endswith("d_bill sign")]]
    good = sum(bool((bill.loc[name].dropna() == -1).all()) for name in bill.index)
    tiles.append((f"{good} of {len(table)}", "remedies lower the bill in every market where they were tried"))
    return tiles


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """The index under every remedy on the street, then in the stage game, then changes of the bill."""
    frame = paired(results)
    charts: list[Chart] = []
    for market, opening in (("street", True), ("stage", False)):
        rows = remedy_rows(frame, market)
        if not rows:
            continue
        ends = [interval(group["index"]) for _, group in rows]
        charts.append(
            Intervals(
                name=f"index_{market}",
                title=f"How far sellers get from competition (0) to the joint optimum (1), {PLACE[market]}",
                caption=(finding(frame) + " " if opening else "")
                + "Bars: 95 % intervals over sessions on the same seeds; crosses: the highest static Nash "
                "equilibrium under the remedy, which needs no learning.",
                labels=[REMEDIES[name].words for name, _ in rows],
                low=[low for _, low, _ in ends],
                high=[max(high, low + 0.004) for _, low, high in ends],
                chosen=[mean for mean, _, _ in ends],
                published=[float(group["nash_high"].iloc[0]) for _, group in rows],
                x_label="sellers' profit: share of the way to the joint optimum without remedy",
                interval_words="95 % interval",
                chosen_words="learned, mean",
                published_words="highest static Nash",
                wide=True,
                opening=opening,
            )
        )
    for column, words in (("d_bill", "consumers' bill"), ("d_welfare", "welfare")):
        for market in ("street", "stage"):
            rows = [(n, g) for n, g in remedy_rows(frame, market) if n != REMEDIES[n].base(market)]
            if not rows:
                continue
            ends = [interval(100 * group[column]) for _, group in rows]
            charts.append(
                Intervals(
                    name=f"{column}_{market}",
                    title=f"Change of the {words}, {PLACE[market]}",
                    caption="Differences of sessions of the same seed with and without the remedy, in "
                    f"percent of competition's {words}: mean and 95 % interval.",
                    labels=[REMEDIES[name].words for name, _ in rows],
                    low=[low for _, low, _ in ends],
                    high=[max(high, low + 0.05) for _, low, high in ends],
                    chosen=[mean for mean, _, _ in ends],
                    published=[float("nan")] * len(rows),
                    x_label="percent",
                    interval_words="95 % interval",
                    chosen_words="mean difference",
                )
            )
    return charts
