"""Private networks and what public lines are made of."""

import numpy as np
import pytest

import networks
from networks.errors import InputError
from networks.geography import equalise_resistance, keep_impedances, lengths_km, proportion_to_length
from networks.private_lines import PrivateNetwork, draw_near_lines, draw_random_lines

AGENTS = tuple(f"A{k}" for k in range(40))


def draw(seed: int = 1, **options):
    return draw_random_lines(AGENTS, np.random.default_rng(seed), **options)


def test_one_seed_gives_one_network():
    first, second, other = draw(mean_degree=3.0), draw(mean_degree=3.0), draw(2, mean_degree=3.0)
    assert first.lines_frame.equals(second.lines_frame)
    assert not first.lines_frame.equals(other.lines_frame)


def test_density_and_area_change_what_they_should_alone():
    sparse, dense, wide = draw(mean_degree=1.0), draw(mean_degree=4.0), draw(mean_degree=1.0, side_km=100.0)
    assert np.array_equal(sparse.positions_km, dense.positions_km)
    pairs = [set(zip(n.from_bus.tolist(), n.to_bus.tolist(), strict=True)) for n in (sparse, dense)]
    assert pairs[0] < pairs[1]
    assert np.array_equal(sparse.from_bus, wide.from_bus)
    assert wide.length_km == pytest.approx(100.0 * sparse.length_km, rel=1e-12)
    assert wide.r_pu == pytest.approx(4e-5 * wide.length_km, rel=1e-12)


def test_number_of_lines_is_the_binomial_of_an_erdos_renyi_graph():
    pairs, probability = 40 * 39 / 2, 0.05
    counts = [len(draw(seed, probability=probability).lines) for seed in range(300)]
    mean, deviation = pairs * probability, np.sqrt(pairs * probability * (1 - probability))
    assert np.mean(counts) == pytest.approx(mean, abs=4 * deviation / np.sqrt(300))
    assert np.std(counts) == pytest.approx(deviation, rel=0.2)
    assert len(draw(lines=17).lines) == 17
    assert len(draw(probability=0.0).lines) == 0
    assert len(draw(probability=1.0).lines) == pairs
    assert draw(lines=60).mean_degree == 3.0


def test_lengths_are_distances_in_the_square():
    network = draw(lines=30, side_km=7.0)
    assert network.positions_km.min() >= 0
    assert network.positions_km.max() <= 7.0
    expected = lengths_km(network.positions_km, network.from_bus, network.to_bus)
    assert np.array_equal(network.length_km, expected)


def test_geometric_networks_join_the_nearest():
    near = draw_near_lines(AGENTS, np.random.default_rng(3), radius_km=0.2)
    assert near.length_km.max() <= 0.2
    fewer = draw_near_lines(AGENTS, np.random.default_rng(3), mean_degree=2.0)
    assert len(fewer.lines) == 40
    assert fewer.length_km.max() <= near.length_km.max() or len(near.lines) < 40


def test_given_lines_and_their_round_trip():
    rows = [{"line": "a", "from_bus": "A1", "to_bus": "A2", "length_km": 2.0}]
    network = PrivateNetwork.from_tables(AGENTS, rows, r_pu_per_km=0.01)
    assert network.r_pu == pytest.approx([0.02])
    again = PrivateNetwork.from_tables(AGENTS, network.lines_frame)
    assert again.lines_frame.equals(network.lines_frame)
    assert len(PrivateNetwork.from_tables(AGENTS, []).lines) == 0
    with pytest.raises(ValueError, match="read-only"):
        network.r_pu[0] = 1.0


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"line": "a", "from_bus": "A1", "to_bus": "A99", "r_pu": 1.0}, "did you mean"),
        ({"line": "a", "from_bus": "A1", "to_bus": "A1", "r_pu": 1.0}, "equals from_bus"),
        ({"line": "a", "from_bus": "A1", "to_bus": "A2", "r_pu": 0.0}, "resistance above 0"),
        ({"line": "a", "from_bus": "A1", "to_bus": "A2", "r_pu": float("nan")}, "column 'r_pu' is nan"),
        ({"line": "a", "from_bus": "A1", "to_bus": "A2", "length_km": 1.0}, "r_pu_per_km is None"),
        ({"line": "a", "from_bus": "A1", "to_bus": "A2", "r_pu": 1.0, "x_pu": 1.0}, "'x_pu' is unknown"),
    ],
)
def test_bad_lines_are_refused_by_name(row, message):
    with pytest.raises(InputError, match=message):
        PrivateNetwork.from_tables(AGENTS, [row])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one"),
        ({"probability": 0.1, "lines": 3}, "exactly one"),
        ({"probability": 1.5}, "at most 1"),
        ({"mean_degree": 40.0}, "at most 39"),
        ({"lines": 781}, "only 780 pairs"),
        ({"lines": 3, "side_km": 0.0}, "side_km is 0.0"),
        ({"lines": 3, "r_pu_per_km": -1.0}, "r_pu_per_km is -1.0"),
    ],
)
def test_bad_densities_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        draw(**options)


def test_modes_of_public_lines():
    grid = networks.load("five_bus").grid
    own = keep_impedances(grid)
    assert np.array_equal(own.x_pu, grid.x_pu)
    assert np.isinf(own.limit_mw).all()
    plain = equalise_resistance(grid, 0.01)
    assert np.array_equal(plain.r_pu, np.full(len(grid.branches), 0.01))
    assert np.array_equal(plain.r_pu, plain.x_pu)
    noisy = equalise_resistance(grid, 0.01, 0.1, np.random.default_rng(0))
    again = equalise_resistance(grid, 0.01, 0.1, np.random.default_rng(0))
    assert np.array_equal(noisy.x_pu, again.x_pu)
    assert np.log(noisy.x_pu / noisy.r_pu).std() == pytest.approx(0.1, rel=0.6)
    length = np.arange(1.0, len(grid.branches) + 1)
    longer = proportion_to_length(grid, length, 0.001, 0.004)
    assert longer.x_pu / longer.r_pu == pytest.approx(4.0)
    with pytest.raises(InputError, match="needs a generator"):
        equalise_resistance(grid, 0.01, 0.1)
    with pytest.raises(InputError, match="length_km needs one length"):
        proportion_to_length(grid, length[:-1], 0.001, 0.004)
