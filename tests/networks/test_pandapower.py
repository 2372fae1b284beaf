"""pandapower nets: agreement with `pandapower.rundcopp`, and what it would drop silently."""

import copy
import logging
from dataclasses import replace

import numpy as np
import pandapower as pp
import pandapower.networks as shipped
import pytest
from oracle import least_cost

import clearing
import networks
from networks import InputError
from tests.support.nets import line_of_two


def rundcopp_cost(net):
    net = copy.deepcopy(net)
    logging.disable(logging.WARNING)
    try:
        pp.rundcopp(net)
    finally:
        logging.disable(logging.NOTSET)
    return net.res_cost


@pytest.mark.parametrize(
    "name",
    ["case5", "case6ww", "case9", "case14", "case24_ieee_rts", "case30", "case_ieee30", "case33bw", "case39",
     "case57", "case118", "case_illinois200", "case300", "iceland", "GBreducednetwork", "GBnetwork"],
)  # fmt: skip
def test_shipped_cases_cost_what_rundcopp_says(name):
    net = getattr(shipped, name)()
    assert least_cost(networks.load(net)) == pytest.approx(rundcopp_cost(net), rel=1e-7)


@pytest.mark.parametrize("name", ["pegase89", "ieee145", "pegase1354", "rte1888"])
def test_placeholders_of_ratings_do_not_make_cases_infeasible(name):
    """pandapower's copies turn MATPOWER's rating 0 (none) of a transformer into 99.999 MVA."""
    case = networks.load(name)
    assert np.isfinite(least_cost(case))
    assert any("placeholder of a rating" in note for note in case.notes)


def three_areas():
    """Three voltage levels with every branch element, switches and elements out of service."""
    net = pp.create_empty_network(sn_mva=10.0)
    hv = [pp.create_bus(net, 110.0, index=k) for k in (7, 3, 12)]
    mv, lv = pp.create_bus(net, 20.0, index=30), pp.create_bus(net, 10.0, index=31)
    twin, off, stub = (pp.create_bus(net, 110.0, index=k) for k in (40, 41, 42))
    net.bus.loc[off, "in_service"] = False
    pp.create_ext_grid(net, hv[0], min_p_mw=0, max_p_mw=200)
    pp.create_gen(net, hv[2], p_mw=0, min_p_mw=5, max_p_mw=60)
    pp.create_gen(net, hv[1], p_mw=12, min_p_mw=0, max_p_mw=60, controllable=False)
    pp.create_gen(net, hv[1], p_mw=12, min_p_mw=0, max_p_mw=60, in_service=False)
    pp.create_sgen(net, mv, p_mw=4, min_p_mw=0, max_p_mw=9, controllable=True)
    pp.create_sgen(net, lv, p_mw=3, scaling=0.5, controllable=False)
    pp.create_load(net, hv[1], 55, scaling=1.1, controllable=False)
    pp.create_load(net, twin, 20, controllable=False)
    pp.create_load(net, mv, 12, controllable=True, min_p_mw=2, max_p_mw=12)
    pp.create_load(net, lv, 6, controllable=False)
    pp.create_load(net, lv, 600, in_service=False)
    pp.create_load(net, off, 5, controllable=False)
    pp.create_storage(net, lv, p_mw=1, max_e_mwh=5, controllable=True, min_p_mw=-3, max_p_mw=2)
    pp.create_ward(net, hv[1], ps_mw=2, qs_mvar=0, pz_mw=1.5, qz_mvar=0)
    pp.create_xward(net, hv[2], ps_mw=1, qs_mvar=0, pz_mw=0.5, qz_mvar=0, r_ohm=1, x_ohm=3, vm_pu=1.0)
    pp.create_shunt(net, hv[2], q_mvar=1, p_mw=0.7)
    kind = "149-AL1/24-ST1A 110.0"
    for a, b, length in ((0, 1, 30), (1, 2, 20), (0, 2, 40)):
        pp.create_line(net, hv[a], hv[b], length, kind, max_loading_percent=25)
    half_open = pp.create_line(net, hv[0], hv[1], 5, kind, max_loading_percent=25)
    pp.create_switch(net, hv[1], half_open, et="l", closed=False)
    pp.create_line(net, hv[0], off, 5, kind, max_loading_percent=25)
    pp.create_line(net, hv[0], hv[2], 5, kind, max_loading_percent=25, in_service=False)
    pp.create_line(net, twin, hv[2], 15, kind, max_loading_percent=25, parallel=2, df=0.8)
    pp.create_switch(net, hv[1], twin, et="b", closed=True)
    pp.create_switch(net, twin, stub, et="b", closed=True, z_ohm=0.5)
    pp.create_load(net, stub, 3, controllable=False)
    pp.create_transformer3w(
        net, hv[2], mv, lv, "63/25/38 MVA 110/20/10 kV", max_loading_percent=80, tap_pos=2
    )
    pp.create_transformer(net, hv[1], mv, "25 MVA 110/20 kV", max_loading_percent=70, tap_pos=-2, parallel=2)
    pp.create_impedance(net, hv[0], hv[2], 0.01, 0.2, sn_mva=40)
    net.trafo["shift_degree"] = 0.3  # not the 150° of its type, which nothing else in the loop has
    costs = (("ext_grid", 0, 40), ("gen", 0, 25), ("sgen", 0, 5), ("load", 2, -60), ("storage", 0, -30))
    for table, element, price in costs:
        pp.create_poly_cost(net, element, table, cp1_eur_per_mw=price)
    return net


def test_every_element_agrees_with_rundcopp():
    net = three_areas()
    before = copy.deepcopy(net)
    case = networks.load(net)
    uncongested = replace(
        case, grid=case.grid.with_settings(limit_mw=np.full(len(case.grid.branches), np.inf))
    )
    assert least_cost(case) == pytest.approx(rundcopp_cost(net), rel=1e-6)
    assert least_cost(case) > least_cost(uncongested) + 100
    assert pp.toolbox.nets_equal(net, before)
    assert case.grid.buses == (7, 3, 12, 30, 31, 42, "trafo3w 0 star")
    assert set(case.fleet.units) == {"ext_grid 0", "gen 0", "gen 1", "sgen 0", "load 2", "storage 0"}
    at = dict(zip(case.fleet.loads, case.fleet.load_bus, strict=True))
    assert case.grid.buses[at["load 1"]] == 3
    for note in (
        "1 bus out of service left out",
        "1 bus fused with another by closed switches, whose price it has: 40 with 3",
        "1 sgen not controllable: fixed at 1.5 MW, whatever the price",
        "1 load out of service left out",
        "1 load at a bus out of service left out",
        "1 gen out of service left out",
        "1 unit without a cost: 0 $/MWh",
    ):
        assert note in case.notes
    assert any("branches open at one end left out" in note for note in case.notes)
    assert {"trafo3w 0 hv", "impedance 0", "switch 2", "trafo 0"} <= set(case.grid.branches)
    assert not case.grid.in_service[case.grid.branches.index("line 5")]


def test_controllable_loads_and_storages_are_units_of_negative_output():
    fleet = networks.load(three_areas()).fleet
    k, s = fleet.units.index("load 2"), fleet.units.index("storage 0")
    assert (fleet.min_mw[k], fleet.max_mw[k]) == (-12, -2)
    assert (fleet.min_mw[s], fleet.max_mw[s]) == (-2, 3)
    output = np.where(np.arange(len(fleet.units)) == k, -10.0, 0.0)
    assert fleet.cost(output)[k] == pytest.approx(-600)


def test_limits_are_those_of_the_opf():
    assert networks.load(line_of_two()).grid.limit_mw[0] == pytest.approx(0.5 * 0.47 * 110 * np.sqrt(3))
    assert np.isinf(networks.load(line_of_two(limit=False)).grid.limit_mw[0])


def test_what_is_left_out_is_called_what_it_is():
    """An extended ward's inner branch is none of the net's; an element's bus may be out of service."""
    net = line_of_two()
    pp.create_xward(net, 1, ps_mw=2, qs_mvar=0, pz_mw=0, qz_mvar=0, r_ohm=0.2, x_ohm=0.4, vm_pu=1.0)
    before = networks.load(net)
    assert not any("open at one end" in note for note in before.notes)
    assert "xward 0" in before.fleet.loads
    off = pp.create_bus(net, 110.0, in_service=False)
    for on in (True, True, False):
        pp.create_gen(net, off, p_mw=3, min_p_mw=0, max_p_mw=9, in_service=on)
    pp.create_load(net, off, p_mw=3)
    notes = networks.load(net).notes
    assert set(notes) - set(before.notes) == {
        "1 bus out of service left out",
        "2 gens at buses out of service left out",
        "1 gen out of service left out",
        "1 load at a bus out of service left out",
    }


def test_coordinates_are_kept():
    positions = networks.load(line_of_two()).positions
    assert positions[1].tolist() == [4, 5]
    assert np.isnan(positions[0]).all()


def test_external_grids_without_limits_give_what_the_rest_needs():
    net = line_of_two()
    net.ext_grid[["min_p_mw", "max_p_mw"]] = np.nan
    pp.create_gen(net, 1, p_mw=0, min_p_mw=0, max_p_mw=20)
    case = networks.load(net)
    assert (case.fleet.min_mw[0], case.fleet.max_mw[0]) == (-20, 30)
    assert "1 external grid without limits: taken to give and take all that the rest can use" in case.notes
    assert least_cost(case) == pytest.approx(rundcopp_cost(net), rel=1e-6)


def test_an_external_grid_that_cannot_take_is_not_said_to():
    net = line_of_two()
    net.ext_grid[["min_p_mw", "max_p_mw"]] = 0.0, np.nan
    pp.create_gen(net, 1, p_mw=0, min_p_mw=0, max_p_mw=20)
    case = networks.load(net)
    assert case.fleet.min_mw[0] == 0
    assert "1 external grid without an upper limit: taken to give all that the rest can use" in case.notes


def test_polynomial_and_piecewise_costs():
    net = line_of_two()
    pp.create_gen(net, 1, p_mw=0, min_p_mw=-10, max_p_mw=20)
    pp.create_gen(net, 1, p_mw=0, min_p_mw=0, max_p_mw=20)
    pp.create_pwl_cost(net, 0, "gen", [[-10, -5, 1], [-5, 10, 2], [10, 20, 30]])
    pp.create_poly_cost(net, 1, "gen", cp1_eur_per_mw=5, cp2_eur_per_mw2=0.5, cp0_eur=3)
    fleet = networks.load(net).fleet
    assert fleet.units == ("ext_grid 0", "gen 0", "gen 1")
    # pandapower's piecewise cost begins at −10·1 and rises by 5·1, then 15·2, then 10·30
    assert fleet.cost(np.array([0.0, -10.0, 0.0]))[1] == pytest.approx(-10)
    assert fleet.cost(np.array([0.0, 20.0, 4.0])).tolist() == pytest.approx([0, 325, 3 + 20 + 8])


def with_dcline(**changes):
    net = line_of_two()
    far = pp.create_bus(net, 110.0)
    pp.create_load(net, far, 12, controllable=False)
    values = {"p_mw": 10, "loss_percent": 0, "loss_mw": 0, "vm_from_pu": 1.0, "vm_to_pu": 1.0, "max_p_mw": 25}
    reactive = {f"{m}_q_{end}_mvar": s * 10 for m, s in (("min", -1), ("max", 1)) for end in ("from", "to")}
    pp.create_dcline(net, 1, far, **(values | reactive | changes))
    return net


def test_dc_lines_are_links():
    """They serve the far bus for what the near one pays: no free energy."""
    case = networks.load(with_dcline())
    assert case.grid.links == ("dcline 0",)
    assert (case.grid.link_min_mw[0], case.grid.link_max_mw[0]) == (0, 25)
    assert least_cost(case) == pytest.approx(10 * 42, rel=1e-6)


def test_dc_lines_agree_with_rundcopp_between_supplied_buses():
    net = with_dcline()
    pp.create_line(net, 0, 2, 50, "149-AL1/24-ST1A 110.0", max_loading_percent=5)
    assert least_cost(networks.load(net)) == pytest.approx(rundcopp_cost(net), rel=1e-6)


def test_dc_lines_against_their_direction_and_with_losses():
    net = with_dcline(p_mw=-10, loss_percent=2.0)
    net.load.loc[1, "p_mw"] = -15
    case = networks.load(net)
    assert (case.grid.link_min_mw[0], case.grid.link_max_mw[0]) == (-25, 0)
    assert "the losses of DC lines are left out" in case.notes


def broken(change):
    net = line_of_two()
    change(net)
    return net


def isolate(net):
    pp.create_load(net, pp.create_bus(net, 110.0), 5, controllable=False)


def open_the_line(net):
    pp.create_switch(net, 1, 0, et="l", closed=False)


def add_vsc(net):
    dc = pp.create_bus_dc(net, 110.0)
    pp.create_vsc(net, 1, dc, 0.1, 5, 0.1)


def drop_range(table, column):
    def change(net):
        if table == "gen":
            pp.create_gen(net, 1, p_mw=0, min_p_mw=0, max_p_mw=20)
        if table == "load":
            net.load["controllable"] = True
            net.load[["min_p_mw", "max_p_mw"]] = [0.0, 30.0]
        net[table][column] = np.nan

    return change


def cost(et, element, piecewise=None, **coefficients):
    def change(net):
        if et in ("gen", "load"):
            drop_range("gen", "vm_pu")(net)
            net.gen["vm_pu"] = 1.0
        if et == "load":
            net.load["controllable"] = True
            net.load[["min_p_mw", "max_p_mw"]] = [0.0, 30.0]
        if piecewise is None:
            pp.create_poly_cost(net, element, et, **coefficients, check=False)
        else:
            pp.create_pwl_cost(net, element, et, piecewise, check=False)

    return change


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (broken(isolate), ["load 'load 1'", "'bus' is 2", "cut off from every supply", "5 MW"]),
        (broken(open_the_line), ["load 'load 0'", "'bus' is 1", "cut off from every supply", "30 MW"]),
        (
            broken(lambda net: net.line.drop(0, inplace=True)),
            ["load 'load 0'", "cut off from every supply"],
        ),
        (broken(lambda net: net.line.__setitem__("length_km", 0.0)), ["branch 'line 0'", "'x_pu' is 0.0"]),
        (broken(lambda net: net.load.__setitem__("p_mw", np.nan)), ["load 'load 0'", "'mw' is nan"]),
        (broken(drop_range("gen", "max_p_mw")), ["'gen'", "gen 0", "'max_p_mw' is missing"]),
        (broken(drop_range("gen", "min_p_mw")), ["'gen'", "gen 0", "'min_p_mw' is missing"]),
        (broken(drop_range("load", "max_p_mw")), ["'load'", "load 0", "'max_p_mw' is missing"]),
        (broken(lambda net: net.bus.__setitem__("geo", "north")), ["bus 0", "'geo' is 'north'", "GeoJSON"]),
        (broken(add_vsc), ["'vsc', row 0", "not modelled", "'dcline'"]),
        (pp.create_empty_network(), ["'bus'", "at least one bus"]),
        (
            broken(cost("gen", 0, cp1_eur_per_mw=1, cp2_eur_per_mw2=-1)),
            ["'poly_cost', row 1", "p² is -1", "not convex"],
        ),
        (
            broken(cost("gen", 0, [[0, 5, 9], [5, 20, 3]])),
            ["'pwl_cost', row 0", "falls from 9 to 3", "not convex"],
        ),
        (broken(cost("gen", 0, [[0, 5, 9], [6, 20, 10]])), ["'pwl_cost', row 0", "not adjacent"]),
        (broken(cost("load", 0, [[0, 30, 9]])), ["'pwl_cost', row 0", "poly_cost"]),
        (broken(cost("ext_grid", 0, [[0, 100, 9]])), ["ext_grid 0 has a cost already", "keep one"]),
        (with_dcline(max_p_mw=np.nan), ["'dcline', dcline 0", "'max_p_mw' is missing"]),
    ],
)
def test_bad_nets_are_refused_by_name(net, expected):
    with pytest.raises(InputError) as error:
        networks.load(net)
    for part in expected:
        assert part in str(error.value)


def test_costs_of_dc_lines_are_refused():
    net = with_dcline()
    pp.create_poly_cost(net, 0, "dcline", cp1_eur_per_mw=3)
    with pytest.raises(InputError, match=r"'poly_cost', row 1: a DC line with a cost"):
        networks.load(net)


def test_conversion_is_quiet(caplog, capfd):
    networks.load(three_areas())
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_a_fused_bus_has_the_price_of_the_bus_that_stands_for_it(tmp_path):
    case = networks.load(three_areas())
    assert case.grid.fused == ((40, 3),)
    again = networks.load(case.export(tmp_path))
    assert again.grid.fused == case.grid.fused
    book = clearing.Book.from_case(again)
    moved = replace(book, fixed_bus=tuple(40 if bus == 3 else bus for bus in book.fixed_bus))
    outcome = clearing.NodalMarket(again.grid).clear(moved)
    assert len(outcome.prices) == len(again.grid.buses) + 1
    assert outcome.prices.loc[(40, 0)].equals(outcome.prices.loc[(3, 0)])
    assert outcome.explain(40).price == outcome.explain(3).price
    with pytest.raises(InputError, match="fused bus 3 with 7"):
        replace(again.grid, fused=((3, 7),))


def test_an_index_that_appears_twice_is_refused():
    net = three_areas()
    net.gen.index = [0, 1, 1]
    with pytest.raises(InputError, match="table 'gen': the index 1 appears twice"):
        networks.load(net)
