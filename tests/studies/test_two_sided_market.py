"""Gencos that withhold and discos that interrupt: payoffs by hand, shared buses, and refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import clearing
import networks
from clearing.errors import InputError
from learners import Game
from networks.placement import move_agents
from studies.two_sided_eighteen_bus.market import by_player, discos_of, market_of, two_sided_game


@pytest.fixture(scope="module")
def case():
    return networks.load("eighteen_bus")


def game_of(case, offers, cuts, **more) -> Game:
    return two_sided_game(
        clearing.NodalMarket(case.grid), case, discos_of("eighteen_bus"), offers, cuts, **more
    )


def test_profits_are_those_of_a_full_clearing(case):
    """The same numbers as from one certified clearing of the same book, by hand."""
    game = game_of(case, {"G1": (1100, 1060)}, {"D1": (0, 40)}, flows=(4,))
    paid = game.payoffs(np.array([[1, 1]]))[0]
    book = clearing.Book.from_case(case)
    mw = book.mw.copy()
    mw[0] = 1060
    fixed = book.fixed_frame
    fixed.loc[fixed["bus"] == 4, "mw"] -= 40
    orders = book.orders_frame.assign(mw=mw)
    out = clearing.NodalMarket(case.grid).clear(clearing.Book.from_tables(orders, fixed=fixed))
    assert out.certificate.holds
    price = dict(zip(case.grid.buses, out.lmp[:, 0], strict=True))
    assert paid[0] == pytest.approx((price[1] - 15) * out.accepted_mw[0])
    assert paid[1] == pytest.approx((27 - price[4]) * 960 - 10 * 40)
    _, _, flow, genco, disco = game.signals(np.array([[1, 1]]))[0]
    assert (genco, disco) == pytest.approx((price[1], price[4]))
    assert flow == pytest.approx(float(out.flow_mw[3, 0]))
    table = by_player(game.tensor())
    assert table.signal_names == ("flow 4", "price G1", "price D1")
    assert table.signals([[1, 1]])[0].tolist() == [flow, genco, disco]


def test_two_discos_may_share_a_bus(case):
    """Each earns on its own load, wherever the other one is."""
    moved = move_agents(case, pd.DataFrame({"agent": ["D12"], "bus": [4]}))
    game = game_of(moved, {}, {"D1": (0, 40), "D12": (0, 40)})
    paid = game.payoffs(np.array([[0, 0], [1, 0]]))
    price = game.signals(np.array([[0, 0], [1, 0]]))[:, 2:]
    assert np.allclose(price[:, 0], price[:, 1])
    assert np.allclose(paid[:, 0], [(27 - price[0, 0]) * 1000, (27 - price[1, 0]) * 960 - 400])
    assert np.allclose(paid[:, 1], (28 - price[:, 1]) * 800)


def test_limits_in_place_of_the_grids():
    tight = market_of("fitted", "canonical", {"G1": (1099.9,)}, {}, {4: 300.0})
    assert abs(tight.signals(np.zeros((1, 1), int))[0, 2]) == pytest.approx(300.0)
    with pytest.raises(InputError, match="99 is no branch"):
        market_of("fitted", "canonical", {}, {}, {99: 1.0})


@pytest.mark.parametrize(
    ("offers", "cuts", "words"),
    [
        ({"G1": (1200.0,)}, {}, "from 0 to 1100 MW"),
        ({}, {"D2": (801.0,)}, "more than its fixed demand of 800 MW"),
        ({"G1": ()}, {}, "at least one"),
    ],
)
def test_wrong_actions_are_refused(case, offers, cuts, words):
    with pytest.raises(InputError, match=words):
        game_of(case, offers, cuts)
