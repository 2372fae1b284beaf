"""A digest of what one cell returned: equal where every number is, bit for bit, whatever stored or moved it.

It is of the tables as the cell returned them, before parts and tables of several cells widen types and add
columns, so that shards, joined parts, executors, paths and times have no share in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from studies.running.spec import canonical_json

DIGITS = 16
"""Hex digits that are kept: one of two different cells in 2⁶⁴ would pass."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def digest_of_text(text: str) -> str:
    """Sixteen hex digits of a text."""
    return sha256(text.encode()).hexdigest()[:DIGITS]


def digest_of_cell(values: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> str:
    """Sixteen hex digits of a cell's own values and of the tables that it returned.

    Of a table count its name, its columns' names, types and order, and every entry: numbers by their bits,
    except that any NaN is the same NaN and that what memory holds behind a missing entry is nothing. Which
    table was returned first does not count, since nothing stored tells.
    """
    digest = sha256()
    _add(digest, canonical_json(dict(values)).encode())
    for name in sorted(tables):
        table = tables[name]
        _add(digest, f"table {name} {table.num_rows} {table.num_columns}".encode())
        for column, chunks in zip(table.column_names, table.columns, strict=True):
            _add(digest, column.encode())
            _add_array(digest, chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks())
    return digest.hexdigest()[:DIGITS]


def _add(digest: _Digest, data: bytes) -> None:
    """One piece, with its length before it, so that no two lists of pieces read alike."""
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


@cache
def _of_type(kind: pa.DataType) -> tuple[str, str, int]:
    """A type's name, how its entries are read, and the bytes of one."""
    is_ = pa.types
    if is_.is_boolean(kind):
        return str(kind), "flags", 0
    if is_.is_primitive(kind) or is_.is_decimal(kind):
        return str(kind), "floats" if is_.is_floating(kind) else "numbers", kind.bit_width // 8
    if is_.is_string(kind) or is_.is_binary(kind):
        return str(kind), "texts", 4
    if is_.is_large_string(kind) or is_.is_large_binary(kind):
        return str(kind), "texts", 8
    if is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind):
        return str(kind).partition("<")[0], "lists", 0  # what its items are called is the storage's matter
    if is_.is_struct(kind):
        return f"struct {[field.name for field in kind]}", "records", 0
    ways = {is_.is_null: "nothing", is_.is_dictionary: "dictionary"}
    return str(kind), next((way for test, way in ways.items() if test(kind)), "others"), 0


def _add_array(digest: _Digest, array: pa.Array) -> None:
    name, way, width = _of_type(array.type)
    count = len(array)
    _add(digest, f"{name} {count}".encode())
    if way == "dictionary":
        _add_array(digest, array.dictionary_decode())
        return
    missing = array.is_null().to_numpy(zero_copy_only=False) if array.null_count else None
    _add(digest, b"" if missing is None else np.packbits(missing).tobytes())
    if way == "lists":
        _add_array(digest, pc.list_value_length(array))
        _add_array(digest, array.flatten())
    elif way == "records":
        for part in array.flatten():
            _add_array(digest, part)
    elif count == 0 or way == "nothing":
        return
    elif way in ("floats", "numbers"):
        _add(digest, _numbers(array, missing, width, way == "floats"))
    elif way == "texts":
        _add_texts(digest, array, width)
    elif way == "flags":
        _add(digest, np.packbits(array.fill_null(False).to_numpy(zero_copy_only=False)).tobytes())
    else:
        _add(digest, repr(array.to_pylist()).encode())


def _numbers(array: pa.Array, missing: np.ndarray | None, width: int, floats: bool) -> bytes:
    """The bytes of numbers and times; zero where an entry is missing."""
    raw = np.frombuffer(array.buffers()[1], dtype=np.uint8)
    raw = raw[array.offset * width : (array.offset + len(array)) * width]
    if floats:
        numbers = raw.view(f"<f{width}")
        if (unknown := np.isnan(numbers)).any():
            raw = np.where(unknown, np.nan, numbers).astype(numbers.dtype).view(np.uint8)
    if missing is not None:
        raw = np.where(missing[:, None], np.uint8(0), raw.reshape(-1, width))
    return raw.tobytes()


def _add_texts(digest: _Digest, array: pa.Array, width: int) -> None:
    """Where each text ends, then all of them; an empty one where an entry is missing."""
    if array.null_count:
        array, width = array.cast(pa.large_binary()).fill_null(b""), 8
    _, ends, data = array.buffers()
    offsets = np.frombuffer(ends, dtype=f"<i{width}")
    offsets = offsets[array.offset : array.offset + len(array) + 1].astype(np.int64)
    _add(digest, (offsets - offsets[0]).tobytes())
    start, length = int(offsets[0]), int(offsets[-1] - offsets[0])
    _add(digest, b"" if data is None else data.slice(start, length).to_pybytes())
