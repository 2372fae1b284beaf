"""What meters show of bursts: detection against the reporting interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from clearing import InputError
from clearing.detection import area_under, detection_at, roc_curve
from networks.profiles import LoadShape
from studies.synchronization.meters import MeterSetting, alarm_statistic, read_meters
from studies.synchronization.neighbourhood import draw_neighbourhood
from studies.synchronization.tables import FALSE_ALARMS

if TYPE_CHECKING:
    from studies.synchronization.study import Settings

WINDOW = (6.0, 10.0)
LONG_ALIGNED = ((15, True), (5, True), (1, True), (5, False))
CURVE_POINTS = 101


def watch_meters(spec: Settings, generator: np.random.Generator) -> Mapping[str, Any]:
    """Areas under ROC curves and detection at 5 % false alarms, for bursts and reporting intervals."""
    homes = draw_neighbourhood(
        generator, 60, spec.prosumers, spec.consumers, shape=LoadShape(night_mw=0.0, noise=0.0)
    )
    chosen = (homes.hour >= WINDOW[0]) & (homes.hour < WINDOW[1])
    need = np.repeat(homes.need_mw[:, chosen].mean(axis=0).T, 15, axis=1)
    rows, curves = [], []
    for burst, aligned in LONG_ALIGNED:
        for interval in spec.intervals:
            if need.shape[1] % interval:
                raise InputError(
                    f"intervals: {interval} minutes do not divide the watched {need.shape[1]}; give 1, 5, 15"
                )
            setting = MeterSetting(
                interval, burst, spec.meter_days, spec.noise, share=spec.share, aligned=aligned
            )
            honest, guilty = (
                alarm_statistic(read_meters(need, setting, generator, spec.meter_trials, syncs))
                for syncs in (False, True)
            )
            false, found = roc_curve(honest, guilty)
            name = f"{burst} min{'' if aligned else ', not aligned'}"
            rows.append(
                {
                    "bursts": name,
                    "interval": interval,
                    "area": area_under(false, found),
                    "detected": detection_at(honest, guilty, FALSE_ALARMS),
                }
            )
            at = np.linspace(0.0, 1.0, CURVE_POINTS)
            seen = np.interp(at, false, np.maximum.accumulate(found))
            curves += [
                {"bursts": name, "interval": interval, "false_alarms": float(a), "found": float(b)}
                for a, b in zip(at, seen, strict=True)
            ]
    return {"meters": rows, "roc": curves}
