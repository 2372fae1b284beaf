"""The outcome of `walras incubate`: tables, charts, page and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from clearing.errors import ClearingError
from clearing.screens import screen_lines
from studies.incubator.assessment import FALSE_ALARMS, Assessment, assess
from studies.incubator.input import IncubatorRequest, read_counterfactual
from studies.pages.exports import Presentation, json_text
from studies.pages.sections import figure_section, table_section, tile_list, write_chart_page
from studies.pictures.charts import Bars, Chart, HeatMap, Lines, Panels
from studies.study import Row, Summary

TICKS, BOOKS_SHOWN, SELLERS_SHOWN = 12, 96, 15
NOTES = {
    "periods": ("Books", "Demand-weighted prices as offered and at cost, and sellers that fail the screen."),
    "agents": (
        "Sellers",
        "Means over books: gap at the seller's buses [$/MWh] with its 95 % interval over time, profit gained "
        "at the monitor's costs [$ a book], offers above cost and withheld MW as shares, share of books in "
        "which it fails the three-pivotal-supplier test of the whole market.",
    ),
    "lines": (
        "Binding lines of the book with the greatest gap",
        "Three-pivotal-supplier test of the relief that each line needs, at cost.",
    ),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class IncubatorResult(Presentation):
    """An assessment of a user's series.

    Attributes
    ----------
    lines : screen of the binding lines in the book with the greatest gap.
    """

    assessment: Assessment
    lines: pd.DataFrame

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Name → table."""
        found = self.assessment.found
        return {
            "periods": found.periods(),
            "agents": self.assessment.agents.sort_values("gain", ascending=False, kind="stable"),
            "agent_periods": found.agent_periods(),
            "lines": self.lines,
        }

    @cached_property
    def charts(self) -> list[Chart]:
        """Prices, what errors of costs explain, sellers over time, gains."""
        if not self.assessment.found.cleared.any():
            return []
        out = [_prices(self.assessment), _sellers(self.assessment), _gains(self.assessment)]
        if len(self.assessment.null):
            out.insert(1, _errors(self.assessment))
        return out

    @property
    def tiles(self) -> list[tuple[str, str]]:
        """Figures for the head of the page."""
        a = self.assessment
        out = [(f"{int(a.found.cleared.sum()):,}", f"of {len(a.found.cleared):,} books cleared twice")]
        if np.isfinite(a.gap):
            out.append((f"{a.gap + 0.0:+,.2f} $/MWh", "mean price over the one at truthful costs"))
            out.append((f"{a.low:,.2f} to {a.high:,.2f}", "95 % interval over time, $/MWh"))
        if len(a.null):
            out.append(
                (f"{a.threshold:,.2f} $/MWh", f"is what 5 % of honest series exceed at ±{a.sigma:.0%}")
            )
            out.append((f"{a.p_value:.1%}", "of honest series show as much"))
        fails = a.agents["fails_three_pivotal"] > 0
        words = "sellers fail the screen of the whole market in some book"
        out.append((f"{int(fails.sum())} of {len(a.agents)}", words))
        if len(self.lines):
            count = int((self.lines["failing"] > 0).sum())
            out.append((f"{count} of {len(self.lines)}", "binding lines lack competition for their relief"))
        return out

    def draw(self, folder: Path) -> list[Path]:
        from studies.pictures.charts_png import draw_chart

        return [draw_chart(chart, folder / f"{chart.name}.png") for chart in self.charts]

    @property
    def content(self) -> Row:
        a = self.assessment
        summary = {
            "books": len(a.found.cleared),
            "cleared": int(a.found.cleared.sum()),
            "gap": a.gap,
            "gap_low": a.low,
            "gap_high": a.high,
            "welch_p": a.welch,
            "cost_error": a.sigma,
            "threshold": a.threshold,
            "p_value": a.p_value,
        }
        return {"case": self.name, "sentence": a.sentence, "summary": summary}

    def document(self, files: Sequence[Path]) -> str:
        """Everything as one JSON document, its tables beside the rest."""
        tables = {name: frame.to_dict("records") for name, frame in self.tables.items()}
        return json_text(self.command, 1, **self.content, **tables, files=[str(path) for path in files])

    def write_page(self, path: Path) -> Path:
        summaries = {
            name: Summary(title, _shown(self.tables[name]), note)
            for name, (title, note) in NOTES.items()
            if len(self.tables[name])
        }
        head = (
            f'<header><h1>{escape(self.name)}</h1><p class="lead">Prices as offered beside the same books at '
            f"truthful costs</p>{tile_list(('', *tile) for tile in self.tiles)}"
            f'<p class="sentence">{escape(self.assessment.sentence)}</p></header>'
        )
        sections = [head, figure_section(self.charts), table_section(summaries)]
        title = f"{self.name}: incubator"
        return write_chart_page(path, title, sections, self.charts, summaries, self.command)


def incubate(request: IncubatorRequest, command: str = "") -> IncubatorResult:
    """Read or simulate the series of a request and assess it.

    Raises
    ------
    InputError
        naming what is wrong with the input (law 11).
    """
    found = read_counterfactual(request)
    generator = np.random.default_rng(np.random.SeedSequence(request.seed, spawn_key=(1,)))
    result = assess(found, request.sigma, generator, request.trials, request.block)
    lines = pd.DataFrame(columns=["branch", "relief_mw", "sellers", "failing", "names"])
    if found.cleared.any():
        with suppress(ClearingError):  # cleared in the series by a hair: then there is no line to screen
            lines = screen_lines(found, int(np.nanargmax(found.gap)))
    return IncubatorResult(name=Path(request.case).stem, command=command, assessment=result, lines=lines)


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Truth values in words."""
    flags = frame.select_dtypes(bool).columns
    return frame.assign(**{name: np.where(frame[name], "yes", "no") for name in flags})


def _ticks(labels: Sequence[Any]) -> list[tuple[float, str]]:
    step = -(-len(labels) // TICKS)
    return [(float(k), str(labels[k])) for k in range(0, len(labels), step)]


def _prices(a: Assessment) -> Chart:
    found = a.found
    place = [float(k) for k in range(len(found.gap))]
    return Panels(
        name="prices",
        title=f"Prices as offered and at truthful costs: {a.gap + 0.0:+,.2f} $/MWh on average",
        caption="Demand-weighted means of each book; gaps in the curves are books that could not be cleared.",
        panels=[
            (
                "$/MWh",
                [
                    ("as offered", place, found.observed_price.tolist()),
                    ("at cost", place, found.competitive_price.tolist()),
                ],
            ),
            ("gap, $/MWh", [("gap", place, found.gap.tolist())]),
        ],
        x_label="book",
        ticks=_ticks(found.series.labels),
        wide=True,
    )


def _errors(a: Assessment) -> Chart:
    values = np.sort(a.null)
    share = 1.0 - np.arange(len(values)) / len(values)
    return Lines(
        name="errors",
        title=f"What costs that are wrong by {a.sigma:.0%} explain",
        caption="Share of honest series whose mean gap exceeds a value; star: this series. Below "
        f"{FALSE_ALARMS:.0%} a closer look is due.",
        series=[("honest series, %", values.tolist(), (100 * share).tolist())],
        stars=[("this series", a.gap, 100 * a.p_value)],
        x_label="mean gap, $/MWh",
        y_label="exceeded by, %",
    )


def _sellers(a: Assessment) -> Chart:
    found = a.found
    table = found.seller_gap[:BOOKS_SHOWN]
    size = np.nan_to_num(np.abs(found.seller_gap)).mean(axis=0)
    order = np.argsort(-size, kind="stable")[:SELLERS_SHOWN]
    return HeatMap(
        name="sellers",
        title="Price gap at each seller's buses, book by book",
        caption=f"Sellers with the greatest gaps; the first {min(BOOKS_SHOWN, len(found.gap))} books.",
        x=[str(v) for v in found.series.labels[:BOOKS_SHOWN]],
        y=[str(found.sellers[k]) for k in order.tolist()],
        values=table[:, order].T,
        x_label="book",
        y_label="seller",
        unit="$/MWh",
        signed=True,
        linear=1.0,
        wide=True,
    )


def _gains(a: Assessment) -> Chart:
    rows = a.agents.sort_values("gain", ascending=False, kind="stable").head(SELLERS_SHOWN)
    return Bars(
        name="gains",
        title="Who gains against truthful offers",
        caption="Mean profit gained in a book, at the monitor's costs. Who gains need not be who acts: see "
        "the columns on offers and withheld MW.",
        labels=[str(s) for s in rows["seller"]],
        values=rows["gain"].tolist(),
        x_label="$ a book",
    )
