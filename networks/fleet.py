"""The fleet: units with their true costs, and loads, placed on the buses of a grid."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from networks.checks import MOST_MW, Protected, Rows, Table
from networks.costs import segments_from_tables
from networks.errors import InputError
from networks.grid import Grid


@dataclass(frozen=True, eq=False)
class Fleet(Protected):
    """Units and loads as write-protected arrays; built by :meth:`from_tables`.

    Attributes
    ----------
    buses : labels of the grid's buses, to which `unit_bus` and `load_bus` point.
    units, unit_owner : (units,) labels, in table order.
    unit_bus : (units,) positions in `buses`.
    min_mw, max_mw : (units,) range of the output; negative output is consumption [MW].
    constant_cost : (units,) cost at output 0 [$/h].
    segment_unit, segment_from_mw, segment_to_mw, segment_price, segment_slope : (segments,)
        marginal costs: a unit's segments are adjacent and in order, cover exactly
        [min(min_mw, 0), max(max_mw, 0)], and cost `price + slope·(p − from)` [$/MWh] at output p,
        which never decreases. The cost at output p is constant_cost + ∫₀ᵖ marginal cost.
    ramp_up_mw, ramp_down_mw : (units,) greatest change per period, inf for none [MW].
    previous_mw : (units,) output before the first period, NaN where unknown [MW].
    loads, load_owner : (loads,) labels.
    load_bus : (loads,) positions in `buses`.
    load_mw : (loads, periods) demand; negative is injection (fixed loads only) [MW].
    load_price : (loads,) NaN for fixed demand, else the price of the first MW of a bid [$/MWh].
    load_slope : (loads,) by how much a bid falls per MW, ≥ 0 [$/MW²h].
    """

    buses: tuple[Hashable, ...]
    units: tuple[Hashable, ...]
    unit_owner: tuple[Hashable, ...]
    unit_bus: np.ndarray
    min_mw: np.ndarray
    max_mw: np.ndarray
    constant_cost: np.ndarray
    segment_unit: np.ndarray
    segment_from_mw: np.ndarray
    segment_to_mw: np.ndarray
    segment_price: np.ndarray
    segment_slope: np.ndarray
    ramp_up_mw: np.ndarray
    ramp_down_mw: np.ndarray
    previous_mw: np.ndarray
    loads: tuple[Hashable, ...]
    load_owner: tuple[Hashable, ...]
    load_bus: np.ndarray
    load_mw: np.ndarray
    load_price: np.ndarray
    load_slope: np.ndarray

    @classmethod
    def from_tables(
        cls,
        buses: Grid | Mapping[Hashable, int],
        units: Rows = (),
        segments: Rows | None = None,
        loads: Rows = (),
    ) -> Fleet:
        """A fleet from plain tables (data frames, or sequences of dicts).

        Parameters
        ----------
        buses : the grid, or its `bus_position`.
        units : `unit, bus, min_mw, max_mw[, price, slope, constant_cost, owner, ramp_up_mw,
            ramp_down_mw, previous_mw]`. The marginal cost at output p is price + slope·p
            [$/MWh]; a unit without a price has rows in `segments`. The owner defaults to the unit.
        segments : `unit, from_mw, to_mw, price[, slope]`: marginal cost price + slope·(p − from_mw);
            adjacent, not decreasing; what lies outside the unit's range is cut off.
        loads : `load, bus, mw[, owner, price, slope, period]`. Without a price the demand is fixed.
            A load has one row for each period (from 0), or one row without period for all of them.

        Raises
        ------
        InputError
            naming table, row, column, value and remedy (law 11).
        """
        position = buses.bus_position if isinstance(buses, Grid) else buses
        first: dict[int, Hashable] = {}  # a bus goes before those that are fused with it
        for label, k in position.items():
            first.setdefault(k, label)
        names = tuple(first.values())
        table = Table(
            units,
            "units",
            ["unit", "bus", "min_mw", "max_mw"],
            [
                "price", "slope", "constant_cost", "owner", "ramp_up_mw", "ramp_down_mw", "previous_mw",
            ],
        )  # fmt: skip
        labels = table.labels("unit", unique=True)
        low, high = (table.numbers(f"{end}_mw", "MW", most=MOST_MW) for end in ("min", "max"))
        table.refuse(low > high, "min_mw", "it is above max_mw", "swap the two")
        curve = segments_from_tables(table, labels, low, high, segments)
        previous = table.numbers("previous_mw", "MW", default=np.nan, missing=np.nan)
        table.refuse(
            previous < np.minimum(low, 0.0), "previous_mw", "the unit cannot be below its min_mw and 0",
            "give its output before period 0, or leave it empty",
        )  # fmt: skip
        return cls(
            buses=names,
            units=tuple(labels),
            unit_owner=_owners(table, labels),
            unit_bus=table.positions("bus", position, "table 'buses'"),
            min_mw=low,
            max_mw=high,
            constant_cost=table.numbers("constant_cost", "$/h", default=0.0, missing=0.0),
            segment_unit=curve.unit,
            segment_from_mw=curve.from_mw,
            segment_to_mw=curve.to_mw,
            segment_price=curve.price,
            segment_slope=curve.slope,
            ramp_up_mw=_ramp(table, "ramp_up_mw"),
            ramp_down_mw=_ramp(table, "ramp_down_mw"),
            previous_mw=previous,
            **_loads(loads, position),
        )

    @property
    def periods(self) -> int:
        """Number of periods of the load profiles."""
        return self.load_mw.shape[1]

    def cost(self, output_mw: np.ndarray) -> np.ndarray:
        """Cost of each unit [$/h] at `output_mw`, (units,), inside the units' ranges."""
        output = np.asarray(output_mw, dtype=float)[self.segment_unit]
        start, end = self.segment_from_mw, self.segment_to_mw

        def integral(upto: np.ndarray) -> np.ndarray:
            covered = np.clip(upto, start, end) - start
            return self.segment_price * covered + 0.5 * self.segment_slope * covered**2

        by_segment = integral(output) - integral(np.zeros_like(output))
        return self.constant_cost + np.bincount(self.segment_unit, by_segment, minlength=len(self.units))

    @property
    def units_frame(self) -> pd.DataFrame:
        """The table `units` that :meth:`from_tables` reads back (costs are in `segments_frame`)."""
        return pd.DataFrame(
            {
                "unit": list(self.units),
                "bus": [self.buses[k] for k in self.unit_bus],
                "owner": list(self.unit_owner),
                "min_mw": self.min_mw,
                "max_mw": self.max_mw,
                "constant_cost": self.constant_cost,
                "ramp_up_mw": self.ramp_up_mw,
                "ramp_down_mw": self.ramp_down_mw,
                "previous_mw": self.previous_mw,
            }
        )

    @property
    def segments_frame(self) -> pd.DataFrame:
        """The table `segments` that :meth:`from_tables` reads back."""
        return pd.DataFrame(
            {
                "unit": [self.units[k] for k in self.segment_unit],
                "from_mw": self.segment_from_mw,
                "to_mw": self.segment_to_mw,
                "price": self.segment_price,
                "slope": self.segment_slope,
            }
        )

    @property
    def loads_frame(self) -> pd.DataFrame:
        """The table `loads` that :meth:`from_tables` reads back: one row per load and period."""
        row = np.repeat(np.arange(len(self.loads)), self.periods)
        return pd.DataFrame(
            {
                "load": [self.loads[k] for k in row],
                "bus": [self.buses[k] for k in self.load_bus[row]],
                "owner": [self.load_owner[k] for k in row],
                "period": np.tile(np.arange(self.periods), len(self.loads)),
                "mw": self.load_mw.ravel(),
                "price": self.load_price[row],
                "slope": self.load_slope[row],
            }
        )


def _ramp(table: Table, column: str) -> np.ndarray:
    return table.numbers(column, "MW per period", np.inf, minimum=0.0, infinite=True, missing=np.inf)


def _owners(table: Table, labels: list[Hashable]) -> tuple[Hashable, ...]:
    """The column `owner`, the label itself where it is empty."""
    if not table.has("owner"):
        return tuple(labels)
    given = table.frame["owner"]
    values = [v.item() if isinstance(v, np.generic) else v for v in given.tolist()]
    return tuple(
        label if none else value for value, label, none in zip(values, labels, given.isna(), strict=True)
    )


def _loads(rows: Rows, position: Mapping[Hashable, int]) -> dict:
    """The load fields: rows of one load are gathered into its profile."""
    table = Table(rows, "loads", ["load", "bus", "mw"], ["owner", "price", "slope", "period"])
    row_label = table.labels("load")
    labels = list(dict.fromkeys(row_label))
    number = {label: k for k, label in enumerate(labels)}
    load = np.array([number[label] for label in row_label], dtype=np.int64)
    first = np.full(len(labels), len(table))
    np.minimum.at(first, load, np.arange(len(table)))

    mw = table.numbers("mw", "MW", most=MOST_MW)
    price = table.numbers("price", "$/MWh", default=np.nan, missing=np.nan)
    slope = table.numbers("slope", "$/MW²h", default=0.0, minimum=0.0, missing=0.0)
    bus = table.positions("bus", position, "table 'buses'")
    owner = _owners(table, row_label)
    for column, values in (("bus", bus), ("price", price), ("slope", slope), ("owner", _codes(owner))):
        same = (values == values[first[load]]) | (pd.isna(values) & pd.isna(values[first[load]]))
        table.refuse(~same, column, "it differs from the load's first row", "give two loads two labels")
    remedy = "leave price empty for a fixed injection, or add a unit"
    table.refuse(~np.isnan(price) & (mw < 0), "mw", "a bid cannot be negative", remedy)
    table.refuse(
        np.isnan(price) & (slope > 0), "slope", "fixed demand has no price to fall", "give a price too"
    )
    return {
        "loads": tuple(labels),
        "load_owner": tuple(owner[k] for k in first),
        "load_bus": bus[first],
        "load_mw": _profiles(table, load, labels, mw),
        "load_price": price[first],
        "load_slope": slope[first],
    }


def _codes(values: tuple[Hashable, ...]) -> np.ndarray:
    number = {value: k for k, value in enumerate(dict.fromkeys(values))}
    return np.array([number[v] for v in values], dtype=np.int64)


def _profiles(table: Table, load: np.ndarray, labels: list[Hashable], mw: np.ndarray) -> np.ndarray:
    """(loads, periods) from rows with a period, or one row without for every period."""
    period = table.whole_numbers("period", below=_PERIODS, what="periods at most")
    periods = int(period.max(initial=0)) + 1
    profile = np.full((len(labels), periods), np.nan)
    for row in range(len(table)):
        cells = profile[load[row]] if period[row] < 0 else profile[load[row], period[row] : period[row] + 1]
        if not np.isnan(cells).all():
            raise table.fail(
                row, "load", "it has this period already",
                "give each load one row per period, or one row without period",
            )  # fmt: skip
        cells[:] = mw[row]
    if np.isnan(profile).any():
        k, missing = np.argwhere(np.isnan(profile))[0]
        raise InputError(
            f"table 'loads', load {labels[k]!r}: column 'period' lacks {missing}: the profile has "
            f"{int((~np.isnan(profile[k])).sum())} of {periods} periods; add the missing rows"
        )
    return profile


_PERIODS = 1_000_000
"""More periods than this are a mistake in the column (a year of 1-minute periods has 525 600)."""
