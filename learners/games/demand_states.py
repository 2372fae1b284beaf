"""A finite, seeded set of demands around a book's own: load levels, and noise around each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from networks.checks import frozen, number, whole


@dataclass(frozen=True, eq=False)
class DemandStates:
    """Multipliers of all demand: levels that players may know, and equally likely draws around each.

    Attributes
    ----------
    factor : (levels, draws) or, for each bus its own, (levels, draws, buses).
    """

    factor: np.ndarray

    def __post_init__(self) -> None:
        factor = np.asarray(self.factor, dtype=float)
        if factor.ndim not in (2, 3) or 0 in factor.shape or not np.isfinite(factor).all():
            raise InputError(
                f"demand states: factors have shape {factor.shape}; give finite multipliers as "
                "(levels, draws) or (levels, draws, buses)"
            )
        if (factor < 0).any():
            raise InputError(
                f"demand states: factor {factor.min():g} is negative; give multipliers of at least 0"
            )
        object.__setattr__(self, "factor", frozen(factor))

    @classmethod
    def drawn(
        cls,
        levels: Sequence[float],
        noise: float = 0.0,
        draws: int = 1,
        rng: np.random.Generator | None = None,
        buses: int | None = None,
    ) -> DemandStates:
        """Levels with uniform noise of up to ±`noise` (0.05 for five per cent), drawn once from `rng`.

        With `buses` each bus has noise of its own.
        """
        level = np.asarray(levels, dtype=float)
        if level.ndim != 1 or len(level) == 0:
            raise InputError("demand states: levels is a list of multipliers, such as [0.9, 1.0, 1.1]")
        noise, draws = number("noise", noise, "shares (0.05)", minimum=0), whole("draws", draws)
        shape = (len(level), draws) if buses is None else (len(level), draws, buses)
        scale = level.reshape(-1, *[1] * (len(shape) - 1))
        if noise == 0:
            return cls(np.broadcast_to(scale, shape).copy())
        if rng is None:
            raise InputError("demand states: noise is drawn from a generator; give rng (law 9)")
        return cls(scale * (1 + rng.uniform(-noise, noise, shape)))

    @property
    def levels(self) -> int:
        """Number of levels."""
        return self.factor.shape[0]

    @property
    def draws(self) -> int:
        """Number of draws around each level."""
        return self.factor.shape[1]

    def of_bus(self, state: np.ndarray, bus: np.ndarray) -> np.ndarray:
        """(batch, len(bus)) multipliers at bus positions; `state` (batch,) is level · draws + draw."""
        flat = self.factor.reshape(self.levels * self.draws, *self.factor.shape[2:])[state]
        return flat[:, bus] if flat.ndim == 2 else np.repeat(flat[:, None], len(bus), axis=1)
