"""Mixed equilibria of two players: by Lemke and Howson, and all extreme ones of degenerate games."""

from importlib.util import find_spec
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from clearing.errors import InputError
from learners.equilibria.mixed import mixed_equilibria
from learners.equilibria.pure import pure_equilibria
from learners.games.bertrand import CapacityBertrand, TwoBusBertrand, price_grid
from learners.games.game import PayoffTensor

needs_quantecon = pytest.mark.skipif(find_spec("quantecon") is None, reason="needs quantecon")
ENUMERATIONS = ("support_enumeration", "vertex_enumeration")
PENNIES = PayoffTensor([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]])


def vertices(payoffs: np.ndarray) -> list[tuple[np.ndarray, frozenset[int]]]:
    """Vertices (x, v) of {x ≥ 0, Σx = 1, payoffsᵀx ≤ v} by trying every set of tight rows, with all that is
    tight: rows 0 … m − 1 are x ≥ 0, then come the opponent's actions."""
    m, n = payoffs.shape
    rows = np.block([[np.eye(m), np.zeros((m, 1))], [payoffs.T, -np.ones((n, 1))]])
    total = np.append(np.ones(m), 0.0)
    found = {}
    for tight in combinations(range(m + n), m):
        system = np.vstack([rows[list(tight)], total])
        if abs(np.linalg.det(system)) < 1e-9:
            continue
        point = np.linalg.solve(system, np.append(np.zeros(m), 1.0))
        level = rows @ point
        if level[:m].min() > -1e-9 and level[m:].max() < 1e-9:
            found[tuple(np.round(point[:m], 7) + 0.0)] = frozenset(np.flatnonzero(abs(level) < 1e-9).tolist())
    return [(np.array(x), tight) for x, tight in found.items()]


def brute_force(one: np.ndarray, two: np.ndarray) -> set[tuple[float, ...]]:
    m, n = one.shape
    everything = set(range(m + n))
    swapped = [(y, frozenset((k + m) % (m + n) for k in tight)) for y, tight in vertices(one.T)]
    return {(*x, *y) for x, tight in vertices(two) for y, others in swapped if tight | others == everything}


def as_set(found) -> set[tuple[float, ...]]:
    return {tuple(np.round(np.concatenate(e.strategies), 7) + 0.0) for e in found}


@st.composite
def small_games(draw):
    shape = (2, draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    return draw(arrays(np.int64, shape, elements=st.integers(0, 3))).astype(float)


@settings(max_examples=60, deadline=None)
@given(small_games())
def test_enumerations_find_every_extreme_equilibrium(values):
    wanted = brute_force(*values)
    assert wanted  # Nash's theorem, of the test's own enumeration
    for method in ENUMERATIONS:
        assert as_set(mixed_equilibria(PayoffTensor(values), method)) == wanted


@settings(max_examples=40, deadline=None)
@given(small_games(), st.integers(-6, 6), st.integers(-6, 6), st.floats(-50, 50))
def test_equilibria_keep_under_units_and_offsets_of_each_player(values, one, two, offset):
    """Powers of ten and offsets leave the same ties, of players whose payoffs lie up to 12 digits apart."""
    other = np.stack([values[0] * 10.0**one + offset * 10.0**one, values[1] * 10.0**two])
    same = mixed_equilibria(PayoffTensor(other), "vertex_enumeration")
    assert as_set(same) == as_set(mixed_equilibria(PayoffTensor(values), "vertex_enumeration"))


@settings(max_examples=30, deadline=None)
@given(small_games(), st.data())
def test_extreme_equilibria_that_share_a_strategy_span_equilibria(values, data):
    found = mixed_equilibria(PayoffTensor(values), "vertex_enumeration")
    for side in (0, 1):
        first = data.draw(st.sampled_from(found))
        joined = [e for e in found if np.array_equal(e.strategies[side], first.strategies[side])]
        assert {e.component for e in joined} == {first.component}
        weights = np.array(data.draw(st.lists(st.floats(0.1, 1), min_size=len(joined), max_size=len(joined))))
        mixed = weights @ [e.strategies[1 - side] for e in joined] / weights.sum()
        x, y = (first.strategies[0], mixed) if side == 0 else (mixed, first.strategies[1])
        assert (values[0] @ y).max() == pytest.approx(x @ values[0] @ y, abs=1e-9)
        assert (x @ values[1]).max() == pytest.approx(x @ values[1] @ y, abs=1e-9)


@pytest.mark.parametrize("method", ENUMERATIONS)
def test_a_continuum_is_called_by_its_ends(method):
    """Player one is indifferent against the left action; two strictly prefers it where up has 2/3 or more."""
    game = PayoffTensor([[[2, 4], [2, 0]], [[3, 2], [1, 3]]])
    found = mixed_equilibria(game, method)
    assert as_set(found) == brute_force(*game.values)
    assert len({e.component for e in found}) < len(found)
    assert len({e.component for e in mixed_equilibria(PENNIES, method)}) == 1


def test_decimal_ties_are_ties():
    """0.1, 0.2 and 0.3 are no doubles: (0.1 + 0.3)/2 = 0.2 holds for what was meant, not for the bits."""
    whole = np.array([[[1, 3], [3, 1], [2, 2]], [[1, 2], [2, 1], [1, 1]]], dtype=float)
    wanted = as_set(mixed_equilibria(PayoffTensor(whole), "vertex_enumeration"))
    assert as_set(mixed_equilibria(PayoffTensor(whole / 10), "vertex_enumeration")) == wanted
    assert len(wanted) > 1


def test_a_plant_and_a_household():
    """Matching pennies between payoffs of 10⁶ and of 10⁻⁶ $: one equilibrium, none of it pure."""
    game = PayoffTensor(np.stack([PENNIES.values[0] * 1e6, PENNIES.values[1] * 1e-6]))
    assert pure_equilibria(game) == ()
    for method in ENUMERATIONS:
        (only,) = mixed_equilibria(game, method)
        assert only.strategies[1] == pytest.approx([0.5, 0.5])


@needs_quantecon
def test_lemke_and_howson_serve_unlike_players_from_every_start():
    values = np.array([[[0, 2, 1], [1, 0, 2], [2, 1, 0]], [[1, 0, 2], [2, 1, 0], [0, 2, 1]]], dtype=float)
    game = PayoffTensor(np.stack([values[0] * 1e7, values[1] * 1e-4]))
    for start in range(6):
        (only,) = mixed_equilibria(game, start=start)
        assert only.strategies[0] == pytest.approx([1 / 3] * 3)
        assert only.component is None


@needs_quantecon
@settings(max_examples=25, deadline=None)
@given(small_games(), st.data())
def test_lemke_and_howson_end_in_an_extreme_equilibrium(values, data):
    start = data.draw(st.integers(0, sum(values.shape[1:]) - 1))
    assert as_set(mixed_equilibria(PayoffTensor(values), start=start)) <= brute_force(*values)


@needs_quantecon
def test_lemke_and_howson_on_pennies():
    (only,) = mixed_equilibria(PENNIES)
    assert only.strategies[0] == pytest.approx([0.5, 0.5])
    assert only.payoffs == pytest.approx([0, 0])
    assert only.gap < 1e-9


@needs_quantecon
@pytest.mark.parametrize(
    ("line", "mean", "profit"), [(10, 90.31, 9000), (25, 76.62, 7500), (50, 55.21, 5025)]
)
def test_two_bus_game_by_lemke_and_howson(line, mean, profit):
    """101 prices each: means and profits near the continuous game's 90.30, 76.62, 54.93."""
    game = TwoBusBertrand(price_grid(0, 100, 1), line=line)
    (found,) = mixed_equilibria(game)
    assert float(found.strategies[0] @ np.arange(101)) == pytest.approx(mean, abs=0.01)
    assert found.payoffs == pytest.approx([profit] * 2, rel=1e-3)


@needs_quantecon
def test_pay_as_bid_with_capacities_has_mixed_equilibria_only():
    game = CapacityBertrand(price_grid(100, 200, 1), 100, 160, (100, 100), "pay_as_bid")
    assert pure_equilibria(game) == ()
    (found,) = mixed_equilibria(game)
    assert found.payoffs == pytest.approx([6000, 6000], abs=0.01)
    assert np.flatnonzero(found.strategies[0] > 1e-9)[0] == 61


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "simplex"}, "method is 'simplex'"),
        ({"start": 4}, "from 0 to 3"),
        ({"start": -1}, "from 0 to 3"),
        ({"start": 0.5}, "whole number"),
        ({"most_pivots": 0}, "at least 1"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(InputError, match=message):
        mixed_equilibria(PENNIES, **options)


def test_bare_arrays_are_no_game():
    mine, theirs = np.array([[2.0, 0], [3, 1]]), np.array([[2.0, 3], [0, 1]])
    for given_ in (mine, mine.tolist()):
        with pytest.raises(InputError, match=r"is of type (ndarray|list); give PayoffTensor\(\[A, B, …\]\)"):
            mixed_equilibria(given_, theirs)
    with pytest.raises(InputError, match="method is array"):
        mixed_equilibria(PENNIES, theirs)
    (only,) = mixed_equilibria(PayoffTensor([mine, theirs]), "vertex_enumeration")
    assert only.payoffs.tolist() == [1, 1]


def test_other_games_are_refused():
    with pytest.raises(InputError, match="two players; the game has 3"):
        mixed_equilibria(PayoffTensor(np.zeros((3, 2, 2, 2))))
    with pytest.raises(InputError, match="use method 'vertex_enumeration'"):
        mixed_equilibria(PayoffTensor(np.zeros((2, 12, 12))), "support_enumeration")


def test_missing_quantecon_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "quantecon", None)
    monkeypatch.setitem(sys.modules, "quantecon.game_theory", None)
    with pytest.raises(InputError, match=r"install walras\[equilibria\]"):
        mixed_equilibria(PENNIES)
    assert len(mixed_equilibria(PENNIES, "vertex_enumeration")) == 1
