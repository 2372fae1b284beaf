"""The incubator study's answer in sentences, each made from the results."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.incubator.cells import HONEST
from studies.incubator.tables import (
    FALSE_ALARMS,
    FOUND,
    VISIBLE,
    false_alarm_table,
    has_errors,
    largest_conduct,
    power_table,
    reliable_error,
    spoofs,
)
from studies.study import Results, Summaries


def answer(results: Results, summaries: Summaries) -> list[str]:
    """What a monitor with exact costs sees, how wrong they may be, and what it can never see."""
    out: list[str] = []
    worst = ""
    summary = results.tables.get("summary", pd.DataFrame())
    acting = summary[summary["conduct"] != HONEST] if len(summary) else summary
    if len(acting):
        worst = largest_conduct(results)
        out += [_seen(acting, worst)] if worst != HONEST else ["No conduct that was tried raises prices."]
        out += _small(acting)
    if not has_errors(results):
        return out
    table = power_table(results)
    gaps = dict(zip(acting["conduct"], acting["gap"], strict=True)) if len(acting) else {}
    if gaps.get(worst, 0.0) > VISIBLE and worst in set(table["conduct"]):
        out.append(_errors(table, worst))
    if len(results["statistics"].query("conduct == @HONEST")):
        out.append(_honest(results))
    return [*out, *_reported(table)]


def _seen(acting: pd.DataFrame, worst: str) -> str:
    row = acting[acting["conduct"] == worst].iloc[0]
    seen = f"a price gap of {row['gap']:+.2f} $/MWh (95 % interval {row['low']:+.2f} to {row['high']:+.2f})"
    price = float(row["competitive_price"])
    over = f", {row['gap'] / price:+.0%} of the price at cost" if price > 0 else ""
    sure = "" if row["low"] > 0 else ", which it cannot tell from nothing"
    return (
        f"With exact costs a monitor sees {seen} when “{worst}” is played{over}{sure}: the most of "
        f"{len(acting)} conducts."
    )


def _small(acting: pd.DataFrame) -> list[str]:
    """Conducts that leave no gap worth finding."""
    calm = acting[acting["gap"] < VISIBLE]
    if not len(calm):
        return [f"Each of these {len(acting)} leaves a gap of {VISIBLE:g} $/MWh or more."]
    names = "; ".join(f"“{name}”" for name in calm["conduct"])
    return [f"A gap below {VISIBLE:g} $/MWh is all it sees of {len(calm)} of these {len(acting)}: {names}."]


def _limit(table: pd.DataFrame, conduct: str, statistic: str) -> str:
    """Up to which error of costs a statistic finds most, and what is left at the next."""
    rows = table[table["conduct"] == conduct].sort_values("sigma")
    limit = reliable_error(table, conduct, statistic)
    column = f"missed_{statistic}"
    if not np.isfinite(limit):
        first = rows.iloc[0]
        return f"at no error that was tried ({1 - first[column]:.0%} are found at {first['sigma']:.0%})"
    beyond = rows[rows["sigma"] > limit]
    said = f"up to errors of {limit:.0%}" if limit > 0 else "with exact costs only"
    if not len(beyond):
        return f"{said}, the largest that were tried"
    after = beyond.iloc[0]
    return f"{said} ({1 - after[column]:.0%} are found at {after['sigma']:.0%})"


def _errors(table: pd.DataFrame, worst: str) -> str:
    by_price, by_offers = (_limit(table, worst, name) for name in ("gap", "offers"))
    return (
        f"At {FALSE_ALARMS:.0%} false alarms it finds {FOUND:.0%} or more of “{worst}” by prices {by_price}, "
        f"and by the greatest mark-up over believed cost {by_offers}."
    )


def _honest(results: Results) -> str:
    last = false_alarm_table(results).sort_values("error of costs").iloc[-1]
    mean, limit = float(last["mean gap $/MWh"]), float(last["gap that 5 % exceed"])
    alarms = float(last["false alarms above 1 $/MWh"])
    return (
        f"With costs wrong by {last['error of costs']:.0%} honest sellers show a mean gap of {mean:+.2f} "
        f"$/MWh; {alarms:.0%} of their series exceed 1 $/MWh, and 5 % exceed {limit:.2f}."
    )


def _reported(table: pd.DataFrame) -> list[str]:
    """Mark-ups that are told to the monitor as cost."""
    rows = spoofs(table)
    if not len(rows):
        return []
    areas = rows["area_gap"]
    hidden = bool(areas.max() < 0.6)
    missed = rows["missed_gap"]
    verdict = "hides it from" if hidden else "does not always hide it from"
    return [
        f"Reporting the mark-up as cost {verdict} a comparison of prices: {missed.min():.0%} to "
        f"{missed.max():.0%} of such series are missed, depending on the monitor's costs, and the area under "
        f"ROC is at most {areas.max():.2f} (0.5 is guessing)."
    ]
