"""One world of the synchronization study: its homes, what is learned in them, equilibria and remedies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from learners import Session
from learners.strategies.policies import EpsilonGreedy, Linear
from learners.strategies.tabular import day_plan_learner
from networks.profiles import LoadShape
from studies.study import Row, Tables
from studies.synchronization.checks import (
    check_readings,
    check_scarce_sun,
    count_equilibria,
    find_fines,
)
from studies.synchronization.neighbourhood import (
    Neighbourhood,
    SyncOutcome,
    SyncRules,
    clear_plans,
    draw_neighbourhood,
    friendly_plans,
)
from studies.synchronization.plan_game import SyncPlanGame, one_slot_plans
from studies.synchronization.remedies import MIDDAY, measures, try_remedies
from studies.synchronization.replies import (
    find_sync_equilibrium,
    flip_gains,
    pair_gains,
    search_gain,
)
from studies.synchronization.slot_learning import (
    Posting,
    SlotLearning,
    greedy_plans,
    learn_slots,
    play_days,
)
from studies.synchronization.storage import overlap_share

if TYPE_CHECKING:
    from studies.synchronization.study import Settings

AWAKE = (5.5, 21.0)  # hours with demand
LEAST_NEED_MW = 20e-6  # 20 W; less than that is the tail of a bump
PICTURED = 5  # days of the document's figure 2

VARIANTS: tuple[tuple[str, SyncRules, dict[str, Any]], ...] = (
    ("literal", SyncRules("literal"), {}),
    ("literal, price-blind", SyncRules("literal", price_blind=True), {}),
    ("literal, γ = 0", SyncRules("literal"), {"gamma": 0.0}),
    ("literal, ±10 % posting", SyncRules("literal"), {"posting": "steps"}),
    ("balanced", SyncRules("balanced"), {}),
    ("waste", SyncRules("waste"), {}),
    ("sales", SyncRules("sales"), {}),
)


@dataclass(frozen=True)
class World:
    """The same homes on four spans of days: to learn on, to find replies on, to test on, and the rules."""

    training: Neighbourhood
    sample: Neighbourhood
    test: Neighbourhood
    base: SyncRules


def draw_world(spec: Settings, generator: np.random.Generator) -> World:
    """Homes and days of one world; the reference demand is the mean over all of its days."""
    shape = LoadShape(night_mw=spec.night_kw * 1e-3, noise=spec.noise)
    days = spec.training_days + spec.sample_days + spec.test_days
    panels = (spec.least_panels, spec.most_panels)
    homes = draw_neighbourhood(generator, days, spec.prosumers, spec.consumers, shape=shape, panels=panels)
    cut = (spec.training_days, spec.training_days + spec.sample_days)
    base = SyncRules("balanced", spec.reference_price, spec.exponent, share=spec.share)
    return World(homes.part(0, cut[0]), homes.part(*cut), homes.part(cut[1]), base)


def run_world(spec: Settings, world: World, generator: np.random.Generator) -> Tables:
    """All tables of one world."""
    seeds = generator.bit_generator.seed_seq.spawn(6)  # type: ignore[attr-defined]
    explore, search, clock, session, readings, scarce = seeds
    learned, tables = _learn_variants(spec, world, explore)
    equilibrium, found = _find_equilibrium(spec, world, search)
    tables |= found
    tables["plan_learners"] = _learn_plans(spec, world, session)
    tables["remedies"] = try_remedies(spec, world, equilibrium)
    tables["clocks"] = _blur_clocks(spec, world, clock)
    tables["days"] = _picture_days(spec, world, learned["literal"])
    tables["readings"] = check_readings(spec, np.random.default_rng(readings))
    tables["scarce"] = check_scarce_sun(spec, np.random.default_rng(scarce))
    tables["needed_fines"] = [dict(find_fines(world.sample, world.base, equilibrium))]
    tables["several"] = [dict(count_equilibria(world.sample, world.base))]
    tables["prices"] = _mean_prices(world, {"literal": learned["literal"], "equilibrium": equilibrium})
    return tables


def _learn_variants(
    spec: Settings, world: World, seed: np.random.SeedSequence
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The document's learner under each accounting and control, exploring in the same slots."""
    plans: dict[str, np.ndarray] = {}
    slots, rows = [], []
    needs = world.training.need_mw.mean(axis=0) > LEAST_NEED_MW
    for name, rules, options in VARIANTS:
        rules = replace(rules, reference_price=spec.reference_price, exponent=spec.exponent, share=spec.share)
        learning = SlotLearning(spec.alpha, spec.gamma, spec.epsilon)
        learning = replace(learning, **options)
        values = learn_slots(world.training, rules, learning, np.random.default_rng(seed))
        plans[name] = greedy_plans(values) & needs  # without need nothing is added: a tie, so friendly
        advantage = values[:, :, 1] - values[:, :, 0]
        slots.append(_slot_rows(world.test, name, plans[name], advantage))
        posting: Posting = learning.posting
        outcome, _ = play_days(world.test, plans[name], rules, posting)
        friendly, _ = play_days(world.test, friendly_plans(world.test), rules, posting)
        true = replace(rules, accounting="balanced")
        row = measures(outcome) | {
            "variant": name,
            "honest_profit": float(play_days(world.test, plans[name], true, posting)[0].profit.mean()),
            "early_share": _early_share(outcome),
            "one_slot_gain": float(flip_gains(world.test, plans[name], rules).max()),
        }
        row |= {f"friendly_{k}": v for k, v in measures(friendly).items() if k != "synced"}
        rows.append(row)
    awake = (world.test.hour >= AWAKE[0]) & (world.test.hour < AWAKE[1])
    net_buyer = needs & (world.training.short_mw.mean(axis=0) > world.training.surplus_mw.mean(axis=0))
    agree = [
        {"against": other, "share": float((plans["literal"] == chosen).mean()),
         "share_awake": float((plans["literal"] == chosen)[awake].mean())}
        for other, chosen in [*plans.items(), ("own need above own sun", net_buyer)] if other != "literal"
    ]  # fmt: skip
    joined = {key: np.concatenate([part[key] for part in slots]) for key in slots[0]}
    return plans, {"slots": joined, "learned": rows, "agreement": agree}


def _slot_rows(
    homes: Neighbourhood, name: str, plays: np.ndarray, advantage: np.ndarray
) -> dict[str, np.ndarray]:
    slot, prosumer = np.indices(plays.shape)
    return {
        "variant": np.full(plays.size, name),
        "slot": slot.ravel(),
        "prosumer": prosumer.ravel() + 1,
        "syncs": plays.ravel(),
        "advantage": advantage.ravel(),
    }


def _early_share(outcome: SyncOutcome) -> float:
    """Booked money of 5:30 to 7:00 over that of the whole day."""
    early = (outcome.world.hour >= 5.5) & (outcome.world.hour < 7.0)
    return float(outcome.cash[:, early].sum() / outcome.cash.sum())


def _find_equilibrium(
    spec: Settings, world: World, seed: np.random.SeedSequence
) -> tuple[np.ndarray, dict[str, Any]]:
    """Best replies under honest accounting, and what deviations from where they rest would gain."""
    rules, generator = world.base, np.random.default_rng(seed)
    found = find_sync_equilibrium(world.sample, rules)
    plays = found.plays
    gains = {"sample": flip_gains(world.sample, plays, rules), "test": flip_gains(world.test, plays, rules)}
    own = np.where(plays, -gains["sample"], -np.inf)
    alone = plays.copy()
    without = []
    for i in range(world.sample.prosumers):  # what it costs one to be friendly all day
        alone[:, i] = False
        profit = clear_plans(world.sample, np.stack([plays, alone])[:, None], rules).profit.mean(axis=1)
        without.append(float(profit[0, i] - profit[1, i]))
        alone[:, i] = plays[:, i]
    friendly = clear_plans(world.test, friendly_plans(world.test), rules)
    row = measures(clear_plans(world.test, plays, rules)) | {
        "settled": found.settled,
        "rounds": found.rounds,
        "one_slot_gain": float(gains["sample"].max()),
        "one_slot_gain_test": float(gains["test"].max()),
        "two_slot_gain": max(
            float(pair_gains(world.sample, plays, i, rules).max()) for i in range(world.sample.prosumers)
        ),
        "search_gain": max(
            search_gain(world.sample, plays, i, rules, generator, spec.search_starts)[0]
            for i in range(world.sample.prosumers)
        ),
        "leaving_slot": float(np.where(np.isfinite(own), own, 0.0).max(axis=0).mean()),
        "leaving_all": float(np.mean(without)),
    }
    row |= {f"friendly_{k}": v for k, v in measures(friendly).items() if k != "synced"}
    plan = _slot_rows(world.test, "equilibrium", plays, gains["sample"])
    plan["advantage_test"] = gains["test"].ravel()
    return plays, {"equilibria": [row], "equilibrium_slots": plan}


def _learn_plans(spec: Settings, world: World, seed: np.random.SeedSequence) -> list[Row]:
    """Stateless learners over day plans, by profit and by difference."""
    rows = []
    number = int(seed.generate_state(1)[0])
    friendly = measures(clear_plans(world.test, friendly_plans(world.test), world.base))
    for name, difference in (("day's profit", False), ("difference", True)):
        game = SyncPlanGame(world.training, world.base, one_slot_plans(world.training), difference)
        learner = day_plan_learner(EpsilonGreedy(Linear(0.3, 0.02, spec.training_days)))
        ended = Session(game, (learner,) * spec.prosumers, spec.training_days).play(number)
        chosen = [int(ended.learner(i).strategy(0).table[0]) for i in range(spec.prosumers)]  # type: ignore[attr-defined]
        plays = game.plans[chosen].T
        kept = [plays[:, i].any() for i in range(spec.prosumers)]
        common = np.bincount(np.array(chosen)[kept], minlength=1).max() if any(kept) else 0
        gains = flip_gains(world.test, plays, world.base)
        leaving = np.where(plays, -gains, 0.0).sum(axis=0)
        rows.append(
            measures(clear_plans(world.test, plays, world.base))
            | {
                "reward": name,
                "in_one_slot": int(common),
                "one_slot_gain": float(gains.max()),
                "leaving_slot": float(leaving.mean()),
                "friendly_profit": friendly["profit"],
                "friendly_midday_price": friendly["midday_price"],
            }
        )
    return rows


def _blur_clocks(spec: Settings, world: World, seed: np.random.SeedSequence) -> list[dict[str, float]]:
    """All prosumers agree on the best common slot; their clocks err, and peaks flatten."""
    homes, rules = world.sample, world.base
    plans = one_slot_plans(homes)[1:]
    together = np.repeat(plans[:, None, :, None], homes.prosumers, axis=3)
    profit = clear_plans(homes, together, rules).profit.mean(axis=(1, 2))
    best = together[int(profit.argmax()), 0]
    slot = int(np.flatnonzero(best[:, 0])[0])
    friendly = clear_plans(homes, friendly_plans(homes), rules)
    steps = np.linspace(0.0, 1.0, 11)  # the share of the artificial demand that coincides
    rises, gains = [], []
    for step in steps:
        peak = clear_plans(homes, best, replace(rules, share=rules.share * step))
        rises.append(peak.mean_price(*MIDDAY) / friendly.mean_price(*MIDDAY) - 1)
        gains.append(float((peak.profit - friendly.profit).mean()))
    sizes = homes.need_mw[:, slot].mean(axis=0)
    rows = []
    for burst in spec.bursts:
        generator = np.random.default_rng(seed)
        for error in spec.clock_errors:
            share = overlap_share(generator, sizes, float(burst), error, spec.clock_draws)
            rows.append(
                {
                    "burst_minutes": burst,
                    "clock_error": error,
                    "coincides": float(share.mean()),
                    "price_rise": float(np.interp(share, steps, rises).mean()),
                    "profit_rise": float(np.interp(share, steps, gains).mean()),
                }
            )
    return rows


def _mean_prices(world: World, plans: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Mean price of each slot over the test days."""
    found = {"friendly": friendly_plans(world.test)} | plans
    columns = {
        f"price_{name}": clear_plans(world.test, p, world.base).price.mean(axis=0)
        for name, p in found.items()
    }
    sunny = world.test.sun_mw.mean(axis=0) >= world.test.need_mw.mean(axis=0)
    need = world.test.need_mw.mean(axis=0) > LEAST_NEED_MW
    return {"slot": np.arange(world.test.slots), "dark": (need & ~sunny).mean(axis=1)} | columns


def _picture_days(spec: Settings, world: World, plays: np.ndarray) -> dict[str, np.ndarray]:
    """Five test days under the literal rules, as the document draws them: ±10 % posting."""
    homes = world.test.part(0, PICTURED)
    rules = replace(world.base, accounting="literal")
    outcome, posted = play_days(homes, plays, rules, "steps")
    days, slots = homes.consumers_mw.shape
    day, slot = np.indices((days, slots))
    columns: dict[str, np.ndarray] = {"day": day.ravel(), "slot": slot.ravel()}
    columns["demand_consumer_kw"] = homes.consumers_mw.ravel() * 1e3 / max(spec.consumers, 1)
    columns["operator_price"] = outcome.price.ravel()
    columns["synced"] = outcome.plays.sum(axis=-1).ravel()
    paid = outcome.price * homes.consumers_mw * homes.hours / max(spec.consumers, 1)
    columns["profit_consumer"] = -paid.ravel()
    for i in range(min(2, homes.prosumers)):
        columns[f"demand_{i + 1}_kw"] = homes.need_mw[..., i].ravel() * 1e3
        columns[f"sun_{i + 1}_kw"] = homes.sun_mw[..., i].ravel() * 1e3
        offers = (homes.surplus_mw[..., i] > 0) & ~outcome.plays[..., i]
        columns[f"price_{i + 1}"] = np.where(offers, posted[..., i], np.nan).ravel()
        columns[f"profit_{i + 1}"] = outcome.cash[..., i].ravel()
    return columns
