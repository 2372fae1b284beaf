"""Rules, by hand."""

import numpy as np
import pytest

from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.strategies.conformance import check_learner
from learners.strategies.learner import Seat, Seen
from learners.strategies.policies import EpsilonGreedy
from learners.strategies.rules import BestResponse, Fixed, Grim, Held, TitForTat, Truthful, Undercut
from learners.strategies.tabular import QLearning, Sarsa

LEVELS = np.arange(5.0)
A, B = np.meshgrid(LEVELS, LEVELS, indexing="ij")
SHARE = np.where(A < B, 1.0, np.where(A == B, 0.5, 0.0))
BERTRAND = PayoffTensor(np.stack([A * SHARE, (A * SHARE).T]))
RULES = [Truthful(), Fixed(1), BestResponse(), Grim(2), TitForTat(2), Undercut(), Undercut(restart=2),
         Held(Undercut(), 3), Held(QLearning(policy=EpsilonGreedy(0.2)), 2, 1), Held(Sarsa(), 4)]  # fmt: skip


def path(one, two, rounds, first=(4, 4)):
    ended = Session(BERTRAND, (one, two), rounds, first=first).play()
    return ended.ended[0].trace.last_profiles.tolist()


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_conformance(rule):
    check_learner(rule)


def test_truthful_and_fixed():
    assert path(Truthful(), Fixed(3), 2) == [[0, 3], [0, 3]]


def test_best_response_undercuts_down_to_its_gain():
    assert path(BestResponse(), Fixed(4), 1) == [[3, 4]]
    seat = Seat(0, BERTRAND)
    replies = (
        BestResponse().begin(seat, 5).act(Seen(1, np.array([[0, b] for b in range(5)])), np.zeros((5, 0)))
    )
    assert replies.tolist() == [0, 1, 1, 2, 3], "against 1 sharing pays 1/2, which nothing beats"


def test_grim_never_forgives():
    assert path(Grim(3), TitForTat(4), 3) == [[3, 4], [3, 3], [3, 3]]
    assert path(Grim(3), Held(Undercut(), 10), 4, first=(4, 1)) == [[3, 3], [3, 3], [3, 3], [3, 3]]
    angry = Grim(3).begin(Seat(0, BERTRAND), 1)
    for last, expected in (([3, 2], 0), ([0, 4], 0), ([0, 3], 0)):
        assert angry.act(Seen(5, np.array([last])), np.zeros((1, 0))) == [expected]


def test_tit_for_tat_copies_the_lowest_rival():
    game = PayoffTensor(np.zeros((3, 5, 5, 5)))
    reply = TitForTat(4).begin(Seat(1, game), 1)
    assert reply.act(Seen(1, np.array([[3, 0, 2]])), np.zeros((1, 0))) == [2]
    assert reply.act(Seen(0, np.array([[3, 0, 2]])), np.zeros((1, 0))) == [4]


def test_undercutting_runs_an_edgeworth_cycle():
    rule = Undercut(restart=4)
    steps = path(Held(rule, 2), Held(rule, 2, 1), 12)
    assert steps[:6] == [[3, 4], [3, 2], [1, 2], [1, 0], [4, 0], [4, 3]]
    assert path(Undercut(floor=2), Fixed(4), 2) == [[3, 4], [3, 4]]


def test_masks_move_to_the_nearest_feasible_action():
    seen = Seen(1, np.array([[4, 4]]), mask=np.array([[True, True, False, False, True]]))
    assert Fixed(3).begin(Seat(0, BERTRAND), 1).act(seen, np.zeros((1, 0))) == [4]
    assert Fixed(2).begin(Seat(0, BERTRAND), 1).act(seen, np.zeros((1, 0))) == [1]
