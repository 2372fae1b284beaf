"""Games that take turns: the demand level says which is played."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from clearing.errors import InputError
from learners.games.game import action_indices, demand_levels
from learners.protocols import PayoffSource, SignallingSource, action_labels, signal_names

Rows = Callable[[np.ndarray], np.ndarray]


class LevelGames:
    """Several games of the same players and actions as one game with demand levels.

    Parameters
    ----------
    games : one per level, such as the same duopoly off-peak and at the peak.

    Notes
    -----
    Without a level the payoff is the mean over the levels. In sessions and in
    :meth:`~learners.strategies.evolution.Evolution.evolve` announce them with ``levels="cycle"`` or
    ``"drawn"``.

    Raises
    ------
    InputError
        no games, or games of different players, actions or signals.

    Examples
    --------
    >>> from learners.games.bertrand import CapacityBertrand
    >>> off_peak = CapacityBertrand((0.0, 10.0), demand=1.0)
    >>> peak = CapacityBertrand((0.0, 10.0), demand=2.0)
    >>> LevelGames((off_peak, peak)).payoffs([[1, 0], [1, 0]], level=[0, 1]).tolist()
    [[0.0, 0.0], [10.0, 10.0]]
    """

    def __init__(self, games: Sequence[PayoffSource]) -> None:
        self.games = tuple(games)
        kinds = {(g.players, g.actions, signal_names(g)) for g in self.games}
        if len(kinds) != 1:
            raise InputError(
                f"LevelGames: {len(self.games)} games with {len(kinds)} sets of players, actions and "
                "signals; give one game per level, all of the same"
            )
        first = self.games[0]
        self.players, self.actions = first.players, first.actions
        self.labels, self.signal_names = action_labels(first), signal_names(first)
        self.levels = len(self.games)

    def payoffs(
        self,
        profiles: np.ndarray,
        rng: np.random.Generator | None = None,
        level: np.ndarray | int | None = None,
    ) -> np.ndarray:
        """Payoffs (batch, players) [$] of action indices (batch, players), each row at its level."""
        return self._by_level([g.payoffs for g in self.games], len(self.players), profiles, level)

    def signals(self, profiles: np.ndarray, level: np.ndarray | int | None = None) -> np.ndarray:
        """Signals (batch, signals) of the games."""
        told = [g.signals for g in self.games if isinstance(g, SignallingSource)]
        return self._by_level(told, len(self.signal_names), profiles, level)

    def _by_level(
        self, games: Sequence[Rows], width: int, profiles: np.ndarray, level: np.ndarray | int | None
    ) -> np.ndarray:
        """(batch, width) what the games say of profiles."""
        profiles = action_indices(self, profiles)
        if level is None:
            return np.asarray(np.mean([rows(profiles) for rows in games], axis=0))
        levels = demand_levels(level, self.levels, len(profiles))
        out = np.empty((len(profiles), width))
        for k in np.unique(levels).tolist():
            out[levels == k] = games[k](profiles[levels == k])
        return out
