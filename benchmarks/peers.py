"""Other ways to clear the rounds of :mod:`workloads`, each as a class with `clear(price, mw) -> welfare`.

Each is given the model once, where its interface allows that, and returns the welfare [$] after reading
dispatch and nodal prices; NaN where it did not end with an optimum.
"""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
import pyomo.environ as pyo
from pyomo.contrib import appsi
from scipy import sparse
from workloads import Workload

from clearing import NodalMarket
from clearing.solvers import highs_model
from clearing.structure import Numbers, Structure


class HighsAngles:
    """Bare highspy: angles as columns, model passed once, dual simplex from the last basis."""

    def __init__(self, work: Workload):
        self.orders, self.buses = len(work.price), len(work.grid.buses)
        grid, lines = work.grid, len(work.grid.branches)
        place = sparse.csr_array(
            (work.side, (work.bus, np.arange(self.orders))), shape=(self.buses, self.orders)
        )
        ends = np.concatenate([grid.from_bus, grid.to_bus])
        signs = np.repeat([1.0, -1.0], lines)
        incidence = sparse.csr_array((signs, (np.tile(np.arange(lines), 2), ends)), shape=(lines, self.buses))
        flow = sparse.diags_array(grid.susceptance_mw) @ incidence
        nothing = sparse.csr_array((lines, self.orders))
        rows = [sparse.hstack([place, -(incidence.T @ flow)]), sparse.hstack([nothing, flow])]
        matrix = sparse.csc_array(sparse.vstack(rows))
        free = np.full(self.buses, np.inf)
        free[0] = 0.0  # the reference
        limit = np.concatenate([np.zeros(self.buses), grid.limit_mw])
        self.side = work.side
        cost = np.concatenate([work.side * work.price, np.zeros(self.buses)])
        low, high = np.concatenate([0 * work.mw, -free]), np.concatenate([work.mw, free])
        self.highs = _hot_highs(matrix, cost, low, high, -limit, limit)
        self.columns, self.zero = np.arange(self.orders, dtype=np.int32), np.zeros(self.orders)

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        highs = self.highs
        highs.changeColsCost(self.orders, self.columns, self.side * price)
        highs.changeColsBounds(self.orders, self.columns, self.zero, mw)
        highs.run()
        solution = highs.getSolution()
        np.array(solution.col_value), np.array(solution.row_dual)
        return _welfare(highs)


class HighsLazyFlows(HighsAngles):
    """Bare highspy: flows by PTDF, a row of a line added when a round first violates it."""

    def __init__(self, work: Workload):
        self.work, self.orders, self.side = work, len(work.price), work.side
        self.known: list[int] = []
        balance = sparse.csc_array(work.side[None, :])
        none = np.zeros(1)
        self.highs = _hot_highs(balance, work.side * work.price, 0 * work.mw, work.mw, none, none)
        self.columns, self.zero = np.arange(self.orders, dtype=np.int32), np.zeros(self.orders)
        self.ptdf = np.zeros((0, len(work.grid.buses)))

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        grid, limit = self.work.grid, self.work.grid.limit_mw
        while True:
            welfare = super().clear(price, mw)
            solution = self.highs.getSolution()
            injection = np.zeros(len(grid.buses))
            np.add.at(injection, self.work.bus, self.side * np.array(solution.col_value))
            over = np.abs(grid.flow.flows(injection[:, None])[:, 0]) - limit
            over[self.known] = 0.0
            new = np.flatnonzero(over > 1e-7 * (1 + limit))
            if len(new) == 0:
                dual = np.array(solution.row_dual)
                dual[0] + dual[1:] @ self.ptdf  # the prices
                return welfare
            rows = grid.flow.ptdf_rows(new)
            self.known += new.tolist()
            self.ptdf = np.vstack([self.ptdf, rows])
            for line, row in zip(new.tolist(), rows, strict=True):
                self.highs.addRow(
                    -limit[line], limit[line], self.orders, self.columns, self.side * row[self.work.bus]
                )


class Bridge:
    """Our Pyomo formulation compiled to arrays, re-filled by vectors, highspy from the last basis.

    `bare` runs the same programs with the vectors prepared, so that their difference is the bridge.
    """

    def __init__(self, work: Workload):
        structure = Structure.of(work.book, work.grid)
        numbers = Numbers.of(work.book, structure)
        self.given = {name: getattr(numbers, name) for name in Numbers.__dataclass_fields__}
        self.model = NodalMarket(work.grid).compiled(structure)
        first = self.program(work.price, work.mw)
        self.highs = highspy.Highs()
        _set_options(self.highs)
        self.highs.passModel(highs_model(first))
        self.highs.run()
        self.columns = np.arange(len(first.cost), dtype=np.int32)

    def program(self, price: np.ndarray, mw: np.ndarray) -> Any:
        return self.model.at(**(self.given | {"price": price, "mw": mw}))

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        return self.bare(self.program(price, mw))

    def bare(self, program: Any) -> float:
        highs = self.highs
        highs.changeColsCost(len(self.columns), self.columns, program.cost)
        highs.changeColsBounds(len(self.columns), self.columns, program.low, program.high)
        highs.run()
        solution = highs.getSolution()
        np.array(solution.col_value), np.array(solution.row_dual)
        return _welfare(highs)


class PyomoPersistent:
    """A plain Pyomo model with mutable parameters in appsi's persistent HiGHS."""

    def __init__(self, work: Workload):
        self.model, self.solver = _plain_model(work), appsi.solvers.Highs()
        self.solver.config.load_solution = True

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        self.model.price.store_values(dict(enumerate(price.tolist())))
        self.model.mw.store_values(dict(enumerate(mw.tolist())))
        result = self.solver.solve(self.model)
        self.solver.get_duals()
        optimal = result.termination_condition == appsi.base.TerminationCondition.optimal
        return -result.best_feasible_objective if optimal else np.nan


class PyomoRebuild:
    """The same model built anew for each round."""

    def __init__(self, work: Workload):
        self.work = work

    def clear(self, price: np.ndarray, mw: np.ndarray) -> float:
        return PyomoPersistent(self.work).clear(price, mw)


def _plain_model(work: Workload) -> pyo.ConcreteModel:
    grid = work.grid
    model = pyo.ConcreteModel()
    orders, buses, lines = range(len(work.price)), range(len(grid.buses)), range(len(grid.branches))
    model.price = pyo.Param(orders, initialize=dict(enumerate(work.price.tolist())), mutable=True)
    model.mw = pyo.Param(orders, initialize=dict(enumerate(work.mw.tolist())), mutable=True)
    model.x = pyo.Var(orders, bounds=lambda m, j: (0, m.mw[j]))
    model.angle = pyo.Var(buses)
    model.angle[0].fix(0)
    b, tail, head = grid.susceptance_mw.tolist(), grid.from_bus.tolist(), grid.to_bus.tolist()
    side, limit = work.side.tolist(), grid.limit_mw.tolist()
    flow = [b[k] * (model.angle[tail[k]] - model.angle[head[k]]) for k in lines]
    net: list[list[Any]] = [[] for _ in buses]
    for j, n in enumerate(work.bus.tolist()):
        net[n].append(side[j] * model.x[j])
    for k in lines:
        net[tail[k]].append(-flow[k])
        net[head[k]].append(flow[k])
    model.balance = pyo.Constraint(buses, rule=lambda m, n: pyo.quicksum(net[n]) == 0)
    model.limit = pyo.Constraint(lines, rule=lambda m, k: (-limit[k], flow[k], limit[k]))
    model.cost = pyo.Objective(expr=pyo.quicksum(side[j] * model.price[j] * model.x[j] for j in orders))
    return model


def _set_options(highs: Any) -> None:
    highs.silent()
    highs.setOptionValue("threads", 1)
    highs.setOptionValue("presolve", "off")


def _hot_highs(matrix: Any, cost: Any, low: Any, high: Any, row_low: Any, row_high: Any) -> Any:
    lp = highspy.HighsLp()
    lp.num_row_, lp.num_col_ = matrix.shape
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, low, high
    lp.row_lower_, lp.row_upper_ = row_low, row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = matrix.indptr, matrix.indices
    lp.a_matrix_.value_ = matrix.data
    highs = highspy.Highs()
    _set_options(highs)
    highs.passModel(lp)
    highs.run()
    return highs


def _welfare(highs: Any) -> float:
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return np.nan
    return -highs.getInfo().objective_function_value


REFERENCES = {"highspy, angles": HighsAngles, "highspy, lazy PTDF rows": HighsLazyFlows}
PYOMO = {"Pyomo persistent": PyomoPersistent, "Pyomo rebuilt": PyomoRebuild}
