"""An instance of coalition trading: a public grid, private lines, who has and needs how much, tariffs."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from clearing.trading.models import TradingStructure
from networks.checks import Rows, Table, freeze_arrays, number, suggest
from networks.errors import InputError
from networks.grid import Grid
from networks.private_lines import PrivateNetwork


@dataclass(frozen=True, eq=False, repr=False)
class TradingInstance:
    """Agents with fixed endowments and demands on a public grid, with private lines between them.

    Attributes
    ----------
    grid : public lines, without limits, shunts and links, in one island; losses are r·f².
    private : private lines between buses of agents; resistances on the grid's power base.
    endowment_mw, demand_mw : (buses,) what the agent at each bus has and needs, ≥ 0, fixed [MW].
    agent : (buses,) bool, whether there is an agent at the bus; agents are named by their bus.
    main_bus : label of the main grid's bus, which supplies (or takes) whatever is missing.
    supply_price : what the main grid's energy costs, above 0 [$/MWh].
    buy_price : (buses,) flat tariff at which agents buy from the grid [$/MWh].
    sell_price : tariff at which they sell to it, above 0 and below every buy price [$/MWh]. At 0 energy
        could be burnt for nothing, above a buy price it could be bought to be sold.
    """

    grid: Grid
    private: PrivateNetwork
    endowment_mw: np.ndarray
    demand_mw: np.ndarray
    agent: np.ndarray
    main_bus: Hashable
    supply_price: float
    buy_price: np.ndarray
    sell_price: float

    def __post_init__(self) -> None:
        freeze_arrays(self)
        _check_grid(self.grid, self.main_bus)
        _check_tariffs(self)
        for label in self.private.buses:
            place = self.grid.bus_position.get(label)
            if place is None or not self.agent[place]:
                raise InputError(
                    f"private network: bus {label!r} is not the bus of an agent"
                    f"{suggest(label, self.agents)}; private lines join agents"
                )

    def __repr__(self) -> str:
        return (
            f"TradingInstance({len(self.agents)} agents, {len(self.in_service)} public and "
            f"{len(self.private.lines)} private lines, main grid at {self.main_bus!r})"
        )

    @classmethod
    def from_tables(
        cls,
        grid: Grid,
        agents: Rows,
        private: PrivateNetwork | Rows = (),
        *,
        main_bus: Hashable,
        supply_price: float = 1.0,
        buy_price: float = 1.0,
        sell_price: float = 0.5,
    ) -> TradingInstance:
        """An instance from plain tables.

        Parameters
        ----------
        agents : `bus, endowment_mw, demand_mw[, buy_price]`, one row per agent; an agent with neither
            may still own private lines.
        private : a network of :mod:`networks.private_lines`, or the table `line, from_bus, to_bus,
            r_pu[, length_km]`.
        main_bus, supply_price, buy_price, sell_price : see the class; `buy_price` of the table wins.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        table = Table(agents, "agents", ["bus", "endowment_mw", "demand_mw"], ["buy_price"])
        place = table.positions("bus", grid.bus_position, "table 'buses'")
        labels = table.labels("bus", unique=True)
        size = len(grid.buses)
        endowment, demand, agent = np.zeros(size), np.zeros(size), np.zeros(size, dtype=bool)
        endowment[place] = table.numbers("endowment_mw", "MW", minimum=0.0)
        demand[place] = table.numbers("demand_mw", "MW", minimum=0.0)
        agent[place] = True
        usual = number("buy_price", buy_price, "$/MWh", above=0.0)
        price = np.full(size, usual)
        price[place] = table.numbers("buy_price", "$/MWh", default=usual, missing=usual)
        if not isinstance(private, PrivateNetwork):
            private = PrivateNetwork.from_tables(labels, private)
        return cls(grid, private, endowment, demand, agent, main_bus, supply_price, price, sell_price)

    @classmethod
    def from_folder(cls, folder: Path | str) -> TradingInstance:
        """The instance in a folder of tables; see :func:`clearing.trading.tables.read_instance`."""
        from clearing.trading.tables import read_instance

        return read_instance(Path(folder))

    def with_private(self, private: PrivateNetwork) -> TradingInstance:
        """The same instance with other private lines."""
        return replace(self, private=private)

    def with_grid(self, grid: Grid) -> TradingInstance:
        """The same instance with other lines on the same buses."""
        if grid.buses != self.grid.buses:
            raise InputError("grid: its buses are not those of the instance; keep labels and order")
        return replace(self, grid=grid)

    def with_buy_price(self, buy_price: np.ndarray) -> TradingInstance:
        """The same instance with other buy tariffs, (buses,) [$/MWh]."""
        return replace(self, buy_price=np.array(buy_price, dtype=float))

    @property
    def agents(self) -> tuple[Hashable, ...]:
        """Labels of the agents, in the order of the grid's buses."""
        return tuple(self.grid.buses[k] for k in np.flatnonzero(self.agent))

    @cached_property
    def net_mw(self) -> np.ndarray:
        """(buses,) endowment less demand [MW]."""
        return self.endowment_mw - self.demand_mw

    @cached_property
    def main(self) -> int:
        """Position of the main grid's bus."""
        return self.grid.bus_position[self.main_bus]

    @cached_property
    def in_service(self) -> np.ndarray:
        """Positions of the public lines in service."""
        return np.flatnonzero(self.grid.in_service)

    @cached_property
    def private_ends(self) -> tuple[np.ndarray, np.ndarray]:
        """(private lines,) twice: positions of the two ends among the grid's buses."""
        place = np.array([self.grid.bus_position[b] for b in self.private.buses], dtype=np.int64)
        return place[self.private.from_bus], place[self.private.to_bus]

    @cached_property
    def structure(self) -> TradingStructure:
        """The lines that a compiled model depends on."""
        on = self.in_service
        lossy = np.flatnonzero(self.grid.r_pu[on] > 0)
        start, end = self.private_ends
        return TradingStructure(
            len(self.grid.buses), self.main, self.grid.from_bus[on], self.grid.to_bus[on], lossy, start, end
        )

    @cached_property
    def unit_mw(self) -> float:
        """The power base of the models: a power of two near the greatest net endowment [MW].

        Then flows are near 1 whatever the units of the tables, which the solver's tolerances are made for.
        """
        most = float(np.abs(self.net_mw).max(initial=0.0))
        return 2.0 ** round(np.log2(most)) if most > 0 else self.grid.base_mva

    def numbers(self, buy_price: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """The instance's numbers by the models' names, per unit of `unit_mw` and of the supply price."""
        grid, on = self.grid, self.in_service
        unit = self.unit_mw
        per_unit = unit / grid.base_mva
        given = self.buy_price if buy_price is None else buy_price
        # where there is no agent nothing is traded, at any price above the sell price
        price = np.where(self.agent, given, 2.0 * self.sell_price) / self.supply_price
        return {
            "net": self.net_mw / unit,
            "public_r": per_unit * grid.r_pu[on][self.structure.lossy],
            "public_x": unit / grid.susceptance_mw[on],
            "public_shift": grid.shift_radian[on],
            "private_r": per_unit * self.private.r_pu,
            "buy_price": price,
            "sell_price": np.full(len(grid.buses), self.sell_price / self.supply_price),
        }

    @property
    def agents_frame(self) -> pd.DataFrame:
        """The table `agents` that :meth:`from_tables` reads back."""
        who = np.flatnonzero(self.agent)
        return pd.DataFrame(
            {
                "bus": list(self.agents),
                "endowment_mw": self.endowment_mw[who],
                "demand_mw": self.demand_mw[who],
                "buy_price": self.buy_price[who],
            }
        )


def _check_grid(grid: Grid, main_bus: Hashable) -> None:
    if main_bus not in grid.bus_position:
        raise InputError(f"main_bus is {main_bus!r}{suggest(main_bus, grid.buses)}; name a bus of the grid")
    if grid.links:
        raise InputError(f"link {grid.links[0]!r}: coalition trading has no controllable links; drop them")
    if grid.shunt_mw.any():
        bus = grid.buses[int(np.flatnonzero(grid.shunt_mw)[0])]
        raise InputError(
            f"bus {bus!r} has a shunt; state it as demand of an agent, or drop shunts with "
            "networks.geography.keep_impedances(grid)"
        )
    low, high = grid.flow_bounds_mw
    if np.isfinite(low).any() or np.isfinite(high).any():
        k = int(np.flatnonzero(np.isfinite(low) | np.isfinite(high))[0])
        raise InputError(
            f"public line {grid.branches[k]!r} has a limit, which coalition trading does not have; drop "
            "limits with networks.geography.keep_impedances(grid)"
        )
    bad = grid.in_service & ~(grid.r_pu >= 0)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"table 'branches', public line {grid.branches[k]!r}: column 'r_pu' is {grid.r_pu[k]:g}; "
            "give a resistance of at least 0 (losses are r·f²)"
        )
    island = grid.flow.island
    if (island != island[0]).any():
        bus = grid.buses[int(np.flatnonzero(island != island[grid.bus_position[main_bus]])[0])]
        raise InputError(
            f"bus {bus!r} is not connected to the main grid's bus {main_bus!r} by public lines in service; "
            "connect it or leave it out"
        )


def _check_tariffs(instance: TradingInstance) -> None:
    number("supply_price", instance.supply_price, "$/MWh", above=0.0)
    number("sell_price", instance.sell_price, "$/MWh", above=0.0)
    size = len(instance.grid.buses)
    for name in ("endowment_mw", "demand_mw", "buy_price"):
        values = getattr(instance, name)
        if values.shape != (size,) or not np.isfinite(values).all():
            raise InputError(f"{name} needs one finite number for each of the {size} buses")
    bad = instance.agent & (instance.buy_price <= instance.sell_price)
    if bad.any():
        k = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"agent {instance.grid.buses[k]!r}: buy_price is {instance.buy_price[k]:g} $/MWh, not above the "
            f"sell_price {instance.sell_price:g}; energy bought to be sold would have no bound"
        )
    stray = ~instance.agent & (instance.net_mw != 0)
    if stray.any():
        bus = instance.grid.buses[int(np.flatnonzero(stray)[0])]
        raise InputError(f"bus {bus!r} has an endowment or demand but no agent; add it to table 'agents'")
