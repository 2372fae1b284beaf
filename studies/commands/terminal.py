"""Summaries on the terminal: coloured where it is one, plain text where it is a file or a pipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from studies.pages.money import settlement_sentence
from studies.pages.sentences import (
    cents,
    certificate_sentence,
    congestion_sentence,
    count,
    demand_sentence,
    megawatts,
    money,
    price,
    price_sentence,
    uniqueness_sentence,
)

if TYPE_CHECKING:
    from studies.pages.facts import Facts
    from studies.pages.market_page import MarketPresentation

WIDTH_OF_FILES = 120
"""Columns where the output is no terminal, so that a table in a log is not folded at 80."""

ROWS_SHOWN = 10
"""Rows of a table on the terminal; the page and the CSV files have them all."""


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Characters of labels that would move the cursor, change the screen or turn the reading direction."""


def visible(text: str) -> str:
    """The text with control characters written as in Python, such as \\x1b."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


class PlainConsole(Console):
    """A console on which no label of a file can control the terminal."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            harmless = segment.control or not CONTROL.search(segment.text)
            yield segment if harmless else Segment(visible(segment.text), segment.style)


def make_console() -> Console:
    """A console that writes to the present stdout (tests replace it)."""
    terminal = sys.stdout.isatty()
    return PlainConsole(file=sys.stdout, width=None if terminal else WIDTH_OF_FILES, highlight=False)


def print_facts(console: Console, rows: Sequence[tuple[str, str | Text]]) -> None:
    """Label and value in two columns; long values are folded under themselves."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(Text(label), Text(value) if isinstance(value, str) else value)
    console.print(Padding(grid, (0, 0, 0, 2), expand=False))


def print_table(
    console: Console, title: str, headers: Sequence[str], rows: Sequence[Sequence[str]], justify: str
) -> None:
    """A table; `justify` has one letter per column, l for text and r for numbers."""
    console.print(Text(title, style="bold"))
    table = Table(box=SIMPLE_HEAD, pad_edge=True, show_edge=False, header_style="dim")
    for header, side in zip(headers, justify, strict=True):
        table.add_column(header, justify="left" if side == "l" else "right", overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    console.print(table)


def print_market(result: MarketPresentation, files: list[Path], seconds: float) -> None:
    """The summary on the terminal."""
    console = make_console()
    origin = f"; {result.origin}" if result.origin else ""
    first = f"{result.name}: {result.market} market, {result.clearing.status}{origin}"
    console.print(Text(first, style="bold"), soft_wrap=True)
    rows = [(label.replace("_", " "), f"{value:,.6g}") for label, value in result.summary.items()]
    rows += [("certificate", str(result.clearing.certificate).removeprefix("certificate "))]
    rows += [("note", note) for note in result.notes]
    print_facts(console, rows)
    console.print()
    console.print(Text(result.sentence))
    console.print()
    print_files(console, files)
    console.print(Text(f"Read, cleared and settled in {seconds:.1f} s.", style="dim"))


def print_clearing(facts: Facts, files: Sequence[Path], cleared: float, total: float) -> None:
    """The summary of one clearing; `cleared` and `total` are seconds."""
    console = make_console()
    holds = facts.outcome.certificate.holds
    grid = facts.grid
    size = f"{count(len(grid.buses), 'bus', 'buses')}, {count(len(grid.branches), 'branch', 'branches')}"
    console.print(Text.assemble((facts.case.name, "bold"), f"  {facts.case.title}  ({size})"))
    console.print()
    for note in facts.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    if facts.notes:
        console.print()
    rows: list[tuple[str, str | Text]] = [
        ("Status", facts.outcome.status),
        ("Welfare", f"{money(facts.outcome.welfare)}{_no_bids(facts)}"),
        ("Cost", money(facts.outcome.cost)),
        ("Demand served", demand_sentence(facts)),
        ("Prices", price_sentence(facts)),
        ("", uniqueness_sentence(facts)),
        ("Congestion", congestion_sentence(facts)),
        ("Settlement", settlement_sentence(facts.settlement)),
        ("Certificate", Text(certificate_sentence(facts), style="green" if holds else "bold red")),
    ]
    print_facts(console, rows)
    if not facts.binding.empty:
        console.print()
        _print_binding(console, facts)
    console.print()
    _print_settlement(console, facts)
    for explanation in facts.explanations:
        console.print()
        console.print(Text(str(explanation)))
    console.print()
    print_files(console, files)
    console.print(
        Text(
            f"Loaded, cleared and settled in {cleared:.1f} s"
            f"{f', {total:.1f} s with files' if files else ''}.",
            style="dim",
        )
    )


def _no_bids(facts: Facts) -> str:
    """Why welfare is minus the cost, where nobody bids."""
    return "  (demand is fixed: less the offered cost)" if not (facts.book.side < 0).any() else ""


def _print_binding(console: Console, facts: Facts) -> None:
    frame = facts.binding
    several = facts.periods > 1
    headers = ["branch", "from", "to", *(["period"] if several else [])]
    headers += ["flow MW", "limit MW", "shadow price $/MWh", "rent $"]
    rows = []
    for row in frame.head(ROWS_SHOWN).to_dict("records"):
        cells = [str(row["branch"]), str(row["from_bus"]), str(row["to_bus"])]
        cells += [str(row["period"])] if several else []
        cells += [megawatts(row["flow_mw"]), megawatts(row["limit_mw"])]
        cells += [price(row["shadow_price"]), cents(row["rent"])]
        rows.append(cells)
    shown = "" if len(frame) <= ROWS_SHOWN else f" (the {ROWS_SHOWN} greatest rents of {len(frame)} rows)"
    print_table(console, f"Binding branches{shown}", headers, rows, "lll" + "r" * (len(headers) - 3))


def _print_settlement(console: Console, facts: Facts) -> None:
    totals = facts.settlement.totals
    turnover = (totals["receipts"].abs() + totals["payments"].abs()).sort_values(
        ascending=False, kind="stable"
    )
    rows = []
    for name in turnover.index[:ROWS_SHOWN]:
        row = totals.loc[name]
        cells = [megawatts(float(row["sold_mwh"])), megawatts(float(row["bought_mwh"]))]
        cells += [cents(float(row[column])) for column in ("receipts", "payments", "profit")]
        rows.append([str(name), *cells])
    headers = ["participant", "sold MWh", "bought MWh", "receives $", "pays $", "surplus $"]
    more = f" (the {ROWS_SHOWN} largest of {len(totals)})" if len(totals) > ROWS_SHOWN else ""
    print_table(console, f"Settlement by rule '{facts.settlement.rule}'{more}", headers, rows, "lrrrrr")


def print_files(console: Console, files: Sequence[Path]) -> None:
    """Where page, picture and tables are."""
    if not files:
        return
    folder = files[0].parent
    pictures = [path for path in files if path.suffix in (".html", ".png")]
    for path in sorted(pictures, key=lambda path: path.suffix):
        console.print(Text(f"{'Page' if path.suffix == '.html' else 'Picture':8} {path}"))
    tables = sorted({path.stem for path in files if path.suffix in (".csv", ".parquet")})
    if tables:
        console.print(Text(f"{'Tables':8} {folder}/{{{','.join(tables)}}}.{{csv,parquet}}"))
