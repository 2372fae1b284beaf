"""Coalition trading: neither history, names, order nor units show."""

from dataclasses import replace

import numpy as np
import pytest

from clearing.trading.instance import TradingInstance
from clearing.trading.markets import (
    AdHocTrading,
    CooperativeTrading,
    IntegratedTrading,
    SelfInterestedTrading,
)
from clearing.trading.tables import eight_node
from networks.geography import equalise_resistance
from networks.grid import Grid
from networks.private_lines import PrivateNetwork
from tests.clearing.test_trading import random_instance


def test_same_bits_whatever_was_cleared_before_and_without_recompiling():
    instance, other = random_instance(1), random_instance(2)
    for make in (CooperativeTrading, lambda: SelfInterestedTrading("nodal"), IntegratedTrading):
        market = make()
        first = market.clear(instance)
        market.clear(other)
        again = market.clear(instance)
        for outcome in (again, make().clear(instance)):
            assert np.array_equal(first.private_flow_mw, outcome.private_flow_mw)
            assert np.array_equal(first.price, outcome.price, equal_nan=True)
    market = CooperativeTrading()
    compiled = market.compiled(instance)
    scaled = instance.with_grid(equalise_resistance(instance.grid, 0.02))
    assert market.compiled(scaled) is compiled
    assert market.compiled(other) is not compiled


@pytest.mark.parametrize("seed", range(4))
def test_names_order_and_direction_do_not_matter(seed):
    instance = random_instance(seed)
    rng = np.random.default_rng(seed)
    buses = instance.grid.buses_frame.sample(frac=1.0, random_state=seed)
    lines = instance.grid.branches_frame.sample(frac=1.0, random_state=seed)
    flip = rng.random(len(lines)) < 0.5
    ends = lines[["from_bus", "to_bus"]].to_numpy()
    lines["from_bus"], lines["to_bus"] = np.where(flip, ends.T[::-1], ends.T)
    grid = Grid.from_tables(buses, lines, base_mva=10.0)
    order = [label for label in grid.buses if label != 0]
    private = PrivateNetwork.from_tables(order, instance.private.lines_frame.iloc[::-1])
    other = TradingInstance.from_tables(
        grid, instance.agents_frame, private, main_bus=0, supply_price=50.0, sell_price=30.0
    )
    for market in (AdHocTrading(), SelfInterestedTrading("nodal"), CooperativeTrading(), IntegratedTrading()):
        here, there = market.clear(instance), market.clear(other)
        assert there.losses_mw == pytest.approx(here.losses_mw, rel=1e-9)  # law 3
        assert there.agents["price"][list(instance.agents)].to_numpy() == pytest.approx(
            here.agents["price"].to_numpy(), rel=1e-9, nan_ok=True
        )
        flows = there.private_lines["flow_mw"][list(instance.private.lines)].to_numpy()
        assert flows == pytest.approx(here.private_flow_mw, abs=1e-8)


@pytest.mark.parametrize("factor", [1e-4, 1e6])
def test_units_of_the_tables_do_not_matter(factor):
    """MW times k and impedances over k: losses times k, prices as before."""
    for instance in (eight_node(), random_instance(3)):
        grid = replace(instance.grid, r_pu=instance.grid.r_pu / factor, x_pu=instance.grid.x_pu / factor)
        other = replace(
            instance,
            grid=grid,
            private=replace(instance.private, r_pu=instance.private.r_pu / factor),
            endowment_mw=factor * instance.endowment_mw,
            demand_mw=factor * instance.demand_mw,
        )
        for market in (AdHocTrading(), SelfInterestedTrading(), CooperativeTrading(), IntegratedTrading()):
            here, there = market.clear(instance), market.clear(other, verify=True)
            assert there.losses_mw == pytest.approx(factor * here.losses_mw, rel=1e-9)
            assert there.price == pytest.approx(here.price, rel=1e-9, nan_ok=True)
