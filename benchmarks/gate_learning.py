"""Games and sessions: payoffs of every kind of game, every learner in sessions, environments, evolution."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from gate_cases import Cases, Outputs, attributes, built_in
from gate_markets import draw_auction, pair_books

import learners as le
from clearing import MitigatedMarket, NodalMarket
from learners import Boltzmann, EntropyBoltzmann, EpsilonGreedy, Exponential, LastActions, Linear, Session

FALLING, STEADY = EpsilonGreedy(Exponential(2e-3)), EpsilonGreedy(0.1)
POLICIES = {
    "falling": FALLING,
    "steady": STEADY,
    "linear": EpsilonGreedy(Linear(0.5, 0.0, 500)),
    "Boltzmann": Boltzmann(0.4),
    "entropy": EntropyBoltzmann(0.3),
}
TABLES = {"Q": le.QLearning, "SARSA": le.Sarsa, "expected SARSA": le.ExpectedSarsa}
MEMORIES = {of: LastActions(of) for of in ("all", "own", "rivals", "none")} | {
    "price": le.LastSignal((1.5, 1.7))
}
OTHERS = {
    "linear q": le.LinearTD("q", 0.1, 0.95, 0.8, FALLING),
    "linear sarsa": le.LinearTD("sarsa", 0.1, 0.9, 0.5, STEADY, le.TileCoding(4, 3, "own")),
    "linear expected": le.LinearTD(
        "expected", 0.1, 0.9, 0.0, FALLING, le.TileCoding(signals=((0, 1.0, 2.0),))
    ),
    "Roth-Erev": le.RothErev(),
    "evolution": le.Evolution(strategies=8, matches=2, immigrants=1),
    "truthful": le.Truthful(),
    "fixed": le.Fixed(1),
    "best response": le.BestResponse(),
    "grim": le.Grim(2),
    "tit for tat": le.TitForTat(2),
    "undercut": le.Undercut(),
    "held": le.Held(le.QLearning(policy=STEADY), 2, 1),
    "by visits": le.QLearning(0.1, 1.0, STEADY, LastActions("own"), by_visits=True),
}
REPLICATES = [0, 3, 1]


def cases() -> Cases:
    """Cases by name."""
    found: Cases = {f"game/{name}": partial(pay, name) for name in GAMES}
    for table in TABLES:
        for policy in POLICIES:
            found[f"session/{table}, {policy}"] = partial(play_tables, table, policy)
    found |= {f"session/{name}": partial(play_other, name) for name in OTHERS}
    found |= {f"session/on {name}": partial(play_game, name) for name in ("nodal", "sealed stage", "posted")}
    found["session/without controls"] = play_controls
    found["session/alternating"] = play_alternating
    found["session/levels"] = play_levels
    found["session/stages"] = play_stages
    found["session/resumed"] = play_resumed
    found["session/day plans"] = play_day_plans
    found["environments"] = step_environments
    found["evolution"] = evolve
    return found


@cache
def game(name: str) -> Any:
    """A game by name, made once."""
    return GAMES[name]()


def on_five_buses(actions: Any, **rules: Any) -> Any:
    """The firms of five buses with other actions or rules."""
    case = built_in("five_bus")
    return le.Game(NodalMarket(case.grid), case, ["G1", "G2", "G3"], actions, **rules)


def on_three_nodes(actions: Any) -> Any:
    """Two periods; a firm and a retailer."""
    case = built_in("three_node")
    players = {"Gen-A": le.Genco("Gen-A"), "2": le.Disco(2, 30.0, 10.0)}
    return le.Game(NodalMarket(case.grid), case, players, actions)


def auction_game(pricing: str) -> Any:
    """Three homes among the forty orders of an auction."""
    marks = le.Combined((le.Markups((0.0, 30.0)), le.Shading((0.0, 20.0))))
    grid, book = built_in("feeder33").grid, draw_auction(0, blocks=0)
    return le.ElecBayGame(grid, book, ["p0", "p2", "p4"], marks, pricing)  # type: ignore[arg-type]


def pair_game(kind: Any, *rules: str) -> Any:
    """Two traders, one of which both sells and buys."""
    traders = {
        "A": le.Trader(("s0", "s1"), (), (0.0, 20.0, 40.0)),
        "B": le.Trader(("s2",), ("b3",), (0.0, 20.0), (0.0, 9.0)),
    }
    return kind(pair_books()["drawn"], traders, *rules)


GAMES: dict[str, Callable[[], Any]] = {
    "nodal": lambda: on_five_buses(le.Markups((0, 10, 20, 30))),
    "nodal, mixed actions": lambda: on_five_buses(
        {
            "G1": le.Combined((le.Markups((0, 15)), le.Withholding((0.0, 0.2)))),
            "G2": le.Withholding((0.0, 0.3)),
            "G3": le.OfferPrices((20.0, 40.0, 60.0)),
        }
    ),
    "nodal, pay as bid": lambda: on_five_buses(le.Markups((0, 10, 20)), payoff="pay_as_bid"),
    "nodal, noisy": lambda: on_five_buses(
        le.Markups((0, 20)), states=le.DemandStates.drawn((0.6, 0.8, 1.0), 0.05, 3, np.random.default_rng(1))
    ),
    "nodal, two periods": lambda: on_three_nodes(
        {"Gen-A": le.Markups((0, 1, 2), True), "2": le.Interruptions((0.0, 20.0), 2)}
    ),
    "nodal, day plans": lambda: on_three_nodes(
        {"Gen-A": le.DayPlans(le.Withholding((0.0, 0.3)), 20.0), "2": le.Interruptions((0.0, 20.0), 2)}
    ),
    "mitigated": lambda: le.Game(
        MitigatedMarket(game("nodal").market, game("nodal").book),
        built_in("five_bus"),
        ["G1", "G2", "G3"],
        le.Markups((0, 10, 20)),
    ),
    "bilateral": lambda: pair_game(le.BilateralGame),
    "bilateral, high": lambda: pair_game(le.BilateralGame, "high"),
    "posted": lambda: pair_game(le.PostedGame),
    "sealed stage": le.SealedStage,
    "sealed stage, groups": lambda: le.SealedStage(pricing="vcg", groups=2),
    "logit": lambda: le.LogitBertrand.calvano(8),
    "capacity": lambda: le.CapacityBertrand((0.0, 5.0, 10.0), demand=1.0, capacity=(0.7, 0.8)),
    "two buses": lambda: le.TwoBusBertrand((0.0, 5.0, 10.0)),
    "sequential": lambda: le.SequentialPricing.on_grid(6),
    "levels": lambda: le.LevelGames([le.CapacityBertrand((0.0, 5.0, 10.0), demand=d) for d in (1.0, 1.6)]),
} | {
    f"elecbay, {pricing}": partial(auction_game, pricing)
    for pricing in ("uniform", "pay_as_bid", "pay_as_offer", "k", "vcg")
}


def pay(name: str) -> Outputs:
    """Payoffs and signals of all profiles, twice: the second time from what is remembered."""
    played = game(name)
    profiles = le.profiles_of(played.actions)
    found: dict[str, Any] = {"payoffs": played.payoffs(profiles), "signals": played.signals(profiles)}
    found |= {"again": played.payoffs(profiles[::-1]), "labels": played.labels}
    if name in ("nodal", "nodal, noisy", "mitigated", "bilateral", "posted", "elecbay, vcg"):
        found["competitive"] = played.competitive()
    if name == "nodal, noisy":
        found["drawn"] = played.payoffs(profiles, np.random.default_rng(3))
        found["levels"] = [played.payoffs(profiles, level=level) for level in range(3)]
    return found


@cache
def logit() -> Any:
    """The logit duopoly as a table."""
    return le.tabulate(le.LogitBertrand.calvano(8))


def ended(result: Any) -> dict[str, Any]:
    """How sessions ended, replicate by replicate: rounds, last profiles, memories, traces."""
    found: dict[str, Any] = {
        "rounds": result.rounds,
        "stable": result.stable,
        "profits": result.window_profits(),
    }
    for end in result.ended:
        found[f"replicate {end.replicate}"] = {
            "standing": end.standing,
            "memory": [dict(memory) for memory in end.arrays],
            "rounds": end.trace.rounds,
            "profiles": end.trace.profiles,
            "last": end.trace.last_profiles,
            "frame": end.trace.frame(result.session.stages[0], last=True),
        }
    return found


def play_tables(table: str, policy: str) -> Outputs:
    """Each memory and two first values; unchanged strategies stop a session where exploration falls."""
    found: dict[str, Any] = {}
    for memory, seen in MEMORIES.items():
        for initial in (0.0, "uniform_rivals"):
            spec = TABLES[table](0.15, 0.9, POLICIES[policy], seen, initial=initial)
            stop = le.Stopping(6_000, unchanged=500) if policy in ("falling", "linear") else le.Stopping(600)
            session = Session(logit(), (spec, spec), stop, trace=le.TraceSpec(200, 200))
            result = session.play(seed=1, replicates=REPLICATES)
            found[f"{memory}, {initial}"] = ended(result)
            found[f"{memory}, {initial}"]["limit"] = result.limit_profits()
    return found


def play_other(name: str) -> Outputs:
    """One learner in all seats, and beside a table."""
    spec = OTHERS[name]
    found: dict[str, Any] = {}
    for pair, seats in (("alike", (spec, spec)), ("beside Q", (spec, le.QLearning(0.2, 0.8, STEADY)))):
        session = Session(logit(), seats, 150, first=(5, 4), trace=le.TraceSpec(100, 100))
        found[pair] = ended(session.play(seed=2, replicates=REPLICATES))
    return found


def play_game(name: str) -> Outputs:
    """Tables on a game that is no table yet, with policy cards."""
    source = game(name)
    count = len(source.actions)
    spec = le.QLearning(0.15, 0.9, FALLING, LastActions("own"), initial="uniform_rivals")
    result = Session(source, (spec,) * count, le.Stopping(8_000, unchanged=500)).play(seed=3, replicates=2)
    found = ended(result) | {"limit": result.limit_profits()}
    card = le.make_policy_card(source, result.strategies(0), player=1, start=result.ended[0].standing)
    return found | {
        "card": attributes(card, "player", "table", "rest", "after_cut", "after_raise", "sentences")
    }


def play_controls() -> Outputs:
    spec = le.QLearning(0.15, 0.95, FALLING)
    session = Session(logit(), (spec, le.LinearTD("q", 0.1, 0.9, 0.5, FALLING)), 400)
    return {
        "no future": ended(le.without_future(session).play(seed=4, replicates=2)),
        "no memory": ended(le.without_memory(session).play(seed=4, replicates=2)),
    }


def play_alternating() -> Outputs:
    spec = le.QLearning(0.3, 0.95, FALLING, LastActions("rivals"))
    turns = Session(le.SequentialPricing.on_grid(6), (spec, spec), 3_000, every=((2, 0), (2, 1)))
    return ended(turns.play(seed=5, replicates=2))


def play_levels() -> Outputs:
    """Demand levels in turn and drawn, seen by tables and tiles; and levels that nobody knows."""
    found: dict[str, Any] = {}
    table = le.QLearning(0.2, 0.0, STEADY, le.DemandLevel(LastActions("own")))
    tiles = le.LinearTD("q", 0.2, 0.0, 0.0, STEADY, le.TileCoding(2, 3, "none", level=True))
    blind = le.QLearning(0.2, 0.5, STEADY, LastActions("own"))
    for name in ("levels", "nodal, noisy"):
        source = game(name)
        for levels, spec in (("cycle", table), ("drawn", table), ("drawn", tiles), (None, blind)):
            if levels is None and name == "levels":
                continue
            session = Session(source, (spec,) * len(source.actions), 200, levels=levels)
            found[f"{name}, {levels}, {type(spec).__name__}"] = ended(session.play(seed=6, replicates=2))
    return found


def play_stages() -> Outputs:
    """Days of three hours with different games, with masks that depend on the hour."""
    rng = np.random.default_rng(7)
    hours = tuple(le.PayoffTensor(rng.normal(size=(2, 3, 2))) for _ in range(3))

    def feasible(stage: int, player: int, last: np.ndarray) -> np.ndarray | None:
        if player or not stage:
            return None
        return np.abs(np.arange(3)[None] - last[:, :1]) <= 1

    found: dict[str, Any] = {}
    for name, spec in (("Q", le.QLearning(0.2, 0.9, STEADY)), ("SARSA", le.Sarsa(0.2, 0.9, Boltzmann(0.4)))):
        for masks in (None, feasible):
            session = Session(le.Stages(hours, masks), (spec, spec), 300)
            found[f"{name}, {'free' if masks is None else 'masked'}"] = ended(
                session.play(seed=8, replicates=2)
            )
    return found


def play_resumed() -> Outputs:
    """A run that is saved, read and goes on."""
    spec = le.ExpectedSarsa(0.15, 0.95, FALLING)
    session = Session(logit(), (spec, le.RothErev()), 300)
    run = session.start(9, 2)
    run.advance(120)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.npz"
        run.save(path)
        again = session.resume(path)
    again.advance(180)
    return ended(again.result())


def play_day_plans() -> Outputs:
    spec = le.day_plan_learner(EpsilonGreedy(0.2))
    rewards = le.DifferenceRewards(game("nodal, mixed actions"), (0, 0, 0))
    result = Session(rewards, (spec,) * 3, 300).play(seed=10, replicates=2)
    return ended(result)


def step_environments() -> Outputs:
    found: dict[str, Any] = {}
    for information in ("none", "own", "price", "all"):
        env = le.parallel_env(game("nodal, noisy"), rounds=12, information=information, update_period=2)
        rng, told = np.random.default_rng(11), [env.reset(seed=5)[0]]
        for _ in range(12):
            moves = {agent: int(rng.integers(2)) for agent in env.agents}
            told += list(env.step(moves)[:4])
        found[information] = told
    single = le.single_agent_env(le.LogitBertrand.calvano(8), "firm 1", rounds=10, reward_scale=2.0)
    steps: list[Any] = [single.reset(seed=6)[0]]
    steps += [single.step(k % 8)[:4] for k in range(10)]
    return found | {"single": steps}


def evolve() -> Outputs:
    found: dict[str, Any] = {}
    for name, spec in (
        ("networks", le.Evolution(strategies=12, matches=3)),
        ("constants", le.Evolution(strategies=12, matches=3, hidden=0, start="defecting")),
        ("two rounds", le.Evolution(strategies=12, matches=3, memory=2, immigrants=2, start="cooperative")),
    ):
        bred = spec.evolve(logit(), 8, seed=12, replicates=2)
        found[name] = attributes(bred, "median_action", "mean_profit", "weights", "quartiles", "mean_signals")
    seen = le.Evolution(strategies=8, matches=2, sees_level=True)
    bred = seen.evolve(game("levels"), 6, seed=13, replicates=2, levels="cycle")
    return found | {"levels": attributes(bred, "median_action", "mean_profit", "weights")}
