"""Benchmarks of a finite game by enumeration: pure equilibria, regrets, best-response paths, joint optimum.

A learned price above cost proves nothing by itself: static Nash already exceeds cost. These are the lines
against which learning is judged.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from learners.games.game import PayoffTensor, one_profile, tabulate
from learners.protocols import PayoffSource
from networks.checks import whole

SAME_PAYOFF = 1e-9  # of the player's own greatest payoff: differences below it are rounding, hence ties


@dataclass(frozen=True, eq=False)
class PureEquilibrium:
    """A profile in which nobody gains by changing alone.

    Attributes
    ----------
    profile : action indices of the players.
    labels : what the actions are called.
    payoffs : (players,) [$].
    margins : (players,) payoff less that of the player's best other action; 0 where another pays the same
        (such as every bid below the price of a seller at its capacity) [$].
    strict : whether every margin exceeds the tolerance.
    """

    profile: tuple[int, ...]
    labels: tuple[object, ...]
    payoffs: np.ndarray
    margins: np.ndarray
    strict: bool


def regrets(source: PayoffSource) -> np.ndarray:
    """(players, *actions) what each player would gain by its best reply to the others [$]."""
    values = tabulate(source).values
    return np.stack([v.max(axis=i, keepdims=True) - v for i, v in enumerate(values)])


def pure_equilibria(source: PayoffSource, tolerance: float = SAME_PAYOFF) -> tuple[PureEquilibrium, ...]:
    """All pure Nash equilibria, in the order of their action indices.

    Parameters
    ----------
    tolerance : a player's gains below this share of its own greatest payoff (1 $ at least) are ties.

    Examples
    --------
    >>> dilemma = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
    >>> [e.profile for e in pure_equilibria(dilemma)]
    [(1, 1)]
    """
    tensor = tabulate(source)
    slack = rounding_of(tensor.values, tolerance)
    regret = regrets(tensor)
    margin = np.stack([_margins(v, i) for i, v in enumerate(tensor.values)])
    found = []
    for place in np.argwhere((slack >= regret.T).all(axis=-1).T).tolist():
        at: tuple[slice | int, ...] = (slice(None), *place)
        labels = tuple(names[a] for names, a in zip(tensor.labels, place, strict=True))
        strict = bool((margin[at] > slack).all())
        found.append(PureEquilibrium(tuple(place), labels, tensor.values[at], margin[at], strict))
    return tuple(found)


def rounding_of(values: np.ndarray, tolerance: float = SAME_PAYOFF) -> np.ndarray:
    """(players,) what is rounding in each player's payoffs (players, ...): a share of its own greatest [$].

    Players may be of unlike size; what a household gains is no rounding because a plant earns more. Of
    payoffs below 1 $ it is the share of 1 $, since a difference of two sums of money may be all rounding.
    """
    return tolerance * np.maximum(1.0, np.abs(values).reshape(len(values), -1).max(axis=1))


def _margins(values: np.ndarray, axis: int) -> np.ndarray:
    """Payoff less that of the best other action along an axis; inf where there is no other."""
    if values.shape[axis] == 1:
        return np.full(values.shape, np.inf)
    two = np.partition(values, -2, axis=axis)
    best, second = (np.take(two, [k], axis=axis) for k in (-1, -2))
    first = values.argmax(axis=axis)
    is_first = np.expand_dims(first, axis) == _index_along(values.shape, axis)
    return np.where(is_first, values - second, values - best)


def _index_along(shape: tuple[int, ...], axis: int) -> np.ndarray:
    return np.arange(shape[axis]).reshape([-1 if k == axis else 1 for k in range(len(shape))])


@dataclass(frozen=True)
class JointOptimum:
    """The profile of greatest total payoff: what perfect collusion with side payments could reach."""

    profile: tuple[int, ...]
    labels: tuple[object, ...]
    payoffs: np.ndarray
    total: float


def joint_optimum(source: PayoffSource, tolerance: float = SAME_PAYOFF) -> JointOptimum:
    """The profile of greatest total payoff; among equals the one of lowest action indices."""
    tensor = tabulate(source)
    total = tensor.values.sum(axis=0)
    slack = tolerance * max(1.0, float(np.abs(total).max()))
    place = tuple(np.argwhere(total >= total.max() - slack)[0].tolist())
    labels = tuple(names[a] for names, a in zip(tensor.labels, place, strict=True))
    payoffs = tensor.values[(slice(None), *place)]
    return JointOptimum(place, labels, payoffs, float(total[place]))


@dataclass(frozen=True, eq=False)
class BestResponsePath:
    """Players who in turn move to a best reply.

    Attributes
    ----------
    profiles : (moves + 1, players) action indices from the start on; a turn in which a player stays is no
        move. A cycle's first profile stands at its end again.
    converged : whether the last profile is an equilibrium.
    cycle : (length, players) the profiles that repeat, None where it converged or nothing repeated in time.
    """

    profiles: np.ndarray
    converged: bool
    cycle: np.ndarray | None

    @property
    def moves(self) -> int:
        """Number of moves."""
        return len(self.profiles) - 1


def best_response_path(
    source: PayoffSource,
    start: Sequence[int],
    order: Sequence[int] | None = None,
    rounds: int = 10_000,
    tolerance: float = SAME_PAYOFF,
) -> BestResponsePath:
    """Sequential best response from a start.

    A player stays where no reply gains more than the tolerance (a share of its own greatest payoff), and
    takes the lowest of equal best replies.

    Parameters
    ----------
    order : players in turn, `(0, 1, ...)` by default.
    rounds : rounds of turns after which the search ends.
    """
    tensor = tabulate(source)
    slack = rounding_of(tensor.values, tolerance)
    turns = tuple(range(len(tensor.players))) if order is None else tuple(order)
    profile = one_profile(tensor, start, "start")
    for player in turns:
        whole("order: player", player, 0, len(tensor.players) - 1)
    rounds = whole("rounds", rounds)
    path, seen, quiet = [tuple(profile)], {(tuple(profile), 0): 0}, 0
    for turn in range(rounds * len(turns)):
        player = turns[turn % len(turns)]
        at: tuple[slice | int, ...] = (player, *profile[:player], slice(None), *profile[player + 1 :])
        pays = tensor.values[at]
        if pays.max() > pays[profile[player]] + slack[player]:
            profile[player] = int(np.flatnonzero(pays >= pays.max() - slack[player])[0])
            path.append(tuple(profile))
            quiet = 0
        else:
            quiet += 1
            if quiet >= len(turns):
                return BestResponsePath(np.array(path), True, None)
        key = (tuple(profile), (turn + 1) % len(turns))
        if quiet == 0 and key in seen:
            cycle = np.array(path[seen[key] : -1])
            return BestResponsePath(np.array(path), False, cycle)
        if quiet == 0:
            seen[key] = len(path) - 1
    return BestResponsePath(np.array(path), False, None)


@dataclass(frozen=True)
class EdgeworthCycle:
    """Prices that fall in small steps and jump back up.

    Attributes
    ----------
    period : profiles until the sequence repeats.
    low, high : least and greatest price in it.
    rises, falls : how many steps of the lowest price go up and down.
    """

    period: int
    low: float
    high: float
    rises: int
    falls: int


def repeated_part(sequence: Sequence[Hashable]) -> tuple[int, int] | None:
    """(start, period) of the shortest period in which a finite sequence ends, seen at least twice in full."""
    last = len(sequence) - 1
    for period in range(1, len(sequence) // 2 + 1):
        k = last - period
        while k >= 0 and sequence[k] == sequence[k + period]:
            k -= 1
        if last - period - k >= period:
            return k + 1, period
    return None


def edgeworth_cycle(prices: np.ndarray) -> EdgeworthCycle | None:
    """The Edgeworth cycle in which prices (rounds, players) end, or None.

    The sequence has to repeat exactly, and its lowest price has to fall at least twice as often as it rises.
    """
    prices = np.asarray(prices, dtype=float)
    if prices.ndim != 2:
        raise InputError(f"prices have shape {prices.shape}; give (rounds, players)")
    part = repeated_part([tuple(row) for row in prices.tolist()])
    if part is None or part[1] == 1:
        return None
    cycle = prices[part[0] : part[0] + part[1]]
    lowest = cycle.min(axis=1)
    step = np.diff(np.append(lowest, lowest[0]))
    rises, falls = int((step > 0).sum()), int((step < 0).sum())
    if rises == 0 or falls < 2 * rises:
        return None
    return EdgeworthCycle(part[1], float(lowest.min()), float(cycle.max()), rises, falls)


def competitive_profile(tensor: PayoffTensor, truthful: Sequence[object]) -> tuple[int, ...]:
    """Action indices of the truthful labels, such as mark-ups of 0."""
    place = []
    for player, names, label in zip(tensor.players, tensor.labels, truthful, strict=True):
        if label not in names:
            raise InputError(f"player {player!r} has no action {label!r}; its actions are {names}")
        place.append(names.index(label))
    return tuple(place)
