"""What a learner is paid for learning, where it is not its profit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from learners.games.game import action_indices
from learners.protocols import PayoffSource, signal_names, signalling


@dataclass(frozen=True, eq=False)
class DifferenceRewards:
    """A game that pays each player the difference its own action makes.

    D_i = π_i(a) − π_i(a with player i at its default): others' noise cancels, and the best replies stay.
    Each profile costs one more evaluation per player, all asked for in one batch; tabulate it where the
    profiles are few.

    Parameters
    ----------
    game : any payoff source.
    defaults : the default action of each player, such as its truthful offer.

    Source: D. Wolpert and K. Tumer, Advances in Complex Systems 4 (2001), "difference utility" with the
    player's own profit in place of the world's.
    """

    game: PayoffSource
    defaults: tuple[int, ...]

    def __post_init__(self) -> None:
        fits = len(self.defaults) == len(self.game.actions) and all(
            0 <= d < n for d, n in zip(self.defaults, self.game.actions, strict=True)
        )
        if not fits:
            raise InputError(
                f"DifferenceRewards: defaults {self.defaults} for actions {tuple(self.game.actions)}; "
                "give one action of each player"
            )

    @property
    def players(self) -> tuple[str, ...]:
        """Names."""
        return self.game.players

    @property
    def actions(self) -> tuple[int, ...]:
        """Number of actions of each player."""
        return self.game.actions

    @property
    def signal_names(self) -> tuple[str, ...]:
        """Those of the game."""
        return signal_names(self.game)

    def signals(self, profiles: np.ndarray) -> np.ndarray:
        """Those of the game."""
        sender = signalling(self.game)
        return np.zeros((len(profiles), 0)) if sender is None else sender.signals(profiles)

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Differences (batch, players) [$]; a random game is evaluated at its expectation."""
        profiles = action_indices(self.game, profiles)
        batch, players = profiles.shape
        asked = np.repeat(profiles[None], players + 1, axis=0)
        for i, default in enumerate(self.defaults):
            asked[i + 1, :, i] = default
        paid = self.game.payoffs(asked.reshape(-1, players)).reshape(players + 1, batch, players)
        return paid[0] - np.stack([paid[i + 1, :, i] for i in range(players)], axis=1)
