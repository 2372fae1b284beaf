"""Settlements solved by hand."""

from __future__ import annotations

import numpy as np
import pytest

from clearing import Book, InputError, NodalMarket, NumericalError, settle
from clearing.settlement import _identities
from networks import Grid
from tests.support.small_markets import borduria_syldavia, one_bus, purchase, read_reference, sale

AUCTIONS = read_reference("auctions")


def test_lmp_rule_pays_each_bus_its_price():
    grid, book = borduria_syldavia()
    found = settle(NodalMarket(grid).clear(book))
    assert found.price[:, 0] == pytest.approx([19, 35])
    assert found.payments.loc[("gB", 0), "receipts"] == pytest.approx(900 * 19)
    assert found.payments.loc[("gS", 0), "receipts"] == pytest.approx(1100 * 35)
    assert found.payments.loc[("fixed demand", 0), "payments"] == pytest.approx(500 * 19 + 1500 * 35)
    assert found.fixed["payment"].tolist() == pytest.approx([9500, 52500])
    assert found.merchandising_surplus == pytest.approx(6400)
    assert found.rents.loc[("BS", 0), "congestion_rent"] == pytest.approx(6400)
    assert found.payments.loc[("gB", 0), "surplus"] == pytest.approx(4050)


def test_uniform_rule_shows_the_redispatch_cost():
    """Without the limit: 24.33 $/MWh, 1433.33 and 566.67 MW; then 533.33 MW move from B to S."""
    grid, book = borduria_syldavia()
    found = settle(NodalMarket(grid).clear(book), rule="uniform")
    price, moved = 73 / 3, 1600 / 3
    assert found.price[:, 0] == pytest.approx([price, price])
    assert found.redispatch["moved_mwh"].tolist() == pytest.approx([-moved, moved])
    down = -(10 * moved + 0.005 * ((4300 / 3) ** 2 - 900**2))
    up = 13 * moved + 0.01 * (1100**2 - (1700 / 3) ** 2)
    assert found.redispatch["redispatch_paid"].tolist() == pytest.approx([down, up])
    assert found.payments.loc[("gB", 0), "receipts"] == pytest.approx(price * 4300 / 3 + down)
    assert found.payments.loc[("fixed demand", 0), "payments"] == pytest.approx(2000 * price)
    assert found.redispatch_cost == pytest.approx(39450 - 35183.3333333)
    assert found.operator_surplus == pytest.approx(-found.redispatch_cost)
    assert found.schedule.flow_mw[0, 0] == pytest.approx(2800 / 3)


def test_redispatch_leaves_the_surplus_of_the_schedule():
    """Each order keeps what it would earn without branch limits, however it is moved."""
    grid, book = borduria_syldavia()
    moved = settle(NodalMarket(grid).clear(book), rule="uniform")
    free = settle(NodalMarket(borduria_syldavia(np.inf)[0]).clear(book))
    assert moved.totals["surplus"].tolist() == pytest.approx(free.totals["surplus"].tolist())


def test_uniform_rule_buys_back_from_buyers():
    """A line of 10 MW cuts 20 MW of a purchase: it pays the price for 30 MW, and gets its bid back for 20."""
    grid = Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}],
        [{"branch": "ab", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 10}],
    )
    book = Book.from_tables([sale("s", "a", 100, 20), purchase("d", "b", 30, 50)])
    found = settle(NodalMarket(grid).clear(book), rule="uniform")
    assert found.totals.loc["d", "payments"] == pytest.approx(30 * 20 - 20 * 50)
    assert found.totals.loc["s", "receipts"] == pytest.approx(30 * 20 - 20 * 20)
    assert found.redispatch_cost == pytest.approx(20 * 50 - 20 * 20)


def test_pay_as_bid_pays_the_area_under_the_offer():
    grid, book = borduria_syldavia()
    found = settle(NodalMarket(grid).clear(book), rule="pay_as_bid")
    assert found.totals.loc["gB", "receipts"] == pytest.approx(10 * 900 + 0.005 * 900**2)
    assert found.price[:, 0] == pytest.approx([39450 / 2000, 39450 / 2000])
    assert found.fixed["payment"].sum() == pytest.approx(39450)
    assert found.merchandising_surplus == pytest.approx(0, abs=1e-6)


def test_pay_as_bid_of_the_syldavian_pool():
    entry = AUCTIONS["ks_pool_syldavia"]
    orders = [sale(f"s{k}", 0, mw, price) for k, (mw, price) in enumerate(entry["sell"])]
    orders += [purchase(f"b{k}", 0, mw, price) for k, (mw, price) in enumerate(entry["buy"])]
    outcome = one_bus(orders)
    found = settle(outcome, rule="pay_as_bid")
    assert found.summary["buyers' payments"] == pytest.approx(entry["pay_as_bid"]["buyers_pay"])
    assert found.summary["sellers' receipts"] == pytest.approx(entry["pay_as_bid"]["sellers_get"])
    assert found.operator_surplus == pytest.approx(entry["pay_as_bid"]["auctioneer"])
    uniform = settle(outcome, rule="uniform")
    assert uniform.price[0, 0] == pytest.approx(entry["efficient"]["k_price"])
    assert uniform.totals["bought_mwh"].sum() == pytest.approx(entry["efficient"]["quantity"])
    assert uniform.consumer_surplus + uniform.producer_surplus == pytest.approx(entry["efficient"]["welfare"])


@pytest.mark.parametrize(
    ("buy", "sell", "entry"),
    [
        (
            [(b["qty"], b["price"]) for b in AUCTIONS["pymarket_bids"]["buy"]],
            [(s["qty"], s["price"]) for s in AUCTIONS["pymarket_bids"]["sell"]],
            AUCTIONS["pymarket_bids"],
        ),
        (
            [(1, v) for v in AUCTIONS["double_9-8-7-4_2-3-4-5"]["values"]],
            [(1, c) for c in AUCTIONS["double_9-8-7-4_2-3-4-5"]["costs"]],
            AUCTIONS["double_9-8-7-4_2-3-4-5"],
        ),
    ],
)
def test_uniform_price_auctions(buy, sell, entry):
    """The canonical price is the midpoint of the clearing prices: the k-double auction with k = 1/2."""
    orders = [purchase(f"b{k}", 0, mw, price) for k, (mw, price) in enumerate(buy)]
    orders += [sale(f"s{k}", 0, mw, price) for k, (mw, price) in enumerate(sell)]
    found, expected = settle(one_bus(orders), rule="uniform"), entry["efficient"]
    assert found.price[0, 0] == pytest.approx(expected["k_price"])
    assert found.totals["sold_mwh"].sum() == pytest.approx(expected["quantity"])
    assert found.consumer_surplus + found.producer_surplus == pytest.approx(expected["welfare"])


def test_multiunit_pay_as_bid_auction():
    entry = AUCTIONS["vickrey"]["multiunit_2"]
    bids = [*entry["winners"], entry["highest_losing"]]
    orders = [purchase(f"b{k}", 0, 1, price) for k, price in enumerate(bids)] + [sale("s", 0, 2, 0)]
    found = settle(one_bus(orders), rule="pay_as_bid")
    assert found.summary["buyers' payments"] == pytest.approx(entry["pay_as_bid"])


def test_hours_scale_energy_and_money_but_not_prices():
    grid, book = borduria_syldavia()
    rows = {"orders": book.orders_frame, "fixed": book.fixed_frame}
    full, half = (
        settle(NodalMarket(grid).clear(Book.from_tables(**rows, hours=hours)), rule="uniform")
        for hours in (1.0, 0.5)
    )
    assert half.price == pytest.approx(full.price)
    assert (half.totals * 2).to_numpy() == pytest.approx(full.totals.to_numpy())
    assert half.redispatch_cost * 2 == pytest.approx(full.redispatch_cost)


@pytest.mark.parametrize("hours", [1.0, 0.25])
def test_uplift_makes_a_minimum_output_whole(hours):
    """10 MW of must-run at 50 $/MWh beside a price of 20: 300 $/h of loss come back, nobody else is paid."""
    rows = [sale("old", 0, 30, 50, min_mw=10), sale("new", 0, 100, 20)]
    found = settle(one_bus(rows, fixed=[{"bus": 0, "mw": 60}], hours=hours))
    assert found.price[0, 0] == pytest.approx(20)
    assert found.uplifts.loc[("old", "old"), "uplift"] == pytest.approx(300 * hours)
    assert len(found.uplifts) == 1
    assert found.totals.loc["old", "surplus"] == pytest.approx(-300 * hours)
    assert found.totals.loc["old", "profit"] == pytest.approx(0, abs=1e-9)
    assert found.operator_surplus == pytest.approx(-300 * hours)


@pytest.mark.parametrize("up", [{"up_mw": 20}, {}])
def test_uplift_makes_a_ramp_limit_whole(up):
    """From 80 MW it falls by 20 at most: 60 MW at 30 $/MWh are paid 10, so that 1200 $ come back."""
    ramp = {"unit": "slow", "down_mw": 20, "previous_mw": 80} | up
    outcome = one_bus(
        [sale("slow", 0, 100, 30), sale("quick", 0, 50, 10)], fixed=[{"bus": 0, "mw": 70}], ramps=[ramp]
    )
    assert outcome.accepted_mw == pytest.approx([60, 10])
    found = settle(outcome)
    assert found.price[0, 0] == pytest.approx(10)
    assert found.uplifts.loc[("slow", "slow"), "uplift"] == pytest.approx(1200)
    assert len(found.uplifts) == 1
    assert found.totals.loc["slow", "profit"] == pytest.approx(0, abs=1e-9)
    assert found.operator_surplus == pytest.approx(-1200)


def test_uplift_counts_the_whole_horizon():
    """A loss in one period is made good by a gain in another before anything is paid."""
    outcome = one_bus(
        [
            sale("old", 0, 30, 50, min_mw=10),
            sale("new", 0, 100, 20, period=0),
            sale("new", 0, 100, 70, period=1),
        ],
        periods=2,
        fixed=[{"bus": 0, "mw": 60}],
    )
    found = settle(outcome)
    assert found.price[0] == pytest.approx([20, 70])
    assert found.payments.loc[("old", 0), "surplus"] == pytest.approx(-300)
    assert found.payments.loc[("old", 1), "surplus"] == pytest.approx(30 * 20)
    assert found.uplifts.empty


def test_energy_without_a_price_changes_hands_at_zero():
    """Every MW is fixed by the book: no price exists, and the must-run unit gets its cost as uplift."""
    outcome = one_bus([sale("s", 0, 10, 30, min_mw=10)], fixed=[{"bus": 0, "mw": 10}])
    assert np.isnan(outcome.lmp[0, 0])
    found = settle(outcome)
    assert found.totals.loc["s", "receipts"] == 0
    assert found.uplift == pytest.approx(300)
    assert found.notes == ("no price exists at bus 0: energy is settled at 0 $/MWh there",)


def test_an_empty_market_settles_to_nothing():
    found = settle(one_bus([sale("s", 0, 10, 30)]))
    assert (found.totals.to_numpy() == 0).all()
    assert found.notes == ()


def test_phase_shifters_term_is_shown_apart():
    """A loop of two lines that a 2° shifter drives around: rents less the shifter's part are the surplus."""
    grid = Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}],
        [
            {"branch": "1", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 60, "shift_degree": 2},
            {"branch": "2", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 30},
        ],
    )
    book = Book.from_tables(
        [sale("s", "a", 100, 10), sale("t", "b", 100, 40)], fixed=[{"bus": "b", "mw": 50}]
    )
    found = settle(NodalMarket(grid).clear(book))
    circulating = 1000 * np.deg2rad(2) / 2  # against line 1, with line 2
    served = 2 * (30 - circulating)
    assert found.merchandising_surplus == pytest.approx(30 * served)
    assert found.rents.loc[("2", 0), "congestion_rent"] == pytest.approx(60 * 30)
    assert found.rents.loc[("2", 0), "shift_term"] == pytest.approx(-60 * circulating)


def test_links_earn_the_price_difference():
    grid = Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}],
        links=[{"link": "k", "from_bus": "a", "to_bus": "b", "min_mw": 0, "max_mw": 10}],
    )
    book = Book.from_tables(
        [sale("s", "a", 100, 10), sale("t", "b", 100, 40)], fixed=[{"bus": "b", "mw": 50}]
    )
    outcome = NodalMarket(grid).clear(book)
    for rule in ("lmp", "uniform"):
        found = settle(outcome, rule=rule)
        assert found.link_rents.loc[("k", 0), "rent"] == pytest.approx(300)
        assert found.merchandising_surplus == pytest.approx(300)


def test_uniform_rule_gives_a_link_the_rent_of_the_schedule():
    """The schedule sends 10 MW over the link; the branch before it carries 4: 6 MW are bought dearer."""
    grid = Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}, {"bus": "c"}],
        [{"branch": "ab", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 4}],
        [{"link": "k", "from_bus": "b", "to_bus": "c", "min_mw": 0, "max_mw": 10}],
    )
    book = Book.from_tables(
        [sale("s", "a", 100, 10), sale("t", "c", 100, 40)], fixed=[{"bus": "c", "mw": 50}]
    )
    found = settle(NodalMarket(grid).clear(book), rule="uniform")
    assert found.price[:, 0] == pytest.approx([10, 10, 40])
    assert found.link_rents.loc[("k", 0), "rent"] == pytest.approx(300)
    assert found.merchandising_surplus == pytest.approx(300 - 6 * (40 - 10))


def test_pay_as_bid_averages_over_linked_islands():
    grid = Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}, {"bus": "c"}],
        links=[{"link": "k", "from_bus": "a", "to_bus": "b", "min_mw": 0, "max_mw": 10}],
    )
    book = Book.from_tables(
        [sale("s", "a", 100, 10), sale("t", "b", 100, 40), sale("u", "c", 100, 90)],
        fixed=[{"bus": "b", "mw": 20}, {"bus": "c", "mw": 5}],
    )
    found = settle(NodalMarket(grid).clear(book), rule="pay_as_bid")
    assert found.price[:, 0] == pytest.approx([25, 25, 90])


def test_costs_may_be_counted_at_other_prices_than_were_offered():
    """A mark-up of 5 on a true cost of 10: paid 15, and the profit is 5 per MWh."""
    truth = Book.from_tables([sale("s", 0, 10, 10)], fixed=[{"bus": 0, "mw": 4}])
    offered = truth.with_markup({"s": 5.0})
    outcome = NodalMarket(Grid.from_tables([{"bus": 0}])).clear(offered)
    found = settle(outcome, truth)
    assert found.totals.loc["s", "receipts"] == pytest.approx(60)
    assert found.totals.loc["s", "surplus"] == pytest.approx(20)


def test_shunts_and_injections_are_participants():
    grid = Grid.from_tables([{"bus": 0, "shunt_mw": 3}])
    book = Book.from_tables([sale("s", 0, 50, 20)], fixed=[{"bus": 0, "mw": -2}])
    found = settle(NodalMarket(grid).clear(book))
    assert found.totals.loc["grid shunts", "payments"] == pytest.approx(60)
    assert found.totals.loc["fixed demand", "receipts"] == pytest.approx(40)
    assert found.totals.loc["s", "sold_mwh"] == pytest.approx(1)


def test_bad_requests_are_refused():
    outcome = one_bus([sale("s", 0, 10, 30)])
    with pytest.raises(InputError, match=r"rule is 'lmpp'.*did you mean 'lmp'"):
        settle(outcome, rule="lmpp")
    with pytest.raises(InputError, match="other orders"):
        settle(outcome, Book.from_tables([sale("x", 0, 10, 30)]))
    with pytest.raises(InputError, match="reserved"):
        settle(one_bus([sale("fixed demand", 0, 10, 30)]))


@pytest.mark.parametrize("name", ["S1", "S2", "S3"])
def test_identities_refuse_wrong_money(name):
    sides = (np.array([100.0, -60.0]), np.array([50.0]), np.array([120.0, -40.0]))
    right = {"surplus": 90.0, "rents": 90.0, "sides": sides}
    assert max(_identities(**right).values()) < 1e-12
    wrong = {
        "S1": right | {"rents": 90.1},
        "S2": right | {"sides": (sides[0], np.array([50.1]), sides[2])},
        "S3": right | {"surplus": 90.1, "rents": 90.1},
    }[name]
    with pytest.raises(NumericalError, match="identity S"):
        _identities(**wrong)
