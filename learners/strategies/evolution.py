"""Genetic self-play: every player keeps a pool of strategies that meet the others' and breed on profit.

A strategy is a small neural network from what it saw when it last played (its own action and the signals,
such as the price, of no, one or several rounds) to an action, or a constant. Each generation every strategy
plays the same number of matches against randomly drawn rivals; its fitness is its mean profit.

Source: "Simulating power markets with competitive self-play" (post on an unpublished article of 2009 from
Sintef Energy): pools of 50 strategies, each played ten times a generation, inputs own last mark-up and price.
Network size, tournament, elites and mutation are not given there and are ours.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clearing.errors import InputError
from learners.protocols import PayoffSource

if TYPE_CHECKING:
    from learners.strategies.evolving import EvolvingLearner
    from learners.strategies.learner import Seat

STARTS = {"random": None, "defecting": 0.05, "cooperative": 0.95}  # share of the action range
SAVE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Evolution:
    """A genetic algorithm over strategies; in a session a learner whose strategies take turns in its seat.

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
    start : where the first pools, and immigrants, lie: "random", "defecting" (near the first action),
        "cooperative" (near the last), or the share of the action range around which they are drawn.
    signal_range : per signal (low, high) that are scaled to [0, 1]; by default those of the profiles in
        which all players take the same share of their actions.
    memory : rounds that a network sees, of its own last matches; 0 leaves it without inputs.
    sees_level : whether it also sees the demand level, where levels are announced.
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
    start: float | str | None = None
    signal_range: tuple[tuple[float, float], ...] | None = None
    memory: int = 1
    sees_level: bool = False

    def __post_init__(self) -> None:
        if min(self.strategies - 1, self.matches, self.tournament) < 1 or min(self.hidden, self.memory) < 0:
            raise InputError(
                f"Evolution: {self.strategies} strategies, {self.matches} matches, tournament of "
                f"{self.tournament}, {self.hidden} hidden, memory {self.memory}; give at least 2, 1, 1, 0, 0"
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
        if isinstance(self.start, str) and self.start not in STARTS:
            raise InputError(
                f"Evolution: start is {self.start!r}; give one of {', '.join(STARTS)}, or a share"
            )
        if self.share is not None and not 0 < self.share < 1:
            raise InputError(f"Evolution: start is {self.start!r}; give a share between 0 and 1, or None")

    @property
    def share(self) -> float | None:
        """Share of the action range around which strategies are drawn; None is anywhere."""
        return STARTS[self.start] if isinstance(self.start, str) else self.start

    def begin(self, seat: Seat, replicates: int) -> EvolvingLearner:
        """A pool in a seat of a session: one of its strategies plays each round, in turn."""
        from learners.strategies.evolving import EvolvingLearner

        return EvolvingLearner(self, seat, replicates)

    def settled(self, exploration: float) -> float:
        """Never: pools mutate for ever."""
        return math.inf

    def evolve(
        self,
        source: PayoffSource,
        generations: int,
        seed: int = 0,
        replicates: int | Sequence[int] = 1,
        listener: Callable[[int, int, int], None] | None = None,
        levels: str | None = None,
        checkpoint: Path | str | None = None,
    ) -> Evolved:
        """Breed pools for all players of a game; replicates are batched and independent of each other.

        Without levels the matches are those of a session in which this learner has all seats, bit for bit.

        Parameters
        ----------
        levels : "cycle" or "drawn" plays each pass of matches at one demand level of the source, the next
            one or a random one; every strategy of a pool meets the same levels. None: expected payoffs.
        listener : called with (generation, replicates, replicates) after each.
        checkpoint : file that is written about every ten seconds and gone on from, bit for bit.
        """
        from learners.strategies.self_play import Pools

        numbers = tuple(range(replicates)) if isinstance(replicates, int) else tuple(replicates)
        path = None if checkpoint is None else Path(checkpoint)
        if generations < 1:
            raise InputError(f"Evolution: generations is {generations!r}; give at least 1")
        pools = Pools(self, source, seed, numbers, levels)
        if path is not None and path.exists():
            pools.load(path)
        if pools.generation > generations:
            raise InputError(
                f"checkpoint {path} is {pools.generation} generations old; ask for at least as many"
            )
        saved = time.monotonic()
        while pools.generation < generations:
            pools.advance()
            if listener is not None:
                listener(pools.generation, len(numbers), len(numbers))
            if path is not None and (
                pools.generation == generations or time.monotonic() - saved > SAVE_SECONDS
            ):
                pools.save(path)
                saved = time.monotonic()
        return pools.evolved(generations)


@dataclass(frozen=True, eq=False)
class Evolved:
    """How the pools of a game went.

    Attributes
    ----------
    median_action : (generations, replicates, players) median action index played.
    mean_profit : (generations, replicates, players) mean profit of a match [$].
    weights : (replicates, players, strategies, weights) last pools, before their first match.
    quartiles : (generations, replicates, players, 2) lower and upper quartile of the actions played.
    mean_signals : (generations, replicates, signals) mean over the matches, such as of price and welfare.
    """

    source: PayoffSource
    seed: int
    replicates: tuple[int, ...]
    median_action: np.ndarray
    mean_profit: np.ndarray
    weights: np.ndarray
    hidden: int
    quartiles: np.ndarray
    mean_signals: np.ndarray

    def held_since(self, accept: Callable[[np.ndarray], np.ndarray], generations: int = 10) -> np.ndarray:
        """(replicates,) first generation from which `accept` (profiles → bool) holds so long, or −1."""
        good = np.stack([accept(row) for row in self.median_action]).astype(int)
        total = np.cumsum(np.vstack([np.zeros((1, good.shape[1]), dtype=int), good]), axis=0)
        full = total[generations:] - total[:-generations] == generations
        return np.where(full.any(axis=0), full.argmax(axis=0), -1)
