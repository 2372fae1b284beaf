"""Compiled arithmetic of linear action values: active features in, values and weight changes out."""

from __future__ import annotations

import math

import numpy as np

from learners.compiled import compiled
from learners.strategies.compiled_policies import best_of, choose, expected_value
from learners.strategies.compiled_tables import Q_LEARNING, SARSA

LEAST_SCALE = 1e-100  # traces are multiplied out before their common factor gets smaller


@compiled
def value_rows(weights, active, mask, out):
    """out[r, a] = Σ weights[r, a, active features]; −inf where the mask forbids."""
    for r in range(active.shape[0]):
        for a in range(weights.shape[1]):
            total = 0.0
            for k in range(active.shape[1]):
                total += weights[r, a, active[r, k]]
            out[r, a] = total if mask[r, a] else -math.inf


@compiled
def decide_linear(
    method, kind, level, step, decay, pending, weights, traces, scale, values, active, uniforms, out
):
    """Choose; SARSA completes its update; traces decay, are cut after exploration by Q-learning, and marked.

    `pending` holds, per replicate, the discounted rewards since the last decision less the value it had,
    the discount that has accrued, and whether an update is waiting. The traces are `traces` times `scale`
    (batch,), so that they fade in one multiplication.
    """
    gained, accrued, waiting = pending
    scratch = np.empty(values.shape[1])
    for r in range(values.shape[0]):
        best = best_of(values[r])
        a = choose(kind, level, values[r], best, uniforms[r], scratch)
        if method == SARSA and waiting[r]:
            error = gained[r] + accrued[r] * values[r, a]
            apply_error(weights[r], traces[r], step * scale[r] * error)
        fade = accrued[r] * decay
        if method == Q_LEARNING and values[r, a] < values[r, best]:
            fade = 0.0  # Watkins: what follows an exploratory action says nothing about earlier ones
        scale[r] *= fade
        if scale[r] < LEAST_SCALE:
            traces[r] *= scale[r]
            scale[r] = 1.0
        current = 0.0
        for k in range(active.shape[1]):
            traces[r, a, active[r, k]] = 1.0 / scale[r]
            current += weights[r, a, active[r, k]]
        gained[r] = -current
        accrued[r] = 1.0
        waiting[r] = True
        out[r] = a


@compiled
def credit_linear(
    method, kind, level, step, gamma, pending, weights, traces, scale, rewards, values, due, terminal
):
    """Add rewards; where an update is due and not SARSA's, move the weights along the traces."""
    gained, accrued, waiting = pending
    scratch = np.empty(values.shape[1])
    for r in range(values.shape[0]):
        if not waiting[r]:
            continue
        gained[r] += accrued[r] * rewards[r]
        accrued[r] *= gamma
        if not due or (method == SARSA and not terminal):
            continue
        worth = 0.0
        if not terminal:
            if method == Q_LEARNING:
                worth = values[r, best_of(values[r])]
            else:
                worth = expected_value(kind, level, values[r], scratch)
        apply_error(weights[r], traces[r], step * scale[r] * (gained[r] + accrued[r] * worth))
        waiting[r] = False
        if terminal:
            traces[r] = 0.0
            scale[r] = 1.0


@compiled
def apply_error(weights, traces, change):
    for b in range(weights.shape[0]):
        row, trace = weights[b], traces[b]
        for f in range(row.size):
            row[f] += change * trace[f]
