"""Rows of the notes' table of the sealed stage game, from 20 sessions each (slow), and its exact figures."""

from __future__ import annotations

import numpy as np
import pytest

from learners import joint_optimum, pure_equilibria
from studies.smart_homes.learning import learn
from studies.smart_homes.stage import CASES, stage_game, stage_yardsticks
from studies.smart_homes.tables import NOTES


@pytest.mark.parametrize(
    ("case", "low", "high", "joint"),
    [("uniform", 0, 0.2, 0.6), ("bids", 0, 0.36, 0.6), ("costs", 0.24, 0.3, 0.6), ("five", 0, 0.3, 0.6)],
)  # fmt: skip
def test_static_profits_of_the_stage_game(case: str, low: float, high: float, joint: float) -> None:
    game, tensor = stage_game(CASES[case].game)
    yard = stage_yardsticks(game, tensor)
    assert (yard.nash_low, yard.nash_high, yard.joint) == pytest.approx((low, high, joint), abs=1e-9)


def test_prices_of_the_stage_game() -> None:
    game, tensor = stage_game(CASES["uniform"].game)
    assert game.signals(np.array([game.truthful]))[0, 0] == pytest.approx(0.08)
    best = joint_optimum(tensor)
    heard = tensor.signals(np.array([best.profile, [6, 6, 6]]))
    assert heard[:, 0] == pytest.approx([0.18, 0.20])
    assert tensor.payoffs(np.array([[6, 6, 6]])).sum() == pytest.approx(best.total)
    assert len(pure_equilibria(stage_game(CASES["vcg"].game)[1])) == 31


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    ["uniform", "bids", "uniform_own", "uniform_none", "bids_own", "bids_none", "bids_16", "myopic", "firm"],
)
def test_learned_rows_of_the_stage_game(case: str) -> None:
    """Means of 20 sessions within three standard errors of their difference from the notes' 8."""
    row = CASES[case]
    _, tensor = stage_game(row.game)
    found = learn(tensor, row.treatment, 11, range(20))
    assert all(one["stable"] and one["updates"] >= 1_750_000 for one in found.rows), "β·t > 7 comes first"
    price, profit = (np.array([one[name] for one in found.rows]) for name in ("price", "profit"))
    print(
        f"{row.words}: price {price.mean():.3f} ({price.min():.3f} to {price.max():.3f}), {profit.mean():.3f}"
    )
    for name, ours in (("price", price), ("profit", profit)):
        notes = NOTES[case, name]
        error = ours.std(ddof=1) * np.sqrt(1 / len(ours) + 1 / notes.of["sessions"])
        assert abs(ours.mean() - notes.printed) <= 3 * error + 0.5 * 10.0**-notes.digits
    if case == "uniform":
        assert 0.14 <= price.mean() <= 0.18
