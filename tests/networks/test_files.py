"""Files written whole by several processes, and names of files made of labels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from networks.files import alone_with, replacing, safe_name

WRITER = """
import sys
from pathlib import Path
from networks.files import alone_with, replacing
folder, letter = Path(sys.argv[1]), sys.argv[2]
for _ in range(40):
    with alone_with(folder):
        for name in ("one", "two"):
            with replacing(folder / name) as draft, draft.open("w") as file:
                for _ in range(200):
                    file.write(letter * 100)
        assert (folder / "one").read_text() == (folder / "two").read_text()
"""


def test_writers_of_one_folder_neither_fail_nor_mix(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, tmp_path, letter], cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE, text=True,
        )
        for letter in "abcd"
    ]  # fmt: skip
    while any(writer.poll() is None for writer in writers):
        if (tmp_path / "one").exists():
            text = (tmp_path / "one").read_text()
            assert text in {letter * 20_000 for letter in "abcd"}
    assert [writer.communicate()[1] for writer in writers] == [""] * 4
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}, "neither drafts nor locks are left"


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "table").write_text("old")

    def write_half() -> None:
        with replacing(tmp_path / "table") as draft:
            draft.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("table", "old")]


def test_a_folder_that_may_not_be_written_is_no_obstacle_to_reading(tmp_path: Path) -> None:
    with alone_with(tmp_path / "missing"):
        pass


@pytest.mark.parametrize("label", ["pglib_ieee300", "Köln (Süd), 110 kV", "case.v2", "北京", "a=b+c@d"])
def test_safe_labels_are_kept(label: str) -> None:
    assert safe_name(label) == label


@given(
    st.text(max_size=300)
    | st.sampled_from(["", ".", "..", "../../x", "/etc/passwd", "a\\b", "C:x", "nul.m", "\udcff"])
)
def test_every_label_is_one_plain_name(label: str) -> None:
    name = safe_name(label)
    assert Path(name).name == name
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert not name.startswith((".", "-"))
    assert len(name.encode()) < 200
    assert safe_name(name) == name


@given(st.lists(st.text(alphabet="a/\\:.", max_size=6), min_size=2, max_size=8, unique=True))
def test_two_labels_never_share_a_name(labels: list[str]) -> None:
    assert len({safe_name(label) for label in labels}) == len(labels)
