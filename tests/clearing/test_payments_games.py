"""Solution concepts of cooperative games on known games, by hand and by invariants."""

import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.errors import InputError
from clearing.payments.games import (
    CooperativeGame,
    check_core,
    least_core,
    nucleolus,
    sample_shapley,
    shapley_value,
)

REFERENCE = Path(__file__).parents[1] / "data" / "reference" / "games_reference.json"
KNOWN = json.loads(REFERENCE.read_text())


def known_game(entry: dict) -> CooperativeGame:
    worth = np.zeros(2 ** entry["n"])
    for members, value in entry["v"].items():
        worth[sum(1 << int(player) for player in members)] = value
    return CooperativeGame(tuple(entry["players"]), worth)


@pytest.mark.parametrize("entry", KNOWN, ids=[entry["id"] for entry in KNOWN])
def test_known_games(entry):
    game = known_game(entry)
    assert shapley_value(game).payments == pytest.approx(entry["shapley"], abs=1e-12)
    assert nucleolus(game) == pytest.approx(entry["nucleolus"], abs=1e-6)
    assert nucleolus(game, imputations=False) == pytest.approx(entry["prenucleolus"], abs=1e-6)
    found = least_core(game)
    # the file has the greatest least surplus, the negative of the least greatest excess
    assert found.excess == pytest.approx(-entry["least_core_epsilon"], abs=1e-6)
    assert (found.excess > 1e-9) == entry["core_empty"]
    assert check_core(game, np.array(entry["shapley"])).holds() == entry["shapley_in_core"]
    assert check_core(game, nucleolus(game)).holds(1e-6) == entry["nucleolus_in_core"]
    for member in entry.get("core_members", []):
        assert check_core(game, np.array(member)).holds()
    for stranger in entry.get("not_in_core", []):
        assert not check_core(game, np.array(stranger)).holds()
    for rule, payments in entry["published"].items():
        if rule == "shapley":
            assert shapley_value(game).payments == pytest.approx(payments, abs=1e-12)
        elif rule == "nucleolus":
            assert nucleolus(game) == pytest.approx(payments, abs=1e-6)


def test_majority_of_three_by_hand():
    game = CooperativeGame.from_function("abc", lambda s: float(len(s) >= 2))
    found = check_core(game, {"a": 0.5, "b": 0.5, "c": 0.0})
    assert (found.excess, found.shortfall) == (0.5, 0.0)
    assert found.coalition in (("a", "c"), ("b", "c"))
    assert least_core(game).excess == pytest.approx(1 / 3)


def random_game(seed: int, players: int) -> CooperativeGame:
    worth = np.random.default_rng(seed).normal(size=2**players)
    worth[0] = 0.0
    worth[-1] = np.abs(worth).sum()  # imputations exist
    return CooperativeGame(tuple(range(players)), worth)


@given(seed=st.integers(0, 10**6), players=st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_shapley_by_every_order(seed, players):
    game = random_game(seed, players)
    total = np.zeros(players)
    orders = list(permutations(range(players)))
    for order in orders:
        mask = 0
        for k in order:
            total[k] += game.worth[mask | 1 << k] - game.worth[mask]
            mask |= 1 << k
    assert shapley_value(game).payments == pytest.approx(total / len(orders), abs=1e-10)


@given(seed=st.integers(0, 10**6), players=st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_invariants_of_solutions(seed, players):
    """Names, units and what players bring by themselves do not matter; the nucleolus is in the least core."""
    game = random_game(seed, players)
    rng = np.random.default_rng(seed)
    order = rng.permutation(players)
    renamed = np.zeros(2**players)
    for mask in range(2**players):
        renamed[sum(1 << int(order[k]) for k in range(players) if mask >> k & 1)] = game.worth[mask]
    other = CooperativeGame(game.players, renamed)
    gift = rng.normal(size=players)
    moved = CooperativeGame(game.players, 3.0 * game.worth + game.members @ gift)
    for rule in (lambda g: shapley_value(g).payments, nucleolus):
        x = rule(game)
        assert x.sum() == pytest.approx(game.worth[-1], abs=1e-7)
        assert rule(other)[order] == pytest.approx(x, abs=1e-6)
        assert rule(moved) == pytest.approx(3.0 * x + gift, abs=1e-5)
    x, least = nucleolus(game, imputations=False), least_core(game)
    assert check_core(game, x).excess == pytest.approx(least.excess, abs=1e-6)
    assert check_core(game, least.payments).excess == pytest.approx(least.excess, abs=1e-6)


def test_sampled_shapley_is_within_its_errors():
    game = random_game(3, 8)
    exact = shapley_value(game).payments
    drawn = sample_shapley(8, lambda mask: game.worth[mask], 400, np.random.default_rng(0))
    again = sample_shapley(8, lambda mask: game.worth[mask], 400, np.random.default_rng(0))
    assert np.array_equal(drawn.payments, again.payments)
    assert (np.abs(drawn.payments - exact) < 4.5 * drawn.standard_error).all()
    assert drawn.payments.sum() == pytest.approx(game.worth[-1])
    assert drawn.samples == 400


def test_games_of_one_player_and_bad_games():
    one = CooperativeGame(("a",), np.array([0.0, 5.0]))
    assert nucleolus(one) == pytest.approx([5.0])
    assert shapley_value(one).payments == pytest.approx([5.0])
    assert check_core(one, np.array([5.0])).holds()
    with pytest.raises(InputError, match="worth needs 4 finite numbers"):
        CooperativeGame(("a", "b"), np.zeros(3))
    with pytest.raises(InputError, match="no payments can keep them all"):
        nucleolus(CooperativeGame(("a", "b"), np.array([0.0, 1.0, 1.0, 1.0])))
    with pytest.raises(InputError, match="one finite number for each"):
        check_core(one, np.array([1.0, 2.0]))
