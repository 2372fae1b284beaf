"""MATPOWER `.m` case files (format version 2) as cases of this toolkit.

Source of the format: MATPOWER User's Manual 8.0, appendix B, tables B-1 to B-5.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from networks.case import Case, Provenance, build_case
from networks.errors import InputError
from networks.fleet import Fleet
from networks.grid import AngleLimits, Convention, Grid
from networks.matpower_costs import read_costs
from networks.matpower_text import MatpowerText, TextTable, parse_matpower
from networks.notes import left_out

ISOLATED = 4
"""Bus type of a bus that is not connected to the grid (table B-1)."""


def read_matpower(
    path: Path | str, convention: Convention = "matpower", angle_limits: AngleLimits = "file"
) -> Case:
    """The case of a `.m` file.

    Buses keep their numbers as labels, branches are numbered from 1 as in the file, units are `G1`,
    `G2`, … after their rows in `gen`, loads `L` and links `DC` likewise. A rating of 0 means no limit;
    angle limits of 0/0, or beyond ±360°, mean none. Dispatchable loads are units of negative output.

    Raises
    ------
    InputError
        naming file, table, row, the value and the remedy: wrong, truncated or unreadable files,
        costs of higher than second order, a load on an isolated bus, costs of DC lines.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"file '{path}' cannot be read ({error.strerror}); check the path") from error
    provenance = Provenance(source=str(path), sha256=sha256(raw).hexdigest())
    return case_from_text(parse_matpower(text, path.name), provenance, convention, angle_limits)


def case_from_text(
    content: MatpowerText, provenance: Provenance, convention: Convention, angle_limits: AngleLimits
) -> Case:
    """The case of a parsed file."""
    parts = _Parts.of(content)
    try:
        grid = Grid.from_tables(
            parts.buses(),
            parts.branches(),
            parts.links(),
            base_mva=content.base_mva,
            convention=convention,
            angle_limits=angle_limits,
        )
        fleet = Fleet.from_tables(grid, *parts.units(), parts.loads())
        return build_case(content.name, content.name, grid, fleet, provenance, notes=parts.notes())
    except InputError as error:
        if str(error).startswith("file '"):
            raise
        raise InputError(f"file '{parts.file}': {error}") from error


@dataclass(frozen=True)
class _Parts:
    """The file's tables, with what is isolated or out of service told apart."""

    file: str
    bus: TextTable
    gen: TextTable
    branch: TextTable
    dcline: TextTable
    tables: dict[str, TextTable]

    @classmethod
    def of(cls, content: MatpowerText) -> _Parts:
        def table(name: str, least: int, usual: int) -> TextTable:
            found = content.tables.get(name)
            if found is None or not len(found.values):
                return TextTable(content.file, name, np.zeros((0, usual)))
            found.need_columns(least, usual)
            return found

        parts = cls(
            content.file,
            table("bus", 13, 13),
            table("gen", 10, 10),
            table("branch", 11, 13),
            table("dcline", 11, 17),
            content.tables,
        )
        parts._check()
        return parts

    def _check(self) -> None:
        loaded = self.isolated & (self.bus.values[:, 2] != 0)
        if loaded.any():
            k = int(np.flatnonzero(loaded)[0])
            raise InputError(
                f"{self.bus.row(k)}: bus {self.bus.values[k, 0]:g} is isolated (type 4) but has a load of "
                f"{self.bus.values[k, 2]:g} MW; connect the bus, or set its load to 0"
            )
        costs = self.tables.get("dclinecost")
        if costs is not None and costs.values[:, 4:].any():
            k = int(np.flatnonzero(costs.values[:, 4:].any(axis=1))[0])
            raise InputError(
                f"{costs.row(k)}: a DC line with a cost of its own is not modelled; set it to 0, or model "
                "the line as a unit at each end"
            )

    @property
    def isolated(self) -> np.ndarray:
        return self.bus.values[:, 1] == ISOLATED

    def _touches_isolated(self, *buses: np.ndarray) -> np.ndarray:
        numbers = self.bus.values[self.isolated, 0]
        return np.any([np.isin(bus, numbers) for bus in buses], axis=0)

    def buses(self) -> pd.DataFrame:
        kept = self.bus.values[~self.isolated]
        return pd.DataFrame({"bus": self._numbers(self.bus, 0)[~self.isolated], "shunt_mw": kept[:, 4]})

    def branches(self) -> pd.DataFrame:
        values = self.branch.values
        none = np.zeros(len(values))
        low, high = (values[:, 11], values[:, 12]) if values.shape[1] >= 13 else (none, none)
        unlimited = (low == 0) & (high == 0)
        frame = pd.DataFrame(
            {
                "branch": np.arange(1, len(values) + 1),
                "from_bus": self._numbers(self.branch, 0),
                "to_bus": self._numbers(self.branch, 1),
                "r_pu": values[:, 2],
                "x_pu": values[:, 3],
                "limit_mw": np.where(values[:, 5] == 0, np.inf, values[:, 5]),
                "tap": np.where(values[:, 8] == 0, 1.0, values[:, 8]),
                "shift_degree": values[:, 9],
                "angle_min_degree": np.where(unlimited | (low <= -360), -np.inf, low),
                "angle_max_degree": np.where(unlimited | (high >= 360), np.inf, high),
                "in_service": values[:, 10] != 0,
            }
        )
        return frame[~self._touches_isolated(values[:, 0], values[:, 1])]

    def links(self) -> pd.DataFrame:
        values = self.dcline.values
        on = (values[:, 2] != 0) & ~self._touches_isolated(values[:, 0], values[:, 1])
        frame = pd.DataFrame(
            {
                "link": [f"DC{k + 1}" for k in range(len(values))],
                "from_bus": self._numbers(self.dcline, 0),
                "to_bus": self._numbers(self.dcline, 1),
                "min_mw": values[:, 9],
                "max_mw": values[:, 10],
            }
        )
        return frame[on]

    @property
    def _running(self) -> np.ndarray:
        return (self.gen.values[:, 7] > 0) & ~self._touches_isolated(self.gen.values[:, 0])

    def units(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The tables `units` (those in service) and `segments` (of their piecewise costs)."""
        running = np.flatnonzero(self._running)
        table = self.gen.take(running)
        frame = pd.DataFrame(
            {
                "unit": [f"G{k + 1}" for k in running],
                "bus": self._numbers(table, 0),
                "min_mw": table.values[:, 9],
                "max_mw": table.values[:, 8],
            }
        )
        rows = self._cost_rows(running)
        if rows is None:
            return frame.assign(price=0.0), pd.DataFrame(columns=["unit", "from_mw", "to_mw", "price"])
        costs = read_costs(rows.values, frame["unit"].tolist(), frame["min_mw"].to_numpy(),
                           frame["max_mw"].to_numpy(), rows.row)  # fmt: skip
        return frame.assign(
            price=costs.price, slope=costs.slope, constant_cost=costs.constant
        ), costs.segments

    def _cost_rows(self, running: np.ndarray) -> TextTable | None:
        """The cost rows of the units in service; rows for reactive power, after the others, are left out."""
        costs, count = self.tables.get("gencost"), len(self.gen.values)
        if costs is None:
            return None
        if len(costs.values) not in (count, 2 * count):
            raise InputError(
                f"file '{self.file}', table 'gencost': it has {len(costs.values)} rows for the {count} rows "
                "of table 'gen'; give one row for each (is the file truncated?)"
            )
        return costs.take(running)

    def loads(self) -> pd.DataFrame:
        demand = self.bus.values[:, 2]
        bus = self._numbers(self.bus, 0)
        frame = pd.DataFrame({"load": [f"L{number}" for number in bus], "bus": bus, "mw": demand})
        return frame[demand != 0]

    def notes(self) -> tuple[str, ...]:
        """What of the file is left out."""
        off, stranded = self.gen.values[:, 7] <= 0, self._touches_isolated(self.gen.values[:, 0])
        costs = self._cost_rows(np.flatnonzero(self._running))
        sentences = [
            *left_out(int(self.isolated.sum()), "isolated bus", "isolated buses"),
            *left_out(int(off.sum()), "unit out of service", "units out of service"),
            *left_out(int((stranded & ~off).sum()), "unit on an isolated bus", "units on isolated buses"),
            *left_out(
                len(self.dcline.values) - len(self.links()),
                "DC line out of service",
                "DC lines out of service",
            ),
        ]
        if costs is None:
            sentences.append("the file has no costs (gencost): every unit costs 0 $/MWh")
        elif costs.values[:, 1:3].any():
            sentences.append("start-up and shut-down costs are left out")
        if self.dcline.values.shape[1] >= 17 and self.dcline.values[:, 15:17].any():
            sentences.append("the losses of DC lines are left out")
        return tuple(sentences)

    def _numbers(self, table: TextTable, column: int) -> np.ndarray:
        values = table.values[:, column]
        bad = ~np.isfinite(values) | (values != np.floor(values))
        if bad.any():
            k = int(np.flatnonzero(bad)[0])
            raise InputError(
                f"{table.row(k)}: column {column + 1} is {values[k]:g}: a bus number is a whole number; "
                "correct it"
            )
        return values.astype(np.int64)
