"""What a table remembers of the past, as one state index: nothing, last actions, or a last price."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from clearing.errors import InputError
from learners.games.game import profiles_of
from learners.protocols import level_count, signalling
from learners.strategies.learner import Seat, Seen


class Memory(Protocol):
    """A map from what is seen to states 0, 1, ..."""

    def count(self, seat: Seat) -> int:
        """Number of states of one stage."""
        ...

    def states(self, seat: Seat, last: np.ndarray, signals: np.ndarray | None) -> np.ndarray:
        """States (batch,) after profiles (batch, players) and their signals (batch, signals)."""
        ...


@dataclass(frozen=True, slots=True)
class LastActions:
    """The standing actions of some players: an information rule.

    Parameters
    ----------
    of : "all", "own", "rivals", "none", or positions of players. The state is their actions as one number,
        the last player's running fastest.
    """

    of: str | tuple[int, ...] = "all"

    def players(self, seat: Seat) -> tuple[int, ...]:
        """Positions of those who are remembered."""
        everyone = tuple(range(len(seat.source.actions)))
        if not isinstance(self.of, str):
            if not set(self.of) <= set(everyone) or len(set(self.of)) < len(self.of):
                raise InputError(
                    f"LastActions: players {self.of} of {len(everyone)}; give positions once each"
                )
            return tuple(self.of)
        known = {
            "all": everyone,
            "own": (seat.player,),
            "rivals": tuple(i for i in everyone if i != seat.player),
            "none": (),
        }
        if self.of not in known:
            raise InputError(
                f"LastActions: of is {self.of!r}; give all, own, rivals, none, or positions of players"
            )
        return known[self.of]

    def count(self, seat: Seat) -> int:
        """Product of their numbers of actions."""
        return math.prod(seat.source.actions[i] for i in self.players(seat))

    def states(self, seat: Seat, last: np.ndarray, signals: np.ndarray | None) -> np.ndarray:
        """States (batch,)."""
        index = np.zeros(len(last), dtype=np.int64)
        for i in self.players(seat):
            index = index * seat.source.actions[i] + last[:, i]
        return index


@dataclass(frozen=True, slots=True)
class LastSignal:
    """The bin of a signal of the last round, such as the clearing price, between `edges` [$/MWh]."""

    edges: tuple[float, ...]
    column: int = 0

    def __post_init__(self) -> None:
        if not all(a < b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise InputError(f"LastSignal: edges are {self.edges}; give rising numbers")

    def count(self, seat: Seat) -> int:
        """One more than edges."""
        return len(self.edges) + 1

    def states(self, seat: Seat, last: np.ndarray, signals: np.ndarray | None) -> np.ndarray:
        """States (batch,); a value on an edge belongs to the bin above."""
        if signals is None:
            raise InputError("LastSignal: the game sends no signals; remember LastActions, or add signals")
        return np.searchsorted(self.edges, signals[:, self.column], side="right")


@dataclass(frozen=True, slots=True)
class WorldStates:
    """States that the world itself names in `Seen.states`."""

    total: int

    def count(self, seat: Seat) -> int:
        """As given."""
        return self.total

    def states(self, seat: Seat, last: np.ndarray, signals: np.ndarray | None) -> np.ndarray:
        """Never asked: the world names its states."""
        raise InputError("WorldStates: this game names no states; remember LastActions or LastSignal")


@dataclass(frozen=True, slots=True)
class DemandLevel:
    """The demand level of the coming round, which the session announces, and what `inner` remembers.

    The levels are those of the game's demand states: `Session(levels="cycle")` or "drawn".
    """

    inner: Memory = field(default_factory=lambda: LastActions("none"))

    def count(self, seat: Seat) -> int:
        """Levels × states of the inner memory, which run fastest."""
        return self.levels(seat) * self.inner.count(seat)

    def levels(self, seat: Seat) -> int:
        """Number of levels."""
        return level_count(seat.source)

    def states(self, seat: Seat, last: np.ndarray, signals: np.ndarray | None) -> np.ndarray:
        """Never asked: the level is not in the last round."""
        raise InputError("DemandLevel: the session announces no levels; give Session(levels='cycle')")

    def states_at(self, seat: Seat, seen: Seen) -> np.ndarray:
        """States (batch,) before a round."""
        if seen.level is None:
            raise InputError("DemandLevel: the session announces no levels; give Session(levels='cycle')")
        inner = self.inner.states(seat, seen.last, seen.signals)
        return np.asarray(seen.level * self.inner.count(seat) + inner, dtype=np.int64)


def state_index(memory: Memory, seat: Seat, seen: Seen) -> np.ndarray:
    """States (batch,) over all stages: stage × states of one stage + the state within."""
    if seen.states is not None:
        return np.asarray(seen.states, dtype=np.int64)
    base = seen.stage * memory.count(seat)
    if seen.fresh:
        return np.full(len(seen.last), base, dtype=np.int64)
    if isinstance(memory, DemandLevel):
        return base + memory.states_at(seat, seen)
    return base + memory.states(seat, seen.last, seen.signals)


def state_table(memory: Memory, seat: Seat) -> np.ndarray:
    """State (profiles,) after each profile of a one-stage game, for compiled loops."""
    profiles = profiles_of(seat.source.actions)
    sender = signalling(seat.source)
    signals = None if sender is None else sender.signals(profiles)
    return memory.states(seat, profiles, signals).astype(np.int64)
