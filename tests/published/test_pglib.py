"""PGLib-OPF v23.07: published DC costs, MATPOWER costs and prices, and an infeasible case."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

import networks
from clearing import Book, InfeasibleError
from tests.support.small import clear

DATA = Path(__file__).parents[1] / "data" / "pglib"
EXPECTED = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
SHIPPED = {"pglib_opf_case300_ieee": "pglib_ieee300", "pglib_opf_case118_ieee": "pglib_ieee118"}


@cache
def cleared(case: str, convention: str, angle_limits: str):
    source = SHIPPED.get(case, DATA / f"{case}.m")
    loaded = networks.load(source, convention=convention, angle_limits=angle_limits)
    return clear(loaded.grid, Book.from_case(loaded))


@pytest.mark.parametrize("entry", EXPECTED, ids=[e["case"] for e in EXPECTED])
@pytest.mark.parametrize(
    ("column", "convention", "angle_limits"),
    [
        ("objective_powermodels", "powermodels", "file"),
        ("objective_matpower", "matpower", "file"),
        ("objective_matpower_no_angle", "matpower", "ignore"),
    ],
)
def test_cost(entry, column, convention, angle_limits):
    wanted = entry[column]
    if not isinstance(wanted, (int, float)):
        with pytest.raises(InfeasibleError):
            cleared(entry["case"], convention, angle_limits)
        return
    cost = cleared(entry["case"], convention, angle_limits).cost
    assert cost == pytest.approx(wanted, rel=1e-6)
    published = entry.get("published_powermodels")
    if convention == "powermodels" and entry.get("published_reproduced"):
        assert f"{cost:.4e}" == f"{float(published):.4e}"


@pytest.mark.parametrize(
    "entry", [e for e in EXPECTED if e.get("lmp_matpower_no_angle")],
    ids=[e["case"] for e in EXPECTED if e.get("lmp_matpower_no_angle")],
)  # fmt: skip
def test_prices(entry):
    """Each price lies in the bus's interval, and equals ours where the interval is a point."""
    out = cleared(entry["case"], "matpower", "ignore")
    low, high = out.intervals
    for n, bus in enumerate(out.grid.buses):
        wanted = entry["lmp_matpower_no_angle"][str(bus)]
        assert low[n, 0] - 1e-4 * (1 + abs(wanted)) <= wanted <= high[n, 0] + 1e-4 * (1 + abs(wanted))


def test_five_printed_digits():
    assert f"{cleared('pglib_opf_case300_ieee', 'powermodels', 'file').cost:.2f}" == "517851.08"
    assert f"{cleared('pglib_opf_case300_ieee', 'matpower', 'file').cost:.2f}" == "517585.53"
