"""Compiled functions called by address: declared as they are, compiled by themselves when first called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from clearing import NodalMarket
from clearing.engine.batch import clear_rounds
from clearing.engine.compilation import by_address
from clearing.engine.compilation.decorators import FOLDER, PACKAGE, dependencies
from clearing.engine.memory.statuses import GROW_SLOTS, LOAD
from tests.support.small import book_of, buy, grid_of, sell

STEPS = """
from clearing import NodalMarket
from clearing.engine.compilation import by_address
from tests.support.small import book_of, buy, grid_of, sell
book = book_of(sell("s", "A", 30, 10), sell("t", "B", 30, 20), buy("b", "B", 40, 50))
market = NodalMarket(grid_of(("A", "B", 0.1, 15))).prepare(book)
batch = market.clear_many(market.numbers.price[None])
assert batch.certified.all() and batch.fallbacks == 0, batch
print(*sorted(by_address.loaded()))
"""


def test_every_function_has_the_declared_types_and_an_address() -> None:
    assert LOAD == GROW_SLOTS + 1, "statuses of this kind are told from others by their order"
    addresses = [by_address.load(place) for place in range(by_address.count())]
    assert len(set(addresses)) == by_address.count()
    assert 0 not in addresses
    engine = NodalMarket(grid_of(("A", "B", 0.1))).prepare(book_of(sell("s", "A", 1, 1))).engine
    assert engine is not None
    assert by_address.count() <= len(engine.workspace()["addresses"])


def test_numba_has_the_internals_that_calls_by_address_use() -> None:
    by_address.load(0)
    compiled = next(iter(clear_rounds.overloads.values()))
    moved = [
        name
        for owner, name in (
            (compiled.library, "get_pointer_to_function"),
            (compiled.fndesc, "llvm_func_name"),
            (compiled.target_context.call_conv, "get_function_type"),
            (compiled.target_context.call_conv, "call_function"),
            (compiled.target_context.call_conv, "return_status_propagate"),
        )
        if not hasattr(owner, name)
    ]
    assert not moved, (
        f"numba has moved {moved}: adapt compilation/by_address.py of the engine, then raise its upper bound"
    )


def test_a_book_of_steps_compiles_nothing_of_slopes_and_ties() -> None:
    root = Path(__file__).parents[3]
    found = subprocess.run(
        [sys.executable, "-c", STEPS], cwd=root, capture_output=True, text=True, check=True
    )
    loaded = set(found.stdout.split())
    assert {"clear_round", "dual_simplex", "recompute"} <= loaded
    assert not loaded & {
        "solve_sloped",
        "solve_columns",
        "apply_tie_rule",
        "share_near_ties",
        "bus_intervals",
    }


def test_code_depends_on_what_is_linked_into_it_alone() -> None:
    kernel = set(dependencies(PACKAGE + "batch"))
    assert {
        "batch",
        "linalg.simd",
        "memory.fields",
        "compilation.by_address",
        "compilation.decorators",
    } <= kernel
    assert {"memory.fields", "memory.layout", "memory.declare"} <= set(
        dependencies(PACKAGE + "grid.bus_aggregation")
    ), "the layout"
    assert not kernel & {"sloped", "semismooth_newton", "ascent", "ties", "near", "face", "intervals"}
    assert kernel | set(dependencies(PACKAGE + "qp.sloped")) <= {
        ".".join(path.relative_to(FOLDER).with_suffix("").parts) for path in FOLDER.rglob("*.py")
    }


@pytest.mark.parametrize("place", range(by_address.count()))
def test_a_missing_function_is_loaded_and_changes_no_bit(place: int) -> None:
    """Each in turn is forgotten by the workspace: the rounds stop there, and end as if nothing had been."""
    grid = grid_of(("A", "B", 0.1, 15), ("B", "C", 0.1, 20), ("A", "C", 0.2))
    book = book_of(
        sell("s", "A", 30, 10), sell("t", "B", 30, 20), sell("u", "C", 30, 20), buy("b", "C", 40, 50),
        buy("d", "B", 25, 20),
    )  # fmt: skip
    market = NodalMarket(grid).prepare(book)
    rng = np.random.default_rng(place)
    price = np.round(market.numbers.price * rng.uniform(0.5, 1.5, (20, market.orders)) / 5) * 5
    want = ("accepted", "lmp", "welfare", "flow", "lmp_low", "lmp_high")
    for slope in (None, np.where(rng.random(market.orders) < 0.6, 0.1, 0.0)):
        right = market.clear_many(price, slope=slope, want=want)
        assert market.engine is not None
        work = market.engine.workspace()
        work["addresses"][place] = 0
        market.engine._idle.append(work)
        again = market.clear_many(price, slope=slope, want=want)
        for name in want:
            assert np.array_equal(getattr(right, name), getattr(again, name), equal_nan=True), name
    right = market.clear_many(price)
    work["addresses"][place] = 0
    market.engine._idle.append(work)
    for r in range(len(price)):  # the way of a single round
        alone = market.clear(price[r])
        assert np.array_equal(alone[0], right.accepted[r])
        assert np.array_equal(alone[1], right.lmp[r])
