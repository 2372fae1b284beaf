"""Units from withdrawing to injecting in the round engine, and units that sell and buy (laws 2 and 4)."""

from __future__ import annotations

import numpy as np
import pytest

import networks
from clearing import Book, InputError, NodalMarket
from clearing.batches import Batch, Status
from clearing.pricing.prices import PriceRule
from tests.support.small import book_of, buy, grid_of, sell

WANT = ("accepted", "lmp", "welfare", "flow")


def general(market: NodalMarket, book: Book, *arrays: np.ndarray, **more: np.ndarray) -> Batch:
    """The same rounds by the general path."""
    prepared = market.prepare(book)
    prepared.__dict__["engine"] = None
    return prepared.clear_many(*arrays, **more, want=WANT)


def assert_agree(ours: Batch, theirs: Batch, tolerance: float = 1e-6) -> None:
    assert ours.certified.all()
    assert ours.fallbacks == 0
    for name in WANT:
        assert getattr(ours, name) == pytest.approx(getattr(theirs, name), abs=tolerance), name


def test_a_marginal_unit_takes_what_others_leave_and_serves_no_demand() -> None:
    """At 20 $/MWh the store fills up to 40 MW of the wind, and gives 30 MW where there is none."""
    grid = grid_of(("a", "b", 0.1, 60.0))
    book = book_of(
        sell("wind", "a", 100.0, 5.0),
        sell("store", "b", 50.0, 20.0, min_mw=-40.0),
        buy("load", "b", 30.0, 90.0),
    )
    prepared = NodalMarket(grid).prepare(book)
    mw = np.array([[100.0, 50.0, 30.0], [0.0, 50.0, 30.0], [50.0, 50.0, 30.0], [100.0, 50.0, 10.0]])
    batch = prepared.clear_many(book.price, mw, want=("accepted", "lmp", "lmp_low", "lmp_high"))
    expected = [[60, -30, 30], [0, 30, 30], [50, -20, 30], [50, -40, 10]]
    assert batch.accepted == pytest.approx(np.array(expected, dtype=float))
    assert batch.lmp[:, 1] == pytest.approx([20.0, 20.0, 20.0, 5.0])
    assert batch.certified.all()
    assert np.array_equal(batch.lmp_low, batch.lmp_high)


def test_stores_share_what_is_left_by_what_they_can_take_and_count_as_no_demand() -> None:
    """All at 20 $/MWh: the bid is served first, then 9 MW are left for stores of 60 and 30 MW."""
    book = book_of(
        sell("large", "a", 10.0, 20.0, min_mw=-60.0),
        sell("small", "b", 20.0, 20.0, min_mw=-30.0),
        buy("load", "a", 20.0, 20.0),
        sell("must", "a", 29.0, -5.0),
    )
    batch = NodalMarket(grid_of(("a", "b", 0.1))).prepare(book).clear_many(book.price)
    assert batch.accepted[0] == pytest.approx([-6.0, -3.0, 20.0, 29.0])
    assert batch.certified.all()


@pytest.mark.parametrize("rule", ["canonical", "low"])
@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("regime", ["independent", "grid"])
def test_random_rounds_with_such_units_agree_with_the_general_path(
    regime: str, slopes: bool, rule: PriceRule
) -> None:
    """IEEE 14: half of the sales may withdraw, two units sell and buy, and none does both at once."""
    case, rng = networks.load("ieee14"), np.random.default_rng(31)
    offers = [
        sell(f"s{k}", bus, rng.uniform(20, 90), rng.uniform(10, 50), min_mw=-rng.uniform(5, 40) * (k % 2))
        for k, bus in enumerate(case.grid.buses[:8])
    ]
    bids = [
        buy(f"b{k}", bus, rng.uniform(5, 40), rng.uniform(15, 90)) for k, bus in enumerate(case.grid.buses)
    ]
    stores = [
        row | {"unit": f"u{bus}"}
        for bus in case.grid.buses[3:5]
        for row in (sell(f"out{bus}", bus, 30.0, 25.0), buy(f"in{bus}", bus, 20.0, 24.0))
    ]
    book = book_of(*offers, *bids, *stores)
    out, into = np.arange(len(book.mw))[-4::2], np.arange(len(book.mw))[-3::2]
    price = book.price * rng.uniform(0.7, 1.3, (16, len(book.mw)))
    mw = book.mw * rng.uniform(0.7, 1.3, price.shape)
    if regime == "grid":
        price, mw = 10.0 * np.round(price / 10), 10.0 * np.ceil(mw / 10)
    price[:, into] = np.minimum(price[:, into], price[:, out])
    slope = np.where(rng.random(len(book.mw)) < 0.4, 0.3, 0.0) if slopes else None
    grid = case.grid.with_settings(limit_mw=np.full(len(case.grid.branches), 30.0))
    market = NodalMarket(grid, price_rule=rule)
    batch = market.prepare(book).clear_many(price, mw, slope=slope, want=WANT)
    assert_agree(batch, general(market, book, price, mw, slope=slope))
    both = np.minimum(batch.accepted[:, out], batch.accepted[:, into])
    assert both == pytest.approx(np.zeros((16, 2)), abs=1e-7)
    assert (batch.accepted[:, : len(offers)] < -1.0).any()
    order = rng.permutation(16)
    shuffled = market.prepare(book).clear_many(price[order], mw[order], slope=slope, want=WANT)
    for name in WANT:
        assert np.array_equal(getattr(batch, name)[order], getattr(shuffled, name)), "law 3"


def test_a_row_in_which_a_unit_bids_more_than_it_asks_is_invalid_by_itself() -> None:
    book = book_of(
        sell("out", "a", 30.0, 25.0, unit="store"), buy("in", "a", 20.0, 24.0, unit="store"),
        sell("plant", "b", 40.0, 30.0), buy("load", "b", 15.0, 90.0),
    )  # fmt: skip
    market = NodalMarket(grid_of(("a", "b", 0.1)))
    prepared = market.prepare(book)
    price = np.array([book.price, [25.0, 25.5, 30.0, 90.0], [35.0, 34.0, 30.0, 90.0]])
    batch = prepared.clear_many(price, want=WANT)
    assert batch.status.tolist() == [Status.OPTIMAL, Status.INVALID, Status.OPTIMAL]
    assert np.isnan(batch.accepted[1]).all()
    assert batch.accepted[0] == pytest.approx([15.0, 0.0, 0.0, 15.0])
    assert batch.accepted[2] == pytest.approx([0.0, 20.0, 35.0, 15.0])
    with pytest.raises(
        InputError, match=r"round 1, order 'in': the value is 25.5, .* asks 25.0 by order 'out'"
    ):
        prepared.clear_many(price, on_error="raise")
    with pytest.raises(InputError, match="buy from itself"):
        prepared.clear(price[1])
    nothing = np.where(np.arange(4) == 1, 0.0, book.mw)
    assert prepared.clear_many(price[1], nothing).certified.all(), "an order of 0 MW buys nothing"


def test_a_negative_quantity_is_refused_where_the_unit_may_withdraw() -> None:
    book = book_of(sell("store", "a", 10.0, 20.0, min_mw=-60.0), sell("plant", "a", 30.0, 20.0))
    prepared = NodalMarket(grid_of(("a", "b", 0.1))).prepare(book)
    with pytest.raises(InputError, match="order 'store': the value is -1"):
        prepared.clear_many(book.price, np.array([-1.0, 30.0]))
