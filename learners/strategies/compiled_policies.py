"""Compiled arithmetic of the policies: one row of action values in, probabilities or an action out.

Infeasible actions have the value −inf. Every function is a scalar loop over one row, so that its bits
depend on that row alone and not on how many replicates are worked on together (law 9).
"""

from __future__ import annotations

import math

import numpy as np

from learners.compiled import compiled

EPSILON_GREEDY, BOLTZMANN, ENTROPY = 0, 1, 2

SAME_VALUE = 1e-13  # relative to the greatest magnitude; closer values are a tie up to rounding
ENTROPY_ERROR = 1e-12  # nats; the entropy is computed with an error of about 1e-15 per action
GREATEST_SHARPNESS = 1e13  # values apart by less than SAME_VALUE of their range cannot be told apart
MOST_STEPS = 200
MOST_LOG_STEP = 2.0  # of log θ at a time
LEAST_RATE, LEAST_VARIANCE = 0.1, 1e-6  # of the first guess of θ


@compiled
def best_of(values):
    """The first of the greatest values."""
    best = 0
    for a in range(1, values.size):
        if values[a] > values[best]:
            best = a
    return best


@compiled
def count_feasible(values):
    count = 0
    for a in range(values.size):
        if values[a] > -math.inf:
            count += 1
    return count


@compiled
def pick_feasible(values, share):
    """The action at `share` in [0, 1) of the feasible ones."""
    wanted = int(share * count_feasible(values))
    last = 0
    for a in range(values.size):
        if values[a] > -math.inf:
            last = a
            if wanted == 0:
                return a
            wanted -= 1
    return last


@compiled
def pick(probabilities, uniform):
    """The action whose interval of cumulated probability holds `uniform`."""
    total = 0.0
    last = 0
    for a in range(probabilities.size):
        if probabilities[a] > 0.0:
            total += probabilities[a]
            last = a
            if uniform < total:
                return a
    return last


@compiled
def fill_boltzmann(values, sharpness, out):
    """out ∝ exp(sharpness·value); returns its entropy [nats]. Values are at most 0, the greatest is 0."""
    total = 0.0
    moment = 0.0
    for a in range(values.size):
        if values[a] > -math.inf:
            weight = math.exp(sharpness * values[a])
            out[a] = weight
            total += weight
            moment += weight * values[a]
        else:
            out[a] = 0.0
    for a in range(values.size):
        out[a] /= total
    return math.log(total) - sharpness * moment / total


@compiled
def solve_sharpness(scaled, rate, out):
    """θ of the scaled values (range [−1, 0]) whose Boltzmann entropy H is rate·log n; fills `out`.

    Halley's iteration in log θ, where H falls from log n to the logarithm of the number of maximisers in one
    smooth step: dH/dlogθ = −θ²·Var and d²H/dlogθ² = −2θ²·Var − θ³·M₃ with the central moments of the
    values. It starts where H ≈ log n − θ²·Var₀/2 would put the root, and what leaves the bracket is halved.
    The root depends on nothing but the values and the rate.
    """
    count = count_feasible(scaled)
    target = rate * math.log(count)
    mean = 0.0
    square = 0.0
    for a in range(scaled.size):
        if scaled[a] > -math.inf:
            mean += scaled[a] / count
            square += scaled[a] * scaled[a] / count
    width = math.sqrt(max(square - mean * mean, LEAST_VARIANCE))
    sharpness = math.sqrt(2.0 * (1.0 - rate) * math.log(count) / max(rate, LEAST_RATE)) / width
    low, high = 0.0, math.inf
    for _ in range(MOST_STEPS):
        entropy = fill_boltzmann(scaled, sharpness, out)
        error = entropy - target
        if abs(error) <= ENTROPY_ERROR:
            break
        if error > 0.0:
            if sharpness >= GREATEST_SHARPNESS:
                break  # as many maximisers tie as the rate asks to explore: uniform on them
            low = sharpness
        else:
            high = sharpness
        mean = 0.0
        for a in range(scaled.size):
            if out[a] > 0.0:
                mean += out[a] * scaled[a]
        second = 0.0
        third = 0.0
        for a in range(scaled.size):
            if out[a] > 0.0:
                apart = scaled[a] - mean
                second += out[a] * apart * apart
                third += out[a] * apart * apart * apart
        slope = -sharpness * sharpness * second
        bend = 2.0 * slope - sharpness * sharpness * sharpness * third
        divisor = 2.0 * slope * slope - error * bend
        step = MOST_LOG_STEP if error > 0.0 else -MOST_LOG_STEP
        if divisor > 0.0:
            step = min(max(-2.0 * error * slope / divisor, -MOST_LOG_STEP), MOST_LOG_STEP)
        following = min(sharpness * math.exp(step), GREATEST_SHARPNESS)
        if not (low < following < high):
            following = math.sqrt(low * high) if low > 0.0 and high < math.inf else 0.5 * (low + high)
        if following == sharpness:
            break
        sharpness = following
    return sharpness


@compiled
def fill_probabilities(kind, level, values, out):
    """Probabilities (actions,) of a policy at its level: ε, temperature, or exploration rate.

    Returns the inverse temperature θ in the values' own unit (0 where uniform, ε-greedy, or one action).
    """
    count = count_feasible(values)
    best = best_of(values)
    if kind == EPSILON_GREEDY:
        for a in range(values.size):
            out[a] = level / count if values[a] > -math.inf else 0.0
        out[best] += 1.0 - level
        return 0.0
    top = values[best]
    least = top
    size = 0.0
    for a in range(values.size):
        if values[a] > -math.inf:
            least = min(least, values[a])
            size = max(size, abs(values[a]))
    spread = top - least
    if count == 1 or spread <= SAME_VALUE * size or (kind == ENTROPY and level >= 1.0):
        for a in range(values.size):
            out[a] = 1.0 / count if values[a] > -math.inf else 0.0
        return 0.0
    scaled = np.empty(values.size)
    for a in range(values.size):
        scaled[a] = (values[a] - top) / spread if values[a] > -math.inf else -math.inf
    if kind == BOLTZMANN:
        fill_boltzmann(scaled, min(spread / level, GREATEST_SHARPNESS), out)
        return 1.0 / level
    return solve_sharpness(scaled, level, out) / spread


@compiled
def choose(kind, level, values, best, uniform, scratch):
    """One action from one uniform number in [0, 1)."""
    if kind == EPSILON_GREEDY:
        return pick_feasible(values, uniform / level) if uniform < level else best
    fill_probabilities(kind, level, values, scratch)
    return pick(scratch, uniform)


@compiled
def expected_value(kind, level, values, scratch):
    """Σ π(a)·value(a) over feasible actions."""
    fill_probabilities(kind, level, values, scratch)
    total = 0.0
    for a in range(values.size):
        if scratch[a] > 0.0:
            total += scratch[a] * values[a]
    return total


@compiled
def fill_rows(kind, level, values, out, sharpness):
    """:func:`fill_probabilities` for each row."""
    for r in range(values.shape[0]):
        sharpness[r] = fill_probabilities(kind, level, values[r], out[r])
