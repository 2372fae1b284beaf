"""What learning on three nodes ends in: shares of seeds with intervals, settling days, and sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from learners.equilibria.shares import share_interval
from studies.study import Results, Summary
from studies.two_sided.three_node_sweep import GAME_KEYS, MINIMAL, NO_RAMP

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
        same = np.isclose(chosen[name], value) if isinstance(value, float) else chosen[name] == value
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


def findings(results: Results, table: pd.DataFrame) -> list[tuple[str, str]]:
    """Questions and answers, each made from the shares."""
    out = []
    apart = pick(table, "rates apart")
    if len(apart):
        worst, best = (apart.sort_values("two-sided", kind="stable").iloc[k] for k in (0, -1))
        out.append(
            (
                "How often does learning end in two-sided collusion?",
                f"In {best['two-sided']:.0%} of seeds at exploration rates {best['genco_rate']:g} (genco) "
                f"and {best['disco_rate']:g} (disco), in {worst['two-sided']:.0%} at "
                f"{worst['genco_rate']:g} and {worst['disco_rate']:g}: exploration "
                "alone decides between almost always and hardly ever."
                if best["two-sided"] - worst["two-sided"] > 0.5
                else f"In {worst['two-sided']:.0%} to {best['two-sided']:.0%} of seeds, whatever the rates.",
            )
        )
    out += _bound_finding(results, table) + _foresight_finding(table) + _policy_finding(table)
    rules = pick(table, "rate")
    if len(set(rules["rule"])) > 1:
        means = rules.groupby("rule")["two-sided"].mean()
        worst_at = rules[rules["genco_rate"] == rules["genco_rate"].max()].set_index("rule")["two-sided"]
        out.append(
            (
                "Does it matter which supporting price the market uses at a tie?",
                f"Mean share over the rates by rule: {_listing(means)}; at the highest rate "
                f"{_listing(worst_at)}. The dispatch is the same; only the price on the full line differs.",
            )
        )
    learned = pick(table, who="Gen-A and Disco-1", policy="entropy", objective="margin")
    if len(learned):
        moving = learned["still moving"]
        out.append(
            (
                "When has it converged?",
                f"The greedy path is settled after a median of {learned['median day'].min():,.0f} to "
                f"{learned['median day'].max():,.0f} days by setting; in {(moving > 0.5).mean():.0%} of the "
                "settings most seeds still change it in the last tenth of their days, because exploration "
                "never ends.",
            )
        )
        known = learned["in equilibrium"].dropna()
        out.append(
            (
                "Are the ends equilibria of the day?",
                f"On the minimal grid {_mean(learned, 'minimal'):.0%} of the ends, on the fine grid "
                f"{_mean(learned, 'fine'):.0%}; over all settings {known.min():.0%} to {known.max():.0%}.",
            )
        )
    both = pick(table, "disco may interrupt in hour 1")
    if len(both):
        out.append(
            (
                "What if Disco-1 may interrupt in hour 1 too (“all are able to learn”)?",
                f"Gen-A's greedy profit falls to a mean of {both['gen_a'].min():,.0f} to "
                f"{both['gen_a'].max():,.0f} $ (398 $ where Disco-1 is passive): Disco-1 makes Gen-A the "
                "marginal unit of hour 1.",
            )
        )
    return out


def _mean(table: pd.DataFrame, grid: str) -> float:
    return float(table.loc[table["grid"] == grid, "in equilibrium"].mean())


def _listing(series: pd.Series) -> str:
    return ", ".join(f"{name} {value:.0%}" for name, value in series.items())


def _bound_finding(results: Results, table: pd.DataFrame) -> list[tuple[str, str]]:
    game = minimal_game(results)
    apart = pd.concat([pick(table, "rates apart"), pick(table, "rates apart, more")])
    if not len(game) or not len(apart):
        return []
    trust, bound = float(game["needed_trust"].iloc[0]), float(game["rate_bound"].iloc[0])
    below, above = (
        apart[side]["two-sided"] for side in (apart["genco_rate"] <= bound, apart["genco_rate"] > bound)
    )
    if not len(below) or not len(above):
        return []
    return [
        (
            "Why can a genco that explores much not sustain it?",
            f"Interrupting pays Disco-1 only if Gen-A offers 199 MW with a probability above {trust:.2g}. A "
            "choice between two offers with that probability has an entropy of "
            f"{bound:.3f} of its maximum, so no Gen-A with an exploration rate above {bound:.3f} can "
            f"play it, whatever it learns. Mean share of two-sided ends: {below.mean():.0%} at rates below "
            f"the bound, {above.mean():.0%} above it.",
        )
    ]


def _foresight_finding(table: pd.DataFrame) -> list[tuple[str, str]]:
    fine = pick(table, "foresight")
    minimal = pick(table, "discount")
    if len(set(fine["gamma"])) < 2 or not len(minimal):
        return []
    low, high = fine["gamma"].min(), fine["gamma"].max()
    wide = fine.pivot_table(index="ramp_mw", columns="gamma", values="alone")
    change = wide[high] - wide[low]
    at = float(change.abs().idxmax())
    others = change.drop(at).abs().max()
    shares = minimal.pivot_table(index="genco_rate", columns="gamma", values="two-sided")
    return [
        (
            "Where does foresight matter?",
            f"At a ramp limit of {at:g} MW/h: there Gen-A frees the line alone in {wide.loc[at, low]:.0%} of "
            f"seeds with γ {low:g} and in {wide.loc[at, high]:.0%} with γ {high:g}, because a low offer in "
            "hour 1 "
            f"opens hour 2. At the other limits the share moves by at most {others:.0%}; on the minimal "
            "grid, where hour 2 pays the same whatever was offered before, two-sided shares move by at most "
            f"{(shares[high] - shares[low]).abs().max():.0%} (sampling error about 7 %).",
        )
    ]


def _policy_finding(table: pd.DataFrame) -> list[tuple[str, str]]:
    policies = pick(table, "policies")
    if len(set(policies["policy"])) < 2:
        return []
    words = []
    for grid, group in policies.groupby("grid", sort=False):
        best = group.loc[group.groupby("policy")["gen_a_online"].idxmax()]
        parts = ", ".join(
            f"{r.policy} {r.gen_a_online:,.0f} $ (at {r.genco_rate:g})" for r in best.itertuples()
        )
        words.append(f"{grid} grid: {parts}")
    return [
        (
            "Is Boltzmann better than ε-greedy?",
            "Gen-A's mean profit while learning, each policy at its best level: " + "; ".join(words) + ".",
        )
    ]
