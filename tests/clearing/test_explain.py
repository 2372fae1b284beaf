"""Explanations of prices: weights and causes by hand, against intervals, and against a second clearing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given

from clearing import ClearingError, InputError, NodalMarket
from tests.support.random_books import instances
from tests.support.small import book_of, buy, clear, grid_of, sell, three_node
from tests.support.small_markets import borduria_syldavia, read_instance, read_reference

REFERENCE = read_reference("lmp")


def reference(name):
    grid, book, _ = read_instance(REFERENCE[name]["instance"])
    return clear(grid, book)


def weights(found):
    return dict(zip(found.weights["unit"], found.weights["weight"].tolist(), strict=True))


def one_bus(*orders, **more):
    return clear(grid_of(buses=["a"]), book_of(*orders, **more))


def test_each_side_of_a_full_line_is_served_at_home():
    outcome = clear(*borduria_syldavia())
    found = outcome.explain("S")
    assert weights(found) == pytest.approx({"gS": 1.0})
    assert found.high == pytest.approx(35)
    assert found.weights["marginal_price"].tolist() == pytest.approx([35])
    assert found.energy == pytest.approx((500 * 19 + 1500 * 35) / 2000)
    assert found.branches.loc["BS", "contribution"] == pytest.approx(35 - found.energy)
    assert found.branches.loc["BS", "shadow_price"] == pytest.approx(16)
    assert found.sentence == (
        "One more MW at bus 'S' costs 35.00 $/MWh: it is served by +1.00 MW of 'gS' (35.00 $/MWh) "
        "because branch 'BS' binds."
    )
    assert str(found) == found.sentence


def test_a_price_above_every_offer():
    """Kirschen and Strbac, three buses: 11.25 = 1.5·10 − 0.5·7.5 at a bus without a marginal unit."""
    outcome = reference("ks_three_bus")
    expected = REFERENCE["ks_three_bus"]["expected"]["lmp"]
    moved = {}
    for bus, (price,) in expected.items():
        label = next(n for n in outcome.grid.buses if str(n) == bus)
        found = outcome.explain(label)
        assert found.high == pytest.approx(price, abs=1e-5)
        assert found.unique
        moved[round(price, 2)] = sorted(found.weights["weight"].tolist())
    assert moved[11.25] == pytest.approx([-0.5, 1.5])
    assert moved[7.5] == pytest.approx([1.0])


def test_pjm_five_bus_weights():
    """Li and Bo: the price 16.977 at bus 1 is a mix of Solitude (30) and Brighton (10)."""
    found = reference("pjm5_li_bo").explain(1)
    share = (16.977359 - 10) / 20
    assert weights(found) == pytest.approx({"Solitude": share, "Brighton": 1 - share}, abs=1e-6)
    assert list(found.branches.index) == [5]
    assert found.branches["contribution"].sum() == pytest.approx(found.congestion)
    assert found.sentence == (
        "One more MW at bus 1 costs 16.98 $/MWh: it is served by +0.65 MW of 'Brighton' (10.00 $/MWh) and "
        "+0.35 MW of 'Solitude' (30.00 $/MWh) because branch 5 binds."
    )


def test_ramps_join_periods():
    """A unit must ramp one period ahead: 35 = 30 now, 30 − 25 in the period before."""
    found = reference("tlmp_example1").explain(2, 1)
    assert found.high == pytest.approx(35)
    now, before = (found.weights[found.weights["period"] == t] for t in (1, 0))
    assert now.set_index("unit")["weight"].to_dict() == pytest.approx({"G2": 1.0})
    assert before.set_index("unit")["weight"].to_dict() == pytest.approx({"G2": 1.0, "G1": -1.0})
    assert found.ramps.loc[("G2", 1), "binds"]
    assert found.ramps.loc[("G2", 1), "limit_mw"] == 50
    assert found.sentence == (
        "One more MW at bus 2 in period 1 costs 35.00 $/MWh: it is served by +1.00 MW of 'G2' (30.00 $/MWh), "
        "with −1.00 MW of 'G1' in period 0 (25.00 $/MWh) and +1.00 MW of 'G2' in period 0 (30.00 $/MWh) "
        "because the ramp limit of unit 'G2' binds."
    )


def test_tied_orders_share_in_proportion_to_what_they_offer():
    outcome = one_bus(sell("s", "a", 30, 10), sell("t", "a", 10, 10), fixed={"a": 8})
    assert weights(outcome.explain("a")) == pytest.approx({"s": 0.75, "t": 0.25})


def test_sloped_orders_share_by_their_slopes():
    outcome = one_bus(sell("s", "a", 90, 10, slope=1), sell("t", "a", 90, 10, slope=3), fixed={"a": 8})
    found = outcome.explain("a")
    assert weights(found) == pytest.approx({"s": 0.75, "t": 0.25})
    assert found.weights["marginal_price"].tolist() == pytest.approx([16, 16])


def test_a_flat_offer_goes_before_a_sloped_one_of_equal_price():
    outcome = one_bus(sell("s", "a", 90, 10, slope=1), sell("t", "a", 90, 16), fixed={"a": 8})
    assert weights(outcome.explain("a")) == pytest.approx({"t": 1.0})


def test_an_interval_names_both_ends_and_the_price_used():
    found = one_bus(sell("s", "a", 50, 10), sell("t", "a", 50, 20), fixed={"a": 50}).explain("a")
    assert (found.low, found.high, found.price) == pytest.approx((10, 20, 15))
    assert not found.unique
    assert found.sentence == (
        "One more MW at bus 'a' costs 20.00 $/MWh: it is served by +1.00 MW of 't' (20.00 $/MWh). "
        "One MW less saves 10.00 $/MWh, so the price is not unique: 15.00 $/MWh is used (rule 'canonical')."
    )


def test_the_degenerate_vertex_of_the_three_node_system():
    """Hour 1 at 200 MW: line 1-2 is full and A is exhausted; more load at bus 2 costs 9, not 8."""
    found = clear(*three_node(hour=1)).explain("2")
    assert (found.low, found.high) == pytest.approx((6, 9))
    assert weights(found) == pytest.approx({"A": -0.5, "C": 1.5})
    assert found.branches.loc["L0", "binds"]


def test_a_buyer_gives_way():
    found = one_bus(sell("s", "a", 10, 10), buy("d", "a", 20, 25)).explain("a")
    assert found.weights.loc["d", "mw"] == pytest.approx(-1)
    assert found.weights.loc["d", "weight"] == pytest.approx(1)
    assert found.sentence == (
        "One more MW at bus 'a' costs 25.00 $/MWh: it is served by 'd' taking 1.00 MW less (25.00 $/MWh)."
    )


def test_nobody_can_serve_one_more():
    found = one_bus(sell("s", "a", 10, 10), fixed={"a": 10}).explain("a")
    assert found.high == np.inf
    assert found.weights.empty
    assert found.sentence == (
        "Nobody can serve one more MW at bus 'a', as no order that it can reach has room: its price has no "
        "upper bound; one MW less saves 10.00 $/MWh, and 10.00 $/MWh is used (rule 'canonical')."
    )


def test_a_full_line_forbids_one_more():
    outcome = clear(grid_of(("a", "b", 0.1, 10.0)), book_of(sell("s", "a", 50, 10), fixed={"b": 10}))
    assert outcome.explain("b").sentence.startswith(
        "Nobody can serve one more MW at bus 'b' because branch 'L0' is at its limit: its price has no upper"
    )
    assert weights(outcome.explain("a")) == pytest.approx({"s": 1.0})


def test_no_demand_and_no_price():
    idle = one_bus(sell("s", "a", 10, 30)).explain("a")
    assert idle.sentence == (
        "One more MW at bus 'a' costs 30.00 $/MWh: it is served by +1.00 MW of 's' (30.00 $/MWh). "
        "No demand is served in its island yet. One MW less cannot be absorbed, so the price is not unique: "
        "30.00 $/MWh is used (rule 'canonical')."
    )
    nothing = one_bus().explain("a")
    assert nothing.sentence == (
        "Nobody can serve one more MW at bus 'a', as no order that it can reach has room: it has no price."
    )


def test_unknown_buses_and_periods_are_refused():
    outcome = clear(grid_of(("north", "south", 0.1)), book_of(sell("s", "north", 10, 30)))
    with pytest.raises(InputError, match=r"bus 'nort' is not a bus of the grid \(did you mean 'north'\?\)"):
        outcome.explain("nort")
    with pytest.raises(InputError, match="period is 1; the book has 1: give 0 to 0"):
        outcome.explain("north", 1)
    with pytest.raises(InputError, match="period is True"):
        outcome.explain("north", True)


@given(instances())
def test_weights_price_the_bus(instance):
    """Σ weight·marginal price is the upper end of the dual interval, and the components add up."""
    outcome = cleared(*instance)
    low, high = outcome.intervals
    for n, bus in enumerate(outcome.grid.buses):
        for t in range(outcome.book.periods):
            found = outcome.explain(bus, t)
            assert found.high == pytest.approx(high[n, t], rel=1e-6, abs=1e-6)
            assert found.low == pytest.approx(low[n, t], rel=1e-6, abs=1e-6)
            assert found.sentence.endswith(".")
            if np.isfinite(found.price):
                parts = found.branches["contribution"].sum()
                assert parts == pytest.approx(found.congestion, abs=1e-6 * (1 + abs(found.price)))
            if np.isfinite(found.high):
                frame = found.weights
                worth = (frame["weight"] * frame["marginal_price"]).sum()
                assert worth == pytest.approx(found.high, rel=1e-6, abs=1e-6)
                served = frame["weight"].groupby(frame["period"]).sum()
                served = served.reindex(range(outcome.book.periods), fill_value=0.0)
                assert served.tolist() == pytest.approx(np.eye(outcome.book.periods)[t].tolist(), abs=1e-7)


@given(instances(slopes=False))
def test_a_second_clearing_follows_the_weights(instance):
    """With 1e-3 MW more demand the dispatch moves by the weights, and welfare falls by the price."""
    grid, book = instance
    outcome = cleared(grid, book)
    more = 1e-3
    for bus in grid.buses[:2]:
        found = outcome.explain(bus)
        if not np.isfinite(found.high):
            continue
        raised = replace(
            book,
            fixed_bus=(*book.fixed_bus, bus),
            fixed_mw=np.append(book.fixed_mw, more),
            fixed_period=np.append(book.fixed_period, 0),
        )
        again = NodalMarket(grid).clear(raised)
        fall = (outcome.welfare - again.welfare) / (more * book.hours)
        assert fall == pytest.approx(found.high, rel=1e-5, abs=1e-5)
        moved = found.weights.set_index("period", append=True)["weight"].to_dict()
        keys = zip(outcome.accepted.index, outcome.accepted["period"], strict=True)
        sides = book.side[book.column_row].tolist()
        expected = [side * moved.get(key, 0.0) for side, key in zip(sides, keys, strict=True)]
        assert (again.accepted_mw - outcome.accepted_mw) / more == pytest.approx(expected, abs=1e-4)


def cleared(grid, book):
    try:
        return NodalMarket(grid).clear(book)
    except (ClearingError, InputError):
        assume(False)
