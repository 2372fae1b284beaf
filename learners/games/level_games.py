"""Games that take turns: the demand level says which is played."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clearing.errors import InputError
from learners.games.game import PayoffSource, action_indices


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
        kinds = {(g.players, g.actions, tuple(getattr(g, "signal_names", ()))) for g in self.games}
        if len(kinds) != 1:
            raise InputError(
                f"LevelGames: {len(self.games)} games with {len(kinds)} sets of players, actions and "
                "signals; give one game per level, all of the same"
            )
        first = self.games[0]
        self.players, self.actions = first.players, first.actions
        self.labels = getattr(first, "labels", ())
        self.signal_names: tuple[str, ...] = tuple(getattr(first, "signal_names", ()))
        self.levels = len(self.games)

    def payoffs(
        self,
        profiles: np.ndarray,
        rng: np.random.Generator | None = None,
        level: np.ndarray | int | None = None,
    ) -> np.ndarray:
        """Payoffs (batch, players) [$] of action indices (batch, players), each row at its level."""
        return self._by_level("payoffs", action_indices(self, profiles), level)

    def signals(self, profiles: np.ndarray, level: np.ndarray | int | None = None) -> np.ndarray:
        """Signals (batch, signals) of the games."""
        return self._by_level("signals", action_indices(self, profiles), level)

    def _by_level(self, method: str, profiles: np.ndarray, level: np.ndarray | int | None) -> np.ndarray:
        if level is None:
            return np.mean([getattr(game, method)(profiles) for game in self.games], axis=0)
        levels = np.broadcast_to(np.asarray(level, dtype=np.int64), len(profiles))
        if levels.min(initial=0) < 0 or levels.max(initial=0) >= self.levels:
            raise InputError(
                f"level is {levels.min()} to {levels.max()}; this game has levels 0 to {self.levels - 1}"
            )
        width = len(self.players) if method == "payoffs" else len(self.signal_names)
        out = np.empty((len(profiles), width))
        for k in np.unique(levels).tolist():
            rows = levels == k
            out[rows] = getattr(self.games[k], method)(profiles[rows])
        return out
