"""Q-learners on a tabulated market: how sessions end, and how far their strategies are from equilibria."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.study import Row

if TYPE_CHECKING:
    from learners.games.game import PayoffTensor

ROUNDS_A_DAY = 96  # quarter hours
DAYS_A_YEAR = 365.0
MOST_ROUNDS = 60_000_000
PRICE_BINS = 11
RESPONSE_ROUNDS = 12


@dataclass(frozen=True)
class Treatment:
    """How sellers learn.

    Attributes
    ----------
    memory : what they remember of the last round: "all" offers, the "price", their "own" offer, or "none".
    delta : discount factor of one round; lock : rounds for which all offers stand (the update period).
    alpha, beta : step size, and decay of exploration exp(−beta·t) per update.
    unchanged : updates without a change of any greedy action after which a session ends.
    """

    memory: str = "all"
    delta: float = 0.95
    lock: int = 1
    alpha: float = 0.15
    beta: float = 4e-6
    unchanged: int = 100_000

    @property
    def discount(self) -> float:
        """Of one update: with all offers locked for L rounds, δ becomes δ to the L."""
        return self.delta**self.lock


@dataclass(frozen=True)
class Yardsticks:
    """Total payoffs of the sellers without learning [$]: competition, ends of static Nash, joint optimum.

    The prices, the welfare and the bill are those of the same profiles.
    """

    competitive: float
    nash_low: float
    nash_high: float
    joint: float
    competitive_price: float
    competitive_welfare: float
    competitive_bill: float
    nash_price_low: float
    nash_price_high: float
    joint_price: float
    equilibria: int

    def indices(self, profit: float) -> dict[str, float]:
        """Collusion indices against competition and both ends of static Nash; NaN without room."""
        from learners import collusion_index

        ends = {
            "index_competition": self.competitive,
            "index_nash_low": self.nash_low,
            "index_nash_high": self.nash_high,
        }
        return {name: collusion_index(profit, end, self.joint) for name, end in ends.items()}


def yardsticks(tensor: PayoffTensor, competitive: np.ndarray, heard: np.ndarray) -> Yardsticks:
    """Of a game whose players all sell; `competitive` and `heard` are truthful payoffs and signals."""
    from learners import joint_optimum, pure_equilibria

    found = pure_equilibria(tensor)
    best = joint_optimum(tensor)
    total = [float(e.payoffs.sum()) for e in found]
    price = [float(tensor.signals(np.array([e.profile]))[0, 0]) for e in found]
    none = float("nan")
    return Yardsticks(
        competitive=float(np.sum(competitive)),
        nash_low=min(total, default=none),
        nash_high=max(total, default=none),
        joint=best.total,
        competitive_price=float(heard[0]),
        competitive_welfare=float(heard[1]),
        competitive_bill=float(heard[2]),
        nash_price_low=min(price, default=none),
        nash_price_high=max(price, default=none),
        joint_price=float(tensor.signals(np.array([best.profile]))[0, 0]),
        equilibria=len(found),
    )


def learner_of(tensor: PayoffTensor, treatment: Treatment) -> Any:
    """Q-learning from mean payoffs against uniform rivals, with the treatment's memory."""
    from learners import EpsilonGreedy, Exponential, LastActions, QLearning
    from learners.strategies.memory import LastSignal

    memory: Any = LastActions("all")
    if treatment.memory == "price":
        assert tensor.signal_values is not None
        prices = tensor.signal_values[0]
        low, high = float(prices.min()), float(prices.max())
        inner = np.linspace(low, high, PRICE_BINS + 1)[1:-1]
        memory = LastSignal(tuple(inner.tolist())) if high > low else LastActions("none")
    elif treatment.memory != "all":
        memory = LastActions(treatment.memory)
    return QLearning(
        treatment.alpha, treatment.discount, EpsilonGreedy(Exponential(treatment.beta)), memory,
        initial="uniform_rivals",
    )  # fmt: skip


@dataclass(frozen=True)
class Learned:
    """How sessions ended.

    Attributes
    ----------
    rows : one per session: updates, years of quarter hours, and means over the cycle in which greedy play
        ends of price, profit of the sellers, welfare and bill; tested ones also best-response loss (`loss`),
        share of the cycle's phases in which a deviation pays at once (`tempted`), and of those in which it
        does not pay in the long run (`unprofitable`).
    players : one per session and player: mean action and payoff.
    responses : mean own and rivals' action after a forced static best reply, less the undisturbed, by round.
    cycles : per session the profiles (length, players) that repeat.
    """

    rows: list[dict[str, float]]
    players: list[Row]
    responses: list[dict[str, float]]
    cycles: list[np.ndarray]


@lru_cache(maxsize=16)
def _states(tensor: PayoffTensor, memory: Any, player: int) -> np.ndarray:
    from learners.strategies.learner import Seat
    from learners.strategies.memory import state_table

    return state_table(memory, Seat(player, tensor, 1))


def learn(
    tensor: PayoffTensor,
    treatment: Treatment,
    seed: int,
    sessions: Sequence[int],
    sellers: int | None = None,
    tested: bool = False,
) -> Learned:
    """Play sessions by number; the same seed and number draw the same random numbers under any treatment.

    `sellers` is how many of the players, the first ones, sell (all by default).
    """
    from learners import Session, Stopping
    from learners.equilibria.deviations import Repeated

    count = len(tensor.players)
    sellers = count if sellers is None else sellers
    spec = learner_of(tensor, treatment)
    rule = Stopping(MOST_ROUNDS, unchanged=treatment.unchanged)
    result = Session(tensor, (spec,) * count, rule).play(seed, list(sessions))
    tables = [result.learner(i).best for i in range(count)]  # type: ignore[attr-defined]
    rows, players, responses, cycles = [], [], [], []
    for k, ended in enumerate(result.ended):
        policies = [tables[i][k][_states(tensor, spec.memory, i)] for i in range(count)]
        play = Repeated.of(tensor, policies)
        cycle = play.cycle(play.state(ended.standing.tolist()))
        profiles = np.stack(np.unravel_index(cycle, tensor.actions), axis=1)
        paid, heard = tensor.payoffs(profiles).mean(axis=0), tensor.signals(profiles).mean(axis=0)
        updates = int(ended.rounds)
        row = {
            "session": ended.replicate,
            "updates": updates,
            "years": updates * treatment.lock / (ROUNDS_A_DAY * DAYS_A_YEAR),
            "stable": bool(ended.stable),
            "cycle": len(cycle),
            "price": float(heard[0]),
            "profit": float(paid[:sellers].sum()),
            "welfare": float(heard[1]),
            "bill": float(heard[2]),
        }
        if tested:
            found, paths = _test(tensor, policies, treatment.discount, ended.standing.tolist(), sellers)
            row |= found
            responses += [{"session": ended.replicate, "round": t, **path} for t, path in enumerate(paths)]
        rows.append(row)
        cycles.append(profiles)
        players += [
            {
                "session": ended.replicate,
                "player": tensor.players[i],
                "action": float(_numbers(tensor, i)[profiles[:, i]].mean()),
                "payoff": float(paid[i]),
            }
            for i in range(count)
        ]
    return Learned(rows, players, responses, cycles)


def _numbers(tensor: PayoffTensor, player: int) -> np.ndarray:
    names = tensor.labels[player]
    try:
        return np.array(names, dtype=float).reshape(len(names))
    except (TypeError, ValueError):
        return np.arange(len(names), dtype=float)


def _test(
    tensor: PayoffTensor, policies: list[np.ndarray], discount: float, start: list[int], sellers: int
) -> tuple[dict[str, float], list[dict[str, float]]]:
    """Best-response loss and deviation tests of the sellers, averaged over them."""
    from learners import best_response_loss, force_deviation

    losses, tempted, unprofitable, own, rivals = [], [], [], [], []
    for i in range(sellers):
        losses.append(best_response_loss(tensor, policies, i, discount, start).on_path)
        test = force_deviation(tensor, policies, i, discount, start, rounds=RESPONSE_ROUNDS)
        tempting = test.profitable_once
        tempted.append(float(tempting.mean()))
        if tempting.any():
            unprofitable.append(test.unprofitable_share)
            path = test.by_phase[tempting].mean(axis=0)[:, :sellers]
            own.append(path[:, i])
            rivals.append(np.delete(path, i, axis=1).mean(axis=1))
    row = {
        "loss": float(np.nanmean(losses)) if np.isfinite(losses).any() else float("nan"),
        "tempted": float(np.mean(tempted)),
        "unprofitable": float(np.mean(unprofitable)) if unprofitable else float("nan"),
    }
    paths = [
        {"own": float(a), "rivals": float(b)}
        for a, b in zip(np.mean(own, axis=0), np.mean(rivals, axis=0), strict=True)
    ] if own else []  # fmt: skip
    return row, paths


def session_blocks(sessions: int, size: int) -> list[tuple[int, int]]:
    """(first, count) of blocks of at most `size` sessions."""
    return [(a, min(size, sessions - a)) for a in range(0, sessions, size)]
