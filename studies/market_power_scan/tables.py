"""Tables and figures of the market-power scan."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.market_power_scan.study import Base, competitive
from studies.pictures.charts import Bars, Chart, GridMap, HeatMap
from studies.study import Results, Summaries, Summary

FIRMS_SHOWN = 20
LEAST_GAIN = 1e-3  # $; less is rounding
LEAST_MWH = 1e-6


def summarise(results: Results) -> dict[str, Summary]:
    """The market as a whole, each firm's structure, and each firm's best deviation."""
    firms, deviations = results["firms"], results["deviations"]
    first = firms.iloc[0]
    best = best_deviations(deviations)
    pays = best[best["gain $"] > LEAST_GAIN]
    on_grid = int((firms["unserved_without_mwh"] > LEAST_MWH).sum())
    facts = [
        ("firms with something to sell", len(firms)),
        ("HHI of offered MW", first["hhi_offered"]),
        ("HHI of accepted MW", first["hhi_sold"]),
        ("competitive mean price, $/MWh", first["competitive_price"]),
        ("congestion rents, $", first["competitive_rent"]),
        ("pivotal firms, grid ignored (RSI < 1)", int(firms["pivotal"].sum())),
        ("pivotal firms on the grid (demand unserved without them)", on_grid),
        ("firms that fail the three-pivotal-supplier test", int(firms["fails_three"].sum())),
        ("firms that gain by withholding or marking up alone", pays["firm"].nunique()),
    ]
    market = pd.DataFrame(facts, columns=["market", "value"]).astype({"value": float})
    columns = {
        "firm": "firm", "supply_mw": "supply MW", "share": "share", "rsi": "RSI", "rsi3": "RSI of three",
        "unserved_without_mwh": "unserved without it MWh", "price_without": "mean price without it $/MWh",
        "sold_mwh": "sold MWh", "lerner": "Lerner index",
    }  # fmt: skip
    table = firms.sort_values("rsi", kind="stable")[list(columns)].rename(columns=columns)
    tests = np.select(
        [firms["pivotal"], firms["unserved_without_mwh"] > LEAST_MWH, firms["fails_three"]],
        ["pivotal", "pivotal on the grid", "fails with two others"],
        "passes",
    )
    table["tests"] = pd.Series(tests, index=firms.index)
    return {
        "market": Summary("The market at true cost", market, "Exact: nothing is random, one replicate."),
        "best": Summary(
            "Best deviation of each firm",
            best,
            "Of the levels scanned, the most profitable, with its effect on the mean price (weighted by "
            "demand).",
        ),
        "firms": Summary(
            "Structure",
            table.reset_index(drop=True),
            "RSI: supply of all others over demand, the grid ignored; below 1 the firm is pivotal. RSI "
            "of three: without the two largest others as well; at most 1 fails. Unserved: what the grid "
            "cannot serve "
            "without the firm. Lerner index: margin over price at true cost.",
        ),
    }


def headline(results: Results, summaries: Summaries) -> list[tuple[str, str]]:
    """The market's figures for the head of the page."""
    market = summaries["market"].frame.set_index("market")["value"]
    top = summaries["best"].frame.iloc[0]
    value = {key: float(market.iloc[k]) for k, key in enumerate(("firms", "offered", "sold", "price"))}
    return [
        (f"{value['price']:,.2f} $/MWh", "competitive mean price"),
        (f"{value['offered']:,.0f}", f"HHI of offered MW, {value['firms']:.0f} firms"),
        (f"{market.iloc[6]:.0f}", "firms pivotal on the grid"),
        (f"{market.iloc[8]:.0f}", "firms gain by deviating alone"),
        (f"{top['price effect $/MWh']:+,.2f} $/MWh", f"mean price at the best deviation, of {top['firm']}"),
    ]


def best_deviations(deviations: pd.DataFrame) -> pd.DataFrame:
    """The most profitable level by firm and kind, greatest gain first; none where nothing pays."""
    rows = []
    for (firm, kind), group in deviations.groupby(["firm", "kind"], sort=False):
        top = group.iloc[int(group["profit"].to_numpy().argmax())]
        gains = float(top["profit_change"]) > LEAST_GAIN
        rows.append(
            {
                "firm": firm,
                "deviation": kind,
                "best level": f"{top['level']:.0%}" if kind == "withhold" else f"{top['level']:g} $/MWh",
                "gain $": float(top["profit_change"]) if gains else 0.0,
                "profit $": float(top["profit"]),
                "mean price $/MWh": float(top["mean_price"]),
                "price effect $/MWh": float(top["price_change"]) if gains else 0.0,
                "greatest rise at a bus $/MWh": float(top["greatest_rise"]) if gains else 0.0,
                "congestion rents $": float(top["congestion_rent"]),
            }
        )
        if not gains:
            rows[-1]["best level"] = "none"
    frame = pd.DataFrame(rows)
    return frame.sort_values("gain $", ascending=False, kind="stable").reset_index(drop=True)


def figures(results: Results, summaries: Summaries) -> list[Chart]:
    """Heat maps of gain and price by firm and level, residual supply, and the grid."""
    deviations, best = results["deviations"], summaries["best"].frame
    charts: list[Chart] = []
    grid = _grid_map(results, best, competitive(results.spec.case, results.spec.load_factor))
    if grid is not None:
        charts.append(grid)
    for kind, words, level_label in (
        ("withhold", "withholding", "share withheld"),
        ("mark up", "marking up", "mark-up, $/MWh"),
    ):
        rows = deviations[deviations["kind"] == kind]
        ranked = rows.groupby("firm", sort=False)["profit_change"].max()
        firms = ranked.sort_values(ascending=False, kind="stable").index[:FIRMS_SHOWN].tolist()
        for column, what, unit in (("profit_change", "Gain", "$"), ("price_change", "Mean price", "$/MWh")):
            table = rows.pivot_table(index="firm", columns="level", values=column).loc[firms[::-1]]
            shown = f": the {len(firms)} firms with the most to gain" if len(firms) < len(ranked) else ""
            charts.append(
                HeatMap(
                    name=f"{kind.replace(' ', '_')}_{column}",
                    title=f"{what} {'from' if unit == '$' else 'after'} {words}{shown}",
                    caption=(
                        "Red: it pays. Blue: it costs the firm more than it brings. The colours are "
                        "logarithmic; point at a cell for its figure."
                        if column == "profit_change"
                        else "Change of the mean price, weighted by demand, against the competitive clearing."
                    ),
                    x=[f"{v:.0%}" if kind == "withhold" else f"{v:g}" for v in table.columns],
                    y=[str(v) for v in table.index],
                    values=table.to_numpy(),
                    x_label=level_label,
                    y_label="firm",
                    unit=unit,
                    signed=True,
                    linear=1.0 if unit == "$" else 0.01,
                )
            )
    firms_frame = results["firms"].sort_values("rsi", kind="stable").head(FIRMS_SHOWN)
    charts.append(
        Bars(
            name="residual_supply",
            title=f"Residual supply index: the {len(firms_frame)} firms least easy to do without",
            caption="Supply of all other firms over demand, the grid ignored. Left of 1: pivotal.",
            labels=firms_frame["firm"].astype(str).tolist(),
            values=firms_frame["rsi"].tolist(),
            x_label="RSI",
            line_at=1.0,
            line_words="pivotal below 1",
        )
    )
    return charts


def _grid_map(results: Results, best: pd.DataFrame, base: Base) -> Chart | None:
    """Prices after the most profitable deviation, less those of the competitive clearing."""
    top = best.iloc[0]
    effects = results.tables.get("bus_prices")
    if effects is None or top["gain $"] <= 0:
        return None
    rows = effects[(effects["firm"] == top["firm"]) & (effects["kind"] == top["deviation"])]
    change = rows.groupby("bus")["lmp_change"].mean()
    values = np.array([float(change.get(str(bus), 0.0)) for bus in base.case.grid.buses])
    binding = list(dict.fromkeys(branch for branch, _ in base.outcome.binding.index))
    how = "withholds" if top["deviation"] == "withhold" else "marks up by"
    return GridMap(
        name="grid",
        title=f"Where prices move when {top['firm']} {how} {top['best level']}, its best deviation",
        caption=f"Change of the nodal price against the competitive clearing. It brings {top['firm']} "
        f"{top['gain $']:,.0f} $ an hour and moves the mean price by {top['price effect $/MWh']:+,.2f} "
        f"$/MWh. Purple: branches at their limit in the competitive clearing. The colours are logarithmic.",
        case=base.case,
        values=values,
        unit="$/MWh",
        stressed=binding,
        linear=0.01,
        wide=True,
    )
