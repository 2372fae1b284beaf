"""Linear and convex quadratic programs of the tests' oracle, by SciPy's linprog and by Clarabel."""

from __future__ import annotations

from dataclasses import dataclass

import clarabel
import numpy as np
from scipy import sparse
from scipy.optimize import linprog


class ReferenceFailedError(RuntimeError):
    """The reference's own solver met numerical difficulty; the case proves nothing."""


@dataclass(frozen=True)
class Program:
    """minimise c·v + ½ v'diag(q)v, low ≤ A v ≤ high; column bounds are rows of A like all others."""

    c: np.ndarray
    q: np.ndarray
    A: np.ndarray
    low: np.ndarray
    high: np.ndarray


def solve_linear(c: np.ndarray, A: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray | None:
    """A minimiser of c·v on low ≤ A v ≤ high; None where there is none (no point, or no bound)."""
    equal = low == high
    up, down = ~equal & np.isfinite(high), ~equal & np.isfinite(low)
    inequality = np.vstack([A[up], -A[down]])
    right = np.concatenate([high[up], -low[down]])
    found = linprog(
        c,
        A_ub=inequality if len(inequality) else None,
        b_ub=right if len(right) else None,
        A_eq=A[equal] if equal.any() else None,
        b_eq=low[equal] if equal.any() else None,
        bounds=(None, None),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    if found.status == 4:
        found = linprog(
            c, inequality, right, A[equal], low[equal], (None, None), "highs", options={"presolve": False}
        )
    return found.x if found.status == 0 else None


def solve_quadratic(p: Program) -> tuple[np.ndarray, np.ndarray]:
    """A minimiser by Clarabel, and the multiplier of every row, positive at its low bound."""
    equal = p.low == p.high
    up, down = ~equal & np.isfinite(p.high), ~equal & np.isfinite(p.low)
    A = np.vstack([p.A[equal], p.A[up], -p.A[down]])
    right = np.concatenate([p.high[equal], p.high[up], -p.low[down]])
    cones = [clarabel.ZeroConeT(int(equal.sum())), clarabel.NonnegativeConeT(int(up.sum() + down.sum()))]
    matrices = sparse.csc_matrix(np.diag(p.q)), p.c, sparse.csc_matrix(A), right, cones
    for tolerance in (1e-11, 1e-10, 1e-9):
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_iter = 500
        settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = tolerance
        found = clarabel.DefaultSolver(*matrices, settings).solve()
        if found.status == clarabel.SolverStatus.Solved:
            break
    else:  # "almost solved" is as far as 5e-5 away
        raise ReferenceFailedError(str(found.status))
    z = np.asarray(found.z)
    dual = np.zeros(len(p.low))
    ends = np.cumsum([int(equal.sum()), int(up.sum())])
    dual[equal] = -z[: ends[0]]
    dual[up] -= z[ends[0] : ends[1]]
    dual[down] += z[ends[1] :]
    return np.asarray(found.x), dual
