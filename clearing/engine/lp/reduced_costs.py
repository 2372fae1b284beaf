"""Reduced costs of a simplex basis without its perturbation: what is optimal, and what is tied."""

from __future__ import annotations

from clearing.engine.compilation.decorators import inner, merged, short_loops
from clearing.engine.linalg.dense import add_rows
from clearing.engine.linalg.simd import (
    LANES,
    less_bits,
    load,
    magnitude,
    ones,
    smaller,
    smallest,
    splat,
    where_less,
)
from clearing.engine.lp.basis import set_duals

NEAR = 0.05  # of the tie width: a reduced cost below this is rounding


@inner
def true_duals(s, n):
    """Reduced costs of the working basis for the costs in `working_cost`."""
    k = s.basis_size
    set_duals(s)
    red = s.reduced_cost
    for j in range(n):
        red[j] = s.working_cost[j]
    add_rows(red, n, s.matrix, s.basis_slot, red[n:], k, -1.0)
    for p in range(k):
        red[s.basic_column[p]] = 0.0


@merged
def least_cost(red, direction, n, k):
    """Smallest reduced cost of anything nonbasic, at its bound's sign."""
    never = splat(1e300)
    basic = splat(0.5)
    least = never
    for j in range(0, n, LANES):
        way = load(direction, j)
        least = smaller(least, where_less(magnitude(way), basic, never, way * load(red, j)))
    found = smallest(least)
    for i in range(n, n + k):
        if direction[i] != 0.0:
            found = min(found, direction[i] * red[i])
    return found


@inner
def count_ties(s, n, tol):
    """What could move at no cost, that is at `tol` per MW at most, of an optimal basis.

    Returns (number of such columns and limits, of those that do cost something, worst violation of dual
    feasibility).
    """
    short_loops()
    red = s.reduced_cost
    direction = s.lp.move
    ties = 0
    near = 0
    basic = splat(0.5)
    least = splat(0.0)
    wide = splat(tol)
    plain = splat(NEAR * tol)
    for j in range(0, n, LANES):
        way = load(direction, j)
        d = way * load(red, j)
        least = smaller(least, d)
        bits = less_bits(basic, magnitude(way)) & ~less_bits(wide, d)
        if bits != 0:
            ties += ones(bits)
            near += ones(bits & less_bits(plain, magnitude(d)))
    worst = smallest(least)
    for i in range(s.balances, s.basis_size):
        side = s.basis_side[i]
        if side != 0:
            d = -side * red[n + i]
            worst = min(worst, d)
            if d <= tol:
                ties += 1
                near += abs(d) > NEAR * tol
    return ties, near, -worst
