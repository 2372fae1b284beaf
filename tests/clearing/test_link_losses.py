"""Links that lose a share of what they carry: by hand, against an independent program, and in batches."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from scipy.optimize import linprog

from clearing import Book, InfeasibleError, InputError, NodalMarket, certify, settle
from clearing.nodal_certificate import Claim
from clearing.plants.plant import VirtualPowerPlant, join_grids
from networks import Grid
from tests.support.random_books import instances
from tests.support.random_markets import random_market
from tests.support.reference_solver import Reference
from tests.support.small import accepted, book_of, buy, clear, interval, prices, same, sell


def linked(loss, low=0.0, high=50.0, branches=(), buses="AB", **options):
    """Buses with a link from A to the last one."""
    return Grid.from_tables(
        [{"bus": bus} for bus in buses],
        branches,
        [{"link": "K", "from_bus": "A", "to_bus": buses[-1], "min_mw": low, "max_mw": high, "loss": loss}],
        **options,
    )


def claim_of(outcome):
    names = ("accepted_mw", "link_mw", "flow_mw", "lmp", "flow_dual", "ramp_dual")
    return Claim(*(np.array(getattr(outcome, name)) for name in names))


def wrong_rows(book, grid, claim):
    certificate = certify(book, grid, claim)
    return {row for row, limit in certificate.tolerances.items() if not certificate.residuals[row] <= limit}


ONE_WAY = linked(0.2)
SERVED = book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 60), fixed={"B": 32})


def test_what_arrives_costs_more_by_what_is_lost():
    out = clear(ONE_WAY, SERVED)
    assert accepted(out) == pytest.approx({"a": 40, "b": 0})
    assert prices(out) == pytest.approx({"A": 10, "B": 12.5})  # 10 / 0.8
    row = out.links.loc[("K", 0)]
    assert (row["flow_mw"], row["rent"]) == pytest.approx((40, 0))
    settled = settle(out)
    assert settled.merchandising_surplus == pytest.approx(0)
    explained = out.explain("B")
    assert explained.weights["weight"].tolist() == pytest.approx([1.25])
    assert explained.high == pytest.approx(12.5)


def test_a_full_link_earns_what_arrives_less_what_is_sent():
    out = clear(linked(0.2, high=30), SERVED)
    assert accepted(out) == pytest.approx({"a": 30, "b": 8})
    assert prices(out) == pytest.approx({"A": 10, "B": 60})
    rent = (0.8 * 60 - 10) * 30
    assert out.links.loc[("K", 0), "rent"] == pytest.approx(rent)
    settled = settle(out)
    assert settled.merchandising_surplus == pytest.approx(rent)
    assert settled.link_rents["rent"].sum() == pytest.approx(rent)
    for rule in ("uniform", "pay_as_bid"):
        assert max(settle(out, rule=rule).identities.values()) < 1e-9


def test_it_is_not_used_where_the_loss_costs_more_than_the_price_difference():
    out = clear(ONE_WAY, book_of(sell("a", "A", 100, 10), sell("b", "B", 100, 12), fixed={"B": 32}))
    assert accepted(out) == pytest.approx({"a": 0, "b": 32})
    assert prices(out)["B"] == pytest.approx(12)
    low, high = interval(out, "A")
    assert (low, high) == pytest.approx((12 * 0.8, 10))


def test_a_negative_flow_follows_the_same_line():
    out = clear(linked(0.2, -50, 0), book_of(sell("b", "B", 100, 10), fixed={"A": 40}))
    assert out.link_mw[0, 0] == pytest.approx(-40)
    assert accepted(out) == pytest.approx({"b": 32})
    assert prices(out) == pytest.approx({"A": 8, "B": 10})


def test_any_wrong_flow_or_price_is_refused():
    grid, book = linked(0.2, high=30), SERVED
    claim = claim_of(clear(grid, book))
    assert wrong_rows(book, grid, claim) == set()
    for by in (0.01, -0.01):
        assert "P1" in wrong_rows(book, grid, replace(claim, link_mw=claim.link_mw + by))
        dearer = claim.lmp + np.array([[0.0], [100 * by]])
        assert {"D1", "G1"} & wrong_rows(book, grid, replace(claim, lmp=dearer))
    assert "P1" in wrong_rows(book, replace(grid, link_loss=np.zeros(1)), claim)
    # the outcome of a lossless link is none of this one
    free = claim_of(clear(linked(0.0), SERVED))
    assert {"P1", "D1"} <= wrong_rows(SERVED, ONE_WAY, free)


def test_beside_a_line_in_one_island():
    """A line of 20 MW from A to B and a link of 10 % loss: the loss stands in the island's balance."""
    line = {"branch": "L", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": 20}
    book = book_of(sell("a", "A", 200, 10), sell("b", "B", 200, 30), buy("bid", "A", 5, 40), fixed={"B": 65})
    grid = linked(0.1, branches=[line])
    out = clear(grid, book)
    # the link is worth 0.9·λ_B − 10: it runs until B needs nothing of its own, full at 50 MW
    assert out.flow_mw[0, 0] == pytest.approx(20)
    assert out.link_mw[0, 0] == pytest.approx(50)
    assert accepted(out) == pytest.approx({"a": 75, "b": 0, "bid": 5})
    assert out.lmp[0, 0] == pytest.approx(10)
    assert interval(out, "B") == pytest.approx((10 / 0.9, 30))
    less = clear(grid, book_of(sell("a", "A", 200, 10), sell("b", "B", 200, 30), fixed={"B": 38}))
    assert less.link_mw[0, 0] == pytest.approx(20)
    assert prices(less) == pytest.approx({"A": 10, "B": 10 / 0.9})
    assert less.flow_dual[0, 0] == pytest.approx(10 / 0.9 - 10)
    ptdf = NodalMarket(grid, form="ptdf").clear(book)
    assert same(ptdf.link_mw, out.link_mw)
    assert same(ptdf.lmp, out.lmp)


def test_losses_that_leave_demand_short_are_named():
    book = book_of(sell("a", "A", 40, 10), fixed={"B": 36})
    with pytest.raises(InfeasibleError, match=r"short of 4\.00 MW .*the losses of link 'K'"):
        NodalMarket(ONE_WAY).clear(book)


def test_a_microgrid_keeps_its_losses_when_it_is_joined():
    bulk = linked(0.1)
    joined, _ = join_grids(bulk, ONE_WAY, "B", "A", 10.0, 10.0, "micro")
    assert joined.link_loss.tolist() == [0.1, 0.2, 0.0]
    inside, outside = (
        book_of(sell("a", "A", 100, 10), fixed={"B": 32}),
        book_of(sell("o", "A", 50, 20), fixed={"B": 9}),
    )
    plant = VirtualPowerPlant(ONE_WAY, inside, "A", 10.0, 10.0)
    together = plant.co_optimise(bulk, outside, "A")
    assert plant.clear_in(bulk, outside, "A").objective == pytest.approx(together.objective)
    assert together.objective == pytest.approx(10 * (40 + 10))  # 32 / 0.8 inside, 9 / 0.9 at the connection


def lossy_market(seed):
    """A random grid with one to three links more or less lossy, and a book."""
    rng = np.random.default_rng([7, seed])
    grid, book = random_market(seed)
    rows = []
    for k in range(int(rng.integers(1, 4))):
        a, b = rng.choice(len(grid.buses), 2, replace=False)
        low, high = [(0.0, 15.0), (-10.0, 10.0), (2.0, 12.0), (-8.0, 0.0)][int(rng.integers(4))]
        loss = float(rng.choice([0.0, 0.02, 0.1, 0.25, 0.6]))
        rows.append(
            {"link": f"Z{k}", "from_bus": grid.buses[a], "to_bus": grid.buses[b], "min_mw": low,
             "max_mw": high, "loss": loss}
        )  # fmt: skip
    return Grid.from_tables(grid.buses_frame, grid.branches_frame, rows), book


def reference_lp(reference):
    """Least cost and the duals of the bus balances of a book without slopes, by HiGHS through SciPy."""
    program, names = reference.least_cost, reference.rows[3]
    equal = program.low == program.high
    up, down = ~equal & np.isfinite(program.high), ~equal & np.isfinite(program.low)
    found = linprog(
        program.c,
        np.vstack([program.A[up], -program.A[down]]),
        np.concatenate([program.high[up], -program.low[down]]),
        program.A[equal],
        program.low[equal],
        bounds=(None, None),
        method="highs",
    )
    assert found.status == 0
    price = np.zeros((reference.N, reference.T))
    for row, dual in zip(np.flatnonzero(equal), found.eqlin.marginals, strict=True):
        if names[row][0] == "balance":
            price[names[row][1], names[row][2]] = dual
    return found.fun, price


@pytest.mark.parametrize("seed", range(60))
def test_random_grids_against_an_independent_program(seed):
    grid, book = lossy_market(seed)
    reference = Reference(grid, book)
    if not reference.feasible:
        with pytest.raises((InfeasibleError, InputError)):
            NodalMarket(grid).clear(book)
        return
    out = clear(grid, book)
    worth = 1e-6 * (1 + abs(reference.objective))
    assert -out.welfare / book.hours == pytest.approx(reference.objective, abs=worth)
    rents = settle(out)
    assert max(rents.identities.values()) < 1e-9
    if book.slope.any():
        return
    _, price = reference_lp(reference)
    low, high = out.intervals
    scale = 1e-6 * (1 + np.abs(price).max())
    assert (price >= low - scale).all()
    assert (price <= high + scale).all()


@pytest.mark.parametrize("seed", range(60, 75))
def test_ties_are_shared_as_the_law_has_it(seed):
    grid, book = lossy_market(seed)
    reference = Reference(grid, book)
    if reference.feasible:
        out = clear(grid, book)
        x, links = reference.canonical
        assert out.accepted_mw == pytest.approx(x, abs=2e-4 * reference.scale)
        assert out.link_mw.ravel() == pytest.approx(links, abs=2e-4 * reference.scale)


@settings(max_examples=60)
@given(instances({"losses": True}, most=6))
def test_prices_where_they_are_not_unique(case):
    """Every interval against two linear programs per bus, and every price within its interval."""
    grid, book = case
    try:
        out = clear(grid, book)
    except (InfeasibleError, InputError):
        assume(False)
    face = Reference(grid, book).dual_face(out.accepted_mw, out.link_mw)
    low, high = face.intervals()
    scale = face.reference.price_scale
    assert np.allclose(out.intervals[0], low, rtol=0, atol=1e-5 * scale)
    assert np.allclose(out.intervals[1], high, rtol=0, atol=1e-5 * scale)
    inside = (out.lmp >= low - 1e-6 * scale) & (out.lmp <= high + 1e-6 * scale)
    assert (inside | ~out.priced).all()


@pytest.mark.parametrize("periods", [1, 2])
def test_batches_equal_single_clearings(periods):
    line = {"branch": "L", "from_bus": "A", "to_bus": "B", "x_pu": 0.1, "limit_mw": 20}
    grid = linked(0.15, low=-20, branches=[line], buses="ABC")
    book = book_of(
        sell("a", "A", 60, 10), sell("b", "B", 60, 20), sell("c", "C", 60, 30), buy("bid", "C", 10, 45),
        fixed={"B": 25, "C": 15}, periods=periods,
    )  # fmt: skip
    market = NodalMarket(grid)
    rng = np.random.default_rng(3)
    rounds = rng.uniform(5, 60, (12, 4))
    prepared = market.prepare(book)
    columns = rounds[:, book.column_row]
    batch = prepared.clear_many(columns, want=("accepted", "lmp", "welfare", "flow"))
    for k, price in enumerate(rounds):
        single = market.clear(replace(book, price=price))
        assert batch.accepted[k].ravel() == pytest.approx(single.accepted_mw, abs=1e-9)
        assert batch.lmp[k].reshape(single.lmp.shape) == pytest.approx(single.lmp, abs=1e-9)
        assert batch.welfare[k] == pytest.approx(single.welfare)
        assert batch.flow[k].reshape(single.flow_mw.shape) == pytest.approx(single.flow_mw, abs=1e-9)


def test_rounds_without_a_dispatch_are_marked_and_no_others():
    market = NodalMarket(ONE_WAY)
    book = book_of(sell("a", "A", 40, 10), fixed={"B": 30})
    fixed = np.array([[0.0, mw] for mw in (30, 31.9, 32.1, 36, 33, 31)])
    batch = market.prepare(book).clear_many(np.array([10.0]), fixed_mw=fixed)
    served = np.isfinite(batch.lmp).all(axis=1)
    assert served.tolist() == [True, True, False, False, False, True]
    assert batch.accepted[served, 0] == pytest.approx(fixed[served, 1] / 0.8)


@pytest.mark.parametrize(
    ("loss", "problem"), [(1.0, "nothing would arrive"), (-0.1, "below 0"), ("x", "number")]
)
def test_losses_are_shares(loss, problem):
    with pytest.raises(InputError, match=rf"table 'links', link 'K' \(row 0\): column 'loss' is .*{problem}"):
        linked(loss)


def test_a_book_of_a_case_counts_losses_once():
    """Generation less demand is what links lose."""
    out = clear(
        linked(0.25, high=40), Book.from_tables([sell("a", "A", 100, 5)], fixed=[{"bus": "B", "mw": 27}])
    )
    lost = (out.grid.link_loss[:, None] * out.link_mw).sum()
    assert out.accepted_mw.sum() - 27 == pytest.approx(lost) == pytest.approx(9)
