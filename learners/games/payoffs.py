"""Who plays and what they earn: generators, retailers and prosumers, from cleared rounds.

Every payoff is $ over the book's periods, computed for a whole batch of rounds at once. The book given to
a game holds true costs and values: what an offer adds to them is strategy.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from clearing.book import BUY, SELL
from clearing.errors import InputError
from learners.games.moves import Columns

Pricing = Literal["lmp", "pay_as_bid"]


@dataclass(frozen=True, eq=False)
class Cleared:
    """A batch of cleared rounds of one game.

    Attributes
    ----------
    columns : the book at true costs and values.
    price : (batch, columns) what the orders asked or bid [$/MWh].
    accepted : (batch, columns) [MW].
    lmp : (batch, buses, periods) [$/MWh].
    fixed_mw : (batch, loads, periods) fixed demand that was served [MW].
    pricing : "lmp", or "pay_as_bid" where every order pays or earns its own price.
    """

    columns: Columns
    price: np.ndarray
    accepted: np.ndarray
    lmp: np.ndarray
    fixed_mw: np.ndarray
    pricing: Pricing = "lmp"

    @property
    def paid(self) -> np.ndarray:
        """(batch, columns) money of each order [$/h]: what a sale earns, what a purchase costs."""
        c, p = self.columns, self.accepted
        if self.pricing == "lmp":
            return self.lmp[:, c.bus, c.period] * p
        return (self.price + 0.5 * c.side * c.slope * p) * p

    @property
    def worth(self) -> np.ndarray:
        """(batch, columns) true cost of each sale and true value of each purchase [$/h]."""
        c, p = self.columns, self.accepted
        return (c.price + 0.5 * c.side * c.slope * p) * p

    @property
    def surplus(self) -> np.ndarray:
        """(batch, columns) gain of each order over its true cost or value [$/h]."""
        return self.columns.side * (self.paid - self.worth)

    @property
    def mean_price(self) -> np.ndarray:
        """(batch,) LMP weighted by served demand [$/MWh], the plain mean where nothing is served."""
        c = self.columns
        served = np.maximum(c.at_buses(self.fixed_mw), 0.0)
        for k in np.flatnonzero(c.demand).tolist():
            served[:, c.bus[k], c.period[k]] += self.accepted[:, k]
        total = served.sum(axis=(1, 2))
        money = (served * self.lmp).sum(axis=(1, 2))
        return np.where(total > 0, money / np.where(total > 0, total, 1.0), self.lmp.mean(axis=(1, 2)))

    @property
    def fixed_paid(self) -> np.ndarray:
        """(batch, loads, periods) what fixed demand pays [$/h]."""
        return self.lmp[:, self.columns.load_bus] * self.fixed_mw

    @property
    def true_welfare(self) -> np.ndarray:
        """(batch,) true value of purchases less true cost of sales [$]."""
        return -(self.columns.side * self.worth).sum(axis=1) * self.columns.book.hours


@runtime_checkable
class Player(Protocol):
    """What a player owns, and what a cleared round pays it."""

    def owned(self, columns: Columns) -> np.ndarray:
        """(columns,) the player's orders."""
        ...

    def earn(self, cleared: Cleared, own: np.ndarray, interrupted_mwh: np.ndarray) -> np.ndarray:
        """(batch,) payoff [$]; `interrupted_mwh` (batch,) is what its actions interrupted [MW × periods]."""
        ...


@dataclass(frozen=True)
class Genco:
    """A generator's profit, revenue less true cost.

    Under "lmp" (LMP − MC)·P, under "pay_as_bid" (offer − MC)·P.

    Attributes
    ----------
    labels : participants, units or orders that it owns; their purchases are left out.
    """

    labels: tuple[Hashable, ...]

    def __init__(self, *labels: Hashable):
        object.__setattr__(self, "labels", labels)

    def owned(self, columns: Columns) -> np.ndarray:
        """(columns,) the generator's sales."""
        own = columns.owned(self.labels) & (columns.side == SELL)
        if not own.any():
            raise InputError(f"player: {', '.join(map(repr, self.labels))} sells nothing in the book")
        return own

    def earn(self, cleared: Cleared, own: np.ndarray, interrupted_mwh: np.ndarray) -> np.ndarray:
        """(batch,) profit [$]."""
        return cleared.surplus[:, own].sum(axis=1) * cleared.columns.book.hours


@dataclass(frozen=True)
class Prosumer:
    """Profit from sales plus value of purchases less what they cost; own labels as in :class:`Genco`."""

    labels: tuple[Hashable, ...]

    def __init__(self, *labels: Hashable):
        object.__setattr__(self, "labels", labels)

    def owned(self, columns: Columns) -> np.ndarray:
        """(columns,) the prosumer's orders on both sides."""
        return columns.owned(self.labels)

    def earn(self, cleared: Cleared, own: np.ndarray, interrupted_mwh: np.ndarray) -> np.ndarray:
        """(batch,) surplus [$]."""
        return cleared.surplus[:, own].sum(axis=1) * cleared.columns.book.hours


@dataclass(frozen=True)
class Disco:
    """A retailer's margin on the demand that it serves, or what serving costs it.

    "margin": Σ (retail − LMP)·served − interruption cost·interrupted, which is what the utilities of
    540 and 560 $ published for three nodes are. "cost": −Σ LMP·served − interruption cost·interrupted
    (Energies 2017, 10, 2045, section 2.4, as printed).

    Attributes
    ----------
    bus, load : the bus whose fixed demand it serves, or the one load; neither for bids only.
    retail_price : what its customers pay [$/MWh].
    interruption_cost : what it pays for interrupted demand [$/MWh].
    objective : "margin" or "cost".
    labels : participants, units or orders whose purchases are its bids.
    """

    bus: Hashable | None = None
    retail_price: float = 0.0
    interruption_cost: float = 0.0
    objective: Literal["margin", "cost"] = "margin"
    labels: tuple[Hashable, ...] = ()
    load: Hashable | None = None

    def __post_init__(self) -> None:
        if self.objective not in ("margin", "cost"):
            raise InputError(f"disco: objective is {self.objective!r}; use 'margin' or 'cost'")
        if self.bus is None and self.load is None and not self.labels:
            raise InputError("disco: give the bus or load whose demand it serves, or the labels of its bids")

    def owned(self, columns: Columns) -> np.ndarray:
        """(columns,) the retailer's purchases."""
        self._serves(columns)
        return columns.owned(self.labels) & (columns.side == BUY)

    def earn(self, cleared: Cleared, own: np.ndarray, interrupted_mwh: np.ndarray) -> np.ndarray:
        """(batch,) margin, or cost with a minus sign [$]."""
        retail = self.retail_price if self.objective == "margin" else 0.0
        gain = (retail * cleared.accepted - cleared.paid)[:, own].sum(axis=1)
        own_loads = self._serves(cleared.columns)
        price = cleared.lmp[:, cleared.columns.load_bus[own_loads]]
        gain += ((retail - price) * cleared.fixed_mw[:, own_loads]).sum(axis=(1, 2))
        return (gain - self.interruption_cost * interrupted_mwh) * cleared.columns.book.hours

    def _serves(self, columns: Columns) -> np.ndarray:
        """Positions of its loads."""
        none = self.bus is None and self.load is None
        return np.zeros(0, dtype=np.int64) if none else columns.loads_of(self.load, self.bus)


def player_of(given: Player | Hashable | tuple[Hashable, ...]) -> Player:
    """A label, or a tuple of labels, stands for the generator that owns them."""
    if isinstance(given, Player):
        return given
    return Genco(*given) if isinstance(given, (tuple, list)) else Genco(given)
