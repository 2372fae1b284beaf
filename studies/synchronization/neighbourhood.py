"""Synchronization games: prosumers who inflate demand so that the operator's price stays high.

Homes with sun ("prosumers") sell what they do not need at the operator's price s, which rises with the
greatest demand of the day so far and stays there. In each slot of the day a prosumer is friendly, or
"syncs": it adds a share of its own need to the demand of the market. A plan is one such choice per slot.

    L = consumers + Σ_i (d_i − g_i)⁺ + share·Σ_{i syncs} d_i
    s_t = s_ref·(max_{τ ≤ t} L_τ / d_ref)^e     (rule "peak" of :mod:`clearing.posted.market`)

Source: O. Saukh, F. Papst, S. Saukh, "Synchronization Games in P2P Energy Trading", section IV. With
posted prices that match the operator's, a slot has a closed form, so that all days and many plans are
cleared at once; `tests/learners/test_synchronization_games.py` holds it against
:class:`clearing.posted.market.PostedOfferMarket`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from clearing.errors import InputError
from clearing.posted.accounting import SHARE, Accounting
from networks.checks import freeze_arrays, number, suggest
from networks.profiles import LoadShape, draw_loads, draw_pv, slot_hours

ZERO_NIGHT = LoadShape(night_mw=0.0)
"""No demand by night, as in the document's pictures."""

COEFFICIENTS: dict[str, tuple[float, float, float]] = {
    "literal": (0.0, 0.0, 0.0),
    "balanced": (0.0, 1.0, 0.0),
    "waste": (0.0, 1.0, 1.0),
    "sales": (1.0, 1.0, 0.0),
}
"""What a sync slot settles: sale of the surplus, payment of the own need, payment of the artificial part
(see :func:`clearing.posted.accounting.prosumer_cash`)."""


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Demand and sun of some days; one connection to an operator.

    Attributes
    ----------
    consumers_mw : (days, slots) demand of homes without sun, summed [MW].
    need_mw, sun_mw : (days, slots, prosumers) of homes with sun [MW].
    reference_mw : demand at which the operator asks its reference price; by default the mean demand of
        the market over these days when nobody syncs.
    """

    consumers_mw: np.ndarray
    need_mw: np.ndarray
    sun_mw: np.ndarray
    reference_mw: float = 0.0

    def __post_init__(self) -> None:
        need, sun, others = (
            np.asarray(a, dtype=float) for a in (self.need_mw, self.sun_mw, self.consumers_mw)
        )
        if need.ndim != 3 or sun.shape != need.shape or others.shape != need.shape[:2]:
            raise InputError(
                f"neighbourhood: consumers_mw {others.shape}, need_mw {need.shape}, sun_mw {sun.shape}; "
                "give (days, slots) and twice (days, slots, prosumers)"
            )
        for name, array in (("consumers_mw", others), ("need_mw", need), ("sun_mw", sun)):
            if not (np.isfinite(array).all() and (array >= 0).all()):
                raise InputError(
                    f"neighbourhood: {name} holds numbers below 0 or none; give MW of at least 0"
                )
            object.__setattr__(self, name, array)
        if not self.reference_mw:
            object.__setattr__(self, "reference_mw", float((others + self.short_mw.sum(axis=-1)).mean()))
        number("reference_mw", self.reference_mw, "MW", above=0)
        freeze_arrays(self)

    @cached_property
    def short_mw(self) -> np.ndarray:
        """(days, slots, prosumers) need that the own sun leaves, (d − g)⁺ [MW]."""
        return np.maximum(self.need_mw - self.sun_mw, 0.0)

    @cached_property
    def surplus_mw(self) -> np.ndarray:
        """(days, slots, prosumers) sun beyond the own need, (g − d)⁺ [MW]."""
        return np.maximum(self.sun_mw - self.need_mw, 0.0)

    @property
    def days(self) -> int:
        """Number of days."""
        return self.need_mw.shape[0]

    @property
    def slots(self) -> int:
        """Slots of a day."""
        return self.need_mw.shape[1]

    @property
    def prosumers(self) -> int:
        """Number of prosumers."""
        return self.need_mw.shape[2]

    @property
    def hours(self) -> float:
        """Length of a slot [h]."""
        return 24.0 / self.slots

    @property
    def hour(self) -> np.ndarray:
        """(slots,) hour at which each slot begins."""
        return np.arange(self.slots) * self.hours

    def part(self, first: int, end: int | None = None) -> Neighbourhood:
        """Days `first` to `end` (not included) of the same homes, at the same reference demand."""
        chosen = slice(first, end)
        return Neighbourhood(
            self.consumers_mw[chosen], self.need_mw[chosen], self.sun_mw[chosen], self.reference_mw
        )


def draw_neighbourhood(
    generator: np.random.Generator,
    days: int,
    prosumers: int = 5,
    consumers: int = 20,
    slots: int = 96,
    shape: LoadShape = ZERO_NIGHT,
    panels: tuple[int, int] = (8, 12),
) -> Neighbourhood:
    """Homes of the document's size: 5 prosumers with 8 to 12 panels of 245 to 345 W, 20 consumers."""
    if not 1 <= panels[0] <= panels[1]:
        raise InputError(f"panels is {panels}; give the fewest and the most, from 1 up")
    load = draw_loads(prosumers + consumers, generator, slots, days, shape).reshape(-1, days, slots)
    sun = draw_pv(prosumers, generator, slots, days, panels).reshape(-1, days, slots)
    return Neighbourhood(
        load[prosumers:].sum(axis=0), np.moveaxis(load[:prosumers], 0, -1), np.moveaxis(sun, 0, -1)
    )


@dataclass(frozen=True, slots=True)
class SyncRules:
    """How the operator makes its price and what a sync slot costs; each remedy is a number here.

    Attributes
    ----------
    accounting : what a sync slot settles ("literal", "balanced", "waste", "sales").
    reference_price, exponent : s_ref [$/MWh] and e of the price rule.
    ratchet : share of the activation cost of earlier peaks that stays in the price: 1 is the rule
        "peak", 0 the rule "level" (price of the slot's own demand only).
    share : of its own need that a sync prosumer adds.
    price_blind : a control: the operator's price does not see the artificial demand.
    storage_loss : share of the artificial energy that is paid and lost; 0 resells it at cost, 1 is "waste".
    elasticity, flat_price : real-time prices: consumers take (s / flat_price)^(−elasticity) of what they
        take at the flat price [$/MWh].
    fine : expected fine of a sync slot [$].
    response_payment, response_hours : what a friendly prosumer is paid for demand that it could have added
        [$/MWh], between two hours of the day; consumers pay for it.
    """

    accounting: Accounting = "balanced"
    reference_price: float = 200.0
    exponent: float = 2.0
    ratchet: float = 1.0
    share: float = SHARE
    price_blind: bool = False
    storage_loss: float = 0.0
    elasticity: float = 0.0
    flat_price: float = 0.0
    fine: float = 0.0
    response_payment: float = 0.0
    response_hours: tuple[float, float] = (5.5, 9.0)

    def __post_init__(self) -> None:
        if self.accounting not in COEFFICIENTS:
            raise InputError(
                f"accounting is {self.accounting!r}{suggest(self.accounting, COEFFICIENTS)}; "
                f"use one of {', '.join(map(repr, COEFFICIENTS))}"
            )
        number("reference_price", self.reference_price, "$/MWh", above=0)
        for name in (
            "exponent",
            "share",
            "storage_loss",
            "elasticity",
            "fine",
            "response_payment",
            "ratchet",
        ):
            number(name, getattr(self, name), "(a remedy's number)", minimum=0.0)
        if self.ratchet > 1:
            raise InputError(f"ratchet is {self.ratchet:g}; give a share from 0 to 1")
        if self.elasticity > 0 and not self.flat_price > 0:
            raise InputError("elasticity needs flat_price, the price at which demand is as drawn; give $/MWh")
        if self.elasticity > 0 and self.ratchet < 1:
            raise InputError("elasticity goes with ratchet = 1 only; the price has no closed form otherwise")

    @property
    def settles(self) -> tuple[float, float, float]:
        """Shares of sale, own need and artificial part that a sync slot settles."""
        sale, own, artificial = COEFFICIENTS[self.accounting]
        return sale, own, min(1.0, artificial + self.storage_loss)

    def price_of(self, level: np.ndarray, reference_mw: float) -> np.ndarray:
        """Operator's price (…, slots) of the demand that it prices, (…, slots) [$/MWh]."""
        peak = (np.maximum.accumulate(level, axis=-1) / reference_mw) ** self.exponent
        if self.ratchet < 1:
            peak = self.ratchet * peak + (1 - self.ratchet) * (level / reference_mw) ** self.exponent
        return self.reference_price * peak

    def response_slots(self, slots: int) -> np.ndarray:
        """(slots,) whether demand response is paid."""
        hour = slot_hours(slots)
        return (hour >= self.response_hours[0]) & (hour < self.response_hours[1])


@dataclass(frozen=True, eq=False)
class SyncOutcome:
    """Days cleared under plans; a leading axis of plans is kept.

    Attributes
    ----------
    world, rules, plays : what was cleared; plays (…, days, slots, prosumers).
    price : (…, days, slots) operator's price [$/MWh]; demand_mw, consumers_mw likewise [MW].
    sold_mw, cash : (…, days, slots, prosumers) sales [MW]; money earned less spent by the rules [$].
    """

    world: Neighbourhood
    rules: SyncRules
    plays: np.ndarray
    price: np.ndarray
    demand_mw: np.ndarray
    consumers_mw: np.ndarray
    sold_mw: np.ndarray
    cash: np.ndarray

    @cached_property
    def profit(self) -> np.ndarray:
        """(…, days, prosumers) of a day [$]."""
        return self.cash.sum(axis=-2)

    @cached_property
    def honest_profit(self) -> np.ndarray:
        """(…, days, prosumers) the same with every own need paid, whatever the books say [$]."""
        honest = replace(self.rules, accounting="balanced")
        return _settle(self.world, self.plays, honest, self.price, self.sold_mw).sum(axis=-2)

    @cached_property
    def bill(self) -> np.ndarray:
        """(…, days) what consumers pay in a day, demand response included [$]."""
        paid = (self.price * self.consumers_mw).sum(axis=-1) * self.world.hours
        return paid + _response(self.world, self.plays, self.rules).sum(axis=(-2, -1))

    def mean_price(self, first: float, end: float) -> float:
        """Mean price between two hours of the day [$/MWh]."""
        chosen = (self.world.hour >= first) & (self.world.hour < end)
        return float(self.price[..., chosen].mean())


def clear_plans(world: Neighbourhood, plays: np.ndarray, rules: SyncRules) -> SyncOutcome:
    """Clear every day under plans, all prosumers posting the operator's price.

    Parameters
    ----------
    plays : (slots, prosumers), or (…, days or 1, slots, prosumers): whether each prosumer syncs.
    """
    plays = np.asarray(plays, dtype=bool)
    wanted = (world.slots, world.prosumers)
    if plays.shape[-2:] != wanted or (plays.ndim > 2 and plays.shape[-3] not in (1, world.days)):
        raise InputError(
            f"plays has shape {plays.shape}; give (slots, prosumers) = {wanted}, days before them"
        )
    plays = np.broadcast_to(plays, (*plays.shape[:-3], world.days, *wanted))
    artificial = rules.share * np.where(plays, world.need_mw, 0.0).sum(axis=-1)
    stiff = world.short_mw.sum(axis=-1) + artificial
    price = rules.price_of(priced_demand(world, stiff, artificial, rules), world.reference_mw)
    consumers = np.broadcast_to(world.consumers_mw, price.shape)
    if rules.elasticity > 0:
        consumers = consumers * _eagerness(price, rules)
    demand = consumers + stiff
    sells = world.surplus_mw if rules.settles[0] else np.where(plays, 0.0, world.surplus_mw)
    offered = sells.sum(axis=-1)
    taken = np.minimum(np.divide(demand, offered, out=np.ones_like(demand), where=offered > 0), 1.0)
    sold = sells * taken[..., None]
    cash = _settle(world, plays, rules, price, sold)
    return SyncOutcome(world, rules, plays, price, demand, consumers, sold, cash)


def priced_demand(
    world: Neighbourhood, stiff: np.ndarray, artificial: np.ndarray, rules: SyncRules
) -> np.ndarray:
    """Demand whose greatest value of the day so far makes the price, (…, days, slots) [MW].

    `stiff` is what does not react to the price, `artificial` its part that a price-blind operator does
    not see. With real-time prices a slot's demand c·(s/flat)^(−η) + r falls in s, so it makes a new peak
    exactly where the x that solves x = c·(s(x)/flat)^(−η) + r is above the old one: x takes its place.
    """
    rest = stiff - artificial if rules.price_blind else stiff
    if rules.elasticity == 0:
        return world.consumers_mw + rest
    c, eta, e = world.consumers_mw, rules.elasticity, rules.exponent
    scale = rules.reference_price / rules.flat_price
    x = np.maximum(c + rest, 1e-12 * world.reference_mw)
    for _ in range(60):  # Newton on a falling, convex demand; converges from any positive start
        demand = c * (scale * (x / world.reference_mw) ** e) ** -eta
        step = (demand + rest - x) / (1.0 + eta * e * demand / x)
        x = np.maximum(x + step, 0.1 * x)
        if np.abs(step).max(initial=0.0) <= 1e-15 * world.reference_mw:
            break
    return x


def _eagerness(price: np.ndarray, rules: SyncRules) -> np.ndarray:
    """Demand at a real-time price over demand at the flat one; none is taken where the price is 0."""
    ratio = np.where(price > 0, price, rules.flat_price) / rules.flat_price
    return np.where(price > 0, ratio**-rules.elasticity, 0.0)


def _settle(
    world: Neighbourhood, plays: np.ndarray, rules: SyncRules, price: np.ndarray, sold: np.ndarray
) -> np.ndarray:
    s = price[..., None]
    sale, own, artificial = rules.settles
    friendly = s * (sold - world.short_mw)
    synced = s * (sale * sold - own * world.short_mw - artificial * rules.share * world.need_mw)
    money = np.where(plays, synced, friendly) * world.hours
    if rules.fine:
        money = money - rules.fine * plays
    return money + _response(world, plays, rules)


def _response(world: Neighbourhood, plays: np.ndarray, rules: SyncRules) -> np.ndarray:
    """(…, days, slots, prosumers) demand-response payments [$]."""
    if not rules.response_payment:
        return np.zeros(plays.shape)
    paid = rules.response_slots(world.slots)[:, None] * ~plays
    return rules.response_payment * rules.share * world.need_mw * paid * world.hours


def friendly_plans(world: Neighbourhood) -> np.ndarray:
    """(slots, prosumers) nobody ever syncs."""
    return np.zeros((world.slots, world.prosumers), dtype=bool)
