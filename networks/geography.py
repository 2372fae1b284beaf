"""Where agents are, and what the lines of a public grid are made of.

The poster on coalitions (see docs/mathematics-coalition.md) gives neither positions nor line
parameters, so every choice here is ours: agents uniform in a square, public lines with the case's own
impedances, all of one resistance, or proportional to their length. Random draws take a generator (law 9).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from networks.checks import number
from networks.errors import InputError
from networks.grid import Grid


def scatter_positions(count: int, side_km: float, generator: np.random.Generator) -> np.ndarray:
    """(count, 2) positions, uniform in a square of side `side_km` [km]."""
    return number("side_km", side_km, "km", above=0.0) * generator.random((count, 2))


def lengths_km(positions_km: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(pairs,) straight distances between the positions `first` and `second` [km]."""
    return np.hypot(*(positions_km[first] - positions_km[second]).T)


def keep_impedances(grid: Grid, taps: bool = True) -> Grid:
    """The grid with its own r and x, without limits and shunts; without `taps`, ratios 1 and no shifts.

    The coalition models have no limits of public lines, and withdrawals belong to agents.
    """
    count = len(grid.branches)
    changes = {"shunt_mw": np.zeros(len(grid.buses))}
    if not taps:
        changes |= {"tap": np.ones(count), "shift_degree": np.zeros(count)}
    return replace(grid.without_limits(), **changes)  # type: ignore[arg-type]


def equalise_resistance(
    grid: Grid, r_pu: float, scatter: float = 0.0, generator: np.random.Generator | None = None
) -> Grid:
    """Every public line with resistance `r_pu`, and reactance r_pu·exp(scatter·z), z standard normal.

    At scatter 0 the ratio x/r is the same everywhere and the physical flow is the one of least losses
    (Thomson's principle); scatter 0.1 is the configuration closest to the poster's table.

    Parameters
    ----------
    r_pu : above 0 [per unit].
    scatter : standard deviation of log(x/r), ≥ 0; above 0 it needs a `generator`.
    """
    number("r_pu", r_pu, "per unit", above=0.0)
    number("scatter", scatter, "units of log(x/r)", minimum=0.0)
    if scatter > 0 and generator is None:
        raise InputError("a scatter above 0 needs a generator; pass numpy.random.default_rng(seed)")
    count = len(grid.branches)
    noise = np.zeros(count) if generator is None else generator.standard_normal(count)
    return _with_impedances(grid, np.full(count, float(r_pu)), r_pu * np.exp(scatter * noise))


def proportion_to_length(grid: Grid, length_km: np.ndarray, r_pu_per_km: float, x_pu_per_km: float) -> Grid:
    """Every public line with r and x proportional to its length [km], such as :func:`lengths_km` gives."""
    length = np.asarray(length_km, dtype=float)
    if length.shape != (len(grid.branches),) or not (np.isfinite(length) & (length > 0)).all():
        raise InputError(
            f"length_km needs one length above 0 for each of the {len(grid.branches)} lines, in km"
        )
    r = number("r_pu_per_km", r_pu_per_km, "per unit per km", above=0.0)
    x = number("x_pu_per_km", x_pu_per_km, "per unit per km", above=0.0)
    return _with_impedances(grid, r * length, x * length)


def _with_impedances(grid: Grid, r_pu: np.ndarray, x_pu: np.ndarray) -> Grid:
    return replace(keep_impedances(grid, taps=False), r_pu=r_pu, x_pu=x_pu)
