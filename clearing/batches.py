"""What rounds of arrays are made of: checked rows in, a batch of outcomes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from clearing.errors import InputError

_UNITS = {"price": "$/MWh", "mw": "MW", "slope": "$/MW²h", "fixed_mw": "MW", "limit_mw": "MW"}


class Status(IntEnum):
    """How a round ended; all but OPTIMAL leave NaN in its rows.

    INVALID: it brought numbers that no book may hold.
    """

    OPTIMAL = 0
    INFEASIBLE = 1
    UNBOUNDED = 2
    TIME_LIMIT = 3
    NUMERICAL = 4
    INVALID = 5


@dataclass(frozen=True, eq=False)
class Batch:
    """Outcomes of many rounds; what was not wanted is None.

    Attributes
    ----------
    accepted : (rounds, orders) [MW], in the order of the book's columns.
    lmp, lmp_low, lmp_high : (rounds, buses), or (rounds, buses, periods) for several periods [$/MWh].
    welfare : (rounds,) value of accepted bids less cost of accepted offers [$].
    flow : (rounds, named branches), or with periods last [MW].
    status : (rounds,) of :class:`Status`.
    certified : (rounds,) whether the round's certificate holds; false only where `status` is not OPTIMAL.
    fallbacks : number of rounds that the engine could not prove and another solver cleared.
    """

    status: np.ndarray
    certified: np.ndarray
    fallbacks: int
    accepted: np.ndarray | None = None
    lmp: np.ndarray | None = None
    welfare: np.ndarray | None = None
    lmp_low: np.ndarray | None = None
    lmp_high: np.ndarray | None = None
    flow: np.ndarray | None = None


def empty_batch(rounds: int, shapes: Mapping[str, tuple[int, ...]]) -> Batch:
    """A batch of which no round is cleared yet; `shapes` are those of a round's part of each array."""
    arrays = {name: np.full((rounds, *shape), np.nan) for name, shape in shapes.items()}
    return Batch(np.zeros(rounds, dtype=np.int64), np.zeros(rounds, dtype=bool), 0, **arrays)


def spread(batch: Batch, which: np.ndarray, rounds: int) -> Batch:
    """A batch of so many rounds: `batch` is that of the rounds `which`, and the others are INVALID."""
    status = np.full(rounds, Status.INVALID, dtype=np.int64)
    certified = np.zeros(rounds, dtype=bool)
    status[which], certified[which] = batch.status, batch.certified
    arrays = {}
    for name in ("accepted", "lmp", "welfare", "lmp_low", "lmp_high", "flow"):
        array = getattr(batch, name)
        if array is not None:
            arrays[name] = np.full((rounds, *array.shape[1:]), np.nan)
            arrays[name][which] = array
    return Batch(status, certified, batch.fallbacks, **arrays)


class Round(NamedTuple):
    """One round as arrays: accepted (orders,), lmp (buses,) or (buses, periods), welfare [$]."""

    accepted: np.ndarray
    lmp: np.ndarray
    welfare: float


@dataclass(slots=True, eq=False)
class Rows:
    """Numbers of the rounds, (rounds, …) doubles; None keeps the book's."""

    price: np.ndarray
    mw: np.ndarray
    slope: np.ndarray | None = None
    fixed_mw: np.ndarray | None = None
    limit_mw: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.price)

    def chosen(self, which: np.ndarray) -> Rows:
        """The rounds that `which` (rounds,) names."""
        others = (None if a is None else a[which] for a in (self.slope, self.fixed_mw, self.limit_mw))
        return Rows(self.price[which], self.mw[which], *others)

    def check(self, bounds: Bounds, of_every_round: bool = False) -> None:
        """Refuse the first number out of bounds, by round and name; or only one that every round has."""
        for what, bound in bounds.items():
            values = getattr(self, what)
            if values is None or (of_every_round and values.strides[0] != 0):
                continue
            array = once(values)
            good = bound.admits(array)
            if not good.all():
                r, *rest = np.argwhere(~good)[0].tolist()
                item = tuple(rest)
                raise InputError(
                    f"array '{what}', round {r}, {bound.name(item)}: the value is {float(array[r][item])!r}; "
                    f"give a number{bound.wanted(item)} in {_UNITS[what]}"
                )

    def sound(self, bounds: Bounds) -> np.ndarray:
        """(rounds,) bool, whether all numbers of a round are within bounds."""
        sound = np.ones(len(self), dtype=bool)
        for what, bound in bounds.items():
            values = getattr(self, what)
            if values is not None:
                sound &= bound.admits(values).reshape(len(self), -1).all(axis=1)
        return sound


@dataclass(frozen=True, eq=False)
class Bound:
    """What numbers an array of rounds may hold.

    Attributes
    ----------
    name : words for an item of a round's row.
    low : least value, for all items or of each; None where there is none.
    infinite : whether a value may be infinite.
    """

    name: Callable[[tuple[int, ...]], str]
    low: np.ndarray | None = None
    infinite: bool = False

    def admits(self, array: np.ndarray) -> np.ndarray:
        """Where the numbers are such."""
        good = np.logical_not(np.isnan(array)) if self.infinite else np.isfinite(array)
        return good if self.low is None else np.logical_and(good, array >= self.low)

    def wanted(self, item: tuple[int, ...]) -> str:
        """How a message asks for the least value of an item."""
        return "" if self.low is None else f" of at least {self.low[item if self.low.ndim else ()]:g}"


Bounds = Mapping[str, Bound]


def doubles(values: object, what: str) -> np.ndarray:
    """What was given for one of the arrays, as numbers."""
    if np.ma.is_masked(values):
        raise InputError(
            f"array '{what}' has masked entries, which are no numbers; fill them with {_UNITS[what]}"
        )
    try:
        if np.asarray(values).dtype.kind in "cmM":  # the imaginary part would be lost, a time's unit too
            raise TypeError
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"array '{what}' does not hold numbers; give {_UNITS[what]}") from None


def rows_of(array: np.ndarray, what: str, shape: tuple[int, ...], rounds: int) -> np.ndarray:
    """`array` as (rounds, *shape)."""
    if array.shape == (rounds, *shape):
        return array
    if array.shape != shape:
        raise InputError(
            f"array '{what}' has shape {array.shape}; give {shape}, or ({rounds}, "
            f"{', '.join(map(str, shape))}) for {rounds} rounds"
        )
    return array[None] if rounds == 1 else np.broadcast_to(array, (rounds, *shape))


def once(values: np.ndarray) -> np.ndarray:
    """The rows that memory holds: one where one is broadcast to all."""
    return values[:1] if values.strides[0] == 0 else values
