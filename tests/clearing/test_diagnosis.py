"""Infeasible books: the missing MW, the cut and the remedy are named; loads without supply are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket
from clearing.explaining.relief import find_least_relief
from clearing.structure import Numbers, Structure
from networks import Grid
from tests.support.random_books import instances
from tests.support.small import book_of, buy, clear, grid_of, sell

PGLIB = Path(__file__).parents[1] / "data" / "pglib"
LINE = ("a", "b", 0.1, 400.0)


def reason(grid, book) -> str:
    with pytest.raises(InfeasibleError) as caught:
        NodalMarket(grid).clear(book)
    return str(caught.value)


def relief_of(grid, book):
    structure = Structure.of(book, grid)
    return find_least_relief(structure, Numbers.of(book, structure))


def test_a_market_short_of_offers():
    assert reason(grid_of(LINE), book_of(sell("s", "a", 600, 10), fixed={"a": 500, "b": 300})) == (
        "no dispatch exists: the market as a whole is short of 200.00 MW (fixed demand 800.00 MW, offers "
        "600.00 MW). Remedy: offer the value of lost load (Book.with_lost_load(3000.0); --voll 3000)"
    )


def test_an_island_short_of_offers():
    grid = grid_of(LINE, ("c", "d", 0.1))
    book = book_of(sell("s", "a", 600, 10), sell("t", "c", 10, 10), fixed={"a": 50, "d": 12}, periods=2)
    message = reason(grid, book)
    for t in (0, 1):
        assert f"period {t}: the island of buses 'c' and 'd' is short of 2.00 MW" in message
    assert "'a'" not in message


def test_a_cut_is_named_with_its_buses_and_branch():
    book = book_of(sell("s", "a", 5000, 10), sell("t", "b", 100, 10), fixed={"a": 500, "b": 1500, "c": 7})
    assert reason(grid_of(LINE, ("b", "c", 0.2)), book) == (
        "no dispatch exists: 1,007.00 MW at buses 'b' and 'c' must be served but cannot, because branch 'L0' "
        "is at its limit of 400.00 MW. Remedy: offer the value of lost load (Book.with_lost_load(3000.0); "
        "--voll 3000), or raise the limit of branch 'L0'"
    )


def test_minimum_outputs_above_demand():
    message = reason(
        grid_of(LINE), book_of(sell("s", "a", 500, 10, min_mw=300), buy("d", "b", 30, 50), fixed={"b": 50})
    )
    assert "the market as a whole is left with a surplus of 220.00 MW" in message
    assert "(demand at most 80.00 MW, minimum outputs 300.00 MW)" in message
    assert "lower the minimum outputs (min_mw)" in message


def test_minimum_output_behind_a_full_line():
    message = reason(grid_of(LINE), book_of(sell("s", "a", 500, 10, min_mw=450), fixed={"b": 500}))
    assert (
        "50.00 MW at bus 'a' must be produced but cannot be taken, because branch 'L0' is at its limit"
        in message
    )
    assert "100.00 MW at bus 'b' must be served but cannot" in message


def test_ramps_in_the_way():
    book = book_of(
        sell("s", "a", 500, 10),
        periods=2,
        fixed=[{"bus": "a", "mw": 50, "period": 0}, {"bus": "a", "mw": 250, "period": 1}],
        ramps=[{"unit": "s", "up_mw": 60, "down_mw": 60, "previous_mw": 50}],
    )
    message = reason(grid_of(LINE), book)
    assert message.startswith("no dispatch exists: period 1: 140.00 MW ")
    assert "the ramp limit of unit 's' holds" in message
    assert message.endswith("or widen the ramp limits of unit 's'")


def test_a_unit_that_cannot_ramp_down_in_time():
    ramps = [{"unit": "s", "up_mw": 50, "down_mw": 50, "previous_mw": 300}]
    message = reason(grid_of(LINE), book_of(sell("s", "a", 500, 10), fixed={"a": 50}, ramps=ramps))
    assert "unit 's' must ramp 200.00 MW down beyond its limit" in message
    assert message.endswith("Remedy: widen the ramp limits of unit 's'")


def test_a_link_at_its_limit():
    grid = Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}],
        links=[{"link": "k", "from_bus": "a", "to_bus": "b", "min_mw": 0, "max_mw": 20}],
    )
    message = reason(grid, book_of(sell("s", "a", 500, 10), fixed={"b": 50}))
    assert "30.00 MW at bus 'b' must be served but cannot, because link 'k' is at its limit" in message
    assert "widen the range of link 'k'" in message


def test_limits_that_exclude_each_other_come_before_demand():
    """A 10° shifter drives 87.27 MW around two equal lines; one of them admits 10."""
    grid = Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}],
        [
            {"branch": "1", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 10, "shift_degree": 10},
            {"branch": "2", "from_bus": "a", "to_bus": "b", "x_pu": 0.1},
        ],
    )
    assert reason(grid, book_of(sell("s", "a", 500, 10), sell("t", "b", 500, 10), fixed={"a": 50})) == (
        "no dispatch exists: branch '1' must carry 77.27 MW beyond its limit of 10.00 MW, whatever is "
        "served. Remedy: raise the limit of branch '1'"
    )


def test_angle_limits_of_case14_sad():
    """The message names the branch and its angle limit; without that limit the case clears."""
    case = networks.load(str(PGLIB / "pglib_opf_case14_ieee__sad.m"))
    book = Book.from_case(case)
    message = reason(case.grid, book)
    assert "branch 2 is at its angle limit of 8.60976° (67.37 MW)" in message
    assert 'relax the angle limits of branch 2 (angle_limits="ignore" drops all of them)' in message
    assert "--voll 3000" in message
    missing = float(message.split("no dispatch exists: ")[1].split(" MW")[0])
    priced = clear(case.grid, book.with_lost_load(3000.0))
    unserved = (
        book.fixed_mw[book.fixed_mw > 0].sum() - priced.accepted.query("side == 'buy'")["accepted_mw"].sum()
    )
    assert missing == pytest.approx(unserved, abs=0.01)
    branch = case.grid.branches.index(2)
    wide = case.grid.angle_max_degree.copy()
    wide[branch] = 90.0
    clear(replace(case.grid, angle_max_degree=wide), book)


def test_mw_of_any_size_are_named():
    for scale in (1e-6, 1e6):
        grid = grid_of(("a", "b", 0.1, 400 * scale))
        book = book_of(sell("s", "a", 5000 * scale, 10), fixed={"b": 1500 * scale})
        assert relief_of(grid, book).short.sum() == pytest.approx(1100 * scale)
        assert "at bus 'b' must be served but cannot" in reason(grid, book)


def test_a_load_cut_off_from_every_supply_is_bad_input():
    grid = grid_of(LINE, ("c", "d", 0.1))
    with pytest.raises(InputError, match=r"bus 'c' \(and 1 more bus\): fixed demand of 50\.00 MW is cut off"):
        NodalMarket(grid).clear(book_of(sell("s", "a", 500, 10), fixed={"c": 50, "d": 5}))
    clear(
        grid, book_of(sell("s", "a", 500, 10), buy("e", "c", 5, 50), fixed={"a": 5})
    )  # a bid may go unserved
    clear(grid, book_of(sell("s", "a", 500, 10), fixed={"c": 5, "d": -5}))  # an injection is a supply
    with pytest.raises(InfeasibleError):  # so is an offer that holds everything back
        NodalMarket(grid).clear(book_of(sell("s", "a", 500, 10), sell("t", "c", 0, 10), fixed={"c": 50}))


def test_a_period_without_supply_is_named():
    book = book_of(sell("s", "a", 500, 10, period=0), periods=2, fixed={"a": 50})
    with pytest.raises(InputError, match=r"bus 'a': fixed demand of 50\.00 MW in period 1 is cut off"):
        NodalMarket(grid_of(LINE)).clear(book)


@given(instances(lost_load=False))
def test_relief_is_none_exactly_where_a_dispatch_exists(instance):
    """The least relief and the market agree on what is feasible, and every refusal gives a remedy."""
    grid, book = instance
    relief = relief_of(grid, book)
    parts = (relief.short, relief.spilt, relief.flow_breach, relief.ramp_breach, relief.link_breach)
    needed = sum(np.abs(part).sum() for part in parts)
    message = ""
    try:
        NodalMarket(grid).clear(book)
    except (InfeasibleError, InputError) as error:
        message = str(error)
    assert (needed > 1e-6) == bool(message)
    if message:
        assert "cut off from every supply" in message or "Remedy: " in message


def test_limits_that_fixed_orders_break_are_infeasible_with_slopes_too():
    """A must-run unit that cannot ramp there: interior point methods never see a row without open columns."""
    book = book_of(
        sell("s", "a", 10, 10),
        sell("t", "a", 20, 10, slope=0.5, min_mw=20),
        fixed={"a": 30},
        ramps=[{"unit": "t", "up_mw": 5, "down_mw": 5, "previous_mw": 0}],
    )
    assert "unit 't' must ramp 15.00 MW up beyond its limit" in reason(grid_of(LINE), book)


def test_a_market_without_orders_is_infeasible_in_both_forms():
    for form in ("angle", "ptdf"):
        with pytest.raises(InfeasibleError, match=r"left with a surplus of 10\.00 MW"):
            NodalMarket(grid_of(LINE), form=form).clear(book_of(fixed={"a": -10}))


def test_a_shortage_says_what_limits_add_to_it():
    """Offers are 180 MW below demand, and 30 MW of them cannot pass the line."""
    book = book_of(sell("s", "a", 130, 10), sell("t", "b", 20, 10), fixed={"a": 0, "b": 330})
    message = reason(grid_of(("a", "b", 0.1, 100.0)), book)
    assert "short of 210.00 MW (fixed demand 330.00 MW, offers 150.00 MW)" in message
    assert (
        "180.00 MW on the whole, and 30.00 MW more because branch 'L0' is at its limit of 100.00 MW"
        in message
    )


def test_a_long_book_is_refused_by_its_peak_and_says_what_was_not_looked_at():
    load = np.full(30, 90.0)
    load[[4, 7, 20, 21]] = 101.0, 104.0, 130.0, 102.0
    book = book_of(
        sell("s", "a", 100, 10), periods=30,
        fixed=[{"bus": "a", "mw": mw, "period": t} for t, mw in enumerate(load.tolist())],
    )  # fmt: skip
    message = reason(grid_of(("a", "b", 0.1, 50.0)), book)
    for period, mw in ((7, 4), (20, 30), (21, 2)):
        assert f"period {period}: the market as a whole is short of {mw}.00 MW" in message
    assert "period 4" not in message
    assert "27 of 30 periods, of no greater demand, were not looked at" in message
