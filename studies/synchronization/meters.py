"""Whether meters show synchronization: power minute by minute, readings per reporting interval, ROC.

A sync burst adds a share of the need for some minutes and gives it back from the storage in as many
minutes after. A meter reports mean net power per interval, so that what is given back within the interval
does not show ("a fraction of the reporting interval", section V of the document).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from networks.checks import number, whole


@dataclass(frozen=True, slots=True)
class MeterSetting:
    """What a monitor sees.

    Attributes
    ----------
    interval, burst : minutes between two readings, and of a burst; the window is a multiple of `interval`.
    days : days whose readings are pooled.
    noise : relative standard deviation of the mean need over 15 minutes; need is white from minute to
        minute, so that a shorter mean has more.
    meter_error : relative standard deviation of each reading.
    share : of the need that a burst adds.
    aligned : whether bursts begin with a reporting interval (prosumers know it), or at any minute.
    """

    interval: int = 15
    burst: int = 5
    days: int = 5
    noise: float = 0.15
    meter_error: float = 0.01
    share: float = 0.5
    aligned: bool = True

    def __post_init__(self) -> None:
        for name in ("interval", "burst", "days"):
            whole(name, getattr(self, name), minimum=1)
        for name in ("noise", "meter_error", "share"):
            number(name, getattr(self, name), "a share", minimum=0.0)


def read_meters(
    need: np.ndarray, setting: MeterSetting, generator: np.random.Generator, trials: int, syncs: bool
) -> np.ndarray:
    """(trials, prosumers, readings) standardised excess over the expected need, pooled over the days.

    Parameters
    ----------
    need : (prosumers, minutes) expected need in the watched window [MW or kW].

    All prosumers burst at one common minute, drawn anew in each trial and the same on all its days. The
    expected need is known to the monitor (the best case for detection).
    """
    need = np.asarray(need, dtype=float)
    prosumers, minutes = need.shape
    every = setting.interval
    if minutes % every or (need <= 0).any():
        raise InputError(
            f"need has {minutes} minutes for readings every {every}; give a multiple, with need above 0"
        )
    readings = minutes // every
    by_reading = need.reshape(prosumers, readings, every)
    # the mean of white noise over an interval and over the days is normal: no minute has to be drawn
    variance = (setting.noise**2 * 15.0) * (by_reading**2).sum(axis=2) / every**2
    variance = variance + (setting.meter_error * by_reading.mean(axis=2)) ** 2
    out = generator.standard_normal((trials, prosumers, readings))
    if not syncs:
        return out
    last = minutes - 2 * setting.burst
    if last < 0:
        raise InputError(f"a burst of {setting.burst} minutes and its return do not fit {minutes} minutes")
    steps = every if setting.aligned else 1
    start = steps * generator.integers(0, last // steps + 1, trials)
    excess = np.zeros((trials, prosumers, minutes))
    clock = np.arange(minutes)
    since = clock[None, :] - start[:, None]
    up = (since >= 0) & (since < setting.burst)
    down = (since >= setting.burst) & (since < 2 * setting.burst)
    added = setting.share * need[None] * up[:, None, :]
    returned = added.sum(axis=2, keepdims=True) / setting.burst * down[:, None, :]
    excess = (added - returned).reshape(trials, prosumers, readings, every).mean(axis=3)
    return out + excess / np.sqrt(variance / setting.days)


def alarm_statistic(readings: np.ndarray, longest: int = 15) -> np.ndarray:
    """(trials,) strongest burst and return of all prosumers together.

    max over starts k and lengths w up to `longest` readings of |Σ_{k ≤ j < k+w} z_j − Σ_{k+w ≤ j < k+2w} z_j|
    / √(2w), with z the sum over prosumers over √prosumers: a matched filter of unknown time and length.
    """
    total = readings.sum(axis=1) / np.sqrt(readings.shape[1])
    sums = np.concatenate([np.zeros((len(total), 1)), np.cumsum(total, axis=1)], axis=1)
    best = np.abs(total).max(axis=1)
    for w in range(1, min(longest, total.shape[1] // 2) + 1):
        change = 2 * sums[:, w:-w] - sums[:, : -2 * w] - sums[:, 2 * w :]
        best = np.maximum(best, np.abs(change).max(axis=1) / np.sqrt(2 * w))
    return best
