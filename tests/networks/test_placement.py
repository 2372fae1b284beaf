"""Agents at other buses: what moves, what stays, and every way in which a table can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import networks
from networks.errors import InputError
from networks.placement import move_agents


@pytest.fixture(scope="module")
def case():
    return networks.load("eighteen_bus")


def test_the_second_placement_is_the_first_with_a_table(case, tmp_path: Path):
    other = networks.load("eighteen_bus_alt").fleet
    rows = [(u, case.grid.buses[b]) for u, b in zip(other.units, other.unit_bus, strict=True)]
    rows += [(d, case.grid.buses[b]) for d, b in zip(other.loads, other.load_bus, strict=True)]
    path = tmp_path / "mine.csv"
    pd.DataFrame(rows, columns=["agent", "bus"]).to_csv(path, index=False)
    moved = move_agents(case, path).fleet
    assert np.array_equal(moved.unit_bus, other.unit_bus)
    assert np.array_equal(moved.load_bus, other.load_bus)
    assert np.array_equal(moved.max_mw, case.fleet.max_mw)


def test_who_is_not_named_stays(case):
    moved = move_agents(case, pd.DataFrame({"agent": ["D1"], "bus": [18]})).fleet
    assert moved.load_bus[0] == 17
    assert np.array_equal(moved.load_bus[1:], case.fleet.load_bus[1:])
    assert np.array_equal(moved.unit_bus, case.fleet.unit_bus)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"agent": ["G13"], "bus": [1]}, "row 0: 'G13' is no unit or load"),
        ({"agent": ["G1", "G2"], "bus": [1, 19]}, "row 1: bus '19'"),
        ({"agent": ["G1", "G1"], "bus": [1, 2]}, "'G1' is placed twice"),
        ({"agent": ["G1"], "place": [1]}, "column 'bus' is missing"),
    ],
)
def test_wrong_tables_are_refused(case, rows, words):
    with pytest.raises(InputError, match=words):
        move_agents(case, pd.DataFrame(rows))


def test_a_file_that_is_not_there(case):
    with pytest.raises(InputError, match="no file"):
        move_agents(case, "nowhere.csv")
