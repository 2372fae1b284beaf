"""Players' payoffs from cleared rounds, by hand."""

import numpy as np
import pytest

from clearing import NodalMarket
from clearing.errors import InputError
from learners import Bids, Combined, DemandStates, Disco, Game, Genco, Markups, Prosumer, Withholding
from learners.games.moves import Columns
from learners.games.payoffs import Cleared, player_of
from tests.support.small import book_of, buy, grid_of, sell

GRID = grid_of(("a", "b", 0.1))


def cleared_round(pricing: str = "lmp") -> Cleared:
    """G (10 + 0.1·x) sells 50, D (worth 60) buys 30, 20 MW are fixed; price 25, G asked 12, D bid 55."""
    book = book_of(
        sell("G", "a", 100.0, 10.0, slope=0.1), buy("D", "b", 30.0, 60.0), fixed={"b": 20.0}, hours=0.5
    )
    return Cleared(
        Columns.of(book, GRID),
        price=np.array([[12.0, 55.0]]),
        accepted=np.array([[50.0, 30.0]]),
        lmp=np.full((1, 2, 1), 25.0),
        fixed_mw=np.array([[[0.0], [20.0]]]),
        pricing=pricing,
    )


def earn(player, cleared, interrupted=0.0):
    return float(player.earn(cleared, player.owned(cleared.columns), np.array([interrupted]))[0])


def test_genco_under_both_pricings():
    """Cost 10·50 + 0.05·2500 = 625; at the LMP 1250, by its own offer 12·50 + 125; half an hour."""
    assert earn(Genco("G"), cleared_round()) == pytest.approx((1250 - 625) / 2)
    assert earn(Genco("owner of G"), cleared_round("pay_as_bid")) == pytest.approx((725 - 625) / 2)


def test_prosumer_counts_both_sides():
    assert earn(Prosumer("G", "D"), cleared_round()) == pytest.approx((625 + 35 * 30) / 2)
    assert earn(Prosumer("D"), cleared_round("pay_as_bid")) == pytest.approx(5 * 30 / 2)


def test_disco_with_fixed_demand_and_bids():
    disco = Disco("b", retail_price=40, interruption_cost=3, labels=("D",))
    assert earn(disco, cleared_round(), interrupted=4.0) == pytest.approx((15 * 20 + 15 * 30 - 12) / 2)
    cost = Disco("b", 40, 3, "cost", ("D",))
    assert earn(cost, cleared_round(), interrupted=4.0) == pytest.approx(-(25 * 50 + 12) / 2)


def test_price_and_welfare_of_a_round():
    cleared = cleared_round()
    assert cleared.mean_price == pytest.approx([25])
    assert cleared.true_welfare == pytest.approx([(60 * 30 - 625) / 2])


def test_bids_and_withholding_in_one_game():
    """A buyer worth 50 who bids 15 is not served by a seller at 20; a seller with 40 of 100 MW sells 40."""
    book = book_of(sell("G", "a", 100.0, 20.0), buy("D", "b", 60.0, 50.0))
    players = {"genco": "G", "disco": Prosumer("D")}
    moves = {"genco": Combined((Withholding((0, 0.6)), Markups((0, 5)))), "disco": Bids((1, 0.5), (1, 0.3))}
    game = Game(NodalMarket(GRID), book, players, moves)
    served, half, never = game.payoffs([[1, 0], [1, 2], [0, 1]])
    assert served == pytest.approx([300, 25 * 60])
    assert half == pytest.approx([150, 25 * 30])
    assert never == pytest.approx([0, 0])
    scarce = game.payoffs([[2, 0]])[0]
    assert scarce == pytest.approx([30 * 40, 0])
    assert game.labels[1] == ((1, 1), (1, 0.3), (0.5, 1), (0.5, 0.3))


def test_labels_stand_for_gencos():
    assert player_of("G1") == Genco("G1")
    assert player_of(("G1", "G2")) == Genco("G1", "G2")
    assert player_of(Prosumer("x")) == Prosumer("x")


def test_refusals():
    columns = cleared_round().columns
    with pytest.raises(InputError, match="sells nothing"):
        Genco("D").owned(columns)
    with pytest.raises(InputError, match="use 'margin' or 'cost'"):
        Disco("b", objective="profit")
    with pytest.raises(InputError, match="give the bus"):
        Disco()
    with pytest.raises(InputError, match="bus 'q' is not in the grid"):
        Disco("q").owned(columns)


def test_what_a_store_takes_is_no_demand():
    """A store takes 30 MW at bus a, where the price is 10; 20 MW of demand at b pay 40: the mean is 40."""
    book = book_of(
        sell("S", "a", 30.0, 12.0, min_mw=-30.0),
        sell("out", "a", 5.0, 50.0, unit="battery"),
        buy("in", "a", 5.0, 15.0, unit="battery"),
        sell("G", "a", 90.0, 10.0),
        buy("D", "b", 5.0, 60.0),
        fixed={"b": 15.0},
    )
    cleared = Cleared(
        Columns.of(book, GRID),
        price=book.price[None],
        accepted=np.array([[-30.0, 0.0, 5.0, 55.0, 5.0]]),
        lmp=np.array([[[10.0], [40.0]]]),
        fixed_mw=np.array([[[0.0], [15.0]]]),
    )
    assert cleared.mean_price.tolist() == [40.0]
    assert cleared.true_welfare.tolist() == [30 * 12 + 5 * 15 - 55 * 10 + 5 * 60]
    assert earn(Prosumer("S"), cleared) == pytest.approx(30 * (12 - 10))


def test_demand_states_scale_demand_and_no_store():
    """Fixed demand and the bid double, the store's range and the battery's purchase do not."""
    book = book_of(
        sell("S", "a", 30.0, 12.0, min_mw=-30.0),
        sell("out", "a", 5.0, 50.0, unit="battery"),
        buy("in", "a", 5.0, 15.0, unit="battery"),
        sell("G", "a", 90.0, 10.0),
        buy("D", "b", 5.0, 60.0),
        fixed={"b": 15.0},
    )
    game = Game(NodalMarket(GRID), book, ["G"], Markups((0.0, 1.0)), states=DemandStates.drawn([1.0, 2.0]))
    columns = game.columns
    _, mw, fixed = game.in_states(
        np.array([1]), columns.price[None], columns.mw[None], columns.fixed_mw[None]
    )
    assert mw.tolist() == [[30, 5, 5, 90, 10]]
    assert fixed.ravel().tolist() == [0, 30]
