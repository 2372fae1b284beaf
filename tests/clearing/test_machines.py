"""A unit is one machine: from negative to positive output in one column, and never on both sides at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket, settle
from clearing.nodal_certificate import certify
from networks import Case, Fleet, Grid
from tests.support.random_books import instances
from tests.support.small import accepted, book_of, buy, clear, grid_of, interval, prices, same, sell


def store(bus, low, high, price, **more) -> dict:
    """One offer of a machine that withdraws up to −low and injects up to high."""
    return sell("store", bus, high, price, min_mw=low, **more)


def case_of(units: list[dict], load_mw: float, segments: list[dict] | None = None) -> Case:
    grid = Grid.from_tables(
        [{"bus": 1}, {"bus": 2}], [{"branch": "A", "from_bus": 1, "to_bus": 2, "x_pu": 0.1}]
    )
    fleet = Fleet.from_tables(grid, units, segments, [{"load": "town", "bus": 2, "mw": load_mw}])
    return Case(name="two buses", title="", grid=grid, fleet=fleet, provenance="made up")


class TestBooksOfCases:
    def test_a_range_across_zero_is_one_order(self):
        case = case_of([{"unit": "S", "bus": 1, "min_mw": -20, "max_mw": 30, "price": 12, "slope": 0.5}], 10)
        book = Book.from_case(case)
        assert book.orders == ("S",)
        assert (book.side[0], book.min_mw[0], book.mw[0]) == (1, -20.0, 30.0)
        assert (book.price[0], book.slope[0]) == (12.0, 0.5)

    def test_only_the_segment_across_zero_is_joined(self):
        segments = [
            {"unit": "S", "from_mw": a, "to_mw": b, "price": p}
            for a, b, p in ((-30, -10, 5), (-10, 10, 8), (10, 30, 20))
        ]
        book = Book.from_case(case_of([{"unit": "S", "bus": 1, "min_mw": -30, "max_mw": 30}], 0, segments))
        frame = book.orders_frame.set_index("order")
        assert frame["side"].to_dict() == {"S-1": "sell", "S-2": "sell", "S buy": "buy"}
        assert frame["min_mw"].to_dict() == {"S-1": -10.0, "S-2": 0.0, "S buy": 0.0}
        assert frame["mw"].to_dict() == {"S-1": 10.0, "S-2": 20.0, "S buy": 20.0}

    @pytest.mark.parametrize(("load", "output"), [(-50, -30), (-18, -18), (-4, -4), (0, 0), (7, 7), (25, 25)])
    def test_output_is_what_is_left(self, load, output):
        segments = [
            {"unit": "S", "from_mw": a, "to_mw": b, "price": p}
            for a, b, p in ((-30, -10, 5), (-10, 10, 8), (10, 30, 20))
        ]
        units = [{"unit": "S", "bus": 1, "min_mw": -30, "max_mw": 30},
                 {"unit": "sink", "bus": 2, "min_mw": -100, "max_mw": 0, "price": 1}]  # fmt: skip
        case = case_of(units, load, segments)
        outcome = clear(case.grid, Book.from_case(case))
        frame = outcome.accepted
        mine = frame[frame["unit"] == "S"]
        signed = np.where(mine["side"] == "sell", 1, -1) * mine["accepted_mw"]
        assert signed.sum() == pytest.approx(output, abs=1e-9)
        assert min(signed.clip(lower=0).sum(), (-signed).clip(lower=0).sum()) <= 1e-9

    def test_the_marginal_store_is_not_counted_as_demand(self):
        """pegase89: with a sale and a purchase for each unit the cost was 7369.90 $ and demand 9800 MW."""
        case = networks.load("pegase89")
        outcome = clear(case.grid, Book.from_case(case))
        assert outcome.cost == pytest.approx(5733.37, abs=5e-3)
        assert -outcome.welfare == pytest.approx(outcome.cost)


class TestPricesAndDemand:
    GRID = grid_of(("W", "E", 0.1, 30.0))

    def test_energy_is_weighted_by_demand_alone(self):
        book = book_of(store("W", -50, 90, 10), sell("dear", "E", 100, 40), fixed={"E": 60, "W": 20})
        outcome = clear(self.GRID, book)
        assert accepted(outcome) == pytest.approx({"store": 50.0, "dear": 30.0})
        assert prices(outcome) == pytest.approx({"W": 10.0, "E": 40.0})
        assert outcome.energy[0, 0] == pytest.approx((60 * 40 + 20 * 10) / 80)

    def test_a_withdrawing_store_weighs_nothing(self):
        book = book_of(store("W", -50, 50, 10), sell("cheap", "W", 45, 4), fixed={"E": 20})
        outcome = clear(self.GRID, book)
        assert accepted(outcome) == pytest.approx({"store": -25.0, "cheap": 45.0})
        assert outcome.cost == -outcome.welfare == pytest.approx(45 * 4 - 25 * 10)
        assert outcome.explain("E").served_mw == pytest.approx(20.0)
        assert "'store' taking 1.00 MW less" in outcome.explain("E").sentence

    def test_a_net_seller_is_explained_as_one(self):
        outcome = clear(self.GRID, book_of(store("W", -50, 50, 10), fixed={"E": 20}))
        sentence = outcome.explain("E").sentence
        assert "+1.00 MW of 'store'" in sentence
        assert "less" not in sentence

    def test_settlement_shows_what_is_taken_as_bought(self):
        book = book_of(store("W", -50, 50, 10), sell("cheap", "W", 45, 4), fixed={"E": 20})
        settled = settle(clear(self.GRID, book), book)
        row = settled.payments.loc[("owner of store", 0)]
        assert row["bought_mwh"] == pytest.approx(25.0)
        assert row["payments"] == pytest.approx(250.0)
        assert row["cost"] == pytest.approx(-250.0)
        assert row["sold_mwh"] == row["receipts"] == row["utility"] == 0.0
        assert row["surplus"] == pytest.approx(0.0, abs=1e-9)
        assert settled.summary["cost"] == pytest.approx(settled.outcome.cost)
        assert settled.summary["buyers' payments"] == 0.0
        assert settled.summary["sellers' receipts"] == pytest.approx(45 * 10 - 25 * 10)
        assert settled.consumer_surplus == 0.0
        assert settled.producer_surplus == pytest.approx(45 * 6)

    def test_interval_of_a_store_at_rest(self):
        """At 0 MW the pair of a purchase and a sale leaves a gap between bid and offer."""
        pair = [sell("out", "W", 50, 12, unit="S"), buy("in", "W", 50, 9, unit="S")]
        outcome = clear(self.GRID, book_of(*pair, sell("hydro", "W", 20, 3), fixed={"E": 20}))
        assert interval(outcome, "W") == pytest.approx((9.0, 12.0))

    def test_a_pair_at_one_price_does_not_trade_with_itself(self):
        """The trade of no gain that law 4 makes between two owners is none within one unit."""
        pair = [sell("out", "W", 50, 10, unit="S"), buy("in", "W", 50, 10, unit="S")]
        outcome = clear(self.GRID, book_of(*pair, fixed={"E": 20}))
        assert accepted(outcome) == pytest.approx({"out": 20.0, "in": 0.0})
        apart = [{**order, "unit": order["order"]} for order in pair]
        outcome = clear(self.GRID, book_of(*apart, fixed={"E": 20}))
        assert accepted(outcome) == pytest.approx({"out": 50.0, "in": 30.0})

    def test_tied_stores_share_what_is_left_to_take(self):
        book = book_of(
            store("W", -30, 10, 10) | {"order": "A"}, store("W", -10, 5, 10) | {"order": "B"},
            sell("cheap", "W", 28, 4), fixed={"W": 8},
        )  # fmt: skip
        assert accepted(clear(self.GRID, book)) == pytest.approx({"A": -15.0, "B": -5.0, "cheap": 28.0})


class TestInvariants:
    @given(instances(most=6))
    @settings(max_examples=40, deadline=None)
    def test_no_unit_is_on_both_sides(self, case):
        grid, book = case
        try:
            outcome = NodalMarket(grid).clear(book)
        except (InfeasibleError, InputError):
            assume(False)
        frame = outcome.accepted.reset_index()
        frame["injected"] = np.where(frame["side"] == "sell", 1, -1) * frame["accepted_mw"]
        machine = frame.groupby(["unit", "period"])["injected"]
        both = np.minimum(machine.apply(lambda x: x.clip(lower=0).sum()),
                          machine.apply(lambda x: (-x).clip(lower=0).sum()))  # fmt: skip
        assert (both <= 1e-7 * (1 + book.mw.max())).all()

    @given(st.floats(-40, 40), st.sampled_from([0.0, 0.2]), st.integers(2, 4))
    @settings(max_examples=15, deadline=None)
    def test_splitting_a_store_splits_its_output(self, load, slope, parts):
        grid = grid_of(("W", "E", 0.1))
        whole = store("W", -30, 50, 10, slope=slope)
        pieces = [
            {**whole, "order": f"S{k}", "min_mw": -30 / parts, "mw": 50 / parts, "slope": slope * parts}
            for k in range(parts)
        ]
        rest = [sell("rest", "E", 100, 30), buy("sink", "E", 100, 1)]
        one = clear(grid, book_of(whole, *rest, fixed={"E": load}))
        many = clear(grid, book_of(*pieces, *rest, fixed={"E": load}))
        assert same(one.accepted_mw[0], many.accepted_mw[:parts].sum())
        assert np.ptp(many.accepted_mw[:parts]) <= 1e-9 * 51
        assert same(one.lmp, many.lmp)

    @given(instances(most=4, ramps=False, periods=(1, 1)), st.floats(0.001, 5.0))
    @settings(max_examples=25, deadline=None)
    def test_the_certificate_refuses_a_planted_self_trade(self, case, mw):
        """A sale and a purchase of one machine at the price, both raised: every other row still holds."""
        grid, book = case
        bus = grid.buses[0]
        try:
            price = float(NodalMarket(grid).clear(book).lmp[0, 0])
        except (InfeasibleError, InputError):
            assume(False)
        assume(np.isfinite(price))
        pair = book_of(
            sell("out", bus, 10, price, unit="pair"), buy("in", bus, 10, price, unit="pair"), hours=book.hours
        )
        joined = {
            n: getattr(book, n) + getattr(pair, n) for n in ("orders", "participants", "units", "order_bus")
        }
        arrays = ("side", "mw", "min_mw", "price", "slope", "order_period")
        both = replace(
            book, **joined, **{n: np.concatenate([getattr(book, n), getattr(pair, n)]) for n in arrays}
        )
        claim = NodalMarket(grid).clear(both).claim
        honest = certify(both, grid, claim)
        assert honest.holds
        moved = claim.accepted.copy()
        moved[-2:] += mw
        assume((moved[-2:] <= 10).all())
        found = certify(both, grid, replace(claim, accepted=moved))
        assert found.residuals["P4"] > found.tolerances["P4"]
        assert not found.holds


class TestBadInput:
    def refused(self, *orders, match: str, **options) -> None:
        with pytest.raises(InputError, match=match):
            book_of(*orders, **options)

    def test_a_unit_that_would_buy_from_itself(self):
        self.refused(
            sell("out", 1, 5, 10, unit="S"), buy("in", 1, 5, 11, unit="S"),
            match=r"table 'orders', row 1 \('in'\): column 'price' is 11: unit 'S' also sells by order 'out' "
            r"at 10 \$/MWh, so it would buy from itself; bid no more than it asks, or name two units",
        )  # fmt: skip

    def test_a_store_dearer_than_another_sale_of_its_unit(self):
        self.refused(
            store(1, -5, 5, 10, unit="S"), sell("more", 1, 5, 8, unit="S"),
            match=r"row 0 \('store'\): column 'price' is 10: unit 'S' also sells by order 'more' at 8",
        )  # fmt: skip

    def test_a_machine_that_must_do_both(self):
        self.refused(
            sell("out", 1, 5, 10, unit="S", min_mw=2), buy("in", 1, 5, 9, unit="S"),
            match=r"row 0 \('out'\): column 'min_mw' is 2: .* what must sell cannot do the other",
        )  # fmt: skip
        self.refused(
            sell("out", 1, 5, 10, unit="S"), buy("in", 1, 5, 9, unit="S", min_mw=1),
            match=r"row 1 \('in'\): column 'min_mw' is 1: .* what must buy cannot do the other",
        )  # fmt: skip

    def test_a_purchase_cannot_inject(self):
        self.refused(buy("in", 1, 5, 9, min_mw=-1), match=r"it is below 0, and the order buys")

    def test_other_periods_and_other_units_may(self):
        dear, cheap = buy("in", 1, 5, 11, unit="S", period=1), sell("out", 1, 5, 10, unit="S", period=0)
        assert len(book_of(dear, cheap, periods=2).orders) == 2
        assert len(book_of({**dear, "unit": "T"}, cheap, periods=2).orders) == 2
        self.refused(dear, {**cheap, "period": None}, periods=2, match="buy from itself")

    def test_orders_of_no_size_may(self):
        assert len(book_of(sell("out", 1, 5, 10, unit="S"), buy("in", 1, 0, 11, unit="S")).orders) == 2

    def test_a_book_made_by_replacement_is_refused_when_cleared(self):
        book = book_of(sell("out", 1, 5, 10, unit="S"), buy("in", 1, 5, 9, unit="S"), fixed={1: 1})
        grid = Grid.from_tables([{"bus": 1}])
        with pytest.raises(InputError, match="buy from itself"):
            NodalMarket(grid).clear(book.with_markup({"out": -3}))
