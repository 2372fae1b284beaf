"""What a study wants drawn, described once and drawn twice: interactive on the page and as a PNG.

Each chart has a `name` (of its PNG), a `title`, and a `caption` that says how to read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from networks.case import Case


Json = dict[str, Any]
"""What the page's plotting library takes."""
Plot = tuple[list[Json], Json]
"""Its traces and layout."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Chart:
    """What all charts have; an `opening` one stands first on the page, before the ledger."""

    name: str
    title: str
    caption: str = ""
    wide: bool = False
    opening: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class HeatMap(Chart):
    """A table as colours.

    Attributes
    ----------
    x, y : labels of columns and rows; values : (rows, columns), NaN for none.
    marks : (x, y) cells to ring, with `mark_words` in the legend; signed : colours around zero.
    linear : where given, colours follow the logarithm beyond ± this value, so that great values do not
        wash out small ones.
    """

    x: Sequence[object]
    y: Sequence[object]
    values: Any
    x_label: str
    y_label: str
    unit: str
    marks: Sequence[tuple[object, object]] = ()
    mark_words: str = ""
    signed: bool = False
    linear: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Lines(Chart):
    """Curves: (label, x, y) each; `step` where values jump; `stars` are single points (label, x, y)."""

    series: Sequence[tuple[str, Sequence[float], Sequence[float]]]
    x_label: str
    y_label: str
    stars: Sequence[tuple[str, float, float]] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Bars(Chart):
    """Horizontal bars, one row of `labels` each, from top to bottom."""

    labels: Sequence[str]
    values: Sequence[float]
    x_label: str
    line_at: float | None = None
    line_words: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class Intervals(Chart):
    """Intervals of ours with the published value and the value of our rule on each.

    Attributes
    ----------
    labels : rows from top to bottom; low, high, chosen, published : values, NaN for none.
    interval_words, chosen_words, published_words : what the bars, the dots and the crosses are.
    """

    labels: Sequence[str]
    low: Sequence[float]
    high: Sequence[float]
    chosen: Sequence[float]
    published: Sequence[float]
    x_label: str
    interval_words: str = "interval of supporting values"
    chosen_words: str = "ours (price rule)"
    published_words: str = "published"


@dataclass(frozen=True, eq=False, kw_only=True)
class GridMap(Chart):
    """A grid with a value at each bus; `stressed`: labels of branches; `linear` as in a heat map."""

    case: Case
    values: Any
    unit: str
    stressed: Sequence[object] = ()
    signed: bool = True
    linear: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Bands(Chart):
    """Curves with a band each, and published points on them; the y axis is logarithmic.

    Attributes
    ----------
    series : (label, x, y, low, high) each; `points` : (label of the series, x, y, words) each.
    ticks : (x, words) of the x axis, whose numbers may be any transform.
    """

    series: Sequence[tuple[str, Sequence[float], Sequence[float], Sequence[float], Sequence[float]]]
    points: Sequence[tuple[str, float, float, str]]
    ticks: Sequence[tuple[float, str]]
    x_label: str
    y_label: str
    point_words: str = "published"


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowMaps(Chart):
    """One network several times, with other flows each: public lines straight, private ones bent.

    Attributes
    ----------
    nodes, positions : labels and (nodes, 2) coordinates; net_mw : (nodes,) what each has less what it needs.
    ends : (lines, 2) positions of the ends; private : (lines,) bool; main : position of the main grid's bus.
    panels : (title, (lines,) flows) each; net_mw and flows in `unit`.
    """

    nodes: Sequence[str]
    positions: Any
    net_mw: Any
    ends: Any
    private: Any
    main: int
    panels: Sequence[tuple[str, Any]]
    unit: str = "MW"


@dataclass(frozen=True, eq=False, kw_only=True)
class Panels(Chart):
    """Curves in panels one above the other, on one x axis.

    Attributes
    ----------
    panels : (label of the y axis, series (label, x, y)) each; a label has one colour in all panels.
    ticks : (x, words) of the x axis; steps : whether values hold until the next point.
    """

    panels: Sequence[tuple[str, Sequence[tuple[str, Sequence[float], Sequence[float]]]]]
    x_label: str
    ticks: Sequence[tuple[float, str]] = ()
    steps: bool = False


@dataclass(frozen=True, eq=False, kw_only=True)
class Multiple:
    """One little picture.

    Attributes
    ----------
    title : above it; curves : (label, x, y), a label that comes several times is several runs of one thing.
    band : (low, high) behind the curves, or None; levels : heights of dashed lines.
    low, high : of the y axis; None where the curves decide.
    """

    title: str
    curves: Sequence[tuple[str, Sequence[float], Sequence[float]]]
    band: tuple[float, float] | None = None
    levels: Sequence[float] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Multiples(Chart):
    """Little pictures side by side, each with what theory says behind its curves; a label has one colour."""

    panels: Sequence[Multiple]
    x_label: str
    y_label: str
    band_words: str = "band"
    level_words: str = "level"
