"""Rows of a batch are independent: what one row brings, no other row feels or pays for."""

from __future__ import annotations

import numpy as np
import pytest

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket
from clearing.batches import Status
from clearing.optimum import find_optimum
from clearing.outcome_cache import OutcomeCache
from clearing.prepared import PreparedMarket
from clearing.shortages import Shortages
from clearing.structure import Numbers, Structure
from tests.support.small import book_of, grid_of, sell


def market_of(name: str = "pglib_ieee118") -> PreparedMarket:
    case = networks.load(name)
    return NodalMarket(case.grid).prepare(Book.from_case(case))


def count_general(prepared: PreparedMarket, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows that go to the general path from now on."""
    rows: list[int] = []
    general = prepared._optimum
    monkeypatch.setattr(prepared, "_optimum", lambda batch, r: rows.append(r) or general(batch, r))
    return rows


def test_a_closed_line_sends_its_row_alone_to_the_general_path(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = market_of("ieee14")
    grid, rounds = prepared.market.grid, 12
    price = prepared.numbers.price * np.random.default_rng(2).uniform(0.8, 1.2, (rounds, prepared.orders))
    limits = np.tile(np.minimum(grid.limit_mw, 500.0), (rounds, 1))
    open_lines = prepared.clear_many(price, limit_mw=limits)
    limits[7, 3] = 0.0
    general = count_general(prepared, monkeypatch)
    found = prepared.clear_many(price, limit_mw=limits, want=("accepted", "lmp", "welfare", "flow"))
    assert general == [7]
    assert found.certified.all()
    assert found.flow[7, 3] == pytest.approx(0.0, abs=1e-9)
    others = np.arange(rounds) != 7
    assert np.array_equal(found.lmp[others], open_lines.lmp[others])
    assert found.welfare[7] < open_lines.welfare[7]
    closed = NodalMarket(grid.with_settings(limit_mw=limits[7])).prepare(prepared.book)
    assert closed.clear_many(price[7:8]).welfare[0] == pytest.approx(found.welfare[7])


def test_a_line_out_of_service_may_have_any_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = grid_of(("a", "b", 0.1, 50.0), ("a", "b", 0.1, 50.0))
    grid = grid.with_settings(in_service=np.array([True, False]))
    prepared = NodalMarket(grid).prepare(book_of(sell("A", "a", 60.0, 20.0), fixed={"b": 30.0}))
    general = count_general(prepared, monkeypatch)
    assert prepared.clear_many(np.array([20.0]), limit_mw=np.array([40.0, 0.0])).certified.all()
    assert general == []


def test_a_row_that_the_general_path_refuses_is_marked_alone() -> None:
    """A limit of 1e-12 MW in a market of hundreds is neither a limit nor none."""
    book = book_of(sell("A", "a", 400.0, 20.0), sell("B", "b", 400.0, 30.0), fixed={"b": 300.0})
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 100.0))).prepare(book)
    limits = np.array([[100.0], [1e-12], [200.0]])
    found = prepared.clear_many(book.price, limit_mw=limits)
    assert found.status[[0, 2]].tolist() == [Status.OPTIMAL, Status.OPTIMAL]
    assert found.accepted[[0, 2], 0] == pytest.approx([100.0, 200.0])
    if not found.certified[1]:
        assert found.status[1] == Status.INVALID
        with pytest.raises(InputError, match=r"round 1: branch 'L0' has a limit of 1e-12 MW"):
            prepared.clear_many(book.price, limit_mw=limits, on_error="raise")


def test_numbers_of_every_round_are_refused_and_not_marked() -> None:
    prepared = market_of("ieee14")
    price = np.tile(prepared.numbers.price, (3, 1))
    mw = np.array(prepared.numbers.mw)
    mw[2] = np.nan
    with pytest.raises(InputError, match="array 'mw', round 0, order"):
        prepared.clear_many(price, mw)
    price[1, 0] = np.inf
    with pytest.raises(InputError, match="array 'price', round 1, order"):
        prepared.clear_many(price, on_error="raise")


def test_rounds_of_several_periods_are_marked_one_by_one() -> None:
    book = book_of(
        sell("A", "a", 40.0, 20.0), sell("B", "b", 40.0, 30.0), periods=2,
        fixed=[{"bus": "b", "mw": 30.0, "period": t} for t in range(2)],
    )  # fmt: skip
    prepared = NodalMarket(grid_of(("a", "b", 0.1, 25.0))).prepare(book)
    price = np.tile(prepared.numbers.price, (3, 1))
    price[1, 0] = np.nan
    found = prepared.clear_many(price)
    assert found.status.tolist() == [Status.OPTIMAL, Status.INVALID, Status.OPTIMAL]
    assert np.isnan(found.lmp[1]).all()
    assert np.isfinite(found.lmp[[0, 2]]).all()


def test_an_outcome_cache_marks_such_rows_too() -> None:
    prepared = market_of("ieee14")
    cache = OutcomeCache(prepared, profile=("price",))
    price = np.tile(prepared.numbers.price, (3, 1))
    price[2, 1] = np.nan
    assert cache.clear_many(price).status.tolist() == [Status.OPTIMAL, Status.OPTIMAL, Status.INVALID]
    with pytest.raises(InputError, match="array 'price', round 2, order"):
        cache.clear_many(price, on_error="raise")


@pytest.mark.parametrize("sloped", [False, True])
def test_rounds_without_a_dispatch_are_proven_by_the_first_of_them(
    sloped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = market_of()
    rng = np.random.default_rng(4)
    demand = prepared.numbers.fixed_mw[:, 0] - prepared.market.grid.shunt_mw
    scale = np.array([1.0, 1.35, 1.4, 0.9, 1.38])
    demand = demand * scale[:, None] * rng.uniform(0.99, 1.0, (5, len(demand)))
    price = np.tile(prepared.numbers.price, (5, 1))
    slope = rng.uniform(0.01, 0.1, price.shape) if sloped else None
    general = count_general(prepared, monkeypatch)
    found = prepared.clear_many(price, slope=slope, fixed_mw=demand)
    assert found.status.tolist() == [0, Status.INFEASIBLE, Status.INFEASIBLE, 0, Status.INFEASIBLE]
    if not sloped:
        assert general == []
    with pytest.raises(InfeasibleError, match="round 1: "):
        prepared.clear_many(price, slope=slope, fixed_mw=demand, on_error="raise")


@pytest.mark.parametrize("name", ["ieee14", "pglib_ieee118"])
def test_a_cut_excludes_no_round_that_has_a_dispatch(name: str) -> None:
    """Cuts found at one demand, tried at others around the edge, with the solver's word beside them."""
    case = networks.load(name)
    book, market = Book.from_case(case), NodalMarket(case.grid)
    structure = Structure.of(book, case.grid)
    numbers = Numbers.of(book, structure)
    shortages, rng, kinds = Shortages(), np.random.default_rng(6), set()
    for _ in range(25):
        factor = rng.uniform(0.9, 1.6 if name != "ieee14" else 3.5)
        fixed = numbers.fixed_mw * factor * rng.uniform(0.9, 1.1, numbers.fixed_mw.shape)
        row = Numbers(**{**vars(numbers), "fixed_mw": fixed})
        try:
            find_optimum(structure, row, market.compiled(structure), "canonical", 60.0)
            feasible = True
        except InfeasibleError:
            feasible = False
        assert shortages.prove(structure, row, 60.0) is not feasible
        kinds.add(feasible)
    assert kinds == {True, False}
    assert 1 <= len(shortages._cuts) <= 8
