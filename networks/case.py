"""A case: a grid and its fleet, where they come from, and what to know about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from networks.checks import Protected
from networks.errors import InputError
from networks.fleet import Fleet
from networks.grid import AngleLimits, Convention, Grid
from networks.notes import standing_notes

if TYPE_CHECKING:
    from networks.summary import Summary


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a case comes from.

    Attributes
    ----------
    source : file, package or document.
    licence, citation : of the data, empty where unknown.
    sha256 : checksum of the file that was read, empty where it is not one file.
    status : "published" (as its authors gave it), "fitted" or "reconstructed" (parts of it are
        ours), "user" (given by the user).
    """

    source: str
    licence: str = ""
    citation: str = ""
    sha256: str = ""
    status: str = "user"


@dataclass(frozen=True, eq=False)
class Case(Protected):
    """A grid with its fleet.

    Attributes
    ----------
    name, title : short name, and one line of what it is.
    grid, fleet : on the same buses.
    provenance : where the data come from.
    positions : (buses, 2) drawing coordinates (NaN where unknown), or None.
    notes : sentences the user should know, such as "no branch limit can bind".
    """

    name: str
    title: str
    grid: Grid
    fleet: Fleet
    provenance: Provenance
    positions: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.fleet.buses != self.grid.buses:
            raise InputError(
                f"case '{self.name}': the fleet was made for other buses; make it with this grid"
            )
        if self.positions is not None and self.positions.shape != (len(self.grid.buses), 2):
            raise InputError(
                f"case '{self.name}': positions have shape {self.positions.shape}; "
                f"give ({len(self.grid.buses)}, 2)"
            )
        super().__post_init__()

    def export(self, folder: Path | str) -> Path:
        """Write the tables that `load(folder)` reads back with identical arrays; returns the folder."""
        from networks.table_writer import write_case

        return write_case(self, Path(folder))

    def summary(self) -> Summary:
        """Counts and totals of what is in the case (for `walras show`)."""
        from networks.summary import summarise

        return summarise(self)


def build_case(
    name: str,
    title: str,
    grid: Grid,
    fleet: Fleet,
    provenance: Provenance,
    positions: np.ndarray | None = None,
    notes: tuple[str, ...] = (),
) -> Case:
    """A case with its standing notes, refused where a load is cut off from every supply."""
    refuse_unsupplied_loads(grid, fleet)
    notes = tuple(dict.fromkeys([*notes, *standing_notes(grid, fleet)]))
    return Case(name, title, grid, fleet, provenance, positions, notes)


def refuse_unsupplied_loads(grid: Grid, fleet: Fleet) -> None:
    """Raise InputError for fixed demand that no branch or link connects to a unit or an injection."""
    stranded = unsupplied_loads(grid, fleet)
    if len(stranded):
        k, others = int(stranded[0]), len(stranded) - 1
        raise InputError(
            f"table 'loads', load {fleet.loads[k]!r}: column 'bus' is {grid.buses[fleet.load_bus[k]]!r}, "
            f"which is cut off from every supply, so its {fleet.load_mw[k].max():g} MW cannot be served"
            + (f" (and {others} more such loads)" if others else "")
            + "; connect the bus, put a unit on its island, or take the load out"
        )


def unsupplied_loads(grid: Grid, fleet: Fleet) -> np.ndarray:
    """Positions of the fixed loads that no branch or link connects to a unit or an injection."""
    part = _connected_parts(grid)
    parts = int(part.max()) + 1
    is_fixed = np.isnan(fleet.load_price)
    demand = np.where(is_fixed[:, None], fleet.load_mw, 0.0).max(axis=1, initial=0.0)
    injection = np.where(is_fixed[:, None], -fleet.load_mw, 0.0).max(axis=1, initial=0.0)
    sources = np.concatenate([fleet.unit_bus, fleet.load_bus, np.arange(len(grid.buses))])
    output = np.concatenate([fleet.max_mw, injection, -grid.shunt_mw])
    supply = np.bincount(part[sources], np.maximum(output, 0.0), minlength=parts)
    return np.flatnonzero((demand > 0) & (supply[part[fleet.load_bus]] == 0))


def _connected_parts(grid: Grid) -> np.ndarray:
    """(buses,) number of the part that branches in service and usable links hold together."""
    usable = (grid.link_min_mw < 0) | (grid.link_max_mw > 0)
    start = np.concatenate([grid.from_bus[grid.in_service], grid.link_from[usable]])
    end = np.concatenate([grid.to_bus[grid.in_service], grid.link_to[usable]])
    size = len(grid.buses)
    return connected_components(
        coo_array((np.ones(len(start)), (start, end)), shape=(size, size)), directed=False
    )[1]


def load(source: Any, convention: Convention | None = None, angle_limits: AngleLimits = "file") -> Case:
    """The case that `source` names or holds.

    Parameters
    ----------
    source : a name of :func:`networks.catalogue`, or pandapower's name of the same case (names win over
        a folder of that name; write "./name" for the folder), the path of a MATPOWER `.m` file or of a
        pandapower `.json` file, a folder of this toolkit's tables, or a pandapower net.
    convention : "matpower" (susceptance 1/(x·tap), shifters on) or "powermodels" (x/(r²+x²)), law 8;
        without it, what a folder of tables names, else "matpower".
    angle_limits : "file", or "ignore" to drop them.

    Raises
    ------
    InputError
        for an unknown name, with the nearest one, and for bad data (law 11).
    """
    if isinstance(source, Case):
        return source
    if isinstance(source, (str, Path)):
        return _load_named_or_file(source, convention, angle_limits)
    if type(source).__name__ == "pandapowerNet":
        from networks.pandapower_reader import read_net

        return read_net(source, convention or "matpower", angle_limits)
    raise InputError(
        f"source is a {type(source).__name__}; give a name of networks.catalogue(), a path, or a "
        "pandapower net"
    )


def _load_named_or_file(source: str | Path, convention: Convention | None, angle_limits: AngleLimits) -> Case:
    from networks.named_cases import find_entry, nearest_name

    entry = find_entry(source) if isinstance(source, str) else None
    if entry is not None:
        return entry.load(convention, angle_limits)
    path = Path(source)
    if path.is_dir():
        from networks.table_reader import read_folder

        return read_folder(path, convention, angle_limits)
    if path.suffix.lower() == ".m":
        from networks.matpower_reader import read_matpower

        return read_matpower(path, convention or "matpower", angle_limits)
    if path.suffix.lower() == ".json":
        from networks.pandapower_reader import read_json

        return read_json(path, convention or "matpower", angle_limits)
    raise InputError(
        f"case {str(source)!r} is not in the catalogue{nearest_name(str(source))}, nor a folder, a .m or a "
        ".json file; see networks.catalogue() or `walras cases`"
    )
