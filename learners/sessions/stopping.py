"""When sessions and episodes end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from clearing.errors import InputError
from learners.protocols import Masks, PayoffSource
from learners.strategies.learner import LearnerSpec
from networks.checks import whole

EXPLORED = math.exp(-7.0)  # β·t > 7: with large tables "no greedy change" holds long before exploration ends
LEAST_STRICT = 0.01  # exploration above this is not over


@dataclass(frozen=True, slots=True)
class Stopping:
    """When a replicate ends.

    Parameters
    ----------
    rounds : most rounds.
    unchanged : stop once no learner's greedy strategy has changed for so many rounds; None: never.
    exploration : but not before every learner explores in at most this share of its decisions.
    """

    rounds: int
    unchanged: int | None = None
    exploration: float = EXPLORED

    def __post_init__(self) -> None:
        object.__setattr__(self, "rounds", whole("Stopping: rounds", self.rounds))
        if self.unchanged is not None:
            object.__setattr__(self, "unchanged", whole("Stopping: unchanged", self.unchanged))
        if not 0 < self.exploration <= LEAST_STRICT:
            raise InputError(
                f"Stopping: exploration is {self.exploration!r}; give at most {LEAST_STRICT}, because before "
                "exploration is over an unchanged strategy says nothing"
            )

    def earliest(self, learners: Sequence[LearnerSpec]) -> int:
        """First round at which `unchanged` may stop a session; refused where exploration never ends."""
        if self.unchanged is None:
            return self.rounds
        settled = [spec.settled(self.exploration) for spec in learners]
        if math.inf in settled:
            where = settled.index(math.inf)
            raise InputError(
                f"Stopping: learner {where} ({type(learners[where]).__name__}) never explores less than "
                f"{self.exploration:g}, so unchanged={self.unchanged} would stop by luck; give its policy a "
                "falling schedule, or stop by rounds alone"
            )
        return int(max(settled, default=0))


@dataclass(frozen=True, eq=False)
class Stages:
    """A game of several stages per episode; the last ends it, and nothing follows.

    Attributes
    ----------
    sources : the stages' games, of the same players and numbers of actions.
    feasible : (stage, player, last profiles) → (batch, actions) bool, or None where all are feasible.
    """

    sources: tuple[PayoffSource, ...]
    feasible: Masks | None = None

    def __post_init__(self) -> None:
        shapes = {(tuple(s.players), tuple(s.actions)) for s in self.sources}
        if len(shapes) != 1:
            raise InputError(
                f"Stages: {len(shapes)} different tables of players and actions; give stages of one, and "
                "forbid what a stage lacks with feasible"
            )
