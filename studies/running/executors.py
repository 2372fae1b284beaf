"""Where tasks run: worker processes of this machine, a Dask cluster, or this very process.

All three are `concurrent.futures` executors behind one small seam, so that the runner has one loop.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from networks.errors import InputError

THREAD_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
"""One thread for each solver: processes share the cores, and sums keep their order.

Not numba's: it refuses another number once its threads run, and our compiled functions use none.
"""

CLUSTER_SECONDS = 15
"""How long a scheduler may take to answer, and to have a worker again once all are gone."""

LOOK_SECONDS = 2


class WorkerDied(Exception):
    """A worker ended while it had tasks; which of them killed it is not known."""


class ClusterLost(Exception):
    """The cluster went away; what had come back is stored."""


class Backend(Protocol):
    """A way to run tasks."""

    name: str
    slots: int
    notes: Path | None
    """Folder where workers note which cell they are at, None where they share none with the runner."""

    def submit(self, run: Callable[..., Any], task: Any) -> Future[Any]: ...

    def explain(self, error: BaseException) -> BaseException:
        """The error of a future, turned into WorkerDied or ClusterLost where it is one."""
        ...

    def look(self) -> None:
        """Raise ClusterLost where nobody is left to run what was submitted."""
        ...

    def restart(self) -> None: ...

    def close(self, now: bool = False) -> None:
        """Let go of the workers; `now` ends those that are busy."""
        ...


class ProcessBackend:
    """Spawned worker processes, one thread for each solver."""

    def __init__(self, jobs: int, notes: bool = False):
        self.slots = jobs
        self._folder = TemporaryDirectory(prefix="walras-", ignore_cleanup_errors=True) if notes else None
        self.notes = None if self._folder is None else Path(self._folder.name)
        self.name = f"{jobs} worker process{'es' if jobs > 1 else ''}"
        self._pool = self._open()

    def submit(self, run: Callable[..., Any], task: Any) -> Future[Any]:
        with _spawning():
            try:
                return self._pool.submit(run, task)
            except BrokenExecutor as error:
                failed: Future[Any] = Future()
                failed.set_exception(error)
                return failed

    def explain(self, error: BaseException) -> BaseException:
        return WorkerDied("its worker process ended") if isinstance(error, BrokenExecutor) else error

    def look(self) -> None:
        pass

    def restart(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._open()

    def close(self, now: bool = False) -> None:
        if now:
            # waiting for a cell that hangs would take every further Ctrl-C; nothing half-made is stored
            for process in list((getattr(self._pool, "_processes", None) or {}).values()):
                process.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._folder is not None:
            self._folder.cleanup()

    def _open(self) -> ProcessPoolExecutor:
        from multiprocessing import get_context

        return ProcessPoolExecutor(self.slots, mp_context=get_context("spawn"), initializer=_begin_worker)


class SerialBackend:
    """This process itself: slow, but a debugger works."""

    name, slots = "this process", 1
    notes: Path | None = None

    def submit(self, run: Callable[..., Any], task: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(run(task))
        except Exception as error:
            done.set_exception(error)
        return done

    def explain(self, error: BaseException) -> BaseException:
        return error

    def look(self) -> None:
        pass

    def restart(self) -> None:
        pass

    def close(self, now: bool = False) -> None:
        pass


class ClusterBackend:
    """A Dask cluster at an address; its workers need walras installed."""

    notes: Path | None = None

    def __init__(self, address: str):
        try:
            from distributed import Client
        except ImportError:
            raise InputError(
                "--cluster needs Dask's distributed; install it with: pip install 'walras[cluster]'"
            ) from None
        try:
            with _quiet_dask():
                self._client = Client(address, timeout=CLUSTER_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"--cluster: no Dask scheduler answers at {address!r} ({reason}); "
                "give its address, such as tcp://host:8786"
            ) from None
        self._executor: Executor = self._client.get_executor(pure=False)
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        self.slots = max(1, len(workers))
        self._asked = self._seen = time.monotonic()  # when workers were asked for, and seen, last
        self.name = f"Dask at {address} with {len(workers)} worker{'s' if len(workers) != 1 else ''}"
        if not workers:
            self.close()
            raise InputError(f"--cluster: the scheduler at {address!r} has no workers; start some first")

    def submit(self, run: Callable[..., Any], task: Any) -> Future[Any]:
        return self._executor.submit(run, task)

    def explain(self, error: BaseException) -> BaseException:
        from concurrent.futures import CancelledError

        if type(error).__name__ == "KilledWorker":
            return WorkerDied("the cluster's workers ended")
        if isinstance(error, (CancelledError, OSError)) or type(error).__name__.endswith("CancelledError"):
            return ClusterLost(str(error))
        return error

    def look(self) -> None:
        if time.monotonic() - self._asked < LOOK_SECONDS:
            return
        self._asked = time.monotonic()
        with suppress(OSError), _quiet_dask():  # a scheduler that is gone cancels what was submitted
            if self._client.scheduler_info(n_workers=-1)["workers"]:
                self._seen = time.monotonic()
        if time.monotonic() - self._seen > CLUSTER_SECONDS:
            raise ClusterLost(f"no worker for {CLUSTER_SECONDS} s")

    def restart(self) -> None:
        pass

    def close(self, now: bool = False) -> None:
        with suppress(Exception), _quiet_dask():
            self._client.close(timeout=5)


def open_backend(jobs: int | None, cluster: str | None, limit: float | None = None) -> Backend:
    """The backend for `--jobs` (0: this process, None: one worker for each core) and `--cluster`.

    Parameters
    ----------
    limit : seconds that a cell may take.
    """
    if limit is not None and not 0 < limit < math.inf:
        raise InputError(f"--cell-limit is {limit:g}; give the seconds that a cell may take, above 0")
    if cluster is not None:
        return ClusterBackend(cluster)
    if jobs == 0:
        if limit is not None:
            raise InputError("--cell-limit ends the worker of a cell; give --jobs 1 or more in place of 0")
        return SerialBackend()
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs is {jobs}; give the number of worker processes, or 0 for none")
    return ProcessBackend(jobs or available_cores(), notes=limit is not None)


def available_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@contextmanager
def single_threads() -> Iterator[None]:
    """Environment in which workers start: one thread for each library."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _spawning() -> Iterator[None]:
    """Workers that start in here inherit no Ctrl-C and do not run the user's script again.

    Ctrl-C goes to every process of a terminal; only the runner shall act on it. Python's spawn
    imports the parent's `__main__`, which no task needs and which is costly or, without the usual
    guard, starts the script again.
    """
    main = sys.modules.get("__main__")
    blocked = hasattr(signal, "pthread_sigmask") and threading.current_thread() is threading.main_thread()
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if blocked else set()
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        if main is not None:
            sys.modules["__main__"] = main
        if blocked:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def _begin_worker() -> None:
    """A worker leaves the terminal's group, and ends when its parent has ended, however that was."""
    with suppress(AttributeError, OSError):
        os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _quiet_dask() -> Iterator[None]:
    """Dask logs what our one message says."""
    import logging

    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
