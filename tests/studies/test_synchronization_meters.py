"""Storage, bursts and meters of the neighbourhood that synchronizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearing import InputError
from clearing.detection import area_under, detection_at, roc_curve
from studies.synchronization.meters import MeterSetting, alarm_statistic, read_meters
from studies.synchronization.storage import (
    game_loss,
    next_interval,
    overlap_peak,
    overlap_share,
    play_storage_game,
    repeat_game,
    rounds_until,
    split_need,
)


@given(
    need=st.floats(0.01, 2), sun=st.floats(0, 4), share=st.floats(0, 1),
    price=st.floats(1, 900), efficiency=st.floats(0, 1), capacity=st.floats(0, 3),
)  # fmt: skip
def test_one_game_with_storage_balances_energy(need, sun, share, price, efficiency, capacity):
    first, second = split_need(need, share)
    assert first + second == pytest.approx(need)
    game = play_storage_game(need, sun, share, price, price, capacity, efficiency)
    assert game.bought + game.own == pytest.approx(need)  # (1)
    used = game.own + game.sold
    spilled = max(share * sun - capacity, 0.0) + (1 - efficiency) * game.stored
    assert used + spilled == pytest.approx(sun, abs=1e-9)
    assert game.loss == pytest.approx(game_loss(game.bought, price, game.sold, price))  # (2)
    assert game.cost == pytest.approx(price * spilled, abs=1e-6)  # at one price a game costs what it spills


def test_equation_4_keeps_the_loss_and_telescopes():
    d, s, own, rise, a = 10.0, 200.0, 150.0, 12.0, 7.0
    shorter = next_interval(d, s, own, rise)
    drop = d - shorter
    before, after = game_loss(d, s, a, own), game_loss(d - drop, s + rise, a + drop, own)  # (3), Δ_a = Δ_d
    assert after == pytest.approx(before)
    path = repeat_game(d, s, own, rise, 5)
    assert path == pytest.approx([d * (s + own) / (s + own + k * rise) for k in range(6)])
    constant = repeat_game(d, s, own, rise, 5, "constant")
    assert constant == pytest.approx([d * ((s + own) / (s + own + rise)) ** k for k in range(6)])
    assert path[1] == constant[1]
    assert path[5] > constant[5]
    stored = repeat_game(d, s, own, rise, 1, "stored")
    drop = d - stored[1]
    assert game_loss(d - drop, s + rise, a - drop, own) == pytest.approx(before)  # Δ_a = −Δ_d
    k = rounds_until(d, 2.5, s, own, rise)
    assert d * (s + own) / (s + own + k * rise) == pytest.approx(2.5)
    assert rounds_until(d, 2.5, s, own, 0.0) == float("inf")


def test_bursts_overlap_as_clocks_allow():
    assert overlap_peak(np.array([0.0, 0.0, 0.0]), np.ones(3), 5.0) == 3
    assert overlap_peak(np.array([0.0, 4.0, 8.0]), np.array([1.0, 2.0, 4.0]), 5.0) == 6
    assert overlap_peak(np.array([0.0, 5.0, 10.0]), np.array([1.0, 2.0, 4.0]), 5.0) == 4
    sizes = np.array([1.0, 1.0, 2.0])
    shares = [
        overlap_share(np.random.default_rng(0), sizes, 5.0, error, 400).mean() for error in (0, 1, 5, 1e6)
    ]
    assert shares[0] == 1.0
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(0.5, abs=1e-3)


def test_meters_see_a_burst_only_where_it_crosses_a_reading():
    need = np.full((5, 300), 0.7)
    rng = np.random.default_rng(0)

    def statistic(syncs, **setting):
        return alarm_statistic(read_meters(need, MeterSetting(**setting), rng, 400, syncs))

    honest = statistic(False, interval=15)
    hidden = statistic(True, interval=15, burst=5)  # up and down within one reading
    assert area_under(*roc_curve(honest, hidden)) == pytest.approx(0.5, abs=0.06)
    seen = statistic(True, interval=15, burst=15)
    assert area_under(*roc_curve(honest, seen)) > 0.95
    minute = statistic(False, interval=1), statistic(True, interval=1, burst=5)
    assert area_under(*roc_curve(*minute)) > 0.8
    assert detection_at(*minute) > 0.4
    assert detection_at(honest, honest) <= 0.05
    false, found = roc_curve(honest, seen)
    assert (false[0], found[0], false[-1], found[-1]) == (0, 0, 1, 1)
    with pytest.raises(InputError, match="multiple"):
        read_meters(need, MeterSetting(interval=7), rng, 3, True)
