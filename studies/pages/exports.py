"""Files of a clearing: tables as CSV and parquet, the picture, the page, and the JSON document."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from networks.csv_tables import write_csv
from networks.files import alone_with, replacing

if TYPE_CHECKING:
    from studies.pages.facts import Facts


def result_tables(facts: Facts) -> dict[str, pd.DataFrame]:
    """Name → table with its labels as columns."""
    outcome = facts.outcome
    tables = {
        "prices": outcome.prices.reset_index(),
        "accepted": outcome.accepted.reset_index(),
        "flows": outcome.flows.reset_index(),
    }
    if len(facts.grid.links):
        tables["links"] = outcome.links.reset_index()
    settlement = facts.settlement
    tables["payments"] = settlement.payments.reset_index()
    tables["participants"] = settlement.totals.reset_index()
    tables["rents"] = settlement.rents.reset_index()
    if len(facts.grid.links):
        tables["link_rents"] = settlement.link_rents.reset_index()
    if len(settlement.uplifts):
        tables["uplifts"] = settlement.uplifts.reset_index()
    if settlement.rule == "uniform":
        tables["redispatch"] = settlement.redispatch.reset_index()
    return tables


def write_results(facts: Facts, folder: Path) -> list[Path]:
    """Write tables, picture and page into `folder`; returns the paths, the page first."""
    from studies.pages.clearing_page import write_clearing_page
    from studies.pictures.figures import draw_clearing

    folder.mkdir(parents=True, exist_ok=True)
    with alone_with(folder):
        files = [
            write_clearing_page(facts, folder / "index.html"),
            draw_clearing(facts, folder / "clearing.png"),
        ]
        for name, table in result_tables(facts).items():
            files += write_table(table, folder / name)
    return files


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


def json_document(facts: Facts, files: Sequence[Path]) -> str:
    """Everything as one JSON document: full precision; null stands for no finite number."""
    outcome = facts.outcome
    document = {
        "walras": version("walras"),
        "command": facts.command,
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
        "tables": {name: table.to_dict("records") for name, table in result_tables(facts).items()},
        "files": [str(path) for path in files],
    }
    return json.dumps(plain(document), ensure_ascii=False, allow_nan=False)


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
