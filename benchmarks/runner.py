"""What the study runner costs: overhead on cells of 50 ms, and 10 000 trivial cells in time and memory.

    python benchmarks/runner.py [--cells 400] [--milliseconds 50] [--jobs 2] [--json FILE]

Cells sleep, so that a busy machine does not change their length. The overhead is the wall time of the
run over the cells' own seconds divided by the workers, less one; `with start` includes starting Python
in the workers and writing the tables. Machines are noisy: compare ratios of one run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

STUDY = """
import time
from dataclasses import dataclass
from studies.running.spec import Spec, setting
from studies.study import Study

@dataclass(frozen=True)
class Settings(Spec):
    cells: int = setting(400, "how many")
    seconds: float = setting(0.05, "length of a cell", "s")

def run_cell(spec, cell, rng):
    time.sleep(spec.seconds)
    return {"rows": [{"draw": float(rng.random())}]}

STUDY = Study(title="Sleep", question="", method="", spec=Settings,
              cells=lambda spec: [{"x": k} for k in range(spec.cells)], run_cell=run_cell)
"""


class FirstToLast:
    """Hears when the first and the last cells come back."""

    def __init__(self) -> None:
        self.times: list[tuple[float, int]] = []

    def begin(self, total: int, done: int, where: str) -> None:
        pass

    def advance(self, cells: int, failed: int) -> None:
        self.times.append((time.perf_counter(), cells))

    def end(self) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=400)
    parser.add_argument("--milliseconds", type=float, default=50.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "sleeping.py"
        study.write_text(STUDY, encoding="utf-8")
        figures = measure(study, options.cells, options.milliseconds / 1e3, options.jobs)
        figures["ten thousand"] = measure(study, 10_000, 0.0, options.jobs)
        figures["one thousand"] = measure(study, 1_000, 0.0, options.jobs)
    steady, whole = figures["overhead, steady"], figures["overhead, with start"]
    print(f"{options.cells} cells of {options.milliseconds:g} ms on {options.jobs} workers:")
    print(f"  overhead {steady:.1%} from the first cell to the last, {whole:.1%} with start and tables")
    for name in ("one thousand", "ten thousand"):
        row = figures[name]
        print(f"{name} trivial cells: {row['seconds']:.1f} s, peak memory {row['peak memory MB']:.0f} MB")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")


def measure(study: Path, cells: int, seconds: float, jobs: int) -> dict[str, Any]:
    """One run: overheads, seconds and peak memory of the largest process."""
    from studies.running.runner import run

    heard = FirstToLast()
    out = study.parent / f"out-{cells}-{seconds}"
    ended = run(str(study), {"cells": cells, "seconds": seconds}, jobs=jobs, out=out, listener=heard)
    session = json.loads((ended.folder / "manifest.json").read_text(encoding="utf-8"))["sessions"][0]
    work = session["cell_seconds"] / jobs
    first, last = heard.times[0], heard.times[-1]
    later = sum(count for _, count in heard.times[1:]) / cells * work
    return {
        "seconds": ended.seconds,
        "overhead, steady": (last[0] - first[0]) / later - 1.0 if seconds else float("nan"),
        "overhead, with start": ended.seconds / work - 1.0 if seconds else float("nan"),
        "peak memory MB": session["peak_memory_mb"],
    }


if __name__ == "__main__":
    main()
