"""Homes on a feeder: drawn or read, planned, and what to print, write and draw."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from networks.checks import number, whole
from networks.errors import InputError
from studies.commands.market_result import MarketResult
from studies.commands.market_words import energy, small_money
from studies.pages.sentences import count, price

if TYPE_CHECKING:
    from clearing.homes.home import Home
    from clearing.homes.outcome import HomeSchedule
    from clearing.homes.tariffs import Tariff
    from networks.feeders import Neighbourhood
    from networks.grid import Grid
    from studies.pictures.charts import Chart

PEAK = (16.0, 21.0)  # hours of the dearer price by time of use
COMFORT_SHARE, ELASTICITY = 0.3, -0.5  # comfort beside the load: a share of it, and its price elasticity


@dataclass(frozen=True, slots=True)
class HomesRequest:
    """What `walras homes` is asked; see its options."""

    feeder: str
    count: int = 25
    seed: int = 0
    slots: int = 96
    load: Path | None = None
    sun: Path | None = None
    battery_share: float = 0.25
    vehicle_share: float = 0.2
    tariff: str = "time_of_use"
    price: float = 200.0
    peak_price: float = 320.0
    feed_in: float = 60.0
    compare: bool = False
    orders_at: float | None = None
    command: str = ""


def plan_homes(request: HomesRequest) -> MarketResult:
    """Draw or read homes, plan them at the tariff, and collect the result.

    Raises
    ------
    InputError, InfeasibleError
        naming the option, the table or the home.
    """
    import networks
    from clearing.homes.home import elastic_comfort, homes_of
    from clearing.homes.tariffs import schedule_at_tariff

    case = networks.load(request.feeder)
    street = _street(case.grid, request)
    worth = number("--price", request.price, "$/MWh")
    comfort = None
    if worth > 0:
        comfort = [elastic_comfort(COMFORT_SHARE * load, worth, ELASTICITY, 3) for load in street.load_mw]
    homes = homes_of(street, comfort=comfort)
    tariffs = _tariffs(request, street.load_mw.shape[1])
    tariff = tariffs[request.tariff]
    plans = schedule_at_tariff(homes, tariff)
    tables = {"homes": _home_table(plans, tariff), "slots": _slot_table(plans)}
    if request.compare:
        from clearing.homes.tariffs import compare_tariffs

        tables["tariffs"] = compare_tariffs(homes, list(tariffs.values())).reset_index()
    if request.orders_at is not None:
        tables |= _orders(homes, tariff, request, case.grid)
    worst = max(
        (plan.certificate for plan in plans),
        key=lambda c: c.worst[1] / c.tolerances[c.worst[0]],
    )

    def charts() -> list[Chart]:
        from studies.pictures.market_charts import homes_charts

        return homes_charts(plans, tables["homes"])

    summary = {
        "bills": float(tables["homes"]["bill"].sum()),
        "bought_mwh": float(tables["homes"]["bought_mwh"].sum()),
        "sold_mwh": float(tables["homes"]["sold_mwh"].sum()),
        "peak_import_mw": float(np.sum([plan.net_import for plan in plans], axis=0).max()),
        "comfort_worth": float(tables["homes"]["comfort_worth"].sum()),
    }
    sentence, tiles = _words(plans, summary)
    return MarketResult(
        market="homes",
        name=f"{case.name}_homes",
        title=f"{count(len(homes), 'home')} on {case.title}, planned for a day at the {tariff.name} tariff.",
        status="optimal",
        sentence=sentence,
        tiles=tiles,
        settled="Each home pays the tariff's price for what it buys and receives its feed-in price for what "
        "it sells; comfort is worth what the home would pay for it.",
        summary=summary,
        tables=tables,
        certificate=worst,
        make_charts=charts,
        notes=_notes(tables, request),
        command=request.command,
    )


def _street(grid: Grid, request: HomesRequest) -> Neighbourhood:
    """Homes placed by the seed; a user's loads and sun in place of drawn ones."""
    from networks.feeders import place_homes
    from networks.profiles import read_profiles

    labels: tuple[Hashable, ...] = ()
    loads = suns = None
    homes, slots = whole("--count", request.count), request.slots
    if request.load is not None:
        labels, loads = read_profiles(request.load, unit="kW")
        homes, slots = loads.shape
    if request.sun is not None:
        if loads is None:
            raise InputError("--sun needs --load, whose columns name the homes; give both")
        columns, suns = read_profiles(request.sun, unit="kW")
        if set(columns) != set(labels) or suns.shape != (homes, slots):
            raise InputError(
                f"--sun has {len(columns)} homes and {suns.shape[1]} slots, --load {homes} and {slots}; give "
                "both the same columns and slots"
            )
        suns = suns[[columns.index(label) for label in labels]]
    street = place_homes(
        grid, homes, np.random.default_rng(request.seed), slots=slots,
        battery_share=request.battery_share, vehicle_share=request.vehicle_share,
    )  # fmt: skip
    if loads is not None:
        street = replace(street, homes=labels, load_mw=loads)
    return street if suns is None else replace(street, pv_mw=suns)


def _tariffs(request: HomesRequest, slots: int) -> dict[str, Tariff]:
    from clearing.homes.tariffs import flat_tariff, net_metering_tariff, time_of_use_tariff

    return {
        "flat": flat_tariff(request.price, request.feed_in, slots),
        "time_of_use": time_of_use_tariff(
            [(*PEAK, request.peak_price)], request.price, request.feed_in, slots
        ),
        "net_metering": net_metering_tariff(request.price, request.feed_in, slots),
    }


def _home_table(plans: Sequence[HomeSchedule], tariff: Tariff) -> pd.DataFrame:
    rows = []
    for plan in plans:
        home, hours = plan.home, plan.home.hours
        rows.append(
            {
                "home": home.label,
                "bus": home.bus,
                "peak_load_mw": float(home.load_mw.max()),
                "peak_sun_mw": float(home.pv_mw.max()),
                "battery_mwh": 0.0 if home.battery is None else home.battery.energy_mwh,
                "vehicle": any(item.name == "vehicle" for item in home.appliances),
                "bought_mwh": float(plan.bought.sum()) * hours,
                "sold_mwh": float(plan.sold.sum()) * hours,
                "bill": tariff.bill(plan),
                "comfort_worth": plan.utility,
                "hardship": plan.hardship,
                "mean_marginal_cost": float(np.mean(plan.marginal_cost)),
            }
        )
    return pd.DataFrame(rows)


def _slot_table(plans: Sequence[HomeSchedule]) -> pd.DataFrame:
    """One row per home and slot: every series, the marginal cost and its interval."""
    frames = []
    for plan in plans:
        low, high = plan.marginal_interval
        frame = plan.frame.assign(marginal_low=low, marginal_high=high).reset_index()
        frames.append(frame.assign(home=str(plan.home.label))[["home", *frame.columns]])
    return pd.concat(frames, ignore_index=True)


def _orders(
    homes: Sequence[Home], tariff: Tariff, request: HomesRequest, grid: Grid
) -> dict[str, pd.DataFrame]:
    """Tables of an auction of one slot, which `walras clear FEEDER --market elecbay` reads."""
    from clearing.homes.offers import orders_of_homes

    hour = number("--orders-at", request.orders_at, "hours of the day", minimum=0.0)
    slot = int(hour / homes[0].hours)
    if slot >= homes[0].slots:
        last = homes[0].slots * homes[0].hours
        raise InputError(f"--orders-at is {hour:g}; the day ends at {last:g} h: give less")
    rows = orders_of_homes(homes, slot, tariff.buy, tariff.sell)
    supplier = {
        "bus": grid.buses[0], "import_price": tariff.buy[slot], "export_price": tariff.sell[slot],
    }  # fmt: skip
    columns = ["order", "participant", "bus", "side", "mw", "price"]
    return {
        "orders": pd.DataFrame(rows, columns=columns),
        "supplier": pd.DataFrame([supplier]),
    }


def _words(plans: Sequence[HomeSchedule], summary: dict[str, float]) -> tuple[str, list[tuple[str, str]]]:
    cost = np.array([plan.marginal_cost for plan in plans])
    mean = np.nanmean(cost, axis=0)
    hours = plans[0].home.hours
    cheap, dear = int(np.argmin(mean)), int(np.argmax(mean))
    sentence = (
        f"{count(len(plans), 'home')} buy {energy(summary['bought_mwh'])}, sell "
        f"{energy(summary['sold_mwh'])} and pay {small_money(summary['bills'])}. One MWh more costs them "
        f"{price(float(mean[cheap]))} $ on average at {_clock(cheap * hours)} and "
        f"{price(float(mean[dear]))} $ at {_clock(dear * hours)}."
    )
    tiles = [
        (small_money(summary["bills"]), "bills of all homes"),
        (energy(summary["bought_mwh"]), "bought"),
        (energy(summary["sold_mwh"]), "sold"),
        (f"{1e3 * summary['peak_import_mw']:,.4g} kW", "greatest import of all together"),
    ]
    return sentence, tiles


def _clock(hour: float) -> str:
    return f"{int(hour)}:{round(60 * (hour % 1)):02d}"


def _notes(tables: dict[str, pd.DataFrame], request: HomesRequest) -> tuple[str, ...]:
    if "orders" not in tables:
        return ()
    return (
        f"orders.csv and supplier.csv are an auction: walras clear {request.feeder} --market elecbay "
        "--orders orders.csv --supplier supplier.csv",
    )
