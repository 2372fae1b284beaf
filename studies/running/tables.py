"""The tables of a run, made of its parts in the order (cell, replicate), one row group at a time.

The bytes of a table depend on its rows only: not on which cells shared a part, on the executor, or on
how often the run was stopped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from networks.errors import InputError
from studies.running.parts import (
    TABLE,
    FirstSeen,
    common_schema,
    first_seen,
    fitted,
    merge_first_seen,
    rows_of,
)
from studies.running.spec import make_spec
from studies.running.store import Index, Store, read_index, read_manifests, write_text
from studies.study import Results, Study

ROW_GROUP = 65_536
DECODED = 6  # parts that are kept in memory while tables are made
CELL_COLUMNS = ("cell", "replicate", "values", "status", "seconds", "error", "trace")


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
        starts = np.flatnonzero(np.diff(part, prepend=-1))
        for start, end in zip(starts, np.append(starts[1:], len(part)), strict=True):
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


def write_tables(store: Store, index: Index | None = None) -> Index:
    """Make `tables/` and `cells.parquet` of the stored parts, unless they are made of the same parts."""
    index = read_index(store) if index is None else index
    marker = store.folder / "tables" / "made_of"
    if marker.is_file() and marker.read_text(encoding="utf-8") == index.signature():
        return index
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.unlink(missing_ok=True)
    assembly = Assembly(store, index)
    for path in marker.parent.glob("*.parquet"):
        if path.stem not in assembly.schemas:
            path.unlink(missing_ok=True)
    for name, schema in assembly.schemas.items():
        _write_chunks(marker.parent / f"{name}.parquet", schema, assembly.chunks(name))
    cells = list(assembly.cells())
    if cells:
        whole = pa.concat_tables(cells)
        _write_chunks(store.folder / "cells.parquet", whole.schema, iter([whole]))
    write_text(marker, index.signature())
    return index


def read_results(folder: Path, study: Study | None = None) -> Results:
    """The results in a run's folder (a folder that holds one run will do)."""
    from studies.registry import StudyRef

    store = Store(run_folder(folder))
    manifest = read_manifests(store.folder)
    write_tables(store)
    tables = {p.stem: pd.read_parquet(p) for p in sorted((store.folder / "tables").glob("*.parquet"))}
    path = store.folder / "cells.parquet"
    cells = pd.read_parquet(path) if path.is_file() else pd.DataFrame(columns=list(CELL_COLUMNS))
    if study is None:
        study = StudyRef(**manifest["study_ref"]).load()
    return Results(make_spec(study.spec, manifest["spec"]), tables, cells, manifest)


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
    draft = path.with_name(f".{path.name}.part")
    try:
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            for chunk in chunks:
                writer.write_table(chunk, row_group_size=ROW_GROUP)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
