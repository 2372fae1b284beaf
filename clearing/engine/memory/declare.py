"""How a field of the engine's store is declared: its name, its memory, whose it is, and what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from clearing.engine.linalg.simd import LANES

MOST_LAYERS = 8
FEW = 32  # places of `changed_columns`
LOCAL = 16  # columns and buses that a direction of the duals may move and still be listed

# whose a field is
MARKET = "market"  # written when the engine is built, the same in every workspace
THREAD = (
    "thread"  # of one workspace, which one call has at a time: goes from round to round, shows in no result
)
ROUND = "round"  # numbers and outcome of the round that is solved
EIGHT = "eight"  # of up to eight rounds that wait for their proof, one place each

FLOAT, INT, INDEX = "float", "int", "index"  # numba tests every signed index for its sign


def padded(count: int, by: int = LANES) -> int:
    """The next multiple of a width."""
    return -(-int(count) // by) * by


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of a store, which compiled code reads as numbers of the same names."""

    orders: int
    columns: int
    buses: int
    lines: int
    islands: int
    row_capacity: int
    slot_capacity: int
    angles: int  # buses without the reference buses
    factor_lower_entries: int
    factor_upper_entries: int
    components: int  # islands that links join are one
    balances: int  # balance rows: islands with an order
    sites: int
    order_sites: int
    links: int
    layers: int
    one_site_per_bus: int  # 1 where each bus has one site at most, and there are no links
    bus_width: int  # buses, padded

    def array(self) -> np.ndarray:
        """The sizes in order."""
        return np.array([getattr(self, field.name) for field in fields(self)], dtype=np.int64)


class Field(NamedTuple):
    """One name of one array or number."""

    name: str
    whose: str
    what: str


class Block(NamedTuple):
    """Arrays of one shape that lie one behind the other; several fields in one place share it."""

    kind: str
    shape: Callable[[Sizes], tuple[int, ...]]
    places: list[tuple[Field, ...]]


def own(name: str, whose: str, what: str) -> tuple[Field, ...]:
    """A field with memory of its own."""
    return (Field(name, whose, what),)


def lent(*names: tuple[str, str], whose: str = ROUND) -> tuple[Field, ...]:
    """Memory under the names that its users give it; only what is of the thread outlives the round, see
    `fields`.
    """
    return tuple(Field(name, whose, what) for name, what in names)
