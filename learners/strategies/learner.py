"""The protocol of a learner: `act`, `update`, and arrays that hold everything it knows.

A specification is a frozen dataclass with `begin`; what it begins plays one seat in many replicates at
once. Everything random enters through `uniforms`, numbers in [0, 1) that belong to a replicate's own
stream, and everything remembered lies in named arrays whose first axis is the replicate. That is what
makes a session's replicates independent of the batch they run in, and lets it be stopped and resumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from learners.protocols import PayoffSource

NEVER = -1  # round of the last change of a strategy that has not changed


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a learner sits.

    Attributes
    ----------
    player : its position among the players.
    source : the game, for rules that compute with it; a learner need not look.
    stages : number of stages of an episode; 1 in a repeated game.
    """

    player: int
    source: PayoffSource
    stages: int = 1

    @property
    def actions(self) -> int:
        """Number of its own actions."""
        return self.source.actions[self.player]


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be known before a round.

    Attributes
    ----------
    round : rounds played before this one.
    last : (batch, players) actions now standing: of the previous round, or drawn before the first.
    signals : (batch, signals) of the previous round, such as its price; None where the source has none, or
        where no learner of the session has `listens` set, because a signal may cost a clearing.
    stage : stage of the episode.
    fresh : True in the first round of an episode, where `last` means nothing.
    mask : (batch, own actions) feasible actions; None where all are.
    states : (batch,) the state itself, where a world names it; a learner's memory makes it otherwise.
    moves : False where the player must stay with its standing action.
    level : (batch,) demand level of the coming round, where the session announces it.
    """

    round: int
    last: np.ndarray
    signals: np.ndarray | None = None
    stage: int = 0
    fresh: bool = False
    mask: np.ndarray | None = None
    states: np.ndarray | None = None
    moves: bool = True
    level: np.ndarray | None = None


@runtime_checkable
class Learner(Protocol):
    """One seat in many replicates."""

    draws: int

    def act(self, seen: Seen, uniforms: np.ndarray) -> np.ndarray:
        """Actions (batch,) from numbers in [0, 1) (batch, draws); called in rounds where it moves."""
        ...

    def update(
        self, seen: Seen, actions: np.ndarray, rewards: np.ndarray, after: Seen, terminal: bool
    ) -> None:
        """Learn from a round: the profile (batch, players), own rewards (batch,) [$], what is seen next."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything remembered, by name, each (batch, ...)."""
        ...

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Replace everything remembered; the batch may be another."""
        ...


@runtime_checkable
class LearnerSpec(Protocol):
    """What to play; frozen."""

    def begin(self, seat: Seat, replicates: int) -> Learner:
        """A learner for `replicates` replicates of one seat."""
        ...

    def settled(self, exploration: float) -> float:
        """First round after which at most `exploration` of its decisions are exploratory; inf: never."""
        ...


class ArrayLearner:
    """Base of learners: attributes named in `remembered` are what `arrays` and `load` carry.

    `last_change` (batch,) is the round in which a replicate's greedy strategy changed last; `listens` says
    that it looks at `seen.signals`.
    """

    draws: int = 0
    listens: bool = False
    remembered: ClassVar[tuple[str, ...]] = ()
    last_change: np.ndarray

    def __init__(self, replicates: int) -> None:
        self.last_change = np.full(replicates, NEVER, dtype=np.int64)

    def update(
        self, seen: Seen, actions: np.ndarray, rewards: np.ndarray, after: Seen, terminal: bool
    ) -> None:
        """Learn nothing."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything remembered, by name, each (batch, ...)."""
        return {name: getattr(self, name) for name in ("last_change", *self.remembered)}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Replace everything remembered."""
        for name in ("last_change", *self.remembered):
            setattr(self, name, np.array(arrays[name]))


def feasible_choice(mask: np.ndarray | None, wanted: np.ndarray) -> np.ndarray:
    """The wanted actions (batch,), or where one is infeasible the nearest feasible, the lower of two."""
    if mask is None:
        return wanted
    distance = np.abs(np.arange(mask.shape[1]) - wanted[:, None]).astype(float)
    return np.argmin(np.where(mask, distance, np.inf), axis=1)
