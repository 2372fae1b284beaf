"""Price games with formulas: logit, capacities, two buses, sequential pricing."""

import numpy as np
import pytest

from clearing import NodalMarket
from clearing.errors import InputError
from learners import Game, OfferPrices
from learners.equilibria.pure import best_response_path, edgeworth_cycle, joint_optimum, pure_equilibria
from learners.games.bertrand import CapacityBertrand, LogitBertrand, TwoBusBertrand, price_grid
from learners.games.game import tabulate
from learners.games.sequential_pricing import SequentialPricing
from tests.support.small import book_of, grid_of, sell


def labels(source):
    return [e.labels for e in pure_equilibria(source)]


def test_logit_baseline_of_calvano():
    """Nash 1.472927, monopoly 1.924981, and static equilibria of the grid of 15 at 1.4665 and 1.5052."""
    game = LogitBertrand.calvano()
    assert game.nash_price == pytest.approx(1.472927, abs=5e-7)
    assert game.monopoly_price == pytest.approx(1.924981, abs=5e-7)
    assert game.symmetric_profit(game.nash_price) == pytest.approx(0.222927, abs=5e-7)
    assert game.symmetric_profit(game.monopoly_price) == pytest.approx(0.337490, abs=5e-7)
    assert (game.prices[0], game.prices[1], game.prices[-1]) == pytest.approx(
        (1.42772, 1.46647, 1.97019), abs=5e-6
    )
    assert np.array(labels(game)) == pytest.approx(np.array([[1.4665] * 2, [1.5052] * 2]), abs=5e-5)
    assert joint_optimum(game).total == pytest.approx(2 * 0.337490, rel=1e-3)


def test_logit_price_is_where_nobody_gains():
    game = LogitBertrand((0.0,), firms=3)
    p, q = game.nash_price, game.monopoly_price
    for step in (-1e-4, 1e-4):
        alone = np.array([[p + step, p, p]])
        assert game.profit(alone)[0, 0] < game.symmetric_profit(p)
        assert game.symmetric_profit(q + step) < game.symmetric_profit(q)


@pytest.mark.parametrize(
    ("grid", "equilibria"),
    [
        ((0, 10, 20, 30), (0, 10, 20)),
        ((0, 30, 60, 90), (0, 30, 60)),
        ((0, 50, 100), (0, 50, 100)),
        ((0, 10, 100), (0, 10, 100)),
        ((0, 60, 100), (0, 60)),
        ((10, 20, 40, 80), (10, 20, 40, 80)),
        (price_grid(0, 100, 1), (0, 1, 2)),
    ],
)
def test_discrete_bertrand_rule(grid, equilibria):
    """(m_k, m_k) is an equilibrium just where m_{k−1} ≤ m_k/2."""
    game = CapacityBertrand(grid)
    assert labels(game) == [(p, p) for p in equilibria]
    by_rule = [m for before, m in zip((0, *grid), grid, strict=False) if before <= m / 2]
    assert tuple(by_rule) == equilibria


def test_capacities_below_demand():
    """K = 100, D = 160, cap 200: 122 equilibria, one firm at the cap, the other at 160 or below."""
    game = CapacityBertrand(price_grid(100, 200, 1), cost=100, demand=160, capacity=(100, 100))
    assert game.indifference_price(200) == 160
    found = pure_equilibria(game)
    assert len(found) == 122
    low = sorted(min(e.labels) for e in found)
    assert low == sorted(2 * [float(p) for p in range(100, 161)])
    assert {max(e.labels) for e in found} == {200}
    assert {tuple(sorted(e.payoffs)) for e in found} == {(6000, 10000)}


@pytest.mark.parametrize(("cap", "demand"), [(220, 150), (250, 140), (300, 130), (180, 175)])
def test_price_of_indifference(cap, demand):
    game = CapacityBertrand((100.0,), cost=100, demand=demand, capacity=(100, 100))
    assert game.indifference_price(cap) == pytest.approx(160)


def test_asymmetric_indifference_is_where_undercutting_stops_paying():
    game = CapacityBertrand(price_grid(100, 200, 0.5), cost=100, demand=150, capacity=(120, 90))
    at = game.indifference_price(200)
    assert at == pytest.approx(100 + 100 * 60 / 120)
    for rival, undercuts in ((at - 0.5, False), (at + 1.0, True)):
        price = np.array([[rival - 0.5, rival], [200, rival]])
        below, above = game.profit(price)[:, 0]
        assert (below > above) == undercuts


@pytest.mark.parametrize("pricing", ["uniform", "pay_as_bid"])
def test_mixed_equilibrium_with_capacities(pricing):
    """Against the closed form every price of the support pays 6000."""
    game = CapacityBertrand((100.0,), 100, 160, (100, 100), pricing)
    edges = np.linspace(100, 200, 40001)
    mass = np.diff(game.mixed_cdf(edges, 200))
    mid = (edges[1:] + edges[:-1]) / 2
    first = 160.5 if pricing == "pay_as_bid" else 100.5
    for own in (first, 175.0, 199.9):
        rounds = np.column_stack([np.full(len(mid), own), mid])
        assert float(mass @ game.profit(rounds)[:, 0]) == pytest.approx(6000, abs=2)
    assert game.mixed_cdf(np.array([200.0]), 200)[0] == 1


@pytest.mark.parametrize(
    ("line", "bound", "mean", "profit", "low", "period"),
    [
        (10, 81.82, 90.30, 9000, 82, 19),
        (25, 60.00, 76.62, 7500, 60, 41),
        (50, 33.33, 54.93, 5000, 34, 67),
        (75, 14.29, 32.43, 2500, 15, 86),
    ],
)
def test_two_buses(line, bound, mean, profit, low, period):
    """No pure equilibrium; against the mixed one the best mark-up pays M(D − K); best replies cycle."""
    game = TwoBusBertrand(price_grid(0, 100, 1), line=line)
    assert pure_equilibria(game) == ()
    mixed = game.mixed(100)
    assert mixed.bound == pytest.approx(bound, abs=0.005)
    assert mixed.mean_markup == pytest.approx(mean, abs=0.005)
    assert mixed.profits == pytest.approx((profit, profit))
    edges = np.linspace(mixed.bound, 100, 20001)
    mass, mid = np.diff(mixed.cdf(edges)), (edges[1:] + edges[:-1]) / 2
    pays = [
        float(mass @ game.profit(np.column_stack([np.full(len(mid), own), mid]))[:, 0])
        for own in np.linspace(1, 99.99, 60)
    ]
    assert max(pays) == pytest.approx(profit, rel=1e-3)
    path = best_response_path(game, (100, 100))
    assert not path.converged
    assert path.cycle.min() == low
    roles = 1 + period % 2  # after an odd number of moves the players have changed places
    assert len(path.cycle) == roles * period
    cycle = edgeworth_cycle(np.vstack([path.cycle] * 3).astype(float))
    assert (cycle.low, cycle.high, cycle.rises) == (low, 100, roles)


def test_textbook_games_are_markets():
    """Two buses and a line, and one bus with capacities, cleared as networks: the same profits."""
    prices = price_grid(10, 90, 20)
    apart = grid_of(("a", "b", 0.1, 40.0))
    orders = [sell("G", "a", 200.0, 0.0), sell("H", "b", 200.0, 0.0)]
    two = Game(
        NodalMarket(apart), book_of(*orders, fixed={"a": 100.0, "b": 80.0}), ["G", "H"], OfferPrices(prices)
    )
    formula = tabulate(TwoBusBertrand(prices, demand=(100, 80), line=40))
    different = ~np.eye(len(prices), dtype=bool)  # at equal prices the network shares by capacity
    assert two.tensor().values[:, different] == pytest.approx(formula.values[:, different])

    orders = [sell("G", "a", 100.0, 0.0), sell("H", "a", 90.0, 0.0)]
    one = Game(NodalMarket(apart), book_of(*orders, fixed={"a": 160.0}), ["G", "H"], OfferPrices(prices))
    merit = CapacityBertrand(prices, demand=160, capacity=(100, 90))
    assert one.tensor().values == pytest.approx(tabulate(merit).values)


def test_two_unequal_buses():
    """Demands of 100 and 80 and a line of 40: the larger asks the cap with probability 1/7."""
    mixed = TwoBusBertrand((0.0,), demand=(100, 80), line=40).mixed(100)
    assert mixed.bound == pytest.approx(300 / 7)
    assert mixed.profits == pytest.approx((6000, 36000 / 7))
    assert (mixed.leader, mixed.atom) == (0, pytest.approx(1 / 7))
    assert mixed.cdf(np.array([mixed.bound, 99.999999, 100.0]), 0) == pytest.approx([0, 6 / 7, 1], abs=1e-6)
    assert mixed.cdf(np.array([mixed.bound, 99.999999]), 1) == pytest.approx([0, 1], abs=1e-6)


def test_maskin_tirole_price_cycle():
    """k = 6, δ = .95: the cycle with µ = .8071 leaves no better reply in any state; profit .07406."""
    game = SequentialPricing.on_grid(6, 0.95)
    strategy, mu = game.edgeworth_equilibrium()
    assert mu == pytest.approx(0.8071, abs=5e-5)
    assert game.best_reply_gap(strategy).max() < 1e-12
    assert game.mean_profit(strategy) == pytest.approx(0.07406, abs=5e-6)
    supports = [set(np.flatnonzero(row)) for row in strategy]
    assert supports == [{5}, {0, 5}, {1}, {2}, {3}, {4}, {4}]


def test_gap_of_a_strategy_that_is_no_equilibrium():
    game = SequentialPricing.on_grid(6, 0.95)
    meek = np.eye(7)[[3] * 7]
    assert game.best_reply_gap(meek)[3] > 0.1
    assert game.mean_profit(meek) == pytest.approx(0.125)
    assert tabulate(game).payoffs([[3, 3], [2, 3]])[:, 0] == pytest.approx([0.125, 2 / 9])


def test_signals_are_prices_paid():
    game = CapacityBertrand((0, 10, 20), demand=15, capacity=(10, 10), pricing="pay_as_bid")
    assert game.signals(np.array([[1, 2]]))[0, 0] == pytest.approx((10 * 10 + 5 * 20) / 15)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LogitBertrand(()), "list of finite numbers"),
        (lambda: CapacityBertrand((1,), demand=3), "do not cover"),
        (lambda: CapacityBertrand((1,), pricing="vcg"), "use 'uniform'"),
        (lambda: TwoBusBertrand((1,), line=150), "at most the smaller demand"),
        (lambda: CapacityBertrand((1,)).mixed_cdf(np.ones(1), 2), "K < demand < 2K"),
        (lambda: SequentialPricing.on_grid(6, 1.0), "below 1"),
        (lambda: SequentialPricing.on_grid(6).mean_profit(np.ones((7, 7))), "sum to 1"),
    ],
)
def test_refusals(make, message):
    with pytest.raises(InputError, match=message):
        make()
