"""Games as environments of PettingZoo and Gymnasium (extra `rl`), for learners from elsewhere.

A step is one round of the repeated game: everybody's action, an exact clearing (or its remembered payoff),
everybody's reward. Observations follow an information rule; episodes are truncated after some rounds and
never terminate, for the game has no end of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from clearing.errors import InputError
from learners.equilibria.deviations import Policy, tabulate_policy
from learners.protocols import PayoffSource, SignallingSource
from networks.checks import number, whole

try:
    import gymnasium
    import pettingzoo
except ImportError as missing:
    raise InputError("environments need PettingZoo and Gymnasium; install walras[rl]") from missing

Information = Literal["none", "own", "price", "all"]


@dataclass(frozen=True)
class Rules:
    """What players see and when they may move.

    Attributes
    ----------
    rounds : after which an episode is truncated.
    information : of the last round: "none", "own" action, own action and clearing "price" (all signals of
        the source), or "all" actions and signals.
    update_period : rounds between two moves of a player, one number or one by name; in between its standing
        action is repeated whatever it asks for.
    reward_scale : payoffs are divided by it [$].
    """

    rounds: int = 100
    information: Information = "all"
    update_period: int | Mapping[str, int] = 1
    reward_scale: float = 1.0

    def __post_init__(self) -> None:
        if self.information not in ("none", "own", "price", "all"):
            raise InputError(f"information is {self.information!r}; use 'none', 'own', 'price' or 'all'")
        periods = self.update_period
        all_periods = list(periods.values()) if isinstance(periods, Mapping) else [periods]
        whole("rounds", self.rounds)
        for period in all_periods:
            whole("update_period", period)
        number("reward_scale", self.reward_scale, "$", above=0.0)

    def periods(self, players: Sequence[str]) -> np.ndarray:
        """(players,) rounds between two moves."""
        if not isinstance(self.update_period, Mapping):
            return np.full(len(players), self.update_period)
        unknown = [name for name in self.update_period if name not in players]
        if unknown:
            raise InputError(f"update_period: {unknown[0]!r} is no player; players: {', '.join(players)}")
        return np.array([self.update_period.get(name, 1) for name in players])


class _Rounds:
    """The rounds of one episode, and what players see of them."""

    def __init__(self, source: PayoffSource, rules: Rules):
        self.source, self.rules = source, rules
        self.periods = rules.periods(source.players)
        self.signals = len(source.signal_names) if isinstance(source, SignallingSource) else 0
        self.rng = np.random.default_rng()
        self.round, self.standing = 0, np.zeros(len(source.players), dtype=np.int64)
        self.heard = np.zeros(self.signals)

    def reset(self, seed: int | None) -> None:
        """A new episode from standing actions drawn at random."""
        if seed is not None:
            self.rng = np.random.default_rng(whole("seed", seed, minimum=0))
        self.round = 0
        self.standing = np.array([self.rng.integers(n) for n in self.source.actions])
        self._listen()

    def step(self, wanted: Sequence[int]) -> np.ndarray:
        """(players,) rewards of a round."""
        for i, (action, count) in enumerate(zip(wanted, self.source.actions, strict=True)):
            index = _action(action, count, self.source.players[i])
            if self.round % self.periods[i] == 0:
                self.standing[i] = index
        self.round += 1
        self._listen()
        return self.source.payoffs(self.standing[None], self.rng)[0] / self.rules.reward_scale

    def space(self, player: int) -> Any:
        """Actions as shares of the player's range (0 the first, 1 the last), then signals as they are."""
        acts, signals = self._seen(player)
        low = np.concatenate([np.zeros(len(acts)), np.full(signals, -np.inf)])
        high = np.concatenate([np.ones(len(acts)), np.full(signals, np.inf)])
        if len(low) == 0:
            low, high = np.zeros(1), np.ones(1)
        return gymnasium.spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)

    def observe(self, player: int) -> np.ndarray:
        """What the player sees of the last round."""
        acts, signals = self._seen(player)
        most = np.maximum(np.array(self.source.actions)[acts] - 1, 1)
        seen = np.concatenate([self.standing[acts] / most, self.heard[:signals]])
        return (seen if len(seen) else np.zeros(1)).astype(np.float32)

    def _seen(self, player: int) -> tuple[list[int], int]:
        information = self.rules.information
        acts = {"none": [], "all": list(range(len(self.standing)))}.get(information, [player])
        return acts, self.signals if information in ("price", "all") else 0

    def _listen(self) -> None:
        if self.signals and isinstance(self.source, SignallingSource):
            self.heard = self.source.signals(self.standing[None])[0]

    @property
    def over(self) -> bool:
        return self.round >= self.rules.rounds


def _action(given: object, count: int, player: str) -> int:
    """An action's index: a whole number, or an array without axes, as agents' `sample` and `predict` give."""
    single = given.item() if isinstance(given, np.ndarray) and given.ndim == 0 else given
    return whole(f"player {player!r}: action", single, 0, count - 1)


class ParallelGame(pettingzoo.ParallelEnv):
    """All players of a game as a PettingZoo `ParallelEnv`; made by :func:`parallel_env`."""

    metadata: ClassVar[dict[str, Any]] = {
        "name": "walras_game",
        "render_modes": [],
        "is_parallelizable": True,
    }
    render_mode = None

    def __init__(self, source: PayoffSource, rules: Rules):
        self._play = _Rounds(source, rules)
        self.possible_agents = list(source.players)
        self.agents = list(source.players)
        self._spaces = {
            name: (self._play.space(i), gymnasium.spaces.Discrete(n))
            for i, (name, n) in enumerate(zip(source.players, source.actions, strict=True))
        }

    def observation_space(self, agent: str) -> Any:
        """The space of what an agent sees."""
        return self._spaces[agent][0]

    def action_space(self, agent: str) -> Any:
        """The indices of an agent's actions."""
        return self._spaces[agent][1]

    def reset(self, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[dict, dict]:
        """A new episode: observations and infos by agent."""
        self._play.reset(seed)
        self.agents = list(self.possible_agents)
        return self._observe(), {name: {} for name in self.agents}

    def step(self, actions: Mapping[str, int]) -> tuple[dict, dict, dict, dict, dict]:
        """One round: observations, rewards, terminations, truncations and infos by agent."""
        if not self.agents:
            return {}, {}, {}, {}, {}
        missing = [name for name in self.agents if name not in actions]
        if missing:
            raise InputError(
                f"step: no action of {missing[0]!r}; give one for each of {', '.join(self.agents)}"
            )
        rewards = self._play.step([actions[name] for name in self.agents])
        live, over = self.agents, self._play.over
        if over:
            self.agents = []
        return (
            {name: self._play.observe(i) for i, name in enumerate(live)},
            dict(zip(live, rewards.tolist(), strict=True)),
            dict.fromkeys(live, False),
            dict.fromkeys(live, over),
            {name: {} for name in live},
        )

    def state(self) -> np.ndarray:
        """The standing actions as shares of their ranges."""
        most = np.maximum(np.array(self._play.source.actions) - 1, 1)
        return (self._play.standing / most).astype(np.float32)

    def render(self) -> None:
        """Nothing is drawn."""

    def close(self) -> None:
        """Nothing is open."""

    def _observe(self) -> dict[str, np.ndarray]:
        return {name: self._play.observe(i) for i, name in enumerate(self.possible_agents)}


class SinglePlayerGame(gymnasium.Env):
    """One player against fixed policies as a Gymnasium `Env`; made by :func:`single_agent_env`."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}

    def __init__(self, source: PayoffSource, player: str, rivals: Mapping[str, Policy], rules: Rules):
        if player not in source.players:
            raise InputError(f"player {player!r} is not in the game; players: {', '.join(source.players)}")
        others = [name for name in source.players if name != player]
        if set(rivals) != set(others):
            raise InputError(f"rivals: give a policy for each of {', '.join(others)}; given {sorted(rivals)}")
        self._play, self._player = _Rounds(source, rules), source.players.index(player)
        self._tables = {
            i: tabulate_policy(rivals[name], source, i)
            for i, name in enumerate(source.players)
            if name != player
        }
        self.observation_space = self._play.space(self._player)
        self.action_space = gymnasium.spaces.Discrete(source.actions[self._player])

    def reset(
        self, *, seed: int | None = None, options: Mapping[str, Any] | None = None
    ) -> tuple[np.ndarray, dict]:
        """A new episode: the observation and an empty info."""
        self._play.reset(seed)
        super().reset(seed=seed)
        return self._play.observe(self._player), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        """One round against the rivals' answers to the last one."""
        play = self._play
        last = int(np.ravel_multi_index(tuple(play.standing), play.source.actions))
        wanted: list[Any] = [action] * len(play.standing)
        for i, table in self._tables.items():
            wanted[i] = int(table[last])
        reward = float(play.step(wanted)[self._player])
        return play.observe(self._player), reward, False, play.over, {}


def parallel_env(source: PayoffSource, **rules: Any) -> ParallelGame:
    """A game as a PettingZoo `ParallelEnv`; keyword arguments are those of :class:`Rules`.

    Examples
    --------
    >>> from learners import LogitBertrand, parallel_env
    >>> env = parallel_env(LogitBertrand.calvano(), rounds=10, information="own")
    >>> observations, infos = env.reset(seed=1)
    >>> sorted(observations)
    ['firm 1', 'firm 2']
    """
    return ParallelGame(source, Rules(**rules))


def single_agent_env(
    source: PayoffSource, player: str, rivals: Mapping[str, Policy] | None = None, **rules: Any
) -> SinglePlayerGame:
    """One player as a Gymnasium `Env`, its rivals following policies of the last profile (such as constants).

    Parameters
    ----------
    rivals : policies by name, as :mod:`learners.equilibria.deviations` has them; by default the first action
        of each.
    rules : those of :class:`Rules`.
    """
    if rivals is None:
        count = int(np.prod(source.actions))
        rivals = {name: np.zeros(count, dtype=np.int64) for name in source.players if name != player}
    return SinglePlayerGame(source, player, rivals, Rules(**rules))
