"""Cells that hang: a time limit ends them, and a second Ctrl-C waits for nobody."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

import studies
from networks.errors import InputError
from studies.running.runner import run
from tests.studies.helpers import SAMPLE, command, environment, run_sample, table_bytes

HANGS = """
from dataclasses import dataclass
from studies import Spec, Study, setting

@dataclass(frozen=True)
class Settings(Spec):
    cells: int = setting(6, "how many")

def run_cell(spec, cell, rng):
    if cell["x"] in (1, 4):
        if cell["x"] == 1:
            import time
            time.sleep(1000)
        sum(range(10**12))  # compiled, without a turn for any other thread
    return {"rows": [{"draw": rng.random()}]}

STUDY = Study("t", "q", "m", Settings, lambda spec: [{"x": k} for k in range(spec.cells)], run_cell)
"""


def test_a_cell_over_its_limit_has_failed_and_the_others_are_done(tmp_path: Path) -> None:
    study = tmp_path / "hangs.py"
    study.write_text(HANGS, encoding="utf-8")
    ended = run(str(study), jobs=2, cell_limit=0.7, out=tmp_path / "out", seed=3)
    assert (ended.done, ended.failed, ended.complete) == (4, 2, True)
    found = studies.results(ended.folder)
    assert found.failures["cell"].tolist() == [1, 4]
    assert all("longer than the 0.7 s of --cell-limit" in error for error in found.failures["error"])
    assert all("run_cell" in trace for trace in found.failures["trace"]), "where it hung"
    alone = run(str(study), {"cells": 1}, jobs=0, out=tmp_path / "alone", seed=3)
    assert studies.results(alone.folder)["rows"]["draw"][0] == found["rows"]["draw"][0]


def test_a_limit_that_nobody_exceeds_does_not_show(tmp_path: Path) -> None:
    with_limit = run_sample(tmp_path / "a", {"cells": 30}, jobs=1, cell_limit=30)
    without = run_sample(tmp_path / "b", {"cells": 30})
    assert table_bytes(with_limit.folder) == table_bytes(without.folder)


@pytest.mark.parametrize(
    ("limit", "jobs", "words"),
    [(0.0, 1, "cell-limit is 0"), (float("nan"), 1, "cell-limit is nan"), (5.0, 0, "give --jobs 1 or more")],
)
def test_limits_that_cannot_hold_are_refused(tmp_path: Path, limit: float, jobs: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        run_sample(tmp_path, {"cells": 2}, jobs=jobs, cell_limit=limit)


def test_a_second_interrupt_does_not_wait_for_a_cell_that_hangs(tmp_path: Path) -> None:
    words = command("run", SAMPLE, "--set", "sleep=10", "--set", "cells=4", "--jobs", "2", "--out", tmp_path)
    process = subprocess.Popen(
        words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    while not list(tmp_path.glob("*/manifest.json")):
        time.sleep(0.05)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    assert "waiting for what is in flight" in process.stderr.readline()
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    message = process.stderr.read()
    assert process.wait(20) == 130
    assert time.monotonic() - start < 6, "shorter than the cells"
    assert "interrupted" in message
    assert "Traceback" not in message
