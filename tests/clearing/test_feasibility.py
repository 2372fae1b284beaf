"""Whether anything is feasible: proven by a point or by weights of the rows, and said by the market."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

import networks
from clearing import Book, InfeasibleError, NodalMarket
from clearing.arrays.programs import Program
from clearing.batches import Status
from clearing.solvers import is_feasible
from clearing.solvers.feasibility import elastic, excludes_all, is_a_point
from networks import Grid


def random_program(seed: int) -> Program:
    """Rows over a box, some of them equations, some columns free; about half of these have a point."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(2, 12, 2)
    dense = rng.normal(size=(rows, columns)) * (rng.random((rows, columns)) < 0.6)
    width = np.where(rng.random(rows) < 0.5, 0.0, rng.random(rows))
    middle = dense @ rng.uniform(-1, 1, columns) + rng.choice([0.0, 3.0]) * rng.normal(size=rows)
    free = rng.random(columns) < 0.2
    none = np.zeros(columns)
    return Program(
        cost=none,
        curvature=none,
        matrix=sparse.csc_array(dense),
        row_low=np.where(rng.random(rows) < 0.2, -np.inf, middle - width),
        row_high=middle + width,
        low=np.where(free, -np.inf, -1.0),
        high=np.where(free, np.inf, 1.0),
    )


def has_a_point(p: Program) -> bool:
    """By another implementation of the simplex method's boundary: scipy, one-sided rows."""
    dense = p.matrix.toarray()
    both = np.vstack([dense, -dense])
    right = np.concatenate([p.row_high, -p.row_low])
    kept = np.isfinite(right)
    found = optimize.linprog(
        p.cost, both[kept], right[kept], bounds=np.column_stack([p.low, p.high]), method="highs"
    )
    assert found.status in (0, 2)
    return found.status == 0


@settings(max_examples=120)
@given(st.integers(0, 10**6))
def test_the_verdict_is_that_of_an_independent_program(seed):
    p = random_program(seed)
    assert is_feasible(p) == has_a_point(p)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_weights_exclude_what_has_a_point(seed, other):
    p = random_program(seed)
    x = np.clip(np.random.default_rng(other).normal(size=len(p.cost)), p.low, p.high)
    at = p.matrix @ x
    p = replace(p, row_low=np.minimum(p.row_low, at), row_high=np.maximum(p.row_high, at))
    assert is_a_point(p, x)
    weights = np.random.default_rng(other).normal(size=(50, len(at)))
    weights *= np.random.default_rng(other).random(weights.shape) < 0.5
    assert not any(excludes_all(p, y) for y in weights)


def test_weights_by_hand():
    """x + y ≥ 3 and x − y = 0 on [0, 1]²: the first row alone shows it; the second shows nothing."""
    p = Program(
        np.zeros(2), np.zeros(2), sparse.csc_array([[1.0, 1.0], [1.0, -1.0]]), np.array([3.0, 0.0]),
        np.array([np.inf, 0.0]), np.zeros(2), np.ones(2),
    )  # fmt: skip
    assert excludes_all(p, np.array([1.0, 0.0]))
    assert not excludes_all(p, np.array([0.0, 1.0]))
    assert not excludes_all(p, np.zeros(2))
    assert excludes_all(
        replace(p, low=np.array([-np.inf, 0.0])), np.array([1.0, 0.0])
    )  # x ≤ 1 is what counts
    free = replace(p, low=np.full(2, -np.inf), high=np.full(2, np.inf))
    assert not excludes_all(free, np.array([1.0, 0.0]))


def test_the_elastic_program_measures_what_is_missing():
    p = Program(
        np.zeros(2), np.zeros(2), sparse.csc_array([[1.0, 1.0]]), np.array([3.0]), np.array([4.0]),
        np.zeros(2), np.ones(2),
    )  # fmt: skip
    relaxed = elastic(p)
    found = optimize.linprog(
        relaxed.cost, A_ub=-relaxed.matrix.toarray(), b_ub=-relaxed.row_low,
        bounds=np.column_stack([relaxed.low, relaxed.high]),
    )  # fmt: skip
    assert found.fun == pytest.approx(1.0)


def ring(seed: int, load: float) -> tuple[Grid, Book]:
    """Forty buses in a ring with chords, reactances of five orders of magnitude, sloped offers of 2000 MW."""
    rng = np.random.default_rng(seed)
    ends = [(k, (k + 1) % 40) for k in range(40)] + [(k, (k + 11) % 40) for k in range(0, 40, 3)]
    grid = Grid.from_tables(
        buses=[{"bus": k} for k in range(40)],
        branches=[
            {"branch": i, "from_bus": a, "to_bus": b, "x_pu": 10 ** rng.uniform(-5, 0), "limit_mw": 900.0}
            for i, (a, b) in enumerate(ends)
        ],
    )
    orders = [
        {"order": k, "participant": k, "bus": int(rng.integers(40)), "side": "sell", "mw": 100.0,
         "price": float(rng.uniform(10, 50)), "slope": float(rng.uniform(0.01, 0.2))}
        for k in range(20)
    ]  # fmt: skip
    fixed = [{"bus": b, "mw": load / 10} for b in rng.choice(40, 10, replace=False).tolist()]
    return grid, Book.from_tables(orders, fixed=fixed)


@pytest.mark.parametrize("excess", [0.5, 400.0, 3000.0])
def test_a_sloped_book_short_of_offers_says_so(excess):
    grid, book = ring(int(excess), 2000.0 + excess)
    with pytest.raises(InfeasibleError, match=f"short of {excess:,.2f} MW"):
        NodalMarket(grid).clear(book)


def test_a_sloped_case_beyond_its_capacity_is_infeasible_on_both_doors():
    """Great Britain on 29 buses at 2.2 times its load: presolve sees it, the simplex alone ends unknown."""
    case = networks.load("gb29")
    book = Book.from_case(case, profile=[2.2])
    market = NodalMarket(case.grid)
    with pytest.raises(InfeasibleError, match="is short of"):
        market.clear(book)
    prepared = market.prepare(book)
    prepared.engine = None
    batch = prepared.clear_many(np.vstack([book.price, 1.1 * book.price]))
    assert batch.status.tolist() == [Status.INFEASIBLE] * 2
    assert np.isnan(batch.lmp).all()
