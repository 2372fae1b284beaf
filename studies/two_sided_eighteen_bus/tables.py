"""Tables and sentences of the 18-bus study."""

from __future__ import annotations

import numpy as np
import pandas as pd

from learners.equilibria.shares import share_interval
from studies.printed import read_claims
from studies.registry import claims_path
from studies.study import Results, Summaries, Summary
from studies.two_sided_eighteen_bus.general_market import general_findings, general_summary
from studies.two_sided_eighteen_bus.market import EXPERIMENTS, LINES, SHOWN

SETTING = ["placement", "rate", "ramp", "discos", "gamma", "memory", "lines"]
DISCOS = ("D1", "D2", "D3")
PRICES = tuple(
    (str(entry.of["experiment"]), str(entry.of["agent"]), entry.printed)
    for entry in read_claims(claims_path("two_sided_eighteen_bus"))
    if entry.figure == "price_near"
)
"""Experiment, agent, printed price [$/MWh]."""


def price_of(
    frame: pd.DataFrame, placement: str, experiment: str, agent: str, column: str = "price"
) -> float:
    """One number of an experiment, NaN where the run leaves it out."""
    rows = frame[
        (frame["placement"] == placement) & (frame["experiment"] == experiment) & (frame["agent"] == agent)
    ]
    return float(rows[column].iloc[0]) if len(rows) else float("nan")


def flow_of(results: Results, placement: str, experiment: str, line: int) -> tuple[float, float]:
    """Flow and limit of a line in an experiment [MW]."""
    flows = results["flows"]
    rows = flows[
        (flows["placement"] == placement) & (flows["experiment"] == experiment) & (flows["line"] == line)
    ]
    return float(rows["flow_mw"].iloc[0]), float(rows["limit_mw"].iloc[0])


def ends_table(results: Results) -> pd.DataFrame:
    """One row per learning setting: mean ends, who joins in how many seeds, how often in an equilibrium."""
    ends, solved = results["ends"], results["solved"]
    rows = []
    for values, group in ends.groupby(SETTING, sort=False):
        row = dict(zip(SETTING, values, strict=True))
        same = np.logical_and.reduce([solved[name] == row[name] for name in SETTING])
        known = solved[same & (solved["kind"] == "equilibrium")]
        columns = ["G1_mw", "D1_mw", "D2_mw", "D3_mw"]
        equilibria = set(map(tuple, known[columns].to_numpy().tolist()))
        found = [tuple(end) in equilibria for end in group[columns].to_numpy().tolist()]
        top = group[columns].value_counts()
        row |= {"seeds": len(group), "G1_mw": group["G1_mw"].mean(), "G1_profit": group["G1_profit"].mean()}
        row |= {f"{name}_profit": group[f"{name}_profit"].mean() for name in DISCOS}
        row |= {f"{name}_joins": float((group[f"{name}_mw"] > 0).mean()) for name in DISCOS}
        row["commonest"] = ", ".join(f"{v:g}" for v in top.index[0])
        row["share"] = float(top.iloc[0] / len(group))
        row |= {"equilibria": len(known), "in_equilibrium": float(np.mean(found))}
        row |= {"visited": float(group["visited"].mean()), "line4_mw": group["line4_mw"].mean()}
        rows.append(row)
    return pd.DataFrame(rows)


def pick_end(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Rows with these values; without a limit on lines and memory unless asked for."""
    wanted = {"lines": "", "memory": "none"} | wanted
    return table[np.logical_and.reduce([table[name] == value for name, value in wanted.items()])]


def summarise(results: Results) -> dict[str, Summary]:
    """All tables of the page."""
    out = {}
    table = ends_table(results) if "ends" in results.tables else pd.DataFrame()
    found = findings(results, table)
    out["findings"] = Summary(
        "What was found", pd.DataFrame(found, columns=["question", "answer"]),
        "Sentences made from the tables below.",
    )  # fmt: skip
    out["experiments"] = Summary(
        "Experiments of section 5, cleared",
        experiment_table(results),
        "Prices [$/MWh] and profits [$ per hour] of the agents named there. Prices are unique unless an "
        "interval is given.",
    )
    if len(table):
        out["ends"] = Summary(
            "Where learning ends",
            _shown(table),
            "Greedy actions after the last day. Joins: share of seeds in which the disco interrupts. "
            "The commonest end is G1's offer and the interruptions of D1, D2, D3 [MW]. Equilibria: of the "
            "same market hour among these four.",
        )
        out["solved"] = Summary("Pure equilibria of the same games", _solved(results))
    if "everyone" in results.tables:
        out["everyone"] = Summary(
            "All 12 gencos and 12 discos learn",
            everyone_table(results),
            "Means over seeds. Moved: capacity withheld or load interrupted in the end. Passive: the profit "
            "where nobody moves. Could gain: by the best other action alone, the others at their ends.",
        )
    if "general" in results.tables:
        out["general"] = general_summary(results)
    return out


def experiment_table(results: Results) -> pd.DataFrame:
    """One row per placement and experiment."""
    frame = results["experiments"]
    rows = []
    for placement in frame["placement"].unique():
        for key, (words, *_) in EXPERIMENTS.items():
            row: dict[str, object] = {"placement": placement, "experiment": words}
            for name in SHOWN:
                low, high = (price_of(frame, placement, key, name, end) for end in ("low", "high"))
                price = f"{price_of(frame, placement, key, name):.2f}".replace("nan", "not feasible")
                row[f"{name} $/MWh"] = f"{price} [{low:.2f}, {high:.2f}]" if high - low > 1e-6 else price
                if name in ("G1", *DISCOS):
                    row[f"{name} $"] = np.round(price_of(frame, placement, key, name, "profit"))
            for line in LINES:
                flow, limit = flow_of(results, placement, key, line)
                row[f"line {line} MW"] = f"{flow:.0f}" + (" full" if abs(flow) > limit - 1e-6 else "")
            rows.append(row)
    return pd.DataFrame(rows)


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    out = pd.DataFrame(
        {
            "placement": table["placement"], "Er": table["rate"],
            "G1": np.where(table["ramp"], "1060 MW or more", "free"),
            "D1 to D3": np.where(table["discos"], "learn", "passive"),
            "γ, memory of G1": [
                "none" if m == "none" else f"{g:g}, own offer"
                for g, m in zip(table["gamma"], table["memory"], strict=True)
            ],
            "line limits": table["lines"].replace("", "as given"),
            "seeds": table["seeds"], "G1 MW": table["G1_mw"].round(0), "G1 $": table["G1_profit"].round(0),
        }
    )  # fmt: skip
    for name in DISCOS:
        out[f"{name} $"] = table[f"{name}_profit"].round(0)
        out[f"{name} joins %"] = (100 * table[f"{name}_joins"]).round(0)
    out["commonest end"] = table["commonest"]
    out["its share %"] = (100 * table["share"]).round(0)
    out["in equilibrium %"] = (100 * table["in_equilibrium"]).round(0)
    out["profiles visited"] = table["visited"].round(0)
    return out


def _solved(results: Results) -> pd.DataFrame:
    solved = results["solved"].drop_duplicates(
        ["placement", "ramp", "discos", "lines", "kind", "G1_mw", "D1_mw", "D2_mw", "D3_mw"]
    )
    columns = {"placement": "placement", "ramp": "G1 from 1060 MW", "discos": "discos act",
               "lines": "line limits",
               "kind": "kind", "G1_mw": "G1 MW", "D1_mw": "D1 MW", "D2_mw": "D2 MW", "D3_mw": "D3 MW",
               "G1_profit": "G1 $", "D1_profit": "D1 $", "D2_profit": "D2 $",
               "D3_profit": "D3 $"}  # fmt: skip
    out = solved[list(columns)].rename(columns=columns)
    return out.replace({True: "yes", False: "no", "": "as given"}).round(0)


def everyone_table(results: Results) -> pd.DataFrame:
    """Means by placement, rate and agent."""
    frame = results["everyone"]
    means = frame.groupby(["placement", "rate", "agent"], sort=False)[
        ["moved_mw", "profit", "passive", "gain_alone", "price"]
    ].mean()
    moved = frame.assign(moves=frame["moved_mw"] > 0).groupby(["placement", "rate", "agent"], sort=False)[
        "moves"
    ]
    means.insert(0, "moves %", 100 * moved.mean())
    words = {"moved_mw": "moved MW", "profit": "profit $", "passive": "passive $",
             "gain_alone": "could gain $",
             "price": "price $/MWh"}  # fmt: skip
    return means.reset_index().rename(columns=words).round(1)


def findings(results: Results, table: pd.DataFrame) -> list[tuple[str, str]]:
    """Questions and answers, each made from the results."""
    frame = results["experiments"]
    out = []
    for place in frame["placement"].unique():
        alone = max(
            (price_of(frame, place, k, "G1", "profit"), k) for k in ("alone 40", "alone 80", "alone 90")
        )
        joint = max((price_of(frame, place, k, "G1", "profit"), k) for k in ("G1 D1 D3", "G1 D2 D3"))
        better = "more than" if alone[0] > joint[0] else "less than"
        out.append(
            (
                f"Does G1 need the discos? ({place} placement)",
                f"Alone it earns up to {alone[0]:,.0f} $ ({EXPERIMENTS[alone[1]][0]}), {better} the "
                f"{joint[0]:,.0f} $ of {EXPERIMENTS[joint[1]][0]}. Nobody withholding it earns "
                f"{price_of(frame, place, 'base', 'G1', 'profit'):,.0f} $.",
            )
        )
    for place in frame["placement"].unique() if len(table) else ():
        out += _learned(table, place)
    if "everyone" in results.tables:
        frame = results["everyone"]
        moved = frame.assign(moves=frame["moved_mw"] > 0)
        side = np.where(moved["agent"].str.startswith("G"), "gencos", "discos")
        shares = moved.groupby(side)["moves"].mean()
        gain = frame["profit"] - frame["passive"]
        g, d = gain[side == "gencos"], gain[side == "discos"]
        count = len(frame.groupby(["placement", "rate", "seed"]))
        out.append(
            (
                "What do all 24 agents learn?",
                f"In the end {shares['gencos']:.0%} of the gencos withhold and {shares['discos']:.0%} of the "
                f"discos interrupt. Together the gencos earn {g.sum() / count:,.0f} $ an hour more than "
                "where "
                f"nobody moves, the discos {d.sum() / count:,.0f} $ more."
                if d.sum() >= 0
                else f"In the end {shares['gencos']:.0%} of the gencos withhold and {shares['discos']:.0%} "
                "of "
                f"the discos interrupt. Together the gencos earn {g.sum() / count:,.0f} $ an hour more than "
                f"where nobody moves, the discos {-d.sum() / count:,.0f} $ less.",
            )
        )
    return out + (general_findings(results) if "general" in results.tables else [])


def _learned(table: pd.DataFrame, place: str) -> list[tuple[str, str]]:
    """What the ramp limit and the lines change for one placement."""
    out = []
    held = pick_end(table, placement=place, ramp=True)
    free = pick_end(table, placement=place, ramp=False)
    if len(held) and len(free):

        def mean(rows: pd.DataFrame, discos: bool) -> float:
            return float(rows.loc[rows["discos"] == discos, "G1_profit"].mean())

        out.append(
            (
                f"What does a ramp limit change? ({place} placement)",
                f"With it (G1 offers 1060 MW or more) G1 learns to earn {mean(held, False):,.0f} $ beside "
                f"passive discos and {mean(held, True):,.0f} $ beside learning ones; without it "
                f"{mean(free, False):,.0f} and {mean(free, True):,.0f} $.",
            )
        )  # fmt: skip
    lines = table[
        (table["placement"] == place) & (table["memory"] == "none") & table["discos"] & ~table["ramp"]
    ]
    lines = lines[lines["rate"].isin(lines.loc[lines["lines"] != "", "rate"])]
    if len(lines) > 1:
        shares = [
            f"{str(row.lines).replace('=', ' at ') or 'as given'}{' MW' if row.lines else ''} "
            f"{row.D3_joins:.0%}"
            for row in lines.itertuples()
        ]
        out.append(
            (
                f"Which line makes D3 join? ({place} placement)",
                "Share of seeds in which D3 interrupts, by line limits: " + ", ".join(shares) + ".",
            )
        )
    return out


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """Figures for the head of the page."""
    frame = results["experiments"]
    place = frame["placement"].iloc[0]
    alone = max(price_of(frame, place, k, "G1", "profit") for k in ("alone 40", "alone 80", "alone 90"))
    joint = price_of(frame, place, "G1 D1 D3", "G1", "profit")
    out = [
        (f"{alone:,.0f} $", f"an hour for G1 alone at its best ({place} placement)"),
        (f"{joint:,.0f} $", "an hour for G1 in collusion with D1 and D3"),
    ]
    if "ends" in results.tables:
        table = ends_table(results)
        free = pick_end(table, placement=place, ramp=False, discos=True)
        if len(free):
            hits = round(float((free["D3_joins"] * free["seeds"]).sum()))
            low, high = share_interval(hits, int(free["seeds"].sum()))
            out.append((f"{low:.0%} to {high:.0%}", "of seeds end with D3 interrupting, no ramp limit"))
    return out
