"""Tables and headline of the self-play study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from studies.self_play.evolving import TAIL, VARIANT_WORDS
from studies.self_play.facts import (
    Capacity,
    CapacityOnOnes,
    FiveBus,
    FiveBusGrid,
    Known,
    PayAsBidMixed,
    TwoBus,
)
from studies.self_play.facts_five_bus import BOUND
from studies.self_play.situations import (
    BENEFITS,
    CAP,
    COST,
    DUOPOLY_DEMAND,
    FIVE_BUS_TOP,
    FIVE_BUS_VALUE,
    LEVELS,
    title_of,
    top_of,
)
from studies.self_play.tabular import LEARNER_WORDS
from studies.study import Results, Row, Summaries, Summary

FIVE_BUS_LOAD = 500.0  # MW
FIRST = {"demand_levels": "sees demand"}  # the kind that opens a situation; "network" elsewhere


def played(results: Results) -> list[str]:
    """The situations whose first kind of strategy has been played, in the order of the document."""
    from studies.self_play.evolving import PLAN

    if "bids" not in results.tables:
        return []
    frame = results["bids"]
    known = set(zip(frame["situation"], frame["kind"], strict=True))
    return [name for name in PLAN if (name, FIRST.get(name, "network")) in known]


def bids(results: Results, situation: str, kind: str) -> Any:
    """Median mark-ups (generations × (session, player)); columns sorted."""
    frame = results["bids"]
    rows = frame[(frame["situation"] == situation) & (frame["kind"] == kind)]
    return rows.pivot_table(index="generation", columns=["session", "player"], values="markup")


def at(results: Results, situation: str, kind: str, generation: int) -> np.ndarray | None:
    """(sessions, players) median mark-ups in a generation, None where it was not reached."""
    table = bids(results, situation, kind)
    if generation not in table.index:
        return None
    return by_run(table.loc[generation])


def tail_of(generations: int) -> int:
    """Over how many last generations ends are averaged: at most a quarter of all."""
    return max(1, min(TAIL, generations // 4))


def ends(results: Results, situation: str, kind: str) -> np.ndarray:
    """(sessions, players) mean of the median mark-ups of the last generations."""
    table = bids(results, situation, kind)
    return by_run(table.tail(tail_of(len(table))).mean())


def by_run(values: Any) -> np.ndarray:
    """(sessions, players) of a series indexed by both, in their order."""
    sessions, players = (len(values.index.unique(level)) for level in ("session", "player"))
    return np.asarray(values.sort_index().to_numpy(dtype=float)).reshape(sessions, players)


def benefits(results: Results, situation: str, kind: str) -> pd.Series:
    """Mean benefits of the last generations, over all sessions."""
    frame = results["benefits"]
    rows = frame[(frame["situation"] == situation) & (frame["kind"] == kind)]
    most = int(rows["generation"].max()) if len(rows) else 0
    return rows[rows["generation"] > most - tail_of(most)][list(BENEFITS)].mean()


def facts(results: Results) -> Known:
    """The exact facts; none of an unfinished run."""
    frame = results.tables.get("facts")
    return Known.of_rows(() if frame is None else frame[["fact", "value", "words"]].itertuples(index=False))


def near_equilibrium(situation: str, found: np.ndarray, known: Known, slack: float) -> np.ndarray:
    """(sessions,) whether mark-ups (sessions, players) are those of a pure equilibrium, within `slack`.

    Where a bid does not set the price it may be anything that keeps the others' best replies as they are.
    """
    low, high = found.min(axis=1), found.max(axis=1)
    if situation in ("many", "bertrand"):
        return np.asarray(high <= slack)
    if situation == "half_load":
        return np.asarray(high >= 100 - slack)
    if situation == "capacity_uniform":
        edge = known.of(Capacity).indifference - COST
        return np.asarray((high >= 100 - slack) & (low <= edge + slack))
    if situation == "five_bus_100":
        one, two, three = found.T
        first = (one <= BOUND[0] + slack) & (two >= 30 - slack)
        second = (two <= BOUND[1] + slack) & (one >= 30 - slack)
        return np.asarray((three >= 30 - slack) & (first | second))
    return np.zeros(len(found), dtype=bool)


def theory(situation: str, known: Known) -> tuple[tuple[float, float] | None, list[float], str]:
    """(band, levels, words): what exact equilibria say of mark-ups in a situation."""
    if situation.startswith("two_bus_"):
        found = known.of(TwoBus, line=situation.removeprefix("two_bus_"))
        low, mean = found.least_markup, found.mean_markup
        return (low, 100.0), [mean], f"mixed on [{low:.1f}, 100], mean {mean:.1f}"
    if situation == "capacity_uniform":
        edge = known.of(Capacity).indifference - COST
        return (0.0, edge), [100.0], f"one at 100, the other in [0, {edge:g}]"
    if situation == "capacity_pay_as_bid":
        edge = known.of(PayAsBidMixed).least_bid - COST
        return (edge, 100.0), [], f"mixed on [{edge:g}, 100]"
    if situation == "five_bus_100":
        return (0.0, BOUND[0]), [FIVE_BUS_TOP], "(low, 30, 30) or (30, low, 30)"
    if situation == "five_bus_200":
        return None, [], f"{known.of(FiveBusGrid, limit=200, step=1).equilibria:g} pure on steps of 1"
    if situation == "demand_levels":
        return None, [], "0 at 90 MW; one at 100 at 160 and 200 MW"
    return None, [100.0 if situation == "half_load" else 0.0], "100" if situation == "half_load" else "0"


def competitive_price(situation: str, known: Known) -> float:
    """Mean price when all bid at cost [$/MWh]."""
    if not situation.startswith("five_bus_"):
        return COST
    limit = situation.removeprefix("five_bus_")
    return FIVE_BUS_VALUE - known.of(FiveBus, limit=limit, markups="0, 0, 0").consumers / FIVE_BUS_LOAD


def exact_price(situation: str, known: Known) -> float:
    """Mean price paid in the exact equilibrium, NaN where there is no pure one on the finest grid [$/MWh]."""
    if situation.startswith("two_bus_"):
        return COST + known.of(TwoBus, line=situation.removeprefix("two_bus_")).mean_markup
    if situation == "five_bus_100":
        return FIVE_BUS_VALUE - known.of(FiveBus, limit=100, markups="0, 30, 30").consumers / FIVE_BUS_LOAD
    if situation == "five_bus_200":
        return float("nan")
    if situation == "capacity_pay_as_bid":  # each expects (cap − cost)(D − K), and the two sell D
        return COST + 2 * known.of(CapacityOnOnes).high_profit / DUOPOLY_DEMAND
    return COST if situation in ("many", "bertrand") else CAP


def summarise(results: Results) -> dict[str, Summary]:
    """Everything the page shows as tables."""
    out = {}
    if played(results):
        out["ends"] = Summary(
            "Where bids end", _ends_table(results),
            f"Median mark-ups, mean of the last {TAIL} generations (a quarter of short runs); "
            "sellers sorted by bid within each "
            f"run, so "
            "that it does not matter who is the high one. Q-learning: mean of the cycle of greedy play.",
        )  # fmt: skip
        out["benefits"] = Summary(
            "Who gains", _benefit_table(results),
            "Mean over all matches of the last generations, and over the cycle of Q-learners. Consumers "
            "value "
            "what they use at the greatest price possible.",
        )  # fmt: skip
    if "by_level" in results.tables:
        frame = results["by_level"].groupby(["kind", "level", "session"])["markup"].agg(["min", "max"])
        table = frame.groupby(["kind", "level"], sort=False).mean().reset_index()
        table["demand MW"] = [LEVELS[k] for k in table.pop("level")]
        table["kind"] = [VARIANT_WORDS[k] for k in table["kind"]]
        out["by_level"] = Summary(
            "Mark-ups by demand",
            table.rename(columns={"kind": "strategies", "min": "lower bid", "max": "higher bid"}),
            "Mean mark-ups at each level of demand, lower and higher seller of each run. At 160 and 200 "
            "MW the "
            "lower bid does not set the price.",
        )  # fmt: skip
    if "discrete" in results.tables:
        out["discrete"] = Summary(
            "Bertrand with few mark-ups", discrete_table(results), "Median mark-ups at the end."
        )
    if "reruns" in results.tables:
        out["reruns"] = Summary(
            "Equilibria found on five buses, 100 MW",
            rerun_table(results),
            "First held for 10 generations, high bidders within 1 $/MWh of 30.",
        )
    if "facts" in results.tables:
        frame = results["facts"][["fact", "value", "words"]]
        shown = frame.rename(columns={"words": "in words"})
        out["facts"] = Summary("Exact facts", shown, "Nothing in these is learned.")
    return out


def _ends_table(results: Results) -> pd.DataFrame:
    known, rows = facts(results), []
    for situation in played(results):
        frame = results["bids"]
        kinds = frame.loc[frame["situation"] == situation, "kind"].unique()
        for kind in kinds:
            rows.append(_end_row(situation, VARIANT_WORDS[kind], ends(results, situation, kind), known))
        learned = results.tables.get("learned")
        if learned is not None:
            part = learned[learned["situation"] == situation]
            for kind in part["kind"].unique():
                table = part[part["kind"] == kind].pivot_table(
                    index="session", columns="player", values="markup"
                )
                rows.append(_end_row(situation, LEARNER_WORDS[kind], table.to_numpy(), known))
    return pd.DataFrame(rows)


def _end_row(situation: str, words: str, found: np.ndarray, known: Known) -> Row:
    order = np.sort(found, axis=1)
    if situation.startswith("five_bus"):
        shown = "(" + ", ".join(f"{v:.1f}" for v in found.mean(axis=0)) + ")"
    else:
        shown = f"{order[:, 0].mean():.1f} to {order[:, -1].mean():.1f}"
    return {
        "situation": title_of(situation), "strategies": words, "runs": len(found),
        "mark-ups, lowest to highest seller": shown, "least": found.min(), "greatest": found.max(),
        "exact equilibria": theory(situation, known)[2],
    }  # fmt: skip


def _benefit_table(results: Results) -> pd.DataFrame:
    rows = []
    words = {"price": "mean price $/MWh", "consumer": "consumers $/h", "producer": "producers $/h",
             "rent": "congestion rent $/h", "welfare": "total $/h"}  # fmt: skip
    frame, learned = results["benefits"], results.tables.get("learned_benefits")
    for situation in played(results):
        for kind in frame.loc[frame["situation"] == situation, "kind"].unique():
            mean = benefits(results, situation, kind)
            rows.append(
                {"situation": title_of(situation), "strategies": VARIANT_WORDS[kind]} | _named(mean, words)
            )
        if learned is not None:
            part = learned[learned["situation"] == situation]
            for kind, group in part.groupby("kind", sort=False):
                mean = group[list(BENEFITS)].mean()
                rows.append(
                    {"situation": title_of(situation), "strategies": LEARNER_WORDS[str(kind)]}
                    | _named(mean, words)
                )
    return pd.DataFrame(rows)


def _named(mean: pd.Series, words: dict[str, str]) -> dict[str, float]:
    return {words[name]: float(mean[name]) for name in BENEFITS}


def discrete_table(results: Results) -> pd.DataFrame:
    """Grid by grid: equilibria, the highest strict one, and how many runs ended there."""
    from studies.self_play.facts_prices import grid_words
    from studies.self_play.study import GRIDS

    rows = []
    frame = results["discrete"]
    for (part, kind), group in frame.groupby(["part", "kind"], sort=False):
        sessions = group.pivot_table(index="session", columns="player", values="markup")
        strict = float(group["highest_strict"].iloc[0])
        name = grid_words(GRIDS[int(str(kind))]) if part == "grid" else f"{kind} equal steps"
        listed = str(group["equilibria"].iloc[0])
        rows.append(
            {"grid": name, "levels": int(group["levels"].iloc[0]), "even": part == "count",
             "symmetric equilibria": listed if len(listed) < 40 else f"{listed[:36]} ...",
             "highest strict one": strict, "runs": len(sessions),
             "runs that end there": int((sessions == strict).all(axis=1).sum()),
             "mean mark-up at the end": float(sessions.to_numpy().mean())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def rerun_table(results: Results) -> pd.DataFrame:
    """How many runs found which equilibrium, and how fast."""
    rows = []
    for kind, group in results["reruns"].groupby("kind", sort=False):
        found = group[group["generation"] > 0]
        for name in ("(low, 30, 30)", "(30, low, 30)", "none"):
            part = group[group["equilibrium"] == name]
            first = found.loc[found["equilibrium"] == name, "generation"]
            rows.append(
                {"strategies": VARIANT_WORDS[str(kind)], "equilibrium": name, "runs": len(part),
                 "of": len(group), "median generation": float(first.median()) if len(first) else np.nan,
                 "90 % by generation": float(first.quantile(0.9)) if len(first) else np.nan}
            )  # fmt: skip
    return pd.DataFrame(rows)


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """One figure of each situation."""
    known, tiles = facts(results), []
    for situation in played(results):
        kind = FIRST.get(situation, "network")
        found = np.sort(ends(results, situation, kind), axis=1)
        low, high = float(found[:, 0].mean()), float(found[:, -1].mean())
        shown = f"{low:.1f}" if high - low < 0.05 * top_of(situation) else f"{low:.0f} to {high:.0f}"
        tiles.append((f"{shown} $/MWh", f"{title_of(situation)}; exact: {theory(situation, known)[2]}"))
    return tiles
