"""Where labels go in a picture: beside their point, off other labels, buses and lines."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

DIRECTIONS = np.deg2rad(np.arange(0, 360, 30))
LABEL_COST, POINT_COST, LINE_COST, FAR_COST = 100.0, 10.0, 1.0, 0.08


@dataclass
class Placer:
    """Places boxes one after the other, in pixels.

    Attributes
    ----------
    points : (n, 2) buses, `radii` their sizes.
    samples : (m, 2) points along the branches.
    low, high : corners of the room for labels.
    """

    points: np.ndarray
    radii: np.ndarray
    samples: np.ndarray
    low: np.ndarray
    high: np.ndarray
    taken: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def place(self, anchor: np.ndarray, size: np.ndarray, gaps: tuple[float, ...]) -> np.ndarray:
        """The centre of the box of `size` that covers least, `gaps` pixels away from `anchor`."""
        best, least = anchor, np.inf
        for gap in gaps:
            for angle in DIRECTIONS:
                direction = np.array([np.cos(angle), np.sin(angle)])
                centre = anchor + direction * (gap + np.abs(direction) @ size / 2)
                cost = self._cost(centre - size / 2, centre + size / 2) + FAR_COST * gap
                cost += self._crossed(anchor, centre)
                if cost < least - 1e-9:
                    best, least = centre, cost
        self.taken.append((best - size / 2, best + size / 2))
        return best

    def block(self, centre: np.ndarray, size: float) -> None:
        """Keep a square free of labels."""
        self.taken.append((centre - size / 2, centre + size / 2))

    def _crossed(self, anchor: np.ndarray, centre: np.ndarray) -> float:
        """The cost of a line from `anchor` to `centre` that runs through boxes placed before."""
        along = anchor + np.linspace(0.1, 1.0, 12)[:, None] * (centre - anchor)
        return sum(
            LABEL_COST / 2 for low, high in self.taken if ((along > low) & (along < high)).all(axis=1).any()
        )

    def _cost(self, low: np.ndarray, high: np.ndarray) -> float:
        outside = np.maximum(self.low - low, 0.0).sum() + np.maximum(high - self.high, 0.0).sum()
        cost = LABEL_COST * (outside > 0) + outside
        for other_low, other_high in self.taken:
            if (low < other_high).all() and (other_low < high).all():
                cost += LABEL_COST
        radius = self.radii[:, None]
        on_points = ((self.points > low - radius) & (self.points < high + radius)).all(axis=1)
        on_lines = ((self.samples > low) & (self.samples < high)).all(axis=1)
        return cost + POINT_COST * float(on_points.sum()) + LINE_COST * float(on_lines.sum())
