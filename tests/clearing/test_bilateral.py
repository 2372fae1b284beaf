"""Bilateral trade: by hand, against an independent assignment solver, stability, processes, bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from clearing import BilateralBook, BilateralMarket, InputError
from clearing.bilateral.outcome import PairPrices, certify_bilateral
from clearing.bilateral.processes import adjust_pair_prices, auction_unit_contracts, run_posted_offers


def book_of(costs, values, supply=None, demand=None, pairs=None, **slopes):
    supply, demand = supply or [1] * len(costs), demand or [1] * len(values)
    sellers = [
        {"seller": f"s{k}", "mw": q, "price": c} for k, (c, q) in enumerate(zip(costs, supply, strict=True))
    ]
    buyers = [
        {"buyer": f"b{k}", "mw": d, "price": v} for k, (v, d) in enumerate(zip(values, demand, strict=True))
    ]
    for rows, name in ((sellers, "seller_slope"), (buyers, "buyer_slope")):
        for row, slope in zip(rows, slopes.get(name, [0] * len(rows)), strict=True):
            row["slope"] = slope
    return BilateralBook.from_tables(sellers, buyers, pairs)


def drawn_book(seed=0, sellers=10, buyers=13, unit=1e-3):
    """§4's size: prices in $/MWh, kilowatts, preferences and network charges per pair."""
    generator = np.random.default_rng(seed)
    pairs = [
        {"seller": f"s{i}", "buyer": f"b{j}", "preference": float(generator.uniform(0, 30)),
         "charge": float(generator.uniform(0, 20))}
        for i in range(sellers) for j in range(buyers)
    ]  # fmt: skip
    return book_of(
        generator.uniform(60, 180, sellers).tolist(),
        generator.uniform(120, 300, buyers).tolist(),
        (generator.integers(2, 8, sellers) * unit).tolist(),
        (generator.integers(2, 7, buyers) * unit).tolist(),
        pairs,
    )


def test_two_by_two_by_hand():
    """The dear seller serves the buyer who prefers it; prices lie between cost and the next offer."""
    pairs = [{"seller": "s1", "buyer": "b1", "preference": 25, "charge": 3}]
    book = book_of([10, 20], [30, 28], pairs=pairs)
    outcome = BilateralMarket().clear(book)
    assert outcome.traded_mw.tolist() == [[1, 0], [0, 1]]
    assert outcome.welfare == 20 + (28 + 25 - 3 - 20)
    assert outcome.buyer_optimal.seller.tolist() == [10, 20]
    # the dear seller can ask what b1 would pay before it turned to s0
    assert outcome.seller_optimal.seller.tolist() == [30, 50]
    assert outcome.prices.seller.tolist() == [20, 35]
    assert outcome.trades.price_low.tolist() == [10, 20]
    assert outcome.trades.buyer_pays.tolist() == [20, 38]
    assert outcome.blocking_pairs().empty
    summary = outcome.summary
    assert summary.buyers_pay == pytest.approx(summary.sellers_get + summary.network_charges, abs=1e-12)
    assert outcome.participants.worth.tolist() == [10, 20, 30, 28 + 25]
    assert outcome.participants.surplus.sum() == outcome.welfare


def test_quadratic_costs_meet_at_equal_margins():
    outcome = BilateralMarket().clear(
        book_of([10, 10], [100], supply=[50, 50], demand=[90], seller_slope=[1, 2], buyer_slope=[1])
    )
    # 10 + x = 10 + 2y = 100 − (x + y): x = 36, y = 18, price 46
    assert outcome.traded_mw.ravel() == pytest.approx([36, 18])
    assert outcome.prices.seller == pytest.approx([46, 46])


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6))
def test_welfare_is_that_of_the_assignment(seed, sellers, buyers):
    """Unit amounts: scipy's assignment solver, an independent oracle."""
    generator = np.random.default_rng(seed)
    pairs = [
        {"seller": f"s{i}", "buyer": f"b{j}", "preference": float(generator.integers(0, 5)), "charge": 0}
        for i in range(sellers) for j in range(buyers)
    ]  # fmt: skip
    book = book_of(
        generator.integers(0, 12, sellers).tolist(), generator.integers(0, 20, buyers).tolist(), pairs=pairs
    )
    outcome = BilateralMarket().clear(book)
    gain = np.maximum(book.gain, 0)
    assert outcome.welfare == pytest.approx(gain[linear_sum_assignment(-gain)].sum(), abs=1e-7)
    for prices in (outcome.buyer_optimal, outcome.seller_optimal, outcome.prices):
        assert certify_bilateral(book, outcome.traded_mw, prices).holds
    assert outcome.blocking_pairs().empty
    sold = outcome.traded_mw.sum(axis=1) > 0
    assert (outcome.seller_optimal.seller >= outcome.buyer_optimal.seller - 1e-7)[sold].all()


def test_purity_permutation_and_splitting():
    book = drawn_book()
    first, again = BilateralMarket().clear(book), BilateralMarket().clear(book)
    assert first.traded_mw.tobytes() == again.traded_mw.tobytes()
    tied = book_of([10, 10, 10], [30, 30], supply=[1, 2, 3], demand=[2, 1])
    shared = BilateralMarket().clear(tied)
    assert shared.traded_mw == pytest.approx(np.outer([1, 2, 3], [2, 1]) / 6, abs=1e-9)
    split = BilateralMarket().clear(book_of([10] * 4, [30, 30], supply=[1, 2, 1.5, 1.5], demand=[2, 1]))
    assert split.traded_mw[2:].sum(axis=0) == pytest.approx(shared.traded_mw[2], abs=1e-9)
    turned = BilateralMarket().clear(book_of([10] * 3, [30, 30], supply=[3, 2, 1], demand=[1, 2]))
    assert turned.traded_mw == pytest.approx(shared.traded_mw[::-1, ::-1], abs=1e-9)


def test_the_certificate_refuses_wrong_trades_and_prices():
    book = drawn_book()
    outcome = BilateralMarket().clear(book)
    prices = outcome.prices
    assert not certify_bilateral(book, outcome.traded_mw * 0.99, prices).holds
    higher = PairPrices(prices.seller + 50, prices.buyer)
    assert not certify_bilateral(book, outcome.traded_mw, higher).holds
    assert not certify_bilateral(book, outcome.traded_mw * 1.01, prices).holds


@pytest.mark.parametrize("seed", range(4))
def test_unit_contracts_keep_their_bound_and_pair_prices_lose_per_cents(seed):
    book = drawn_book(seed)
    coarse = auction_unit_contracts(book, unit_mw=1e-3, step=0.1)
    fine = auction_unit_contracts(book, unit_mw=1e-3, step=1e-2)
    assert fine.welfare[-1] >= fine.bound - 1e-9
    assert coarse.welfare[-1] >= coarse.bound - 1e-9
    assert coarse.efficiency[-1] >= 0.9998
    assert fine.efficiency[-1] >= 0.99999
    assert fine.rounds >= coarse.rounds
    for run in (coarse, fine):  # a welfare after every bid, the last one that of the trades
        assert run.efficiency.shape == (run.rounds,)
        assert run.welfare[-1] == pytest.approx(run.welfare[-2], rel=0.05)
        assert (run.welfare <= run.optimum + 1e-9).all()
    pairs = adjust_pair_prices(book, step=5.0)
    assert pairs.efficiency[-1] < 0.99
    assert pairs.efficiency[-1] > 0.5


def test_posted_offers_log_their_efficiency():
    book = drawn_book()
    run = run_posted_offers(book, rounds=60)
    assert run.efficiency.shape == (60,)
    assert (run.efficiency <= 1 + 1e-9).all()
    assert run.efficiency[-20:].mean() > 0.3
    assert (run.price >= book.seller_price - 1e-12).all()
    assert (run.traded_mw.sum(axis=0) <= book.buyer_mw + 1e-12).all()


def test_posted_offers_serve_the_buyer_who_values_most_first():
    """One MW at 10 $: the buyer at 50 has it, and not the one at 30 who is listed before."""
    run = run_posted_offers(book_of([10], [30, 50]), rounds=1, start=np.array([20.0]))
    assert run.traded_mw.tolist() == [[0, 1]]


def test_pair_prices_climb_in_turns_until_the_seller_gives():
    """From 0 to a cost of 25 in steps of 10: the buyer's price leads, the seller's follows, six rises."""
    run = adjust_pair_prices(book_of([25], [60]), step=10.0)
    assert run.traded_mw.tolist() == [[1]]
    assert run.rounds == 1 + 6


def test_bad_input():
    with pytest.raises(InputError, match="not in table 'sellers'"):
        book_of([1], [2], pairs=[{"seller": "x", "buyer": "b0"}])
    with pytest.raises(InputError, match="pair appears twice"):
        book_of([1], [2], pairs=[{"seller": "s0", "buyer": "b0"}] * 2)
    with pytest.raises(InputError, match="at least one seller"):
        BilateralMarket().clear(BilateralBook.from_tables((), ()))
    with pytest.raises(InputError, match="no multiple of unit_mw"):
        auction_unit_contracts(book_of([1], [2]), unit_mw=0.3, step=1.0)
    with pytest.raises(InputError, match="constant prices"):
        run_posted_offers(book_of([1], [2], seller_slope=[1]))
    with pytest.raises(InputError, match="price_rule"):
        BilateralMarket("middle")
    nothing = BilateralMarket().clear(book_of([50], [20]))
    assert nothing.trades.empty
    assert nothing.welfare == 0
    barred = BilateralBook.from_tables(
        [{"seller": "s", "mw": 1, "price": 1}], [{"buyer": "b", "mw": 1, "price": 5}], only_listed=True
    )
    assert BilateralMarket().clear(barred).welfare == 0
