"""The solver boundary: how a solve ends is one of five words, and nothing hangs."""

import contextlib
import time
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from clearing import (
    ClearingError,
    InfeasibleError,
    NodalMarket,
    NumericalError,
    TimeLimitError,
    UnboundedError,
    solvers,
)
from clearing.arrays.programs import Program
from clearing.solvers import Ending, GrowingProgram, solve, solvers_for
from tests.support.small import book_of, buy, clear, grid_of, sell

ALL = ("highs", "highs-ipm", "piqp", "clarabel")
QUADRATIC = ("piqp", "clarabel")


def program(cost, rows, row_low, row_high, low, high, curvature=None, integer=None) -> Program:
    cost = np.array(cost, dtype=float)
    return Program(
        cost,
        np.zeros(len(cost)) if curvature is None else np.array(curvature, dtype=float),
        sparse.csc_array(np.array(rows, dtype=float).reshape(-1, len(cost))),
        *(np.array(v, dtype=float) for v in (row_low, row_high, low, high)),
        integer=integer,
    )


def transport(curvature=None) -> Program:
    """Serve 15 from 10 at 1 and 10 at 3."""
    return program([1, 3], [[1, 1]], [15], [15], [0, 0], [10, 10], curvature)


@pytest.mark.parametrize("solver", ALL)
def test_every_solver_agrees_on_a_linear_programme(solver):
    found = solve(transport(), solver)
    assert found.x == pytest.approx([10, 5], abs=1e-6)
    assert found.row_dual == pytest.approx([3], abs=1e-6)
    assert found.column_dual == pytest.approx([-2, 0], abs=1e-6)
    assert found.solver == solver


@pytest.mark.parametrize("solver", QUADRATIC)
def test_quadratic_programme_and_its_duals(solver):
    found = solve(transport([1, 0]), solver)  # 1 + x = 3
    assert found.x == pytest.approx([5, 10], abs=1e-6) or found.row_dual[0] >= 3 - 1e-6
    assert found.x.sum() == pytest.approx(15)


@pytest.mark.parametrize("solver", ALL)
def test_ranged_rows_and_fixed_columns(solver):
    p = program([1, -1, 5], [[1, 1, 1], [1, -1, 0]], [3, -2], [3, 4], [0, 0, 1], [9, 9, 1], [0, 0, 0])
    found = solve(p, solver)
    assert found.x == pytest.approx([0, 2, 1], abs=1e-6)


@pytest.mark.parametrize("solver", ALL)
@pytest.mark.parametrize("curvature", [[0, 0], [1, 1]])
def test_infeasible(solver, curvature):
    if solver.startswith("highs") and any(curvature):
        return
    p = program([1, 3], [[1, 1]], [25], [25], [0, 0], [10, 10], curvature)
    with pytest.raises(InfeasibleError, match="infeasible"):
        solve(p, solver)


@pytest.mark.parametrize("solver", ["highs", "highs-ipm", "clarabel"])
def test_unbounded(solver):
    p = program([-1, 0], [[1, -1]], [0], [0], [0, 0], [np.inf, np.inf])
    with pytest.raises(UnboundedError, match="unbounded"):
        solve(p, solver)


def test_presolve_is_not_believed_on_infeasibility():
    """Unbounded, with rows parallel to the cost: HiGHS's presolve says infeasible."""
    half, third, sixth = 0.5, 1 / 3, 1 / 6
    rows = [
        [2 * third, -third - 5e-17, 2 * third],
        [-5 * sixth, sixth + 4e-17, sixth + 8e-17],
        [half, half, half],
        [half, half, half],
        [-half, -half, -half],
    ]
    low = [-0.687, -np.inf, -np.inf, -np.inf, -np.inf]
    high = [np.inf, 9.65, 66.6, 5.33, np.inf]
    p = program([1, 1, 1], rows, low, high, [-np.inf] * 3, [np.inf] * 3)
    with pytest.raises(UnboundedError):
        solve(p)


def test_unbounded_is_found_by_the_quadratic_chain():
    """PIQP alone may end without a verdict; the chain ends with one."""
    p = program([-1, 0, 0], [[1, -1, 0]], [0], [0], [0, 0, 0], [np.inf, np.inf, 1], [0, 0, 1])
    with pytest.raises(UnboundedError):
        solve(p)


@pytest.mark.parametrize("solver", QUADRATIC)
def test_a_bounded_program_is_never_unbounded(solver):
    """Twelve orders of magnitude between two columns: an interior point method may say anything but that."""
    p = program([-30, 20, -1e-9], [[1, -1, 1e-12]], [0], [0], [0, 0, 0], [1e-10, 1e12, 1], [1e-3, 0, 1e-12])
    with contextlib.suppress(NumericalError):
        assert p.objective(solve(p, solver).x) <= 1e-6


@pytest.mark.parametrize("solver", QUADRATIC)
def test_unbounded_is_proven_by_a_direction(solver):
    """A free column without a slope pulls down for ever; with a slope it does not."""
    p = program([1, -1, 0], [[1, 1, 0]], [-np.inf], [4], [-np.inf, 0, 0], [np.inf, 10, 1], [0, 0, 1])
    with pytest.raises(UnboundedError):
        solve(p, solver)
    bounded = replace(p, curvature=np.array([0.5, 0.0, 1.0]))
    assert solve(bounded, solver).x == pytest.approx([-4, 8, 0], abs=1e-4)


def test_all_columns_fixed():
    p = program([1, 1], [[1, 1]], [4], [4], [1, 3], [1, 3], [1, 1])
    for solver in QUADRATIC:
        assert solve(p, solver).x == pytest.approx([1, 3])
    wrong = program([1, 1], [[1, 1]], [5], [5], [1, 3], [1, 3], [1, 1])
    for solver in QUADRATIC:
        with pytest.raises(InfeasibleError):
            solve(wrong, solver)


@pytest.mark.parametrize("seed", range(10))
def test_rows_in_turns_end_as_all_at_once(seed):
    """Whatever start is claimed, a basis or none."""
    rng = np.random.default_rng(seed)
    rows, columns = 8, 12
    whole = program(
        rng.normal(size=columns), rng.normal(size=(rows, columns)), -rng.random(rows), rng.random(rows),
        np.zeros(columns), np.ones(columns),
    )  # fmt: skip
    matrix = sparse.csr_array(whole.matrix)
    first = program(
        whole.cost, matrix[:3].toarray(), whole.row_low[:3], whole.row_high[:3], whole.low, whole.high
    )
    claimed = rng.integers(-1, 2, columns), rng.integers(-1, 2, 3)
    turns = GrowingProgram(first, None if seed == 0 else claimed)
    assert turns.solve()[0] is Ending.OPTIMAL
    for part in (slice(3, 5), slice(5, 8)):
        turns.add_rows(matrix[part], whole.row_low[part], whole.row_high[part])
        ending, found = turns.solve()
    expected = solve(whole)
    assert ending is Ending.OPTIMAL
    assert whole.objective(found.x) == pytest.approx(whole.objective(expected.x), abs=1e-9)
    assert (whole.cost - matrix.T @ found.row_dual) == pytest.approx(found.column_dual, abs=1e-9)
    assert not turns.is_proven_infeasible()


@pytest.mark.parametrize(("costs", "only"), [([1, 2, 3], True), ([1, 2, 2], False), ([0, 0, 0], False)])
def test_the_only_optimum_is_told_from_one_of_several(costs, only):
    """Three columns of at most 10 that make 15: the second and third share where they cost the same."""
    turns = GrowingProgram(program(costs, [[1, 1, 1]], [15], [15], [0, 0, 0], [10, 10, 10]), None)
    _, found = turns.solve()
    assert turns.is_only_optimum(found) == only


@pytest.mark.parametrize("excess", [1e-3, 1e3])
def test_infeasibility_is_proven_from_the_arrays(excess):
    """A demand beyond what the columns and a row between them can give, found when its row comes."""
    turns = GrowingProgram(program([1, 1, 0], [[1, -1, 0]], [-2], [2], [0, 0, 0], [10, 4, 1]), None)
    assert turns.solve()[0] is Ending.OPTIMAL
    turns.add_rows(sparse.csr_array([[1.0, 1.0, 0.0]]), np.array([10.0 + excess]), np.array([np.inf]))
    assert turns.solve()[0] is Ending.INFEASIBLE
    assert turns.is_proven_infeasible()


def big_linear(size: int = 3000) -> Program:
    rng = np.random.default_rng(3)
    matrix = sparse.random_array((size, size), density=0.01, rng=rng, format="csc")
    none = np.zeros(size)
    return Program(
        -rng.random(size),
        none,
        matrix,
        np.full(size, -np.inf),
        1 + rng.random(size),
        none,
        np.full(size, 10.0),
    )


@pytest.mark.parametrize("solver", ["highs", "highs-ipm"])
def test_time_limit_of_a_big_linear_programme(solver):
    started = time.perf_counter()
    with pytest.raises(TimeLimitError, match="time limit"):
        solve(big_linear(), solver, time_limit=0.01)
    assert time.perf_counter() - started < 20


def test_time_limit_of_a_hard_integer_programme():
    rng = np.random.default_rng(1)
    weights = rng.integers(1000, 9999, size=(6, 60)).astype(float)
    half = np.floor(weights.sum(axis=1) / 2)
    ones = np.ones(60)
    p = program(-weights[0], weights, half * 0, half, 0 * ones, ones, integer=np.ones(60, dtype=bool))
    assert solvers_for(p) == ("highs",)
    with pytest.raises(TimeLimitError):
        solve(p, time_limit=0.05)


def test_a_market_that_runs_out_of_time_says_so():
    rng = np.random.default_rng(5)
    lines = [(k, k + 1, 0.1, 30.0) for k in range(300)] + [
        (k, (7 * k + 3) % 300, 0.2, 20.0) for k in range(280)
    ]
    lines = [line for line in lines if line[0] != line[1]]
    orders = [sell(f"s{k}", k, 20, float(rng.integers(10, 60))) for k in range(300)]
    orders += [buy(f"b{k}", k, 20, float(rng.integers(10, 60))) for k in range(300)]
    with pytest.raises(ClearingError, match="time limit"):
        NodalMarket(grid_of(*lines), time_limit=1e-6).clear(book_of(*orders))


class TestChain:
    def test_linear_and_quadratic_programmes_have_a_second_solver(self):
        assert solvers_for(transport()) == ("highs", "highs-ipm")
        assert solvers_for(transport([1, 0])) == ("piqp", "clarabel")

    def test_the_next_solver_is_tried_after_difficulty(self, monkeypatch):
        tried = []

        def fails(program, time_limit):
            tried.append("first")
            return Ending.NUMERICAL, None

        monkeypatch.setitem(solvers.SOLVERS, "highs", fails)
        assert solve(transport()).solver == "highs-ipm"
        out = clear(grid_of(("A", "B", 0.1)), book_of(sell("s", "A", 10, 5), fixed={"B": 4}))
        assert out.solver == "highs-ipm"
        assert tried

    def test_an_answer_that_is_wrong_is_not_believed(self, monkeypatch):
        """A first solver that lies about optimality: its certificate fails, the second one's holds."""
        honest = solvers.SOLVERS["highs"]

        def lies(program, time_limit):
            ending, found = honest(program, time_limit)
            return ending, type(found)(found.x * 0.5, found.row_dual + 3, found.column_dual, "liar")

        monkeypatch.setitem(solvers.SOLVERS, "highs", lies)
        book = book_of(sell("s", "A", 10, 5), sell("t", "B", 10, 7), fixed={"B": 14})
        out = clear(grid_of(("A", "B", 0.1)), book)
        assert out.lmp[:, 0] == pytest.approx([7, 7])

    def test_all_fail(self, monkeypatch):
        for name in ("highs", "highs-ipm"):
            monkeypatch.setitem(solvers.SOLVERS, name, lambda program, limit: (Ending.NUMERICAL, None))
        with pytest.raises(NumericalError):
            NodalMarket(grid_of(("A", "B", 0.1))).clear(book_of(sell("s", "A", 10, 5), fixed={"B": 4}))

    def test_every_ending_has_its_error(self):
        assert set(solvers.ERRORS) == set(Ending) - {Ending.OPTIMAL}


def small_quadratic(rng) -> Program:
    """A clearing of a few sloped offers and bids: the kind on which HiGHS's QP solver may not end."""
    n = int(rng.integers(2, 9))
    side = rng.choice([1.0, -1.0], n)
    mw = rng.choice([0.0, 1.0, 5.0, 10.0, 100.0], n)
    return Program(
        side * rng.choice([0.0, 10.0, 20.0, 20.5, -5.0], n),
        rng.choice([0.0, 0.01, 0.5, 2.0], n),
        sparse.csc_array(side[None, :]),
        np.zeros(1),
        np.zeros(1),
        np.zeros(n),
        mw,
    )


def test_thousands_of_small_quadratic_programmes_end_and_agree():
    rng = np.random.default_rng(11)
    slowest = 0.0
    for _ in range(1000):
        p = small_quadratic(rng)
        started = time.perf_counter()
        first, second = (solve(p, name, time_limit=5) for name in QUADRATIC)
        slowest = max(slowest, time.perf_counter() - started)
        scale = 1 + abs(p.objective(first.x))
        assert p.objective(first.x) == pytest.approx(p.objective(second.x), abs=1e-6 * scale)
        assert np.abs(p.matrix @ first.x).max() < 1e-6 * (1 + np.abs(first.x).max())
    assert slowest < 5


def test_hundreds_of_small_quadratic_clearings_certify():
    rng = np.random.default_rng(13)
    market = NodalMarket(grid_of(("A", "B", 0.1, 7), ("B", "C", 0.1), ("A", "C", 0.2)))
    for _ in range(150):
        mw = rng.choice([0.0, 1.0, 10.0, 30.0], 6)
        price, slope = rng.choice([0.0, 10.0, 20.0, 30.0], 6), rng.choice([0.0, 0.01, 1.0], 6)
        orders = [
            (sell if k % 2 else buy)(f"o{k}", "ABC"[k % 3], mw[k], price[k], slope=slope[k]) for k in range(6)
        ]
        assert market.clear(book_of(*orders)).certificate.holds
