"""The page of a microgrid market's outcome: headline, figures, tables, settlement, proof."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from studies.pages.exports import Presentation
from studies.pages.page import html_table
from studies.pages.proof import OPTIMALITY, proof_table, proof_tile
from studies.pages.sections import figure_section, table_section, tile_list, write_chart_page
from studies.pages.sentences import sentence_case
from studies.study import Summary

if TYPE_CHECKING:
    from clearing.result import Clearing
    from studies.pictures.charts import Chart

TABLES: Mapping[str, tuple[str, str]] = {
    "prices": (
        "Prices",
        "low and high: the interval of supporting prices; the price between them is by rule.",
    ),
    "orders": ("Orders", "What became of each order, and what kept it from being accepted whole."),
    "payments": ("Payments", "Of each order; a sale receives, a purchase pays."),
    "participants": ("Participants", "Surplus: value less payments, and receipts less cost, with uplift."),
    "flows": ("Lines", "Flow positive from → to; rent = shadow price × flow."),
    "blocks": (
        "Blocks",
        "Surplus at the prices; a chosen block that would lose is made whole by its uplift.",
    ),
    "trades": ("Trades", "Who trades how much with whom, at which price."),
    "blocking_pairs": (
        "Blocking pairs",
        "Pairs that would rather trade with each other; a stable outcome has none.",
    ),
    "homes": ("Homes", "What each has, buys, sells and pays; hardship: wear, delay and lost load in $."),
    "homes orders": ("Orders", "Of one auction: what each home would truthfully sell and buy."),
    "slots": (
        "Plans",
        "Every series in MW (stored in MWh), and the marginal cost with its interval in $/MWh.",
    ),
    "tariffs": ("Tariffs", "The same homes, each planned at every tariff."),
    "supplier": ("Supplier", "Import and export of the auction."),
    "processes": ("Decentralised processes", "Welfare and its share of the optimum, round by round."),
    "accepted": ("Offers", "Offered, accepted, and what was earned at the posted price."),
}

ROWS: Mapping[str, Mapping[str, str]] = {
    "elecbay": {
        **OPTIMALITY,
        "B1": "blocks are whole or absent, groups exclusive", "B2": "no choice of blocks is better",
    },
    "sequential": {
        "P1": "injections less flows leaving, at every bus", "P2": "orders and lines within their limits",
        "P3": "the flows are those that the injections cause",
    },
    "bilateral": {
        "P1": "trades within what is offered, of allowed pairs",
        "D1": "nobody wants another amount at its price", "D2": "no pair would rather trade otherwise",
        "G1": "welfare equals what is left to sellers and buyers",
    },
    "homes": {
        "P": "the plan is feasible", "D": "the duals support it", "C": "limits with a price are met",
        "G": "cost equals its lower bound", "H": "the home's own equations hold",
    },
    "posted": {
        "P1": "supply equals demand in every slot", "P2": "offers within their MW",
        "D1": "no offer on the wrong side of the price", "G1": "cost equals its lower bound",
    },
}  # fmt: skip


@dataclass(frozen=True, eq=False, kw_only=True)
class MarketPresentation(Presentation):
    """A clearing of a microgrid market.

    Attributes
    ----------
    clearing : what was decided.
    market, title : which market, and what it is in words.
    sentence : the outcome in words; tiles : (value, words) of the headline; settled : who pays what.
    make_charts : makes the page's charts. draw_picture : writes the picture; None draws the first chart.
    more_tables, more_notes : what is computed beside the clearing.
    origin : what was given and what was drawn, where that is a question.
    """

    clearing: Clearing
    market: str
    title: str
    sentence: str
    tiles: Sequence[tuple[str, str]]
    settled: str
    make_charts: Callable[[], list[Chart]]
    draw_picture: Callable[[Path], Path] | None = None
    more_tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    more_notes: tuple[str, ...] = ()
    origin: str = ""

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        return {**self.clearing.tables, **self.more_tables}

    @cached_property
    def charts(self) -> list[Chart]:
        return self.make_charts()

    @property
    def notes(self) -> tuple[str, ...]:
        return self.clearing.notes + self.more_notes

    @cached_property
    def summary(self) -> dict[str, float]:
        """Label → total; what is rounding beside the greatest is 0."""
        totals = self.clearing.summary
        noise = 1e-13 * float(totals.abs().max())
        return {str(name): 0.0 if abs(value) <= noise else float(value) for name, value in totals.items()}

    @property
    def content(self) -> dict[str, Any]:
        return {
            "market": self.market,
            "name": self.name,
            "status": self.clearing.status,
            **({"origin": self.origin} if self.origin else {}),
            "sentence": self.sentence,
            "summary": self.summary,
            "certificate": self.clearing.certificate.summary,
            "notes": list(self.notes),
        }

    def draw(self, folder: Path) -> list[Path]:
        from studies.pictures.charts_png import draw_chart

        path = folder / "clearing.png"
        return [draw_chart(self.charts[0], path) if self.draw_picture is None else self.draw_picture(path)]

    def write_page(self, path: Path) -> Path:
        summaries = {}
        for name, table in self.tables.items():
            title, note = TABLES.get(f"{self.market} {name}") or TABLES[name]
            summaries[name] = Summary(title, table, note if len(table) else f"{note} There is none.")
        shown = {name: part for name, part in summaries.items() if len(part.frame)}
        sections = [
            self._heading(),
            figure_section(self.charts),
            self._settlement(),
            table_section(shown),
            _empty_tables({name: part for name, part in summaries.items() if name not in shown}),
            self._proof(),
        ]
        title = f"{self.name}: {self.market} market"
        return write_chart_page(path, title, sections, self.charts, shown, self.command)

    def _heading(self) -> str:
        tiles = [("", value, label) for value, label in self.tiles]
        tiles.append(proof_tile(self.clearing.certificate, self.clearing.status))
        notes = "".join(f'<p class="note">{escape(note)}</p>' for note in self.notes)
        origin = f" {self.origin[0].upper()}{self.origin[1:]}." if self.origin else ""
        return (
            f'<header><h1>{escape(self.name)}</h1><p class="lead">{escape(self.title + origin)}</p>'
            f'{tile_list(tiles)}<p class="sentence">{escape(self.sentence)}</p>{notes}</header>'
        )

    def _settlement(self) -> str:
        rows = [[label.replace("_", " "), f"{value:,.6g}"] for label, value in self.summary.items()]
        table = html_table(["", ""], rows, "Totals; money in $", numbers_from=1)
        return (
            '<section aria-labelledby="settlement-title"><h2 id="settlement-title">Settlement</h2>'
            f"<p>{escape(self.settled)}</p>{table}</section>"
        )

    def _proof(self) -> str:
        certificate = self.clearing.certificate
        sequential = self.clearing.status == "sequential"
        table = proof_table(certificate, ROWS["sequential" if sequential else self.market])
        return (
            '<section aria-labelledby="proof-title"><h2 id="proof-title">Proof</h2>'
            f"<p>{escape(sentence_case(str(certificate)))}. The residuals are computed from the book "
            f"(and the grid) by walras itself, not by a solver.</p>{table}</section>"
        )


def _empty_tables(summaries: Mapping[str, Summary]) -> str:
    lines = (f'<p class="quiet">{escape(part.title)}: {escape(part.note)}</p>' for part in summaries.values())
    return f"<section>{''.join(lines)}</section>" if summaries else ""
