"""Checkpoints: a run as one file of arrays, and the run that the file continues."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from clearing.errors import InputError
from learners.games.game import PayoffTensor
from learners.games.market_game import Game
from learners.protocols import PayoffSource, action_labels
from learners.sessions.run import Run
from learners.sessions.session import Ended, Session
from learners.sessions.streams import RowNoise, UniformStreams
from networks.files import replacing


def write_run(run: Run, path: Path) -> None:
    """Write a run in one step: a reader finds the old file or the new one."""
    out: dict[str, np.ndarray] = {
        "about": np.array([_fingerprint(run.session), str(run.seed)]),
        "counts": np.array([run.round, 0 if run.noise is None else run.noise.drawn]),
        "replicates": np.array(run.replicates),
        "active": np.array(run.active, dtype=np.int64),
        "standing": run.standing,
    }
    if run.heard is not None:
        out["heard"] = run.heard
    if run.level is not None:
        out["level"] = run.level
    for i, learner in enumerate(run.learners):
        out |= {f"learner/{i}/{name}": value for name, value in learner.arrays().items()}
    for replicate, trace in run.traces.items():
        out |= {f"trace/{replicate}/{name}": value for name, value in trace.arrays().items()}
    for replicate, ended in run.ended.items():
        key = f"ended/{replicate}"
        out |= {f"{key}/rounds": np.array([ended.rounds, ended.stable]), f"{key}/standing": ended.standing}
        out |= {f"{key}/trace/{name}": value for name, value in ended.trace.arrays().items()}
        for i, known in enumerate(ended.arrays):
            out |= {f"{key}/learner/{i}/{name}": value for name, value in known.items()}
    write_arrays(path, out)


def read_run(session: Session, path: Path) -> Run:
    """The run that :func:`write_run` wrote, of the same session."""
    data = read_arrays(path)
    if str(data.get("about", [""])[0]) != _fingerprint(session):
        raise InputError(f"checkpoint {path} is of another session; resume it with the one that wrote it")
    run = Run(session, int(data["about"][1]), tuple(int(r) for r in data["replicates"]))
    played, drawn = (int(v) for v in data["counts"])
    run.round, run.active = played, [int(r) for r in data["active"]]
    run.standing, run.heard = data["standing"], data.get("heard")
    run.level = data.get("level")
    run.uniforms = UniformStreams(run.seed, run.active, skip=run.players + played * run.draws)
    if run.noise is not None:
        run.noise = RowNoise(run.seed, run.active, drawn)
    for i, learner in enumerate(run.learners):
        learner.load(_under(data, f"learner/{i}/"))
    for replicate in run.active:
        run.traces[replicate].load(_under(data, f"trace/{replicate}/"))
    for replicate in set(run.replicates) - set(run.active):
        key, trace = f"ended/{replicate}", run.traces.pop(replicate)
        trace.load(_under(data, f"{key}/trace/"))
        rounds, stable = data[f"{key}/rounds"]
        known = tuple(_under(data, f"{key}/learner/{i}/") for i in range(run.players))
        standing = data[f"{key}/standing"]
        run.ended[replicate] = Ended(replicate, int(rounds), bool(stable), standing, known, trace)
    return run


def _under(data: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in data.items() if name.startswith(prefix)}


SEAL = "sha256"
"""Name of the array that holds the digest of the others."""


class Arrays(dict[str, np.ndarray]):
    """Arrays by name; one that is missing is an InputError that names the file."""

    path: Path

    def __missing__(self, name: str) -> np.ndarray:
        raise InputError(f"checkpoint {self.path} has no {name!r}; delete it to start again")


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays in one step, with their digest: a reader finds the old file or the new one."""
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays, **{SEAL: np.array(_seal(arrays))})


def read_arrays(path: Path) -> Arrays:
    """What :func:`write_arrays` wrote; any other file is refused, and so is one that was damaged since."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = Arrays({name: file[name] for name in file.files})
    except Exception as error:  # zip files and arrays each have their own kinds of error
        words = str(error) or type(error).__name__
        raise InputError(f"checkpoint {path} cannot be read ({words}); delete it to start again") from None
    arrays.path = path
    seal = arrays.pop(SEAL, None)  # versions before this one wrote none
    if seal is not None and str(seal) != _seal(arrays):
        raise InputError(f"checkpoint {path} is damaged; delete it to start again")
    return arrays


def _seal(arrays: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def digest_of(*rules: object, sources: Iterable[PayoffSource]) -> str:
    """What decides a run's numbers, as a hash: the rules, the seats, and tables, books and demand states."""
    digest = hashlib.sha256(repr(rules).encode())
    for source in sources:
        digest.update(repr((source.players, source.actions, action_labels(source))).encode())
        if isinstance(source, PayoffTensor):
            digest.update(source.values.tobytes())
        elif isinstance(source, Game):
            book, states = source.columns, source.states
            arrays = (
                book.price,
                book.slope,
                book.mw,
                book.fixed_mw,
                *(() if states is None else (states.factor,)),
            )
            for array in arrays:
                digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _fingerprint(session: Session) -> str:
    rules = (
        session.learners, session.stopping, session.every, session.first, session.trace, session.levels,
    )  # fmt: skip
    return digest_of(*rules, sources=session.stages)
