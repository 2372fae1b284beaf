"""Equilibria, best responses, deviations and indices, and the games that belong to single documents."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from gate_cases import Cases, Outputs, attributes, built_in, public
from gate_learning import FALLING, game, logit

import learners as le
import networks
from clearing import Book, NodalMarket
from learners import Session


def cases() -> Cases:
    """Cases by name."""
    return {
        "equilibria/pure": find_pure,
        "equilibria/mixed": find_mixed,
        "equilibria/exact": find_exact,
        "equilibria/deviations": force_deviations,
        "equilibria/cycles": find_cycles,
        "equilibria/indices": judge,
        "equilibria/intervals": estimate,
        "equilibria/Bertrand": solve_bertrand,
        "documents/two-sided": play_two_sided,
        "documents/day ahead": learn_days,
        "documents/forward": solve_forward,
        "documents/synchronization": synchronize,
    }


@cache
def tables() -> dict[str, Any]:
    """Games as tables, some of them with ties."""
    rng = np.random.default_rng(1)
    return {
        "nodal": game("nodal").tensor(),
        "logit": logit(),
        "sealed stage": le.tabulate(game("sealed stage")),
        "drawn": le.PayoffTensor(rng.normal(size=(3, 3, 4, 3))),
        "tied": le.PayoffTensor(rng.integers(0, 4, size=(2, 5, 4)).astype(float)),
    }


def find_pure() -> Outputs:
    found: dict[str, Any] = {}
    for name, table in tables().items():
        best = le.joint_optimum(table)
        found[name] = {
            "equilibria": [_pure(e) for e in le.pure_equilibria(table)],
            "regrets": le.regrets(table),
            "joint": attributes(best, "profile", "labels", "payoffs", "total"),
        }
        for start in (0, 1):
            path = le.best_response_path(table, [start] * len(table.actions))
            found[name][f"path {start}"] = attributes(path, "profiles", "converged", "cycle", "moves")
    return found


def _pure(equilibrium: Any) -> dict[str, Any]:
    return attributes(equilibrium, "profile", "labels", "payoffs", "margins", "strict")


def find_mixed() -> Outputs:
    """Both methods on games of two, degenerate ones included."""
    small = {"logit": le.tabulate(le.LogitBertrand.calvano(4)), "tied": tables()["tied"]}
    small["capacity"] = le.tabulate(game("capacity"))
    found: dict[str, Any] = {}
    for name, table in small.items():
        for method in ("lemke_howson", "support_enumeration", "vertex_enumeration"):
            mixed = le.mixed_equilibria(table, method)  # type: ignore[arg-type]
            found[f"{name}, {method}"] = [
                attributes(e, "strategies", "payoffs", "gap", "component") for e in mixed
            ]
    return found


def find_exact() -> Outputs:
    """Best responses and ε in continuous mark-ups and shares withheld, with and without demand states."""
    case = built_in("five_bus")
    withheld = le.Game(NodalMarket(case.grid), case, ["G1", "G2"], le.Withholding((0.0, 0.4)))
    found: dict[str, Any] = {"withheld": _response(le.find_best_response(withheld, "G1", (0.0, 0.1)))}
    for name, start in (("nodal", (0.0, 30.0, 30.0)), ("nodal, noisy", (5.0, 10.0, 0.0))):
        proof = le.certify_equilibrium(game(name), start)
        found[name] = attributes(proof, "markups", "payoffs", "gains", "epsilon", "relative", "proven")
        found[name]["responses"] = [_response(response) for response in proof.responses]
    path = le.exact_response_path(game("nodal"), (0.0, 0.0, 0.0), sweeps=3)
    return found | {"path": path.markups, "settled": path.settled, "path's ε": path.certificate.epsilon}


def _response(response: Any) -> dict[str, Any]:
    found = attributes(response, "player", "markup", "payoff", "kinks", "proven", "clearings")
    pieces = [attributes(p, "low", "high", "payoff", "best", "unique") for p in response.pieces]
    return found | {"pieces": pieces}


def force_deviations() -> Outputs:
    spec = le.QLearning(0.15, 0.95, FALLING, initial="uniform_rivals")
    result = Session(logit(), (spec, spec), le.Stopping(20_000, unchanged=500)).play(seed=1, replicates=2)
    found: dict[str, Any] = {}
    for row in range(2):
        learned, start = result.strategies(row), result.ended[row].standing
        for player in range(2):
            loss = le.best_response_loss(logit(), learned, player, 0.95, start)
            test = le.force_deviation(logit(), learned, player, 0.95, start)
            names = ("best", "best_value", "value", "on_path", "everywhere", "per_round")
            found[f"{row}, {player}"] = {
                "policy": le.tabulate_policy(learned[player], logit(), player),
                "loss": attributes(loss, "player", *names),
                "test": attributes(test, "cycle", "deviations", "gains", "shares", "profitable_once",
                                   "response", "by_phase", "returns", "unprofitable_share"),
            }  # fmt: skip
    return found


def find_cycles() -> Outputs:
    """Undercutting and its restarts."""
    turns = le.SequentialPricing.on_grid(6)
    rules = (le.Undercut(restart=5), le.Undercut(restart=5))
    result = Session(turns, rules, 60, every=((2, 0), (2, 1)), first=(6, 6)).play()
    profiles = result.ended[0].trace.last_profiles
    cycle = le.edgeworth_cycle(np.array(turns.prices)[profiles])
    names = ("period", "low", "high", "rises", "falls")
    return {"profiles": profiles, "cycle": None if cycle is None else attributes(cycle, *names)}


def judge() -> Outputs:
    """Competition, static equilibria and joint optimum as yardsticks of profits; margins and transfers."""
    case = built_in("five_bus")
    book, market = Book.from_case(case), NodalMarket(case.grid)
    honest, dear = market.clear(book), market.clear(book.with_markup({"G1": 10.0, "G3": 4.0}))
    short = market.clear(book.with_withheld({"G2": 0.2}))
    table = tables()["nodal"]
    ends = le.Benchmarks.of(table, game("nodal").competitive()[0])
    profits = np.linspace(0.9, 1.2, 12).reshape(4, 3) * ends.joint / 3
    return {
        "yardsticks": attributes(ends, "competitive", "nash_low", "nash_high", "joint"),
        "indices": ends.indices(profits[0]),
        "compared": ends.compare(profits),
        "collusion": le.collusion_index(1.3, 1.0, 2.0),
        "margins": le.margins(dear, book, honest),
        "withholding": le.withholding(short, book),
        "transfer": le.surplus_transfer(dear, book, honest),
        "truthful": le.competitive_profile(table, (0, 0, 0)),
    }


def estimate() -> Outputs:
    a, b = np.random.default_rng(2).normal([[1.0], [1.5]], size=(2, 30))
    found = {"mean": le.mean_interval(a), "difference": le.welch_interval(a, b, 0.9)}
    found["bootstrap"] = le.bootstrap_interval(a, np.random.default_rng(3), draws=999)
    names = ("estimate", "low", "high", "level", "p_value")
    return {name: attributes(interval, *names) for name, interval in found.items()}


def solve_bertrand() -> Outputs:
    logits, capacity = le.LogitBertrand.calvano(), le.CapacityBertrand((0.0, 5.0, 10.0), capacity=(0.7, 0.7))
    two = le.TwoBusBertrand(le.price_grid(0.0, 10.0, 2.5), demand=(100.0, 100.0)).mixed(10.0)
    prices = np.linspace(0.1, 10.0, 30)
    return {
        "logit": (logits.nash_price, logits.monopoly_price),
        "capacity": capacity.mixed_cdf(prices, 10.0),
        "two buses": attributes(two, "bound", "profits", "leader", "atom") | {"mean": two.mean_markup},
        "cdf": [two.cdf(prices, seller) for seller in range(2)],
    }


def _contracts(case: str) -> dict[str, Any]:
    table = networks.companion_table(case, "discos")
    return {
        row.load: le.Disco(None, row.retail_price, row.interruptible_cost, load=row.load)
        for row in table.itertuples()
    }


@cache
def two_sided() -> Any:
    """Gencos that withhold and discos that interrupt on 18 buses."""
    case = built_in("eighteen_bus")
    return public("studies", "two_sided_game")(
        NodalMarket(case.grid), case, _contracts("eighteen_bus"),
        {"G1": (1100.0, 1060.0, 1000.0), "G2": (case.fleet.max_mw[1], 0.9 * case.fleet.max_mw[1])},
        {"D1": (0.0, 40.0), "D12": (0.0, 40.0)}, flows=case.grid.branches[3:5],
    )  # fmt: skip


def play_two_sided() -> Outputs:
    profiles = le.profiles_of(two_sided().actions)
    return {"payoffs": two_sided().payoffs(profiles), "signals": two_sided().signals(profiles)[:, 2:]}


def learn_days() -> Outputs:
    case = built_in("eighteen_bus")
    rules = public("learners", "DayAheadRules")(profile=(0.7, 1.0, 0.8), forecast_error=0.02)
    market = public("learners", "DayAheadMarket")(
        NodalMarket(case.grid), case, _contracts("eighteen_bus"), rules
    )
    found: dict[str, Any] = {"forecast": market.forecasts()}
    for rate in (0.3, 0.9):
        learning = public("learners", "DayAheadLearning")(rate, rate)
        learned = public("learners", "learn_day_ahead")(market, learning, 20, 7, 2)
        found[f"rate {rate}"] = attributes(learned, "greedy", "profits", "actions")
        found[f"rate {rate}"]["ends"] = attributes(
            learned.ends, "lmp", "dispatch", "served", "profits", "external"
        )
    return found


def solve_forward() -> Outputs:
    """Positions of the first two players ahead of the two-sided spot game."""
    spot, sells = public("studies", "by_player")(two_sided().tensor()), [True, True, False, False]
    covered = public("learners", "cover")(spot, [100.0, 50.0, 0.0, 20.0], sells, 20.0)
    positions = [(0.0, 500.0), (0.0, 250.0), (0.0,), (0.0,)]
    stage = public("learners", "solve_forward_stage")(spot, positions, sells)
    return {
        "covered": covered.values,
        "spot": {str(k): [_pure(e) for e in found] for k, found in stage.spot.items()},
        "equilibria": [_pure(e) for e in stage.equilibria],
        "game": None if stage.game is None else stage.game.values,
    }


def synchronize() -> Outputs:
    """Prosumers that consume together: clearing, equilibrium, and learners by the slot."""
    world = public("learners", "draw_neighbourhood")(np.random.default_rng(0), 3)
    rng = np.random.default_rng(1)
    plays = rng.random((world.days, world.slots, world.prosumers)) < 0.2
    found: dict[str, Any] = {}
    for accounting in ("literal", "balanced", "waste", "sales"):
        rules = public("learners", "SyncRules")(accounting)
        outcome = public("learners", "clear_plans")(world, plays, rules)
        names = ("price", "demand_mw", "consumers_mw", "sold_mw", "cash", "profit", "honest_profit", "bill")
        found[accounting] = attributes(outcome, *names)
    rules = public("learners", "SyncRules")("balanced")
    found["flips"] = public("learners", "flip_gains")(world, plays[0], rules)
    rest = public("learners", "find_sync_equilibrium")(world, rules, most_rounds=3)
    found["rest"] = attributes(rest, "plays", "rounds", "settled")
    for posting in ("match", "steps"):
        learning = public("learners", "SlotLearning")(posting=posting)
        found[f"learned, {posting}"] = public("learners", "learn_slots")(world, rules, learning, rng)
    return found
