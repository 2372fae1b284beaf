"""A market prepared for one structure of book: the hot path, arrays in and arrays out.

`market.prepare(book)` fixes who trades where; every later round only brings new numbers. One period
goes through the round engine (:mod:`clearing.engine`), which is exact and proves every round; a round
that it cannot prove, and books of several periods, go through the general path.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clearing.batches import Batch, Bound, Bounds, Round, Rows, Status, doubles, empty_batch, rows_of, spread
from clearing.book import Book
from clearing.errors import (
    ClearingError,
    InfeasibleError,
    InputError,
    NumericalError,
    TimeLimitError,
    UnboundedError,
)
from clearing.machines import own_pairs
from clearing.optimum import Optimum, find_optimum
from clearing.shortages import Shortages
from clearing.structure import Numbers, Structure
from networks.checks import suggest

if TYPE_CHECKING:
    from clearing.engine.days import Days
    from clearing.engine.engine import Engine
    from clearing.nodal import NodalMarket

WANTED = ("accepted", "lmp", "welfare", "lmp_low", "lmp_high", "flow")

_DOUBLE = np.dtype(float)
_STATUS_OF: dict[type[Exception], Status] = {
    InfeasibleError: Status.INFEASIBLE,
    UnboundedError: Status.UNBOUNDED,
    TimeLimitError: Status.TIME_LIMIT,
    NumericalError: Status.NUMERICAL,
}


class PreparedMarket:
    """A nodal market with a fixed structure of orders.

    Results are those of the canonical laws whatever was cleared before, in any order or batch (law 3). Any
    number of threads may share one.

    Attributes
    ----------
    book : the book whose structure, minimum outputs, ramps and fixed demand hold in every round.
    orders : number of order columns (the book's orders, times periods where a row holds in all).
    sloped : whether the book's own orders have slopes.
    """

    def __init__(self, market: NodalMarket, book: Book):
        self.market, self.book = market, book
        self.structure = Structure.of(book, market.grid)
        self.numbers = Numbers.of(book, self.structure)
        self.orders = len(self.structure.bus)
        self.sloped = bool(self.numbers.slope.any())
        self._shape, self._hours = (self.orders,), book.hours
        self._shortages = Shortages()

    @cached_property
    def engine(self) -> Engine | None:
        """The round engine, where it applies; compiled code is loaded with it."""
        if self.structure.periods > 1:
            return None
        from clearing.engine.engine import Engine

        if not Engine.suits(self.structure):
            return None
        return Engine.of(self.structure, self.numbers, self.market.price_rule)

    @cached_property
    def _clear_one(self) -> Callable[[np.ndarray, np.ndarray, float], Round | None] | None:
        """The engine's short way for one round, where any prices and quantities make a book."""
        engine = self.engine
        return None if engine is None or self.sloped or len(self._own_pairs[0]) else engine.clear_one

    @cached_property
    def days(self) -> Days | None:
        """The way for several periods, for rounds without slopes."""
        if self.structure.periods == 1:
            return None
        from clearing.engine.days import Days

        return Days(self.structure, self.numbers, self.book.column_row)

    def clear_many(
        self,
        price: np.ndarray,
        mw: np.ndarray | None = None,
        slope: np.ndarray | None = None,
        fixed_mw: np.ndarray | None = None,
        limit_mw: np.ndarray | None = None,
        want: Sequence[str] = ("accepted", "lmp", "welfare"),
        on_error: Literal["mark", "raise"] = "mark",
        branches: Sequence[Hashable] | None = None,
    ) -> Batch:
        """Clear one book per row.

        Parameters
        ----------
        price, mw, slope : (rounds, orders) or (orders,) for every round [$/MWh, MW, $/MW²h]; None
            keeps the book's.
        fixed_mw : (rounds, buses) or (buses,) fixed demand in place of the book's, with periods last
            where there are several; shunts stay [MW].
        limit_mw : (rounds, branches) or (branches,) thermal limits in place of the grid's [MW].
        want : of "accepted", "lmp", "welfare", "lmp_low", "lmp_high", "flow"; nobody pays for what was
            not asked.
        on_error : "mark" leaves NaN and a status in a failed row (INVALID where it has numbers that no
            book may hold, or a unit bids more than it asks itself), and no other row feels it; "raise" raises
            its error.
        branches : labels of the branches whose flows are wanted (all by default).

        Raises
        ------
        InputError
            arrays of a wrong shape; numbers that no book may hold, naming round and order, where every round
            has them or with on_error="raise" (else such rows get the status INVALID).
        ClearingError
            with on_error="raise", the first failed round's.
        """
        rows = self._shape_rows(price, mw, slope, fixed_mw, limit_mw)
        _check_choice("want", want, WANTED)
        _check_choice("on_error", (on_error,), ("mark", "raise"))
        lines = self._all_branches if branches is None else self._branches(branches)
        own = self._self_trades(rows)
        if not own.any():
            return self._clear_rows(rows, want, on_error, lines)
        if on_error == "raise":
            self._refuse_self_trade(rows, *np.argwhere(own)[0].tolist())
        others = np.flatnonzero(~own.any(axis=1))
        return spread(self._clear_rows(rows.chosen(others), want, on_error, lines), others, len(rows))

    def _clear_rows(self, rows: Rows, want: Sequence[str], on_error: str, lines: np.ndarray) -> Batch:
        if self.engine is None:
            batch = self._empty_batch(len(rows), want, lines)
        else:
            batch = self.engine.clear_many(rows, want, lines, self._hours)
            if np.count_nonzero(batch.certified) == len(rows):
                return batch  # the engine has looked at all numbers, and proves no round with a bad one
        rows.check(self._bounds, of_every_round=on_error == "mark")
        sound = rows.sound(self._bounds)
        batch.status[~sound] = Status.INVALID
        left = np.flatnonzero(sound & ~batch.certified)
        fallbacks = 0 if self.engine is None else int((batch.status[left] == Status.NUMERICAL).sum())
        for r in left.tolist():
            self._general_round(rows, r, batch, on_error, lines)
        return replace(batch, fallbacks=fallbacks)

    def clear(self, price: np.ndarray, mw: np.ndarray | None = None) -> Round:
        """Clear one round on arrays (orders,); errors are raised."""
        clear_one = self._clear_one
        quantity = self.numbers.mw if mw is None else mw
        if (
            clear_one is not None
            and type(price) is type(quantity) is np.ndarray
            and price.dtype is quantity.dtype is _DOUBLE
            and price.shape == quantity.shape == self._shape
        ):
            found = clear_one(price, quantity, self._hours)
            if found is not None:  # else the way below finds out why
                return found
        batch = self.clear_many(price, mw, on_error="raise")
        accepted, lmp, welfare = (getattr(batch, name)[0] for name in ("accepted", "lmp", "welfare"))
        return Round(accepted, lmp, float(welfare))

    def _check(self, *arrays: np.ndarray | None) -> Rows:
        """Rows of price, mw, slope, fixed_mw and limit_mw whose numbers are those that a book may hold."""
        rows = self._shape_rows(*arrays)
        rows.check(self._bounds)
        return rows

    def _shape_rows(
        self,
        price: np.ndarray | None,
        mw: np.ndarray | None,
        slope: np.ndarray | None,
        fixed_mw: np.ndarray | None,
        limit_mw: np.ndarray | None,
    ) -> Rows:
        """Rows of the right shapes; a row for every round is broadcast without a copy."""
        given = {"price": price, "mw": mw, "slope": slope, "fixed_mw": fixed_mw, "limit_mw": limit_mw}
        arrays = {
            what: doubles(values, what)
            for what, values in given.items()
            if values is not None or what == "price"
        }
        shapes = self._shapes
        rounds = max([len(a) for what, a in arrays.items() if a.ndim > len(shapes[what])], default=1)
        arrays.setdefault("mw", self.numbers.mw)
        if self.sloped:
            arrays.setdefault("slope", self.numbers.slope)
        return Rows(**{what: rows_of(a, what, shapes[what], rounds) for what, a in arrays.items()})

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of a round's row of each array."""
        grid, periods = self.market.grid, self.structure.periods
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(("price", "mw", "slope"), self._shape)
        shapes["fixed_mw"] = (len(grid.buses), periods) if periods > 1 else (len(grid.buses),)
        shapes["limit_mw"] = (len(grid.branches),)
        return shapes

    def __getstate__(self) -> dict[str, Any]:
        """Without compiled code and what it works on, which are made anew where the market arrives."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("engine", "_clear_one", "days")
        }

    @cached_property
    def _bounds(self) -> Bounds:
        none = np.zeros(())
        return {
            "price": Bound(self._order_name),
            "mw": Bound(self._order_name, np.maximum(self.numbers.min_mw, 0.0)),
            "slope": Bound(self._order_name, none),
            "fixed_mw": Bound(self._bus_name),
            "limit_mw": Bound(self._branch_name, none, infinite=True),
        }

    @cached_property
    def _own_pairs(self) -> tuple[np.ndarray, np.ndarray]:
        """Columns that may withdraw, and beside each a sale of the same unit in the same period."""
        machine = self.structure.unit_of * self.structure.periods + self.structure.period
        return own_pairs(machine, self.structure.side, self.numbers.min_mw)

    def _self_trades(self, rows: Rows) -> np.ndarray:
        """(rounds, pairs of `_own_pairs`) whether the unit bids more than it asks, as in no book (law 4)."""
        taking, selling = self._own_pairs
        if len(taking) == 0:
            return np.zeros((len(rows), 0), dtype=bool)
        takes = (rows.mw[:, taking] > 0) | (self.numbers.min_mw[taking] < 0)
        return takes & (rows.mw[:, selling] > 0) & (rows.price[:, taking] > rows.price[:, selling])

    def _refuse_self_trade(self, rows: Rows, r: int, pair: int) -> None:
        k, j = (int(columns[pair]) for columns in self._own_pairs)
        raise InputError(
            f"array 'price', round {r}, {self._order_name((k,))}: the value is {float(rows.price[r, k])!r}, "
            f"and its unit asks {float(rows.price[r, j])!r} by {self._order_name((j,))}, so it would buy "
            "from itself; bid no more than it asks, or name two units"
        )

    def _order_name(self, item: tuple[int, ...]) -> str:
        return f"order {self.book.orders[self.book.column_row[item[0]]]!r}"

    def _bus_name(self, item: tuple[int, ...]) -> str:
        return f"bus {self.market.grid.buses[item[0]]!r}"

    def _branch_name(self, item: tuple[int, ...]) -> str:
        return f"branch {self.market.grid.branches[item[0]]!r}"

    @cached_property
    def _all_branches(self) -> np.ndarray:
        return np.arange(len(self.market.grid.branches))

    def _branches(self, labels: Sequence[Hashable]) -> np.ndarray:
        known = {label: k for k, label in enumerate(self.market.grid.branches)}
        for label in labels:
            if label not in known:
                raise InputError(f"branches: {label!r} is not a branch of the grid{suggest(label, known)}")
        return np.array([known[b] for b in labels], dtype=np.int64)

    def _empty_batch(self, rounds: int, want: Sequence[str], lines: np.ndarray) -> Batch:
        tail = (self.structure.periods,) if self.structure.periods > 1 else ()
        buses = (len(self.market.grid.buses), *tail)
        shapes = {"accepted": self._shape, "welfare": (), "flow": (len(lines), *tail)}
        return empty_batch(rounds, {name: shapes.get(name, buses) for name in want})

    def _general_round(self, rows: Rows, r: int, batch: Batch, on_error: str, lines: np.ndarray) -> None:
        """Clear row r by the general path and write it into the batch's arrays."""
        try:
            if batch.status[r] == Status.INFEASIBLE:  # in the engine's eyes
                self._prove_shortage(rows, r)
            found = self._optimum(rows, r)
        except (ClearingError, InputError) as error:
            if on_error == "raise":
                raise type(error)(f"round {r}: {error}") from error
            batch.status[r], batch.certified[r] = _STATUS_OF.get(type(error), Status.INVALID), False
            return
        batch.status[r], batch.certified[r] = Status.OPTIMAL, True
        claim, several = found.claim, self.structure.periods > 1
        if batch.accepted is not None:
            batch.accepted[r] = claim.accepted
        if batch.lmp is not None:
            batch.lmp[r] = found.lmp if several else found.lmp[:, 0]
        if batch.welfare is not None:
            slope = self.numbers.slope if rows.slope is None else rows.slope[r]
            worth = self.structure.side * rows.price[r] * claim.accepted + 0.5 * slope * claim.accepted**2
            batch.welfare[r] = -float(worth.sum()) * self.book.hours
        if batch.flow is not None:
            batch.flow[r] = claim.flow_mw[lines] if several else claim.flow_mw[lines, 0]
        if batch.lmp_low is not None or batch.lmp_high is not None:
            for ends, wanted in zip(found.intervals, (batch.lmp_low, batch.lmp_high), strict=True):
                if wanted is not None:
                    wanted[r] = ends if several else ends[:, 0]

    def _prove_shortage(self, rows: Rows, r: int) -> None:
        """InfeasibleError where it is proven at once that row r has no dispatch."""
        structure, numbers = self._numbers(rows, r)
        if self._shortages.prove(structure, numbers, self.market.time_limit):
            raise InfeasibleError(
                "no dispatch serves the fixed demand within the limits of orders and branches"
            )

    def _optimum(self, rows: Rows, r: int) -> Optimum:
        market, (structure, numbers) = self.market, self._numbers(rows, r)
        if self.days is not None and not numbers.slope.any():
            optimum = self.days.find(structure, numbers, market.price_rule, market.time_limit)
            if optimum is not None:
                return optimum
        model = market.compiled(structure)
        return find_optimum(structure, numbers, model, market.price_rule, market.time_limit)

    def _numbers(self, rows: Rows, r: int) -> tuple[Structure, Numbers]:
        """Row r as numbers on a structure, which is another one where the row brings limits."""
        structure, market = self.structure, self.market
        numbers = replace(self.numbers, price=rows.price[r], mw=rows.mw[r])
        if rows.slope is not None:
            numbers = replace(numbers, slope=rows.slope[r])
        if rows.fixed_mw is not None:
            fixed = rows.fixed_mw[r].reshape(numbers.fixed_mw.shape)
            numbers = replace(numbers, fixed_mw=fixed + market.grid.shunt_mw[:, None])
        if rows.limit_mw is not None:
            structure = structure.on_grid(market.grid.with_settings(limit_mw=rows.limit_mw[r]))
            low, high = structure.grid.flow_bounds_mw
            numbers = replace(numbers, low_mw=low[structure.limited], high_mw=high[structure.limited])
        return structure, numbers


def _check_choice(name: str, values: Sequence[str], known: Sequence[str]) -> None:
    for value in values:
        if value not in known:
            raise InputError(f"{name}: {value!r} is unknown{suggest(value, known)}; use {', '.join(known)}")
