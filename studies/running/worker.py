"""What a worker does: run a batch of cells and hand back their rows as one part."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from studies.registry import StudyRef
from studies.running.parts import Record, arrow_table, encode
from studies.running.spec import Spec, canonical_json, make_spec
from studies.study import Study

TRACE_LINES = 40

_one_at_a_time = threading.Lock()
"""A worker of a cluster may have several threads; solvers and caches get one."""


@dataclass(frozen=True)
class Task:
    """A batch of cells to run.

    Attributes
    ----------
    items : (cell number, replicate, the cell's values).
    limit : seconds that a cell may take before its worker is ended; notes : folder where the worker says
        which cell that was.
    """

    study: StudyRef
    spec: Mapping[str, Any]
    seed: int
    items: tuple[tuple[int, int, Mapping[str, Any]], ...]
    limit: float | None = None
    notes: str | None = None


@dataclass(frozen=True)
class Batch:
    """What came of a task: the part's bytes, the seconds of each cell, and the worker's peak memory."""

    data: bytes
    seconds: tuple[float, ...]
    failed: int
    peak_mb: float


def run_task(task: Task) -> Batch:
    """Run the cells of a task, each with its own random stream; a cell that raises is recorded."""
    with _one_at_a_time:
        study = task.study.load()
        spec = _spec_of(task.study, canonical_json(task.spec))
        records = []
        for item in task.items:
            with ended_after(task.limit, task.notes, item[:2]):
                records.append(run_one(study, spec, task.seed, *item))
        data = encode(records)
    failed = sum(record.error is not None for record in records)
    return Batch(data, tuple(record.seconds for record in records), failed, peak_memory_mb())


@contextmanager
def ended_after(limit: float | None, notes: str | None, cell: tuple[int, int]) -> Iterator[None]:
    """End this process where the body takes longer than `limit` seconds, and leave a note of it.

    A cell that hangs may do so in compiled code that no exception reaches, and one that is torn out of a
    solver could spoil the cells after it: so the process goes, by a timer that needs no turn of Python's.
    """
    if limit is None:
        yield
        return
    file = sys.__stderr__ if notes is None else (Path(notes) / str(os.getpid())).open("w")
    assert file is not None
    try:
        if notes is not None:
            file.write(f"{cell[0]} {cell[1]}\n")
            file.flush()
        faulthandler.dump_traceback_later(limit, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
    finally:
        if notes is not None:
            file.close()


def overdue_cells(broken: Sequence[tuple[int, int]], notes: Path | None) -> dict[tuple[int, int], str | None]:
    """The cells whose workers were ended by :func:`ended_after`, each with where it was; notes are removed.

    Without notes all that is broken: a cluster gives up on a task only after several workers died of it, and
    with a limit each task is one cell.
    """
    if notes is None:
        return dict.fromkeys(broken)
    found: dict[tuple[int, int], str | None] = {}
    for path in notes.iterdir():
        head, _, trace = path.read_text(encoding="utf-8", errors="replace").partition("\n")
        if trace:  # else that worker was ended for another's sake
            cell, replicate = head.split()
            found[int(cell), int(replicate)] = "\n".join(trace.splitlines()[:TRACE_LINES])
        path.unlink()
    return found


@lru_cache(maxsize=4)
def _spec_of(study: StudyRef, values: str) -> Spec:
    return make_spec(study.load().spec, json.loads(values))


def run_one(
    study: Study, spec: Spec, seed: int, cell: int, replicate: int, values: Mapping[str, Any]
) -> Record:
    """One cell; its stream depends on (seed, cell, replicate) and on nothing else (law 9)."""
    import numpy as np

    start = time.perf_counter()
    try:
        stream = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(cell, replicate)))
        returned = study.run_cell(spec, values, stream)
        tables = {name: arrow_table(name, rows) for name, rows in returned.items()}
    except Exception as error:
        trace = "".join(traceback.format_exception(error)[-TRACE_LINES:])
        message = f"{type(error).__name__}: {error}"
        return Record(cell, replicate, values, {}, time.perf_counter() - start, message, trace)
    return Record(cell, replicate, values, tables, time.perf_counter() - start)


def died(
    items: Sequence[tuple[int, int, Mapping[str, Any]]],
    reason: str,
    seconds: float = 0.0,
    trace: str | None = None,
) -> bytes:
    """The part that records cells whose worker died of them."""
    return encode([Record(cell, rep, values, {}, seconds, reason, trace) for cell, rep, values in items])


def peak_memory_mb() -> float:
    """Greatest resident memory of this process so far, 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024.0 if os.uname().sysname != "Darwin" else 1024.0**2)
