"""The markets in which homes learn, as tensors of payoffs: three scenarios, and remedies as parameters."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from networks.errors import InputError
from studies.smart_homes.learning import Treatment, Yardsticks, yardsticks
from studies.smart_homes.world import StreetSpec, build_street, sealed_book, street_orders

if TYPE_CHECKING:
    from clearing import SealedBook
    from clearing.plants.supply_curve import SupplyCurve
    from learners import ElecBayGame, Game
    from learners.games.game import PayoffTensor

MARKUPS = tuple(25.0 * k for k in range(7))  # $/MWh; the last nearly spans feed-in to import price
FEW_MARKUPS = (0.0, 50.0, 100.0, 150.0)
SHADES = (0.0, 30.0, 60.0, 90.0)
CLUB_SHADES = (0.0, 20.0, 40.0, 60.0, 80.0)
CLUBS = 3
PAIR_CHARGE = 8.0  # $/MWh on trade between two homes
MOST_PROFILES = 20_000


@dataclass(frozen=True)
class Remedies:
    """What a regulator may change; the defaults change nothing.

    Attributes
    ----------
    memory : what sellers see of the last round, see :class:`Treatment`; lock : rounds for which offers stand.
    cap : offers above it are lowered to it; reserve : offers above it are refused, and energy comes from
        beyond instead; None for neither.
    pricing : rule of the auction; "k" pays the lowest supporting prices.
    sell_firm : each seller gets its share of what the market is worth, less a fee.
    split : each seller becomes so many of the same total size.
    buyers : whether a club of buyers learns to shade its bids.
    """

    memory: str = "all"
    lock: int = 1
    cap: float | None = None
    reserve: float | None = None
    pricing: str = "uniform"
    sell_firm: bool = False
    split: int = 1
    buyers: bool = False

    def treat(self, treatment: Treatment) -> Treatment:
        """The learning that follows."""
        return replace(treatment, memory=self.memory, lock=self.lock)


@dataclass(frozen=True, eq=False)
class Market:
    """A tabulated market.

    Attributes
    ----------
    tensor : payoffs and signals price, welfare, bill (first three) of all profiles.
    yard : yardsticks of its sellers; sellers : how many of the players, the first ones, sell.
    game : the source, for markets that can say who trades what.
    """

    tensor: PayoffTensor
    yard: Yardsticks
    sellers: int
    game: ElecBayGame | Game | None = None


@lru_cache(maxsize=24)
def street_market(street: StreetSpec, hour: int, remedies: Remedies, markups: tuple[float, ...]) -> Market:
    """Scenario 2: the auction of an hour under a set of remedies."""
    from learners import ElecBayGame, Markups, Shading

    homes = build_street(street)
    book = sealed_book(street, hour)
    players: dict[str, Hashable | Sequence[Hashable]] = {name: name for name in homes.sellers}
    if remedies.split > 1:
        book, players = split_sellers(book, homes.sellers, remedies.split)
    limits: dict[str, Any] = {"cap": remedies.cap, "reserve": remedies.reserve, "k": 0.0}
    pricing: Any = remedies.pricing
    if remedies.sell_firm:
        pricing = "pay_as_offer"
        truth = ElecBayGame(homes.grid, book, players, Markups((0.0,)), pricing)
        earned, heard = truth.competitive()
        others = float(heard[1] - earned.sum())
        limits["fee"] = others  # buyers keep what competition leaves them
    sellers = ElecBayGame(homes.grid, book, players, Markups(markups), pricing, **limits)
    tensor = sellers.tensor()
    yard = yardsticks(tensor, *sellers.competitive())
    if not remedies.buyers:
        return Market(tensor, yard, len(players), sellers)
    club = tuple(name for name in homes.labels if name not in homes.sellers)
    moves = {name: Markups(markups) for name in players} | {"buyers": Shading(SHADES)}
    both = ElecBayGame(homes.grid, book, players | {"buyers": club}, moves, pricing, **limits)
    return Market(both.tensor(), yard, len(players), both)


def split_sellers(
    book: SealedBook, sellers: tuple[str, ...], parts: int
) -> tuple[SealedBook, dict[str, Hashable | Sequence[Hashable]]]:
    """The same book with each seller's offers in equal parts of as many participants."""
    from clearing import SealedBook

    frame = book.book.orders_frame
    own = frame["participant"].isin(sellers) & (frame["side"] == "sell")
    rows = frame[~own & ~book.supplied].to_dict("records")
    for row in frame[own].to_dict("records"):
        rows += [
            row | {"order": f"{row['order']} part {k}", "participant": f"{row['participant']} part {k}",
                   "mw": row["mw"] / parts}
            for k in range(1, parts + 1)
        ]  # fmt: skip
    names = ("order", "participant", "bus", "side", "mw", "price")
    supplier = frame[book.supplied].iloc[0]
    again = SealedBook.from_tables(
        [{name: row[name] for name in names} for row in rows], hours=book.book.hours,
        supplier=[{"bus": supplier["bus"], "import_price": supplier["price"], "export_price": None}],
    )  # fmt: skip
    sold = dict.fromkeys(f"{row['participant']} part {k}" for row in frame[own].to_dict("records")
                         for k in range(1, parts + 1))  # fmt: skip
    return again, {name: name for name in sold}


@lru_cache(maxsize=8)
def clubs_market(street: StreetSpec, hour: int) -> Market:
    """Scenario 2, buy side alone: truthful sellers, and clubs of buyers that learn to shade."""
    from learners import ElecBayGame, Shading

    homes = build_street(street)
    club = [name for name in homes.labels if name not in homes.sellers]
    players = {f"buyers {k + 1}": tuple(club[k::CLUBS]) for k in range(CLUBS)}
    game = ElecBayGame(homes.grid, sealed_book(street, hour), players, Shading(CLUB_SHADES))
    tensor = game.tensor()
    return Market(tensor, yardsticks(tensor, *game.competitive()), CLUBS, game)


@lru_cache(maxsize=8)
def pairs_market(street: StreetSpec, hour: int, kind: str, buyers: bool = False) -> Market:
    """Scenario 1: bilateral contracts ("bilateral") or posted offers ("posted"), a charge on each pair."""
    from learners import BilateralGame, PostedGame, Trader
    from learners.games.microgrid_pairs import book_of_orders

    homes = build_street(street)
    orders = street_orders(street, hour)
    price = float(homes.import_price[hour])
    book = book_of_orders(orders, price, charge=PAIR_CHARGE)
    owner = {row["order"]: row["participant"] for row in orders}
    marks = FEW_MARKUPS if buyers or kind == "bilateral" else MARKUPS
    rows = {name: tuple(s for s in book.sellers if owner.get(s) == name) for name in homes.sellers}
    players = {name: Trader(sells=own, markups=marks) for name, own in rows.items() if own}
    if not players:
        raise InputError(f"hour {hour}: no seller has energy to offer; choose an hour with sun")
    build = {"posted": PostedGame, "bilateral": BilateralGame}[kind]
    game = build(book, players)
    tensor = game.tensor()
    yard = yardsticks(tensor, *game.competitive())
    if not buyers:
        return Market(tensor, yard, len(players), game)
    mine = tuple(b for b in book.buyers if owner[b] not in homes.sellers)
    both = build(book, players | {"buyers": Trader(buys=mine, shades=SHADES)})
    return Market(both.tensor(), yard, len(players), both)


@dataclass(frozen=True)
class PlantSpec:
    """Scenario 3: equal virtual plants of many streets at one bus of a bulk grid.

    Attributes
    ----------
    case, bus : the bulk grid, and the bus (as text) where the plants are connected.
    plants, streets : number of plants, and streets in each.
    roofs_kw : solar capacity of a street, on all its roofs.
    """

    case: str = "pglib_ieee300"
    bus: str = "121"
    plants: int = 3
    streets: float = 1200.0
    hour: int = 12
    roofs_kw: float = 100.0


@lru_cache(maxsize=16)
def plant_curve(street: StreetSpec, plant: PlantSpec) -> SupplyCurve:
    """The net supply curve of one plant of identical streets: energy that finds no buyer is spilled."""
    import clearing

    whole = replace(street, sellers=street.homes, roofs_kw=plant.roofs_kw)
    homes = build_street(whole)
    rows = [row | {"mw": plant.streets * row["mw"]} for row in street_orders(whole, plant.hour, 0.0)]
    book = clearing.SealedBook.from_tables(rows, hours=1.0).book
    free = homes.grid.with_settings(limit_mw=np.full(len(homes.grid.branches), np.inf))
    most = plant.streets * street.homes * 0.017
    return clearing.VirtualPowerPlant(free, book, homes.source, most, most).supply_curve()


@lru_cache(maxsize=16)
def plants_market(street: StreetSpec, plant: PlantSpec) -> Market:
    """Plants offer their curves with mark-ups (noon) or shade their bids, where they are net buyers."""
    import clearing
    import networks
    from learners import Game, Markups, Shading
    from learners.games.payoffs import Prosumer

    case = networks.load(plant.case)
    bus = next((b for b in case.grid.buses if str(b) == plant.bus), plant.bus)
    bulk = clearing.Book.from_case(case)
    curve = plant_curve(street, plant)
    names = [f"plant {k + 1}" for k in range(plant.plants)]
    rows = [
        {k: v for k, v in row.items() if k != "period"} for name in names for row in curve.orders(bus, name)
    ]
    import pandas as pd

    orders = pd.concat([bulk.orders_frame, clearing.Book.from_tables(rows).orders_frame], ignore_index=True)
    book = clearing.Book.from_tables(orders, fixed=bulk.fixed_frame, hours=1.0)
    sells = float(curve.breakpoint_mw[-1]) > -float(curve.breakpoint_mw[0])
    steps = tuple(10.0 * k for k in range(7))
    game = Game(
        clearing.NodalMarket(case.grid), book, {name: Prosumer(name) for name in names},
        Markups(steps) if sells else Shading(steps),
    )  # fmt: skip
    tensor = with_bill(game, bus)
    earned, _ = game.competitive()
    # truthful offers are the first action of every player
    heard = tensor.signals(np.zeros((1, plant.plants), dtype=np.int64))[0]
    return Market(tensor, yardsticks(tensor, earned, heard), plant.plants, game)


def with_bill(game: Game, bus: Hashable) -> PayoffTensor:
    """The tensor of a bulk game; its signals are the price at a bus, welfare, and fixed demand's bill."""
    from learners.games.game import PayoffTensor, profiles_of

    profiles = profiles_of(game.actions)
    price, mw, fixed = game.moves.numbers(profiles)
    cleared, _ = game.clear(price, mw, fixed)
    paid = game.earn(cleared)
    lmp = cleared.lmp[:, :, 0]
    bill = (lmp * np.maximum(fixed[:, :, 0], 0.0)).sum(axis=1)
    at = lmp[:, game.market.grid.bus_position[bus]]
    count = len(game.players)
    table = np.column_stack([paid, at, cleared.true_welfare, bill]).T.reshape(-1, *game.actions)
    return PayoffTensor(table[:count], game.players, game.labels, table[count:], ("price", "welfare", "bill"))
