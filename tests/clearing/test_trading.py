"""The four models of coalition trading: trades, reference figures, order, prices, proofs."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

import networks
from clearing.errors import InfeasibleError
from clearing.trading.instance import TradingInstance
from clearing.trading.markets import (
    AdHocTrading,
    CooperativeTrading,
    IntegratedTrading,
    SelfInterestedTrading,
    nodal_tariff,
)
from clearing.trading.physics import calibrate_resistance, private_withdrawal, solve_public_flow
from clearing.trading.tables import eight_node, ieee300_agents
from networks.geography import equalise_resistance, keep_impedances
from networks.grid import Grid
from networks.private_lines import PrivateNetwork, draw_random_lines

REFERENCE = Path(__file__).parents[1] / "data" / "reference" / "coalition_case300_150.json"


def random_instance(seed: int, buses: int = 12, degree: float = 1.5, heavy: float = 1.0) -> TradingInstance:
    """A meshed grid of one island with agents at every bus but the main grid's, bus 0."""
    rng = np.random.default_rng(seed)
    pairs = [(k, int(rng.integers(k))) for k in range(1, buses)]
    pairs += [tuple(rng.choice(buses, 2, replace=False).tolist()) for _ in range(buses // 2)]
    branches = [
        {"branch": k, "from_bus": a, "to_bus": b, "r_pu": r, "x_pu": x}
        for k, ((a, b), r, x) in enumerate(
            zip(pairs, rng.uniform(0.005, 0.03, len(pairs)), rng.uniform(0.1, 0.5, len(pairs)), strict=True)
        )
    ]
    grid = Grid.from_tables([{"bus": k} for k in range(buses)], branches, base_mva=10.0)
    agents = [
        {
            "bus": k,
            "endowment_mw": heavy * rng.uniform(0, 12) * (rng.random() < 0.5),
            "demand_mw": heavy * rng.uniform(0, 8),
            "buy_price": rng.uniform(55, 65),
        }
        for k in range(1, buses)
    ]
    private = draw_random_lines(range(1, buses), rng, mean_degree=degree, r_pu_per_km=0.05)
    return TradingInstance.from_tables(
        grid, agents, private, main_bus=0, supply_price=50.0, buy_price=60.0, sell_price=30.0
    )


def ieee300_instance(seed: int, degree: float, side_km: float = 1.0) -> TradingInstance:
    """The closest configuration to the poster's table: see docs/mathematics-coalition.md."""
    rng = np.random.default_rng(seed)
    table = ieee300_agents()
    table = table[table["bus"] != 256]
    agents = [
        {"bus": row.bus, "endowment_mw": 0.8625 * row.generation_mw + row.static_mw, "demand_mw": row.load_mw}
        for row in table.itertuples()
    ]
    grid = equalise_resistance(networks.load("ieee300").grid, 0.00171, 0.1, rng)
    instance = TradingInstance.from_tables(grid, agents, main_bus=256)
    return instance.with_private(draw_random_lines(instance.agents, rng, mean_degree=degree, side_km=side_km))


def reference_instance() -> tuple[TradingInstance, dict]:
    """tests/data/reference/coalition_provenance.md says how the file maps."""
    data = json.loads(REFERENCE.read_text())
    grid = keep_impedances(networks.load("ieee300").grid, taps=False)
    ends = list(zip(grid.from_bus.tolist(), grid.to_bus.tolist(), strict=True))
    assert ends == [(line["from"], line["to"]) for line in data["public"]]
    assert grid.r_pu == pytest.approx([line["r_pu"] for line in data["public"]], rel=1e-12)
    assert grid.x_pu == pytest.approx([line["x_pu"] for line in data["public"]], rel=1e-12)
    net = 100.0 * np.array(data["net_endowment_pu"])
    agents = [{"bus": k, "endowment_mw": max(p, 0.0), "demand_mw": max(-p, 0.0)} for k, p in enumerate(net)]
    private = [
        {"line": k, "from_bus": line["from"], "to_bus": line["to"], "r_pu": line["r_pu"]}
        for k, line in enumerate(data["private"])
    ]
    return TradingInstance.from_tables(grid, agents, private, main_bus=data["slack"]), data["expected"]


@pytest.mark.parametrize("market", [CooperativeTrading, IntegratedTrading])
def test_reference_supply_on_300_buses(market):
    instance, expected = reference_instance()
    outcome = market().clear(instance, verify=True)
    supply = expected[outcome.model]
    assert outcome.main_grid_mw / 100 == pytest.approx(supply["main_grid_supply_pu"], abs=1e-6)
    assert outcome.losses_mw / 100 == pytest.approx(supply["total_losses_pu"], abs=1e-6)
    assert outcome.certificate.residuals["cuts"] < 1e-6
    assert outcome.cut_bound <= outcome.objective + 1e-9
    published = {"cooperative": 2.069657956, "integrated": 1.927741969}
    assert outcome.main_grid_mw / 100 == pytest.approx(published[outcome.model], abs=1e-6)


def test_eight_nodes_trade_as_printed():
    """Section 5 of the notes behind docs/mathematics-coalition.md, to its three digits."""
    instance = eight_node()
    none = CooperativeTrading().clear(instance.with_private(PrivateNetwork.none(instance.agents)))
    assert round(none.losses_mw, 3) == 0.793
    printed = {
        "ad_hoc": ([1.010, 0.0, -1.0], 0.522),
        "self_interested": ([2.158, 1.056, -0.946], 0.458),
        "cooperative": ([1.533, 0.550, 0.0], 0.200),
        "integrated": ([1.503, 0.535, 0.060], 0.182),
    }
    found = {}
    for market in (AdHocTrading(), SelfInterestedTrading(), CooperativeTrading(), IntegratedTrading()):
        outcome = market.clear(instance, verify=True)
        found[outcome.model] = outcome
        flows, losses = printed[outcome.model]
        assert outcome.private_flow_mw.round(3) == pytest.approx(flows, abs=1e-9)
        assert round(outcome.losses_mw, 3) == losses
    sold = {model: outcome.agents["sold_mw"].round(3) for model, outcome in found.items()}
    bought = {model: outcome.agents["bought_mw"].round(3) for model, outcome in found.items()}
    assert sold["ad_hoc"]["A1"] == 1.980
    assert bought["ad_hoc"].to_dict() == {
        "A1": 0, "A2": 0, "A3": 1, "A4": 0.060, "A5": 0.060, "A6": 0, "A7": 2,
    }  # fmt: skip
    assert sold["self_interested"]["A1"] == 0.795
    assert bought["self_interested"]["A4"] == pytest.approx(0.107, abs=6e-4)  # 0.10747
    assert bought["self_interested"]["A5"] == 0.0
    assert bought["self_interested"]["A7"] == 2.0
    public = {model: outcome.public_lines["flow_mw"].round(3) for model, outcome in found.items()}
    assert public["cooperative"]["A1-A4"] == 0.502
    assert public["cooperative"]["A4-G"] == -0.506
    assert public["integrated"]["A1-A4"] == 1.006
    assert found["self_interested"].losses_mw - found["cooperative"].losses_mw == pytest.approx(
        0.258, abs=5e-4
    )


def test_eight_nodes_who_trades_with_whom():
    trades = AdHocTrading().clear(eight_node()).trades
    assert list(zip(trades["seller"], trades["buyer"], strict=True)) == [("A5", "A4"), ("A1", "A2")]
    trades = SelfInterestedTrading().clear(eight_node()).trades.set_index(["seller", "buyer"])
    assert trades.loc[("A1", "A3"), "delivered_mw"] == pytest.approx(1.0, abs=1e-6)
    assert trades.loc[("A1", "A2"), "delivered_mw"] == pytest.approx(1.0, abs=1e-6)
    assert len(trades) == 3


@pytest.mark.parametrize("seed", range(12))
def test_trades_add_up_to_what_agents_give_and_get(seed):
    instance = random_instance(seed, degree=2.5)
    outcome = CooperativeTrading().clear(instance)
    sent, delivered = outcome.traded_mw
    out, loss = private_withdrawal(instance, outcome.private_flow_mw)
    scale = 1.0 + np.abs(out).max()
    assert sent.sum(axis=1) == pytest.approx(np.maximum(out, 0.0), abs=1e-7 * scale)
    assert delivered.sum(axis=0) == pytest.approx(np.maximum(-out, 0.0), abs=1e-7 * scale)
    assert (sent >= delivered - 1e-9).all()
    assert sent.sum() - delivered.sum() == pytest.approx(loss.sum(), abs=1e-6 * scale)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("degree", [0.7, 2.0])
def test_order_of_the_models_on_draws(seed, degree):
    instance = random_instance(seed, degree=degree)
    losses = {}
    for market in (
        AdHocTrading(), SelfInterestedTrading(), SelfInterestedTrading("nodal"), CooperativeTrading(),
        IntegratedTrading(),
    ):  # fmt: skip
        outcome = market.clear(instance)
        assert outcome.certificate.holds
        losses[outcome.model, outcome.tariff] = outcome.losses_mw
    room = 1e-8 * (1.0 + losses["cooperative", ""])
    assert losses["integrated", ""] <= losses["cooperative", ""] + room
    for model in (("self_interested", "flat"), ("self_interested", "nodal"), ("ad_hoc", "flat")):
        assert losses["cooperative", ""] <= losses[model] + room


def test_order_on_the_study_s_configuration_and_equality_without_private_lines():
    markets = (AdHocTrading(), SelfInterestedTrading(), CooperativeTrading(), IntegratedTrading())
    for seed, degree in ((1, 0.0), (2, 1.0), (3, 2.8)):
        instance = ieee300_instance(seed, degree)
        found = {market.clear(instance).model: market.clear(instance).losses_mw / 100 for market in markets}
        assert found["integrated"] <= found["cooperative"] + 1e-8
        assert found["cooperative"] <= min(found["ad_hoc"], found["self_interested"]) + 1e-8
        if degree == 0:
            assert found["ad_hoc"] == pytest.approx(found["cooperative"], abs=1e-8)
            assert found["self_interested"] == pytest.approx(found["cooperative"], abs=1e-8)
            assert 0.0005 < 1 - found["integrated"] / found["cooperative"] < 0.004
            assert found["cooperative"] == pytest.approx(7.13, abs=0.05)


def test_calibrated_resistance_gives_the_losses_asked_for():
    instance = ieee300_instance(5, 0.0)
    assert instance.net_mw.sum() / 100 == pytest.approx(-32.748, abs=1e-3)
    factor = calibrate_resistance(instance, 713.0)
    grid = instance.grid
    scaled = instance.with_grid(equalise_resistance(grid, 0.00171 * factor, 0.1, np.random.default_rng(5)))
    assert scaled.grid.x_pu == pytest.approx(factor * grid.x_pu, rel=1e-12)
    assert AdHocTrading().clear(scaled).losses_mw == pytest.approx(713.0, rel=1e-9)
    with pytest.raises(InfeasibleError, match="no factor on the public resistances"):
        calibrate_resistance(instance, 1e6)


def test_equal_ratio_of_x_to_r_makes_physics_free():
    """Thomson's principle: with x proportional to r the physical flow is the one of least losses."""
    instance = random_instance(4)
    grid = instance.grid
    same = instance.with_grid(equalise_resistance(grid, 0.02))
    cooperative, integrated = CooperativeTrading().clear(same), IntegratedTrading().clear(same)
    # losses are extra loads, so the principle holds up to terms of second order in the loss share
    assert integrated.losses_mw == pytest.approx(cooperative.losses_mw, rel=2e-3)
    assert integrated.losses_mw <= cooperative.losses_mw + 1e-8


@pytest.mark.parametrize("seed", range(6))
def test_cooperative_flows_by_another_route(seed):
    """Least supply over private flows alone, public ones by the fixed point: no cones, no duals."""
    instance = random_instance(seed, buses=7, degree=1.4)
    outcome = CooperativeTrading().clear(instance)

    def supply(flow: np.ndarray) -> float:
        out, _ = private_withdrawal(instance, flow)
        return solve_public_flow(instance, instance.net_mw - out).supply_mw

    start = np.zeros(len(instance.private.lines))
    if len(start):
        best = minimize(supply, start, method="BFGS", options={"gtol": 1e-7})
        assert outcome.main_grid_mw == pytest.approx(best.fun, abs=1e-5)
        assert outcome.private_flow_mw == pytest.approx(best.x, abs=2e-3)
        assert outcome.main_grid_mw <= best.fun + 1e-7


@pytest.mark.parametrize("market", [CooperativeTrading, IntegratedTrading, SelfInterestedTrading])
def test_a_price_is_what_one_more_mw_of_demand_costs(market):
    instance = random_instance(7, degree=1.0)
    outcome = market().clear(instance)
    step = 1e-3
    for bus in (2, 5, 9):
        changed = []
        for sign in (1.0, -1.0):
            table = instance.agents_frame
            table.loc[table["bus"] == bus, "demand_mw"] += sign * step
            other = TradingInstance.from_tables(
                instance.grid, table, instance.private, main_bus=0, supply_price=50.0, sell_price=30.0
            )
            changed.append(market().clear(other).objective)
        slope = (changed[0] - changed[1]) / (2 * step)
        assert slope == pytest.approx(outcome.price[bus], rel=2e-4)


@pytest.mark.parametrize(
    "market", [AdHocTrading, SelfInterestedTrading, CooperativeTrading, IntegratedTrading]
)
def test_energy_balances_by_hand(market):
    """Recomputed here from the tables, bus by bus."""
    instance = random_instance(11)
    outcome = market().clear(instance)
    left = instance.net_mw.copy()
    left[0] += outcome.main_grid_mw
    base = instance.grid.base_mva
    for lines, r in (
        (outcome.public_lines, instance.grid.r_pu),
        (outcome.private_lines, instance.private.r_pu),
    ):
        for row, resistance in zip(lines.itertuples(), r, strict=True):
            assert row.loss_mw == pytest.approx(resistance * row.flow_mw**2 / base, abs=1e-12)
            left[row.from_bus] -= row.flow_mw + 0.5 * row.loss_mw
            left[row.to_bus] -= -row.flow_mw + 0.5 * row.loss_mw
    assert left == pytest.approx(np.zeros(len(left)), abs=1e-9)
    assert outcome.main_grid_mw == pytest.approx(outcome.losses_mw - instance.net_mw.sum(), abs=1e-9)
    assert np.abs(outcome.public_gap_mw).max() < 1e-5
    money = outcome.agent_cost.sum()
    assert np.isfinite(money)
    if outcome.model in ("cooperative", "integrated"):  # agents and public lines share the main grid's cost
        grid, r = instance.grid, instance.grid.r_pu * outcome.public_flow_mw / base
        rents = outcome.price[grid.to_bus] * outcome.public_flow_mw * (1 - r / 2) - outcome.price[
            grid.from_bus
        ] * outcome.public_flow_mw * (1 + r / 2)
        assert money - rents.sum() == pytest.approx(outcome.supply_cost, rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_flows_are_exact_not_only_to_a_solver_s_tolerance(seed):
    """Private lines obey λ_to·(1 − r·g) = λ_from·(1 + r·g) to rounding, agents their complementarity."""
    instance = random_instance(seed, degree=2.0)
    start, end = instance.private_ends
    for market in (SelfInterestedTrading(), CooperativeTrading(), IntegratedTrading()):
        outcome = market.clear(instance)
        r = instance.private.r_pu * outcome.private_flow_mw / instance.grid.base_mva
        gap = outcome.price[end] * (1 - r) - outcome.price[start] * (1 + r)
        assert gap == pytest.approx(np.zeros(len(gap)), abs=1e-9 * instance.supply_price)
        if outcome.model == "self_interested":
            low, high = np.full(len(instance.agent), instance.sell_price), instance.buy_price
            room = 1e-12 * high
            inside = instance.agent & (outcome.price > low + room) & (outcome.price < high - room)
            assert outcome.injection_mw[inside] == pytest.approx(0.0, abs=1e-9)
            for trades, tariff in ((outcome.injection_mw > 1e-9, low), (outcome.injection_mw < -1e-9, high)):
                assert outcome.price[trades] == pytest.approx(tariff[trades], rel=1e-12)


def test_nodal_tariff_lies_between_the_flat_one_and_its_spread():
    instance = random_instance(3)
    ratio = nodal_tariff(instance)[instance.agent] / instance.buy_price[instance.agent]
    assert ratio.min() == pytest.approx(1.0)
    assert ratio.max() == pytest.approx(1.1)
