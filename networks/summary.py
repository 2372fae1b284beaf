"""What is in a case, counted: the data behind `walras show`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from networks.case import Case, Provenance
from networks.headroom import limits_that_can_bind


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts and totals of a case.

    Attributes
    ----------
    branches, branches_off : in and out of service.
    limited, can_bind : branches in service with a thermal or angle limit, and how many of these some
        dispatch can reach.
    links, lossy_links : controllable links, and how many of them lose a share of what they carry.
    islands : parts that branches in service hold together (links not counted).
    minimum_mw, capacity_mw : sums of the units' ranges [MW].
    price_low, price_high : least and greatest marginal cost [$/MWh], NaN without units.
    fixed_mw, bid_mw : greatest fixed demand (injections deducted) and demand bids of a period [MW].
    shunt_mw : total withdrawal of shunts [MW].
    """

    name: str
    title: str
    buses: int
    branches: int
    branches_off: int
    limited: int
    can_bind: int
    links: int
    lossy_links: int
    islands: int
    units: int
    owners: int
    minimum_mw: float
    capacity_mw: float
    price_low: float
    price_high: float
    loads: int
    bids: int
    periods: int
    fixed_mw: float
    bid_mw: float
    shunt_mw: float
    base_mva: float
    convention: str
    provenance: Provenance
    notes: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """Columns `quantity`, `value` (text), `unit`, one row per line of a printed summary."""
        rows = [
            ("buses", f"{self.buses}", ""),
            ("islands", f"{self.islands}", ""),
            ("branches in service", f"{self.branches}", ""),
            ("branches out of service", f"{self.branches_off}", ""),
            ("branches with a limit", f"{self.limited}", ""),
            ("limits that can bind", f"{self.can_bind}", ""),
            ("links", f"{self.links}" + f", {self.lossy_links} with losses" * (self.lossy_links > 0), ""),
            ("units", f"{self.units}", ""),
            ("owners", f"{self.owners}", ""),
            ("capacity", f"{self.capacity_mw:,.2f}", "MW"),
            ("minimum output", f"{self.minimum_mw:,.2f}", "MW"),
            ("marginal cost", f"{self.price_low:,.2f} to {self.price_high:,.2f}", "$/MWh"),
            ("loads", f"{self.loads}", ""),
            ("demand bids", f"{self.bids}", ""),
            ("periods", f"{self.periods}", ""),
            ("greatest fixed demand", f"{self.fixed_mw:,.2f}", "MW"),
            ("greatest demand of bids", f"{self.bid_mw:,.2f}", "MW"),
            ("shunts", f"{self.shunt_mw:,.2f}", "MW"),
            ("power base", f"{self.base_mva:g}", "MVA"),
            ("convention", self.convention, ""),
            ("source", self.provenance.source, self.provenance.status),
        ]
        return pd.DataFrame(rows, columns=["quantity", "value", "unit"])


def summarise(case: Case) -> Summary:
    """Counts and totals of `case`."""
    grid, fleet = case.grid, case.fleet
    on = grid.in_service
    low, high = grid.flow_bounds_mw
    ends = fleet.segment_price + fleet.segment_slope * (fleet.segment_to_mw - fleet.segment_from_mw)
    bids = ~np.isnan(fleet.load_price)
    return Summary(
        name=case.name,
        title=case.title,
        buses=len(grid.buses),
        branches=int(on.sum()),
        branches_off=int((~on).sum()),
        limited=int((np.isfinite(low) | np.isfinite(high)).sum()),
        can_bind=int(limits_that_can_bind(grid, fleet).sum()),
        links=len(grid.links),
        lossy_links=int((grid.link_loss > 0).sum()),
        islands=grid.flow.islands,
        units=len(fleet.units),
        owners=len(set(fleet.unit_owner)),
        minimum_mw=float(fleet.min_mw.sum()),
        capacity_mw=float(fleet.max_mw.sum()),
        price_low=float(fleet.segment_price.min()) if len(ends) else float("nan"),
        price_high=float(ends.max()) if len(ends) else float("nan"),
        loads=len(fleet.loads),
        bids=int(bids.sum()),
        periods=fleet.periods,
        fixed_mw=float(fleet.load_mw[~bids].sum(axis=0).max(initial=-np.inf)) if fleet.loads else 0.0,
        bid_mw=float(fleet.load_mw[bids].sum(axis=0).max(initial=0.0)),
        shunt_mw=float(grid.shunt_mw.sum()),
        base_mva=grid.base_mva,
        convention=grid.convention,
        provenance=case.provenance,
        notes=case.notes,
    )
