"""Genetic self-play: every player keeps a pool of strategies that meet the others' and breed on profit.

A strategy is a small neural network from its own last mark-up and the last signals (such as the price) to
an action, or a constant. Each generation every strategy plays the same number of matches against randomly
drawn rivals; its fitness is its mean profit.

Source: "Simulating power markets with competitive self-play" (post on an unpublished article of 2009 from
Sintef Energy): pools of 50 strategies, each played ten times a generation, inputs own last mark-up and price.
Network size, tournament, elites and mutation are not given there and are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from clearing.errors import InputError
from learners.games.game import PayoffSource
from learners.sessions.streams import BREED, UniformStreams
from learners.strategies.compiled_networks import breed, network_shares


@dataclass(frozen=True, slots=True)
class Evolution:
    """A genetic algorithm over strategies.

    Parameters
    ----------
    strategies : size of each player's pool.
    matches : matches of each strategy per generation.
    hidden : hidden units of the networks; 0 makes every strategy a constant.
    tournament, elites : contestants per parent; best strategies that pass unchanged.
    mutation, step : probability per weight, and standard deviation of its change.
    immigrants : random strategies that replace the last children of every generation; they restore the
        variance without which a pool cannot answer any more.
    spread : standard deviation of first weights.
    start : share of the action range around which the first pools lie (outputs' bias); None is anywhere.
    signal_range : per signal (low, high) that are scaled to [0, 1]; by default those of the profiles in
        which all players take the same share of their actions.
    """

    strategies: int = 50
    matches: int = 10
    hidden: int = 3
    tournament: int = 3
    elites: int = 2
    mutation: float = 0.1
    step: float = 0.3
    immigrants: int = 0
    spread: float = 1.0
    start: float | None = None
    signal_range: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if min(self.strategies - 1, self.matches, self.tournament) < 1 or self.hidden < 0:
            raise InputError(
                f"Evolution: {self.strategies} strategies, {self.matches} matches, tournament of "
                f"{self.tournament}, {self.hidden} hidden; give at least 2, 1, 1, 0"
            )
        if min(self.elites, self.immigrants) < 0 or self.elites + self.immigrants >= self.strategies:
            raise InputError(
                f"Evolution: {self.elites} elites and {self.immigrants} immigrants of {self.strategies}; "
                "leave room for children"
            )
        if not (0 <= self.mutation <= 1 and self.step >= 0 and self.spread > 0):
            raise InputError(
                f"Evolution: mutation {self.mutation!r}, step {self.step!r}, spread {self.spread!r}; give a "
                "probability, a step of at least 0 and a positive spread"
            )
        if self.start is not None and not 0 < self.start < 1:
            raise InputError(f"Evolution: start is {self.start!r}; give a share between 0 and 1, or None")

    def evolve(
        self,
        source: PayoffSource,
        generations: int,
        seed: int = 0,
        replicates: int | Sequence[int] = 1,
        listener: Callable[[int, int, int], None] | None = None,
    ) -> Evolved:
        """Breed pools for all players of a game; replicates are batched and independent of each other."""
        numbers = tuple(range(replicates)) if isinstance(replicates, int) else tuple(replicates)
        pools = _Pools(self, source, seed, numbers)
        for generation in range(generations):
            pools.advance()
            if listener is not None:
                listener(generation + 1, len(numbers), len(numbers))
        return Evolved(
            source, seed, numbers, np.array(pools.median, dtype=np.int64).reshape(-1, *pools.shape[:2]),
            np.array(pools.mean_profit).reshape(-1, *pools.shape[:2]), pools.weights, self.hidden,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Evolved:
    """How the pools of a game went.

    Attributes
    ----------
    median_action : (generations, replicates, players) median action index played.
    mean_profit : (generations, replicates, players) mean profit of a match [$].
    weights : (replicates, players, strategies, weights) last pools, before their first match.
    """

    source: PayoffSource
    seed: int
    replicates: tuple[int, ...]
    median_action: np.ndarray
    mean_profit: np.ndarray
    weights: np.ndarray
    hidden: int

    def held_since(self, accept: Callable[[np.ndarray], np.ndarray], generations: int = 10) -> np.ndarray:
        """(replicates,) first generation from which `accept` (profiles → bool) holds so long, or −1."""
        good = np.stack([accept(row) for row in self.median_action]).astype(int)
        total = np.cumsum(np.vstack([np.zeros((1, good.shape[1]), dtype=int), good]), axis=0)
        full = total[generations:] - total[:-generations] == generations
        return np.where(full.any(axis=0), full.argmax(axis=0), -1)


class _Pools:
    """Pools (replicates, players, strategies, weights) and what each strategy saw when it last played."""

    def __init__(self, spec: Evolution, source: PayoffSource, seed: int, replicates: Sequence[int]) -> None:
        self.spec, self.source = spec, source
        self.names = tuple(getattr(source, "signal_names", ()))
        self.range = _signal_range(spec, source, self.names)
        self.inputs = 1 + len(self.names)
        self.width = spec.hidden * (self.inputs + 1) + spec.hidden + 1
        self.shape = (len(replicates), len(source.actions), spec.strategies)
        self.streams = UniformStreams(seed, replicates, BREED)
        self.weights = self._random_weights()
        self.memory = self.streams.draw(*self.shape[1:], self.inputs)
        self.median: list[np.ndarray] = []
        self.mean_profit: list[np.ndarray] = []

    def _random_weights(self) -> np.ndarray:
        weights = self.spec.spread * _normal(self.streams.draw(*self.shape[1:], self.width))
        if self.spec.start is not None:
            weights[..., -1] += np.log(self.spec.start / (1.0 - self.spec.start))
        return weights

    def advance(self) -> None:
        """One generation: matches, fitness, breeding."""
        spec, (batch, players, n) = self.spec, self.shape
        fitness = np.zeros(self.shape)
        played = np.empty((spec.matches, *self.shape), dtype=np.int64)
        # a random order per player pairs every strategy once per round of matches
        order = np.argsort(self.streams.draw(spec.matches, players, n), axis=-1, kind="stable")
        for m in range(spec.matches):
            actions = self._actions()
            profiles = (
                np.take_along_axis(actions, order[:, m], axis=2).transpose(0, 2, 1).reshape(-1, players)
            )
            paid = self.source.payoffs(profiles).reshape(batch, n, players).transpose(0, 2, 1)
            back = np.argsort(order[:, m], axis=-1, kind="stable")
            fitness += np.take_along_axis(paid, back, axis=2)
            played[m] = actions
            self._remember(actions, profiles, back)
        self.median.append(np.sort(np.moveaxis(played, 0, 3).reshape(batch, players, -1), axis=2)[
            ..., (spec.matches * n - 1) // 2])  # fmt: skip
        self.mean_profit.append(fitness.mean(axis=2) / spec.matches)
        self._breed(fitness / spec.matches)

    def _actions(self) -> np.ndarray:
        """Action indices (replicates, players, strategies): the share of the range, cut in equal parts."""
        batch, players, n = self.shape
        shares = np.empty((batch * players, n))
        network_shares(
            self.weights.reshape(batch * players, n, self.width),
            self.memory.reshape(batch * players, n, self.inputs), self.spec.hidden, shares,
        )  # fmt: skip
        counts = np.array(self.source.actions)[None, :, None]
        return np.minimum((shares.reshape(self.shape) * counts).astype(np.int64), counts - 1)

    def _remember(self, actions: np.ndarray, profiles: np.ndarray, back: np.ndarray) -> None:
        counts = np.array(self.source.actions)[None, :, None]
        self.memory[..., 0] = actions / np.maximum(counts - 1, 1)
        if self.names:
            heard = self.source.signals(profiles)  # type: ignore[attr-defined]
            scaled = (np.clip(heard, *self.range) - self.range[0]) / (self.range[1] - self.range[0])
            batch, players, n = self.shape
            for k in range(len(self.names)):
                by_match = np.broadcast_to(scaled[:, k].reshape(batch, 1, n), (batch, players, n))
                self.memory[..., 1 + k] = np.take_along_axis(by_match, back, axis=2)

    def _breed(self, fitness: np.ndarray) -> None:
        spec, (batch, players, n) = self.spec, self.shape
        normals = spec.step * _normal(self.streams.draw(players, n, self.width))
        uniforms = self.streams.draw(players, n, 2 * spec.tournament + 2 * self.width)
        reset = self._random_weights() if spec.immigrants else self.weights
        new, kept = np.empty_like(self.weights), np.empty_like(self.memory)
        for r in range(batch):
            for i in range(players):
                breed(
                    self.weights[r, i], self.memory[r, i], fitness[r, i], normals[r, i], uniforms[r, i],
                    spec.tournament, spec.elites, spec.immigrants, spec.mutation, reset[r, i],
                    new[r, i], kept[r, i],
                )  # fmt: skip
        self.weights, self.memory = new, kept


def _normal(uniforms: np.ndarray) -> np.ndarray:
    """Standard normal numbers; the least uniform number, 0, is moved inside."""
    return ndtri(np.maximum(uniforms, 2.0**-54))


def _signal_range(spec: Evolution, source: PayoffSource, names: tuple[str, ...]) -> np.ndarray:
    """(2, signals) low and high of each signal."""
    if not names:
        return np.zeros((2, 0))
    if spec.signal_range is not None:
        given = np.array(spec.signal_range, dtype=float).T
        if given.shape != (2, len(names)) or not (given[0] < given[1]).all():
            raise InputError(
                f"Evolution: signal_range is {spec.signal_range}; give (low, high) of {', '.join(names)}"
            )
        return given
    most = max(source.actions)
    shares = np.linspace(0.0, 1.0, most)[:, None]
    heard = source.signals(np.round(shares * (np.array(source.actions) - 1)).astype(np.int64))  # type: ignore[attr-defined]
    low, high = heard.min(axis=0), heard.max(axis=0)
    return np.stack([low, np.where(high > low, high, low + 1.0)])
