"""What the cells of the smart-homes study return: sessions, yardsticks, agents by hour, plants by size."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np

from studies.smart_homes.learning import Learned, Treatment, learn
from studies.smart_homes.markets import (
    MARKUPS,
    Market,
    PlantSpec,
    Remedies,
    plant_curve,
    plants_market,
    street_market,
)
from studies.smart_homes.stage import CASES, stage_game, stage_yardsticks
from studies.smart_homes.world import HOURS, StreetSpec, build_street
from studies.study import Row

SIZES = (
    300.0,
    600.0,
    900.0,
    1200.0,
    1500.0,
    1800.0,
    2100.0,
    2400.0,
    3200.0,
    4000.0,
)  # streets in the one plant


def stage_tables(key: str, seed: int, first: int, count: int) -> dict[str, Any]:
    """Sessions of one row of the stage game's table."""
    case = CASES[key]
    game, tensor = stage_game(case.game)
    found = learn(tensor, case.treatment, seed, range(count), tested=case.tested)
    yard = asdict(stage_yardsticks(game, tensor))
    return named_tables("stage", found, yard, first)


def market_tables(
    market: Market,
    treatment: Treatment,
    seed: int,
    first: int,
    count: int,
    street: StreetSpec | None,
    hour: int,
) -> dict[str, Any]:
    """Sessions of one market; with a street also what each home trades, at which price and own cost."""
    found = learn(
        market.tensor, treatment, seed, range(count), market.sellers, tested=treatment.memory == "all"
    )
    out = named_tables("sessions", found, asdict(market.yard), first)
    if street is not None:
        out["agents"] = learned_agents(market, found, street, hour, first)
    return out


def named_tables(name: str, found: Learned, yard: dict[str, Any], first: int) -> dict[str, Any]:
    """Rows of sessions with their yardsticks beside them, players, and responses to deviations."""
    shown = {f"yard_{key}": value for key, value in yard.items()}
    tables = {
        name: [row | shown for row in found.rows],
        f"{name}_players": found.players,
        f"{name}_responses": found.responses,
    }
    numbered = {
        table: [row | {"session": first + row["session"]} for row in rows] for table, rows in tables.items()
    }
    return {table: rows for table, rows in numbered.items() if rows}


def learned_agents(market: Market, found: Learned, street: StreetSpec, hour: int, first: int) -> list[Row]:
    """Per session and home: mean over the cycle of price, and of what it sells and buys."""
    rows = []
    for row, cycle in zip(found.rows, found.cycles, strict=True):
        prices, sold, bought = home_trades(market.game, street, cycle)
        rows += agent_rows(street, hour, prices, sold, bought, {"session": first + row["session"]})
    return rows


def home_trades(
    game: Any, street: StreetSpec, profiles: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(homes,) mean price at its bus [$/MWh], kW sold and bought of the homes' auction in some profiles.

    A seller that is split, or a home that is in a club, is found by its own name.
    """
    homes = build_street(street)
    x, _, lmp = game.trades(profiles)
    x, lmp = x.mean(axis=0), lmp.mean(axis=0)
    side, book = game.columns.side, game.sealed.book
    names = [str(book.participants[r]).partition(" part ")[0] for r in book.column_row]
    owner = np.array([homes.labels.index(n) if n in homes.labels else -1 for n in names])
    count = len(homes.labels)
    mine = owner >= 0
    sold = np.bincount(owner[mine & (side > 0)], x[mine & (side > 0)], minlength=count)
    bought = np.bincount(owner[mine & (side < 0)], x[mine & (side < 0)], minlength=count)
    price = np.array([lmp[homes.grid.bus_position[home.bus]] for home in homes.homes])
    return price, 1e3 * sold, 1e3 * bought


def agent_rows(
    street: StreetSpec,
    hour: int,
    prices: np.ndarray,
    sold: np.ndarray,
    bought: np.ndarray,
    extra: Row,
) -> list[Row]:
    """One row per home with its own marginal cost beside."""
    homes = build_street(street)
    return [
        {
            "home": homes.labels[k],
            "of_hour": hour,
            "seller": homes.labels[k] in homes.sellers,
            "price": float(prices[k]),
            "marginal_cost": float(homes.marginal_cost[k, hour]),
            "sold_kw": float(sold[k]),
            "bought_kw": float(bought[k]),
            **extra,
        }
        for k in range(len(homes.labels))
    ]


def day_tables(street: StreetSpec) -> dict[str, Any]:
    """Yardsticks of every hour, and every home's competitive price and marginal cost."""
    homes = build_street(street)
    hours, agents = [], []
    for hour in range(HOURS):
        market = street_market(street, hour, Remedies(), MARKUPS)
        hours.append(
            {"of_hour": hour, "import_price": float(homes.import_price[hour]), **asdict(market.yard)}
        )
        truth = np.zeros((1, len(market.tensor.players)), dtype=np.int64)
        agents += agent_rows(street, hour, *home_trades(market.game, street, truth), {})
    return {"hours": hours, "competitive_agents": agents}


def size_tables(street: StreetSpec, case: str, bus: str) -> dict[str, Any]:
    """What one plant alone gains by its best mark-up (noon) or shade (evening), by its size."""
    rows = []
    for hour in (12, 19):
        for streets in SIZES:
            plant = PlantSpec(case, bus, 1, streets, hour)
            market = plants_market(street, plant)
            paid = market.tensor.values[0]
            best = int(paid.argmax())
            heard = market.tensor.signals(np.array([[0], [best]]))
            curve = plant_curve(street, replace(plant))
            rows.append(
                {"of_hour": hour, "streets": streets,
                 "most_mw": float(max(curve.breakpoint_mw[-1], -curve.breakpoint_mw[0])),
                 "action": cast("float", market.tensor.labels[0][best]), "gain": float(paid[best] - paid[0]),
                 "profit": float(paid[0]), "price_before": float(heard[0, 0]),
                 "price_after": float(heard[1, 0]),
                 "bill_change": float(heard[1, 2] - heard[0, 2])}
            )  # fmt: skip
    return {"sizes": rows}
