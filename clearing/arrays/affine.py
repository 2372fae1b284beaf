"""What both bridges from Pyomo share: the data vector, and values that are affine in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyomo.environ as pyo
from pyomo.repn.linear import LinearRepnVisitor
from pyomo.repn.util import OrderedVarRecorder
from scipy import sparse


class CompileError(ValueError):
    """A model holds a term that cannot be mapped; the message names the component."""


@dataclass(frozen=True, eq=False)
class AffineMap:
    """value = constant + matrix @ data; infinite data pass through to the positions that use them."""

    constant: np.ndarray
    matrix: sparse.csr_array

    def at(self, data: np.ndarray) -> np.ndarray:
        """The values at data with a zero behind them, as :func:`lay_out` makes them."""
        if self._picks is None:
            return self.constant + self.matrix @ data[:-1]
        place, factor = self._picks
        value = data.take(place)
        value *= factor
        value += self.constant
        return value

    @cached_property
    def _picks(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Position and factor of the one datum of each value (a zero behind the data where it has none).

        To pick them is quicker than a product with a sparse matrix; None where a value has several.
        """
        entries = np.diff(self.matrix.indptr)
        if entries.max(initial=0) > 1:
            return None
        place, factor = np.full(len(entries), self.matrix.shape[1]), np.zeros(len(entries))
        place[entries == 1], factor[entries == 1] = self.matrix.indices, self.matrix.data
        return place, factor


def lay_out(data: Mapping[str, slice], numbers: Mapping[str, np.ndarray]) -> np.ndarray:
    """(data + 1,) the vector of one book or instance: arrays for every datum by name, and a zero behind."""
    vector = np.empty(max((place.stop for place in data.values()), default=0) + 1)
    vector[-1] = 0.0
    for name, place in data.items():
        vector[place] = np.ravel(numbers[name])
    return vector


class DataNumbers:
    """The numbers that a model declares as variables in its block `data`, in one flat vector.

    Attributes
    ----------
    variables : all of them, in the order of the vector; slices : name of a component → its part.
    place : identity of a variable → its position.
    """

    def __init__(self, model: pyo.ConcreteModel):
        self.variables: list[pyo.Var] = []
        self.slices: dict[str, slice] = {}
        for component in model.data.component_objects(pyo.Var):
            start = len(self.variables)
            self.variables += component.values()
            self.slices[component.local_name] = slice(start, len(self.variables))
        self.place = {id(v): k for k, v in enumerate(self.variables)}
        self._visitor = LinearRepnVisitor({}, var_recorder=OrderedVarRecorder({}, {}, None))

    def affine(self, value: object, name: str) -> tuple[float, list[tuple[int, float]]]:
        """A coefficient of a component as constant and terms (datum, factor)."""
        if isinstance(value, (int, float)):
            return float(value), []
        form = self._visitor.walk_expression(value)
        if form.nonlinear is not None or any(key not in self.place for key in form.linear):
            raise CompileError(f"'{name}': a coefficient is not affine in the data")
        return float(form.constant), [(self.place[key], float(v)) for key, v in form.linear.items()]

    def map_of(self, width: int, coefficients: Mapping[int, object], factor: float, name: str) -> AffineMap:
        """(width,) coefficients by position, 0 where there is none, each times a factor."""
        entries = AffineEntries()
        for k in range(width):
            constant, terms = self.affine(coefficients.get(k, 0.0), name)
            entries.add(factor * constant, [(datum, factor * value) for datum, value in terms])
        return entries.map(len(self.variables))


class AffineEntries:
    """Values of an :class:`AffineMap`, collected one by one."""

    def __init__(self) -> None:
        self._constant: list[float] = []
        self._terms: list[tuple[int, int, float]] = []  # value, datum, factor

    def add(self, constant: float, terms: list[tuple[int, float]]) -> None:
        self._terms += [(len(self._constant), datum, factor) for datum, factor in terms]
        self._constant.append(constant)

    def map(self, size: int, order: np.ndarray | None = None) -> AffineMap:
        """The map from a data vector of a size, its values in an order."""
        rows, data, factors = zip(*self._terms, strict=True) if self._terms else ((), (), ())
        shape = (len(self._constant), size)
        matrix = sparse.csr_array((factors, (rows, data)), shape=shape, dtype=float)
        constant = np.array(self._constant, dtype=float)
        return AffineMap(constant, matrix) if order is None else AffineMap(constant[order], matrix[order])
