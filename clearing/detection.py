"""How well a statistic tells two kinds of conduct apart: ROC curves, false alarms and misses."""

from __future__ import annotations

import numpy as np

from clearing.errors import InputError
from networks.checks import shown


def roc_curve(honest: np.ndarray, guilty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False-alarm and detection rates of all thresholds, from (0, 0) to (1, 1).

    Parameters
    ----------
    honest, guilty : values of a statistic that is large for the guilty; an alarm is a value of at least
        the threshold.
    """
    honest, guilty = _sorted("honest", honest), _sorted("guilty", guilty)
    cuts = np.concatenate([[np.inf], np.unique(np.concatenate([honest, guilty]))[::-1]])
    false = 1.0 - np.searchsorted(honest, cuts, side="left") / len(honest)
    found = 1.0 - np.searchsorted(guilty, cuts, side="left") / len(guilty)
    return false, found


def area_under(false: np.ndarray, found: np.ndarray) -> float:
    """Area under a ROC curve: the chance that a guilty value exceeds an honest one, ties half."""
    return float(np.trapezoid(found, false))


def alarm_threshold(honest: np.ndarray, false_alarms: float = 0.05) -> float:
    """Least observed value that at most the share `false_alarms` of the honest exceed."""
    if not 0 <= false_alarms < 1:
        raise InputError(f"false_alarms is {shown(false_alarms)}; give a share from 0 to below 1")
    return float(np.quantile(_sorted("honest", honest), 1.0 - false_alarms, method="higher"))


def detection_at(honest: np.ndarray, guilty: np.ndarray, false_alarms: float = 0.05) -> float:
    """Share of the guilty above the threshold that `false_alarms` of the honest exceed."""
    return float((np.asarray(guilty) > alarm_threshold(honest, false_alarms)).mean())


def exceedance(honest: np.ndarray, value: float) -> float:
    """Share of honest values of at least `value`, itself counted among them: a p-value, never 0."""
    values = _sorted("honest", honest)
    return float((1 + (values >= value).sum()) / (1 + len(values)))


def _sorted(name: str, values: np.ndarray) -> np.ndarray:
    out = np.sort(np.asarray(values, dtype=float).ravel())
    if len(out) == 0 or not np.isfinite(out).all():
        raise InputError(f"{name}: give at least one finite number")
    return out
