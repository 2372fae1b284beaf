"""What rounds of arrays are made of: checked rows in, a batch of outcomes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np


class Status(IntEnum):
    """How a round ended; all but OPTIMAL leave NaN in its rows."""

    OPTIMAL = 0
    INFEASIBLE = 1
    UNBOUNDED = 2
    TIME_LIMIT = 3
    NUMERICAL = 4


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


def once(values: np.ndarray) -> np.ndarray:
    """The rows that memory holds: one where one is broadcast to all."""
    return values[:1] if values.strides[0] == 0 else values
