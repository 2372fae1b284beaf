"""A study: a question with a spec, cells that answer it, and the published figures it is compared with.

One module holds one study and names it `STUDY`; docs/studies.md shows how to write one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studies.running.spec import Spec

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from studies.claims import Claim
    from studies.pictures.charts import Chart

Cell = Mapping[str, Any]
Row = dict[str, object]
"""Of a table: texts and numbers by column."""
Tables = Mapping[str, object]
"""By name: rows, columns, or data frames."""


@dataclass(frozen=True)
class Study:
    """What the runner needs to know of a study.

    Attributes
    ----------
    title : one line for the list of studies.
    question, method : a sentence and a paragraph for the report.
    spec : the class of its settings.
    cells : spec → the cells, each a flat dict of texts and numbers; their order is their number.
    run_cell : (spec, cell, generator) → tables by name: lists of dicts, data frames, or dicts of
        columns. It must depend on nothing else, and take all randomness from the generator (law 9).
    summarise : results → summary tables by name.
    figures : (results, summaries) → charts of the report.
    headline : (results, summaries) → (figure, words) pairs for the head of the report.
    answer : (results, summaries) → sentences that answer the question, each computed from the results.
    claims : (results, summaries) → published figures beside ours (law 12).
    fingerprint : spec → text that changes when the data behind the spec do (a case's file, say).
    under_specified : what the documents leave open and this study had to choose.
    random : False where cells draw nothing: then one replicate is all there is.
    version : raise it by hand when results change for a reason that no source file shows.
    """

    title: str
    question: str
    method: str
    spec: type[Spec]
    cells: Callable[[Any], Sequence[Cell]]
    run_cell: Callable[[Any, Cell, np.random.Generator], Mapping[str, Any]]
    summarise: Callable[[Results], Mapping[str, Summary]] | None = None
    figures: Callable[[Results, Mapping[str, Summary]], Sequence[Chart]] | None = None
    headline: Callable[[Results, Mapping[str, Summary]], Sequence[tuple[str, str]]] | None = None
    answer: Callable[[Results, Mapping[str, Summary]], Sequence[str]] | None = None
    claims: Callable[[Results, Mapping[str, Summary]], Sequence[Claim]] | None = None
    fingerprint: Callable[[Any], str] | None = None
    under_specified: tuple[str, ...] = ()
    random: bool = True
    version: int = 1


@dataclass(frozen=True, eq=False)
class Summary:
    """A table of the report: its title, a sentence on how to read it, and its rows."""

    title: str
    frame: pd.DataFrame
    note: str = ""


@dataclass(frozen=True, eq=False)
class Results:
    """What the finished cells of one run returned.

    Attributes
    ----------
    tables : name → rows of all cells in the order (cell, replicate), with the cell's own values as
        columns; `results["name"]` for short.
    cells : one row per cell and replicate: status, seconds, error, digest of what it returned.
    manifest : spec, seed, versions, code, times.
    """

    spec: Any
    tables: Mapping[str, pd.DataFrame]
    cells: pd.DataFrame
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    @property
    def missing(self) -> int:
        """How many cells and replicates of the run are not there: not run yet, or lost."""
        planned = int(self.manifest.get("cells", 0)) * int(self.manifest.get("replicates", 1))
        return max(0, planned - len(self.cells))

    @property
    def failures(self) -> pd.DataFrame:
        """The rows of `cells` that failed."""
        return self.cells[self.cells["status"] != "done"]


Summaries = Mapping[str, Summary]


def mean_and_error(frame: pd.DataFrame, by: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Means over replicates by group, each with its standard error and the number of replicates."""
    import numpy as np

    groups = frame.groupby(list(by), sort=False)
    out = groups.size().rename("replicates").to_frame()
    for column in columns:
        out[column] = groups[column].mean()
        out[f"{column} ± s.e."] = groups[column].std(ddof=1) / np.sqrt(out["replicates"])
    return out.reset_index()


def case_fingerprint(source: str) -> str:
    """A hash of every number and label of a case, for :attr:`Study.fingerprint`."""
    from dataclasses import fields
    from hashlib import sha256

    import networks

    case = networks.load(source)
    digest = sha256()
    for part in (case.grid, case.fleet):
        for item in fields(part):
            value = getattr(part, item.name)
            raw = value.tobytes() if hasattr(value, "tobytes") else repr(value).encode()
            digest.update(item.name.encode() + b"\0" + raw)
    return digest.hexdigest()
