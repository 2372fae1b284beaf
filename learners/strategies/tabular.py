"""Tables of action values: Q-learning, SARSA, and expected SARSA (Algorithm 1 with its policy).

Watkins and Dayan, Machine Learning 8 (1992); Rummery and Niranjan (1994); van Seijen et al., ADPRL (2009);
Sutton and Barto, Reinforcement Learning (2018), sections 6.4 to 6.6. A player that may move only every few
rounds collects its discounted rewards between two of its moves (alternating moves of Klein, RAND 2021, are
the case of two rounds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from clearing.errors import InputError
from learners.games.game import profiles_of
from learners.protocols import signalling
from learners.strategies.compiled_policies import best_of
from learners.strategies.compiled_tables import (
    EXPECTED_SARSA,
    NO_STATE,
    Q_LEARNING,
    SARSA,
    credit_rows,
    decide_rows,
    forbid_rows,
)
from learners.strategies.learner import ArrayLearner, Seat, Seen
from learners.strategies.memory import DemandLevel, LastActions, LastSignal, Memory, state_index
from learners.strategies.policies import EpsilonGreedy, Policy
from learners.strategies.policy_card import Strategy

LEVELS = 256  # rounds of a policy's schedule that are computed at a time


@dataclass(frozen=True, slots=True)
class Tabular:
    """A table of action values and how it learns.

    Parameters
    ----------
    alpha : step size in (0, 1].
    gamma : discount factor in [0, 1] of a round.
    policy : EpsilonGreedy, Boltzmann or EntropyBoltzmann.
    memory : what the state is: LastActions("all"), ("own"), ("rivals"), ("none"), or LastSignal(edges).
    initial : value of every action [$], or "uniform_rivals": mean payoff against uniform rivals/(1 − gamma),
        as Calvano et al. start. Zero with positive rewards locks in what is tried first at low exploration.
    by_visits : step size max(alpha, 1/visits of the state and action), for averages at first.
    """

    method: ClassVar[int] = Q_LEARNING

    alpha: float = 0.1
    gamma: float = 0.95
    policy: Policy = field(default_factory=EpsilonGreedy)
    memory: Memory = field(default_factory=LastActions)
    initial: float | str = 0.0
    by_visits: bool = False

    def __post_init__(self) -> None:
        name = type(self).__name__
        if not 0 < self.alpha <= 1:
            raise InputError(f"{name}: alpha is {self.alpha!r}; give a step size in (0, 1]")
        if not 0 <= self.gamma <= 1:
            raise InputError(f"{name}: gamma is {self.gamma!r}; give a discount factor in [0, 1]")
        if isinstance(self.initial, str) and self.initial != "uniform_rivals":
            raise InputError(f"{name}: initial is {self.initial!r}; give a number in $ or 'uniform_rivals'")
        if self.initial == "uniform_rivals" and self.gamma == 1:
            raise InputError(f"{name}: 'uniform_rivals' divides by 1 − gamma; give gamma below 1 or a number")
        if not isinstance(self.initial, str) and not math.isfinite(self.initial):
            raise InputError(f"{name}: initial is {self.initial!r}; give a finite number in $")

    def begin(self, seat: Seat, replicates: int) -> TabularLearner:
        """Tables for `replicates` replicates of one seat."""
        return TabularLearner(self, seat, replicates)

    def settled(self, exploration: float) -> float:
        """First round after which at most `exploration` of the decisions are exploratory."""
        return self.policy.settled(exploration)

    def first_values(self, seat: Seat) -> np.ndarray:
        """Action values (actions,) that every state starts with [$]."""
        if not isinstance(self.initial, str):
            return np.full(seat.actions, float(self.initial))
        mean = np.zeros(seat.actions)
        rivals = [n for i, n in enumerate(seat.source.actions) if i != seat.player]
        others = profiles_of(rivals) if rivals else np.zeros((1, 0), dtype=np.int64)
        for a in range(seat.actions):
            profiles = np.insert(others, seat.player, a, axis=1)
            mean[a] = seat.source.payoffs(profiles)[:, seat.player].mean()
        return mean / (1.0 - self.gamma)


class QLearning(Tabular):
    """Target r + γ·max Q(s', ·): values of the greedy strategy, whatever is played."""

    __slots__ = ()
    method: ClassVar[int] = Q_LEARNING


class Sarsa(Tabular):
    """Target r + γ·Q(s', a'): values of what is played; learns when the next action is chosen."""

    __slots__ = ()
    method: ClassVar[int] = SARSA


class ExpectedSarsa(Tabular):
    """Target r + γ·Σ π(a')·Q(s', a'); with EntropyBoltzmann Algorithm 1 of Energies 2017, 10, 2045."""

    __slots__ = ()
    method: ClassVar[int] = EXPECTED_SARSA


def day_plan_learner(policy: Policy, alpha: float = 0.1, initial: float = 0.0) -> QLearning:
    """Q-learning over whole day plans: the arms of a stateless learner, averaged at first, then tracked.

    The plans are an action set such as :class:`learners.games.actions.DayPlans`; the reward is the day's
    profit, best as ``DifferenceRewards`` where many act at once.
    """
    return QLearning(alpha, 0.0, policy, LastActions("none"), initial, by_visits=True)


class TabularLearner(ArrayLearner):
    """Tables (batch, states, actions) of one seat; −inf marks actions that a state's mask forbids."""

    draws = 1
    remembered = ("tables", "best", "visits", "waiting", "taken", "gained", "weight")

    def __init__(self, spec: Tabular, seat: Seat, replicates: int) -> None:
        super().__init__(replicates)
        self.spec, self.seat = spec, seat
        memory = spec.memory.inner if isinstance(spec.memory, DemandLevel) else spec.memory
        self.listens = isinstance(memory, LastSignal)
        values = spec.first_values(seat)
        states = spec.memory.count(seat) * seat.stages
        self.tables = np.tile(values, (replicates, states, 1))
        self.best = np.full((replicates, states), best_of(values), dtype=np.int64)
        shape = self.tables.shape if spec.by_visits else (replicates, 0, 0)
        self.visits = np.zeros(shape, dtype=np.int64)
        self.waiting = np.full(replicates, NO_STATE, dtype=np.int64)
        self.taken = np.zeros(replicates, dtype=np.int64)
        self.gained = np.zeros(replicates)
        self.weight = np.ones(replicates)
        self._levels, self._levels_of = np.zeros(0), -1
        self._forget_likely()

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Replace everything remembered."""
        super().load(arrays)
        self._forget_likely()

    def _forget_likely(self) -> None:
        """Probabilities that an update computed, and of which state; what is not there is computed again."""
        batch, _, actions = self.tables.shape
        self._likely, self._ready = np.empty((batch, actions)), np.full(batch, NO_STATE, dtype=np.int64)
        self._ready_round = -1

    def act(self, seen: Seen, uniforms: np.ndarray) -> np.ndarray:
        """Actions (batch,)."""
        spec = self.spec
        states = self._states(seen)
        out = np.empty(len(states), dtype=np.int64)
        if self._ready_round != seen.round:
            self._ready.fill(NO_STATE)
        decide_rows(
            spec.method, spec.policy.kind, self._level(seen.round), spec.alpha, spec.by_visits, seen.round,
            self.tables, self.best, self.visits, self._pending(), self._likely,
            self._ready, states, np.ascontiguousarray(uniforms[:, 0]), out,
        )  # fmt: skip
        return out

    def update(
        self, seen: Seen, actions: np.ndarray, rewards: np.ndarray, after: Seen, terminal: bool
    ) -> None:
        """Add the rewards; learn where it moves next or the episode ends."""
        spec = self.spec
        due = terminal or after.moves
        states = np.full(len(rewards), NO_STATE, dtype=np.int64)
        if due and not terminal:
            states = self._states(after)
        credit_rows(
            spec.method, spec.policy.kind, self._level(after.round), spec.alpha, spec.gamma, spec.by_visits,
            seen.round, self.tables, self.best, self.visits, self._pending(),
            self._likely, self._ready, np.ascontiguousarray(rewards), states, due,
        )  # fmt: skip
        self._ready_round = after.round

    def strategy(self, row: int = 0, level: int | None = None, stage: int | None = None) -> Strategy:
        """The greedy strategy of one replicate, by what it remembers of the last profile.

        `level` and `stage` say in which demand level and which stage of an episode, where there are several.
        Without a stage the whole table is returned, which then is no reply to profiles.
        """
        memory, seat, table = self.spec.memory, self.seat, self.best[row].copy()
        if seat.stages > 1:
            if stage is None:
                return Strategy(seat.player, table, None)
            table = table.reshape(seat.stages, -1)[stage]
        at = {} if level is None else {"level": level}
        if isinstance(memory, DemandLevel):
            if level is None:
                raise InputError("this table has a strategy for each demand level; give strategy(row, level)")
            table, memory = table.reshape(memory.levels(seat), -1)[level], memory.inner
        if isinstance(memory, LastSignal):
            bins, sender = memory, signalling(seat.source)

            def reply(profiles: np.ndarray) -> np.ndarray:
                heard = None if sender is None else sender.signals(profiles, **at)
                return table[bins.states(seat, profiles, heard)]

            return Strategy.of(reply, seat.source, seat.player)
        return Strategy(seat.player, table, memory.players(seat) if isinstance(memory, LastActions) else None)

    def _states(self, seen: Seen) -> np.ndarray:
        states = state_index(self.spec.memory, self.seat, seen)
        if seen.mask is not None:
            wrong = forbid_rows(self.tables, self.best, states, seen.mask)
            if wrong >= 0:
                raise InputError(
                    f"player {self.seat.source.players[self.seat.player]!r}: state {states[wrong]} has had "
                    "another mask before; let the memory hold what decides feasibility"
                )
        return states

    def _level(self, round: int) -> float:
        block, at = divmod(round, LEVELS)
        if self._levels_of != block:
            self._levels = self.spec.policy.schedule.at(np.arange(block * LEVELS, (block + 1) * LEVELS))
            self._levels_of = block
        return float(self._levels[at])

    def _pending(self) -> tuple[np.ndarray, ...]:
        return self.waiting, self.taken, self.gained, self.weight, self.last_change
