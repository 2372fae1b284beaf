"""The two controls of a learning experiment: the same session without a future, and without a memory.

Punishment needs both. A price that stays above the static equilibria in a control was not held up by it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clearing.errors import InputError
from learners.sessions.session import Session
from learners.strategies.learner import LearnerSpec
from learners.strategies.linear import LinearTD, TileCoding
from learners.strategies.memory import DemandLevel, LastActions
from learners.strategies.rules import Held
from learners.strategies.tabular import Tabular


def without_future(session: Session) -> Session:
    """The session with a discount factor of 0 for every learner that has one.

    Raises
    ------
    InputError
        no learner looks ahead.
    """
    changed = tuple(_changed(spec, gamma=0.0) for spec in session.learners)
    if changed == session.learners:
        raise InputError(
            "without_future: no learner of this session looks ahead; there is nothing to take away"
        )
    return replace(session, learners=changed)


def without_memory(session: Session) -> Session:
    """The session in which every learner forgets the last round; an announced demand level stays known.

    Raises
    ------
    InputError
        no learner remembers anything that can be taken away.
    """
    changed = tuple(_forgetful(spec) for spec in session.learners)
    if changed == session.learners:
        raise InputError(
            "without_memory: no learner of this session remembers; there is nothing to take away"
        )
    return replace(session, learners=changed)


def _changed(spec: LearnerSpec, **numbers: Any) -> LearnerSpec:
    """A specification with other numbers, inside `Held` too."""
    if isinstance(spec, Held):
        return replace(spec, inner=_changed(spec.inner, **numbers))
    return replace(spec, **numbers) if isinstance(spec, (Tabular, LinearTD)) else spec


def _forgetful(spec: LearnerSpec) -> LearnerSpec:
    if isinstance(spec, Held):
        return replace(spec, inner=_forgetful(spec.inner))
    nothing = LastActions("none")
    if isinstance(spec, Tabular):
        known = isinstance(spec.memory, DemandLevel)
        return replace(spec, memory=DemandLevel(nothing) if known else nothing)
    if isinstance(spec, LinearTD) and isinstance(spec.features, TileCoding):
        return replace(spec, features=replace(spec.features, of="none", signals=()))
    return spec
