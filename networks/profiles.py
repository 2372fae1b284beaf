"""Seeded series of a microgrid: household load, photovoltaic output, weather, fuel prices.

Every generator takes a `numpy.random.Generator` (law 9) and returns arrays with one column per slot; a
day of 96 slots has quarter hours. Shapes follow the parametrisation of the synchronisation study: a base
by day, a morning and an evening bump whose hours differ by home and jitter by day, multiplicative noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from networks.checks import Protected, number, whole
from networks.errors import InputError

DAY = 24.0  # hours
SPRING = 81.0  # day of the year on which the annual temperature curve crosses its mean, rising (22 March)


@dataclass(frozen=True, eq=False)
class LoadShape(Protected):
    """Parameters of household load.

    Attributes
    ----------
    base_mw, night_mw : load by day, and the upper end of the load by night (uniform from 0) [MW].
    day_start, day_end : hours between which the base holds.
    morning_mw, morning_sd : height [MW] and standard deviation [h] of the morning bump.
    morning_from, morning_to : range of hours from which each home's centre is drawn.
    evening_mw, evening_sd, evening_from, evening_to : likewise.
    jitter : daily standard deviation of each centre [h].
    noise : relative standard deviation of every slot.
    """

    base_mw: float = 0.7e-3
    night_mw: float = 0.05e-3
    day_start: float = 5.5
    day_end: float = 21.0
    morning_mw: float = 0.9e-3
    morning_sd: float = 0.5
    morning_from: float = 6.5
    morning_to: float = 8.5
    evening_mw: float = 1.3e-3
    evening_sd: float = 0.8
    evening_from: float = 16.5
    evening_to: float = 19.0
    jitter: float = 0.25
    noise: float = 0.15


def slot_hours(slots: int = 96) -> np.ndarray:
    """(slots,) hour of the day in the middle of each slot."""
    return (np.arange(whole("slots", slots)) + 0.5) * DAY / slots


def draw_loads(
    homes: int,
    generator: np.random.Generator,
    slots: int = 96,
    days: int = 1,
    shape: LoadShape | None = None,
) -> np.ndarray:
    """(homes, days·slots) household load [MW], see :class:`LoadShape`; never negative."""
    shape = shape or LoadShape()
    homes, days = whole("homes", homes), whole("days", days)
    hour = slot_hours(slots)
    by_day = (hour >= shape.day_start) & (hour < shape.day_end)
    night = generator.uniform(0.0, shape.night_mw, homes) if shape.night_mw > 0 else np.zeros(homes)
    out = np.where(by_day, shape.base_mw, night[:, None])[:, None, :]
    bumps = (
        (shape.morning_mw, shape.morning_sd, shape.morning_from, shape.morning_to),
        (shape.evening_mw, shape.evening_sd, shape.evening_from, shape.evening_to),
    )
    for height, width, first, last in bumps:
        centre = generator.uniform(first, last, homes)[:, None]
        centre = centre + shape.jitter * generator.standard_normal((homes, days))
        out = out + height * np.exp(-0.5 * ((hour - centre[:, :, None]) / width) ** 2)
    noise = 1.0 + shape.noise * generator.standard_normal((homes, days, slots))
    return np.maximum(out * noise, 0.0).reshape(homes, days * slots)


def draw_pv(
    homes: int,
    generator: np.random.Generator,
    slots: int = 96,
    days: int = 1,
    panels: tuple[int, int] = (8, 12),
    panel_watt: tuple[float, float] = (245.0, 345.0),
    sunrise: float = 5.0,
    sunset: float = 20.5,
    peak: tuple[float, float] = (10.0, 18.0),
    noise: float = 0.05,
    clearness: np.ndarray | None = None,
) -> np.ndarray:
    """(homes, days·slots) photovoltaic output [MW].

    Each home has a number of `panels` of `panel_watt` [W] (both uniform, ends included) and its own hour
    of greatest output, uniform in `peak`; output rises as a quarter sine from sunrise to that hour and
    falls as one to sunset. `noise` is the relative standard deviation of every slot, `clearness`
    (days·slots,) a common factor such as :func:`draw_weather`'s.
    """
    homes, days = whole("homes", homes), whole("days", days)
    if not sunrise < peak[0] <= peak[1] < sunset:
        raise InputError(
            f"sunrise {sunrise:g} h, peak {peak} h, sunset {sunset:g} h; give them in this order of the day"
        )
    hour = slot_hours(slots)
    count = generator.integers(panels[0], panels[1] + 1, homes)
    rated = count * generator.uniform(*panel_watt, homes) * 1e-6
    top = generator.uniform(*peak, homes)[:, None]
    rising = np.sin(0.5 * np.pi * np.clip((hour - sunrise) / (top - sunrise), 0.0, 1.0))
    falling = np.sin(0.5 * np.pi * np.clip((sunset - hour) / (sunset - top), 0.0, 1.0))
    form = np.where(hour < top, rising, falling)
    wobble = 1.0 + noise * generator.standard_normal((homes, days, slots))
    out = np.maximum(rated[:, None, None] * form[:, None, :] * wobble, 0.0).reshape(homes, -1)
    return out if clearness is None else out * np.asarray(clearness, dtype=float)


@dataclass(frozen=True, eq=False)
class Weather(Protected):
    """(slots of all days,) temperature [°C] and clearness of the sky (0 to 1)."""

    temperature: np.ndarray
    clearness: np.ndarray


def draw_weather(
    generator: np.random.Generator,
    days: int = 1,
    slots: int = 96,
    first_day: int = 172,
    mean: float = 10.0,
    season: float = 9.0,
    daily: float = 5.0,
    spread: float = 3.0,
    memory: float = 0.7,
) -> Weather:
    """A weather series.

    Temperature [°C] = mean + season·sin(year) + daily·sin(day, warmest at 15 h) + a day-to-day
    autoregression of order one with standard deviation `spread` and coefficient `memory`. Clearness of a
    day is drawn from Beta(4, 2) with the same persistence by copula-free mixing: memory·yesterday +
    (1 − memory)·draw.
    """
    days = whole("days", days)
    hour = slot_hours(slots)
    shock = np.zeros(days)
    sky = np.zeros(days)
    for d in range(days):
        draw = generator.standard_normal()
        clear = generator.beta(4.0, 2.0)
        shock[d] = spread * draw if d == 0 else memory * shock[d - 1] + spread * np.sqrt(1 - memory**2) * draw
        sky[d] = clear if d == 0 else memory * sky[d - 1] + (1 - memory) * clear
    year = season * np.sin(2 * np.pi * (first_day + np.arange(days) - SPRING) / 365.0)
    course = daily * np.sin(2 * np.pi * (hour - 9.0) / DAY)
    temperature = mean + (year + shock)[:, None] + course[None, :]
    return Weather(temperature.ravel(), np.repeat(sky, slots))


def heating_load(
    temperature: np.ndarray,
    mw_per_degree: float = 0.05e-3,
    heat_below: float = 15.0,
    cool_above: float = 24.0,
) -> np.ndarray:
    """Electric heating below and cooling above two temperatures, linear in the degrees missing [MW]."""
    t = np.asarray(temperature, dtype=float)
    slope = number("mw_per_degree", mw_per_degree, "MW per degree", minimum=0.0)
    return slope * (np.maximum(heat_below - t, 0.0) + np.maximum(t - cool_above, 0.0))


def draw_fuel_prices(
    generator: np.random.Generator,
    days: int = 1,
    mean: float = 30.0,
    reversion: float = 0.05,
    spread: float = 0.04,
    start: float | None = None,
) -> np.ndarray:
    """(days,) daily fuel price [$/MWh of heat]: exp of a mean-reverting walk of the logarithm.

    ln p_{d+1} = ln p_d + reversion·(ln mean − ln p_d) + spread·N(0, 1)   (E. S. Schwartz, 1997, model 1)
    """
    centre = np.log(number("mean", mean, "$/MWh", above=0))
    level = np.log(number("start", mean if start is None else start, "$/MWh", above=0))
    out = np.empty(whole("days", days))
    for d in range(days):
        out[d] = level
        level += reversion * (centre - level) + spread * generator.standard_normal()
    return np.exp(out)


def import_price(
    fuel: np.ndarray, slots: int = 96, efficiency: float = 0.5, adder: float = 60.0, peak: float = 0.4
) -> np.ndarray:
    """(days·slots,) price of imported energy [$/MWh]: fuel/efficiency·(1 + peak·evening shape) + adder.

    The evening shape is a bump of height 1 at 19 h with a standard deviation of 2 h; `adder` are network
    charges and levies.
    """
    bump = np.exp(-0.5 * ((slot_hours(slots) - 19.0) / 2.0) ** 2)
    fuel = np.asarray(fuel, dtype=float)
    energy = fuel / number("efficiency", efficiency, "shares", above=0)
    return (energy[:, None] * (1.0 + peak * bump)[None, :] + adder).ravel()
