"""The cases that come with the toolkit and with pandapower, by name."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from networks.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from networks.case import Case, Provenance
    from networks.grid import AngleLimits, Convention

SHOWN = ("name", "buses", "branches", "units", "load_mw", "limits", "source", "good_for")


def catalogue() -> pd.DataFrame:
    """The named cases, one row each, without loading any.

    Columns: name, buses, branches (in service), units, load_mw (fixed demand and bids of the first
    period), limits ("yes" where some branch limit can bind, else prices are equal), source, good_for.
    """
    import pandas as pd

    rows = [{column: entry.columns[column] for column in SHOWN} for entry in _entries().values()]
    whole = {"buses": int, "branches": int, "units": int, "load_mw": float}
    return pd.DataFrame(rows).astype(whole)


def companion_table(case: str, table: str) -> pd.DataFrame:
    """A table of `data/` beside a case's own ones, such as ("three_node", "discos"): retail prices and
    interruptible loads of the discos. The first column holds labels as text, the others numbers.

    Raises
    ------
    InputError
        for an unknown case or a table it does not have.
    """
    import pandas as pd

    from networks.csv_tables import numbers_of
    from networks.csv_text import read_cells

    entry = find_entry(case)
    path = data_folder().joinpath(entry.key, f"{table}.csv") if entry else None
    if path is None or not path.is_file():
        raise InputError(
            f"case '{case}' has no table '{table}'; 'three_node' and 'eighteen_bus' have 'discos'"
        )
    (first, labels), *others = read_cells(path, table).columns.items()
    numbers = {name: numbers_of(cells).astype(float) for name, cells in others}
    return pd.DataFrame({first: labels, **numbers})


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue's table: what reads the case, and under which key."""

    name: str
    reader: str
    key: str
    columns: dict[str, str]

    def load(self, convention: Convention | None, angle_limits: AngleLimits) -> Case:
        """The case, under the catalogue's name, title and provenance."""
        if self.columns["refused"]:
            raise InputError(f"case '{self.name}' cannot be cleared: {self.columns['refused']}")
        return _READERS[self.reader](self, convention or "matpower", angle_limits)

    def provenance(self, sha: str) -> Provenance:
        from networks.case import Provenance

        return Provenance(
            source=self.columns["source"],
            licence=self.columns["licence"],
            citation=self.columns["citation"],
            sha256=sha,
            status=self.columns["status"],
        )


def find_entry(name: str) -> Entry | None:
    """The catalogue's entry of that name, or of pandapower's name of the case, in any case; or None."""
    wanted = name.strip().lower()
    from_pandapower = {e.key.lower(): e for e in _entries().values() if e.reader.startswith("pandapower")}
    return _entries().get(wanted) or from_pandapower.get(wanted)


def nearest_name(name: str) -> str:
    """`" (did you mean 'ieee300'?)"`, or nothing when no name is near."""
    near = difflib.get_close_matches(name.lower(), list(_entries()), n=1, cutoff=0.5)
    return f" (did you mean '{near[0]}'?)" if near else ""


def data_folder() -> Traversable:
    """The folder `data/` of the distribution."""
    return files("networks.tables")


@cache
def _entries() -> dict[str, Entry]:
    text = data_folder().joinpath("catalogue.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return {row["name"].lower(): Entry(row["name"], row["reader"], row["key"], row) for row in rows}


def _from_matpower(entry: Entry, convention: Convention, angle_limits: AngleLimits) -> Case:
    from networks.matpower_reader import case_from_text
    from networks.matpower_text import parse_matpower

    raw = data_folder().joinpath(*entry.key.split("/")).read_bytes()
    content = parse_matpower(raw.decode("utf-8"), entry.key)
    case = case_from_text(content, entry.provenance(sha256(raw).hexdigest()), convention, angle_limits)
    return replace(case, name=entry.name, title=entry.columns["title"])


def _from_pandapower(entry: Entry, convention: Convention, angle_limits: AngleLimits) -> Case:
    from networks.pandapower_reader import read_named

    return read_named(entry, convention, angle_limits)


def _from_rated(entry: Entry, convention: Convention, angle_limits: AngleLimits) -> Case:
    from networks.pandapower_reader import read_rated

    return read_rated(entry, convention, angle_limits)


def _from_tables(entry: Entry, convention: Convention, angle_limits: AngleLimits) -> Case:
    from networks.table_reader import read_folder

    return read_folder(data_folder().joinpath(entry.key), convention, angle_limits)


_READERS: dict[str, Callable[[Entry, Convention, AngleLimits], Case]] = {
    "matpower": _from_matpower,
    "pandapower": _from_pandapower,
    "pandapower_rated": _from_rated,
    "tables": _from_tables,
}
