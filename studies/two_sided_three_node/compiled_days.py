"""Compiled loop of episodes: tables play games of several stages, day after day, replicate by replicate.

The same two functions, choose and learn, as in :mod:`learners.strategies.compiled_tables`, so that a
session of stages has the same bits here as through `act` and `update`.
"""

from __future__ import annotations

import numpy as np

from learners.compiled import compiled
from learners.strategies.compiled_policies import EPSILON_GREEDY, choose, pick
from learners.strategies.compiled_tables import EXPECTED_SARSA, NO_STATE, SARSA, learn, value_of


@compiled
def play_episodes(
    start, rules, payoffs, state_of, strides, actions, tables, best, visits, changed, uniforms, levels,
    played, greedy,
):  # fmt: skip
    """Whole episodes from round `start` on; nothing waits for its value between two of them.

    Parameters
    ----------
    rules : per player ints (method, kind, by_visits) and floats (alpha, gamma).
    payoffs : (stages, profiles, players) [$]; state_of : (stages, players, profiles) state in a stage after
        the profile of the stage before; strides, actions : (players,).
    tables, best, visits : (batch, players, states, actions), (batch, players, states), as the first or empty.
    changed : (batch, players) round of the last change of a greedy action.
    uniforms : (batch, rounds, players) in [0, 1); levels : (players, rounds + 1) of the policies.
    played, greedy : (batch, episodes, stages) profile indices, written here: of play, and of the greedy
        strategies as they are at the end of each episode.
    """
    kinds, weights = rules
    batch, rounds, players = uniforms.shape
    stages = payoffs.shape[0]
    scratch = np.empty((players, tables.shape[3]))  # probabilities of the state to be played next,
    ready = np.zeros(players, dtype=np.bool_)  # where the update needed them already
    states = np.zeros(players, dtype=np.int64)
    taken = np.zeros(players, dtype=np.int64)
    waiting = np.full(players, NO_STATE, dtype=np.int64)
    gained = np.zeros(players)
    for r in range(batch):
        ready[:] = False
        waiting[:] = NO_STATE
        profile = 0
        for k in range(rounds):
            now = start + k
            stage = k % stages
            following = 0
            for i in range(players):
                s = state_of[stage, i, profile] if stage > 0 else 0
                states[i] = s
                row = tables[r, i, s, : actions[i]]
                likely = scratch[i, : actions[i]]
                if ready[i]:
                    a = pick(likely, uniforms[r, k, i])
                else:
                    a = choose(kinds[i, 1], levels[i, k], row, best[r, i, s], uniforms[r, k, i], likely)
                ready[i] = False
                if waiting[i] != NO_STATE:
                    target = gained[i] + weights[i, 1] * row[a]
                    if learn(tables[r, i, :, : actions[i]], best[r, i], visits[r, i], waiting[i], taken[i],
                             target, weights[i, 0], kinds[i, 2]):  # fmt: skip
                        changed[r, i] = now
                    waiting[i] = NO_STATE
                taken[i] = a
                following += a * strides[i]
            profile = following
            played[r, k // stages, stage] = profile
            last = stage == stages - 1
            for i in range(players):
                target = payoffs[stage, profile, i]
                if not last:
                    if kinds[i, 0] == SARSA:
                        waiting[i] = states[i]
                        gained[i] = target
                        continue
                    s = state_of[stage + 1, i, profile]
                    row = tables[r, i, s, : actions[i]]
                    worth = value_of(kinds[i, 0], kinds[i, 1], levels[i, k + 1], row, best[r, i, s],
                                     scratch[i, : actions[i]])  # fmt: skip
                    ready[i] = kinds[i, 0] == EXPECTED_SARSA and kinds[i, 1] != EPSILON_GREEDY
                    target += weights[i, 1] * worth
                if learn(tables[r, i, :, : actions[i]], best[r, i], visits[r, i], states[i], taken[i],
                         target, weights[i, 0], kinds[i, 2]):  # fmt: skip
                    changed[r, i] = now
            if last:
                along = 0
                for t in range(stages):
                    following = 0
                    for i in range(players):
                        s = state_of[t, i, along] if t > 0 else 0
                        following += best[r, i, s] * strides[i]
                    along = following
                    greedy[r, k // stages, t] = along
