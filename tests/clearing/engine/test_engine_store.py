"""The declared layout of the engine's store: what is whose, and which names share memory."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import networks
from clearing import NodalMarket
from clearing.engine.memory import store
from clearing.engine.memory.declare import MARKET
from clearing.engine.memory.fields import AMOUNTS, NUMBERS
from clearing.engine.memory.layout import LAYOUT
from tests.clearing.engine.test_engine_batches import elastic_book


def test_every_name_is_declared_once() -> None:
    fields = [field for block in LAYOUT for place in block.places for field in place]
    names = [field.name for field in (*fields, *NUMBERS, *AMOUNTS)] + list(store.SIZES)
    assert len(set(names)) == len(names)
    owners = {name.partition(".")[0] for name in names if "." in name}
    assert owners == {"lp", "qp", "tie", "canonical", "proof", "grid"}
    assert not owners & set(names)


def test_names_of_lent_memory_are_of_one_array() -> None:
    case = networks.load("ieee14")
    engine = NodalMarket(case.grid).prepare(elastic_book(case)).engine
    assert engine is not None
    work = engine.workspace()
    places = [place for block in LAYOUT for place in block.places]
    for place in places:
        assert len({work[field.name].ctypes.data for field in place}) == 1
    work["reduced_cost"][3], work["basis_size"] = 7.0, 2
    assert work["qp.column_price"][3] == 7.0
    assert int(work["basis_size"]) == 2


def test_fields_of_the_market_stay_what_they_are() -> None:
    """Else a workspace would hand on more than a start of rounds, which shows in no result (law 3)."""
    case = networks.load("pglib_ieee118")
    book, rng = elastic_book(case), np.random.default_rng(4)
    prepared = NodalMarket(case.grid).prepare(book)
    engine = prepared.engine
    assert engine is not None
    fields = [*AMOUNTS, *(place[0] for block in LAYOUT for place in block.places)]
    fixed = [field.name for field in fields if field.whose == MARKET]
    before = {name: engine.workspace()[name].copy() for name in fixed}
    price = book.price * rng.uniform(0.5, 1.5, (40, len(book.price)))
    more = (
        {}, {"slope": np.full(price.shape, 0.05)}, {"limit_mw": case.grid.limit_mw * rng.uniform(0.8, 1.2)},
        {"fixed_mw": rng.uniform(0.0, 5.0, len(case.grid.buses))},
    )  # fmt: skip
    for numbers in more:
        prepared.clear_many(price, want=("accepted", "lmp_low", "flow"), **numbers)
        prepared.clear_many(5 * np.round(price / 5), **numbers)
    work = engine.workspace()
    for name in fixed:
        assert np.array_equal(work[name], before[name]), name


def test_the_page_of_the_engine_names_every_file_and_only_fields_that_exist() -> None:
    root = Path(__file__).parents[3]
    page = (root / "docs" / "engine.md").read_text(encoding="utf-8")
    for path in (root / "clearing" / "engine").rglob("*.py"):
        assert path.stem == "__init__" or f"`{path.stem}`" in page, path
    fields = [field.name for block in LAYOUT for place in block.places for field in place]
    known = {*fields, *(field.name for field in NUMBERS)}
    flags = re.findall(r"^\| `(\w+)`", page, re.M)
    assert len(flags) > 10
    assert set(flags) <= known
    assert set(re.findall(r"`s\.([\w.]+)(?:\[\w+\])?`", page)) <= known
