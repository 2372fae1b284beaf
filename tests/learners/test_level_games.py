"""Games by demand level: each row meets its own, and pools that see the level learn both."""

from __future__ import annotations

import numpy as np
import pytest

from clearing.errors import InputError
from learners.games.bertrand import CapacityBertrand, price_grid
from learners.games.game import profiles_of
from learners.games.level_games import LevelGames
from learners.strategies.evolution import Evolution

PRICES = price_grid(0.0, 100.0, 1.0)


def duopoly(demand: float) -> CapacityBertrand:
    return CapacityBertrand(PRICES, demand=demand, capacity=(100.0, 100.0))


def test_rows_are_paid_at_their_level_and_means_without() -> None:
    games = LevelGames((duopoly(90.0), duopoly(160.0)))
    profiles = profiles_of((5, 5))
    level = np.arange(len(profiles)) % 2
    paid, heard = games.payoffs(profiles, level=level), games.signals(profiles, level=level)
    for k, game in enumerate(games.games):
        assert np.array_equal(paid[level == k], game.payoffs(profiles)[level == k])
        assert np.array_equal(heard[level == k], game.signals(profiles)[level == k])
    mean = (games.games[0].payoffs(profiles) + games.games[1].payoffs(profiles)) / 2
    assert np.allclose(games.payoffs(profiles), mean)
    assert np.array_equal(games.payoffs(profiles, level=1), games.games[1].payoffs(profiles))


def test_games_and_levels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="sets of players"):
        LevelGames((duopoly(90.0), CapacityBertrand((0.0, 1.0))))
    with pytest.raises(InputError, match="sets of players"):
        LevelGames(())
    with pytest.raises(InputError, match="levels 0 to 1"):
        LevelGames((duopoly(90.0), duopoly(160.0))).payoffs(np.zeros((2, 2)), level=[0, 2])


def test_strategies_that_see_the_level_bid_high_at_the_peak_only() -> None:
    """Off-peak each seller can serve all, at the peak both are needed: mark-ups 0 and the cap."""
    games = LevelGames((duopoly(90.0), duopoly(200.0)))
    ended = Evolution(sees_level=True).evolve(games, 80, seed=3, replicates=4, levels="cycle")
    lower, upper = np.moveaxis(ended.quartiles[-1], -1, 0)
    assert (lower.max(axis=1) <= 10).all()
    assert (upper.max(axis=1) >= 90).all()  # one is enough: the other's bid does not set the price
