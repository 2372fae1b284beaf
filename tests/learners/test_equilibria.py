"""Pure and mixed equilibria, best-response paths, joint optimum, cycles."""

import numpy as np
import pytest

from clearing.errors import InputError
from learners.equilibria.pure import (
    best_response_path,
    competitive_profile,
    edgeworth_cycle,
    joint_optimum,
    pure_equilibria,
    regrets,
    repeated_part,
)
from learners.games.bertrand import CapacityBertrand, TwoBusBertrand, price_grid
from learners.games.game import PayoffTensor, profiles_of

DILEMMA = PayoffTensor([[[3, 0], [4, 1]], [[3, 4], [0, 1]]])
PENNIES = PayoffTensor([[[1, -1], [-1, 1]], [[-1, 1], [1, -1]]])


def brute_force(tensor: PayoffTensor) -> list[tuple[int, ...]]:
    found = []
    for profile in map(tuple, profiles_of(tensor.actions).tolist()):
        best = True
        for i, n in enumerate(tensor.actions):
            for a in range(n):
                other = (*profile[:i], a, *profile[i + 1 :])
                best = best and tensor.values[(i, *other)] <= tensor.values[(i, *profile)]
        if best:
            found.append(profile)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_enumeration_equals_brute_force_with_three_players(seed):
    rng = np.random.default_rng(seed)
    tensor = PayoffTensor(rng.integers(0, 4, (3, 3, 4, 2)).astype(float))
    found = pure_equilibria(tensor)
    assert [e.profile for e in found] == brute_force(tensor)
    for e in found:
        for i, n in enumerate(tensor.actions):
            others = [
                tensor.values[(i, *e.profile[:i], a, *e.profile[i + 1 :])]
                for a in range(n)
                if a != e.profile[i]
            ]
            assert e.margins[i] == e.payoffs[i] - max(others)
        assert e.strict == bool((e.margins > 1e-6).all())


def test_regret_margin_and_joint_optimum_of_the_dilemma():
    assert regrets(DILEMMA)[:, 0, 0].tolist() == [1, 1]
    (only,) = pure_equilibria(DILEMMA)
    assert (only.profile, only.margins.tolist(), only.strict) == ((1, 1), [1, 1], True)
    assert joint_optimum(DILEMMA).profile == (0, 0)
    assert pure_equilibria(PENNIES) == ()


def test_single_actions_have_infinite_margins():
    (only,) = pure_equilibria(PayoffTensor([[2.0]]))
    assert only.margins.tolist() == [np.inf]


def test_best_responses_converge_or_cycle():
    path = best_response_path(DILEMMA, (0, 0))
    assert path.converged
    assert path.profiles.tolist() == [[0, 0], [1, 0], [1, 1]]
    assert path.moves == 2
    round_trip = best_response_path(PENNIES, (0, 0))
    assert not round_trip.converged
    assert sorted(map(tuple, round_trip.cycle.tolist())) == [(0, 0), (0, 1), (1, 0), (1, 1)]


@pytest.mark.parametrize(
    ("sequence", "part"),
    [("xyababab", (2, 2)), ("aaaa", (0, 1)), ("abcd", None), ("abcabc", (0, 3))],
)
def test_repeated_part(sequence, part):
    assert repeated_part(sequence) == part


def test_edgeworth_cycles_fall_slowly_and_jump():
    saw = np.array([9, 8, 7, 6, 5, 9, 8, 7, 6, 5, 9, 8, 7, 6, 5], dtype=float)[:, None]
    cycle = edgeworth_cycle(saw)
    assert (cycle.period, cycle.low, cycle.high, cycle.rises, cycle.falls) == (5, 5, 9, 1, 4)
    assert edgeworth_cycle(saw[::-1]) is None
    assert edgeworth_cycle(np.ones((9, 2))) is None


def test_competitive_profile_by_label():
    tensor = PayoffTensor(np.zeros((2, 2, 3)), labels=((0, 10), (0, 5, 10)))
    assert competitive_profile(tensor, (0, 0)) == (0, 0)
    with pytest.raises(InputError, match="no action 7"):
        competitive_profile(tensor, (0, 7))


def mixed_equilibria(*given, **options):
    pytest.importorskip("quantecon")
    from learners.equilibria.mixed import mixed_equilibria as find

    return find(*given, **options)


def test_mixed_pennies():
    for method in ("lemke_howson", "support_enumeration"):
        (only,) = mixed_equilibria(PENNIES, method=method)
        assert only.strategies[0] == pytest.approx([0.5, 0.5])
        assert only.payoffs == pytest.approx([0, 0])
        assert only.gap < 1e-9


@pytest.mark.parametrize(
    ("line", "mean", "profit"), [(10, 90.31, 9000), (25, 76.62, 7500), (50, 55.21, 5025)]
)
def test_two_bus_game_by_lemke_and_howson(line, mean, profit):
    """101 prices each: means and profits near the continuous game's 90.30, 76.62, 54.93."""
    game = TwoBusBertrand(price_grid(0, 100, 1), line=line)
    (found,) = mixed_equilibria(game)
    assert float(found.strategies[0] @ np.arange(101)) == pytest.approx(mean, abs=0.01)
    assert found.payoffs == pytest.approx([profit] * 2, rel=1e-3)


def test_pay_as_bid_with_capacities_has_mixed_equilibria_only():
    game = CapacityBertrand(price_grid(100, 200, 1), 100, 160, (100, 100), "pay_as_bid")
    assert pure_equilibria(game) == ()
    (found,) = mixed_equilibria(game)
    assert found.payoffs == pytest.approx([6000, 6000], abs=0.01)
    assert np.flatnonzero(found.strategies[0] > 1e-9)[0] == 61


def test_mixed_refusals():
    with pytest.raises(InputError, match="two players; the game has 3"):
        mixed_equilibria(PayoffTensor(np.zeros((3, 2, 2, 2))))
    with pytest.raises(InputError, match="method is 'simplex'"):
        mixed_equilibria(PENNIES, method="simplex")
    with pytest.raises(InputError, match="one action of each"):
        best_response_path(PENNIES, (0,))


def test_missing_quantecon_is_named(monkeypatch):
    import sys

    from learners.equilibria.mixed import mixed_equilibria as find

    monkeypatch.setitem(sys.modules, "quantecon", None)
    monkeypatch.setitem(sys.modules, "quantecon.game_theory", None)
    with pytest.raises(InputError, match=r"install walras\[equilibria\]"):
        find(PENNIES)
