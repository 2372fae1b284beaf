"""Stored results: data and never code, checked byte for byte, shared by several processes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from typer.testing import CliRunner

import studies
from networks.errors import InputError
from studies.cli import app
from studies.running.manifest import read_manifests
from studies.running.store import Shard, Store
from tests.studies.helpers import SAMPLE, command, environment, run_sample, table_bytes, walras

SPEC = {"cells": 12}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of 12 cells; to be copied, not changed."""
    return run_sample(tmp_path_factory.mktemp("stored"), SPEC, seed=2).folder


@pytest.fixture
def folder(stored: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stored, tmp_path / stored.name))


def report(*words: object) -> Result:
    """`walras report` in this process."""
    return CliRunner().invoke(app, ["report", *map(str, words)])


def flip(path: Path, bit: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[bit // 8 % len(raw)] ^= 1 << bit % 8
    path.write_bytes(bytes(raw))


def test_one_flipped_bit_of_a_table_is_mended_from_the_parts(folder: Path, stored: Path) -> None:
    right = studies.results(stored)
    chance = random.Random(5)
    for _ in range(25):
        path = chance.choice([*folder.glob("tables/*.parquet"), folder / "cells.parquet"])
        flip(path, chance.randrange(8 * path.stat().st_size))
        found = studies.results(folder)
        assert table_bytes(folder) == table_bytes(stored)
        assert found.cells.equals(right.cells)
        assert all(found[name].equals(table) for name, table in right.tables.items())


def test_one_flipped_bit_of_a_manifest_is_said(folder: Path) -> None:
    path = folder / "manifest.json"
    right, whole = read_manifests(folder), path.read_bytes()
    chance, refused = random.Random(6), 0
    for _ in range(60):
        flip(path, chance.randrange(8 * len(whole)))
        with suppress(InputError):
            refused += 1
            assert read_manifests(folder) == right, "a bit of white space at most"
            refused -= 1
        path.write_bytes(whole)
    assert refused > 40
    name = whole.index(b'"sha256"') + 1
    for bit in range(8 * len("sha256")):  # without its name the checksum would be that of an older version
        flip(path, 8 * name + bit)
        with pytest.raises(InputError, match="is damaged"):
            read_manifests(folder)
        path.write_bytes(whole)
    flip(path, 8 * whole.index(b'"seed": 2') + 64)
    with pytest.raises(InputError, match="is damaged; run the command of this study again"):
        read_manifests(folder)


def test_a_damaged_table_without_parts_is_refused_and_a_good_one_read(folder: Path, stored: Path) -> None:
    shutil.rmtree(folder / "parts")
    assert studies.results(folder)["draws"].equals(studies.results(stored)["draws"])
    flip(folder / "tables" / "draws.parquet", 4000)
    with pytest.raises(InputError, match="no parts to make them of; run the study again"):
        studies.results(folder)
    assert (folder / "tables" / "draws.parquet").is_file(), "nothing is deleted"


def test_cells_lost_with_a_part_are_said(folder: Path) -> None:
    (part,) = (folder / "parts").iterdir()
    flip(part, 3000)
    flip(folder / "tables" / "draws.parquet", 3000)
    with pytest.warns(UserWarning, match=r"was damaged and is put aside"):
        found = studies.results(folder)
    assert found.missing == 12
    done = report(folder, "--study", SAMPLE)
    assert done.exit_code == 4
    assert "12 cells are missing" in done.stderr


def test_results_of_an_earlier_version_are_read(folder: Path, stored: Path) -> None:
    """Without checksums: tables are made anew, the manifest is held by its address."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    del manifest["sha256"]
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    (folder / "tables" / "checksums.json").rename(folder / "tables" / "made_of")
    flip(folder / "tables" / "draws.parquet", 900)
    assert studies.results(folder)["draws"].equals(studies.results(stored)["draws"])
    manifest["seed"] = 3
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    with pytest.raises(InputError, match="is damaged"):
        studies.results(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: [m],
        lambda m: {},
        lambda m: m | {"sessions": [1]},
        lambda m: m | {"study_ref": "os"},
        lambda m: m | {"replicates": "many"},
        lambda m: {k: v for k, v in m.items() if k != "cells"},
    ],
)
def test_odd_manifests_are_one_message(folder: Path, change) -> None:  # type: ignore[no-untyped-def]
    path = folder / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    with pytest.raises(InputError, match=r"manifest\.json' is damaged"):
        studies.results(folder)


READER = """
import studies, sys
found = studies.results(sys.argv[1])
print(len(found["draws"]), found.spec.cells, found.missing)
"""


def test_code_of_others_runs_only_when_trusted(stored: Path, tmp_path: Path) -> None:
    """The text of a study in a manifest, with a checksum that its sender made."""
    text = Path(SAMPLE).read_text("utf-8") + f"\nPath({str(tmp_path)!r}, 'trace').touch()\n"
    study = tmp_path / "sample_study.py"
    study.write_text(text, "utf-8")
    assert walras("run", study, "--set", "cells=3", "--jobs", 0, "--out", tmp_path / "out").returncode == 0
    study.unlink()
    (tmp_path / "trace").unlink()
    told = subprocess.run(
        [sys.executable, "-c", READER, tmp_path / "out"], env=environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert told.stdout == "9 3 0\n"
    done = report(tmp_path / "out")
    assert done.exit_code == 2
    assert "--study FILE.py" in done.stderr
    assert "--trust" in done.stderr
    assert report(tmp_path / "out", "--study", SAMPLE).exit_code == 0
    assert report(tmp_path / "out", "--study", "incubator").exit_code == 2
    assert not (tmp_path / "trace").exists()
    assert report(tmp_path / "out", "--trust").exit_code == 0
    assert (tmp_path / "trace").exists()


def test_no_module_that_a_manifest_names_is_imported(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text("open('trace', 'w')\n", "utf-8")
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["sha256"]
    manifest["study_ref"] |= {"module": "theirs", "source": None}
    path.write_text(json.dumps(manifest), "utf-8")
    done = walras("report", folder, "--trust", cwd=tmp_path)
    assert done.returncode == 2
    assert "does not have" in done.stderr
    assert not (tmp_path / "trace").exists()


def test_a_table_of_a_part_is_no_path(folder: Path, tmp_path: Path) -> None:
    (part,) = (folder / "parts").iterdir()
    table = pq.read_table(part)
    names = [name.replace("table:draws", "table:../../mine") for name in table.column_names]
    sink = pa.BufferOutputStream()
    pq.write_table(table.rename_columns(names), sink)
    part.unlink()
    Store(folder).add(sink.getvalue().to_pybytes())
    with pytest.raises(InputError, match="which is no plain name"):
        studies.results(folder)
    assert not (tmp_path / "mine.parquet").exists()


def test_shards_that_end_together_in_one_folder(tmp_path: Path) -> None:
    """Each joins its parts and makes the tables while the others read them."""
    words = ["--set", "cells=80", "--jobs", 0, "--no-report", "--seed", 4, "--out", tmp_path / "a"]
    shards = [
        subprocess.Popen(
            command("run", SAMPLE, *words, "--shard", f"{k}/4"), env=environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for k in range(1, 5)
    ]  # fmt: skip
    assert [shard.communicate()[1] for shard in shards] == [""] * 4
    assert [shard.returncode for shard in shards] == [0] * 4
    whole = run_sample(tmp_path / "b", {"cells": 80}, seed=4)
    assert table_bytes(next((tmp_path / "a").iterdir())) == table_bytes(whole.folder)


def test_readers_beside_a_shard_that_joins_its_parts(folder: Path) -> None:
    store = Store(folder, Shard(2, 2))
    store.open()
    part = Store(folder).part_paths()[0]
    table = Store(folder).read(part)
    assert table is not None
    rows = len(studies.results(folder)["draws"])
    for k in range(6):
        for place in range(table.num_rows):
            sink = pa.BufferOutputStream()
            pq.write_table(table.slice(place, 1).replace_schema_metadata({"k": str(k)}), sink)
            store.add(sink.getvalue().to_pybytes())
        with store.alone():
            store.join_small_parts()
        assert len(studies.results(folder)["draws"]) == rows
    store.close()


def test_a_missing_shard_is_an_exit_code(tmp_path: Path) -> None:
    run_sample(tmp_path, SPEC, shard=Shard(1, 3))
    done = report(tmp_path, "--study", SAMPLE)
    assert done.exit_code == 4
    assert "8 cells are missing" in done.stderr
    run_sample(tmp_path, SPEC)
    assert report(tmp_path, "--study", SAMPLE).exit_code == 0


def test_no_cells_are_one_message(tmp_path: Path) -> None:
    text = Path(SAMPLE).read_text("utf-8")
    (tmp_path / "none.py").write_text(text.replace("for k in range(spec.cells)", "for k in ()"), "utf-8")
    done = walras("run", tmp_path / "none.py", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "has no cells with these settings" in done.stderr
