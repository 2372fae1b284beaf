"""Law 5: intervals of supporting prices, the three rules, and buses without a price."""

import numpy as np
import pytest
from hypothesis import assume, given, settings

from clearing import ClearingError, InfeasibleError, InputError, NodalMarket, UnboundedError
from clearing.optimum import find_optimum
from clearing.pricing.exact import lexicographic
from networks import Grid
from tests.support.random_books import instances
from tests.support.reference_solver import Reference
from tests.support.small import book_of, buy, clear, grid_of, interval, prices, same, sell, three_node

ONE = grid_of(buses=["A"])
INF = np.inf


def rules(grid, book, bus="A"):
    return [prices(clear(grid, book, price_rule=rule))[bus] for rule in ("low", "canonical", "high")]


def test_supply_exhausted_exactly_leaves_an_interval():
    book = book_of(sell("s1", "A", 10, 10), sell("s2", "A", 10, 20), fixed={"A": 10})
    out = clear(ONE, book)
    assert interval(out, "A") == pytest.approx((10, 20))
    assert not out.unique_prices
    assert rules(ONE, book) == pytest.approx([10, 15, 20])


def test_interval_between_the_last_bid_and_the_first_offer_refused():
    book = book_of(
        sell("s", "A", 10, 10), sell("t", "A", 10, 28), buy("b", "A", 10, 30), buy("c", "A", 10, 14)
    )
    assert interval(clear(ONE, book), "A") == pytest.approx((14, 28))
    assert rules(ONE, book) == pytest.approx([14, 21, 28])


def test_interval_without_upper_end_uses_the_lower_one():
    book = book_of(sell("s1", "A", 10, 10), fixed={"A": 10})
    assert interval(clear(ONE, book), "A") == (pytest.approx(10), INF)
    assert rules(ONE, book) == pytest.approx([10, 10, 10])


def test_interval_without_lower_end_uses_the_upper_one():
    book = book_of(sell("s1", "A", 10, 10))
    assert interval(clear(ONE, book), "A") == (-INF, pytest.approx(10))
    assert rules(ONE, book) == pytest.approx([10, 10, 10])


def test_no_order_no_price():
    out = clear(ONE, book_of())
    assert interval(out, "A") == (-INF, INF)
    assert np.isnan(out.lmp).all()
    assert not out.priced.any()


def test_indivisible_orders_alone_leave_no_price():
    out = clear(ONE, book_of(sell("s", "A", 10, 10, min_mw=10), fixed={"A": 10}))
    assert interval(out, "A") == (-INF, INF)
    assert not out.priced.any()


def test_unpriced_island_leaves_the_others_priced():
    """An island without orders and with a closed line, beside one with a binding line and an interval."""
    grid = grid_of(("A", "B", 0.1, 0), ("C", "D", 0.1, 10), ("E", "F", 0.1, 0))
    for bus in ("A", "B"):
        book = book_of(sell("c", "C", 20, 10), sell("d", "D", 5, 20), fixed={"D": 15, bus: 0})
        out = clear(grid, book)
        assert prices(out)["C"] == pytest.approx(10)
        assert prices(out)["D"] >= 20 - 1e-9
        assert [bool(p) for p in out.priced[:, 0]] == [False, False, True, True, False, False]


def test_one_dimensional_face_of_the_three_node_system():
    grid, book = three_node()
    out = clear(grid, book)
    for bus, ends in {"1": (6, 8), "2": (6, 9), "3": (6, 8)}.items():
        assert interval(out, bus) == pytest.approx(ends)
    assert prices(clear(grid, book, price_rule="low")) == pytest.approx({"1": 6, "2": 6, "3": 6})
    assert prices(clear(grid, book, price_rule="high")) == pytest.approx({"1": 6, "2": 9, "3": 8})
    assert prices(out) == pytest.approx({"1": 6, "2": 7.5, "3": 7})


def test_the_choice_of_reference_bus_decides_nothing():
    """A bus behind a closed line, first and last in the list: the same price."""
    orders = sell("b", "B", 10, 10), sell("c", "C", 10, 20)
    lines = (("A", "B", 0.1, 0), ("B", "C", 0.1))
    first = clear(grid_of(*lines, buses=["A", "B", "C"]), book_of(*orders))
    last = clear(grid_of(*lines, buses=["B", "C", "A"]), book_of(*orders))
    assert prices(first) == pytest.approx(prices(last), nan_ok=True)
    assert prices(last)["B"] == pytest.approx(10)
    for bus in "ABC":
        assert interval(first, bus) == pytest.approx(interval(last, bus))


def test_bus_behind_two_closed_lines_with_an_unbounded_price():
    """HiGHS's presolve calls one of the interval's programmes infeasible; it is unbounded."""
    lines = ("N0", "N2", 0.2), ("N1", "N3", 0.1, 0), ("N0", "N4", 0.2, 0), ("N3", "N0", 0.1, 0)
    book = book_of(
        buy("O0", "N0", 30, 20),
        sell("O1", "N1", 10, 20, slope=0.5),
        sell("O2", "N3", 10, 10),
        buy("O3", "N4", 30, 20),
        buy("O4", "N1", 10, 0, slope=0.5),
        sell("O5", "N1", 10, 0, slope=1),
        sell("O6", "N2", 30, -5, slope=0.1),
        buy("O7", "N4", 2, 1000),
        fixed={"N1": 1},
    )
    out = clear(grid_of(*lines, buses=[f"N{k}" for k in range(5)]), book)
    assert interval(out, "N1") == pytest.approx((1, 1))
    assert interval(out, "N4") == (pytest.approx(1000), INF)
    assert interval(out, "N3") == (-INF, pytest.approx(10))


def test_end_of_an_interval_on_the_edge_of_a_cone():
    """Price directions are followed unrounded: a direction off by 1e-10 would leave the face for −inf."""
    lines = (
        ("N1", "N2", 0.1),
        ("N2", "N3", 0.1, 0),
        ("N3", "N4", 0.4, 5),
        ("N0", "N5", 0.1, 10),
        ("N5", "N2", 0.2, 50),
        ("N3", "N4", -0.5, 0),
        ("N2", "N1", 0.1),
    )
    book = book_of(
        buy("O0", "N0", 1, 10),
        sell("O1", "N1", 30, 10),
        buy("O2", "N4", 20, 0, period=1),
        sell("O3", "N1", 5, 0, period=1),
        sell("O4", "N0", 0, -5, period=1),
        sell("O5", "N2", 5, 0),
        *(buy(f"lost {bus}", bus, mw, 1000) for bus, mw in (("N0", 20), ("N4", 5))),
        periods=2,
        fixed={"N0": 1},
        ramps=[
            {"unit": "O1", "up_mw": 0, "down_mw": 0},
            {"unit": "O3", "up_mw": 10, "down_mw": 0},
            {"unit": "O4", "down_mw": 10, "previous_mw": 5},
        ],
    )
    out = clear(grid_of(*lines, buses=[f"N{k}" for k in range(6)]), book)
    for period in (0, 1):
        assert interval(out, "N4", period) == (pytest.approx(1000), INF)
        assert interval(out, "N3", period) == (-INF, INF)


def test_parallel_lines_of_no_capacity():
    lines = (("A", "B", 0.1, 0), ("A", "B", 0.2, 0), ("B", "C", 0.1))
    book = book_of(sell("a", "A", 10, 10), sell("b", "B", 10, 20), fixed={"A": 4, "C": 5})
    for buses in (["A", "B", "C"], ["C", "B", "A"]):
        out = clear(grid_of(*lines, buses=buses), book)
        assert prices(out) == pytest.approx({"A": 10, "B": 20, "C": 20})
        # b₁·μ₁ + b₂·μ₂ is fixed, so the least norm Σ b·μ² gives both lines the same shadow price
        assert out.flows["shadow_price"].to_numpy()[:2] == pytest.approx([10, 10])


def test_a_ramp_that_binds_leaves_an_interval():
    book = book_of(
        sell("slow", "A", 100, 10),
        sell("fast", "A", 100, 50),
        fixed={"A": 30},
        ramps=[{"unit": "slow", "up_mw": 20, "previous_mw": 10}],
    )
    out = clear(ONE, book)
    assert interval(out, "A") == pytest.approx((10, 50))
    assert prices(out)["A"] == pytest.approx(30)


def test_link_at_its_end_separates_prices():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        links=[{"link": "K", "from_bus": "A", "to_bus": "B", "min_mw": 0, "max_mw": 10}],
    )
    out = clear(grid, book_of(sell("a", "A", 10, 10), sell("b", "B", 10, 30), fixed={"B": 10}))
    assert interval(out, "A") == (pytest.approx(10), pytest.approx(30))
    assert interval(out, "B") == (pytest.approx(10), pytest.approx(30))


def test_intervals_cost_nothing_until_asked_for():
    out = clear(ONE, book_of(sell("s1", "A", 10, 10), sell("s2", "A", 10, 20), fixed={"A": 10}))
    assert "intervals" not in vars(out)
    assert out.intervals[0] is out.intervals[0]


@settings(max_examples=60)
@given(instances(periods=(2, 4), most=6))
def test_points_of_a_face_are_those_of_the_stages_on_all_its_duals(case):
    """Directions and chains against the definition: least worth, then least norm, over every dual at once."""
    grid, book = case
    market = NodalMarket(grid)
    prepared = market.prepare(book)
    try:
        found = find_optimum(
            prepared.structure, prepared.numbers, market.compiled(prepared.structure), "low", 60.0
        )
    except ClearingError:
        assume(False)
    for part in found.face.components:
        worth, none = found.face.worth[part.columns], np.zeros(len(part.columns))
        weights = found.face.norm_weights[part.columns] / found.face.norm_weights.max(initial=1e-6)
        for sign in (1.0, -1.0):
            if part.idle:
                continue
            point = part.extreme(sign)
            try:
                expected = lexicographic(part.program, [(sign * worth, none), (none, weights)]).x
            except UnboundedError:
                assert point is None
                continue
            assert point == pytest.approx(expected, abs=1e-7 * (1 + np.abs(expected).max()))


def duals(out, rule_out):
    place = {unit: k for k, unit in enumerate(rule_out.ramp_units)}
    none = np.zeros(out.book.periods)
    ramps = [rule_out.ramp_dual[place[u]] if u in place else none for u in out.book.ramp_units]
    parts = [rule_out.lmp.ravel(), rule_out.flow_dual.ravel(), *ramps]
    return np.concatenate(parts)


@given(instances(most=6))
def test_random_faces_agree_with_linear_programmes(case):
    """Every interval against two LPs per bus; every rule against the ends of the weighted price."""
    grid, book = case
    try:
        out = clear(grid, book)
    except (InfeasibleError, InputError):
        assume(False)
    face = Reference(grid, book).dual_face(out.accepted_mw, out.link_mw)
    low, high = face.intervals()
    scale = face.reference.price_scale
    assert np.allclose(out.intervals[0], low, rtol=0, atol=1e-5 * scale)
    assert np.allclose(out.intervals[1], high, rtol=0, atol=1e-5 * scale)
    inside = (out.lmp >= low - 1e-6 * scale) & (out.lmp <= high + 1e-6 * scale)
    assert (inside | ~out.priced).all()
    ends = face.weighted_ends()
    for rule in ("low", "high", "canonical"):
        other = out if rule == "canonical" else NodalMarket(grid, price_rule=rule).clear(book)
        assert np.array_equal(other.accepted_mw, out.accepted_mw)
        if other.priced.all():
            assert face.holds(duals(out, other))
        for part, (least, most) in ends.items():
            chosen = face.part == part
            finite = [end for end in (least, most) if np.isfinite(end)]
            if not finite:
                assert not other.priced[chosen].any()
                continue
            wanted = {"low": finite[0], "high": finite[-1], "canonical": np.mean(finite)}[rule]
            weighted = float((face.weights * other.lmp)[chosen].sum())
            assert weighted == pytest.approx(wanted, abs=1e-5 * scale * (1 + face.weights[chosen].sum()))


@given(instances(most=6))
def test_random_canonical_prices_are_the_midpoint(case):
    grid, book = case
    try:
        low, high, mid = (
            NodalMarket(grid, price_rule=rule).clear(book) for rule in ("low", "high", "canonical")
        )
    except (InfeasibleError, InputError):
        assume(False)
    assert same(mid.lmp, (low.lmp + high.lmp) / 2)
    assert same(mid.flow_dual, (low.flow_dual + high.flow_dual) / 2)
    assert same(mid.ramp_dual, (low.ramp_dual + high.ramp_dual) / 2)
