"""Which coalitions form when players choose: partitions that no merger and no split improves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clearing.payments.charged import Partition, partitions
from clearing.payments.games import CooperativeGame
from networks.errors import InputError

Earnings = Callable[[Partition], Sequence[float] | np.ndarray]
"""What each block of a partition earns, in the partition's order."""

MOST_PLAYERS = 8
GAIN = 1e-9  # of the largest earnings: less is no improvement


@dataclass(frozen=True)
class MergeAndSplit:
    """Where merging and splitting ends.

    Attributes
    ----------
    partition : the last partition.
    stable : whether no move improves it; False where the moves go round in circles.
    path : every partition on the way, the first included.
    """

    partition: Partition
    stable: bool
    path: tuple[Partition, ...]


def earnings_of(game: CooperativeGame) -> Earnings:
    """Earnings in a game without externalities: a block earns its worth, whatever the others do."""
    return lambda partition: [float(game.worth[mask]) for mask in partition]


def merge_and_split(earnings: Earnings, players: int, start: Partition | None = None) -> MergeAndSplit:
    """Merge two blocks, or split one in two, while those concerned earn more together than before.

    Earnings are transferable inside the blocks concerned, and are those after the move (the others react
    as the earnings say). Mergers come before splits, in the order of the partition, so that the end is a
    function of the start (single players unless given).

    Source: K. Apt, A. Witzel, A generic approach to coalition formation, IGTR 11 (2009).
    """
    now = start if start is not None else tuple(1 << k for k in range(players))
    if sum(now) != 2**players - 1 or any(a & b for i, a in enumerate(now) for b in now[:i]):
        raise InputError(f"start is {now}; give disjoint coalitions that hold all {players} players")
    path = [now]
    while True:
        better = next(_improvements(earnings, now), None)
        if better is None:
            return MergeAndSplit(now, True, tuple(path))
        path.append(better)
        if better in path[:-1]:
            return MergeAndSplit(better, False, tuple(path))
        now = better


def stable_partitions(earnings: Earnings, players: int) -> list[Partition]:
    """Every partition that no merger of two blocks and no split in two improves, by enumeration."""
    if players > MOST_PLAYERS:
        raise InputError(
            f"{players} players; enumeration is for at most {MOST_PLAYERS} (use merge_and_split)"
        )
    return [p for p in partitions(players) if next(_improvements(earnings, p), None) is None]


def _improvements(earnings: Earnings, now: Partition) -> Iterator[Partition]:
    worth = dict(zip(now, (float(v) for v in earnings(now)), strict=True))
    room = GAIN * (1.0 + max(abs(v) for v in worth.values()))
    for i, first in enumerate(now):
        for second in now[i + 1 :]:
            rest = [mask for mask in now if mask not in (first, second)]
            merged = tuple(sorted([*rest, first | second]))
            after = earnings(merged)[merged.index(first | second)]
            if after > worth[first] + worth[second] + room:
                yield merged
    for block in now:
        rest = [mask for mask in now if mask != block]
        part = (block - 1) & block
        while part:
            if part & (block & -block):  # each pair of parts once: the one with the lowest player
                split = tuple(sorted([*rest, part, block ^ part]))
                values = earnings(split)
                if values[split.index(part)] + values[split.index(block ^ part)] > worth[block] + room:
                    yield split
            part = (part - 1) & block
