"""Coalition trading where it cannot go on, is asked wrongly, or has next to nothing to do."""

import pytest

from clearing.errors import InfeasibleError, InputError, NumericalError
from clearing.trading.instance import TradingInstance
from clearing.trading.markets import (
    AdHocTrading,
    CooperativeTrading,
    IntegratedTrading,
    SelfInterestedTrading,
)
from networks.grid import Grid
from networks.private_lines import PrivateNetwork


def two_buses(demand_mw: float, endowment_mw: float = 0.0, r: float = 1.0) -> TradingInstance:
    grid = Grid.from_tables(
        [{"bus": "main"}, {"bus": "far"}],
        [{"branch": "long line", "from_bus": "main", "to_bus": "far", "r_pu": r, "x_pu": 1.0}],
        base_mva=1.0,
    )
    agents = [{"bus": "far", "endowment_mw": endowment_mw, "demand_mw": demand_mw}]
    return TradingInstance.from_tables(grid, agents, main_bus="main")


@pytest.mark.parametrize(
    "market", [AdHocTrading, SelfInterestedTrading, CooperativeTrading, IntegratedTrading]
)
def test_a_demand_beyond_what_a_line_can_deliver_names_the_line(market):
    assert market().clear(two_buses(0.49)).main_grid_mw > 0.6
    with pytest.raises(InfeasibleError, match="'long line'"):
        market().clear(two_buses(0.51))


@pytest.mark.parametrize("market", [CooperativeTrading, IntegratedTrading])
def test_a_loose_cone_is_an_error_that_names_the_line(market):
    """More energy than the first line can take away: the relaxation would burn it on the second one."""
    grid = Grid.from_tables(
        [{"bus": k} for k in ("main", "middle", "end")],
        [
            {"branch": "first", "from_bus": "main", "to_bus": "middle", "r_pu": 1.0, "x_pu": 1.0},
            {"branch": "second", "from_bus": "middle", "to_bus": "end", "r_pu": 0.1, "x_pu": 1.0},
        ],
        base_mva=1.0,
    )
    agents = [
        {"bus": "middle", "endowment_mw": 5.0, "demand_mw": 0.0},
        {"bus": "end", "endowment_mw": 1.0, "demand_mw": 0.0},
    ]
    instance = TradingInstance.from_tables(grid, agents, main_bus="main")
    with pytest.raises(NumericalError, match="public line 'second'"):
        market().clear(instance)


def with_line(**changes) -> Grid:
    line = {"branch": "a", "from_bus": 0, "to_bus": 1, "r_pu": 0.1, "x_pu": 1.0} | changes
    return Grid.from_tables([{"bus": 0}, {"bus": 1}], [line])


AGENT = {"bus": 1, "endowment_mw": 1.0, "demand_mw": 0.0}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid": with_line(limit_mw=5.0)}, "public line 'a' has a limit"),
        ({"grid": with_line(r_pu=-0.1)}, "column 'r_pu' is -0.1"),
        ({"grid": with_line(in_service=False)}, "bus 1 is not connected"),
        ({"main_bus": 7}, "main_bus is 7"),
        ({"agents": [AGENT | {"demand_mw": -1.0}]}, "column 'demand_mw' is -1.0"),
        ({"agents": [AGENT, AGENT]}, "appears twice"),
        ({"agents": [AGENT | {"bus": 3}]}, "column 'bus' is 3"),
        ({"sell_price": 0.0}, "sell_price is 0.0"),
        ({"sell_price": 1.5}, "not above the sell_price"),
        ({"supply_price": float("nan")}, "supply_price is nan"),
        ({"private": PrivateNetwork.none(["x"])}, "'x' is not the bus of an agent"),
        ({"private": [{"line": 1, "from_bus": 1, "to_bus": 0, "r_pu": 1.0}]}, "column 'to_bus' is 0"),
    ],
)
def test_bad_instances_are_refused_by_name(arguments, message):
    given = {"grid": with_line(), "agents": [AGENT], "main_bus": 0} | arguments
    with pytest.raises(InputError, match=message):
        TradingInstance.from_tables(**given)


MARKETS = (AdHocTrading, SelfInterestedTrading, CooperativeTrading, IntegratedTrading)


@pytest.mark.parametrize("market", MARKETS)
def test_smallest_instances(market):
    one = Grid.from_tables([{"bus": "m"}])
    agent = {"bus": "m", "endowment_mw": 1.0, "demand_mw": 3.0}
    outcome = market().clear(TradingInstance.from_tables(one, [agent], main_bus="m"), verify=True)
    assert outcome.main_grid_mw == pytest.approx(2.0)
    assert outcome.agent_cost == pytest.approx([2.0])
    assert "losses 0 MW" in repr(outcome)
    empty = market().clear(TradingInstance.from_tables(one, [], main_bus="m"))
    assert (empty.main_grid_mw, empty.losses_mw) == (0.0, 0.0)
    assert len(empty.trades) == len(empty.agents) == 0


@pytest.mark.parametrize("market", MARKETS)
def test_parallel_lossless_negative_and_idle_lines(market):
    """A main grid that takes energy, lines without resistance, in parallel, with x < 0, out of service."""
    ends = [
        (0, 1, 0.0, 0.1, True),
        (1, 2, 0.01, 0.1, True),
        (1, 2, 0.01, 0.1, True),
        (0, 2, 0.01, -0.3, True),
    ]
    ends += [(0, 2, 0.01, 0.1, False)]
    names = ("branch", "from_bus", "to_bus", "r_pu", "x_pu", "in_service")
    branches = [dict(zip(names, (k, *row), strict=True)) for k, row in enumerate(ends)]
    grid = Grid.from_tables([{"bus": k} for k in range(3)], branches)
    agents = [
        {"bus": bus, "endowment_mw": endowment, "demand_mw": demand}
        for bus, endowment, demand in ((0, 3.0, 0.0), (1, 0.0, 5.0), (2, 10.0, 0.0))
    ]
    private = [
        {"line": name, "from_bus": a, "to_bus": b, "r_pu": r}
        for name, a, b, r in (("a", 0, 1, 0.5), ("b", 1, 0, 0.5), ("c", 2, 1, 0.1))
    ]
    outcome = market().clear(TradingInstance.from_tables(grid, agents, private, main_bus=0), verify=True)
    assert outcome.certificate.holds
    assert outcome.main_grid_mw == pytest.approx(outcome.losses_mw - 8.0)
    assert outcome.public_flow_mw[1] == pytest.approx(outcome.public_flow_mw[2], abs=1e-6)
    assert outcome.public_flow_mw[4] == 0.0
    assert outcome.private_flow_mw[0] == pytest.approx(-outcome.private_flow_mw[1], abs=1e-6) or (
        outcome.model == "ad_hoc"
    )


def test_unknown_tariff_is_refused():
    with pytest.raises(InputError, match="use 'flat' or 'nodal'"):
        SelfInterestedTrading("free")
