"""Ranges of flows and which limits can bind, against linear programmes and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import networks
from networks import Fleet, Grid
from networks.headroom import any_limit_can_bind, flow_ranges, limits_that_can_bind


def two_buses(limit, **load):
    grid = Grid.from_tables(
        [{"bus": "A"}, {"bus": "B"}],
        [{"branch": 1, "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": limit}],
    )
    units = [
        {"unit": "G", "bus": "A", "min_mw": 20, "max_mw": 100, "price": 1},
        {"unit": "H", "bus": "B", "min_mw": 0, "max_mw": 100, "price": 2},
    ]
    return grid, Fleet.from_tables(grid, units, loads=[{"load": "L", "bus": "B", "mw": 60, **load}])


def test_by_hand():
    low, high = flow_ranges(*two_buses(limit=None))
    assert (low, high) == (20, 60)
    low, high = flow_ranges(*two_buses(limit=None, price=50.0))
    assert (low, high) == (20, 60)
    assert not any_limit_can_bind(*two_buses(limit=60.1))
    assert any_limit_can_bind(*two_buses(limit=60.0))
    assert limits_that_can_bind(*two_buses(limit=60.0)).tolist() == [True]
    assert not any_limit_can_bind(*two_buses(limit=None))


def test_every_period_counts():
    grid, fleet = two_buses(limit=65.0)
    loads = [{"load": "L", "bus": "B", "mw": mw, "period": t} for t, mw in enumerate([60, 70, 60])]
    longer = Fleet.from_tables(grid, fleet.units_frame, fleet.segments_frame, loads)
    assert flow_ranges(grid, longer)[1] == 70
    assert any_limit_can_bind(grid, longer)


@st.composite
def cases(draw):
    """Grids of 2 to 6 buses, perhaps in two islands, with units, bids, shifters and inner links."""
    size = draw(st.integers(2, 6))
    split = draw(st.booleans()) and size > 3
    ends = [
        (draw(st.integers(2 if split and k > 2 else 0, k - 1)), k)
        for k in range(1, size)
        if not (split and k == 2)
    ]
    ends += [
        (a, b)
        for a, b in draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=2))
        if a != b
    ]
    branches = [
        {"branch": k, "from_bus": a, "to_bus": b, "x_pu": draw(st.sampled_from([0.1, 0.2, 0.5]))}
        | {"shift_degree": draw(st.sampled_from([0.0, 0.0, 1.0]))}
        for k, (a, b) in enumerate(ends)
    ]
    links = (
        [{"link": "k", "from_bus": 0, "to_bus": 1, "min_mw": -10, "max_mw": 15}]
        if draw(st.booleans())
        else []
    )
    grid = Grid.from_tables([{"bus": k} for k in range(size)], branches, links)
    units = [
        {
            "unit": f"{k}{j}",
            "bus": k,
            "min_mw": draw(st.sampled_from([-50, 0])),
            "max_mw": draw(st.sampled_from([60, 100])),
        }
        | {"price": 1.0}
        for k in range(size)
        for j in range(2)
    ]
    loads = [
        {"load": k, "bus": k, "mw": draw(st.integers(0, 40)), "price": draw(st.sampled_from([None, 9.0]))}
        for k in range(size)
    ]
    return grid, Fleet.from_tables(grid, units, loads=loads)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_ranges_are_those_of_linear_programmes(case):
    """Each end of each range equals the optimum over outputs, bids, links and angles."""
    grid, fleet = case
    low, high = flow_ranges(grid, fleet)
    bids = ~np.isnan(fleet.load_price)
    bus = np.concatenate([fleet.unit_bus, fleet.load_bus[bids]])
    sign = np.concatenate([np.ones(len(fleet.units)), -np.ones(bids.sum())])
    boxes = [*zip(fleet.min_mw, fleet.max_mw, strict=True), *((0, mw) for mw in fleet.load_mw[bids, 0])]
    boxes += [*zip(grid.link_min_mw, grid.link_max_mw, strict=True), *[(None, None)] * len(grid.buses)]
    inject = np.zeros((len(grid.buses), len(bus)))
    inject[bus, np.arange(len(bus))] = sign
    link = np.zeros((len(grid.buses), len(grid.links)))
    link[grid.link_from, np.arange(len(grid.links))] -= 1
    link[grid.link_to, np.arange(len(grid.links))] += 1
    flow = grid.susceptance_mw[:, None] * grid.flow.incidence.toarray()
    offset = -grid.susceptance_mw * grid.shift_radian
    incidence = grid.flow.incidence.toarray()
    fixed = np.bincount(fleet.load_bus[~bids], fleet.load_mw[~bids, 0], minlength=len(grid.buses))
    balance = np.hstack([inject, link, -incidence.T @ flow])
    for k in range(len(grid.branches)):
        row = np.concatenate([np.zeros(len(bus) + len(grid.links)), flow[k]])
        for way, end in ((-1, high[k]), (1, low[k])):
            best = linprog(way * row, A_eq=balance, b_eq=fixed + incidence.T @ offset, bounds=boxes)
            assert best.status == 0
            assert end == pytest.approx(way * best.fun + offset[k], abs=1e-6)


def test_links_between_islands_widen_the_range_at_most():
    grid = Grid.from_tables(
        [{"bus": k} for k in range(3)],
        [{"branch": 0, "from_bus": 0, "to_bus": 1, "x_pu": 0.1, "limit_mw": 50}],
        links=[{"link": "k", "from_bus": 2, "to_bus": 0, "min_mw": 0, "max_mw": 30}],
    )
    units = [{"unit": "G", "bus": 2, "min_mw": 0, "max_mw": 100, "price": 1}]
    fleet = Fleet.from_tables(grid, units, loads=[{"load": "L", "bus": 1, "mw": 20}])
    low, high = flow_ranges(grid, fleet)
    assert low <= 20 <= high
    assert high <= 30


def test_links_with_losses_widen_the_range_at_most():
    """What a link loses leaves the island's balance, so its ends are taken as independent."""
    grid = Grid.from_tables(
        [{"bus": "A"}, {"bus": "B"}],
        [{"branch": "L", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": 75}],
        links=[{"link": "K", "from_bus": "B", "to_bus": "A", "min_mw": 40, "max_mw": 40, "loss": 0.5}],
    )
    units = [{"unit": "G", "bus": "A", "min_mw": 0, "max_mw": 100, "price": 1}]
    fleet = Fleet.from_tables(grid, units, loads=[{"load": "L", "bus": "B", "mw": 40}])
    low, high = flow_ranges(grid, fleet)  # 80 MW go to B, of which 20 come back
    assert low <= 80 <= high
    assert any_limit_can_bind(grid, fleet)


@pytest.mark.parametrize(("name", "binds"), [("ieee300", False), ("pglib_ieee300", True)])
def test_pandapower_case300_can_never_congest(name, binds):
    """pandapower's case300 has 9900 MVA on every branch; PGLib's has limits that bind."""
    case = networks.load(name)
    assert any_limit_can_bind(case.grid, case.fleet) is binds
    assert any("no branch limit can bind" in note for note in case.notes) is not binds
