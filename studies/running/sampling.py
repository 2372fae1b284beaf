"""Which cells stand for all of a study where not all can run again."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np

from studies.study import Cell

LEAST, SHARE = 3, 0.05
"""Of each study at least so many cells, and at least this share of them."""

BUDGET = 100.0
"""Seconds that the cells of a sample may take by their known durations; the first alone may take longer."""


def sample(
    cells: Sequence[Cell], seconds: Sequence[float], seed: int, least: int = LEAST, budget: float = BUDGET
) -> list[int]:
    """Positions of the cells that run again: the same for the same seed.

    The first one drawn is taken whatever it costs, so that long cells have their turn; then one of each
    kind, then others, as long as they fit into the budget. The kind of a cell is the first of its values
    that is a text.
    """
    order = np.random.default_rng(seed).permutation(len(cells)).tolist()
    kinds = _kinds(cells)
    wanted = max(least, ceil(SHARE * len(cells)), len(set(kinds)))
    taken: list[int] = []
    met: set[str] = set()
    for every_kind in (True, False):
        for k in order:
            fits = not taken or sum(seconds[j] for j in taken) + seconds[k] <= budget
            due = kinds[k] not in met if every_kind else k not in taken and len(taken) < wanted
            if fits and due:
                taken.append(k)
                met.add(kinds[k])
    return sorted(taken)


def _kinds(cells: Sequence[Cell]) -> list[str]:
    """The kind of each cell; all the same where no text names kinds, or each cell is its own."""
    named = next((key for key, value in cells[0].items() if isinstance(value, str)), None) if cells else None
    kinds = [str(cell.get(named)) for cell in cells] if named is not None else [""] * len(cells)
    return kinds if 2 * len(set(kinds)) <= len(kinds) else [""] * len(cells)
