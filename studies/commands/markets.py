"""The microgrid markets from files: CSV in, cleared, and what to print, write and draw.

Columns of the files (examples in `examples/microgrid/`):

- elecbay, on a case: `--orders` with `order, participant, bus, side, mw, price[, slope, period, block,
  min_share, exclusive, submitted]`, `--supplier` with `bus, import_price, export_price[, import_mw,
  export_mw, period]`, `--fixed` with `bus, mw[, period]`;
- bilateral, on a folder: `sellers.csv` with `seller, mw, price[, slope]`, `buyers.csv` with `buyer, mw,
  price[, slope]`, and where wanted `pairs.csv` with `seller, buyer[, preference, charge]`;
- posted, on a folder: `offers.csv` with `seller, period, mw[, price]` and `demand.csv` with `period, mw,
  operator_price`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from clearing.builders import read_csv
from networks.errors import InputError
from studies.pages.exports import plain, write_table

if TYPE_CHECKING:
    from clearing.certificate import Certificate
    from clearing.elecbay.outcome import ElecBayOutcome
    from clearing.elecbay.sequential import SequentialOutcome
    from networks.case import Case


@dataclass(frozen=True, eq=False)
class MarketResult:
    """One clearing of a microgrid market.

    Attributes
    ----------
    market, name : which market, and of what (the results' folder).
    summary : label → number ($ and MWh unless it says otherwise).
    tables : name → table, its labels as columns.
    draw : writes the picture to a path, or None.
    """

    market: str
    name: str
    status: str
    summary: dict[str, float]
    tables: dict[str, pd.DataFrame]
    certificate: Certificate
    draw: Callable[[Path], Path] | None
    notes: tuple[str, ...] = ()
    command: str = ""

    def write(self, folder: Path) -> list[Path]:
        """Write picture and tables into a folder; returns the paths."""
        folder.mkdir(parents=True, exist_ok=True)
        files = [] if self.draw is None else [self.draw(folder / "clearing.png")]
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
                    "summary": self.summary,
                    "certificate": {
                        "holds": self.certificate.holds,
                        "worst": self.certificate.worst[0],
                        "residuals": self.certificate.residuals,
                        "tolerances": self.certificate.tolerances,
                    },
                    "notes": list(self.notes),
                    "tables": {name: table.to_dict("records") for name, table in self.tables.items()},
                    "files": [str(path) for path in files],
                }
            ),
            ensure_ascii=False,
            allow_nan=False,
        )


def clear_elecbay(
    case: Case,
    orders: Path | None,
    supplier: Path | None = None,
    fixed: Path | None = None,
    periods: int | None = None,
    hours: float = 1.0,
    pricing: str = "uniform",
    mode: str = "exact",
    gate_closure: float | None = None,
    command: str = "",
) -> MarketResult:
    """A central auction on a case's grid, from files."""
    from clearing.elecbay.book import SealedBook
    from clearing.elecbay.market import ElecBay
    from clearing.elecbay.sequential import SequentialOutcome

    if orders is None:
        raise InputError("--market elecbay needs --orders; see examples/microgrid/elecbay_orders.csv")
    tables = {
        name: None if path is None else _aligned(read_csv(path, name), case.grid.buses)
        for name, path in (("orders", orders), ("supplier", supplier), ("fixed", fixed))
    }
    book = SealedBook.from_tables(
        tables["orders"],  # type: ignore[arg-type]
        periods=periods or _periods(tables),
        hours=hours,
        supplier=tables["supplier"],
        fixed=tables["fixed"],
        gate_closure=gate_closure,
    )
    outcome = ElecBay(case.grid, pricing, mode).clear(book)  # type: ignore[arg-type]
    if isinstance(outcome, SequentialOutcome):
        return _sequential_result(case, outcome, command)
    return _elecbay_result(case, outcome, command)


def _elecbay_result(case: Case, outcome: ElecBayOutcome, command: str) -> MarketResult:
    settlement = outcome.settlement
    tables = {
        "prices": outcome.prices.reset_index(),
        "orders": outcome.life_cycle.reset_index(),
        "payments": settlement.payments.reset_index(),
        "participants": settlement.participants.reset_index(),
        "flows": outcome.flows.reset_index(),
    }
    if len(outcome.chosen):
        tables["blocks"] = outcome.blocks.reset_index()

    def draw(path: Path) -> Path:
        from studies.pages.facts import Facts
        from studies.pictures.figures import draw_clearing

        return draw_clearing(Facts(case, outcome.nodal, settlement.base, command), path)

    return MarketResult(
        "elecbay", f"{case.name}_elecbay", outcome.status, _numbers(settlement.summary), tables,
        outcome.certificate, draw, outcome.notes + _about_the_picture(outcome), command,
    )  # fmt: skip


def _about_the_picture(outcome: ElecBayOutcome) -> tuple[str, ...]:
    if outcome.pricing != "vcg":
        return ()
    return ("the picture's money is at the orders' own prices; payments by VCG are in the tables",)


def _sequential_result(case: Case, outcome: SequentialOutcome, command: str) -> MarketResult:
    tables = {"orders": outcome.life_cycle.reset_index(), "trades": outcome.trades_frame}
    return MarketResult(
        "elecbay", f"{case.name}_elecbay", outcome.status, _numbers(outcome.summary), tables,
        outcome.certificate, None, outcome.notes, command,
    )  # fmt: skip


def clear_bilateral(
    folder: Path, price_rule: str = "canonical", hours: float = 1.0, command: str = ""
) -> MarketResult:
    """A bilateral market from a folder of tables."""
    from clearing.bilateral.book import BilateralBook
    from clearing.bilateral.market import BilateralMarket
    from studies.pictures.market_figures import draw_bilateral

    _check_files(folder, "bilateral", ("sellers.csv", "buyers.csv"))
    pairs = folder / "pairs.csv"
    book = BilateralBook.from_csv(
        folder / "sellers.csv", folder / "buyers.csv", pairs if pairs.is_file() else None, hours
    )
    outcome = BilateralMarket(price_rule).clear(book)  # type: ignore[arg-type]
    tables = {
        "trades": outcome.trades.reset_index(),
        "participants": outcome.participants.reset_index(),
        "blocking_pairs": outcome.blocking_pairs(),
    }
    return MarketResult(
        "bilateral", folder.resolve().name, outcome.status, _numbers(outcome.summary), tables,
        outcome.certificate, lambda path: draw_bilateral(outcome, path), outcome.notes, command,
    )  # fmt: skip


def clear_posted(
    folder: Path, price_rule: str = "canonical", hours: float = 1.0, command: str = ""
) -> MarketResult:
    """Posted offers from a folder of tables."""
    from clearing.posted.book import PostedBook
    from clearing.posted.market import PostedOfferMarket
    from studies.pictures.market_figures import draw_posted

    _check_files(folder, "posted", ("offers.csv", "demand.csv"))
    book = PostedBook.from_tables(
        read_csv(folder / "offers.csv", "offers"), read_csv(folder / "demand.csv", "demand"), hours
    )
    outcome = PostedOfferMarket(price_rule=price_rule).clear(book)  # type: ignore[arg-type]
    tables = {"prices": outcome.prices.reset_index(), "accepted": outcome.accepted.reset_index()}
    return MarketResult(
        "posted", folder.resolve().name, outcome.status, _numbers(outcome.summary), tables,
        outcome.certificate, lambda path: draw_posted(outcome, path), outcome.notes, command,
    )  # fmt: skip


def print_result(result: MarketResult, files: list[Path], seconds: float) -> None:
    """The summary on the terminal."""
    from studies.commands.terminal import make_console, print_facts

    console = make_console()
    console.print(f"{result.name}: {result.market} market, {result.status}", style="bold")
    rows = [(label.replace("_", " "), f"{value:,.6g}") for label, value in result.summary.items()]
    rows += [("certificate", str(result.certificate).removeprefix("certificate "))]
    rows += [("note", note) for note in result.notes]
    rows += [("cleared in", f"{seconds:.2f} s")]
    rows += [("files", str(files[0].parent))] if files else []
    print_facts(console, rows)


def _check_files(folder: Path, market: str, names: tuple[str, ...]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"--market {market} takes a folder with {' and '.join(names)}; {str(folder)!r} has no "
            f"{missing[0]} (an example: examples/microgrid/{market})"
        )


def _numbers(series: pd.Series) -> dict[str, float]:
    return {str(label): float(value) for label, value in series.items()}


def _aligned(frame: pd.DataFrame, buses: tuple[Hashable, ...]) -> pd.DataFrame:
    """The table with bus labels in the grid's own type: a CSV file cannot tell 7 from "7"."""
    if "bus" not in frame.columns:
        return frame
    by_text = {str(label): label for label in buses}
    labels = [b if b in buses else by_text.get(str(b).strip(), b) for b in frame["bus"].tolist()]
    return frame.assign(bus=pd.Series(labels, index=frame.index, dtype=object))


def _periods(tables: dict[str, pd.DataFrame | None]) -> int:
    """One more than the greatest period that a table names, 1 where none does."""
    last = 0.0
    for table in tables.values():
        if table is not None and "period" in table.columns:
            numbers = pd.to_numeric(table["period"], errors="coerce")
            last = max(last, float(numbers.max()) if numbers.notna().any() else 0.0)
    return int(last) + 1
