"""What a participant may do: sets of actions, as effects on its part of a book (see `moves`)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Protocol, runtime_checkable

import numpy as np

from clearing.book import BUY, SELL
from clearing.errors import InputError
from learners.games.moves import Columns, Effects, Moves
from networks.checks import suggest


class ActionSet(Protocol):
    """A finite set of actions of one player."""

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """What the actions add to the book, `own` (columns,) being the player's orders."""
        ...


@runtime_checkable
class Line(ActionSet, Protocol):
    """Actions that lie on a line: numbers, between which one may choose any other."""

    @property
    def span(self) -> tuple[float, float]: ...

    def along(self, columns: Columns, own: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What numbers (n,) add to prices and to MW, (n, columns) each; piecewise affine."""
        ...

    def bends(self, columns: Columns, own: np.ndarray) -> tuple[float, ...]:
        """Numbers at which it changes its slope."""
        ...


@dataclass(frozen=True)
class Markups:
    """Sales offered above cost, by an amount [$/MWh] or, with `relative`, by a share of the price."""

    values: tuple[float, ...]
    relative: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _numbers("mark-ups", self.values))

    @property
    def span(self) -> tuple[float, float]:
        """Least and greatest mark-up."""
        return min(self.values), max(self.values)

    def along(self, columns: Columns, own: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What any mark-ups (n,), of the set or between, add to prices and to MW, (n, columns) each."""
        unit = np.where(own & (columns.side == SELL), columns.price if self.relative else 1.0, 0.0)
        price = np.multiply.outer(np.asarray(values, dtype=float), unit)
        return price, np.zeros_like(price)

    def bends(self, columns: Columns, own: np.ndarray) -> tuple[float, ...]:
        """Mark-ups at which the effect changes its slope: none."""
        return ()

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """Prices raised by each mark-up."""
        none = Effects.none(self.values, columns)
        return replace(none, price=self.along(columns, own, np.array(self.values))[0])


@dataclass(frozen=True)
class Withholding:
    """Sales of which a share (0 to 1) is withheld, never below the minimum output.

    An offer of φ of the capacity, as gencos make in two-sided collusion (Energies 2017, 10, 2045,
    eqs. (5) and (6)), withholds 1 − φ.
    """

    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "shares", _numbers("withheld shares", self.shares, 0.0, 1.0))

    @property
    def span(self) -> tuple[float, float]:
        """Least and greatest share."""
        return min(self.shares), max(self.shares)

    def along(self, columns: Columns, own: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What any shares (n,), of the set or between, add to prices and to MW, (n, columns) each."""
        sold = own & (columns.side == SELL)
        kept = np.maximum(np.multiply.outer(1 - np.asarray(values, dtype=float), columns.mw), columns.min_mw)
        mw = np.where(sold, kept - columns.mw, 0.0)
        return np.zeros_like(mw), mw

    def bends(self, columns: Columns, own: np.ndarray) -> tuple[float, ...]:
        """Shares at which a unit reaches its minimum output."""
        held = own & (columns.side == SELL) & (columns.min_mw > 0) & (columns.mw > 0)
        return tuple(np.unique(1 - columns.min_mw[held] / columns.mw[held]).tolist())

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """MW taken from the player's sales."""
        none = Effects.none(self.shares, columns)
        return replace(none, mw=self.along(columns, own, np.array(self.shares))[1])


@dataclass(frozen=True)
class OfferPrices:
    """All the player's sales at one price out of a grid of prices [$/MWh]."""

    prices: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "prices", _numbers("offer prices", self.prices))

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """Prices moved from cost to the posted ones."""
        none = Effects.none(self.prices, columns)
        moved = np.array(self.prices)[:, None] - columns.price
        return replace(none, price=np.where(own & (columns.side == SELL), moved, 0.0))


@dataclass(frozen=True)
class OfferQuantities:
    """The MW that a player offers at cost, by its one sale in each period; what is left is withheld."""

    mw: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "mw", _numbers("offer quantities", self.mw, 0.0))

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """MW moved from the capacity to those offered; more than it, or less than a minimum, is refused."""
        none, sold = Effects.none(self.mw, columns), own & (columns.side == SELL)
        if not sold.any() or len(np.unique(columns.period[sold])) < int(sold.sum()):
            raise InputError("offer quantities: the player has no sale, or several in a period")
        low, high = float(columns.min_mw[sold].max()), float(columns.mw[sold].min())
        if min(self.mw) < low or max(self.mw) > high:
            raise InputError(f"offer quantities {self.mw} MW; give numbers from {low:g} to {high:g} MW")
        return replace(none, mw=np.where(sold, np.array(self.mw)[:, None] - columns.mw, 0.0))


@dataclass(frozen=True)
class Bids:
    """Purchases of a share `mu` of the quantity at `eta` times the value; one action per pair."""

    mu: tuple[float, ...] = (1.0,)
    eta: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mu", _numbers("bid quantities mu", self.mu, 0.0, 1.0))
        object.__setattr__(self, "eta", _numbers("bid prices eta", self.eta))

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """MW and prices of the player's purchases scaled; `mu` runs slowest."""
        pairs = list(product(self.mu, self.eta))
        none, bought = Effects.none(pairs, columns), own & (columns.side == BUY)
        mu, eta = np.array(pairs).T
        kept = np.maximum(np.multiply.outer(mu, columns.mw), columns.min_mw)
        return replace(
            none,
            mw=np.where(bought, kept - columns.mw, 0.0),
            price=np.where(bought, np.multiply.outer(eta - 1, columns.price), 0.0),
        )


@dataclass(frozen=True)
class Interruptions:
    """Fixed demand of the load at a bus, or of one by name, reduced by some MW in all or named periods."""

    mw: tuple[float, ...]
    bus: Hashable | None = None
    periods: tuple[int, ...] | None = None
    load: Hashable | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "mw", _numbers("interruptions", self.mw, 0.0))

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """Fixed demand taken away; more than there is is refused."""
        none, at = Effects.none(self.mw, columns), columns.loads_of(self.load, self.bus)
        if len(at) != 1:
            names = ", ".join(str(columns.loads[k]) for k in at) or "no load"
            raise InputError(f"interruptions at bus {self.bus!r}: it has {names}; name one with load=")
        chosen = list(range(columns.book.periods)) if self.periods is None else list(self.periods)
        least = float(columns.fixed_mw[at[0], chosen].min())
        if max(self.mw) > least:
            raise InputError(
                f"interruptions of load {columns.loads[at[0]]!r}: {max(self.mw):g} MW is more than its fixed "
                f"demand of {least:g} MW; interrupt less"
            )
        fixed = none.fixed_mw.copy()
        fixed[:, at[0], chosen] = -np.array(self.mw)[:, None]
        return replace(none, fixed_mw=fixed)


@dataclass(frozen=True)
class Combined:
    """Every combination of several sets, such as mark-ups with withholding; the last runs fastest."""

    sets: tuple[ActionSet, ...]

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """Effects added; two sets that move the same prices or MW are refused."""
        parts = [s.effects(columns, own) for s in self.sets]
        for name in ("price", "mw", "fixed_mw"):
            moved = sum((getattr(p, name) != 0).any(axis=0).astype(int) for p in parts)
            if np.any(np.asarray(moved) > 1):
                raise InputError(f"combined actions: two sets move the same {name}; keep one of them")
        picks = np.indices([len(p.labels) for p in parts]).reshape(len(parts), -1)
        return Effects(
            labels=tuple(product(*(p.labels for p in parts))),
            price=np.sum([p.price[k] for p, k in zip(parts, picks, strict=True)], axis=0),
            mw=np.sum([p.mw[k] for p, k in zip(parts, picks, strict=True)], axis=0),
            fixed_mw=np.sum([p.fixed_mw[k] for p, k in zip(parts, picks, strict=True)], axis=0),
        )


@dataclass(frozen=True)
class DayPlans:
    """One action of `step` in each period of the book, as one joint action.

    Plans whose offered MW change by more than `ramp_mw` from one period to the next are left out; so are
    those whose first offer is further than that from `previous_mw`, where it is given. The limit is one on
    offers, not on dispatch (Energies 2017, 10, 2045, eq. (6)).
    """

    step: ActionSet
    ramp_mw: float = np.inf
    previous_mw: float | None = None

    def effects(self, columns: Columns, own: np.ndarray) -> Effects:
        """Each step's effect in its own period only."""
        step, periods = self.step.effects(columns, own), columns.book.periods
        offered = [_offered(columns, own, step, t) for t in range(periods)]
        allowed = [feasible_steps(a, b, self.ramp_mw) for a, b in pairwise(offered)]
        start = np.ones(len(step.labels), dtype=bool)
        if self.previous_mw is not None:
            start = feasible_steps(np.array([self.previous_mw]), offered[0], self.ramp_mw)[0]
        plans = feasible_plans(start, allowed)
        if len(plans) == 0:
            raise InputError(f"day plans: a ramp of {self.ramp_mw:g} MW allows none; raise it")
        t = np.arange(periods)
        return Effects(
            labels=tuple(tuple(step.labels[a] for a in plan) for plan in plans.tolist()),
            price=step.price[plans[:, columns.period], np.arange(len(columns.price))],
            mw=step.mw[plans[:, columns.period], np.arange(len(columns.price))],
            fixed_mw=step.fixed_mw[plans, :, t].transpose(0, 2, 1),
        )


def players_by_name(players: Mapping[str, object] | Sequence[Hashable]) -> dict[str, object]:
    """Players by name; a list of labels names its players after them."""
    named = dict(players) if isinstance(players, Mapping) else {str(p): p for p in players}
    if not named:
        raise InputError("players: a game needs at least one")
    return named


def actions_by_player(
    actions: ActionSet | Mapping[str, ActionSet], players: Sequence[str]
) -> tuple[ActionSet, ...]:
    """The action set of each player: one for all, or one by name."""
    if not isinstance(actions, Mapping):
        return (actions,) * len(players)
    for name in players:
        if name not in actions:
            words = f"player {name!r} has none{suggest(name, actions)}; name one set for each"
            raise InputError(f"actions: {words}")
    return tuple(actions[name] for name in players)


def moves_of(columns: Columns, own: Sequence[np.ndarray], actions: Sequence[ActionSet]) -> Moves:
    """What the players' actions add to the book; an order of two players is refused."""
    shared = np.flatnonzero(np.sum(own, axis=0) > 1)
    if len(shared):
        order = columns.book.orders[columns.book.column_row[shared[0]]]
        raise InputError(f"players: order {order!r} belongs to two players")
    return Moves(columns, tuple(a.effects(columns, mine) for a, mine in zip(actions, own, strict=True)))


def feasible_steps(now_mw: np.ndarray, next_mw: np.ndarray, ramp_mw: float) -> np.ndarray:
    """(actions now, actions next) whether the offered MW change by no more than the ramp limit."""
    change = np.abs(np.subtract.outer(np.asarray(now_mw, float), np.asarray(next_mw, float)))
    return change <= ramp_mw * (1 + 1e-12)


def feasible_plans(start: np.ndarray, allowed: Sequence[np.ndarray]) -> np.ndarray:
    """(plans, periods) every sequence of actions that the masks allow, the last period running fastest."""
    plans = np.flatnonzero(start)[:, None]
    for mask in allowed:
        rows, following = np.nonzero(mask[plans[:, -1]])
        plans = np.column_stack([plans[rows], following])
    return plans


def _offered(columns: Columns, own: np.ndarray, step: Effects, t: int) -> np.ndarray:
    """(actions,) MW that the player offers or bids in period t."""
    chosen = own & (columns.period == t)
    return (columns.mw + step.mw)[:, chosen].sum(axis=1)


def _numbers(
    what: str, values: Sequence[float], low: float = -np.inf, high: float = np.inf
) -> tuple[float, ...]:
    """Checked numbers of an action set."""
    array = np.atleast_1d(np.asarray(values, dtype=float))
    if array.ndim != 1 or len(array) == 0:
        raise InputError(f"{what}: give a list of at least one number")
    good = np.isfinite(array) & (array >= low) & (array <= high)
    if not good.all():
        bound = (
            "" if np.isinf(low) else f" from {low:g} to {high:g}" if np.isfinite(high) else " of at least 0"
        )
        raise InputError(f"{what}: {array[~good].tolist()[0]!r} is not allowed; give a finite number{bound}")
    return tuple(array.tolist())
