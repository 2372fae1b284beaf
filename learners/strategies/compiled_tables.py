"""Compiled arithmetic of tables of action values: one decision, one update, and whole sessions of them.

`choose` and `learn` work on one table; the batch versions and the session loop call the same two, so a
session in the compiled loop has the same bits as one played through `act` and `update`. What lies around
them is written out in each loop: as functions of their own, inlined by numba or not, the same steps took 1.6
to 2.2 times as long.
"""

from __future__ import annotations

import math

import numpy as np

from learners.compiled import compiled
from learners.strategies.compiled_policies import EPSILON_GREEDY, best_of, choose, expected_value, pick

Q_LEARNING, SARSA, EXPECTED_SARSA = 0, 1, 2
NO_STATE = -1  # nothing waits for its value


@compiled
def learn(table, best, visits, state, action, target, alpha, by_visits):
    """Q(s, a) += α·(target − Q(s, a)); True where the greedy action of s changed."""
    row = table[state]
    old = row[action]
    step = alpha
    if by_visits:
        visits[state, action] += 1
        step = max(alpha, 1.0 / visits[state, action])
    new = old + step * (target - old)
    row[action] = new
    was = best[state]
    if action == was:
        if new < old:
            best[state] = best_of(row)
    elif new > row[was] or (new == row[was] and action < was):
        best[state] = action
    return best[state] != was


@compiled
def value_of(method, kind, level, row, best, scratch):
    """What the next state is worth: its greatest value, or the expectation under the policy."""
    if method == Q_LEARNING:
        return row[best]
    return expected_value(kind, level, row, scratch)


@compiled
def decide_rows(
    method, kind, level, alpha, by_visits, now, tables, best, visits, pending, likely, ready, states,
    uniforms, out,
):  # fmt: skip
    """Choose an action in each replicate; SARSA first completes the update that waited for it.

    `likely` (batch, actions) holds the probabilities of state `ready` (batch,), where the update of the
    round before needed them already.
    """
    waiting, taken, gained, weight, changed = pending
    for r in range(tables.shape[0]):
        s = states[r]
        if ready[r] == s:
            a = pick(likely[r], uniforms[r])
        else:
            a = choose(kind, level, tables[r, s], best[r, s], uniforms[r], likely[r])
        ready[r] = NO_STATE
        if method == SARSA and waiting[r] != NO_STATE:
            target = gained[r] + weight[r] * tables[r, s, a]
            if learn(tables[r], best[r], visits[r], waiting[r], taken[r], target, alpha, by_visits):
                changed[r] = now
        waiting[r] = s
        taken[r] = a
        gained[r] = 0.0
        weight[r] = 1.0
        out[r] = a


@compiled
def credit_rows(
    method, kind, level, alpha, gamma, by_visits, now, tables, best, visits, pending, likely, ready, rewards,
    states, due,
):  # fmt: skip
    """Add a round's rewards, and where an update is due (it moves next, or the episode ends) learn.

    `states` holds the next state, or NO_STATE at the end of an episode, which is worth nothing.
    """
    waiting, taken, gained, weight, changed = pending
    for r in range(tables.shape[0]):
        if waiting[r] == NO_STATE:
            continue
        gained[r] += weight[r] * rewards[r]
        weight[r] *= gamma
        s = states[r]
        if not due or (method == SARSA and s != NO_STATE):
            continue
        target = gained[r]
        if s != NO_STATE:
            target += weight[r] * value_of(method, kind, level, tables[r, s], best[r, s], likely[r])
            if method == EXPECTED_SARSA and kind != EPSILON_GREEDY and s != waiting[r]:
                ready[r] = s
        if learn(tables[r], best[r], visits[r], waiting[r], taken[r], target, alpha, by_visits):
            changed[r] = now
        waiting[r] = NO_STATE


@compiled
def forbid_rows(tables, best, states, mask):
    """Write −inf where the mask forbids; returns the first replicate whose state had another mask, or −1."""
    for r in range(tables.shape[0]):
        row = tables[r, states[r]]
        touched = False
        for a in range(row.size):
            if not mask[r, a] and row[a] > -math.inf:
                row[a] = -math.inf
                touched = True
            elif mask[r, a] and row[a] == -math.inf:
                return r
        if touched:
            best[r, states[r]] = best_of(row)
    return -1


@compiled
def play_rounds(
    start, unchanged, earliest, rules, periods, offsets, payoffs, state_of, strides, actions,
    tables, best, visits, pending, standing, stopped, uniforms, levels, played,
):  # fmt: skip
    """Rounds `start`, start + 1, ... of a tabulated game between tables, replicate by replicate.

    Parameters
    ----------
    unchanged, earliest : a replicate stops once no greedy action has changed for `unchanged` rounds
        (0: never), but not before `earliest` rounds are played.
    rules : per player ints (method, kind, by_visits) and floats (alpha, gamma).
    periods, offsets : (players,) a player moves in the rounds t with (t − offset) divisible by its period.
    payoffs : (profiles, players) [$]; state_of : (players, profiles); strides, actions : (players,).
    tables, best, visits : (batch, players, states, actions), (batch, players, states), as the first or empty.
    pending : waiting, taken, gained, weight, changed, each (batch, players); standing : (batch, players).
    stopped : (batch,) rounds at which it stopped, or −1.
    uniforms : (batch, rounds, players) in [0, 1); levels : (players, rounds + 1) of the policies.
    played : (batch, rounds) profile indices, written here.
    """
    kinds, weights = rules
    waiting, taken, gained, weight, changed = pending
    batch, rounds, players = uniforms.shape
    scratch = np.empty((players, tables.shape[3]))  # probabilities of the state to be played next,
    ready = np.zeros(players, dtype=np.bool_)  # where the update needed them already
    for r in range(batch):
        if stopped[r] >= 0:
            continue
        ready[:] = False
        profile = 0
        for i in range(players):
            profile += standing[r, i] * strides[i]
        for k in range(rounds):
            now = start + k
            following = 0
            for i in range(players):
                if periods[i] == 1 or (now - offsets[i]) % periods[i] == 0:
                    s = state_of[i, profile]
                    row = tables[r, i, s, : actions[i]]
                    likely = scratch[i, : actions[i]]
                    if ready[i]:
                        a = pick(likely, uniforms[r, k, i])
                    else:
                        a = choose(kinds[i, 1], levels[i, k], row, best[r, i, s], uniforms[r, k, i], likely)
                    ready[i] = False
                    if kinds[i, 0] == SARSA and waiting[r, i] != NO_STATE:
                        target = gained[r, i] + weight[r, i] * row[a]
                        if learn(tables[r, i, :, : actions[i]], best[r, i], visits[r, i], waiting[r, i],
                                 taken[r, i], target, weights[i, 0], kinds[i, 2]):  # fmt: skip
                            changed[r, i] = now
                    waiting[r, i] = s
                    taken[r, i] = a
                    gained[r, i] = 0.0
                    weight[r, i] = 1.0
                    standing[r, i] = a
                following += standing[r, i] * strides[i]
            profile = following
            played[r, k] = profile
            for i in range(players):
                if waiting[r, i] == NO_STATE:
                    continue
                gained[r, i] += weight[r, i] * payoffs[profile, i]
                weight[r, i] *= weights[i, 1]
                if kinds[i, 0] != SARSA and (periods[i] == 1 or (now + 1 - offsets[i]) % periods[i] == 0):
                    s = state_of[i, profile]
                    row = tables[r, i, s, : actions[i]]
                    worth = value_of(kinds[i, 0], kinds[i, 1], levels[i, k + 1], row, best[r, i, s],
                                     scratch[i, : actions[i]])  # fmt: skip
                    if kinds[i, 0] == EXPECTED_SARSA and kinds[i, 1] != EPSILON_GREEDY:
                        ready[i] = s != waiting[r, i]
                    target = gained[r, i] + weight[r, i] * worth
                    if learn(tables[r, i, :, : actions[i]], best[r, i], visits[r, i], waiting[r, i],
                             taken[r, i], target, weights[i, 0], kinds[i, 2]):  # fmt: skip
                        changed[r, i] = now
                    waiting[r, i] = NO_STATE
            if unchanged > 0 and now + 1 >= earliest:
                latest = changed[r, 0]
                for i in range(1, players):
                    latest = max(latest, changed[r, i])
                if now - latest >= unchanged:
                    stopped[r] = now + 1
                    break
