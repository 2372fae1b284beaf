"""Days of several hours in which offers may change from hour to hour by no more than a ramp limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from clearing.errors import InputError
from learners.games.actions import feasible_steps
from learners.games.game import PayoffTensor


@dataclass(frozen=True, eq=False)
class OfferRamps:
    """Which actions are feasible in each hour, for `Stages(sources, feasible=OfferRamps(...))`.

    The limit is one on offers, not on dispatch: |offer − own offer of the hour before| ≤ ramp (Energies
    2017, 10, 2045, eqs. (5) and (6)). A mask of an hour depends on the player's own last action only.

    Parameters
    ----------
    hours : number of hours of a day.
    offered_mw : per player (actions,) what its actions offer, in MW; None for players without a ramp.
    ramp_mw : per player, or one for all [MW/h]; inf for none.
    previous_mw : per player what it offered before the first hour; None: the first hour is free.
    allowed : (hour, player) → (actions,) bool, where an hour has fewer actions than others.

    Raises
    ------
    InputError
        a previous offer from which no action can be reached.
    """

    hours: int
    offered_mw: Sequence[Sequence[float] | np.ndarray | None]
    ramp_mw: float | Sequence[float] = np.inf
    previous_mw: Sequence[float | None] | None = None
    allowed: Mapping[tuple[int, int], np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for i, offers in enumerate(self.offered_mw):
            first = self(0, i, np.zeros((1, len(self.offered_mw)), dtype=np.int64))
            if offers is not None and first is not None and not first.any():
                before = None if self.previous_mw is None else self.previous_mw[i]
                raise InputError(
                    f"offer ramps: player {i} offered {before!r} MW before the first hour and reaches none "
                    f"of its offers within {self._ramp(i):g} MW; give a wider limit or an offer of its grid"
                )

    def __call__(self, hour: int, player: int, last: np.ndarray) -> np.ndarray | None:
        """(batch, actions) feasible actions after the last profiles (batch, players), or None for all."""
        offers, allowed = self.offered_mw[player], self.allowed.get((hour, player))
        if offers is None:
            return None if allowed is None else np.tile(allowed, (len(last), 1))
        mw = np.asarray(offers, dtype=float)
        if hour:
            mask = feasible_steps(mw, mw, self._ramp(player))[last[:, player]]
        else:
            before = None if self.previous_mw is None else self.previous_mw[player]
            start = np.ones(len(mw), dtype=bool)
            if before is not None:
                start = feasible_steps(np.array([before]), mw, self._ramp(player))[0]
            mask = np.tile(start, (len(last), 1))
        return mask if allowed is None else mask & allowed

    def _ramp(self, player: int) -> float:
        return float(np.broadcast_to(self.ramp_mw, len(self.offered_mw))[player])

    def plans(self, player: int, actions: int) -> np.ndarray:
        """(plans, hours) every day of one player that the limits allow, the last hour running fastest."""
        plans = np.zeros((1, 0), dtype=np.int64)
        for hour in range(self.hours):
            last = np.zeros((len(plans), len(self.offered_mw)), dtype=np.int64)
            if hour:
                last[:, player] = plans[:, -1]
            mask = self(hour, player, last)
            rows, following = np.nonzero(np.ones((len(plans), actions), bool) if mask is None else mask)
            plans = np.column_stack([plans[rows], following])
        return plans


def day_game(stages: Sequence[PayoffTensor], ramps: OfferRamps | None = None) -> PayoffTensor:
    """The day as one game: an action is a feasible plan for all hours, a payoff the sum over them [$].

    Nobody sees another's action before the day is over, so the pure equilibria of this game are those of
    the day itself.
    """
    counts = stages[0].actions
    rules = ramps or OfferRamps(len(stages), [None] * len(counts))
    plans = [rules.plans(i, n) for i, n in enumerate(counts)]
    values: np.ndarray = np.zeros((len(counts), *map(len, plans)))
    for hour, stage in enumerate(stages):
        values = values + np.stack([v[np.ix_(*(p[:, hour] for p in plans))] for v in stage.values])
    labels = tuple(
        tuple(
            tuple(stage.labels[i][a] for stage, a in zip(stages, plan, strict=True)) for plan in own.tolist()
        )
        for i, own in enumerate(plans)
    )
    return PayoffTensor(values, stages[0].players, labels)
