"""Retail tariffs to compare a market with: flat, time of use, net metering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clearing.homes.home import Home
from clearing.homes.outcome import HomeSchedule
from clearing.homes.schedule import schedule_homes
from networks.checks import Protected, number, shown, whole
from networks.errors import InputError
from networks.profiles import slot_hours


@dataclass(frozen=True, eq=False)
class Tariff(Protected):
    """Prices of energy bought and sold in each slot [$/MWh].

    Attributes
    ----------
    netting : whether energy is netted over the horizon: only Σ bought − Σ sold is billed, at `buy` if it is
        positive, else credited at `excess_price`. Needs one price for all slots.
    """

    name: str
    buy: np.ndarray
    sell: np.ndarray
    netting: bool = False
    excess_price: float = 0.0

    def bill(self, schedule: HomeSchedule) -> float:
        """What the home pays [$]; negative where it receives."""
        hours = schedule.home.hours
        if not self.netting:
            return float(self.buy @ schedule.bought - self.sell @ schedule.sold) * hours
        net = float(schedule.net_import.sum()) * hours
        return net * (float(self.buy[0]) if net > 0 else self.excess_price)


def flat_tariff(price: float, feed_in: float = 0.0, slots: int = 96) -> Tariff:
    """One price for energy bought, one for energy sold [$/MWh]."""
    slots = whole("slots", slots)
    number("price", price, "$/MWh")
    number("feed_in", feed_in, "$/MWh")
    return Tariff("flat", np.full(slots, float(price)), np.full(slots, float(feed_in)))


def time_of_use_tariff(
    windows: Sequence[tuple[float, float, float]],
    price: float,
    feed_in: float = 0.0,
    slots: int = 96,
    clock: np.ndarray | None = None,
) -> Tariff:
    """`price` outside the windows (from hour, to hour, price) of a day [$/MWh].

    `clock` has (slots,) the hour of the day in the middle of each slot; by default the slots are one day.
    """
    slots = whole("slots", slots)
    hour = slot_hours(slots) if clock is None else np.asarray(clock, dtype=float) % 24.0
    if hour.shape != (slots,):
        raise InputError(f"clock has shape {hour.shape}; give one hour for each of the {slots} slots")
    buy = np.full(slots, number("price", price, "$/MWh"))
    for first, last, value in windows:
        if not 0 <= first < last <= 24:
            raise InputError(f"window from {shown(first)} to {shown(last)} h; give hours 0 ≤ from < to ≤ 24")
        buy[(hour >= first) & (hour < last)] = number("window price", value, "$/MWh")
    return Tariff("time of use", buy, np.full(slots, float(feed_in)))


def net_metering_tariff(price: float, excess_price: float = 0.0, slots: int = 96) -> Tariff:
    """Energy sold runs the meter backwards: each MWh is worth the retail price until the net is zero.

    The bill credits what is left over the horizon at `excess_price` [$/MWh].
    """
    number("excess_price", excess_price, "$/MWh")
    flat = flat_tariff(price, price, slots)
    return Tariff("net metering", flat.buy, flat.sell, netting=True, excess_price=float(excess_price))


def compare_tariffs(homes: Sequence[Home], tariffs: Sequence[Tariff]) -> pd.DataFrame:
    """Index tariff: bills, hardship, utility [$], bought_mwh, sold_mwh, peak import of all homes [MW].

    Every home schedules truthfully under each tariff on its own.
    """
    rows = []
    for tariff in tariffs:
        schedules = schedule_at_tariff(homes, tariff)
        net = np.sum([s.net_import for s in schedules], axis=0)
        hours = homes[0].hours
        rows.append(
            {
                "tariff": tariff.name,
                "bills": sum(tariff.bill(s) for s in schedules),
                "hardship": sum(s.hardship for s in schedules),
                "utility": sum(s.utility for s in schedules),
                "bought_mwh": sum(float(s.bought.sum()) for s in schedules) * hours,
                "sold_mwh": sum(float(s.sold.sum()) for s in schedules) * hours,
                "peak_mw": float(net.max()),
            }
        )
    return pd.DataFrame(rows).set_index("tariff")


def schedule_at_tariff(homes: Sequence[Home], tariff: Tariff) -> list[HomeSchedule]:
    """Truthful schedules at a tariff.

    With netting the better of two: energy worth the retail price (exact for a net buyer) or the excess price
    (exact for a net seller). Only a home whose best net is zero may miss it.
    """
    plans = schedule_homes(homes, tariff.buy, tariff.sell)
    if not tariff.netting:
        return plans
    surplus = schedule_homes(homes, tariff.excess_price, tariff.excess_price)

    def cost(plan: HomeSchedule) -> float:
        return tariff.bill(plan) + plan.hardship - plan.utility

    return [min(pair, key=cost) for pair in zip(plans, surplus, strict=True)]
