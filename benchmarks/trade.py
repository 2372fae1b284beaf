"""Time and peak memory of one coalition clearing on 300 buses, by model, private lines and stage.

    python benchmarks/trade.py [LINES ...] [--runs 5] [--json FILE]

Random private lines between the 299 agents of the IEEE 300-bus configuration closest to the poster's
table (docs/mathematics-coalition.md). `first` is the `clear` of a new market (Pyomo model built and
compiled), `again` a later one with the same lines and other numbers, `rest` what remains of `first`: physics,
prices, certificate. The reference is Clarabel alone on the very arrays. Every row runs in a process of its
own; figures are medians; machines are noisy, so compare ratios.
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
from importlib.metadata import version
from pathlib import Path
from typing import Any

LINES = (0, 150, 450, 2000, 7850)
MODELS = ("ad_hoc", "self_interested", "cooperative", "integrated")
STAGES = ("build", "compile", "fill", "solve", "rest")
DISPATCH, RESISTANCE, SCATTER = 0.8625, 0.00171, 0.1  # the closest configuration


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines", nargs="*", type=int, default=LINES, help="numbers of private lines")
    parser.add_argument("--runs", type=int, default=5, help="runs of each row (default 5)")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.lines[0], options.runs)))
        return
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, ", end="")
    print(", ".join(f"{name} {version(name)}" for name in ("pyomo", "clarabel", "numpy", "scipy")))
    header = [
        "model",
        "lines",
        *STAGES,
        "first ms",
        "again ms",
        "bare ms",
        "first/bare",
        "again/bare",
        "peak MB",
    ]
    print(" ".join(f"{name:>15}" for name in header))
    rows = []
    for lines in options.lines:
        for model in MODELS:
            command = [sys.executable, __file__, str(lines), "--runs", str(options.runs), "--one", model]
            environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
            done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
            if done.returncode:
                print(f"{model:>15} {lines:>15} failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            row = json.loads(done.stdout)
            rows.append(row)
            cells = (row[name] for name in header)
            print(" ".join(f"{cell:>15.2f}" if isinstance(cell, float) else f"{cell:>15}" for cell in cells))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


def measure(model: str, lines: int, runs: int) -> dict[str, Any]:
    """Figures of one row, in milliseconds unless the key says otherwise."""
    import clearing.trading.solving
    from clearing.trading import markets as trading

    base_memory = _peak_mb()
    instances = [_instance(lines, noise) for noise in range(2)]
    clock = _Clock(clearing.trading.solving)
    markets = {
        "ad_hoc": trading.AdHocTrading,
        "self_interested": trading.SelfInterestedTrading,
        "cooperative": trading.CooperativeTrading,
        "integrated": trading.IntegratedTrading,
    }
    markets[model]().clear(instances[0])  # warms imports, not the market below
    first, again, bare = [], [], []
    stages: dict[str, list[float]] = defaultdict(list)
    for _ in range(runs):
        market = markets[model]()
        clock.spent.clear()
        first.append(_timed(lambda: market.clear(instances[0])))  # noqa: B023
        for stage in STAGES[:-1]:
            stages[stage].append(clock.spent[stage])
        stages["rest"].append(first[-1] - sum(clock.spent.values()))
        again.append(_timed(lambda: market.clear(instances[1])))  # noqa: B023
        bare.append(_timed(lambda: clock.bare()) if clock.program is not None else float("nan"))
    row: dict[str, Any] = {"model": model, "lines": lines}
    row |= {stage: statistics.median(stages[stage]) for stage in STAGES}
    row |= {"first ms": statistics.median(first), "again ms": statistics.median(again)}
    row["bare ms"] = statistics.median(bare)
    row["first/bare"] = statistics.median([a / b for a, b in zip(first, bare, strict=True)])
    row["again/bare"] = statistics.median([a / b for a, b in zip(again, bare, strict=True)])
    row["peak MB"] = _peak_mb() - base_memory
    return row


def _instance(lines: int, noise: int) -> Any:
    """The same private lines for every `noise`, other reactances of public lines."""
    import numpy as np

    import networks
    from clearing.trading.instance import TradingInstance
    from clearing.trading.tables import ieee300_agents
    from networks.geography import equalise_resistance
    from networks.private_lines import draw_random_lines

    table = ieee300_agents()
    agents = [
        {
            "bus": row.bus,
            "endowment_mw": DISPATCH * row.generation_mw + row.static_mw,
            "demand_mw": row.load_mw,
        }
        for row in table.itertuples()
        if row.bus != 256
    ]
    grid = networks.load("ieee300").grid
    grid = equalise_resistance(grid, RESISTANCE, SCATTER, np.random.default_rng(noise))
    instance = TradingInstance.from_tables(grid, agents, main_bus=256)
    return instance.with_private(draw_random_lines(instance.agents, np.random.default_rng(7), lines=lines))


class _Clock:
    """Wraps the stages that `clearing.trading.solving` calls by name, adding up the time spent in each."""

    def __init__(self, module: Any):
        self.spent: dict[str, float] = defaultdict(float)
        self.program: Any = None
        module.compile_conic_model = self._wrap(module.compile_conic_model, "compile")
        module.solve_conic = self._wrap(module.solve_conic, "solve")
        for name, build in module.BUILDERS.items():
            module.BUILDERS[name] = self._wrap(build, "build")
        kind = module.CompiledConicModel
        kind.at = self._wrap(kind.at, "fill")

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

    def bare(self) -> None:
        """Clarabel alone on the last program, at the tolerance that the toolkit asks for."""
        import clarabel
        import numpy as np
        from scipy import sparse

        from clearing.solvers import CONIC_TOLERANCES

        p = self.program.linear
        squares, corner = self.program.second_order_rows()
        bottom = np.flatnonzero(np.isfinite(p.low))
        floor = sparse.csr_array(-sparse.eye_array(len(p.cost), format="csr")[bottom])
        matrix = sparse.csc_matrix(sparse.vstack([p.matrix, floor, squares]))
        right = np.concatenate([p.row_high, -p.low[bottom], corner])
        cones = [clarabel.ZeroConeT(p.matrix.shape[0]), clarabel.NonnegativeConeT(len(bottom))]
        cones += [clarabel.SecondOrderConeT(3)] * len(self.program.weight)
        settings = clarabel.DefaultSettings()
        settings.verbose, settings.max_threads = False, 1
        settings.tol_feas = settings.tol_gap_abs = settings.tol_gap_rel = CONIC_TOLERANCES[0]
        nothing = sparse.csc_matrix((len(p.cost), len(p.cost)))
        clarabel.DefaultSolver(nothing, p.cost, matrix, right, cones, settings).solve()


def _timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - started)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
