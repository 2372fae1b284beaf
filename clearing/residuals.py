"""What every certificate is: residuals beside what is admitted, and one meaning of "holds"."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, eq=False)
class Residuals:
    """Scaled residuals of conditions, each of which must not exceed its tolerance.

    Attributes
    ----------
    residuals : row name → largest violation, divided by its scale.
    tolerances : row name → what is admitted. It names the rows that the proof consists of: one that was not
        computed, or is NaN, does not pass, nor does a residual for which nothing is admitted.
    """

    residuals: dict[str, float]
    tolerances: dict[str, float]

    @property
    def holds(self) -> bool:
        """Whether every row is there and within its tolerance."""
        return bool(self.tolerances) and all(self._share(row) <= 1.0 for row in self._rows)

    @property
    def worst(self) -> tuple[str, float]:
        """The row nearest to (or furthest beyond) its tolerance, and its residual, inf if it is absent."""
        row = max(self._rows, key=self._share)
        return row, self.residuals.get(row, math.inf)

    def __str__(self) -> str:
        row, residual = self.worst
        verdict = "holds" if self.holds else "FAILS"
        admitted = self.tolerances.get(row, 0.0)
        return f"certificate {verdict}: worst row {row} at {residual:.1e} of {admitted:.0e}"

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
