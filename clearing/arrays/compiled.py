"""The bridge from a Pyomo model to arrays: compiled once, every number of the book mapped to its positions.

A model declares the numbers of a book as variables in its block `data`. Rows are then linear in
decisions and data together, so one compilation splits each row into the decisions' coefficients
and a right-hand side that is an affine function of the data vector; the objective's coefficients
are affine in the data as well. Evaluating the maps re-creates the program of another book by
sparse matrix-vector products. Anything else (a product of two decisions, a datum times a decision
in a row, a non-affine cost) is refused by name at compile time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyomo.environ as pyo
from pyomo.common.gc_manager import PauseGC
from pyomo.repn.parameterized import ParameterizedQuadraticRepnVisitor
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler
from pyomo.repn.util import OrderedVarRecorder
from scipy import sparse

from clearing.arrays.affine import AffineMap, CompileError, DataNumbers, lay_out
from clearing.arrays.programs import Program


@dataclass(frozen=True, eq=False)
class CompiledModel:
    """A model as maps from the data vector to a :class:`clearing.arrays.programs.Program`.

    Attributes
    ----------
    data : name of each declared datum → its slice of the data vector.
    variables : name of each decision component → positions of its members among the columns.
    rows : name of each constraint → (members,) positions among the program's rows, −1 where the
        constraint bounds a single column and became that column's bound. Of a constraint whose members are
        indexed by "low" and "high" at the end, `name.low` and `name.high` → those of each end.
    """

    data: Mapping[str, slice]
    variables: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]
    matrix: sparse.csc_array
    cost: AffineMap
    curvature: AffineMap
    row_low: AffineMap
    row_high: AffineMap
    column_low: AffineMap
    column_high: AffineMap

    def at(self, **numbers: np.ndarray) -> Program:
        """The program of one book: `numbers` gives an array for every declared datum, by name."""
        whole, (a, b, c, d, e) = self._stacked
        value = whole.at(lay_out(self.data, numbers))
        return Program(
            cost=value[:a],
            curvature=value[a:b],
            matrix=self.matrix,
            row_low=value[b:c],
            row_high=value[c:d],
            low=value[d:e],
            high=value[e:],
        )

    @cached_property
    def _stacked(self) -> tuple[AffineMap, list[int]]:
        """All maps in one, because a product costs more to call than to do; where the parts end."""
        maps = (self.cost, self.curvature, self.row_low, self.row_high, self.column_low, self.column_high)
        ends = np.cumsum([len(part.constant) for part in maps])[:-1].tolist()
        matrix = sparse.csr_array(sparse.vstack([part.matrix for part in maps], format="csr"))
        return AffineMap(np.concatenate([part.constant for part in maps]), matrix), ends


def compile_model(model: pyo.ConcreteModel) -> CompiledModel:
    """Compile a model with one linear or separable quadratic objective, linear rows and a block `data`.

    Raises
    ------
    CompileError
        naming the component that is not affine in data and decisions.
    """
    with PauseGC():
        return _compile(model)


def _compile(model: pyo.ConcreteModel) -> CompiledModel:
    data = DataNumbers(model)
    objective = next(model.component_data_objects(pyo.Objective, active=True))
    objective.deactivate()
    try:
        form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    except Exception as error:
        raise CompileError(
            f"model '{model.name}': a constraint is not linear in decisions and data"
        ) from error
    finally:
        objective.activate()
    columns = [v for v in form.columns if id(v) not in data.place]
    columns += _in_no_row(model, form.columns)
    position = {id(v): k for k, v in enumerate(columns)}
    is_data = np.array([id(v) in data.place for v in form.columns])
    place = np.array(
        [data.place[id(v)] if d else position[id(v)] for v, d in zip(form.columns, is_data, strict=True)]
    )
    coefficients = sparse.csc_array(form.A)
    decisions = _select(coefficients, ~is_data, place, len(columns))
    numbers = _select(coefficients, is_data, place, len(data.variables))
    senses = np.array([row.bound_type for row in form.rows])
    folded = _Folding(decisions, numbers, np.asarray(form.rhs, dtype=float), senses, columns)
    constraints: dict[str, list[int]] = {}
    for row, entry in zip(folded.target.tolist(), form.rows, strict=True):
        name, index = entry.constraint.parent_component().local_name, entry.constraint.index()
        constraints.setdefault(name, []).append(row)
        if isinstance(index, tuple) and index[-1] in ("low", "high"):
            constraints.setdefault(f"{name}.{index[-1]}", []).append(row)
    cost, curvature = _map_objective(objective, position, data, len(columns))
    return CompiledModel(
        data=data.slices,
        variables=_in_member_order(model, position),
        rows={name: np.array(rows) for name, rows in constraints.items()},
        matrix=folded.matrix,
        cost=cost,
        curvature=curvature,
        row_low=folded.row_low,
        row_high=folded.row_high,
        column_low=folded.column_low,
        column_high=folded.column_high,
    )


def _in_no_row(model: pyo.ConcreteModel, known: list) -> list:
    """Decisions that no row holds (angles of buses without branches): empty columns within their bounds."""
    seen = {id(v) for v in known}
    decisions = model.component_objects(pyo.Var, descend_into=False)
    return [v for component in decisions for v in component.values() if id(v) not in seen]


def _select(matrix: sparse.csc_array, chosen: np.ndarray, place: np.ndarray, width: int) -> sparse.csr_array:
    part = matrix[:, np.flatnonzero(chosen)].tocoo()
    columns = place[chosen][part.coords[1]]
    return sparse.csr_array((part.data, (part.coords[0], columns)), shape=(matrix.shape[0], width))


class _Folding:
    """Rows as solvers want them: one-column inequalities become bounds, twin rows one ranged row.

    A column takes one bound from each side, the first that is met; a later one stays a row, so that
    it keeps a dual of its own.
    """

    def __init__(
        self,
        decisions: sparse.csr_array,
        numbers: sparse.csr_array,
        right: np.ndarray,
        senses: np.ndarray,
        columns: list,
    ):
        rows, width = decisions.shape[0], numbers.shape[1]
        single = _first_bounds(decisions, senses, columns)
        twin = _twins(decisions, senses)
        twin &= ~single & ~np.append(False, single[:-1])
        kept = ~single & ~twin
        self.target = np.cumsum(kept) - 1  # a twin follows its first row, so it gets the same position
        self.target[single] = -1
        self.matrix = decisions[np.flatnonzero(kept)].tocsc()
        bounds_high, bounds_low = senses >= 0, senses <= 0
        # decisions·x + numbers·p ≤ right, so the bound of decisions·x is right − numbers·p
        count = int(kept.sum())
        self.row_low = _affine(-np.inf, count, width, self.target, ~single & bounds_low, right, numbers)
        self.row_high = _affine(np.inf, count, width, self.target, ~single & bounds_high, right, numbers)
        column = np.full(rows, -1)
        column[single] = decisions.indices[decisions.indptr[:-1][single]]
        scale = np.ones(rows)
        scale[single] = 1.0 / decisions.data[decisions.indptr[:-1][single]]
        flipped = scale < 0
        upper, lower = np.where(flipped, bounds_low, bounds_high), np.where(flipped, bounds_high, bounds_low)
        scaled = sparse.csr_array(sparse.diags_array(scale) @ numbers)
        low = np.array([-np.inf if v.lb is None else v.lb for v in columns], dtype=float)
        high = np.array([np.inf if v.ub is None else v.ub for v in columns], dtype=float)
        self.column_low = _affine(low, len(columns), width, column, single & lower, right * scale, scaled)
        self.column_high = _affine(high, len(columns), width, column, single & upper, right * scale, scaled)


def _first_bounds(decisions: sparse.csr_array, senses: np.ndarray, columns: list) -> np.ndarray:
    """One-column inequalities that are the first to bound their column from their side."""
    candidate = (np.diff(decisions.indptr) == 1) & (senses != 0)
    taken = {(k, -1) for k, v in enumerate(columns) if v.lb is not None}
    taken |= {(k, 1) for k, v in enumerate(columns) if v.ub is not None}
    single = np.zeros(len(senses), dtype=bool)
    for row in np.flatnonzero(candidate).tolist():
        entry = decisions.indptr[row]
        side = int(senses[row]) if decisions.data[entry] > 0 else -int(senses[row])
        key = (int(decisions.indices[entry]), side)
        single[row] = key not in taken
        taken.add(key)
    return single


def _twins(decisions: sparse.csr_array, senses: np.ndarray) -> np.ndarray:
    """Rows that repeat the decisions' part of the row before them with the opposite sense."""
    starts, data, indices = decisions.indptr, decisions.data, decisions.indices
    entries = np.diff(starts)
    twin = np.zeros(len(senses), dtype=bool)
    opposite = (senses[1:] * senses[:-1] == -1) & (entries[1:] == entries[:-1]) & (entries[1:] > 0)
    for row in (np.flatnonzero(opposite) + 1).tolist():
        a, b, c = starts[row - 1], starts[row], starts[row + 1]
        same = np.array_equal(indices[a:b], indices[b:c]) and np.array_equal(data[a:b], data[b:c])
        twin[row] = same and not twin[row - 1]
    return twin


def _affine(
    default: float | np.ndarray,
    count: int,
    width: int,
    target: np.ndarray,
    chosen: np.ndarray,
    right: np.ndarray,
    numbers: sparse.csr_array,
) -> AffineMap:
    """Map of the bounds that the chosen rows put on their targets; one row per bound at most."""
    constant = np.broadcast_to(np.asarray(default, dtype=float), count).copy()
    source = np.flatnonzero(chosen)
    if len(np.unique(target[source])) < len(source):
        raise CompileError("a column or row is bounded twice from the same side; keep one constraint")
    constant[target[source]] = right[source]
    place = sparse.csr_array((np.ones(len(source)), (target[source], source)), shape=(count, len(right)))
    return AffineMap(constant, sparse.csr_array(-(place @ numbers)))


def _map_objective(
    objective: pyo.Objective, position: dict[int, int], data: DataNumbers, width: int
) -> tuple[AffineMap, AffineMap]:
    """Linear and diagonal quadratic coefficients as affine maps of the data; ½·curvature·x²."""
    recorder = OrderedVarRecorder({}, {}, None)
    visitor = ParameterizedQuadraticRepnVisitor({}, wrt=data.variables, var_recorder=recorder)
    form = visitor.walk_expression(objective.expr)
    if form.nonlinear is not None:
        raise CompileError(f"objective '{objective.name}' is not quadratic in the decisions")
    linear = {position[key]: value for key, value in form.linear.items()}
    squares: dict[int, object] = {}
    for (first, second), value in (form.quadratic or {}).items():
        if first != second:
            raise CompileError(f"objective '{objective.name}' multiplies two different decisions")
        squares[position[first]] = value
    sign = -1.0 if objective.sense == pyo.maximize else 1.0
    name = objective.name
    return data.map_of(width, linear, sign, name), data.map_of(width, squares, 2.0 * sign, name)


def _in_member_order(model: pyo.ConcreteModel, position: dict[int, int]) -> dict[str, np.ndarray]:
    """Positions in the order in which a component lists its members, whatever order rows named them."""
    return {
        component.local_name: np.array([position[id(v)] for v in component.values()], dtype=np.int64)
        for component in model.component_objects(pyo.Var, descend_into=False)
    }
