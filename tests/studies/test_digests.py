"""The digest of a cell: of what it returned, to the last bit, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from studies.running.digests import digest_of_cell
from studies.running.parts import decode, encode, join
from studies.running.store import Shard
from studies.running.tables import read_results
from studies.running.worker import run_one
from tests.studies.helpers import run_sample
from tests.studies.sample_study import STUDY, Settings

COLUMNS = {
    "number": st.floats(width=64),
    "small": st.floats(width=32),
    "whole": st.integers(-(2**63), 2**63 - 1),
    "flag": st.booleans(),
    "word": st.text(max_size=5),
    "list": st.lists(st.integers(0, 9), max_size=3),
    "record": st.fixed_dictionaries({"a": st.floats(width=64), "b": st.text(max_size=3)}),
}
TYPES = {
    "number": pa.float64(),
    "small": pa.float32(),
    "whole": pa.int64(),
    "flag": pa.bool_(),
    "word": pa.string(),
    "list": pa.list_(pa.int8()),
    "record": pa.struct([("a", pa.float64()), ("b", pa.string())]),
}


def digest(**columns: object) -> str:
    return digest_of_cell({}, {"t": pa.table(columns)})


@given(st.data())
def test_neither_slices_nor_chunks_count(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(COLUMNS)))
    rows = data.draw(st.lists(st.none() | COLUMNS[name], max_size=12))
    cut = data.draw(st.integers(0, len(rows)))
    whole = pa.array(rows, TYPES[name])
    padded = pa.concat_arrays([pa.array([None, *rows[:1]], TYPES[name]), whole])
    sliced = padded.slice(len(padded) - len(whole))
    chunks = pa.chunked_array([sliced.slice(0, cut), sliced.slice(cut)], TYPES[name])
    stored = pa.BufferOutputStream()
    pq.write_table(pa.table({"x": whole}), stored)
    read = pq.read_table(pa.BufferReader(stored.getvalue())).column("x")
    assert len({digest(x=column) for column in (whole, sliced, chunks, read)}) == 1


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=8), st.data())
def test_the_last_bit_of_any_number_counts(numbers: list[float], data: st.DataObject) -> None:
    k = data.draw(st.integers(0, len(numbers) - 1))
    other = np.array(numbers)
    other.view(np.uint64)[k] ^= np.uint64(1)
    if not np.isnan(other[k]):
        assert digest(x=pa.array(numbers)) != digest(x=pa.array(other))


def test_names_types_order_and_signs_count() -> None:
    tables = [
        {"x": pa.array([1, 2]), "y": pa.array([3, 4])},
        {"y": pa.array([3, 4]), "x": pa.array([1, 2])},
        {"x": pa.array([2, 1]), "y": pa.array([3, 4])},
        {"x": pa.array([1.0, 2.0]), "y": pa.array([3, 4])},
        {"x": pa.array([1, 2], pa.int32()), "y": pa.array([3, 4])},
        {"x": pa.array([1, None]), "y": pa.array([3, 4])},
        {"x": pa.array([1, 0]), "y": pa.array([3, 4])},
        {"x": pa.array([1.0, 0.0])},
        {"x": pa.array([1.0, -0.0])},
        {"x": pa.array([1.0, np.nan], from_pandas=False)},
        {"x": pa.array(["ab", "c"])},
        {"x": pa.array(["a", "bc"])},
        {"x": pa.array([["a"], ["b"]])},
        {"x": pa.array([["a", "b"], []])},
        {"x": pa.array([])},
        {},
    ]
    found = [digest(**table) for table in tables]
    assert len(set(found)) == len(tables)
    table = pa.table(tables[0])
    assert digest_of_cell({"x": 1}, {"t": table}) != digest_of_cell({"x": 2}, {"t": table})
    assert digest_of_cell({}, {"t": table}) != digest_of_cell({}, {"u": table})
    both = [{"t": table, "u": table.slice(1)}, {"u": table.slice(1), "t": table}]
    assert digest_of_cell({}, both[0]) == digest_of_cell({}, both[1])


def test_every_nan_is_the_same_nan() -> None:
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000000, 0x7FF8000000000001], dtype=np.uint64)
    assert len({digest(x=pa.array(bits[k : k + 1].view(float), from_pandas=False)) for k in range(3)}) == 1


def test_categories_and_times_have_digests() -> None:
    frame = pd.DataFrame({"c": pd.Categorical(["a", "b"]), "t": pd.to_datetime(["2020-01-01", None])})
    later = frame.assign(t=pd.to_datetime(["2020-01-02", None]))
    one, two = (digest_of_cell({}, {"t": pa.Table.from_pandas(f)}) for f in (frame, later))
    assert one != two


def test_a_cell_alone_has_the_digest_that_its_run_stored(tmp_path: Path) -> None:
    """Whoever ran it beside whom: one run, three shards, two workers; parts joined or not."""
    alone = [run_one(STUDY, Settings(), 0, k, 0, cell) for k, cell in enumerate(STUDY.cells(Settings()))]
    own = [digest_of_cell(record.values, record.tables) for record in alone]
    assert len(set(own)) == len(own)
    runs = [run_sample(tmp_path / "one"), run_sample(tmp_path / "two", jobs=2)]
    runs += [run_sample(tmp_path / "three", shard=Shard(k, 3)) for k in (1, 2, 3)]
    for ended in (runs[0], runs[1], runs[-1]):
        assert read_results(ended.folder).cells["digest"].tolist() == own
    parts = [decode(encode([record])) for record in alone]
    assert decode(join(parts[::-1])).column("digest").to_pylist() == own


def test_a_failed_cell_and_an_old_part_have_none(tmp_path: Path) -> None:
    cells = read_results(run_sample(tmp_path, {"fails": [3]}).folder).cells
    assert cells["digest"].isna().tolist() == [k == 3 for k in range(20)]
    record = run_one(STUDY, Settings(), 0, 1, 0, {"x": 1, "name": "cell 1"})
    part = decode(encode([record]))
    sink = pa.BufferOutputStream()
    pq.write_table(part.drop_columns(["digest"]), sink)
    old = decode(sink.getvalue().to_pybytes())
    assert old.column("digest").to_pylist() == [None]
    assert old.schema.metadata == part.schema.metadata
    joined = decode(join([old, part])).column("digest").to_pylist()
    assert sorted(joined, key=str) == sorted([None, *part.column("digest").to_pylist()], key=str)
