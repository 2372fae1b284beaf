"""Clearings solved by hand on two and three buses, against the whole outcome."""

import numpy as np
import pytest
from hypothesis import assume, given

from clearing import InfeasibleError, InputError, NodalMarket
from networks import Grid
from tests.support.random_books import instances
from tests.support.reference_programs import ReferenceFailedError
from tests.support.reference_solver import Reference
from tests.support.small import accepted, book_of, buy, clear, grid_of, interval, prices, sell, three_node


def test_one_bus_supply_meets_demand():
    out = clear(
        grid_of(buses=["A"]),
        book_of(
            sell("s1", "A", 10, 10), sell("s2", "A", 10, 20), buy("b1", "A", 12, 30), buy("b2", "A", 9, 15)
        ),
    )
    assert accepted(out) == pytest.approx({"s1": 10, "s2": 2, "b1": 12, "b2": 0})
    assert prices(out) == pytest.approx({"A": 20})
    assert out.welfare == pytest.approx(12 * 30 - 100 - 40)
    assert out.cost == pytest.approx(140)


def test_two_buses_without_congestion_have_one_price():
    out = clear(
        grid_of(("A", "B", 0.1, 50)),
        book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 20), fixed={"B": 40}),
    )
    assert prices(out) == pytest.approx({"A": 10, "B": 10})
    assert out.flows.loc[("L0", 0), "flow_mw"] == pytest.approx(40)
    assert out.flows.loc[("L0", 0), "shadow_price"] == 0


def test_two_buses_with_congestion_part():
    out = clear(
        grid_of(("A", "B", 0.1, 50)),
        book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 20), fixed={"B": 80}),
    )
    assert accepted(out) == pytest.approx({"a": 50, "b": 30})
    assert prices(out) == pytest.approx({"A": 10, "B": 20})
    row = out.flows.loc[("L0", 0)]
    assert (row["flow_mw"], row["limit_mw"]) == pytest.approx((50, 50))
    assert (row["shadow_price"], row["rent"]) == pytest.approx((10, 500))
    assert out.prices.loc[("A", 0), "energy"] == pytest.approx(20)  # all load is at B
    assert out.prices.loc[("A", 0), "congestion"] == pytest.approx(-10)
    assert list(out.binding.index) == [("L0", 0)]


def test_a_reversed_branch_has_the_negative_flow_and_the_same_prices():
    out = clear(
        grid_of(("B", "A", 0.1, 50)),
        book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 20), fixed={"B": 80}),
    )
    assert prices(out) == pytest.approx({"A": 10, "B": 20})
    assert out.flows.loc[("L0", 0), "flow_mw"] == pytest.approx(-50)
    assert out.flows.loc[("L0", 0), "rent"] == pytest.approx(500)


def test_three_buses_loop_flow_prices_a_bus_above_every_offer():
    # f12 = (2/3 − 1/3·…)·: with equal reactances a MW from 1 to 3 flows 2/3 direct and 1/3 over 2
    grid = grid_of(("1", "2", 0.1), ("2", "3", 0.1), ("1", "3", 0.1, 40))
    out = clear(grid, book_of(sell("g1", "1", 200, 10), sell("g2", "2", 200, 30), fixed={"3": 75}))
    # 2/3·g1 + 1/3·g2 = 40 and g1 + g2 = 75: g1 = 45, g2 = 30
    assert accepted(out) == pytest.approx({"g1": 45, "g2": 30})
    assert prices(out) == pytest.approx({"1": 10, "2": 30, "3": 50})


def test_slopes_share_until_marginal_costs_meet():
    out = clear(
        grid_of(("A", "B", 0.1)),
        book_of(sell("a", "A", 100, 10, slope=0.1), sell("b", "B", 100, 10, slope=0.3), fixed={"B": 80}),
    )
    assert accepted(out) == pytest.approx({"a": 60, "b": 20})
    assert prices(out) == pytest.approx({"A": 16, "B": 16})
    assert out.cost == pytest.approx(10 * 60 + 0.05 * 3600 + 10 * 20 + 0.15 * 400)


def test_sloped_purchase_meets_sloped_sale():
    out = clear(
        grid_of(buses=["A"]),
        book_of(sell("s", "A", 100, 10, slope=0.2), buy("b", "A", 100, 50, slope=0.2)),
    )
    assert accepted(out) == pytest.approx({"s": 100, "b": 100})
    out = clear(
        grid_of(buses=["A"]),
        book_of(sell("s", "A", 200, 10, slope=0.2), buy("b", "A", 200, 50, slope=0.2)),
    )
    assert accepted(out) == pytest.approx({"s": 100, "b": 100})
    assert prices(out) == pytest.approx({"A": 30})
    assert out.welfare == pytest.approx(0.5 * 40 * 100)


def test_minimum_output_runs_at_a_loss():
    out = clear(
        grid_of(buses=["A"]),
        book_of(sell("must", "A", 50, 40, min_mw=20), sell("cheap", "A", 50, 10), fixed={"A": 30}),
    )
    assert accepted(out) == pytest.approx({"must": 20, "cheap": 10})
    assert prices(out) == pytest.approx({"A": 10})


def test_order_with_minimum_equal_to_its_size_is_taken_whole():
    out = clear(
        grid_of(buses=["A"]),
        book_of(sell("block", "A", 20, 99, min_mw=20), sell("cheap", "A", 50, 10), fixed={"A": 30}),
    )
    assert accepted(out) == pytest.approx({"block": 20, "cheap": 10})
    assert prices(out) == pytest.approx({"A": 10})


def test_negative_fixed_demand_injects():
    out = clear(grid_of(("A", "B", 0.1)), book_of(sell("s", "B", 50, 10), fixed={"A": -20, "B": 30}))
    assert accepted(out) == pytest.approx({"s": 10})


def test_negative_prices_clear():
    out = clear(
        grid_of(buses=["A"]), book_of(sell("wind", "A", 50, -5), sell("gas", "A", 50, 30), fixed={"A": 20})
    )
    assert prices(out) == pytest.approx({"A": -5})
    assert out.cost == pytest.approx(-100)


def test_shunts_withdraw():
    grid = Grid.from_tables(buses=[{"bus": "A", "shunt_mw": 3.0}])
    assert accepted(clear(grid, book_of(sell("s", "A", 50, 10), fixed={"A": 20}))) == pytest.approx({"s": 23})


def test_link_moves_power_up_to_its_range_and_earns_the_difference():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        links=[{"link": "K", "from_bus": "A", "to_bus": "B", "min_mw": -10, "max_mw": 30}],
    )
    out = clear(grid, book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 20), fixed={"B": 80}))
    assert accepted(out) == pytest.approx({"a": 30, "b": 50})
    assert prices(out) == pytest.approx({"A": 10, "B": 20})
    assert out.links.loc[("K", 0), "flow_mw"] == pytest.approx(30)
    assert out.links.loc[("K", 0), "rent"] == pytest.approx(300)


def test_closed_link_separates():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        links=[{"link": "K", "from_bus": "A", "to_bus": "B", "min_mw": 0, "max_mw": 0}],
    )
    out = clear(grid, book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 20), fixed={"A": 5, "B": 80}))
    assert prices(out) == pytest.approx({"A": 10, "B": 20})


def test_link_inside_an_island_relieves_a_line_in_both_forms():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        branches=[{"branch": "L", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": 20}],
        links=[{"link": "K", "from_bus": "A", "to_bus": "B", "min_mw": 0, "max_mw": 30}],
    )
    for form in ("angle", "ptdf"):
        out = clear(
            grid, book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 20), fixed={"B": 80}), form=form
        )
        assert accepted(out) == pytest.approx({"a": 50, "b": 30})
        assert out.link_mw[0, 0] == pytest.approx(30)


def test_link_inside_an_island_without_limits_rests():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        branches=[{"branch": "L", "from_bus": "A", "to_bus": "B", "x_pu": 0.1}],
        links=[{"link": "K", "from_bus": "A", "to_bus": "B", "min_mw": -30, "max_mw": 30}],
    )
    for form in ("angle", "ptdf"):
        out = clear(grid, book_of(sell("a", "A", 100, 10), fixed={"B": 80}), form=form)
        assert out.link_mw[0, 0] == pytest.approx(0, abs=1e-12)
        assert prices(out) == pytest.approx({"A": 10, "B": 10})


def test_phase_shifter_drives_flow():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        branches=[
            {"branch": "plain", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": 30.0},
            {"branch": "shifter", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": 60.0,
             "shift_degree": -np.rad2deg(0.02)},
        ],
    )  # fmt: skip
    # flows share equally, plus 1000·0.02/2 = 10 MW more on the shifter: 30 + 50 before the plain one binds
    out = clear(grid, book_of(sell("a", "A", 200, 10), sell("b", "B", 200, 20), fixed={"B": 100}))
    assert accepted(out) == pytest.approx({"a": 80, "b": 20})
    assert out.flow_mw[:, 0] == pytest.approx([30, 50])
    assert prices(out) == pytest.approx({"A": 10, "B": 20})


def test_angle_limit_binds_like_a_flow_limit():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        branches=[{"branch": "L", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "angle_min_degree": -30,
                   "angle_max_degree": np.rad2deg(0.05)}],
    )  # fmt: skip
    book = book_of(sell("a", "A", 200, 10), sell("b", "B", 200, 20), fixed={"B": 100})
    assert accepted(clear(grid, book)) == pytest.approx({"a": 50, "b": 50})
    assert accepted(clear(grid.with_settings(angle_limits="ignore"), book)) == pytest.approx(
        {"a": 100, "b": 0}
    )


def test_islands_are_markets_of_their_own():
    grid = grid_of(("A", "B", 0.1), buses=["A", "B", "C", "D"])
    out = clear(grid, book_of(sell("a", "A", 50, 10), sell("c", "C", 50, 30), fixed={"B": 5, "C": 7}))
    assert prices(out)["B"] == pytest.approx(10)
    assert prices(out)["C"] == pytest.approx(30)
    assert np.isnan(prices(out)["D"])
    assert out.priced[:, 0].tolist() == [True, True, True, False]
    assert out.prices.loc[("B", 0), "energy"] == pytest.approx(10)
    assert out.prices.loc[("C", 0), "energy"] == pytest.approx(30)


def test_isolated_bus_beside_a_network_clears_in_both_forms():
    """A bus without branches has an angle that no row holds."""
    grid = grid_of(("A", "C", 0.1), buses=["A", "B", "C"])
    for form in ("angle", "ptdf"):
        out = clear(
            grid, book_of(sell("a", "A", 50, 10), sell("b", "B", 9, 5), buy("d", "B", 4, 50)), form=form
        )
        assert accepted(out) == pytest.approx({"a": 0, "b": 4, "d": 4})


def test_empty_book_clears_to_nothing():
    out = clear(grid_of(("A", "B", 0.1, 10)), book_of())
    assert out.welfare == 0
    assert out.cost == 0
    assert not out.priced.any()
    assert (out.flow_mw == 0).all()


def test_book_of_zeros_clears():
    out = clear(
        grid_of(("A", "B", 0.1, 10)), book_of(sell("s", "A", 0, 10), buy("b", "B", 0, 20), fixed={"A": 0})
    )
    assert accepted(out) == {"s": 0, "b": 0}


def test_infeasible_demand_is_an_error():
    with pytest.raises(InfeasibleError):
        clear(grid_of(("A", "B", 0.1, 10)), book_of(sell("s", "A", 100, 10), fixed={"B": 20}))


def test_unknown_bus_of_an_order_and_of_fixed_demand():
    grid = grid_of(("Bus 1", "Bus 2", 0.1))
    with pytest.raises(
        InputError, match=r"table 'orders', row 0 \('s'\): column 'bus' is 'Bus 7'.*did you mean"
    ):
        clear(grid, book_of(sell("s", "Bus 7", 100, 10)))
    with pytest.raises(InputError, match=r"table 'fixed', row 0.*column 'bus' is 1.*use a known label"):
        clear(grid, book_of(sell("s", "Bus 1", 100, 10), fixed={1: 20}))


@pytest.mark.parametrize(
    "options",
    [{"price_rule": "mean"}, {"form": "theta"}, {"time_limit": 0}, {"time_limit": -1.0}],
)
def test_bad_settings_name_themselves(options):
    with pytest.raises(InputError, match=next(iter(options))):
        NodalMarket(grid_of(("A", "B", 0.1)), **options)


def test_unit_that_sells_and_buys_is_one_machine():
    # a storage-like unit: from −10 (buying) it may reach at most +5 in one step
    book = book_of(
        sell("s", "A", 20, 10, unit="u"),
        buy("b", "A", 20, 5, unit="u"),
        sell("peak", "A", 100, 50),
        fixed={"A": 15},
        ramps=[{"unit": "u", "up_mw": 15, "previous_mw": -10}],
    )
    assert accepted(clear(grid_of(buses=["A"]), book)) == pytest.approx({"s": 5, "b": 0, "peak": 10})


def test_three_node_hour_two_against_the_reference():
    grid, book = three_node(hour=2)
    out = clear(grid, book)
    assert accepted(out) == pytest.approx({"A": 190, "B": 0, "C": 50})
    assert prices(out) == pytest.approx({"1": 6, "2": 9, "3": 8})
    assert interval(out, "2") == pytest.approx((9, 9))


@given(instances())
def test_random_clearings_agree_with_the_reference(case):
    """Least cost, canonical dispatch, flows and feasibility, by an independent formulation."""
    grid, book = case
    reference = Reference(grid, book)
    try:
        out = clear(grid, book)
    except (InfeasibleError, InputError):
        assert not reference.feasible
        return
    assert reference.feasible
    curved = bool(book.slope.any())
    try:
        objective, (mw, links) = reference.objective, reference.canonical
    except ReferenceFailedError:
        assume(not curved)
        raise
    assert -out.welfare / book.hours == pytest.approx(objective, rel=1e-6, abs=1e-6 * reference.price_scale)
    tolerance = (3e-4 if curved else 2e-5) * reference.scale
    assert out.accepted_mw == pytest.approx(mw, abs=tolerance)
    assert out.link_mw.ravel() == pytest.approx(links, abs=tolerance)
    assert out.flow_mw == pytest.approx(
        reference.flows(out.accepted_mw, out.link_mw.ravel()), abs=1e-6 * reference.scale
    )


def test_a_book_too_large_for_any_memory_is_refused_before_the_work():
    grid = grid_of(("a", "b", 0.1))
    book = book_of(sell("s", "a", 5, 1), buy("b", "b", 5, 9), periods=250_000)
    with pytest.raises(InputError, match=r"1,250,000 entries, more than the 1,000,000 .*clear periods apart"):
        NodalMarket(grid).clear(book)
