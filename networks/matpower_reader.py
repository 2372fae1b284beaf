"""MATPOWER `.m` case files (format versions 1 and 2) as cases of this toolkit.

Source of the format: MATPOWER User's Manual 8.0, appendix B, tables B-1 to B-5.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from networks.case import Case, Provenance, build_case, unsupplied_loads
from networks.errors import InputError
from networks.fleet import Fleet
from networks.grid import AngleLimits, Convention, Grid
from networks.matpower_costs import Costs, read_costs, straightened_note
from networks.matpower_names import DCLINE
from networks.matpower_service import BRANCH, BUS, GEN, NO_LIMIT_MVA, InService, rows_in_service
from networks.matpower_text import MatpowerText, TextTable, parse_matpower
from networks.notes import endless_notes
from networks.ranges import close_ranges


def read_matpower(
    path: Path | str, convention: Convention = "matpower", angle_limits: AngleLimits = "file"
) -> Case:
    """The case of a `.m` file.

    The file's statements are executed as far as they are straight-line code; anything else that may
    change a table is refused by line. What is out of service, isolated buses (type 4) with all at them
    and columns that a DC clearing does not read may hold anything.

    Buses keep their numbers as labels, branches are numbered from 1 as in the file, units have the names
    of `mpc.gen_name` where each has one of its own, else they are `G1`, `G2`, … after their rows in
    `gen`; loads are `L` with the bus's number, links `DC` with the row's. A rating of 0 means no limit;
    angle limits of 0/0, or beyond ±360°, mean none; a unit's `Inf` means all that the rest can use.
    Dispatchable loads are units of negative output. A DC line's constant loss is a load `DC1 loss` at
    its end, its loss in proportion to the flow the link's `loss`.

    Raises
    ------
    InputError
        naming file, line, table, row, the value and the remedy: wrong, truncated or unreadable files,
        costs of higher than second order or not convex, costs of DC lines.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"file '{path}' cannot be read ({error.strerror}); check the path") from error
    provenance = Provenance(source=str(path), sha256=sha256(raw).hexdigest())
    content = parse_matpower(_decoded(raw), path.name)
    return case_from_text(content, provenance, convention, angle_limits)


def _decoded(raw: bytes) -> str:
    """The text of UTF-8, or of the encoding that older MATLAB writes."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def case_from_text(
    content: MatpowerText, provenance: Provenance, convention: Convention, angle_limits: AngleLimits
) -> Case:
    """The case of a parsed file."""
    rows = rows_in_service(content)
    units, unit_notes = _unit_labels(content, rows.gen)
    try:
        grid = Grid.from_tables(
            pd.DataFrame({"bus": _buses_at(rows.bus, BUS["BUS_I"]), "shunt_mw": rows.bus.column(BUS["GS"])}),
            _branches(rows.branch),
            _links(rows.dcline),
            base_mva=content.base_mva,
            convention=convention,
            angle_limits=angle_limits,
        )
        loads = pd.concat([_loads(rows.bus), _constant_losses(rows.dcline)])
        withdrawal = np.concatenate([loads["mw"].to_numpy(dtype=float), grid.shunt_mw])
        priced, segments, notes = _units(rows, units, withdrawal)
        fleet = Fleet.from_tables(grid, priced, segments, loads)
        _refuse_unsupplied(rows, grid, fleet)
    except InputError as error:
        if str(error).startswith("file '"):
            raise
        raise InputError(f"file '{content.file}': {error}") from error
    said = (*content.notes, *rows.notes, *unit_notes, *notes)
    return build_case(content.name, content.name, grid, fleet, provenance, notes=said)


def _unit_labels(content: MatpowerText, gen: TextTable) -> tuple[list[str], list[str]]:
    """The units' names where the file gives each one of its own, else their rows; and a note."""
    numbered = [f"G{number}" for number in gen.numbers]
    if content.unit_names is None:
        return numbered, []
    if len(content.unit_names) == len(content.tables["gen"].values):
        names = [content.unit_names[number - 1] for number in gen.numbers]
        if all(names) and len(set(names)) == len(names):
            return names, []
    return numbered, ["gen_name does not give each unit a name of its own: units are labelled G1, G2, …"]


def _buses_at(table: TextTable, column: int) -> np.ndarray:
    """The bus numbers in a column that is known to hold some."""
    return table.values[:, column - 1].astype(np.int64)


def _branches(branch: TextTable) -> pd.DataFrame:
    values = branch.values
    rating, tap = branch.column(BRANCH["RATE_A"], finite=False), branch.column(BRANCH["TAP"])
    none = np.zeros(len(values))
    has_angles = values.shape[1] >= BRANCH["ANGMAX"]
    low, high = (
        branch.column(BRANCH[name], finite=False) if has_angles else none for name in ("ANGMIN", "ANGMAX")
    )
    unlimited = (low == 0) & (high == 0)
    return pd.DataFrame(
        {
            "branch": branch.numbers,
            "from_bus": _buses_at(branch, BRANCH["F_BUS"]),
            "to_bus": _buses_at(branch, BRANCH["T_BUS"]),
            "r_pu": branch.column(BRANCH["BR_R"]),
            "x_pu": branch.column(BRANCH["BR_X"]),
            "limit_mw": np.where((rating == 0) | (rating >= NO_LIMIT_MVA), np.inf, rating),
            "tap": np.where(tap == 0, 1.0, tap),
            "shift_degree": branch.column(BRANCH["SHIFT"]),
            "angle_min_degree": np.where(unlimited | (low <= -360), -np.inf, low),
            "angle_max_degree": np.where(unlimited | (high >= 360), np.inf, high),
            "in_service": branch.column(BRANCH["BR_STATUS"]) != 0,
        }
    )


def _links(dcline: TextTable) -> pd.DataFrame:
    """DC lines: P_to = (1 − loss1)·P_from − loss0. As MATPOWER has it, a limit below 0 holds at `to`."""
    low, high = dcline.column(DCLINE["PMIN"]), dcline.column(DCLINE["PMAX"])
    constant, share = _losses(dcline)
    low, high = (np.where(end < 0, (end + constant) / (1.0 - share), end) for end in (low, high))
    dcline.refuse(low > high, DCLINE["PMIN"], "the line's loss leaves no flow", "widen its limits")
    return pd.DataFrame(
        {
            "link": [f"DC{number}" for number in dcline.numbers],
            "from_bus": _buses_at(dcline, DCLINE["F_BUS"]),
            "to_bus": _buses_at(dcline, DCLINE["T_BUS"]),
            "min_mw": low,
            "max_mw": high,
            "loss": share,
        }
    )


def _losses(dcline: TextTable) -> tuple[np.ndarray, np.ndarray]:
    """(lines,) twice: constant loss [MW], and loss per MW of flow."""
    none, width = np.zeros(len(dcline.values)), dcline.values.shape[1]
    constant, share = (
        dcline.column(DCLINE[name]) if width >= DCLINE[name] else none for name in ("LOSS0", "LOSS1")
    )
    dcline.refuse(
        (share < 0) | (share >= 1), DCLINE["LOSS1"], "a line loses a share of its flow, from 0 to below 1",
        "give MW lost per MW sent (0.03 for 3 %)",
    )  # fmt: skip
    return constant, share


def _loads(bus: TextTable) -> pd.DataFrame:
    demand = bus.column(BUS["PD"])
    bus_number = _buses_at(bus, BUS["BUS_I"])
    names = [f"L{number}" for number in bus_number]
    frame = pd.DataFrame({"load": names, "bus": bus_number, "mw": demand})
    return frame[demand != 0]


def _constant_losses(dcline: TextTable) -> pd.DataFrame:
    loss, _ = _losses(dcline)
    names = [f"DC{number} loss" for number in dcline.numbers]
    at = _buses_at(dcline, DCLINE["T_BUS"])
    return pd.DataFrame({"load": names, "bus": at, "mw": loss})[loss != 0]


def _units(
    rows: InService, units: list[str], withdrawal_mw: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The tables `units` (those in service) and `segments` (of their piecewise costs), and notes."""
    low, high = (rows.gen.column(GEN[name], finite=False) for name in ("PMIN", "PMAX"))
    notes = endless_notes(low, high, "unit")
    low, high = close_ranges(low, high, withdrawal_mw)
    bus = _buses_at(rows.gen, GEN["GEN_BUS"])
    frame = pd.DataFrame({"unit": units, "bus": bus, "min_mw": low, "max_mw": high})
    if rows.cost is None:
        none = pd.DataFrame(columns=["unit", "from_mw", "to_mw", "price"])
        notes.append("the file has no costs (gencost): every unit costs 0 $/MWh")
        return frame.assign(price=0.0), none, notes
    costs = read_costs(rows.cost.values, units, low, high, rows.cost.row)
    _refuse_endless_trade(rows.gen, units, costs)
    if rows.cost.values[:, 1:3].any():
        notes.append("start-up and shut-down costs are left out")
    notes += straightened_note(costs, rows.cost.shown)
    priced = frame.assign(price=costs.price, slope=costs.slope, constant_cost=costs.constant)
    return priced, costs.segments, notes


def _refuse_endless_trade(gen: TextTable, units: list[str], costs: Costs) -> None:
    """Refuse a unit without an upper limit that costs less than one without a lower limit pays."""
    take = np.where(costs.slope > 0, -np.inf, costs.price)
    give = np.where(costs.slope > 0, np.inf, costs.price)
    outer = costs.segments.groupby("unit", sort=False)["price"]
    position = {unit: k for k, unit in enumerate(units)}
    for ends, prices in ((take, outer.first()), (give, outer.last())):
        ends[[position[unit] for unit in prices.index]] = prices.to_numpy()
    take[gen.values[:, GEN["PMIN"] - 1] > -np.inf] = -np.inf
    give[gen.values[:, GEN["PMAX"] - 1] < np.inf] = np.inf
    if len(take):
        row = gen.numbers[int(np.argmax(take))]
        gen.refuse(
            give < take.max(), GEN["PMAX"],
            f"the unit would sell without end to that of row {row}, which pays more",
            "give one of the two a limit",
        )  # fmt: skip


def _refuse_unsupplied(rows: InService, grid: Grid, fleet: Fleet) -> None:
    """Refuse, by the line of its bus, demand that nothing in service connects to a unit."""
    stranded = unsupplied_loads(grid, fleet)
    if len(stranded):
        bus = int(fleet.load_bus[stranded[0]])
        others = len(stranded) - 1
        cut_off = np.zeros(len(rows.bus.values), dtype=bool)
        cut_off[bus] = True
        rows.bus.refuse(
            cut_off, BUS["PD"],
            f"bus {rows.bus.values[bus, 0]:g} is cut off from every unit in service"
            + (f", as are {others} more with a load" if others else ""),
            "connect it, put a unit on its island, or set its PD to 0 (or its type to 4)",
        )  # fmt: skip
