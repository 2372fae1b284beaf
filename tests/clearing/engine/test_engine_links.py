"""Controllable links in the round engine: flows of law 4, with the same bits in any order."""

from __future__ import annotations

import numpy as np
import pytest

from clearing import Book, NodalMarket
from networks import Grid
from tests.support.small import book_of, buy, sell

WANT = ("accepted", "lmp", "welfare", "flow")


def grid_with_links(links: list[tuple], lines: list[tuple]) -> Grid:
    """Lines as (from, to, x), links as (from, to, least, greatest MW)."""
    buses = dict.fromkeys(end for row in (*lines, *links) for end in row[:2])
    return Grid.from_tables(
        [{"bus": bus} for bus in buses],
        [{"branch": f"L{k}", "from_bus": a, "to_bus": b, "x_pu": x} for k, (a, b, x) in enumerate(lines)],
        links=[
            {"link": f"K{k}", "from_bus": a, "to_bus": b, "min_mw": low, "max_mw": high}
            for k, (a, b, low, high) in enumerate(links)
        ],
    )


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_a_link_beside_a_line_without_a_limit_stays_idle(slope: float) -> None:
    """Whatever was cleared before: the line carries all 12 MW."""
    grid = grid_with_links([("a", "b", -15.0, 25.0)], [("a", "b", 0.2), ("b", "c", 0.1)])
    book = book_of(
        sell("near", "a", 30.0, 20.0, slope=slope), sell("dear", "c", 90.0, 300.0), fixed={"c": 12.0}
    )
    before = np.array([[20.0, 300.0], [-4.0, 298.0], [-40.0, 290.0], [310.0, 300.0]])
    market = NodalMarket(grid)
    for k in range(4):
        rows = np.concatenate([before[k:], before[:1]])
        batch = market.prepare(book).clear_many(rows, slope=book.slope if slope else None, want=WANT)
        assert batch.flow[-1] == pytest.approx([12.0, 12.0], abs=1e-9)
        assert batch.certified.all()
        assert batch.fallbacks == 0


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_links_side_by_side_share_a_flow_by_their_ranges(slope: float) -> None:
    """Of 30 and 10 MW they carry 20 MW as 15 and 5; beside a third of at least 2 MW 18 MW as 13.5 and 4.5."""
    ends = [("b", "c", 0.0, 30.0), ("b", "d", -5.0, 5.0), ("b", "c", 2.0, 4.0)]
    for links, flows in ((ends[:2], [15.0, 5.0]), (ends, [13.5, 4.5, 2.0])):
        grid = grid_with_links(links, [("a", "b", 0.1), ("c", "d", 0.1)])
        book = book_of(sell("s", "a", 50.0, 20.0, slope=slope), fixed={"c": 20.0})
        given = book.slope if slope else None
        batch = NodalMarket(grid).prepare(book).clear_many(book.price, slope=given, want=WANT)
        assert batch.certified.all()
        assert batch.flow[0] == pytest.approx([20.0, -flows[1]], abs=1e-6)


@pytest.mark.parametrize("seed", [6, 12, 16, 22, 50])
def test_a_link_that_the_binding_line_feels_by_rounding_alone_stays_idle(seed: int) -> None:
    """The line to d binds; in the loop a, b, c, where nothing is traded, nothing flows on either path."""
    x = np.random.default_rng(seed).uniform(0.1, 0.4, 3)
    grid = grid_with_links([("b", "c", -3.0, 11.0)], list(zip("aac", "bcd", x, strict=True)))
    grid = grid.with_settings(limit_mw=np.array([7.0, np.inf, 21.7]))
    book = book_of(
        sell("near", "c", 60.0, 20.0, slope=0.2), sell("far", "d", 60.0, 40.0, slope=0.3), fixed={"d": 33.0}
    )
    market = NodalMarket(grid)
    outcome = market.clear(book)
    batch = market.prepare(book).clear_many(book.price, slope=book.slope, want=WANT)
    assert outcome.link_mw == pytest.approx(np.zeros((1, 1)), abs=1e-9)
    assert batch.flow[0] == pytest.approx([0.0, 0.0, 21.7], abs=1e-9)
    assert batch.accepted[0] == pytest.approx([21.7, 11.3])
    assert batch.fallbacks == 0


@pytest.mark.parametrize("slopes", [False, True])
def test_flows_of_random_rounds_are_those_of_single_clearings(slopes: bool) -> None:
    """Two islands, links between and within them, prices on a grid; the order of rounds shows in no bit."""
    rng = np.random.default_rng(41)
    lines = [("a", "b", 0.2), ("b", "c", 0.1), ("a", "c", 0.3), ("d", "e", 0.2)]
    links = [("a", "c", -20.0, 20.0), ("b", "d", -5.0, 20.0), ("c", "e", 2.0, 12.0), ("d", "e", -8.0, 0.0)]
    grid = grid_with_links(links, lines)
    grid = grid.with_settings(limit_mw=np.array([12.0, np.inf, 15.0, np.inf]))
    rows = [sell(f"s{k}", bus, 25.0, 20.0) for k, bus in enumerate("abcde")]
    book = Book.from_tables([*rows, *(buy(f"b{k}", bus, 20.0, 30.0) for k, bus in enumerate("abcde"))])
    price = 10.0 * rng.integers(1, 5, (24, 10))
    mw = 10.0 * rng.integers(0, 4, (24, 10))
    slope = np.where(np.arange(10) % 3 == 0, 0.5, 0.0) if slopes else None
    market = NodalMarket(grid)
    batch = market.prepare(book).clear_many(price, mw, slope=slope, want=WANT)
    assert batch.certified.sum() > 12
    assert batch.fallbacks < 3
    order = rng.permutation(24)
    shuffled = market.prepare(book).clear_many(price[order], mw[order], slope=slope, want=WANT)
    prepared = market.prepare(book)
    prepared.__dict__["engine"] = None
    theirs = prepared.clear_many(price, mw, slope=slope, want=WANT)
    assert np.array_equal(batch.status, theirs.status)
    for name in WANT:
        values = getattr(batch, name)
        assert values == pytest.approx(getattr(theirs, name), abs=1e-6, nan_ok=True), name
        assert np.array_equal(values[order], getattr(shuffled, name), equal_nan=True), "law 3"
