"""The forward study's question answered in sentences, each made from its tables."""

from __future__ import annotations

import numpy as np
import pandas as pd

from learners.equilibria.shares import share_interval
from studies.forward_and_spot.tables import least_thresholds
from studies.pages.sentences import count
from studies.study import Results, Summaries
from studies.words import listed, share_of, span

SIDES = {"discos": ("retailers'", "load", "disco_cover"), "genco": ("generator's", "capacity", "genco_cover")}


def answer(results: Results, summaries: Summaries) -> list[str]:
    """Whether cover breaks collusion, whose and how much, who would choose it, and what learners do."""
    out = []
    if "equilibria" in results.tables:
        out += _broken_words(results["equilibria"])
    out += _threshold_words(least_thresholds(results))
    if "chosen_exact" in results.tables:
        out += _exact_choice_words(results["chosen_exact"])
    if "learned" in results.tables:
        out += _learned_words(results["learned"])
    if {"learned", "chosen"} <= set(results.tables):
        out += _chosen_words(results["learned"], results["chosen"], results.spec.rate)
    return out


def _open(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows without any cover."""
    return frame[(frame["genco_cover"] == 0) & (frame["disco_cover"] == 0)]


def _broken_words(frame: pd.DataFrame) -> list[str]:
    """In how many markets the greatest cover of one side leaves no two-sided equilibrium."""
    without = _open(frame)
    if not len(without):
        return []
    held = without.loc[without["two_sided"] > 0, "network"].tolist()
    if not held:
        return [
            f"There is nothing to break: none of the {len(without)} spot markets has a two-sided pure "
            "equilibrium without a forward market."
        ]
    said, ended = [], []
    for whose, what, column in SIDES.values():
        other = "genco_cover" if column == "disco_cover" else "disco_cover"
        rows = frame[(frame[other] == 0) & (frame[column] > 0) & frame["network"].isin(held)]
        if not len(rows):
            continue
        most = float(rows[column].max())
        top = rows[rows[column] == most]
        gone = int((top["two_sided"] == 0).sum())
        ended.append(gone / len(top))
        said.append(f"forward cover of {100 * most:.0f} % of the {whose} {what} in {gone} of {len(top)}")
    if not said:
        return []
    does, where = ("can break", " in every market") if max(ended) == 1 else ("can break", " in some markets")
    if not max(ended):
        does, where = "does not break", ""
    return [
        f"A forward market {does} two-sided collusion{where}: no such equilibrium is left by {listed(said)} "
        f"{'market' if len(held) == 1 else 'markets'} that would have one without it."
    ]


def _threshold_words(table: pd.DataFrame) -> list[str]:
    """How large the positions must be, over all markets."""
    said = []
    for side, (whose, what, _) in SIDES.items():
        rows = table[table["side"] == side]
        known = rows[np.isfinite(rows["most_mw"].astype(float))]
        if len(known):
            least, most = known["least_mw"].min(), known["most_mw"].max()
            share = span([100 * known["least"].min(), 100 * known["most"].max()], 0, "%")
            said.append(f"{span([least, most], 0, 'MW')} ({share}) of the {whose} {what}")
        if len(rows) > len(known):
            markets = count(len(rows) - len(known), "market")
            said.append(f"no certain amount of the {whose} {what} in {markets}")
    if not said:
        return []
    return [
        "Beyond these positions a player would rather not take part, least and greatest over equilibria and "
        f"markets: {listed(said)}."
    ]


def _exact_choice_words(frame: pd.DataFrame) -> list[str]:
    """Whether collusion outlives a free choice of cover, by what everybody expects."""
    known = frame[frame["positions"] != "none"]
    said = []
    for expect, rows in known.groupby("expect", sort=False):
        both, markets = int(rows["two_sided"].sum()), count(rows["network"].nunique(), "market")
        said.append(f"{both} of {len(rows)} equilibria in {markets} if all expect what is {expect}")
    open_ = sorted(set(frame["network"]) - set(known["network"]))
    unsolved = f"no equilibrium of that choice was found in {count(len(open_), 'market')}"
    if not said:
        return [f"Which cover would be chosen is open: {unsolved}."] if open_ else []
    left = f"; {unsolved}" if open_ else ""
    return [f"Where cover is chosen freely first, the spot market stays two-sided in {listed(said)}{left}."]


def _learned_words(frame: pd.DataFrame) -> list[str]:
    """Learned two-sided ends without cover, and with the greatest cover of one side."""
    without = _open(frame)
    if not len(without):
        return []
    said = []
    for whose, what, column in SIDES.values():
        other = "genco_cover" if column == "disco_cover" else "disco_cover"
        rows = frame[(frame[other] == 0) & (frame[column] > 0)]
        top = rows[rows[column] == rows[column].max()]
        if len(top):
            said.append(
                f"{share_of(top['two_sided'])} with {100 * top[column].iloc[0]:.0f} % of the {whose} "
                f"{what} covered"
            )
    if not said:
        return []
    return [
        f"Of the learners, over all markets, {share_of(without['two_sided'])} end two-sided without cover, "
        f"and {listed(said)}."
    ]


def _chosen_words(learned: pd.DataFrame, chosen: pd.DataFrame, rate: float) -> list[str]:
    """What learners who may choose cover do, beside those without a forward market at the same rate."""
    same = chosen[np.isclose(chosen["rate"], rate)]
    without = _open(learned)
    ways = {"less": 0, "more": 0, "as": 0}
    for network in same["network"].unique():
        then, now = (f.loc[f["network"] == network, "two_sided"] for f in (without, same))
        if not len(then):
            continue
        (low, high), (least, most) = (share_interval(int(x.sum()), len(x)) for x in (then, now))
        ways["less" if most < low else "more" if least > high else "as"] += 1
    markets = sum(ways.values())
    if not markets:
        return []
    words = {
        "less": "collude less often",
        "more": "collude more often",
        "as": "collude as often within sampling error",
    }
    said = [f"{words[way]} in {count(k, 'market')}" for way, k in ways.items() if k]
    return [
        f"Learners who may choose their cover take {100 * same['genco_cover'].mean():.0f} % (generator) and "
        f"{100 * same['disco_cover'].mean():.0f} % (retailers) on average; compared with no forward "
        f"market at the same exploration rate, they {listed(said)}."
    ]
