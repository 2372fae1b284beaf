"""One learning session: its progress, its figure, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from learners.equilibria.best_response import certify_equilibrium
from learners.equilibria.indices import Benchmarks
from learners.games.game import PayoffTensor
from learners.protocols import PayoffSource, StrategicLearner
from learners.sessions.session import Result, Session
from learners.sessions.stopping import Stopping
from learners.sessions.traces import Trace
from learners.strategies.learner import LearnerSpec
from learners.strategies.policy_card import Strategy, make_policy_card, resting_cycle
from networks.errors import InputError
from studies.commands.play_words import MOST_TABULATED, Chosen
from studies.pictures.charts import Lines

ROUNDED = 1e-9  # of the benchmarks: differences below it are rounding


@dataclass(frozen=True)
class Played:
    """What a session leaves: the tabulated game where there is one, the result, a table and a figure."""

    source: PayoffSource
    result: Result
    facts: dict[str, Any]
    cards: tuple[str, ...]
    rounds: pd.DataFrame
    chart: Lines


def play_session(
    name: str,
    chosen: Chosen,
    learners: Sequence[LearnerSpec],
    stopping: Stopping,
    seed: int,
    replicates: int,
    tell: Callable[[int, int, float], None],
    checkpoint: Path | None = None,
) -> Played:
    """Play to the end; `tell` hears the round, how many still play, and their recent mean profit [$]."""
    source = chosen.source
    session = Session(source, tuple(learners), stopping, levels="cycle" if chosen.levels else None)

    def hear(played: int, playing: int, _: int) -> None:
        recent = [_paid(source, t, last=True)[-50:] for t in run.traces.values()]
        if recent:
            tell(played, playing, float(np.concatenate(recent).sum(axis=1).mean()))

    run = session.start(seed, replicates)
    if checkpoint is not None and checkpoint.exists():
        run = session.resume(checkpoint)
        if (run.seed, len(run.replicates)) != (seed, replicates):
            raise InputError(
                f"--checkpoint {checkpoint} is of seed {run.seed} and {len(run.replicates)} sessions; give "
                "those, or another file"
            )
    run.finish(checkpoint, hear)
    result = run.result()
    profits = result.window_profits()
    earned, totals = profits.mean(axis=0), profits.sum(axis=1)
    facts: dict[str, Any] = {
        "game": name,
        "players": list(source.players),
        "seed": seed,
        "replicates": replicates,
        "rounds": result.rounds.tolist(),
        "stable": int(result.stable.sum()),
        "profit_per_round": float(earned.sum()),
        "profit_by_player": earned.tolist(),
        "profit_lowest": float(totals.min()),
        "profit_highest": float(totals.max()),
    }
    marks = _benchmarks(chosen)
    if chosen.levels:
        facts["asked"] = _asked(chosen, result)
    levels = {} if marks is None else _levels(marks)
    facts |= {f"{key.replace(' ', '_')}_profit": value for key, value in levels.items()}
    if marks is not None:
        facts |= {f"index_above_{key}": v for key, v in marks.indices(earned).items() if isfinite(v)}
        facts["finding"] = say_finding(float(earned.sum()), marks)
    strategies = () if chosen.levels else _strategies(source, result)
    if strategies:
        facts |= _certify(chosen, strategies, result)
    cards = tuple(
        str(make_policy_card(source, strategies, i, start=result.ended[0].standing.tolist()))
        for i in range(len(strategies))
    )
    frame = result.ended[0].trace.frame(source)
    return Played(source, result, facts, cards, frame, _chart(name, source, result, levels, facts))


def say_finding(earned: float, marks: Benchmarks) -> str:
    """Where a total profit [$] lies among a game's benchmarks, in words."""
    near = ROUNDED * (abs(marks.joint) + abs(marks.competitive))
    index = marks.indices([earned])
    to_joint = "of the way to the joint optimum"
    if not isfinite(marks.nash_high):
        where = f"{index['competitive']:.0%} of the way from competition to the joint optimum"
        return f"{where}; the game has no pure equilibrium" if isfinite(index["competitive"]) else "no room"
    if earned > marks.nash_high + near:
        return f"above every static equilibrium, {index['nash_high']:.0%} {to_joint}"
    if earned >= marks.nash_low - near:
        return (
            "at a static equilibrium"
            if marks.nash_high - marks.nash_low <= near
            else "among the static equilibria"
        )
    if earned >= marks.competitive - near:
        return (
            "below every static equilibrium, above competition"
            if earned > marks.competitive + near
            else "competitive"
        )
    return "below competition"


def _benchmarks(chosen: Chosen) -> Benchmarks | None:
    """Of the game; where demand changes and is known, the mean of those at each level."""
    if isinstance(chosen.source, PayoffTensor):
        return Benchmarks.of(chosen.source, chosen.competitive)
    market = chosen.market
    if not chosen.levels or market is None or prod(market.actions) > MOST_TABULATED:
        return None
    each = [Benchmarks.of(market.tensor(k), chosen.competitive) for k in range(len(chosen.levels))]
    low, high, joint = (
        float(np.mean([getattr(b, n) for b in each])) for n in ("nash_low", "nash_high", "joint")
    )
    return Benchmarks(chosen.competitive, low, high, joint)


def _asked(chosen: Chosen, result: Result) -> list[dict[str, Any]]:
    """Mean mark-ups of the last rounds of all sessions, by level of demand."""
    labels = [np.array(names, dtype=float) for names in chosen.market.labels]  # type: ignore[union-attr]
    rounds = np.concatenate([e.trace.last_rounds for e in result.ended]) % len(chosen.levels)
    profiles = np.concatenate([e.trace.last_profiles for e in result.ended])
    return [
        {"demand": share}
        | {
            player: float(labels[i][profiles[rounds == k, i]].mean())
            for i, player in enumerate(chosen.source.players)
        }
        for k, share in enumerate(chosen.levels)
        if (rounds == k).any()
    ]


def _paid(source: PayoffSource, trace: Trace, last: bool = False) -> np.ndarray:
    """Profits (rounds, players) of a trace's kept rounds, or of its last ones [$]."""
    if trace.random:
        return trace.last_profits if last else trace.profits
    return source.payoffs(trace.last_profiles if last else trace.profiles)


def _levels(marks: Benchmarks) -> dict[str, float]:
    """The benchmarks that exist, by name [$ per round, all players]."""
    named = {
        "competitive": marks.competitive,
        "lowest Nash": marks.nash_low,
        "highest Nash": marks.nash_high,
        "joint optimum": marks.joint,
    }
    if marks.nash_high - marks.nash_low <= ROUNDED * (abs(marks.joint) + abs(marks.competitive)):
        named = {"competitive": marks.competitive, "Nash": marks.nash_low, "joint optimum": marks.joint}
    return {name: value for name, value in named.items() if isfinite(value)}


def _strategies(source: PayoffSource, result: Result) -> tuple[Strategy, ...]:
    """The strategies of the first session; none where a player has no reply to last actions."""
    learners = [result.learner(i) for i in range(len(source.players))]
    strategic = [learner for learner in learners if isinstance(learner, StrategicLearner)]
    if prod(source.actions) > MOST_TABULATED or len(strategic) < len(learners):
        return ()
    strategies = tuple(learner.strategy(0) for learner in strategic)
    return () if any(s.known is None for s in strategies) else strategies


def _certify(chosen: Chosen, strategies: Sequence[Strategy], result: Result) -> dict[str, Any]:
    """What a player could gain by any mark-up, of the grid or between, where the first session rests."""
    market = chosen.market
    rest = resting_cycle(strategies, chosen.source.actions, result.ended[0].standing.tolist())
    if market is None or len(rest) > 1 or min(market.actions) < 2:
        return {}
    markups = [float(str(market.labels[i][a])) for i, a in enumerate(rest[0].tolist())]
    found = certify_equilibrium(market, markups)
    return {
        "rest": markups,
        "epsilon": found.epsilon,
        "epsilon_relative": found.relative,
        "epsilon_proven": found.proven,
    }


def _chart(
    name: str, source: PayoffSource, result: Result, levels: dict[str, float], facts: dict[str, Any]
) -> Lines:
    """Profit of all players over rounds, mean of the sessions, beside the game's own benchmarks."""
    edges = np.linspace(0, int(result.rounds.max()), 101)
    rounds = np.concatenate([e.trace.rounds for e in result.ended])
    paid = np.concatenate([_paid(source, e.trace) for e in result.ended]).sum(axis=1)
    where = np.clip(np.searchsorted(edges, rounds, side="right") - 1, 0, 99)
    count = np.bincount(where, minlength=100)
    known = count > 0
    middle = ((edges[:-1] + edges[1:]) / 2)[known].tolist()
    mean = np.bincount(where, weights=paid, minlength=100)[known] / count[known]
    across = np.linspace(0.0, edges[-1], 50)  # as many points as carry no markers
    series: list[tuple[str, Sequence[float], Sequence[float]]] = [("learned", middle, mean.tolist())]
    series += [(words, across.tolist(), [level] * len(across)) for words, level in levels.items()]
    finding = facts.get("finding")
    return Lines(
        name="play",
        title=f"{name}: profits end {finding}" if finding else f"{name}: profits while learning",
        caption="Profit of all players together, mean of the kept rounds of all sessions.",
        series=series,
        x_label="round",
        y_label="profit of all players [$ per round]",
    )
