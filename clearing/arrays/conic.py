"""Convex programs with quadratic rows loss ≥ weight·flow², as arrays, with our own optimality residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program

CUT_STEPS = (0.0, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Tangent points around a solution, as shares of the largest flow: the nearest decide the bound's accuracy
(error weight·step²), the furthest keep the linear program bounded."""


@dataclass(frozen=True, eq=False)
class ConicProgram:
    """minimise cost·x  subject to rows and bounds of `linear` and x[outer] ≥ weight·x[inner]².

    Attributes
    ----------
    linear : cost, rows and bounds; its curvature is 0.
    outer, inner : (cones,) columns of the bounding and of the squared variable; a column is the outer
        one of at most one cone, and the inner one of at most one.
    weight : (cones,) above 0.
    """

    linear: Program
    outer: np.ndarray
    inner: np.ndarray
    weight: np.ndarray

    def excess(self, x: np.ndarray) -> np.ndarray:
        """(cones,) x[outer] − weight·x[inner]²: 0 where the cone is tight, positive where it is loose."""
        return x[self.outer] - self.weight * x[self.inner] ** 2

    def second_order_rows(self) -> tuple[sparse.csr_array, np.ndarray]:
        """Rows R and constants h such that h − R·x lies in a product of cones {(t, u): ‖u‖ ≤ t} of
        dimension 3: outer ≥ w·inner² ⇔ ‖(outer − 1, 2·√w·inner)‖ ≤ outer + 1."""
        cones = len(self.weight)
        place = 3 * np.arange(cones)
        values = np.concatenate([-np.ones(2 * cones), -2.0 * np.sqrt(self.weight)])
        rows = np.concatenate([place, place + 1, place + 2])
        columns = np.concatenate([self.outer, self.outer, self.inner])
        matrix = sparse.csr_array((values, (rows, columns)), shape=(3 * cones, len(self.linear.cost)))
        return matrix, np.tile([1.0, -1.0, 0.0], cones)

    def residuals(self, x: np.ndarray, row_dual: np.ndarray) -> dict[str, float]:
        """How far x and the duals of the rows are from optimal; computed without the solver.

        Keys: "rows" and "cones", largest violation over 1 + largest |x|; "duals", largest reduced cost
        of a column that should have none (or of the wrong sign) over 1 + largest |cost|; "gap", cost
        less the Lagrangian bound over 1 + |cost|. Multipliers of cones and bounds are not taken from
        the solver: the stationarity conditions give them from `row_dual`.
        """
        bound, reduced = self.lagrangian_bound(x, row_dual)
        p = self.linear
        activity = p.matrix @ x
        size = 1.0 + float(np.abs(x).max(initial=0.0))
        beyond = (p.row_low - activity, activity - p.row_high, p.low - x, x - p.high)
        rows = max(float(np.max(part, initial=0.0)) for part in beyond)
        cost = float(p.cost @ x)
        return {
            "rows": rows / size,
            "cones": float(np.max(-self.excess(x), initial=0.0)) / size,
            "duals": reduced / (1.0 + float(np.abs(p.cost).max(initial=0.0))),
            "gap": abs(cost - bound) / (1.0 + abs(cost)),
        }

    def lagrangian_bound(self, x: np.ndarray, row_dual: np.ndarray) -> tuple[float, float]:
        """Least Lagrangian over x at these row duals, and the largest reduced cost it had to overlook.

        min over x of cost·x − y·(matrix·x − row) with the cones kept: with d = cost − matrixᵀ·y a pair
        (outer, inner) contributes min d_o·w·g² + d_i·g = −d_i²/(4·w·d_o); a bounded column its better
        bound. What is left of d on free columns would make the bound −∞; it is valued at |x| + 1 instead.
        """
        p = self.linear
        d = p.cost - p.matrix.T @ row_dual
        with np.errstate(invalid="ignore"):
            total = np.where(row_dual > 0, row_dual * p.row_low, row_dual * p.row_high)
        total = float(total[row_dual != 0].sum())
        overlooked = 0.0
        outer = np.maximum(d[self.outer], 0.0)
        free = np.ones(len(d), dtype=bool)
        free[self.outer] = False
        free[self.inner] = False
        overlooked = float(np.max(-d[self.outer], initial=0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            squares = d[self.inner] ** 2 / (4.0 * self.weight * outer)
        dead = outer <= 1e-12
        total -= float(squares[~dead].sum())
        overlooked = max(overlooked, float(np.max(np.abs(d[self.inner][dead]), initial=0.0)))
        rest = np.where(free, d, 0.0)
        with np.errstate(invalid="ignore"):
            worth = np.where(rest > 0, rest * p.low, rest * p.high)
        usable = np.isfinite(worth) & (rest != 0)
        total += float(worth[usable].sum())
        wrong = (rest != 0) & ~usable
        total -= float((np.abs(rest) * (1.0 + np.abs(x)))[wrong].sum())
        return total, max(overlooked, float(np.max(np.abs(rest[wrong]), initial=0.0)))

    def tangent_program(self, points: np.ndarray) -> Program:
        """The linear program with cones replaced by tangents outer ≥ w·(2·a·inner − a²) at `points`.

        `points` : (cuts, cones) values a of the inner variables. Every tangent is valid, so the least
        cost of this program is a lower bound, wherever the points come from.
        """
        p, (cuts, cones) = self.linear, points.shape
        rows = np.tile(np.arange(cuts * cones), 2)
        columns = np.concatenate([np.tile(self.outer, cuts), np.tile(self.inner, cuts)])
        slopes = -2.0 * (self.weight * points).ravel()
        values = np.concatenate([np.ones(cuts * cones), slopes])
        tangents = sparse.csc_array((values, (rows, columns)), shape=(cuts * cones, len(p.cost)))
        return replace(
            p,
            matrix=sparse.csc_array(sparse.vstack([p.matrix, tangents], format="csc")),
            row_low=np.append(p.row_low, -(self.weight * points**2).ravel()),
            row_high=np.append(p.row_high, np.full(cuts * cones, np.inf)),
        )

    def tangents_near(self, x: np.ndarray, steps: tuple[float, ...] = CUT_STEPS) -> np.ndarray:
        """(cuts, cones) tangent points: the solution's, and steps of the largest flow to either side."""
        inner = x[self.inner]
        scale = float(np.abs(inner).max(initial=0.0)) or 1.0
        offsets = sorted({sign * scale * step for step in steps for sign in (-1.0, 1.0)})
        return inner + np.array(offsets)[:, None]


@dataclass(frozen=True, eq=False)
class ConicSolution:
    """An optimum of a conic program, judged by our own residuals.

    Attributes
    ----------
    x : (columns,).
    row_dual : (rows,) increase of the least cost per unit of a row's bound.
    residuals : see :meth:`ConicProgram.residuals`.
    solver, status : which solver, and its own word.
    """

    x: np.ndarray
    row_dual: np.ndarray
    residuals: dict[str, float]
    solver: str
    status: str
