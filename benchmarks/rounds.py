"""Exact clearings per second: the round engine beside bare highspy, Pyomo and published tools, same rounds.

    python benchmarks/rounds.py [CASE ...] [--quick] [--laws] [--json FILE]

Every case runs in a process of its own on one thread. All times are process CPU times (user and system);
a ratio is formed within a chunk of rounds that both sides clear one after the other, and the medians of
the chunks are given. The engine runs with all laws on: ties, price rule, certificate. While it measures,
every objective is compared (relative 1e-9) and every certificate read; the run ends at the first miss.
Without cases it measures all of them, and writes its tables into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: benchmarks/rounds.py -->", "<!-- end of measured -->"
CASES = ("ieee5", "ieee14", "ieee30", "ieee57", "ieee118", "ieee300", "pegase1354", "pegase2869")
QUICK = ("ieee5", "ieee57", "ieee300")
TOOLS = {"pandapower": "pandapower", "pypsa": "pypsa", "egret": "gridx-egret"}  # import → package
ROW_NAMES = {
    "independent": "batch", "per call": "per call", "3 agents": "3 agents, batch",
    "10 agents": "10 agents, batch", "5 $ grid": "5 $ grid, batch",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--quick", action="store_true", help="three cases, fewer rounds; writes no table")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        import measures

        print(json.dumps(getattr(measures, options.task)(*options.cases)))
        return
    cases = options.cases or (QUICK if options.quick else CASES)
    share = "0.3" if options.quick else "1"
    print(_machine())
    for tool in TOOLS:
        if find_spec(tool) is None:
            print(f"{tool} is not installed: skipped")
    found: dict[str, Any] = {"cases": {}}
    for case in cases:
        found["cases"][case] = _run("measure", case, share)
        print(f"{case}: done", file=sys.stderr)
    if not options.quick:
        found["memory"] = _run("memory", cases[-1])
        with tempfile.TemporaryDirectory() as folder:
            found["first call"] = [_run("first_call", "ieee5", NUMBA_CACHE_DIR=folder) for _ in range(2)]
        found["day"] = _run("day", "pglib_ieee300")
    text = render(found)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    if not options.quick and not options.cases and PAGE.exists():
        page = PAGE.read_text(encoding="utf-8")
        block = f"{BEGIN}\n{_machine()}\n\n{text}\n{END}"
        page = re.sub(f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: block, page, flags=re.S)
        PAGE.write_text(page, encoding="utf-8")


def _run(task: str, *arguments: str, **environment: str) -> Any:
    command = [sys.executable, __file__, *arguments, "--task", task]
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | single | paths | environment, check=False
    )
    if done.returncode:
        sys.exit(f"{task} {' '.join(arguments)} failed:\n{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _machine() -> str:
    names = ["pyomo", "highspy", "numba", "numpy", "scipy"]
    names += [package for tool, package in TOOLS.items() if find_spec(tool)]
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    processor = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        match = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        processor = match[1] if match else processor
    return (
        f"{processor}, {os.cpu_count()} CPUs, one thread used; Python {platform.python_version()}, {versions}"
    )


def render(found: dict[str, Any]) -> str:
    """The figures as Markdown tables."""
    cases = found["cases"]
    parts = ["Ratio to highspy's hot start on the same rounds (median of chunks), and rounds per second:\n"]
    head = ["grid", *(f"{name}" for name in ROW_NAMES.values()), "rounds/s", "batch µs", "highspy µs"]
    rows = []
    for case, row in cases.items():
        cells = [f"{row['ratio'][name]:.0f}×" for name in ROW_NAMES]
        rate, batch = 1e6 / row["engine"]["independent"], row["engine"]["independent"]
        rows.append([case, *cells, f"{rate:,.0f}", f"{batch:.3g}", f"{row['highspy']['independent']:.3g}"])
    parts.append(_table(head, rows))
    names = sorted({name for row in cases.values() for name in row["peers"]}, key=_peer_order)
    parts.append("\nOther ways to clear the same independent rounds, ms of CPU time each:\n")
    rows = [
        [case, *(_number(row["peers"].get(name)) for name in names), f"{row['bridge']:.2f}×"]
        for case, row in cases.items()
    ]
    parts.append(_table(["grid", *names, "bridge / bare highspy"], rows))
    parts.append(
        "\nWhat the laws cost, as a share of an independent round (of a 5 $ grid round for the ties' last):\n"
    )
    laws = ("recompute and price (3, 5)", "certificate (6)", "ties (4)", "ties (4), 5 $ grid", "no pivots")
    rows = [
        [
            case,
            *(_share(row["laws"].get(name)) for name in laws),
            f"{row['laws']['pivots']:.1f}",
            f"{row['laws']['binding']:.1f}",
        ]
        for case, row in cases.items()
    ]
    head = ["grid", *laws[:-1], "a round without pivots", "pivots", "binding lines"]
    parts.append(_table(head, rows))
    parts.append("\nSloped orders (all, and half of them), µs per round, and as a share of highspy's LP:\n")
    rows = [
        [
            case,
            *(
                cell
                for kind in ("sloped", "mixed")
                for cell in (
                    f"{row[kind]['us']:.3g}",
                    f"{row[kind]['share']:.3f}",
                    f"{row[kind]['fallbacks']}",
                )
            ),
        ]
        for case, row in cases.items()
    ]
    head = ["grid", "all: µs", "share", "fallbacks", "half: µs", "share", "fallbacks"]
    parts.append(_table(head, rows))
    rounds = sum(row["rounds"] for row in cases.values())
    fallbacks = sum(row["fallbacks"] for row in cases.values())
    worst = max(row["worst objective"] for row in cases.values())
    parts.append(
        f"\n{rounds:,} rounds without slopes, all certified, {fallbacks} of them by fallback; the largest"
        f" relative difference of objectives was {worst:.0e}."
    )
    if "day" in found:
        first, second = found["first call"]
        last = list(cases)[-1]
        parts.append(
            f"24 hours with ramps on pglib_ieee300: {found['day']['ms']:.0f} ms,"
            f" {found['day']['share']:.2f} of the general path's time. First call on a new machine"
            f" (compilation): {first:.0f} s; with the compiled code cached: {second:.2f} s."
            f" Memory of an engine for {last}: {found['memory']:.0f} MB above the interpreter with its"
            " libraries."
        )
    return "\n".join(parts)


def _peer_order(name: str) -> tuple[int, str]:
    first = ("highspy, lazy PTDF rows", "general path, all laws", "Pyomo persistent", "Pyomo rebuilt")
    return (first.index(name) if name in first else len(first)), name


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return "fails" if value != value else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f} %"


if __name__ == "__main__":
    main()
