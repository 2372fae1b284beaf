"""Drawing coordinates: finite, the same every time, kept where given, fast."""

import numpy as np
import pytest

import networks
from networks import Grid
from networks.layout import bus_positions


def path(length, **more):
    branches = [{"branch": k, "from_bus": k, "to_bus": k + 1, "x_pu": 0.1} for k in range(length - 1)]
    return Grid.from_tables([{"bus": k} for k in range(length)], branches, **more)


def test_a_line_is_drawn_as_a_line():
    positions = bus_positions(path(6))
    steps = np.diff(positions, axis=0)
    assert np.hypot(*steps.T) == pytest.approx(np.ones(5), rel=0.1)
    assert np.ptp(positions[:, 0]) > 4 * np.ptp(positions[:, 1])


def test_given_coordinates_stay_and_gaps_are_filled():
    given = np.array([[0.0, 0.0], [np.nan, np.nan], [2.0, 4.0]])
    assert bus_positions(path(3), given) == pytest.approx(np.array([[0, 0], [1, 2], [2, 4]]))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_grids(size):
    positions = bus_positions(path(size))
    assert np.isfinite(positions).all()
    assert len(np.unique(positions.round(6), axis=0)) == size


@pytest.mark.parametrize("known", [False, True])
def test_parts_do_not_lie_on_each_other(known):
    buses = [{"bus": k} for k in range(9)]
    rings = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (6, 7)]
    branches = [{"branch": k, "from_bus": a, "to_bus": b, "x_pu": 0.1} for k, (a, b) in enumerate(rings)]
    given = np.full((9, 2), np.nan)
    if known:
        given[:3] = [[0, 0], [10, 0], [5, 8]]
    positions = bus_positions(Grid.from_tables(buses, branches), given)
    assert np.isfinite(positions).all()
    boxes = [
        (positions[p].min(axis=0), positions[p].max(axis=0)) for p in ([0, 1, 2], [3, 4, 5], [6, 7], [8])
    ]
    for k, (low, high) in enumerate(boxes):
        for other_low, other_high in boxes[k + 1 :]:
            assert (low > other_high).any() or (other_low > high).any()


def test_the_same_every_time_whatever_numpy_drew_before():
    grid = networks.load("pglib_ieee118").grid
    first = bus_positions(grid)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 (the global state must stay untouched)
    assert np.array_equal(first, bus_positions(grid))
    assert np.array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    assert len(np.unique(first.round(3), axis=0)) == len(grid.buses)


@pytest.mark.parametrize("name", ["pglib_ieee300", "pegase2869"])
def test_large_grids_have_places(name):
    assert np.isfinite(bus_positions(networks.load(name).grid)).all()
