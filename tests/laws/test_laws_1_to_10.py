"""Laws 1, 2, 6, 7, 8, 9, 10 as invariants of random books, and the economics that follow.

Law 3 has a file of its own; laws 4, 5, 6 and 11 are tested in tests/clearing: test_ties, test_prices,
test_certificate and test_book.
"""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket
from networks import Grid
from tests.support.random_books import grids, instances
from tests.support.small import accepted, book_of, clear, grid_of, prices, same, sell


def cleared(grid, book, **options):
    try:
        return NodalMarket(grid, **options).clear(book)
    except (InfeasibleError, InputError):
        assume(False)


def scaled_grid(grid: Grid, mw: float) -> Grid:
    return replace(
        grid,
        shunt_mw=grid.shunt_mw * mw,
        limit_mw=grid.limit_mw * mw,
        link_min_mw=grid.link_min_mw * mw,
        link_max_mw=grid.link_max_mw * mw,
        base_mva=grid.base_mva * mw,
    )


def scaled_book(book: Book, mw: float = 1.0, money: float = 1.0) -> Book:
    return replace(
        book,
        mw=book.mw * mw,
        min_mw=book.min_mw * mw,
        fixed_mw=book.fixed_mw * mw,
        ramp_up_mw=book.ramp_up_mw * mw,
        ramp_down_mw=book.ramp_down_mw * mw,
        previous_mw=book.previous_mw * mw,
        price=book.price * money,
        slope=book.slope * money / mw,
    )


class TestLaw1Units:
    @given(instances(most=5), st.sampled_from([1e-6, 1e6, 3.0, 1e-3]))
    def test_money(self, case, k):
        grid, book = case
        first, second = cleared(grid, book), cleared(grid, scaled_book(book, money=k))
        assert same(first.accepted_mw, second.accepted_mw)
        assert same(first.lmp, second.lmp / k)
        assert second.welfare / k == pytest.approx(first.welfare, rel=1e-9, abs=1e-9)

    @given(instances(most=5), st.sampled_from([1e-6, 1e6, 3.0, 1e-3]))
    def test_quantity(self, case, k):
        grid, book = case
        first, second = cleared(grid, book), cleared(scaled_grid(grid, k), scaled_book(book, mw=k))
        assert same(first.accepted_mw, second.accepted_mw / k)
        assert same(first.flow_mw, second.flow_mw / k)
        assert same(first.lmp, second.lmp)

    @settings(max_examples=20)
    @given(instances(most=5))
    def test_hours_scale_money_not_prices(self, case):
        grid, book = case
        first, half = cleared(grid, book), cleared(grid, replace(book, hours=book.hours / 2))
        assert np.array_equal(first.lmp, half.lmp, equal_nan=True)
        assert np.array_equal(first.accepted_mw, half.accepted_mw)
        assert half.welfare == pytest.approx(first.welfare / 2, rel=1e-12)
        assert half.cost == pytest.approx(first.cost / 2, rel=1e-12)
        assert same(first.flows["rent"], 2 * half.flows["rent"])

    def test_columns_carry_their_unit(self):
        out = clear(grid_of(("A", "B", 0.1, 5)), book_of(sell("s", "A", 9, 10), fixed={"B": 3}))
        assert list(out.prices.columns) == ["lmp", "lmp_low", "lmp_high", "energy", "congestion"]
        assert {"offered_mw", "accepted_mw", "price"} <= set(out.accepted.columns)
        assert list(out.flows.columns)[:3] == ["flow_mw", "limit_mw", "shadow_price"]


class TestLaw2Signs:
    @settings(max_examples=30)
    @given(instances(most=5), st.integers(0, 5))
    def test_price_is_the_cost_of_one_more_mw(self, case, which):
        """Finite differences lie between the ends of the interval, to both sides."""
        grid, book = case
        out = cleared(grid, book)
        bus = grid.buses[which % len(grid.buses)]
        low, high = (float(a[which % len(grid.buses), 0]) for a in out.intervals)
        step = 1e-3
        for sign, end in ((1, high), (-1, low)):
            more = replace(
                book,
                fixed_bus=(*book.fixed_bus, bus),
                fixed_mw=np.append(book.fixed_mw, sign * step),
                fixed_period=np.append(book.fixed_period, 0),
            )
            try:
                other = NodalMarket(grid).clear(more)
            except (InfeasibleError, InputError):
                continue
            per_mw = -(other.welfare - out.welfare) / book.hours / (sign * step)
            slack = 1e-3 * (1 + book.slope.max(initial=0)) + 1e-5 * (1 + abs(per_mw))
            assert per_mw >= low - slack if sign > 0 else per_mw <= high + slack
            if np.isfinite(end):
                assert per_mw == pytest.approx(end, abs=max(slack, 1e-2)) or (
                    per_mw >= high - slack if sign > 0 else per_mw <= low + slack
                )

    @settings(max_examples=20)
    @given(instances(most=5))
    def test_energy_is_the_load_weighted_mean(self, case):
        grid, book = case
        out = cleared(grid, book)
        frame = out.prices
        assert same(frame["lmp"], frame["energy"] + frame["congestion"])
        weights = out.demand_weights
        for island in range(grid.flow.islands):
            chosen = grid.flow.island == island
            for t in range(book.periods):
                if out.priced[chosen, t].all():
                    mean = np.average(out.lmp[chosen, t], weights=weights[chosen, t])
                    assert out.energy[chosen, t] == pytest.approx(mean, rel=1e-9, abs=1e-9)


class TestEconomics:
    @given(instances(most=5, ramps=False))
    def test_no_order_loses_at_its_price(self, case):
        """Q2: accepted beyond its minimum, an order gains; refused, it would not."""
        grid, book = case
        out = cleared(grid, book)
        rows = book.column_row
        lmp = out.column_price
        side, x = book.side[rows], out.accepted_mw
        gain = side * (lmp - book.price[rows]) - book.slope[rows] * x
        priced = np.isfinite(lmp)
        tolerance = 1e-5 * (1 + np.abs(book.price).max())
        room = 1e-6 * (1 + book.mw.max())
        assert (gain[priced & (x > book.min_mw[rows] + room)] >= -tolerance).all()
        assert (gain[priced & (x < book.mw[rows] - room)] <= tolerance).all()

    @given(instances(most=5, slopes=False), st.integers(0, 6), st.sampled_from([1.0, 10.0, 40.0]))
    def test_monotone_orders_and_limits(self, case, which, more):
        """Q1: a higher bid clears no less, a higher offer no more; looser limits never lower welfare."""
        grid, book = case
        k = which % len(book.orders)
        out = cleared(grid, book)
        price = book.price.copy()
        price[k] += more
        dearer = cleared(grid, replace(book, price=price))
        before, after = (o.accepted_mw[book.column_row == k].sum() for o in (out, dearer))
        assert after >= before - 1e-7 if book.side[k] < 0 else after <= before + 1e-7
        wider = cleared(grid.with_settings(limit_mw=grid.limit_mw * 1.5 + 1), book)
        assert wider.welfare >= out.welfare - 1e-6 * (1 + abs(out.welfare))


class TestLaw7Ramps:
    @settings(max_examples=25)
    @given(grids(), st.data())
    def test_separable_periods_are_single_periods(self, grid, data):
        from tests.support.random_books import books

        book = data.draw(books(grid, periods=(2, 3), ramps=False))
        assume(book.periods > 1)
        out = cleared(grid, book)
        frame, fixed = book.orders_frame, book.fixed_frame
        for t in range(book.periods):
            now = frame[frame["period"].isna() | (frame["period"] == t)].drop(columns="period")
            then = fixed[fixed["period"].isna() | (fixed["period"] == t)].drop(columns="period")
            one = cleared(grid, Book.from_tables(now, hours=book.hours, fixed=then))
            assert same(out.lmp[:, [t]], one.lmp)
            assert same(out.accepted_mw[book.column_period == t], one.accepted_mw)

    @settings(max_examples=20)
    @given(instances(ramps=False, most=5))
    def test_infinite_ramps_are_none(self, case):
        grid, book = case
        units = tuple(dict.fromkeys(book.units))
        none = np.full(len(units), np.inf)
        with_ramps = replace(
            book, ramp_units=units, ramp_up_mw=none, ramp_down_mw=none, previous_mw=np.zeros(len(units))
        )
        first, second = cleared(grid, book), cleared(grid, with_ramps)
        assert np.array_equal(first.lmp, second.lmp, equal_nan=True)
        assert np.array_equal(first.accepted_mw, second.accepted_mw)
        assert second.notes == ()

    def test_unknown_previous_output_leaves_the_first_period_free_and_says_so(self):
        book = book_of(sell("s", "A", 90, 10), fixed={"A": 50}, ramps=[{"unit": "s", "up_mw": 5}])
        out = clear(grid_of(buses=["A"]), book)
        assert accepted(out) == pytest.approx({"s": 50})
        assert out.notes == (
            "unit 's' with ramp limits have no previous output: period 0 is free for them",
        ) or ("'s'" in out.notes[0] and "period 0 is free" in out.notes[0])

    def test_previous_output_can_be_demanded(self):
        book = book_of(sell("s", "A", 90, 10), fixed={"A": 50}, ramps=[{"unit": "s", "up_mw": 5}])
        with pytest.raises(
            InputError, match=r"table 'ramps', unit 's': column 'previous_mw' is missing; give"
        ):
            clear(grid_of(buses=["A"]), book, require_previous=True)


class TestLaw8Physics:
    def grid(self, convention):
        rows = [
            {"branch": "a", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "r_pu": 0.1, "tap": 2.0},
            {"branch": "b", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "shift_degree": np.rad2deg(0.01)},
        ]
        return Grid.from_tables([{"bus": "A"}, {"bus": "B"}], rows, convention=convention)

    @pytest.mark.parametrize(
        ("convention", "flows"), [("matpower", (15 + 10 / 3, 30 - 10 / 3)), ("powermodels", (15, 30))]
    )
    def test_conventions(self, convention, flows):
        """b = 1/(x·tap) with shifters, or x/(r² + x²) without either."""
        out = clear(self.grid(convention), book_of(sell("s", "A", 100, 10), fixed={"B": 45}))
        assert out.flow_mw[:, 0] == pytest.approx(flows)

    def test_constant_costs_are_in_cost_and_not_in_welfare(self):
        book = replace(
            book_of(sell("s", "A", 100, 10), fixed={"A": 45}, periods=2, hours=0.5), constant_cost=7.0
        )
        out = clear(grid_of(buses=["A"]), book)
        assert out.welfare == pytest.approx(-450)
        assert out.cost == pytest.approx(450 + 7)


class TestLaw9Randomness:
    def test_a_clearing_neither_draws_nor_depends_on_global_random_numbers(self):
        grid, book = (
            grid_of(("A", "B", 0.1, 5)),
            book_of(sell("s", "A", 9, 10), sell("t", "A", 9, 10), fixed={"B": 3}),
        )
        found = []
        for seed in (1, 2):
            random.seed(seed)
            np.random.seed(seed)  # noqa: NPY002
            before = random.getstate(), np.random.get_state()[1].tobytes()  # noqa: NPY002
            found.append(clear(grid, book).accepted_mw.tobytes())
            assert (random.getstate(), np.random.get_state()[1].tobytes()) == before  # noqa: NPY002
        assert found[0] == found[1]


class TestLaw10Immutability:
    def test_inputs_stay_as_they_were(self):
        orders = pd.DataFrame([sell("s", "A", 100, 10), sell("t", "B", 100, 20)])
        fixed = pd.DataFrame([{"bus": "B", "mw": 45.0}])
        branches = pd.DataFrame([{"branch": 1, "from_bus": "A", "to_bus": "B", "x_pu": 0.1}])
        before = orders.copy(), fixed.copy(), branches.copy()
        grid = Grid.from_tables([{"bus": "A"}, {"bus": "B"}], branches)
        book = Book.from_tables(orders, fixed=fixed)
        clear(grid, book)
        book.with_markup({"s": 5}), book.with_withheld({"s": 0.5}), book.with_lost_load(100)
        for frame, copy in zip((orders, fixed, branches), before, strict=True):
            pd.testing.assert_frame_equal(frame, copy)
        orders.loc[0, "mw"] = 0.0
        assert book.mw[0] == 100

    def test_arrays_are_write_protected(self):
        book = book_of(sell("s", "A", 100, 10), fixed={"A": 45})
        out = clear(grid_of(buses=["A"]), book)
        inputs = (book.mw, book.price, book.fixed_mw, out.grid.limit_mw)
        duals = (out.lmp, out.energy, out.flow_dual, out.ramp_dual, *out.intervals, out.claim.lmp)
        for array in (*inputs, *duals, out.accepted_mw, out.flow_mw):
            assert not array.flags.writeable
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0

    def test_attributes_are_frozen(self):
        book = book_of(sell("s", "A", 100, 10), fixed={"A": 45})
        out = clear(grid_of(buses=["A"]), book)
        for thing, name in (
            (book, "mw"),
            (out, "lmp"),
            (out.grid, "limit_mw"),
            (out.certificate, "residuals"),
        ):
            with pytest.raises(AttributeError):
                setattr(thing, name, None)


def test_law_6_everything_scaled_on_a_real_grid():
    case = networks.load("ieee14")
    book = Book.from_case(case)
    first = clear(case.grid, book)
    for k in (1e-6, 1e6):
        other = clear(scaled_grid(case.grid, k), scaled_book(book, mw=k, money=1 / k))
        assert same(first.accepted_mw, other.accepted_mw / k, 1e-8)
        assert same(first.lmp, other.lmp * k, 1e-8)
    assert prices(first)
