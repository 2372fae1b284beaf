"""The one loop that runs every study: batches of cells to workers, finished parts to the store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from networks.errors import InputError
from studies.registry import StudyRef, find_study
from studies.running.executors import Backend, ClusterLost, WorkerDied, open_backend, single_threads
from studies.running.manifest import identify, new_manifest, now, write_manifest
from studies.running.progress import Listener
from studies.running.signals import noted_signals
from studies.running.spec import Spec, canonical_json, make_spec
from studies.running.store import Shard, Store, read_index
from studies.running.tables import write_tables
from studies.running.worker import Batch, Task, died, overdue_cells, peak_memory_mb, run_task
from studies.study import Study

BATCH_SECONDS = 0.05
"""Cells shorter than this share a batch of about this length: what a kill may cost, at most."""

MOST_CELLS = 1000  # of a batch, so that a first guess cannot be far off
POLL_SECONDS = 0.25

Item = tuple[int, int, Mapping[str, Any]]  # cell number, replicate, the cell's values


@dataclass
class Run:
    """How a run ended.

    Attributes
    ----------
    folder : of the run. total, done, failed : cells of this shard.
    resumed : cells that were there before; complete : whether all cells of all shards are there.
    stopped : name of the signal that ended it early, or "".
    """

    folder: Path
    total: int = 0
    done: int = 0
    failed: int = 0
    resumed: int = 0
    seconds: float = 0.0
    complete: bool = False
    stopped: str = ""
    notes: list[str] = field(default_factory=list)


def run(
    study: str | StudyRef,
    spec: Spec | Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    replicates: int = 1,
    jobs: int | None = None,
    cluster: str | None = None,
    shard: Shard | None = None,
    out: Path | str | None = None,
    fresh: bool = False,
    cell_limit: float | None = None,
    command: str = "",
    listener: Listener | None = None,
) -> Run:
    """Run a study, or what is left of it, into `out` (default `results/STUDY`).

    Parameters
    ----------
    study : a name of :func:`studies.registry.study_names`, or the path of a study's file.
    spec : the study's spec, or names and values of what differs from its defaults.
    seed, replicates : each cell runs `replicates` times with streams of its own (law 9).
    jobs : worker processes, 0 for this process, None for one per core.
    cell_limit : seconds that a cell may take; one that takes longer has failed, and its worker is ended.

    Raises
    ------
    InputError
        an unknown study, setting or value, or a cluster that does not answer.
    OSError
        the folder cannot be written; finished cells are kept.
    """
    start = time.perf_counter()
    ref = find_study(study) if isinstance(study, str) else study
    loaded = ref.load()
    spec = spec if isinstance(spec, Spec) else make_spec(loaded.spec, spec or {})
    shard = shard or Shard()
    if replicates < 1 or seed < 0:
        raise InputError(f"replicates is {replicates} and seed is {seed}; give at least 1 and 0")
    notes = []
    if replicates > 1 and not loaded.random:
        notes.append("nothing is random in this study: one replicate says all")
        replicates = 1
    cells = [dict(cell) for cell in loaded.cells(spec)]
    if not cells:
        raise InputError(
            f"study {ref.name!r} has no cells with these settings ({canonical_json(spec.values())}); "
            "change them"
        )
    identity = identify(ref, loaded, spec, seed)
    folder = Path(out if out is not None else Path("results") / ref.name) / identity.address
    store = Store(folder, shard)
    store.open()
    try:
        if fresh:
            store.clear()
        manifest = new_manifest(ref, identity, len(cells), replicates, command)
        loop = _Loop(store, loaded, ref, spec, seed, cells, replicates, cell_limit)
        loop.run.notes += notes
        backend = None
        try:
            write_manifest(store, manifest, None)
            if loop.waiting:
                with single_threads():
                    backend = open_backend(jobs, cluster, cell_limit)
                    loop.work(backend, listener)
        finally:
            if backend is not None:
                session = loop.session(backend.name, time.perf_counter() - start)
                write_manifest(store, manifest, session)
        with store.alone():
            store.join_small_parts()
            index = write_tables(store)
        loop.run.complete = len(index.cell) >= len(cells) * replicates
        loop.run.seconds = time.perf_counter() - start
        return loop.run
    finally:
        store.close()


class _Loop:
    """The cells that wait, those in flight, and what becomes of them."""

    def __init__(
        self,
        store: Store,
        study: Study,
        ref: StudyRef,
        spec: Spec,
        seed: int,
        cells: list[dict[str, Any]],
        replicates: int,
        limit: float | None,
    ):
        self.limit = limit
        self.store, self.ref, self.spec, self.seed = store, ref, spec.values(), seed
        shard = store.shard
        with store.alone():
            index = read_index(store)
        stored = index.done
        mine = shard.share(len(cells), replicates)
        left = [key for key in mine if key not in stored]
        self.cells = cells
        self.waiting: deque[tuple[int, int]] = deque(left)
        resumed = len(mine) - len(left)
        self.run = Run(store.folder, total=len(mine), done=resumed, resumed=resumed)
        self.run.notes += [
            f"{str(path)!r} was damaged and is put aside; its cells run again" for path in index.damaged
        ]
        self.suspects: deque[tuple[Item, ...]] = deque()
        self.accused: set[tuple[int, int]] = set()
        self.slowest = BATCH_SECONDS
        self.cell_seconds = self.peak_mb = 0.0

    def session(self, where: str, seconds: float) -> dict[str, Any]:
        """What the manifest keeps of this start of the runner."""
        return {
            "shard": str(self.store.shard),
            "executor": where,
            "ended": now(),
            "cells": self.run.done + self.run.failed - self.run.resumed,
            "wall_seconds": round(seconds, 3),
            "cell_seconds": round(self.cell_seconds, 3),
            "peak_memory_mb": round(max(self.peak_mb, peak_memory_mb()), 1),
            "stopped": self.run.stopped,
        }

    def work(self, backend: Backend, listener: Listener | None) -> None:
        """Run everything that waits, until done or told to stop; each finished batch is stored at once."""
        self.one_each = self.limit is not None and backend.notes is None
        if listener is not None:
            listener.begin(self.run.total, self.run.done, backend.name)
        flying: dict[Future[Batch], tuple[Item, ...]] = {}
        try:
            with noted_signals() as told:
                while flying or ((self.waiting or self.suspects) and not told):
                    while not told and self._may_start(backend, len(flying)):
                        items = self._next()
                        notes = None if backend.notes is None else str(backend.notes)
                        task = Task(self.ref, self.spec, self.seed, items, self.limit, notes)
                        flying[backend.submit(run_task, task)] = items
                    if told:
                        for future in [f for f in flying if f.cancel()]:
                            del flying[future]
                        if listener is not None and flying and not self.run.stopped:
                            listener.stop(told[0], len(flying))
                        self.run.stopped = told[0]
                    self._look(backend)
                    ended, _ = wait(flying, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
                    back = [(future, flying.pop(future)) for future in ended]
                    broken = [
                        items for future, items in back if not self._finish(future, items, backend, listener)
                    ]
                    if broken:
                        self._after_death(broken, flying, backend, bool(told), listener)
                self.run.stopped = (
                    told[0] if told and self.run.done + self.run.failed < self.run.total else ""
                )
            backend.close()
        except BaseException:
            for future in flying:
                future.cancel()
            backend.close(now=True)
            raise
        finally:
            if listener is not None:
                listener.end()

    def _may_start(self, backend: Backend, flying: int) -> bool:
        """Two batches for each worker, one of them queued; a suspect flies alone."""
        if self.suspects or self._alone:
            return flying == 0 and bool(self.suspects)
        return bool(self.waiting) and flying < (2 * backend.slots if backend.slots > 1 else 2)

    _alone = False
    one_each = False  # whether every cell flies by itself

    def _next(self) -> tuple[Item, ...]:
        if self.suspects:
            self._alone = True
            return self.suspects.popleft()
        size = max(1, min(1 if self.one_each else MOST_CELLS, int(BATCH_SECONDS / max(self.slowest, 1e-9))))
        keys = [self.waiting.popleft() for _ in range(min(size, len(self.waiting)))]
        return tuple((number, replicate, self.cells[number]) for number, replicate in keys)

    def _finish(
        self, future: Future[Batch], items: tuple[Item, ...], backend: Backend, listener: Listener | None
    ) -> bool:
        """Store what a future brought; False where its worker died, so that `items` must run again."""
        error = future.exception() if not future.cancelled() else None
        if future.cancelled() or error is not None:
            found = backend.explain(error) if error is not None else ClusterLost("cancelled")
            if isinstance(found, WorkerDied):
                return False
            if isinstance(found, ClusterLost):
                raise self._lost(found)
            raise found
        batch = future.result()
        self._keep(batch.data)
        self.slowest = max(0.7 * self.slowest, max(batch.seconds) + 1e-4)
        self.cell_seconds += sum(batch.seconds)
        self.peak_mb = max(self.peak_mb, batch.peak_mb)
        self._count(len(items), batch.failed, listener)
        self._alone = False
        return True

    def _look(self, backend: Backend) -> None:
        try:
            backend.look()
        except ClusterLost as error:
            raise self._lost(error) from None

    def _lost(self, error: ClusterLost) -> InputError:
        return InputError(
            f"the cluster is gone ({error or 'connection lost'}); {self.run.done} of "
            f"{self.run.total} cells are stored, start again to go on"
        )

    def _after_death(
        self,
        broken: list[tuple[Item, ...]],
        flying: dict[Future[Batch], tuple[Item, ...]],
        backend: Backend,
        stopping: bool,
        listener: Listener | None,
    ) -> None:
        """A worker died: all that flew is suspect and flies again alone; who kills twice alone has failed."""
        alone, self._alone = self._alone, False
        for future in list(flying):
            items = flying.pop(future)
            wait([future], timeout=POLL_SECONDS * 20)
            if not future.done() or not self._finish(future, items, backend, listener):
                broken.append(items)
        cells = [item[:2] for items in broken for item in items]
        overdue = overdue_cells(cells, backend.notes) if self.limit is not None else {}
        if overdue:
            broken = self._fail_overdue(broken, overdue, listener)
        if stopping:
            return
        backend.restart()
        if overdue:  # the others flew by bad luck
            self.waiting.extendleft((item[0], item[1]) for items in broken for item in items)
            return
        if not alone:
            self.suspects.extend(broken)
            return
        (items,) = broken
        if len(items) > 1:
            self.suspects.extend((item,) for item in items)
            return
        number, replicate, _ = items[0]
        if (number, replicate) not in self.accused:  # a bystander of the first death may be killed by chance
            self.accused.add((number, replicate))
            self.suspects.append(items)
            return
        self._keep(died(items, "WorkerDied: its worker process ended twice while it ran this cell"))
        self._count(1, 1, listener)

    def _fail_overdue(
        self,
        broken: list[tuple[Item, ...]],
        overdue: Mapping[tuple[int, int], str | None],
        listener: Listener | None,
    ) -> list[tuple[Item, ...]]:
        """Store the overdue cells as failed; what else flew is returned."""
        left = []
        for items in broken:
            for number, replicate, values in items:
                if (number, replicate) in overdue:
                    reason = f"TimeLimit: it took longer than the {self.limit:g} s of --cell-limit"
                    item, trace = (number, replicate, values), overdue[number, replicate]
                    self._keep(died([item], reason, self.limit or 0.0, trace))
                    self._count(1, 1, listener)
            left.append(tuple(item for item in items if item[:2] not in overdue))
        return left

    def _keep(self, data: bytes) -> None:
        try:
            self.store.add(data)
        except OSError as error:
            words = f"{error.strerror or error}; {self.run.done} of {self.run.total} cells are stored, "
            words += "make room and run the same command again to go on"
            raise OSError(error.errno, words, str(self.store.parts)) from None

    def _count(self, cells: int, failed: int, listener: Listener | None) -> None:
        self.run.done += cells - failed
        self.run.failed += failed
        if listener is not None:
            listener.advance(cells, failed)
