"""Sentences that a user of a case should know: what cannot happen in it, and what was left out."""

from __future__ import annotations

import numpy as np

from networks.fleet import Fleet
from networks.grid import Grid
from networks.headroom import any_limit_can_bind

NO_LIMIT_CAN_BIND = "no branch limit can bind, so prices cannot differ between buses of an island"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`"1 unit"`, `"3 units"`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def left_out(number: int, one: str, many: str | None = None) -> list[str]:
    """The sentence that so many of something are left out, or none for 0."""
    return [f"{plural(number, one, many)} left out"] if number else []


def endless_notes(min_mw: np.ndarray, max_mw: np.ndarray, one: str) -> list[str]:
    """Sentences on (units,) ranges [MW] that end nowhere, and what such a unit is taken to be able to do."""
    downward, upward = np.isneginf(min_mw), np.isposinf(max_mw)
    return [
        f"{plural(int(these.sum()), one)} without {limits}: taken to {able} all that the rest can use"
        for these, limits, able in (
            (downward & upward, "limits", "give and take"),
            (upward & ~downward, "an upper limit", "give"),
            (downward & ~upward, "a lower limit", "take"),
        )
        if these.any()
    ]


def standing_notes(grid: Grid, fleet: Fleet) -> tuple[str, ...]:
    """The notes that follow from grid and fleet alone (readers add what they left out)."""
    notes = []
    unlimited = int((np.isinf(grid.limit_mw) & grid.in_service).sum())
    running = int(grid.in_service.sum())
    if running > unlimited > 0:
        notes.append(f"{plural(unlimited, 'branch', 'branches')} of {running} without a limit")
    if running and not any_limit_can_bind(grid, fleet):
        notes.append(NO_LIMIT_CAN_BIND)
    if grid.flow.islands > 1:
        notes.append(f"{grid.flow.islands} islands: each is a market of its own unless links join them")
    return tuple(notes)
