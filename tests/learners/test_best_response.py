"""Exact best responses over an interval of mark-ups, and ε-Nash certificates."""

import numpy as np
import pytest

import networks
from clearing import Book, NodalMarket
from clearing.errors import InputError
from clearing.mitigation import MitigatedMarket
from learners import DemandStates, Game, Markups, OfferPrices, Withholding
from learners.equilibria.best_response import certify_equilibrium, find_best_response
from tests.support.small import book_of, buy, grid_of, sell


def five_bus(**options) -> Game:
    case = networks.load("five_bus")
    return Game(NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups((0, 30)), **options)


def big_three(relative: bool = False) -> Game:
    """The three largest of the units that can move prices on PGLib's IEEE 300."""
    case = networks.load("pglib_ieee300")
    markups = Markups((0, 1) if relative else (0, 30), relative)
    return Game(NodalMarket(case.grid), case, ["G28", "G31", "G11"], markups)


def test_undercutting_is_a_supremum_next_to_a_jump():
    """Costs 10 and 20, demand 50 of 100: G sells all just below H's price, half at it, none above."""
    book = book_of(sell("G", "a", 100.0, 10.0), sell("H", "a", 100.0, 20.0), fixed={"b": 50.0})
    game = Game(NodalMarket(grid_of(("a", "b", 0.1))), book, ["G", "H"], Markups((0, 40)))
    found = find_best_response(game, "G", {"G": 0, "H": 5})
    assert found.markup == pytest.approx(15, abs=1e-6)
    assert found.payoff == pytest.approx(15 * 50, abs=1e-4)
    assert found.kinks == pytest.approx([15], abs=1e-6)


def test_demand_that_answers_gives_a_monopolist_the_textbook_mark_up():
    """Demand 100 − q at cost 20: price 60, mark-up 40, profit 1600; the kinks of blocks are found exactly."""
    book = book_of(sell("G", "a", 200.0, 20.0), buy("D", "a", 100.0, 100.0, slope=1.0))
    game = Game(NodalMarket(grid_of(("a", "b", 0.1))), book, ["G"], Markups((0, 100)))
    found = find_best_response(game, "G", [0])
    assert (found.markup, found.payoff) == pytest.approx((40, 1600), abs=1e-6)
    assert found.kinks == pytest.approx([80], abs=1e-6)
    assert found.proven


def test_pieces_agree_with_clearings_at_random_mark_ups():
    game, rng = five_bus(), np.random.default_rng(3)
    for _ in range(5):
        others = rng.uniform(0, 30, 3)
        for i, player in enumerate(game.players):
            found = find_best_response(game, player, others)
            assert found.proven
            for m in rng.uniform(0, 30, 20):
                tried = others.copy()
                tried[i] = m
                direct = _payoff(game, tried)[i]
                assert direct <= found.payoff + 1e-6
                (piece,) = [p for p in found.pieces if p.low <= m <= p.high]
                t = (m - piece.low) / (piece.high - piece.low)
                a, b, c = piece.payoff
                assert a * (1 - t) * (1 - 2 * t) + 4 * b * t * (1 - t) + c * t * (2 * t - 1) == pytest.approx(
                    direct, rel=1e-6, abs=1e-4
                )


def _payoff(game: Game, markups: np.ndarray) -> np.ndarray:
    c = game.columns
    cleared, _ = game.clear((c.price + markups)[None], c.mw[None], c.fixed_mw[None])
    return game.earn(cleared)[0]


@pytest.mark.parametrize("low", [0.0, 4.0, 8.0])
def test_five_bus_has_a_continuum_of_equilibria(low):
    """(0..m*, 30, 30): the low bidder is at its capacity, so that its own bid pays nobody more or less."""
    found = certify_equilibrium(five_bus(), (low, 30, 30))
    assert found.proven
    assert found.epsilon == pytest.approx(0, abs=1e-5)
    assert found.payoffs == pytest.approx((8612.17, 1691.44, 4806.32), abs=0.01)


def test_five_bus_profiles_that_are_no_equilibrium_say_by_how_much():
    found = certify_equilibrium(five_bus(), {"G1": 10, "G2": 30, "G3": 30})
    assert found.gains == pytest.approx((0, 389.146, 0), abs=1e-3)
    assert found.epsilon == max(found.gains)
    assert found.responses[1].markup == pytest.approx(5.28259, abs=1e-4)


@pytest.mark.parametrize("relative", [False, True])
def test_certificate_on_three_hundred_buses(relative):
    """Best responses in turn end in an ε-equilibrium with ε of rounding size, kinks proven on the way."""
    game = big_three(relative)
    markups = [0.0, 0.0, 0.0]
    first = certify_equilibrium(game, markups)
    assert first.epsilon > 10_000
    for _ in range(4):
        for i, player in enumerate(game.players):
            markups[i] = find_best_response(game, player, markups).markup
    found = certify_equilibrium(game, markups)
    assert found.proven
    assert found.relative < 1e-6
    assert sum(len(r.kinks) for r in found.responses) >= 2


def test_a_monopolist_withholds_what_the_textbook_says():
    """Demand 100 − q at cost 20 and 200 MW: 40 MW at 60 $/MWh, so 80 % is withheld; at most down to 10 MW."""
    demand = buy("D", "a", 100.0, 100.0, slope=1.0)
    for least, ends in ((0.0, [0.5, 0.6]), (10.0, [0.5, 0.6, 0.95])):
        book = book_of(sell("G", "a", 200.0, 20.0, min_mw=least), demand)
        game = Game(NodalMarket(grid_of(("a", "b", 0.1))), book, ["G"], Withholding((0, 1)))
        found = find_best_response(game, "G", [0])
        assert (found.markup, found.payoff) == pytest.approx((0.8, 1600), abs=1e-6)
        assert found.kinks == pytest.approx(ends[1:], abs=1e-6), "80 MW at cost, then down the demand curve"


def test_who_withholds_meets_who_marks_up():
    case = networks.load("five_bus")
    lines = {"G1": Withholding((0, 0.6)), "G2": Markups((0, 30)), "G3": Markups((0, 30))}
    game = Game(NodalMarket(case.grid), case, ["G1", "G2", "G3"], lines)
    found = find_best_response(game, "G1", {"G1": 0, "G2": 10, "G3": 20})
    shares = np.linspace(0, 0.6, 121)
    tried = Game(
        NodalMarket(case.grid), case, ["G1", "G2", "G3"],
        {"G1": Withholding(tuple(shares)), "G2": Markups((10,)), "G3": Markups((20,))},
    ).payoffs(np.column_stack([np.arange(121), np.zeros((121, 2), int)]))[:, 0]  # fmt: skip
    assert found.proven
    assert found.payoff >= tried.max() - 1e-6
    for share, pays in zip(shares, tried, strict=True):
        inside = [p for p in found.pieces if p.low <= share <= p.high]
        assert all(piece.best[1] >= pays - 1e-6 for piece in inside)
    assert certify_equilibrium(game, (0, 10, 20)).payoffs[0] == pytest.approx(tried[0])


def test_expected_best_response_over_demand_states():
    """Costs 10 and 20 + 5. Demand 50: G sells all below H, 50·m. Demand 150: 100 at H's 25, or 50·m above."""
    book = book_of(sell("G", "a", 100.0, 10.0), sell("H", "a", 100.0, 20.0), fixed={"b": 100.0})
    game = Game(
        NodalMarket(grid_of(("a", "b", 0.1))), book, ["G", "H"], Markups((0, 40)),
        states=DemandStates.drawn((0.5, 1.5)),
    )  # fmt: skip
    both = find_best_response(game, "G", {"G": 0, "H": 5})
    assert (both.markup, both.payoff) == pytest.approx((15, (750 + 1500) / 2), abs=1e-4)
    wide = find_best_response(game, "G", {"G": 0, "H": 5}, (0, 60))
    assert (wide.markup, wide.payoff) == pytest.approx((60, (0 + 3000) / 2), abs=1e-4)
    high = find_best_response(game, "G", {"G": 0, "H": 5}, level=1)
    assert (high.markup, high.payoff) == pytest.approx((40, 2000), abs=1e-4)


def test_expected_payoffs_agree_with_the_game():
    states = DemandStates.drawn((0.8, 1.0), 0.05, 3, np.random.default_rng(2))
    case, grid = networks.load("five_bus"), tuple(np.linspace(0, 30, 61))
    game = Game(NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups(grid), states=states)
    for level in (None, 0):
        found = find_best_response(game, "G3", (0, 30, 0), level=level)
        assert found.proven
        tried = game.payoffs(np.column_stack([np.tile([0, 60], (61, 1)), np.arange(61)]), level=level)[:, 2]
        assert found.payoff >= tried.max() - 1e-6
        for m, pays in zip(grid[1:-1], tried[1:-1], strict=True):
            near = [p for p in found.pieces if p.low <= m <= p.high]
            for p in near[:1]:
                t, (a, b, c) = (m - p.low) / (p.high - p.low), p.payoff
                assert a * (1 - t) * (1 - 2 * t) + 4 * b * t * (1 - t) + c * t * (2 * t - 1) == pytest.approx(
                    pays, rel=1e-6, abs=1e-4
                )
        assert sum(p.high - p.low for p in found.pieces) == pytest.approx(30, rel=1e-5)


def test_certificate_over_demand_states_on_three_hundred_buses():
    states = DemandStates.drawn((0.85, 1.0), 0.05, 2, np.random.default_rng(0))
    case = networks.load("pglib_ieee300")
    game = Game(NodalMarket(case.grid), case, ["G16", "G25", "G59"], Markups((0, 14)), states=states)
    found = certify_equilibrium(game, (0, 0, 0))
    assert found.proven
    assert found.epsilon > 0
    best = [r.markup for r in found.responses]
    grids = {n: Markups((0.0, m)) for n, m in zip(game.players, best, strict=True)}
    check = Game(NodalMarket(case.grid), case, list(game.players), grids, states=states)
    for i, response in enumerate(found.responses):
        profile = [int(j == i) for j in range(3)]
        near = check.payoffs([profile])[0, i]
        assert near <= response.payoff + 1e-6 * (1 + response.payoff)


def test_a_market_that_caps_offers_is_not_proven():
    case = networks.load("five_bus")
    book = Book.from_case(case)
    market = MitigatedMarket(NodalMarket(case.grid), book, test=lambda _: {"G1"})
    game = Game(market, book, ["G1", "G2", "G3"], Markups((0, 30)))
    assert not find_best_response(game, "G1", (0, 30, 30)).proven


def test_pay_as_bid_line():
    game = five_bus(payoff="pay_as_bid")
    found = find_best_response(game, "G3", [0, 0, 0])
    sampled = max(_payoff(game, np.array([0, 0, m]))[2] for m in np.linspace(0, 30, 301))
    assert found.payoff >= sampled - 1e-6
    assert found.payoff == pytest.approx(sampled, rel=2e-3)


def test_refusals():
    game = five_bus()
    with pytest.raises(InputError, match="player 'G9' is not in the game"):
        find_best_response(game, "G9", [0, 0, 0])
    with pytest.raises(InputError, match="give one for each of G1, G2, G3"):
        find_best_response(game, "G1", {"G1": 0})
    with pytest.raises(InputError, match="low < high"):
        find_best_response(game, "G1", [0, 0, 0], (5, 5))
    case = networks.load("five_bus")
    other = Game(NodalMarket(case.grid), case, ["G1"], OfferPrices((10, 20)))
    with pytest.raises(InputError, match="chooses OfferPrices"):
        find_best_response(other, "G1", [0])
    with pytest.raises(InputError, match="no demand states"):
        find_best_response(game, "G1", [0, 0, 0], level=1)
    noisy = five_bus(states=DemandStates.drawn((0.9, 1.0)))
    with pytest.raises(InputError, match="levels 0 to 1"):
        find_best_response(noisy, "G1", [0, 0, 0], level=2)
