"""Pools of evolved strategies: their random numbers, what they do, what they remember, and how they breed.

Every array has the pools on its first axis: replicates of one player in a session, replicates and players
together in :meth:`learners.strategies.evolution.Evolution.evolve`. The two share this arithmetic and the
layout of their random numbers, so that they play the same matches bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from clearing.errors import InputError
from learners.protocols import PayoffSource, signal_names, signalling
from learners.strategies.compiled_networks import breed, network_shares

if TYPE_CHECKING:
    from learners.strategies.evolution import Evolution


@dataclass(frozen=True)
class Layout:
    """Sizes that follow from a specification and a game.

    Attributes
    ----------
    size, passes : strategies of a pool, and matches of each per generation.
    hidden : hidden units.
    remembered : numbers that a strategy remembers: per round its own action and the signals.
    inputs, width : inputs of a network, and its weights.
    spare : numbers of each match that are kept for breeding.
    draws : numbers in [0, 1) per match: one orders the next pass, then a first strategy and its memory,
        then those for breeding.
    """

    size: int
    passes: int
    hidden: int
    remembered: int
    inputs: int
    width: int
    spare: int
    draws: int

    @classmethod
    def of(cls, spec: Evolution, source: PayoffSource) -> Layout:
        """Of a pool in a seat of a game."""
        remembered = spec.memory * (1 + len(signal_names(source)))
        inputs = remembered + int(spec.sees_level)
        width = spec.hidden * (inputs + 1) + spec.hidden + 1
        spare = -(-(2 * spec.tournament + 4 * width) // spec.matches)
        return cls(
            spec.strategies, spec.matches, spec.hidden, remembered, inputs, width, spare,
            1 + width + remembered + spare,
        )  # fmt: skip


def first_weights(spec: Evolution, uniforms: np.ndarray) -> np.ndarray:
    """Random strategies from numbers in [0, 1) (..., width), around the share of actions asked for."""
    weights = spec.spread * _normal(uniforms)
    if spec.share is not None:
        weights[..., -1] += np.log(spec.share / (1.0 - spec.share))
    return weights


def choose_actions(
    layout: Layout, weights: np.ndarray, memory: np.ndarray, level: np.ndarray | None, counts: np.ndarray
) -> np.ndarray:
    """Action indices (pools, n): the share of the range, cut in `counts` (pools, 1) equal parts.

    weights (pools, n, width), memory (pools, n, remembered), level (pools, n) in [0, 1] or None.
    """
    inputs = memory if level is None else np.concatenate([memory, level[..., None]], axis=2)
    shares = np.empty(weights.shape[:2])
    network_shares(np.ascontiguousarray(weights), np.ascontiguousarray(inputs), layout.hidden, shares)
    return np.minimum((shares * counts).astype(np.int64), counts - 1)


def remember(memory: np.ndarray, own: np.ndarray, heard: np.ndarray) -> None:
    """Put a round before the rest: own share of actions (pools, n), scaled signals (pools, n, signals)."""
    if memory.shape[2]:
        new = 1 + heard.shape[2]
        memory[..., new:] = memory[..., :-new].copy()
        memory[..., 0] = own
        memory[..., 1:new] = heard


def next_generation(
    spec: Evolution, layout: Layout, weights: np.ndarray, memory: np.ndarray, fitness: np.ndarray,
    spare: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Weights and memories after breeding on `fitness` (pools, n); spare (pools, n·passes, spare)."""
    pools, n, width = weights.shape
    numbers = spare.reshape(pools, n, -1)
    picks = 2 * spec.tournament + 2 * width
    uniforms = np.ascontiguousarray(numbers[..., :picks])
    normals = spec.step * _normal(numbers[..., picks : picks + width])
    reset = first_weights(spec, numbers[..., picks + width : picks + 2 * width])
    new, kept = np.empty_like(weights), np.empty_like(memory)
    for p in range(pools):
        breed(
            weights[p], memory[p], fitness[p], normals[p], uniforms[p], spec.tournament, spec.elites,
            spec.immigrants, spec.mutation, reset[p], new[p], kept[p],
        )  # fmt: skip
    return new, kept


def signal_range(spec: Evolution, source: PayoffSource) -> np.ndarray:
    """(2, signals) low and high of each signal; those of equal shares of all players' actions by default."""
    sender, names = signalling(source), signal_names(source)
    if sender is None or spec.memory == 0:
        return np.zeros((2, len(names))) + np.array([[0.0], [1.0]])
    if spec.signal_range is not None:
        given = np.array(spec.signal_range, dtype=float).T
        if given.shape != (2, len(names)) or not (given[0] < given[1]).all():
            raise InputError(
                f"Evolution: signal_range is {spec.signal_range}; give (low, high) of {', '.join(names)}"
            )
        return given
    shares = np.linspace(0.0, 1.0, max(source.actions))[:, None]
    heard = sender.signals(np.round(shares * (np.array(source.actions) - 1)).astype(np.int64))
    low, high = heard.min(axis=0), heard.max(axis=0)
    return np.stack([low, np.where(high > low, high, low + 1.0)])


def scale_signals(heard: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Signals (..., signals) as shares of their range, clipped to [0, 1]."""
    return (np.clip(heard, *bounds) - bounds[0]) / (bounds[1] - bounds[0])


def _normal(uniforms: np.ndarray) -> np.ndarray:
    """Standard normal numbers; the least uniform number, 0, is moved inside."""
    return ndtri(np.maximum(uniforms, 2.0**-54))
