"""What the tests of studies share: the sample study, runs of it, and tables as bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from studies.running.runner import Run, run

ROOT = Path(__file__).parents[2]
SAMPLE = str(Path(__file__).parent / "sample_study.py")


def run_sample(out: Path, spec: dict | None = None, **options) -> Run:
    """The sample study in this process unless `jobs` says otherwise."""
    return run(SAMPLE, spec, out=out, **({"jobs": 0} | options))


def table_bytes(folder: Path) -> dict[str, bytes]:
    """Name → the bytes of each table."""
    return {path.name: path.read_bytes() for path in sorted((folder / "tables").glob("*.parquet"))}


def walras(*words: object, **options) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    return subprocess.run(command(*words), capture_output=True, text=True, env=environment(), timeout=60,
                          check=False, **options)  # fmt: skip


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "studies.cli", *map(str, words)]


def environment() -> dict[str, str]:
    return dict(os.environ, PYTHONPATH=str(ROOT))


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
