"""Known answers: one-step updates, Q* of a gridworld, the cliff, a 19-state walk with traces."""

import numpy as np
import pytest

from learners.games.game import PayoffTensor
from learners.strategies.learner import Seat, Seen
from learners.strategies.linear import LinearTD, OneFeaturePerState
from learners.strategies.memory import WorldStates
from learners.strategies.policies import EpsilonGreedy
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa

METHODS = {"q": QLearning, "sarsa": Sarsa, "expected": ExpectedSarsa}
NORTH, SOUTH, WEST, EAST = range(4)


def seat(actions):
    return Seat(0, PayoffTensor(np.zeros((1, actions))))


def seen(round, states, **more):
    return Seen(round, np.zeros((len(states), 1), dtype=int), states=np.array(states), **more)


@pytest.mark.parametrize(("name", "expected"), [("q", 1.4), ("sarsa", 0.95), ("expected", 1.355)])
def test_one_step_updates(name, expected):
    """α .5, γ .9, Q = [[0, 0], [1, 2]]; (s0, a1, r = 1, s1, a0 next), ε = .2 for the expectation."""
    spec = METHODS[name](0.5, 0.9, EpsilonGreedy(0.2), WorldStates(2))
    learner = spec.begin(seat(2), 1)
    learner.tables[:] = [[0, 0], [1, 2]]
    learner.best[:] = [1, 1]
    assert learner.act(seen(0, [0]), np.array([[0.9]])) == [1]
    learner.update(seen(0, [0]), np.array([[1]]), np.array([1.0]), seen(1, [1]), False)
    assert learner.act(seen(1, [1]), np.array([[0.0]])) == [0]
    assert learner.tables[0, 0, 1] == pytest.approx(expected)


GRID_V = [
    [21.977485, 24.419428, 21.977485, 19.419428, 17.477485],
    [19.779737, 21.977485, 19.779737, 17.801763, 16.021587],
    [17.801763, 19.779737, 17.801763, 16.021587, 14.419428],
    [16.021587, 17.801763, 16.021587, 14.419428, 12.977485],
    [14.419428, 16.021587, 14.419428, 12.977485, 11.679737],
]  # Sutton and Barto (2018), example 3.8


def grid_step(states, actions):
    row, column = np.divmod(states, 5)
    up = np.where(actions == NORTH, -1, np.where(actions == SOUTH, 1, 0))
    right = np.where(actions == WEST, -1, np.where(actions == EAST, 1, 0))
    inside = (row + up >= 0) & (row + up < 5) & (column + right >= 0) & (column + right < 5)
    after = np.where(inside, (row + up) * 5 + column + right, states)
    reward = np.where(inside, 0.0, -1.0)
    after, reward = np.where(states == 1, 21, after), np.where(states == 1, 10.0, reward)
    return np.where(states == 3, 13, after), np.where(states == 3, 5.0, reward)


@pytest.mark.parametrize("linear", [False, True])
def test_q_star_of_the_gridworld(linear):
    """Optimal values of the 5×5 grid from sweeps of single steps with α = 1."""
    if linear:
        spec = LinearTD("q", 1.0, 0.9, 0.0, EpsilonGreedy(1.0), OneFeaturePerState(25))
    else:
        spec = QLearning(1.0, 0.9, EpsilonGreedy(1.0), WorldStates(25))
    learner = spec.begin(seat(4), 1)
    for k in range(100 * 400):
        states = np.array([k % 100 // 4])
        choice = np.array([[(k % 4 + 0.5) / 4]])
        actions = learner.act(seen(k, states), choice)
        after, reward = grid_step(states, actions)
        learner.update(seen(k, states), actions[:, None], reward, seen(k + 1, after), False)
    q = learner.weights[0].T if linear else learner.tables[0]
    assert q.max(axis=1).reshape(5, 5) == pytest.approx(np.array(GRID_V), abs=2e-6)
    assert q[0] == pytest.approx([18.779737, 17.801763, 18.779737, 21.977485], abs=2e-6)


def walk_the_cliff(spec, episodes, replicates=8):
    """4×12 cells, cliff on the bottom row: −100 and back to the start; every other step −1."""
    learner = spec.begin(seat(4), replicates)
    rng = np.random.default_rng(5)
    returns = np.zeros((episodes, replicates))
    states, episode = np.full(replicates, 36), np.zeros(replicates, dtype=int)
    for k in range(episodes * 40):
        actions = learner.act(seen(k, states), rng.random((replicates, 1)))
        row, column = np.divmod(states, 12)
        row = np.clip(row + (actions == SOUTH) - (actions == NORTH), 0, 3)
        column = np.clip(column + (actions == EAST) - (actions == WEST), 0, 11)
        fell = (row == 3) & (column > 0) & (column < 11)
        after = np.where(fell, 36, row * 12 + column)
        reward = np.where(fell, -100.0, -1.0)
        live = episode < episodes
        returns[episode[live], np.flatnonzero(live)] += reward[live]
        # the goal is worth nothing: its row of the table is never acted from, and stays 0
        learner.update(seen(k, states), actions[:, None], reward, seen(k + 1, after), False)
        home = after == 47
        if hasattr(learner, "waiting"):
            if spec.method == Sarsa.method:
                for r in np.flatnonzero(home):
                    s, a = learner.waiting[r], learner.taken[r]
                    learner.tables[r, s, a] += spec.alpha * (reward[r] - learner.tables[r, s, a])
                    learner.best[r, s] = learner.tables[r, s].argmax()
            learner.waiting[home] = -1
        episode += home
        states = np.where(home, 36, after)
        if (episode >= episodes).all():
            break
    return learner, returns


def greedy_return(learner, row):
    state, total = 36, 0
    while state != 47 and total > -60:
        r, c = divmod(state, 12)
        a = learner.best[row, state]
        r = min(max(r + (a == SOUTH) - (a == NORTH), 0), 3)
        c = min(max(c + (a == EAST) - (a == WEST), 0), 11)
        fell = r == 3 and 0 < c < 11
        total -= 100 if fell else 1
        state = 36 if fell else r * 12 + c
    return total


def test_cliff_q_learning_walks_the_edge_and_sarsa_keeps_away():
    """Sutton and Barto (2018), example 6.6: −13 along the edge; SARSA is safer and loses less on the way."""
    q, q_returns = walk_the_cliff(QLearning(0.5, 1.0, EpsilonGreedy(0.1), WorldStates(48)), 500)
    safe, safe_returns = walk_the_cliff(Sarsa(0.1, 1.0, EpsilonGreedy(0.1), WorldStates(48)), 500)
    assert [greedy_return(q, r) for r in range(8)] == [-13] * 8
    assert all(-22 <= greedy_return(safe, r) <= -15 for r in range(8))
    assert -60 < q_returns[-200:].mean() < -40
    assert -33 < safe_returns[-200:].mean() < -20


def test_traces_credit_earlier_states():
    """A walk of five states with reward 1 at its end, once: state k gets α·(γλ)^(4 − k)."""
    spec = LinearTD("sarsa", 0.5, 0.9, 0.8, EpsilonGreedy(0.0), OneFeaturePerState(5))
    learner = spec.begin(seat(1), 1)
    for k in range(5):
        learner.act(seen(k, [k]), np.array([[0.5]]))
        terminal = k == 4
        learner.update(seen(k, [k]), np.array([[0]]), np.array([float(terminal)]), seen(k + 1, [0]), terminal)
    assert learner.weights[0, 0] == pytest.approx(0.5 * 0.72 ** np.arange(4, -1, -1))
    assert (learner.traces == 0).all()


def test_watkins_cuts_traces_after_exploration():
    spec = LinearTD("q", 0.5, 0.9, 0.8, EpsilonGreedy(0.5), OneFeaturePerState(3))
    learner = spec.begin(seat(2), 1)
    learner.weights[0, 0, :] = 1.0
    learner.act(seen(0, [0]), np.array([[0.9]]))  # greedy
    learner.update(seen(0, [0]), np.array([[0]]), np.array([0.0]), seen(1, [1]), False)
    learner.act(seen(1, [1]), np.array([[0.4]]))  # explores action 1
    assert learner.traces[0, 0].sum() == 0
    assert learner.traces[0, 1, 1] == 1
