"""What the laws cost within a round of the engine.

The certificate of eight rounds, which looks at all lines, and the recomputation from the active set with the
price rule, are run many times on the engine's state after eight rounds. Law 4 is the extra time of the rounds
that have ties, by clearing those and the others apart. A round that repeats the one before has no pivots, and
shows what all else costs.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from workloads import Workload

from clearing import NodalMarket
from clearing.engine.attempt import MW_TOL
from clearing.engine.batch import clear_rounds
from clearing.engine.canonical.active_set import interior_basic_columns
from clearing.engine.canonical.recompute import queue_for_proof, recompute
from clearing.engine.compilation.decorators import door
from clearing.engine.grid.candidate_lines import list_active_lines
from clearing.engine.linalg.simd import LANES
from clearing.engine.memory.layout import INFO
from clearing.engine.memory.store import unpack
from clearing.engine.proof.certificate import prove

TIMES = 200
NONE = np.zeros((0, 0))
clock = time.process_time


@door
def prove_again(floats, ints, rows, mw_scale, times):  # type: ignore[no-untyped-def]
    s = unpack(floats, ints)
    for _ in range(times):
        for lane in range(LANES):
            queue_for_proof(s, lane, rows, MW_TOL * mw_scale)
        prove(s, LANES)


@door
def recompute_again(floats, ints, rule, cost_scale, mw_scale, times):  # type: ignore[no-untyped-def]
    s = unpack(floats, ints)
    rows = 0
    for _ in range(times):
        s.cache_state = 0  # as in a round whose active set is another than the last one's
        f = interior_basic_columns(s, MW_TOL * mw_scale)
        tight = list_active_lines(s, 0.1 * MW_TOL * mw_scale)
        _status, rows, _rank = recompute(s, f, tight, MW_TOL * mw_scale, False, rule, cost_scale, s.unpriced)
    return rows


def shares(work: Workload, size: int) -> dict[str, float]:
    """Share of a round by law."""
    engine: Any = NodalMarket(work.grid).prepare(work.book).engine
    found: dict[str, float] = {}
    for regime, suffix in (("independent", ""), ("5 $ grid", ", 5 $ grid")):
        price, mw = work.rounds(max(size, 60), regime, seed=6)
        _clear(engine, price, mw)
        seconds, info = _clear(engine, price, mw)
        tied = info["ties"] > 0
        found["ties (4)" + suffix] = 0.0
        if 0 < tied.sum() < len(tied):
            with_ties, _ = _clear(engine, price[tied], mw[tied])
            without, _ = _clear(engine, price[~tied], mw[~tied])
            extra = (with_ties / tied.sum() - without / (~tied).sum()) * tied.mean()
            found["ties (4)" + suffix] = extra * len(price) / (with_ties + without)
        elif tied.all():
            found["ties (4)" + suffix] = float("nan")
        if suffix:
            continue
        found["pivots"], found["binding"] = float(info["steps"].mean()), float(info["binding"].mean())
        same = [
            _clear(engine, *(np.repeat(a[r : r + 1], size, axis=0) for a in (price, mw)))[0] for r in range(5)
        ]
        found["no pivots"] = float(np.median(same)) / size / (seconds / len(price))
        settled = proven = 0.0
        sample = np.flatnonzero(~tied)[:20]
        for k, r in enumerate(sample):
            _clear(engine, price[r : r + 1], mw[r : r + 1])
            scales = 1 + np.abs(price[r]).max(), 1 + mw[r].max()
            arrays = engine._idle[-1].floats, engine._idle[-1].ints
            if k == 0:  # compiles
                recompute_again(*arrays, engine.rule, *scales, 1)
                prove_again(*arrays, 1, scales[1], 1)
            started = clock()
            rows = recompute_again(*arrays, engine.rule, *scales, TIMES)
            middle = clock()
            prove_again(*arrays, rows, scales[1], TIMES)
            settled, proven = settled + middle - started, proven + (clock() - middle) / LANES
        per_round = seconds / len(price) * len(sample) * TIMES
        found["recompute and price (3, 5)"] = settled / per_round
        found["certificate (6)"] = proven / per_round
    return found


def _clear(engine: Any, price: np.ndarray, mw: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
    """Seconds, and the engine's notes on each round."""
    price, mw = price / engine._money, mw / engine._quantity
    welfare, info = np.empty(len(price)), np.zeros((len(INFO), len(price)))
    work = engine.workspace()
    started, first, status = clock(), 0, 1
    while status:
        status, first = clear_rounds(
            work.floats, work.ints, price, mw, NONE, NONE, NONE, engine.rule, first,
            NONE, NONE, NONE, NONE, NONE, welfare, info,
        )  # fmt: skip
        if status:
            work.provide(status)
    seconds = clock() - started
    engine._idle.append(work)
    return seconds, {field.name: row for field, row in zip(INFO, info, strict=True)}
