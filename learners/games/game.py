"""The tabulated form of a game, and profiles of actions as callers give them.

A payoff source (:class:`learners.protocols.PayoffSource`) says who plays, how many actions each player has,
and what a profile of actions pays. Learners, equilibria and deviation tests know nothing else; whether the
numbers come from a formula, a table or exact clearings of a network market is the source's own business
(:mod:`learners.games.payoffs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from clearing.errors import InputError
from learners.protocols import PayoffSource, action_labels, signalling
from networks.checks import real_array, shown


@dataclass(frozen=True, eq=False)
class PayoffTensor:
    """Every profile's payoffs as one array; a round is one gather.

    Attributes
    ----------
    values : (players, *actions) payoff of each player in each profile [$].
    players : names; 'player 1', 'player 2', ... by default.
    labels : per player the names of its actions (mark-ups, prices); indices by default.
    signal_values : (signals, *actions), such as the price of each profile.
    signal_names : (signals,) what they are.
    """

    values: np.ndarray
    players: tuple[str, ...] = ()
    labels: tuple[tuple[object, ...], ...] = ()
    signal_values: np.ndarray | None = None
    signal_names: tuple[str, ...] = ()
    _flat: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = real_array("values", self.values)
        count = len(values) if values.ndim else 0
        if count == 0 or values.ndim != count + 1 or 0 in values.shape:
            raise InputError(
                f"payoff tensor has shape {values.shape}; give (players, actions of player 1, ...), "
                "one axis of actions per player"
            )
        if not np.isfinite(values).all():
            place = tuple(np.argwhere(~np.isfinite(values))[0].tolist())
            raise InputError(
                f"payoff of player {place[0]} in profile {place[1:]} is {shown(values[place])}; "
                "give a number in $"
            )
        players = tuple(self.players) or tuple(f"player {i + 1}" for i in range(count))
        if len(players) != count or len(set(players)) != count:
            raise InputError(
                f"payoff tensor has {count} players, but the names are {players}; give {count} distinct"
            )
        labels = tuple(map(tuple, self.labels)) or tuple(tuple(range(n)) for n in values.shape[1:])
        if tuple(map(len, labels)) != values.shape[1:]:
            raise InputError(
                f"labels name {tuple(map(len, labels))} actions, the tensor has "
                f"{values.shape[1:]}; name each action once"
            )
        values.flags.writeable = False
        flat = values.reshape(count, -1).T.copy()
        flat.flags.writeable = False
        for name, value in (("values", values), ("players", players), ("labels", labels), ("_flat", flat)):
            object.__setattr__(self, name, value)
        if self.signal_values is not None:
            signals = np.array(self.signal_values, dtype=float)
            if signals.shape != (len(self.signal_names), *values.shape[1:]):
                raise InputError(
                    f"signals have shape {signals.shape}; give {(len(self.signal_names), *values.shape[1:])}"
                )
            signals.flags.writeable = False
            object.__setattr__(self, "signal_values", signals)

    @property
    def actions(self) -> tuple[int, ...]:
        """Number of actions of each player."""
        return self.values.shape[1:]

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs (batch, players) [$] of action indices (batch, players)."""
        return self._flat[self._index(profiles)]

    def signals(self, profiles: np.ndarray) -> np.ndarray:
        """Signals (batch, signals) of action indices (batch, players)."""
        if self.signal_values is None:
            raise InputError("this payoff tensor holds no signals; build it with signal_values")
        return self.signal_values.reshape(len(self.signal_names), -1).T[self._index(profiles)]

    def _index(self, profiles: np.ndarray) -> np.ndarray:
        return np.ravel_multi_index(tuple(action_indices(self, profiles).T), self.actions)


class EvaluatedGame:
    """Base of games that find payoffs and signals of a profile together, by `evaluate`."""

    players: tuple[str, ...]
    actions: tuple[int, ...]
    labels: tuple[tuple[object, ...], ...]
    signal_names: tuple[str, ...]

    def evaluate(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs and signals side by side, (batch, players + signals)."""
        raise NotImplementedError

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs (batch, players) [$] of action indices (batch, players)."""
        return self.evaluate(profiles, rng)[:, : len(self.players)]

    def signals(self, profiles: np.ndarray) -> np.ndarray:
        """Signals (batch, signals) of action indices (batch, players)."""
        return self.evaluate(profiles)[:, len(self.players) :]

    def tensor(self) -> PayoffTensor:
        """Every profile, evaluated once."""
        table, count = (
            self.evaluate(profiles_of(self.actions)).T.reshape(-1, *self.actions),
            len(self.players),
        )
        return PayoffTensor(table[:count], self.players, self.labels, table[count:], self.signal_names)


def action_indices(source: PayoffSource, profiles: object) -> np.ndarray:
    """Profiles (batch, players) as given by a caller, as integers; one profile (players,) is a batch of one.

    Raises
    ------
    InputError
        for another shape, for numbers that are not whole, and for actions that a player does not have.
    """
    given = np.atleast_2d(np.asarray(profiles))
    players, actions = source.players, np.array(source.actions)
    if given.ndim != 2 or given.shape[1] != len(players):
        raise InputError(
            f"profiles have shape {np.asarray(profiles).shape}; give (batch, {len(players)}), one action "
            f"index of each of {', '.join(map(str, players))}"
        )
    whole = given if given.dtype.kind in "iu" else _as_whole(given, players)
    wrong = (whole < 0) | (whole >= actions)
    if wrong.any():
        row, i = np.argwhere(wrong)[0].tolist()
        raise InputError(
            f"player {players[i]!r}: action {whole[row, i]} (row {row}) is not among 0 to {actions[i] - 1}"
        )
    return whole.astype(np.int64, copy=False)


def demand_levels(level: object, levels: int, rows: int) -> np.ndarray:
    """(rows,) demand levels as given by a caller: one for all rows, or one for each.

    Raises
    ------
    InputError
        for another shape, and for levels that there are not.
    """
    given = np.asarray(level)
    if given.shape not in ((), (rows,)) or given.dtype.kind not in "iu":
        raise InputError(f"level is {level!r}; give a whole number, or one for each of {rows} profiles")
    if given.size and (given.min() < 0 or given.max() >= levels):
        raise InputError(f"level is {given.min()} to {given.max()}; this game has levels 0 to {levels - 1}")
    return np.broadcast_to(given, (rows,))


def _as_whole(given: np.ndarray, players: Sequence[str]) -> np.ndarray:
    """Numbers of another type as integers, where they are whole; an index is never rounded."""
    numbers = given.dtype.kind == "f" or given.size == 0
    whole = given.astype(float) if numbers else np.full(given.shape, np.nan)
    bad = np.argwhere(whole != np.floor(whole))
    if len(bad):
        row, i = bad[0].tolist()
        raise InputError(
            f"player {players[i]!r}: action {given[row, i].item()!r} (row {row}) is no index of an action; "
            "give a whole number"
        )
    return whole.astype(np.int64)


def one_profile(source: PayoffSource, given: Sequence[int], name: str) -> list[int]:
    """An action index of each player, given as the argument `name`; an InputError says what is wrong."""
    if np.ndim(given) != 1 or len(given) != len(source.players):
        raise InputError(f"{name} is {given!r}; give one action of each of {len(source.players)} players")
    try:
        return action_indices(source, given)[0].tolist()
    except InputError as wrong:
        raise InputError(f"{name}: {wrong}") from None


def profiles_of(actions: Sequence[int]) -> np.ndarray:
    """Every profile of action indices (profiles, players), the last player's action running fastest."""
    return np.indices(tuple(actions)).reshape(len(actions), -1).T


def repeating_part(following: Callable[[int], int], start: int) -> list[int]:
    """The states that repeat in the end, from the one that is met first, where each has one that follows."""
    met: dict[int, int] = {}
    state = start
    while state not in met:
        met[state] = len(met)
        state = following(state)
    return list(met)[met[state] :]


def tabulate(source: PayoffSource, chunk: int = 65536) -> PayoffTensor:
    """The tensor of a source, evaluated in chunks of at most `chunk` profiles.

    Raises
    ------
    InputError
        for what is no source, such as bare arrays.

    Examples
    --------
    >>> dilemma = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
    >>> tabulate(dilemma).payoffs([[1, 0]])
    array([[4., 0.]])
    """
    if isinstance(source, PayoffTensor):
        return source
    if not isinstance(source, PayoffSource):
        raise InputError(
            f"the game is of type {type(source).__name__}; give PayoffTensor([A, B, …]) of each player's "
            "array of payoffs, with one axis of actions per player, or another source of payoffs"
        )
    profiles = profiles_of(source.actions)
    pieces = [source.payoffs(profiles[k : k + chunk]) for k in range(0, len(profiles), chunk)]
    values = np.concatenate(pieces).T.reshape(len(source.players), *source.actions)
    sender, signals = signalling(source), None
    names = () if sender is None else tuple(sender.signal_names)
    if sender is not None:
        heard = [sender.signals(profiles[k : k + chunk]) for k in range(0, len(profiles), chunk)]
        signals = np.concatenate(heard).T.reshape(len(names), *source.actions)
    return PayoffTensor(values, tuple(source.players), action_labels(source), signals, names)
