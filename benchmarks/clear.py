"""Time and peak memory of one clearing, by case and stage, and its ratio to bare highspy on the same arrays.

    python benchmarks/clear.py [CASE ...] [--runs 5] [--json FILE]

Every case runs in a process of its own. `cold` is the first `clear` of a new market (model built and
compiled, everything after loading included), `again` a later one on the same market. The reference is
highspy's cold solve of the very program that the market solves, in the same process and run; for books
with slopes it is the same program without them. Figures are medians; machines are noisy, so compare ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

CASES = ("three_node", "ieee5", "ieee14", "ieee57", "ieee118", "pglib_ieee118", "pglib_ieee300",
         "pegase1354", "pegase2869", "pglib_ieee118x24", "pglib_ieee300x24")  # fmt: skip
STAGES = ("load", "build", "compile", "solve", "ties", "prices", "certify", "rest")
TIMED = {
    "clearing.nodal.build_nodal_model": "build",
    "clearing.nodal.compile_model": "compile",
    "clearing.optimum.solve": "solve",
    "clearing.optimum.share_ties": "ties",
    "clearing.optimum.certify_numbers": "certify",
}
RAMP_SHARE = 0.1  # of capacity per hour, for the 24-period rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "cases", nargs="*", default=CASES, metavar="CASE", help="a case; CASEx24 for 24 periods"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each case (default 5)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.cases[0], options.runs)))
        return
    rows = []
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in ("pyomo", "highspy", "numpy", "scipy")))
    header = [
        "case",
        "orders",
        *STAGES,
        "cold ms",
        "again ms",
        "bare ms",
        "cold/bare",
        "again/bare",
        "peak MB",
    ]
    print(" ".join(f"{name:>12}" for name in header))
    for case in options.cases:
        command = [sys.executable, __file__, case, "--runs", str(options.runs), "--one"]
        environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            print(f"{case:>12} failed: {done.stderr.strip().splitlines()[-1]}")
            continue
        row = json.loads(done.stdout)
        rows.append(row)
        print(
            " ".join(
                f"{row[name]:>12}" if not isinstance(row[name], float) else f"{row[name]:>12.2f}"
                for name in header
            )
        )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def measure(name: str, runs: int) -> dict[str, Any]:
    """Figures of one case, in milliseconds unless the key says otherwise."""
    import numpy as np

    import networks
    from clearing import Book, NodalMarket

    base_memory = _peak_mb()
    started = time.perf_counter()
    case = networks.load(name.removesuffix("x24"))
    load = 1e3 * (time.perf_counter() - started)
    if name.endswith("x24"):
        hours = np.arange(24)
        profile = 0.8 + 0.15 * np.sin(2 * np.pi * (hours - 9) / 24)
        book = Book.from_case(case, profile=profile, ramp_share=RAMP_SHARE)
    else:
        book = Book.from_case(case)
    clock = _Clock()
    NodalMarket(case.grid).clear(book)  # warms caches of imports, not of the market below
    cold, again, bare, stages = [], [], [], defaultdict(list)
    for _ in range(runs):
        clock.reset()
        market = NodalMarket(case.grid)
        cold.append(_timed(lambda: market.clear(book)))  # noqa: B023
        for stage, spent in clock.spent.items():
            stages[stage].append(spent)
        stages["rest"].append(cold[-1] - sum(clock.spent.values()))
        again.append(_timed(lambda: market.clear(book)))  # noqa: B023
        bare.append(_bare_highs(clock.program))
    row = {"case": name, "orders": len(book.column_row), "load": load}
    row |= {stage: statistics.median(stages[stage]) for stage in STAGES[1:]}
    row |= {
        "cold ms": statistics.median(cold),
        "again ms": statistics.median(again),
        "bare ms": statistics.median(bare),
    }
    row["cold/bare"] = statistics.median([a / b for a, b in zip(cold, bare, strict=True)])
    row["again/bare"] = statistics.median([a / b for a, b in zip(again, bare, strict=True)])
    row["peak MB"] = _peak_mb() - base_memory
    return row


class _Clock:
    """Wraps the functions of the stages where they are called, adding up the time spent in each."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self.program: Any = None
        for path, stage in TIMED.items():
            module, _, function = path.rpartition(".")
            home = import_module(module)
            setattr(home, function, self._wrap(getattr(home, function), stage))
        face = import_module("clearing.pricing.prices").DualFace
        face.pick = self._wrap(face.pick, "prices")

    def _wrap(self, function: Callable[..., Any], stage: str) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            if stage == "solve":
                self.program = arguments[0]
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.spent[stage] += 1e3 * (time.perf_counter() - started)

        return timed

    def reset(self) -> None:
        self.spent = defaultdict(float)


def _timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - started)


def _bare_highs(program: Any) -> float:
    """A new highspy instance, the arrays passed, one cold run, the solution read [ms]."""
    import highspy

    from clearing.solvers import highs_model

    model = highs_model(program)

    def run() -> None:
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("threads", 1)
        highs.passModel(model)
        highs.run()
        highs.getSolution()

    return _timed(run)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
