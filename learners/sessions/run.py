"""A session under way: the loop through `act` and `update`, its compiled twin, checkpoint and resume."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clearing.errors import InputError
from learners.protocols import EvaluatingSource, ListeningLearner, SettlingLearner, signalling
from learners.sessions.session import Ended, Listener, Result, Session, announced_levels
from learners.sessions.streams import RowNoise, UniformStreams
from learners.sessions.traces import Trace
from learners.strategies.compiled_tables import play_rounds
from learners.strategies.learner import Learner, Seen
from learners.strategies.memory import state_table
from learners.strategies.tabular import Tabular, TabularLearner

COMPILED_CHUNK, CHUNK = 8192, 256  # rounds between two looks at traces, stops and the listener
SAVE_SECONDS = 10.0


class Run:
    """Some replicates of a session, from their first round on.

    Attributes
    ----------
    round : rounds played by those still playing.
    active : replicates still playing, in the order of every batch axis.
    standing : (active, players) actions now standing.
    uniforms, noise : the streams of play, and of random payoffs.
    heard : (active, signals) of the last round, where it was random.
    level : (active,) demand level of the coming round, where the session announces it.
    traces, ended : by replicate, of those who play and those who have ended.
    table : the game's payoffs, where the compiled loop plays: tables of action values in all seats, no draws,
        masks or stages, and no more profiles than rounds (:attr:`Session.table`).
    """

    def __init__(self, session: Session, seed: int, replicates: tuple[int, ...]) -> None:
        self.session, self.seed, self.replicates = session, seed, replicates
        self.round, self.active = 0, list(replicates)
        self.learners: list[Learner] = [
            spec.begin(seat, len(replicates))
            for spec, seat in zip(session.learners, session.seats(), strict=True)
        ]
        self.draws = sum(learner.draws for learner in self.learners)
        self.earliest = session.rule.earliest(session.learners)
        self.players = len(self.learners)
        self.table = session.table
        stages = session.stages
        listens = any(isinstance(learner, ListeningLearner) and learner.listens for learner in self.learners)
        self.senders = tuple(signalling(s) if listens else None for s in stages)
        self.evaluators = tuple(s if listens and isinstance(s, EvaluatingSource) else None for s in stages)
        self.settling = [learner for learner in self.learners if isinstance(learner, SettlingLearner)]
        self.feasible = session.feasible
        self.heard: np.ndarray | None = None
        self.uniforms = UniformStreams(seed, replicates)
        self.noise = RowNoise(seed, replicates) if session.random else None
        counts = np.array(stages[0].actions)
        drawn = (self.uniforms.draw(self.players) * counts).astype(np.int64)
        self.standing = drawn if session.first is None else np.tile(session.first, (len(replicates), 1))
        own_profits = session.random or len(session.stages) > 1
        self.level_count = 0 if session.levels is None else announced_levels(session.source, session.levels)
        day = self.level_count if session.levels == "cycle" else len(session.stages)
        self.traces = {r: Trace(session.trace, self.players, own_profits, day) for r in replicates}
        self.level = self._next_level()
        self.ended: dict[int, Ended] = {}

    @property
    def compiled(self) -> bool:
        """Whether the compiled loop plays."""
        return self.table is not None

    @property
    def done(self) -> bool:
        """Whether all replicates have ended."""
        return not self.active

    def finish(self, checkpoint: Path | None = None, listener: Listener | None = None) -> None:
        """Play to the end; write the checkpoint every ten seconds and at the end."""
        saved = time.monotonic()
        while not self.done:
            self.advance(COMPILED_CHUNK if self.compiled else CHUNK)
            if listener is not None:
                listener(self.round, len(self.active), len(self.replicates))
            if checkpoint is not None and (self.done or time.monotonic() - saved > SAVE_SECONDS):
                self.save(checkpoint)
                saved = time.monotonic()

    def advance(self, rounds: int) -> None:
        """Play so many rounds more, less where the stopping rule ends them."""
        target = min(self.round + rounds, self.session.rule.rounds)
        chunk = COMPILED_CHUNK if self.compiled else CHUNK
        while self.active and self.round < target:
            count = min(chunk, target - self.round)
            uniforms = self.uniforms.draw(count, self.draws)
            if self.compiled:
                self._play_compiled(uniforms)
            else:
                self._play(uniforms)
        if self.round >= self.session.rule.rounds:
            self._retire(np.arange(len(self.active)), self.round, stable=False)

    def result(self) -> Result:
        """The end of every replicate."""
        if not self.done:
            raise InputError(
                f"run: {len(self.active)} replicates still play; call finish, or advance further"
            )
        return Result(self.session, self.seed, tuple(self.ended[r] for r in self.replicates))

    def _play(self, uniforms: np.ndarray) -> None:
        """The loop through `act` and `update`, for any learners."""
        count = uniforms.shape[1]
        start, at = self.round, 0
        profiles = np.empty((len(self.active), count, self.players), dtype=np.int32)
        profits = np.empty((len(self.active), count, self.players)) if self._own_profits else None
        cuts = np.cumsum([0, *(learner.draws for learner in self.learners)])
        unchanged = self.session.rule.unchanged
        before = self._seen()
        while at < count and self.active:
            now = self.round
            stage = now % len(self.session.stages)
            standing = self.standing.copy()
            for i, learner in enumerate(self.learners):
                if before[i].moves:
                    standing[:, i] = learner.act(before[i], uniforms[:, at, cuts[i] : cuts[i + 1]])
            paid = self._pay(stage, standing)
            self.standing, self.round = standing, now + 1
            self.level = self._next_level()
            after = self._seen()
            terminal = len(self.session.stages) > 1 and self.round % len(self.session.stages) == 0
            for i, learner in enumerate(self.learners):
                learner.update(before[i], standing, paid[:, i], after[i], terminal)
            profiles[:, at] = standing
            if profits is not None:
                profits[:, at] = paid
            at += 1
            before = after
            if unchanged is not None and self.round >= self.earliest:
                stopped = np.flatnonzero(now - self._last_change() >= unchanged)
                if len(stopped):
                    self._record(start, profiles[:, :at], None if profits is None else profits[:, :at])
                    kept = self._retire(stopped, self.round, stable=True)
                    uniforms, profiles, start = uniforms[kept, at:], profiles[kept, at:], self.round
                    profits = None if profits is None else profits[kept, at:]
                    count, at = count - at, 0
                    before = self._seen()
        self._record(start, profiles[:, :at], None if profits is None else profits[:, :at])

    def _play_compiled(self, uniforms: np.ndarray) -> None:
        """The same rounds in one compiled call; learners' arrays are packed, and unpacked afterwards."""
        source = self.table
        assert source is not None
        learners = [learner for learner in self.learners if isinstance(learner, TabularLearner)]
        batch, count, players = uniforms.shape
        specs = [learner.spec for learner in learners]
        rounds = np.arange(self.round, self.round + count + 1)
        every = self.session.every or ((1, 0),) * players
        packed = {
            name: pack([getattr(learner, name) for learner in learners])
            for name in ("tables", "best", "visits", "waiting", "taken", "gained", "weight", "last_change")
        }
        played = np.empty((batch, count), dtype=np.int64)
        stopped = np.full(batch, -1, dtype=np.int64)
        standing = np.ascontiguousarray(self.standing)
        play_rounds(
            self.round, self.session.rule.unchanged or 0, self.earliest,
            compiled_rules(specs),
            np.array([e for e, _ in every]), np.array([o for _, o in every]),
            np.ascontiguousarray(source.values.reshape(players, -1).T),
            np.stack([state_table(learner.spec.memory, learner.seat) for learner in learners]),
            profile_strides(source.actions), np.array(source.actions),
            packed["tables"], packed["best"], packed["visits"],
            tuple(packed[n] for n in ("waiting", "taken", "gained", "weight", "last_change")),
            standing, stopped, uniforms, np.stack([s.policy.schedule.at(rounds) for s in specs]), played,
        )  # fmt: skip
        for name, values in packed.items():
            for i, learner in enumerate(learners):
                own = getattr(learner, name)
                own[...] = values[_own_part(i, own)]
        self.standing = standing
        start = self.round
        lengths = np.where(stopped >= 0, stopped - start, count)
        for row, replicate in enumerate(self.active):
            flat = played[row, : lengths[row]]
            path = np.stack(np.unravel_index(flat, source.actions), axis=1)
            self.traces[replicate].extend(start, path)
        ends = stopped[stopped >= 0]
        rows = np.flatnonzero(stopped >= 0)
        self.round = start + count
        if len(rows):
            self._retire(rows, ends, stable=True)

    @property
    def _own_profits(self) -> bool:
        return self.noise is not None or len(self.session.stages) > 1

    def _pay(self, stage: int, profiles: np.ndarray) -> np.ndarray:
        """Payoffs (active, players); of a random source also the signals of the very same draws."""
        source, evaluator, sender = self.session.stages[stage], self.evaluators[stage], self.senders[stage]
        if self.noise is None:
            return source.payoffs(profiles)
        at: dict[str, Any] = {} if self.level is None else {"level": self.level}
        if evaluator is not None:
            both = evaluator.evaluate(profiles, self.noise, **at)  # type: ignore[arg-type]
            self.heard = both[:, self.players :]
            return both[:, : self.players]
        if self.level is not None and sender is not None:
            self.heard = sender.signals(profiles, **at)
        return source.payoffs(profiles, self.noise, **at)  # type: ignore[arg-type]

    def _next_level(self) -> np.ndarray | None:
        """(active,) demand level of the coming round."""
        if self.level_count == 0:
            return None
        if self.session.levels == "cycle":
            return np.full(len(self.active), self.round % self.level_count)
        assert self.noise is not None
        return self.noise.integers(self.level_count, size=len(self.active))

    def _signals(self, stage: int) -> np.ndarray | None:
        sender = self.senders[stage]
        if sender is None or self.heard is not None:
            return None if sender is None else self.heard
        return sender.signals(self.standing)

    def _seen(self) -> list[Seen]:
        """What each player knows before the coming round."""
        stages = self.session.stages
        stage = self.round % len(stages)
        signals = self._signals(stage - 1)
        fresh = stage == 0 and len(stages) > 1
        every = self.session.every
        feasible = self.feasible
        return [
            Seen(
                self.round, self.standing, signals, stage, fresh,
                None if feasible is None else feasible(stage, i, self.standing), None,
                every is None or (self.round - every[i][1]) % every[i][0] == 0, self.level,
            )
            for i in range(self.players)
        ]  # fmt: skip

    def _last_change(self) -> np.ndarray:
        """(active,) round of the last change of any learner's greedy strategy."""
        return np.max([learner.last_change for learner in self.settling], axis=0)

    def _record(self, start: int, profiles: np.ndarray, profits: np.ndarray | None) -> None:
        for row, replicate in enumerate(self.active):
            self.traces[replicate].extend(start, profiles[row], None if profits is None else profits[row])

    def _retire(self, rows: np.ndarray, rounds: int | np.ndarray, stable: bool) -> np.ndarray:
        """Take replicates out of the batch; returns the rows that stay."""
        ends = np.broadcast_to(rounds, len(rows))
        arrays = [learner.arrays() for learner in self.learners]
        for row, end in zip(rows, ends, strict=True):
            replicate = self.active[row]
            own = tuple({name: a[row].copy() for name, a in known.items()} for known in arrays)
            trace = self.traces.pop(replicate)
            self.ended[replicate] = Ended(replicate, int(end), stable, self.standing[row].copy(), own, trace)
        kept = np.setdiff1d(np.arange(len(self.active)), rows)
        self.active = [self.active[k] for k in kept]
        self.standing = self.standing[kept]
        self.uniforms.keep(kept)
        if self.noise is not None:
            self.noise.keep(kept)
        self.heard = None if self.heard is None else self.heard[kept]
        self.level = None if self.level is None else self.level[kept]
        for learner, known in zip(self.learners, arrays, strict=True):
            learner.load({name: a[kept] for name, a in known.items()})
        return kept

    def save(self, path: Path | str) -> None:
        """Write everything needed to go on, in one step."""
        from learners.sessions.files import write_run

        write_run(self, Path(path))


def compiled_rules(specs: Sequence[Tabular]) -> tuple[np.ndarray, np.ndarray]:
    """Per player ints (method, policy, by_visits) and floats (alpha, gamma), as compiled loops have them."""
    kinds = np.array([[s.method, s.policy.kind, int(s.by_visits)] for s in specs])
    return kinds, np.array([[s.alpha, s.gamma] for s in specs])


def profile_strides(actions: Sequence[int]) -> np.ndarray:
    """(players,) how far a player's next action is in the order of profiles."""
    return np.array([np.prod(actions[i + 1 :], dtype=np.int64) for i in range(len(actions))])


def pack(arrays: list[np.ndarray]) -> np.ndarray:
    """(batch, players, ...) of arrays (batch, ...) of different sizes, padded with zeros."""
    shape = [max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=True)]
    out = np.zeros((shape[0], len(arrays), *shape[1:]), dtype=arrays[0].dtype)
    for i, a in enumerate(arrays):
        out[_own_part(i, a)] = a
    return out


def _own_part(i: int, own: np.ndarray) -> Any:
    """Where player i's array lies in the packed one."""
    return (slice(None), i, *(slice(0, n) for n in own.shape[1:]))
