"""What is kept of a session's rounds, in bounded memory: every so many rounds, and the last ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from clearing.errors import InputError
from learners.protocols import PayoffSource, action_labels, signalling


@dataclass(frozen=True, slots=True)
class TraceSpec:
    """How much is kept.

    Parameters
    ----------
    kept : most rounds of the whole session. The stride doubles whenever they are too many, so the rounds
        kept are the multiples of the least power of two that leaves no more.
    window : last rounds kept without gaps.
    """

    kept: int = 1000
    window: int = 1000

    def __post_init__(self) -> None:
        if self.kept < 2 or self.window < 1:
            raise InputError(
                f"TraceSpec: kept {self.kept}, window {self.window}; give at least 2 rounds and 1 round"
            )


@dataclass
class Trace:
    """Rounds, action indices (rounds, players) and profits (rounds, players) [$] of one replicate.

    Profits are kept only where the game is random; of another they follow from the actions. `block` rounds,
    such as the hours of a day, are kept or left out together, so that a stride never meets the same hour.
    """

    spec: TraceSpec
    players: int
    random: bool = False
    block: int = 1
    stride: int = 1
    rounds: np.ndarray = field(init=False)
    profiles: np.ndarray = field(init=False)
    profits: np.ndarray = field(init=False)
    last_rounds: np.ndarray = field(init=False)
    last_profiles: np.ndarray = field(init=False)
    last_profits: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        if 2 * self.block > self.spec.kept:
            self.block = 1
        self.rounds = self.last_rounds = np.zeros(0, dtype=np.int64)
        self.profiles = self.last_profiles = np.zeros((0, self.players), dtype=np.int32)
        self.profits = self.last_profits = np.zeros((0, self.players if self.random else 0))

    def extend(self, start: int, profiles: np.ndarray, profits: np.ndarray | None = None) -> None:
        """Add consecutive rounds from `start`; in which pieces they come makes no difference."""
        count = len(profiles)
        if count == 0:
            return
        paid = np.zeros((count, 0)) if profits is None else profits
        rounds = np.arange(start, start + count)
        while -(-(start + count) // (self.stride * self.block)) * self.block > self.spec.kept:
            self.stride *= 2
            keep = self._held(self.rounds)
            self.rounds, self.profiles, self.profits = (
                self.rounds[keep], self.profiles[keep], self.profits[keep],
            )  # fmt: skip
        new = rounds[self._held(rounds)] - start
        self.rounds = np.concatenate([self.rounds, rounds[new]])
        self.profiles = np.concatenate([self.profiles, profiles[new]]).astype(np.int32, copy=False)
        self.profits = np.concatenate([self.profits, paid[new]])
        tail = self.spec.window
        self.last_rounds = np.concatenate([self.last_rounds, rounds[-tail:]])[-tail:]
        self.last_profiles = np.concatenate([self.last_profiles, profiles[-tail:]])[-tail:].astype(np.int32)
        self.last_profits = np.concatenate([self.last_profits, paid[-tail:]])[-tail:]

    def _held(self, rounds: np.ndarray) -> np.ndarray:
        return rounds // self.block % self.stride == 0

    def arrays(self) -> dict[str, np.ndarray]:
        """For a checkpoint."""
        names = ("rounds", "profiles", "profits", "last_rounds", "last_profiles", "last_profits")
        return {name: getattr(self, name) for name in names} | {"stride": np.array(self.stride)}

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """From a checkpoint."""
        for name, value in arrays.items():
            setattr(self, name, int(value) if name == "stride" else value)

    def frame(self, source: PayoffSource, last: bool = False) -> pd.DataFrame:
        """One row per kept round and player: round, player, action, label, profit [$], signals.

        `last` chooses the window at the end instead of the whole session.
        """
        rounds, profiles, profits = (
            (self.last_rounds, self.last_profiles, self.last_profits)
            if last
            else (self.rounds, self.profiles, self.profits)
        )
        return rounds_frame(source, rounds, profiles, profits if self.random else None)


def rounds_frame(
    source: PayoffSource, rounds: np.ndarray, profiles: np.ndarray, profits: np.ndarray | None = None
) -> pd.DataFrame:
    """Rounds (n,) and action indices (n, players) as a long table, with profits and signals of the game."""
    count, players = profiles.shape
    paid = source.payoffs(profiles) if profits is None else profits
    columns: dict[str, object] = {
        "round": np.repeat(rounds, players),
        "player": np.tile(np.array(source.players, dtype=object), count),
        "action": profiles.reshape(-1),
    }
    labels, sender = action_labels(source), signalling(source)
    if labels:
        columns["label"] = [labels[i][a] for row in profiles for i, a in enumerate(row)]
    columns["profit"] = paid.reshape(-1)
    if sender is not None:
        heard = np.repeat(sender.signals(profiles), players, axis=0)
        columns |= dict(zip(sender.signal_names, heard.T, strict=True))
    return pd.DataFrame(columns)
