"""Winner determination of a sealed book as a Pyomo model: the nodal model with chosen blocks.

The same sets, data and physics as :mod:`clearing.nodal_model`; in addition blocks b with a binary
z_b (chosen or not) and exclusive groups. Equations: docs/mathematics-microgrid.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.core.expr import LinearExpression
from scipy import sparse

from clearing.arrays.compiled import CompiledModel, compile_model
from clearing.arrays.kept import BUILDING
from clearing.arrays.programs import Program
from clearing.elecbay.book import SealedBook
from clearing.nodal_model import (
    balance_buses,
    declare_data,
    declare_decisions,
    limit_flows_by_angles,
    offered_cost,
)
from clearing.structure import Numbers, Structure

SHARPER = 2.0**-10
"""HiGHS stops a search within 1e-6 of the objective: with this unit of money, 1e-9 of a typical order."""


def build_elecbay_model(structure: Structure, sealed: SealedBook) -> pyo.ConcreteModel:
    """Largest welfare of accepted orders within the grid's limits, with blocks chosen or not.

    minimise Σ_c side_c·price_c·x_c   over accepted MW x, angles θ, chosen blocks z ∈ {0, 1}
    """
    with PauseGC():
        model = pyo.ConcreteModel(name="ElecBay winner determination")
        declare_data(model, structure)
        declare_decisions(model, structure)
        model.chosen = pyo.Var(range(len(sealed.blocks)), domain=pyo.Binary)
        model.data.available = pyo.Var(range(len(sealed.blocks)))
        model.cost = pyo.Objective(expr=offered_cost(model, structure))
        constrain_divisible_orders(model, sealed)
        constrain_blocks(model, sealed)
        exclude_blocks(model, sealed)
        balance_buses(model, structure)
        limit_flows_by_angles(model, structure)
    return model


def constrain_divisible_orders(model: pyo.ConcreteModel, sealed: SealedBook) -> None:
    """min_mw_c ≤ x_c ≤ mw_c for orders outside blocks."""
    columns = np.flatnonzero(sealed.block_of[sealed.book.column_row] < 0).tolist()
    bound = {"low": model.data.min_mw, "high": model.data.mw}

    def order_limit(_: object, c: int, end: str) -> object:
        expression = LinearExpression(
            linear_coefs=[1.0, -1.0], linear_vars=[model.accepted[c], bound[end][c]]
        )
        return expression <= 0 if end == "high" else expression >= 0

    model.order_limit = pyo.Constraint(columns, ["low", "high"], rule=order_limit)


def constrain_blocks(model: pyo.ConcreteModel, sealed: SealedBook) -> None:
    """min_mw_c·z_b ≤ x_c ≤ mw_c·z_b for every row and period c of block b; z_b ≤ available_b."""
    book, rows = sealed.book, sealed.book.column_row
    block = sealed.block_of[rows]
    size = {"low": book.min_mw[rows], "high": book.mw[rows]}

    def block_limit(_: object, c: int, end: str) -> object:
        expression = LinearExpression(
            linear_coefs=[1.0, -float(size[end][c])],
            linear_vars=[model.accepted[c], model.chosen[int(block[c])]],
        )
        return expression <= 0 if end == "high" else expression >= 0

    columns = np.flatnonzero(block >= 0).tolist()
    model.block_limit = pyo.Constraint(columns, ["low", "high"], rule=block_limit)
    model.availability = pyo.Constraint(
        range(len(sealed.blocks)), rule=lambda m, b: m.chosen[b] - m.data.available[b] <= 0
    )


def exclude_blocks(model: pyo.ConcreteModel, sealed: SealedBook) -> None:
    """Σ_{b in group} z_b ≤ 1."""
    members = [np.flatnonzero(sealed.group_of == g).tolist() for g in range(len(sealed.groups))]
    model.exclusive = pyo.Constraint(
        range(len(members)), rule=lambda m, g: pyo.quicksum(m.chosen[b] for b in members[g]) <= 1
    )


class WinnerProgram:
    """The compiled winner determination of one sealed book, in scaled numbers.

    Parameters
    ----------
    quantity, money : MW and $/MWh that count as 1; the objective is in units of quantity·money·SHARPER.

    Attributes
    ----------
    columns : (order columns,) positions of accepted MW; chosen : (blocks,) positions of z.
    unit : worth of 1 of the objective [$/h].
    """

    def __init__(self, sealed: SealedBook, structure: Structure, quantity: float, money: float):
        self.sealed, self.quantity, self.money = sealed, quantity, money * SHARPER
        self.unit = quantity * self.money
        with BUILDING:
            model: CompiledModel = compile_model(build_elecbay_model(structure, sealed))
        self._model, self._structure = model, structure
        self.columns = model.variables["accepted"]
        self.chosen = model.variables["chosen"]
        numbers = Numbers.of(sealed.book, structure)
        self._data = {name: getattr(numbers, name) for name in Numbers.__dataclass_fields__}

    def program(self, without: np.ndarray | None = None) -> Program:
        """The program, with the orders of some rows (bool) left out."""
        data, sealed = dict(self._data), self.sealed
        available = np.ones(len(sealed.blocks))
        if without is not None:
            columns = without[sealed.book.column_row]
            for name in ("mw", "min_mw"):
                data[name] = np.where(columns, 0.0, data[name])
            available[sealed.block_of[without & (sealed.block_of >= 0)]] = 0.0
        plain = self._model.at(**data, available=available)
        return scale_with_integers(plain, self.chosen, self.quantity, self.money)


def scale_with_integers(program: Program, whole: np.ndarray, quantity: float, money: float) -> Program:
    """Continuous columns in units of quantity; the whole-numbered ones stay 0 or 1."""
    scaled = program.scaled(quantity, money)
    if len(whole) == 0:
        return scaled
    size = np.ones(len(program.cost))
    size[whole] = 1.0 / quantity
    low, high = scaled.low.copy(), scaled.high.copy()
    low[whole], high[whole] = program.low[whole], program.high[whole]
    cost = scaled.cost.copy()
    cost[whole] /= quantity
    integer = np.zeros(len(program.cost), dtype=bool)
    integer[whole] = True
    matrix = sparse.csc_array(program.matrix @ sparse.diags_array(size))
    return replace(scaled, cost=cost, matrix=matrix, low=low, high=high, integer=integer)
