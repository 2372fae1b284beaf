"""What the command line prints: JSON documents and refusals, in this process."""

from __future__ import annotations

import json
from contextlib import chdir
from functools import partial
from typing import Any

from gate_cases import ROOT, Cases, Outputs

MICROGRID = "examples/microgrid"
ELECBAY = ["feeder8", "--market", "elecbay", "--orders", f"{MICROGRID}/elecbay_orders.csv",
           "--supplier", f"{MICROGRID}/elecbay_supplier.csv"]  # fmt: skip
DOCUMENTS = {
    "clear/three_node": ["clear", "three_node", "--explain", "2"],
    "clear/pglib_ieee118": [
        "clear",
        "pglib_ieee118",
        "--markup",
        "G28=10",
        "--rule",
        "uniform",
        "--voll",
        "3000",
    ],
    "clear/a day": ["clear", "pglib_ieee118", "--profile", "0.8,1.0,1.1,0.9", "--ramp-share", "0.2"],
    "clear/elecbay": ["clear", *ELECBAY, "--pricing", "vcg"],
    "clear/elecbay in sequence": ["clear", *ELECBAY, "--mode", "sequential", "--pricing", "k"],
    "clear/bilateral": ["clear", f"{MICROGRID}/bilateral", "--market", "bilateral", "--processes"],
    "clear/posted": ["clear", f"{MICROGRID}/posted", "--market", "posted", "--hours", "1"],
    "trade": ["trade", "examples/trading/village", "--verify"],
    "homes": ["homes", "feeder8", "--count", "4", "--slots", "24", "--compare", "--orders-at", "12"],
    "show": ["show", "five_bus"],
    "cases": ["cases"],
}
REFUSED = {
    "no such case": ["clear", "three_nodes"],
    "no orders": ["clear", "feeder8", "--market", "elecbay"],
    "no bus": ["clear", "three_node", "--explain", "9"],
    "no participant": ["clear", "three_node", "--markup", "Gen-X=3"],
}


def cases() -> Cases:
    """Cases by name."""
    found: Cases = {f"command/{name}": partial(read_document, words) for name, words in DOCUMENTS.items()}
    found["command/refused"] = read_refusals
    return found


def read_document(words: list[str]) -> Outputs:
    """A command's JSON document, by its keys."""
    done = _invoke([*words, "--json"])
    if done.exit_code:
        raise RuntimeError(f"walras {' '.join(words)} ended with {done.exit_code}: {done.output}")
    document = json.loads(done.stdout)
    return document if isinstance(document, dict) else {"document": document}


def read_refusals() -> Outputs:
    """Exit codes and messages of bad input."""
    found: dict[str, Any] = {}
    for name, words in REFUSED.items():
        done = _invoke([*words, "--no-files"])
        found[name] = {
            "code": done.exit_code,
            "printed": done.stdout,
            "message": " ".join(done.stderr.split()),
        }
    return found


def _invoke(words: list[str]) -> Any:
    from typer.testing import CliRunner

    from studies.cli import app

    with chdir(ROOT):  # paths of the examples, which stand in the documents, are relative
        return CliRunner(env={"COLUMNS": "100", "NO_COLOR": "1"}).invoke(app, words)
