"""Tables, figures and claims of the three-node study, from its enumerated clearings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from studies.claims import Claim, compare_number, compare_open, compare_statement
from studies.pictures.charts import Chart, HeatMap, Intervals, Lines
from studies.sources import TWO_SIDED
from studies.study import Results, Summaries
from studies.two_sided_three_node.hour import RULES, SAME_MONEY, best_replies, payoffs, pure_equilibria

SCENARIO_A, SCENARIO_B, SCENARIO_C = "section 4.1", "section 4.2", "section 4.3"
POINTS: tuple[tuple[str, int, float, float], ...] = (
    ("hour 1, A offers 200", 1, 200.0, 0.0),
    ("hour 1, A offers 199", 1, 199.0, 0.0),
    ("hour 2, A offers 199", 2, 199.0, 0.0),
    ("hour 2, A offers 199, D1 interrupts 20", 2, 199.0, 20.0),
)


def clearing_at(frame: pd.DataFrame, hour: int, offer: float, interrupted: float) -> dict[str, Any] | None:
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
        row["A profit $"] = _interval(*_ends(found))
        row["A profit $, canonical"] = profits[2]
        row["D1 utility $, canonical"] = utilities[2]
        rows.append(row)
    return pd.DataFrame(rows)


def _ends(found: Mapping[str, Any]) -> tuple[float, float]:
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


def list_claims(results: Results, summaries: Summaries) -> list[Claim]:
    """Published figures beside ours."""
    frame = results["clearings"]
    found = [clearing_at(frame, hour, offer, cut) for _, hour, offer, cut in POINTS]
    known = [point for point in found if point is not None]
    if len(known) < len(POINTS):
        return []
    vertex, withheld, passive, together = known
    not_unique = (
        "the price is not unique: line 1–2, Gen-A and Gen-C are all exactly at a limit; any price of the "
        "interval supports the dispatch"
    )
    paid = {bus: withheld[f"lmp{bus}_canonical_rule"] for bus in (1, 2, 3)}
    local = {bus: passive[f"lmp{bus}_canonical_rule"] for bus in (1, 2, 3)}
    second = passive["gen_a_canonical"]
    alone = withheld["disco_1_canonical"] + passive["disco_1_canonical"]
    joined = withheld["disco_1_canonical"] + together["disco_1_canonical"]
    total = withheld["gen_a_canonical"]

    def printed(
        place: str,
        claim: str,
        number: float,
        ours: float,
        unit: str,
        digits: int = 0,
        said: str = "",
        why: str = "",
    ) -> Claim:
        return compare_number(TWO_SIDED, place, claim, number, ours, digits, unit, why, published=said)

    return [
        compare_number(
            TWO_SIDED, SCENARIO_A, "A: price at node 1 when Gen-A offers 200 MW", 6.64,
            vertex["lmp1_canonical_rule"], 2, "$/MWh", not_unique,
            interval=(vertex["lmp1_low"], vertex["lmp1_high"]),
            published="“the clearing price of Node-1 will be $6.64/MWh”"),
        compare_number(
            TWO_SIDED, SCENARIO_A, "A: profit of Gen-A when it offers 200 MW", 128, vertex["gen_a_canonical"],
            0,
            "$", "follows from the price 6.64, which is one of many: (6.64 − 6)·200", interval=_ends(vertex),
            published="“from $128 to $398”"),
        printed(SCENARIO_A, "A: one price at all nodes when Gen-A offers 199 MW", 8,
                max(paid.values(), key=lambda v: abs(v - 8)), "$/MWh",
                said="“all Gencos are paid at the same system-wide market clearing price (MCP) ($8/MWh)”",
                why=f"{paid[1]:g}, {paid[2]:g} and {paid[3]:g} $/MWh at nodes 1 to 3"),
        printed(SCENARIO_A, "A: profit of Gen-A when it offers 199 MW", 398, total, "$",
        said="“from $128 to $398”"),
        printed(SCENARIO_C, "B: price at node 1 in hour 2", 6, local[1], "$/MWh", said="“from $6/MWh to "
        "$8/MWh”"),
        printed(SCENARIO_C, "B: price at node 2 in hour 2", 9, local[2], "$/MWh", said="“from $9/MWh to "
        "$8/MWh”"),
        compare_statement(
            TWO_SIDED, SCENARIO_B, "B: each node's price in hour 2 is its own generator's marginal cost",
            "“the LMP at each node is equal to the marginal cost of the local generator”",
            f"{local[1]:g}, {local[2]:g} and {local[3]:g} against costs of 6, 10 and 8 $/MWh",
            np.allclose(list(local.values()), (6.0, 10.0, 8.0), atol=0.005),
            "not at node 2, where section 4.3 itself prints 9 $/MWh and Gen-B, at 10, does not run; that "
            "each generator stands at the node of its number is our reading of figure 2"),
        compare_statement(
            TWO_SIDED, SCENARIO_B, "B: Gen-A earns nothing in hour 2",
            "“Gen-A does not make profit from the energy market”", f"{second:.0f} $",
            abs(second) < SAME_MONEY),
        printed(SCENARIO_C, "B: profit of Gen-A in both hours", 398, total + second, "$",
                said="“Gen-A earns $398 in Scenario B”"),
        printed(SCENARIO_C, "B: utility of Disco-1 in both hours", 540, alone, "$",
                said="“Disco-1’s utility will be $540”"),
        *[
            printed(SCENARIO_C, f"C: price at node {bus} in hour 2, Gen-A 199 MW and Disco-1 interrupts 20 "
            "MW", 8,
                    together[f"lmp{bus}_canonical_rule"], "$/MWh", said=f"“from ${price}/MWh to $8/MWh”")
            for bus, price in ((1, 6), (2, 9))
        ],
        printed(SCENARIO_C, "C: profit of Gen-A in both hours", 796, total + together["gen_a_canonical"], "$",
                said="“its profit reaches $796 in Scenario C”"),
        printed(SCENARIO_C, "C: utility of Disco-1 in both hours", 560, joined, "$",
                said="“its utility will increase to $560”"),
        _equilibrium_claim(frame),
        compare_open(
            TWO_SIDED, SCENARIO_B, "B: because of the ramp rate Gen-A cannot prevent congestion in hour 2",
            "“as well as ramp-rate constraint, Gen-A cannot prevent network congestion”",
            _ramp_words(summaries["ramps"].frame, total + second),
            "the article gives neither the ramp limit nor the offer before hour 1"),
    ]  # fmt: skip


def _equilibrium_claim(frame: pd.DataFrame) -> Claim:
    best = {rule: best_replies(frame, 2, rule, 199.0)[0] for rule in RULES}
    holds = any((199.0, 20.0) in pure_equilibria(frame, 2, rule) for rule in RULES)
    replies = ", ".join(f"{rule}: {', '.join(f'{v:g}' for v in values)} MW" for rule, values in best.items())
    coarse = [
        step
        for step in (10.0, 20.0)
        if all(20.0 in best_replies(_every(frame, step), 2, rule, 199.0)[0] for rule in RULES)
    ]
    steps = " or ".join(f"{step:g}" for step in coarse)
    why = f"20 MW is no best reply of Disco-1 to 199 MW on this grid. Best by price rule: {replies}."
    return compare_statement(
        TWO_SIDED,
        SCENARIO_C,
        "C: (199 MW, 20 MW) in hour 2 is where both settle, so that neither gains by leaving it",
        "“the result of this scenario denotes the emergence of an implicit cooperation”",
        "an equilibrium" if holds else "no equilibrium on this grid of offers",
        holds,
        "" if holds else why + (f" It is one in steps of {steps} MW." if coarse else ""),
    )


def _every(frame: pd.DataFrame, step: float) -> pd.DataFrame:
    """The clearings at multiples of `step` MW interrupted."""
    share = frame["interrupted_mw"] / step
    return frame[np.isclose(share, share.round())]


def _ramp_words(ramps: pd.DataFrame, alone: float) -> str:
    column = ramps["profit $, 200 MW before"]
    true = ramps.loc[column <= alone + SAME_MONEY, "ramp limit MW/h"]
    true = true[true >= 1]
    if not len(true):
        return "false for every ramp limit"
    return f"true only with 200 MW before hour 1 and a limit of {true.min():g} to {true.max():g} MW/h"
