"""Do learning homes collude? Three scenarios of "Collusive Smart Homes", each against exact yardsticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from networks.errors import InputError
from studies.running.spec import Spec, setting
from studies.study import Cell, Row, Study, Tables

if TYPE_CHECKING:
    from studies.smart_homes.markets import Remedies
    from studies.smart_homes.world import StreetSpec

BLOCK = 5  # sessions in a cell
LONG_BLOCK = 2  # of the game of five sellers, which takes about ten million rounds
MEMORIES = ("all", "price", "own", "none")
PRICINGS = ("uniform", "pay_as_offer", "k", "vcg")


@dataclass(frozen=True)
class Settings(Spec):
    """The street, the plants, how homes learn, and the remedies (those change scenario 2)."""

    sessions: int = setting(
        20, "sessions of each row of the sealed stage game's table; 0 leaves it out", low=0
    )
    street_sessions: int = setting(12, "sessions of each market of homes and plants", low=1)
    hours: tuple[int, ...] = setting((8, 10, 12, 14, 16), "hours of the day that are learned", low=0, high=23)
    hour: int = setting(12, "hour in which rules, sides and scenario 1 are compared", low=0, high=23)
    feeder: str = setting(
        "feeder8", "the feeder, with its limits", choices=("feeder8", "feeder33", "cigre_lv")
    )
    homes: int = setting(14, "homes on the feeder", low=3, high=200)
    sellers: int = setting(4, "homes with large roofs: the sellers who learn", low=2, high=5)
    roofs_kw: float = setting(36.0, "solar capacity of all large roofs", "kW", low=0.1)
    clearness: float = setting(1.0, "of the sky", low=0, high=1)
    battery_share: float = setting(0.1, "probability of a home to have a battery", low=0, high=1)
    import_adder: float = setting(160.0, "network charges and levies in the import price", "$/MWh", low=0)
    feed_in: float = setting(60.0, "what energy fetches that finds no buyer", "$/MWh", low=0)
    world: int = setting(1, "number that homes, loads and roofs are drawn from", low=0)
    discount: float = setting(0.95, "discount factor of a round", low=0, high=0.9999)
    alpha: float = setting(0.15, "step size of learning", low=1e-3, high=1)
    beta: float = setting(1e-5, "decay of exploration per update, homes and plants", low=1e-7, high=0.1)
    unchanged: int = setting(100_000, "updates without change after which a session ends", low=100)
    memory: str = setting("all", "remedy: what sellers see of the last round", choices=MEMORIES)
    lock: int = setting(1, "remedy: rounds for which offers stand", low=1, high=35_040)
    cap: float | None = setting(None, "remedy: offers above it are lowered to it", "$/MWh", low=0)
    reserve: float | None = setting(None, "remedy: offers above it are refused", "$/MWh", low=0)
    pricing: str = setting("uniform", "remedy: rule of the auction", choices=PRICINGS)
    sell_firm: bool = setting(False, "remedy: each seller gets its share of the market's worth, less a fee")
    split: int = setting(1, "remedy: each seller becomes so many of the same total size", low=1, high=3)
    buyers: bool = setting(False, "remedy: a club of buyers learns to shade its bids")
    bulk: str = setting("pglib_ieee300", "scenario 3: the bulk grid, any case")
    bulk_bus: str = setting("121", "scenario 3: bus where the plants are connected")
    streets: float = setting(1200.0, "scenario 3: streets in each of three plants that sell at noon", low=1)
    evening_streets: float = setting(4000.0, "scenario 3: streets in each that buys in the evening", low=1)


def street_of(spec: Settings) -> StreetSpec:
    """The street's specification."""
    from studies.smart_homes.world import StreetSpec

    names = StreetSpec.__dataclass_fields__
    return StreetSpec(**{name: getattr(spec, name) for name in names})


def remedies_of(spec: Settings) -> Remedies:
    """The remedies that are on."""
    from studies.smart_homes.markets import Remedies

    return Remedies(**{name: getattr(spec, name) for name in Remedies.__dataclass_fields__})


def cells(spec: Settings) -> Sequence[Cell]:
    """Sessions in blocks, the longest first; the street's day; the sizes of a plant."""
    from studies.smart_homes.learning import session_blocks
    from studies.smart_homes.stage import CASES

    if spec.homes < spec.sellers + 3:
        raise InputError(
            f"spec: {spec.homes} homes with {spec.sellers} sellers leave too few buyers for three clubs; "
            f"give homes of at least {spec.sellers + 3}"
        )
    empty = {"part": "", "market": "", "hour": -1, "treatment": "", "first": 0, "count": 0}
    out: list[Row] = []
    order = sorted(CASES, key=lambda key: key != "five")
    for key in order:
        size = LONG_BLOCK if key == "five" else BLOCK
        out += [
            empty | {"part": "stage", "market": key, "first": first, "count": count}
            for first, count in session_blocks(spec.sessions, size)
        ]
    markets = [("auction", hour, "memory") for hour in dict.fromkeys((*spec.hours, spec.hour))]
    markets += [("auction", spec.hour, way) for way in ("myopic", "forgetful")]
    markets += [(rule, spec.hour, "memory") for rule in PRICINGS if rule != spec.pricing]
    markets += [(name, spec.hour, "memory") for name in ("clubs", "two_sided", "one_sided")]
    markets += [(name, spec.hour, "memory") for name in ("posted", "posted_two_sided", "bilateral")]
    markets += [("plants", 12, "memory"), ("plants", 12, "forgetful"), ("plants", 19, "memory")]
    for market, hour, treatment in markets:
        size = spec.street_sessions if market == "bilateral" else 6  # its tensor is what takes long
        out += [
            empty | {"part": "market", "market": market, "hour": hour, "treatment": treatment,
                     "first": first, "count": count}
            for first, count in session_blocks(spec.street_sessions, size)
        ]  # fmt: skip
    return [*out, empty | {"part": "day"}, empty | {"part": "sizes"}]


def market_of(spec: Settings, name: str, hour: int) -> Any:
    """A market by the name of its cell."""
    from dataclasses import replace

    from studies.smart_homes import markets as m

    street, remedies = street_of(spec), remedies_of(spec)
    if name == "plants":
        streets = spec.streets if hour == 12 else spec.evening_streets
        return m.plants_market(street, m.PlantSpec(spec.bulk, spec.bulk_bus, 3, streets, hour))
    if name == "clubs":
        return m.clubs_market(street, hour)
    if name in ("posted", "bilateral", "posted_two_sided"):
        return m.pairs_market(street, hour, name.partition("_")[0], name.endswith("two_sided"))
    if name in ("two_sided", "one_sided"):
        both = replace(remedies, buyers=name == "two_sided")
        return m.street_market(street, hour, both, m.FEW_MARKUPS)
    chosen = remedies if name == "auction" else replace(remedies, pricing=name, sell_firm=False)
    # tensors grow with the number of players: fewer mark-ups where sellers are split or buyers learn
    large = chosen.buyers or chosen.split * spec.sellers > 4
    return m.street_market(street, hour, chosen, m.FEW_MARKUPS if large else m.MARKUPS)


def run_cell(spec: Settings, cell: Cell, rng: np.random.Generator) -> Tables:
    """Sessions of one market, or what needs no learning."""
    from studies.smart_homes import cells as parts

    seed = int(rng.integers(2**31))
    if cell["part"] == "stage":
        return parts.stage_tables(str(cell["market"]), seed, int(cell["first"]), int(cell["count"]))
    if cell["part"] == "day":
        return parts.day_tables(street_of(spec))
    if cell["part"] == "sizes":
        return parts.size_tables(street_of(spec), spec.bulk, spec.bulk_bus)
    from studies.smart_homes.learning import Treatment

    market = market_of(spec, str(cell["market"]), int(cell["hour"]))
    treatment = Treatment("all", spec.discount, 1, spec.alpha, spec.beta, spec.unchanged)
    if cell["market"] in ("auction", *PRICINGS, "two_sided", "one_sided"):
        treatment = remedies_of(spec).treat(treatment)
    ways: dict[str, dict[str, Any]] = {"myopic": {"delta": 0.0}, "forgetful": {"memory": "none"}}
    chosen = Treatment(**(asdict(treatment) | ways.get(str(cell["treatment"]), {})))
    tracked = street_of(spec) if cell["market"] == "auction" and cell["treatment"] == "memory" else None
    return parts.market_tables(
        market, chosen, seed, int(cell["first"]), int(cell["count"]), tracked, int(cell["hour"])
    )


def fingerprint(spec: Settings) -> str:
    """Changes when the feeder or the bulk grid does."""
    from studies.study import case_fingerprint

    feeder = "" if spec.feeder == "cigre_lv" else case_fingerprint(spec.feeder)
    return feeder + case_fingerprint(spec.bulk)


STUDY = Study(
    title="Learning homes that sell energy: competition, static equilibrium, or collusion",
    question="When smart homes learn to price energy in a microgrid, do they end above what rivalry without "
    "threats explains, in which markets, and how many years of real intervals does it take them?",
    method="Homes with roofs, batteries, shiftable loads, vehicles and comfort worth different amounts at "
    "different hours stand on a feeder with line limits. In each hour a home's true offers and bids are the "
    "exact blocks of its net export curve, whose slope is the dual of its own energy balance. Sellers add "
    "mark-ups to these, buyers shade them. Each market (sealed auction under its pricing rules, bilateral "
    "contracts, posted offers, virtual plants in a bulk grid) is cleared exactly for every profile of "
    "actions; Q-learners play the resulting game until no greedy action changes, never before exploration "
    "is over. Their profits are put between competition (0) and the joint optimum (1), beside all static "
    "Nash equilibria, with δ = 0 and without memory as controls, exact best-response losses and forced "
    "deviations. The sealed stage game repeats the notes' table.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    fingerprint=fingerprint,
    under_specified=(
        "The document proposes the simulation and gives no numbers: street, roofs, tariffs and feeder are "
        "ours.",
        "Unsold energy is settled by the supplier at the feed-in price outside the auction, so that price is "
        "a seller's opportunity cost; the security check sees what the auction trades. Voltage is outside.",
        "The state of a learner is the last round of the same hour; weather and loads repeat, which makes "
        "learning easier than it would be. Years are updates of quarter hours, 96 a day, as if every one of "
        "them were this hour: a lower bound.",
        "How a bilateral market settles: posted offers, or stable contracts at the middle of their price "
        "range; both are shown. Trade between homes carries a network charge of 8 $/MWh and no line limits.",
        "Plants are identical streets without limits inside; energy that finds no buyer is spilled.",
    ),
)  # fmt: skip
