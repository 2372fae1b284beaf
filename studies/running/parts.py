"""Rows of finished cells as bytes: one parquet part per batch, one row per cell, tables nested in it.

A part is written whole or not at all, so that a cell is either there with all its tables or not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from networks.errors import InputError
from networks.files import safe_name
from studies.running.digests import digest_of_cell
from studies.running.spec import canonical_json

TABLE = "table:"
"""Prefix of the columns that hold a table's rows."""

KEYS = ("cell", "replicate")
LARGE = 100_000
"""Bytes from which a part is compressed: for the few rows of one cell that would cost more than it saves."""

CELL_COLUMNS = ("cell", "replicate", "values", "status", "seconds", "error", "trace", "digest")

DONE, FAILED = "done", "failed"


@dataclass(frozen=True)
class Record:
    """One finished cell: its number, replicate, own values, tables, seconds, and error where it failed."""

    cell: int
    replicate: int
    values: Mapping[str, Any]
    tables: Mapping[str, pa.Table]
    seconds: float
    error: str | None = None
    trace: str | None = None


def arrow_table(name: str, rows: Any) -> pa.Table:
    """A study's rows, in any of the forms it may return, as an arrow table."""
    if safe_name(name) != name:
        raise InputError(
            f"a table of this cell is called {name!r}; use letters, digits and _: it names a file"
        )
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):
        return pa.Table.from_pandas(rows, preserve_index=False).replace_schema_metadata(None)
    if isinstance(rows, Mapping):
        columns = dict(rows)
    else:
        listed = list(rows)
        names = dict.fromkeys(key for row in listed for key in row)
        columns = {key: [row.get(key) for row in listed] for key in names}
    arrays = {}
    for key, values in columns.items():
        try:
            arrays[str(key)] = pa.array(values)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(f"table {name!r}, column {key!r} cannot be stored: {error}") from None
    return pa.table(arrays)


def with_keys(record: Record, table: pa.Table) -> pa.Table:
    """The rows with cell, replicate and the cell's own values in front."""
    count = table.num_rows
    front: dict[str, Any] = {"cell": record.cell, "replicate": record.replicate}
    front |= {key: value for key, value in record.values.items() if key not in table.column_names}
    arrays = {key: pa.repeat(pa.scalar(value), count) for key, value in front.items()}
    return pa.table(arrays | {name: table.column(name) for name in table.column_names})


def encode(records: Sequence[Record]) -> bytes:
    """A part of these cells, in the order (cell, replicate)."""
    records = sorted(records, key=lambda r: (r.cell, r.replicate))
    columns: dict[str, Any] = {
        "cell": pa.array([r.cell for r in records], pa.int64()),
        "replicate": pa.array([r.replicate for r in records], pa.int64()),
        "values": [canonical_json(dict(r.values)) for r in records],
        "status": [DONE if r.error is None else FAILED for r in records],
        "seconds": pa.array([r.seconds for r in records], pa.float64()),
        "error": pa.array([r.error for r in records], pa.string()),
        "trace": pa.array([r.trace for r in records], pa.string()),
        "digest": pa.array(
            [digest_of_cell(r.values, r.tables) if r.error is None else None for r in records], pa.string()
        ),
    }
    first: dict[str, dict[str, tuple[int, int, int]]] = {}
    for name in dict.fromkeys(name for r in records for name in r.tables):
        pieces = [with_keys(r, r.tables[name]) if name in r.tables else None for r in records]
        filled = [piece for piece in pieces if piece is not None and piece.num_rows]
        if filled:
            lengths = [0 if piece is None else piece.num_rows for piece in pieces]
            columns[TABLE + name] = _nested(together(filled), lengths)
            first[TABLE + name] = _first_seen(records, pieces)
    return write_bytes(pa.table(columns), first)


FirstSeen = dict[str, tuple[int, int, int]]
"""Column → (cell, replicate, position) where it first appears: what orders the columns of a table, so
that the order does not depend on which cells shared a part."""


def first_seen(part: pa.Table) -> dict[str, FirstSeen]:
    """Table → where its columns first appear in the part."""
    known = (part.schema.metadata or {}).get(b"first", b"{}")
    return {name: {c: tuple(k) for c, k in keys.items()} for name, keys in json.loads(known).items()}


def merge_first_seen(parts: Iterable[dict[str, FirstSeen]]) -> dict[str, FirstSeen]:
    """The earliest appearance over several parts."""
    merged: dict[str, FirstSeen] = {}
    for part in parts:
        for name, keys in part.items():
            known = merged.setdefault(name, {})
            for column, key in keys.items():
                known[column] = min(key, known.get(column, key))
    return merged


def _first_seen(records: Sequence[Record], pieces: Sequence[pa.Table | None]) -> FirstSeen:
    seen: FirstSeen = {}
    for record, piece in zip(records, pieces, strict=True):
        for k, column in enumerate(piece.column_names if piece is not None and piece.num_rows else ()):
            seen.setdefault(column, (record.cell, record.replicate, k))
    return seen


def read_frame(path: Path) -> pd.DataFrame:
    """A stored table.

    By this thread alone: arrow's own threads may still hold objects of Python when the interpreter ends,
    which would then abort.
    """
    return pq.ParquetFile(str(path)).read(use_threads=False).to_pandas(use_threads=False)


def decode(data: bytes) -> pa.Table:
    """The part in `data`; one that was stored before cells had digests gets none."""
    part = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    if "digest" not in part.column_names:
        part = part.append_column("digest", pa.nulls(part.num_rows, pa.string()))
    return part


def join(parts: Iterable[pa.Table]) -> bytes:
    """Several parts as one, sorted by (cell, replicate)."""
    pieces = list(parts)
    names = dict.fromkeys(name for part in pieces for name in part.column_names)
    keys = pa.concat_tables([part.select(list(KEYS)) for part in pieces])
    order = pc.sort_indices(keys, sort_keys=[(key, "ascending") for key in KEYS])
    columns: dict[str, Any] = {}
    for name in names:
        if not name.startswith(TABLE):
            columns[name] = pa.concat_tables([part.select([name]) for part in pieces]).column(0)
            continue
        rows = together([rows_of(part, name) for part in pieces if name in part.column_names])
        lengths = [n for part in pieces for n in lengths_of(part, name)]
        columns[name] = _nested(rows, lengths)
    return write_bytes(pa.table(columns).take(order), merge_first_seen(map(first_seen, pieces)))


def rows_of(part: pa.Table, name: str) -> pa.Table:
    """The rows of a nested table, flat."""
    flat = pa.concat_tables([pa.table({"_": part.column(name)})]).column(0).combine_chunks().flatten()
    return pa.Table.from_batches([pa.RecordBatch.from_struct_array(flat)])


def lengths_of(part: pa.Table, name: str) -> list[int]:
    """How many rows of the table each cell of the part has."""
    if name not in part.column_names:
        return [0] * part.num_rows
    return [n or 0 for n in pc.list_value_length(part.column(name)).to_pylist()]


def together(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables under one another; columns in the order of first appearance, types widened."""
    if len(tables) == 1:
        return tables[0]
    schema = common_schema([table.schema for table in tables])
    return pa.concat_tables([fitted(table, schema) for table in tables])


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """All columns, each with a type that holds every value: wider numbers, else text."""
    kinds: dict[str, list[pa.DataType]] = {}
    for schema in schemas:
        for field in schema:
            known = kinds.setdefault(field.name, [])
            if field.type not in known:
                known.append(field.type)
    return pa.schema([(name, _common_type(types)) for name, types in kinds.items()])


def _common_type(types: Sequence[pa.DataType]) -> pa.DataType:
    try:
        fields = [pa.schema([("x", kind)]) for kind in types]
        return pa.unify_schemas(fields, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.string()


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with the schema's columns, absent ones empty."""
    columns = []
    for field in schema:
        if field.name in table.column_names:
            columns.append(table.column(field.name).cast(field.type))
        else:
            columns.append(pa.nulls(table.num_rows, field.type))
    return pa.table(columns, schema=schema)


def write_bytes(table: pa.Table, first: Mapping[str, FirstSeen]) -> bytes:
    """A parquet file in memory."""
    sink = BytesIO()
    table = table.replace_schema_metadata({"first": json.dumps(first)})
    large = table.nbytes > LARGE
    options = {"compression": "zstd" if large else "none", "use_dictionary": large}
    pq.write_table(table, sink, write_statistics=False, **options)
    return sink.getvalue()


def _nested(rows: pa.Table, lengths: Sequence[int]) -> pa.Array:
    offsets = [0]
    for n in lengths:
        offsets.append(offsets[-1] + n)
    struct = rows.combine_chunks().to_struct_array()
    if isinstance(struct, pa.ChunkedArray):
        struct = struct.combine_chunks()
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), struct)
