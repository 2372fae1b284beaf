"""Sessions: learners play a game, round after round, in many replicates, until a stopping rule holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clearing.errors import ClearingError, InputError
from learners.games.game import PayoffTensor, one_profile, tabulate
from learners.protocols import (
    MaskedSource,
    Masks,
    PayoffSource,
    RandomSource,
    StrategicLearner,
    level_count,
)
from learners.sessions.stopping import Stages, Stopping
from learners.sessions.streams import replicate_numbers
from learners.sessions.traces import Trace, TraceSpec
from learners.strategies.learner import Learner, LearnerSpec, Seat
from learners.strategies.memory import DemandLevel, WorldStates
from learners.strategies.policy_card import Strategy, resting_cycle
from learners.strategies.tabular import Tabular
from networks.checks import whole

if TYPE_CHECKING:
    from learners.sessions.run import Run

LEVELS = ("cycle", "drawn")
MOST_TABULATED = 20_000  # profiles that are cleared unasked; `game.tensor()` clears any number
Listener = Callable[[int, int, int], None]  # (rounds played, replicates still playing, replicates)


@dataclass(frozen=True, eq=False)
class Session:
    """Learners in their seats, and when they stop.

    Parameters
    ----------
    source : a payoff source, or Stages. Its optional method `feasible(stage, player, last)` gives masks.
    learners : one specification per player.
    stopping : the rule, or a number of rounds.
    every : player i may move in the rounds t with (t − offset) divisible by `every`; pairs (every, offset)
        per player. All move in every round by default; ((2, 0), (2, 1)) are alternating moves.
    first : the profile that stands before the first round; drawn by default.
    trace : what is kept of the rounds.
    levels : "cycle" plays round t at demand level t modulo the source's levels, "drawn" at random ones, and
        players know the level before they act (`DemandLevel`). None: levels are drawn and unknown.

    Examples
    --------
    >>> from learners.games.game import PayoffTensor
    >>> from learners.strategies.policies import EpsilonGreedy, Exponential
    >>> from learners.sessions.stopping import Stopping
    >>> from learners.strategies.tabular import QLearning
    >>> dilemma = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
    >>> spec = QLearning(alpha=0.1, gamma=0.0, policy=EpsilonGreedy(Exponential(0.01)))
    >>> ended = Session(dilemma, (spec, spec), Stopping(20_000, unchanged=500)).play(seed=1, replicates=4)
    >>> float(ended.limit_profits().mean())
    1.0
    """

    source: PayoffSource | Stages
    learners: tuple[LearnerSpec, ...]
    stopping: Stopping | int
    every: tuple[tuple[int, int], ...] | None = None
    first: tuple[int, ...] | None = None
    trace: TraceSpec = field(default_factory=TraceSpec)
    levels: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "learners", tuple(self.learners))
        if not isinstance(self.stopping, Stopping):
            object.__setattr__(self, "stopping", Stopping(self.stopping))
        count = len(self.stages[0].actions)
        if len(self.learners) != count:
            raise InputError(f"Session: {len(self.learners)} learners for {count} players; give one each")
        if self.every is not None and (
            len(self.every) != count or any(e < 1 or not 0 <= o < e for e, o in self.every)
        ):
            raise InputError(
                f"Session: every is {self.every}; give {count} pairs (every ≥ 1, 0 ≤ offset < every)"
            )
        if self.first is not None:
            first = tuple(one_profile(self.stages[0], self.first, "Session: first"))
            object.__setattr__(self, "first", first)
        if self.levels is not None:
            announced_levels(self.source, self.levels)
        self.rule.earliest(self.learners)

    @property
    def rule(self) -> Stopping:
        """The stopping rule."""
        assert isinstance(self.stopping, Stopping)
        return self.stopping

    @property
    def stages(self) -> tuple[PayoffSource, ...]:
        """The games of an episode; one in a repeated game."""
        return self.source.sources if isinstance(self.source, Stages) else (self.source,)

    @property
    def random(self) -> bool:
        """Whether payoffs are drawn: a source says `random`, or the session announces levels."""
        return self.levels is not None or any(isinstance(s, RandomSource) and s.random for s in self.stages)

    @property
    def feasible(self) -> Masks | None:
        """What says which actions are feasible; None where all are."""
        return self.source.feasible if isinstance(self.source, MaskedSource) else None

    @cached_property
    def table(self) -> PayoffTensor | None:
        """Every profile's payoffs, for the compiled loop; None where the loop through `act` has to play.

        A game that is no table yet is tabulated where it has no more profiles than rounds are to be played;
        one with a profile that cannot be cleared is not.
        """
        source = self.source
        tables = all(
            isinstance(spec, Tabular) and not isinstance(spec.memory, (WorldStates, DemandLevel))
            for spec in self.learners
        )
        if not tables or self.random or isinstance(source, (Stages, MaskedSource)):
            return None
        if isinstance(source, PayoffTensor):
            return source if type(source).payoffs is PayoffTensor.payoffs else None
        if math.prod(map(int, source.actions)) > min(self.rule.rounds, MOST_TABULATED):
            return None
        try:
            return tabulate(source)
        except ClearingError:
            return None

    def seats(self) -> tuple[Seat, ...]:
        """Where the learners sit."""
        return tuple(Seat(i, self.stages[0], len(self.stages)) for i in range(len(self.learners)))

    def start(self, seed: int, replicates: int | Sequence[int] = 1) -> Run:
        """A run that can be advanced, saved and resumed; replicates by number, 0, 1, ... by default."""
        from learners.sessions.run import Run

        return Run(self, seed, replicate_numbers(replicates))

    def resume(self, path: Path | str) -> Run:
        """The run that `Run.save` wrote, going on bit for bit as if it had not stopped."""
        from learners.sessions.files import read_run

        return read_run(self, Path(path))

    def play(
        self,
        seed: int = 0,
        replicates: int | Sequence[int] = 1,
        workers: int = 1,
        executor: Executor | None = None,
        checkpoint: Path | str | None = None,
        listener: Listener | None = None,
    ) -> Result:
        """Play replicates to their end; the same bits whatever `workers`, `executor`, or how they are cut.

        Parameters
        ----------
        workers : threads where the compiled loop plays, else processes (the session must be picklable).
        executor : any `concurrent.futures.Executor`, such as a cluster's.
        checkpoint : file that is written about every ten seconds and resumed from; single worker only.
        listener : called with (rounds played, replicates still playing, replicates) now and then.
        """
        numbers, workers = replicate_numbers(replicates), whole("workers", workers)
        if workers <= 1 and executor is None:
            kept = None if checkpoint is None else Path(checkpoint)
            run = self.resume(kept) if kept is not None and kept.exists() else self.start(seed, numbers)
            if (run.seed, run.replicates) != (seed, numbers):
                raise InputError(
                    f"checkpoint {kept} is of seed {run.seed} and other replicates; ask for those"
                )
            run.finish(kept, listener)
            return run.result()
        if checkpoint is not None:
            raise InputError("checkpoint: give it with one worker; several would write the same file")
        pieces = [
            list(p) for p in np.array_split(np.array(numbers), min(len(numbers), 4 * workers)) if len(p)
        ]
        if executor is not None:
            results = list(executor.map(_play_piece, [(self, seed, p) for p in pieces]))
        else:
            pool: Executor = (
                ThreadPoolExecutor(workers)
                if self.start(seed, numbers[:1]).compiled
                else ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
            )
            with pool:
                results = list(pool.map(_play_piece, [(self, seed, p) for p in pieces]))
        return Result(self, seed, tuple(e for r in results for e in r.ended))


@dataclass(frozen=True, eq=False)
class Ended:
    """One replicate's end.

    Attributes
    ----------
    replicate : its number, which with the seed names its stream.
    rounds : rounds played; `stable` says that the strategies had stopped changing.
    standing : (players,) last profile.
    arrays : what each learner remembers.
    trace : kept rounds.
    """

    replicate: int
    rounds: int
    stable: bool
    standing: np.ndarray
    arrays: tuple[dict[str, np.ndarray], ...]
    trace: Trace


@dataclass(frozen=True, eq=False)
class Result:
    """How a session ended in each replicate; it names its seed (law 9)."""

    session: Session
    seed: int
    ended: tuple[Ended, ...]

    @property
    def rounds(self) -> np.ndarray:
        """(replicates,) rounds played."""
        return np.array([e.rounds for e in self.ended])

    @property
    def stable(self) -> np.ndarray:
        """(replicates,) whether strategies had stopped changing."""
        return np.array([e.stable for e in self.ended])

    def learner(self, player: int) -> Learner:
        """One player's learner with what it knows in all replicates."""
        learner = self.session.learners[player].begin(self.session.seats()[player], len(self.ended))
        names = self.ended[0].arrays[player]
        learner.load({name: np.stack([e.arrays[player][name] for e in self.ended]) for name in names})
        return learner

    def strategies(self, row: int = 0, **at: int) -> tuple[Strategy, ...]:
        """The greedy strategies of one replicate, for learners that have `strategy(row)`.

        `level=` or `stage=` chooses those of a demand level, or of a stage of an episode.
        """
        return tuple(learner.strategy(row, **at) for learner in self._strategists())

    def limit_profits(self) -> np.ndarray:
        """(replicates, players) mean profits of the cycle that greedy play ends in [$ per round]."""
        if self.session.every is not None or len(self.session.stages) > 1:
            raise InputError("limit_profits: moves alternate or come in stages; use window_profits")
        source = self.session.stages[0]
        out = []
        players = self._strategists()
        for row, ended in enumerate(self.ended):
            greedy = [learner.strategy(row) for learner in players]
            out.append(
                source.payoffs(resting_cycle(greedy, source.actions, ended.standing.tolist())).mean(axis=0)
            )
        return np.array(out)

    def _strategists(self) -> list[StrategicLearner]:
        learners = [self.learner(i) for i in range(len(self.session.learners))]
        for learner in learners:
            if not isinstance(learner, StrategicLearner):
                raise InputError(f"{type(learner).__name__} has no strategy(row); use window_profits")
        return learners  # type: ignore[return-value]

    def window_profits(self) -> np.ndarray:
        """(replicates, players) mean profits over each replicate's last rounds [$ per round]."""
        source = self.session.stages[0]
        return np.array(
            [
                (e.trace.last_profits if e.trace.random else source.payoffs(e.trace.last_profiles)).mean(
                    axis=0
                )
                for e in self.ended
            ]
        )


def announced_levels(source: object, levels: str) -> int:
    """How many demand levels a source has that announces them by `levels`."""
    if levels not in LEVELS:
        raise InputError(f"levels is {levels!r}; give one of {', '.join(LEVELS)}, or None")
    return level_count(source)


def _play_piece(piece: tuple[Session, int, list[int]]) -> Result:
    session, seed, replicates = piece
    return session.play(seed, [int(r) for r in replicates])
