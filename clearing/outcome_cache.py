"""Outcomes of a prepared market remembered by their profile: exact, because clearing is pure (law 3)."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Literal, get_args

import numpy as np

from clearing.batches import Batch, Rows, Status
from clearing.errors import ClearingError, InputError
from clearing.prepared import PreparedMarket

Name = Literal["price", "mw", "slope", "fixed_mw", "limit_mw"]
_TABLE = Lock()  # held while rows are copied, never while a market clears
_MIX = np.uint64(0x9E3779B97F4A7C15)  # golden-ratio multiplier: Knuth, TAOCP 3, section 6.4


class OutcomeCache:
    """A prepared market that clears each profile of numbers once while memory lasts.

    A profile is a round's numbers, compared bit by bit: equal numbers get the bits that clearing them
    again would give, and no two profiles are taken for one another. Every profile has one place in a table
    of fixed size; profiles that share a place displace each other. Only certified outcomes are kept. Any
    number of threads may share one.

    Parameters
    ----------
    prepared : the market.
    profile : arrays that change from round to round; the others keep the book's numbers.
    want : what outcomes consist of, as for :meth:`PreparedMarket.clear_many`.
    limit_bytes : memory for the table.

    Attributes
    ----------
    places : outcomes that the table can hold.
    cleared : rounds that the market has cleared so far.
    """

    def __init__(
        self,
        prepared: PreparedMarket,
        profile: Sequence[Name] = ("price", "mw"),
        want: Sequence[str] = ("accepted", "lmp", "welfare"),
        limit_bytes: int = 256 * 2**20,
    ):
        for name in profile:
            if name not in get_args(Name):
                raise InputError(f"profile: {name!r} is unknown; use {', '.join(get_args(Name))}")
        if "price" not in profile:
            raise InputError("profile: 'price' is missing; every round has prices")
        self.prepared, self.profile, self.want = prepared, tuple(profile), tuple(dict.fromkeys(want))
        self.cleared = 0
        numbers = prepared.numbers.price
        sample = prepared.clear_many(numbers, want=self.want)  # refuses unknown wants, and shows the shapes
        self._shapes = {name: getattr(sample, name).shape[1:] for name in self.want}
        self._ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes.values()]).tolist()
        sizes = {
            "fixed_mw": prepared.numbers.fixed_mw.size,
            "limit_mw": len(prepared.market.grid.branches),
        }
        self._key_width = sum(sizes.get(name, prepared.orders) for name in self.profile)
        width = self._ends[-1] if self._ends else 0
        self.places = int(limit_bytes // (8 * (self._key_width + width) + 1))
        if self.places < 1:
            raise InputError(
                f"outcome cache: {limit_bytes} bytes hold no outcome of {self._key_width + width} numbers; "
                "give more, or want less"
            )
        self._keys = np.zeros((self.places, self._key_width), dtype=np.uint64)
        self._rows = np.zeros((self.places, width))
        self._used = np.zeros(self.places, dtype=bool)
        with np.errstate(over="ignore"):
            self._factors = np.cumprod(np.full(self._key_width, _MIX))

    @property
    def held(self) -> int:
        """How many outcomes the table holds."""
        return int(self._used.sum())

    def clear_many(
        self,
        price: np.ndarray,
        mw: np.ndarray | None = None,
        slope: np.ndarray | None = None,
        fixed_mw: np.ndarray | None = None,
        limit_mw: np.ndarray | None = None,
        on_error: Literal["mark", "raise"] = "mark",
    ) -> Batch:
        """As :meth:`PreparedMarket.clear_many`; `fallbacks` counts what was cleared in this call.

        Raises
        ------
        InputError
            arrays that the market refuses, or one that `profile` does not name.
        ClearingError
            with on_error="raise", the first failed round's.
        """
        given = {"mw": mw, "slope": slope, "fixed_mw": fixed_mw, "limit_mw": limit_mw}
        for name, array in given.items():
            if (array is not None) != (name in self.profile):
                remedy = "give it" if name in self.profile else "name it in profile"
                raise InputError(f"array '{name}' and profile {self.profile} do not fit; {remedy}")
        rows = self.prepared._shape_rows(price, mw, slope, fixed_mw, limit_mw)
        keys = self._bits(rows)
        hashed = self._hash(keys)
        place = (hashed % np.uint64(self.places)).astype(np.int64)
        with _TABLE:  # an outcome and its key are those of one profile
            found = self._rows[place]
            known = self._used[place] & (self._keys[place] == keys).all(axis=1)
        status = np.zeros(len(rows), dtype=np.int64)
        fallbacks = 0
        missing = np.flatnonzero(~known)
        if len(missing):
            first, back = _distinct(keys[missing], hashed[missing])
            chosen = missing[first]
            batch = self._clear(rows, chosen)
            fresh = np.column_stack([getattr(batch, n).reshape(len(chosen), -1) for n in self.want])
            found[missing], status[missing] = fresh[back], batch.status[back]
            fallbacks = batch.fallbacks
            proven = batch.status == Status.OPTIMAL
            if on_error == "raise" and not proven.all():
                self._raise(rows, int(np.flatnonzero(status != Status.OPTIMAL)[0]))
            slot, kept = np.unique(place[chosen][proven], return_index=True)
            with _TABLE:
                self.cleared += len(chosen)
                self._rows[slot], self._keys[slot] = fresh[proven][kept], keys[chosen][proven][kept]
                self._used[slot] = True
        parts = np.split(found, self._ends[:-1], axis=1)
        arrays = {
            name: part.reshape(len(rows), *shape)
            for (name, shape), part in zip(self._shapes.items(), parts, strict=True)
        }
        return Batch(status, status == Status.OPTIMAL, fallbacks, **arrays)

    def _bits(self, rows: Rows) -> np.ndarray:
        parts = [np.reshape(getattr(rows, name), (len(rows), -1)) for name in self.profile]
        return np.ascontiguousarray(np.concatenate(parts, axis=1)).view(np.uint64)

    def _hash(self, keys: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            mixed = (keys ^ (keys >> np.uint64(32))) @ self._factors
            return ((mixed ^ (mixed >> np.uint64(29))) * _MIX) >> np.uint64(20)

    def _clear(self, rows: Rows, chosen: np.ndarray) -> Batch:
        arrays = {name: getattr(rows, name)[chosen] for name in self.profile}
        return self.prepared.clear_many(**arrays, want=self.want)

    def _raise(self, rows: Rows, r: int) -> None:
        arrays = {name: getattr(rows, name)[r : r + 1] for name in self.profile}
        try:
            self.prepared.clear_many(**arrays, want=(), on_error="raise")
        except (ClearingError, InputError) as error:
            raise type(error)(str(error).replace("round 0", f"round {r}", 1)) from error


def _distinct(keys: np.ndarray, hashed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of distinct rows, and for each row its position among them."""
    _, first, back = np.unique(hashed, return_index=True, return_inverse=True)
    strays = np.flatnonzero((keys != keys[first[back]]).any(axis=1))  # another row with the same hash
    back = back.copy()
    back[strays] = len(first) + np.arange(len(strays))
    return np.concatenate([first, strays]), back
