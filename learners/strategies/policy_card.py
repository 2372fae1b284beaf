"""What a learned strategy does, in a table, in paths after a rival's cut or raise, and in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clearing.errors import InputError
from learners.games.game import profiles_of, repeating_part
from learners.protocols import PayoffSource, action_labels
from networks.checks import whole


@dataclass(frozen=True, eq=False)
class Strategy:
    """A memory-one strategy: an action for every state of the last round.

    Attributes
    ----------
    player : whose.
    table : (states,) actions.
    known : players whose last actions are the state, the last one's running fastest; None where the state
        is something else.
    """

    player: int
    table: np.ndarray
    known: tuple[int, ...] | None

    @classmethod
    def of(cls, reply: Callable[[np.ndarray], np.ndarray], source: PayoffSource, player: int) -> Strategy:
        """Of any rule that maps last profiles (batch, players) to actions (batch,)."""
        everyone = tuple(range(len(source.actions)))
        return cls(player, np.asarray(reply(profiles_of(source.actions)), dtype=np.int64), everyone)

    def reply(self, profiles: np.ndarray, actions: Sequence[int]) -> np.ndarray:
        """Actions (batch,) after profiles (batch, players)."""
        if self.known is None:
            raise InputError(
                "this strategy's states are not last actions; make it with Strategy.of(reply, source, player)"
            )
        index = np.zeros(len(profiles), dtype=np.int64)
        for i in self.known:
            index = index * actions[i] + profiles[:, i]
        return self.table[index]

    def over_profiles(self, actions: Sequence[int]) -> np.ndarray:
        """Action after every profile (profiles,), as `profiles_of` orders them."""
        return self.reply(profiles_of(actions), actions)


def follow(
    strategies: Sequence[Strategy],
    actions: Sequence[int],
    start: Sequence[int],
    rounds: int,
    forced: Mapping[int, Mapping[int, int]] | None = None,
) -> np.ndarray:
    """The profiles (rounds + 1, players) that greedy strategies play from `start`.

    `forced[k][i]` is the action that player i must take in the k-th round after the start.
    """
    path = np.empty((rounds + 1, len(actions)), dtype=np.int64)
    path[0] = _checked(start, actions)
    for k in range(1, rounds + 1):
        for i, strategy in enumerate(strategies):
            path[k, i] = strategy.reply(path[k - 1 : k], actions)[0]
        for i, action in ((forced or {}).get(k, {})).items():
            path[k, i] = action
    return path


def resting_cycle(strategies: Sequence[Strategy], actions: Sequence[int], start: Sequence[int]) -> np.ndarray:
    """The profiles (length, players) that greedy play from `start` ends up repeating."""
    full = tuple(s.over_profiles(actions) for s in strategies)
    first = int(np.ravel_multi_index(_checked(start, actions), tuple(actions)))
    following = np.ravel_multi_index(full, tuple(actions))
    cycle = repeating_part(lambda k: int(following[k]), first)
    return np.stack(np.unravel_index(cycle, tuple(actions)), axis=1)


def _checked(start: Sequence[int], actions: Sequence[int]) -> tuple[int, ...]:
    if len(start) != len(actions):
        raise InputError(f"start is {tuple(start)}; give one action of each of {len(actions)} players")
    numbered = enumerate(zip(start, actions, strict=True))
    return tuple(whole(f"start: action of player {i}", a, 0, n - 1) for i, (a, n) in numbered)


@dataclass(frozen=True, eq=False)
class PolicyCard:
    """A strategy on one page.

    Attributes
    ----------
    table : greedy action by state: the last label of each player that it sees, and its own next.
    rest : (length, players) profiles that play repeats.
    after_cut, after_raise : (rounds + 1, players) action indices from the rest, a rival's forced deviation
        at index 1; empty where it cannot deviate that way.
    sentences : what the numbers say.
    """

    player: str
    table: pd.DataFrame
    rest: np.ndarray
    after_cut: np.ndarray
    after_raise: np.ndarray
    sentences: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(self.sentences)


def make_policy_card(
    source: PayoffSource,
    strategies: Sequence[Strategy],
    player: int = 0,
    start: Sequence[int] | None = None,
    step: int | None = None,
    rounds: int = 20,
) -> PolicyCard:
    """The card of one player's strategy among the strategies of all.

    Parameters
    ----------
    source : the game; labels name the actions where it has them, profits are its own.
    start : profile from which play settles; action 0 of everyone by default.
    step : actions by which the rival deviates for one round; by default a cut is its best reply below
        its resting action, a raise goes to the greatest action.
    """
    actions = tuple(source.actions)
    if len(strategies) != len(actions):
        raise InputError(f"{len(strategies)} strategies for {len(actions)} players; give one each")
    rest = resting_cycle(strategies, actions, [0] * len(actions) if start is None else start)
    labels = action_labels(source) or [tuple(range(n)) for n in actions]
    mine = strategies[player]
    paths, sentences = [], [_say_rest(source, rest, player, labels)]
    rival = (player + 1) % len(actions)
    calm = follow(strategies, actions, rest[0], rounds)
    for cut in (True, False):
        deviation = _deviation(source, calm[1], rival, cut, step) if len(actions) > 1 else None
        if deviation is None:
            paths.append(np.zeros((0, len(actions)), dtype=np.int64))
            continue
        path = follow(strategies, actions, rest[0], rounds, {1: {rival: deviation}})
        paths.append(path)
        sentences.append(_say_reaction(source, path, calm, player, rival, cut, labels))
    sentences.append(_say_table(mine, actions))
    return PolicyCard(
        source.players[player], _table(source, mine, labels), rest, paths[0], paths[1], tuple(sentences)
    )


def _deviation(
    source: PayoffSource, planned: np.ndarray, rival: int, cut: bool, step: int | None
) -> int | None:
    own, most = int(planned[rival]), source.actions[rival] - 1
    if (cut and own == 0) or (not cut and own == most):
        return None
    if step is not None:
        return max(0, own - step) if cut else min(most, own + step)
    if not cut:
        return most
    trials = np.repeat(planned[None], own, axis=0)
    trials[:, rival] = np.arange(own)
    return int(np.argmax(source.payoffs(trials)[:, rival]))


def _say_rest(source: PayoffSource, rest: np.ndarray, player: int, labels: Sequence[Sequence[object]]) -> str:
    name, profit = source.players[player], source.payoffs(rest)[:, player].mean()
    shown = [_word(labels[player][a]) for a in rest[:, player]]
    if len(set(shown)) == 1:
        return f"{name} rests at {shown[0]} and earns {profit:.4g} $ per round."
    return f"{name} repeats {', '.join(shown)} every {len(rest)} rounds and earns {profit:.4g} $ per round."


def _say_reaction(
    source: PayoffSource, path: np.ndarray, calm: np.ndarray, player: int, rival: int, cut: bool,
    labels: Sequence[Sequence[object]],
) -> str:  # fmt: skip
    name, other = source.players[player], source.players[rival]
    word = "cut" if cut else "raise"
    before, forced = _word(labels[rival][calm[1, rival]]), _word(labels[rival][path[1, rival]])
    move = path[2, player] - calm[2, player]
    new = _word(labels[player][path[2, player]])
    if move == 0:
        answer = f"{name} plays on as before"
    else:
        direction = "cuts" if move < 0 else "raises"
        answer = f"{name} {direction} to {new} instead of {_word(labels[player][calm[2, player]])}"
    same = (path == calm).all(axis=1)
    away = np.flatnonzero(~same)
    after = len(path) - 1
    if away[-1] == after:
        shifted = {tuple(row) for row in path[-len(path) // 2 :]} <= {tuple(row) for row in calm}
        end = "play returns to its cycle at another phase" if shifted else (
            f"and play has not returned after {after - 1} rounds"
        )  # fmt: skip
    else:
        end = f"and all are back {away[-1]} rounds after the {word}" if away[-1] > 1 else (
            "and all play on as before"
        )  # fmt: skip
    gained = source.payoffs(path)[1:, rival].sum() - source.payoffs(calm)[1:, rival].sum()
    scale = 1e-9 * (1 + np.abs(source.payoffs(calm)[1:, rival]).sum())
    result = f"{'gains' if gained > 0 else 'loses'} {abs(gained):.4g} $"
    if abs(gained) <= scale:
        result = "earns the same"
    return (
        f"After {other}'s {word} from {before} to {forced}, {answer}, {end}; "
        f"over {after} rounds {other} {result}."
    )


def _say_table(strategy: Strategy, actions: Sequence[int]) -> str:
    if strategy.known is None:
        values = np.unique(strategy.table)
        return (
            f"It uses {len(values)} of {actions[strategy.player]} actions over {strategy.table.size} states."
        )
    full = strategy.over_profiles(actions).reshape(actions)
    used = len(np.unique(full))
    moved = np.moveaxis(full, strategy.player, 0).reshape(actions[strategy.player], -1)
    reacts = float((moved != moved[:, :1]).any(axis=1).mean())
    lower = float((full < np.indices(actions)[strategy.player]).mean())
    return (
        f"It uses {used} of {actions[strategy.player]} actions; its answer depends on its rivals after "
        f"{reacts:.0%} of its own actions, and undercuts its own last action in {lower:.0%} of the states."
    )


def _table(source: PayoffSource, strategy: Strategy, labels: Sequence[Sequence[object]]) -> pd.DataFrame:
    chosen = [labels[strategy.player][a] for a in strategy.table]
    if not strategy.known:
        return pd.DataFrame({"state": np.arange(len(chosen)), "action": chosen})
    states = profiles_of([source.actions[i] for i in strategy.known])
    columns: dict[str, list[object]] = {
        f"last {source.players[i]}": [labels[i][a] for a in states[:, k]]
        for k, i in enumerate(strategy.known)
    }
    return pd.DataFrame(columns | {"action": chosen})


def _word(label: object) -> str:
    return f"{label:.4g}" if isinstance(label, (float, np.floating)) else str(label)
