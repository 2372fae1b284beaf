"""Feeders, their limits, and homes placed on them."""

import numpy as np
import pytest

import networks
from networks import Grid, InputError
from networks.feeders import FEEDERS, load_feeder, place_homes, refuse_unless_radial
from networks.profiles import Weather


@pytest.mark.parametrize(("name", "buses"), [("feeder8", 8), ("feeder33", 33), ("cigre_lv", 41)])
def test_every_feeder_is_a_tree_with_limits(name, buses):
    assert name in FEEDERS
    grid = load_feeder(name).grid
    assert len(grid.buses) == buses
    refuse_unless_radial(grid)
    assert np.isfinite(grid.limit_mw).any()
    assert (grid.limit_mw > 0).all()


def test_homes_are_placed_by_the_seed_alone():
    grid = load_feeder("feeder33").grid
    first, again = (place_homes(grid, 25, np.random.default_rng(4)) for _ in range(2))
    assert first.bus == again.bus
    assert first.load_mw.tobytes() == again.load_mw.tobytes()
    assert grid.buses[0] not in first.bus
    table = first.table
    assert len(table) == 25
    assert table.battery_mwh.isin([0, 0.01]).all()
    assert (first.vehicle_arrival < first.vehicle_departure).all()
    none = place_homes(grid, 5, np.random.default_rng(0), pv_share=0, battery_share=0, vehicle_share=0)
    assert none.pv_mw.max() == none.battery_mwh.max() == none.vehicle_mwh.max() == 0


def test_weather_drives_load_and_sun():
    grid = load_feeder("cigre_lv").grid
    clear = place_homes(grid, 8, np.random.default_rng(2))
    cold = Weather(np.full(96, 5.0), np.full(96, 0.5))
    winter = place_homes(grid, 8, np.random.default_rng(2), weather=cold)
    assert winter.load_mw == pytest.approx(clear.load_mw + 0.5e-3)
    assert winter.pv_mw == pytest.approx(0.5 * clear.pv_mw)
    with pytest.raises(InputError, match="same days and slots"):
        place_homes(grid, 8, np.random.default_rng(2), days=2, weather=cold)


def test_bad_feeders_and_shares_are_refused():
    loop = Grid.from_tables(
        [{"bus": k} for k in range(3)],
        [{"branch": f"{a}{b}", "from_bus": a, "to_bus": b, "x_pu": 1} for a, b in ((0, 1), (1, 2), (2, 0))],
    )
    with pytest.raises(InputError, match="branch '20': it closes a loop"):
        place_homes(loop, 2, np.random.default_rng(0))
    with pytest.raises(InputError, match="island of its own"):
        place_homes(Grid.from_tables([{"bus": 0}, {"bus": 1}]), 2, np.random.default_rng(0))
    with pytest.raises(InputError, match="did you mean 'feeder33'"):
        load_feeder("feeder3")
    with pytest.raises(InputError, match="pv_share"):
        place_homes(load_feeder("feeder8").grid, 2, np.random.default_rng(0), pv_share=1.5)


def test_ratings_of_the_cigre_feeders_are_limits():
    """Lines √3·0.4 kV·1 kA; transformers 500, 150 and 300 kVA (pandapower's data)."""
    case = networks.load("cigre_lv")
    limit = dict(zip(case.grid.branches, case.grid.limit_mw.tolist(), strict=True))
    assert limit["line 0"] == pytest.approx(np.sqrt(3) * 0.4)
    assert [limit[f"trafo {k}"] for k in range(3)] == pytest.approx([0.5, 0.15, 0.3])
    homes = place_homes(case.grid, 20, np.random.default_rng(3))
    assert set(homes.bus) <= set(case.grid.buses)
    assert networks.load("create_cigre_network_lv").name == "cigre_lv"
