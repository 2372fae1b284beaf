"""The 18-bus study's question answered in sentences, each made from its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from learners.equilibria.shares import share_interval
from studies.study import Results, Summaries
from studies.two_sided_eighteen_bus.market import EXPERIMENTS
from studies.two_sided_eighteen_bus.tables import DISCOS, ends_table, pick_end, price_of
from studies.words import listed, mean_of, share_words

ALONE = ("alone 40", "alone 80", "alone 90")
JOINT = ("G1 D1", "G1 D1 D3", "G1 D2", "G1 D2 D3", "direct 1060", "direct 1000")


def answer(results: Results, summaries: Summaries) -> list[str]:
    """Whether G1 needs the retailers, what learning and lines do, and what all 24 agents end in."""
    out = []
    if "experiments" in results.tables:
        out += _need_words(results["experiments"])
    if {"ends", "solved"} <= set(results.tables):
        table = ends_table(results)
        for place in table["placement"].unique():
            out += _ramp_words(table[table["placement"] == place], place)
        out += _line_words(table)
    return out + (_everyone_words(results["everyone"]) if "everyone" in results.tables else [])


def _need_words(frame: pd.DataFrame) -> list[str]:
    """G1's best profit alone and together, of the article's own experiments, by placement."""
    out = []
    for place in frame["placement"].unique():
        base = price_of(frame, place, "base", "G1", "profit")
        best = []
        for keys in (ALONE, JOINT):
            paid = {k: price_of(frame, place, k, "G1", "profit") for k in keys}
            paid = {k: v for k, v in paid.items() if np.isfinite(v)}
            best.append(max(((v, k) for k, v in paid.items()), default=None))
        alone, joint = best
        if not np.isfinite(base) or alone is None:
            continue
        need = "does not need retailers" if alone[0] > base else "gains nothing without retailers"
        said = (
            f"On the {place} placement G1 {need}: of the strategies tried, it earns at most "
            f"{alone[0]:,.0f} $ an hour alone ({EXPERIMENTS[alone[1]][0]}), and "
            f"{base:,.0f} $ if nobody withholds"
        )
        if joint is not None:
            more = "more" if joint[0] > alone[0] else "no more"
            said += (
                f"; with retailers it earns {more}, at most {joint[0]:,.0f} $ ({EXPERIMENTS[joint[1]][0]})"
            )
        out.append(said + ".")
    return out


def _ramp_words(table: pd.DataFrame, place: str) -> list[str]:
    """Learned profit of G1 beside learning retailers and beside passive ones, with the ramp and without."""
    said = []
    for ramp, words in ((True, "with its ramp limit"), (False, "without")):
        rows = pick_end(table, ramp=ramp)
        paid = rows.groupby("discos")["G1_profit"].mean()
        if set(paid.index) == {True, False}:
            said.append(f"{paid[True]:,.0f} instead of {paid[False]:,.0f} $ {words}")
    if not said:
        return []
    return [
        "Learning beside retailers that learn too, rather than passive ones, G1 ends at "
        f"{listed(said)} ({place} placement)."
    ]


def _line_words(table: pd.DataFrame) -> list[str]:
    """Which retailer joins less, or more, than sampling error explains once a line has another limit."""
    out = []
    for place in table["placement"].unique():
        rows = table[
            (table["placement"] == place) & (table["memory"] == "none") & table["discos"] & ~table["ramp"]
        ]
        rows = rows[rows["rate"].isin(rows.loc[rows["lines"] != "", "rate"])]
        given, other = rows[rows["lines"] == ""], rows[rows["lines"] != ""]
        if not len(given) or not len(other):
            continue
        said = []
        for name in DISCOS:
            low, high = _joins(given.iloc[0], name)
            changed = [
                row
                for _, row in other.sort_values(f"{name}_joins").iterrows()
                if _joins(row, name)[0] > high or _joins(row, name)[1] < low
            ]
            if changed:
                was = share_words(float(given.iloc[0][f"{name}_joins"]), low, high)
                limits = [
                    "{:.0f} % with line {} at {} MW".format(
                        100 * row[f"{name}_joins"], *row["lines"].split("=")
                    )
                    for row in changed
                ]
                said.append(f"{name} interrupts in {was} of the seeds, but in {listed(limits)}")
        if said:
            out.append(
                f"Which retailer joins hangs on the lines ({place} placement, no ramp limit): "
                f"{'; '.join(said)}."
            )
        else:
            out.append(
                f"None of the {len(other)} other line limits tried changes by more "
                f"than sampling error how often a retailer joins ({place} placement, no ramp limit)."
            )
    return out


def _joins(row: pd.Series, name: str) -> tuple[float, float]:
    """The interval of the share of seeds in which a retailer interrupts."""
    seeds = int(row["seeds"])
    low, high = share_interval(round(float(row[f"{name}_joins"]) * seeds), seeds)
    return float(low), float(high)


def _everyone_words(frame: pd.DataFrame) -> list[str]:
    side = np.where(frame["agent"].str.startswith("G"), "gencos", "discos")
    moved = (frame["moved_mw"] > 0).groupby(side).mean()
    gain = (
        (frame["profit"] - frame["passive"])
        .groupby([side, frame["placement"], frame["rate"], frame["seed"]])
        .sum()
    )
    if not {"gencos", "discos"} <= set(moved.index) or not np.isfinite(gain).all():
        return []
    parts = [mean_of(gain[name], "$", sign="+") for name in ("gencos", "discos")]
    return [
        f"If all agents learn, {100 * moved['gencos']:.0f} % of the generators withhold in the end and "
        f"{100 * moved['discos']:.0f} % of the retailers interrupt; against a market where nobody moves, "
        f"the profit of all generators changes by {parts[0]} an hour, that of all retailers by {parts[1]} "
        "(means over all runs)."
    ]
