"""Our side of the document's hopes for remedies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.claims import Claim
from studies.printed import Ours, compare, ours
from studies.remedies.tables import PLACE, changes, paired
from studies.remedies.treatments import REMEDIES
from studies.study import Results, Summaries


def claims(results: Results, summaries: Summaries) -> list[Claim]:
    """The document's hopes: a lower index with its interval below none, in every market tried."""
    return compare("remedies", Figures(changes(paired(results))))


@dataclass(frozen=True)
class Figures:
    """Changes against no remedy, and the sides of 0 on which their intervals lie."""

    table: pd.DataFrame

    def lowers_index(self, remedies: str) -> Ours | None:
        known = [name for name in remedies.split() if name in self.table.index]
        words, lower = [], []
        for name in known:
            row = self.table.loc[name].to_dict()
            for market in PLACE:
                change, sign = (float(row.get(f"{market} d_index{end}", np.nan)) for end in ("", " sign"))
                if np.isfinite(change):
                    words.append(f"{REMEDIES[name].words}, {market}: {change:+.2f}")
                    lower.append(sign == -1)
        if not known:
            return None
        why = "all" if all(lower) else "some" if any(lower) else "none"
        return Ours(any(lower), why=why, evidence="independent" if all(lower) else "weak",
                    words={"changes": "; ".join(words)})  # fmt: skip

    def benefits_exceed_costs(self) -> Ours:
        signs = {name: self.table.filter(regex=f"d_{name} sign$") for name in ("bill", "welfare")}
        safe = [
            name
            for name in self.table.index
            if (signs["bill"].loc[name].dropna() == -1).all()
            and (signs["welfare"].loc[name].dropna() >= 0).all()
        ]
        names = "; ".join(REMEDIES[name].words for name in safe) or "none"
        return ours(safe=len(safe), count=len(self.table), names=names)
