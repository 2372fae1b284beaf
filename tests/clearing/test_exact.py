"""From a solver's answer to the exact optimum of its active set."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

import networks
from clearing import Book, NodalMarket
from clearing.arrays.programs import Program
from clearing.pricing.chains import eliminate_ramps
from clearing.pricing.exact import correct, lexicographic, solve_exactly
from clearing.pricing.systems import has_full_column_rank, least_squares, null_space


def program(cost, rows, row_low, row_high, low, high, curvature=None) -> Program:
    cost = np.array(cost, dtype=float)
    return Program(
        cost,
        np.zeros(len(cost)) if curvature is None else np.array(curvature, dtype=float),
        sparse.csc_array(np.array(rows, dtype=float).reshape(-1, len(cost))),
        *(np.array(v, dtype=float) for v in (row_low, row_high, low, high)),
    )


def test_a_perturbed_vertex_is_restored():
    p = program([1, 3], [[1, 1]], [1.5], [1.5], [0, 0], [1, 1])
    point = correct(p, np.array([1 - 1e-8, 0.5 + 3e-8]), np.array([3 + 1e-8]))
    assert point.x == pytest.approx([1, 0.5], abs=1e-15)
    assert point.dual == pytest.approx([3], abs=1e-14)
    assert point.reduced == pytest.approx([-2, 0], abs=1e-14)


def test_an_interior_point_between_slack_and_multiplier():
    """Slack 1e-6 with multiplier 1e-3 is active; slack 1e-3 with multiplier 1e-6 is not."""
    p = program([1, 1.001], [[1, 1]], [1.0], [1.0], [0, 0], [2, 2])
    point = correct(p, np.array([1 - 1e-6, 1e-6]), np.array([1.0]))
    assert point.x == pytest.approx([1, 0], abs=1e-15)
    q = program([1, 1], [[1, 1]], [1.0], [1.0], [0, 0], [2, 2])
    point = correct(q, np.array([0.999, 0.001]), np.array([1 - 1e-9]))
    assert point.x == pytest.approx([0.999, 0.001])
    assert point.reduced == pytest.approx([0, 0], abs=1e-15)


def test_quadratic_programme_is_exact():
    p = program([0, 0], [[1, 1]], [1.0], [1.0], [0, 0], [9, 9], curvature=[1, 3])
    point = solve_exactly(p)
    assert point.x == pytest.approx([0.75, 0.25], abs=1e-14)
    assert point.dual == pytest.approx([0.75], abs=1e-14)


def test_weakly_active_bounds_of_a_quadratic_programme():
    """The optimum sits on a bound whose multiplier vanishes."""
    p = program([0, -1], [[1, 1]], [-9.0], [9.0], [0, 0], [5, 5], curvature=[1, 1])
    point = solve_exactly(p)
    assert point.x == pytest.approx([0, 1], abs=1e-7)
    assert point.reduced == pytest.approx([0, 0], abs=1e-7)


def test_redundant_rows_keep_a_solution():
    rows = [[1, 1, 0], [1, 1, 0], [2, 2, 0], [0, 1, 1]]
    p = program([1, 2, 3], rows, [1, 1, 2, 1], [1, 1, 2, 1], [0] * 3, [1] * 3)
    point = solve_exactly(p)
    assert p.matrix @ point.x == pytest.approx([1, 1, 2, 1], abs=1e-13)
    assert p.cost - p.matrix.T @ point.dual == pytest.approx(point.reduced, abs=1e-14)


def test_lexicographic_stages():
    """Least x + y first, then least x², then nothing is left."""
    p = program([0, 0], [[1, 1]], [1.0], [3.0], [0, 0], [2, 2])
    none, ones = np.zeros(2), np.ones(2)
    assert lexicographic(p, [(ones, none), (none, ones)]).x == pytest.approx([0.5, 0.5], abs=1e-12)
    assert lexicographic(p, [(-ones, none), (none, np.array([2.0, 1.0]))]).x == pytest.approx(
        [1, 2], abs=1e-12
    )


@pytest.mark.parametrize("size", [3, 600])
def test_least_squares_dense_and_sparse_agree_with_the_pseudo_inverse(size):
    rng = np.random.default_rng(size)
    rows = size // 2
    matrix = sparse.random_array((rows, size), density=min(1.0, 8 / size), rng=rng, format="csr")
    matrix = sparse.csr_array(sparse.vstack([matrix, matrix[: rows // 3]]))  # rank-deficient
    right = matrix @ rng.standard_normal(size)
    x = least_squares(matrix, right)
    assert matrix @ x == pytest.approx(right, abs=1e-9)
    assert np.linalg.norm(x) == pytest.approx(
        np.linalg.norm(np.linalg.pinv(matrix.toarray()) @ right), rel=1e-6
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_rank_and_null_space(scale):
    matrix = sparse.csr_array(scale * np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 1.0, 1.0]]))
    assert not has_full_column_rank(matrix)
    null = null_space(matrix)
    assert null.shape == (3, 1)
    assert np.abs(matrix @ null).max() < 1e-12 * scale
    assert has_full_column_rank(sparse.csr_array(matrix[:, [0, 1]]))
    assert null_space(sparse.csr_array((0, 2))).shape == (2, 2)


@pytest.mark.parametrize("seed", range(40))
def test_null_space_of_blocks(seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(0, 12, 2)
    matrix = sparse.csr_array(
        rng.integers(-2, 3, (rows, columns)) * (rng.random((rows, columns)) < 0.25) * 1.0
    )
    rank = np.linalg.matrix_rank(matrix.toarray()) if rows and columns else 0
    null = null_space(matrix)
    assert null.shape == (columns, columns - rank)
    assert np.abs((matrix @ null).toarray()).max(initial=0.0) < 1e-12
    assert columns == rank or np.linalg.matrix_rank(null.toarray()) == columns - rank
    assert has_full_column_rank(matrix) == (rank == columns)


@pytest.mark.parametrize("seed", range(60))
def test_chains_of_ramps_leave_what_the_equations_leave(seed):
    """Equations of orders with ramp duals in and out of their period, against the dense null space."""
    rng = np.random.default_rng(seed)
    units, periods, prices, orders = (int(rng.integers(*ends)) for ends in ((1, 4), (1, 7), (1, 5), (0, 14)))
    ramps = np.argwhere(rng.random((units, periods)) < 0.6)
    rng.shuffle(ramps)
    unit, period = rng.integers(-1, units, orders), rng.integers(0, periods, orders)
    side = rng.choice([-1, 1], orders)
    part = rng.integers(-2, 3, (orders, prices)) * (rng.random((orders, prices)) < 0.6) * 1.0
    joins = np.zeros((orders, len(ramps)))
    for k, (u, t) in enumerate(ramps.tolist()):
        joins[:, k] = side * (unit == u) * ((period == t) * 1.0 - (period == t - 1))
    whole = np.hstack([part, joins])
    chains = eliminate_ramps(sparse.csr_array(part), side, unit, period, ramps)
    free = null_space(chains.equations).toarray()
    loose = np.zeros((len(ramps), chains.loose.max(initial=-1) + 1))
    moved = np.flatnonzero(chains.loose >= 0)
    loose[moved, chains.loose[moved]] = 1.0
    none = np.zeros((prices, loose.shape[1]))
    basis = np.block([[free, none], [chains.follow @ free, loose]])
    assert np.abs(whole @ basis).max(initial=0.0) < 1e-10
    rank = np.linalg.matrix_rank(whole) if orders else 0
    assert basis.shape[1] == whole.shape[1] - rank
    assert basis.shape[1] == 0 or np.linalg.matrix_rank(basis) == basis.shape[1]


def test_random_transport_programmes_are_optimal_to_rounding():
    """KKT residuals of the corrected point, for degenerate data."""
    rng = np.random.default_rng(2)
    for _ in range(100):
        n = int(rng.integers(2, 7))
        demand = float(rng.integers(0, 3))
        p = program(rng.choice([1.0, 2.0], n), np.ones((1, n)), [demand], [demand], np.zeros(n), np.ones(n))
        if demand > n:
            continue
        if rng.random() < 0.5:
            p = replace(p, curvature=rng.choice([0.0, 1.0], n))
        point = solve_exactly(p)
        assert p.matrix @ point.x == pytest.approx([demand], abs=1e-13)
        inside = (point.x > 1e-7) & (point.x < 1 - 1e-7)
        assert np.abs(point.reduced[inside]).max(initial=0) < 1e-10
        assert (point.reduced[point.x <= 1e-7] > -1e-7).all()
        assert (point.reduced[point.x >= 1 - 1e-7] < 1e-7).all()


def test_clearings_next_to_a_kink_of_sloped_offers_are_certified() -> None:
    """A unit that reaches its capacity within 1e-4 to 1e-11 $/MWh of a mark-up: its bound and its
    reduced cost vanish together, which an interior point leaves unclear."""
    case = networks.load("five_bus")
    book, market = Book.from_case(case), NodalMarket(case.grid)

    def full(markup: float) -> bool:
        outcome = market.clear(book.with_markup({"G1": markup, "G2": 30.0, "G3": 30.0}))
        return bool(outcome.accepted_mw[0] >= 300 - 1e-6)

    low, high = 0.0, 30.0
    assert full(low)
    assert not full(high)
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if full(middle) else (low, middle)
    for step in 10.0 ** -np.arange(4.0, 12.0):
        for markup in (low - step, low + step):
            outcome = market.clear(book.with_markup({"G1": markup, "G2": 30.0, "G3": 30.0}))
            assert outcome.certificate.worst[1] < 1e-9
