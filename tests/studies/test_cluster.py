"""A real Dask scheduler and two real workers on this machine: the same bits, and clear ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from networks.errors import InputError
from studies.running.runner import run
from tests.studies.helpers import SAMPLE, environment, manifest, run_sample, table_bytes

distributed = pytest.importorskip(
    "distributed", reason="Dask's distributed is not installed (pip install 'walras[cluster]')"
)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("dask")
    note = folder / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, "env": environment()}
    words = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    started = [
        subprocess.Popen(
            [*words, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(note)],
            **quiet,
        )
    ]
    words = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(note)]
    words += ["--nthreads", "1", "--no-dashboard", "--memory-limit", "0", "--local-directory", str(folder)]
    started += [subprocess.Popen([*words, "--name", f"w{k}"], **quiet) for k in range(2)]
    try:
        deadline = time.monotonic() + 40
        while not note.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        with distributed.Client(scheduler_file=str(note), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=40)
            address = client.scheduler.address
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def test_a_cluster_gives_the_bits_of_this_process(scheduler: str, tmp_path: Path) -> None:
    near = run_sample(tmp_path / "near", {"cells": 60, "fails": [3]}, seed=3)
    far = run(SAMPLE, {"cells": 60, "fails": [3]}, seed=3, cluster=scheduler, out=tmp_path / "far")
    assert (far.done, far.failed) == (59, 1)
    assert table_bytes(far.folder) == table_bytes(near.folder)
    assert "Dask" in manifest(far.folder)["sessions"][0]["executor"]
    assert "2 workers" in manifest(far.folder)["sessions"][0]["executor"]


def test_a_worker_of_the_cluster_that_dies_is_survived(scheduler: str, tmp_path: Path) -> None:
    """The nanny starts the worker again, and the scheduler gives the cell to another one."""
    (tmp_path / "notes").mkdir()
    spec = {"cells": 8, "kills": [5], "mercy": str(tmp_path / "notes")}
    ended = run(SAMPLE, spec, cluster=scheduler, out=tmp_path / "far")
    assert (ended.done, ended.failed) == (8, 0)
    assert os.listdir(tmp_path / "notes") == ["killed-5"]


def test_an_unreachable_cluster_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.running.executors.CLUSTER_SECONDS", 1)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at 'tcp://127\.0\.0\.1:9'"):
        run(SAMPLE, cluster="tcp://127.0.0.1:9", out=tmp_path)
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        run(SAMPLE, cluster="nonsense://x", out=tmp_path)


def test_a_cluster_whose_workers_are_all_gone_is_one_message(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last test of this cluster: it has no workers afterwards."""
    monkeypatch.setattr("studies.running.executors.CLUSTER_SECONDS", 3)

    def dismiss() -> None:
        while not list(tmp_path.glob("*/parts/part-*")):
            time.sleep(0.05)
        with distributed.Client(scheduler, set_as_default=False) as client:
            client.retire_workers(close_workers=True)

    dismissing = threading.Thread(target=dismiss)
    dismissing.start()
    with pytest.raises(InputError, match=r"the cluster is gone \(no worker for 3 s\); \d+ of 400 cells"):
        run(SAMPLE, {"cells": 400, "sleep": 0.2}, cluster=scheduler, out=tmp_path)
    dismissing.join()
    assert list(tmp_path.glob("*/parts/part-*")), "what came back is stored"
