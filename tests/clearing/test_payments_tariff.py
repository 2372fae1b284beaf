"""The tariff game: its core is never empty, and dual prices are in it."""

import numpy as np
import pytest

from clearing.errors import InputError
from clearing.payments.games import check_core, least_core, nucleolus, shapley_value
from clearing.payments.rules import pay_agents, tariff_shapley
from clearing.payments.tariff import (
    coalition_worths,
    dual_price_payments,
    market_game,
    market_payments,
    tariff_game,
)
from clearing.trading.instance import TradingInstance
from clearing.trading.markets import CooperativeTrading, SelfInterestedTrading
from clearing.trading.tables import eight_node
from networks.grid import Grid
from networks.private_lines import PrivateNetwork, draw_random_lines


def star(seed: int, agents: int, degree: float = 2.0) -> TradingInstance:
    """Agents around the main grid, random private lines, endowments, demands and tariffs."""
    rng = np.random.default_rng(seed)
    labels = [f"A{k}" for k in range(agents)]
    lines = [
        {"branch": label, "from_bus": label, "to_bus": "G", "r_pu": 0.01, "x_pu": 0.1} for label in labels
    ]
    grid = Grid.from_tables([{"bus": label} for label in [*labels, "G"]], lines, base_mva=1.0)
    table = [
        {
            "bus": label,
            "endowment_mw": rng.uniform(0, 3) * (rng.random() < 0.5),
            "demand_mw": rng.uniform(0, 2),
            "buy_price": rng.uniform(0.8, 1.2),
        }
        for label in labels
    ]
    private = draw_random_lines(labels, rng, mean_degree=min(degree, agents - 1), r_pu_per_km=0.2)
    return TradingInstance.from_tables(grid, table, private, main_bus="G", sell_price=rng.uniform(0.2, 0.7))


def check_tariff_core(seed: int) -> None:
    instance = star(seed, 4 + seed % 3, degree=1.0 + seed % 4)
    game = tariff_game(instance)
    scale = 1.0 + float(np.abs(game.worth).max())
    assert least_core(game).excess <= 1e-8 * scale
    dual = dual_price_payments(instance)
    assert dual.margin >= 0
    assert dual.rent.min(initial=0.0) >= 0
    assert abs(dual.surplus) <= 1e-8 * scale
    assert check_core(game, dual.payments).holds(1e-8 * scale)


@pytest.mark.parametrize("seed", range(40))
def test_tariff_core_is_never_empty_and_holds_the_dual_point(seed):
    check_tariff_core(seed)


@pytest.mark.slow
def test_tariff_core_on_1000_games():
    for seed in range(1000):
        check_tariff_core(seed)


def test_worths_are_bills_of_the_model():
    """Formulation against formulation: the joint program of all coalitions, and one clearing of each."""
    instance = star(7, 5)
    game = tariff_game(instance)
    for mask in range(1, 32):
        inside = set(game.coalition(mask))
        lines = instance.private.lines_frame
        kept = lines[lines["from_bus"].isin(inside) & lines["to_bus"].isin(inside)]
        agents = instance.agents_frame
        alone = TradingInstance.from_tables(
            instance.grid,
            agents[agents["bus"].isin(inside)],
            PrivateNetwork.from_tables(sorted(inside), kept),
            main_bus="G",
            sell_price=instance.sell_price,
        )
        assert game.worth[mask] == pytest.approx(-SelfInterestedTrading().clear(alone).objective, abs=1e-8)


def test_eight_nodes():
    instance = eight_node()
    found = pay_agents(instance)
    assert found.game.worth[-1] == pytest.approx(-SelfInterestedTrading().clear(instance).objective, abs=1e-9)
    assert found.least_core.excess <= 1e-9
    for rule in ("dual_price", "shapley", "nucleolus"):
        assert found.core[rule].holds(1e-8)
    assert found.grid_gain == pytest.approx(0.258, abs=5e-4)  # .458 − .200
    gain = SelfInterestedTrading().clear(instance).losses_mw - CooperativeTrading().clear(instance).losses_mw
    assert found.grid_gain == pytest.approx(gain, abs=1e-9)
    assert found.table["dual_price"].sum() == pytest.approx(found.dual.worth, abs=1e-8)
    assert found.table.loc["A7", "dual_price"] == pytest.approx(-2.0)  # no private line: its own bill


def test_many_agents_need_no_table_of_coalitions():
    instance = star(5, 30, degree=0.9)
    found = pay_agents(instance, np.random.default_rng(0), samples=60)
    assert found.game is None
    assert found.least_core is None
    assert np.isnan(found.table["nucleolus"]).all()
    assert found.table["shapley"].sum() == pytest.approx(found.dual.worth, abs=1e-7)
    assert found.grid_gain >= 0
    assert abs(found.dual.surplus) < 1e-8


def test_shapley_value_adds_over_components_and_samples_agree():
    instance = star(3, 9, degree=1.0)
    exact = shapley_value(tariff_game(instance)).payments
    assert tariff_shapley(instance, 50, None).payments == pytest.approx(exact, abs=1e-8)


def test_worths_do_not_depend_on_how_many_are_asked_for():
    instance = star(11, 6)
    game = tariff_game(instance)
    assert coalition_worths(instance, [5, 63, 0]) == pytest.approx(game.worth[[5, 63, 0]], abs=1e-8)
    assert len(coalition_worths(instance, [])) == 0


def test_too_many_agents_are_refused_with_a_way_out():
    with pytest.raises(InputError, match="dual_price_payments needs no such table"):
        tariff_game(star(1, 13))


@pytest.mark.parametrize("seed", range(60))
def test_market_game_has_a_core_with_competitive_payments(seed):
    instance = star(seed, 6)
    game = market_game(instance)
    assert least_core(game).excess <= 1e-9
    assert check_core(game, market_payments(instance)).holds(1e-9)
    assert (game.worth >= tariff_game(instance).worth - 1e-8).all()  # losses and missing lines cost


def test_a_balance_in_decimals_is_a_balance():
    """0.1 + 0.2 − 0.3 is no 0 among doubles, and yet nobody is short: the price is halfway."""
    grid = Grid.from_tables(
        [{"bus": k} for k in "ABCG"],
        [{"branch": k, "from_bus": k, "to_bus": "G", "r_pu": 0.01, "x_pu": 1.0} for k in "ABC"],
    )
    net = {"A": 0.1, "B": 0.2, "C": -0.3}
    agents = [{"bus": k, "endowment_mw": max(mw, 0.0), "demand_mw": max(-mw, 0.0)} for k, mw in net.items()]
    instance = TradingInstance.from_tables(grid, agents, [], main_bus="G", sell_price=0.5)
    assert market_payments(instance) == pytest.approx([0.075, 0.15, -0.225])


def test_two_agents_by_hand():
    """A seller of 1, a buyer of 1, one line of r: they share what selling to each other saves."""
    grid = Grid.from_tables(
        [{"bus": k} for k in "SBG"],
        [
            {"branch": 1, "from_bus": "S", "to_bus": "G", "r_pu": 0.01, "x_pu": 1.0},
            {"branch": 2, "from_bus": "B", "to_bus": "G", "r_pu": 0.01, "x_pu": 1.0},
        ],
        base_mva=1.0,
    )
    agents = [
        {"bus": "S", "endowment_mw": 1.0, "demand_mw": 0.0},
        {"bus": "B", "endowment_mw": 0.0, "demand_mw": 1.0},
    ]
    private = [{"line": "p", "from_bus": "S", "to_bus": "B", "r_pu": 0.1}]
    instance = TradingInstance.from_tables(grid, agents, private, main_bus="G", sell_price=0.5)
    game = tariff_game(instance)
    # all of S's unit goes over: g + 0.05·g² = 1, B buys the 0.1·g² that is lost
    flow = (-1.0 + np.sqrt(1.2)) / 0.1
    assert game.worth == pytest.approx([0.0, 0.5, -1.0, -0.1 * flow**2], abs=1e-8)
    half = 0.5 * (game.worth[3] - game.worth[1] - game.worth[2])
    assert shapley_value(game).payments == pytest.approx([0.5 + half, -1.0 + half])
    assert nucleolus(game) == pytest.approx([0.5 + half, -1.0 + half], abs=1e-7)
    dual = dual_price_payments(instance)
    ratio = (1.0 + 0.1 * flow) / (1.0 - 0.1 * flow)
    assert dual.price == pytest.approx([1.0 / ratio, 1.0], rel=1e-5)
