"""The virtual power plant: a microgrid that the bulk market sees as one supplier (or consumer).

C(y) is the least cost of the microgrid when it exports y at its connection; its blocks between breakpoints
are the plant's true offers and bids. A bulk clearing with them equals the clearing of both grids at
once, which :meth:`VirtualPowerPlant.co_optimise` does for comparison. True per period: storage couples
periods (:mod:`clearing.plants.homes`).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from clearing.arrays.compiled import CompiledModel, compile_model
from clearing.arrays.kept import BUILDING
from clearing.arrays.programs import Program
from clearing.book import Book
from clearing.errors import InfeasibleError, InputError
from clearing.nodal import NodalMarket
from clearing.nodal_model import build_nodal_model
from clearing.outcome import Outcome
from clearing.plants.supply_curve import SupplyCurve, trace_curve
from clearing.pricing.reduced import Reduced
from clearing.solvers import TIME_LIMIT, solve
from clearing.structure import Numbers, Structure
from networks.checks import number, suggest
from networks.grid import Grid

INSIDE = 1e-9  # share of the range of exports by which its ends are drawn in, so that they stay feasible


@dataclass(frozen=True, eq=False)
class PlantOutcome:
    """A bulk clearing with a plant in it.

    Attributes
    ----------
    bulk : the bulk market's outcome, with the plant's blocks (or the whole microgrid) among the orders.
    export_mw : (periods,) what the plant exports at its connection; negative is import.
    lmp : (periods,) price at the connection [$/MWh].
    objective : cost less value over both grids [$].
    inside : the microgrid's own outcome at this export, None where it was cleared with the bulk grid.
    """

    bulk: Outcome
    export_mw: np.ndarray
    lmp: np.ndarray
    objective: float
    inside: Outcome | None


def _refuse_curved(book: Book) -> None:
    """A curve of blocks needs a book whose periods are separate linear programs."""
    if not isinstance(book, Book):
        raise InputError(
            f"book is a {type(book).__name__}; a plant's curve needs a plain Book (blocks make its cost jump)"
        )
    if book.slope.any():
        order = book.orders[int(np.flatnonzero(book.slope)[0])]
        raise InputError(
            f"order {order!r} has a slope; a plant's curve needs orders without slopes: offer steps instead"
        )
    if book.ramp_units:
        raise InputError(
            f"unit {book.ramp_units[0]!r} has a ramp limit, which joins periods that the curve takes one "
            "by one; leave ramps out, or use co_optimise of clearing.plants.homes for storage"
        )


class VirtualPowerPlant:
    """A microgrid as a plant.

    Parameters
    ----------
    grid, book : the microgrid and its divisible orders without slopes and ramps (fixed demand is fine).
    connection : its bus at the bulk grid.
    export_limit, import_limit : of the connection [MW].
    name : participant in the bulk market.
    """

    def __init__(
        self,
        grid: Grid,
        book: Book,
        connection: Hashable,
        export_limit: float,
        import_limit: float,
        name: str = "virtual plant",
        time_limit: float = TIME_LIMIT,
    ):
        if connection not in grid.bus_position:
            raise InputError(
                f"connection is {connection!r}, which is not a bus of the microgrid"
                f"{suggest(connection, grid.bus_position)}"
            )
        _refuse_curved(book)
        self.grid, self.book, self.connection, self.name = grid, book, connection, name
        self.export_limit = number("export_limit", export_limit, "MW", minimum=0.0)
        self.import_limit = number("import_limit", import_limit, "MW", minimum=0.0)
        self.time_limit = time_limit
        self._structure = Structure.of(book, grid)
        numbers = Numbers.of(book, self._structure)
        reduced = Reduced(self._structure, numbers)
        self._quantity, self._money = reduced.quantity, reduced.money
        self._data = {name: getattr(numbers, name) for name in Numbers.__dataclass_fields__}
        with BUILDING:
            self._model: CompiledModel = compile_model(build_nodal_model(self._structure))
        bus = grid.bus_position[connection]
        self._balance = self._model.rows["balance"].reshape(len(grid.buses), book.periods)[bus]

    def supply_curve(self, period: int = 0) -> SupplyCurve:
        """The exact net supply curve of a period: blocks between breakpoints.

        Raises
        ------
        InfeasibleError
            the microgrid cannot serve its fixed demand at any import within the limit.
        """
        program = self._period_program(period)
        row = int(self._balance[period])
        low, high = self._range(program, row)
        turnover = self._turnover()

        def evaluate(y: float) -> tuple[float, float]:
            moved = _with_demand(program, row, y / self._quantity)
            found = solve(moved, time_limit=self.time_limit)
            cost = moved.objective(found.x) * self._quantity * self._money
            return cost, float(found.row_dual[row]) * self._money

        return trace_curve(evaluate, low, high, turnover)

    def _turnover(self) -> float:
        return float(np.abs(self.book.price * self.book.mw).sum()) or 1.0

    def _period_program(self, period: int) -> Program:
        """The microgrid's program with the orders of other periods held at 0."""
        if not 0 <= period < self.book.periods:
            raise InputError(f"period is {period!r}; give 0 to {self.book.periods - 1}")
        here = self._structure.period == period
        data = dict(self._data)
        for name in ("mw", "min_mw"):
            data[name] = np.where(here, data[name], 0.0)
        fixed = np.zeros(data["fixed_mw"].shape)
        fixed[:, period] = data["fixed_mw"][:, period]
        return self._model.at(**(data | {"fixed_mw": fixed})).scaled(self._quantity, self._money)

    def _range(self, program: Program, row: int) -> tuple[float, float]:
        """Least and greatest net export within the connection's limits [MW]."""
        ends = []
        unit = np.zeros(program.matrix.shape[0])
        unit[row] = 1.0
        wide = sparse.csc_array(sparse.hstack([program.matrix, -unit[:, None]]))
        for sign in (1.0, -1.0):
            search = Program(
                cost=np.append(np.zeros(len(program.cost)), sign),
                curvature=np.zeros(len(program.cost) + 1),
                matrix=wide,
                row_low=program.row_low,
                row_high=program.row_high,
                low=np.append(program.low, -self.import_limit / self._quantity),
                high=np.append(program.high, self.export_limit / self._quantity),
            )
            try:
                ends.append(float(solve(search, time_limit=self.time_limit).x[-1]) * self._quantity)
            except InfeasibleError as error:
                raise InfeasibleError(
                    f"{self.name}: its fixed demand cannot be served with an import of up to "
                    f"{self.import_limit:g} MW; raise import_limit, or use islanded(value_of_lost_load)"
                ) from error
        room = INSIDE * (ends[1] - ends[0])
        return ends[0] + room, ends[1] - room

    def clear_in(self, grid: Grid, book: Book, bus: Hashable, markup: float = 0.0) -> PlantOutcome:
        """Offer the curve of every period into a bulk market at a bus, and clear it."""
        rows: list[dict[str, object]] = []
        for t in range(book.periods):
            rows += self.supply_curve(t).orders(bus, self.name, t, markup)
        joined = _with_orders(book, rows)
        bulk = NodalMarket(grid, time_limit=self.time_limit).clear(joined)
        mine = np.array([p == self.name for p in joined.participants])[joined.column_row]
        signed = joined.side[joined.column_row] * bulk.accepted_mw
        export = np.bincount(joined.column_period[mine], signed[mine], minlength=book.periods)
        inside = self.dispatch(export)
        # what the plant's blocks say it costs is replaced by what the microgrid says
        objective = -(bulk.welfare - _worth(joined, bulk, mine)) - inside.welfare
        return PlantOutcome(bulk, export, bulk.lmp[grid.bus_position[bus]], objective, inside)

    def dispatch(self, export_mw: np.ndarray) -> Outcome:
        """The microgrid's own clearing when it exports given MW (periods,) at its connection."""
        fixed = self.book.fixed_frame
        extra = [
            {"bus": self.connection, "mw": float(mw), "period": t}
            for t, mw in enumerate(np.asarray(export_mw))
        ]
        demand = pd.concat([fixed, pd.DataFrame(extra)], ignore_index=True) if len(fixed) else extra
        book = Book.from_tables(
            self.book.orders_frame, periods=self.book.periods, hours=self.book.hours, fixed=demand
        )
        return NodalMarket(self.grid, time_limit=self.time_limit).clear(book)

    def co_optimise(self, grid: Grid, book: Book, bus: Hashable) -> PlantOutcome:
        """Clear bulk grid and microgrid at once, joined by the connection as a lossless link."""
        if book.periods != self.book.periods or book.hours != self.book.hours:
            raise InputError("bulk book and microgrid differ in periods or hours; give both the same")
        joint, rename = join_grids(
            grid, self.grid, bus, self.connection, self.export_limit, self.import_limit, self.name
        )
        together = join_books(book, self.book, rename)
        outcome = NodalMarket(joint, time_limit=self.time_limit).clear(together)
        return PlantOutcome(
            outcome, outcome.link_mw[-1], outcome.lmp[joint.bus_position[bus]], -outcome.welfare, None
        )

    def islanded(self, value_of_lost_load: float) -> Outcome:
        """The microgrid without its connection: load that cannot be served is shed at its value."""
        return NodalMarket(self.grid, time_limit=self.time_limit).clear(
            self.book.with_lost_load(value_of_lost_load)
        )


def _worth(book: Book, bulk: Outcome, mine: np.ndarray) -> float:
    """Offered worth of some order columns in a bulk outcome [$]."""
    rows = book.column_row
    worth = -book.side[rows] * book.price[rows] * bulk.accepted_mw
    return float(worth[mine].sum()) * book.hours


def _with_demand(program: Program, row: int, extra: float) -> Program:
    low, high = program.row_low.copy(), program.row_high.copy()
    low[row] += extra
    high[row] += extra
    return replace(program, row_low=low, row_high=high)


def _with_orders(book: Book, rows: list[dict[str, object]]) -> Book:
    more = Book.from_tables(rows, periods=book.periods, hours=book.hours)
    return join_books(
        book, replace(more, fixed_bus=(), fixed_mw=np.zeros(0), fixed_period=np.zeros(0, int)), {}
    )


def join_books(first: Book, second: Book, rename: dict[Hashable, Hashable]) -> Book:
    """Both books' orders, fixed demand and ramps; the second one's labels renamed where a name is given."""

    def named(labels: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
        return tuple(rename.get(label, label) for label in labels)

    prefix = "" if not rename else "inside "
    orders = tuple(f"{prefix}{label}" if prefix else label for label in second.orders)
    units = tuple(f"{prefix}{label}" if prefix else label for label in second.units)
    arrays = ("side", "mw", "min_mw", "price", "slope", "order_period", "fixed_mw", "fixed_period")
    joined = {n: np.concatenate([getattr(first, n), getattr(second, n)]) for n in arrays}
    return replace(
        first,
        orders=first.orders + orders,
        participants=first.participants + second.participants,
        units=first.units + units,
        order_bus=first.order_bus + named(second.order_bus),
        fixed_bus=first.fixed_bus + named(second.fixed_bus),
        **joined,  # type: ignore[arg-type]
    )


def join_grids(
    bulk: Grid,
    micro: Grid,
    bus: Hashable,
    connection: Hashable,
    export_limit: float,
    import_limit: float,
    name: str,
) -> tuple[Grid, dict[Hashable, Hashable]]:
    """Both grids with a link from the microgrid's connection to the bulk bus; and its buses' new names."""
    if bulk.convention != micro.convention:
        raise InputError("bulk grid and microgrid follow different conventions; load both with the same")
    if bus not in bulk.bus_position:
        raise InputError(f"bus {bus!r} is not a bus of the bulk grid{suggest(bus, bulk.bus_position)}")
    rename: dict[Hashable, Hashable] = {label: f"{name}: {label}" for label in micro.bus_position}
    count = len(bulk.buses)
    ratio = bulk.base_mva / micro.base_mva
    both: dict[str, Any] = {
        n: np.concatenate([getattr(bulk, n), getattr(micro, n)])
        for n in (
            "shunt_mw", "limit_mw", "tap", "shift_degree",
            "angle_min_degree", "angle_max_degree", "in_service",
        )
    }  # fmt: skip
    return Grid(
        buses=bulk.buses + tuple(rename[label] for label in micro.buses),
        branches=bulk.branches + tuple(f"{name}: {label}" for label in micro.branches),
        links=bulk.links + tuple(f"{name}: {label}" for label in micro.links) + (f"{name}: connection",),
        from_bus=np.append(bulk.from_bus, micro.from_bus + count),
        to_bus=np.append(bulk.to_bus, micro.to_bus + count),
        r_pu=np.append(bulk.r_pu, micro.r_pu * ratio),
        x_pu=np.append(bulk.x_pu, micro.x_pu * ratio),
        link_from=np.concatenate(
            [bulk.link_from, micro.link_from + count, [count + micro.bus_position[connection]]]
        ),
        link_to=np.concatenate([bulk.link_to, micro.link_to + count, [bulk.bus_position[bus]]]),
        link_min_mw=np.concatenate([bulk.link_min_mw, micro.link_min_mw, [-import_limit]]),
        link_max_mw=np.concatenate([bulk.link_max_mw, micro.link_max_mw, [export_limit]]),
        link_loss=np.concatenate([bulk.link_loss, micro.link_loss, [0.0]]),
        base_mva=bulk.base_mva,
        convention=bulk.convention,
        fused=bulk.fused + tuple((rename[label], rename[bus]) for label, bus in micro.fused),
        **both,
    ), rename
