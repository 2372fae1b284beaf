"""The street of the smart-homes study: homes on a feeder, what each offers in an hour, and at what cost."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

HOURS = 24
PRICE_OF_COMFORT, ELASTICITY, COMFORT_SHARE = 200.0, -0.8, 0.5  # $/MWh, 1, share of the load
VEHICLES, APPLIANCES = 0.2, 0.5  # shares of homes


@dataclass(frozen=True)
class StreetSpec:
    """What a street is drawn from; hashable, so that streets are made once in each worker."""

    feeder: str = "feeder8"
    homes: int = 14
    sellers: int = 4
    roofs_kw: float = 36.0
    clearness: float = 1.0
    battery_share: float = 0.1
    import_adder: float = 160.0
    feed_in: float = 60.0
    world: int = 1


@dataclass(frozen=True, eq=False)
class Street:
    """Homes on a feeder for one day of hours.

    Attributes
    ----------
    grid : the feeder with its limits; source : the bus of the supplier.
    homes : all homes; sellers : labels of those with large roofs.
    import_price : (hours,) [$/MWh]; feed_in : what energy that finds no buyer fetches [$/MWh].
    marginal_cost : (homes, hours) dual of each home's own balance in its truthful plan at the tariff [$/MWh].
    net_mw : (homes, hours) what it then buys, less what it sells [MW].
    """

    grid: Any
    source: Any
    homes: tuple[Any, ...]
    sellers: tuple[str, ...]
    import_price: np.ndarray
    feed_in: float
    marginal_cost: np.ndarray
    net_mw: np.ndarray

    @property
    def labels(self) -> tuple[str, ...]:
        """All homes."""
        return tuple(str(home.label) for home in self.homes)


@lru_cache(maxsize=4)
def build_street(spec: StreetSpec) -> Street:
    """The street of a specification: the first `sellers` homes share the roofs, all else is drawn."""
    from clearing.homes.home import elastic_comfort, homes_of
    from clearing.homes.schedule import schedule_homes
    from networks.feeders import load_feeder, place_homes
    from networks.profiles import draw_fuel_prices, import_price

    rng = np.random.default_rng(spec.world)
    feeder = load_feeder(spec.feeder)
    placed = place_homes(
        feeder.grid, spec.homes, rng, slots=HOURS, pv_share=1.0, battery_share=spec.battery_share,
        vehicle_share=VEHICLES, appliance_share=APPLIANCES,
    )  # fmt: skip
    roof = np.zeros(spec.homes)
    roof[: spec.sellers] = spec.roofs_kw * 1e-3 / placed.pv_mw[: spec.sellers].max(axis=1).sum()
    placed = replace(placed, pv_mw=placed.pv_mw * (spec.clearness * roof)[:, None])
    comfort = [elastic_comfort(COMFORT_SHARE * load, PRICE_OF_COMFORT, ELASTICITY) for load in placed.load_mw]
    homes = tuple(homes_of(placed, comfort=comfort))
    buy = import_price(draw_fuel_prices(rng, 1), slots=HOURS, adder=spec.import_adder)
    plans = schedule_homes(homes, buy, spec.feed_in)
    return Street(
        grid=feeder.grid,
        source=feeder.grid.buses[0],
        homes=homes,
        sellers=tuple(str(home.label) for home in homes[: spec.sellers]),
        import_price=buy,
        feed_in=spec.feed_in,
        marginal_cost=np.stack([plan.marginal_cost for plan in plans]),
        net_mw=np.stack([plan.net_import for plan in plans]),
    )


@lru_cache(maxsize=64)
def street_orders(spec: StreetSpec, hour: int, feed_in: float | None = None) -> tuple[dict[str, Any], ...]:
    """True offers and bids of all homes in an hour (:func:`clearing.homes.offers.orders_of_homes`)."""
    from clearing.homes.offers import orders_of_homes

    street = build_street(spec)
    worth = street.feed_in if feed_in is None else feed_in
    return tuple(orders_of_homes(street.homes, hour, street.import_price, worth))


@lru_cache(maxsize=64)
def sealed_book(spec: StreetSpec, hour: int, import_price: float | None = None) -> Any:
    """The auction of an hour: all homes' orders, and the supplier's import without limit."""
    from clearing import SealedBook

    street = build_street(spec)
    price = float(street.import_price[hour]) if import_price is None else import_price
    supplier = [{"bus": street.source, "import_price": price, "export_price": None}]
    return SealedBook.from_tables(list(street_orders(spec, hour)), hours=1.0, supplier=supplier)
