"""Feeders of microgrids: their case library, the radial check, and homes placed by one seeded function."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from networks.case import Case, load
from networks.checks import Protected, shown, suggest, whole
from networks.errors import InputError
from networks.grid import Grid
from networks.profiles import Weather, draw_loads, draw_pv, heating_load

FEEDERS = ("feeder8", "feeder33", "cigre_lv")


def load_feeder(name: str) -> Case:
    """A feeder of the library: "feeder8" (low voltage, 8 buses), "feeder33" (medium voltage, 33 buses, with
    our line limits) or "cigre_lv" (pandapower's CIGRE low-voltage benchmark, limits from its ratings). All
    are cases of the catalogue too."""
    if name not in FEEDERS:
        raise InputError(f"feeder is {name!r}{suggest(name, FEEDERS)}; use one of {', '.join(FEEDERS)}")
    return load(name)


@dataclass(frozen=True, eq=False)
class Neighbourhood(Protected):
    """Homes on a feeder: what each has, and its load and sun.

    Attributes
    ----------
    homes, bus : (homes,) labels, and the bus of each.
    hours : length of a slot [h].
    load_mw, pv_mw : (homes, slots) [MW].
    battery_mwh, battery_mw : (homes,) size [MWh] and power [MW] of the battery; 0 for none.
    vehicle_mwh, vehicle_mw : (homes,) energy needed by departure [MWh] and charging power [MW]; 0 for none.
    vehicle_arrival, vehicle_departure : (homes,) first slot at home, first slot away again.
    appliance_mwh, appliance_mw, appliance_slots : (homes,) energy [MWh], power [MW] and length of the cycle
        of one shiftable appliance; appliance_first, appliance_last : slots between which it may run.
    """

    homes: tuple[Hashable, ...]
    bus: tuple[Hashable, ...]
    hours: float
    load_mw: np.ndarray
    pv_mw: np.ndarray
    battery_mwh: np.ndarray
    battery_mw: np.ndarray
    vehicle_mwh: np.ndarray
    vehicle_mw: np.ndarray
    vehicle_arrival: np.ndarray
    vehicle_departure: np.ndarray
    appliance_mwh: np.ndarray
    appliance_mw: np.ndarray
    appliance_first: np.ndarray
    appliance_last: np.ndarray

    @property
    def table(self) -> pd.DataFrame:
        """One row per home: bus, peak load and sun [MW], battery, vehicle, appliance."""
        frame = pd.DataFrame({"home": list(self.homes), "bus": list(self.bus)})
        frame["peak_load_mw"] = self.load_mw.max(axis=1)
        frame["peak_pv_mw"] = self.pv_mw.max(axis=1)
        for name in ("battery_mwh", "battery_mw", "vehicle_mwh", "vehicle_mw", "appliance_mwh"):
            frame[name] = getattr(self, name)
        return frame


def place_homes(
    grid: Grid,
    homes: int,
    generator: np.random.Generator,
    slots: int = 96,
    days: int = 1,
    pv_share: float = 0.4,
    battery_share: float = 0.25,
    vehicle_share: float = 0.2,
    appliance_share: float = 0.5,
    source: Hashable | None = None,
    weather: Weather | None = None,
    mw_per_degree: float = 0.05e-3,
) -> Neighbourhood:
    """Homes at random buses of a radial feeder, with profiles of :mod:`networks.profiles`.

    Parameters
    ----------
    pv_share, battery_share, vehicle_share, appliance_share : probability of a home to have panels, a
        battery (10 kWh, 5 kW), a vehicle (7 to 12 kWh by departure, 7 kW) and a shiftable appliance
        (0.8 to 1.6 kWh between 9 and 22 h).
    source : bus without homes, by default the first one (the substation).
    weather : series of days·slots slots: its clearness scales the sun of every home, its temperature adds
        heating and cooling of `mw_per_degree` [MW per degree] to every load.

    Raises
    ------
    InputError
        a feeder with a loop or an island, or a share outside 0 to 1.
    """
    refuse_unless_radial(grid)
    homes = whole("homes", homes)
    shares = {
        "pv": pv_share,
        "battery": battery_share,
        "vehicle": vehicle_share,
        "appliance": appliance_share,
    }
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise InputError(f"{name}_share is {shown(share)}; give a probability from 0 to 1")
    substation = grid.buses[0] if source is None else source
    places = [bus for bus in grid.buses if bus != substation] or list(grid.buses)
    where = generator.integers(0, len(places), homes)
    has = {name: generator.random(homes) < share for name, share in shares.items()}
    per_hour = slots / 24.0
    load = draw_loads(homes, generator, slots, days)
    pv = draw_pv(homes, generator, slots, days, peak=(11.0, 15.0)) * has["pv"][:, None]
    if weather is not None:
        if weather.clearness.shape != (days * slots,):
            raise InputError(
                f"weather has {len(weather.clearness)} slots and the homes {days * slots}; draw it with the "
                "same days and slots"
            )
        load = load + heating_load(weather.temperature, mw_per_degree)
        pv = pv * weather.clearness
    energy = generator.uniform(7e-3, 12e-3, homes) * has["vehicle"]
    arrival = np.round(generator.uniform(16.0, 19.0, homes) * per_hour).astype(np.int64)
    cycle = generator.uniform(0.8e-3, 1.6e-3, homes) * has["appliance"]
    return Neighbourhood(
        homes=tuple(f"home {k}" for k in range(1, homes + 1)),
        bus=tuple(places[k] for k in where.tolist()),
        hours=24.0 / slots,
        load_mw=load,
        pv_mw=pv,
        battery_mwh=10e-3 * has["battery"],
        battery_mw=5e-3 * has["battery"],
        vehicle_mwh=energy,
        vehicle_mw=7e-3 * has["vehicle"],
        vehicle_arrival=arrival,
        vehicle_departure=np.full(homes, days * slots),
        appliance_mwh=cycle,
        appliance_mw=2e-3 * has["appliance"],
        appliance_first=np.full(homes, round(9 * per_hour)),
        appliance_last=np.full(homes, round(22 * per_hour)),
    )


def refuse_unless_radial(grid: Grid) -> None:
    """Raise InputError where a feeder has an island or a loop, naming the bus or the branch."""
    flow = grid.flow
    if flow.islands > 1:
        bus = grid.buses[int(np.flatnonzero(flow.island != flow.island[0])[0])]
        raise InputError(
            f"table 'branches': bus {bus!r} is an island of its own ({flow.islands} islands); a feeder hangs "
            "together: connect it by a branch in service"
        )
    parent = list(range(len(grid.buses)))

    def root(bus: int) -> int:
        while parent[bus] != bus:
            parent[bus] = parent[parent[bus]]
            bus = parent[bus]
        return bus

    for k in np.flatnonzero(grid.in_service).tolist():
        a, b = root(int(grid.from_bus[k])), root(int(grid.to_bus[k]))
        if a == b:
            raise InputError(
                f"table 'branches', branch {grid.branches[k]!r}: it closes a loop; a feeder is a tree: take "
                "it out of service, or clear the grid as a meshed one"
            )
        parent[a] = b
