"""A smart home: load, sun, storage, vehicle, appliances, comfort, and its truthful schedule under a tariff.

A home minimises what it pays, its wear and its annoyance, less the worth of its comfort; the marginal cost
of its energy in a slot is the dual of its own balance (docs/mathematics-microgrid.md). Powers are in MW,
energies in MWh, prices in $/MWh as everywhere (1 kW = 0.001 MW; 0.20 $/kWh = 200 $/MWh).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from networks.checks import Protected, number, shown, whole
from networks.errors import InputError
from networks.feeders import Neighbourhood

CONNECTION = 0.017  # MW: three phases of 25 A at 230 V


@dataclass(frozen=True, slots=True)
class Battery:
    """Storage: energy [MWh], power [MW], one-way efficiency, charge at both ends of the horizon as a share,
    and wear per MWh charged or discharged [$/MWh]."""

    energy_mwh: float
    power_mw: float
    efficiency: float = 0.95
    start: float = 0.5
    wear: float = 0.0

    def __post_init__(self) -> None:
        number("battery energy_mwh", self.energy_mwh, "MWh", minimum=0.0)
        number("battery power_mw", self.power_mw, "MW", minimum=0.0)
        number("battery wear", self.wear, "$/MWh", minimum=0.0)
        for name, above in (("efficiency", 0.0), ("start", None)):
            value = number(f"battery {name}", getattr(self, name), "shares", above=above, minimum=None)
            if not 0 <= value <= 1:
                raise InputError(f"battery {name} is {shown(value)}; give a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class Appliance:
    """Energy that must be taken in a window of slots: a shiftable appliance or a vehicle at home.

    Attributes
    ----------
    first, last : window: from slot `first` to before slot `last` (a vehicle's arrival and departure).
    energy_mwh, power_mw : energy needed by the end of the window, and greatest power.
    annoyance : cost of delay [$/MWh per hour after `first`].
    interruptible : False for a cycle that runs at `power_mw` without a break once started (then energy
        must fill whole slots).
    """

    name: Hashable
    first: int
    last: int
    energy_mwh: float
    power_mw: float
    annoyance: float = 0.0
    interruptible: bool = True


@dataclass(frozen=True, eq=False)
class Comfort(Protected):
    """A block of comfort: up to `mw` in each slot, worth `worth` (slots,) [$/MWh]."""

    mw: float
    worth: np.ndarray


@dataclass(frozen=True, eq=False)
class Home(Protected):
    """One home.

    Attributes
    ----------
    label, bus : name and place.
    load_mw, pv_mw : (slots,) load that must be served, and sun that may be curtailed [MW].
    hours : length of a slot [h].
    battery, appliances, comfort : what else it has.
    generator_mw, generator_price : own generator [MW, $/MWh].
    connection_mw : greatest import and export; 0 off the grid [MW].
    value_of_lost_load : price of load that is not served [$/MWh]; None: all must be served.

    Raises
    ------
    InputError
        series of different lengths, a window outside the horizon or too short for its energy, a load that
        nothing can serve.

    Examples
    --------
    >>> import numpy as np
    >>> from clearing.homes.home import Home
    >>> from clearing.homes.schedule import schedule_homes
    >>> home = Home("Ann", None, np.full(4, 0.002), np.array([0, 0.003, 0.003, 0]), hours=6.0)
    >>> schedule_homes([home], buy_price=200.0, sell_price=60.0)[0].marginal_cost.tolist()
    [200.0, 60.0, 60.0, 200.0]
    """

    label: Hashable
    bus: Hashable
    load_mw: np.ndarray
    pv_mw: np.ndarray
    hours: float = 0.25
    battery: Battery | None = None
    appliances: tuple[Appliance, ...] = ()
    comfort: tuple[Comfort, ...] = ()
    generator_mw: float = 0.0
    generator_price: float = 0.0
    connection_mw: float = CONNECTION
    value_of_lost_load: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        where = f"home {self.label!r}"
        slots = len(self.load_mw)
        number(f"{where}: hours", self.hours, "hours", above=0)
        for name in ("generator_mw", "connection_mw"):
            number(f"{where}: {name}", getattr(self, name), "MW", minimum=0.0)
        for name, series in (("load_mw", self.load_mw), ("pv_mw", self.pv_mw)):
            if np.shape(series) != (slots,):
                raise InputError(f"{where}: {name} has shape {np.shape(series)}; give ({slots},)")
            if not np.isfinite(series).all() or (np.asarray(series) < 0).any():
                k = int(np.flatnonzero(~(np.isfinite(series) & (np.asarray(series) >= 0)))[0])
                raise InputError(
                    f"{where}: {name}[{k}] is {shown(series[k])}; give a finite number ≥ 0 in MW"
                )
        for item in self.appliances:
            self._check_window(item, slots)
        for k, block in enumerate(self.comfort):
            number(f"{where}: comfort {k} mw", block.mw, "MW", minimum=0.0)
            if np.shape(block.worth) != (slots,) or not np.isfinite(block.worth).all():
                raise InputError(f"{where}: comfort {k} worth needs {slots} finite numbers in $/MWh")
        self._check_supply()

    @property
    def slots(self) -> int:
        return len(self.load_mw)

    def _check_window(self, item: Appliance, slots: int) -> None:
        where = f"home {self.label!r}, appliance {item.name!r}"
        whole(f"{where}: first", item.first, minimum=0)
        if not item.first < item.last <= slots:
            raise InputError(
                f"{where}: window {item.first} to {item.last}; give 0 ≤ first < last ≤ {slots} slots"
            )
        number(f"{where}: energy_mwh", item.energy_mwh, "MWh", minimum=0.0)
        number(f"{where}: power_mw", item.power_mw, "MW", above=0)
        number(f"{where}: annoyance", item.annoyance, "$/MWh per hour", minimum=0.0)
        most = (item.last - item.first) * item.power_mw * self.hours
        if item.energy_mwh > most * (1 + 1e-12):
            raise InputError(
                f"{where}: {item.energy_mwh:g} MWh do not fit into its window ({most:g} MWh at full power); "
                "give it more time or power"
            )
        cycle = item.energy_mwh / (item.power_mw * self.hours)
        if not item.interruptible and abs(cycle - round(cycle)) > 1e-9 * max(cycle, 1.0):
            raise InputError(
                f"{where}: a cycle of {cycle:g} slots; energy must fill whole slots at full power where it "
                "is not interruptible"
            )

    def _check_supply(self) -> None:
        if self.value_of_lost_load is not None:
            return
        storage = 0.0 if self.battery is None else self.battery.power_mw
        short = self.load_mw - self.pv_mw - self.generator_mw - self.connection_mw - storage
        if (short > 1e-12).any():
            t = int(np.argmax(short))
            raise InputError(
                f"home {self.label!r}: nothing can serve its load in slot {t}: {short[t]:g} of "
                f"{self.load_mw[t]:g} MW are beyond connection, sun, battery and generator; raise "
                "connection_mw, or give value_of_lost_load"
            )


def elastic_comfort(
    demand_mw: np.ndarray, price: float, elasticity: float, blocks: int = 5, most: float = 1.5
) -> tuple[Comfort, ...]:
    """Comfort blocks that approximate the demand curve D = D0·(p/p0)^ε from below its value `most`·D0.

    Block k of `blocks` covers the share (k − 1, k)/blocks·most of the greatest D0; its worth is the price at
    which the curve passes the block's middle, p0·(share/D0)^(1/ε), in every slot (0 where D0 is 0).

    Parameters
    ----------
    demand_mw : (slots,) demand D0 at `price` p0 [MW, $/MWh].
    elasticity : ε < 0.
    """
    number("price", price, "$/MWh", above=0)
    if not number("elasticity", elasticity, "1") < 0:
        raise InputError(f"elasticity is {shown(elasticity)}; give a number below 0")
    blocks = whole("blocks", blocks)
    base = np.asarray(demand_mw, dtype=float)
    top = float(base.max(initial=0.0)) * most
    out = []
    for k in range(blocks):
        middle = (k + 0.5) / blocks * top
        ratio = np.divide(middle, base, out=np.full(len(base), np.inf), where=base > 0)
        out.append(Comfort(top / blocks, np.where(base > 0, price * ratio ** (1.0 / elasticity), 0.0)))
    return tuple(out)


def homes_of(
    neighbourhood: Neighbourhood,
    efficiency: float = 0.95,
    wear: float = 5.0,
    annoyance: float = 2.0,
    comfort: Sequence[tuple[Comfort, ...]] | None = None,
) -> list[Home]:
    """Homes of :func:`networks.feeders.place_homes` with batteries, vehicles and appliances.

    `comfort` gives each home's blocks (see :func:`elastic_comfort`).
    """
    n = neighbourhood
    out = []
    for k, label in enumerate(n.homes):
        items: list[Appliance] = []
        if n.vehicle_mwh[k] > 0:
            items.append(
                Appliance(
                    "vehicle", int(n.vehicle_arrival[k]), int(n.vehicle_departure[k]),
                    float(n.vehicle_mwh[k]), float(n.vehicle_mw[k]),
                )
            )  # fmt: skip
        if n.appliance_mwh[k] > 0:
            items.append(
                Appliance(
                    "appliance", int(n.appliance_first[k]), int(n.appliance_last[k]),
                    float(n.appliance_mwh[k]), float(n.appliance_mw[k]), annoyance,
                )
            )  # fmt: skip
        battery = None
        if n.battery_mwh[k] > 0:
            battery = Battery(float(n.battery_mwh[k]), float(n.battery_mw[k]), efficiency, wear=wear)
        out.append(
            Home(
                label=label,
                bus=n.bus[k],
                load_mw=n.load_mw[k],
                pv_mw=n.pv_mw[k],
                hours=n.hours,
                battery=battery,
                appliances=tuple(items),
                comfort=() if comfort is None else comfort[k],
            )
        )
    return out
