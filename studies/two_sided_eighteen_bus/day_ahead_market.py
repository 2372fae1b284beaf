"""The general two-sided day-ahead market: 24 hours of offers and bids in quantity and price, on a network.

M. Jabbari Zideh and S. S. Mohtavipour, Energies 2017, 10, 2045, section 2. Genco i offers φ·Pmax at
MC/(1 − σ); disco k forecasts q, interrupts μ·dIL and bids for q° = q − μ·dIL at η·F(q). What the market does
not give it, q° − q_acc, it buys at an external price. Ramp limits hold for offers (eqs. 5 and 6), for the
dispatch, or both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from clearing.book import Book
from clearing.errors import InputError
from learners.games.payoffs import Disco

if TYPE_CHECKING:
    from clearing.nodal import NodalMarket
    from networks.case import Case


@dataclass(frozen=True)
class DayAheadRules:
    """What section 2 leaves to be chosen.

    Attributes
    ----------
    offers : (φ, σ) pairs of a genco's actions: share of capacity, mark-up share of MC/(1 − σ).
    bids : (μ, η) pairs of a disco's actions: share of the contract interrupted, share of F(q) bid.
    interruptible_mw : dIL of each disco [MW].
    price_cap : greatest offer and bid [$/MWh].
    external_price : of demand that the market did not serve [$/MWh].
    profile : (hours,) demand in each hour as a multiple of the case's load.
    forecast_exponent : F(q) = retail·(q/mean q)^exponent; 0 is the fixed retail price.
    forecast_error : relative standard deviation of the forecast, drawn for each disco and hour.
    offer_ramp_mw : |change| of φ·Pmax from hour to hour; inf for none.
    dispatch_ramp_mw : the same of the dispatch, None for none; then a day clears as one problem.
    objective : "margin", or "cost" as section 2.4 prints it.
    """

    offers: tuple[tuple[float, float], ...] = ((1.0, 0.0), (0.95, 0.0), (1.0, 0.1))
    bids: tuple[tuple[float, float], ...] = ((0.0, 1.0), (1.0, 1.0), (0.0, 0.9))
    interruptible_mw: float = 40.0
    price_cap: float = 100.0
    external_price: float = 60.0
    profile: tuple[float, ...] = (1.0,) * 24
    forecast_exponent: float = 0.0
    forecast_error: float = 0.0
    offer_ramp_mw: float = np.inf
    dispatch_ramp_mw: float | None = None
    objective: Literal["margin", "cost"] = "margin"

    def __post_init__(self) -> None:
        if not self.offers or any(not (0 <= p <= 1 and 0 <= s < 1) for p, s in self.offers):
            raise InputError(f"offers {self.offers}: give pairs with 0 ≤ φ ≤ 1 and 0 ≤ σ < 1")
        if not self.bids or any(not (0 <= m <= 1 and 0 <= e <= 1) for m, e in self.bids):
            raise InputError(f"bids {self.bids}: give pairs with 0 ≤ μ ≤ 1 and 0 ≤ η ≤ 1")
        if not self.profile or min(self.profile) <= 0:
            raise InputError("profile: give a positive multiple of the load for each hour")
        if self.price_cap <= 0 or self.interruptible_mw < 0 or self.forecast_error < 0:
            raise InputError("price cap must be positive, interruptible MW and forecast error at least 0")
        if self.objective not in ("margin", "cost"):
            raise InputError(f"objective is {self.objective!r}; use 'margin' or 'cost'")


@dataclass(frozen=True, eq=False)
class Cleared:
    """Days of the market; first axis days, then hours.

    Attributes
    ----------
    lmp : (days, hours, buses) [$/MWh]; dispatch : (days, hours, gencos), served : (days, hours, discos) [MW].
    profits : (days, hours, players) [$]; external : (days, hours, discos) [MW] bought outside.
    """

    lmp: np.ndarray
    dispatch: np.ndarray
    served: np.ndarray
    profits: np.ndarray
    external: np.ndarray


@dataclass(eq=False)
class DayAheadMarket:
    """All gencos and all discos of a case, hour by hour.

    Attributes
    ----------
    market, case, contracts, rules : as given; every load needs a contract.
    players : units, then loads. actions : number of actions of each.
    """

    market: NodalMarket
    case: Case
    contracts: Mapping[str, Disco]
    rules: DayAheadRules = field(default_factory=DayAheadRules)

    def __post_init__(self) -> None:
        fleet, rules = self.case.fleet, self.rules
        self.units, self.loads = tuple(map(str, fleet.units)), tuple(map(str, fleet.loads))
        if missing := [name for name in self.loads if name not in self.contracts]:
            raise InputError(f"contracts: {missing[0]!r} has none; give one for every load")
        self.retail = np.array([self.contracts[k].retail_price for k in self.loads])
        self.cil = np.array([self.contracts[k].interruption_cost for k in self.loads])
        self.load_mw = fleet.load_mw[:, 0]
        if rules.interruptible_mw > float(self.load_mw.min() * min(rules.profile)):
            raise InputError(
                f"interruptible_mw is {rules.interruptible_mw:g}, more than the least load of "
                f"{self.load_mw.min() * min(rules.profile):g} MW; interrupt less"
            )
        self.players = self.units + self.loads
        self.actions = (len(rules.offers),) * len(self.units) + (len(rules.bids),) * len(self.loads)
        own = Book.from_case(replace(self.case, fleet=replace(fleet, load_mw=np.zeros_like(fleet.load_mw))))
        self.cost, self.capacity = own.price, own.mw
        sales = own.orders_frame[["order", "participant", "bus", "side", "mw", "price"]]
        bids = [
            {"order": f"bid {k}", "participant": k, "bus": self.case.grid.buses[b], "side": "buy",
             "mw": mw, "price": p}
            for k, b, mw, p in zip(self.loads, fleet.load_bus, self.load_mw, self.retail, strict=True)
        ]  # fmt: skip
        import pandas as pd

        orders = pd.concat([sales, pd.DataFrame(bids)], ignore_index=True)
        self.hours = len(rules.profile)
        limit = rules.dispatch_ramp_mw
        ramps = (
            None if limit is None else [{"unit": u, "up_mw": limit, "down_mw": limit} for u in fleet.units]
        )
        self.book = Book.from_tables(orders, periods=1 if limit is None else self.hours, ramps=ramps)
        self.prepared = self.market.prepare(self.book)

    def forecasts(self, noise: np.ndarray | None = None) -> np.ndarray:
        """(days, hours, discos) forecast demand [MW]; `noise` of that shape has standard normal numbers."""
        demand = np.array(self.rules.profile)[:, None] * self.load_mw
        if noise is None:
            return demand[None]
        error = 1 + self.rules.forecast_error * np.clip(noise, -3.0, 3.0)
        return np.maximum(demand * error, self.rules.interruptible_mw)

    def numbers(
        self, profiles: np.ndarray, forecast: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prices and MW (days, hours, orders), and interrupted MW (days, hours, discos), of actions
        (days, hours, players)."""
        rules, n = self.rules, len(self.units)
        offers, bids = np.array(rules.offers), np.array(rules.bids)
        phi, sigma = np.moveaxis(offers[profiles[..., :n]], -1, 0)
        mu, eta = np.moveaxis(bids[profiles[..., n:]], -1, 0)
        mean = self.load_mw * np.mean(rules.profile)
        worth = self.retail * (forecast / mean) ** rules.forecast_exponent
        price = np.concatenate([self.cost / (1 - sigma), eta * worth], axis=-1)
        cut = mu * rules.interruptible_mw
        mw = np.concatenate([phi * self.capacity, forecast - cut], axis=-1)
        return np.minimum(price, rules.price_cap), mw, cut

    def clear(self, profiles: np.ndarray, forecast: np.ndarray | None = None) -> Cleared:
        """Clear days of actions (days, hours, players), each exactly; failures are raised."""
        profiles = np.asarray(profiles)
        if forecast is None:
            forecast = np.broadcast_to(self.forecasts(), (*profiles.shape[:2], len(self.loads)))
        price, mw, cut = self.numbers(profiles, forecast)
        days, hours, orders = price.shape
        buses = len(self.case.grid.buses)
        if self.rules.dispatch_ramp_mw is None:
            flat = self.prepared.clear_many(
                price.reshape(-1, orders), mw.reshape(-1, orders), want=("accepted", "lmp"), on_error="raise"
            )
            assert flat.accepted is not None
            assert flat.lmp is not None
            accepted, lmp = flat.accepted.reshape(days, hours, orders), flat.lmp.reshape(days, hours, buses)
        else:  # columns of a book of several periods: order by order, each with its hours
            wide = [np.swapaxes(a, 1, 2).reshape(days, -1) for a in (price, mw)]
            batch = self.prepared.clear_many(wide[0], wide[1], want=("accepted", "lmp"), on_error="raise")
            assert batch.accepted is not None
            assert batch.lmp is not None
            accepted = np.swapaxes(batch.accepted.reshape(days, orders, hours), 1, 2)
            lmp = np.swapaxes(batch.lmp, 1, 2)
        return self._settle(lmp, accepted, mw, cut)

    def _settle(self, lmp: np.ndarray, accepted: np.ndarray, mw: np.ndarray, cut: np.ndarray) -> Cleared:
        """Profits by hour: eqs. of sections 2.4 and 2.5, the retailer's margin or its cost."""
        n, fleet, rules = len(self.units), self.case.fleet, self.rules
        dispatch, served = accepted[..., :n], accepted[..., n:]
        outside = np.maximum(mw[..., n:] - served, 0.0)
        gencos = (lmp[..., fleet.unit_bus] - self.cost) * dispatch
        spent = lmp[..., fleet.load_bus] * served + self.cil * cut + rules.external_price * outside
        earned = self.retail * (served + outside) if rules.objective == "margin" else 0.0
        profits = np.round(np.concatenate([gencos, earned - spent], axis=-1), 9)
        return Cleared(lmp, dispatch, served, profits + 0.0, outside)

    def offered_mw(self) -> Sequence[np.ndarray | None]:
        """Per player (actions,) what it offers, for ramp limits on offers; None for discos."""
        phi = np.array(self.rules.offers)[:, 0]
        return [phi * mw for mw in self.capacity] + [None] * len(self.loads)
