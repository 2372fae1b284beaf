"""The market-power scan's question answered in sentences, each made from its tables."""

from __future__ import annotations

import pandas as pd

from studies.market_power_scan.tables import LEAST_GAIN, LEAST_MWH, best_deviations
from studies.pages.sentences import count
from studies.study import Results, Summaries

DEEDS = {"withhold": "withholding capacity", "mark up": "asking more than its cost"}
CLEAR_RISE = 0.01  # $/MWh: a rise that shows in a price of two decimals


def answer(results: Results, summaries: Summaries) -> list[str]:
    """How many firms gain alone, which most, where prices move, and what structure says of it."""
    deviations, firms = results.tables.get("deviations"), results.tables.get("firms")
    if deviations is None or not len(deviations):
        return []
    best = best_deviations(deviations)
    pays = best[best["gain $"] > LEAST_GAIN]
    total = best["firm"].nunique()
    if not len(pays):
        out = [
            f"None of the {count(total, 'firm')} gains by any deviation that was tried, "
            "so it would pay none to raise prices alone."
        ]
        return out + _structure_words(firms, pays)
    parts = []
    for kind, words in DEEDS.items():
        tried, gaining = (f.loc[f["deviation"] == kind, "firm"].nunique() for f in (best, pays))
        if tried:
            parts.append(f"{gaining} by {words}")
    raising = pays[pays["price effect $/MWh"] > CLEAR_RISE]["firm"].nunique()
    out = [
        f"{pays['firm'].nunique()} of {count(total, 'firm')} would gain by deviating alone "
        f"({', '.join(parts)}); "
        f"for {raising} of them a gainful deviation raises the mean price by more than {CLEAR_RISE} $/MWh."
    ]
    return [
        *out,
        _top_words(results, pays.iloc[0]),
        *_where_words(results, pays.iloc[0]),
        *_structure_words(firms, pays),
    ]


def _top_words(results: Results, top: pd.Series) -> str:
    """The most gainful deviation of all, and whether demand goes unserved in it."""
    how = "withholds" if top["deviation"] == "withhold" else "marks up by"
    said = (
        f"{top['firm']} gains most: {top['gain $']:,.0f} $ if it {how} {top['best level']}, which moves "
        f"the mean price by {top['price effect $/MWh']:+,.2f} to {top['mean price $/MWh']:,.2f} $/MWh"
    )
    rows = results["deviations"]
    rows = rows[(rows["firm"] == top["firm"]) & (rows["kind"] == top["deviation"])]
    short = float(rows.loc[rows["profit"].idxmax(), "shortage_mwh"])
    if short > LEAST_MWH:
        said += (
            f"; {short:,.1f} MWh then go unserved, so the gain rests on the assumed value of lost load, "
            f"{results.spec.lost_load:,.0f} $/MWh"
        )
    return said + "."


def _where_words(results: Results, top: pd.Series) -> list[str]:
    """At how many buses that deviation raises and lowers prices, and where most."""
    effects = results.tables.get("bus_prices")
    if effects is None:
        return []
    rows = effects[(effects["firm"] == top["firm"]) & (effects["kind"] == top["deviation"])]
    change = rows.groupby("bus")["lmp_change"].mean()
    up, down = change[change > CLEAR_RISE], change[change < -CLEAR_RISE]
    if not len(up) and not len(down):
        return ["No bus's price moves by more than a cent in that deviation."]
    parts = []
    for moved, verb, far in ((up, "raises", up.max()), (down, "lowers", down.min())):
        if len(moved):
            where = moved.idxmax() if verb == "raises" else moved.idxmin()
            parts.append(
                f"{verb} the price at {count(len(moved), 'bus', 'buses')}, most at bus {where} "
                f"({far:+,.2f} $/MWh)"
            )
    return [f"That deviation {' and '.join(parts)}."]


def _structure_words(firms: pd.DataFrame | None, pays: pd.DataFrame) -> list[str]:
    """How many firms are pivotal, and how many of those that gain no structural test names."""
    if firms is None or not len(firms):
        return []
    pivotal = firms["pivotal"].astype(bool)
    on_grid = firms["unserved_without_mwh"] > LEAST_MWH
    said = (
        f"By structure {int(pivotal.sum())} of {count(len(firms), 'firm')} are pivotal if the grid is "
        f"ignored and {int(on_grid.sum())} on the grid, {int(firms['fails_three'].sum())} fail the test of "
        f"three pivotal suppliers, and the HHI of offered MW is {firms['hhi_offered'].iloc[0]:,.0f}"
    )
    gaining = firms["firm"].isin(set(pays["firm"]))
    if gaining.any():
        missed = int((gaining & ~(pivotal | on_grid | firms["fails_three"].astype(bool))).sum())
        said += f"; of the {int(gaining.sum())} that gain, {missed} pass all these tests"
    return [said + "."]
