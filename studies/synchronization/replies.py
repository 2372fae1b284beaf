"""Best replies in synchronization games: exact profits of a prosumer's plans, equilibria, deviations.

A plan holds on all days of a sample (common random numbers), and a profit is its mean over them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from clearing.errors import InputError
from studies.synchronization.compiled import profit_rows
from studies.synchronization.neighbourhood import (
    Neighbourhood,
    SyncRules,
    friendly_plans,
    priced_demand,
)

GAIN = 1e-9
"""Smaller gains are rounding [$ a day]."""


def reply_profits(
    world: Neighbourhood, plays: np.ndarray, prosumer: int, plans: np.ndarray, rules: SyncRules
) -> np.ndarray:
    """(plans, days) profit of one prosumer under each of its plans (plans, slots), the others at `plays` [$].

    The same numbers as :func:`studies.synchronization.neighbourhood.clear_plans`, for thousands of plans.
    """
    plays = np.asarray(plays, dtype=bool)
    plans = np.ascontiguousarray(np.atleast_2d(np.asarray(plans, dtype=bool)))
    if plans.shape[1] != world.slots or plays.shape != (world.slots, world.prosumers):
        raise InputError(
            f"plans has shape {plans.shape} and plays {plays.shape}; give (plans, {world.slots}) and "
            f"({world.slots}, {world.prosumers})"
        )
    others = plays.copy()
    others[:, prosumer] = False
    need = world.need_mw[:, :, prosumer]
    base = rules.share * np.where(others, world.need_mw, 0.0).sum(axis=-1)
    artificial = np.stack([base, base + rules.share * need])
    stiff = world.short_mw.sum(axis=-1) + artificial
    sells = world.surplus_mw if rules.settles[0] else np.where(others, 0.0, world.surplus_mw)
    rivals = sells.sum(axis=-1) - sells[:, :, prosumer]
    paid = rules.response_payment * rules.share * need * rules.response_slots(world.slots) * world.hours
    own = np.stack([world.surplus_mw[:, :, prosumer], world.short_mw[:, :, prosumer], need, paid])
    numbers = (
        rules.reference_price, world.reference_mw, float(rules.exponent), rules.ratchet, rules.share,
        rules.elasticity, rules.flat_price, rules.fine, world.hours, *rules.settles,
    )  # fmt: skip
    out = np.empty((len(plans), world.days))
    profit_rows(
        plans, priced_demand(world, stiff, artificial, rules), stiff, world.consumers_mw, rivals, own,
        tuple(map(float, numbers)), out,
    )  # fmt: skip
    return out


def improve_plan(
    world: Neighbourhood, plays: np.ndarray, prosumer: int, rules: SyncRules, plan: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Plan that no change of one slot improves, from `plan` by steepest ascent, and its profit [$ a day]."""
    best = np.array(plays[:, prosumer] if plan is None else plan, dtype=bool)
    while True:
        flips = np.vstack([best[None], best ^ np.eye(world.slots, dtype=bool)])
        value = reply_profits(world, plays, prosumer, flips, rules).mean(axis=1)
        k = int(np.argmax(value))
        if value[k] <= value[0] + GAIN:
            return best, float(value[0])
        best = flips[k]


@dataclass(frozen=True, eq=False)
class SyncEquilibrium:
    """Plans (slots, prosumers) where best-reply dynamics came to rest.

    Attributes
    ----------
    rounds : rounds through all prosumers; `settled` is false where the dynamics went on.
    """

    plays: np.ndarray
    rounds: int
    settled: bool


def find_sync_equilibrium(
    world: Neighbourhood,
    rules: SyncRules,
    start: np.ndarray | None = None,
    order: tuple[int, ...] | None = None,
    most_rounds: int = 25,
) -> SyncEquilibrium:
    """Prosumers improve their plans in turn until nobody changes; `start` is friendly by default.

    At rest no prosumer gains by any change of one slot; for larger changes see :func:`pair_gains` and
    :func:`search_gain`.
    """
    plays = friendly_plans(world) if start is None else np.array(start, dtype=bool)
    for count in range(1, most_rounds + 1):
        changed = False
        for i in order or range(world.prosumers):
            plan, _ = improve_plan(world, plays, i, rules)
            if (plan != plays[:, i]).any():
                plays[:, i] = plan
                changed = True
        if not changed:
            return SyncEquilibrium(plays, count, True)
    return SyncEquilibrium(plays, most_rounds, False)


def flip_gains(world: Neighbourhood, plays: np.ndarray, rules: SyncRules) -> np.ndarray:
    """(slots, prosumers) what each gains by changing one slot: the deviation map [$ a day]."""
    out = np.empty((world.slots, world.prosumers))
    for i in range(world.prosumers):
        own = np.asarray(plays, dtype=bool)[:, i]
        plans = np.vstack([own[None], own ^ np.eye(world.slots, dtype=bool)])
        value = reply_profits(world, plays, i, plans, rules).mean(axis=1)
        out[:, i] = value[1:] - value[0]
    return out


def pair_gains(
    world: Neighbourhood, plays: np.ndarray, prosumer: int, rules: SyncRules, chunk: int = 512
) -> np.ndarray:
    """(slots, slots) what a prosumer gains by changing two slots; on the diagonal one slot [$ a day]."""
    own = np.asarray(plays, dtype=bool)[:, prosumer]
    pairs = np.array([(t, t) for t in range(world.slots)] + list(combinations(range(world.slots), 2)))
    plans = np.tile(own, (len(pairs), 1))
    rows = np.arange(len(pairs))
    plans[rows, pairs[:, 0]] ^= True
    two = pairs[:, 0] != pairs[:, 1]
    plans[rows[two], pairs[two, 1]] ^= True
    base = reply_profits(world, plays, prosumer, own[None], rules).mean()
    value = np.concatenate(
        [
            reply_profits(world, plays, prosumer, plans[k : k + chunk], rules).mean(axis=1)
            for k in range(0, len(plans), chunk)
        ]
    )
    out = np.empty((world.slots, world.slots))
    out[pairs[:, 0], pairs[:, 1]] = out[pairs[:, 1], pairs[:, 0]] = value - base
    return out


def search_gain(
    world: Neighbourhood,
    plays: np.ndarray,
    prosumer: int,
    rules: SyncRules,
    generator: np.random.Generator,
    starts: int = 12,
) -> tuple[float, np.ndarray]:
    """Greatest gain found over plans of any number of slots, and the plan [$ a day].

    Steepest ascents from random plans (each slot syncs with a chance drawn for the start), from never
    and from always. A lower bound of the true best reply's gain: 2^slots plans cannot be listed.
    """
    own = np.asarray(plays, dtype=bool)[:, prosumer]
    base = float(reply_profits(world, plays, prosumer, own[None], rules).mean())
    candidates = [own, np.zeros(world.slots, dtype=bool), np.ones(world.slots, dtype=bool)]
    candidates += [generator.random(world.slots) < generator.random() for _ in range(starts)]
    found = [improve_plan(world, plays, prosumer, rules, plan) for plan in candidates]
    plan, value = max(found, key=lambda pair: pair[1])
    return value - base, plan
