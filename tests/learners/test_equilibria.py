"""Pure equilibria, best-response paths, joint optimum, cycles."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearing.errors import InputError
from learners.equilibria.pure import (
    best_response_path,
    competitive_profile,
    edgeworth_cycle,
    joint_optimum,
    pure_equilibria,
    regrets,
    repeated_part,
)
from learners.games.game import PayoffTensor, profiles_of

DILEMMA = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
PENNIES = PayoffTensor([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]])


def brute_force(tensor: PayoffTensor) -> list[tuple[int, ...]]:
    found = []
    for profile in map(tuple, profiles_of(tensor.actions).tolist()):
        best = True
        for i, n in enumerate(tensor.actions):
            for a in range(n):
                other = (*profile[:i], a, *profile[i + 1 :])
                best = best and tensor.values[(i, *other)] <= tensor.values[(i, *profile)]
        if best:
            found.append(profile)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_enumeration_equals_brute_force_with_three_players(seed):
    rng = np.random.default_rng(seed)
    tensor = PayoffTensor(rng.integers(0, 4, (3, 3, 4, 2)).astype(float))
    found = pure_equilibria(tensor)
    assert [e.profile for e in found] == brute_force(tensor)
    for e in found:
        for i, n in enumerate(tensor.actions):
            others = [
                tensor.values[(i, *e.profile[:i], a, *e.profile[i + 1 :])]
                for a in range(n)
                if a != e.profile[i]
            ]
            assert e.margins[i] == e.payoffs[i] - max(others)
        assert e.strict == bool((e.margins > 1e-6).all())


def test_regret_margin_and_joint_optimum_of_the_dilemma():
    assert regrets(DILEMMA)[:, 0, 0].tolist() == [1, 1]
    (only,) = pure_equilibria(DILEMMA)
    assert (only.profile, only.margins.tolist(), only.strict) == ((1, 1), [1, 1], True)
    assert joint_optimum(DILEMMA).profile == (0, 0)
    assert pure_equilibria(PENNIES) == ()


def test_single_actions_have_infinite_margins():
    (only,) = pure_equilibria(PayoffTensor([[2.0]]))
    assert only.margins.tolist() == [np.inf]


def test_best_responses_converge_or_cycle():
    path = best_response_path(DILEMMA, (0, 0))
    assert path.converged
    assert path.profiles.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert path.moves == 2
    round_trip = best_response_path(PENNIES, (0, 0))
    assert not round_trip.converged
    assert sorted(map(tuple, round_trip.cycle.tolist())) == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("sequence", "part"),
    [("xyababab", (2, 2)), ("aaaa", (0, 1)), ("abcd", None), ("abcabc", (0, 3))],
)
def test_repeated_part(sequence, part):
    assert repeated_part(sequence) == part


def test_edgeworth_cycles_fall_slowly_and_jump():
    saw = np.array([9, 8, 7, 6, 5, 9, 8, 7, 6, 5, 9, 8, 7, 6, 5], dtype=float)[:, None]
    cycle = edgeworth_cycle(saw)
    assert (cycle.period, cycle.low, cycle.high, cycle.rises, cycle.falls) == (5, 5, 9, 1, 4)
    assert edgeworth_cycle(saw[::-1]) is None
    assert edgeworth_cycle(np.ones((9, 2))) is None


def test_competitive_profile_by_label():
    tensor = PayoffTensor(np.zeros((2, 2, 3)), labels=((0, 10), (0, 5, 10)))
    assert competitive_profile(tensor, (0, 0)) == (0, 0)
    with pytest.raises(InputError, match="no action 7"):
        competitive_profile(tensor, (0, 7))


def test_households_are_no_rounding_of_a_plant():
    """A plant's payoffs of 10⁵ $ beside gains of 10⁻⁵ $: dominant actions of both, and their margins."""
    plant, home = [[2e5, 1e5], [1e5, 3e5]], [[3e-5, 8e-5], [1e-5, 6e-5]]
    game = PayoffTensor([plant, home])
    (only,) = pure_equilibria(game)
    assert (only.profile, only.strict) == ((1, 1), True)
    assert only.margins == pytest.approx([2e5, 5e-5])
    assert best_response_path(game, (0, 0)).profiles.tolist() == [[0, 0], [0, 1], [1, 1]]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(-4, 6), st.integers(-4, 6))
def test_units_of_a_player_change_no_equilibrium(seed, one, two):
    values = np.random.default_rng(seed).integers(0, 4, (2, 3, 3)).astype(float)
    other = values * np.array([10.0**one, 10.0**two])[:, None, None]
    assert [e.profile for e in pure_equilibria(PayoffTensor(other))] == brute_force(PayoffTensor(values))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best_response_path(PENNIES, (0,)), "one action of each"),
        (lambda: best_response_path(PENNIES, (0, 1.5)), "action 1.5"),
        (lambda: best_response_path(PENNIES, (0, 2)), "not among 0 to 1"),
        (lambda: best_response_path(PENNIES, (0, 0), order=(0, 2)), "order"),
        (lambda: PENNIES.payoffs([[0, -1]]), "action -1 .* not among 0 to 1"),
        (lambda: PENNIES.payoffs([[0, 0.5]]), "0.5 .* give a whole number"),
        (lambda: PENNIES.payoffs([["a", "b"]]), "no index of an action"),
        (lambda: PENNIES.payoffs(np.zeros((3, 4), dtype=int)), r"shape \(3, 4\)"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_one_profile_is_a_batch_of_one():
    assert PENNIES.payoffs([0, 1]).tolist() == PENNIES.payoffs([[0.0, 1.0]]).tolist() == [[-1, 1]]
