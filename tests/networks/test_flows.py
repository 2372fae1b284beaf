"""The DC power flow against hand calculation, its definition, and changes that must not matter."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks import Grid, InputError


def triangle(**third):
    """Three buses in a ring; the branch from 1 to 3 can be changed."""
    return Grid.from_tables(
        [{"bus": k} for k in (1, 2, 3)],
        [
            {"branch": "12", "from_bus": 1, "to_bus": 2, "x_pu": 0.1},
            {"branch": "23", "from_bus": 2, "to_bus": 3, "x_pu": 0.1},
            {"branch": "13", "from_bus": 1, "to_bus": 3, "x_pu": 0.1, **third},
        ],
    )


def test_equal_reactances_share_two_to_one():
    flows = triangle().flow.flows(np.array([90.0, 0.0, -90.0]))
    assert flows == pytest.approx([30, 30, 60])


def test_documented_three_node_factors():
    """PTDF of line 1-2 with bus 3 as reference is (0.4, −0.2, 0) in the documents' system."""
    grid = Grid.from_tables(
        [{"bus": k} for k in (3, 1, 2)],  # the first bus of an island is its reference
        [
            {"branch": 1, "from_bus": 1, "to_bus": 2, "x_pu": 0.2},
            {"branch": 2, "from_bus": 1, "to_bus": 3, "x_pu": 0.2},
            {"branch": 3, "from_bus": 2, "to_bus": 3, "x_pu": 0.1},
        ],
    )
    assert grid.flow.ptdf_rows(np.array([0]))[0] == pytest.approx([0.0, 0.4, -0.2])


def test_a_phase_shifter_drives_a_loop_flow():
    """Shift φ in a ring of three equal susceptances b drives −b·φ/3·2 on its branch and b·φ/3·… around."""
    shift = 3.0
    grid = triangle(shift_degree=shift)
    loop = 1000 * math.radians(shift) / 3
    assert grid.flow.flows(np.zeros(3)) == pytest.approx([loop, loop, -loop])


def test_a_tap_weakens_its_branch():
    flows = triangle(tap=2.0).flow.flows(np.array([90.0, 0.0, -90.0]))
    assert flows == pytest.approx([45, 45, 45])


def test_a_negative_reactance_is_a_series_capacitor():
    """1-3 with x = −0.1 beside a path of x = 0.2: the currents divide as 1/0.2 to 1/(−0.1)."""
    flows = triangle(x_pu=-0.1).flow.flows(np.array([90.0, 0.0, -90.0]))
    assert flows == pytest.approx([-90, -90, 180])


def test_reactances_that_cancel_are_refused():
    with pytest.raises(InputError, match="reactances cancel"):
        triangle(x_pu=-0.2).flow.flows(np.zeros(3))


def test_parallel_lines_share_by_susceptance():
    grid = Grid.from_tables(
        [{"bus": "A"}, {"bus": "B"}],
        [
            {"branch": 1, "from_bus": "A", "to_bus": "B", "x_pu": 0.1},
            {"branch": 2, "from_bus": "B", "to_bus": "A", "x_pu": 0.3},
        ],
    )
    assert grid.flow.flows(np.array([40.0, -40.0])) == pytest.approx([30, -10])


def test_islands_are_numbered_by_their_first_bus_and_links_do_not_join():
    grid = Grid.from_tables(
        [{"bus": k} for k in range(5)],
        [
            {"branch": "a", "from_bus": 0, "to_bus": 3, "x_pu": 0.1},
            {"branch": "b", "from_bus": 1, "to_bus": 4, "x_pu": 0.1},
        ],
        links=[{"link": "k", "from_bus": 0, "to_bus": 1, "min_mw": -5, "max_mw": 5}],
    )
    assert grid.flow.islands == 3
    assert grid.flow.island.tolist() == [0, 1, 2, 0, 1]
    assert grid.flow.reference.tolist() == [0, 1, 2]
    assert grid.flow.flows(np.array([7.0, 2.0, 0.0, -7.0, -2.0])) == pytest.approx([7, 2])


def test_one_bus_without_branches():
    grid = Grid.from_tables([{"bus": "alone"}])
    assert grid.flow.islands == 1
    assert grid.flow.flows(np.zeros(1)).shape == (0,)
    assert grid.flow.susceptance().toarray().tolist() == [[0.0]]


@st.composite
def meshes(draw):
    """A connected grid of 2 to 7 buses with parallel lines, and balanced injections."""
    size = draw(st.integers(2, 7))
    ends = [(draw(st.integers(0, k - 1)), k) for k in range(1, size)]
    extra = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1)).filter(lambda e: e[0] != e[1])
    ends += draw(st.lists(extra, max_size=5))
    x = draw(st.lists(st.sampled_from([0.05, 0.1, 0.25, 0.4]), min_size=len(ends), max_size=len(ends)))
    shift = draw(st.lists(st.sampled_from([0.0, 0.0, 1.5]), min_size=len(ends), max_size=len(ends)))
    mw = draw(st.lists(st.integers(-50, 50), min_size=size, max_size=size))
    mw[0] -= sum(mw)
    rows = [
        {"branch": k, "from_bus": a, "to_bus": b, "x_pu": x[k], "shift_degree": shift[k]}
        for k, (a, b) in enumerate(ends)
    ]
    return size, rows, np.array(mw, dtype=float)


@settings(max_examples=40, deadline=None)
@given(meshes(), st.randoms(use_true_random=False))
def test_flows_meet_kirchhoff_and_know_no_slack(mesh, random):
    """Balance at every bus, no voltage around a loop, and the same flows with any bus first (law 3)."""
    size, rows, mw = mesh
    grid = Grid.from_tables([{"bus": k} for k in range(size)], rows)
    flows = grid.flow.flows(mw)
    balance = np.zeros(size)
    np.add.at(balance, grid.from_bus, flows)
    np.subtract.at(balance, grid.to_bus, flows)
    assert balance == pytest.approx(mw, abs=1e-9)
    drops = flows / grid.susceptance_mw + grid.shift_radian
    angles, *_ = np.linalg.lstsq(grid.flow.incidence.toarray(), drops, rcond=None)
    assert grid.flow.incidence @ angles == pytest.approx(drops, abs=1e-12)

    order = random.sample(range(size), size)
    turned = Grid.from_tables([{"bus": k} for k in order], rows)
    assert turned.flow.flows(mw[order]) == pytest.approx(flows, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(meshes())
def test_ptdf_rows_are_flows_of_one_mw(mesh):
    size, rows, _ = mesh
    flow = Grid.from_tables(
        [{"bus": k} for k in range(size)], [{**r, "shift_degree": 0.0} for r in rows]
    ).flow
    transfers = np.eye(size)
    transfers[0] -= 1.0  # one MW in at each bus, out at the reference
    assert flow.ptdf_rows(np.arange(len(rows))) == pytest.approx(flow.flows(transfers), abs=1e-12)
    laplacian = flow.susceptance().toarray()
    assert laplacian == pytest.approx(laplacian.T)
    assert laplacian.sum(axis=0) == pytest.approx(np.zeros(size), abs=1e-9)


def test_reactances_that_cancel_up_to_rounding_are_refused() -> None:
    """0.1 + 0.2 beside −0.3: no pivot is exactly zero, yet flows are not determined."""
    buses = [{"bus": name} for name in "abc"]
    branches = [
        {"branch": 1, "from_bus": "a", "to_bus": "b", "x_pu": 0.1},
        {"branch": 2, "from_bus": "b", "to_bus": "c", "x_pu": 0.2},
        {"branch": 3, "from_bus": "a", "to_bus": "c", "x_pu": -0.3},
    ]
    with pytest.raises(InputError, match="reactances cancel"):
        _ = Grid.from_tables(buses, branches).flow
