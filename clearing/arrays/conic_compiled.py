"""The bridge from Pyomo models with quadratic rows to conic arrays: compiled once, numbers written in.

As in :mod:`clearing.arrays.compiled`, a model declares the numbers of an instance as variables in its block
`data`. Here a number may also multiply a decision: every entry of the matrix, every bound of a row and
every weight of a cone is an affine function of the data vector. A quadratic row must read
a·outer ≥ w·inner² (a loss that covers resistance·flow²); any other one is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.repn.parameterized import ParameterizedQuadraticRepnVisitor
from pyomo.repn.util import OrderedVarRecorder
from scipy import sparse

from clearing.arrays.affine import AffineEntries, AffineMap, CompileError, DataNumbers, lay_out
from clearing.arrays.conic import ConicProgram
from clearing.arrays.programs import Program


@dataclass(frozen=True, eq=False)
class CompiledConicModel:
    """A model as maps from the data vector to a :class:`clearing.arrays.conic.ConicProgram`.

    Attributes
    ----------
    data : name of each declared datum → its slice of the data vector.
    variables, rows, cones : name of each component → positions of its members among the columns,
        linear rows and cones.
    entries, entry_rows, entry_starts : the matrix by column, its values affine in the data.
    cone_names : label of each cone for messages.
    """

    data: Mapping[str, slice]
    variables: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]
    cones: Mapping[str, np.ndarray]
    entries: AffineMap
    entry_rows: np.ndarray
    entry_starts: np.ndarray
    cost: AffineMap
    row_low: AffineMap
    row_high: AffineMap
    low: np.ndarray
    high: np.ndarray
    outer: np.ndarray
    inner: np.ndarray
    weight: AffineMap
    cone_names: tuple[str, ...]

    def at(self, **numbers: np.ndarray) -> ConicProgram:
        """The program of one instance: `numbers` gives an array for every declared datum, by name.

        Raises
        ------
        CompileError
            where a weight is not above 0, so that the row would not be convex.
        """
        vector = lay_out(self.data, numbers)
        weight = self.weight.at(vector)
        if not (weight > 0).all():
            k = int(np.flatnonzero(~(weight > 0))[0])
            raise CompileError(
                f"row '{self.cone_names[k]}': the weight of the square is {weight[k]:g}, not > 0"
            )
        shape = (len(self.row_low.constant), len(self.low))
        linear = Program(
            cost=self.cost.at(vector),
            curvature=np.zeros(len(self.low)),
            matrix=sparse.csc_array(
                (self.entries.at(vector), self.entry_rows, self.entry_starts), shape=shape
            ),
            row_low=self.row_low.at(vector),
            row_high=self.row_high.at(vector),
            low=self.low,
            high=self.high,
        )
        return ConicProgram(linear, self.outer, self.inner, weight)


def compile_conic_model(model: pyo.ConcreteModel) -> CompiledConicModel:
    """Compile a model with one linear objective, linear rows, rows outer ≥ w·inner², and a block `data`.

    Raises
    ------
    CompileError
        naming the component that is of another form, not convex, or not affine in the data.
    """
    with PauseGC():
        return _Compilation(model).result()


class _Compilation:
    def __init__(self, model: pyo.ConcreteModel):
        self.model = model
        self.data = DataNumbers(model)
        self.column: dict[int, int] = {}
        self.variables: dict[str, np.ndarray] = {}
        decisions: list[Any] = []
        for component in model.component_objects(pyo.Var, descend_into=False):
            members = list(component.values())
            start = len(decisions)
            self.column.update((id(v), start + k) for k, v in enumerate(members))
            decisions += members
            self.variables[component.local_name] = np.arange(start, len(decisions))
        self.low = np.array([-np.inf if v.lb is None else v.lb for v in decisions], dtype=float)
        self.high = np.array([np.inf if v.ub is None else v.ub for v in decisions], dtype=float)
        recorder = OrderedVarRecorder({}, {}, None)
        self.visitor = ParameterizedQuadraticRepnVisitor({}, wrt=self.data.variables, var_recorder=recorder)
        self.outer: list[int] = []
        self.inner: list[int] = []
        self.cone_names: list[str] = []
        self.weight = AffineEntries()
        self.entries = AffineEntries()
        self.entry_row: list[int] = []
        self.entry_column: list[int] = []
        self.row_constant = AffineEntries()
        self.bounds: list[tuple[float, float]] = []

    def result(self) -> CompiledConicModel:
        rows: dict[str, np.ndarray] = {}
        cones: dict[str, np.ndarray] = {}
        for component in self.model.component_objects(pyo.Constraint, active=True):
            first_row, first_cone = len(self.bounds), len(self.outer)
            for constraint in component.values():
                form = self.visitor.walk_expression(constraint.body)
                if form.nonlinear is not None:
                    raise CompileError(f"row '{constraint.name}' is not quadratic in the decisions")
                low = -np.inf if constraint.lower is None else float(pyo.value(constraint.lower))
                high = np.inf if constraint.upper is None else float(pyo.value(constraint.upper))
                if form.quadratic:
                    self.add_cone(constraint.name, form, low, high)
                else:
                    self.add_row(constraint.name, form, low, high)
            rows[component.local_name] = np.arange(first_row, len(self.bounds))
            cones[component.local_name] = np.arange(first_cone, len(self.outer))
        for name, columns in (("the bound", self.outer), ("the square", self.inner)):
            if len(set(columns)) < len(columns):
                raise CompileError(f"model '{self.model.name}': a variable is {name} of two quadratic rows")
        size = len(self.data.variables)
        order = np.lexsort((self.entry_row, self.entry_column))
        starts = np.searchsorted(np.array(self.entry_column)[order], np.arange(len(self.low) + 1))
        bounds = np.array(self.bounds, dtype=float).reshape(-1, 2)
        shift = self.row_constant.map(size)
        return CompiledConicModel(
            data=self.data.slices,
            variables=self.variables,
            rows=rows,
            cones=cones,
            entries=self.entries.map(size, order),
            entry_rows=np.array(self.entry_row, dtype=np.int32)[order],
            entry_starts=starts.astype(np.int32),
            cost=self.cost(),
            row_low=AffineMap(bounds[:, 0] - shift.constant, -shift.matrix),
            row_high=AffineMap(bounds[:, 1] - shift.constant, -shift.matrix),
            low=self.low,
            high=self.high,
            outer=np.array(self.outer, dtype=np.int64),
            inner=np.array(self.inner, dtype=np.int64),
            weight=self.weight.map(size),
            cone_names=tuple(self.cone_names),
        )

    def add_row(self, name: str, form: Any, low: float, high: float) -> None:
        row = len(self.bounds)
        self.bounds.append((low, high))
        self.row_constant.add(*self.data.affine(form.constant, name))
        for key, value in form.linear.items():
            self.entry_row.append(row)
            self.entry_column.append(self.column[key])
            self.entries.add(*self.data.affine(value, name))

    def add_cone(self, name: str, form: Any, low: float, high: float) -> None:
        """Recognise a·outer − w·inner² ≥ 0 (or its negative ≤ 0), a a number above 0."""
        squares, linear = list(form.quadratic.items()), list(form.linear.items())
        constant = self.data.affine(form.constant, name)
        sign = 1.0 if (low, high) == (0.0, np.inf) else -1.0 if (low, high) == (-np.inf, 0.0) else 0.0
        plain = len(squares) == 1 and len(linear) == 1 and squares[0][0][0] == squares[0][0][1]
        if not plain or constant != (0.0, []) or sign == 0.0 or linear[0][0] == squares[0][0][0]:
            raise CompileError(f"quadratic row '{name}' does not read outer ≥ weight·inner²")
        factor, terms = self.data.affine(linear[0][1], name)
        weight, weight_terms = self.data.affine(squares[0][1], name)
        if terms or sign * factor <= 0 or (not weight_terms and sign * weight >= 0):
            raise CompileError(f"quadratic row '{name}' is not convex: it must read outer ≥ weight·inner²")
        self.outer.append(self.column[linear[0][0]])
        self.inner.append(self.column[squares[0][0][0]])
        self.cone_names.append(name)
        self.weight.add(-weight / factor, [(k, -v / factor) for k, v in weight_terms])

    def cost(self) -> AffineMap:
        objectives = list(self.model.component_data_objects(pyo.Objective, active=True))
        if len(objectives) != 1:
            raise CompileError(f"model '{self.model.name}' has {len(objectives)} objectives; it needs one")
        form = self.visitor.walk_expression(objectives[0].expr)
        if form.nonlinear is not None or form.quadratic:
            raise CompileError(f"objective '{objectives[0].name}' is not linear in the decisions")
        sign = 1.0 if objectives[0].sense == pyo.minimize else -1.0
        linear = {self.column[key]: value for key, value in form.linear.items()}
        return self.data.map_of(len(self.low), linear, sign, objectives[0].name)
