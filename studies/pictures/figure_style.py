"""How pictures look: a colour-blind-safe palette, fonts, line widths, a price scale for any extremes.

Prices: the scheme "sunset" of Paul Tol (Colour Schemes, SRON technical note, 2021), blue for cheap to
red for dear. Supply and demand: Okabe and Ito's blue and vermilion. Binding branches: a purple that
none of these contains, wider than its neighbours and numbered, so that colour is never the only sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

INK = "#1b2733"
MUTED = "#5f6b78"
FAINT = "#cfd6dd"
PAPER = "#ffffff"
BINDING = "#9b1fb5"
SUPPLY = "#0072b2"
DEMAND = "#d55e00"
CALM = "#4a7bb7"  # buses where there is one price only
UNPRICED = "#ffffff"
PRICE_STOPS = (
    "#364b9a", "#4a7bb7", "#6ea6cd", "#98cae1", "#c2e4ef", "#eaeccc",
    "#feda8b", "#fdb366", "#f67e4b", "#dd3d2d", "#a50026",
)  # fmt: skip

SHARE_COLOURS = {
    "demand pays": DEMAND,
    "cost of offers": SUPPLY,
    "producers' surplus": "#56b4e9",
    "congestion rents": BINDING,
}

FONTS = ("Helvetica Neue", "Helvetica", "Arial", "Liberation Sans", "Noto Sans", "DejaVu Sans")
OTHER_SCRIPTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Devanagari")

ROBUST_FROM = 20
"""Buses from which a few extreme prices may be cut off the colour scale."""

CUT_WHEN_WIDER = 3.0
"""The scale is cut where the full range is this many times that of the middle 96 % of the prices."""


@dataclass(frozen=True, slots=True)
class PriceScale:
    """Ends of the colour scale [$/MWh], and whether prices lie beyond them."""

    low: float
    high: float
    cut_low: bool
    cut_high: bool

    @property
    def extend(self) -> str:
        """In matplotlib's words."""
        return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[
            int(self.cut_low), int(self.cut_high)
        ]


def price_scale(lmp: np.ndarray) -> PriceScale:
    """A scale for prices of any shape; a few extremes do not wash out the rest."""
    values = lmp[np.isfinite(lmp)]
    if len(values) == 0:
        return PriceScale(0.0, 1.0, False, False)
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(q) for q in np.quantile(values, [0.02, 0.98]))
    inner = inner_high - inner_low
    if len(values) >= ROBUST_FROM and high - low > CUT_WHEN_WIDER * inner > 0:
        wide_low, wide_high = max(low, inner_low - inner), min(high, inner_high + inner)
        return PriceScale(wide_low, wide_high, low < wide_low, high > wide_high)
    if high - low <= 1e-6 * (1.0 + abs(high)):
        return PriceScale(low - 0.5, high + 0.5, False, False)
    return PriceScale(low, high, False, False)


def line_width(loading: np.ndarray, buses: int) -> np.ndarray:
    """Points of line width for a loading (share of the limit, NaN without one); thinner on large grids."""
    thin, wide = (0.9, 5.0) if buses <= 40 else (0.6, 3.2) if buses <= 400 else (0.3, 1.8)
    return thin + (wide - thin) * np.clip(np.nan_to_num(loading), 0.0, 1.0) ** 1.5


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's settings for the pictures of this toolkit, only inside the `with` block."""
    import warnings

    import matplotlib
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    family = [*[name for name in FONTS if name in known][:1], "DejaVu Sans"]
    family += [name for name in OTHER_SCRIPTS if name in known]
    settings: dict[Any, Any] = {
        "font.family": list(dict.fromkeys(family)),
        "font.size": 10.0,
        "text.color": INK,
        "text.parse_math": False,  # two dollar signs in a title are money, not mathematics
        "axes.edgecolor": MUTED,
        "axes.labelcolor": MUTED,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": INK,
        "axes.labelsize": 9.0,
        "xtick.labelsize": 8.5,
        "ytick.labelsize": 8.5,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 3.0,
        "ytick.major.size": 3.0,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "figure.facecolor": PAPER,
        "savefig.facecolor": PAPER,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield
