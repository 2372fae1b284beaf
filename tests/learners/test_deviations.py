"""Deviation tests and best-response loss against strategies whose answers are known by hand."""

import numpy as np
import pytest

from clearing.errors import InputError
from learners.equilibria.deviations import Repeated, best_response_loss, force_deviation
from learners.equilibria.pure import pure_equilibria
from learners.games.bertrand import LogitBertrand
from learners.games.game import PayoffTensor, profiles_of, tabulate

DILEMMA = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])  # action 0 cooperates
COOPERATE, DEFECT = 0, 1


def grim(profiles: np.ndarray) -> np.ndarray:
    """Cooperates only after both did."""
    return np.where((profiles == COOPERATE).all(axis=1), COOPERATE, DEFECT)


def tit_for_tat(player: int):
    return lambda profiles: profiles[:, 1 - player]


def always(action: int):
    return lambda profiles: np.full(len(profiles), action)


def pavlov(profiles: np.ndarray) -> np.ndarray:
    return np.where(profiles[:, 0] == profiles[:, 1], COOPERATE, DEFECT)


@pytest.mark.parametrize("discount", [0.0, 0.2, 0.5, 0.9])
def test_grim_trigger_pays_from_one_third_on(discount):
    """Deviating gains 4 + δ·1/(1−δ) − 3/(1−δ) = 1 − 2δ/(1−δ)."""
    test = force_deviation(DILEMMA, [grim, grim], 0, discount, (0, 0))
    assert test.gains == pytest.approx([1 - 2 * discount / (1 - discount)])
    assert test.profitable_once.all()
    assert test.unprofitable_share == (1.0 if discount > 1 / 3 else 0.0)
    assert test.returns.tolist() == [-1]
    loss = best_response_loss(DILEMMA, [grim, grim], 0, discount, (0, 0))
    expected = max(1 - 2 * discount / (1 - discount), 0)
    assert loss.per_round == pytest.approx((1 - discount) * expected)
    assert (loss.on_path == pytest.approx(0)) == (discount > 1 / 3)


def test_pavlov_punishes_once_and_returns():
    test = force_deviation(DILEMMA, [pavlov, pavlov], 0, 0.9, (0, 0), rounds=6)
    assert test.response.tolist() == [[1, 0], [1, 1], [0, 0], [0, 0], [0, 0], [0, 0]]
    assert test.returns.tolist() == [2]
    assert test.gains == pytest.approx([1 - 0.9 * 2])


def test_phases_of_a_cycle_are_aligned():
    """Tit for tat from (1, 0) alternates; a forced copy of the other's move ends the alternation."""
    play = [tit_for_tat(0), tit_for_tat(1)]
    test = force_deviation(DILEMMA, play, 0, 0.5, (1, 0), action=COOPERATE, rounds=4)
    assert sorted(map(tuple, test.cycle.tolist())) == [(0, 1), (1, 0)]
    assert test.by_phase.shape == (2, 4, 2)
    stays = [k for k, row in enumerate(test.cycle.tolist()) if row == [1, 0]]
    moves = 1 - stays[0]
    assert not test.by_phase[stays[0]].any()
    assert test.by_phase[moves].tolist() == [[-1, 0], [0, -1], [-1, 0], [0, -1]]
    assert test.returns[stays[0]] == 0
    assert test.returns[moves] == -1


def test_static_best_replies_have_nothing_to_punish():
    test = force_deviation(DILEMMA, [always(DEFECT)] * 2, 1, 0.9, (0, 0))
    assert np.isnan(test.unprofitable_share)
    assert test.deviations.tolist() == [DEFECT]
    assert not test.response.any()
    loss = best_response_loss(DILEMMA, [always(DEFECT)] * 2, 1, 0.9, (0, 0))
    assert (loss.on_path, loss.everywhere, loss.per_round) == (0, 0, 0)


def test_best_response_against_a_cooperator_defects_for_ever():
    loss = best_response_loss(DILEMMA, [always(COOPERATE)] * 2, 0, 0.95, (1, 1))
    assert (loss.best == DEFECT).all()
    assert loss.best_value == pytest.approx([80] * 4)
    assert loss.on_path == pytest.approx(0.25)
    assert loss.per_round == pytest.approx(1)


@pytest.mark.parametrize("seed", range(4))
def test_values_and_losses_equal_plain_iteration(seed):
    rng = np.random.default_rng(seed)
    tensor = PayoffTensor(rng.normal(size=(3, 2, 3, 2)) + 3)
    count, d = 12, 0.8
    policies = [rng.integers(n, size=count) for n in tensor.actions]
    play = Repeated.of(tensor, policies)
    value = np.zeros(count)
    profiles = profiles_of(tensor.actions)
    for _ in range(400):
        value = play.payoff[play.following, 1] + d * value[play.following]
    assert play.values(1, d) == pytest.approx(value)
    best = np.zeros(count)
    for _ in range(400):
        options = []
        for a in range(tensor.actions[1]):
            moved = profiles[play.following].copy()
            moved[:, 1] = a
            state = np.ravel_multi_index(tuple(moved.T), tensor.actions)
            options.append(play.payoff[state, 1] + d * best[state])
        best = np.max(options, axis=0)
    loss = best_response_loss(tensor, policies, 1, d, (0, 0, 0))
    assert loss.best_value == pytest.approx(best)
    assert loss.everywhere == pytest.approx(((best - value) / best).mean())


def test_static_nash_played_for_ever_is_an_equilibrium_of_the_logit_game():
    tensor = tabulate(LogitBertrand.calvano())
    for equilibrium in pure_equilibria(tensor):
        policies = [always(a) for a in equilibrium.profile]
        for player in (0, 1):
            loss = best_response_loss(tensor, policies, player, 0.95, (7, 7))
            assert loss.everywhere == pytest.approx(0, abs=1e-12)


def test_responses_are_in_prices():
    game = LogitBertrand.calvano()
    high = [always(12), always(12)]
    test = force_deviation(game, high, 0, 0.95, (12, 12))
    step = game.prices[1] - game.prices[0]
    assert test.response[0, 0] == pytest.approx(step * (test.deviations[0] - 12))
    assert not test.response[1:].any()
    assert test.returns.tolist() == [1]


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ([grim], "1 policies for 2 players"),
        ([grim, np.zeros(3, int)], "after each of 4 profiles"),
        ([grim, np.full(4, 2)], "not among 0 to 1"),
        ([grim, np.zeros(4)], "an integer"),
    ],
)
def test_refusals(policies, message):
    with pytest.raises(InputError, match=message):
        Repeated.of(DILEMMA, policies)
    with pytest.raises(InputError, match="below 1"):
        Repeated.of(DILEMMA, [grim, grim]).values(0, 1.0)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"player": 2}, "player .* from 0 to 1"),
        ({"player": -1}, "player .* from 0 to 1"),
        ({"start": (0, 2)}, "start: .* not among 0 to 1"),
        ({"start": (0.5, 0)}, "start: .* whole number"),
        ({"start": (0,)}, "one action of each"),
        ({"action": 1.5}, "action is 1.5"),
        ({"action": np.array([1])}, "action is array"),
        ({"rounds": 0}, "rounds is 0"),
    ],
)
def test_odd_arguments_of_a_deviation(changed, message):
    given = {"player": 0, "start": (0, 0), "action": None, "rounds": 5, **changed}
    with pytest.raises(InputError, match=message):
        force_deviation(DILEMMA, [grim, grim], discount=0.9, **given)
