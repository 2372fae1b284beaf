"""Tables and figures of the three-node study, from its enumerated clearings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from studies.pictures.charts import Chart, HeatMap, Intervals, Lines
from studies.study import Results, Summaries
from studies.two_sided_three_node.hour import RULES, SAME_MONEY, payoffs, pure_equilibria

POINTS: tuple[tuple[str, int, float, float], ...] = (
    ("hour 1, A offers 200", 1, 200.0, 0.0),
    ("hour 1, A offers 199", 1, 199.0, 0.0),
    ("hour 2, A offers 199", 2, 199.0, 0.0),
    ("hour 2, A offers 199, D1 interrupts 20", 2, 199.0, 20.0),
)


def clearing_at(frame: pd.DataFrame, hour: int, offer: float, interrupted: float) -> dict[str, float] | None:
    """The enumerated clearing, None where the spec leaves it out."""
    rows = frame[
        (frame["hour"] == hour)
        & np.isclose(frame["offer_mw"], offer)
        & np.isclose(frame["interrupted_mw"], interrupted)
    ]
    return {str(k): v for k, v in rows.iloc[0].to_dict().items()} if len(rows) else None


def scenario_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The clearings that the scenarios are made of."""
    rows = []
    for words, hour, offer, cut in POINTS:
        found = clearing_at(frame, hour, offer, cut)
        if found is None:
            continue
        row: dict[str, Any] = {"clearing": words, "A dispatched MW": found["dispatch_mw"]}
        for bus in (1, 2, 3):
            row[f"LMP{bus} $/MWh"] = _interval(found[f"lmp{bus}_low"], found[f"lmp{bus}_high"])
        profits = [found[f"gen_a_{rule}"] for rule in RULES]
        utilities = [found[f"disco_1_{rule}"] for rule in RULES]
        row["A profit $"] = _interval(*ends_of_profit(found))
        row["A profit $, canonical"] = profits[2]
        row["D1 utility $, canonical"] = utilities[2]
        rows.append(row)
    return pd.DataFrame(rows)


def ends_of_profit(found: Mapping[str, Any]) -> tuple[float, float]:
    """Gen-A's profit at both ends of its price interval."""
    dispatch = found["dispatch_mw"]
    return (found["lmp1_low"] - 6.0) * dispatch, (found["lmp1_high"] - 6.0) * dispatch


def _interval(low: float, high: float) -> str:
    return f"{low:g}" if abs(high - low) < SAME_MONEY else f"{low:g} to {high:g}"


def equilibria_table(frame: pd.DataFrame) -> pd.DataFrame:
    """All pure equilibria by hour and price rule."""
    rows = []
    for hour in (1, 2):
        for rule in RULES:
            pairs = pure_equilibria(frame, hour, rule)
            best = max(pairs, key=lambda p: p[0], default=None)
            found = clearing_at(frame, hour, *best) if best else None
            shown = ", ".join(f"({a:g}, {b:g})" for a, b in pairs[:6]) + (" …" if len(pairs) > 6 else "")
            last = f" ({pairs[-1][0]:g}, {pairs[-1][1]:g})" if len(pairs) > 6 else ""
            rows.append(
                {
                    "hour": str(hour),
                    "price rule": rule,
                    "pure equilibria": len(pairs),
                    "(A offers, D1 interrupts) MW": (shown + last) or "none",
                    "A profit $ at the first": found[f"gen_a_{rule}"] if found else np.nan,
                    "D1 utility $ at the first": found[f"disco_1_{rule}"] if found else np.nan,
                }
            )
    return pd.DataFrame(rows)


def ramp_table(frame: pd.DataFrame, most: int) -> pd.DataFrame:
    """Gen-A's best two-hour profit alone, by ramp limit on its offers, Disco-1 passive, rule high."""
    passive = frame[np.isclose(frame["interrupted_mw"], 0.0)]
    offers, profit = {}, {}
    for hour in (1, 2):
        rows = passive[passive["hour"] == hour].sort_values("offer_mw")
        offers[hour] = rows["offer_mw"].to_numpy()
        profit[hour] = rows["gen_a_high"].to_numpy()
    total = profit[1][:, None] + profit[2][None, :]
    step = np.abs(offers[1][:, None] - offers[2][None, :])
    rows_out = []
    for ramp in range(most + 1):
        row: dict[str, Any] = {"ramp limit MW/h": ramp}
        for words, start in (("free start", None), ("200 MW before", 200.0)):
            allowed = step <= ramp + SAME_MONEY
            if start is not None:
                allowed = allowed & (np.abs(offers[1] - start) <= ramp + SAME_MONEY)[:, None]
            if not allowed.any():
                row |= {f"offers MW, {words}": "none", f"profit $, {words}": np.nan}
                continue
            i, j = np.unravel_index(int(np.argmax(np.where(allowed, total, -np.inf))), total.shape)
            row[f"offers MW, {words}"] = f"{offers[1][i]:g} then {offers[2][j]:g}"
            row[f"profit $, {words}"] = float(total[i, j])
        rows_out.append(row)
    return pd.DataFrame(rows_out)


def draw_figures(results: Results, summaries: Summaries) -> list[Chart]:
    """Published prices on our intervals, the payoffs of hour 2, and the ramp."""
    frame = results["clearings"]
    charts: list[Chart] = [_price_intervals(frame)]
    marks = pure_equilibria(frame, 2, "high")
    for table, name, who in zip(
        payoffs(frame, 2, "high"), ("gen_a", "disco_1"), ("Gen-A", "Disco-1"), strict=True
    ):
        charts.append(
            HeatMap(
                name=f"hour_2_{name}",
                title=f"Hour 2: {'profit' if who == 'Gen-A' else 'utility'} of {who}",
                caption="Rings: pure equilibria under the price rule “high” (node 1 at 6 $/MWh on the "
                "degenerate line, as in the article). On the line the retailer relieves line 1–2 just "
                "enough.",
                x=[f"{v:g}" for v in table.columns],
                y=[f"{v:g}" for v in table.index],
                values=table.to_numpy(),
                x_label="Gen-A offers, MW",
                y_label="Disco-1 interrupts, MW",
                unit="$",
                marks=[(f"{a:g}", f"{b:g}") for a, b in marks],
                mark_words="pure equilibrium",
            )
        )
    ramps = summaries["ramps"].frame
    x = ramps["ramp limit MW/h"].tolist()
    charts.append(
        Lines(
            name="ramp",
            title="Gen-A alone: best profit of both hours by ramp limit",
            caption="The article says that with its ramp limit Gen-A cannot prevent congestion in hour 2 "
            "alone (398 $ in all). That needs an offer of 200 MW before hour 1 and a limit of 1 to 5 MW/h "
            "(at 5 the line is exactly full, and it takes the price rule that gives Gen-A least).",
            series=[
                ("no offer before hour 1", x, ramps["profit $, free start"].tolist()),
                ("200 MW before hour 1", x, ramps["profit $, 200 MW before"].tolist()),
            ],
            x_label="ramp limit on offers, MW/h",
            y_label="$ in two hours",
        )
    )
    return charts


def _price_intervals(frame: pd.DataFrame) -> Chart:
    published = {
        POINTS[0][0]: (6.64, np.nan, np.nan),
        POINTS[1][0]: (8.0, 8.0, 8.0),
        POINTS[2][0]: (6.0, 9.0, 8.0),
        POINTS[3][0]: (8.0, 8.0, 8.0),
    }
    labels, low, high, chosen, paper = [], [], [], [], []
    for words, hour, offer, cut in POINTS:
        found = clearing_at(frame, hour, offer, cut)
        for bus in (1, 2, 3):
            if found is None:
                continue
            labels.append(f"{words}: node {bus}")
            low.append(found[f"lmp{bus}_low"])
            high.append(found[f"lmp{bus}_high"])
            chosen.append(found[f"lmp{bus}_canonical_rule"])
            paper.append(published[words][bus - 1])
    return Intervals(
        name="prices",
        title="Prices: published, and every price that supports the dispatch",
        caption="At 200 MW line 1–2 is exactly full, Gen-A exactly at its capacity and Gen-C exactly at "
            "zero: the price is not unique, and 6.64 is one of many.",
        labels=labels, low=low, high=high, chosen=chosen, published=paper, x_label="$/MWh", wide=True,
    )  # fmt: skip
