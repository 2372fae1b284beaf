"""What learners play against, and the powers that a game, a learner or a market may have beyond its duty.

Whoever needs a power asks for it once, where a session, a table or a learner is made. Any object with the
members of a protocol has the power; none has to inherit from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from clearing.errors import InputError

if TYPE_CHECKING:
    from clearing.book import Book
    from clearing.mitigation import MitigatedRounds
    from clearing.prepared import PreparedMarket
    from learners.strategies.policy_card import Strategy
    from networks.grid import Grid

Masks = Callable[[int, int, np.ndarray], np.ndarray | None]
"""(stage, player, last profiles) → (batch, actions) bool, or None where all actions are feasible."""


@runtime_checkable
class PayoffSource(Protocol):
    """A one-shot game of finitely many actions, evaluated in batches.

    Attributes
    ----------
    players : names of the players, in the order of every axis.
    actions : number of actions of each player.
    """

    @property
    def players(self) -> tuple[str, ...]: ...

    @property
    def actions(self) -> tuple[int, ...]: ...

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs (batch, players) [$] of action indices (batch, players).

        With a generator a random source draws its demand state for each row; without one it pays the
        expectation. A deterministic source ignores it.
        """
        ...


@runtime_checkable
class SignallingSource(PayoffSource, Protocol):
    """A payoff source that also tells players something about the outcome, such as its price.

    Attributes
    ----------
    signal_names : what the columns of `signals` are; a source that names none sends none.
    """

    @property
    def signal_names(self) -> tuple[str, ...]: ...

    def signals(self, profiles: np.ndarray) -> np.ndarray:
        """Signals (batch, len(signal_names)) of action indices (batch, players)."""
        ...


@runtime_checkable
class LabelledSource(Protocol):
    """A game whose actions have names, such as mark-ups: one tuple per player."""

    @property
    def labels(self) -> tuple[tuple[object, ...], ...]: ...


@runtime_checkable
class RandomSource(Protocol):
    """A game that says whether its payoffs are drawn when a generator is given."""

    @property
    def random(self) -> bool: ...


@runtime_checkable
class LevelledSource(PayoffSource, Protocol):
    """A game with demand levels, which players may know before they act; 0 levels are none."""

    @property
    def levels(self) -> int: ...

    def payoffs(
        self,
        profiles: np.ndarray,
        rng: np.random.Generator | None = None,
        level: np.ndarray | int | None = None,
    ) -> np.ndarray:
        """Payoffs (batch, players) [$], each row at its level; over all levels where none is given."""
        ...


@runtime_checkable
class EvaluatingSource(Protocol):
    """A random game that gives payoffs and signals of the very same draws; `level` as its payoffs have it."""

    def evaluate(
        self,
        profiles: np.ndarray,
        rng: np.random.Generator | None = None,
        level: np.ndarray | int | None = None,
    ) -> np.ndarray:
        """Payoffs and signals side by side, (batch, players + signals)."""
        ...


@runtime_checkable
class MaskedSource(Protocol):
    """A game in which some actions may be infeasible after some profiles."""

    @property
    def feasible(self) -> Masks | None: ...


@runtime_checkable
class ListeningLearner(Protocol):
    """A learner that says whether it looks at signals, which may cost a clearing."""

    listens: bool


@runtime_checkable
class SettlingLearner(Protocol):
    """A learner that knows the round (batch,) in which its greedy strategy changed last."""

    @property
    def last_change(self) -> np.ndarray: ...


@runtime_checkable
class StrategicLearner(Protocol):
    """A learner whose greedy choices are a strategy of the last round."""

    def strategy(self, row: int = 0, **at: int) -> Strategy:
        """That of one replicate; at a `level` or in a `stage` where its table has several."""
        ...


@runtime_checkable
class RoundMarket(Protocol):
    """A market that clears many rounds of one book.

    Attributes
    ----------
    grid : the network.
    changes_offers : whether it may clear at other offers than those made, as mitigation does.
    """

    @property
    def grid(self) -> Grid: ...

    @property
    def changes_offers(self) -> bool: ...

    def prepare(self, book: Book) -> PreparedMarket | MitigatedRounds:
        """The market for rounds of books like `book` with other numbers."""
        ...


def signalling(source: PayoffSource) -> SignallingSource | None:
    """The source where it sends signals."""
    return source if isinstance(source, SignallingSource) and source.signal_names else None


def signal_names(source: PayoffSource) -> tuple[str, ...]:
    """What a source signals; nothing where it sends no signals."""
    return tuple(source.signal_names) if isinstance(source, SignallingSource) else ()


def action_labels(source: PayoffSource) -> tuple[tuple[object, ...], ...]:
    """Names of the actions per player; nothing where they have none."""
    return tuple(source.labels) if isinstance(source, LabelledSource) else ()


def level_count(source: object) -> int:
    """How many demand levels a source has.

    Raises
    ------
    InputError
        when it has none.
    """
    if not isinstance(source, LevelledSource) or not source.levels:
        raise InputError("this game has no demand levels; make it with states=DemandStates(...)")
    return source.levels
