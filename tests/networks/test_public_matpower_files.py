"""The public `.m` files that were tried: which are read, which are refused, at which line and why.

The files are not ours to ship. `WALRAS_PUBLIC_CASES` names a folder with checkouts of MATPOWER (`matpower`),
PowerModels.jl, Egret and RTS-GMLC beside each other; without it the list is checked for itself only. Every
construct by which a file is refused is tested with a text of our own in `test_matpower*.py`.
"""

import csv
import os
from pathlib import Path

import pytest

import networks
from networks import InputError

LIST = Path(__file__).parents[1] / "data" / "public_matpower_files.csv"
FILES = list(csv.DictReader(LIST.read_text(encoding="utf-8").splitlines()))
FOLDER = os.environ.get("WALRAS_PUBLIC_CASES")


def test_the_list_says_for_each_file_whether_it_is_read_or_why_not():
    assert len({row["file"] for row in FILES}) == len(FILES)
    assert {row["verdict"] for row in FILES} == {"read", "refused"}
    for row in FILES:
        assert bool(row["reason"]) == (row["verdict"] == "refused"), row["file"]
    cases = [row for row in FILES if row["file"].startswith("matpower/data/case")]
    assert len(cases) >= 70
    assert sum(row["verdict"] == "read" for row in cases) >= len(cases) - 1


@pytest.mark.slow
@pytest.mark.skipif(FOLDER is None, reason="WALRAS_PUBLIC_CASES names no folder of public cases")
@pytest.mark.parametrize("row", FILES, ids=lambda row: row["file"])
def test_public_files_are_read_or_refused_as_listed(row):
    path = Path(FOLDER or "") / row["file"]
    if not path.exists():
        pytest.skip(f"{row['file']} is not there")
    if row["verdict"] == "read":
        assert len(networks.load(path).grid.buses)
    else:
        with pytest.raises(InputError) as error:
            networks.load(path)
        assert row["reason"] in str(error.value)
        assert not row["line"] or f"line {row['line']}" in str(error.value)
