"""The three-node day as learners see it: two hours, Gen-A's ramp on its offers, and who may do what when."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from learners.games.game import PayoffTensor
from learners.sessions.session import Session
from learners.sessions.stopping import Stages
from learners.strategies.memory import LastActions
from learners.strategies.policies import Boltzmann, EntropyBoltzmann, EpsilonGreedy, Policy
from learners.strategies.tabular import ExpectedSarsa
from studies.study import Cell, Row
from studies.two_sided_three_node.days import Days, play_days
from studies.two_sided_three_node.offer_ramps import OfferRamps, day_game

FULL_MW = 200.0
CENT = 9  # decimals of $ that are kept: what a clearing leaves beyond them is rounding, no incentive
POINTS = 60  # days of a learning curve that are kept


@dataclass(frozen=True)
class Grid:
    """What Gen-A may offer and Disco-1 may interrupt [MW]; their first actions are all and nothing."""

    offers_mw: tuple[float, ...]
    cuts_mw: tuple[float, ...]


@lru_cache(maxsize=32)
def stages(grid: Grid, rule: str, objective: str, who: str) -> tuple[PayoffTensor, ...]:
    """Both hours' payoffs [$], cleared exactly: players Gen-A and Disco-1, or all five.

    The other gencos choose between all and half of their capacity (below a quarter they would make one
    another pivotal), Disco-2 between nothing and its contract of 20 MW.
    """
    import clearing
    import networks
    from learners.games.actions import Interruptions, Withholding
    from learners.games.market_game import Game
    from learners.games.payoffs import Disco, Genco

    case = networks.load("three_node")
    market = clearing.NodalMarket(case.grid, price_rule=rule)  # type: ignore[arg-type]
    own = clearing.Book.from_case(case)
    kind: Any = objective
    players: dict[str, Any] = {"Gen-A": Genco("Gen-A"), "Disco-1": Disco(2, 11.0, 2.0, kind)}
    actions: dict[str, Any] = {
        "Gen-A": Withholding(tuple(1 - offer / FULL_MW for offer in grid.offers_mw)),
        "Disco-1": Interruptions(grid.cuts_mw, 2),
    }
    if who == "all five":
        players |= {
            "Gen-B": Genco("Gen-B"), "Gen-C": Genco("Gen-C"), "Disco-2": Disco(3, 10.0, 2.0, kind),
        }  # fmt: skip
        actions |= {name: Withholding((0.0, 0.5)) for name in ("Gen-B", "Gen-C")}
        actions["Disco-2"] = Interruptions((0.0, 20.0), 3)
    out = []
    for hour in (0, 1):
        fixed = own.fixed_frame[own.fixed_frame["period"] == hour].assign(period=0)
        book = clearing.Book.from_tables(own.orders_frame, fixed=fixed)
        out.append(Game(market, book, players, actions, decimals=CENT).tensor())
    return tuple(out)


def passive(games: tuple[PayoffTensor, ...]) -> tuple[PayoffTensor, ...]:
    """The same hours where Disco-1 never interrupts."""
    return tuple(PayoffTensor(g.values[:, :, :1], g.players, (g.labels[0], g.labels[1][:1])) for g in games)


def games_of(cell: Cell, grid: Grid) -> tuple[tuple[PayoffTensor, ...], OfferRamps]:
    """The hours that a cell asks for, and what is feasible in them."""
    games = stages(grid, cell["rule"], cell["objective"], cell["who"])
    if cell["who"] == "Gen-A alone":
        games = passive(games)
    players = games[0].players
    allowed = {}
    if cell["disco_hours"] == "second":  # as scenario C needs it: nobody interrupts in hour 1
        for i, name in enumerate(players):
            if name.startswith("Disco"):
                allowed[0, i] = np.arange(games[0].actions[i]) == 0
    offers = [grid.offers_mw if name == "Gen-A" else None for name in players]
    before = [FULL_MW if name == "Gen-A" and cell["start"] == "200 MW" else None for name in players]
    return games, OfferRamps(2, offers, cell["ramp_mw"], before, allowed)


def policy_of(kind: str, rate: float) -> Policy:
    """Algorithm 1's policy, or one of those that it is compared with."""
    if kind == "epsilon-greedy":
        return EpsilonGreedy(rate)
    return Boltzmann(rate) if kind == "fixed temperature" else EntropyBoltzmann(rate)


def play(cell: Cell, grid: Grid, seeds: int, seed: int) -> Days:
    """Expected SARSA in every seat, `seeds` replicates; a genco remembers its own offer, a disco the hour."""
    games, ramps = games_of(cell, grid)

    def learner(name: str) -> ExpectedSarsa:
        genco = name.startswith("Gen")
        return ExpectedSarsa(
            cell["alpha"],
            cell["gamma"],
            policy_of(cell["policy"], cell["genco_rate"] if genco else cell["disco_rate"]),
            LastActions("own" if genco else "none"),
        )

    session = Session(Stages(games, ramps), tuple(map(learner, games[0].players)), 2 * cell["days"])
    return play_days(session, seed, seeds)


def outcomes(days: Days, profiles: np.ndarray) -> np.ndarray:
    """What hour 2 of profile indices (..., stages) is: "two-sided", "alone" or "congested".

    Alone: Gen-A would earn as well if Disco-1 interrupted nothing. Two-sided: it would not.
    """
    games = days.session.stages
    counts = games[1].actions
    second = np.unravel_index(profiles[..., 1], counts)
    flat = games[1].values.reshape(len(counts), -1)[0]  # type: ignore[attr-defined]
    without = np.ravel_multi_index(tuple(0 * x if k == 1 else x for k, x in enumerate(second)), counts)
    paid = flat[profiles[..., 1]] > 10.0**-CENT
    alone = flat[without] > 10.0**-CENT
    return np.where(paid, np.where(alone, "alone", "two-sided"), "congested")


def learned(cell: Cell, grid: Grid, seeds: int, seed: int) -> Row:
    """Each seed's end, and how the shares of the outcomes develop over the days."""
    days = play(cell, grid, seeds, seed)
    ends = days.greedy[:, -1]
    actions, paid = days.actions(ends), days.payoffs(ends).sum(axis=-2)
    online = days.payoffs(days.played).sum(axis=-2)
    offers, cuts = np.array(grid.offers_mw), np.array(grid.cuts_mw)
    rows = {
        "seed": np.arange(seeds),
        "outcome": outcomes(days, ends),
        "offer1_mw": offers[actions[:, 0, 0]],
        "offer2_mw": offers[actions[:, 1, 0]],
        "cut1_mw": cuts[actions[:, 0, 1]],
        "cut2_mw": cuts[actions[:, 1, 1]],
        "gen_a": paid[:, 0],
        "disco_1": paid[:, 1],
        "gen_a_online": online[:, :, 0].mean(axis=1),
        "disco_1_online": online[:, :, 1].mean(axis=1),
        "settled_day": days.settled_day,
        "last_change_day": days.last_change // 2,
    }
    count = days.greedy.shape[1]
    shown = np.unique(np.linspace(0, count - 1, min(POINTS, count)).astype(int))
    path = outcomes(days, days.greedy[:, shown])
    by_day = {
        "day": shown + 1,
        "two_sided": (path == "two-sided").mean(axis=0),
        "alone": (path == "alone").mean(axis=0),
        "gen_a": days.payoffs(days.greedy[:, shown]).sum(axis=-2)[:, :, 0].mean(axis=0),
    }
    return {"seeds": rows, "by_day": by_day}


def solved(cell: Cell, grid: Grid) -> Row:
    """All pure equilibria of the day, and how sure Disco-1 must be of Gen-A's help in hour 2."""
    from learners.equilibria.pure import joint_optimum, pure_equilibria

    games, ramps = games_of(cell, grid)
    whole = day_game(games, ramps)
    found = pure_equilibria(whole)
    offers, cuts = grid.offers_mw, grid.cuts_mw
    plans = [ramps.plans(i, n) for i, n in enumerate(games[0].actions)]
    best = joint_optimum(whole)
    rows = []
    for e in found:
        a, d = plans[0][e.profile[0]], plans[1][e.profile[1]]
        rows.append(
            {
                "offer1_mw": offers[a[0]], "offer2_mw": offers[a[1]], "cut1_mw": cuts[d[0]],
                "cut2_mw": cuts[d[1]], "gen_a": e.payoffs[0], "disco_1": e.payoffs[1], "strict": e.strict,
            }
        )  # fmt: skip
    need = needed_trust(games[1])
    summary = {"equilibria": len(found), "joint": best.total, "plans": whole.values[0].size,
               "needed_trust": need, "rate_bound": rate_bound(need)}  # fmt: skip
    return {"day_equilibria": rows, "day_games": [summary]}


def needed_trust(hour: PayoffTensor) -> float:
    """Least probability of Gen-A's last offer at which Disco-1 prefers its last interruption to none.

    Two offers and two interruptions only, NaN otherwise; 0 where it always does, inf where it never does.
    """
    if hour.actions != (2, 2):
        return float("nan")
    pays = hour.values[1]
    gain = pays[:, 1] - pays[:, 0]  # of interrupting, by Gen-A's offer
    if gain.min() >= 0:
        return 0.0
    return float("inf") if gain[1] <= 0 else float(-gain[0] / (gain[1] - gain[0]))


def rate_bound(probability: float) -> float:
    """The exploration rate at which a choice between two has this likelier probability.

    Entropy over log 2: a Boltzmann policy that explores more gives its better action less, whatever it has
    learned. 1 where any policy will do.
    """
    if not 0.5 < probability < 1.0:
        return float("nan") if np.isnan(probability) else 1.0 if probability <= 0.5 else 0.0
    p = np.array([probability, 1 - probability])
    return float(-(p * np.log2(p)).sum())
