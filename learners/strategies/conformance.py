"""What every learner must keep to, as one function that a test calls (the contract of `learner`)."""

from __future__ import annotations

import numpy as np

from learners.games.game import PayoffTensor
from learners.sessions.session import Result, Session
from learners.sessions.traces import TraceSpec
from learners.strategies.learner import Learner, LearnerSpec

ROUNDS = 60


def check_learner(spec: LearnerSpec, source: PayoffTensor | None = None, rounds: int = ROUNDS) -> None:
    """Raise AssertionError, saying what to change, unless a learner keeps the contract.

    Checked: the protocol; the same seed gives the same rounds; a replicate plays the same alone, among
    others, and in another order; a run stopped, saved as arrays and resumed goes on as if it had not
    stopped; infeasible actions are never played; the specification is not changed.
    """
    game = _game() if source is None else source
    name, before = type(spec).__name__, repr(spec)
    whole = _play(game, spec, [0, 1, 2, 3], rounds)
    learner = whole.learner(0)
    assert isinstance(learner, Learner), f"{name}.begin must return draws, act, update, arrays and load"
    for key, value in learner.arrays().items():
        assert len(value) == 4, f"{name}: arrays()[{key!r}] has shape {value.shape}; replicates come first"
    _same(whole, _play(game, spec, [0, 1, 2, 3], rounds), [0, 1, 2, 3],
          f"{name}: the same seed played differently; draw from `uniforms` only")  # fmt: skip
    _same(whole, _play(game, spec, [2], rounds), [2],
          f"{name}: replicate 2 plays differently alone; no arithmetic may mix replicates")  # fmt: skip
    _same(whole, _play(game, spec, [3, 1], rounds), [3, 1],
          f"{name}: the order of replicates shows; no arithmetic may mix replicates")  # fmt: skip
    _same(whole, _interrupted(game, spec, rounds), [0, 1, 2, 3],
          f"{name}: a resumed run goes another way; everything remembered must be in arrays()")  # fmt: skip
    played = _play(_Masked(game), spec, [0, 1, 2], rounds)
    for ended in played.ended:
        allowed = (ended.trace.last_profiles < np.array(game.actions) - 1).all()
        assert allowed, f"{name}: played an action that seen.mask forbids"
    assert repr(spec) == before, f"{name}: the specification changed; keep what is learned in the learner"


def _game() -> PayoffTensor:
    """Three by four actions, no symmetry, and a signal."""
    a, b = np.indices((3, 4)) + 1.0
    values = np.stack([a * (6 - a) / b + b, b * (7 - b) / a + a])
    return PayoffTensor(values, signal_values=np.minimum(a, b)[None], signal_names=("price",))


class _Masked(PayoffTensor):
    """The same game without everybody's last action."""

    def __init__(self, game: PayoffTensor) -> None:
        super().__init__(game.values, game.players, game.labels, game.signal_values, game.signal_names)

    def feasible(self, stage: int, player: int, last: np.ndarray) -> np.ndarray:
        mask = np.ones((len(last), self.actions[player]), dtype=bool)
        mask[:, -1] = False
        return mask


def _play(game: PayoffTensor, spec: LearnerSpec, replicates: list[int], rounds: int) -> Result:
    return _session(game, spec, rounds).play(seed=7, replicates=replicates)


def _session(game: PayoffTensor, spec: LearnerSpec, rounds: int) -> Session:
    first = (0,) * len(game.actions)
    return Session(game, (spec,) * len(game.actions), rounds, first=first, trace=TraceSpec(window=rounds))


def _interrupted(game: PayoffTensor, spec: LearnerSpec, rounds: int) -> Result:
    import tempfile
    from pathlib import Path

    session = _session(game, spec, rounds)
    run = session.start(7, 4)
    run.advance(rounds // 3)
    with tempfile.TemporaryDirectory() as folder:
        run.save(Path(folder) / "run.npz")
        resumed = session.resume(Path(folder) / "run.npz")
    resumed.finish()
    return resumed.result()


def _same(whole: Result, part: Result, replicates: list[int], message: str) -> None:
    for replicate, ended in zip(replicates, part.ended, strict=True):
        other = whole.ended[replicate]
        same = np.array_equal(other.trace.last_profiles, ended.trace.last_profiles)
        for mine, yours in zip(other.arrays, ended.arrays, strict=True):
            same = same and all(np.array_equal(mine[k], yours[k], equal_nan=True) for k in mine)
        assert same, message
