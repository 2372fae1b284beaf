"""The round engine against the Pyomo formulation's path, in every regime that upset a simplex before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

import networks
from clearing import Book, ClearingError, InfeasibleError, InputError, NodalMarket
from clearing.batches import Status
from tests.support.random_books import instances
from tests.support.small import book_of, buy, grid_of, sell

CLOSE = 1e-7  # of the greatest MW or price


def elastic_book(case: networks.Case) -> Book:
    """The case's offers, 60 % of each load at a value of lost load, 40 % as elastic bids."""
    rng = np.random.default_rng(7)
    book = Book.from_case(case)
    offers = [
        row for row in book.orders_frame.drop(columns="period").to_dict("records") if row["side"] == "sell"
    ]
    for row in offers:
        row |= {"price": rng.uniform(10, 60), "slope": 0.0, "min_mw": 0.0}
    for k, row in enumerate(book.fixed_frame.to_dict("records")):
        if row["mw"] <= 0:
            continue
        for share, price in ((0.6, 3000.0), (0.4, rng.uniform(30, 120))):
            offers.append(buy(f"bid {k} {share}", row["bus"], share * row["mw"], price) | {"unit": None})
    return Book.from_tables(offers)


REGIMES = {
    "independent": lambda p, q, r: (p * r.uniform(0.8, 1.2, p.shape), q * r.uniform(0.8, 1.2, q.shape)),
    "five-dollar grid": lambda p, q, r: (
        5 * np.round(p * r.uniform(0.8, 1.2, p.shape) / 5),
        10 * np.round(q / 10),
    ),
    "zero quantities": lambda p, q, r: (p, q * (r.random(q.shape) > 0.2)),
    "wide": lambda p, q, r: (p * r.uniform(0.4, 1.6, p.shape), q * r.uniform(0.4, 1.6, q.shape)),
    "equal prices": lambda p, q, r: (np.full(p.shape, 30.0), q),
    "no trade": lambda p, q, r: (np.where(p < 3000, 5000.0 + p, p), q),
}


def assert_agrees(
    market: NodalMarket, book: Book, price: np.ndarray, mw: np.ndarray, sample: list[int]
) -> None:
    """All rows certified, and a sample equal to the general path: dispatch, prices, welfare, intervals."""
    prepared = market.prepare(book)
    want = ("accepted", "lmp", "welfare", "lmp_low", "lmp_high")
    batch = prepared.clear_many(price, mw, want=want)
    assert batch.certified.all()
    assert batch.fallbacks == 0
    rows = prepared._check(price, mw, None, None, None)
    for r in sample:
        found = prepared._optimum(rows, r)
        scale_mw, scale_price = 1 + np.abs(mw[r]).max(), 1 + np.abs(price[r]).max()
        assert batch.accepted[r] == pytest.approx(found.claim.accepted, abs=CLOSE * scale_mw)
        assert batch.lmp[r] == pytest.approx(found.claim.lmp[:, 0], abs=CLOSE * scale_price, nan_ok=True)
        low, high = (ends[:, 0] for ends in found.intervals)
        for ours, theirs in ((batch.lmp_low[r], low), (batch.lmp_high[r], high)):
            finite = np.isfinite(theirs)
            assert (np.isfinite(ours) == finite).all()
            assert ours[finite] == pytest.approx(theirs[finite], abs=CLOSE * scale_price)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("name", ["ieee5", "ieee14", "pglib_ieee118"])
def test_regimes_agree_with_the_general_path(name: str, regime: str) -> None:
    case = networks.load(name)
    book = elastic_book(case)
    rng = np.random.default_rng(11)
    price, mw = np.tile(book.price, (60, 1)), np.tile(book.mw, (60, 1))
    price, mw = REGIMES[regime](price, mw, rng)
    assert_agrees(NodalMarket(case.grid), book, price, mw, sample=[0, 29, 59])


@pytest.mark.parametrize("name", ["ieee14", "pglib_ieee118"])
def test_rounds_without_any_offer_agree_with_the_general_path(name: str) -> None:
    """Every bid flips and rounding alone is left to correct: these rounds once went to another solver."""
    case = networks.load(name)
    book = elastic_book(case)
    price, mw = np.tile(book.price, (60, 1)), np.tile(book.mw, (60, 1))
    price, mw = REGIMES["independent"](price, mw, np.random.default_rng(19))
    mw[:, book.side > 0] = 0.0
    assert_agrees(NodalMarket(without_own_flows(case.grid)), book, price, mw, sample=[0, 29, 59])


@settings(max_examples=60)
@given(instances(periods=(1, 1), ramps=False))
def test_random_books_agree_with_the_general_path(case: tuple) -> None:
    grid, book = case
    market = NodalMarket(grid)
    try:
        outcome = market.clear(book)
    except (InfeasibleError, InputError):
        if isinstance(_error_of(market, book), InfeasibleError):
            assert market.prepare(book).clear_many(book.price).status[0] == Status.INFEASIBLE
        return
    batch = market.prepare(book).clear_many(book.price, book.mw, slope=book.slope)
    assert batch.certified[0]
    scale_mw, scale_price = 1 + np.abs(book.mw).max(initial=0), 1 + np.abs(book.price).max(initial=0)
    tolerance = CLOSE if not book.slope.any() else 1e-5
    assert batch.accepted[0] == pytest.approx(outcome.accepted_mw, abs=tolerance * scale_mw)
    assert batch.lmp[0] == pytest.approx(outcome.lmp[:, 0], abs=tolerance * scale_price, nan_ok=True)
    assert batch.welfare[0] == pytest.approx(outcome.welfare, rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
@pytest.mark.parametrize("name", ["ieee14", "ieee57", "pglib_ieee118"])
def test_books_with_some_slopes_agree_with_the_general_path(name: str, share: float) -> None:
    """Orders with and without slopes side by side, prices independent and on a grid: no fallback."""
    case = networks.load(name)
    book = elastic_book(case)
    rng = np.random.default_rng(17)
    price, mw = np.tile(book.price, (40, 1)), np.tile(book.mw, (40, 1))
    price, mw = REGIMES["independent"](price, mw, rng)
    price[20:] = 5 * np.round(price[20:] / 5)
    slope = rng.uniform(0.02, 0.25, len(book.mw)) * np.minimum(book.price, 100.0) / np.maximum(book.mw, 1e-3)
    slope *= rng.random(len(slope)) < share
    prepared = NodalMarket(case.grid).prepare(book)
    batch = prepared.clear_many(price, mw, slope=slope)
    assert batch.certified.all()
    assert batch.fallbacks == 0
    rows = prepared._check(price, mw, slope, None, None)
    for r in (0, 13, 27, 39):
        claim = prepared._optimum(rows, r).claim
        assert batch.accepted[r] == pytest.approx(claim.accepted, abs=1e-6 * (1 + mw[r].max()))
        assert batch.lmp[r] == pytest.approx(claim.lmp[:, 0], abs=1e-6 * (1 + price[r].max()))
    order = rng.permutation(40)
    shuffled = NodalMarket(case.grid).prepare(book).clear_many(price[order], mw[order], slope=slope)
    assert np.array_equal(batch.accepted[order], shuffled.accepted), "law 3"
    assert np.array_equal(batch.lmp[order], shuffled.lmp), "law 3"


@pytest.mark.parametrize("name", ["ieee14", "pglib_ieee118"])
def test_tied_steps_beside_slopes_agree_with_the_general_path(name: str) -> None:
    """More step orders at one price than rows, next to sloped ones: no fallback."""
    case = networks.load(name)
    book = elastic_book(case)
    rng = np.random.default_rng(23)
    mw = book.mw * rng.uniform(0.6, 1.0, (20, len(book.mw)))
    price = np.full(mw.shape, 30.0)
    slope = rng.uniform(0.01, 0.1, mw.shape) * (rng.random(mw.shape) < 0.5)
    prepared = NodalMarket(without_own_flows(case.grid)).prepare(book)
    batch = prepared.clear_many(price, mw, slope=slope)
    assert batch.certified.all()
    assert batch.fallbacks == 0
    rows = prepared._check(price, mw, slope, None, None)
    for r in (0, 9, 19):
        claim = prepared._optimum(rows, r).claim
        assert batch.accepted[r] == pytest.approx(claim.accepted, abs=1e-6 * (1 + mw[r].max()))
        assert batch.lmp[r] == pytest.approx(claim.lmp[:, 0], abs=1e-6 * 31.0)


@pytest.mark.parametrize("first", ["step", "sloped", "tied", "must"])
def test_tied_steps_that_end_at_their_bounds_beside_a_sloped_order(first: str) -> None:
    """The sale and purchase at 30 $/MWh are accepted as a whole (law 4), the sloped sale in part."""
    rows = {
        "step": sell("step", "a", 50, 30),
        "sloped": sell("sloped", "b", 100, 20, slope=0.5),
        "tied": buy("tied", "c", 40, 30),
        "must": buy("must", "a", 30, 3000),
    }
    book = book_of(rows[first], *(row for name, row in rows.items() if name != first))
    batch = (
        NodalMarket(grid_of(("a", "b", 0.1), ("b", "c", 0.1)))
        .prepare(book)
        .clear_many(book.price, book.mw, slope=book.slope)
    )
    expected = {"step": 50.0, "sloped": 20.0, "tied": 40.0, "must": 30.0}
    assert batch.accepted[0] == pytest.approx([expected[name] for name in book.orders])
    assert batch.fallbacks == 0


def _error_of(market: NodalMarket, book: Book) -> Exception | None:
    try:
        market.clear(book)
    except (ClearingError, InputError) as error:
        return error
    return None


def test_same_bits_in_any_order_and_split() -> None:
    """Law 3 on the hot path: shuffled, split, repeated and on a new engine."""
    case = networks.load("pglib_ieee118")
    book = elastic_book(case)
    rng = np.random.default_rng(3)
    price = 5 * np.round(book.price * rng.uniform(0.8, 1.2, (120, len(book.price))) / 5)
    mw = book.mw * rng.uniform(0.8, 1.2, (120, len(book.mw)))
    market = NodalMarket(case.grid)
    whole = market.prepare(book).clear_many(price, mw)
    order = rng.permutation(120)
    shuffled = market.prepare(book).clear_many(price[order], mw[order])
    prepared = market.prepare(book)
    parts = [prepared.clear_many(price[k : k + 7], mw[k : k + 7]) for k in range(0, 120, 7)]
    for name in ("accepted", "lmp", "welfare"):
        values = getattr(whole, name)
        assert np.array_equal(values[order], getattr(shuffled, name), equal_nan=True)
        assert np.array_equal(values, np.concatenate([getattr(p, name) for p in parts]), equal_nan=True)


def test_fixed_demand_limits_and_minima_may_change() -> None:
    case = networks.load("pglib_ieee118")
    book = Book.from_case(case)
    market = NodalMarket(case.grid)
    prepared = market.prepare(book)
    rng = np.random.default_rng(5)
    shunts = case.grid.shunt_mw
    demand = (prepared.numbers.fixed_mw[:, 0] - shunts) * rng.uniform(0.85, 1.0, (5, len(shunts)))
    limits = case.grid.limit_mw * rng.uniform(0.95, 1.2, (5, len(case.grid.branches)))
    batch = prepared.clear_many(book.price, fixed_mw=demand, limit_mw=limits, want=("lmp", "flow"))
    assert batch.certified.all()
    rows = prepared._check(book.price, None, None, demand, limits)
    for r in range(5):
        claim = prepared._optimum(rows, r).claim
        assert batch.lmp[r] == pytest.approx(claim.lmp[:, 0], abs=1e-6)
        assert batch.flow[r] == pytest.approx(claim.flow_mw[:, 0], abs=1e-5)
    again = prepared.clear_many(book.price)
    outcome = market.clear(book)
    assert again.lmp[0] == pytest.approx(outcome.lmp[:, 0], abs=1e-8), (
        "the book's own demand and limits return"
    )


def test_numbers_far_from_ordinary_are_scaled() -> None:
    grid = grid_of(("a", "b", 0.1, 1e-6))
    book = book_of(sell("A", "a", 2e-6, 1e-4), sell("B", "b", 2e-6, 5e-4), fixed=[{"bus": "b", "mw": 1.5e-6}])
    batch = NodalMarket(grid).prepare(book).clear_many(book.price)
    assert batch.accepted[0] == pytest.approx([1e-6, 0.5e-6], rel=1e-9)
    assert batch.lmp[0] == pytest.approx([1e-4, 5e-4], rel=1e-9)


def test_failed_rounds_are_marked_or_raised() -> None:
    grid = grid_of(("a", "b", 0.1, 10.0))
    book = book_of(sell("A", "a", 50.0, 20.0), fixed=[{"bus": "b", "mw": 5.0}])
    prepared = NodalMarket(grid).prepare(book)
    demand = np.array([[0.0, 5.0], [0.0, 15.0], [0.0, 8.0]])
    batch = prepared.clear_many(np.full((3, 1), 20.0), fixed_mw=demand)
    assert batch.status.tolist() == [Status.OPTIMAL, Status.INFEASIBLE, Status.OPTIMAL]
    assert np.isnan(batch.accepted[1]).all()
    assert batch.accepted[:, 0][[0, 2]] == pytest.approx([5.0, 8.0])
    with pytest.raises(InfeasibleError, match="round 1"):
        prepared.clear_many(np.full((3, 1), 20.0), fixed_mw=demand, on_error="raise")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"price": [[np.nan, 1.0]]}, "array 'price', round 0, order 'A': the value is nan"),
        ({"price": [[1.0]]}, "has shape"),
        ({"price": [[1.0, 1.0]], "mw": [[1.0, -1.0]]}, "order 'B': the value is -1.0"),
        ({"price": [[1.0, 1.0]], "want": ("lpm",)}, "did you mean 'lmp'"),
        ({"price": [[1.0, 1.0]], "branches": ["L9"]}, "not a branch of the grid"),
        ({"price": "cheap"}, "does not hold numbers"),
        ({"price": np.array(["2026-12-01"], dtype="datetime64[s]")}, "does not hold numbers"),
        ({"price": np.ma.masked_less(np.arange(3.0), 1.0)}, "has masked entries"),
    ],
)
def test_bad_arrays_are_refused(arguments: dict, message: str) -> None:
    grid = grid_of(("a", "b", 0.1, 10.0))
    book = book_of(sell("A", "a", 50.0, 20.0), sell("B", "b", 50.0, 20.0), fixed=[{"bus": "b", "mw": 5.0}])
    with pytest.raises(InputError, match=message):
        NodalMarket(grid).prepare(book).clear_many(**arguments, on_error="raise")


def test_several_periods_go_through_the_general_path() -> None:
    grid = grid_of(("a", "b", 0.1, 10.0))
    book = book_of(
        sell("A", "a", 50.0, 20.0), sell("B", "b", 50.0, 40.0), fixed=[{"bus": "b", "mw": 15.0}],
        ramps=[{"unit": "A", "up_mw": 2.0, "previous_mw": 5.0}], periods=2,
    )  # fmt: skip
    market = NodalMarket(grid)
    batch = market.prepare(book).clear_many(np.array([[20.0, 20.0, 40.0, 40.0], [60.0, 60.0, 40.0, 40.0]]))
    assert batch.lmp.shape == (2, 2, 2)
    assert batch.accepted[0] == pytest.approx([7.0, 9.0, 8.0, 6.0])
    assert batch.lmp[0] == pytest.approx(market.clear(book).lmp)


def regime_rounds(book: Book, regime: str, rounds: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Prices and MW of one of the REGIMES, or with a single seller per round."""
    rng = np.random.default_rng([seed, len(book.price)])
    price, mw = np.tile(book.price, (rounds, 1)), np.tile(book.mw, (rounds, 1))
    if regime != "single seller":
        return REGIMES[regime](price, mw, rng)
    sales = np.flatnonzero(book.side > 0)
    price, mw = REGIMES["independent"](price, mw, rng)
    kept = rng.choice(sales, rounds)
    others = (sales[None, :] != kept[:, None]).nonzero()
    mw[others[0], sales[others[1]]] = 0.0
    return price, mw


def random_limits(grid: networks.Grid, rounds: int, rng: np.random.Generator) -> np.ndarray:
    """Limits of each branch between a thousandth and a thousand times a typical one, apart for each round."""
    finite = grid.limit_mw[np.isfinite(grid.limit_mw)]
    typical = np.median(finite) if len(finite) else 100.0
    return typical * 10.0 ** rng.uniform(-3, 3, (rounds, len(grid.branches)))


def without_own_flows(grid: networks.Grid) -> networks.Grid:
    """The grid without shunts and phase shifts, so that to trade nothing is feasible whatever the limits."""
    return replace(
        grid, shunt_mw=np.zeros(len(grid.buses)), shift_degree=np.zeros(len(grid.branches))
    ).with_settings(angle_limits="ignore")


def in_islands(grid: networks.Grid) -> networks.Grid:
    """The grid without the branches that join its first third of buses to the rest."""
    third = len(grid.buses) // 3
    return replace(grid, in_service=grid.in_service & ((grid.from_bus < third) == (grid.to_bus < third)))
