"""A pool of evolved strategies in one seat of a session: they take turns, and breed when all have played.

In a session whose seats all hold such pools this is the self-play of
:meth:`learners.strategies.evolution.Evolution.evolve`, match by match and bit for bit; beside other learners
and rules it shows what a population makes of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from clearing.errors import InputError
from learners.protocols import level_count, signalling
from learners.strategies.gene_pools import (
    Layout,
    choose_actions,
    first_weights,
    next_generation,
    remember,
    scale_signals,
    signal_range,
)
from learners.strategies.learner import ArrayLearner, Seat, Seen, feasible_choice
from learners.strategies.policy_card import Strategy

if TYPE_CHECKING:
    from learners.strategies.evolution import Evolution

CHUNK = 512  # profiles for which a pool's replies are computed at a time


class EvolvingLearner(ArrayLearner):
    """Pools (batch, strategies, ...).

    Attributes
    ----------
    turn : (batch,) matches played; strategies × matches of them are a generation.
    order : (batch, strategies) who plays in this pass of matches; keys and coming order it and the next.
    played : (batch, strategies × matches) own actions of the generation so far.
    median : (batch,) median action of the last whole generation, −1 before the first ends.
    """

    remembered: ClassVar[tuple[str, ...]] = (
        "weights", "memory", "fitness", "turn", "order", "coming", "spare", "played", "median",
    )  # fmt: skip

    def __init__(self, spec: Evolution, seat: Seat, replicates: int) -> None:
        super().__init__(replicates)
        self.spec, self.seat = spec, seat
        self.layout, self.range = Layout.of(spec, seat.source), signal_range(spec, seat.source)
        size = self.layout
        self.draws = size.draws
        self.listens = spec.memory > 0 and self.range.shape[1] > 0
        self.span = size.size * size.passes
        self.weights = np.zeros((replicates, size.size, size.width))
        self.memory = np.zeros((replicates, size.size, size.remembered))
        self.fitness, self.coming = (np.zeros((replicates, size.size)) for _ in range(2))
        self.order = np.tile(np.arange(size.size), (replicates, 1))
        self.turn = np.zeros(replicates, dtype=np.int64)
        self.spare = np.zeros((replicates, self.span, size.spare))
        self.played = np.zeros((replicates, self.span), dtype=np.int64)
        self.median = np.full(replicates, -1, dtype=np.int64)

    def act(self, seen: Seen, uniforms: np.ndarray) -> np.ndarray:
        """Actions (batch,) of the strategies whose turn it is."""
        size, rows = self.layout, np.arange(len(uniforms))
        turn = self._turn()
        at, own = turn % size.size, 1 + size.width + size.remembered
        if turn < size.size:  # the first pass is in order, so the strategy that plays is drawn now
            self.weights[:, at] = first_weights(self.spec, uniforms[:, 1 : 1 + size.width])
            self.memory[:, at] = uniforms[:, 1 + size.width : own]
        self.coming[:, at] = uniforms[:, 0]
        self.spare[:, turn % self.span] = uniforms[:, own:]
        who = self.order[:, at]
        counts = np.full((len(rows), 1), self.seat.actions)
        wanted = choose_actions(
            size, self.weights[rows, who][:, None], self.memory[rows, who][:, None], self._level(seen), counts
        )
        return feasible_choice(seen.mask, wanted[:, 0])

    def update(
        self, seen: Seen, actions: np.ndarray, rewards: np.ndarray, after: Seen, terminal: bool
    ) -> None:
        """Add the rewards; where the next round is another strategy's, remember, and breed in the end."""
        size, rows = self.layout, np.arange(len(rewards))
        turn = self._turn()
        who = self.order[:, turn % size.size]
        self.fitness[rows, who] += rewards
        if not (terminal or after.moves) or len(rows) == 0:
            return
        own = actions[:, self.seat.player]
        memory = self.memory[rows, who][:, None]
        heard = np.zeros((len(rows), self.range.shape[1])) if after.signals is None else after.signals
        remember(
            memory, own[:, None] / max(self.seat.actions - 1, 1), scale_signals(heard, self.range)[:, None]
        )
        self.memory[rows, who] = memory[:, 0]
        self.played[:, turn % self.span] = own
        self.turn += 1
        if (turn + 1) % size.size == 0:
            self.order = np.argsort(self.coming, axis=-1, kind="stable")
        if (turn + 1) % self.span == 0:
            self._breed(seen.round)

    def strategy(self, row: int = 0) -> Strategy:
        """The median reply of a replicate's pool to every profile that has stood for as long as it sees."""
        source, size = self.seat.source, self.layout
        if self.spec.sees_level:
            raise InputError("a pool that sees demand levels has no strategy of last actions alone")

        def reply(profiles: np.ndarray) -> np.ndarray:
            pieces = [
                _median_reply(self, row, profiles[k : k + CHUNK]) for k in range(0, len(profiles), CHUNK)
            ]
            return np.concatenate(pieces)

        if size.remembered == 0:
            return Strategy(
                self.seat.player, _median_reply(self, row, np.zeros((1, len(source.actions)), int)), ()
            )
        return Strategy.of(reply, source, self.seat.player)

    def _turn(self) -> int:
        return int(self.turn[0]) if len(self.turn) else 0

    def _level(self, seen: Seen) -> np.ndarray | None:
        """(batch, 1) demand level as a share of the levels."""
        if not self.spec.sees_level:
            return None
        if seen.level is None:
            raise InputError(
                "Evolution: sees_level needs a session that announces levels; give Session(levels=...)"
            )
        return (seen.level / max(level_count(self.seat.source) - 1, 1))[:, None]

    def _breed(self, round: int) -> None:
        new, kept = next_generation(
            self.spec, self.layout, self.weights, self.memory, self.fitness, self.spare
        )
        self.weights, self.memory, self.fitness = new, kept, np.zeros_like(self.fitness)
        median = np.sort(self.played, axis=1)[:, (self.span - 1) // 2]
        self.last_change[median != self.median] = round
        self.median = median


def _median_reply(learner: EvolvingLearner, row: int, profiles: np.ndarray) -> np.ndarray:
    """(profiles,) median action of a pool, each of whose strategies has seen nothing but the profile."""
    size, seat, count = learner.layout, learner.seat, len(profiles)
    own = profiles[:, seat.player] / max(seat.actions - 1, 1)
    heard, sender = np.zeros((count, 0)), signalling(seat.source)
    if learner.listens and sender is not None:
        heard = scale_signals(sender.signals(profiles), learner.range)
    seen = np.tile(np.column_stack([own, heard]), (1, learner.spec.memory))
    weights = np.broadcast_to(learner.weights[row], (count, size.size, size.width))
    memory = np.repeat(seen[:, None], size.size, axis=1)
    actions = choose_actions(size, weights, memory, None, np.full((count, 1), seat.actions))
    return np.sort(actions, axis=1)[:, (size.size - 1) // 2]
