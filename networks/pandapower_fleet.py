"""The participants of a pandapower net: units, fixed loads and costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from networks.errors import InputError
from networks.matpower_costs import PIECEWISE, POLYNOMIAL, read_costs, straightened_note
from networks.notes import endless_notes, left_out, plural
from networks.pandapower_conversion import NO_LIMIT, Converted
from networks.ranges import close_ranges

UNIT_TABLES = {
    "ext_grid": "ext_grid",
    "gen": "gen",
    "sgen_controllable": "sgen",
    "load_controllable": "load",
    "storage_controllable": "storage",
}
"""pandapower's groups of OPF generators, and the tables they come from."""

CONSUMING = ("load", "storage")
"""Tables whose p_mw counts consumption as positive."""


@dataclass(frozen=True)
class FleetTables:
    """Tables for `Fleet.from_tables`, and notes on them."""

    units: pd.DataFrame
    segments: pd.DataFrame
    loads: pd.DataFrame
    notes: tuple[str, ...]


def fleet_tables(converted: Converted) -> FleetTables:
    """Units, cost segments and fixed loads of a converted net.

    Elements that pandapower's OPF may dispatch are units (controllable loads and storages with
    negative output); an external grid without limits can take and give all that the rest may
    produce and consume. Everything else with active power is a fixed load, negative where it injects.
    """
    net = converted.net
    loads = pd.concat(list(_fixed_loads(converted)), ignore_index=True)
    loads = loads[loads["mw"] != 0]
    units = _units(converted)
    endless = endless_notes(units["min_mw"].to_numpy(float), units["max_mw"].to_numpy(float), "external grid")
    withdrawal = np.concatenate([loads["mw"].to_numpy(float), converted.buses["shunt_mw"].to_numpy(float)])
    low, high = close_ranges(units["min_mw"].to_numpy(float), units["max_mw"].to_numpy(float), withdrawal)
    units = units.assign(min_mw=low, max_mw=high)
    units, segments, cost_notes = _with_costs(net, units)
    notes = [*_left_out_elements(net), *_fixed_elements(net, loads), *cost_notes, *endless]
    return FleetTables(units.drop(columns=["table", "element"]), segments, loads, tuple(notes))


def _units(converted: Converted) -> pd.DataFrame:
    """Labels, buses and ranges of the dispatchable elements; ±inf where an external grid has no limit."""
    from pandapower.pypower.idx_gen import PMAX, PMIN

    net = converted.net
    frames = [pd.DataFrame({c: [] for c in ("unit", "bus", "min_mw", "max_mw", "table", "element")})]
    for group, (start, end) in net._gen_order.items():
        if group not in UNIT_TABLES:
            continue  # the inner sources of extended wards give no active power
        table = UNIT_TABLES[group]
        on = net[table].index[net._is_elements[group]]
        limits = converted.ppc["gen"][start:end]
        frame = pd.DataFrame(
            {
                "unit": [f"{table} {k}" for k in on],
                "bus": converted.labels_at(net[table].loc[on, "bus"].to_numpy()),
                "min_mw": np.where(limits[:, PMIN] <= -NO_LIMIT, -np.inf, limits[:, PMIN]),
                "max_mw": np.where(limits[:, PMAX] >= NO_LIMIT, np.inf, limits[:, PMAX]),
                "table": table,
                "element": on,
            }
        )
        if table != "ext_grid":
            _refuse_missing_limits(frame, table)
        frames.append(frame)
    return pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)


def _refuse_missing_limits(frame: pd.DataFrame, table: str) -> None:
    for column, other in (("min_mw", "max_p_mw"), ("max_mw", "min_p_mw")):
        missing = np.isinf(frame[column])
        if missing.any():
            named = other if table in CONSUMING else column.replace("_mw", "_p_mw")
            raise InputError(
                f"table '{table}', {frame['unit'][missing].iloc[0]}: column '{named}' is missing; give "
                "its range in MW"
            )


def _fixed_loads(converted: Converted) -> Iterator[pd.DataFrame]:
    """Fixed withdrawals, one row per element in service, checked against pandapower's sum per bus."""
    from pandapower.build_bus import _get_motor_pq, _get_symmetric_pq_of_unsymetric_element

    net = converted.net
    on = net._is_elements
    scaled = {table: net[table].p_mw * net[table].scaling for table in ("load", "sgen", "storage")}
    fixed = {
        "load": scaled["load"] * on["load"],
        "sgen": -scaled["sgen"] * on["sgen"],
        "storage": scaled["storage"] * on["storage"],
        "ward": net.ward.ps_mw * on["ward"],
        "xward": net.xward.ps_mw * on["xward"],
        "motor": _get_motor_pq(net)[0] if len(net.motor) else np.zeros(0),
    }
    _compare_with_pandapower(converted, fixed)
    for table, sign in (("asymmetric_load", 1.0), ("asymmetric_sgen", -1.0)):
        if len(net[table]):
            fixed[table] = sign * _get_symmetric_pq_of_unsymetric_element(net, table)[0]
    for table, mw in fixed.items():
        yield pd.DataFrame(
            {
                "load": [f"{table} {k}" for k in net[table].index],
                "bus": converted.labels_at(net[table].bus.to_numpy()),
                "mw": np.asarray(mw, dtype=float),
            }
        )


def _compare_with_pandapower(converted: Converted, fixed: dict[str, Any]) -> None:
    """Raise InputError if pandapower's conversion has other withdrawals than the elements read here."""
    from pandapower.pypower.idx_bus import PD

    net = converted.net
    ours = np.zeros(len(converted.ppc["bus"]))
    for table, mw in fixed.items():
        np.add.at(ours, net._pd2ppc_lookups["bus"][net[table].bus.to_numpy(dtype=np.int64)], np.asarray(mw))
    apart = abs(ours - converted.ppc["bus"][:, PD])
    if apart.max(initial=0.0) > 1e-6 * (1.0 + abs(ours).max(initial=0.0)):
        raise InputError(
            f"the withdrawals of the net's tables and of pandapower's conversion differ by {apart.max():g} "
            "MW; some element is not modelled: take it out of service"
        )


def _left_out_elements(net: Any) -> list[str]:
    """Notes on participants that are out of service, themselves or through their bus."""
    notes = []
    for table in ("gen", "ext_grid", "sgen", "load", "storage", "motor", "ward", "xward"):
        on = net._is_elements[table] | net._is_elements.get(f"{table}_controllable", False)
        off, itself = ~np.asarray(on, dtype=bool), ~net[table].in_service.to_numpy(dtype=bool)
        for these, one, many in (
            (off & itself, "out of service", "out of service"),
            (off & ~itself, "at a bus out of service", "at buses out of service"),
        ):
            notes += left_out(int(these.sum()), f"{table} {one}", f"{table}s {many}")
    return notes


def _fixed_elements(net: Any, loads: pd.DataFrame) -> list[str]:
    """Notes on generation and storage that nobody dispatches: pandapower's OPF takes it as it stands."""
    notes = []
    for table in ("sgen", "asymmetric_sgen", "storage"):
        mine = loads["load"].str.startswith(f"{table} ")
        if mine.any():
            count = plural(int(mine.sum()), table)
            notes.append(
                f"{count} not controllable: fixed at {-loads['mw'][mine].sum():g} MW, whatever the price"
            )
    return notes


def _with_costs(net: Any, units: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The units with columns price, slope and constant_cost, the segments, and notes on costs."""
    place = {key: k for k, key in enumerate(zip(units["table"], units["element"], strict=True))}
    rows: dict[int, tuple[np.ndarray, str]] = {}
    others = 0
    for key, row, where in _cost_rows(net):
        if key[0] == "dcline" and row[4:].any():
            raise InputError(
                f"{where}: a DC line with a cost of its own is not modelled; remove the cost, or model the "
                "line as a unit at each end"
            )
        k = place.get(key)
        if k is None:
            others += int(row[4:].any() and key[0] != "dcline")
        elif k in rows:
            raise InputError(
                f"{where}: {key[0]} {key[1]} has a cost already ({rows[k][1]}); keep one of the two"
            )
        else:
            rows[k] = (row, where)
    free = (np.array([POLYNOMIAL, 0.0, 0.0, 1.0, 0.0]), "")
    width = max([len(row) for row, _ in rows.values()], default=5)
    chosen = [rows.get(k, free) for k in range(len(units))]
    padded = np.array([np.pad(row, (0, width - len(row))) for row, _ in chosen]).reshape(len(units), width)
    costs = read_costs(
        padded,
        units["unit"].tolist(),
        units["min_mw"].to_numpy(dtype=float),
        units["max_mw"].to_numpy(dtype=float),
        lambda k: chosen[k][1],
    )
    priced = units.assign(price=costs.price, slope=costs.slope, constant_cost=costs.constant)
    without = len(units) - len(rows)
    notes = straightened_note(costs, "table 'pwl_cost'")
    notes += [f"{plural(without, 'unit')} without a cost: 0 $/MWh"] if without else []
    notes += left_out(others, "cost of an element without dispatch", "costs of elements without dispatch")
    return priced, costs.segments, notes


def _cost_rows(net: Any) -> Iterator[tuple[tuple[str, Any], np.ndarray, str]]:
    """Element, MATPOWER cost row of its output, and name in messages, of every cost of active power."""
    for k, cost in net.poly_cost.iterrows():
        sign = -1.0 if cost.et in CONSUMING else 1.0
        data = [cost.cp2_eur_per_mw2, sign * cost.cp1_eur_per_mw, cost.cp0_eur]
        yield (cost.et, cost.element), _row(POLYNOMIAL, 3, data), f"table 'poly_cost', row {k}"
    for k, cost in net.pwl_cost[net.pwl_cost.power_type == "p"].iterrows():
        where = f"table 'pwl_cost', row {k}"
        if cost.et in CONSUMING:
            raise InputError(
                f"{where}: piecewise costs of a {cost.et} are not read, because pandapower leaves the sign "
                "of its power open; give the cost in poly_cost, or a gen of negative output"
            )
        points = _points(cost.points, where)
        yield (cost.et, cost.element), _row(PIECEWISE, len(points), points.ravel()), where


def _row(model: int, count: int, data: Any) -> np.ndarray:
    return np.array([model, 0.0, 0.0, count, *data], dtype=float)


def _points(areas: Any, where: str) -> np.ndarray:
    """(points, 2) output and cost from pandapower's [[from, to, price], …]; its cost begins at from·price."""
    areas = np.array(areas, dtype=float).reshape(-1, 3)
    if not len(areas) or (areas[1:, 0] != areas[:-1, 1]).any():
        raise InputError(
            f"{where}: the areas are empty or not adjacent; let each begin where the last one ends"
        )
    output = np.append(areas[:1, 0], areas[:, 1])
    start = areas[0, 0] * areas[0, 2]
    cost = start + np.append(0.0, np.cumsum(areas[:, 2] * (areas[:, 1] - areas[:, 0])))
    return np.column_stack([output, cost])
