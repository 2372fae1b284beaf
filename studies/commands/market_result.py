"""What is asked of a microgrid market, and its outcome as summary, tables, picture, page and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from networks.files import alone_with
from studies.pages.exports import plain, write_table

if TYPE_CHECKING:
    import pandas as pd

    from clearing.certificate import Certificate
    from studies.pictures.charts import Chart


@dataclass(frozen=True, slots=True)
class MarketRequest:
    """What a command asks of a microgrid market.

    Attributes
    ----------
    source : a case (elecbay) or a folder of tables.
    orders, supplier, fixed : CSV files of an auction; `fixed` may be the word "none".
    periods, hours : number of periods (None: what the files say) and length of one [h].
    pricing, mode, k, radial, gate_closure, time_limit : of :class:`clearing.ElecBay` and its book.
    price_rule : of the bilateral and the posted market.
    processes : whether decentralised processes run beside the bilateral optimum.
    operator, reference_price, reference_mw : the posted market's operator rule [$/MWh, MW]; without
        `reference_mw` the mean demand.
    command : as typed.
    """

    source: str
    orders: Path | None = None
    supplier: Path | None = None
    fixed: str | None = None
    periods: int | None = None
    hours: float = 1.0
    pricing: str = "uniform"
    mode: str = "exact"
    k: float = 0.5
    radial: bool = False
    gate_closure: float | None = None
    time_limit: float | None = None
    price_rule: str = "canonical"
    processes: bool = False
    operator: str = "given"
    reference_price: float = 200.0
    reference_mw: float | None = None
    command: str = ""


@dataclass(frozen=True, eq=False)
class MarketResult:
    """One clearing of a microgrid market.

    Attributes
    ----------
    market, name, title : which market, of what (the results' folder), and what it is in words.
    sentence : the outcome in words; tiles : (value, words) of the headline; settled : who pays what.
    summary : label → number ($ and MWh unless it says otherwise).
    tables : name → table, its labels as columns.
    origin : what was given and what was drawn, where that is a question.
    make_charts : makes the page's charts. draw : writes the picture; None draws the first chart.
    """

    market: str
    name: str
    title: str
    status: str
    sentence: str
    tiles: Sequence[tuple[str, str]]
    settled: str
    summary: dict[str, float]
    tables: dict[str, pd.DataFrame]
    certificate: Certificate
    make_charts: Callable[[], list[Chart]]
    draw: Callable[[Path], Path] | None = None
    notes: tuple[str, ...] = ()
    command: str = ""
    origin: str = ""

    @cached_property
    def charts(self) -> list[Chart]:
        return self.make_charts()

    def write(self, folder: Path) -> list[Path]:
        """Write page, picture and tables into a folder; returns the paths, the page first."""
        from studies.pages.market_page import write_market_page
        from studies.pictures.charts_png import draw_chart

        folder.mkdir(parents=True, exist_ok=True)
        picture = folder / "clearing.png"
        with alone_with(folder):
            files = [write_market_page(self, folder / "index.html")]
            files.append(draw_chart(self.charts[0], picture) if self.draw is None else self.draw(picture))
            for name, table in self.tables.items():
                files += write_table(table, folder / name)
        return files

    def document(self, files: list[Path]) -> str:
        """Everything as one JSON document."""
        return json.dumps(
            plain(
                {
                    "walras": version("walras"),
                    "command": self.command,
                    "market": self.market,
                    "name": self.name,
                    "status": self.status,
                    **({"origin": self.origin} if self.origin else {}),
                    "sentence": self.sentence,
                    "summary": self.summary,
                    "certificate": self.certificate.summary,
                    "notes": list(self.notes),
                    "tables": {name: table.to_dict("records") for name, table in self.tables.items()},
                    "files": [str(path) for path in files],
                }
            ),
            ensure_ascii=False,
            allow_nan=False,
        )


def print_result(result: MarketResult, files: list[Path], seconds: float) -> None:
    """The summary on the terminal."""
    from rich.text import Text

    from studies.commands.terminal import make_console, print_facts, print_files

    console = make_console()
    origin = f"; {result.origin}" if result.origin else ""
    first = f"{result.name}: {result.market} market, {result.status}{origin}"
    console.print(Text(first, style="bold"), soft_wrap=True)
    rows = [(label.replace("_", " "), f"{value:,.6g}") for label, value in result.summary.items()]
    rows += [("certificate", str(result.certificate).removeprefix("certificate "))]
    rows += [("note", note) for note in result.notes]
    print_facts(console, rows)
    console.print()
    console.print(Text(result.sentence))
    console.print()
    print_files(console, files)
    console.print(Text(f"Read, cleared and settled in {seconds:.1f} s.", style="dim"))
