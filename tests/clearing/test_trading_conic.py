"""Models with quadratic rows: what is compiled, what is refused, and what the solver's word is worth."""

import numpy as np
import pyomo.environ as pyo
import pytest

from clearing.arrays.affine import CompileError
from clearing.arrays.conic_compiled import compile_conic_model
from clearing.errors import InfeasibleError, UnboundedError
from clearing.solvers import solve, solve_conic


def line_model(row=None, demand_sign=1.0) -> pyo.ConcreteModel:
    """One line of resistance r delivers a demand d: f − ½·l = d, least f + ½·l."""
    model = pyo.ConcreteModel("line")
    model.data = pyo.Block()
    model.data.r = pyo.Var()
    model.data.d = pyo.Var()
    model.data.price = pyo.Var()
    model.f, model.l = pyo.Var(), pyo.Var()
    model.balance = pyo.Constraint(expr=model.f - 0.5 * model.l - demand_sign * model.data.d == 0)
    covers = model.l - model.data.r * model.f**2 >= 0
    model.loss = pyo.Constraint(expr=row(model) if row else covers)
    model.cost = pyo.Objective(expr=model.data.price * (model.f + 0.5 * model.l))
    return model


def test_one_line_by_hand():
    compiled = compile_conic_model(line_model())
    for r, d, price in ((0.1, 1.0, 3.0), (0.02, 4.0, 1.0)):
        program = compiled.at(r=np.array(r), d=np.array(d), price=np.array(price))
        found = solve_conic(program)
        flow = (1.0 - np.sqrt(1.0 - 2.0 * r * d)) / r  # f − ½·r·f² = d
        assert found.x[compiled.variables["f"]] == pytest.approx([flow], rel=1e-7)
        assert program.excess(found.x) == pytest.approx([0.0], abs=1e-8)
        marginal = price * (1.0 + r * flow) / (1.0 - r * flow)
        assert found.row_dual[compiled.rows["balance"]] == pytest.approx(
            [marginal], rel=1e-5
        )  # its error is the root of the gap
        cost = float(program.linear.cost @ found.x)
        assert cost == pytest.approx(price * (flow + 0.5 * r * flow**2), rel=1e-8)
        assert program.lagrangian_bound(found.x, found.row_dual)[0] == pytest.approx(cost, rel=1e-8)
        tangents = program.tangent_program(program.tangents_near(found.x))
        assert tangents.objective(solve(tangents).x) == pytest.approx(cost, rel=1e-7)
        assert tangents.objective(solve(tangents).x) <= cost + 1e-9


def test_lagrangian_bound_is_below_the_optimum_at_any_price():
    compiled = compile_conic_model(line_model())
    program = compiled.at(r=np.array(0.1), d=np.array(1.0), price=np.array(1.0))
    best = float(program.linear.cost @ solve_conic(program).x)
    for dual in np.linspace(-0.9, 1.9, 15):
        bound, overlooked = program.lagrangian_bound(np.zeros(2), np.array([dual]))
        assert overlooked > 0 or bound <= best + 1e-9


def test_residuals_see_what_is_wrong():
    compiled = compile_conic_model(line_model())
    program = compiled.at(r=np.array(0.1), d=np.array(1.0), price=np.array(1.0))
    found = solve_conic(program)
    assert max(found.residuals.values()) < 1e-7
    assert program.residuals(found.x + np.array([0.1, 0.0]), found.row_dual)["rows"] > 0.01
    assert program.residuals(found.x - np.array([0.0, 0.05]), found.row_dual)["cones"] > 0.01
    assert program.residuals(found.x, found.row_dual * 1.1)["gap"] > 0.001


def test_infeasible_and_unbounded_end_as_such():
    compiled = compile_conic_model(line_model())
    with pytest.raises(InfeasibleError):  # a line of r = 1 delivers ½ at most
        solve_conic(compiled.at(r=np.array(1.0), d=np.array(0.6), price=np.array(1.0)))
    model = line_model()
    model.balance.deactivate()
    with pytest.raises(UnboundedError):
        solve_conic(compile_conic_model(model).at(r=np.array(1.0), d=np.array(0.1), price=np.array(-1.0)))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (lambda m: m.l - 0.1 * m.f**2 <= 0, "'loss' is not convex"),
        (lambda m: m.l + 0.1 * m.f**2 >= 0, "'loss' is not convex"),
        (lambda m: m.l - 0.1 * m.f**2 == 0, "'loss' does not read"),
        (lambda m: m.l - 0.1 * m.f * m.l >= 0, "'loss' does not read"),
        (lambda m: m.l - 0.1 * m.f**2 - m.l**2 >= 0, "'loss' does not read"),
        (lambda m: m.l + m.f - 0.1 * m.f**2 >= 0, "'loss' does not read"),
        (lambda m: m.l - 0.1 * m.f**2 >= 1, "'loss' does not read"),
        (lambda m: m.l - 0.1 * m.f**3 >= 0, "'loss' is not quadratic"),
        (lambda m: m.l - m.data.r**2 * m.f**2 >= 0, "'loss': a coefficient is not affine"),
    ],
)
def test_other_rows_are_refused_by_name(row, message):
    with pytest.raises(CompileError, match=message):
        compile_conic_model(line_model(row))


def test_same_row_written_the_other_way_round():
    model = line_model(lambda m: 0.5 * m.data.r * m.f**2 <= 0.5 * m.l)
    program = compile_conic_model(model).at(r=np.array(0.1), d=np.array(1.0), price=np.array(1.0))
    assert program.weight == pytest.approx([0.1])


def test_a_weight_that_is_not_positive_is_refused_when_numbers_come():
    compiled = compile_conic_model(line_model())
    with pytest.raises(CompileError, match=r"'loss': the weight of the square is -0\.1"):
        compiled.at(r=np.array(-0.1), d=np.array(1.0), price=np.array(1.0))
