"""ElecBay's sequential mode: pairs in the order of price and time, as far as lines carry them."""

import numpy as np
import pytest

import networks
from clearing import ElecBay, SealedBook
from tests.clearing.test_elecbay import TRIANGLE, order
from tests.support.small import grid_of


def in_sequence(grid, rows, pricing="pay_as_bid", **options):
    return ElecBay(grid, pricing, mode="sequential", **options).clear(SealedBook.from_tables(rows))


def test_sequential_mode_misses_what_a_mesh_would_allow():
    book = SealedBook.from_tables(
        [
            order("far", "sell", 2, 10, 1),
            order("near", "sell", 2, 50, 2),
            order("want", "buy", 2, 100, 3),
        ]
    )
    outcome = ElecBay(TRIANGLE, "pay_as_bid", mode="sequential").clear(book)
    assert outcome.accepted_mw == pytest.approx([1.5, 0, 1.5])
    assert outcome.welfare == pytest.approx(135)
    assert outcome.exact.welfare == pytest.approx(140)
    assert outcome.efficiency == pytest.approx(135 / 140)
    assert outcome.rejected_pairs == 1
    life = outcome.life_cycle.droplevel("period")
    assert life.reason["near"] == "security of branch 1-3"
    assert outcome.summary.platform_surplus == pytest.approx(135)
    halves = ElecBay(TRIANGLE, "k", mode="sequential").clear(book)
    assert halves.summary.platform_surplus == pytest.approx(0)
    assert halves.trades_frame.buyer_pays.tolist() == [55]


def test_sequential_names_the_branch_that_first_cut_an_order():
    """On the path a-b-c, 2 MW fit through ab and 3 through bc: ab cuts the bid, then bc the other offer."""
    path = grid_of(("a", "b", 0.1, 2.0), ("b", "c", 0.1, 3.0))
    rows = [order("far", "sell", 4, 10), order("mid", "sell", 4, 20, "b"), order("want", "buy", 5, 90, "c")]
    outcome = ElecBay(path, "pay_as_bid", mode="sequential").clear(SealedBook.from_tables(rows))
    assert outcome.accepted_mw == pytest.approx([2, 1, 3])
    assert outcome.life_cycle.droplevel("period").reason.to_dict() == {
        "far": "security of branch L0", "mid": "security of branch L1", "want": "security of branch L0"
    }  # fmt: skip


def test_sequential_never_beats_the_optimum_and_serves_fixed_demand_first():
    grid = networks.load("feeder8").grid
    for seed in range(5):
        generator = np.random.default_rng(seed)
        rows = [
            order(
                f"o{k}", ("sell", "buy")[k % 2], float(generator.uniform(1e-3, 4e-3)),
                float(generator.uniform(80, 300)), int(generator.integers(1, 8)),
            )
            for k in range(20)
        ]  # fmt: skip
        book = SealedBook.from_tables(
            rows,
            supplier=[{"bus": 0, "import_price": 200, "export_price": 90}],
            fixed=[{"bus": 7, "mw": 0.002}],
        )
        outcome = ElecBay(grid, "k", mode="sequential").clear(book)
        assert outcome.welfare <= outcome.exact.welfare + 1e-9
        assert outcome.certificate.holds


def test_sequential_tries_the_next_offer_where_a_line_keeps_a_pair_apart():
    """The first bid fills ab; the second cannot have the offer at a, and takes the dearer one at b."""
    path = grid_of(("a", "b", 0.1, 2.0), ("b", "c", 0.1, 3.0))
    rows = [
        order("far", "sell", 4, 10), order("mid", "sell", 4, 20, "b"),
        order("first", "buy", 2, 95, "c"), order("second", "buy", 1, 90, "c"),
    ]  # fmt: skip
    outcome = in_sequence(path, rows)
    assert outcome.accepted_mw == pytest.approx([2, 1, 2, 1])
    assert outcome.rejected_pairs == 1


def test_sequential_takes_the_earlier_of_equal_offers_whatever_their_names():
    rows = [
        order("a", "sell", 1, 10, submitted=2), order("b", "sell", 1, 10, submitted=1),
        order("want", "buy", 1, 50, submitted=3),
    ]  # fmt: skip
    assert in_sequence(TRIANGLE, [r | {"bus": 1} for r in rows]).accepted_mw == pytest.approx([0, 1, 1])


def test_sequential_settles_a_share_k_of_the_way_from_offer_to_bid():
    rows = [order("s", "sell", 1, 20, 1), order("b", "buy", 1, 60, 1)]
    outcome = in_sequence(TRIANGLE, rows, "k", k=0.25)
    assert outcome.trades_frame[["buyer_pays", "seller_gets"]].to_numpy().tolist() == [[30, 30]]


def test_sequential_counts_what_a_phase_shifter_sends_around_the_loop():
    """0.0012 rad send 0.4 MW around; of 1 MW 0.6 are left, and two thirds of a trade pass there."""
    branches = TRIANGLE.branches_frame
    branches["shift_degree"] = [0.0, 0.0, -np.degrees(0.0012)]
    grid = networks.Grid.from_tables(TRIANGLE.buses_frame, branches)
    outcome = in_sequence(grid, [order("far", "sell", 2, 10, 1), order("want", "buy", 2, 100, 3)])
    assert outcome.accepted_mw == pytest.approx([0.9, 0.9])
    assert outcome.flow_mw[2, 0] == pytest.approx(1.0)
