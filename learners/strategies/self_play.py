"""Genetic self-play in batches: the pools of all players and replicates, a pass of matches at a time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clearing.errors import InputError
from learners.protocols import PayoffSource, signal_names, signalling
from learners.sessions.session import announced_levels
from learners.sessions.streams import NOISE, UniformStreams
from learners.strategies.evolution import Evolution, Evolved
from learners.strategies.gene_pools import (
    Layout,
    choose_actions,
    first_weights,
    next_generation,
    remember,
    scale_signals,
    signal_range,
)

KEPT = ("weights", "memory", "keys")
HISTORY = ("median_action", "mean_profit", "quartiles", "mean_signals")


class Pools:
    """Pools (replicates, players, strategies, ...) and their history so far."""

    def __init__(
        self,
        spec: Evolution,
        source: PayoffSource,
        seed: int,
        replicates: Sequence[int],
        levels: str | None = None,
    ) -> None:
        self.spec, self.source, self.seed, self.replicates = spec, source, seed, tuple(replicates)
        self.levels, self.level_count = levels, _level_count(spec, source, levels)
        self.sender, self.names = signalling(source), signal_names(source)
        self.range, self.layout = signal_range(spec, source), Layout.of(spec, source)
        self.players, self.generation = len(source.actions), 0
        self.counts = np.array(source.actions)
        self.streams = UniformStreams(seed, self.replicates)
        self.streams.draw(self.players)  # of a session's first profile, so that its matches are these
        self.demand = UniformStreams(seed, self.replicates, NOISE)
        shape = (len(self.replicates), self.players, spec.strategies)
        self.weights = np.zeros((*shape, self.layout.width))
        self.memory = np.zeros((*shape, self.layout.remembered))
        self.keys = np.tile(np.arange(spec.strategies, dtype=float), (*shape[:2], 1))
        self.history: dict[str, list[np.ndarray]] = {name: [] for name in HISTORY}

    def advance(self) -> None:
        """One generation: matches, fitness, breeding."""
        spec, size = self.spec, self.layout
        fitness = np.zeros(self.keys.shape)
        played = np.empty((size.passes, *self.keys.shape), dtype=np.int64)
        spare = np.empty((*self.keys.shape[:2], size.passes, size.size, size.spare))
        heard_sum = np.zeros((len(self.replicates), len(self.names)))
        for m in range(size.passes):
            numbers = self.streams.draw(size.size, self.players, size.draws).transpose(0, 2, 1, 3)
            own = 1 + size.width + size.remembered
            if self.generation == 0 and m == 0:
                self.weights = first_weights(spec, numbers[..., 1 : 1 + size.width])
                self.memory = np.ascontiguousarray(numbers[..., 1 + size.width : own])
            order = np.argsort(self.keys, axis=-1, kind="stable")
            level = self._level(self.generation * size.passes + m)
            actions = self._actions(level)
            met = np.take_along_axis(actions, order, axis=2)
            profiles = met.transpose(0, 2, 1).reshape(-1, self.players)
            back = np.argsort(order, axis=-1, kind="stable")
            paid, heard = self._play(profiles, level)
            fitness += np.take_along_axis(paid, back, axis=2)
            played[m] = actions
            heard_sum += heard.sum(axis=1)
            self._remember(actions, heard, back)
            self.keys = np.ascontiguousarray(numbers[..., 0])
            spare[:, :, m] = numbers[..., own:]
        self._record(played, fitness, heard_sum)
        shape = (-1, size.size)
        weights, memory = next_generation(
            spec, size, self.weights.reshape(*shape, size.width),
            self.memory.reshape(len(fitness) * self.players, size.size, size.remembered),
            fitness.reshape(shape), spare.reshape(len(fitness) * self.players, -1, size.spare),
        )  # fmt: skip
        self.weights, self.memory = weights.reshape(self.weights.shape), memory.reshape(self.memory.shape)
        self.generation += 1

    def _level(self, turn: int) -> np.ndarray | None:
        """(replicates,) demand level of a pass."""
        if self.levels is None:
            return None
        if self.levels == "cycle":
            return np.full(len(self.replicates), turn % self.level_count)
        return (self.demand.draw(1)[:, 0] * self.level_count).astype(np.int64)

    def _actions(self, level: np.ndarray | None) -> np.ndarray:
        """Action indices (replicates, players, strategies)."""
        batch, players, n = self.keys.shape
        size, seen = self.layout, None
        if self.spec.sees_level and level is not None:
            share = level / max(self.level_count - 1, 1)
            seen = np.broadcast_to(share[:, None, None], self.keys.shape).reshape(-1, n)
        counts = np.tile(self.counts, batch)[:, None]
        flat = choose_actions(
            size, self.weights.reshape(-1, n, size.width),
            self.memory.reshape(batch * players, n, size.remembered), seen, counts,
        )  # fmt: skip
        return flat.reshape(batch, players, n)

    def _play(self, profiles: np.ndarray, level: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Payoffs (replicates, players, matches) [$] and signals (replicates, matches, signals)."""
        batch, players, n = self.keys.shape
        at: dict[str, Any] = {} if level is None else {"level": np.repeat(level, n)}
        paid = self.source.payoffs(profiles, **at).reshape(batch, n, players).transpose(0, 2, 1)
        if self.sender is None:
            return paid, np.zeros((batch, n, 0))
        heard = self.sender.signals(profiles, **at)
        return paid, heard.reshape(batch, n, -1)

    def _remember(self, actions: np.ndarray, heard: np.ndarray, back: np.ndarray) -> None:
        batch, players, n = self.keys.shape
        own = actions / np.maximum(self.counts[None, :, None] - 1, 1)
        scaled = np.broadcast_to(
            scale_signals(heard, self.range)[:, None], (batch, players, *heard.shape[1:])
        )
        scaled = np.take_along_axis(scaled, back[..., None], axis=2)
        memory = self.memory.reshape(batch * players, n, self.layout.remembered)
        remember(memory, own.reshape(-1, n), scaled.reshape(batch * players, n, heard.shape[2]))
        self.memory = memory.reshape(self.memory.shape)

    def _record(self, played: np.ndarray, fitness: np.ndarray, heard: np.ndarray) -> None:
        batch, players, n = fitness.shape
        count = self.layout.passes * n
        in_order = np.sort(np.moveaxis(played, 0, 3).reshape(batch, players, -1), axis=2)
        self.history["median_action"].append(in_order[..., (count - 1) // 2])
        self.history["quartiles"].append(in_order[..., [(count - 1) // 4, 3 * (count - 1) // 4]])
        self.history["mean_profit"].append(fitness.mean(axis=2) / self.layout.passes)
        self.history["mean_signals"].append(heard / count)

    def evolved(self, generations: int) -> Evolved:
        """The first generations of what happened so far."""
        known = self._history()
        median, profit, quartiles, heard = (known[name][:generations] for name in HISTORY)
        return Evolved(
            self.source, self.seed, self.replicates, median, profit, self.weights, self.spec.hidden,
            quartiles, heard,
        )  # fmt: skip

    def _history(self) -> dict[str, np.ndarray]:
        batch, players = self.keys.shape[:2]
        shapes = {
            "median_action": (batch, players),
            "mean_profit": (batch, players),
            "quartiles": (batch, players, 2),
            "mean_signals": (batch, len(self.names)),
        }
        whole = {"median_action": np.int64, "quartiles": np.int64}
        return {
            name: np.array(rows, dtype=whole.get(name, float)).reshape(len(rows), *shapes[name])
            for name, rows in self.history.items()
        }

    def save(self, path: Path) -> None:
        """Write everything needed to go on, in one step."""
        from learners.sessions.files import write_arrays

        write_arrays(
            path,
            {
                "about": np.array([self._fingerprint(), str(self.seed)]),
                "counts": np.array([self.generation]),
                "replicates": np.array(self.replicates),
                **{name: getattr(self, name) for name in KEPT},
                **{f"history/{name}": rows for name, rows in self._history().items()},
            },
        )

    def load(self, path: Path) -> None:
        """Go on where :meth:`save` left off."""
        from learners.sessions.files import read_arrays

        data = read_arrays(path)
        about = tuple(map(str, data.get("about", ())))
        if about[:1] != (self._fingerprint(),):
            raise InputError(
                f"checkpoint {path} is of another self-play; resume it with the one that wrote it"
            )
        if (about[1], data["replicates"].tolist()) != (str(self.seed), list(self.replicates)):
            raise InputError(f"checkpoint {path} is of seed {about[1]} and other replicates; ask for those")
        self.generation = int(data["counts"][0])
        for name in KEPT:
            setattr(self, name, data[name])
        self.history = {name: list(data[f"history/{name}"]) for name in HISTORY}
        matches = self.generation * self.layout.passes
        drawn = self.players + matches * self.layout.size * self.players * self.layout.draws
        self.streams = UniformStreams(self.seed, self.replicates, skip=drawn)
        self.demand = UniformStreams(
            self.seed, self.replicates, NOISE, matches if self.levels == "drawn" else 0
        )

    def _fingerprint(self) -> str:
        from learners.sessions.files import digest_of

        return digest_of("self-play", self.spec, self.levels, sources=(self.source,))


def _level_count(spec: Evolution, source: PayoffSource, levels: str | None) -> int:
    """How many demand levels the source has."""
    if levels is None:
        if spec.sees_level:
            raise InputError("Evolution: sees_level needs levels that are announced; give levels='cycle'")
        return 0
    return announced_levels(source, levels)
