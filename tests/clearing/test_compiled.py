"""The bridge from Pyomo to arrays: new numbers equal a fresh compilation, other terms are refused."""

from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.arrays.affine import CompileError
from clearing.arrays.compiled import compile_model
from clearing.nodal_model import build_nodal_model
from clearing.solvers import solve
from clearing.structure import Numbers, Structure
from tests.support.random_books import instances


def model_with(rule, objective=None, sense=pyo.minimize):
    m = pyo.ConcreteModel(name="test")
    m.data = pyo.Block()
    m.data.p = pyo.Var()
    m.data.q = pyo.Var(range(2))
    m.x = pyo.Var(bounds=(0, 10))
    m.y = pyo.Var(range(2))
    m.row = pyo.Constraint(expr=rule(m))
    m.cost = pyo.Objective(
        expr=m.data.p * m.x + m.y[0] ** 2 if objective is None else objective(m), sense=sense
    )
    return m


def at(compiled, p=1.0, q=(2.0, 3.0)):
    return compiled.at(p=np.array(p), q=np.array(q))


def test_rows_and_costs_follow_the_data():
    compiled = compile_model(model_with(lambda m: m.x + 2 * m.y[0] - m.y[1] - 3 * m.data.q[0] - 1 >= 0))
    for p, q in ((1.0, (2.0, 3.0)), (-4.0, (0.5, 0.0))):
        program = at(compiled, p, q)
        x, y = compiled.variables["x"], compiled.variables["y"]
        assert program.cost[x] == pytest.approx([p])
        assert program.curvature[y] == pytest.approx([2, 0])
        assert program.row_low == pytest.approx([3 * q[0] + 1])
        assert np.isinf(program.row_high).all()
        assert program.matrix.toarray()[0][[*x, *y]] == pytest.approx([1, 2, -1])
        assert (program.low[x], program.high[x]) == (0, 10)


def test_maximisation_is_turned_round():
    rule = lambda m: m.x + m.y[0] + m.y[1] <= 5  # noqa: E731
    program = at(compile_model(model_with(rule, lambda m: m.data.p * m.x - m.y[0] ** 2, pyo.maximize)))
    assert program.cost[0] == -1
    assert program.curvature.tolist() == [0, 2, 0]


def test_one_column_rows_become_bounds_and_keep_their_place():
    m = model_with(lambda m: m.x + m.y[0] + m.y[1] == 4)
    m.first = pyo.Constraint(expr=-2 * m.y[0] <= m.data.q[1])  # y0 ≥ −q1/2
    m.second = pyo.Constraint(expr=m.y[0] - m.data.p >= 0)  # a second lower bound stays a row
    compiled = compile_model(m)
    program = at(compiled)
    y0 = compiled.variables["y"][0]
    assert compiled.rows["first"].tolist() == [-1]
    assert compiled.rows["second"][0] >= 0
    assert program.low[y0] == pytest.approx(-1.5)
    assert program.row_low[compiled.rows["second"][0]] == pytest.approx(1.0)


def test_twin_rows_become_one_ranged_row():
    m = model_with(lambda m: m.x + m.y[0] + m.y[1] == 4)
    m.limit = pyo.Constraint(
        ["low", "high"],
        rule=lambda m, end: (
            m.x - m.y[0] - m.data.q[0] <= 0 if end == "high" else m.x - m.y[0] + m.data.q[1] >= 0
        ),
    )
    compiled = compile_model(m)
    rows = compiled.rows["limit"]
    assert rows[0] == rows[1]
    program = at(compiled)
    assert (program.row_low[rows[0]], program.row_high[rows[0]]) == pytest.approx((-3, 2))


def test_infinite_data_pass_through():
    compiled = compile_model(model_with(lambda m: m.x + m.y[0] + m.y[1] <= m.data.q[0]))
    with np.errstate(invalid="raise"):
        assert np.isinf(at(compiled, q=(np.inf, 1.0)).row_high).all()


def test_decisions_in_no_row_are_columns():
    compiled = compile_model(model_with(lambda m: m.x >= m.data.p - m.y[0]))
    assert len(compiled.variables["y"]) == 2
    assert at(compiled).matrix.shape[1] == 3


@pytest.mark.parametrize(
    ("rule", "objective", "name"),
    [
        (lambda m: m.x * m.y[0] <= 1, None, "test"),
        (lambda m: m.data.p * m.x <= 1, None, "test"),
        (lambda m: m.x + m.y[0] <= 1, lambda m: m.x * m.y[0], "cost"),
        (lambda m: m.x + m.y[0] <= 1, lambda m: pyo.exp(m.x), "cost"),
        (lambda m: m.x + m.y[0] <= 1, lambda m: m.data.p * m.data.p * m.x, "cost"),
        (lambda m: m.x + m.y[0] <= 1, lambda m: m.x**3, "cost"),
    ],
)
def test_other_terms_are_refused_by_name(rule, objective, name):
    with pytest.raises(CompileError, match=f"'{name}'"):
        compile_model(model_with(rule, objective))


def numbers_of(grid, book):
    structure = Structure.of(book, grid)
    return structure, {n: getattr(Numbers.of(book, structure), n) for n in Numbers.__dataclass_fields__}


def equal(a, b):
    assert np.array_equal(a.matrix.toarray(), b.matrix.toarray())
    for name in ("cost", "curvature", "row_low", "row_high", "low", "high"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name


@settings(max_examples=25)
@given(instances(most=5), st.integers(0, 2**31), st.sampled_from(["angle", "ptdf"]))
def test_another_book_of_the_same_structure_equals_a_fresh_compilation(case, seed, form):
    grid, book = case
    rng = np.random.default_rng(seed)
    other = replace(
        book,
        price=rng.permutation(book.price) + 1,
        mw=book.mw + rng.integers(0, 9, len(book.mw)),
        slope=book.slope * 2,
        fixed_mw=book.fixed_mw - 3,
        previous_mw=book.previous_mw + 1,
        ramp_up_mw=book.ramp_up_mw * 2,
    )
    structure, _ = numbers_of(grid, book)
    again, numbers = numbers_of(grid, other)
    assert structure.key == again.key
    kept = compile_model(build_nodal_model(structure, form))
    kept.at(**numbers_of(grid, book)[1])  # evaluating leaves no trace
    equal(kept.at(**numbers), compile_model(build_nodal_model(again, form)).at(**numbers))


def test_a_compiled_model_solves():
    compiled = compile_model(
        model_with(lambda m: m.x + m.y[0] + m.y[1] == 4, lambda m: m.x + m.y[0] ** 2 + 0 * m.y[1])
    )
    program = replace(at(compiled), low=np.zeros(3), high=np.array([10.0, 10.0, 1.0]))
    found = solve(program)
    assert found.x[compiled.variables["y"]] == pytest.approx([0.5, 1.0], abs=1e-6)
