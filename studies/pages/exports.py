"""Files of a clearing: tables as CSV and parquet, the picture, the page, and the JSON document."""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clearing.result import labels_as_columns
from networks.csv_tables import write_csv
from networks.files import alone_with, replacing

if TYPE_CHECKING:
    from studies.pages.facts import Facts


@dataclass(frozen=True, eq=False, kw_only=True)
class Presentation(ABC):
    """What a command shows of its result: one page, pictures, tables and a JSON document.

    Attributes
    ----------
    name : of what was cleared, which is the folder's as well.
    command : as typed, which makes it again.
    """

    name: str
    command: str = ""

    @property
    @abstractmethod
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Name → table with its labels as columns."""

    @property
    @abstractmethod
    def content(self) -> dict[str, Any]:
        """The JSON document but for command, tables and files."""

    @abstractmethod
    def write_page(self, path: Path) -> Path:
        """Write the page; returns its path."""

    @abstractmethod
    def draw(self, folder: Path) -> list[Path]:
        """Write the pictures; returns their paths."""

    def write(self, folder: Path) -> list[Path]:
        """Write page, pictures and tables into a folder; returns the paths, the page first."""
        folder.mkdir(parents=True, exist_ok=True)
        with alone_with(folder):
            files = [self.write_page(folder / "index.html"), *self.draw(folder)]
            for name, table in self.tables.items():
                files += write_table(table, folder / name)
        return files

    def document(self, files: Sequence[Path]) -> str:
        """Everything as one JSON document: full precision; null stands for no finite number."""
        tables = {name: table.to_dict("records") for name, table in self.tables.items()}
        return json_text(self.command, **self.content, tables=tables, files=[str(path) for path in files])


@dataclass(frozen=True, eq=False, kw_only=True)
class NodalPresentation(Presentation):
    """A nodal clearing with its settlement."""

    facts: Facts

    @classmethod
    def of(cls, facts: Facts) -> NodalPresentation:
        return cls(name=facts.case.name, command=facts.command, facts=facts)

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Those of the outcome, and of the settlement where there is anything to say."""
        outcome, settlement = self.facts.outcome, self.facts.settlement
        more = {"payments": settlement.payments, "participants": settlement.totals, "rents": settlement.rents}
        if outcome.grid.links:
            more["link_rents"] = settlement.link_rents
        if len(settlement.uplifts):
            more["uplifts"] = settlement.uplifts
        if settlement.rule == "uniform":
            more["redispatch"] = settlement.redispatch
        return outcome.tables | labels_as_columns(more)

    def write_page(self, path: Path) -> Path:
        from studies.pages.clearing_page import write_clearing_page

        return write_clearing_page(self.facts, path)

    def draw(self, folder: Path) -> list[Path]:
        from studies.pictures.figures import draw_clearing

        return [draw_clearing(self.facts, folder / "clearing.png")]

    @property
    def content(self) -> dict[str, Any]:
        facts, outcome = self.facts, self.facts.outcome
        return {
            "case": {
                "name": facts.case.name,
                "title": facts.case.title,
                "buses": len(facts.grid.buses),
                "branches": len(facts.grid.branches),
                "source": facts.case.provenance.source,
            },
            "status": outcome.status,
            "welfare": outcome.welfare,
            "cost": outcome.cost,
            "periods": facts.periods,
            "hours": facts.book.hours,
            "served_mwh": float(facts.served_mw.sum() * facts.book.hours),
            "mean_price": facts.overall_mean_price,
            "price_rule": outcome.price_rule,
            "unique_prices": outcome.unique_prices,
            "congestion_rent": facts.congestion_rent,
            "solver": outcome.solver,
            "certificate": outcome.certificate.summary,
            "settlement": {"rule": facts.settlement.rule} | facts.settlement.summary.to_dict(),
            "explanations": [str(explanation) for explanation in facts.explanations],
            "notes": list(facts.notes),
        }


def write_table(table: pd.DataFrame, stem: Path) -> list[Path]:
    """One table as `stem.csv` and `stem.parquet`, each replaced in one step."""
    files = [stem.with_name(stem.name + suffix) for suffix in (".csv", ".parquet")]
    write_csv(table, files[0])
    with replacing(files[1]) as draft:
        _write_parquet(table, draft)
    return files


def _write_parquet(table: pd.DataFrame, path: Path) -> None:
    """Parquet has one type per column: labels of mixed types are written as text."""
    mixed = {
        name: column.astype(str)
        for name, column in table.items()
        if column.dtype == object and len({type(v) for v in column}) > 1
    }
    table.assign(**{str(k): v for k, v in mixed.items()}).to_parquet(path, index=False)


def json_text(command: str, indent: int | None = None, **content: Any) -> str:
    """A JSON document that begins with version and command."""
    document = plain({"walras": version("walras"), "command": command, **content})
    return json.dumps(document, ensure_ascii=False, indent=indent, allow_nan=False)


def plain(value: Any) -> Any:
    """The value in JSON's types: labels that are neither text nor number become text, NaN and ±inf null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or value is pd.NA or isinstance(value, (str, bool)):
        return None if value is pd.NA else value
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)
