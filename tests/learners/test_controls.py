"""Controls of a learning experiment: no future, no memory."""

import numpy as np
import pytest

from clearing.errors import InputError
from learners import (
    DemandLevel,
    EpsilonGreedy,
    Exponential,
    Fixed,
    Held,
    LastActions,
    LinearTD,
    LogitBertrand,
    QLearning,
    RothErev,
    Session,
    TileCoding,
    tabulate,
    without_future,
    without_memory,
)

LOGIT = tabulate(LogitBertrand.calvano())
PATIENT = QLearning(0.15, 0.95, EpsilonGreedy(Exponential(1e-3)))


def test_each_control_takes_away_one_thing():
    tiles = LinearTD(features=TileCoding(signals=((0, 1.0, 2.0),)))
    session = Session(LOGIT, (Held(PATIENT, 2), tiles), 100)
    blind = without_future(session)
    assert (blind.learners[0].inner.gamma, blind.learners[1].gamma) == (0.0, 0.0)
    assert blind.learners[0].inner.memory == PATIENT.memory
    forgetful = without_memory(session)
    assert forgetful.learners[0].inner.memory == LastActions("none")
    assert (forgetful.learners[1].features.of, forgetful.learners[1].features.signals) == ("none", ())
    assert forgetful.learners[0].inner.gamma == 0.95
    level = Session(LOGIT, (QLearning(memory=DemandLevel(LastActions("all"))), Fixed(0)), 5)
    assert without_memory(level).learners == (QLearning(memory=DemandLevel()), Fixed(0))


def test_controls_play():
    """Without memory there is one state; without a future the greedy action is the best reply on average."""
    session = Session(LOGIT, (PATIENT, PATIENT), 8000)
    assert without_memory(session).play(seed=1).learner(0).tables.shape == (1, 1, 15)
    ended = without_future(session).play(seed=1, replicates=3)
    assert np.abs(ended.learner(0).tables).max() <= LOGIT.values.max() + 1e-12, (
        "values are one round's profit"
    )


def test_nothing_to_take_away():
    for learner in (RothErev(), Fixed(3)):
        with pytest.raises(InputError, match="nothing to take away"):
            without_memory(Session(LOGIT, (learner, learner), 5))
        with pytest.raises(InputError, match="nothing to take away"):
            without_future(Session(LOGIT, (learner, learner), 5))
