"""Did a change of the code change a bit of any output, or the speed of the engine?

    python benchmarks/gate.py hash [--only NAME ...] [--out FILE]
    python benchmarks/gate.py compare OTHER [--only NAME ...] [--quick] [--tolerance 0.02] [--python FILE]

`hash` runs a fixed set of clearings, batches, games and sessions and prints a name and 16 hex digits for
each: SHA-256 of the outputs' bits, the same in every run on one machine with one set of libraries. `compare`
runs these very cases with the packages of this checkout and with those of the folder OTHER, and lists what
differs, output by output. Then it times both on the same rounds, a live process for each on one core, in
turn: the median of the ratios of pairs says how much slower or faster this checkout is. It ends with 1 if an
output differs or cannot be computed, or a median ratio exceeds 1 + tolerance in two series.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LIBRARIES = (
    "numpy",
    "scipy",
    "pandas",
    "numba",
    "llvmlite",
    "highspy",
    "clarabel",
    "piqp",
    "pyomo",
    "pandapower",
)
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main() -> None:
    """The command line."""
    options = _arguments()
    os.environ |= dict.fromkeys(THREADS, "1")  # before numpy is loaded: sums depend on the number of threads
    packages = Path(os.environ.get("GATE_PACKAGES", ROOT))
    sys.path.insert(1, str(packages))
    if options.task != "compare":
        _refuse_strangers(packages)
    if options.task == "hash":
        sys.exit(hash_cases(options.only, options.out))
    if options.task == "live":
        from gate_speed import serve

        serve()
        return
    sys.exit(compare(options))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    one = tasks.add_parser("hash", help="print a hash of every output of this checkout (about 2 minutes)")
    two = tasks.add_parser("compare", help="outputs and speed beside those of another checkout")
    tasks.add_parser("live", help=argparse.SUPPRESS)
    for task in (one, two):
        task.add_argument(
            "--only",
            nargs="+",
            default=[],
            metavar="NAME",
            help="cases whose names begin so, such as batch/ieee57",
        )
    one.add_argument("--out", type=Path, metavar="FILE", help="also write the hashes of all parts as JSON")
    two.add_argument("other", type=Path, metavar="OTHER", help="folder of the other checkout")
    two.add_argument(
        "--python",
        type=Path,
        metavar="FILE",
        help="the other checkout's Python (default: OTHER/.venv/bin/python)",
    )
    two.add_argument("--tolerance", type=float, default=0.02, help="share that may be slower (default 0.02)")
    two.add_argument("--quick", action="store_true", help="time fewer pairs, on two grids")
    two.add_argument("--skip", choices=("outputs", "speed"), help="leave one half out")
    return parser.parse_args()


def _refuse_strangers(packages: Path) -> None:
    """An installed copy of the packages must not answer for a checkout."""
    import clearing

    if packages not in Path(clearing.__file__).parents:
        sys.exit(f"the packages come from {Path(clearing.__file__).parents[1]}, not from {packages}")


def hash_cases(only: list[str], out: Path | None) -> int:
    """Print a hash per case; 1 if one cannot be computed."""
    from gate_cases import all_cases, run, total

    begun = time.perf_counter()
    digests, failed = run(all_cases(), only)
    for name, parts in digests.items():
        print(f"{name:<58} {total(parts)}")
    for name, why in failed.items():
        print(f"{name:<58} FAILED  {why}")
    if out:
        found = {"libraries": _libraries(), "cases": digests, "failed": failed}
        out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(digests)} cases, {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    if not digests and not failed:
        print(f"no case is named {' or '.join(only)}…", file=sys.stderr)
        return 2
    return int(bool(failed))


def _libraries() -> dict[str, str]:
    return {"python": ".".join(map(str, sys.version_info[:3]))} | {name: version(name) for name in LIBRARIES}


def compare(options: argparse.Namespace) -> int:
    """Outputs, then speed, of this checkout beside another; 1 if either is not as it was."""
    from gate_cases import differences

    other = options.other.resolve()
    python = options.python or other / ".venv" / "bin" / "python"
    for path, what in ((other / "clearing", "checkout"), (python, "Python; name it with --python")):
        if not path.exists():
            print(f"{options.other} has no {what}: {path} is missing", file=sys.stderr)
            return 2
    sides = ((ROOT, Path(sys.executable)), (other, python))
    worse = 0
    if options.skip != "outputs":
        here, there = (_hashed(*side, options.only) for side in sides)
        found = differences(here, there)
        for line in found:
            print(line)
        same = sum(parts == there["cases"].get(name) for name, parts in here["cases"].items())
        print(f"{same} cases are equal, bit for bit; {len(found)} are not", flush=True)
        if found and here["libraries"] != there["libraries"]:
            print(f"note: libraries differ, here {here['libraries']}, there {there['libraries']}")
        worse = int(bool(found))
    if options.skip != "speed":
        from gate_speed import compare_speed

        lives = [_start(*side) for side in sides]
        slower = compare_speed(*lives, tolerance=options.tolerance, quick=options.quick)
        worse |= int(bool(slower))
    return worse


def _environment(root: Path) -> dict[str, str]:
    """Packages of `root` come first, this script's modules before them."""
    return os.environ | {"PYTHONPATH": str(root), "GATE_PACKAGES": str(root)}


def _hashed(root: Path, python: Path, only: list[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "hashes.json"
        command = [str(python), __file__, "hash", "--out", str(out), *(["--only", *only] if only else [])]
        print(f"hashing {root}", file=sys.stderr, flush=True)
        done = subprocess.run(
            command, env=_environment(root), cwd=root, stdout=subprocess.DEVNULL, check=False
        )
        if not out.exists():
            sys.exit(f"hashing {root} ended with {done.returncode}")
        return json.loads(out.read_text(encoding="utf-8"))


def _start(root: Path, python: Path) -> subprocess.Popen[str]:
    command = [str(python), __file__, "live"]
    return subprocess.Popen(
        command, env=_environment(root), cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


if __name__ == "__main__":
    main()
