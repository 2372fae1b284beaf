"""What learning on three nodes ends in: shares of seeds with intervals, settling days, and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from learners.equilibria.shares import share_interval
from studies.study import Results, Summary
from studies.two_sided_three_node.sweep import GAME_KEYS, MINIMAL, NO_RAMP

SETTING = (
    "sweeps", "grid", "rule", "genco_rate", "disco_rate", "policy", "alpha", "gamma", "ramp_mw", "start",
    "disco_hours", "objective", "who", "days",
)  # fmt: skip
WORDS = {
    "grid": "{} grid", "rule": "rule {}", "genco_rate": "Er genco {:g}", "disco_rate": "Er disco {:g}",
    "policy": "{}", "alpha": "α {:g}", "gamma": "γ {:g}", "ramp_mw": "ramp {:g} MW/h", "start": "start {}",
    "disco_hours": "IL in {} hours", "objective": "disco minimises {}", "who": "{}", "days": "{:g} days",
}  # fmt: skip
PLAN = ["offer1_mw", "offer2_mw", "cut1_mw", "cut2_mw"]


def share_table(results: Results) -> pd.DataFrame:
    """One row per learning setting: its values, shares with 95 % intervals, profits, settling days."""
    seeds = results["seeds"]
    solved = results["day_equilibria"].groupby(list(GAME_KEYS))[PLAN].agg(list) if len(seeds) else None
    rows = []
    for values, group in seeds.groupby(list(SETTING), sort=False):
        row: dict[str, Any] = dict(zip(SETTING, values, strict=True))
        count = len(group)
        row["seeds"] = count
        for name in ("two-sided", "alone", "congested"):
            row[name] = float((group["outcome"] == name).mean())
        low, high = share_interval(int((group["outcome"] == "two-sided").sum()), count)
        row |= {"low": float(low), "high": float(high)}
        row["at 796"] = float(np.isclose(group["gen_a"], 796.0).mean())
        for name in ("gen_a", "disco_1", "gen_a_online", "disco_1_online"):
            row[name] = float(group[name].mean())
        row["median day"] = float(group["settled_day"].median())
        row["90 % day"] = float(group["settled_day"].quantile(0.9))
        row["still moving"] = float((group["settled_day"] >= 0.9 * row["days"]).mean())
        key = tuple(row[k] for k in GAME_KEYS)
        row["in equilibrium"] = np.nan
        if solved is not None and key in solved.index and row["who"] != "all five":
            known = set(zip(*(solved.loc[key, c] for c in PLAN), strict=True))
            ends = zip(*(group[c] for c in PLAN), strict=True)
            row["in equilibrium"] = float(np.mean([end in known for end in ends]))
        rows.append(row)
    return pd.DataFrame(rows)


def pick(table: pd.DataFrame, sweep: str = "", **wanted: Any) -> pd.DataFrame:
    """Rows of a sweep with these values; where no value is asked for, what the sweep itself has."""
    chosen = table
    if sweep:
        chosen = chosen[[sweep in words.split("; ") for words in chosen["sweeps"]]]
    for name, value in wanted.items():
        same = np.isclose(chosen[name], value) if isinstance(value, int | float) else chosen[name] == value
        chosen = chosen[same]
    return chosen


def setting_words(row: Mapping[str, Any]) -> str:
    """What of a setting differs from the plainest one, in words."""
    words = [
        WORDS[name].format("no limit" if name == "ramp_mw" and row[name] >= NO_RAMP else row[name])
        if not (name == "ramp_mw" and row[name] >= NO_RAMP)
        else "no ramp limit"
        for name in WORDS
        if name in ("genco_rate", "disco_rate") or (name in MINIMAL and row[name] != MINIMAL[name])
    ]
    return ", ".join(words)


def shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table of shares as a reader wants it."""
    out = pd.DataFrame(
        {
            "sweep": table["sweeps"],
            "setting": [
                setting_words(dict(zip(SETTING, row, strict=True))) for row in table[list(SETTING)].to_numpy()
            ],
            "days": table["days"],
            "seeds": table["seeds"],
            "two-sided %": 100 * table["two-sided"],
            "95 % from": 100 * table["low"],
            "to": 100 * table["high"],
            "alone %": 100 * table["alone"],
            "congested %": 100 * table["congested"],
            "in an equilibrium %": 100 * table["in equilibrium"],
            "A $": table["gen_a"],
            "D1 $": table["disco_1"],
            "A $ while learning": table["gen_a_online"],
            "D1 $ while learning": table["disco_1_online"],
            "settled, median day": table["median day"],
            "settled, 90 % day": table["90 % day"],
        }
    )
    return out.round(1)


def learning_summaries(results: Results) -> dict[str, Summary]:
    """Findings in sentences, shares, and the day's equilibria."""
    from studies.two_sided_three_node.learning_findings import findings

    table = share_table(results)
    days = results["day_games"].merge(_listed(results), how="left", on=list(GAME_KEYS))
    words = {
        "grid": "grid", "rule": "price rule", "ramp_mw": "ramp MW/h", "start": "before hour 1",
        "disco_hours": "IL in hours", "objective": "disco minimises or maximises", "who": "who learns",
        "equilibria": "pure equilibria", "plans_shown": "offers and interruptions in both hours",
        "joint": "joint optimum $", "needed_trust": "trust that D1 needs", "rate_bound": "bound on Er of A",
    }  # fmt: skip
    return {
        "findings": Summary(
            "What was found",
            pd.DataFrame(findings(results, table), columns=["question", "answer"]),
            "Sentences made from the tables below.",
        ),
        "shares": Summary(
            "Where learning ends",
            shown(table),
            "Share of seeds by what the greedy actions do in hour 2 after the last day, Wilson intervals. "
            "Two-sided: Gen-A earns there and would not if Disco-1 interrupted nothing; alone: it would. "
            "Only what differs from "
            f"{setting_words(MINIMAL)}, minimal grid, γ 0.95, α 0.1, rule high, ramp 4 MW/h is named. "
            "In an equilibrium: "
            "the end is a pure equilibrium of the same day. Settled: the day after which the greedy actions "
            "on the path stay.",
        ),
        "day_equilibria": Summary(
            "Pure equilibria of the same days",
            days[list(words)].rename(columns=words).round(4),
            "A plan is both hours' offer or interruption, as A 199→200, D1 0→20 MW. Trust: the probability "
            "of 199 MW at which Disco-1 is indifferent between 20 MW and nothing; the bound is the "
            "exploration rate at which Gen-A plays its better offer with just that probability.",
        ),
    }


def headline(results: Results) -> list[tuple[str, str]]:
    """Figures for the head of the page."""
    table = share_table(results)
    out = []
    apart = pick(table, "rates apart")
    if len(apart):
        for k in (-1, 0):
            row = apart.sort_values("two-sided", kind="stable").iloc[k]
            out.append(
                (
                    f"{row['two-sided']:.0%}",
                    f"of seeds end in two-sided collusion when the genco explores at "
                    f"{row['genco_rate']:g} and the disco at {row['disco_rate']:g}",
                )
            )
    bound = minimal_game(results)["rate_bound"]
    if len(bound):
        out.append((f"{bound.iloc[0]:.3f}", "is the exploration rate beyond which no genco can sustain it"))
    return out


def minimal_game(results: Results) -> pd.DataFrame:
    """The solved day of the minimal grid under rule high, no row where it is not part of the run."""
    return pick(results["day_games"], **{name: MINIMAL[name] for name in GAME_KEYS if name != "ramp_mw"})


def _listed(results: Results) -> pd.DataFrame:
    """Each game's equilibria in words."""

    def one(group: pd.DataFrame) -> str:
        texts = [
            f"A {r.offer1_mw:g}→{r.offer2_mw:g}, D1 {r.cut1_mw:g}→{r.cut2_mw:g}: "
            f"{r.gen_a:g} $, {r.disco_1:g} $" + ("" if r.strict else " (not strict)")
            for r in group.itertuples()
        ]  # fmt: skip
        return "; ".join(texts[:5]) + (f"; and {len(texts) - 5} more" if len(texts) > 5 else "")

    keys = list(GAME_KEYS)
    found = [(*k, one(g)) for k, g in results["day_equilibria"].groupby(keys, sort=False)]
    return pd.DataFrame(found, columns=[*keys, "plans_shown"])
