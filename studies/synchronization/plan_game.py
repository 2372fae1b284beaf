"""Synchronization games over whole-day plans, as a game that learners can play day by day.

An action is a plan for the day: friendly, or syncing in one slot of a window. Against a slot's own money
(:mod:`studies.synchronization.slot_learning`) the day's profit does show what a sync slot does to later
prices, but one slot is worth cents and the days differ by dollars. The difference reward takes the same
day's profit under the friendly plan off: the day's luck cancels, and best replies stay.
Source: D. Wolpert and K. Tumer, Advances in Complex Systems 4 (2001), with the own profit as utility.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from clearing.errors import InputError
from learners.games.game import action_indices
from studies.synchronization.neighbourhood import Neighbourhood, SyncRules, clear_plans


@dataclass(frozen=True, eq=False)
class SyncPlanGame:
    """One day of a neighbourhood, drawn anew in every round.

    Attributes
    ----------
    world : days that rounds are drawn from; rules : of the operator.
    plans : (actions, slots) the plans of every prosumer; row 0 is what `difference` compares with.
    difference : pay the day's profit less that of the same day with the own plan replaced by row 0.
    """

    world: Neighbourhood
    rules: SyncRules
    plans: np.ndarray
    difference: bool = False

    random = True

    def __post_init__(self) -> None:
        plans = np.array(self.plans, dtype=bool)
        if plans.ndim != 2 or plans.shape[1] != self.world.slots or len(plans) == 0:
            raise InputError(f"plans has shape {plans.shape}; give (actions, {self.world.slots})")
        plans.flags.writeable = False
        object.__setattr__(self, "plans", plans)

    @property
    def players(self) -> tuple[str, ...]:
        """Names."""
        return tuple(f"prosumer {i + 1}" for i in range(self.world.prosumers))

    @property
    def actions(self) -> tuple[int, ...]:
        """Number of plans of each."""
        return (len(self.plans),) * self.world.prosumers

    def payoffs(self, profiles: np.ndarray, rng: Any = None) -> np.ndarray:
        """Payoffs (batch, players) of plan numbers (batch, players): of a drawn day each, or the mean [$]."""
        profiles = action_indices(self, profiles)
        if rng is None:
            return np.stack([self._paid(self.world, row).mean(axis=0) for row in profiles])
        days = rng.integers(self.world.days, size=len(profiles))
        return np.stack(
            [self._paid(self.world.part(d, d + 1), row)[0] for d, row in zip(days, profiles, strict=True)]
        )

    def _paid(self, world: Neighbourhood, row: np.ndarray) -> np.ndarray:
        """(days, players) payoffs of one profile."""
        players = len(row)
        rows = np.tile(row, (players + 1 if self.difference else 1, 1))
        if self.difference:
            rows[np.arange(1, players + 1), np.arange(players)] = 0
        plays = np.moveaxis(self.plans[rows], 1, -1)[:, None]  # (profiles, 1 day, slots, players)
        profit = clear_plans(world, plays, self.rules).profit
        if not self.difference:
            return profit[0]
        without = profit[np.arange(1, players + 1), :, np.arange(players)].T
        return profit[0] - without


def one_slot_plans(world: Neighbourhood, first: float = 6.0, end: float = 9.0) -> np.ndarray:
    """(1 + slots in the window, slots): friendly, then one synced slot that begins in [first, end) hours."""
    inside = np.flatnonzero((world.hour >= first) & (world.hour < end))
    plans = np.zeros((1 + len(inside), world.slots), dtype=bool)
    plans[np.arange(1, len(plans)), inside] = True
    return plans
