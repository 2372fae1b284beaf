"""The 18-bus market of the article on a placement of its agents: experiments, curves and learning."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from clearing.errors import InputError
from learners.games.actions import Interruptions, OfferQuantities
from learners.games.game import PayoffTensor, profiles_of
from learners.games.market_game import Game
from learners.games.payoffs import Disco, Genco
from learners.sessions.session import Session
from learners.sessions.traces import TraceSpec
from learners.strategies.memory import LastActions
from learners.strategies.policies import EntropyBoltzmann
from learners.strategies.tabular import ExpectedSarsa
from networks.checks import suggest
from studies.study import Cell, Row

if TYPE_CHECKING:
    from networks.case import Case
    from studies.two_sided_eighteen_bus.study import Settings

PLACEMENTS = {"fitted": "eighteen_bus", "second": "eighteen_bus_alt"}
LINES = (4, 5, 8)
SHOWN = ("G1", "G4", "G6", "D1", "D2", "D3")
CENT = 9  # decimals of $ that are kept: what a clearing leaves beyond them is rounding, no incentive
FULL_MW = 1099.9  # at 1100 the export cut of bus 1 is degenerate in the fitted placement: no unique price
LEVELS = (FULL_MW, *(float(v) for v in range(1080, 880, -20)))
CUTS = (0.0, 20.0, 40.0, 60.0)
RAMP_FROM = 1060.0  # the article's experiment of a ramp limit: G1 can offer no less
DAYS_KEPT = 100

EXPERIMENTS: dict[str, tuple[str, float, dict[str, float], dict[int, float]]] = {
    "base": ("nobody withholds", FULL_MW, {}, {}),
    "alone 40": ("G1 withholds 40 MW alone", 1060, {}, {}),
    "alone 80": ("G1 withholds 80 MW alone", 1020, {}, {}),
    "alone 90": ("G1 withholds 90 MW alone", 1010, {}, {}),
    "D1 alone": ("D1 interrupts 40 MW alone", FULL_MW, {"D1": 40}, {}),
    "G1 D1": ("case A: G1 1060, D1 960", 1060, {"D1": 40}, {}),
    "G1 D1 D3": ("case A: then G1 1000, D3 940", 1000, {"D1": 40, "D3": 60}, {}),
    "A defect": ("D1 defects, G1 bids 850", 850, {}, {}),
    "A defect D3": ("D1 loyal again at G1 820, D3 970", 820, {"D1": 40, "D3": 30}, {}),
    "G1 D2": ("case B: G1 1060, D2 760", 1060, {"D2": 40}, {}),
    "G1 D2 D3": ("case B: then G1 1000, D3 940", 1000, {"D2": 40, "D3": 60}, {}),
    "B defect": ("D2 defects, G1 bids 1030", 1030, {}, {}),
    "B defect D3": ("after that G1 1000, D3 970", 1000, {"D2": 40, "D3": 30}, {}),
    "direct 1060": ("G1 1060 with D3 940 directly", 1060, {"D3": 60}, {}),
    "direct 1000": ("G1 1000 with D3 940 directly", 1000, {"D3": 60}, {}),
    "line 5, D1": ("line 5 at 800 MW: G1 1060, D1 960", 1060, {"D1": 40}, {5: 800}),
    "line 5, D1 D3": ("line 5 at 800 MW: G1 1000, D1 960, D3 940", 1000, {"D1": 40, "D3": 60}, {5: 800}),
    "line 4, D1": ("line 4 at 700 MW: G1 1060, D1 960", 1060, {"D1": 40}, {4: 700}),
    "line 4, D1 D3": ("line 4 at 700 MW: G1 1000, D1 960, D3 940", 1000, {"D1": 40, "D3": 60}, {4: 700}),
    "line 4, D1 D3 only": ("line 4 at 700 MW: G1 1060, D1 960, D3 940", 1060, {"D1": 40, "D3": 60}, {4: 700}),
    "line 8, D2": ("line 8 at 800 MW: G1 1060, D2 760", 1060, {"D2": 40}, {8: 800}),
    "line 8, D2 D3": ("line 8 at 800 MW: G1 1000, D2 760, D3 940", 1000, {"D2": 40, "D3": 60}, {8: 800}),
    "line 4 B, D2": ("line 4 at 900 MW: G1 1060, D2 760", 1060, {"D2": 40}, {4: 900}),
    "line 4 B, D2 D3": ("line 4 at 900 MW: G1 1000, D2 760, D3 940", 1000, {"D2": 40, "D3": 60}, {4: 900}),
    "300": ("line 4 at 300 MW: nobody withholds", FULL_MW, {}, {4: 300}),
    "300, D1 D3": ("line 4 at 300 MW: G1 1000, D1 960, D3 940", 1000, {"D1": 40, "D3": 60}, {4: 300}),
    "300, D2 D3": ("line 4 at 300 MW: G1 1000, D2 760, D3 940", 1000, {"D2": 40, "D3": 60}, {4: 300}),
}
"""Key → words, G1's offer [MW], interruptions [MW], line limits [MW]: section 5 of the article."""


@lru_cache(maxsize=8)
def case_of(placement: str) -> Case:
    """The case of a named placement, or with the agents where a CSV of agent and bus puts them."""
    import networks
    from networks.placement import move_agents

    if placement in PLACEMENTS:
        return networks.load(PLACEMENTS[placement])
    return move_agents(networks.load("eighteen_bus"), placement)


@lru_cache(maxsize=2)
def discos_of(case: str) -> Mapping[str, Disco]:
    """The disco of every load: its retail price and what it pays for interruptions."""
    from networks import companion_table

    table = companion_table(case, "discos")
    return {
        name: Disco(load=name, retail_price=retail, interruption_cost=cost)
        for name, retail, cost in zip(
            table["load"], table["retail_price"], table["interruptible_cost"], strict=True
        )
    }


def two_sided_game(
    market: Any,
    case: Case,
    discos: Mapping[str, Disco],
    offers: Mapping[str, Sequence[float]],
    cuts: Mapping[str, Sequence[float]],
    flows: Sequence[Hashable] = (),
) -> Game:
    """Gencos offer so many MW at cost, discos interrupt so many of their load; the others serve and buy all.

    Its last signals are the flows [MW], then each player's own price [$/MWh].
    """
    fleet, buses = case.fleet, case.grid.buses
    place = dict(zip((*fleet.units, *fleet.loads), (*fleet.unit_bus, *fleet.load_bus), strict=True))
    players = {name: Genco(name) for name in offers} | {name: discos[name] for name in cuts}
    acts = {name: OfferQuantities(tuple(mw)) for name, mw in offers.items()} | {
        name: Interruptions(tuple(mw), load=name) for name, mw in cuts.items()
    }
    own = [buses[place[name]] for name in players]
    return Game(market, case, players, acts, flows=flows, prices=own, decimals=CENT)


def by_player(table: PayoffTensor) -> PayoffTensor:
    """The table of a two-sided game with flows and each player's price, under its name, as its signals."""
    assert table.signal_values is not None
    names = (*table.signal_names[2 : -len(table.players)], *(f"price {p}" for p in table.players))
    return PayoffTensor(table.values, table.players, table.labels, table.signal_values[2:], names)


def market_of(
    placement: str,
    rule: str,
    offers: Mapping[str, Sequence[float]],
    cuts: Mapping[str, Sequence[float]],
    limits: Mapping[int, float] | None = None,
) -> Game:
    """The game of these players, with limits [MW] in place of the grid's."""
    import clearing

    case = case_of(placement)
    limit = np.array(case.grid.limit_mw)
    for line, mw in (limits or {}).items():
        if line not in case.grid.branches:
            raise InputError(f"limits: {line!r} is no branch of the grid{suggest(line, case.grid.branches)}")
        limit[case.grid.branches.index(line)] = mw
    grid = case.grid.with_settings(limit_mw=limit)
    market = clearing.NodalMarket(grid, price_rule=rule)  # type: ignore[arg-type]
    return two_sided_game(market, case, discos_of("eighteen_bus"), offers, cuts, LINES)


def everybody(
    placement: str,
    offers: Mapping[str, Sequence[float]],
    cuts: Mapping[str, Sequence[float]],
) -> tuple[dict[str, Sequence[float]], dict[str, Sequence[float]]]:
    """Actions of all gencos and discos; who is not named offers everything and interrupts nothing."""
    fleet = case_of(placement).fleet
    full = {str(u): (float(mw),) for u, mw in zip(fleet.units, fleet.max_mw, strict=True)}
    return full | dict(offers), {str(name): (0.0,) for name in fleet.loads} | dict(cuts)


def run_experiments(placement: str, rule: str) -> Row:
    """Each experiment's prices, accepted MW, profits and flows; NaN where demand cannot be served."""
    rows, flows = [], []
    for key, (words, offer, cuts, limits) in EXPERIMENTS.items():
        all_cuts = {name: (mw,) for name, mw in cuts.items()}
        game = market_of(placement, rule, *everybody(placement, {"G1": (offer,)}, all_cuts), limits)
        profile = profiles_of(game.actions)
        cleared, batch = game.clear(
            *game.moves.numbers(profile), want=("lmp_low", "lmp_high", "flow"), on_error="mark"
        )
        assert batch.lmp_low is not None
        assert batch.lmp_high is not None
        assert batch.flow is not None
        paid = game.earn(cleared, game.moves.interrupted_mwh(profile))[0]
        buses = [*game.columns.bus, *game.columns.load_bus]
        mw = [*cleared.accepted[0], *cleared.fixed_mw[0, :, 0]]
        for i, (name, bus) in enumerate(zip(game.players, buses, strict=True)):
            rows.append(
                {
                    "experiment": key, "words": words, "agent": name, "price": cleared.lmp[0, bus, 0],
                    "mw": mw[i], "low": batch.lmp_low[0, bus], "high": batch.lmp_high[0, bus],
                    "profit": paid[i],
                }
            )  # fmt: skip
        for line in LINES:
            k = game.market.grid.branches.index(line)
            limit = game.market.grid.limit_mw[k]
            flows.append({"experiment": key, "line": line, "flow_mw": batch.flow[0, k], "limit_mw": limit})
    return {"experiments": rows, "flows": flows}


def run_curve(placement: str, rule: str) -> Row:
    """G1's price and profit over its offer, alone and with one disco's 40 MW; NaN where demand is not met."""
    offers = (*(float(v) for v in range(800, 1100, 2)), FULL_MW)
    rows = []
    for name in ("nobody", "D1", "D2", "D3"):
        game = market_of(placement, rule, {"G1": offers}, {} if name == "nobody" else {name: (40.0,)})
        profiles = profiles_of(game.actions)
        cleared, _ = game.clear(*game.moves.numbers(profiles), on_error="mark")
        paid = game.earn(cleared, game.moves.interrupted_mwh(profiles))[:, 0]
        price = cleared.lmp[:, game.columns.bus[game.own[0]][0], 0]
        rows += [
            {"with": name, "offer_mw": o, "price": p, "profit": money}
            for o, p, money in zip(offers, price, paid, strict=True)
        ]
    return {"curve": rows}


def limits_of(text: str) -> dict[int, float]:
    """ "4=700" as a limit of 700 MW on line 4; "" for none."""
    return {int(line): float(mw) for line, mw in (part.split("=") for part in text.split() if part)}


@lru_cache(maxsize=16)
def small_game(placement: str, rule: str, ramp: bool, discos: bool, lines: str) -> PayoffTensor:
    """G1 (and D1 to D3) against the rest at cost: every profile cleared once, with flows and prices."""
    offers = tuple(v for v in LEVELS if v >= RAMP_FROM) if ramp else LEVELS
    cuts = dict.fromkeys(("D1", "D2", "D3"), CUTS if discos else CUTS[:1])
    return by_player(market_of(placement, rule, {"G1": offers}, cuts, limits_of(lines)).tensor())


def learned(cell: Cell, rule: str, seeds: int, days: int, alpha: float, seed: int) -> Row:
    """Ends of Algorithm 1 in each seed, bids and flows over the days, and the game's pure equilibria."""
    from learners.equilibria.pure import joint_optimum, pure_equilibria

    game = small_game(cell["placement"], rule, cell["ramp"], cell["discos"], cell["lines"])
    memory = LastActions(cell["memory"])
    spec = ExpectedSarsa(alpha, cell["gamma"], EntropyBoltzmann(cell["rate"]), memory)
    rest = ExpectedSarsa(alpha, cell["gamma"], EntropyBoltzmann(cell["rate"]), LastActions("none"))
    session = Session(game, (spec, rest, rest, rest), days, trace=TraceSpec(days + 1, 1))
    ended = session.play(seed, seeds)
    levels = [np.array(labels, dtype=float) for labels in game.labels]
    path = np.stack([e.trace.profiles for e in ended.ended])
    ends = np.stack([_rest(ended, row, game) for row in range(seeds)])
    paid, seen = game.payoffs(ends), game.signals(ends)
    online = game.payoffs(path.reshape(-1, 4)).reshape(seeds, days, 4).mean(axis=1)
    rows: dict[str, Any] = {"seed": np.arange(seeds), "visited": [len(np.unique(p, axis=0)) for p in path]}
    for i, name in enumerate(game.players):
        rows[f"{name}_mw"] = levels[i][ends[:, i]]
        rows[f"{name}_profit"] = paid[:, i]
        rows[f"{name}_online"] = online[:, i]
        rows[f"{name}_price"] = seen[:, len(LINES) + i]
    for k, line in enumerate(LINES):
        rows[f"line{line}_mw"] = seen[:, k]
    shown = np.array_split(np.arange(days), min(DAYS_KEPT, days))
    flows = game.signals(path.reshape(-1, 4)).reshape(seeds, days, -1)
    by_day: dict[str, Any] = {"day": [int(part[-1]) + 1 for part in shown]}
    for i, name in enumerate(game.players):
        by_day[f"{name}_mw"] = [levels[i][path[:, part, i]].mean() for part in shown]
    for k, line in enumerate(LINES):
        by_day[f"line{line}_mw"] = [flows[:, part, k].mean() for part in shown]
    best = joint_optimum(game)
    solved = [
        {"kind": "equilibrium", **_profile(game, e.profile), "strict": e.strict}
        for e in pure_equilibria(game)
    ]
    solved.append({"kind": "joint optimum", **_profile(game, best.profile), "strict": False})
    return {"ends": rows, "by_day": by_day, "solved": solved}


def _rest(ended: Any, row: int, game: PayoffTensor) -> np.ndarray:
    """The greedy profile; with memory, where greedy play goes from the last profile (first of its cycle)."""
    from learners.strategies.policy_card import resting_cycle

    return np.asarray(
        resting_cycle(ended.strategies(row), game.actions, ended.ended[row].standing.tolist())[0]
    )


def _profile(game: PayoffTensor, profile: Sequence[int]) -> dict[str, float]:
    out = {}
    for i, name in enumerate(game.players):
        out[f"{name}_mw"] = float(game.labels[i][profile[i]])  # type: ignore[arg-type]
        out[f"{name}_profit"] = float(game.values[(i, *profile)])
    return out


def everyone(cell: Cell, spec: Settings, seed: int) -> Row:
    """All gencos and all discos learn; what each does in the end, and what it could gain alone."""
    full, none = everybody(cell["placement"], {"G1": (FULL_MW,)}, {})
    offers = {name: tuple(mw - w for w in spec.withheld_mw) for name, (mw,) in full.items()}
    market = market_of(cell["placement"], spec.price_rule, offers, dict.fromkeys(none, spec.cuts_mw))
    learner = ExpectedSarsa(spec.alpha, 0.0, EntropyBoltzmann(cell["rate"]), LastActions("none"))
    session = Session(market, (learner,) * len(market.players), spec.days, trace=TraceSpec(2, 1))
    ended = session.play(seed, spec.seeds_everyone)
    ends = np.stack([[s.table[0] for s in ended.strategies(row)] for row in range(len(ended.ended))])
    paid, nothing = market.payoffs(ends), market.payoffs(np.zeros((1, len(market.players)), dtype=int))[0]
    gain = _gains(market, ends, paid)
    prices = market.signals(ends)[:, -len(market.players) :]
    rows = [
        {
            "seed": row, "agent": name, "moved_mw": abs(market.labels[i][ends[row, i]] - market.labels[i][0]),
            "profit": paid[row, i], "passive": nothing[i], "gain_alone": gain[row, i],
            "price": prices[row, i],
        }
        for row in range(len(ends)) for i, name in enumerate(market.players)
    ]  # fmt: skip
    return {"everyone": rows}


def _gains(market: Game, ends: np.ndarray, paid: np.ndarray) -> np.ndarray:
    """(seeds, players) what each would gain by its best action against the others' ends [$]."""
    out = np.zeros(paid.shape)
    for i, count in enumerate(market.actions):
        for action in range(count):
            tried = ends.copy()
            tried[:, i] = action
            out[:, i] = np.maximum(out[:, i], market.payoffs(tried)[:, i] - paid[:, i])
    return out
