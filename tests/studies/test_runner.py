"""The runner: the same bits for any executor, order and history; failures recorded; nothing lost."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import studies
from networks.errors import InputError
from studies.running.executors import SerialBackend
from studies.running.merging import merge_runs
from studies.running.runner import run
from studies.running.store import Shard, Store
from tests.studies.helpers import SAMPLE, command, environment, manifest, run_sample, table_bytes, walras

SPEC = {"cells": 40}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Tables of 40 cells × 2 replicates, run in one go in this process."""
    ended = run_sample(tmp_path_factory.mktemp("plain"), SPEC, replicates=2, seed=7)
    assert (ended.done, ended.failed, ended.complete) == (80, 0, True)
    return table_bytes(ended.folder)


def test_streams_depend_on_seed_cell_and_replicate_alone(tmp_path: Path) -> None:
    """Law 9."""
    ended = run_sample(tmp_path, SPEC, replicates=2, seed=7)
    draws = studies.results(tmp_path)["draws"]
    assert list(draws.columns) == ["cell", "replicate", "x", "name", "draw", "k"]
    for cell, replicate in ((0, 0), (13, 1)):
        expected = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(cell, replicate))).random(3)
        rows = draws[(draws["cell"] == cell) & (draws["replicate"] == replicate)]
        assert rows["draw"].tolist() == expected.tolist()
    assert draws["draw"].nunique() == len(draws)
    assert manifest(ended.folder)["seed"] == 7


def test_processes_give_the_bits_of_this_process(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    ended = run_sample(tmp_path, SPEC, replicates=2, seed=7, jobs=2)
    assert table_bytes(ended.folder) == undisturbed
    session = manifest(ended.folder)["sessions"][0]
    assert session["executor"] == "2 worker processes"
    assert session["peak_memory_mb"] > 10


def test_order_and_batches_do_not_show(
    tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.running.runner.MOST_CELLS", 3)
    backwards = random.Random(1)
    original = studies.running.runner._Loop._next

    def shuffled(loop):  # type: ignore[no-untyped-def]
        keys = list(loop.waiting)
        backwards.shuffle(keys)
        loop.waiting.clear()
        loop.waiting.extend(keys)
        return original(loop)

    monkeypatch.setattr("studies.running.runner._Loop._next", shuffled)
    ended = run_sample(tmp_path, SPEC, replicates=2, seed=7)
    assert table_bytes(ended.folder) == undisturbed


def test_shards_are_merged(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    for index in (2, 1, 3):
        ended = run_sample(tmp_path / f"node{index}", SPEC, replicates=2, seed=7, shard=Shard(index, 3))
        assert ended.total in (26, 27)
        assert not ended.complete
    done = walras("report", tmp_path, "--study", SAMPLE)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / ended.folder.name
    assert table_bytes(folder) == undisturbed
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "80 of 80" in page
    (answer,) = (folder / "answer.txt").read_text(encoding="utf-8").splitlines()
    assert answer.startswith("The mean of 240 draws is <0.")
    assert answer.replace("<", "&lt;").replace(">", "&gt;") in page


def test_of_several_runs_the_newest_is_reported(tmp_path: Path) -> None:
    old, new = (run_sample(tmp_path, {"cells": 2}, seed=seed).folder for seed in (1, 2))
    for folder, when in ((old, 1_000), (new, 2_000)):
        for path in folder.glob("manifest*.json"):
            os.utime(path, (when, when))
    assert merge_runs([tmp_path]) == (new, [old])


def test_shards_in_one_folder_need_no_merging(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    first = run_sample(tmp_path, SPEC, replicates=2, seed=7, shard=Shard(1, 2))
    second = run_sample(tmp_path, SPEC, replicates=2, seed=7, shard=Shard(2, 2))
    assert (first.complete, second.complete) == (False, True)
    assert table_bytes(second.folder) == undisturbed


def test_more_replicates_run_only_the_new_ones(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    run_sample(tmp_path, SPEC, seed=7)
    ended = run_sample(tmp_path, SPEC, replicates=2, seed=7)
    assert (ended.resumed, ended.done) == (40, 80)
    assert table_bytes(ended.folder) == undisturbed
    again = run_sample(tmp_path, SPEC, replicates=2, seed=7)
    assert (again.resumed, again.complete) == (80, True)
    assert run_sample(tmp_path, SPEC, replicates=2, seed=7, fresh=True).resumed == 0


def test_killed_three_times_and_resumed(tmp_path: Path) -> None:
    """SIGKILL at random moments; the final tables are those of an undisturbed run, bit for bit."""
    words = ["--set", "cells=120", "--set", "sleep=0.03", "--jobs", "2", "--no-report", "--seed", "5"]
    moments, kept = random.Random(), []
    killed = 0
    for _ in range(3):
        process = subprocess.Popen(
            command("run", SAMPLE, *words, "--out", tmp_path / "a"),
            env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        before = set(tmp_path.glob("a/*/parts/part-*"))
        deadline = time.monotonic() + 20
        while set(tmp_path.glob("a/*/parts/part-*")) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.3))
        killed += process.poll() is None
        process.kill()
        process.wait()
        kept.append(len(list(tmp_path.glob("a/*/parts/part-*"))))
    assert killed >= 2, "the runs were over before they were killed"
    assert kept == sorted(kept), "a stored cell was lost"
    ended = run(SAMPLE, {"cells": 120, "sleep": 0.03}, jobs=2, seed=5, out=tmp_path / "a")
    assert ended.resumed >= 3
    whole = run(SAMPLE, {"cells": 120}, jobs=0, seed=5, out=tmp_path / "b")
    assert ended.complete
    assert table_bytes(ended.folder) == table_bytes(whole.folder)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_finishes_what_is_in_flight(tmp_path: Path, number: signal.Signals, code: int) -> None:
    words = command("run", SAMPLE, "--set", "sleep=0.1", "--set", "cells=200", "--out", tmp_path)
    process = subprocess.Popen(
        [*words, "--jobs", "2"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list(tmp_path.glob("*/parts/part-*")) and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert f"Stopped by {number.name}" in out
    assert "the same command goes on" in out
    assert "Traceback" not in err
    stored = pd.read_parquet(next(tmp_path.glob("*/cells.parquet")))
    assert 0 < len(stored) < 200
    assert f"{len(stored)} of 200 cells are stored" in out


def test_failing_cells_are_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    done = walras("run", SAMPLE, "--set", "cells=8", "--set", "fails=2,5", "--jobs", 1, "--out", tmp_path)
    assert done.returncode == 3, done.stderr
    assert "2 cells failed" in done.stdout
    results = studies.results(tmp_path)
    assert results.failures["cell"].tolist() == [2, 5]
    assert results.failures["error"].tolist()[0] == "ValueError: cell 2 was told to fail"
    assert "run_cell" in results.failures["trace"].iloc[0]
    page = next(tmp_path.glob("*/index.html")).read_text(encoding="utf-8")
    assert "ValueError: cell 5 was told to fail" in page
    assert "0, (5, 0)" in page, "seed and spawn key of the failure"


def test_a_worker_that_dies_is_survived(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    spec = {"cells": 12, "kills": [4, 9], "mercy": str(tmp_path / "notes"), "sleep": 0.01}
    ended = run_sample(tmp_path / "a", spec, jobs=2)
    assert (ended.done, ended.failed, ended.complete) == (12, 0, True)
    plain = run_sample(tmp_path / "b", {"cells": 12, "sleep": 0.01})
    assert studies.results(ended.folder)["draws"].equals(studies.results(plain.folder)["draws"])


def test_a_cell_that_kills_its_worker_twice_has_failed(tmp_path: Path) -> None:
    ended = run_sample(tmp_path, {"cells": 10, "kills": [6]}, jobs=2)
    assert (ended.done, ended.failed) == (9, 1)
    failures = studies.results(tmp_path).failures
    assert failures["cell"].tolist() == [6]
    assert "WorkerDied" in failures["error"].iloc[0]


def test_a_damaged_part_is_put_aside_and_its_cells_run_again(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    ended = run_sample(tmp_path, SPEC, replicates=2, seed=7)
    part = next((ended.folder / "parts").glob("part-*"))
    raw = bytearray(part.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    part.write_bytes(bytes(raw))
    again = run_sample(tmp_path, SPEC, replicates=2, seed=7)
    assert any("was damaged" in note for note in again.notes)
    assert again.resumed < 80
    assert again.complete
    assert table_bytes(again.folder) == undisturbed
    assert list((ended.folder / "parts").glob("*.damaged"))


def test_a_damaged_manifest_costs_no_cell(tmp_path: Path) -> None:
    ended = run_sample(tmp_path, SPEC)
    (ended.folder / "manifest.json").write_text("{", encoding="utf-8")
    done = walras("report", tmp_path)
    assert done.returncode == 2
    assert "is damaged; run the command of this study again" in done.stderr
    assert run_sample(tmp_path, SPEC).resumed == 40
    assert manifest(ended.folder)["cells"] == 40


def test_a_full_disk_is_one_message_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.running.runner.MOST_CELLS", 4)
    written, write = [], Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if ".part-" in path.name:
            if len(written) == 3:
                write(path, data[:10])
                raise OSError(errno.ENOSPC, "No space left on device", str(path))
            written.append(path)
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(OSError, match="make room and run the same command again") as error:
            run_sample(tmp_path, SPEC)
    assert error.value.errno == errno.ENOSPC
    folder = next(tmp_path.glob("*"))
    assert not list(folder.glob("parts/.part*")), "the half-written file is gone"
    ended = run_sample(tmp_path, SPEC)
    assert ended.resumed == 3 * 4 or ended.resumed > 0
    assert ended.complete


def test_a_real_limit_on_file_size_is_one_message(tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the system refuses bytes, as a full disk does."""
    resource = pytest.importorskip("resource")

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

    done = walras("run", SAMPLE, "--out", tmp_path, "--jobs", 0, preexec_fn=limit)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("walras: cannot read or write")
    assert len(done.stderr.strip().splitlines()) == 1


def test_wrong_words_are_one_message_each(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    cases = [
        (["run", "two_sided_tree_node"], "did you mean 'two_sided_three_node'"),
        (["run", SAMPLE, "--set", "cels=3"], "did you mean 'cells'"),
        (["run", SAMPLE, "--set", "cells=0"], "from 1 to 100000"),
        (["run", SAMPLE, "--shard", "4/3"], "--shard is '4/3'"),
        (["run", SAMPLE, "--jobs", "-1"], "--jobs is -1"),
        (["run", SAMPLE, "--out", str(tmp_path / "file" / "x")], "cannot read or write"),
        (["run", "missing.py"], "cannot be read"),
        (["report", str(tmp_path / "none")], "holds no run"),
    ]
    from typer.testing import CliRunner

    from studies.cli import app

    for words, part in cases:
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 2, (words, done.output, done.exception)
        assert part in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_two_runners_do_not_share_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    ended = run_sample(tmp_path, SPEC)
    other = Store(ended.folder)
    other.open()
    with pytest.raises(InputError, match="another walras runs these cells"):
        run_sample(tmp_path, SPEC)
    other.close()


def test_a_changed_question_never_meets_old_answers(tmp_path: Path) -> None:
    text = Path(SAMPLE).read_text(encoding="utf-8")
    study = tmp_path / "mine.py"
    study.write_text(text, encoding="utf-8")
    folders = [run(str(study), {"cells": 3}, jobs=0, out=tmp_path / "r").folder]
    folders.append(run(str(study), {"cells": 3}, jobs=0, out=tmp_path / "r", seed=1).folder)
    folders.append(run(str(study), {"cells": 3, "mode": "fancy"}, jobs=0, out=tmp_path / "r").folder)
    study.write_text(text.replace("rng.random(3)", "rng.random(4)"), encoding="utf-8")
    folders.append(run(str(study), {"cells": 3}, jobs=0, out=tmp_path / "r").folder)
    assert len(set(folders)) == 4
    shown = text.replace('"Means", mean', '"Averages", mean')
    assert shown != text
    study.write_text(shown, encoding="utf-8")
    assert run(str(study), {"cells": 3}, jobs=0, out=tmp_path / "r").resumed == 3, "only shown"
    study.write_text("# words only\n" + text, encoding="utf-8")
    assert run(str(study), {"cells": 3}, jobs=0, out=tmp_path / "r").resumed == 3


def test_ten_thousand_small_cells_in_flat_memory(tmp_path: Path) -> None:
    """Time and memory of 10 000 cells in two workers; the limits are the issue's."""
    peaks = []
    for cells in (1000, 10_000):
        start = time.perf_counter()
        done = walras("run", SAMPLE, "--set", f"cells={cells}", "--jobs", 2, "--no-report", "--json",
                      "--out", tmp_path)  # fmt: skip
        assert done.returncode == 0, done.stderr
        folder = Path(json.loads(done.stdout)["folder"])
        peaks.append(manifest(folder)["sessions"][0]["peak_memory_mb"])
    assert time.perf_counter() - start < 30
    assert peaks[1] < peaks[0] + 40, peaks
    assert len(pd.read_parquet(folder / "tables" / "draws.parquet")) == 30_000


def test_a_bug_of_the_runner_is_no_cell_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: SerialBackend, run: object, task: object) -> object:
        raise RuntimeError("no such queue")

    monkeypatch.setattr(SerialBackend, "submit", broken)
    with pytest.raises(RuntimeError, match="no such queue"):
        run_sample(tmp_path, SPEC)
