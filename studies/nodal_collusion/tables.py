"""Tables and headline of the nodal-collusion study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from learners.equilibria.indices import collusion_index, mean_interval
from studies.nodal_collusion.cells import COMPETITIVE, CYCLE, JOINT, NASH, TREATMENTS
from studies.study import Results, Summaries, Summary

MONEY = {
    "price": "mean price $/MWh", "bill": "consumers pay $/h", "firms": "firms' profit $/h",
    "fringe": "fringe's profit $/h", "rent": "operator keeps $/h", "cost": "cost of generation $/h",
}  # fmt: skip
BUSES_SHOWN = 15


def outcome(results: Results, case: str, name: str) -> pd.Series | None:
    """The row of a yardstick, None where the case has none."""
    frame = results["outcomes"]
    rows = frame[(frame["case"] == case) & (frame["outcome"] == name)]
    return rows.iloc[0] if len(rows) else None


def sessions(results: Results, case: str, treatment: str = "memory") -> pd.DataFrame:
    """One row per session."""
    frame = results["sessions"]
    return frame[(frame["case"] == case) & (frame["part"] == treatment)]


NEEDED = (
    "outcomes", "prices", "certificates", "firms", "joint_lines", "learned_lines", "learned_prices",
)  # fmt: skip


def finished_cases(results: Results) -> list[str]:
    """The cases of a run with yardsticks, lines, and sessions of every kind."""
    if not {*NEEDED, "sessions", "players"} <= set(results.tables):
        return []
    parts = [set(results[name]["case"]) for name in NEEDED]
    learned = results["sessions"]
    parts += [set(learned.loc[learned["part"] == kind, "case"]) for kind in TREATMENTS]
    return [case for case in results.spec.cases if all(case in part for part in parts)]


def rivalry(results: Results, case: str) -> tuple[str, float]:
    """The most that rivalry without threats explains: (its name, the firms' total profit [$/h]).

    The static Nash equilibrium of highest profit, or where there is none the mean of the cycle of best
    replies (NaN where best replies end nowhere).
    """
    for name in (NASH[1], NASH[0], CYCLE):
        row = outcome(results, case, name)
        if row is not None:
            return name, float(row["firms"])
    return "none", float("nan")


def transfers(results: Results, case: str) -> dict[str, float]:
    """Who gains and loses [$/h] between competition and the mean of what was learned; sums to zero."""
    then, now = outcome(results, case, COMPETITIVE), sessions(results, case)[list(MONEY)].mean()
    assert then is not None
    return {
        "firms": float(now["firms"] - then["firms"]),
        "fringe": float(now["fringe"] - then["fringe"]),
        "operator": float(now["rent"] - then["rent"]),
        "consumers": float(then["bill"] - now["bill"]),
        "spent on dearer generation": float(now["cost"] - then["cost"]),
    }


def bus_changes(results: Results, case: str) -> Any:
    """By bus in the order of the grid: load, competitive and learned price, standard error, extra bill."""
    old = results["prices"]
    old = old[(old["case"] == case) & (old["outcome"] == COMPETITIVE)].set_index("bus")
    new = results["learned_prices"]
    groups = new[new["case"] == case].groupby("bus", sort=False)
    frame = old[["load_mw", "lmp", "bill"]].rename(columns={"lmp": "competitive", "bill": "bill_then"})
    frame["learned"], frame["spread"] = groups["lmp"].mean(), groups["lmp"].std(ddof=1)
    frame["rise"] = frame["learned"] - frame["competitive"]
    frame["extra_bill"] = groups["bill"].mean() - frame["bill_then"]
    return frame


def line_effects(results: Results, case: str) -> Any:
    """By branch set free: what the firms gain over competition as learned, and at the joint optimum [$/h].

    Columns gain, joint_gain (with all limits: row "none"), adds and joint_adds: what the limit adds.
    """
    learned, joint = results["learned_lines"], results["joint_lines"]
    gain: Any = learned[learned["case"] == case].groupby("without", sort=False)[["gain", "price_rise"]].mean()
    best = joint[joint["case"] == case].set_index("without")["joint_gain"]
    frame: Any = gain.join(best, how="outer")
    frame["adds"] = frame.loc["none", "gain"] - frame["gain"]
    frame["joint_adds"] = frame.loc["none", "joint_gain"] - frame["joint_gain"]
    return frame


def index_rows(results: Results, case: str, treatment: str) -> dict[str, Any]:
    """Indices of collusion of a kind of learner, with Student's intervals over the sessions."""
    frame = sessions(results, case, treatment)
    low, high = outcome(results, case, COMPETITIVE), outcome(results, case, JOINT)
    assert low is not None
    assert high is not None
    name, rival = rivalry(results, case)
    row: dict[str, Any] = {"case": case, "learners": TREATMENTS[treatment], "sessions": len(frame)}
    for words, base in (("competition", float(low["firms"])), ("rivalry", rival)):
        values = [collusion_index(v, base, float(high["firms"])) for v in frame["firms"]]
        interval = mean_interval(values) if np.isfinite(values).all() else None
        row[f"Δ over {words}"] = interval.estimate if interval else np.nan
        row[f"± {words}"] = interval.high - interval.estimate if interval else np.nan
    players = results["players"]
    players = players[(players["case"] == case) & (players["part"] == treatment)]
    return row | {
        "rivalry is": name,
        "price $/MWh": frame["price"].mean(),
        "ended unchanged": frame["stable"].mean(),
        "length of cycle": frame["cycle"].median(),
        "tempted to deviate": players["tempted"].mean(),
        "deviation does not pay": players["unprofitable"].mean(),
        "loss to best reply": players["loss"].mean(),
    }


def summarise(results: Results) -> dict[str, Summary]:
    """Everything the page shows as tables."""
    cases = finished_cases(results)
    if not cases:
        return {}
    indices = pd.DataFrame([index_rows(results, c, t) for c in cases for t in TREATMENTS])
    rows = []
    for case in cases:
        frame = results["outcomes"][results["outcomes"]["case"] == case]
        rows += [
            {"case": case, "outcome": r["outcome"], "mark-ups": r["markups"]}
            | {words: r[key] for key, words in MONEY.items()}
            for r in frame.to_dict("records")
        ]
        for treatment in TREATMENTS:
            mean = sessions(results, case, treatment)[list(MONEY)].mean()
            rows.append(
                {"case": case, "outcome": f"learned: {TREATMENTS[treatment]}", "mark-ups": "mean of sessions"}
                | {words: mean[key] for key, words in MONEY.items()}
            )
    paid = pd.DataFrame([{"case": case} | transfers(results, case) for case in cases])
    lines = pd.concat(
        [line_effects(results, case).drop("none").sort_values("adds", ascending=False).reset_index()
         .assign(case=case) for case in cases]
    )  # fmt: skip
    buses = pd.concat(
        [bus_changes(results, case).sort_values("extra_bill", ascending=False).head(BUSES_SHOWN).reset_index()
         .assign(case=case) for case in cases]
    )  # fmt: skip
    certificates = results["certificates"]
    return {
        "indices": Summary(
            "How far the learners get", indices,
            "Δ: (profit − yardstick)/(joint optimum − yardstick), 0 at the yardstick and 1 at the joint "
            "optimum, "
            "with half the 95 % interval. Only Δ over rivalry above 0 is more than rivals without threats "
            "achieve. Where no pure equilibrium exists rivalry is the mean of the cycle of best replies. "
            "Tempted: share of rounds in which another mark-up would pay at once; does not pay: share of "
            "those "
            "in which it costs more later. Loss: what a best reply to the rivals' strategies would bring.",
        ),
        "money": Summary("Money in an hour", pd.DataFrame(rows), "Learned: mean over the cycles of all "
        "sessions."),
        "paid": Summary(
            "Who gains and who pays, $/h, learned less competitive", paid,
            "What consumers lose is what firms, fringe and operator gain and what dearer generation uses up.",
        ),
        "lines": Summary(
            "What each branch's limit adds to the firms' gain over competition, $/h",
            lines[["case", "without", "gain", "adds", "joint_gain", "joint_adds"]].rename(
                columns={"without": "branch set free", "gain": "gain without limit, learned mark-ups",
                         "adds": "the limit adds", "joint_gain": "gain without limit, joint optimum",
                         "joint_adds": "the limit adds to the joint optimum"}),
            "The same learned mark-ups, and the joint optimum found anew, are cleared again with one "
            "branch's "
            "limit set free, in the competitive clearing too. “all”: no limit anywhere, joint optimum only.",
        ),
        "buses": Summary(
            "Where the bill rises most", buses[["case", "bus", "load_mw", "competitive", "learned", "spread",
                                                "rise", "extra_bill"]].rename(
                columns={"load_mw": "load MW", "competitive": "competitive $/MWh", "learned": "learned $/MWh",
                         "spread": "s.d. over sessions", "rise": "rise $/MWh", "extra_bill": "extra bill "
                         "$/h"}),
            "Mean over the sessions of learners with memory.",
        ),
        "certificates": Summary(
            "How near to an equilibrium in all mark-ups",
            certificates[["case", "outcome", "markups", "best", "epsilon", "relative", "proven", "clearings"]]
            .rename(columns={"markups": "mark-ups", "best": "best replies", "epsilon": "ε $/h",
                             "relative": "ε of the payoff"}),
            "Exact best replies among all mark-ups of the range, not only those of the grid.",
        ),
        "firms": Summary(
            "Who owns what",
            results["firms"].drop(columns=["part", "first", "cell", "replicate"], errors="ignore"),
            "Largest units first, dealt in turn.",
        ),
    }  # fmt: skip


def static_share(results: Results, case: str) -> float:
    """Share of the firms' gain over competition that learners reach who do not value the future."""
    then = outcome(results, case, COMPETITIVE)
    assert then is not None
    base = float(then["firms"])
    gain, static = (float(sessions(results, case, t)["firms"].mean()) - base for t in ("memory", "myopic"))
    return static / gain if gain > 0 else float("nan")


def verdict(results: Results, case: str) -> str:
    """One sentence on a case, from its figures."""
    then = outcome(results, case, COMPETITIVE)
    assert then is not None
    old, share = float(then["price"]), static_share(results, case)
    rise = float(sessions(results, case)["price"].mean()) - old
    words = f"learning changes the mean price by {rise:+.2f} $/MWh ({rise / old:+.0%})"
    if np.isfinite(share):
        words += f"; learners without a future reach {share:.0%} of the gain"
    return words


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """For each case price, index, bill, and the line that matters most."""
    tiles = []
    for case in finished_cases(results):
        row, then = index_rows(results, case, "memory"), outcome(results, case, COMPETITIVE)
        assert then is not None
        rise = row["price $/MWh"] - float(then["price"])
        lines = line_effects(results, case).drop(["none", "all"], errors="ignore")["adds"].dropna()
        tiles += [
            (f"{rise:+.2f} $/MWh", f"{case}: learned mean price over competition"),
            (
                f"{row['Δ over rivalry']:+.2f}",
                f"{case}: index of collusion over rivalry ({row['rivalry is']})",
            ),
            (
                f"{static_share(results, case):.0%}",
                f"{case}: of the firms' gain is reached by learners that do not value the future",
            ),
            (f"{-transfers(results, case)['consumers']:,.0f} $/h", f"{case}: consumers pay more"),
        ]
        if len(lines) and float(lines.max()) > 0:
            tiles.append(
                (
                    f"{float(lines.max()):,.0f} $/h",
                    f"{case}: of the firms' gain hangs on branch {lines.idxmax()}",
                )
            )
    return tiles
