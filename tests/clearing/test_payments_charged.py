"""The charged-share game: equilibria, worths by convention, empty cores; partitions that form."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from clearing.errors import InputError
from clearing.payments.charged import CONVENTIONS, ChargedShareGame, partitions
from clearing.payments.games import CooperativeGame, least_core
from clearing.payments.partitions import earnings_of, merge_and_split, stable_partitions
from clearing.payments.tariff import tariff_game
from clearing.trading.instance import TradingInstance
from clearing.trading.tables import eight_node
from networks.grid import Grid

EMPTY_CORE = Path(__file__).parents[1] / "data" / "coalition_empty_core"


def draw(seed: int, agents: int) -> TradingInstance:
    """The generator of the search for empty cores: rounded numbers, so that a find fits a table."""
    rng = np.random.default_rng(seed)
    buses = [f"A{k}" for k in range(1, agents + 1)] + ["G"]
    pairs = [
        (buses[k], "G") if k == 0 or rng.random() < 0.5 else (buses[k], buses[int(rng.integers(k))])
        for k in range(agents)
    ]
    pairs += [tuple(rng.choice(buses, 2, replace=False)) for _ in range(agents // 2)]
    public = [
        {
            "branch": k,
            "from_bus": a,
            "to_bus": b,
            "r_pu": round(float(rng.uniform(0.01, 0.2)), 2),
            "x_pu": round(float(rng.uniform(0.2, 2)), 1),
        }
        for k, (a, b) in enumerate(pairs)
    ]
    net = [float(rng.integers(-2, 4)) for _ in buses[:-1]]
    table = [
        {"bus": bus, "endowment_mw": max(p, 0.0), "demand_mw": max(-p, 0.0)}
        for bus, p in zip(buses[:-1], net, strict=True)
    ]
    joined = [(a, b) for i, a in enumerate(buses[:-1]) for b in buses[:i] if rng.random() < 0.5]
    private = [
        {"line": f"{a}-{b}", "from_bus": a, "to_bus": b, "r_pu": round(float(rng.uniform(0.02, 0.3)), 2)}
        for a, b in joined
    ]
    grid = Grid.from_tables([{"bus": bus} for bus in buses], public, base_mva=1.0)
    return TradingInstance.from_tables(grid, table, private, main_bus="G")


def excesses(instance: TradingInstance) -> np.ndarray:
    game = ChargedShareGame(instance)
    return np.array([least_core(game.characteristic_function(c)).excess for c in CONVENTIONS])


def test_eight_nodes_as_noted():
    """Section 6 of the notes behind docs/mathematics-coalition.md."""
    game = ChargedShareGame(eight_node())
    bit = {agent: 1 << k for k, agent in enumerate(game.agents)}
    trio = bit["A1"] | bit["A2"] | bit["A3"]
    rest = [bit["A6"], bit["A7"]]
    apart = tuple(sorted([trio, bit["A4"], bit["A5"], *rest]))
    merged = tuple(sorted([trio, bit["A4"] | bit["A5"], *rest]))
    assert round(game.worth(trio, apart), 4) == 0.8714
    assert round(game.worth(trio, merged), 4) == 0.8687
    printed = {"singletons": 0.0097, "merge": 0.0026, "worst": 0.0026, "best": 0.0097}
    for convention, epsilon in printed.items():
        characteristic = game.characteristic_function(convention)
        assert round(least_core(characteristic).excess, 4) == epsilon
        assert round(float(characteristic.worth[-1]), 3) == -1.193


def test_shares_add_up_to_the_losses_of_the_approximation():
    game = ChargedShareGame(eight_node())
    instance = eight_node()
    everyone = (2**7 - 1,)
    for partition in [everyone, tuple(1 << k for k in range(7)), (3, 4, 24, 32, 64)]:
        flow = game.flows(partition)
        start, end = instance.private_ends
        injection = instance.net_mw - np.bincount(start, flow, 8) + np.bincount(end, flow, 8)
        injection[instance.main] -= injection.sum()
        losses = float((instance.grid.r_pu * instance.grid.flow.flows(injection) ** 2).sum())
        losses += float((instance.private.r_pu * flow**2).sum())
        assert float(np.sum(game.earnings(partition))) == pytest.approx(-1.0 - losses, abs=1e-12)


@pytest.mark.parametrize("seed", [1, 5, 9, 13])
def test_equilibrium_is_where_no_coalition_gains_by_other_flows(seed):
    """Each block's own flows minimise its own cost given the others', found by a general optimiser."""
    instance = draw(seed, 5)
    game = ChargedShareGame(instance)
    first, second = (np.searchsorted(instance.agents, [instance.grid.buses[k] for k in side])
                     for side in instance.private_ends)  # fmt: skip
    for partition in [(3, 28), (7, 24), (31,), (5, 10, 16)]:
        flow = game.flows(partition)
        for mask in partition:
            own = [b for b in range(len(flow)) if mask >> first[b] & 1 and mask >> second[b] & 1]
            if not own:
                continue

            def cost(values: np.ndarray, own=own, mask=mask, flow=flow) -> float:
                trial = flow.copy()
                trial[own] = values
                net = instance.net_mw[instance.agent]
                q = net - np.bincount(first, trial, 5) + np.bincount(second, trial, 5)
                mine = np.array([mask >> k & 1 for k in range(5)], dtype=float)
                private = float((instance.private.r_pu[own] * trial[own] ** 2).sum())
                return private + float((mine * q) @ game.share_matrix @ q)

            best = minimize(cost, np.zeros(len(own)), method="BFGS", options={"gtol": 1e-9})
            assert flow[own] == pytest.approx(best.x, abs=1e-5)


def test_explicit_empty_core():
    """The stored table: three pairs worth more than twice all three, so nobody can pay them all."""
    instance = TradingInstance.from_folder(EMPTY_CORE)
    game = ChargedShareGame(instance)
    with (EMPTY_CORE / "worths.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for convention in CONVENTIONS:
        found = game.characteristic_function(convention)
        worth = {" ".join(found.coalition(mask)): float(v) for mask, v in enumerate(found.worth)}
        for row in rows:
            assert worth[row["coalition"]] == pytest.approx(float(row[convention]), abs=1e-6)
        pairs = worth["A1 A2"] + worth["A1 A3"] + worth["A2 A3"]
        assert pairs > 2 * worth["A1 A2 A3"] + 0.04
        assert least_core(found).excess > 0.01
    assert least_core(tariff_game(instance)).excess <= 1e-9  # at tariffs it is not empty


def test_the_stored_table_is_the_first_find_of_the_search():
    found = next(
        seed
        for seed in range(200)
        if len(draw(seed, 3).private.lines) and excesses(draw(seed, 3)).min() > 0.01
    )
    stored, drawn = TradingInstance.from_folder(EMPTY_CORE), draw(found, 3)
    assert found == 97
    assert np.array_equal(stored.grid.r_pu, drawn.grid.r_pu)
    assert np.array_equal(stored.grid.x_pu, drawn.grid.x_pu)
    assert np.array_equal(stored.net_mw, drawn.net_mw)
    assert np.array_equal(stored.private.r_pu, drawn.private.r_pu)


@pytest.mark.slow
def test_empty_cores_are_common_and_depend_on_the_convention():
    """Pattern, not percentages: best ≥ singletons > merge ≥ worst."""
    empty = np.array([excesses(draw(seed, 5)) > 1e-7 for seed in range(300)]).mean(axis=0)
    share = dict(zip(CONVENTIONS, empty, strict=True))
    assert 0.3 < share["singletons"] < 0.8
    assert share["worst"] <= share["merge"] < share["singletons"] <= share["best"]


def test_partitions_are_counted_by_bell():
    assert [sum(1 for _ in partitions(n)) for n in range(1, 9)] == [1, 2, 5, 15, 52, 203, 877, 4140]
    assert len(set(partitions(6))) == 203
    with pytest.raises(InputError, match="too many partitions"):
        partitions(10)


def test_coalitions_that_form_in_the_tariff_game_are_the_connected_ones():
    """Merging never hurts there, and pays exactly where a line joins the two."""
    earnings = earnings_of(tariff_game(eight_node()))
    found = merge_and_split(earnings, 7)
    assert found.stable
    assert found.partition == (0b111, 0b11000, 1 << 5, 1 << 6)  # A1 A2 A3, A4 A5, A6, A7
    assert found.partition in stable_partitions(earnings, 7)


def test_coalitions_that_form_when_losses_are_charged():
    game = ChargedShareGame(eight_node())
    found = merge_and_split(game.earnings, 7)
    assert found.stable
    assert found.partition in stable_partitions(game.earnings, 7)


def test_merging_and_splitting_by_hand():
    apart = CooperativeGame(("a", "b", "c"), np.array([0.0, 1, 1, 3, 1, 1, 1, 2]))
    assert merge_and_split(earnings_of(apart), 3).partition == (3, 4)
    assert merge_and_split(earnings_of(apart), 3, start=(7,)).partition == (3, 4)
    assert stable_partitions(earnings_of(apart), 3) == [(3, 4)]


def test_circles_are_reported():
    """A partition function whose moves lead from three alone over a pair and all back to three alone."""
    table = {(1, 2, 4): [4, 4, 4], (3, 4): [9, 0], (7,): [10], (1, 6): [8, 3], (2, 5): [0, 0]}
    found = merge_and_split(table.__getitem__, 3)
    assert not found.stable
    assert found.path == ((1, 2, 4), (3, 4), (7,), (1, 6), (1, 2, 4))
    assert stable_partitions(table.__getitem__, 3) == []


def test_bad_starts_and_sizes_are_refused():
    with pytest.raises(InputError, match="disjoint coalitions"):
        merge_and_split(lambda partition: [0.0] * len(partition), 2, start=(1, 1))
    with pytest.raises(InputError, match="at most 8"):
        stable_partitions(lambda partition: [0.0] * len(partition), 9)


def test_bad_conventions_and_sizes_are_refused():
    game = ChargedShareGame(draw(1, 3))
    with pytest.raises(InputError, match="did you mean 'merge'"):
        game.characteristic_function("merged")
