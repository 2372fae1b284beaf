"""Linear action values over tiles, with eligibility traces.

Sutton and Barto, Reinforcement Learning (2018), sections 9.5.4 (tile coding) and 12.7 (SARSA(λ) with
replacing traces, binary features); Watkins' Q(λ) cuts the traces after an exploratory action.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np

from clearing.errors import InputError
from learners.protocols import level_count, signal_names, signalling
from learners.strategies.compiled_linear import credit_linear, decide_linear, value_rows
from learners.strategies.compiled_tables import EXPECTED_SARSA, Q_LEARNING, SARSA
from learners.strategies.learner import ArrayLearner, Seat, Seen
from learners.strategies.memory import LastActions
from learners.strategies.policies import EpsilonGreedy, Policy
from learners.strategies.policy_card import Strategy

METHODS = {"q": Q_LEARNING, "sarsa": SARSA, "expected": EXPECTED_SARSA}


class Features(Protocol):
    """Binary features, of which the same number is active in every state."""

    def count(self, seat: Seat) -> int:
        """Number of features."""
        ...

    def active(self, seat: Seat, seen: Seen) -> np.ndarray:
        """Positions (batch, active) of the active ones."""
        ...


@dataclass(frozen=True, slots=True)
class TileCoding:
    """Overlapping grids over last actions and signals, each shifted a little.

    Parameters
    ----------
    tilings : number of grids; as many features are active.
    bins : tiles per input and grid.
    of : whose last actions are inputs, as in LastActions.
    signals : inputs (column, low, high): a signal of the last round, its range clipped to [low, high].
    level : whether the demand level of the coming round, which the session announces, is an input.

    Tiling k is shifted by k·(1, 3, 5, ...)/tilings of a tile (Miller and Glanz 1996), so that the shifts
    do not line up along the diagonal.
    """

    tilings: int = 8
    bins: int = 4
    of: str | tuple[int, ...] = "all"
    signals: tuple[tuple[int, float, float], ...] = ()
    level: bool = False

    def __post_init__(self) -> None:
        if self.tilings < 1 or self.bins < 1:
            raise InputError(
                f"TileCoding: {self.tilings} tilings of {self.bins} bins; give at least 1 of each"
            )
        for column, low, high in self.signals:
            if not low < high:
                raise InputError(f"TileCoding: signal {column} runs from {low} to {high}; give low < high")

    def count(self, seat: Seat) -> int:
        """Tilings × tiles of each; one more tile per input than bins, because of the shifts."""
        return self.tilings * (self.bins + 1) ** self._inputs(seat)

    def active(self, seat: Seat, seen: Seen) -> np.ndarray:
        """One tile of each tiling (batch, tilings)."""
        known = LastActions(self.of).players(seat)
        columns = [seen.last[:, i] / max(1, seat.source.actions[i] - 1) for i in known]
        for column, low, high in self.signals:
            if seen.signals is None:
                raise InputError("TileCoding: the game sends no signals; leave signals out")
            columns.append((np.clip(seen.signals[:, column], low, high) - low) / (high - low))
        if self.level:
            if seen.level is None:
                raise InputError("TileCoding: the session announces no levels; give Session(levels='cycle')")
            columns.append(seen.level / max(1, level_count(seat.source) - 1))
        return self.tiles(np.stack(columns, axis=1) if columns else np.zeros((len(seen.last), 0)))

    def tiles(self, inputs: np.ndarray) -> np.ndarray:
        """Tiles (batch, tilings) of inputs (batch, inputs) in [0, 1]."""
        batch, width = inputs.shape
        grids = np.arange(self.tilings)
        index = np.broadcast_to(grids, (batch, self.tilings)).astype(np.int64)
        for j in range(width):
            shift = (grids * (2 * j + 1)) % self.tilings / self.tilings
            place = np.floor(inputs[:, j, None] * self.bins + shift).astype(np.int64)
            index = index * (self.bins + 1) + np.minimum(place, self.bins)
        return index

    def _inputs(self, seat: Seat) -> int:
        return len(LastActions(self.of).players(seat)) + len(self.signals) + int(self.level)


@dataclass(frozen=True, slots=True)
class OneFeaturePerState:
    """States that the world names, one feature each: a table written as weights."""

    states: int

    def count(self, seat: Seat) -> int:
        """Number of states."""
        return self.states

    def active(self, seat: Seat, seen: Seen) -> np.ndarray:
        """The state (batch, 1)."""
        if seen.states is None:
            raise InputError("OneFeaturePerState: this game names no states; use TileCoding")
        return np.asarray(seen.states, dtype=np.int64)[:, None]


@dataclass(frozen=True, slots=True)
class LinearTD:
    """Action values linear in binary features.

    Parameters
    ----------
    method : "q" (Watkins' Q(λ)), "sarsa", or "expected".
    alpha : step size in (0, 1], divided by the number of active features.
    gamma, decay : discount factor, and λ of the eligibility traces, both in [0, 1].
    initial : value of every action at the start [$].
    """

    method: str = "sarsa"
    alpha: float = 0.1
    gamma: float = 0.95
    decay: float = 0.8
    policy: Policy = field(default_factory=EpsilonGreedy)
    features: Features = field(default_factory=TileCoding)
    initial: float = 0.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"LinearTD: method is {self.method!r}; give one of {', '.join(METHODS)}")
        for name, low in (("alpha", 1e-300), ("gamma", 0.0), ("decay", 0.0)):
            if not low <= getattr(self, name) <= 1:
                raise InputError(f"LinearTD: {name} is {getattr(self, name)!r}; give a number up to 1")
        if not math.isfinite(self.initial):
            raise InputError(f"LinearTD: initial is {self.initial!r}; give a finite number in $")

    def begin(self, seat: Seat, replicates: int) -> LinearLearner:
        """Equal weights."""
        return LinearLearner(self, seat, replicates)

    def settled(self, exploration: float) -> float:
        """Never: shared weights move every state's values, so "no change" is not watched; stop by rounds."""
        return math.inf


class LinearLearner(ArrayLearner):
    """Weights and traces (batch, actions, features)."""

    draws = 1
    remembered: ClassVar[tuple[str, ...]] = ("weights", "traces", "scale", "gained", "accrued", "waiting")

    def __init__(self, spec: LinearTD, seat: Seat, replicates: int) -> None:
        super().__init__(replicates)
        self.spec, self.seat = spec, seat
        nobody = np.zeros((1, len(seat.source.actions)), dtype=np.int64)
        start = Seen(0, nobody, _no_signals(seat), states=nobody[:, 0], level=nobody[:, 0])
        self.listens = isinstance(spec.features, TileCoding) and bool(spec.features.signals)
        self._seen: Seen | None = None
        self.active_count = self._active(start).shape[1]
        shape = (replicates, seat.actions, spec.features.count(seat))
        self.weights = np.full(shape, spec.initial / self.active_count)
        self.traces, self.scale = np.zeros(shape), np.ones(replicates)
        self.gained = np.zeros(replicates)
        self.accrued = np.ones(replicates)
        self.waiting = np.zeros(replicates, dtype=bool)

    def act(self, seen: Seen, uniforms: np.ndarray) -> np.ndarray:
        """Actions (batch,)."""
        spec = self.spec
        active = self._active(seen)
        out = np.empty(len(active), dtype=np.int64)
        decide_linear(
            METHODS[spec.method], spec.policy.kind, self._level(seen.round), spec.alpha / self.active_count,
            spec.decay, self._pending(), self.weights, self.traces, self.scale, self.values(seen),
            active, np.ascontiguousarray(uniforms[:, 0]), out,
        )  # fmt: skip
        return out

    def update(
        self, seen: Seen, actions: np.ndarray, rewards: np.ndarray, after: Seen, terminal: bool
    ) -> None:
        """Move the weights along the traces."""
        spec = self.spec
        values = np.zeros((len(rewards), self.seat.actions)) if terminal else self.values(after)
        credit_linear(
            METHODS[spec.method], spec.policy.kind, self._level(after.round), spec.alpha / self.active_count,
            spec.gamma, self._pending(), self.weights, self.traces, self.scale,
            np.ascontiguousarray(rewards, dtype=float), values, terminal or after.moves, terminal,
        )  # fmt: skip

    def values(self, seen: Seen) -> np.ndarray:
        """Action values (batch, actions) [$]; −inf where infeasible."""
        active = self._active(seen)
        mask = np.ones((len(active), self.seat.actions), bool) if seen.mask is None else seen.mask
        out = np.empty(mask.shape)
        value_rows(self.weights, active, np.ascontiguousarray(mask), out)
        return out

    def _active(self, seen: Seen) -> np.ndarray:
        """Active features (batch, active); what is seen after a round is what is seen before the next."""
        if self._seen is not seen:
            self._seen = seen
            self._features = np.ascontiguousarray(self.spec.features.active(self.seat, seen))
        return self._features

    def strategy(self, row: int = 0) -> Strategy:
        """Its greedy action after every profile."""
        if isinstance(self.spec.features, TileCoding) and self.spec.features.level:
            raise InputError("linear values that see demand levels have no strategy of last actions alone")
        sender = signalling(self.seat.source)

        def reply(profiles: np.ndarray) -> np.ndarray:
            signals = None if sender is None else sender.signals(profiles)
            active = self.spec.features.active(self.seat, Seen(1, profiles, signals))
            return self.weights[row][:, active].sum(axis=2).argmax(axis=0)

        return Strategy.of(reply, self.seat.source, self.seat.player)

    def _pending(self) -> tuple[np.ndarray, ...]:
        return self.gained, self.accrued, self.waiting

    def _level(self, round: int) -> float:
        return float(self.spec.policy.schedule.at(np.array([round]))[0])


def _no_signals(seat: Seat) -> np.ndarray | None:
    names = signal_names(seat.source)
    return np.zeros((1, len(names))) if names else None
