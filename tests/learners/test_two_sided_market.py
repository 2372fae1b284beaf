"""Gencos that withhold and discos that interrupt: payoffs by hand, shared buses, and refusals."""

from __future__ import annotations

import numpy as np
import pytest

import clearing
import networks
from clearing.errors import InputError
from learners.games.two_sided_market import Contract, TwoSidedMarket


@pytest.fixture(scope="module")
def case():
    return networks.load("eighteen_bus")


@pytest.fixture(scope="module")
def contracts():
    table = networks.companion_table("eighteen_bus", "discos")
    return {r.load: Contract(r.retail_price, r.interruptible_cost) for r in table.itertuples()}


def market(case, contracts, offers, cuts, **more) -> TwoSidedMarket:
    return TwoSidedMarket(clearing.NodalMarket(case.grid), case, contracts, offers, cuts, **more)


def test_profits_are_those_of_a_full_clearing(case, contracts):
    """The same numbers as from one certified clearing of the same book, by hand."""
    game = market(case, contracts, {"G1": (1100, 1060)}, {"D1": (0, 40)}, watched=(4,))
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
    flow, genco, disco = game.signals(np.array([[1, 1]]))[0]
    assert (genco, disco) == pytest.approx((price[1], price[4]))
    assert flow == pytest.approx(float(out.flow_mw[3, 0]))


def test_two_discos_may_share_a_bus(case, contracts):
    """Each earns on its own load, wherever the other one is."""
    import pandas as pd

    from networks.placement import move_agents

    moved = move_agents(case, pd.DataFrame({"agent": ["D12"], "bus": [4]}))
    game = market(moved, contracts, {}, {"D1": (0, 40), "D12": (0, 40)})
    paid = game.payoffs(np.array([[0, 0], [1, 0]]))
    price = game.signals(np.array([[0, 0], [1, 0]]))
    assert np.allclose(price[:, 0], price[:, 1])
    assert np.allclose(paid[:, 0], [(27 - price[0, 0]) * 1000, (27 - price[1, 0]) * 960 - 400])
    assert np.allclose(paid[:, 1], (28 - price[:, 1]) * 800)


def test_limits_in_place_of_the_grids(case, contracts):
    tight = market(case, contracts, {"G1": (1099.9,)}, {}, limits_mw={4: 300.0}, watched=(4,))
    assert abs(tight.signals(np.zeros((1, 1), int))[0, 0]) == pytest.approx(300.0)


@pytest.mark.parametrize(
    ("offers", "cuts", "more", "words"),
    [
        ({"G13": (1.0,)}, {}, {}, "'G13' is not in the case"),
        ({"G1": (1200.0,)}, {}, {}, "from 0 to 1100 MW"),
        ({}, {"D2": (801.0,)}, {}, "from 0 to 800 MW"),
        ({"G1": ()}, {}, {}, "at least one"),
        ({}, {}, {"limits_mw": {99: 1.0}}, "99 is no branch"),
    ],
)
def test_wrong_players_are_refused(case, contracts, offers, cuts, more, words):
    with pytest.raises(InputError, match=words):
        market(case, contracts, offers, cuts, **more)


def test_every_load_needs_a_contract(case):
    with pytest.raises(InputError, match="'D1' has none"):
        market(case, {}, {}, {})
