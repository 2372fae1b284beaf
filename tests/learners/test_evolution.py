"""Genetic self-play: networks by hand, streams, discrete Bertrand grids."""

import math

import numpy as np
import pytest

from clearing.errors import InputError
from learners.games.game import PayoffTensor
from learners.strategies.compiled_networks import breed, network_shares
from learners.strategies.evolution import Evolution


def bertrand(levels):
    """Two sellers of which the cheaper serves all; ties split; the price is the lower mark-up."""
    own, rival = np.meshgrid(levels, levels, indexing="ij")
    profit = np.where(own < rival, own, np.where(own == rival, own / 2, 0.0))
    return PayoffTensor(
        np.stack([profit, profit.T]), labels=(tuple(levels),) * 2,
        signal_values=np.minimum(own, rival)[None], signal_names=("price",),
    )  # fmt: skip


def test_network_by_hand():
    weights = np.array([[[0.5, -1.0, 0.2, 2.0, 0.1]]])  # one unit: inputs .5, −1, bias .2; output 2, bias .1
    out = np.empty((1, 1))
    network_shares(weights, np.array([[[0.4, 0.3]]]), 1, out)
    hidden = math.tanh(0.5 * 0.4 - 0.3 + 0.2)
    assert out[0, 0] == pytest.approx(1 / (1 + math.exp(-(2 * hidden + 0.1))))
    network_shares(np.array([[[0.7]]]), np.array([[[0.4, 0.3]]]), 0, out)
    assert out[0, 0] == pytest.approx(1 / (1 + math.exp(-0.7)))


def test_breeding_keeps_elites_and_prefers_winners():
    weights, memories = np.arange(5.0)[:, None], np.arange(5.0)[:, None]
    fitness = np.array([0.0, 3.0, 1.0, 2.0, -1.0])
    uniforms = np.full((5, 6), 0.9)
    uniforms[2, :4] = [0.3, 0.5, 0.7, 0.9]  # contestants 1 and 2 against 3 and 4
    uniforms[2, 4] = 0.1
    new, kept = np.empty_like(weights), np.empty_like(memories)
    breed(weights, memories, fitness, np.ones((5, 1)), uniforms, 2, 2, 1, 0.0, weights - 10, new, kept)
    assert new[:, 0].tolist()[:3] == [1.0, 3.0, 1.0]
    assert new[4, 0] == -6.0
    assert kept[2, 0] == 1.0


@pytest.mark.parametrize(
    "spec", [Evolution(), Evolution(hidden=0, immigrants=5)], ids=["networks", "constants"]
)
def test_replicates_do_not_see_each_other(spec):
    game = bertrand(range(11))
    whole = spec.evolve(game, 12, seed=3, replicates=4)
    alone = spec.evolve(game, 12, seed=3, replicates=[2])
    assert (whole.median_action[:, 2] == alone.median_action[:, 0]).all()
    assert (whole.weights[2] == alone.weights[0]).all()
    assert not (whole.weights[1] == whole.weights[2]).all()


@pytest.mark.parametrize(
    ("levels", "highest_strict"),
    [
        ((0, 10, 20, 30), 10),
        ((0, 30, 60, 90), 30),
        ((0, 10, 100), 100),
        ((0, 60, 100), 60),
        ((0, 50, 100), 50),
    ],
)
def test_discrete_bertrand_ends_at_the_highest_strict_equilibrium(levels, highest_strict):
    """(m, m) is strict where the next lower mark-up is below m/2: what looks arbitrary is predictable."""
    ended = Evolution().evolve(bertrand(levels), 80, seed=1, replicates=12)
    assert (np.array(levels)[ended.median_action[-1]] == highest_strict).all()


def test_constants_do_as_well_as_networks():
    ended = Evolution(hidden=0).evolve(bertrand((0, 10, 20, 30)), 80, seed=1, replicates=6)
    assert (ended.median_action[-1] == 1).all()


def test_held_since():
    ended = Evolution().evolve(bertrand((0, 10, 20, 30)), 40, seed=1, replicates=3)
    since = ended.held_since(lambda rows: (rows == 1).all(axis=1), 5)
    assert (since >= 0).all()
    assert (ended.held_since(lambda rows: (rows == 9).all(axis=1), 5) == -1).all()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Evolution(strategies=1), "at least 2"),
        (lambda: Evolution(elites=30, immigrants=20), "leave room"),
        (lambda: Evolution(mutation=2.0), "probability"),
        (lambda: Evolution(start=1.0), "between 0 and 1"),
        (lambda: Evolution(signal_range=((1.0, 1.0),)).evolve(bertrand((0, 1)), 1), "of price"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(InputError, match=words):
        make()
