"""What a reproduction study of the 18 buses learned, beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from learners.equilibria.shares import share_interval
from studies.claims import Claim, Source, compare_open, compare_statement
from studies.study import Results
from studies.two_sided_eighteen_bus.tables import SETTING, pick_end

REPRODUCTION = Source("Two-sided tacit collusion: reproduction study", "cross-check")
PLACE = "section 2, learning on 18 buses"


def reproduction_claims(table: pd.DataFrame, results: Results) -> list[Claim]:
    """What the reproduction study learned on the fitted placement, 15 seeds of 1500 days."""
    fitted = table[table["placement"] == "fitted"]
    out = []
    for words, rate, ramp, offer, profit in (
        ("ramp limit, passive discos, Er .9", 0.9, True, 1099.9, 6087.0),
        ("no ramp limit, passive discos, Er .5", 0.5, False, 1020.0, 12444.0),
        ("no ramp limit, passive discos, Er .9", 0.9, False, 1020.0, 12444.0),
    ):
        rows = pick_end(fitted, rate=rate, ramp=ramp, discos=False)
        if len(rows):
            ends = _ends_of(results, rows.iloc[0].to_dict())
            hits = int((ends["G1_mw"] == offer).sum())
            share = hits / len(ends)
            least, most = float(share_interval(15, 15)[0]), float(share_interval(hits, len(ends))[1])
            out.append(
                compare_statement(
                    REPRODUCTION, PLACE, f"{words}: G1 ends at {offer:.0f} MW and {profit:,.0f} $",
                    "all of 15 seeds", f"{share:.0%} of {len(ends)} seeds, mean profit "
                    f"{ends['G1_profit'].mean():,.0f} $",
                    share == 1.0 or most >= least, "" if share == 1.0 else
                    f"all of 15 means at least {least:.0%} with 95 % confidence; other ends are one step of "
                    "20 MW away", evidence="independent" if share == 1.0 else "weak",
                )
            )  # fmt: skip
    rows = pick_end(fitted, ramp=True, discos=True)
    if len(rows):
        low, high = rows["G1_profit"].min(), rows["G1_profit"].max()
        inside = 7100 <= low <= high <= 8200
        out.append(
            compare_statement(
                REPRODUCTION, PLACE, "ramp limit, learning discos: G1's mean profit over the rates",
                "7,100 to 8,200 $", f"{low:,.0f} to {high:,.0f} $", inside,
                "inside the published range" if inside else "outside the published range", evidence="weak",
            )
        )  # fmt: skip
    rows = pick_end(fitted, rate=0.5, ramp=False, discos=True)
    if len(rows):
        ends = _ends_of(results, rows.iloc[0].to_dict())
        share = float(((ends[["G1_mw", "D1_mw", "D2_mw", "D3_mw"]] == [1000, 40, 0, 40]).all(axis=1)).mean())
        out.append(
            compare_open(
                REPRODUCTION, PLACE, "no ramp limit, learning discos, Er .5: ends at (1000; 40, 0, 40)",
                "53%",
                f"{share:.0%}, commonest ({rows['commonest'].iloc[0]}) {rows['share'].iloc[0]:.0%}",
                "its four interruption levels are not given; ours are 0, 20, 40, 60 MW", printed=0.53,
            )
        )  # fmt: skip
    rows = pick_end(fitted, rate=0.9, ramp=False, discos=True)
    if len(rows):
        visited = int(_ends_of(results, rows.iloc[0].to_dict())["visited"].max())
        out.append(
            compare_statement(
                REPRODUCTION, PLACE, "profiles that a run of 1500 days visits at Er .9, of 704", "up to 478",
                f"up to {visited}", abs(visited - 478) <= 48, "within a tenth; a maximum over other seeds",
                evidence="weak",
            )
        )  # fmt: skip
    return out


def _ends_of(results: Results, row: Mapping[Any, Any]) -> pd.DataFrame:
    """The seeds of one setting."""
    ends = results["ends"]
    for name in SETTING:
        ends = ends[ends[name] == row[name]]
    return ends
