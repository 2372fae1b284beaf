"""The grid: buses, branches and controllable links, with their limits."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from networks.checks import Protected, Rows, Table, frozen, number, real_array
from networks.errors import InputError

if TYPE_CHECKING:
    from networks.flows import DcFlow

Convention = Literal["matpower", "powermodels"]
AngleLimits = Literal["file", "ignore"]


@dataclass(frozen=True, eq=False)
class Grid(Protected):
    """Buses, branches and links as write-protected arrays; built by :meth:`from_tables`.

    Attributes
    ----------
    buses, branches, links : tuple of labels, in file order.
    shunt_mw : (buses,) constant withdrawal of shunt conductances [MW].
    from_bus, to_bus : (branches,) positions in `buses`.
    r_pu, x_pu : (branches,) series impedance [per unit on `base_mva`].
    limit_mw : (branches,) thermal limit, inf where there is none [MW].
    tap, shift_degree : (branches,) transformer ratio and phase shift.
    angle_min_degree, angle_max_degree : (branches,) limits of θ_from − θ_to, ±inf where there are none.
    in_service : (branches,) bool.
    link_from, link_to, link_min_mw, link_max_mw : (links,) controllable; a flow is what leaves the bus
        `from`, positive from → to.
    link_loss : (links,) share of the flow that is lost, 0 ≤ loss < 1: flow·(1 − loss) arrives. The formula is
        linear, so that a negative flow of a link with loss takes less from `to` than it brings to `from`.
    base_mva : float.
    convention : "matpower" (susceptance 1/(x·tap), shifters on) or "powermodels"
        (x/(r²+x²), taps and shifts ignored), law 8.
    fused : (label, bus) of buses that closed switches make one with a bus of the grid: orders may name
        them, and they have its price.
    """

    buses: tuple[Hashable, ...]
    branches: tuple[Hashable, ...]
    links: tuple[Hashable, ...]
    shunt_mw: np.ndarray
    from_bus: np.ndarray
    to_bus: np.ndarray
    r_pu: np.ndarray
    x_pu: np.ndarray
    limit_mw: np.ndarray
    tap: np.ndarray
    shift_degree: np.ndarray
    angle_min_degree: np.ndarray
    angle_max_degree: np.ndarray
    in_service: np.ndarray
    link_from: np.ndarray
    link_to: np.ndarray
    link_min_mw: np.ndarray
    link_max_mw: np.ndarray
    link_loss: np.ndarray
    base_mva: float = 100.0
    convention: Convention = "matpower"
    fused: tuple[tuple[Hashable, Hashable], ...] = ()
    bus_position: Mapping[Hashable, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        position = {label: k for k, label in enumerate(self.buses)}
        joined: dict[Hashable, int] = {}
        for label, bus in self.fused:
            if label in position or label in joined or bus not in position:
                raise InputError(
                    f"fused bus {label!r} with {bus!r}: the first must be no other bus, and the second a bus "
                    "of the grid"
                )
            joined[label] = position[bus]
        object.__setattr__(self, "bus_position", position | joined)

    @classmethod
    def from_tables(
        cls,
        buses: Rows,
        branches: Rows = (),
        links: Rows | None = None,
        base_mva: float = 100.0,
        convention: Convention = "matpower",
        angle_limits: AngleLimits = "file",
        fused: Sequence[tuple[Hashable, Hashable]] = (),
    ) -> Grid:
        """A grid from plain tables (data frames, or sequences of dicts).

        Parameters
        ----------
        buses : `bus[, shunt_mw]`.
        branches : `branch, from_bus, to_bus, x_pu[, r_pu, limit_mw, tap, shift_degree,
            angle_min_degree, angle_max_degree, in_service]`. A missing limit means none; 0 means 0.
        links : `link, from_bus, to_bus, min_mw, max_mw[, loss]`; `loss` in MW lost per MW sent, 0 if absent.
        base_mva : power base of `x_pu` and `r_pu` [MVA].
        convention, angle_limits : law 8; "ignore" drops the angle limits.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        base_mva = number("base_mva", base_mva, "MVA (usually 100)", above=0)
        if convention not in ("matpower", "powermodels"):
            raise InputError(f"convention is {convention!r}; use 'matpower' or 'powermodels'")
        if angle_limits not in ("file", "ignore"):
            raise InputError(f"angle_limits is {angle_limits!r}; use 'file' or 'ignore'")
        bus_table = Table(buses, "buses", ["bus"], ["shunt_mw"])
        if len(bus_table) == 0:
            raise InputError("table 'buses': there is no row; a grid needs at least one bus")
        labels = bus_table.labels("bus", unique=True)
        position = {label: k for k, label in enumerate(labels)}

        return cls(
            buses=tuple(labels),
            shunt_mw=bus_table.numbers("shunt_mw", "MW", default=0.0, missing=0.0),
            **_branch_fields(branches, position, angle_limits == "ignore"),
            **_link_fields(() if links is None else links, position),
            base_mva=float(base_mva),
            convention=convention,
            fused=tuple((label, bus) for label, bus in fused),
        )

    def with_settings(
        self,
        convention: Convention | None = None,
        angle_limits: AngleLimits = "file",
        limit_mw: np.ndarray | None = None,
    ) -> Grid:
        """A copy under another convention, without angle limits, or with other thermal limits [MW]."""
        changes: dict[str, object] = {}
        if convention is not None:
            changes["convention"] = convention
        if angle_limits == "ignore":
            none = np.full(len(self.branches), np.inf)
            changes |= {"angle_min_degree": -none, "angle_max_degree": none}
        if limit_mw is not None:
            limit = real_array("limit_mw", limit_mw)
            if limit.shape != self.limit_mw.shape or np.isnan(limit).any() or (limit < 0).any():
                raise InputError(
                    f"limit_mw needs one number ≥ 0 for each of the {len(self.branches)} branches, in MW"
                )
            changes["limit_mw"] = limit
        return replace(self, **changes)  # type: ignore[arg-type]

    def without_limits(self) -> Grid:
        """A copy in which no branch has a thermal or an angle limit; links keep theirs."""
        return self.with_settings(angle_limits="ignore", limit_mw=np.full(len(self.branches), np.inf))

    @cached_property
    def susceptance_mw(self) -> np.ndarray:
        """(branches,) flow per radian of angle difference [MW/rad]; 0 out of service (law 8)."""
        if self.convention == "matpower":
            b = 1.0 / (self.x_pu * self.tap)
        else:
            b = self.x_pu / (self.r_pu**2 + self.x_pu**2)
        return frozen(np.where(self.in_service, b * self.base_mva, 0.0))

    @cached_property
    def shift_radian(self) -> np.ndarray:
        """(branches,) phase shift that the convention keeps [rad]."""
        if self.convention == "powermodels":
            return frozen(np.zeros(len(self.branches)))
        return frozen(np.deg2rad(self.shift_degree))

    @cached_property
    def angle_bounds_mw(self) -> tuple[np.ndarray, np.ndarray]:
        """(branches,) twice: least and greatest flow by angle limits alone, ±inf where there are none [MW].

        A flow is b·(θ_from − θ_to − shift), so a limit of the angle difference is one of the flow.
        """
        b, shift = self.susceptance_mw, self.shift_radian
        with np.errstate(invalid="ignore"):
            ends = [b * (np.deg2rad(a) - shift) for a in (self.angle_min_degree, self.angle_max_degree)]
        low, high = np.where(b >= 0, ends, ends[::-1])
        none = ~self.in_service
        low, high = (
            np.where(none | np.isnan(low), -np.inf, low),
            np.where(none | np.isnan(high), np.inf, high),
        )
        return frozen(low), frozen(high)

    @cached_property
    def flow_bounds_mw(self) -> tuple[np.ndarray, np.ndarray]:
        """(branches,) twice: least and greatest flow by thermal *and* angle limits [MW].

        A branch out of service has none.
        """
        low, high = self.angle_bounds_mw
        thermal = np.where(self.in_service, self.limit_mw, np.inf)
        return frozen(np.maximum(-thermal, low)), frozen(np.minimum(thermal, high))

    @cached_property
    def flow(self) -> DcFlow:
        """The DC power flow of this grid: factorised once, used by markets and certificates."""
        from networks.flows import DcFlow

        return DcFlow(self)

    @property
    def buses_frame(self) -> pd.DataFrame:
        """The table `buses` that :meth:`from_tables` reads back."""
        return pd.DataFrame({"bus": list(self.buses), "shunt_mw": self.shunt_mw})

    @property
    def branches_frame(self) -> pd.DataFrame:
        """The table `branches` that :meth:`from_tables` reads back."""
        return pd.DataFrame(
            {
                "branch": list(self.branches),
                "from_bus": [self.buses[k] for k in self.from_bus],
                "to_bus": [self.buses[k] for k in self.to_bus],
                "r_pu": self.r_pu,
                "x_pu": self.x_pu,
                "limit_mw": self.limit_mw,
                "tap": self.tap,
                "shift_degree": self.shift_degree,
                "angle_min_degree": self.angle_min_degree,
                "angle_max_degree": self.angle_max_degree,
                "in_service": self.in_service,
            }
        )

    @property
    def links_frame(self) -> pd.DataFrame:
        """The table `links` that :meth:`from_tables` reads back."""
        return pd.DataFrame(
            {
                "link": list(self.links),
                "from_bus": [self.buses[k] for k in self.link_from],
                "to_bus": [self.buses[k] for k in self.link_to],
                "min_mw": self.link_min_mw,
                "max_mw": self.link_max_mw,
                "loss": self.link_loss,
            }
        )


def _branch_fields(rows: Rows, position: Mapping[Hashable, int], ignore_angles: bool) -> dict[str, Any]:
    """The fields of :class:`Grid` that table `branches` gives."""
    table = Table(
        rows,
        "branches",
        ["branch", "from_bus", "to_bus", "x_pu"],
        ["r_pu", "limit_mw", "tap", "shift_degree", "angle_min_degree", "angle_max_degree", "in_service"],
    )
    labels = table.labels("branch", unique=True)
    from_bus, to_bus = _ends(table, position)
    x = table.numbers("x_pu", "per unit")
    remedy = "give its reactance, or merge its two buses"
    table.refuse(x == 0, "x_pu", "a branch without reactance has no DC flow", remedy)
    tap = table.numbers("tap", "per unit", default=1.0, missing=1.0)
    table.refuse(tap <= 0, "tap", "a ratio must be positive", "use 1 for none")
    low = table.numbers("angle_min_degree", "degrees", -np.inf, infinite=True, missing=-np.inf)
    high = table.numbers("angle_max_degree", "degrees", np.inf, infinite=True, missing=np.inf)
    if ignore_angles:
        low, high = np.full(len(table), -np.inf), np.full(len(table), np.inf)
    table.refuse(low > high, "angle_min_degree", "it is above angle_max_degree", "swap the two")
    return {
        "branches": tuple(labels),
        "from_bus": from_bus,
        "to_bus": to_bus,
        "r_pu": table.numbers("r_pu", "per unit", default=0.0, missing=0.0),
        "x_pu": x,
        "limit_mw": table.numbers("limit_mw", "MW", np.inf, minimum=0.0, infinite=True, missing=np.inf),
        "tap": tap,
        "shift_degree": table.numbers("shift_degree", "degrees", default=0.0, missing=0.0),
        "angle_min_degree": low,
        "angle_max_degree": high,
        "in_service": _flags(table, "in_service"),
    }


def _link_fields(rows: Rows, position: Mapping[Hashable, int]) -> dict[str, Any]:
    """The fields of :class:`Grid` that table `links` gives."""
    table = Table(rows, "links", ["link", "from_bus", "to_bus", "min_mw", "max_mw"], ["loss"])
    link_from, link_to = _ends(table, position)
    low, high = table.numbers("min_mw", "MW"), table.numbers("max_mw", "MW")
    table.refuse(low > high, "min_mw", "it is above max_mw", "swap the two")
    loss = table.numbers("loss", "MW lost per MW sent", default=0.0, minimum=0.0, missing=0.0)
    table.refuse(loss >= 1, "loss", "nothing would arrive", "give less than 1, as 0.03 for 3 %")
    return {
        "links": tuple(table.labels("link", unique=True)),
        "link_from": link_from,
        "link_to": link_to,
        "link_min_mw": low,
        "link_max_mw": high,
        "link_loss": loss,
    }


def _ends(table: Table, position: Mapping[Hashable, int]) -> tuple[np.ndarray, np.ndarray]:
    from_bus = table.positions("from_bus", position, "table 'buses'")
    to_bus = table.positions("to_bus", position, "table 'buses'")
    table.refuse(from_bus == to_bus, "to_bus", "it equals from_bus", "name the bus at the other end")
    return from_bus, to_bus


def _flags(table: Table, column: str) -> np.ndarray:
    if not table.has(column):
        return np.ones(len(table), dtype=bool)
    words = {"true": True, "1": True, "1.0": True, "yes": True, "nan": True, "": True, "none": True}
    words |= {"false": False, "0": False, "0.0": False, "no": False}
    out = np.empty(len(table), dtype=bool)
    for k, value in enumerate(table.frame[column].tolist()):
        flag = words.get(str(value).strip().lower())
        if flag is None:
            raise table.fail(k, column, "it is neither true nor false", "give true or false")
        out[k] = flag
    return out
