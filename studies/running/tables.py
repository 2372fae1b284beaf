"""The tables of a run, made of its parts in the order (cell, replicate), one row group at a time.

The bytes of a table depend on its rows only: not on which cells shared a part, on the executor, or on
how often the run was stopped.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import file_digest
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from warnings import warn

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from networks.errors import InputError
from networks.files import replacing, safe_name
from studies.running.manifest import read_manifests
from studies.running.parts import (
    CELL_COLUMNS,
    TABLE,
    FirstSeen,
    common_schema,
    first_seen,
    fitted,
    merge_first_seen,
    read_frame,
    rows_of,
)
from studies.running.spec import make_spec
from studies.running.store import Index, Store, read_index, signature_of, write_text
from studies.study import Results, Study

ROW_GROUP = 65_536
DECODED = 6  # parts that are kept in memory while tables are made
CHECKSUMS = "checksums.json"


class Assembly:
    """Rows of all stored cells in order, with the columns and types that hold for the whole table."""

    def __init__(self, store: Store, index: Index):
        self.store, self.index = store, index
        self._decoded: OrderedDict[int, pa.Table] = OrderedDict()
        kinds: dict[str, list[pa.Schema]] = {}
        orders: list[dict[str, FirstSeen]] = []
        for number in range(len(index.paths)):
            part = self._part(number)
            orders.append(first_seen(part))
            for field in part.schema:
                if field.name.startswith(TABLE):
                    _refuse_paths(field.name.removeprefix(TABLE), index.paths[number])
                    schema = pa.schema(list(field.type.value_type))
                    if schema not in kinds.setdefault(field.name, []):
                        kinds[field.name].append(schema)
        first = merge_first_seen(orders)
        self.schemas = {
            name.removeprefix(TABLE): _ordered(common_schema(schemas), first.get(name, {}))
            for name, schemas in sorted(kinds.items())
        }

    def chunks(self, table: str) -> Iterator[pa.Table]:
        """The table in row groups of the same size (the last one smaller)."""
        schema, waiting, rows = self.schemas[table], [], 0
        for part, chosen in self._runs():
            name = TABLE + table
            if name not in part.column_names:
                continue
            flat = rows_of(part.select([name]).take(chosen), name)
            waiting.append(fitted(flat, schema))
            rows += flat.num_rows
            while rows >= ROW_GROUP:
                joined = pa.concat_tables(waiting)
                yield joined.slice(0, ROW_GROUP).combine_chunks()  # else pages follow the parts
                waiting, rows = [joined.slice(ROW_GROUP)], rows - ROW_GROUP
        if rows:
            yield pa.concat_tables(waiting).combine_chunks()

    def cells(self) -> Iterator[pa.Table]:
        """Status, seconds and errors of the cells, in order."""
        for part, chosen in self._runs():
            yield part.select(list(CELL_COLUMNS)).take(chosen).replace_schema_metadata(None)

    def _runs(self) -> Iterator[tuple[pa.Table, np.ndarray]]:
        """(part, rows) such that the rows follow one another in the order (cell, replicate)."""
        part, row = self.index.part, self.index.row
        edges = np.append(np.flatnonzero(np.diff(part, prepend=-1)), len(part))
        for start, end in pairwise(edges.tolist()):
            yield self._part(int(part[start])), row[start:end]

    def _part(self, number: int) -> pa.Table:
        if number not in self._decoded:
            table = self.store.read(self.index.paths[number])
            if table is None:
                raise InputError(f"{str(self.index.paths[number])!r} was damaged just now; run again")
            self._decoded[number] = table
            if len(self._decoded) > DECODED:
                self._decoded.popitem(last=False)
        self._decoded.move_to_end(number)
        return self._decoded[number]


def write_tables(store: Store) -> Index:
    """Make `tables/` and `cells.parquet` of the stored parts, unless they are made of the same parts.

    To be called while `store.alone()`. Beside the tables stand their checksums.
    """
    index = read_index(store)
    if _tables_hold(store, index.paths):
        return index
    folder = store.folder / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    assembly = Assembly(store, index)
    for path in folder.iterdir():  # among them drafts of a process that was killed
        path.unlink(missing_ok=True)
    written = [store.folder / "cells.parquet"]
    for name, schema in assembly.schemas.items():
        written.append(folder / f"{name}.parquet")
        _write_chunks(written[-1], schema, assembly.chunks(name))
    cells = list(assembly.cells())
    whole = pa.concat_tables(cells) if cells else pa.table({name: [] for name in CELL_COLUMNS})
    _write_chunks(written[0], whole.schema, iter([whole]))
    sums = {path.relative_to(store.folder).as_posix(): _checksum(path) for path in written}
    write_text(folder / CHECKSUMS, json.dumps({"parts": index.signature(), "sha256": sums}, indent=2) + "\n")
    return index


def _tables_hold(store: Store, parts: Sequence[Path]) -> bool:
    """Whether the tables are made of these parts, and are byte for byte what was written."""
    try:
        noted = json.loads((store.folder / "tables" / CHECKSUMS).read_text(encoding="utf-8"))
        sums = dict(noted["sha256"])
        present = {path.relative_to(store.folder).as_posix() for path in _table_paths(store)}
        return (
            (not parts or noted["parts"] == signature_of(parts))
            and present == set(sums)
            and all(_checksum(store.folder / name) == found for name, found in sums.items())
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _table_paths(store: Store) -> list[Path]:
    paths = [*sorted((store.folder / "tables").glob("*.parquet")), store.folder / "cells.parquet"]
    return [path for path in paths if path.is_file()]


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _refuse_paths(table: str, where: Path) -> None:
    """A part of somebody else's may name any table; its rows go into a file of that name."""
    if safe_name(table) != table:
        raise InputError(f"{str(where)!r} holds a table called {table!r}, which is no plain name; delete it")


def read_results(folder: Path, study: Study | None = None) -> Results:
    """The results in a run's folder (a folder that holds one run will do), tables checked byte for byte.

    A table that is not what was written is made again from the parts. Parts that are damaged too are put
    aside with a warning; their cells are missing then. Tables whose parts are gone are read as they are.

    Parameters
    ----------
    study : whose spec the results get; without it, the spec is a plain record of the stored values.

    Raises
    ------
    InputError
        where there is no run, its manifest is damaged, or tables cannot be made again.
    """
    store = Store(run_folder(folder))
    manifest = read_manifests(store.folder)
    with store.alone():
        parts = store.part_paths()
        if not _tables_hold(store, parts):
            if not parts and _table_paths(store):
                raise InputError(
                    f"the tables in {str(store.folder)!r} are damaged, and there are no parts to make them "
                    f"of; run the study again: {manifest['command'] or 'walras run ' + manifest['study']}"
                )
            for path in write_tables(store).damaged:
                words = "was damaged and is put aside; its cells are missing until they run again"
                warn(f"{str(path)!r} {words}", stacklevel=2)
        tables = {p.stem: read_frame(p) for p in sorted((store.folder / "tables").glob("*.parquet"))}
        cells = read_frame(store.folder / "cells.parquet")
    kept = manifest["spec"]
    spec: Any = SimpleNamespace(**kept) if study is None else make_spec(study.spec, kept)
    return Results(spec, tables, cells, manifest)


def run_folder(folder: Path) -> Path:
    """The folder itself where it holds a run, else the newest run in it.

    Raises
    ------
    InputError
        where there is none.
    """
    runs = run_folders(folder)
    if not runs:
        raise InputError(f"{str(folder)!r} holds no run of a study; `walras run STUDY --out DIR` makes one")
    return max(runs, key=lambda run: max(p.stat().st_mtime for p in run.glob("manifest*.json")))


def run_folders(folder: Path) -> list[Path]:
    """Every folder at or below `folder` that holds a run."""
    return sorted({path.parent for path in folder.glob("**/manifest*.json")})


def _ordered(schema: pa.Schema, first: dict[str, tuple[int, int, int]]) -> pa.Schema:
    names = sorted(schema.names, key=lambda name: (*first.get(name, (0, 0, 0)), name))
    return pa.schema([schema.field(name) for name in names])


def _write_chunks(path: Path, schema: pa.Schema, chunks: Iterator[pa.Table]) -> None:
    with replacing(path) as draft, pq.ParquetWriter(draft, schema, compression="zstd") as writer:
        for chunk in chunks:
            writer.write_table(chunk, row_group_size=ROW_GROUP)
