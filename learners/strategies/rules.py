"""Rules that do not learn: yardsticks, and partners that show what a learner does against a given strategy.

Actions are ordered: a lower index is a lower price or mark-up, and to cut is to go down. An infeasible
wish becomes the nearest feasible action.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, cast

import numpy as np

from clearing.errors import InputError
from learners.protocols import ListeningLearner, SettlingLearner, StrategicLearner
from learners.strategies.learner import ArrayLearner, Learner, LearnerSpec, Seat, Seen, feasible_choice
from learners.strategies.policy_card import Strategy
from networks.checks import shown


@dataclass(frozen=True, slots=True)
class Rule:
    """Base of rules: `reply` is what they do after a profile; nothing is random and nothing explored."""

    def begin(self, seat: Seat, replicates: int) -> RuleLearner:
        """The rule in a seat."""
        self.check(seat)
        return RuleLearner(self, seat, replicates)

    def settled(self, exploration: float) -> float:
        """From the start."""
        return 0.0

    def check(self, seat: Seat) -> None:
        """Raise where the rule names an action that its seat lacks."""
        for name in ("action", "first", "cooperate", "punish", "floor", "restart"):
            value = getattr(self, name, None)
            if value is not None and not 0 <= value < seat.actions:
                raise InputError(
                    f"{type(self).__name__}: {name} is {shown(value)}, but player "
                    f"{seat.source.players[seat.player]!r} has actions 0 to {seat.actions - 1}"
                )

    def reply(self, seat: Seat, last: np.ndarray, opening: bool, angry: np.ndarray) -> np.ndarray:
        """Actions (batch,) after profiles (batch, players); `opening` before the first round."""
        raise NotImplementedError


class RuleLearner(ArrayLearner):
    """A rule in a seat; `angry` (batch,) remembers whether it was ever provoked."""

    draws = 0
    remembered: ClassVar[tuple[str, ...]] = ("angry",)

    def __init__(self, rule: Rule, seat: Seat, replicates: int) -> None:
        super().__init__(replicates)
        self.rule, self.seat = rule, seat
        self.angry = np.zeros(replicates, dtype=bool)

    def act(self, seen: Seen, uniforms: np.ndarray) -> np.ndarray:
        """Actions (batch,)."""
        opening = seen.round == 0 or seen.fresh
        wanted = self.rule.reply(self.seat, seen.last, opening, self.angry)
        return feasible_choice(seen.mask, np.asarray(wanted, dtype=np.int64))

    def strategy(self, row: int = 0) -> Strategy:
        """What it does after every profile, as provoked as it is now."""
        angry = self.angry[row]

        def reply(profiles: np.ndarray) -> np.ndarray:
            return self.rule.reply(self.seat, profiles, False, np.full(len(profiles), angry))

        return Strategy.of(reply, self.seat.source, self.seat.player)


@dataclass(frozen=True, slots=True)
class Fixed(Rule):
    """The same action always."""

    action: int

    def reply(self, seat: Seat, last: np.ndarray, opening: bool, angry: np.ndarray) -> np.ndarray:
        """Actions (batch,)."""
        return np.full(len(last), self.action)


@dataclass(frozen=True, slots=True)
class Truthful(Fixed):
    """The truthful action: index 0 where mark-ups start at none."""

    action: int = 0


@dataclass(frozen=True, slots=True)
class BestResponse(Rule):
    """The action that pays most against the rivals' last actions; the first of equals (Cournot 1838)."""

    def reply(self, seat: Seat, last: np.ndarray, opening: bool, angry: np.ndarray) -> np.ndarray:
        """Actions (batch,), from the game's own payoffs."""
        trials = np.repeat(last, seat.actions, axis=0)
        trials[:, seat.player] = np.tile(np.arange(seat.actions), len(last))
        paid = seat.source.payoffs(trials)[:, seat.player].reshape(len(last), seat.actions)
        return np.argmax(paid, axis=1)


@dataclass(frozen=True, slots=True)
class Grim(Rule):
    """Cooperate until a rival goes below `cooperate`, then punish for ever (Friedman 1971)."""

    cooperate: int
    punish: int = 0

    def reply(self, seat: Seat, last: np.ndarray, opening: bool, angry: np.ndarray) -> np.ndarray:
        """Actions (batch,); `angry` is updated in place."""
        if not opening:
            angry |= (_rivals(seat, last) < self.cooperate).any(axis=1)
        return np.where(angry, self.punish, self.cooperate)


@dataclass(frozen=True, slots=True)
class TitForTat(Rule):
    """The lowest of the rivals' last actions; `first` before the first round."""

    first: int

    def reply(self, seat: Seat, last: np.ndarray, opening: bool, angry: np.ndarray) -> np.ndarray:
        """Actions (batch,)."""
        if opening:
            return np.full(len(last), self.first)
        return np.minimum(_rivals(seat, last).min(axis=1), seat.actions - 1)


@dataclass(frozen=True, slots=True)
class Undercut(Rule):
    """`step` below the lowest rival, not below `floor`; from the floor back to `restart`, if given.

    With a restart it is one side of an Edgeworth cycle (Maskin and Tirole, Econometrica 56, 1988).
    """

    step: int = 1
    floor: int = 0
    restart: int | None = None

    def reply(self, seat: Seat, last: np.ndarray, opening: bool, angry: np.ndarray) -> np.ndarray:
        """Actions (batch,)."""
        wanted = _rivals(seat, last).min(axis=1) - self.step
        out = np.clip(wanted, self.floor, seat.actions - 1)
        return out if self.restart is None else np.where(wanted < self.floor, self.restart, out)


@dataclass(frozen=True, slots=True)
class Held:
    """Any learner or rule whose action stands for `every` rounds, in which it only collects rewards."""

    inner: LearnerSpec
    every: int
    offset: int = 0

    def __post_init__(self) -> None:
        if self.every < 1 or not 0 <= self.offset < self.every:
            raise InputError(
                f"Held: every {self.every!r}, offset {self.offset!r}; give every ≥ 1 and an offset below it"
            )

    def begin(self, seat: Seat, replicates: int) -> HeldLearner:
        """The inner learner, asked now and then."""
        return HeldLearner(self, seat, self.inner.begin(seat, replicates))

    def settled(self, exploration: float) -> float:
        """That of the inner one."""
        return self.inner.settled(exploration)


class HeldLearner:
    """A learner that moves in the rounds t with (t − offset) divisible by every."""

    def __init__(self, spec: Held, seat: Seat, inner: Learner) -> None:
        self.spec, self.seat, self.inner = spec, seat, inner
        self.draws = inner.draws
        self.listens = isinstance(inner, ListeningLearner) and inner.listens

    @property
    def last_change(self) -> np.ndarray:
        """That of the inner one."""
        return cast(SettlingLearner, self.inner).last_change

    def act(self, seen: Seen, uniforms: np.ndarray) -> np.ndarray:
        """The standing action, or a new one when its time has come."""
        if not self._moves(seen):
            return feasible_choice(seen.mask, seen.last[:, self.seat.player])
        return self.inner.act(seen, uniforms)

    def update(
        self, seen: Seen, actions: np.ndarray, rewards: np.ndarray, after: Seen, terminal: bool
    ) -> None:
        """Pass on, saying whether the next round is its own."""
        self.inner.update(seen, actions, rewards, replace(after, moves=self._moves(after)), terminal)

    def arrays(self) -> dict[str, np.ndarray]:
        """Those of the inner one."""
        return self.inner.arrays()

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Into the inner one."""
        self.inner.load(arrays)

    def strategy(self, row: int = 0) -> Strategy:
        """What the inner one does when it moves."""
        return cast(StrategicLearner, self.inner).strategy(row)

    def _moves(self, seen: Seen) -> bool:
        return seen.moves and (seen.round - self.spec.offset) % self.spec.every == 0


def _rivals(seat: Seat, last: np.ndarray) -> np.ndarray:
    return np.delete(last, seat.player, axis=1)
