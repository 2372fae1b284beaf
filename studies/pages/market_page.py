"""The page of a microgrid market's outcome: headline, figures, tables, settlement, proof."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from studies.pages.page import asset, html_table, write_page
from studies.pages.proof import OPTIMALITY, proof_table, proof_tile
from studies.pages.sentences import sentence_case
from studies.report import chart_data, figure_section, table_data, table_section
from studies.study import Summary

if TYPE_CHECKING:
    from studies.commands.market_result import MarketResult

SCRIPTS = ("tables.js", "report_page.js")

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


def write_market_page(result: MarketResult, path: Path) -> Path:
    """Write the page of a result to `path`."""
    summaries = {}
    for name, table in result.tables.items():
        title, note = TABLES.get(f"{result.market} {name}") or TABLES[name]
        summaries[name] = Summary(title, table, note if len(table) else f"{note} There is none.")
    body = "\n".join(
        [
            f"<style>\n{asset('report.css')}</style>",
            _heading(result),
            figure_section(result.charts),
            _settlement(result),
            table_section({name: part for name, part in summaries.items() if len(part.frame)}),
            _empty_tables({name: part for name, part in summaries.items() if not len(part.frame)}),
            _proof(result),
        ]
    )
    shown = {name: part for name, part in summaries.items() if len(part.frame)}
    data = {"charts": [chart_data(chart) for chart in result.charts], "tables": table_data(shown)}
    return write_page(path, f"{result.name}: {result.market} market", body, data, SCRIPTS, result.command)


def _heading(result: MarketResult) -> str:
    tiles = [("", value, label) for value, label in result.tiles]
    tiles.append(proof_tile(result.certificate, result.status))
    items = "".join(
        f'<li class="{kind}"><b>{escape(value)}</b><span>{escape(label)}</span></li>'
        for kind, value, label in tiles
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in result.notes)
    lead = " ".join([result.title, _origin(result)]).strip()
    return (
        f'<header><h1>{escape(result.name)}</h1><p class="lead">{escape(lead)}</p>'
        f'<ul class="tiles">{items}</ul><p class="sentence">{escape(result.sentence)}</p>{notes}</header>'
    )


def _origin(result: MarketResult) -> str:
    return f"{result.origin[0].upper()}{result.origin[1:]}." if result.origin else ""


def _settlement(result: MarketResult) -> str:
    rows = [[label.replace("_", " "), f"{value:,.6g}"] for label, value in result.summary.items()]
    table = html_table(["", ""], rows, "Totals; money in $", numbers_from=1)
    return (
        '<section aria-labelledby="settlement-title"><h2 id="settlement-title">Settlement</h2>'
        f"<p>{escape(result.settled)}</p>{table}</section>"
    )


def _empty_tables(summaries: Mapping[str, Summary]) -> str:
    lines = (f'<p class="quiet">{escape(part.title)}: {escape(part.note)}</p>' for part in summaries.values())
    return f"<section>{''.join(lines)}</section>" if summaries else ""


def _proof(result: MarketResult) -> str:
    certificate = result.certificate
    words = ROWS["sequential" if result.status == "sequential" else result.market]
    table = proof_table(certificate, words)
    return (
        '<section aria-labelledby="proof-title"><h2 id="proof-title">Proof</h2>'
        f"<p>{escape(sentence_case(str(certificate)))}. The residuals are computed from the book "
        f"(and the grid) by walras itself, not by a solver.</p>{table}</section>"
    )
