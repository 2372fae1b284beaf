"""Compiled arithmetic of evolved strategies: small networks, tournaments, crossover and mutation.

Everything random comes as uniform numbers in [0, 1).
"""

from __future__ import annotations

import math

from learners.compiled import compiled


@compiled
def network_shares(weights, inputs, hidden, out):
    """out[r, n] in (0, 1): a network of tanh units and one sigmoid, or the sigmoid of one weight.

    weights (batch, n, weights), inputs (batch, n, inputs). Layout: per hidden unit its input weights and
    bias, then the output's weights and bias.
    """
    wide = inputs.shape[2]
    for r in range(weights.shape[0]):
        for n in range(weights.shape[1]):
            w = weights[r, n]
            at = 0
            total = 0.0
            last = hidden * (wide + 1)
            for h in range(hidden):
                unit = w[at + wide]
                for j in range(wide):
                    unit += w[at + j] * inputs[r, n, j]
                at += wide + 1
                total += w[last + h] * math.tanh(unit)
            total += w[last + hidden]
            out[r, n] = 1.0 / (1.0 + math.exp(-total)) if total > -700.0 else 0.0


@compiled
def breed(weights, memories, fitness, normals, uniforms, contest, elites, immigrants, rate, reset, new, kept):
    """The next generation of one pool: elites, children of tournament winners, immigrants.

    normals (n, weights): mutation steps; uniforms (n, 2·contest + 2·weights): contestants of both parents,
    then crossover and mutation per weight; reset (n, weights): weights of immigrants. A child remembers
    what its first parent does.
    """
    n, width = weights.shape
    order = (-fitness).argsort(kind="mergesort")
    for k in range(n):
        if k < elites:
            new[k] = weights[order[k]]
            kept[k] = memories[order[k]]
            continue
        if k >= n - immigrants:
            new[k] = reset[k]
            kept[k] = memories[k]
            continue
        parents = (0, 0)
        for side in range(2):
            winner = -1
            for c in range(contest):
                one = min(int(uniforms[k, side * contest + c] * n), n - 1)
                if winner < 0 or fitness[one] > fitness[winner]:
                    winner = one
            parents = (winner, parents[1]) if side == 0 else (parents[0], winner)
        kept[k] = memories[parents[0]]
        at = 2 * contest
        for w in range(width):
            gene = weights[parents[0], w] if uniforms[k, at + w] < 0.5 else weights[parents[1], w]
            if uniforms[k, at + width + w] < rate:
                gene += normals[k, w]
            new[k, w] = gene
