"""pandapower nets as cases of this toolkit, converted by pandapower's own OPF conversion."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from networks.case import Case, Provenance, build_case
from networks.errors import InputError
from networks.fleet import Fleet
from networks.grid import AngleLimits, Convention, Grid
from networks.notes import plural
from networks.pandapower_conversion import Converted, convert, quiet
from networks.pandapower_fleet import fleet_tables
from networks.pandapower_names import refuse_foreign_classes

if TYPE_CHECKING:
    from networks.named_cases import Entry


def read_net(
    net: Any,
    convention: Convention = "matpower",
    angle_limits: AngleLimits = "file",
    provenance: Provenance | None = None,
) -> Case:
    """The case of a pandapower net, which stays unchanged.

    Buses keep their pandapower index as label (fused buses the least one), the star point of a
    three-winding transformer is `trafo3w 0 star`; branches are `line 3`, `trafo 0`, `trafo3w 0 hv`,
    `impedance 1`, `switch 7`; units `gen 3`, `ext_grid 0`, `sgen 2` and, with negative output,
    `load 5` or `storage 1` where these are controllable; all else that takes or gives power is a
    fixed load. DC lines become links. Limits are those of pandapower's OPF (RATE_A; 0 means none).

    Raises
    ------
    InputError
        naming table, row and column: elements that are not modelled, missing ranges, costs that are
        not convex, loads cut off from every supply.
    """
    converted = convert(net)
    grid = Grid.from_tables(
        converted.buses,
        converted.branches,
        converted.links,
        base_mva=converted.base_mva,
        convention=convention,
        angle_limits=angle_limits,
        fused=converted.fused,
    )
    tables = fleet_tables(converted)
    fleet = Fleet.from_tables(grid, tables.units, tables.segments, tables.loads)
    name = str(net.get("name") or "pandapower net")
    notes = (*converted.notes, *tables.notes)
    origin = provenance or Provenance(source="pandapower net")
    return build_case(name, name, grid, fleet, origin, _positions(converted), notes)


def read_json(path: Path, convention: Convention = "matpower", angle_limits: AngleLimits = "file") -> Case:
    """The case of a net that `pandapower.to_json` wrote.

    Raises
    ------
    InputError
        where the file cannot be read, holds no net, or names other classes than pandapower's own.
    """
    import pandapower

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"file '{path}' cannot be read ({error.strerror}); check the path") from error
    try:
        text = raw.decode("utf-8")
        refuse_foreign_classes(text, f"file '{path}'")
        with quiet():
            net = pandapower.from_json_string(text)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"file '{path}' is not a pandapower net or is truncated ({error}); write it with "
            "pandapower.to_json"
        ) from error
    if type(net).__name__ != "pandapowerNet":
        raise InputError(f"file '{path}' holds no pandapower net; write it with pandapower.to_json")
    provenance = Provenance(source=str(path), sha256=sha256(raw).hexdigest())
    return replace(read_net(net, convention, angle_limits, provenance), name=path.stem)


PLACEHOLDER_MVA, PLACEHOLDER_KA = 99.999, 99999.0
"""What a MATPOWER rating of 0 (none) became when pandapower's authors converted the cases that it
ships: 99 999 kVA of a transformer, 99 999 kA of a line. Read as limits, the former make
DC dispatch of several cases impossible."""


def read_named(entry: Entry, convention: Convention, angle_limits: AngleLimits) -> Case:
    """A case that pandapower ships, by the name of its function in `pandapower.networks`.

    The placeholders of MATPOWER's unlimited branches are no limits again.
    """
    with quiet():
        import pandapower.networks

        net = getattr(pandapower.networks, entry.key)()
    freed = 0
    for table, column, placeholder in (
        ("trafo", "sn_mva", PLACEHOLDER_MVA),
        ("line", "max_i_ka", PLACEHOLDER_KA),
    ):
        unrated = np.isclose(net[table][column], placeholder, rtol=1e-9)
        if unrated.any():
            net[table].loc[unrated, "max_loading_percent"] = np.nan
        freed += int(unrated.sum())
    case = read_net(net, convention, angle_limits, entry.provenance(""))
    notes = case.notes
    if freed:
        count = plural(freed, "branch", "branches")
        notes = (f"{count} with pandapower's placeholder of a rating read as unlimited", *notes)
    return replace(case, name=entry.name, title=entry.columns["title"], notes=notes)


def read_rated(entry: Entry, convention: Convention, angle_limits: AngleLimits) -> Case:
    """A net that pandapower ships with ratings of lines and transformers but without loading limits: the
    ratings are the limits (line: √3·V·I, transformer: its MVA)."""
    with quiet():
        import pandapower.networks

        net = getattr(pandapower.networks, entry.key)()
    for table in ("line", "trafo"):
        net[table]["max_loading_percent"] = 100.0
    case = read_net(net, convention, angle_limits, entry.provenance(""))
    return replace(case, name=entry.name, title=entry.columns["title"])


def _positions(converted: Converted) -> np.ndarray | None:
    """(buses, 2) coordinates from `net.bus.geo`, NaN where there are none; None if all are missing."""
    table = converted.net.bus
    if "geo" not in table:
        return None
    given = {index: _point(index, text) for index, text in table["geo"].items()}
    positions = np.array([given.get(bus, (np.nan, np.nan)) for bus in converted.buses["bus"]], dtype=float)
    return positions if np.isfinite(positions).any() else None


def _point(bus: Any, text: Any) -> tuple[float, float]:
    """Coordinates of a GeoJSON point, NaN where there is none."""
    if not isinstance(text, str) or not text:
        return (np.nan, np.nan)
    try:
        x, y = json.loads(text)["coordinates"][:2]
        return (float(x), float(y))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"table 'bus', bus {bus!r}: column 'geo' is {text!r}: it is no GeoJSON point; correct or clear it"
        ) from error
