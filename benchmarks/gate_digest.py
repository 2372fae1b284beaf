"""Outputs of any kind as 16 hex digits, bit for bit and independent of the run that made them.

What counts is the value: every bit of a double (so that −0 is not 0; all NaN are one), every letter of a
text, the order of rows and of sequences. What does not: the order of a mapping's or a set's entries, whether
an integer has 32 or 64 bits, whether a sequence is a list or a tuple.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

DIGITS = 16


def digest(value: Any) -> str:
    """The first 16 hex digits of SHA-256 over the value.

    Raises
    ------
    TypeError
        a value of a type whose text could depend on the run: objects have addresses, paths a machine.
    """
    hashed = hashlib.sha256()
    for piece in _pieces(value):
        hashed.update(len(piece).to_bytes(8, "little"))
        hashed.update(piece)
    return hashed.hexdigest()[:DIGITS]


def digest_parts(outputs: Mapping[str, Any]) -> dict[str, str]:
    """Name → digest, in order of the names; mappings inside a mapping have names with dots."""
    found: dict[str, str] = {}
    for name, value in _flat(outputs):
        if name in found:
            raise ValueError(f"two outputs are named {name!r}; give each a name of its own")
        found[name] = digest(value)
    return dict(sorted(found.items()))


def _flat(outputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in outputs.items():
        if isinstance(value, Mapping) and value and all(isinstance(key, str) for key in value):
            yield from ((f"{name}.{inner}", v) for inner, v in _flat(value))
        else:
            yield name, value


def _pieces(value: Any) -> Iterator[bytes]:
    """The value as byte strings that no other value has."""
    if value is None:
        yield b"none"
    elif isinstance(value, Enum):
        yield from (b"enum", value.name.encode())
    elif isinstance(value, (bool, np.bool_)):
        yield b"true" if value else b"false"
    elif isinstance(value, (int, np.integer)):
        yield from (b"int", str(int(value)).encode())
    elif isinstance(value, (float, np.floating)):
        yield from (b"float", _bits(np.asarray(value, dtype=float)))
    elif isinstance(value, str):
        yield from (b"text", str(value).encode())
    elif isinstance(value, bytes):
        yield from (b"bytes", value)
    elif isinstance(value, np.ndarray):
        yield from _array(value)
    elif isinstance(value, pd.DataFrame):
        yield from (b"frame", *_pieces(list(value.columns)), *_pieces(value.index))
        for k in range(value.shape[1]):
            yield from _column(value.iloc[:, k])
    elif isinstance(value, pd.Series):
        yield from (b"series", *_pieces(value.index), *_column(value))
    elif isinstance(value, pd.Index):
        yield from (b"index", *_pieces(list(value.names)), *_pieces(value.tolist()))
    elif isinstance(value, Mapping):
        yield from (b"mapping", str(len(value)).encode())
        for entry in sorted((digest(key), digest(inner)) for key, inner in value.items()):
            yield from (part.encode() for part in entry)
    elif isinstance(value, (set, frozenset)):
        yield from (b"set", *(part.encode() for part in sorted(map(digest, value))))
    elif isinstance(value, (list, tuple)):
        yield from (b"sequence", str(len(value)).encode())
        for inner in value:
            yield from _pieces(inner)
    else:
        raise TypeError(
            f"a {type(value).__name__} has no bits to compare; give its numbers, texts and tables by name"
        )


def _column(column: pd.Series) -> Iterator[bytes]:
    kept = column.to_numpy()
    return _pieces(kept) if kept.dtype.kind in "biuf" else _pieces(column.tolist())


def _array(array: np.ndarray) -> Iterator[bytes]:
    kind = array.dtype.kind
    if kind not in "biuf":
        yield from (b"objects", str(array.shape).encode(), *_pieces(array.ravel().tolist()))
        return
    wide = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64}[kind]
    if kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        wide = np.uint64
    yield from (b"array", np.dtype(wide).str.encode(), str(array.shape).encode())
    plain = np.ascontiguousarray(array, dtype=wide)
    yield _bits(plain) if kind == "f" else plain.tobytes()


def _bits(doubles: np.ndarray) -> bytes:
    return np.where(np.isnan(doubles), np.nan, doubles).tobytes()
