"""The certificate refuses wrong claims, row by row, and accepts right ones that no solver made (law 6)."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from clearing import InfeasibleError, InputError, NodalMarket, certify
from clearing.nodal_certificate import TOLERANCES, Claim
from networks import Grid
from tests.support.random_books import instances
from tests.support.small import book_of, buy, clear, grid_of, sell

GRID = Grid.from_tables(
    buses=[{"bus": b, "shunt_mw": 1.0 if b == "C" else 0.0} for b in "ABCD"],
    branches=[
        {"branch": "AB", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": 8},
        {"branch": "BC", "from_bus": "B", "to_bus": "C", "x_pu": 0.1, "shift_degree": 0.5},
        {"branch": "AC", "from_bus": "A", "to_bus": "C", "x_pu": 0.2, "tap": 1.05},
    ],
    links=[{"link": "K", "from_bus": "A", "to_bus": "D", "min_mw": 0, "max_mw": 10}],
)
BOOK = book_of(
    sell("cheap", "A", 100, 10),
    sell("mid", "B", 60, 25, slope=0.2),
    sell("dear", "C", 100, 60),
    buy("bid", "B", 20, 40, slope=0.5),
    sell("far", "D", 30, 35, min_mw=2),
    periods=3,
    fixed=[{"bus": "B", "mw": 20}, {"bus": "C", "mw": 30, "period": 1}, {"bus": "D", "mw": 15}],
    ramps=[{"unit": "cheap", "up_mw": 8, "down_mw": 20, "previous_mw": 20}],
)


@pytest.fixture(scope="module")
def outcome():
    return NodalMarket(GRID).clear(BOOK)


@pytest.fixture(scope="module")
def claim(outcome):
    return Claim(
        outcome.accepted_mw,
        outcome.link_mw,
        outcome.flow_mw,
        outcome.lmp,
        outcome.flow_dual,
        outcome.ramp_dual,
    )


def moved(claim: Claim, name: str, place, by: float) -> Claim:
    array = getattr(claim, name).copy()
    array[place] += by
    return replace(claim, **{name: array})


def failing(book, grid, claim) -> set[str]:
    certificate = certify(book, grid, claim)
    wrong = {row for row, limit in certificate.tolerances.items() if not certificate.residuals[row] <= limit}
    assert certificate.holds == (not wrong)
    assert ("FAILS" in str(certificate)) == bool(wrong)
    return wrong


def test_the_instance_exercises_every_row(outcome):
    assert outcome.flow_dual.any()
    assert outcome.ramp_dual.any()
    assert (outcome.link_mw > 0).any()


def test_the_right_claim_passes(claim, outcome):
    assert failing(BOOK, GRID, claim) == set()
    assert set(outcome.certificate.residuals) == set(TOLERANCES)
    assert max(outcome.certificate.residuals.values()) < 1e-9  # recomputed, not a solver's tolerance


@pytest.mark.parametrize("k", range(15))
def test_any_other_dispatch_of_an_order_fails(claim, k):
    for by in (0.01, -0.01):
        assert "P1" in failing(BOOK, GRID, moved(claim, "accepted", k, by))


@pytest.mark.parametrize("t", range(3))
@pytest.mark.parametrize("n", range(4))
def test_any_other_price_fails(claim, n, t):
    for by in (0.1, -0.1):
        wrong = failing(BOOK, GRID, moved(claim, "lmp", (n, t), by))
        assert wrong & {"D1", "D3"}


@pytest.mark.parametrize("line", range(3))
def test_any_other_flow_fails(claim, line):
    wrong = failing(BOOK, GRID, moved(claim, "flow_mw", (line, 1), 0.01))
    assert {"P1", "P3"} <= wrong


def test_flows_that_balance_but_break_the_voltage_law_fail(claim):
    around = np.zeros(claim.flow_mw.shape)
    around[:, 0] = [1.0, 1.0, -1.0]  # a circulation A → B → C → A
    assert failing(BOOK, GRID, replace(claim, flow_mw=claim.flow_mw + around)) & {"P3"}


def test_a_link_flow_beyond_its_range_fails(claim):
    links = claim.link_mw.copy()
    links[0, 0] = 10.5
    assert "P2" in failing(BOOK, GRID, replace(claim, link_mw=links))


def test_shadow_prices_of_the_wrong_size_sign_and_place_fail(claim, outcome):
    line, t = np.argwhere(outcome.flow_dual)[0]
    assert "D3" in failing(BOOK, GRID, moved(claim, "flow_dual", (line, t), 0.5))
    flipped = claim.flow_dual.copy()
    flipped[line, t] *= -1
    assert {"C1", "D3"} <= failing(BOOK, GRID, replace(claim, flow_dual=flipped))
    assert "D4" in failing(BOOK, GRID, moved(claim, "flow_dual", (1, t), 0.5))  # BC has no limit
    slack = np.argwhere(outcome.flow_dual[0] == 0).ravel()
    if len(slack):
        assert "C1" in failing(BOOK, GRID, moved(claim, "flow_dual", (0, slack[0]), 0.5))


def test_ramp_duals_of_the_wrong_size_and_sign_fail(claim, outcome):
    u, t = np.argwhere(outcome.ramp_dual)[0]
    assert "D1" in failing(BOOK, GRID, moved(claim, "ramp_dual", (u, t), 0.5))
    flipped = claim.ramp_dual.copy()
    flipped[u, t] *= -1
    assert {"C1", "D1"} <= failing(BOOK, GRID, replace(claim, ramp_dual=flipped))


def test_a_price_level_that_supports_no_order_opens_the_gap():
    """Shifting every price of an island keeps D3; D1, C1 and G1 notice."""
    grid, book = grid_of(("A", "B", 0.1)), book_of(sell("s", "A", 50, 10), fixed={"B": 20})
    out = clear(grid, book)
    wrong = Claim(out.accepted_mw, out.link_mw, out.flow_mw, out.lmp + 5, out.flow_dual, out.ramp_dual)
    assert {"D1", "C1", "G1"} <= failing(book, grid, wrong)


def test_a_feasible_but_dearer_dispatch_fails():
    grid = grid_of(("A", "B", 0.1))
    book = book_of(sell("cheap", "A", 50, 10), sell("dear", "A", 50, 20), fixed={"B": 20})
    out = clear(grid, book)
    other = Claim(np.array([0.0, 20.0]), out.link_mw, out.flow_mw, out.lmp, out.flow_dual, out.ramp_dual)
    assert {"D1", "C1"} <= failing(book, grid, other)
    priced = replace(other, lmp=np.full((2, 1), 20.0))  # priced as if it were right
    assert {"D1", "C1"} <= failing(book, grid, priced)


def test_a_branch_limit_that_is_broken_fails():
    grid = grid_of(("A", "B", 0.1, 15))
    book = book_of(sell("a", "A", 50, 10), sell("b", "B", 50, 20), fixed={"B": 20})
    zero = np.zeros((1, 1))
    free = Claim(
        np.array([20.0, 0.0]), np.zeros((0, 1)), zero + 20, np.full((2, 1), 10.0), zero, np.zeros((0, 1))
    )
    assert "P2" in failing(book, grid, free)


def test_surplus_that_no_rent_explains_fails():
    """S1: prices that differ over a line with slack."""
    grid = grid_of(("A", "B", 0.1, 50))
    book = book_of(sell("a", "A", 50, 10), sell("b", "B", 50, 20, min_mw=10), fixed={"B": 20})
    out = clear(grid, book)
    claim = Claim(
        out.accepted_mw, out.link_mw, out.flow_mw, np.array([[10.0], [20.0]]), out.flow_dual, out.ramp_dual
    )
    assert {"S1", "D3"} <= failing(book, grid, claim)


@pytest.mark.parametrize("name", ["accepted", "flow_mw", "link_mw"])
def test_nan_quantities_never_pass(claim, name):
    array = getattr(claim, name).copy()
    array.flat[0] = np.nan
    assert not certify(BOOK, GRID, replace(claim, **{name: array})).holds


def test_a_price_withheld_is_not_a_price_proven(claim):
    """NaN is only right where nothing bounds the price."""
    lmp = claim.lmp.copy()
    lmp[:] = np.nan
    silent = replace(claim, lmp=lmp, flow_dual=0 * claim.flow_dual, ramp_dual=0 * claim.ramp_dual)
    assert not certify(BOOK, GRID, silent).holds


def test_a_market_called_unpriced_is_not_a_market_proven():
    """Nothing is traded and no price is named, although buyer and seller on one bus gain by trading."""
    grid, book = grid_of(("A", "B", 0.1, 20)), book_of(sell("s", "A", 20, 10), buy("b", "A", 20, 30))
    none = np.zeros((1, 1))
    claim = Claim(np.zeros(2), np.zeros((0, 1)), none, np.full((2, 1), np.nan), none, np.zeros((0, 1)))
    assert "D1" in failing(book, grid, claim)
    named = replace(claim, lmp=np.full((2, 1), 20.0), unpriced=np.ones((2, 1), dtype=bool))
    assert "D1" in failing(book, grid, named)


def test_an_unpriced_market_carries_prices_that_prove_it():
    """A closed line parts a seller from a buyer: any price up to 10 here and from 30 there supports that."""
    grid, book = grid_of(("A", "B", 0.1, 0)), book_of(sell("s", "A", 20, 10), buy("b", "B", 20, 30))
    out = clear(grid, book)
    assert np.isnan(out.lmp).all()
    (a,), (b,) = out.claim.lmp
    assert a <= 10 + 1e-9
    assert b >= 30 - 1e-9
    assert out.certificate.holds
    assert not certify(book, grid, replace(out.claim, lmp=np.full((2, 1), 20.0))).holds


def test_right_claims_by_hand_pass():
    """A claim written down by hand, between the ends of its price interval."""
    grid, book = grid_of(("A", "B", 0.1, 20)), book_of(sell("s", "A", 20, 10), buy("b", "B", 20, 30))
    zero = np.zeros((1, 1))
    for a, b in ((10.0, 10.0), (30.0, 30.0), (12.0, 17.0)):
        claim = Claim(
            np.array([20.0, 20.0]),
            np.zeros((0, 1)),
            zero + 20,
            np.array([[a], [b]]),
            zero + b - a,
            np.zeros((0, 1)),
        )
        assert failing(book, grid, claim) == set()


@given(instances())
def test_random_outcomes_fail_once_anything_is_moved(case):
    grid, book = case
    try:
        out = clear(grid, book)
    except (InfeasibleError, InputError):
        return
    claim = out.claim
    assert certify(book, grid, claim).holds
    step = 1e-3 * (1 + np.abs(out.flow_mw).max(initial=0) + book.mw.max(initial=0))
    for k in range(len(out.accepted_mw)):
        assert failing(book, grid, moved(claim, "accepted", k, step))
    for line in np.flatnonzero(grid.in_service):
        assert failing(book, grid, moved(claim, "flow_mw", (line, 0), step))


@pytest.mark.parametrize("shift", [0.5, -7.0, 30.0, 170.0])
@pytest.mark.parametrize("x", [0.0004, 0.11, -0.06])
def test_a_shifter_that_closes_no_loop_needs_no_trade(shift, x):
    """Nobody meets: the flows are what cancelling megawatts of the shifters leave, and count as none."""
    branches = [
        {
            "branch": k,
            "from_bus": k,
            "to_bus": k + 1,
            "x_pu": x * (k + 1),
            "shift_degree": shift,
            "limit_mw": 9,
        }
        for k in range(4)
    ]
    grid = Grid.from_tables([{"bus": k} for k in range(5)], branches)
    book = book_of(sell("s", 1, 3, 59), buy("b", 4, 5, 20), buy("c", 0, 7, 31))
    out = clear(grid, book)
    assert out.accepted_mw == pytest.approx([0, 0, 0], abs=0)
    assert np.abs(out.flow_mw).max() < 1e-9
    assert out.lmp[:, 0] == pytest.approx(np.full(5, 45.0), rel=1e-9)
    step = 1e-6 if abs(x) > 0.01 else 1e-3
    assert failing(book, grid, moved(out.claim, "accepted", 0, step))
    assert failing(book, grid, moved(out.claim, "flow_mw", (0, 0), step))
