"""Tables, headline and claims of the incubator study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from clearing.detection import alarm_threshold, area_under, detection_at, roc_curve
from studies.incubator.cells import HONEST
from studies.study import Results, Summaries, Summary

FALSE_ALARMS = 0.05
VISIBLE = 0.1  # $/MWh; conducts that move prices by less are not worth finding
FOUND = 0.8  # share of series found that is called reliable


def has_errors(results: Results) -> bool:
    """Whether any cell with wrong costs, and any conduct besides honesty, has finished."""
    return "statistics" in results.tables and bool((results["statistics"]["conduct"] != HONEST).any())


def power_table(results: Results) -> pd.DataFrame:
    """For each error of costs and conduct: mean gap, areas under ROC, misses at 5 % false alarms."""
    rows = []
    for sigma, frame in results["statistics"].groupby("sigma"):
        honest = frame[frame["conduct"] == HONEST]
        for conduct, own in frame.groupby("conduct", sort=False):
            if conduct == HONEST:
                continue
            row: dict[str, Any] = {"sigma": sigma, "conduct": conduct, "gap": float(own["gap"].mean())}
            for name in ("gap", "offers"):
                calm, acting = honest[name].to_numpy(), own[name].to_numpy()
                row[f"area_{name}"] = area_under(*roc_curve(calm, acting))
                row[f"missed_{name}"] = 1.0 - detection_at(calm, acting, FALSE_ALARMS)
            rows.append(row)
    return pd.DataFrame(rows)


def false_alarm_table(results: Results) -> pd.DataFrame:
    """What honest series look like: spread of the gap, threshold, and alarms at naive thresholds."""
    rows = []
    for sigma, frame in results["statistics"].groupby("sigma"):
        gap = frame.loc[frame["conduct"] == HONEST, "gap"].to_numpy()
        rows.append(
            {
                "error of costs": sigma,
                "mean gap $/MWh": float(gap.mean()),
                "standard deviation": float(gap.std(ddof=1)),
                "gap that 5 % exceed": alarm_threshold(gap, FALSE_ALARMS),
                "false alarms at any gap": float((gap > 1e-6).mean()),
                "false alarms above 1 $/MWh": float((gap > 1.0).mean()),
            }
        )
    return pd.DataFrame(rows)


def summarise(results: Results) -> Mapping[str, Summary]:
    """All tables of what has finished."""
    out: dict[str, Summary] = {}
    spec = results.spec
    if "summary" in results.tables:
        frame = results["summary"].drop(columns=["cell", "replicate", "part", "sigma"], errors="ignore")
        out["gaps"] = Summary(
            "Gaps with exact costs",
            frame.rename(
                columns={
                    "gap": "gap $/MWh", "low": "95 % from", "high": "to", "welch_p": "Welch p",
                    "competitive_price": "price at cost", "books_with_gap": "share of hours with a gap",
                    "not_cleared": "hours not served", "fail_three_pivotal": "hours that fail the screen",
                    "least_rsi3": "least RSI₃",
                }
            ),
            f"Same hours for all conducts. The interval resamples blocks of {spec.block} hours of the paired "
            "gap; Welch's test ignores that prices are paired, and so sees less. The screen is the "
            "three-pivotal-supplier test for the whole market.",
        )  # fmt: skip
        agents = results["agents"]
        shown = agents[agents["conduct"] != HONEST].sort_values("gain", ascending=False).head(20)
        columns = ["conduct", "seller", "acts", "available_mw", "gap", "gap_low", "gap_high", "gain",
                   "offered_markup", "withheld", "fails_three_pivotal"]  # fmt: skip
        out["agents"] = Summary(
            "Sellers who gain most",
            shown[columns].assign(acts=np.where(shown["acts"], "yes", "no")),
            "Means over hours: gap at the seller's buses [$/MWh] with its interval, and profit gained [$ an "
            "hour] at the monitor's costs. Who gains need not be who acts.",
        )
        if len(results.tables.get("lines", ())):
            out["lines"] = Summary(
                "Three-pivotal-supplier screen of binding lines",
                line_table(results),
                f"In {int(results['lines']['screened'].iloc[0])} hours spread over the series, at cost. "
                "Relief: flow that the line would carry without limits, less its limit.",
            )
    if has_errors(results):
        out["power"] = Summary(
            "What wrong costs leave of detection",
            power_table(results).rename(
                columns={
                    "sigma": "error of costs", "gap": "mean gap $/MWh", "area_gap": "area under ROC, price",
                    "missed_gap": "missed, price", "area_offers": "area under ROC, offers",
                    "missed_offers": "missed, offers",
                }
            ),
            f"A judgement pools {spec.pooled} hours; {spec.trials} series each. Missed: at 5 % false alarms. "
            "Price: mean gap. Offers: greatest mark-up over believed cost of any seller.",
        )  # fmt: skip
        out["false_alarms"] = Summary(
            "Honest sellers under a monitor's wrong costs",
            false_alarm_table(results),
            "The mean is above 0 although the errors average to none: the cheapest of wrong costs sets the "
            "counterfactual.",
        )
    return out


def line_table(results: Results) -> pd.DataFrame:
    """Binding lines: in how many hours, relief needed, sellers of relief and those who fail the test."""
    frame = results["lines"]
    rows = []
    for branch, own in frame.groupby("branch", sort=False):
        names = [name for words in own["names"] for name in str(words).split(", ") if name]
        often = pd.Series(names, dtype=object).value_counts().index[:4].tolist()
        rows.append(
            {
                "line": str(branch),
                "hours": len(own),
                "relief MW": float(own["relief_mw"].mean()),
                "sellers of relief": float(own["sellers"].mean()),
                "of them fail": float(own["failing"].mean()),
                "most often": ", ".join(often),
            }
        )
    return pd.DataFrame(rows).sort_values("hours", ascending=False, kind="stable")


def reliable_error(table: pd.DataFrame, conduct: str, statistic: str = "gap") -> float:
    """Greatest error of costs up to which at least 80 % are found at 5 % false alarms; NaN where never."""
    rows = table[table["conduct"] == conduct].sort_values("sigma")
    found = (1 - rows[f"missed_{statistic}"] >= FOUND).to_numpy()
    count = int(np.argmin(found)) if not found.all() else len(found)
    return float(rows["sigma"].iloc[count - 1]) if count else float("nan")


def largest_conduct(results: Results) -> str:
    """The conduct that moves prices most when costs are exact."""
    frame = results["summary"]
    return str(frame["conduct"].iloc[int(frame["gap"].argmax())])


def spoofs(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of conducts that are reported as cost."""
    return table[table["conduct"].str.contains("reported as cost")]


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """What the page says first, from the numbers alone."""
    out: list[tuple[str, str]] = []
    if "summary" in results.tables:
        frame = results["summary"]
        worst, most = largest_conduct(results), float(frame["gap"].max())
        out.append((f"{most:+.2f} $/MWh", f"is what “{worst}” does to prices"))
        calm = frame[(frame["conduct"] != HONEST) & (frame["gap"] < VISIBLE)]
        unseen = f"of {len(frame) - 1} conducts move prices by less than {VISIBLE:g} $/MWh"
        out.append((str(len(calm)), unseen))
        screen = float(frame["fail_three_pivotal"].max())
        out.append((f"{screen:.0%}", "of hours fail the three-pivotal-supplier screen for the whole market"))
        lines = results.tables.get("lines", pd.DataFrame())
        if len(lines):
            fail = float((lines["failing"] > 0).mean())
            out.append((f"{fail:.0%}", "of binding lines fail it for their relief, hour by hour"))
    if has_errors(results):
        table = power_table(results)
        if "summary" in results.tables:
            conduct = largest_conduct(results)
            limit = reliable_error(table, conduct)
            known = f"±{limit:.0%}" if np.isfinite(limit) else "no error"
            out.append((known, f"of costs still lets a monitor find {FOUND:.0%} of “{conduct}”"))
        alarms = false_alarm_table(results)
        last = alarms.iloc[-1]
        out.append(
            (
                f"{last['false alarms above 1 $/MWh']:.0%}",
                "of honest series show a gap above 1 $/MWh when costs are wrong by "
                f"{last['error of costs']:.0%}",
            )
        )
        false_reports = spoofs(table)
        if len(false_reports):
            missed = float(false_reports["missed_gap"].min())
            out.append((f"{missed:.0%}", "or more of mark-ups that are reported as cost are missed"))
    return out
