"""Is a learned price held up by punishment? Deviation tests and exact best-response loss of strategies.

Strategies remember the last profile. Played together they are a map of profiles into profiles, so that
every path ends in a cycle, values are exact, and the best response to the others is a small Markov decision
problem. A policy is a callable, last profiles (batch, players) → actions (batch,), an array of its actions
after every profile (in the order of :func:`learners.games.game.profiles_of`), or anything that has
`over_profiles`.

Source of the tests: E. Calvano, G. Calzolari, V. Denicolò, S. Pastorello, AER 110(10) (2020), 3267-3297,
sections III and IV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from learners.games.game import PayoffTensor, one_profile, profiles_of, repeating_part, tabulate
from learners.protocols import PayoffSource
from learners.strategies.policy_card import Strategy
from networks.checks import whole

Policy = Strategy | Callable[[np.ndarray], np.ndarray] | np.ndarray | Sequence[int]
SAME_MONEY = 1e-9  # of the player's own greatest payoff (1 $ at least): gains below it are rounding


@dataclass(frozen=True, eq=False)
class Repeated:
    """A game played over and over by fixed strategies.

    Attributes
    ----------
    tensor : the round.
    table : (players, profiles) action of each after every last profile.
    following : (profiles,) the profile that follows each.
    """

    tensor: PayoffTensor
    table: np.ndarray
    following: np.ndarray

    @classmethod
    def of(cls, source: PayoffSource, policies: Sequence[Policy]) -> Repeated:
        """Strategies in the order of the players.

        Raises
        ------
        InputError
            not one policy per player, or actions that the game does not have.
        """
        tensor = tabulate(source)
        if len(policies) != len(tensor.players):
            raise InputError(f"{len(policies)} policies for {len(tensor.players)} players; give one each")
        table = np.stack([tabulate_policy(p, tensor, i) for i, p in enumerate(policies)])
        return cls(tensor, table, np.ravel_multi_index(tuple(table), tensor.actions))

    @property
    def payoff(self) -> np.ndarray:
        """(profiles, players) payoffs of a round [$]."""
        return self.tensor.values.reshape(len(self.tensor.players), -1).T

    def state(self, profile: Sequence[int]) -> int:
        """Number of a profile."""
        return int(
            np.ravel_multi_index(tuple(one_profile(self.tensor, profile, "start")), self.tensor.actions)
        )

    def path(self, state: int, rounds: int) -> np.ndarray:
        """(rounds,) the profiles played after `state`."""
        out = np.empty(rounds, dtype=np.int64)
        for t in range(rounds):
            out[t] = state = int(self.following[state])
        return out

    def cycle(self, state: int) -> np.ndarray:
        """(length,) the profiles that repeat in the end, from the one that is met first."""
        return np.array(repeating_part(lambda k: int(self.following[k]), state))

    def values(self, player: int, discount: float) -> np.ndarray:
        """(profiles,) discounted payoff of a player from the round after each profile on."""
        return _discounted(self.payoff[:, player], self.following, discount)


def tabulate_policy(policy: Policy, source: PayoffSource, player: int) -> np.ndarray:
    """(profiles,) a policy's action after every last profile.

    Raises
    ------
    InputError
        when it is no policy, or chooses actions that the player does not have.
    """
    count, name = int(np.prod(source.actions)), source.players[player]
    if isinstance(policy, Strategy):
        actions = policy.over_profiles(source.actions)
    else:
        actions = np.asarray(policy(profiles_of(source.actions)) if callable(policy) else policy)
    if actions.shape != (count,) or not np.issubdtype(actions.dtype, np.integer):
        raise InputError(f"policy of {name!r}: give one action (an integer) after each of {count} profiles")
    if actions.min() < 0 or actions.max() >= source.actions[player]:
        raise InputError(
            f"policy of {name!r}: action {actions.min()} to {actions.max()} is not among 0 to "
            f"{source.actions[player] - 1}"
        )
    return actions.astype(np.int64)


def _discounted(reward: np.ndarray, following: np.ndarray, discount: float) -> np.ndarray:
    """Σ δᵗ·reward(profile t + 1), by doubling the number of rounds until the rest is below rounding."""
    if not 0 <= discount < 1:
        raise InputError(f"discount is {discount!r}; give a number from 0 to below 1")
    value, jump, weight = reward[following].astype(float), following.copy(), discount
    while weight > 1e-17:
        value = value + weight * value[jump]
        jump, weight = jump[jump], weight * weight
    return value


@dataclass(frozen=True, eq=False)
class BestResponseLoss:
    """What a player loses by its strategy against the best one to the others' strategies.

    Attributes
    ----------
    player : name.
    best : (profiles,) actions of a best response with the same memory.
    best_value, value : (profiles,) discounted payoffs of the best response and of the strategy [$].
    on_path : loss as a share of the best value, averaged over the cycle in which play ends.
    everywhere : the same over all profiles, most of which are never met.
    per_round : (1 − δ)·(best value − value), averaged over the cycle [$ per round].
    """

    player: str
    best: np.ndarray
    best_value: np.ndarray
    value: np.ndarray
    on_path: float
    everywhere: float
    per_round: float


def best_response_loss(
    source: PayoffSource, policies: Sequence[Policy], player: int, discount: float, start: Sequence[int]
) -> BestResponseLoss:
    """Exact loss (Q-loss) by policy iteration on the profiles; zero for all players in an equilibrium.

    Parameters
    ----------
    start : profile from which play runs into its cycle.
    """
    play = Repeated.of(source, policies)
    player = whole("player (its position)", player, 0, len(play.tensor.players) - 1)
    tensor, count = play.tensor, len(play.following)
    reward = play.payoff[:, player]
    stride = int(np.prod(tensor.actions[player + 1 :]))
    base = play.following - play.table[player] * stride
    reached = base[:, None] + stride * np.arange(tensor.actions[player])
    value = play.values(player, discount)
    best, best_value = play.table[player].copy(), value
    slack = 1e-12 * (1 + float(np.abs(reward).max())) / (1 - discount)
    while True:
        worth = reward[reached] + discount * best_value[reached]
        top = worth.max(axis=1)
        better = top > worth[np.arange(count), best] + slack
        if not better.any():
            break
        best = np.where(better, worth.argmax(axis=1), best)
        best_value = _discounted(reward, reached[np.arange(count), best], discount)
    lost = np.maximum(best_value - value, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(best_value > 0, lost / best_value, np.nan)
    cycle = play.cycle(play.state(start))
    return BestResponseLoss(
        player=tensor.players[player],
        best=best,
        best_value=best_value,
        value=value,
        on_path=float(share[cycle].mean()),
        everywhere=float(share.mean()),
        per_round=float((1 - discount) * lost[cycle].mean()),
    )


@dataclass(frozen=True, eq=False)
class DeviationTest:
    """One forced deviation from each phase of the cycle in which play ends, and what follows.

    Attributes
    ----------
    player : who deviates, by name.
    cycle : (phases, players) the undisturbed profiles.
    deviations : (phases,) the forced actions.
    gains : (phases,) discounted payoff of deviating once and then playing on, less that of not deviating [$].
    shares : (phases,) gains as a share of the undisturbed discounted payoff.
    profitable_once : (phases,) whether the round of the deviation pays more than staying.
    response : (rounds, players) mean over phases of action values after the deviation less those of the
        undisturbed path in the same phase; row 0 is the round of the deviation. In units of the action labels
        (prices, mark-ups), of indices where labels are no numbers.
    by_phase : (phases, rounds, players) the same for each phase.
    returns : (phases,) rounds after the deviation until the path is that of the undisturbed play again, in
        phase; −1 where it is not within `rounds`.
    """

    player: str
    cycle: np.ndarray
    deviations: np.ndarray
    gains: np.ndarray
    shares: np.ndarray
    profitable_once: np.ndarray
    response: np.ndarray
    by_phase: np.ndarray
    returns: np.ndarray

    @property
    def unprofitable_share(self) -> float:
        """Share of the phases' deviations that pay at once but not in the long run; NaN if none pays at once.

        Where nothing pays at once, static best replies are played and there is nothing to punish.
        """
        tempting = self.profitable_once
        return float((self.gains[tempting] <= 0).mean()) if tempting.any() else float("nan")


def force_deviation(
    source: PayoffSource,
    policies: Sequence[Policy],
    player: int,
    discount: float,
    start: Sequence[int],
    action: int | None = None,
    rounds: int = 25,
) -> DeviationTest:
    """Force a player to deviate for one round from every phase of the cycle, and let all play on.

    Parameters
    ----------
    start : profile from which play runs into its cycle.
    action : the forced action; by default the best reply of a single round to what the others play then.
    rounds : rounds to follow, that of the deviation included.
    """
    play = Repeated.of(source, policies)
    tensor, rounds = play.tensor, whole("rounds", rounds)
    player = whole("player (its position)", player, 0, len(tensor.players) - 1)
    if action is not None:
        action = whole("action", action, 0, tensor.actions[player] - 1)
    reward, value = play.payoff[:, player], play.values(player, discount)
    stride = int(np.prod(tensor.actions[player + 1 :]))
    cycle = play.cycle(play.state(start))
    scale = _label_values(tensor)
    forced, gains, shares, once, back, response = [], [], [], [], [], []
    slack = SAME_MONEY * max(1.0, float(np.abs(reward).max()))
    for phase in cycle.tolist():
        planned = int(play.following[phase])
        others = planned - int(play.table[player, phase]) * stride
        reached = others + stride * np.arange(tensor.actions[player])
        choice = int(reward[reached].argmax()) if action is None else action
        if action is None and reward[reached[choice]] <= reward[planned] + slack:
            choice = int(play.table[player, phase])
        now = int(reached[choice])
        forced.append(choice)
        gain = reward[now] + discount * value[now] - value[phase]
        gains.append(0.0 if abs(gain) <= slack else float(gain))
        shares.append(gain / value[phase] if value[phase] else np.nan)
        once.append(bool(reward[now] > reward[planned] + slack))
        paths = [np.concatenate([[first], play.path(first, rounds - 1)]) for first in (now, planned)]
        apart = np.flatnonzero(paths[0] != paths[1])
        back.append(0 if len(apart) == 0 else int(apart[-1]) + 1 if apart[-1] < rounds - 1 else -1)
        after, before = (
            np.stack([s[a] for s, a in zip(scale, np.unravel_index(p, tensor.actions), strict=True)], axis=1)
            for p in paths
        )
        response.append(after - before)
    return DeviationTest(
        player=tensor.players[player],
        cycle=np.stack(np.unravel_index(cycle, tensor.actions), axis=1),
        deviations=np.array(forced),
        gains=np.array(gains),
        shares=np.array(shares),
        profitable_once=np.array(once),
        response=np.mean(response, axis=0),
        by_phase=np.array(response),
        returns=np.array(back),
    )


def _label_values(tensor: PayoffTensor) -> list[np.ndarray]:
    """Action labels as numbers, indices where they are none."""
    out = []
    for names in tensor.labels:
        try:
            out.append(np.array(names, dtype=float).reshape(len(names)))
        except (TypeError, ValueError):
            out.append(np.arange(len(names), dtype=float))
    return out
