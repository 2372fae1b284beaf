"""The dispatch among equals (law 4): most accepted demand first, then pro rata, then least link use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import sparse

from clearing.arrays.programs import Program
from clearing.errors import NumericalError
from clearing.pricing.chains import eliminate_ramps
from clearing.pricing.exact import AT_LIMIT, NO_EFFECT, Point, lexicographic, restrict, solve_exactly
from clearing.pricing.reduced import Limits, Reduced
from clearing.pricing.systems import has_full_column_rank
from clearing.tolerances import EQUAL_DEMAND

LAZY_ROUNDS = 50  # each adds at least one limit that the rounds before did not know


def share_ties(reduced: Reduced, limits: Limits, program: Program, point: Point) -> np.ndarray:
    """The canonical dispatch of the optimal face on which `point` lies.

    `program` is `reduced.program(limits)`, of which `point` is an optimum.

    Among all optimal dispatches: the largest accepted demand (purchases of units that also sell are none);
    then the unique minimiser of Σ accepted²/offered, so that tied orders share pro rata and no unit sells
    to itself; then, for links, of Σ flow²/range.
    A tied column has no slope and a reduced cost within the tie width; all others keep their value.
    """
    tied = (
        (np.abs(point.reduced) <= reduced.tie_width) & (reduced.curvature == 0) & (reduced.low < reduced.high)
    )
    if not tied.any():
        return point.x
    columns = np.flatnonzero(tied)
    balances = len(program.row_low) - limits.count
    binding = np.abs(point.dual) > reduced.tie_width
    binding[:balances] = True
    if _is_only_one(reduced, limits, program, columns, binding):
        return point.x
    held = _signs(point.dual, balances, reduced.tie_width)
    for _ in range(LAZY_ROUNDS):
        x = point.x.copy()
        x[columns] = _share(reduced, program, columns, point.x, held)
        beyond = reduced.met_limits(x, -AT_LIMIT)
        fresh = beyond.without(limits)
        if fresh.count == 0:
            return x
        limits, held = _merge(limits, fresh, held, balances)
        program = reduced.program(limits)
    raise NumericalError("sharing tied orders kept violating new limits")


def _is_only_one(
    reduced: Reduced, limits: Limits, program: Program, columns: np.ndarray, binding: np.ndarray
) -> bool:
    """Whether the binding rows leave the tied columns no freedom.

    Orders of a unit that a binding ramp joins move together, as one column of what is left.
    """
    split = len(binding) - len(limits.ramp)
    moves = sparse.csr_array(program.matrix[:, columns].T)
    prices = moves[:, np.flatnonzero(binding[:split])]
    # alone, a link that no line feels would be held by rounding
    prices.data[np.abs(prices.data) < NO_EFFECT] = 0.0
    ramps = limits.ramp[binding[split:]]
    groups = eliminate_ramps(prices, *reduced.ramped(columns), ramps).equations
    return has_full_column_rank(sparse.csr_array(groups.T))


def _signs(dual: np.ndarray, balances: int, width: float) -> np.ndarray:
    """+1 where a row is held at its low bound on the optimal face, −1 at its high one, 0 where it is free."""
    signs = np.where(np.abs(dual) > width, np.sign(dual), 0.0)
    signs[:balances] = 0.0
    return signs


def _share(
    reduced: Reduced, program: Program, columns: np.ndarray, x: np.ndarray, held: np.ndarray
) -> np.ndarray:
    """Values of the tied columns, in shares of what each offers, so that sizes do not skew the scale."""
    rest = x.copy()
    rest[columns] = 0.0
    moved = program.matrix @ rest
    row_low = np.where(held < 0, program.row_high, program.row_low) - moved
    row_high = np.where(held > 0, program.row_low, program.row_high) - moved
    is_link = columns >= reduced.orders
    size = reduced.offered[columns]
    none = np.zeros(len(columns))
    buys = np.zeros(len(columns), dtype=bool)
    buys[~is_link] = reduced.structure.demand[columns[~is_link]]
    face = Program(
        cost=none,
        curvature=none,
        matrix=sparse.csc_array(program.matrix[:, columns] @ sparse.diags_array(size)),
        row_low=row_low,
        row_high=row_high,
        low=program.low[columns] / size,
        high=program.high[columns] / size,
    )
    face = _fix_determined(face)
    if buys.any():
        face = replace(face, cost=np.where(buys, -size, 0.0))
        most = _most_demand(face)
        face = restrict(face, most, EQUAL_DEMAND, size)
    stages = [(none, np.where(is_link, 0.0, size))]
    if is_link.any():
        stages.append((none, np.where(is_link, size, 0.0)))
    return lexicographic(face, stages).x * size


def _most_demand(face: Program) -> Point:
    """The largest demand; rows that nearly depend on one another may be missed by what counts as no slack."""
    try:
        return solve_exactly(face)
    except NumericalError:
        wide = replace(face, row_low=face.row_low - AT_LIMIT, row_high=face.row_high + AT_LIMIT)
        return solve_exactly(wide)


def _fix_determined(face: Program) -> Program:
    """The face with the columns fixed that an equation determines by itself.

    Else one that ends closer to its bound than a solver tells apart is taken to be at it; none is feasible.
    """
    matrix = sparse.csr_array(face.matrix)
    matrix.data[np.abs(matrix.data) < NO_EFFECT] = 0.0
    matrix.eliminate_zeros()
    alone = (np.diff(matrix.indptr) == 1) & (face.row_low == face.row_high)
    at = matrix.indptr[:-1][alone]
    columns, low, high = matrix.indices[at], face.low.copy(), face.high.copy()
    value = np.clip(face.row_low[alone] / matrix.data[at], low[columns], high[columns])
    low[columns] = high[columns] = value
    loose = np.where(alone, -np.inf, face.row_low), np.where(alone, np.inf, face.row_high)
    return replace(face, low=low, high=high, row_low=loose[0], row_high=loose[1])


def _merge(limits: Limits, fresh: Limits, held: np.ndarray, balances: int) -> tuple[Limits, np.ndarray]:
    split = balances + len(limits.flow)
    parts = [held[:split], np.zeros(len(fresh.flow)), held[split:], np.zeros(len(fresh.ramp))]
    return limits.joined(fresh), np.concatenate(parts)
