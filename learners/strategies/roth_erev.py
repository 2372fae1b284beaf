"""Roth–Erev reinforcement learning: propensities that rewards feed and time wears down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from clearing.errors import InputError
from learners.strategies.learner import ArrayLearner, Seat, Seen
from learners.strategies.policy_card import Strategy


@dataclass(frozen=True, slots=True)
class RothErev:
    """Choice in proportion to propensities.

    After action k paid r, q_j ← (1 − φ)·q_j + E_j with E_k = r·(1 − ε). In the original the others get
    E_j = r·ε/(n − 1), in the modified form E_j = q_j·ε/(n − 1), which still learns where r is 0.

    Parameters
    ----------
    recency : φ in [0, 1), how fast the past is forgotten.
    experimentation : ε in [0, 1).
    initial : propensity of every action at the start [$]; large against rewards means slow learning.
    cutoff : propensities below it count as it, so that losses cannot make a probability negative [$].
    modified : the modified form.

    Source: A. Roth and I. Erev, Games and Economic Behavior 8 (1995); modified by J. Nicolaisen, V. Petrov,
    L. Tesfatsion, IEEE Trans. Evolutionary Computation 5 (2001).
    """

    recency: float = 0.1
    experimentation: float = 0.2
    initial: float = 1.0
    cutoff: float = 1e-6
    modified: bool = True

    def __post_init__(self) -> None:
        for name in ("recency", "experimentation"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"RothErev: {name} is {getattr(self, name)!r}; give a number in [0, 1)")
        if not (self.initial > 0 and self.cutoff > 0):
            raise InputError(
                f"RothErev: initial {self.initial!r}, cutoff {self.cutoff!r}; give positive propensities in $"
            )

    def begin(self, seat: Seat, replicates: int) -> RothErevLearner:
        """Equal propensities."""
        return RothErevLearner(self, seat, replicates)

    def settled(self, exploration: float) -> float:
        """Never: how much it explores depends on what it has learned."""
        return math.inf


class RothErevLearner(ArrayLearner):
    """Propensities (batch, actions)."""

    draws = 1
    remembered: ClassVar[tuple[str, ...]] = ("propensities",)

    def __init__(self, spec: RothErev, seat: Seat, replicates: int) -> None:
        super().__init__(replicates)
        self.spec, self.seat = spec, seat
        self.propensities = np.full((replicates, seat.actions), spec.initial)

    def probabilities(self, mask: np.ndarray | None = None) -> np.ndarray:
        """Probabilities (batch, actions)."""
        weights = np.maximum(self.propensities, self.spec.cutoff)
        if mask is not None:
            weights = np.where(mask, weights, 0.0)
        return weights / np.cumsum(weights, axis=1)[:, -1:]

    def act(self, seen: Seen, uniforms: np.ndarray) -> np.ndarray:
        """Actions (batch,)."""
        total = np.cumsum(self.probabilities(seen.mask), axis=1)
        # the last positive step ends at exactly its own total, so an infeasible tail is never reached
        return np.argmax(total > uniforms[:, :1] * total[:, -1:], axis=1)

    def update(
        self, seen: Seen, actions: np.ndarray, rewards: np.ndarray, after: Seen, terminal: bool
    ) -> None:
        """Feed the propensities."""
        spec, count = self.spec, self.seat.actions
        rows, own = np.arange(len(rewards)), actions[:, self.seat.player]
        was = np.argmax(self.propensities, axis=1)
        spread = spec.experimentation / max(count - 1, 1)
        fed = self.propensities * spread if spec.modified else np.repeat(rewards[:, None] * spread, count, 1)
        fed[rows, own] = rewards * (1.0 - spec.experimentation)
        self.propensities = (1.0 - spec.recency) * self.propensities + fed
        self.last_change[was != np.argmax(self.propensities, axis=1)] = seen.round

    def strategy(self, row: int = 0) -> Strategy:
        """Its likeliest action, whatever happened."""
        return Strategy(self.seat.player, np.array([np.argmax(self.propensities[row])]), ())
