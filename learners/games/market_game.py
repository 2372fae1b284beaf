"""A market as a game: profiles of actions become books, exact clearings, and payoffs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Literal

import numpy as np

from clearing.book import Book
from clearing.errors import InputError
from learners.games.actions import ActionSet, actions_by_player, moves_of, players_by_name
from learners.games.demand_states import DemandStates
from learners.games.game import EvaluatedGame, PayoffTensor, action_indices, demand_levels, tabulate
from learners.games.moves import Columns, one_row_per_period
from learners.games.payoff_cache import PayoffCache
from learners.games.payoffs import Cleared, Player, Pricing, player_of
from learners.protocols import RoundMarket
from networks.checks import suggest, whole

if TYPE_CHECKING:
    from clearing.prepared import Batch
    from networks.case import Case


class Game:
    """A market as a game: profiles of actions become books, exact clearings, and payoffs.

    Parameters
    ----------
    market : a market with `prepare`, such as :class:`clearing.NodalMarket`.
    book : the book at true costs and values, or the case it is made from.
    players : by name, :class:`~learners.games.payoffs.Genco`, ``Disco`` or ``Prosumer``; a label or a tuple
        of labels stands for the generator that owns them, and a list of labels names its players after them.
    actions : one action set for all, or one by name.
    payoff : "lmp", or "pay_as_bid" where every order pays or earns its own price.
    states : levels and draws of demand; the book's own demand without.
    flows, prices : branches whose flows and buses whose LMPs are signals, means over the periods.
    decimals : of payoffs in $ that are kept, so that what rounding leaves is no incentive; all by default.
    cache_bytes, chunk_bytes : memory for remembered payoffs, and for the arrays of one batch of clearings.
    progress : called with (cleared, asked) after each chunk.

    Notes
    -----
    A payoff source (:class:`PayoffSource`): with demand states and a generator every row draws its own
    level and draw; without a generator the payoff is the expectation over them. Signals: "price", the mean
    LMP weighted by served demand [$/MWh], "welfare", at true costs and values [$], then "flow BRANCH"
    [MW] and "price BUS" [$/MWh] of those asked for. A game made from a case knows its loads by name.

    Raises
    ------
    InputError
        players that own nothing or the same orders, actions that do not fit.
    ClearingError
        from `payoffs`, naming the first profile that cannot be cleared.

    Examples
    --------
    >>> import clearing, networks
    >>> from learners import Game, Markups
    >>> case = networks.load("five_bus")
    >>> game = Game(clearing.NodalMarket(case.grid), case, ["G1", "G2", "G3"], Markups((0, 10, 20, 30)))
    >>> game.actions
    (4, 4, 4)
    """

    def __init__(
        self,
        market: RoundMarket,
        book: Book | Case,
        players: Mapping[str, object] | Sequence[Hashable],
        actions: ActionSet | Mapping[str, ActionSet],
        payoff: Pricing = "lmp",
        states: DemandStates | None = None,
        cache_bytes: int = 256 * 2**20,
        chunk_bytes: int = 64 * 2**20,
        progress: Callable[[int, int], None] | None = None,
        flows: Sequence[Hashable] = (),
        prices: Sequence[Hashable] = (),
        decimals: int | None = None,
    ):
        if payoff not in ("lmp", "pay_as_bid"):
            raise InputError(f"payoff is {payoff!r}; use 'lmp' or 'pay_as_bid'")
        if not isinstance(market, RoundMarket):
            raise InputError(f"market is a {type(market).__name__}; a game needs one with 'prepare'")
        if payoff == "pay_as_bid" and market.changes_offers:
            raise InputError("a market that changes offers cannot pay their own price; use payoff='lmp'")
        self.market, self.pricing, self.states, self.progress = market, payoff, states, progress
        self.decimals, case = decimals, None if isinstance(book, Book) else book
        self.book = one_row_per_period(book if isinstance(book, Book) else Book.from_case(book))
        named = players_by_name(players)
        self.players = tuple(named)
        self.columns = Columns.of(self.book, market.grid, case)
        self.roles: tuple[Player, ...] = tuple(player_of(given) for given in named.values())
        self.own = tuple(role.owned(self.columns) for role in self.roles)
        self.action_sets = actions_by_player(actions, self.players)
        self.moves = moves_of(self.columns, self.own, self.action_sets)
        self.labels = tuple(e.labels for e in self.moves.effects)
        self.actions = tuple(map(len, self.labels))
        self._branches = _positions("flows: branch", flows, market.grid.branches)
        self._buses = _positions("prices: bus", prices, market.grid.buses)
        watched = (*(f"flow {branch}" for branch in flows), *(f"price {bus}" for bus in prices))
        self.signal_names = ("price", "welfare", *watched)
        self.prepared = market.prepare(self.book)
        per_round = 8 * (6 * len(self.columns.price) + 4 * self.columns.fixed_mw.size + 64)
        self.chunk = max(1, chunk_bytes // per_round)
        self._count = 1 if states is None else states.levels * states.draws
        rows = prod(self.actions) * self._count
        if rows > np.iinfo(np.int64).max:
            raise InputError(f"game: {rows:.1e} profiles are too many to number; give players fewer actions")
        self.cache = PayoffCache(len(self.players) + len(self.signal_names), rows, cache_bytes)

    def payoffs(
        self,
        profiles: np.ndarray,
        rng: np.random.Generator | None = None,
        level: np.ndarray | int | None = None,
    ) -> np.ndarray:
        """Payoffs (batch, players) [$] of action indices (batch, players).

        `level` (batch,) fixes the load level of each row; the draw around it comes from `rng`, or the
        payoff is the expectation over what is not fixed.
        """
        return self.evaluate(profiles, rng, level)[:, : len(self.players)]

    def signals(self, profiles: np.ndarray, level: np.ndarray | int | None = None) -> np.ndarray:
        """Expected signals (batch, signals); of a demand level where it is given."""
        return self.evaluate(profiles, level=level)[:, len(self.players) :]

    def evaluate(
        self,
        profiles: np.ndarray,
        rng: np.random.Generator | None = None,
        level: np.ndarray | int | None = None,
    ) -> np.ndarray:
        """Payoffs and signals of the same clearings side by side, (batch, players + signals)."""
        profiles = action_indices(self, profiles)
        flat = np.ravel_multi_index(tuple(profiles.T), self.actions) * self._count
        if self.states is None:
            return self.cache.fetch(flat, self._compute)
        draws, levels = self.states.draws, self.states.levels
        where = None if level is None else demand_levels(level, levels, len(flat))
        if rng is None:
            states = np.arange(levels * draws)[None]
            if where is not None:
                states = where[:, None] * draws + np.arange(draws)
            keys = flat[:, None] + states
            return self.cache.fetch(keys.ravel(), self._compute).reshape(*keys.shape, -1).mean(axis=1)
        if where is None:
            where = rng.integers(levels, size=len(flat))
        return self.cache.fetch(flat + where * draws + rng.integers(draws, size=len(flat)), self._compute)

    @property
    def random(self) -> bool:
        """Whether there are demand states to draw from."""
        return self.states is not None

    @property
    def levels(self) -> int:
        """Number of demand levels; 1 without demand states."""
        return 1 if self.states is None else self.states.levels

    def tensor(self, level: int | None = None) -> PayoffTensor:
        """The expected payoffs of every profile, cleared in chunks; of one demand level where it is given."""
        return tabulate(self if level is None else AtLevel(self, level))

    def competitive(self) -> tuple[np.ndarray, np.ndarray]:
        """Expected payoffs (players,) and signals (signals,) when everybody tells the truth."""
        c, count = self.columns, self._count
        price, mw, fixed = (np.repeat(a[None], count, axis=0) for a in (c.price, c.mw, c.fixed_mw))
        nothing = np.zeros((count, len(self.players)))
        row = self._clear_moved(np.arange(count), price, mw, fixed, nothing).mean(axis=0)
        return row[: len(self.players)], row[len(self.players) :]

    def book_of(self, profile: Sequence[int], state: int = 0) -> Book:
        """The book of one profile, for a full clearing with tables and certificate."""
        numbers = self.moves.numbers(np.atleast_2d(np.asarray(profile, dtype=np.int64)))
        price, mw, fixed = self.in_states(np.array([state]), *numbers)
        periods = fixed.shape[2]
        where, bus = np.flatnonzero(fixed[0].any(axis=1)), self.columns.load_bus
        return replace(
            self.book,
            mw=mw[0],
            price=price[0],
            fixed_bus=tuple(self.market.grid.buses[bus[k]] for k in where for _ in range(periods)),
            fixed_mw=fixed[0, where].ravel(),
            fixed_period=np.tile(np.arange(periods), len(where)),
        )

    def clear(
        self,
        price: np.ndarray,
        mw: np.ndarray,
        fixed_mw: np.ndarray,
        want: Sequence[str] = (),
        on_error: Literal["mark", "raise"] = "raise",
    ) -> tuple[Cleared, Batch]:
        """Clear rounds of numbers, as :meth:`Moves.numbers` has them; "mark" leaves NaN where one fails."""
        fixed = self.columns.at_buses(fixed_mw)
        batch = self.prepared.clear_many(
            price,
            mw,
            fixed_mw=fixed if fixed.shape[2] > 1 else fixed[:, :, 0],
            want=("accepted", "lmp", *want),
            on_error=on_error,
        )
        assert batch.accepted is not None
        assert batch.lmp is not None
        lmp = batch.lmp.reshape(fixed.shape)
        return Cleared(self.columns, price, batch.accepted, lmp, fixed_mw, self.pricing), batch

    def _compute(self, keys: np.ndarray) -> np.ndarray:
        """Payoffs and signals of keys, chunk by chunk."""
        pieces = []
        for start in range(0, len(keys), self.chunk):
            flat, state = np.divmod(keys[start : start + self.chunk], self._count)
            profiles = np.stack(np.unravel_index(flat, self.actions), axis=1)
            interrupted = self.moves.interrupted_mwh(profiles)
            pieces.append(self._clear_moved(state, *self.moves.numbers(profiles), interrupted))
            if self.progress is not None:
                self.progress(min(start + self.chunk, len(keys)), len(keys))
        return np.concatenate(pieces)

    def _clear_moved(
        self, state: np.ndarray, price: np.ndarray, mw: np.ndarray, fixed: np.ndarray, interrupted: np.ndarray
    ) -> np.ndarray:
        """(batch, players + signals) of rounds in demand states."""
        wanted = ("flow",) if len(self._branches) else ()
        cleared, batch = self.clear(*self.in_states(state, price, mw, fixed), want=wanted)
        earned = self.earn(cleared, interrupted)
        if self.decimals is not None:
            earned = np.round(earned, self.decimals) + 0.0
        flow = np.zeros((len(earned), 0)) if batch.flow is None else batch.flow[:, self._branches]
        if flow.ndim > 2:
            flow = flow.mean(axis=2)
        price_there = cleared.lmp[:, self._buses].mean(axis=2)
        return np.column_stack([earned, cleared.mean_price, cleared.true_welfare, flow, price_there])

    def earn(self, cleared: Cleared, interrupted_mwh: np.ndarray | None = None) -> np.ndarray:
        """(batch, players) payoffs [$] of cleared rounds."""
        batch = len(cleared.accepted)
        if interrupted_mwh is None:
            interrupted_mwh = np.zeros((batch, len(self.players)))
        return np.stack(
            [
                role.earn(cleared, own, interrupted_mwh[:, i])
                for i, (role, own) in enumerate(zip(self.roles, self.own, strict=True))
            ],
            axis=1,
        )

    def in_states(
        self, state: np.ndarray, price: np.ndarray, mw: np.ndarray, fixed: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The numbers in demand states (batch,): fixed demand, and bids of units that sell nothing, at their
        buses' multipliers."""
        if self.states is None:
            return price, mw, fixed
        base, bought = self.columns.fixed_mw, self.columns.demand
        factor = self.states.of_bus(state, self.columns.load_bus)
        fixed = fixed + base * (factor[:, :, None] - 1)
        if bought.any():
            mw = np.where(bought, mw * self.states.of_bus(state, self.columns.bus), mw)
        return price, mw, fixed


class AtLevel(EvaluatedGame):
    """A game at one demand level, such as one hour of a day: a payoff source for stages and tables.

    Attributes
    ----------
    game, level : the game, and which of its levels.
    random : whether there is more than one draw around the level.
    """

    def __init__(self, game: Game, level: int) -> None:
        self.game, self.level = game, whole("demand level", level, 0, game.levels - 1)
        self.players, self.actions, self.labels = game.players, game.actions, game.labels
        self.signal_names = game.signal_names
        self.random = game.states is not None and game.states.draws > 1

    def evaluate(self, profiles: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Payoffs and signals side by side: of a draw around the level with a generator, else expected."""
        return self.game.evaluate(profiles, rng, self.level if self.game.states is not None else None)


def _positions(what: str, labels: Sequence[Hashable], known: Sequence[Hashable]) -> np.ndarray:
    """Positions of labels in the grid."""
    for label in labels:
        if label not in known:
            raise InputError(f"{what} {label!r} is not in the grid{suggest(label, known)}")
    return np.array([known.index(label) for label in labels], dtype=np.int64)
