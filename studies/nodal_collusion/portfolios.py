"""Firms with portfolios on a case: who owns what, which limits hold, and everything about one profile.

Cases do not say who owns their units. The rule here: the largest units, until they hold a given share of
the capacity, are dealt to the firms in turn, forwards and backwards (as teams are picked, so that sizes
are nearly equal); what is left is a fringe that offers at cost.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from networks.errors import InputError

if TYPE_CHECKING:
    from clearing.book import Book
    from learners.games.market_game import Game
    from networks.case import Case
    from networks.grid import Grid

LETTERS = "ABCDEFGH"


@dataclass(frozen=True, eq=False)
class Portfolios:
    """A case whose firms mark up their offers.

    Attributes
    ----------
    name, case : the case, with the limits that hold here.
    game : the firms' game in mark-ups, cleared exactly.
    firms : firm → its participants.
    owned_mw : firm → capacity [MW].
    """

    name: str
    case: Case
    game: Any
    firms: dict[str, tuple[Hashable, ...]]
    owned_mw: dict[str, float]

    @property
    def load_mw(self) -> np.ndarray:
        """(buses,) fixed demand; negative where something is injected."""
        load: np.ndarray = self.game.columns.fixed_mw[:, 0]
        return load

    def without_limit(self, branches: Sequence[int]) -> Game:
        """The same game when these branches, by position, can carry anything."""
        limit = self.case.grid.limit_mw.copy()
        limit[list(branches)] = np.inf
        return _game(self.case.grid.with_settings(limit_mw=limit), self.game.book, self.firms, self._markups)

    @property
    def _markups(self) -> Any:
        return self.game.action_sets[0]


@lru_cache(maxsize=4)
def deal_portfolios(
    name: str, firms: int, share: float, least_limit_mw: float, markups: tuple[float, ...]
) -> Portfolios:
    """The firms of a case, whose limits may be tightened.

    Parameters
    ----------
    share : of the capacity that the firms own, largest units first.
    least_limit_mw : 0 keeps the limits of the case. Else every branch can carry what it carries in the
        competitive dispatch, and at least so many MW: a grid built for competition, without reserve.
    """
    from dataclasses import replace

    import clearing
    import networks
    from learners import Markups

    case = networks.load(name)
    refuse_periods(case)
    book = clearing.Book.from_case(case)
    grid = case.grid
    if least_limit_mw:
        flow = np.abs(clearing.NodalMarket(grid).clear(book).flow_mw[:, 0])
        grid = grid.with_settings(limit_mw=np.maximum(flow, least_limit_mw))
        case = replace(case, grid=grid)
    dealt, owned = _deal(book, firms, share)
    return Portfolios(name, case, _game(grid, book, dealt, Markups(markups)), dealt, owned)


def refuse_periods(case: Case) -> None:
    """A case of several periods is refused: the firms' game is one of a single hour."""
    if case.fleet.periods > 1:
        raise InputError(f"case {case.name!r} has {case.fleet.periods} periods; give a case of a single one")


def _game(grid: Grid, book: Book, firms: dict[str, tuple[Hashable, ...]], markups: Any) -> Game:
    import clearing
    from learners import Game

    return Game(clearing.NodalMarket(grid), book, firms, markups)


def _deal(book: Book, firms: int, share: float) -> tuple[dict[str, tuple[Hashable, ...]], dict[str, float]]:
    from clearing.monitor import supply

    offered = supply(book)
    ranked = offered[offered > 0].sort_values(ascending=False, kind="stable")
    enough = int(np.searchsorted(ranked.cumsum().to_numpy(), share * ranked.sum())) + 1
    dealt: list[list[Any]] = [[] for _ in range(firms)]
    for k, label in enumerate(ranked.index[: max(enough, firms)]):
        turn, place = divmod(k, firms)
        dealt[place if turn % 2 == 0 else firms - 1 - place].append(label)
    names = [f"firm {LETTERS[k]}" for k in range(firms)]
    return (
        {name: tuple(units) for name, units in zip(names, dealt, strict=True)},
        {name: float(ranked[units].sum()) for name, units in zip(names, dealt, strict=True)},
    )


@dataclass(frozen=True, eq=False)
class Conduct:
    """What profiles of mark-ups bring about, one row each.

    Attributes
    ----------
    lmp : (profiles, buses) [$/MWh].
    profits : (profiles, firms) [$/h]; fringe : (profiles,).
    bill, served : (profiles, buses) what demand at the bus pays [$/h], and how much it is [MW].
    rent : (profiles,) what the operator keeps: bills less payments to sellers [$/h].
    cost : (profiles,) true cost of what is generated, less what it is worth to units that also sell to
        withdraw [$/h].
    flow : (profiles, branches) [MW].
    """

    lmp: np.ndarray
    profits: np.ndarray
    fringe: np.ndarray
    bill: np.ndarray
    served: np.ndarray
    rent: np.ndarray
    cost: np.ndarray
    flow: np.ndarray

    def mean(self, weights: np.ndarray) -> Conduct:
        """One row: the weighted mean of all."""
        share = weights / weights.sum()
        parts = (self.lmp, self.profits, self.fringe, self.bill, self.served, self.rent, self.cost, self.flow)
        return Conduct(*(np.tensordot(share, part, 1)[None] for part in parts))


def clear_profiles(game: Any, profiles: np.ndarray) -> Conduct:
    """Exact clearings of profiles of action indices (profiles, firms)."""
    profiles = np.atleast_2d(np.asarray(profiles, dtype=np.int64))
    cleared, batch = game.clear(*game.moves.numbers(profiles), want=("flow",))
    lmp, surplus = cleared.lmp[:, :, 0], cleared.surplus
    strategic = np.any(game.own, axis=0)
    served = cleared.fixed_mw[:, :, 0].copy()
    bought, side = game.columns.demand, game.columns.side
    np.add.at(served.T, game.columns.bus[bought], cleared.accepted[:, bought].T)
    bill = lmp * served
    paid = (side * cleared.paid)[:, ~bought].sum(axis=1)
    return Conduct(
        lmp=lmp,
        profits=game.earn(cleared),
        fringe=surplus[:, ~strategic & ~bought].sum(axis=1),
        bill=bill,
        served=served,
        rent=bill.sum(axis=1) - paid,
        cost=(side * cleared.worth)[:, ~bought].sum(axis=1),
        flow=batch.flow,
    )
