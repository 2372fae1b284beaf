"""Law 3: a clearing depends on its book alone; relabelling, permuting and splitting change nothing."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import networks
from clearing import Book, InfeasibleError, InputError, NodalMarket
from networks import Grid
from tests.support.random_books import books, grids, instances
from tests.support.small import book_of, grid_of, same, sell

ROOT = Path(__file__).parents[2]
MONEY_TOLERANCE = 1e-9


def cleared(grid, book):
    try:
        return NodalMarket(grid).clear(book)
    except (InfeasibleError, InputError):
        assume(False)


def bits(outcome) -> bytes:
    arrays = (
        outcome.accepted_mw,
        outcome.link_mw,
        outcome.flow_mw,
        outcome.lmp,
        outcome.flow_dual,
        outcome.ramp_dual,
    )
    return b"".join(a.tobytes() for a in arrays)


def by_order(outcome) -> pd.DataFrame:
    frame = outcome.accepted.reset_index()
    return frame.sort_values(["order", "period"]).set_index(["order", "period"])["accepted_mw"]


def by_bus(outcome) -> pd.DataFrame:
    return outcome.prices.reset_index().sort_values(["bus", "period"]).set_index(["bus", "period"])


def assert_equal(a, b, tolerance: float = MONEY_TOLERANCE):
    """Same accepted MW by order, same prices and intervals by bus, same flows by branch."""
    first, second = by_order(a), by_order(b)
    assert first.index.equals(second.index)
    assert same(first, second, tolerance)
    left, right = by_bus(a), by_bus(b)
    for column in ("lmp", "lmp_low", "lmp_high", "energy", "congestion"):
        assert same(left[column], right[column].reindex(left.index), 1e-8), column
    assert b.welfare == pytest.approx(a.welfare, rel=1e-9, abs=1e-9)


class TestSameBits:
    @settings(max_examples=15)
    @given(st.data())
    def test_any_history_and_order(self, data):
        """One market that has cleared other books, in any order, against a new market for each book."""
        grid = data.draw(grids())
        drawn = data.draw(st.lists(books(grid, most=4), min_size=2, max_size=4))
        fresh = []
        for book in drawn:
            try:
                fresh.append(bits(NodalMarket(grid).clear(book)))
            except (InfeasibleError, InputError):
                fresh.append(None)
        market = NodalMarket(grid)
        order = data.draw(st.permutations(range(len(drawn))))
        for k in [*order, *order[::-1]]:
            try:
                assert bits(market.clear(drawn[k])) == fresh[k]
            except (InfeasibleError, InputError):
                assert fresh[k] is None

    def test_many_books_of_one_structure_on_a_real_grid(self):
        """Bids on a 5 $ grid at 118 buses: what broke a warm-started simplex in 57 books of 60."""
        case = networks.load("ieee118")
        book = Book.from_case(case)
        rng = np.random.default_rng(7)
        drawn = [
            replace(book, price=5.0 * rng.integers(2, 9, len(book.price)), slope=0 * book.slope)
            for _ in range(6)
        ]
        market = NodalMarket(case.grid)
        forward = [bits(market.clear(b)) for b in drawn]
        assert [bits(market.clear(b)) for b in drawn[::-1]] == forward[::-1]
        assert bits(NodalMarket(case.grid).clear(drawn[3])) == forward[3]

    def test_other_processes_with_other_hash_seeds(self):
        script = (
            "import hashlib\n"
            "from tests.laws.test_law_03_purity import bits\n"
            "from tests.support.small import three_node\n"
            "import networks\n"
            "from clearing import Book, NodalMarket\n"
            "case = networks.load('pglib_ieee118')\n"
            "h = hashlib.sha256()\n"
            "for grid, book in (three_node(), (case.grid, Book.from_case(case))):\n"
            "    h.update(bits(NodalMarket(grid).clear(book)))\n"
            "print(h.hexdigest())\n"
        )
        digests = set()
        for seed in ("1", "4711"):
            environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
            done = subprocess.run(
                [sys.executable, "-c", script],
                env=environment,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            digests.add(done.stdout.strip())
        assert len(digests) == 1
        assert len(digests.pop()) == len(hashlib.sha256().hexdigest())


def permuted(book: Book, rng: np.random.Generator) -> Book:
    def shuffle(frame):
        return frame.iloc[rng.permutation(len(frame))]

    ramps = book.ramps_frame if len(book.ramp_units) else None
    return Book.from_tables(
        shuffle(book.orders_frame), book.periods, book.hours, ramps if ramps is None else shuffle(ramps),
        shuffle(book.fixed_frame),
    )  # fmt: skip


def rebuilt(grid: Grid, buses=None, branches=None) -> Grid:
    return Grid.from_tables(
        grid.buses_frame if buses is None else buses,
        grid.branches_frame if branches is None else branches,
        grid.links_frame,
        grid.base_mva,
        grid.convention,
    )


class TestEqualTo1e9:
    @given(instances(), st.integers(0, 2**31))
    def test_permuted_rows(self, case, seed):
        grid, book = case
        assert_equal(cleared(grid, book), cleared(grid, permuted(book, np.random.default_rng(seed))))

    @given(instances(), st.integers(0, 2**31))
    def test_other_bus_and_branch_order(self, case, seed):
        """Another first bus is another reference bus."""
        grid, book = case
        rng = np.random.default_rng(seed)
        buses = grid.buses_frame.iloc[rng.permutation(len(grid.buses))]
        branches = grid.branches_frame.iloc[rng.permutation(len(grid.branches))]
        assert_equal(cleared(grid, book), cleared(rebuilt(grid, buses, branches), book))

    @settings(max_examples=25)
    @given(instances())
    def test_reversed_branches(self, case):
        grid, book = case
        frame = grid.branches_frame
        turned = frame.assign(
            from_bus=frame["to_bus"],
            to_bus=frame["from_bus"],
            shift_degree=-frame["shift_degree"],
            angle_min_degree=-frame["angle_max_degree"],
            angle_max_degree=-frame["angle_min_degree"],
        )
        first, second = cleared(grid, book), cleared(rebuilt(grid, branches=turned), book)
        assert_equal(first, second)
        assert same(first.flow_mw, -second.flow_mw)

    @settings(max_examples=25)
    @given(instances())
    def test_relabelled(self, case):
        """Names in another script, and numbers with gaps."""
        grid, book = case
        names, ends = {bus: 1000 - 7 * k for k, bus in enumerate(grid.buses)}, ("from_bus", "to_bus")
        for table in ("buses", "branches", "links"):
            assert getattr(grid, f"{table}_frame") is not None
        other = Grid.from_tables(
            grid.buses_frame.assign(bus=[names[b] for b in grid.buses]),
            grid.branches_frame.assign(**{end: lambda f, e=end: f[e].map(names) for end in ends}),
            grid.links_frame.assign(**{end: lambda f, e=end: f[e].map(names) for end in ends}),
            grid.base_mva,
            grid.convention,
        )
        renamed = replace(
            book,
            orders=tuple(f"заявка {o}" for o in book.orders),
            units=tuple(f"machine «{u}»" for u in book.units),
            ramp_units=tuple(f"machine «{u}»" for u in book.ramp_units),
            order_bus=tuple(names[b] for b in book.order_bus),
            fixed_bus=tuple(names[b] for b in book.fixed_bus),
        )
        first, second = cleared(grid, book), cleared(other, renamed)
        assert same(first.accepted_mw, second.accepted_mw)
        assert same(first.lmp, second.lmp)

    @given(instances(most=5), st.integers(2, 3), st.integers(0, 10))
    def test_split_orders(self, case, parts, which):
        """Equal parts of one participant and one unit: the slope of each part is that many times as steep."""
        grid, book = case
        frame = book.orders_frame
        row = frame.iloc[which % len(frame)]
        pieces = pd.DataFrame(
            [
                {
                    **row.to_dict(),
                    "order": f"{row['order']}/{k}",
                    "mw": row["mw"] / parts,
                    "min_mw": row["min_mw"] / parts,
                    "slope": row["slope"] * parts,
                }
                for k in range(parts)
            ]
        )
        split = pd.concat([frame.drop(frame.index[which % len(frame)]), pieces.astype({"period": "Int64"})])
        ramps = book.ramps_frame if len(book.ramp_units) else None
        other = Book.from_tables(split, book.periods, book.hours, ramps, book.fixed_frame)
        first, second = cleared(grid, book), cleared(grid, other)
        assert same(first.lmp, second.lmp)
        assert same(first.flow_mw, second.flow_mw)
        assert same(np.array(first.intervals), np.array(second.intervals), 1e-8)
        whole, shares = first.accepted.loc[[row["order"]]], second.accepted
        if not pd.isna(row["period"]):
            whole = whole[whole["period"] == row["period"]]
        for _, piece in whole.iterrows():
            for k in range(parts):
                got = shares.loc[[f"{row['order']}/{k}"]]
                mw = got.loc[got["period"] == piece["period"], "accepted_mw"].iloc[0]
                assert same(mw * parts, piece["accepted_mw"])

    @given(instances(), st.integers(0, 10))
    def test_split_branches(self, case, which):
        """Two parallel lines of twice the reactance and half the limit are the line."""
        grid, book = case
        assume(len(grid.branches) > 0)
        frame = grid.branches_frame
        k = which % len(frame)
        row = frame.iloc[k]
        half = {
            **row.to_dict(),
            "x_pu": 2 * row["x_pu"],
            "r_pu": 2 * row["r_pu"],
            "limit_mw": row["limit_mw"] / 2,
        }
        pieces = pd.DataFrame([{**half, "branch": "first"}, {**half, "branch": "second"}])
        other = rebuilt(grid, branches=pd.concat([frame.drop(frame.index[k]), pieces]))
        first, second = cleared(grid, book), cleared(other, book)
        assert_equal(first, second)
        kept = [p for p in range(len(frame)) if p != k]
        assert same(first.flow_mw[kept], second.flow_mw[:-2])
        assert same(first.flow_mw[k], second.flow_mw[-2:].sum(axis=0))
        assert same(first.flow_dual[k], second.flow_dual[-1])

    def test_split_branches_where_ramps_and_lines_share_a_price(self):
        """The norm that settles free shadow prices weighs ramps against lines whatever the lines' number."""
        lines = [("A", "B", 0.1, 10), ("B", "C", 0.2, 10), ("A", "C", 0.4, 20)]
        book = book_of(
            sell("a", "A", 50, 10),
            sell("c", "C", 15, 30),
            periods=2,
            fixed=[{"bus": "C", "mw": 25}, {"bus": "B", "mw": 5}],
            ramps=[{"unit": "c", "up_mw": 0, "down_mw": 0, "previous_mw": 15}],
        )
        split = [*lines[1:], ("A", "B", 0.2, 5), ("A", "B", 0.2, 5)]
        first = cleared(grid_of(*lines, buses="ABC"), book)
        second = cleared(grid_of(*split, buses="ABC"), book)
        assert same(first.lmp, second.lmp)
        assert same(first.ramp_dual, second.ramp_dual)
