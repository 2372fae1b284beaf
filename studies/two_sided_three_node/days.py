"""Many days of a game of stages at once: what a session of `Stages` plays, by a compiled loop.

For tabulated stages and tables of action values only; everything else plays through
:class:`learners.sessions.session.Session`, with the same bits where both can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clearing.errors import InputError
from learners.games.game import PayoffTensor, profiles_of
from learners.sessions.run import compiled_rules, pack, profile_strides
from learners.sessions.session import Session
from learners.sessions.stopping import Stages
from learners.sessions.streams import UniformStreams, replicate_numbers
from learners.strategies.compiled_policies import best_of
from learners.strategies.memory import WorldStates
from learners.strategies.tabular import Tabular, TabularLearner
from studies.two_sided_three_node.compiled_days import play_episodes

CHUNK_DAYS = 512


@dataclass(frozen=True, eq=False)
class Days:
    """What was played, and what the greedy strategies would have played, day by day.

    Attributes
    ----------
    session, seed : what was asked; replicate r has the stream of (seed, r).
    played, greedy : (replicates, days, stages) profile indices.
    tables : per player (replicates, states, actions) action values at the end [$].
    last_change : (replicates,) round of the last change of any greedy action, on or off the path.
    """

    session: Session
    seed: int
    played: np.ndarray
    greedy: np.ndarray
    tables: tuple[np.ndarray, ...]
    last_change: np.ndarray

    @property
    def settled_day(self) -> np.ndarray:
        """(replicates,) first day, counted from 0, after which the greedy profile stays to the end."""
        moved = (self.greedy[:, 1:] != self.greedy[:, :-1]).any(axis=2)
        days = self.greedy.shape[1]
        if days == 1:
            return np.zeros(len(self.greedy), dtype=np.int64)
        return np.where(moved.any(axis=1), days - 1 - np.argmax(moved[:, ::-1], axis=1), 0)

    def payoffs(self, profiles: np.ndarray) -> np.ndarray:
        """(..., stages, players) payoffs [$] of profile indices (..., stages)."""
        flat = [s.values.reshape(len(s.players), -1).T for s in _stages_of(self.session)]
        return np.stack([flat[t][profiles[..., t]] for t in range(len(flat))], axis=-2)

    def actions(self, profiles: np.ndarray) -> np.ndarray:
        """(..., stages, players) action indices of profile indices (..., stages)."""
        counts = tuple(self.session.stages[0].actions)
        return np.stack(np.unravel_index(profiles, counts), axis=-1)


def play_days(session: Session, seed: int, replicates: int | Sequence[int]) -> Days:
    """Play a session of stages to its last round.

    Raises
    ------
    InputError
        a session that is not of tabulated stages between tables, does not stop by rounds alone, or whose
        rounds end within a day; a mask that depends on more than the memory holds.
    """
    stages = _stages_of(session)
    specs = _specs_of(session)
    numbers = replicate_numbers(replicates)
    rounds, count = session.rule.rounds, len(stages)
    if session.rule.unchanged is not None or rounds % count:
        raise InputError(f"play_days: {rounds} rounds of {count} stages; give whole days, and no `unchanged`")
    learners = [spec.begin(seat, len(numbers)) for spec, seat in zip(specs, session.seats(), strict=True)]
    state_of = _states(session, learners)
    packed = {name: pack([getattr(x, name) for x in learners]) for name in ("tables", "best", "visits")}
    actions = np.array(stages[0].actions)
    strides, rules = profile_strides(stages[0].actions), compiled_rules(specs)
    payoffs = np.stack([s.values.reshape(len(actions), -1).T for s in stages])
    uniforms = UniformStreams(seed, numbers)
    uniforms.draw(len(actions))  # a session draws the profile that stands before its first round
    changed = np.full((len(numbers), len(actions)), -1, dtype=np.int64)
    played, greedy = (np.empty((len(numbers), rounds // count, count), dtype=np.int64) for _ in range(2))
    for first in range(0, rounds // count, CHUNK_DAYS):
        days = min(CHUNK_DAYS, rounds // count - first)
        start = first * count
        steps = np.arange(start, start + days * count + 1)
        done = [np.empty((len(numbers), days, count), dtype=np.int64) for _ in range(2)]
        play_episodes(
            start, rules, payoffs, state_of, strides, actions, packed["tables"], packed["best"],
            packed["visits"], changed, uniforms.draw(days * count, len(actions)),
            np.stack([s.policy.schedule.at(steps) for s in specs]), *done,
        )  # fmt: skip
        played[:, first : first + days], greedy[:, first : first + days] = done
    tables = tuple(
        packed["tables"][:, i, : x.tables.shape[1], : x.tables.shape[2]] for i, x in enumerate(learners)
    )
    return Days(session, seed, played, greedy, tables, changed.max(axis=1))


def _stages_of(session: Session) -> tuple[PayoffTensor, ...]:
    stages = session.stages
    known = tuple(s for s in stages if isinstance(s, PayoffTensor))
    if not isinstance(session.source, Stages) or len(known) < len(stages) or session.every is not None:
        raise InputError(
            "play_days: give a session of Stages of payoff tensors in which all move every round"
        )
    return known


def _specs_of(session: Session) -> list[Tabular]:
    specs = [s for s in session.learners if isinstance(s, Tabular) and not isinstance(s.memory, WorldStates)]
    if len(specs) < len(session.learners):
        raise InputError("play_days: every learner is a table that remembers actions or a signal")
    return specs


def _states(session: Session, learners: Sequence[TabularLearner]) -> np.ndarray:
    """(stages, players, profiles) states after each profile; infeasible actions become −inf in the tables."""
    stages = _stages_of(session)
    profiles = profiles_of(stages[0].actions)
    out = np.zeros((len(stages), len(learners), len(profiles)), dtype=np.int64)
    source = session.source
    assert isinstance(source, Stages)
    for t, before in enumerate((None, *stages[:-1])):
        heard = before.signals(profiles) if before is not None and before.signal_names else None
        for i, learner in enumerate(learners):
            memory, seat = learner.spec.memory, learner.seat
            if t:
                out[t, i] = t * memory.count(seat) + memory.states(seat, profiles, heard)
            mask = None if source.feasible is None else source.feasible(t, i, profiles)
            if mask is not None:
                _forbid(learner, out[t, i], mask)
    return out


def _forbid(learner: TabularLearner, states: np.ndarray, mask: np.ndarray) -> None:
    known, first, back = np.unique(states, return_index=True, return_inverse=True)
    if (mask != mask[first][back]).any():
        raise InputError(
            f"player {learner.seat.source.players[learner.seat.player]!r}: one state has two masks; let the "
            "memory hold what decides feasibility"
        )
    for state, feasible in zip(known, mask[first], strict=True):
        learner.tables[:, state, ~feasible] = -np.inf
        learner.best[:, state] = best_of(learner.tables[0, state])
