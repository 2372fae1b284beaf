"""Law 4: among optimal dispatches, the most accepted demand, then pro rata, then least use of links."""

import numpy as np
import pytest
from scipy import optimize

from clearing import NodalMarket
from clearing.pricing.exact import Point
from clearing.pricing.reduced import Limits, Reduced
from clearing.pricing.ties import share_ties
from clearing.structure import Numbers, Structure
from clearing.tolerances import TIE_WIDTH
from networks import Grid
from tests.support.small import accepted, book_of, buy, clear, grid_of, prices, sell

ONE = grid_of(buses=["A"])


def test_equal_offers_share_pro_rata():
    out = clear(ONE, book_of(sell("s1", "A", 30, 10), sell("s2", "A", 10, 10), fixed={"A": 20}))
    assert accepted(out) == pytest.approx({"s1": 15, "s2": 5})


def test_equal_bids_share_pro_rata():
    out = clear(ONE, book_of(sell("s", "A", 20, 10), buy("b1", "A", 30, 50), buy("b2", "A", 10, 50)))
    assert accepted(out) == pytest.approx({"s": 20, "b1": 15, "b2": 5})


def test_a_trade_of_no_gain_takes_place():
    out = clear(ONE, book_of(sell("s", "A", 20, 10), buy("b", "A", 30, 10)))
    assert accepted(out) == pytest.approx({"s": 20, "b": 20})
    assert out.welfare == 0


def test_largest_demand_comes_before_equal_shares():
    """Two tied buyers behind a full line and one before it: the most demand, then pro rata."""
    grid = grid_of(("A", "B", 0.1, 5))
    out = clear(grid, book_of(sell("s", "A", 12, 10), buy("near", "A", 10, 10), buy("far", "B", 10, 10)))
    assert accepted(out) == pytest.approx({"s": 12, "near": 7, "far": 5})


def test_minimum_output_counts_into_the_share():
    # s1 + s2 = 20 minimising s1²/20 + s2²/20 with s1 ≥ 15
    out = clear(ONE, book_of(sell("s1", "A", 20, 10, min_mw=15), sell("s2", "A", 20, 10), fixed={"A": 20}))
    assert accepted(out) == pytest.approx({"s1": 15, "s2": 5})


def test_orders_of_no_size_do_not_count():
    out = clear(
        ONE,
        book_of(sell("s0", "A", 0, 10), sell("s1", "A", 30, 10), sell("s2", "A", 10, 10), fixed={"A": 20}),
    )
    assert accepted(out) == pytest.approx({"s0": 0, "s1": 15, "s2": 5})


def test_tiny_and_huge_orders_share():
    out = clear(ONE, book_of(sell("s1", "A", 1e6, 10), sell("s2", "A", 1e-3, 10), fixed={"A": 500000.0005}))
    got = accepted(out)
    assert got["s1"] == pytest.approx(5e5, rel=1e-9)
    assert got["s2"] == pytest.approx(5e-4, rel=1e-3)


def test_line_limit_on_the_tie_face_by_hand():
    # without the line 15 : 15; with it a ≤ 12, so b = 18
    grid = grid_of(("A", "B", 0.1, 12))
    out = clear(grid, book_of(sell("a", "A", 30, 10), sell("b", "B", 30, 10), fixed={"B": 30}))
    assert accepted(out) == pytest.approx({"a": 12, "b": 18})
    assert prices(out) == pytest.approx({"A": 10, "B": 10})
    assert out.flows.loc[("L0", 0), "shadow_price"] == pytest.approx(0, abs=1e-9)


def test_several_lines_bind_one_after_the_other():
    # a star: three equal sellers with lines of 4, 6 and none, 30 MW at the hub: 4, 6, 20
    grid = grid_of(("A", "H", 0.1, 4), ("B", "H", 0.1, 6), ("C", "H", 0.1))
    out = clear(grid, book_of(*(sell(b, b, 30, 10) for b in "ABC"), fixed={"H": 30}))
    assert accepted(out) == pytest.approx({"A": 4, "B": 6, "C": 20})


def test_ties_in_a_mesh_solve_the_quadratic_programme():
    # f_AB = (a − b)/3 ≤ 2 with a + b = 30: sharing 20 : 10 would need 10/3, so a = 18, b = 12
    grid = grid_of(("A", "B", 0.1, 2), ("B", "C", 0.1), ("A", "C", 0.1))
    out = clear(grid, book_of(sell("a", "A", 40, 10), sell("b", "B", 20, 10), fixed={"C": 30}))
    assert accepted(out) == pytest.approx({"a": 18, "b": 12})


def test_links_are_used_least():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        links=[
            {"link": "K1", "from_bus": "A", "to_bus": "B", "min_mw": -30, "max_mw": 30},
            {"link": "K2", "from_bus": "A", "to_bus": "B", "min_mw": -10, "max_mw": 10},
        ],
    )
    out = clear(grid, book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 10), fixed={"A": 8, "B": 24}))
    # orders first: 16 each, so 8 MW have to move; then pro rata to the links' ranges
    assert accepted(out) == pytest.approx({"a": 16, "b": 16})
    assert out.link_mw[:, 0] == pytest.approx([6, 2])


def test_idle_links_rest_at_the_smallest_admissible_flow():
    grid = Grid.from_tables(
        buses=[{"bus": "A"}, {"bus": "B"}],
        branches=[{"branch": "L", "from_bus": "A", "to_bus": "B", "x_pu": 0.1}],
        links=[{"link": "K", "from_bus": "A", "to_bus": "B", "min_mw": 2, "max_mw": 30}],
    )
    assert clear(grid, book_of(sell("a", "A", 100, 10), fixed={"B": 20})).link_mw[0, 0] == pytest.approx(2)


def test_sloped_orders_are_not_tied():
    out = clear(ONE, book_of(sell("s1", "A", 30, 10, slope=0.1), sell("s2", "A", 10, 10), fixed={"A": 20}))
    assert accepted(out) == pytest.approx({"s1": 10, "s2": 10})
    out = clear(
        ONE,
        book_of(
            sell("s1", "A", 30, 9, slope=0.1),
            sell("s2", "A", 10, 10),
            sell("s3", "A", 30, 10),
            fixed={"A": 30},
        ),
    )
    assert accepted(out) == pytest.approx({"s1": 10, "s2": 5, "s3": 15})


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_splitting_an_order_splits_its_share(parts):
    whole = clear(ONE, book_of(sell("s1", "A", 30, 10), sell("s2", "A", 10, 10), fixed={"A": 20}))
    pieces = [sell(f"s1-{k}", "A", 30 / parts, 10, unit="s1") for k in range(parts)]
    split = accepted(clear(ONE, book_of(*pieces, sell("s2", "A", 10, 10), fixed={"A": 20})))
    assert split["s2"] == pytest.approx(accepted(whole)["s2"], abs=1e-9)
    assert [split[f"s1-{k}"] for k in range(parts)] == pytest.approx([15 / parts] * parts, abs=1e-9)


def test_ties_over_periods_with_ramps():
    # the unit that may move by 2 MW per period shares 5, then 7; the other takes the rest
    book = book_of(
        sell("slow", "A", 50, 10),
        sell("quick", "A", 50, 10),
        periods=2,
        fixed=[{"bus": "A", "mw": 10, "period": 0}, {"bus": "A", "mw": 30, "period": 1}],
        ramps=[{"unit": "slow", "up_mw": 2, "down_mw": 2}],
    )
    got = accepted(clear(ONE, book))
    # minimise s0² + (10−s0)² + s1² + (30−s1)² with s1 = s0 + 2: s0 = 9, s1 = 11
    assert [got["slow", t] for t in range(2)] == pytest.approx([9, 11])


def test_many_equal_orders_share_to_rounding():
    offers = [sell(f"s{k}", "A", 1 + k % 7, 10) for k in range(300)]
    total = sum(o["mw"] for o in offers)
    out = clear(ONE, book_of(*offers, fixed={"A": total / 3}))
    assert out.accepted_mw == pytest.approx(np.array([o["mw"] for o in offers]) / 3, abs=1e-9)


@pytest.mark.parametrize("level", [0.4, 30.0, 2500.0])
@pytest.mark.parametrize("widths", [1e-6, 1e-3, 0.1, 0.7, 1.4, 10.0, 1e3, 1e6])
def test_near_ties_share_within_the_tie_width_alone(level, widths):
    """Two offers of 60 MW for a bid of 60 MW at 1.6 times their price, `widths` tie widths apart."""
    gap = widths * TIE_WIDTH * 1.6 * level
    book = book_of(
        sell("s1", "A", 60, level), sell("s2", "A", 60, level + gap), buy("b", "A", 60, 1.6 * level)
    )
    expected = [30, 30, 60] if widths < 1 else [60, 0, 60]
    assert clear(ONE, book).accepted_mw == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("offered", [120.0, 1e6, 1e9, 1e10])
def test_prices_beyond_what_can_be_traded_widen_no_tie(offered):
    """An unlimited sloped offer states prices that no trade meets: 30.00 and 30.01 stay apart beside it."""
    book = book_of(
        sell("sloped", "A", offered, 25, slope=0.05), sell("a", "A", 100, 30), sell("b", "A", 100, 30.01),
        buy("d", "A", 110, 40), fixed={"A": 40},
    )  # fmt: skip
    market = NodalMarket(ONE).prepare(book)
    numbers = market.numbers
    batch = market.clear_many(numbers.price[None])
    found = np.stack([clear(ONE, book).accepted["accepted_mw"].to_numpy(), batch.accepted[0]])
    assert batch.certified.all()
    assert batch.fallbacks == 0
    np.testing.assert_allclose(found, [[100, 50, 0, 110]] * 2, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("factor", [1.0, 1e4])
def test_the_tie_width_depends_on_no_unit(unit, factor):
    """Offers 1.2 widths apart are told apart, and 0.8 widths share, in $ or cents, kW or GW."""
    price = np.array([20.0, 20.0 + 0.8 * TIE_WIDTH * 50, 20.0 + 2.4 * TIE_WIDTH * 50, 50.0]) * factor
    rows = [sell(f"s{k}", "A", 40 * unit, price[k]) for k in range(3)]
    book = book_of(*rows, buy("b", "A", 50 * unit, price[3]))
    assert clear(ONE, book).accepted_mw / unit == pytest.approx([25, 25, 0, 50], abs=1e-9)


@pytest.mark.parametrize("slope", [0.03, 0.3, 3.0])
@pytest.mark.parametrize("gap", [1e-4, 1e-6])
def test_sloped_orders_beside_near_ties_are_exact(slope, gap):
    """The bid takes (80 − 50) / slope MW at the price of the first offer, or of the second beyond it."""
    most = 30.0 / slope
    rows = [sell("s1", "A", 0.6 * most, 50), sell("s2", "A", most, 50 + gap)]
    got = clear(ONE, book_of(*rows, buy("b", "A", 2 * most, 80, slope=slope)))
    bought = (80 - 50 - gap) / slope
    assert got.accepted_mw == pytest.approx([0.6 * most, bought - 0.6 * most, bought], abs=1e-8 * most)
    assert prices(got)["A"] == pytest.approx(50 + gap, abs=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_near_ties_in_a_mesh_are_least_cost_and_shared(seed):
    """Prices on a grid of 10 $ but for 1e-4, 1e-6 or 1e-10: told apart as exactly as linear programmes can,
    or shared as if they were equal."""
    book, equal = near_ties(seed, 1e-10), near_ties(seed, 0.0)
    grid = meshed(seed)
    assert clear(grid, book).accepted_mw == pytest.approx(clear(grid, equal).accepted_mw, abs=1e-6)
    for gap in (1e-4, 1e-6):
        apart = near_ties(seed, gap)
        found = clear(grid, apart)
        factors = (
            grid.flow.ptdf_rows(np.arange(len(grid.branches)))[
                :, [grid.bus_position[b] for b in apart.order_bus]
            ]
            * apart.side
        )
        cost = apart.side * apart.price
        base = optimize.linprog(
            cost,
            np.vstack([factors, -factors]),
            np.tile(grid.limit_mw, 2),
            apart.side[None, :],
            [0.0],
            bounds=np.column_stack([np.zeros(len(cost)), apart.mw]),
            options={"dual_feasibility_tolerance": 1e-10},
        )
        assert float(cost @ found.accepted_mw) <= base.fun + 1e-9 * abs(base.fun)


def meshed(seed: int) -> Grid:
    rng = np.random.default_rng(seed)
    ends = [(k, (k + 1) % 7) for k in range(7)] + [(0, 3), (2, 5)]
    return grid_of(*((a, b, rng.uniform(0.05, 0.3), rng.uniform(30, 90)) for a, b in ends))


def near_ties(seed: int, gap: float):
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(10):
        at, away = rng.integers(7, size=2).tolist(), gap * rng.integers(0, 4, 2)
        rows.append(sell(f"s{k}", at[0], rng.uniform(20, 110), 10.0 * rng.integers(2, 6) + away[0]))
        rows.append(buy(f"b{k}", at[1], rng.uniform(20, 110), 10.0 * rng.integers(3, 8) + away[1]))
    return book_of(*rows)


@pytest.mark.parametrize("seed", [6, 12, 16, 22, 50])
def test_a_link_that_the_binding_line_feels_by_rounding_alone_is_free_to_stay_idle(seed: int) -> None:
    """A loop of a link and two lines in which nothing is traded: whatever flow the solver left there goes."""
    x = np.random.default_rng(seed).uniform(0.1, 0.4, 3)
    grid = Grid.from_tables(
        [{"bus": bus} for bus in "abcd"],
        [
            {"branch": a + b, "from_bus": a, "to_bus": b, "x_pu": x[k], "limit_mw": (None, None, 21.7)[k]}
            for k, (a, b) in enumerate(["ab", "ac", "cd"])
        ],
        links=[{"link": "bc", "from_bus": "b", "to_bus": "c", "min_mw": -3.0, "max_mw": 11.0}],
    )
    book = book_of(
        sell("near", "c", 60.0, 20.0, slope=0.2), sell("far", "d", 60.0, 40.0, slope=0.3), fixed={"d": 33.0}
    )
    structure = Structure.of(book, grid)
    reduced = Reduced(structure, Numbers.of(book, structure))
    limits = Limits(np.array([[0, 0]]), np.zeros((0, 2), dtype=np.int64))
    program = reduced.program(limits)
    found = np.array([21.7, 11.3, 4.0]) / reduced.quantity
    gradient = program.cost + program.curvature * found
    matrix = program.matrix.toarray()
    assert 0.0 < np.abs(matrix[1, 2]) < 1e-14
    dual = np.linalg.solve(matrix[:, :2].T, gradient[:2])
    point = Point(found, dual, gradient - matrix.T @ dual)
    assert share_ties(reduced, limits, program, point) * reduced.quantity == pytest.approx([21.7, 11.3, 0.0])


@pytest.mark.parametrize("short", [0.0, 1e-9, 1e-7, 3e-6, 1e-4])
@pytest.mark.parametrize("periods", [1, 2])
def test_a_bid_may_end_just_inside_its_bound_beside_a_link(short, periods):
    """The sale at 12 + 0.25 x meets the bid at 17 − short/4 where 20 − short MW are sold, 14 fixed."""
    grid = grid_of(
        ("A", "B", 0.1), links=[{"link": "k", "from_bus": "A", "to_bus": "B", "min_mw": -4.0, "max_mw": 4.0}]
    )
    rows = [sell("s", "A", 33, 12, slope=0.25), buy("b", "B", 6, 17 - short / 4)]
    out = clear(grid, book_of(*rows, fixed={"B": 14}, periods=periods))
    assert out.accepted_mw == pytest.approx([20 - short] * periods + [6 - short] * periods, abs=1e-9)
