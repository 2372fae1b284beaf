"""Microseconds of loop per round beyond the clearing, and the time of whole learning experiments.

    python benchmarks/learning.py [--long] [--json FILE]

A round is one round of one replicate: all players act, are paid, and learn. `payoffs` is the time spent
inside the game (a gather where it is tabulated or cached, an exact clearing where it is new), `loop` is
everything else: choosing, learning, stopping, traces, streams. Both are processor time of one core, so that
other work on the machine shows less. Whole experiments (`--long`: the logit baseline of 40 sessions, one
million rounds on pglib_ieee300 with and without noise) are in processor
seconds, with wall time beside; the baseline, on two threads, in wall time alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import clearing
import networks
from clearing.monitor import supply
from learners import DemandStates, Game, Markups, tabulate
from learners.games.bertrand import LogitBertrand
from learners.protocols import PayoffSource, RandomSource
from learners.sessions.session import Session
from learners.sessions.stopping import Stopping
from learners.strategies.evolution import Evolution
from learners.strategies.linear import LinearTD
from learners.strategies.memory import DemandLevel, LastActions
from learners.strategies.policies import EntropyBoltzmann, EpsilonGreedy, Exponential
from learners.strategies.roth_erev import RothErev
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa

ALLOWED = 5.0  # µs of loop per round, cached or batched
FALLING = EpsilonGreedy(Exponential(1e-4))
LEARNERS = {
    "Q, ε-greedy": QLearning(0.15, 0.95, FALLING),
    "SARSA, ε-greedy": Sarsa(0.15, 0.95, FALLING),
    "expected SARSA, entropy": ExpectedSarsa(0.15, 0.95, EntropyBoltzmann(0.3)),
    "linear, 8 tilings": LinearTD("expected", 0.1, 0.95, 0.8, FALLING),
    "Roth–Erev": RothErev(),
}


class Timed:
    """A payoff source that adds up the time spent in it; what has masks plays through `act` and `update`."""

    feasible = None

    def __init__(self, source: PayoffSource) -> None:
        self.source, self.seconds = source, 0.0
        self.players, self.actions = source.players, source.actions
        self.random = isinstance(source, RandomSource) and source.random

    def payoffs(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        begun = time.process_time()
        paid = self.source.payoffs(profiles) if rng is None else self.source.payoffs(profiles, rng)
        self.seconds += time.process_time() - begun
        return paid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="also the experiments of minutes")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    logit = tabulate(LogitBertrand.calvano())
    print(f"{'what':58}{'rounds':>12}{'µs/round':>10}{'loop':>8}{'payoffs':>9}")
    for name, spec in LEARNERS.items():
        if not isinstance(spec, (LinearTD, RothErev)):
            measure(rows, f"logit, {name}, compiled, 1 session", logit, spec, 1, 400_000)
        for batch in (1, 16, 64):
            measure(rows, f"logit, {name}, batch of {batch}", Timed(logit), spec, batch, 3_000)
    case = networks.load("five_bus")
    game = Game(clearing.NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups(tuple(range(0, 31, 5))))
    game.tensor()
    for batch in (1, 64):
        what = f"five_bus market, cached, Q, batch of {batch}"
        measure(rows, what, Timed(game), LEARNERS["Q, ε-greedy"], batch, 3_000)
    evolve(rows)
    if options.long:
        baseline(rows, logit)
        large_grid(rows)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
    batched = [r for r in rows if "loop_us" in r and (r["batch"] >= 64 or "compiled" in r["what"])]
    above = [f"{r['what']}: {r['loop_us']:.1f} µs" for r in batched if r["loop_us"] > ALLOWED]
    print(f"\nrows compiled, or in batches of 64, above {ALLOWED:g} µs of loop: {'; '.join(above) or 'none'}")


def measure(rows: list[dict[str, Any]], what: str, source: Any, spec: Any, batch: int, rounds: int) -> None:
    """One row: a warm-up that compiles, then the run."""
    learners = (spec,) * len(source.actions)
    Session(source, learners, 50).play(seed=0, replicates=batch)
    timed = isinstance(source, Timed)
    if timed:
        source.seconds = 0.0
    seconds = clock(lambda: Session(source, learners, rounds).play(seed=1, replicates=batch))
    inside = source.seconds if timed else 0.0
    count = rounds * batch
    row = {"what": what, "rounds": count, "batch": batch, "seconds": seconds,
           "us": seconds / count * 1e6, "loop_us": (seconds - inside) / count * 1e6,
           "payoffs_us": inside / count * 1e6}  # fmt: skip
    rows.append(row)
    print(f"{what:58}{count:12,}{row['us']:10.2f}{row['loop_us']:8.2f}{row['payoffs_us']:9.2f}", flush=True)


def clock(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def evolve(rows: list[dict[str, Any]]) -> None:
    """Genetic self-play: 500 matches per generation and player, microseconds per match."""
    logit = tabulate(LogitBertrand.calvano())
    Evolution().evolve(logit, 2, replicates=2)
    seconds = clock(lambda: Evolution().evolve(logit, 50, replicates=20))
    count = 50 * 500 * 20
    rows.append({"what": "genetic self-play, 20 replicates", "rounds": count, "seconds": seconds})
    print(f"{'genetic self-play, matches, 20 replicates':58}{count:12,}{seconds / count * 1e6:10.2f}")


def baseline(rows: list[dict[str, Any]], logit: PayoffSource) -> None:
    """Calvano et al. (AER 2020): 40 sessions on two threads."""
    spec = QLearning(0.15, 0.95, EpsilonGreedy(Exponential(4e-6)), initial="uniform_rivals")
    session = Session(logit, (spec, spec), Stopping(20_000_000, unchanged=100_000))
    begun = time.perf_counter()
    ended = session.play(seed=1, replicates=40, workers=2)
    seconds = time.perf_counter() - begun
    count = int(ended.rounds.sum())
    rows.append({"what": "logit baseline, 40 sessions, 2 threads", "rounds": count, "seconds": seconds})
    what = "logit baseline, 40 sessions, 2 threads"
    print(f"{what:58}{count:12,}{seconds / count * 1e6:10.2f}   {seconds:.1f} s", flush=True)


def large_grid(rows: list[dict[str, Any]]) -> None:
    """Three firms with 15 mark-ups each on pglib_ieee300, one million rounds, without and with noise."""
    case = networks.load("pglib_ieee300")
    market, book = clearing.NodalMarket(case.grid), clearing.Book.from_case(case)
    firms = supply(book).nlargest(3).index.tolist()
    markups = Markups(tuple(float(m) for m in range(15)))
    spec = QLearning(0.15, 0.9, EpsilonGreedy(Exponential(1e-3)), LastActions("own"))

    def quiet() -> int:
        table = Game(market, book, firms, markups).tensor()
        Session(table, (spec,) * 3, 4_000).play(seed=1, replicates=250)
        return table.values[0].size

    whole(rows, "pglib_ieee300, no noise, 250 sessions", quiet)
    states = DemandStates.drawn(np.linspace(0.7, 1.0, 24), 0.05, 8, np.random.default_rng(0))
    known = QLearning(0.15, 0.0, EpsilonGreedy(Exponential(1e-3, floor=0.2)), DemandLevel())
    for what, levels, learner in (
        ("24 levels ±5 %, level unknown", None, spec),
        ("24 levels ±5 %, level seen", "drawn", known),
    ):

        def noisy(levels: str | None = levels, learner: QLearning = learner) -> int:
            game = Game(market, book, firms, markups, states=states)
            Session(game, (learner,) * 3, 1_000, levels=levels).play(seed=1, replicates=1_000)
            return game.cache.computed

        whole(rows, f"pglib_ieee300, {what}, 1000 sessions", noisy)


def whole(rows: list[dict[str, Any]], what: str, work: Callable[[], int]) -> None:
    """One million rounds, the game and its clearings included: processor and wall time, books, memory."""
    begun, busy = time.perf_counter(), time.process_time()
    cleared = work()
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows.append({"what": what, "rounds": 1_000_000, "seconds": busy, "wall": seconds, "cleared": cleared})
    print(
        f"{what:58}{1_000_000:12,}{busy:10.2f}   {busy:.1f} s busy, {seconds:.1f} s wall, "
        f"{cleared:,} distinct books cleared, {memory:.0f} MB at most",
        flush=True,
    )


if __name__ == "__main__":
    main()
