"""Prepared markets: one round on arrays is a row of a batch, and what is not given is the book's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket
from clearing.batches import Status
from clearing.engine.single_round import clear_single
from clearing.optimum import find_optimum
from tests.support.random_books import instances
from tests.support.small import book_of, grid_of, same, sell


def test_one_round_has_the_bits_of_a_batch() -> None:
    case = networks.load("pglib_ieee118")
    book = Book.from_case(case)
    market, rng = NodalMarket(case.grid), np.random.default_rng(2)
    price = 5 * np.round(book.price * rng.uniform(0.8, 1.2, (30, len(book.price))) / 5)
    batch = market.prepare(book).clear_many(price)
    prepared = market.prepare(book)
    demand = prepared.numbers.fixed_mw[:, 0] - case.grid.shunt_mw
    for r in reversed(range(30)):
        row = price[r] if r % 2 else np.asfortranarray(price)[r]
        found = prepared.clear(row, book.mw if r % 3 else None)
        assert np.array_equal(found.accepted, batch.accepted[r])
        assert np.array_equal(found.lmp, batch.lmp[r], equal_nan=True)
        assert found.welfare == batch.welfare[r]
        if r % 5 == 0:
            prepared.clear_many(price[:1], fixed_mw=0.9 * demand)


def test_one_round_takes_rows_of_any_layout_and_gives_arrays_of_its_own() -> None:
    case = networks.load("ieee14")
    book = Book.from_case(case)
    prepared = NodalMarket(case.grid).prepare(replace(book, slope=np.zeros_like(book.slope)))
    price, mw = np.array(book.price), np.array(book.mw)
    first = prepared.clear(price, mw)
    kept = [np.array(part) for part in first]
    strided = np.repeat(price, 3)[::3]
    backward = price[::-1].copy()[::-1]
    unaligned = np.zeros(8 * len(price) + 1, dtype=np.uint8)[1:].view(float)
    unaligned[:] = price
    frozen = price.copy()
    frozen.flags.writeable = False
    assert not unaligned.flags.aligned
    prepared.clear(2 * price, mw)
    for row in (strided, backward, unaligned, frozen):
        for found in (prepared.clear(row, mw), prepared.clear(row, np.repeat(mw, 2)[::2])):
            assert all(np.array_equal(a, b) for a, b in zip(found, kept, strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(first, kept, strict=True)), "later rounds leave it alone"
    assert len(clear_single.signatures) == 1, "a layout must not cost a compilation"
    flat = prepared.clear(np.full(len(price), 20.0), np.broadcast_to(np.float64(400.0), len(mw)))
    batch = prepared.clear_many(np.full(len(price), 20.0), np.full(len(mw), 400.0))
    assert np.array_equal(flat.accepted, batch.accepted[0])


def test_one_round_in_small_units_and_with_a_deserted_island() -> None:
    book = book_of(sell("A", "a", 5e-5, 2e9), sell("B", "b", 5e-5, 3e9), fixed=[{"bus": "b", "mw": 1e-5}])
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 1.0), ("c", "d", 0.1, 1.0))).prepare(book)
    rng = np.random.default_rng(3)
    price = book.price * rng.uniform(0.5, 1.5, (20, 2))
    batch = prepared.clear_many(price)
    assert np.isnan(batch.lmp[:, 2:]).all()
    for r in range(20):
        found = prepared.clear(price[r])
        assert np.array_equal(found.accepted, batch.accepted[r])
        assert np.array_equal(found.lmp, batch.lmp[r], equal_nan=True)
        assert found.welfare == batch.welfare[r]


def test_the_books_slopes_hold_unless_others_are_given() -> None:
    offer = sell("A", "a", 50.0, 20.0) | {"slope": 1.0}
    book = book_of(offer, sell("B", "b", 50.0, 30.0), fixed=[{"bus": "b", "mw": 15.0}])
    market = NodalMarket(grid_of(("a", "b", 0.1, 100.0)))
    prepared, outcome = market.prepare(book), market.clear(book)
    batch, single = prepared.clear_many(book.price), prepared.clear(book.price)
    for accepted, lmp, welfare in (
        (batch.accepted[0], batch.lmp[0], batch.welfare[0]),
        (single.accepted, single.lmp, single.welfare),
    ):
        assert accepted == pytest.approx(outcome.accepted_mw)
        assert lmp == pytest.approx(outcome.lmp[:, 0])
        assert welfare == pytest.approx(outcome.welfare)
    flat = prepared.clear_many(book.price, slope=np.zeros(2))
    assert flat.accepted[0] == pytest.approx([15.0, 0.0])


@pytest.mark.parametrize("name", ["ieee14", "pglib_ieee118"])
def test_days_with_ramps_are_those_of_the_general_path(name: str) -> None:
    """Candidate lines instead of angles: the same dispatch, prices and intervals, whatever came before."""
    case, hours = networks.load(name), 6
    profile = 0.8 + 0.15 * np.sin(2 * np.pi * (np.arange(hours) - 2) / hours)
    book = Book.from_case(case, profile=profile, ramp_share=0.1)
    market, rng = NodalMarket(case.grid), np.random.default_rng(4)
    prepared = market.prepare(book)
    assert prepared.days is not None or prepared.sloped
    price = prepared.numbers.price * rng.uniform(0.8, 1.2, (3, prepared.orders))
    price[1] = 5 * np.round(price[1] / 5)
    flat = np.zeros(prepared.orders) if prepared.sloped else None
    batch = prepared.clear_many(price, slope=flat, want=("accepted", "lmp", "welfare", "lmp_low", "lmp_high"))
    assert batch.certified.all()
    again = market.prepare(book).clear_many(price[::-1], slope=flat)
    assert np.array_equal(again.accepted[::-1], batch.accepted), "law 3"
    assert np.array_equal(again.lmp[::-1], batch.lmp), "law 3"
    for r in range(3):
        numbers = replace(prepared.numbers, price=price[r], slope=np.zeros(prepared.orders))
        model = market.compiled(prepared.structure)
        found = find_optimum(prepared.structure, numbers, model, "canonical", 60.0)
        size = 1 + np.abs(price[r]).max()
        assert batch.accepted[r] == pytest.approx(found.claim.accepted, abs=1e-6 * (1 + book.mw.max()))
        assert batch.lmp[r] == pytest.approx(found.claim.lmp, abs=1e-7 * size)
        low, high = found.intervals
        assert batch.lmp_low[r] == pytest.approx(low, abs=1e-6 * size)
        assert batch.lmp_high[r] == pytest.approx(high, abs=1e-6 * size)
    limits = 1.05 * case.grid.limit_mw
    wider = NodalMarket(case.grid.with_settings(limit_mw=limits)).prepare(book)
    assert same(
        prepared.clear_many(price, slope=flat, limit_mw=limits).lmp, wider.clear_many(price, slope=flat).lmp
    )


@settings(max_examples=40)
@given(instances(periods=(2, 4), slopes=False, minima=False))
def test_random_days_are_those_of_the_general_path(case: tuple) -> None:
    """Links, islands, limits of 0, tied orders of one unit, known and unknown outputs before."""
    grid, book = case
    assume(book.periods > 1)
    market = NodalMarket(grid)
    prepared = market.prepare(book)
    structure, numbers = prepared.structure, prepared.numbers
    try:
        found = find_optimum(structure, numbers, market.compiled(structure), "canonical", 60.0)
    except InfeasibleError:
        with pytest.raises(InfeasibleError):
            prepared.days.find(structure, numbers, "canonical", 60.0)
        return
    day = prepared.days.find(structure, numbers, "canonical", 60.0)
    assert day is not None
    assert same(day.claim.accepted, found.claim.accepted)
    assert same(day.lmp, found.lmp)
    assert same(day.flow_dual, found.flow_dual)
    assert same(day.ramp_dual, found.ramp_dual)


def test_days_without_a_dispatch_are_proven_so() -> None:
    """Ramps that no dispatch keeps, or a line that no hour can do without: as the general path says."""
    line = grid_of(("a", "b", 0.1, 30.0))
    fast, slow = sell("A", "a", 50.0, 20.0), sell("B", "b", 50.0, 30.0)
    for limit_mw, status in ((4.0, Status.INFEASIBLE), (12.0, Status.OPTIMAL)):
        book = book_of(
            fast, slow, fixed=[{"bus": "b", "mw": 20.0 * t, "period": t} for t in range(3)], periods=3,
            ramps=[{"unit": u, "up_mw": limit_mw, "down_mw": limit_mw, "previous_mw": 0.0} for u in "AB"],
        )  # fmt: skip
        market = NodalMarket(line)
        prepared = market.prepare(book)
        batch = prepared.clear_many(prepared.numbers.price)
        assert batch.status[0] == status
        model = market.compiled(prepared.structure)
        if status == Status.INFEASIBLE:
            with pytest.raises(InfeasibleError):
                prepared.days.find(prepared.structure, prepared.numbers, "canonical", 60.0)
            with pytest.raises(InfeasibleError):
                find_optimum(prepared.structure, prepared.numbers, model, "canonical", 60.0)
        else:
            found = find_optimum(prepared.structure, prepared.numbers, model, "canonical", 60.0)
            assert batch.lmp[0] == pytest.approx(found.lmp)
    cut_off = book_of(fast, fixed=[{"bus": "b", "mw": 40.0, "period": 1}], periods=2)
    prepared = NodalMarket(line).prepare(cut_off)
    assert prepared.clear_many(prepared.numbers.price).status[0] == Status.INFEASIBLE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_round_refuses_what_a_batch_refuses(bad: float) -> None:
    book = book_of(
        sell("A", "a", 50.0, 20.0) | {"min_mw": 2.0},
        sell("B", "a", 50.0, 30.0),
        fixed=[{"bus": "b", "mw": 5.0}],
    )
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 10.0))).prepare(book)
    with pytest.raises(InputError, match="array 'price', round 0, order 'B'"):
        prepared.clear(np.array([20.0, bad]))
    with pytest.raises(InputError, match="array 'mw', round 0, order 'B'"):
        prepared.clear(np.array([20.0, 30.0]), np.array([9.0, bad]))
    with pytest.raises(InputError, match=r"order 'A': the value is 1\.0; give a number of at least 2 in MW"):
        prepared.clear(np.array([20.0, 30.0]), np.array([1.0, 9.0]))
    with pytest.raises(InputError, match="has shape"):
        prepared.clear(np.array([20.0]))
    with pytest.raises(InfeasibleError):
        prepared.clear(np.array([20.0, 30.0]), np.array([2.0, 1.0]))
    assert prepared.clear([20, 30]).accepted.tolist() == [5.0, 0.0]


REFUSED = {
    "price": (np.nan, np.inf, -np.inf),
    "mw": (np.nan, np.inf, -np.inf, -1.0, 1.0),
    "slope": (np.nan, np.inf, -np.inf, -1.0),
    "fixed_mw": (np.nan, np.inf, -np.inf),
    "limit_mw": (np.nan, -1.0, -np.inf),
}
PLACE = dict.fromkeys(REFUSED, "order 'B'") | {"fixed_mw": "bus 'b'", "limit_mw": "branch 'L1'"}


@pytest.mark.parametrize("on_error", ["mark", "raise"])
@pytest.mark.parametrize("rounds", [1, 21])
@pytest.mark.parametrize("what", REFUSED)
def test_numbers_that_no_book_may_hold_are_refused_or_cost_their_row(
    what: str, rounds: int, on_error: str
) -> None:
    """Whoever looks at the numbers, compiled code or a check: one error or row, and nothing of it stays."""
    book = book_of(
        sell("A", "a", 50.0, 20.0),
        sell("B", "a", 50.0, 30.0) | {"min_mw": 2.0},
        sell("C", "c", 50.0, 60.0),
        fixed=[{"bus": "b", "mw": 5.0}, {"bus": "c", "mw": 30.0}],
    )
    market = NodalMarket(grid_of(("a", "b", 0.1, 20.0), ("b", "c", 0.1, 20.0), ("a", "c", 0.1, 20.0)))
    prepared, rng = market.prepare(book), np.random.default_rng(1)
    good = {
        "price": np.array(book.price),
        "mw": np.array(book.mw),
        "slope": np.array([0.0, 0.1, 0.2]),
        "fixed_mw": np.array([0.0, 5.0, 30.0]),
        "limit_mw": np.array([20.0, 25.0, np.inf]),
    }
    good = {name: row * rng.uniform(0.8, 1.2, (rounds, 3)) for name, row in good.items()}
    first = prepared.clear_many(**good, on_error="raise")
    for number in REFUSED[what]:
        for r in {0, rounds - 1}:
            array = good[what].copy()
            array[r, 1] = number
            after = array.copy()
            after[-1, 2] = np.nan  # is not the first
            place = f"array '{what}', round {r}, {PLACE[what]}: the value is {number!r}; give a number"
            for bad in (array, after, np.asfortranarray(array)):
                if on_error == "raise":
                    with pytest.raises(InputError, match=place):
                        prepared.clear_many(**(good | {what: bad}), on_error=on_error)
                    continue
                found = prepared.clear_many(**(good | {what: bad}))
                lost = np.zeros(rounds, dtype=bool)
                lost[[r] if bad is not after else [r, rounds - 1]] = True
                assert np.array_equal(found.status == Status.INVALID, lost)
                assert np.array_equal(found.certified, ~lost)
                assert np.isnan(found.lmp[lost]).all()
                assert np.array_equal(found.lmp[~lost], first.lmp[~lost])
                assert np.array_equal(found.accepted[~lost], first.accepted[~lost])
            if rounds > 1:
                with pytest.raises(InputError, match=place.replace(f"round {r}", "round 0")):
                    prepared.clear_many(**(good | {what: array[r]}), on_error=on_error)
    again = prepared.clear_many(**good, on_error="raise")
    assert np.array_equal(first.lmp, again.lmp)
    assert np.array_equal(first.accepted, again.accepted)
    plain = [m.clear_many(good["price"], good["mw"]).lmp for m in (prepared, market.prepare(book))]
    assert np.array_equal(*plain)


def test_huge_finite_numbers_are_left_to_the_general_path() -> None:
    book = book_of(sell("A", "a", 50.0, 20.0), sell("B", "b", 50.0, 30.0), fixed=[{"bus": "b", "mw": 15.0}])
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 10.0))).prepare(book)
    batch = prepared.clear_many(book.price, np.array([[50.0, 50.0], [50.0, 2e15]]))
    assert batch.status[0] == 0
    assert batch.fallbacks == 1
    assert batch.accepted[0] == pytest.approx([10.0, 5.0])


def test_no_rounds_and_arrays_of_other_numbers() -> None:
    book = book_of(sell("A", "a", 50.0, 20.0), sell("B", "b", 50.0, 30.0), fixed=[{"bus": "b", "mw": 15.0}])
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 10.0))).prepare(book)
    assert prepared.clear_many(np.zeros((0, 2))).lmp.shape == (0, 2)
    price = np.array([[20, 30], [30, 20]])
    whole = prepared.clear_many(price.astype(float), want=("lmp", "accepted"))
    for alike in (
        price,
        price.tolist(),
        price.astype(">f8"),
        price.astype(np.float32),
        np.asfortranarray(price),
    ):
        assert np.array_equal(prepared.clear_many(alike).lmp, whole.lmp)
    kept = price.astype(float)
    kept.flags.writeable = False
    assert np.array_equal(prepared.clear_many(kept).accepted, whole.accepted)
