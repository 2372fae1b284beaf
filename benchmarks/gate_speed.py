"""Two checkouts timed in turn on the same rounds: the median of the ratios of pairs.

What else the machine does slows both alike, and a pair takes milliseconds; the median of the ratios of 15
pairs is good to one or two per cent. Times are those of the process on its core.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

GRIDS = {"ieee57": 4000, "ieee118": 2000, "ieee300": 1000}  # independent rounds of a chunk
SHARES = {
    "independent": 1.0,
    "3 agents": 2.0,
    "5 $ grid": 1.0,
    "per call": 0.5,
    "sloped": 0.5,
    "half sloped": 0.5,
}
PAIRS, QUICK_PAIRS, QUICK_GRIDS = 15, 7, ("ieee57", "ieee300")
Process = subprocess.Popen[str]


def compare_speed(here: Process, there: Process, tolerance: float, quick: bool) -> list[str]:
    """Print a line per grid and regime; which are slower here by more than the tolerance, in two series."""
    _share_a_core(here, there)
    pairs = QUICK_PAIRS if quick else PAIRS
    slower = []
    print(f"{'grid':10}{'regime':14}{'here µs':>9}{'there µs':>10}{'ratio':>8}")
    try:
        for grid in QUICK_GRIDS if quick else GRIDS:
            for regime, share in SHARES.items():
                question = [grid, regime, int(GRIDS[grid] * share)]
                _ask(here, question), _ask(there, question)  # prepares, loads, and fills caches
                ratio, mine, other = _series(here, there, question, pairs)
                note = ""
                if ratio > 1 + tolerance:  # chance, or slower: twice as many pairs decide
                    ratio, mine, other = _series(here, there, question, 2 * pairs)
                    if ratio > 1 + tolerance:
                        slower.append(f"{grid}, {regime}")
                        note = f"  slower by more than {tolerance:.0%}"
                print(f"{grid:10}{regime:14}{mine:9.2f}{other:10.2f}{ratio:8.3f}{note}", flush=True)
    finally:
        for process in (here, there):
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
    print(f"slower by more than {tolerance:.0%}: {'; '.join(slower) or 'none'}")
    return slower


def _share_a_core(*processes: Process) -> None:
    """Both on one core, so that neither has the better one; where the system lets us."""
    if hasattr(os, "sched_setaffinity"):
        core = {min(os.sched_getaffinity(0))}
        for process in processes:
            os.sched_setaffinity(process.pid, core)


def _series(here: Process, there: Process, question: list[Any], pairs: int) -> tuple[float, float, float]:
    """Median ratio of pairs, and the median µs per round of both."""
    mine, other = [], []
    for k in range(pairs):
        for process, times in ((here, mine), (there, other))[:: 1 if k % 2 else -1]:
            times.append(_ask(process, question))
    ratios = [a / b for a, b in zip(mine, other, strict=True)]
    return statistics.median(ratios), statistics.median(mine), statistics.median(other)


def _ask(process: Process, question: list[Any]) -> float:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise RuntimeError(f"the process for {question} ended with {process.wait()}; its error is above")
    return float(json.loads(answer))


def serve() -> None:
    """Answer questions (grid, regime, rounds) on the standard input with µs per round, until it closes."""
    works: dict[tuple[str, str], Callable[[], None]] = {}
    for line in sys.stdin:
        grid, regime, rounds = json.loads(line)
        if (grid, regime) not in works:
            works[grid, regime] = _work(grid, regime, rounds)
        begun = time.process_time()
        works[grid, regime]()
        print((time.process_time() - begun) / rounds * 1e6, flush=True)


def _work(grid: str, regime: str, rounds: int) -> Callable[[], None]:
    """Clears the rounds; a round without a proof is an error."""
    from gate_batches import slopes_of, work_of

    from clearing import NodalMarket

    work = work_of(grid)
    prepared = NodalMarket(work.grid).prepare(work.book)
    price, mw = work.rounds(rounds, regime if regime in ("3 agents", "5 $ grid") else "independent", seed=1)
    slope = slopes_of(work, {"sloped": "all", "half sloped": "half"}.get(regime, "none"))

    def call() -> None:
        for k in range(rounds):
            prepared.clear(price[k], mw[k])

    def batch() -> None:
        if not prepared.clear_many(price, mw, slope=slope).certified.all():
            raise RuntimeError(f"{grid}, {regime}: rounds without a proof")

    return call if regime == "per call" else batch
