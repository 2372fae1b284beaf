"""Linear and convex separable quadratic programs as arrays, and what a solver returns for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Program:
    """minimise cost·x + ½ Σ curvature_k·x_k²  subject to row_low ≤ matrix·x ≤ row_high, low ≤ x ≤ high.

    Attributes
    ----------
    cost, curvature, low, high : (columns,); curvature ≥ 0.
    matrix : (rows, columns) sparse by column.
    row_low, row_high : (rows,), ±inf where there is no bound.
    integer : (columns,) bool, or None when every column is continuous.
    """

    cost: np.ndarray
    curvature: np.ndarray
    matrix: sparse.csc_array
    row_low: np.ndarray
    row_high: np.ndarray
    low: np.ndarray
    high: np.ndarray
    integer: np.ndarray | None = None

    @property
    def quadratic(self) -> bool:
        return bool(self.curvature.any())

    def objective(self, x: np.ndarray) -> float:
        return float(self.cost @ x + 0.5 * (self.curvature * x) @ x)

    def scaled(self, quantity: float, money: float) -> Program:
        """The same program with x in units of `quantity` and cost coefficients in units of `money`.

        Duals come back in units of `money`. Powers of two change no mantissa.
        """
        return replace(
            self,
            cost=self.cost / money,
            curvature=self.curvature * (quantity / money),
            row_low=self.row_low / quantity,
            row_high=self.row_high / quantity,
            low=self.low / quantity,
            high=self.high / quantity,
        )


@dataclass(frozen=True, eq=False)
class Solution:
    """A proven optimum of a program.

    Attributes
    ----------
    x : (columns,).
    row_dual : (rows,) increase of the least objective per unit of a row's binding bound.
    column_dual : (columns,) reduced costs.
    solver : which solver proved it.
    """

    x: np.ndarray
    row_dual: np.ndarray
    column_dual: np.ndarray
    solver: str
