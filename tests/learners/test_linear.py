"""Linear values: tiles, equality with a table where features are states, learning a game."""

import numpy as np
import pytest

from clearing.errors import InputError
from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.strategies.compiled_linear import decide_linear
from learners.strategies.compiled_policies import EPSILON_GREEDY
from learners.strategies.compiled_tables import Q_LEARNING, SARSA
from learners.strategies.conformance import check_learner
from learners.strategies.learner import Seat, Seen
from learners.strategies.linear import LinearTD, TileCoding
from learners.strategies.memory import LastActions
from learners.strategies.policies import EpsilonGreedy, Exponential
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa

GAME = PayoffTensor(
    np.random.default_rng(2).normal(size=(2, 4, 4)), signal_values=np.ones((1, 4, 4)), signal_names=("price",)
)
TABLES = {"q": QLearning, "sarsa": Sarsa, "expected": ExpectedSarsa}


@pytest.mark.parametrize("method", list(TABLES))
@pytest.mark.parametrize("signals", [(), ((0, 0.0, 2.0),)])
def test_conformance(method, signals):
    check_learner(LinearTD(method, features=TileCoding(4, 3, signals=signals)))


@pytest.mark.parametrize("method", list(TABLES))
@pytest.mark.parametrize("every", [None, ((2, 0), (3, 1))])
def test_one_tile_per_state_is_a_table(method, every):
    """One tiling with a tile per action and no traces: the numbers of the tabular learner."""
    policy = EpsilonGreedy(Exponential(0.01))
    table = TABLES[method](0.3, 0.9, policy, LastActions("all"))
    tiles = LinearTD(method, 0.3, 0.9, 0.0, policy, TileCoding(1, 3))
    one = Session(GAME, (table, table), 300, every=every).play(seed=1, replicates=3)
    other = Session(GAME, (tiles, tiles), 300, every=every).play(seed=1, replicates=3)
    for a, b in zip(one.ended, other.ended, strict=True):
        assert (a.trace.last_profiles == b.trace.last_profiles).all()
        assert a.arrays[0]["tables"] == pytest.approx(b.arrays[0]["weights"].T, abs=1e-12)


def test_tiles():
    coding = TileCoding(tilings=4, bins=2)
    inputs = np.array([[0.0, 0.0], [0.05, 0.0], [1.0, 1.0], [0.5, 0.5]])
    tiles = coding.tiles(inputs)
    assert tiles.shape == (4, 4)
    assert len(set(tiles.ravel())) > 8, "each tiling has tiles of its own"
    shared = (tiles[0] == tiles[1]).sum()
    assert shared == 4, "near inputs share tiles"
    assert (tiles[0] == tiles[2]).sum() == 0
    assert tiles.max() < coding.count(Seat(0, GAME))


def test_it_learns_a_dominant_action_and_generalises():
    dilemma = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
    spec = LinearTD("expected", 0.1, 0.0, 0.5, EpsilonGreedy(0.5), TileCoding(4, 1))
    ended = Session(dilemma, (spec, spec), 3000).play(seed=1, replicates=5)
    assert ended.limit_profits() == pytest.approx(np.ones((5, 2)))


@pytest.mark.parametrize(("method", "kept"), [(Q_LEARNING, 0.0), (SARSA, 0.8 * 0.9)])
def test_traces_are_cut_behind_an_exploratory_action_of_q_learning_alone(method, kept):
    """Action 1 is worth less than action 0, and a draw of 0.999 explores: earlier ones have no share."""
    weights, traces = np.array([[[2.0, 0.0], [0.0, 0.0]]]), np.array([[[0.0, 1.0], [0.0, 0.0]]])
    pending, scale = (np.zeros(1), np.full(1, 0.9), np.zeros(1, dtype=bool)), np.ones(1)
    values, active, out = np.array([[2.0, 0.0]]), np.zeros((1, 1), dtype=int), np.zeros(1, dtype=int)
    decide_linear(
        method, EPSILON_GREEDY, 1.0, 0.1, 0.8, pending, weights, traces, scale, values, active,
        np.array([0.999]), out,
    )  # fmt: skip
    assert out[0] == 1
    assert traces[0, 0, 1] * scale[0] == pytest.approx(kept)
    assert traces[0, 1, 0] * scale[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LinearTD("td"), "give one of q, sarsa, expected"),
        (lambda: LinearTD(decay=1.2), "decay is 1.2"),
        (lambda: TileCoding(0), "at least 1"),
        (lambda: TileCoding(signals=((0, 1.0, 1.0),)), "low < high"),
        (
            lambda: TileCoding(signals=((0, 0.0, 1.0),)).active(Seat(0, GAME), Seen(0, np.zeros((1, 2)))),
            "signals",
        ),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(InputError, match=words):
        make()
