"""How far the duals of a linear program's rows can move while its solution stays optimal (law 5)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from clearing.arrays.programs import Program
from clearing.errors import UnboundedError
from clearing.solvers import least_values, solve

AT_BOUND = 1e-7  # a scaled slack below this is none


def dual_intervals(program: Program, x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) twice: least and greatest dual of some rows over all duals that support an optimal x; ±inf
    where nothing bounds one. Two linear programs per row."""
    face = dual_face(program, x)
    unit = np.zeros((len(rows), len(face.cost)))
    unit[np.arange(len(rows)), rows] = 1.0
    return least_values(face, unit), -least_values(face, -unit)


def dual_lattice_ends(program: Program, x: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same as :func:`dual_intervals`, in two linear programs, where duals form a lattice.

    They do where every column has at most one positive and one negative entry after rows of one column
    are left out, as in a balance with storage: a smaller and a greater of two supporting duals, row by
    row, support too (A. F. Veinott, 1989), so one point has every least dual and one every greatest. One that
    nothing bounds is found row by row.
    """
    face = dual_face(program, x)
    cost = np.zeros(len(face.cost))
    cost[rows] = 1.0
    try:
        low, high = (solve(replace(face, cost=sign * cost)).x[rows] for sign in (1.0, -1.0))
    except UnboundedError:
        return dual_intervals(program, x, rows)
    return low, high


def independent_parts(program: Program, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows,) number of the part of the supporting duals in which each row's dual lies.

    The duals that support an optimal x are the product of their parts: what is chosen in one leaves all
    others free. Two rows are in one part where a condition joins their duals that their intervals alone do
    not imply, or a chain of such conditions does; a dual that cannot move joins nothing. Two linear programs
    per row of the program.
    """
    face = dual_face(program, x)
    low, high = dual_intervals(program, x, np.arange(len(face.cost)))
    conditions = sparse.csr_array(face.matrix)
    up, down = conditions.maximum(0.0), conditions.minimum(0.0)
    most, least = _product(up, high) + _product(down, low), _product(up, low) + _product(down, high)
    implied = (most <= face.row_high + AT_BOUND) & (least >= face.row_low - AT_BOUND)
    free = high - low > AT_BOUND
    joined = conditions[np.flatnonzero(~implied)][:, np.flatnonzero(free)]
    part = np.arange(len(free)) + len(free)
    part[free] = connected_components(sparse.csr_array(abs(joined.T) @ abs(joined)), directed=False)[1]
    return part[rows]


def _product(matrix: sparse.csr_array, ends: np.ndarray) -> np.ndarray:
    """Matrix times ends of intervals, which may be infinite; no entry takes nothing from an infinite end."""
    finite = np.isfinite(ends)
    sums = matrix @ np.where(finite, ends, 0.0)
    away = matrix @ np.where(finite, 0.0, np.sign(np.nan_to_num(ends)))
    return np.where(away != 0, np.copysign(np.inf, away), sums)


def middle_by_part(low: np.ndarray, high: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Law 5's canonical duals from the least and the greatest supporting ones, part by part: halfway, or the
    end that is finite throughout the part, NaN where neither is."""
    count = int(part.max(initial=-1)) + 1
    low_ends, high_ends = (np.bincount(part, ~np.isfinite(e), count)[part] == 0 for e in (low, high))
    middle = np.where(low_ends, low, np.where(high_ends, high, np.nan))
    both = low_ends & high_ends
    middle[both] = 0.5 * (low[both] + high[both])
    return middle


def dual_face(program: Program, x: np.ndarray) -> Program:
    """All duals that support an optimal x, as the feasible set of a program over the rows.

    Interior columns have reduced cost 0, columns at a bound the sign that keeps them there, rows that are met
    duals of one sign, all others none.
    """
    activity = program.matrix @ x
    moving = np.flatnonzero(program.low < program.high)
    gradient = (program.cost + program.curvature * x)[moving]
    at_low = (x - program.low <= AT_BOUND)[moving]
    at_high = (program.high - x <= AT_BOUND)[moving]
    met_low = activity - program.row_low <= AT_BOUND
    met_high = program.row_high - activity <= AT_BOUND
    none = np.zeros(len(activity))
    return Program(
        cost=none,
        curvature=none,
        matrix=sparse.csc_array(program.matrix[:, moving].T),
        row_low=np.where(at_low, -np.inf, gradient),
        row_high=np.where(at_high, np.inf, gradient),
        low=np.where(met_high, -np.inf, 0.0),
        high=np.where(met_low, np.inf, 0.0),
    )
