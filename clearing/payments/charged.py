"""The charged-share game: coalitions pay their share of public losses, so each depends on the others.

On the lossless balance (labelled approximation F2: q = p − A·g are injections into the public grid, and
public losses are q'·M·q with M = PTDF'·diag(r)·PTDF) coalition S pays its energy, its private losses and
q_S'·M·q, the Aumann–Shapley share of public losses; shares add up. Given a partition the coalitions play
a game with an exact convex potential, so its equilibrium is unique and solves one linear system. What a
coalition earns depends on how outsiders group: four conventions turn that into worths.
Mathematics: docs/mathematics-coalition.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from clearing.payments.games import CooperativeGame
from clearing.trading.instance import TradingInstance
from networks.checks import suggest
from networks.errors import InputError

Partition = tuple[int, ...]
"""A partition as the coalitions (bit masks) of its blocks, in rising order."""

Convention = Literal["singletons", "merge", "worst", "best"]
CONVENTIONS: tuple[Convention, ...] = ("singletons", "merge", "worst", "best")
MOST_ENUMERATED = 9  # agents whose 21147 partitions are enumerated
MOST_AGENTS = 14


class ChargedShareGame:
    """The partition function of an instance's agents [$ in the hour].

    Attributes
    ----------
    agents : labels, bit k of a coalition is agent k.
    share_matrix : (agents, agents) M, public losses as a form of injections [per unit].
    """

    def __init__(self, instance: TradingInstance):
        who = np.flatnonzero(instance.agent)
        self.agents = instance.agents
        if not 1 <= len(who) <= MOST_AGENTS:
            raise InputError(f"the instance has {len(who)} agents; give 1 to {MOST_AGENTS}")
        grid = instance.grid
        if grid.flow.shift_flow_mw.any():
            raise InputError("the charged-share game has no phase shifters; set shift_degree to 0")
        ptdf = grid.flow.ptdf_rows(np.arange(len(grid.branches)))
        ptdf = (ptdf - ptdf[:, [instance.main]])[:, who]
        self.share_matrix = ptdf.T @ (grid.r_pu[:, None] * ptdf)
        self._money = instance.supply_price * grid.base_mva
        self._net = instance.net_mw[who] / grid.base_mva
        self._r = instance.private.r_pu
        order = np.full(len(grid.buses), -1)
        order[who] = np.arange(len(who))
        self._first, self._second = (order[side] for side in instance.private_ends)
        lines = np.arange(len(self._r))
        self._incidence = np.zeros((len(who), len(self._r)))
        self._incidence[self._first, lines] += 1.0
        self._incidence[self._second, lines] -= 1.0
        self._coupling = self._incidence.T @ self.share_matrix @ self._incidence
        self._pull = self._incidence.T @ self.share_matrix  # (lines, agents)
        self._known: dict[Partition, np.ndarray] = {}

    def flows(self, partition: Partition) -> np.ndarray:
        """(private lines,) equilibrium flows of a partition [per unit]; a line between blocks carries 0.

        Stationarity of each line b of coalition S: 2·r·g = a'·M·(q + q_S), q = p − A·g.
        """
        block = np.empty(len(self.agents), dtype=np.int64)
        for number, mask in enumerate(partition):
            block[[k for k in range(len(self.agents)) if mask >> k & 1]] = number
        used = np.flatnonzero(block[self._first] == block[self._second])
        flow = np.zeros(len(self._r))
        if len(used):
            of_line = block[self._first[used]]
            coupling = self._coupling[np.ix_(used, used)]
            system = coupling * (1.0 + (of_line[:, None] == of_line)) + np.diag(2.0 * self._r[used])
            own = np.where(block == of_line[:, None], 2.0, 1.0) * self._net
            flow[used] = np.linalg.solve(system, (self._pull[used] * own).sum(axis=1))
        return flow

    def earnings(self, partition: Partition) -> np.ndarray:
        """(blocks,) V(S; partition) = Σ_S p − Σ_{lines in S} r·g² − q_S'·M·q, in money [$]."""
        if partition not in self._known:
            flow = self.flows(partition)
            injection = self._net - self._incidence @ flow
            agent = self._net - injection * (self.share_matrix @ injection)
            lost = np.bincount(self._first, self._r * flow**2, minlength=len(self.agents))
            each = agent - lost
            members = np.array([[mask >> k & 1 for k in range(len(each))] for mask in partition])
            self._known[partition] = self._money * (members @ each)
        return self._known[partition]

    def worth(self, coalition: int, partition: Partition) -> float:
        """V(coalition; partition) [$]."""
        return float(self.earnings(partition)[partition.index(coalition)])

    def characteristic_function(self, convention: Convention) -> CooperativeGame:
        """Worths of coalitions when outsiders stay apart, merge, or group worst or best for it.

        Worst and best take the equilibrium of every partition of the outsiders (up to `MOST_ENUMERATED`
        agents); they are not the worst or best that outsiders could do out of equilibrium.
        """
        n = len(self.agents)
        everyone = 2**n - 1
        worth = np.zeros(2**n)
        if convention in ("singletons", "merge"):
            for mask in range(1, 2**n):
                outside = everyone ^ mask
                apart = [1 << k for k in range(n) if outside >> k & 1]
                others = apart if convention == "singletons" else [outside] * (outside > 0)
                worth[mask] = self.worth(mask, tuple(sorted([mask, *others])))
            return CooperativeGame(self.agents, worth)
        if convention not in ("worst", "best"):
            raise InputError(
                f"convention is {convention!r}{suggest(convention, CONVENTIONS)}; "
                f"use {', '.join(CONVENTIONS)}"
            )
        worth[:] = np.inf if convention == "worst" else -np.inf
        pick = min if convention == "worst" else max
        for partition in partitions(n):
            for mask, value in zip(partition, self.earnings(partition).tolist(), strict=True):
                worth[mask] = pick(worth[mask], value)
        worth[0] = 0.0
        return CooperativeGame(self.agents, worth)


def partitions(players: int) -> Iterator[Partition]:
    """Every partition of players 0 … n − 1 once (Bell's number of them)."""
    if players > MOST_ENUMERATED:
        raise InputError(
            f"{players} players have too many partitions to enumerate; give at most {MOST_ENUMERATED}"
        )

    def extend(k: int, blocks: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if k == players:
            yield tuple(sorted(blocks))
            return
        for i, block in enumerate(blocks):
            yield from extend(k + 1, (*blocks[:i], block | 1 << k, *blocks[i + 1 :]))
        yield from extend(k + 1, (*blocks, 1 << k))

    return extend(0, ())
