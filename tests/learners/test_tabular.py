"""Tables: first values, masks, memories, the compiled loop against `act` and `update`, other learners."""

import math

import numpy as np
import pytest

from clearing.errors import InputError
from learners.games.game import PayoffTensor, tabulate
from learners.sessions import run as session_run
from learners.sessions.session import Session
from learners.sessions.stopping import Stopping
from learners.strategies.conformance import check_learner
from learners.strategies.learner import Seat, Seen
from learners.strategies.memory import LastActions, LastSignal, WorldStates
from learners.strategies.policies import Boltzmann, EntropyBoltzmann, EpsilonGreedy, Exponential, Linear
from learners.strategies.rewards import DifferenceRewards
from learners.strategies.roth_erev import RothErev
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa, day_plan_learner

METHODS = (QLearning, Sarsa, ExpectedSarsa)
POLICIES = (EpsilonGreedy(Exponential(0.01)), Boltzmann(0.5), EntropyBoltzmann(0.4))
MEMORIES = (LastActions("all"), LastActions("own"), LastActions("none"), LastSignal((1.5, 2.5)))


def a_game():
    a, b = np.indices((3, 4)) + 1.0
    values = np.stack([a * (6 - a) / b + b, b * (7 - b) / a + a])
    return PayoffTensor(values, signal_values=np.minimum(a, b)[None], signal_names=("price",))


@pytest.fixture
def interpreted(monkeypatch):
    monkeypatch.setattr(session_run.Run, "compiled", property(lambda self: False))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("memory", MEMORIES, ids=repr)
def test_compiled_loop_has_the_same_bits(method, policy, memory, monkeypatch):
    specs = (method(0.2, 0.9, policy, memory, 1.0), QLearning(0.1, 0.5, POLICIES[1], by_visits=True))
    for every in (None, ((2, 0), (3, 1))):
        session = Session(a_game(), specs, 400, every=every)
        fast = session.play(seed=3, replicates=3)
        with monkeypatch.context() as patch:
            patch.setattr(session_run.Run, "compiled", property(lambda self: False))
            slow = session.play(seed=3, replicates=3)
        for one, other in zip(fast.ended, slow.ended, strict=True):
            assert (one.trace.last_profiles == other.trace.last_profiles).all()
            for mine, yours in zip(one.arrays, other.arrays, strict=True):
                assert all((mine[k] == yours[k]).all() for k in mine)


@pytest.mark.usefixtures("interpreted")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: type(p).__name__)
def test_conformance(method, policy):
    check_learner(method(0.2, 0.9, policy, by_visits=True))


@pytest.mark.parametrize("modified", [True, False])
def test_conformance_of_roth_erev(modified):
    check_learner(RothErev(modified=modified))


def test_roth_erev_by_hand():
    learner = RothErev(0.1, 0.2, 1.0).begin(Seat(0, a_game()), 1)
    nothing = Seen(0, np.zeros((1, 2), dtype=int))
    learner.update(nothing, np.array([[1, 0]]), np.array([5.0]), nothing, False)
    assert learner.propensities[0] == pytest.approx([0.9 + 0.1, 0.9 + 4.0, 0.9 + 0.1])
    assert learner.probabilities()[0, 1] == pytest.approx(4.9 / 6.9)


def test_roth_erev_finds_the_better_arm():
    bandit = PayoffTensor([[1.0, 2.0, 8.0, 3.0]])
    ended = Session(bandit, (RothErev(0.05, 0.1),), 3000).play(seed=2, replicates=20)
    assert (ended.learner(0).probabilities()[:, 2] > 0.5).mean() >= 0.9


def test_first_values_against_uniform_rivals():
    """Calvano et al. (AER 2020), eq. 8: the discounted payoff if rivals randomise uniformly."""
    game = a_game()
    spec = QLearning(gamma=0.95, initial="uniform_rivals")
    assert spec.first_values(Seat(0, game)) == pytest.approx(game.values[0].mean(axis=1) / 0.05)
    alone = PayoffTensor([[1.0, 2.0]])
    assert spec.first_values(Seat(0, alone)) == pytest.approx([20.0, 40.0])
    assert spec.first_values(Seat(1, game)) == pytest.approx(game.values[1].mean(axis=0) / 0.05)


def test_memory_states():
    game = a_game()
    last = np.array([[2, 3], [0, 1]])
    signals = game.signals(last)
    for of, count, states in (
        ("all", 12, [11, 1]),
        ("own", 3, [2, 0]),
        ("rivals", 4, [3, 1]),
        ("none", 1, [0, 0]),
    ):
        memory, seat = LastActions(of), Seat(0, game)
        assert memory.count(seat) == count
        assert memory.states(seat, last, signals).tolist() == states
    assert LastSignal((1.0, 2.5)).states(Seat(0, game), last, signals).tolist() == [2, 1]


def test_masks_enter_the_values_and_may_not_change():
    learner = QLearning(memory=WorldStates(2), policy=EpsilonGreedy(0.0)).begin(Seat(0, a_game()), 1)
    last = np.zeros((1, 2), dtype=int)
    first = Seen(0, last, states=np.array([1]), mask=np.array([[False, True, True]]))
    assert learner.act(first, np.array([[0.5]])) == [1]
    assert learner.tables[0, 1, 0] == -math.inf
    with pytest.raises(InputError, match="another mask"):
        learner.act(
            Seen(1, last, states=np.array([1]), mask=np.array([[True, True, True]])), np.array([[0.5]])
        )


def test_difference_rewards_keep_best_replies_and_cancel_noise():
    game = a_game()
    difference = tabulate(DifferenceRewards(game, (0, 1)))
    own = game.values[0] - game.values[0][0]
    assert difference.values[0] == pytest.approx(own)
    assert difference.values[1] == pytest.approx(game.values[1] - game.values[1][:, 1:2])
    assert (difference.values[0].argmax(0) == game.values[0].argmax(0)).all()
    with pytest.raises(InputError, match="one action of each player"):
        DifferenceRewards(game, (0, 9))


def test_day_plans_spread_over_slots():
    """Three homes choose one of four slots, of which a crowded one pays less; difference rewards, as the
    stateless learner of day plans has them."""
    slots, homes = 4, 3
    profiles = np.indices((slots,) * homes).reshape(homes, -1)
    crowd = (profiles[:, None] == profiles[None]).sum(axis=0)
    game = tabulate(
        DifferenceRewards(PayoffTensor((10.0 / crowd).reshape(homes, *(slots,) * homes)), (0,) * 3)
    )
    spec = day_plan_learner(EpsilonGreedy(Linear(0.3, 0.02, 400)))
    ended = Session(game, (spec,) * homes, 520).play(seed=1, replicates=30)
    last = np.array([e.trace.last_profiles[-50:] for e in ended.ended])
    assert np.mean([[len(set(row)) for row in rows] for rows in last]) > 2.7


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: QLearning(alpha=0.0), "step size"),
        (lambda: Sarsa(gamma=1.5), "discount factor"),
        (lambda: QLearning(initial="zero"), "uniform_rivals"),
        (lambda: QLearning(gamma=1.0, initial="uniform_rivals"), "divides"),
        (lambda: LastActions("them").players(Seat(0, a_game())), "give all, own"),
        (lambda: LastSignal((2.0, 1.0)), "rising"),
        (lambda: RothErev(recency=1.0), r"\[0, 1\)"),
        (
            lambda: Session(PayoffTensor([[1.0, 2.0]]), (QLearning(memory=LastSignal((1.0,))),), 5).play(),
            "signals",
        ),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_unchanged_is_refused_without_falling_exploration():
    with pytest.raises(InputError, match="falling schedule"):
        Session(a_game(), (QLearning(),) * 2, Stopping(100, unchanged=10))
