"""Q-learning of the document: one value per slot and action, the slot's money as reward, 520 days.

    Q(t, a) ← Q(t, a) + α·(r_t + γ·max_b Q(t + 1, b) − Q(t, a))     (its equation (6))

The last slot's successor is the first slot of the next day. No value changes between a day's choices and
their clearing that a choice of the same day reads, so a whole day is played at once; the result is the
slot-by-slot algorithm's (tested). The state holds no price: whatever a sync slot does to later prices
enters r of later slots whether they sync or not, so one-step values cannot credit it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from clearing.errors import InputError
from networks.checks import number
from studies.synchronization.compiled import post_slots
from studies.synchronization.neighbourhood import Neighbourhood, SyncOutcome, SyncRules, clear_plans

Posting = Literal["match", "steps"]


@dataclass(frozen=True, slots=True)
class SlotLearning:
    """Parameters of the document's learner.

    Attributes
    ----------
    alpha, gamma, epsilon : step size, discount factor, share of random choices.
    posting : prices that prosumers ask: "match" the operator's, or "steps" of ±10 % after each slot with
        an offer.
    """

    alpha: float = 0.01
    gamma: float = 0.9
    epsilon: float = 0.1
    posting: Posting = "match"

    def __post_init__(self) -> None:
        for name, low in (("alpha", 1e-12), ("gamma", 0.0), ("epsilon", 0.0)):
            if not number(name, getattr(self, name), "a share", minimum=low) <= 1:
                raise InputError(f"{name} is {getattr(self, name):g}; give a number up to 1")
        if self.posting not in ("match", "steps"):
            raise InputError(f"posting is {self.posting!r}; use 'match' or 'steps'")


def learn_slots(
    world: Neighbourhood, rules: SyncRules, learning: SlotLearning, generator: np.random.Generator
) -> np.ndarray:
    """Values (slots, prosumers, 2) after all days of `world`: friendly, sync [$].

    Exploration takes two uniform numbers per slot and prosumer, whatever is learned: runs with the same
    generator state explore in the same slots, which makes controls comparable decision by decision.
    """
    slots, prosumers = world.slots, world.prosumers
    values = np.zeros((slots, prosumers, 2))
    memory = np.full(prosumers, rules.reference_price)
    rows, columns = np.indices((slots, prosumers))
    for day in range(world.days):
        explores, coin = generator.random((2, slots, prosumers))
        plays = values[:, :, 1] > values[:, :, 0]  # ties are friendly
        plays = np.where(explores < learning.epsilon, coin < 0.5, plays)
        reward = _play_day(world.part(day, day + 1), plays, rules, learning.posting, memory).cash[0]
        taken = plays.astype(np.int64)
        own = values[rows, columns, taken]
        following = np.roll(values.max(axis=2), -1, axis=0)
        new = own + learning.alpha * (reward + learning.gamma * following - own)
        values[rows[:-1], columns[:-1], taken[:-1]] = new[:-1]
        first = values[0].max(axis=1)  # the next day's first slot, as it stands by midnight
        last = own[-1] + learning.alpha * (reward[-1] + learning.gamma * first - own[-1])
        values[-1, np.arange(prosumers), taken[-1]] = last
    return values


def greedy_plans(values: np.ndarray) -> np.ndarray:
    """(slots, prosumers) plans that values (slots, prosumers, 2) prefer; ties are friendly."""
    return values[:, :, 1] > values[:, :, 0]


def play_days(
    world: Neighbourhood, plays: np.ndarray, rules: SyncRules, posting: Posting = "match"
) -> tuple[SyncOutcome, np.ndarray]:
    """Days under plans (slots, prosumers), one after another, and posted prices (days, slots, prosumers).

    With "match" as :func:`clear_plans`; otherwise memory goes from day to day, starting at the reference.
    """
    if posting == "match":
        outcome = clear_plans(world, plays, rules)
        return outcome, np.broadcast_to(outcome.price[..., None], outcome.cash.shape)
    memory = np.full(world.prosumers, rules.reference_price)
    days = [_post_day(world.part(d, d + 1), plays, rules, memory) for d in range(world.days)]
    first = days[0][0]
    names = ("plays", "price", "demand_mw", "consumers_mw", "sold_mw", "cash")
    joined = {name: np.concatenate([getattr(o, name) for o, _ in days]) for name in names}
    return SyncOutcome(world=world, rules=first.rules, **joined), np.stack([p for _, p in days])


def _play_day(
    day: Neighbourhood, plays: np.ndarray, rules: SyncRules, posting: Posting, memory: np.ndarray
) -> SyncOutcome:
    if posting == "match":
        return clear_plans(day, plays, rules)
    return _post_day(day, plays, rules, memory)[0]


def _post_day(
    day: Neighbourhood, plays: np.ndarray, rules: SyncRules, memory: np.ndarray
) -> tuple[SyncOutcome, np.ndarray]:
    """One day with posted prices of its own; the operator's price does not depend on them."""
    if rules.settles[0]:
        raise InputError("posting in steps goes with accountings in which a sync slot sells nothing")
    matched = clear_plans(day, plays, rules)
    sold, posted = np.zeros(plays.shape), np.zeros(plays.shape)
    post_slots(
        matched.demand_mw[0], matched.price[0], day.surplus_mw[0], np.asarray(plays, dtype=bool), memory,
        sold, posted,
    )  # fmt: skip
    less = (posted * sold - matched.price[0][:, None] * matched.sold_mw[0]) * day.hours
    cash = matched.cash + np.where(plays, 0.0, less)[None]
    return (
        SyncOutcome(
            day,
            rules,
            matched.plays,
            matched.price,
            matched.demand_mw,
            matched.consumers_mw,
            sold[None],
            cash,
        ),
        posted,
    )
