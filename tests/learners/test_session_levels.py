"""Sessions that announce demand levels, and learners whose state they are."""

import numpy as np
import pytest

import networks
from clearing import NodalMarket
from clearing.errors import InputError
from learners import DemandStates, Game, Markups
from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.strategies.linear import LinearTD, TileCoding
from learners.strategies.memory import DemandLevel, LastActions, LastSignal
from learners.strategies.policies import EpsilonGreedy
from learners.strategies.tabular import QLearning
from tests.learners.test_session import DILEMMA, FAST, same


class Hours(PayoffTensor):
    """Pays 1 where the action is the demand level, plus a draw; says which level it was."""

    levels = 3

    def __init__(self):
        super().__init__(np.zeros((1, 3)), signal_names=("level",))

    def payoffs(self, profiles, rng=None, level=None):
        if level is None:
            return np.full((len(profiles), 1), 1 / 3)
        return (profiles[:, 0] == level)[:, None] + 0.0

    def signals(self, profiles, level=None):
        return np.zeros((len(profiles), 1)) if level is None else np.array(level, dtype=float)[:, None]


SEEN_LEVELS = {
    "table": QLearning(0.3, 0.0, EpsilonGreedy(0.1), DemandLevel()),
    "table and own": QLearning(0.3, 0.0, EpsilonGreedy(0.1), DemandLevel(LastActions("own"))),
    "tiles": LinearTD("q", 0.3, 0.0, 0.0, EpsilonGreedy(0.1), TileCoding(1, 2, "none", level=True)),
}


@pytest.mark.parametrize("levels", ["cycle", "drawn"])
@pytest.mark.parametrize("learner", SEEN_LEVELS.values(), ids=list(SEEN_LEVELS))
def test_announced_demand_levels_are_answered(learner, levels, tmp_path):
    session = Session(Hours(), (learner,), 2000, levels=levels)
    whole = session.play(seed=1, replicates=3)
    assert (whole.window_profits() > 0.85).all(), "greedy in 90 % and right by luck in 3 %"
    blind = Session(Hours(), (QLearning(0.3, 0.0, memory=LastActions("none")),), 2000, levels=levels)
    assert (blind.play(seed=1, replicates=3).window_profits() < 0.6).all()
    run = session.start(1, 3)
    run.advance(333)
    run.save(tmp_path / "run.npz")
    resumed = session.resume(tmp_path / "run.npz")
    resumed.finish()
    same(whole, resumed.result())
    alone = session.play(seed=1, replicates=[2])
    same(type(whole)(session, 1, (whole.ended[2],)), alone)


def test_signals_are_of_the_level_that_was_played():
    """The last level in a cycle of three says what the next one is."""
    spec = QLearning(0.3, 0.0, EpsilonGreedy(0.1), LastSignal((0.5, 1.5)))
    ended = Session(Hours(), (spec,), 2000, levels="cycle").play(seed=1, replicates=2)
    assert (ended.window_profits() > 0.85).all()
    assert ended.learner(0).best[0].tolist() == [1, 2, 0]


def test_a_checkpoint_knows_its_market_and_its_demand(tmp_path):
    case = networks.load("five_bus")

    def session(levels, markups=(0.0, 30.0)):
        states = DemandStates.drawn(levels)
        game = Game(NodalMarket(case.grid), case, ["G1", "G2"], Markups(markups), states=states)
        return Session(game, (SEEN_LEVELS["table"],) * 2, 40, levels="cycle")

    run = session((0.6, 1.0)).start(1)
    run.advance(10)
    run.save(tmp_path / "run.npz")
    assert session((0.6, 1.0)).resume(tmp_path / "run.npz").round == 10
    for other in (session((0.6, 0.9)), session((0.6, 1.0), (0.0, 20.0))):
        with pytest.raises(InputError, match="another session"):
            other.resume(tmp_path / "run.npz")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Session(Hours(), (FAST,), 5, levels="hourly"), "give one of cycle, drawn"),
        (lambda: Session(Hours(), (SEEN_LEVELS["table"],), 5).play(), "announces no levels"),
        (lambda: Session(DILEMMA, (SEEN_LEVELS["table"],) * 2, 5).play(), "no demand levels"),
        (lambda: Session(DILEMMA, (FAST, FAST), 5, levels="cycle"), "no demand levels"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(InputError, match=words):
        make()
