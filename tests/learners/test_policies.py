"""Policies: probabilities by hand, entropy as prescribed, ties, masks, schedules."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing.errors import InputError
from learners.strategies.policies import (
    Boltzmann,
    Constant,
    EntropyBoltzmann,
    EpsilonGreedy,
    Exponential,
    Linear,
)

POLICIES = [EpsilonGreedy(0.2), Boltzmann(0.7), EntropyBoltzmann(0.5)]
values_of = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=12)


def entropy(p):
    return -sum(x * math.log(x) for x in p if x > 0)


def test_epsilon_greedy_by_hand():
    assert EpsilonGreedy(0.3).probabilities([1.0, 2.0, 0.0]) == pytest.approx([0.1, 0.8, 0.1])
    assert EpsilonGreedy(0.3).probabilities([1.0, 2.0, 2.0]) == pytest.approx([0.1, 0.8, 0.1]), (
        "first of ties"
    )


def test_boltzmann_by_hand():
    p = Boltzmann(2.0).probabilities([1.0, 3.0])
    assert p[1] / p[0] == pytest.approx(math.exp(1.0))
    assert Boltzmann(1e-12).probabilities([1e9, 0.0]) == pytest.approx([1, 0]), "no overflow"


@given(values_of, st.floats(0.001, 0.999))
def test_entropy_is_what_is_prescribed(values, rate):
    p = EntropyBoltzmann(rate).probabilities(values)
    v = np.array(values)
    spread = np.ptp(v)
    near = int((v >= v.max() - 1e-9 * spread).sum())
    assert p.sum() == pytest.approx(1)
    if spread <= 1e-13 * np.abs(v).max():
        assert p == pytest.approx(np.full(len(v), 1 / len(v)))
    elif rate * math.log(len(v)) > math.log(near) + 1e-9:
        assert entropy(p) == pytest.approx(rate * math.log(len(v)), abs=1e-9)
        assert (np.diff(p[np.argsort(v)]) >= -1e-15).all(), "better actions are likelier"


def test_entropy_policy_does_not_depend_on_the_unit():
    v = np.array([3.0, -1.0, 2.5, 0.0])
    policy = EntropyBoltzmann(0.4)
    assert policy.probabilities(1e6 * v + 5) == pytest.approx(policy.probabilities(v), abs=1e-9)
    assert policy.sharpness(10 * v) == pytest.approx(policy.sharpness(v) / 10)


def test_entropy_policy_is_uniform_where_theta_does_not_exist():
    assert EntropyBoltzmann(0.1).probabilities([0.0, 0, 0, 0]) == pytest.approx([0.25] * 4)
    tied = EntropyBoltzmann(0.3).probabilities([5.0, 5.0, 0.0, 0.0])  # 0.3·log 4 < log 2
    assert tied == pytest.approx([0.5, 0.5, 0, 0], abs=1e-9)
    assert EntropyBoltzmann(1.0).probabilities([1.0, 2.0]) == pytest.approx([0.5, 0.5])


def test_probability_of_two_actions_at_rate_072():
    """Energies 2017, 10, 2045: the retailer needs Pr(199 MW) > 0.8, which an entropy above .722 forbids."""
    assert EntropyBoltzmann(0.7219280948873623).probabilities([1.0, 0.0])[0] == pytest.approx(0.8)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
@given(values_of, st.data())
def test_masks(policy, values, data):
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    mask[data.draw(st.integers(0, len(values) - 1))] = True
    p = policy.probabilities(values, mask)
    assert (p[~mask] == 0).all()
    assert p[mask] == pytest.approx(policy.probabilities(np.array(values)[mask]), abs=1e-12)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_rows_do_not_see_each_other(policy):
    values = np.random.default_rng(1).normal(size=(37, 7))
    whole = policy.probabilities(values)
    assert all((policy.probabilities(values[k]) == whole[k]).all() for k in range(37))


def test_schedules():
    t = np.array([0, 10, 100])
    assert Exponential(0.1).at(t) == pytest.approx(np.exp([0, -1, -10]))
    assert Exponential(4e-6).first_below(math.exp(-7)) == pytest.approx(1_750_000, abs=1)
    assert Exponential(0.1, floor=0.05).first_below(0.01) == math.inf
    assert Linear(0.3, 0.02, 100).at(t) == pytest.approx([0.3, 0.272, 0.02])
    assert Linear(0.3, 0.0, 100).first_below(0.03) == pytest.approx(90, abs=1)
    assert Constant(0.1).first_below(0.01) == math.inf


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: EpsilonGreedy(1.5), "epsilon runs from 1.5"),
        (lambda: EntropyBoltzmann(-0.1), "give 0 to 1"),
        (lambda: Boltzmann(Exponential(0.1)), "Boltzmann: temperature"),
        (lambda: Exponential(0.0), "positive number per round"),
        (lambda: Linear(0.1, 0.3, 5), "does not rise"),
        (lambda: EpsilonGreedy().probabilities([1.0, 2.0], [False, False]), "at least one feasible"),
        (lambda: EpsilonGreedy().probabilities([1.0, np.nan]), "NaN"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(InputError, match=words):
        make()
