"""Cases and what `load` takes; loads cut off from every supply; the summary."""

import math

import numpy as np
import pytest
from oracle import least_cost

import networks
from networks import Case, Fleet, Grid, InputError, Provenance
from networks.case import build_case

BUSES = [{"bus": k} for k in ("a", "b", "c")]
LINE = [{"branch": 1, "from_bus": "a", "to_bus": "b", "x_pu": 0.1}]
UNIT = [{"unit": "G", "bus": "a", "min_mw": 0, "max_mw": 50, "price": 7}]


def case_of(loads, branches=LINE, links=None, units=UNIT, buses=BUSES):
    grid = Grid.from_tables(buses, branches, links)
    fleet = Fleet.from_tables(grid, units, loads=loads)
    return build_case("test", "a test", grid, fleet, Provenance("test"))


def test_documented_systems_cost_what_the_documents_say():
    """five_bus: total surplus 19 563.82 at a value of 60 $/MWh; three_node: 200 MW at 6 $/MWh."""
    assert least_cost(networks.load("five_bus")) == pytest.approx(60 * 500 - 19563.82, abs=0.01)
    assert least_cost(networks.load("three_node")) == pytest.approx(1200)
    case = networks.load("three_node")
    assert case.fleet.load_mw.tolist() == [[100, 120], [100, 120]]
    assert case.fleet.units == ("Gen-A", "Gen-B", "Gen-C")


def test_load_takes_a_case_as_it_is():
    case = networks.load("three_node")
    assert networks.load(case) is case


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("iee300", ["'iee300' is not in the catalogue", "did you mean 'ieee300'?", "catalogue()"]),
        ("no such thing at all", ["is not in the catalogue, nor"]),
        ("case4gs", ["'case4gs' cannot be cleared", "0 MW", "max_p_mw"]),
        (42, ["source is a int", "catalogue()"]),
        (None, ["source is a NoneType"]),
    ],
)
def test_unknown_sources_are_refused_with_the_nearest_name(source, expected):
    with pytest.raises(InputError) as error:
        networks.load(source)
    for part in expected:
        assert part in str(error.value)


def test_names_take_any_case_and_win_over_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    networks.load("three_node").export("five_bus")
    assert networks.load(" Five_Bus ").name == "five_bus"
    assert networks.load("./five_bus").name == "three_node"


@pytest.mark.parametrize(
    ("loads", "links", "units"),
    [
        ([{"load": "L", "bus": "c", "mw": 5}], None, UNIT),
        ([{"load": "L", "bus": "c", "mw": 5}], [("a", "c", 0, 0)], UNIT),
        ([{"load": "L", "bus": "b", "mw": 5}], None, []),
        ([{"load": "L", "bus": "b", "mw": 5}], None, [{**UNIT[0], "min_mw": -5, "max_mw": 0}]),
        (
            [
                {"load": "L", "bus": "c", "mw": 0, "period": 0},
                {"load": "L", "bus": "c", "mw": 5, "period": 1},
            ],
            None,
            UNIT,
        ),
    ],
)
def test_loads_cut_off_from_every_supply_are_refused(loads, links, units):
    links = [
        dict(zip(("from_bus", "to_bus", "min_mw", "max_mw"), k, strict=True), link="k") for k in links or ()
    ]
    with pytest.raises(
        InputError, match=r"'loads', load 'L': column 'bus' is '[bc]', which is cut off .* 5 MW"
    ):
        case_of(loads, links=links, units=units)


@pytest.mark.parametrize(
    ("loads", "links", "units", "buses"),
    [
        ([{"load": "L", "bus": "c", "mw": 5}], [("a", "c", 0, 9)], UNIT, BUSES),
        ([{"load": "L", "bus": "c", "mw": 5, "price": 90}], None, UNIT, BUSES),
        ([{"load": "L", "bus": "c", "mw": 0}], None, UNIT, BUSES),
        ([{"load": "L", "bus": "c", "mw": 5}, {"load": "M", "bus": "c", "mw": -5}], None, [], BUSES),
        ([{"load": "L", "bus": "c", "mw": 5}], None, [], [*BUSES[:2], {"bus": "c", "shunt_mw": -5}]),
        ([], None, [], BUSES),
    ],
)
def test_loads_with_some_supply_and_bids_without_are_fine(loads, links, units, buses):
    links = [
        dict(zip(("from_bus", "to_bus", "min_mw", "max_mw"), k, strict=True), link="k") for k in links or ()
    ]
    assert len(case_of(loads, links=links, units=units, buses=buses).grid.buses) == 3


def test_notes_name_islands_and_missing_limits():
    notes = case_of([]).notes
    assert "2 islands: each is a market of its own unless links join them" in notes
    assert "no branch limit can bind, so prices cannot differ between buses of an island" in notes
    two = [*LINE, {"branch": 2, "from_bus": "b", "to_bus": "c", "x_pu": 0.1, "limit_mw": 3}]
    assert "1 branch of 2 without a limit" in case_of([], branches=two).notes


def test_a_fleet_belongs_to_its_buses():
    grid = Grid.from_tables(BUSES)
    with pytest.raises(InputError, match="fleet was made for other buses"):
        Case("odd", "", grid, Fleet.from_tables({"a": 0}), Provenance("test"))
    with pytest.raises(InputError, match=r"positions have shape \(2, 2\)"):
        Case("odd", "", grid, Fleet.from_tables(grid), Provenance("test"), positions=np.zeros((2, 2)))


def test_the_summary_counts():
    links = [{"link": "k", "from_bus": "a", "to_bus": "c", "min_mw": 0, "max_mw": 9}]
    branches = [*LINE, {"branch": 2, "from_bus": "a", "to_bus": "b", "x_pu": 1, "in_service": False}]
    loads = [{"load": "L", "bus": "b", "mw": 20}, {"load": "B", "bus": "c", "mw": 5, "price": 80}]
    summary = case_of(loads, branches, links, [{**UNIT[0], "slope": 0.1}]).summary()
    assert (summary.buses, summary.branches, summary.branches_off, summary.links) == (3, 1, 1, 1)
    assert (summary.limited, summary.can_bind, summary.islands) == (0, 0, 2)
    assert (summary.units, summary.owners, summary.capacity_mw, summary.minimum_mw) == (1, 1, 50, 0)
    assert (summary.price_low, summary.price_high) == (7, 12)
    assert (summary.loads, summary.bids, summary.periods) == (2, 1, 1)
    assert (summary.fixed_mw, summary.bid_mw, summary.shunt_mw) == (20, 5, 0)
    frame = summary.frame().set_index("quantity")
    assert frame.loc["capacity"].tolist() == ["50.00", "MW"]
    assert frame.loc["links", "value"] == "1"
    lossy = case_of(loads, branches, [{**links[0], "loss": 0.03}]).summary().frame().set_index("quantity")
    assert lossy.loc["links", "value"] == "1, 1 with losses"
    assert math.isnan(case_of([], units=[]).summary().price_low)
