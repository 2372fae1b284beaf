"""The words of `walras play`: which game, which learners, which policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

import clearing
import networks
from learners.games.actions import Markups
from learners.games.bertrand import CapacityBertrand, LogitBertrand, TwoBusBertrand
from learners.games.demand_states import DemandStates
from learners.games.game import tabulate
from learners.games.market_game import Game
from learners.protocols import PayoffSource
from learners.strategies.evolution import Evolution
from learners.strategies.learner import LearnerSpec
from learners.strategies.linear import LinearTD, TileCoding
from learners.strategies.memory import DemandLevel, LastActions
from learners.strategies.policies import Boltzmann, EntropyBoltzmann, EpsilonGreedy, Exponential, Policy
from learners.strategies.roth_erev import RothErev
from learners.strategies.rules import BestResponse, Grim, TitForTat, Truthful, Undercut
from learners.strategies.tabular import ExpectedSarsa, QLearning, Sarsa
from networks.checks import suggest
from networks.errors import InputError

MOST_TABULATED = 100_000  # profiles; a larger market game is cleared as it is played
DRAWS = 5  # around each level of demand
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
    "q", "sarsa", "expected-sarsa", "linear", "roth-erev", "evolution",
    "truthful", "best-response", "grim", "tit-for-tat", "undercut",
)  # fmt: skip
POLICIES = ("epsilon", "boltzmann", "entropy")


@dataclass(frozen=True)
class Chosen:
    """What is played.

    Attributes
    ----------
    source : the game, tabulated where that is possible.
    competitive : what all players together earn where everybody asks its cost [$ per round].
    market : the market game behind it; None of a textbook game.
    levels : shares of the case's demand that follow each other; none where demand does not change.
    """

    source: PayoffSource
    competitive: float = 0.0
    market: Game | None = None
    levels: tuple[float, ...] = ()


def make_game(
    name: str,
    players: Sequence[str],
    markups: Sequence[float],
    progress: Callable[[int, int], None] | None = None,
    demand: Sequence[float] = (),
    noise: float = 0.0,
    seed: int = 0,
) -> Chosen:
    """A textbook game by name, or the market of a case in which players mark their offers up [$/MWh].

    Without names the three participants with the largest capacity play. `demand` are shares of the case's
    demand that follow each other round by round, with `DRAWS` draws of ±`noise` around each.
    """
    if noise and not demand:
        raise InputError(
            "--noise is around the levels of --demand; give both, such as --demand 1 --noise 0.05"
        )
    if name in GAMES:
        if players or markups or demand:
            raise InputError(f"--players, --markups and --demand belong to a case; game {name!r} has its own")
        return Chosen(tabulate(GAMES[name]()))
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
        if list(players).count(player) > 1:
            raise InputError(f"--players names {player!r} twice; name everybody once")
    chosen = list(players) or sorted(sold, key=lambda p: -sold[p])[:3]
    game = Game(
        clearing.NodalMarket(case.grid),
        book,
        [labels[p] for p in chosen],
        Markups(tuple(markups) or (0.0, 5.0, 10.0, 15.0, 20.0)),
        progress=progress,
        states=DemandStates.drawn(demand, noise, DRAWS if noise else 1, np.random.default_rng(seed))
        if demand
        else None,
    )
    competitive = float(game.competitive()[0].sum())
    if demand:
        return Chosen(game, competitive, game, tuple(demand))
    source = game.tensor() if prod(game.actions) <= MOST_TABULATED else game
    return Chosen(source, competitive, game)


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
    name: str, policy: Policy, alpha: float, gamma: float, memory: str, chosen: Chosen, player: int
) -> LearnerSpec:
    """A learner or rule by name; where demand changes, those that can see its level do."""
    source, known = chosen.source, bool(chosen.levels)
    last = LastActions(memory)
    tables = {"q": QLearning, "sarsa": Sarsa, "expected-sarsa": ExpectedSarsa}
    if name in tables:
        small = prod(source.actions) <= MOST_TABULATED
        first = "uniform_rivals" if small and gamma < 1 else 0.0
        return tables[name](alpha, gamma, policy, DemandLevel(last) if known else last, first)
    others: dict[str, Callable[[], LearnerSpec]] = {
        "linear": lambda: LinearTD("expected", alpha, gamma, 0.8, policy, TileCoding(of=memory, level=known)),
        "roth-erev": RothErev,
        "evolution": lambda: Evolution(sees_level=known),
        "grim": lambda: Grim(source.actions[player] - 1),
        "truthful": Truthful,
        "best-response": BestResponse,
        "tit-for-tat": lambda: TitForTat(source.actions[player] - 1),
        "undercut": lambda: Undercut(restart=source.actions[player] - 1),
    }
    if name not in others:
        raise InputError(f"--learner is {name!r}{suggest(name, LEARNERS)}; give one of {', '.join(LEARNERS)}")
    return others[name]()
