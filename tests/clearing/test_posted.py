"""Posted offers: by hand, day-vectorised = slot loop = LP, telescoping, accounting, bad input."""

import time
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from clearing import InputError
from clearing.arrays.programs import Program
from clearing.posted.accounting import prosumer_book, prosumer_cash
from clearing.posted.market import PostedBook, PostedOfferMarket, certify_posted, operator_price
from clearing.solvers import solve
from networks.profiles import draw_loads, draw_pv


def world(days=2, slots=96, prosumers=5, consumers=20, seed=0):
    generator = np.random.default_rng(seed)
    load = draw_loads(prosumers + consumers, generator, slots, days).reshape(-1, days, slots)
    sun = draw_pv(prosumers, generator, slots, days).reshape(-1, days, slots)
    need = np.moveaxis(load[:prosumers], 0, -1)
    return load[prosumers:].sum(axis=0), need, np.moveaxis(sun, 0, -1), generator


def test_one_slot_by_hand():
    book = PostedBook.from_tables(
        [
            {"seller": "a", "period": 0, "mw": 2, "price": 50},
            {"seller": "b", "period": 0, "mw": 2, "price": 80},
            {"seller": "c", "period": 0, "mw": 6, "price": 80},
            {"seller": "d", "period": 0, "mw": 9, "price": 101},
        ],
        [{"period": 0, "mw": 6, "operator_price": 100}],
        hours=1.0,
    )
    outcome = PostedOfferMarket().clear(book)
    assert outcome.accepted_mw.ravel().tolist() == [2, 1, 3, 0]
    assert outcome.price[0, 0] == outcome.price_low[0, 0] == 80
    assert outcome.summary.to_dict() == {
        "demand_mwh": 6, "local_mwh": 6, "bill": 420, "sellers_get": 420, "operator_gets": 0
    }  # fmt: skip
    scarce = PostedOfferMarket().clear(PostedBook.from_tables(
        [{"seller": "a", "period": 0, "mw": 2, "price": 50}], [{"period": 0, "mw": 6, "operator_price": 100}]
    ))  # fmt: skip
    assert (scarce.operator_mw[0, 0], scarce.price[0, 0]) == (4, 100)
    exact = PostedOfferMarket().clear(PostedBook.from_tables(
        [{"seller": "a", "period": 0, "mw": 6, "price": 50}], [{"period": 0, "mw": 6, "operator_price": 100}]
    ))  # fmt: skip
    assert (exact.price_low[0, 0], exact.price[0, 0], exact.price_high[0, 0]) == (50, 75, 100)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.data())
def test_demand_that_ends_with_an_offer_has_the_interval_up_to_the_next(cents, data):
    """Demand is the sum of the k cheapest offers in decimals, which no sum of doubles hits exactly."""
    mw = np.array([float(Decimal(c) / 100) for c in cents])
    k = data.draw(st.integers(1, len(cents)))
    demand = float(sum(Decimal(c) for c in cents[:k]) / 100)
    price = 10.0 * (1 + np.arange(len(cents)))
    shuffled = data.draw(st.permutations(range(len(cents))))
    outcome = PostedOfferMarket().clear(
        PostedBook(
            tuple(range(len(cents))),
            np.array([[demand]]),
            mw[None, None, shuffled],
            price[None, None, shuffled],
            np.array([[95.5]]),
        )
    )
    following = 95.5 if k == len(cents) else price[k]
    assert (outcome.price_low[0, 0], outcome.price_high[0, 0]) == (price[k - 1], following)
    assert outcome.operator_mw[0, 0] == 0
    assert outcome.accepted_mw[0, 0].tolist() == np.where(np.arange(len(cents)) < k, mw, 0)[shuffled].tolist()


def loop(book, operator):
    """One slot after another, one offer after another."""
    days, slots, _ = book.mw.shape
    x, rest = np.zeros(book.mw.shape), np.zeros((days, slots))
    for day in range(days):
        for t in range(slots):
            left = book.demand_mw[day, t]
            for i in np.argsort(book.price[day, t], kind="stable"):
                if book.price[day, t, i] <= operator[day, t]:
                    x[day, t, i] = min(left, book.mw[day, t, i])
                    left -= x[day, t, i]
            rest[day, t] = left
    return x, rest


def test_day_vectorised_is_the_slot_loop_is_the_linear_program():
    consumers, need, sun, generator = world()
    draft = prosumer_book(consumers, need, sun)
    s = operator_price(draft.demand_mw, "peak", 200.0, 0.02)
    price = s[:, :, None] * generator.uniform(0.7, 1.1, need.shape)
    book = prosumer_book(consumers, need, sun, price=price)
    outcome = PostedOfferMarket("peak", 200.0, 0.02).clear(book)
    x, rest = loop(outcome.book, s)
    assert np.abs(outcome.accepted_mw - x).max() < 1e-12
    assert np.abs(outcome.operator_mw - rest).max() < 1e-12
    cells = x[..., 0].size
    cost = np.concatenate([np.where(price <= s[:, :, None], price, 1e9).reshape(-1), s.ravel()])
    rows = sparse.csc_array(
        sparse.hstack(
            [sparse.kron(sparse.eye_array(cells), np.ones((1, x.shape[2]))), sparse.eye_array(cells)]
        )
    )
    demand = book.demand_mw.ravel()
    high = np.append(book.mw.ravel(), np.full(cells, np.inf))
    program = Program(cost, np.zeros(len(cost)), rows, demand, demand, np.zeros(len(cost)), high)
    found = solve(program.scaled(2.0**-10, 128.0))
    assert np.abs(found.x[: x.size] * 2.0**-10 - outcome.accepted_mw.ravel()).max() < 1e-12
    dual = found.row_dual * 128.0
    assert (dual >= outcome.price_low.ravel() - 1e-9).all()
    assert (dual <= outcome.price_high.ravel() + 1e-9).all()


def test_level_telescopes_and_peak_holds_the_daily_record():
    demand = np.random.default_rng(0).uniform(1, 5, (3, 96))
    level = operator_price(demand, "level", 200.0, 2.0)
    stepwise = level[:, :1] * np.cumprod(
        np.append(np.ones((3, 1)), (demand[:, 1:] / demand[:, :-1]) ** 2, axis=1), axis=1
    )
    assert stepwise == pytest.approx(level, rel=1e-12)
    peak = operator_price(demand, "peak", 200.0, 2.0)
    assert (np.diff(peak, axis=1) >= 0).all()
    assert peak[:, 0] == pytest.approx(level[:, 0])
    assert (peak.max(axis=1) == level.max(axis=1)).all()
    pump = operator_price(demand, "pump", 200.0, 2.0)
    assert (pump >= peak * (1 - 1e-12)).all()
    assert (pump[:, -1] > 1e3 * peak[:, -1]).all()
    assert operator_price(demand, "peak", 200.0, 2.0, exponent=1.0).max() < peak.max()


def test_sync_raises_the_peak_price_and_accounting_decides_what_it_earns():
    consumers, need, sun, _ = world(days=1)
    sync = np.zeros(need.shape, dtype=bool)
    sync[:, 28] = True
    market = PostedOfferMarket("peak", 200.0, 0.02)
    cash = {}
    for accounting in ("literal", "balanced", "waste", "sales"):
        outcome = market.clear(prosumer_book(consumers, need, sun, sync, accounting=accounting))
        cash[accounting] = prosumer_cash(outcome, need, sun, sync, accounting)[0, 28].sum()
    assert cash["literal"] == 0
    assert cash["waste"] < cash["balanced"] <= cash["sales"]
    friendly = market.clear(prosumer_book(consumers, need, sun)).book.operator_price
    synced = market.clear(prosumer_book(consumers, need, sun, sync)).book.operator_price
    assert (synced >= friendly).all()
    assert synced[0, 28] > friendly[0, 28]


def test_permuting_and_splitting_offers_change_nothing():
    consumers, need, sun, generator = world(days=1)
    market = PostedOfferMarket("peak", 200.0, 0.02)
    book = prosumer_book(consumers, need, sun)
    first = market.clear(book)
    order = generator.permutation(5)
    other = market.clear(
        PostedBook(tuple(np.array(book.sellers)[order]), book.demand_mw, book.mw[..., order])
    )
    assert np.abs(other.accepted_mw - first.accepted_mw[..., order]).max() < 1e-15
    halves = np.concatenate([book.mw, book.mw], axis=2) / 2
    split = market.clear(PostedBook(tuple(range(10)), book.demand_mw, halves))
    both = split.accepted_mw[..., :5] + split.accepted_mw[..., 5:]
    assert np.abs(both - first.accepted_mw).max() < 1e-15
    assert market.clear(book).accepted_mw.tobytes() == first.accepted_mw.tobytes()


def test_520_days_of_25_homes_take_less_than_a_second():
    consumers, need, sun, _ = world(days=520)
    book = prosumer_book(consumers, need, sun)
    market = PostedOfferMarket("peak", 200.0, 0.02)
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        outcome = market.clear(book)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 1.0
    assert outcome.certificate.holds
    assert outcome.bill.shape == (520,)


def test_the_certificate_refuses_a_wrong_fill():
    consumers, need, sun, _ = world(days=1)
    good = PostedOfferMarket("peak", 200.0, 0.02).clear(prosumer_book(consumers, need, sun))
    for x, y, low in (
        (good.accepted_mw * 0.9, good.operator_mw, good.price_low),
        (good.accepted_mw, good.operator_mw + 1e-6, good.price_low),
        (good.accepted_mw, good.operator_mw, good.price_high + 1.0),
    ):
        assert not certify_posted(good.book, x, y, low.ravel(), good.price_high.ravel() + 0.0).holds


def test_bad_input():
    offer = [{"seller": "a", "period": 0, "mw": 2, "price": 50}]
    demand = [{"period": 0, "mw": 6}]
    with pytest.raises(InputError, match="no operator_price"):
        PostedOfferMarket().clear(PostedBook.from_tables(offer, demand))
    with pytest.raises(InputError, match="give reference_mw"):
        PostedOfferMarket("peak")
    with pytest.raises(InputError, match="did you mean 'peak'"):
        PostedOfferMarket("peek", reference_mw=1.0)
    with pytest.raises(InputError, match="once each"):
        PostedBook.from_tables(offer, demand * 2)
    with pytest.raises(InputError, match="two offers"):
        PostedBook.from_tables(offer * 2, demand)
    with pytest.raises(InputError, match="below 0"):
        PostedBook.from_tables([{"seller": "a", "period": 0, "mw": -1}], demand)
    with pytest.raises(InputError, match="cannot rise"):
        operator_price(np.zeros((1, 2)), "pump", 1.0, 1.0)
    with pytest.raises(InputError, match="accounting"):
        prosumer_book(np.ones((1, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1)), accounting="free")
    with pytest.raises(InputError, match="shape"):
        PostedBook(("a",), np.ones((1, 2)), np.ones((1, 3, 1)))
