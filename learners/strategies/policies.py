"""From action values to actions: ε-greedy, Boltzmann, and Boltzmann at a prescribed entropy.

A policy's level (ε, temperature, exploration rate) follows a schedule in rounds, and one uniform number
per decision picks the action, so that a player's random stream is one number per round. Greedy ties go
to the first action; the Boltzmann policies are uniform on ties.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from clearing.errors import InputError
from learners.strategies.compiled_policies import BOLTZMANN, ENTROPY, EPSILON_GREEDY, fill_rows

LEAST_TEMPERATURE = 1e-12  # $; a schedule that falls to 0 needs a floor


class Schedule(Protocol):
    """A level over rounds that never rises."""

    def at(self, rounds: np.ndarray) -> np.ndarray:
        """Levels (n,) in rounds (n,), counted from 0."""
        ...

    def first_below(self, level: float) -> float:
        """First round whose level, and that of every later one, is at most `level`; inf where none is."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """The same level in every round."""

    level: float

    def at(self, rounds: np.ndarray) -> np.ndarray:
        """Levels (n,)."""
        return np.full(len(rounds), self.level)

    def first_below(self, level: float) -> float:
        """0 or inf."""
        return 0.0 if self.level <= level else math.inf


@dataclass(frozen=True, slots=True)
class Exponential:
    """start·exp(−rate·t), held at `floor`; Calvano et al. (AER 2020) have start 1 and rate 4e-6.

    (1 − θ)^t is the rate −log(1 − θ).
    """

    rate: float
    start: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not self.rate > 0:
            raise InputError(
                f"Exponential: rate is {self.rate!r}; give a positive number per round, or Constant"
            )

    def at(self, rounds: np.ndarray) -> np.ndarray:
        """Levels (n,)."""
        return np.maximum(self.start * np.exp(-self.rate * np.asarray(rounds, dtype=float)), self.floor)

    def first_below(self, level: float) -> float:
        """The round by which the exponential has fallen so far."""
        if level < self.floor or level <= 0:
            return math.inf
        return float(max(0, math.ceil(math.log(self.start / level) / self.rate)))


@dataclass(frozen=True, slots=True)
class Linear:
    """From `start` to `end` in a straight line over `rounds`, then `end`."""

    start: float
    end: float
    rounds: int

    def __post_init__(self) -> None:
        if not (self.rounds > 0 and self.end <= self.start):
            raise InputError(
                f"Linear: from {self.start!r} to {self.end!r} over {self.rounds!r} rounds; give a level that "
                "does not rise and a positive number of rounds"
            )

    def at(self, rounds: np.ndarray) -> np.ndarray:
        """Levels (n,)."""
        share = np.minimum(np.asarray(rounds, dtype=float) / self.rounds, 1.0)
        return self.start + (self.end - self.start) * share

    def first_below(self, level: float) -> float:
        """The round in which the line reaches the level."""
        if level < self.end:
            return math.inf
        if level >= self.start:
            return 0.0
        return float(math.ceil((self.start - level) / (self.start - self.end) * self.rounds))


def as_schedule(level: float | Schedule) -> Schedule:
    """A number as a constant schedule."""
    return Constant(float(level)) if isinstance(level, (int, float)) else level


class Policy(Protocol):
    """How action values become probabilities; `kind` names the compiled arithmetic."""

    @property
    def kind(self) -> int: ...

    @property
    def schedule(self) -> Schedule: ...

    def settled(self, exploration: float) -> float:
        """First round after which at most `exploration` of the decisions are exploratory; inf: never."""
        ...


@dataclass(frozen=True, slots=True)
class EpsilonGreedy:
    """The greedy action, and with probability ε one of the feasible actions at random."""

    epsilon: float | Schedule = 0.1

    def __post_init__(self) -> None:
        _check_levels("EpsilonGreedy: epsilon", self.schedule, 0.0, 1.0)

    @property
    def kind(self) -> int:
        """Number of the compiled arithmetic."""
        return EPSILON_GREEDY

    @property
    def schedule(self) -> Schedule:
        """ε over rounds."""
        return as_schedule(self.epsilon)

    def settled(self, exploration: float) -> float:
        """When ε is at most `exploration`."""
        return self.schedule.first_below(exploration)

    def probabilities(self, values: np.ndarray, mask: np.ndarray | None = None, round: int = 0) -> np.ndarray:
        """Probabilities (..., actions) of values (..., actions); infeasible actions have none."""
        return _probabilities(self, values, mask, round)[0]


@dataclass(frozen=True, slots=True)
class Boltzmann:
    """π(a) ∝ exp(Q(a)/temperature), the temperature in the unit of the values [$]."""

    temperature: float | Schedule = 1.0

    def __post_init__(self) -> None:
        _check_levels("Boltzmann: temperature", self.schedule, LEAST_TEMPERATURE, math.inf)

    @property
    def kind(self) -> int:
        """Number of the compiled arithmetic."""
        return BOLTZMANN

    @property
    def schedule(self) -> Schedule:
        """Temperature over rounds [$]."""
        return as_schedule(self.temperature)

    def settled(self, exploration: float) -> float:
        """Never: how much a temperature explores depends on values that are learned."""
        return math.inf

    def probabilities(self, values: np.ndarray, mask: np.ndarray | None = None, round: int = 0) -> np.ndarray:
        """Probabilities (..., actions) of values (..., actions); infeasible actions have none."""
        return _probabilities(self, values, mask, round)[0]


@dataclass(frozen=True, slots=True)
class EntropyBoltzmann:
    """Boltzmann whose inverse temperature θ gives each state the entropy rate·log(feasible actions).

    The values are scaled to the range [−1, 0] first, so that θ is found whatever their unit. Where all
    feasible values tie the policy is uniform, and where more maximisers tie than the rate asks for, it is
    uniform on them (θ has no finite solution there).

    Parameters
    ----------
    rate : exploration rate Er in [0, 1], a number or a schedule.

    Source: Y. Achbany, F. Fouss, L. Yen, A. Pirotte, M. Saerens, "Tuning continual exploration in
    reinforcement learning", Neurocomputing 71 (2008); Algorithm 1 of Energies 2017, 10, 2045, eqs. (7)–(9).
    """

    rate: float | Schedule = 0.5

    def __post_init__(self) -> None:
        _check_levels("EntropyBoltzmann: rate", self.schedule, 0.0, 1.0)

    @property
    def kind(self) -> int:
        """Number of the compiled arithmetic."""
        return ENTROPY

    @property
    def schedule(self) -> Schedule:
        """Exploration rate over rounds."""
        return as_schedule(self.rate)

    def settled(self, exploration: float) -> float:
        """When the rate is at most `exploration`."""
        return self.schedule.first_below(exploration)

    def probabilities(self, values: np.ndarray, mask: np.ndarray | None = None, round: int = 0) -> np.ndarray:
        """Probabilities (..., actions) of values (..., actions); infeasible actions have none."""
        return _probabilities(self, values, mask, round)[0]

    def sharpness(self, values: np.ndarray, mask: np.ndarray | None = None, round: int = 0) -> np.ndarray:
        """θ (...,) [1/unit of the values]; 0 where the policy is uniform."""
        return _probabilities(self, values, mask, round)[1]


def masked_values(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Values with −inf where the mask forbids an action; at least one must be allowed."""
    values = np.array(values, dtype=float)
    if np.isnan(values).any():
        raise InputError("an action value is NaN; give a number")
    if mask is not None:
        values = np.where(np.broadcast_to(np.asarray(mask, dtype=bool), values.shape), values, -np.inf)
    if not (values > -np.inf).any(axis=-1).all():
        raise InputError("a mask forbids every action; leave at least one feasible")
    return values


def _probabilities(
    policy: Policy, values: np.ndarray, mask: np.ndarray | None, round: int
) -> tuple[np.ndarray, np.ndarray]:
    values = masked_values(values, mask)
    rows = np.ascontiguousarray(values.reshape(-1, values.shape[-1]))
    out, sharpness = np.empty_like(rows), np.empty(len(rows))
    level = float(policy.schedule.at(np.array([round]))[0])
    fill_rows(policy.kind, level, rows, out, sharpness)
    return out.reshape(values.shape), sharpness.reshape(values.shape[:-1])


def _check_levels(name: str, schedule: Schedule, low: float, high: float) -> None:
    """Schedules never rise, so their first and far levels bound them."""
    levels = schedule.at(np.array([0.0, 1e18])).tolist()
    if not (low <= levels[1] <= levels[0] <= high):
        raise InputError(f"{name} runs from {levels[0]!r} to {levels[1]!r}; give {low:g} to {high:g}")
