"""The measurements of `benchmarks/rounds.py`: each function runs in a process of its own."""

from __future__ import annotations

import importlib.util
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from workloads import REGIMES, Workload, workload

from clearing import Book, NodalMarket
from clearing.prepared import PreparedMarket

CHUNK = {5: 4000, 14: 3000, 30: 2000, 57: 2000, 118: 1000, 300: 500, 1354: 60, 2869: 25}  # rounds, by buses
LONGER = 4  # times as many where few agents change: such rounds take about a fourth of the time
CHUNKS = 7
AGREEMENT = 1e-9  # relative, of every objective that is compared
WANT = ("accepted", "lmp", "welfare")
clock = time.process_time


class Tally:
    """Counts and checks what was cleared."""

    def __init__(self) -> None:
        self.rounds = self.fallbacks = 0
        self.worst = 0.0

    def add(self, batch: Any) -> None:
        if not batch.certified.all():
            raise SystemExit(f"{int((~batch.certified).sum())} rounds are not certified")
        self.rounds += len(batch.welfare)
        self.fallbacks += batch.fallbacks

    def compare(self, name: str, welfare: np.ndarray, ours: np.ndarray) -> None:
        """Objectives that do not end in NaN agree; where all do, the peer fails."""
        ended = ~np.isnan(welfare)
        error = float((np.abs(welfare - ours) / np.maximum(1.0, np.abs(ours)))[ended].max(initial=0.0))
        if error > AGREEMENT:
            raise SystemExit(f"{name}: an objective differs by {error:.1e} (relative)")
        self.worst = max(self.worst, error)


def measure(case: str, share: str = "1") -> dict[str, Any]:
    """All figures of one case but those that need processes of their own."""
    import peers

    work, tally = workload(case), Tally()
    size = max(4, int(float(share) * CHUNK[len(work.grid.buses)]))
    prepared = NodalMarket(work.grid).prepare(work.book)
    engine, highspy, ratio = {}, {}, {}
    for regime in REGIMES:
        calls = regime == REGIMES[0]
        rounds = size * LONGER if "agents" in regime else size
        times = _chunks(work, prepared, peers.HighsAngles(work), regime, rounds, tally, calls)
        engine[regime], highspy[regime], called = (1e6 * statistics.median(t) / rounds for t in times)
        ratio[regime] = statistics.median(h / e for e, h in zip(times[0], times[1], strict=True))
        if calls:
            engine["per call"] = called
            ratio["per call"] = statistics.median(h / c for h, c in zip(times[1], times[2], strict=True))
    few = min(size, 500)
    price, mw = work.rounds(few, REGIMES[0], seed=99)
    ours = prepared.clear_many(price, mw).welfare
    lazy = peers.HighsLazyFlows(work)
    _time(lazy, price, mw, ours, tally, "highspy, lazy PTDF rows")  # finds its lines
    found = {"highspy, lazy PTDF rows": _time(lazy, price, mw, ours, tally, "highspy, lazy PTDF rows")}
    found["general path, all laws"] = _general(prepared, price[:3], mw[:3], ours, tally)
    for name, peer in (peers.PYOMO | _tools(work)).items():
        found[name] = _time(peer(work), price[:3], mw[:3], ours, tally, name)
    import laws

    return {
        "engine": engine, "highspy": highspy, "ratio": ratio, "peers": found,
        "bridge": _bridge(work, price, mw, ours, tally), "laws": laws.shares(work, size),
        "sloped": _sloped(work, size, highspy[REGIMES[0]], 1.0),
        "mixed": _sloped(work, size, highspy[REGIMES[0]], 0.5), "rounds": tally.rounds,
        "fallbacks": tally.fallbacks, "worst objective": tally.worst,
    }  # fmt: skip


def _chunks(
    work: Workload, prepared: PreparedMarket, peer: Any, regime: str, size: int, tally: Tally, calls: bool
) -> tuple[list[float], list[float], list[float]]:
    """Seconds of the engine in batch, of highspy, and of the engine per call, for each chunk."""
    warm = work.rounds(max(size, 100), regime, seed=1)  # meets the lines that bind
    tally.add(prepared.clear_many(*warm))
    single = NodalMarket(work.grid).prepare(work.book)  # has not seen the rounds either
    single.clear_many(*warm)
    price, mw = work.rounds(CHUNKS * size, regime, seed=2)
    seconds: tuple[list[float], list[float], list[float]] = ([], [], [])
    for k in range(CHUNKS):
        p, q = price[k * size : (k + 1) * size], mw[k * size : (k + 1) * size]
        started = clock()
        welfare = np.array([peer.clear(a, b) for a, b in zip(p, q, strict=True)])
        seconds[1].append(clock() - started)
        started = clock()
        batch = prepared.clear_many(p, q, want=WANT)
        seconds[0].append(clock() - started)
        tally.add(batch)
        tally.compare("highspy", welfare, batch.welfare)
        started = clock()
        if calls:
            rounds = [single.clear(a, b) for a, b in zip(p, q, strict=True)]
        seconds[2].append(clock() - started)
        if calls:
            tally.compare("one by one", np.array([r.welfare for r in rounds]), batch.welfare)
    return seconds


def _time(peer: Any, price: np.ndarray, mw: np.ndarray, ours: np.ndarray, tally: Tally, name: str) -> float:
    """Median milliseconds per round; NaN where it never ends with an optimum."""
    times, welfare = [], np.empty(len(price))
    peer.clear(price[0], mw[0])
    for r in range(len(price)):
        started = clock()
        welfare[r] = peer.clear(price[r], mw[r])
        times.append(1e3 * (clock() - started))
    tally.compare(name, welfare, ours[: len(price)])
    return float("nan") if np.isnan(welfare).any() else statistics.median(times)


def _tools(work: Workload) -> dict[str, Any]:
    import tools

    installed = {name: tool for name, tool in tools.TOOLS.items() if importlib.util.find_spec(name)}
    return {name: tool for name, tool in installed.items() if len(work.grid.buses) <= tool.largest}


def _general(
    prepared: PreparedMarket, price: np.ndarray, mw: np.ndarray, ours: np.ndarray, tally: Tally
) -> float:
    """Median milliseconds of the compiled Pyomo formulation with solve from scratch and all laws."""
    times = []
    for r in range(len(price)):
        rows = prepared._check(price[r : r + 1], mw[r : r + 1], None, None, None)
        started = clock()
        batch = prepared._general_batch(rows, WANT, "raise", np.arange(0))
        times.append(1e3 * (clock() - started))
        tally.compare("general path", batch.welfare, ours[r : r + 1])
    return statistics.median(times)


def _bridge(work: Workload, price: np.ndarray, mw: np.ndarray, ours: np.ndarray, tally: Tally) -> float:
    """Time of filling the compiled arrays and hot-starting highspy, over that of highspy alone."""
    import peers

    bridge = peers.Bridge(work)
    fill, bare, welfare = [], [], np.empty(len(price))
    for r in range(len(price)):
        started = clock()
        program = bridge.program(price[r], mw[r])
        middle = clock()
        welfare[r] = bridge.bare(program)
        fill.append(middle - started)
        bare.append(clock() - middle)
    tally.compare("bridge", welfare, ours)
    return 1 + statistics.median(f / b for f, b in zip(fill, bare, strict=True))


def _sloped(work: Workload, size: int, highspy_us: float, share: float) -> dict[str, float]:
    """A share of the orders sloped: microseconds per round, and as a share of the LP's hot start."""
    prepared, slope = NodalMarket(work.grid).prepare(work.book), work.slopes(seed=3)
    slope = slope * (np.random.default_rng(8).random(len(slope)) < share)
    prepared.clear_many(*work.rounds(max(size, 100), REGIMES[0], seed=4), slope=slope)
    price, mw = work.rounds(3 * size, REGIMES[0], seed=5)
    times, fallbacks = [], 0
    for k in range(3):
        chunk = slice(k * size, (k + 1) * size)
        started = clock()
        batch = prepared.clear_many(price[chunk], mw[chunk], slope=slope)
        times.append(1e6 * (clock() - started) / size)
        fallbacks += batch.fallbacks
        if not batch.certified.all():
            raise SystemExit("a sloped round is not certified")
    us = statistics.median(times)
    return {"us": us, "share": us / highspy_us, "fallbacks": fallbacks}


def memory(case: str) -> float:
    """Megabytes that an engine takes above the interpreter with its libraries and the compiled code."""
    small = workload("ieee5")
    NodalMarket(small.grid).prepare(small.book).clear_many(small.price)
    work = workload(case)
    _ = work.grid.flow, work.rounds(20, REGIMES[0], seed=1)
    before = _resident_mb()
    prepared = NodalMarket(work.grid).prepare(work.book)
    prepared.clear_many(*work.rounds(20, REGIMES[0], seed=1))
    engine: Any = prepared.engine
    work = engine.workspace()
    arrays = work.floats.nbytes + work.ints.nbytes
    return max(
        _resident_mb() - before, arrays / 2**20
    )  # memory that was freed before may have been used again


def _resident_mb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(row for row in status.read_text().splitlines() if row.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def first_call(case: str) -> float:
    """Seconds of CPU time until the first clearing is there: compiling, or loading what was compiled."""
    import networks

    loaded = networks.load(case)
    book, market = Book.from_case(loaded), NodalMarket(loaded.grid)
    started = clock()
    market.prepare(book).clear_many(book.price)
    return clock() - started


def day(case: str) -> dict[str, float]:
    """Milliseconds for 24 hours with ramps of 10 % of capacity, and as a share of the general path's."""
    import networks
    from clearing.optimum import find_optimum

    loaded = networks.load(case)
    profile = 0.8 + 0.15 * np.sin(2 * np.pi * (np.arange(24) - 9) / 24)
    book = Book.from_case(loaded, profile=profile, ramp_share=0.1)
    market = NodalMarket(loaded.grid)
    prepared = market.prepare(book)
    rng, times, ratio = np.random.default_rng(1), [], []
    base = prepared.numbers.price
    for r in range(4):
        price = base * rng.uniform(0.8, 1.2, base.shape)
        started = clock()
        batch = prepared.clear_many(price)
        middle = clock()
        numbers = replace(prepared.numbers, price=price)
        model = market.compiled(prepared.structure)
        found = find_optimum(prepared.structure, numbers, model, market.price_rule, market.time_limit)
        if r:
            times.append(1e3 * (middle - started))
            ratio.append((middle - started) / (clock() - middle))
        if not batch.certified.all() or np.abs(batch.lmp[0] - found.claim.lmp).max() > 1e-6:
            raise SystemExit("a day is not certified, or its prices are not those of the general path")
    return {"ms": statistics.median(times), "share": statistics.median(ratio)}
