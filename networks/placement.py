"""The same units and loads at other buses: one table says who is where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from networks.checks import suggest
from networks.csv_text import read_cells, unguarded
from networks.errors import InputError

if TYPE_CHECKING:
    from networks.case import Case


def move_agents(case: Case, placement: Path | str | pd.DataFrame) -> Case:
    """A case whose units and loads stand at the buses of a table; who is not in it stays.

    Parameters
    ----------
    placement : columns agent, bus, as a data frame or the path of a CSV file; agents are labels of units
        or loads, buses labels of the grid, compared as text.

    Raises
    ------
    InputError
        naming the row: an unknown agent or bus, an agent given twice, missing columns, no file.
    """
    if isinstance(placement, (str, Path)):
        cells = read_cells(placement, "placement")
        rows = pd.DataFrame({name: list(map(unguarded, column)) for name, column in cells.columns.items()})
    else:
        rows = placement.astype(str)
    if missing := sorted({"agent", "bus"} - set(rows.columns)):
        raise InputError(f"placement: column {missing[0]!r} is missing; give agent, bus")
    fleet = case.fleet
    buses = {str(label): k for k, label in enumerate(case.grid.buses)}
    units = {str(label): k for k, label in enumerate(fleet.units)}
    loads = {str(label): k for k, label in enumerate(fleet.loads)}
    unit_bus, load_bus = np.array(fleet.unit_bus), np.array(fleet.load_bus)
    seen: set[str] = set()
    for number, (agent, bus) in enumerate(zip(rows["agent"], rows["bus"], strict=True)):
        where = f"placement, row {number}"
        if agent not in units and agent not in loads:
            known = [*units, *loads]
            raise InputError(f"{where}: {agent!r} is no unit or load of '{case.name}'{suggest(agent, known)}")
        if bus not in buses:
            raise InputError(f"{where}: bus {bus!r} of {agent!r} is not in the grid{suggest(bus, buses)}")
        if agent in seen:
            raise InputError(f"{where}: {agent!r} is placed twice; keep one row")
        seen.add(agent)
        if agent in units:
            unit_bus[units[agent]] = buses[bus]
        if agent in loads:
            load_bus[loads[agent]] = buses[bus]
    return replace(case, fleet=replace(fleet, unit_bus=unit_bus, load_bus=load_bus))
