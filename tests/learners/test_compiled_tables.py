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
