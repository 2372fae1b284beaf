"""What the monitor finds, for the document's expectations."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from studies.claims import Claim
from studies.incubator.tables import (
    FOUND,
    VISIBLE,
    has_errors,
    largest_conduct,
    power_table,
    reliable_error,
    spoofs,
)
from studies.printed import Ours, compare, ours
from studies.study import Results, Summaries


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """The document's expectations beside what the sandbox finds."""
    if "summary" not in results.tables or not has_errors(results):
        return []
    summary, table = results["summary"], power_table(results)
    seen = summary[summary["gap"] > VISIBLE]["conduct"]
    found = table[(table["sigma"] == 0.0) & table["conduct"].isin(seen)]
    if len(found) == 0:
        return []
    return compare("incubator", Figures(table, found, largest_conduct(results)))


@dataclass(frozen=True)
class Figures:
    """Shares found and areas under the receiver operating curve, by error of costs and conduct."""

    table: pd.DataFrame
    found: pd.DataFrame
    conduct: str

    def found_at_exact_costs(self) -> Ours:
        least = float(1 - self.found["missed_gap"].max())
        return ours(least >= FOUND, least=least, visible=VISIBLE)

    def falls_with_errors(self) -> Ours:
        own = self.table[self.table["conduct"] == self.conduct].sort_values("sigma")
        exact, wrong = float(own["area_gap"].iloc[0]), float(own["area_gap"].iloc[-1])
        limit, sigma = reliable_error(self.table, self.conduct), own["sigma"].iloc[-1]
        return ours(wrong < exact - 0.01, conduct=self.conduct, exact=exact, wrong=wrong, sigma=sigma,
                    limit=limit)  # fmt: skip

    def derailed(self) -> Ours | None:
        false_reports = spoofs(self.table)
        area = float(false_reports["area_gap"].max()) if len(false_reports) else 0.0
        return ours(area < 0.6, area=area) if len(false_reports) else None
