"""Optional powers: asked of whoever has them, and refused in words where somebody has not."""

from __future__ import annotations

import numpy as np
import pytest

from clearing.errors import InputError
from learners import Fixed, Held, LastSignal, PayoffTensor, QLearning, Session
from learners.protocols import action_labels, level_count, signal_names, signalling

SILENT = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
HEARD = PayoffTensor(SILENT.values, signal_values=np.ones((1, 2, 2)), signal_names=("price",))


class Bare:
    """A game with no power."""

    players, actions = ("a", "b"), (2, 2)

    def payoffs(self, profiles, rng=None):
        return np.zeros((len(profiles), 2))


def test_signals_and_labels_where_there_are_some():
    assert signalling(HEARD) is HEARD
    assert signal_names(HEARD) == ("price",)
    assert action_labels(HEARD) == ((0, 1), (0, 1))
    for silent in (SILENT, Bare()):  # a table without signals has the method, but names none
        assert signalling(silent) is None
        assert signal_names(silent) == ()
    assert action_labels(Bare()) == ()


def test_games_without_levels_are_refused():
    with pytest.raises(InputError, match="no demand levels"):
        level_count(HEARD)


def test_a_held_learner_hears_what_its_inner_one_does():
    inner = QLearning(memory=LastSignal((0.5,)))
    ended = Session(HEARD, (Held(inner, 2), Fixed(0)), 40).play(seed=1)
    assert (ended.learner(0).arrays()["tables"][0, 1] != 0).any()  # the state above the edge was played


def test_learners_without_strategies_are_named():
    class Mute:
        draws = 0

        def act(self, seen, uniforms):
            return np.zeros(len(seen.last), dtype=np.int64)

        def update(self, seen, actions, rewards, after, terminal):
            pass

        def arrays(self):
            return {"nothing": np.zeros(1)}

        def load(self, arrays):
            pass

    class Spec:
        def begin(self, seat, replicates):
            return Mute()

        def settled(self, exploration):
            return 0.0

    with pytest.raises(InputError, match="Mute has no strategy"):
        Session(Bare(), (Spec(), Spec()), 5).play().strategies()
