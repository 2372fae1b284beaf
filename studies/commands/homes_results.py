"""Homes on a feeder: drawn or read, planned, and what to print, write and draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clearing.result import MarketResult
from networks.checks import number, whole
from networks.errors import InputError
from studies.commands.market_words import energy, small_money
from studies.pages.market_page import MarketPresentation
from studies.pages.sentences import count, price

if TYPE_CHECKING:
    from clearing.homes.home import Home
    from clearing.homes.outcome import HomeSchedule
    from clearing.homes.tariffs import Tariff
    from networks.feeders import Neighbourhood
    from networks.grid import Grid
    from networks.profile_reader import Profiles
    from studies.pictures.charts import Chart

PEAK = (16.0, 21.0)  # hours of the dearer price by time of use
DAY, SLOTS, HOMES = 24.0, 96, 25  # hours of a day; its slots and the number of homes where homes are drawn
COMFORT_SHARE, ELASTICITY = 0.3, -0.5  # comfort beside the load: a share of it, and its price elasticity


@dataclass(frozen=True, slots=True)
class HomesRequest:
    """What `walras homes` is asked; see its options."""

    feeder: str
    count: int | None = None
    seed: int = 0
    slots: int | None = None
    load: Path | None = None
    sun: Path | None = None
    battery_share: float | None = None
    vehicle_share: float | None = None
    appliance_share: float | None = None
    comfort: bool | None = None
    tariff: str = "time_of_use"
    price: float = 200.0
    peak_price: float = 320.0
    feed_in: float = 60.0
    compare: bool = False
    orders_at: float | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Street:
    """The homes, (slots,) the hour of the day in the middle of each slot, where all of it comes from, and
    whether homes buy comfort."""

    homes: Neighbourhood
    clock: np.ndarray
    origin: str
    comfort: bool


def plan_homes(request: HomesRequest) -> MarketPresentation:
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
    if worth > 0 and street.comfort:
        loads = street.homes.load_mw
        comfort = [elastic_comfort(COMFORT_SHARE * load, worth, ELASTICITY, 3) for load in loads]
    homes = homes_of(street.homes, comfort=comfort)
    tariffs = _tariffs(request, street.clock)
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
    sentence, tiles = _words(plans, summary, street.clock)
    return MarketPresentation(
        clearing=MarketResult(
            status="optimal",
            welfare=summary["comfort_worth"] - summary["bills"] - float(tables["homes"]["hardship"].sum()),
            certificate=worst,
            summary=pd.Series(summary),
            tables=tables,
            notes=_notes(tables, request),
        ),
        market="homes",
        name=f"{case.name}_homes",
        origin=street.origin,
        title=f"{count(len(homes), 'home')} on {case.title}, planned for "
        f"{_span(homes[0])} at the {tariff.name} tariff.",
        sentence=sentence,
        tiles=tiles,
        settled="Each home pays the tariff's price for what it buys and receives its feed-in price for what "
        "it sells; comfort is worth what the home would pay for it.",
        make_charts=charts,
        command=request.command,
    )


def _street(grid: Grid, request: HomesRequest) -> Street:
    """Homes placed by the seed; a user's loads and sun in place of drawn ones."""
    from networks.feeders import place_homes

    drawn = request.load is None
    shares: dict[str, Any] = {
        name: (usual if drawn else 0.0) if asked is None else asked
        for name, asked, usual in (
            ("battery_share", request.battery_share, 0.25),
            ("vehicle_share", request.vehicle_share, 0.2),
            ("appliance_share", request.appliance_share, 0.5),
        )
    }
    generator = np.random.default_rng(request.seed)
    if drawn:
        if request.sun is not None:
            raise InputError("--sun needs --load, whose columns name the homes; give both")
        slots = SLOTS if request.slots is None else request.slots
        number_of = HOMES if request.count is None else whole("--count", request.count)
        homes = place_homes(grid, number_of, generator, slots=slots, **shares)
        kinds = ["loads", "sun", *_asked(shares, request.comfort is not False)]
        origin = f"drawn by seed {request.seed}: places, {', '.join(kinds)}"
        return Street(homes, (np.arange(slots) + 0.5) * homes.hours, origin, request.comfort is not False)
    if request.count is not None:
        raise InputError("--load has one home per column; leave --count out")
    loads, hours, clock = _given(request)
    count_of, slots = loads.mw.shape
    one_day = abs(slots * hours - DAY) < 1e-9
    if not one_day and (shares["vehicle_share"] or shares["appliance_share"]):
        raise InputError(
            f"--vehicle-share and --appliance-share describe one day, and --load has "
            f"{_length(slots, hours)}; leave them out, or give one day"
        )
    placed = place_homes(grid, count_of, generator, slots=slots if one_day else 1, pv_share=0.0, **shares)
    homes = replace(
        placed, homes=loads.homes, hours=hours, load_mw=loads.mw, pv_mw=_sun(request, loads),
        vehicle_departure=np.full(count_of, slots),
    )  # fmt: skip
    kinds = ["places", *_asked(shares, bool(request.comfort))]
    given = "loads" if request.sun is None else "loads and sun"
    origin = f"{given} as given, {_length(slots, hours)}; drawn by seed {request.seed}: {', '.join(kinds)}"
    return Street(homes, clock + 0.5 * hours, origin, bool(request.comfort))


def _asked(shares: dict[str, float], comfort: bool) -> list[str]:
    """What homes have beside load and sun, in words."""
    words = {"battery_share": "batteries", "vehicle_share": "vehicles", "appliance_share": "appliances"}
    return [words[name] for name, share in shares.items() if share > 0] + ["comfort"] * comfort


def _length(slots: int, hours: float) -> str:
    days = slots * hours / DAY
    long = (
        count(round(days), "day") if abs(days - round(days)) < 1e-9 and days >= 1 else f"{slots * hours:g} h"
    )
    return f"{count(slots, 'row')} of {hours:g} h ({long})"


def _given(request: HomesRequest) -> tuple[Profiles, float, np.ndarray]:
    """The loads of --load, the length of a row [h], and (slots,) the hour of the day at which each begins."""
    from networks.profile_reader import read_profiles

    assert request.load is not None
    loads = read_profiles(request.load, unit="kW")
    rows = loads.mw.shape[1]
    said = None if request.slots is None else DAY / request.slots
    if loads.hours is not None and loads.clock is not None:
        if said is not None and abs(said - loads.hours) > 1e-9:
            raise InputError(
                f"--slots is {request.slots}, rows of {said:g} h, and the column time of --load has rows of "
                f"{loads.hours:g} h; leave --slots out"
            )
        return loads, loads.hours, loads.clock
    if said is None:
        raise InputError(
            f"--load has {count(rows, 'row')} and does not say how long a row is; give --slots, the "
            "rows of a day (24: hourly, 96: quarter hours), or a column time in place of slot"
        )
    return loads, said, (np.arange(rows) * said) % DAY


def _sun(request: HomesRequest, loads: Profiles) -> np.ndarray:
    """(homes, slots) sun of --sun in the order of the loads [MW]; none without it."""
    from networks.profile_reader import read_profiles

    if request.sun is None:
        return np.zeros(loads.mw.shape)
    sun = read_profiles(request.sun, unit="kW")
    if set(sun.homes) != set(loads.homes) or sun.mw.shape != loads.mw.shape:
        (homes, slots), (columns, rows) = loads.mw.shape, sun.mw.shape
        raise InputError(
            f"--sun has {columns} homes and {rows} slots, --load {homes} and {slots}; give both the same "
            "columns and slots"
        )
    return sun.mw[[sun.homes.index(label) for label in loads.homes]]


def _tariffs(request: HomesRequest, clock: np.ndarray) -> dict[str, Tariff]:
    from clearing.homes.tariffs import flat_tariff, net_metering_tariff, time_of_use_tariff

    slots = len(clock)
    return {
        "flat": flat_tariff(request.price, request.feed_in, slots),
        "time_of_use": time_of_use_tariff(
            [(*PEAK, request.peak_price)], request.price, request.feed_in, slots, clock
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

    hour = number("--orders-at", request.orders_at, "hours from the start", minimum=0.0)
    slot = int(hour / homes[0].hours)
    if slot >= homes[0].slots:
        last = homes[0].slots * homes[0].hours
        raise InputError(f"--orders-at is {hour:g}; the plan ends at {last:g} h: give less")
    rows = orders_of_homes(homes, slot, tariff.buy, tariff.sell)
    supplier = {
        "bus": grid.buses[0], "import_price": tariff.buy[slot], "export_price": tariff.sell[slot],
    }  # fmt: skip
    columns = ["order", "participant", "bus", "side", "mw", "price"]
    return {
        "orders": pd.DataFrame(rows, columns=columns),
        "supplier": pd.DataFrame([supplier]),
    }


def _span(home: Home) -> str:
    """How long the plan is, in words."""
    length = home.slots * home.hours
    if abs(length - DAY) < 1e-9:
        return "a day"
    return f"{length / DAY:g} days" if length > DAY else f"{length:g} h"


def _words(
    plans: Sequence[HomeSchedule], summary: dict[str, float], clock: np.ndarray
) -> tuple[str, list[tuple[str, str]]]:
    cost = np.array([plan.marginal_cost for plan in plans])
    mean = np.nanmean(cost, axis=0)
    cheap, dear = int(np.nanargmin(mean)), int(np.nanargmax(mean))
    hours, several = plans[0].home.hours, plans[0].home.slots * plans[0].home.hours > DAY

    def when(slot: int) -> str:
        day = f" of day {1 + int((clock[0] + slot * hours) // DAY)}" if several else ""
        return f"{_clock(clock[slot] - 0.5 * hours)}{day}"

    sentence = (
        f"{count(len(plans), 'home')} buy {energy(summary['bought_mwh'])}, sell "
        f"{energy(summary['sold_mwh'])} and pay {small_money(summary['bills'])}. One MWh more costs them "
        f"{price(float(mean[cheap]))} $ on average at {when(cheap)} and "
        f"{price(float(mean[dear]))} $ at {when(dear)}."
    )
    tiles = [
        (small_money(summary["bills"]), "bills of all homes"),
        (energy(summary["bought_mwh"]), "bought"),
        (energy(summary["sold_mwh"]), "sold"),
        (f"{1e3 * summary['peak_import_mw']:,.4g} kW", "greatest import of all together"),
    ]
    return sentence, tiles


def _clock(hour: float) -> str:
    minutes = round(60 * hour) % (24 * 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


def _notes(tables: dict[str, pd.DataFrame], request: HomesRequest) -> tuple[str, ...]:
    if "orders" not in tables:
        return ()
    return (
        f"orders.csv and supplier.csv are an auction: walras clear {request.feeder} --market elecbay "
        "--orders orders.csv --supplier supplier.csv",
    )
