"""Remedies of the synchronization study, one at a time, and what is measured of any plans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from studies.study import Row
from studies.synchronization.neighbourhood import SyncOutcome, SyncRules, clear_plans, friendly_plans
from studies.synchronization.replies import find_sync_equilibrium

if TYPE_CHECKING:
    from studies.synchronization.study import Settings
    from studies.synchronization.worlds import World

MIDDAY = (9.0, 16.0)
NIGHT = (20.0, 24.0)


def measures(outcome: SyncOutcome) -> dict[str, float]:
    """What plans do to money, prices and demand, per day."""
    return {
        "profit": float(outcome.profit.mean()),
        "honest_profit": float(outcome.honest_profit.mean()),
        "bill": float(outcome.bill.mean()),
        "midday_price": outcome.mean_price(*MIDDAY),
        "night_price": outcome.mean_price(*NIGHT),
        "peak_kw": float(outcome.demand_mw.max(axis=-1).mean() * 1e3),
        "synced": float(outcome.plays.any(axis=-3).sum() / outcome.plays.shape[-1]),
    }


def remedies(spec: Settings, base: SyncRules, flat_price: float) -> list[tuple[str, float, str, SyncRules]]:
    """(knob, level, unit, rules) of every remedy; level as a user would state it."""
    out: list[tuple[str, float, str, SyncRules]] = [("none", 0.0, "", base)]
    for knob, unit, levels in (
        ("ratchet", "share of activation cost kept in the price", spec.ratchets),
        ("exponent", "of the price rule", spec.exponents),
        ("share", "of the own need that can be added", spec.shares),
        ("storage_loss", "share of the artificial energy", spec.storage_losses),
        ("elasticity", "of consumers at real-time prices", spec.elasticities),
        ("response_payment", "$/MWh not taken, 5:30 to 9:00", spec.response_payments),
        ("fine", "$ per synced slot, expected", spec.fines),
    ):
        for level in levels:
            rules = replace(base, flat_price=flat_price) if knob == "elasticity" else base
            out.append((knob, level, unit, replace(rules, **{knob: level})))  # type: ignore[arg-type]
    return out


def try_remedies(spec: Settings, world: World, equilibrium: np.ndarray) -> list[Row]:
    """Equilibria under each remedy from two starts: everyone friendly, and the equilibrium without it."""
    at_rest = clear_plans(world.sample, friendly_plans(world.sample), world.base)
    flat = float((at_rest.price * at_rest.consumers_mw).sum() / at_rest.consumers_mw.sum())
    rows = []
    for knob, level, unit, rules in remedies(spec, world.base, flat):
        friendly = measures(clear_plans(world.test, friendly_plans(world.test), rules))
        for start, plays in (("friendly", None), ("equilibrium", equilibrium)):
            found = find_sync_equilibrium(world.sample, rules, plays)
            row = measures(clear_plans(world.test, found.plays, rules))
            rows.append(
                {"knob": knob, "level": level, "unit": unit, "start": start, "settled": found.settled}
                | row
                | {f"friendly_{k}": v for k, v in friendly.items() if k != "synced"}
            )
    return rows
