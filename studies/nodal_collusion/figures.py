"""Pictures of the nodal-collusion study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from studies.nodal_collusion.cells import COMPETITIVE, JOINT, NASH, NEAREST, TREATMENTS
from studies.nodal_collusion.tables import (
    bus_changes,
    finished_cases,
    index_rows,
    line_effects,
    outcome,
    rivalry,
    transfers,
    verdict,
)
from studies.pictures.charts import Bars, Chart, GridMap, Lines
from studies.study import Results, Summaries

BUSES_SHOWN = 20


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """Where prices rise on each grid; then prices by bus, who pays, lines, learners, punishment."""
    cases = finished_cases(results)
    if not cases:
        return []
    makers: tuple[Callable[[Results, str], Chart | None], ...] = (
        _grid, _prices, _payers, _transfers, _lines, _responses,
    )  # fmt: skip
    charts = [chart for maker in makers for case in cases if (chart := maker(results, case)) is not None]
    return [*charts, _indices(results)]


def _grid(results: Results, case: str) -> Chart:
    """The finding at a glance."""
    from studies.nodal_collusion.study import market_of

    market = market_of(results.spec, case)
    change = bus_changes(results, case)
    values = np.array([float(change["rise"].get(str(bus), np.nan)) for bus in market.case.grid.buses])
    binding = results.tables.get("learned_binding")
    stressed: list[Any] = []
    if binding is not None:
        frame = binding[binding["case"] == case]
        share = frame.groupby("branch")["share"].sum() / max(len(frame["session"].unique()), 1)
        often = set(share[share >= 0.5].index)
        stressed = [b for b in market.case.grid.branches if str(b) in often]
    top = change["rise"].idxmax()
    return GridMap(
        name=f"grid_{_file(case)}",
        title=f"{case}: {verdict(results, case)}",
        caption=f"Learned less competitive price at each bus, mean of the sessions with memory. It rises "
        f"most at "
        f"bus {top}, by {change['rise'].max():,.2f} $/MWh, and least at bus {change['rise'].idxmin()}, by "
        f"{change['rise'].min():,.2f}. Purple: branches at their limit in at least half of the rounds.",
        case=market.case,
        values=values,
        unit="$/MWh",
        stressed=stressed,
        wide=True,
        opening=True,
    )


def _prices(results: Results, case: str) -> Chart:
    """Four prices at every bus, buses in the order of the learned price."""
    frame, change = results["prices"], bus_changes(results, case)
    order = change["learned"].sort_values(kind="stable").index
    place = list(range(1, len(order) + 1))
    series = []
    name = next((n for n in (NASH[1], NASH[0], NEAREST) if outcome(results, case, n) is not None), None)
    for shown in (COMPETITIVE, name, JOINT):
        if shown is not None:
            rows = frame[(frame["case"] == case) & (frame["outcome"] == shown)].set_index("bus")["lmp"]
            series.append((shown, place, rows.loc[order].tolist()))
    series.insert(
        2 if name else 1, ("learned, mean of sessions", place, change["learned"].loc[order].tolist())
    )
    return Lines(
        name=f"prices_{_file(case)}",
        title=f"{case}: prices by bus",
        caption="Buses in the order of the learned price. Where the competitive curve is flat and the "
        "learned one "
        "is not, mark-ups made the congestion.",
        series=series,
        x_label="bus, by learned price",
        y_label="price, $/MWh",
    )


def _payers(results: Results, case: str) -> Chart:
    change = bus_changes(results, case).sort_values("extra_bill", ascending=False, kind="stable")
    shown = change.head(BUSES_SHOWN)
    total = float(change["extra_bill"].sum())
    share = float(shown["extra_bill"].sum()) / total if total else np.nan
    return Bars(
        name=f"payers_{_file(case)}",
        title=f"{case}: the {len(shown)} buses that pay most of what learning costs consumers",
        caption=f"Bill as learned less bill under competition. Together these buses pay {share:.0%} of "
        f"{total:,.0f} $/h.",
        labels=[
            f"bus {bus}: {row['load_mw']:,.0f} MW, {row['rise']:+.2f} $/MWh" for bus, row in shown.iterrows()
        ],
        values=shown["extra_bill"].tolist(),
        x_label="extra bill, $/h",
    )


def _transfers(results: Results, case: str) -> Chart:
    parts = transfers(results, case)
    return Bars(
        name=f"transfers_{_file(case)}",
        title=f"{case}: who gains and who pays when firms have learned",
        caption="Learned less competitive. What consumers lose goes to the others, or into generation "
        "that is "
        "dearer than need be.",
        labels=list(parts),
        values=list(parts.values()),
        x_label="$/h",
        line_at=0.0,
        line_words="",
    )


def _lines(results: Results, case: str) -> Chart | None:
    frame = line_effects(results, case).drop(["none", "all"], errors="ignore").dropna(subset=["adds"])
    if frame.empty:
        return None
    frame = frame.sort_values("adds", ascending=False, kind="stable")
    whole = line_effects(results, case)
    gain = float(whole.loc["none", "gain"])
    return Bars(
        name=f"lines_{_file(case)}",
        title=f"{case}: which branch's limit makes the learned mark-ups pay",
        caption=f"The firms gain {gain:,.0f} $/h over competition. A bar is how much of it is gone when this "
        "branch alone can carry anything, with the same mark-ups. To the left: the limit costs them.",
        labels=frame.index.tolist(),
        values=frame["adds"].tolist(),
        x_label="what the limit adds to the firms' gain, $/h",
        line_at=0.0,
        line_words="",
    )


def _indices(results: Results) -> Chart:
    rows = [index_rows(results, c, t) for c in finished_cases(results) for t in TREATMENTS]
    names = {case: rivalry(results, case)[0] for case in finished_cases(results)}
    return Bars(
        name="indices",
        title="How far beyond rivalry each kind of learner gets",
        caption="0: " + ", ".join(f"{case}: {name}" for case, name in names.items())
        + ". 1: the joint optimum. 95 % intervals are in the table.",
        labels=[f"{row['case']}: {row['learners']}" for row in rows],
        values=[row["Δ over rivalry"] for row in rows],
        x_label="index of collusion Δ",
        line_at=0.0,
        line_words="",
    )  # fmt: skip


def _responses(results: Results, case: str) -> Chart | None:
    frame = results.tables.get("responses")
    frame = frame[frame["case"] == case] if frame is not None else None
    if frame is None or frame.empty:
        return None
    mean = frame.groupby("round")[["own", "rivals"]].mean()
    count = len(frame[["session", "firm"]].drop_duplicates())
    return Lines(
        name=f"responses_{_file(case)}",
        title=f"{case}: after a firm's tempting deviation, rivals' mark-ups fall by up to "
        f"{max(-float(mean['rivals'].min()), 0.0):.2f} $/MWh",
        caption=f"Mark-ups after a forced best reply less those without it, mean of {count} firms and "
        f"sessions "
        "in which it pays at once. Below zero after round 0: rivals punish.",
        series=[
            ("firm that deviates", mean.index.tolist(), mean["own"].tolist()),
            ("its rivals, mean", mean.index.tolist(), mean["rivals"].tolist()),
        ],
        x_label="rounds after the deviation",
        y_label="change of mark-up, $/MWh",
    )


def _file(case: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in case)
