"""One learning session from words: the game, the learners, its progress, its figure, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import pandas as pd

from learners.equilibria.pure import joint_optimum, pure_equilibria
from learners.games.bertrand import CapacityBertrand, LogitBertrand, TwoBusBertrand
from learners.games.game import PayoffSource, PayoffTensor, tabulate
from learners.sessions.session import Result, Session
from learners.sessions.stopping import Stopping
from learners.strategies.learner import LearnerSpec
from learners.strategies.linear import LinearTD, TileCoding
from learners.strategies.memory import LastActions
from learners.strategies.policies import Boltzmann, EntropyBoltzmann, EpsilonGreedy, Exponential, Policy
from learners.strategies.policy_card import make_policy_card
from learners.strategies.roth_erev import RothErev
from learners.strategies.rules import BestResponse, TitForTat, Truthful, Undercut
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa
from networks.checks import suggest
from networks.errors import InputError
from studies.pictures.charts import Lines

MOST_TABULATED = 100_000  # profiles; a larger market game is cleared as it is played
DECAYED = 10.0  # ε falls to exp(−10) over the session

GAMES: dict[str, Callable[[], PayoffSource]] = {
    "logit": LogitBertrand.calvano,
    "bertrand": lambda: CapacityBertrand(tuple(float(p) for p in range(11))),
    "capacity": lambda: CapacityBertrand(
        tuple(float(p) for p in range(0, 101, 10)), demand=160.0, capacity=(100.0, 100.0)
    ),
    "two_bus": lambda: TwoBusBertrand(tuple(float(p) for p in range(0, 101, 10))),
}
LEARNERS = (
    "q", "sarsa", "expected-sarsa", "linear", "roth-erev",
    "truthful", "best-response", "tit-for-tat", "undercut",
)  # fmt: skip
POLICIES = ("epsilon", "boltzmann", "entropy")


@dataclass(frozen=True)
class Played:
    """What a session leaves: the tabulated game where there is one, the result, a table and a figure."""

    source: PayoffSource
    result: Result
    facts: dict[str, Any]
    cards: tuple[str, ...]
    rounds: pd.DataFrame
    chart: Lines


def make_game(
    name: str,
    players: Sequence[str],
    markups: Sequence[float],
    progress: Callable[[int, int], None] | None = None,
) -> PayoffSource:
    """A textbook game by name, or the market of a case in which players mark their offers up [$/MWh].

    Without names the three participants with the largest capacity play.
    """
    if name in GAMES:
        if players or markups:
            raise InputError(f"--players and --markups belong to a case; game {name!r} has its own")
        return tabulate(GAMES[name]())
    import clearing
    import networks
    from learners.games.actions import Markups
    from learners.games.market_game import Game

    try:
        case = networks.load(name)
    except InputError as error:
        raise InputError(f"{error} (or a game: {', '.join(GAMES)})") from None
    book = clearing.Book.from_case(case)
    sold: dict[str, float] = {}
    for participant, side, mw in zip(book.participants, book.side, book.mw, strict=True):
        if side > 0:
            sold[str(participant)] = sold.get(str(participant), 0.0) + float(mw)
    labels = {str(p): p for p in book.participants}
    for player in players:
        if player not in labels:
            raise InputError(f"--players: {player!r} is no participant of {name}{suggest(player, labels)}")
    chosen = list(players) or sorted(sold, key=lambda p: -sold[p])[:3]
    game = Game(
        clearing.NodalMarket(case.grid),
        book,
        [labels[p] for p in chosen],
        Markups(tuple(markups) or (0.0, 5.0, 10.0, 15.0, 20.0)),
        progress=progress,
    )
    return game.tensor() if prod(game.actions) <= MOST_TABULATED else game


def make_policy(name: str, exploration: float | None, rounds: int) -> Policy:
    """ε that falls at a rate per round, a temperature [$], or an exploration rate."""
    if name == "epsilon":
        return EpsilonGreedy(Exponential(DECAYED / rounds if exploration is None else exploration))
    if name == "boltzmann":
        return Boltzmann(1.0 if exploration is None else exploration)
    if name == "entropy":
        return EntropyBoltzmann(0.3 if exploration is None else exploration)
    raise InputError(f"--policy is {name!r}{suggest(name, POLICIES)}; give one of {', '.join(POLICIES)}")


def make_learner(
    name: str, policy: Policy, alpha: float, gamma: float, memory: str, source: PayoffSource, player: int
) -> LearnerSpec:
    """A learner or rule by name."""
    tables = {"q": QLearning, "sarsa": Sarsa, "expected-sarsa": ExpectedSarsa}
    if name in tables:
        small = prod(source.actions) <= MOST_TABULATED
        first = "uniform_rivals" if small and gamma < 1 else 0.0
        return tables[name](alpha, gamma, policy, LastActions(memory), first)
    others: dict[str, Callable[[], LearnerSpec]] = {
        "linear": lambda: LinearTD("expected", alpha, gamma, 0.8, policy, TileCoding(of=memory)),
        "roth-erev": RothErev,
        "truthful": Truthful,
        "best-response": BestResponse,
        "tit-for-tat": lambda: TitForTat(source.actions[player] - 1),
        "undercut": lambda: Undercut(restart=source.actions[player] - 1),
    }
    if name not in others:
        raise InputError(f"--learner is {name!r}{suggest(name, LEARNERS)}; give one of {', '.join(LEARNERS)}")
    return others[name]()


def play_session(
    name: str,
    source: PayoffSource,
    learners: Sequence[LearnerSpec],
    stopping: Stopping,
    seed: int,
    replicates: int,
    tell: Callable[[int, int, float], None],
) -> Played:
    """Play to the end; `tell` hears the round, how many still play, and their recent mean profit [$]."""
    session = Session(source, tuple(learners), stopping)
    run = session.start(seed, replicates)
    while not run.done:
        run.advance(8192 if run.compiled else 256)
        recent = [t.last_profiles[-50:] for t in run.traces.values()]
        if recent:
            tell(run.round, len(run.active), float(source.payoffs(np.concatenate(recent)).mean()))
    result = run.result()
    earned = float(result.window_profits().mean())
    facts: dict[str, Any] = {
        "game": name,
        "players": list(source.players),
        "seed": seed,
        "replicates": replicates,
        "rounds": result.rounds.tolist(),
        "stable": int(result.stable.sum()),
        "profit_per_round": earned,
    }
    levels = _benchmarks(source)
    facts |= {f"{key.replace(' ', '_')}_profit": value for key, value in levels.items()}
    frame = result.ended[0].trace.frame(source)
    return Played(source, result, facts, _cards(source, result), frame, _chart(name, source, result, levels))


def _benchmarks(source: PayoffSource) -> dict[str, float]:
    """Mean payoffs per player of static equilibria and of the joint optimum [$]."""
    if not isinstance(source, PayoffTensor):
        return {}
    totals = [float(e.payoffs.mean()) for e in pure_equilibria(source)]
    levels = {"lowest Nash": min(totals), "highest Nash": max(totals)} if totals else {}
    return levels | {"joint optimum": joint_optimum(source).total / len(source.players)}


def _cards(source: PayoffSource, result: Result) -> tuple[str, ...]:
    players = [result.learner(i) for i in range(len(source.players))]
    if prod(source.actions) > MOST_TABULATED or not all(hasattr(p, "strategy") for p in players):
        return ()
    strategies = [p.strategy(0) for p in players]  # type: ignore[attr-defined]
    if any(s.known is None for s in strategies):
        return ()
    start = result.ended[0].standing.tolist()
    return tuple(
        str(make_policy_card(source, strategies, i, start=start)) for i in range(len(source.players))
    )


def _chart(name: str, source: PayoffSource, result: Result, levels: dict[str, float]) -> Lines:
    """Mean profit of each player over rounds, all replicates together, beside the game's own benchmarks."""
    most = int(result.rounds.max())
    edges = np.linspace(0, most, 101)
    series: list[tuple[str, Sequence[float], Sequence[float]]] = []
    rounds = np.concatenate([e.trace.rounds for e in result.ended])
    paid = np.concatenate([source.payoffs(e.trace.profiles) for e in result.ended])
    where = np.clip(np.searchsorted(edges, rounds, side="right") - 1, 0, 99)
    count = np.bincount(where, minlength=100)
    known = count > 0
    middle = ((edges[:-1] + edges[1:]) / 2)[known]
    for i, player in enumerate(source.players):
        mean = np.bincount(where, weights=paid[:, i], minlength=100)[known] / count[known]
        series.append((str(player), middle.tolist(), mean.tolist()))
    series += [(words, [0.0, float(most)], [level, level]) for words, level in levels.items()]
    return Lines(
        name="play",
        title=f"Learning in {name}",
        caption="Mean profit per round of the kept rounds, all replicates together.",
        series=series,
        x_label="round",
        y_label="profit per round [$]",
    )
