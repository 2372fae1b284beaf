"""The proof of a cleared market: residuals beside what is admitted, and one meaning of "holds"."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from clearing.errors import NumericalError


@dataclass(frozen=True, eq=False)
class Certificate:
    """Scaled residuals of conditions, each of which must not exceed its tolerance (law 6).

    Attributes
    ----------
    residuals : row name → largest violation, divided by its scale.
    tolerances : row name → what is admitted. It names the rows that the proof consists of: one that was not
        computed, or is NaN, does not pass, nor does a residual for which nothing is admitted.
    """

    residuals: Mapping[str, float]
    tolerances: Mapping[str, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "residuals", {row: float(value) for row, value in self.residuals.items()})
        object.__setattr__(self, "tolerances", dict(self.tolerances))

    @property
    def holds(self) -> bool:
        """Whether every row is there and within its tolerance."""
        return bool(self.tolerances) and all(self.passes(row) for row in self._rows)

    def passes(self, row: str) -> bool:
        """Whether a row is there and within its tolerance."""
        return self._share(row) <= 1.0

    @property
    def worst(self) -> tuple[str, float]:
        """The row nearest to (or furthest beyond) its tolerance, and its residual, inf if it is absent."""
        row = max(self._rows, key=self._share)
        return row, self.residuals.get(row, math.inf)

    @property
    def verdict(self) -> str:
        """ "holds" or "FAILS"."""
        return "holds" if self.holds else "FAILS"

    @property
    def table(self) -> pd.DataFrame:
        """Index row: residual, tolerance (each NaN where absent), verdict ("holds" or "FAILS")."""
        rows = self._rows
        return pd.DataFrame(
            {
                "residual": [self.residuals.get(row, math.nan) for row in rows],
                "tolerance": [self.tolerances.get(row, math.nan) for row in rows],
                "verdict": ["holds" if self.passes(row) else "FAILS" for row in rows],
            },
            index=pd.Index(rows, name="row"),
        )

    @property
    def summary(self) -> dict[str, Any]:
        """holds, worst (the row's name), residuals and tolerances, ready for JSON."""
        return {
            "holds": self.holds,
            "worst": self.worst[0],
            "residuals": self.residuals,
            "tolerances": self.tolerances,
        }

    def required(self, market: str) -> Certificate:
        """The certificate itself; NumericalError in the name of a market where it does not hold (law 6)."""
        if not self.holds:
            raise NumericalError(f"{market}: {self}")
        return self

    def __str__(self) -> str:
        row, residual = self.worst
        admitted = self.tolerances.get(row, 0.0)
        return f"certificate {self.verdict}: worst row {row} at {residual:.1e} of {admitted:.0e}"

    @property
    def _rows(self) -> list[str]:
        return [*self.tolerances, *(row for row in self.residuals if row not in self.tolerances)]

    def _share(self, row: str) -> float:
        """Residual over tolerance, infinite where the row does not pass for want of either."""
        residual, admitted = self.residuals.get(row, math.nan), self.tolerances.get(row, math.nan)
        if math.isnan(residual) or math.isnan(admitted):
            return math.inf
        if admitted == 0:
            return math.inf if residual > 0 else 0.0
        return residual / admitted
