"""What rounds of arrays are made of: checked rows in, a batch of outcomes out."""

from __future__ import annotations

from collections.abc import Callable
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


def doubles(values: object, what: str) -> np.ndarray:
    """What was given for one of the arrays, as numbers."""
    try:
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


def check_rows(
    values: np.ndarray | None,
    what: str,
    name: Callable[[tuple[int, ...]], str],
    low: float | np.ndarray | None = None,
    infinite: bool = False,
) -> None:
    """Refuse the first number below `low` or not finite (`infinite`: only NaN), by round and name."""
    if values is None:
        return
    array = once(values)
    good = _admitted(array, low, infinite)
    if not good.all():
        r, *rest = np.argwhere(~good)[0].tolist()
        item = tuple(rest)
        bound = "" if low is None else f" of at least {np.broadcast_to(low, array.shape[1:])[item]:g}"
        raise InputError(
            f"array '{what}', round {r}, {name(item)}: the value is {float(array[r][item])!r}; "
            f"give a number{bound} in {_UNITS[what]}"
        )


def sound_rows(
    values: np.ndarray | None, low: float | np.ndarray | None = None, infinite: bool = False
) -> np.ndarray | bool:
    """(rounds,) whether :func:`check_rows` would let each row pass."""
    if values is None:
        return True
    good: np.ndarray = _admitted(values, low, infinite).reshape(len(values), -1).all(axis=1)
    return good


def _admitted(array: np.ndarray, low: float | np.ndarray | None, infinite: bool) -> np.ndarray:
    good: np.ndarray = np.isfinite(array)
    if infinite:
        good = np.logical_not(np.isnan(array))
    return good if low is None else good & (array >= low)


def once(values: np.ndarray) -> np.ndarray:
    """The rows that memory holds: one where one is broadcast to all."""
    return values[:1] if values.strides[0] == 0 else values
