"""One random stream per replicate, read so that no number depends on which replicates run together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clearing.errors import InputError
from networks.checks import whole

PLAY, NOISE = 0, 1  # what a replicate's streams are for
BLOCK = 256


def replicate_numbers(replicates: int | Sequence[int]) -> tuple[int, ...]:
    """Replicates by number: 0, 1, ... where a count is given."""
    if np.ndim(replicates) == 0:
        return tuple(range(whole("replicates", replicates)))
    numbers = tuple(whole("replicates: a number", r, minimum=0) for r in replicates)  # type: ignore[union-attr]
    if not numbers or len(set(numbers)) < len(numbers):
        raise InputError(f"replicates is {replicates!r}; give a positive count, or distinct numbers from 0")
    return numbers


def stream(seed: int, replicate: int, purpose: int = PLAY, skip: int = 0) -> np.random.Generator:
    """The generator of (seed, replicate, purpose), with its first `skip` uniform numbers already drawn."""
    seed = whole("seed", seed, minimum=0)
    bits = np.random.PCG64(np.random.SeedSequence(entropy=seed, spawn_key=(replicate, purpose)))
    if skip:
        bits.advance(skip)
    return np.random.Generator(bits)


class UniformStreams:
    """Uniform numbers in [0, 1) of several replicates, each from its own stream."""

    def __init__(self, seed: int, replicates: Sequence[int], purpose: int = PLAY, skip: int = 0) -> None:
        self.generators = [stream(seed, r, purpose, skip) for r in replicates]

    def draw(self, *shape: int) -> np.ndarray:
        """(replicates, *shape); in how many calls numbers are drawn makes no difference."""
        out = np.empty((len(self.generators), *shape))
        for row, generator in zip(out, self.generators, strict=True):
            generator.random(out=row)
        return out

    def keep(self, rows: np.ndarray) -> None:
        """Drop the other replicates."""
        self.generators = [self.generators[k] for k in rows]


class RowNoise:
    """What a random payoff source is given as its generator: row r draws from replicate r's own stream.

    It answers the calls of :class:`numpy.random.Generator` that draw one number per row: `random`,
    `uniform` and `integers` with `size` the number of rows.
    """

    def __init__(self, seed: int, replicates: Sequence[int], drawn: int = 0) -> None:
        self._streams = UniformStreams(seed, replicates, NOISE, drawn)
        self.drawn = drawn
        self._block = np.empty((len(replicates), 0))
        self._at = 0

    def keep(self, rows: np.ndarray) -> None:
        """Drop the other replicates."""
        self._streams.keep(rows)
        self._block = self._block[rows]

    def random(self, size: int | None = None) -> np.ndarray:
        """(rows,) uniform in [0, 1)."""
        rows = len(self._block)
        if size != rows:
            raise ValueError(f"a payoff source drew {size!r} numbers for {rows} rows; draw one per row")
        if self._at == self._block.shape[1]:
            self._block, self._at = self._streams.draw(BLOCK), 0
        self._at += 1
        self.drawn += 1
        return self._block[:, self._at - 1]

    def uniform(self, low: float = 0.0, high: float = 1.0, size: int | None = None) -> np.ndarray:
        """(rows,) uniform in [low, high)."""
        return low + (high - low) * self.random(size)

    def integers(self, low: int, high: int | None = None, size: int | None = None) -> np.ndarray:
        """(rows,) integers in [low, high), or [0, low)."""
        first, end = (0, low) if high is None else (low, high)
        return first + np.minimum((self.random(size) * (end - first)).astype(np.int64), end - first - 1)
