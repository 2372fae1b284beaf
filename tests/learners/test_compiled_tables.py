"""The compiled tables' greedy action: the lower one of equals, however the values came to be equal."""

from __future__ import annotations

import numpy as np
import pytest

from learners.strategies.compiled_tables import learn


@pytest.mark.parametrize(
    ("row", "action", "target", "greedy", "changed"),
    [
        ([4.0, 5.0, 1.0], 0, 5.0, 0, True),  # a lower action draws level
        ([4.0, 5.0, 1.0], 2, 5.0, 1, False),  # a higher one does
        ([4.0, 5.0, 1.0], 2, 6.0, 2, True),
        ([3.0, 5.0, 3.0], 1, 3.0, 0, True),  # the greedy one falls level with others
        ([1.0, 5.0, 3.0], 1, 3.0, 1, False),
        ([1.0, 5.0, 3.0], 1, 2.0, 2, True),
    ],
)
def test_of_equal_values_the_lower_action_is_greedy(
    row: list[float], action: int, target: float, greedy: int, changed: bool
) -> None:
    table, best = np.array([row]), np.array([int(np.argmax(row))])
    visits = np.zeros((1, len(row)), dtype=np.int64)
    assert learn(table, best, visits, 0, action, target, 1.0, False) == changed
    assert best[0] == greedy == int(np.argmax(table[0]))


def test_a_step_by_visits_is_their_mean_until_it_would_be_smaller_than_alpha() -> None:
    """Rewards 6, 2, 4, 8 with α = 0.4: means after one and two (6, 4), then steps of 0.4."""
    table, best, visits = np.zeros((1, 1)), np.zeros(1, dtype=np.int64), np.zeros((1, 1), dtype=np.int64)
    values = []
    for reward in (6.0, 2.0, 4.0, 8.0):
        learn(table, best, visits, 0, 0, reward, 0.4, True)
        values.append(table[0, 0])
    assert values == pytest.approx([6.0, 4.0, 4.0, 4.0 + 0.4 * 4.0])
