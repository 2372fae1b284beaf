"""Margins, transfers, collusion indices, and intervals over seeds."""

import numpy as np
import pytest
from scipy import stats

from clearing import NodalMarket
from clearing.errors import InputError
from learners import Game, Markups, PayoffTensor
from learners.equilibria.indices import (
    Benchmarks,
    bootstrap_interval,
    collusion_index,
    margins,
    mean_interval,
    surplus_transfer,
    welch_interval,
    withholding,
)
from tests.support.small import book_of, buy, grid_of, sell


def game_of(*more, **options) -> Game:
    book = book_of(
        sell("G", "a", 100.0, 10.0), sell("H", "b", 100.0, 20.0), *more, fixed={"b": 150.0}, **options
    )
    return Game(NodalMarket(grid_of(("a", "b", 0.1, 80.0))), book, ["G", "H"], Markups((0, 5, 20)))


def test_benchmarks_and_indices():
    """Truth pays 2 + 2, static equilibria 3 + 3 and 4 + 4, the joint optimum 5 + 5."""
    pays = [[2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 4, 0], [0, 0, 9, 5]]
    tensor = PayoffTensor([pays, np.transpose(pays)])
    tensor = PayoffTensor(
        tensor.values - np.array([[9 * (a == 3 and b == 2) for b in range(4)] for a in range(4)])
    )
    marks = Benchmarks.of(tensor, (2, 2))
    assert (marks.competitive, marks.nash_high, marks.joint) == (4, 10, 10)
    assert Benchmarks(4, 6, 8, 10).indices((4.5, 4.5)) == pytest.approx(
        {"competitive": 5 / 6, "nash_low": 0.75, "nash_high": 0.5}
    )
    assert np.isnan(collusion_index(5, 10, 10))
    pennies = Benchmarks.of(PayoffTensor([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]]), 0)
    assert np.isnan(pennies.nash_low)


def test_learned_profits_beside_the_benchmarks():
    table = Benchmarks(-1e-15, 6, float("nan"), 10).compare([[2.0, 2.0], [4.0, 4.0]])
    assert table["profit"].tolist()[:2] == [0, 6]
    assert (table["learned"] == 6).all()
    assert table["index"]["competitive"] == pytest.approx(0.6)
    half = stats.t.ppf(0.975, 1) * np.std([0.4, 0.8], ddof=1) / 2**0.5
    assert table["high"]["competitive"] == pytest.approx(0.6 + half)
    assert table["index"]["nash_low"] == pytest.approx(0)
    assert table["index"][["nash_high", "joint"]].isna().all()
    assert Benchmarks(0, 6, 6, 10).compare([3.0, 4.0])["low"]["competitive"] == -np.inf


def test_margins_by_agent_and_period():
    game = game_of(periods=2)
    outcome = game.market.clear(game.book_of((0, 2)))
    table = margins(outcome, game.book, game.market.clear(game.book))
    assert list(table.index) == [("owner of G", 0), ("owner of G", 1), ("owner of H", 0), ("owner of H", 1)]
    h = table.loc[("owner of H", 1)]
    assert (h["sold_mw"], h["price"], h["marginal_cost"]) == pytest.approx((70, 40, 20))
    assert (h["margin"], h["lerner"], h["over_competitive"]) == pytest.approx((20, 0.5, 20))
    g = table.loc[("owner of G", 0)]
    assert (g["sold_mw"], g["price"], g["margin"]) == pytest.approx((80, 10, 0))


def test_withholding_by_agent():
    """At H's price of 40, 30 of its MW are worth their cost of 20 and idle; G offers half."""
    book = book_of(
        sell("G", "a", 100.0, 10.0), sell("H", "a", 100.0, 20.0), sell("K", "a", 100.0, 5.0, slope=1.0),
        fixed={"b": 155.0},
    )  # fmt: skip
    market = NodalMarket(grid_of(("a", "b", 0.1)))
    bold = book.with_withheld({"owner of G": 0.5}).with_markup({"owner of H": 20.0})
    table = withholding(market.clear(bold), book)
    assert table.columns.tolist() == ["capacity_mw", "offered_mw", "sold_mw", "physical_mw", "economic_mw"]
    assert table.loc[("owner of G", 0)].tolist() == pytest.approx([100, 50, 50, 50, 0])
    assert table.loc[("owner of H", 0)].tolist() == pytest.approx([100, 100, 70, 0, 30])
    assert table.loc[("owner of K", 0)].tolist() == pytest.approx([100, 100, 35, 0, 0]), (
        "at its marginal cost"
    )
    honest = withholding(market.clear(book), book)
    assert (honest[["physical_mw", "economic_mw"]] == 0).all(axis=None)
    with pytest.raises(InputError, match="other orders"):
        withholding(market.clear(book), book_of(sell("x", "a", 1, 1)))


def test_a_seller_of_nothing_has_no_margin():
    book = book_of(sell("G", "a", 100.0, 10.0), sell("H", "a", 100.0, 20.0), fixed={"b": 50.0})
    market = NodalMarket(grid_of(("a", "b", 0.1)))
    table = margins(market.clear(book), book)
    assert table.loc[("owner of H", 0)].isna().sum() == 4
    assert table.loc[("owner of G", 0), "margin"] == pytest.approx(0)
    with pytest.raises(InputError, match="other orders"):
        margins(market.clear(book), book_of(sell("G", "a", 100.0, 10.0)))


def test_transfers_add_up_to_the_deadweight_loss():
    """20 MW worth 30 go unserved at 40: consumers lose 20·150 and 10·20, H gains 20·70, the line 20·80."""
    game = game_of(buy("D", "b", 20.0, 30.0))
    competitive = game.market.clear(game.book)
    outcome = game.market.clear(game.book_of((0, 2)))
    change = surplus_transfer(outcome, game.book, competitive)
    assert change["consumers"] == pytest.approx(-20 * 150 - 10 * 20)
    assert change["producers"] == pytest.approx(20 * 70)
    assert change["operator"] == pytest.approx(20 * 80)
    assert change["welfare"] == pytest.approx(-200)


def test_intervals_equal_scipys():
    rng = np.random.default_rng(5)
    a, b = rng.normal(1, 1, 30), rng.normal(0.5, 2, 40)
    mean = mean_interval(a)
    ends = stats.ttest_1samp(a, 0).confidence_interval(0.95)
    assert (mean.low, mean.high) == pytest.approx((ends.low, ends.high))
    welch = welch_interval(a, b, 0.9)
    known = stats.ttest_ind(a, b, equal_var=False)
    assert (welch.low, welch.high) == pytest.approx(tuple(known.confidence_interval(0.9)))
    assert welch.p_value == pytest.approx(known.pvalue)
    boot = bootstrap_interval(a, np.random.default_rng(0))
    assert boot == bootstrap_interval(a, np.random.default_rng(0))
    assert boot.low == pytest.approx(mean.low, abs=0.1)
    assert boot.low < boot.estimate < boot.high
    assert mean_interval([2.0]).high == np.inf
    with pytest.raises(InputError, match="at least 2 finite numbers"):
        welch_interval([1.0], [2.0, 3.0])
