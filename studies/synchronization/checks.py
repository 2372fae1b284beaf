"""Side questions of the synchronization study: readings of the price rule, scarce sun, fines that suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from clearing.posted.market import operator_price
from networks.profiles import LoadShape
from studies.synchronization.neighbourhood import (
    Neighbourhood,
    SyncRules,
    clear_plans,
    draw_neighbourhood,
    friendly_plans,
)
from studies.synchronization.plan_game import one_slot_plans
from studies.synchronization.replies import find_sync_equilibrium

if TYPE_CHECKING:
    from studies.synchronization.study import Settings

DAYS = 30
NIGHT_MW = 0.1e-3  # upper end of a uniform draw: 0.05 kW on average
NOISES = (0.0, 0.05, 0.15)
SCARCE = LoadShape(base_mw=0.35e-3, night_mw=0.0)
SCARCE_PANELS = (4, 6)
HALVINGS = 7
MOST_FINE = 4.0  # $ per synced slot


def check_readings(spec: Settings, generator: np.random.Generator) -> list[dict[str, Any]]:
    """What the price rule does in a day when it also holds on falls ("level") or on rises only ("pump")."""
    rows = []
    for noise in NOISES:
        shape = LoadShape(night_mw=NIGHT_MW, noise=noise)
        homes = draw_neighbourhood(generator, DAYS, spec.prosumers, spec.consumers, shape=shape)
        demand = clear_plans(homes, friendly_plans(homes), SyncRules()).demand_mw
        pump, level = (
            operator_price(demand, rule, spec.reference_price, homes.reference_mw, spec.exponent)
            for rule in ("pump", "level")
        )
        rows.append(
            {
                "noise": noise,
                "pump_factor": float(np.exp(np.log(pump[:, -1] / pump[:, 0]).mean())),
                "level_range": float((level.max(axis=1) / level.min(axis=1)).mean()),
            }
        )
    return rows


def check_scarce_sun(spec: Settings, generator: np.random.Generator) -> list[dict[str, Any]]:
    """Equilibria with few panels and less demand by day."""
    homes = draw_neighbourhood(
        generator, spec.sample_days, spec.prosumers, spec.consumers, shape=SCARCE, panels=SCARCE_PANELS
    )
    rows = []
    for accounting in ("balanced", "waste", "sales"):
        rules = SyncRules(accounting, spec.reference_price, spec.exponent, share=spec.share)
        found = find_sync_equilibrium(homes, rules)
        friendly, reached = (clear_plans(homes, p, rules) for p in (friendly_plans(homes), found.plays))
        rise = reached.mean_price(9.0, 16.0) / friendly.mean_price(9.0, 16.0) - 1
        slots = float(found.plays.sum() / homes.prosumers)
        rows.append({"accounting": accounting, "synced": slots, "price_rise": rise})
    return rows


def find_fines(sample: Neighbourhood, base: SyncRules, equilibrium: np.ndarray) -> Mapping[str, float]:
    """Least expected fines per synced slot that stop synchronization, by bisection [$].

    `prevents`: nobody begins, from everyone friendly; `dissolves`: the equilibrium itself unravels, which
    takes more, since leaving it alone loses what all the others keep up.
    """

    def stops(fine: float, start: np.ndarray | None) -> bool:
        return not find_sync_equilibrium(sample, replace(base, fine=fine), start).plays.any()

    out = {}
    for name, start in (("prevents", None), ("dissolves", equilibrium)):
        low, high = 0.0, MOST_FINE
        if not stops(high, start):
            out[name] = float("nan")
            continue
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if stops(middle, start) else (middle, high)
        out[name] = high
    return out


def count_equilibria(sample: Neighbourhood, base: SyncRules) -> Mapping[str, float]:
    """Where best replies rest when all begin in one common slot: a game of coordination has several rests.

    One start for each slot of 6:00 to 8:45. Price rises are from 9:00 to 16:00 on the days of the replies.
    """
    friendly = clear_plans(sample, friendly_plans(sample), base).mean_price(9.0, 16.0)
    rises: dict[bytes, float] = {}
    starts = one_slot_plans(sample)[1:]
    for plan in starts:
        common = np.repeat(plan[:, None], sample.prosumers, axis=1)
        found = find_sync_equilibrium(sample, base, common)
        if found.settled:
            reached = clear_plans(sample, found.plays, base).mean_price(9.0, 16.0)
            rises[found.plays.tobytes()] = reached / friendly - 1
    none = float("nan")
    return {
        "starts": float(len(starts)),
        "distinct": float(len(rises)),
        "lowest_rise": min(rises.values(), default=none),
        "highest_rise": max(rises.values(), default=none),
    }
