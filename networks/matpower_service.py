"""What of a MATPOWER case is in service: rows that are out are dropped before they are checked.

Source: MATPOWER's `ext2int`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from networks.checks import MOST_MW
from networks.errors import InputError
from networks.matpower_costs import read_costs
from networks.matpower_names import DCLINE, INDEX_FUNCTIONS
from networks.matpower_text import MatpowerText, TextTable
from networks.notes import left_out

BUS, GEN, BRANCH = (INDEX_FUNCTIONS[name] for name in ("idx_bus", "idx_gen", "idx_brch"))

NO_LIMIT_MVA = 1e10
"""A rating that MATPOWER takes for none (`opf_branch_flow_limits`: RATE_A ≥ 1e10, or 0)."""

COLUMNS = {"bus": (13, 13), "gen": (10, 21), "branch": (11, 13), "dcline": (11, 17)}
"""Columns that a row must have, and usually has (MATPOWER User's Manual 8.0, tables B-1 to B-5)."""


@dataclass(frozen=True)
class InService:
    """The rows of each table that take part, all cells that are read checked.

    `branch` also holds sound rows out of service. `cost` and `dcline_cost` are the cost rows of `gen` and
    `dcline`, None where the file has none. `notes` say what was dropped.
    """

    bus: TextTable
    gen: TextTable
    branch: TextTable
    dcline: TextTable
    cost: TextTable | None
    notes: tuple[str, ...]


def rows_in_service(content: MatpowerText) -> InService:
    """The rows that MATPOWER keeps, checked; raises InputError by table, row and line."""
    tables = {name: _table(content, name) for name in COLUMNS}
    bus = tables["bus"]
    numbers, isolated = _buses(bus)
    known, cut_off = np.sort(numbers), np.sort(numbers[isolated])

    gen = tables["gen"]
    off = ~(gen.values[:, GEN["GEN_STATUS"] - 1] > 0)
    stranded = np.isin(gen.values[:, 0], cut_off) & ~off
    running = np.flatnonzero(~off & ~stranded)

    branch, odd = _branches(tables["branch"], known, cut_off)
    dcline = tables["dcline"]
    out = ~(dcline.values[:, DCLINE["BR_STATUS"] - 1] > 0)
    away = np.isin(dcline.values[:, :2], cut_off).any(axis=1) & ~out
    linked = np.flatnonzero(~out & ~away)
    _refuse_costs_of_dclines(content, len(dcline.values), linked)

    kept = bus.take(np.flatnonzero(~isolated))
    for column in ("PD", "GS"):
        _within_reason(kept, BUS[column])
    lost = np.nansum(bus.values[isolated, BUS["PD"] - 1])
    notes = left_out(int(isolated.sum()), "isolated bus", "isolated buses")
    notes = [f"{notes[0]}, with {lost:.10g} MW of load"] if notes and lost else notes
    notes += [
        *left_out(int(off.sum()), "unit out of service", "units out of service"),
        *left_out(int(stranded.sum()), "unit on an isolated bus", "units on isolated buses"),
        *left_out(odd, "odd branch out of service", "odd branches out of service"),
        *left_out(int(out.sum()), "DC line out of service", "DC lines out of service"),
        *left_out(int(away.sum()), "DC line at an isolated bus", "DC lines at isolated buses"),
    ]
    return InService(
        kept, _units(gen.take(running), known), branch, _dclines(dcline.take(linked), known),
        _costs(content, len(gen.values), running), tuple(notes),
    )  # fmt: skip


def _table(content: MatpowerText, name: str) -> TextTable:
    """A table with as many columns as the format needs; a lacking one has no rows."""
    least, usual = COLUMNS[name]
    table = content.tables.get(name)
    if table is None or not len(table.values):
        if name == "bus":
            shown = table.shown if table else "mpc.bus"
            raise InputError(f"file '{content.file}': {shown} has no row; a case needs at least one bus")
        none = np.zeros(0, dtype=np.int64)
        return TextTable(content.file, name, name, np.zeros((0, usual)), none, none)
    columns = table.values.shape[1]
    if columns < least or (name == "branch" and columns == 12):
        raise InputError(
            f"{table.row(0)}: it has {columns} of {usual} columns; complete the table, or save the case "
            "again with savecase"
        )
    return table


def _buses(bus: TextTable) -> tuple[np.ndarray, np.ndarray]:
    """The buses' numbers, and which of them are isolated."""
    numbers = _whole(bus, BUS["BUS_I"])
    _, first = np.unique(numbers, return_index=True)
    again = ~np.isin(np.arange(len(numbers)), first)
    bus.refuse(again, BUS["BUS_I"], "the bus is there already", "give each bus a number of its own")
    isolated = bus.column(BUS["BUS_TYPE"]) == BUS["NONE"]  # the other types matter to a power flow only
    if isolated.all():
        raise InputError(f"{bus.row(0)}: every bus is isolated (type 4); connect one")
    return numbers, isolated


def _units(gen: TextTable, known: np.ndarray) -> TextTable:
    _known_bus(gen, GEN["GEN_BUS"], known)
    low, high = (gen.column(GEN[name], finite=False) for name in ("PMIN", "PMAX"))
    gen.refuse(np.isposinf(low), GEN["PMIN"], "the unit cannot run", "give a finite number, or -Inf for none")
    gen.refuse(np.isneginf(high), GEN["PMAX"], "the unit cannot run", "give a finite number, or Inf for none")
    for name in ("PMIN", "PMAX"):
        _within_reason(gen, GEN[name], "or Inf for no limit")
    gen.refuse(low > high, GEN["PMIN"], "it is above PMAX (column 9)", "swap the two")
    return gen


def _branches(branch: TextTable, known: np.ndarray, cut_off: np.ndarray) -> tuple[TextTable, int]:
    """The branches between connected buses, and how many out of service were dropped because they are odd.

    A branch out of service stays in the grid, where it may be switched on, if it is a sound branch.
    """
    status = branch.column(BRANCH["BR_STATUS"])
    kept = np.isin(branch.values[:, :2], cut_off, invert=True).all(axis=1)
    on = kept & (status != 0)
    _refuse_odd_branches(branch.take(np.flatnonzero(on)), known)
    off = np.flatnonzero(kept & (status == 0))
    odd = [k for k in off if not _is_sound(branch.take(np.array([k])), known)]
    return branch.take(np.setdiff1d(np.flatnonzero(kept), odd)), len(odd)


def _is_sound(row: TextTable, known: np.ndarray) -> bool:
    try:
        _refuse_odd_branches(row, known)
    except InputError:
        return False
    return True


def _refuse_odd_branches(branch: TextTable, known: np.ndarray) -> None:
    _known_bus(branch, BRANCH["F_BUS"], known)
    _known_bus(branch, BRANCH["T_BUS"], known)
    same = branch.values[:, 0] == branch.values[:, 1]
    branch.refuse(same, BRANCH["T_BUS"], "it equals F_BUS", "name the bus at the other end")
    branch.column(BRANCH["BR_R"])
    branch.refuse(
        branch.column(BRANCH["BR_X"]) == 0, BRANCH["BR_X"], "a branch without reactance has no DC flow",
        "give its reactance, or merge its two buses",
    )  # fmt: skip
    rating = branch.column(BRANCH["RATE_A"], finite=False)
    branch.refuse(rating < 0, BRANCH["RATE_A"], "a limit is not negative", "give MVA, or 0 for no limit")
    branch.refuse(
        branch.column(BRANCH["TAP"]) < 0, BRANCH["TAP"], "a ratio must be positive", "use 0 or 1 for none"
    )
    branch.column(BRANCH["SHIFT"])
    if branch.values.shape[1] >= BRANCH["ANGMAX"]:
        low, high = (branch.column(BRANCH[name], finite=False) for name in ("ANGMIN", "ANGMAX"))
        branch.refuse(low > high, BRANCH["ANGMIN"], "it is above ANGMAX (column 13)", "swap the two")


def _dclines(dcline: TextTable, known: np.ndarray) -> TextTable:
    _known_bus(dcline, DCLINE["F_BUS"], known)
    _known_bus(dcline, DCLINE["T_BUS"], known)
    same = dcline.values[:, 0] == dcline.values[:, 1]
    dcline.refuse(same, DCLINE["T_BUS"], "it equals F_BUS", "name the bus at the other end")
    for name in ("PMIN", "PMAX"):
        _within_reason(dcline, DCLINE[name])
    low, high = (dcline.column(DCLINE[name]) for name in ("PMIN", "PMAX"))
    dcline.refuse(low > high, DCLINE["PMIN"], "it is above PMAX (column 11)", "swap the two")
    return dcline


def _costs(content: MatpowerText, units: int, running: np.ndarray) -> TextTable | None:
    """The cost rows of the units in service; rows for reactive power, after the others, are left out."""
    costs = content.tables.get("gencost")
    if costs is None:
        return None
    if len(costs.values) not in (units, 2 * units):
        raise InputError(
            f"{costs.row(len(costs.values) - 1)}, the last: there are {len(costs.values)} cost rows for the "
            f"{units} rows of {content.tables['gen'].shown}; give one for each (is the file truncated?)"
        )
    return costs.take(running)


def _refuse_costs_of_dclines(content: MatpowerText, lines: int, linked: np.ndarray) -> None:
    costs = content.tables.get("dclinecost")
    if costs is None:
        return
    if len(costs.values) != lines:
        raise InputError(
            f"{costs.row(0)}: there are {len(costs.values)} rows for {lines} DC lines; give one each"
        )
    rows = costs.take(linked)
    free = np.zeros(len(linked))
    read = read_costs(rows.values, list(range(len(linked))), free, free + 1.0, rows.row)
    prices = np.where(np.isnan(read.price), 0.0, read.price)
    sloped = read.segments["unit"][read.segments["price"] != 0]
    costly = (
        (prices != 0) | (read.slope != 0) | (read.constant != 0) | np.isin(np.arange(len(linked)), sloped)
    )
    if costly.any():
        raise InputError(
            f"{rows.row(int(np.flatnonzero(costly)[0]))}: a DC line with a cost of its own is not modelled; "
            "set it to 0, or model the line as a unit at each end"
        )


def _known_bus(table: TextTable, column: int, known: np.ndarray) -> None:
    _whole(table, column)
    strange = ~np.isin(table.values[:, column - 1], known)
    table.refuse(strange, column, "there is no such bus", "use a number of mpc.bus, or add the bus")


def _whole(table: TextTable, column: int) -> np.ndarray:
    values = table.column(column)
    table.refuse(values != np.floor(values), column, "a bus number is a whole number", "correct it")
    return values.astype(np.int64)


def _within_reason(table: TextTable, column: int, otherwise: str = "") -> None:
    values = table.column(column, finite=not otherwise)
    beyond = np.isfinite(values) & (np.abs(values) > MOST_MW)
    table.refuse(
        beyond,
        column,
        "it is larger than any market",
        f"give at most {MOST_MW:g} MW{', ' * bool(otherwise)}{otherwise}",
    )
