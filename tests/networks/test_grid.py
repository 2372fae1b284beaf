"""Grids from tables: what is kept, and what is refused by name (law 11)."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest

import networks
from networks import Grid, InputError

BUSES = [{"bus": 1}, {"bus": 2}, {"bus": 3}]
BRANCHES = [
    {"branch": "a", "from_bus": 1, "to_bus": 2, "x_pu": 0.1, "limit_mw": 50.0},
    {"branch": "b", "from_bus": 2, "to_bus": 3, "x_pu": 0.2},
]


def changed(rows, position, **values):
    """The rows with one of them changed."""
    return [{**row, **values} if k == position else row for k, row in enumerate(rows)]


def test_missing_values_mean_none_and_zero_means_zero():
    grid = Grid.from_tables(BUSES, changed(BRANCHES, 0, limit_mw=0.0))
    assert grid.limit_mw.tolist() == [0.0, math.inf]
    assert grid.tap.tolist() == [1.0, 1.0]
    assert grid.in_service.all()
    assert grid.angle_max_degree.tolist() == [math.inf, math.inf]


def test_frames_and_named_indices_are_tables_too():
    frame = pd.DataFrame(BRANCHES).set_index("branch")
    assert Grid.from_tables(pd.DataFrame(BUSES), frame).branches == ("a", "b")


def test_labels_keep_their_type():
    buses = [{"bus": 10}, {"bus": "10"}, {"bus": "Wien Süd"}, {"bus": "東京 3"}, {"bus": 7_000_001}]
    grid = Grid.from_tables(buses)
    assert grid.buses == (10, "10", "Wien Süd", "東京 3", 7_000_001)
    assert grid.bus_position["10"] == 1


def test_arrays_are_protected_and_inputs_unchanged():
    frame = pd.DataFrame(BRANCHES)
    before = frame.copy()
    grid = Grid.from_tables(BUSES, frame)
    with pytest.raises(ValueError, match="read-only"):
        grid.x_pu[0] = 1.0
    given_back = grid.branches_frame
    given_back.loc[0, "x_pu"] = 9.0
    assert grid.x_pu[0] == 0.1
    pd.testing.assert_frame_equal(frame, before)


def test_cases_travel_to_other_processes_protected():
    case = networks.load("three_node")
    case.grid.flow.flows(np.array([1.0, 0.0, -1.0]))
    twin = pickle.loads(pickle.dumps(case))
    assert twin.grid.branches_frame.equals(case.grid.branches_frame)
    assert twin.grid.flow.flows(np.array([1.0, 0.0, -1.0])) == pytest.approx([0.4, 0.6, 0.4])
    assert not any(a.flags.writeable for a in (twin.grid.x_pu, twin.fleet.min_mw, twin.positions))


def test_angle_limits_bound_flows_and_can_be_ignored():
    rows = changed(BRANCHES, 0, limit_mw=None, angle_min_degree=-1.0, angle_max_degree=2.0)
    low, high = Grid.from_tables(BUSES, rows).flow_bounds_mw
    assert low[0] == pytest.approx(-1000 * math.radians(1.0))
    assert high[0] == pytest.approx(1000 * math.radians(2.0))
    assert np.isinf(Grid.from_tables(BUSES, rows, angle_limits="ignore").flow_bounds_mw).all()


def test_angle_limits_of_a_negative_reactance_change_ends():
    rows = changed(BRANCHES, 0, x_pu=-0.1, limit_mw=None, angle_min_degree=-1.0, angle_max_degree=2.0)
    low, high = Grid.from_tables(BUSES, rows).flow_bounds_mw
    assert low[0] == pytest.approx(-1000 * math.radians(2.0))
    assert high[0] == pytest.approx(1000 * math.radians(1.0))


def test_a_branch_out_of_service_carries_and_limits_nothing():
    grid = Grid.from_tables(BUSES, changed(BRANCHES, 0, in_service=False))
    assert grid.susceptance_mw[0] == 0
    assert np.isinf(grid.flow_bounds_mw[0][0])
    assert grid.flow.islands == 2


def test_conventions():
    rows = changed(BRANCHES, 0, r_pu=0.1, tap=0.5, shift_degree=10.0)
    matpower = Grid.from_tables(BUSES, rows)
    powermodels = matpower.with_settings(convention="powermodels")
    assert matpower.susceptance_mw[0] == pytest.approx(100 / (0.1 * 0.5))
    assert powermodels.susceptance_mw[0] == pytest.approx(100 * 0.1 / (0.1**2 + 0.1**2))
    assert matpower.shift_radian[0] == pytest.approx(math.radians(10))
    assert powermodels.shift_radian[0] == 0


@pytest.mark.parametrize(
    ("buses", "branches", "expected"),
    [
        ([], BRANCHES, ["'buses'", "at least one bus"]),
        ([{"bus": 1}, {"bus": 1}], [], ["'buses'", "bus 1 (row 1)", "appears twice (first in row 0)"]),
        ([{"bus": None}], [], ["'buses'", "row 0", "a label is missing"]),
        ([{"bus": 1, "shunt_mw": "much"}], [], ["'buses'", "'shunt_mw'", "'much'", "give a number in MW"]),
        (BUSES, changed(BRANCHES, 1, branch="a"), ["'branches'", "branch 'a' (row 1)", "appears twice"]),
        (BUSES, changed(BRANCHES, 1, to_bus=4), ["'branches'", "branch 'b'", "'to_bus' is 4", "'buses'"]),
        (BUSES, changed(BRANCHES, 1, to_bus="3"), ["'to_bus' is '3'", "did you mean 3, a int"]),
        (BUSES, changed(BRANCHES, 1, to_bus=2), ["branch 'b'", "equals from_bus"]),
        (BUSES, changed(BRANCHES, 0, x_pu=0.0), ["branch 'a'", "'x_pu' is 0.0", "without reactance"]),
        (BUSES, changed(BRANCHES, 0, x_pu=math.nan), ["branch 'a'", "'x_pu' is nan", "give a number"]),
        (BUSES, changed(BRANCHES, 0, x_pu=True), ["branch 'a'", "'x_pu'", "give a number"]),
        (BUSES, changed(BRANCHES, 0, limit_mw=-1.0), ["branch 'a'", "'limit_mw' is -1.0", "≥ 0 in MW"]),
        (BUSES, changed(BRANCHES, 0, tap=0.0), ["branch 'a'", "'tap' is 0.0", "must be positive"]),
        (BUSES, changed(BRANCHES, 0, in_service="perhaps"), ["'in_service' is 'perhaps'", "true or false"]),
        (
            BUSES,
            changed(BRANCHES, 0, angle_min_degree=5.0, angle_max_degree=-5.0),
            ["branch 'a'", "'angle_min_degree' is 5.0", "above angle_max_degree"],
        ),
        (BUSES, changed(BRANCHES, 0, limit=5.0), ["column 'limit' is unknown", "did you mean 'limit_mw'"]),
        (BUSES, [{"branch": "a"}], ["column 'from_bus' is missing"]),
    ],
)
def test_bad_tables_are_refused_by_name(buses, branches, expected):
    with pytest.raises(InputError) as error:
        Grid.from_tables(buses, branches)
    for part in expected:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"base_mva": 0}, "base_mva is 0"),
        ({"base_mva": math.nan}, "base_mva is nan"),
        ({"base_mva": "100"}, "base_mva is '100'"),
        ({"convention": "pypower"}, "convention is 'pypower'"),
        ({"angle_limits": "none"}, "angle_limits is 'none'"),
        (
            {"links": [{"link": "k", "from_bus": 1, "to_bus": 2, "min_mw": 5, "max_mw": 4}]},
            "'links', link 'k' (row 0): column 'min_mw' is 5: it is above max_mw",
        ),
        (
            {"links": [{"link": "k", "from_bus": 1, "to_bus": 9, "min_mw": 0, "max_mw": 4}]},
            "'links', link 'k' (row 0): column 'to_bus' is 9",
        ),
    ],
)
def test_bad_settings_and_links_are_refused_by_name(settings, expected):
    with pytest.raises(InputError) as error:
        Grid.from_tables(BUSES, BRANCHES, **settings)
    assert expected in str(error.value)


@pytest.mark.parametrize("limits", [[1.0], [1.0, -2.0], [math.nan, 1.0]])
def test_other_limits_are_checked_too(limits):
    grid = Grid.from_tables(BUSES, BRANCHES)
    with pytest.raises(InputError, match="one number ≥ 0 for each of the 2 branches"):
        grid.with_settings(limit_mw=np.array(limits))
