"""Restamping: a renaming is accepted, the last bit of one number is not, and nothing is accepted unseen."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from networks.errors import InputError
from studies.cli import app
from studies.ledger import read_rows, refresh_ledger
from studies.ledger_cells import read_kept, write_kept
from studies.registry import find_study
from studies.restamp import Stamp, restamp_ledger
from studies.running.code_hash import code_hash
from studies.running.runner import run
from studies.running.sampling import sample
from tests.studies.helpers import SAMPLE

TEXT = Path(SAMPLE).read_text(encoding="utf-8")
LAST_BIT = ('"draw": float(v)', '"draw": float(np.nextafter(v, 2.0) if (x, k) == (7, 2) else v)')
IMPORT = ("import time\n", "import time\n\nimport numpy as np\n")


@dataclasses.dataclass
class House:
    """A ledger of one study in a folder of its own, whose text can be changed."""

    folder: Path

    @property
    def study(self) -> str:
        return str(self.folder / "sample_study.py")

    @property
    def rows(self) -> pd.DataFrame:
        return read_rows(self.folder / "ledger.parquet")

    @property
    def cells(self) -> pd.DataFrame:
        return read_kept(self.folder / "ledger_cells.parquet")

    def write(self, *changes: tuple[str, str]) -> None:
        """The sample study with each (old, new) replaced."""
        text = TEXT
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        Path(self.study).write_text(text, encoding="utf-8")

    def restamp(self, *, least: int = 20, results: str = "results", **options) -> Stamp:
        (stamp,) = restamp_ledger(self.folder / results, [self.study], least=least, **({"jobs": 0} | options))
        return stamp

    def refused(self, **options) -> str:
        """Why the rows are refused; nothing that is stored has changed."""
        before = [(self.folder / name).read_bytes() for name in ("ledger.parquet", "ledger_cells.parquet")]
        stamp = self.restamp(**options)
        assert stamp.status == "refused"
        assert "walras ledger sample_study --refresh" in stamp.words
        assert before == [
            (self.folder / name).read_bytes() for name in ("ledger.parquet", "ledger_cells.parquet")
        ]
        return stamp.words


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A refreshed ledger, to be copied."""
    house = House(tmp_path_factory.mktemp("made"))
    house.write()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.ledger.shipped_path", lambda: house.folder / "ledger.parquet")
        refresh_ledger(house.folder / "results", [house.study])
    return house.folder


@pytest.fixture
def house(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    import shutil

    shutil.copytree(made, tmp_path / "house")
    monkeypatch.setattr("studies.ledger.shipped_path", lambda: tmp_path / "house" / "ledger.parquet")
    return House(tmp_path / "house")


def test_a_renaming_is_accepted_and_only_the_code_changes(house: House) -> None:
    before, cells = house.rows, house.cells
    assert len(before) == 2
    assert len(cells) == 20
    assert house.restamp().status == "unchanged"
    house.write(("draws = rng", "numbers = rng"), ("enumerate(draws)", "enumerate(numbers)"))
    ref = find_study(house.study)
    assert set(before["code"]) != {code_hash(ref)}
    stamp = house.restamp()
    assert (stamp.status, stamp.cells, stamp.rows) == ("accepted", 20, 2)
    assert set(house.rows["code"]) == {code_hash(ref)}
    pd.testing.assert_frame_equal(house.rows.drop(columns="code"), before.drop(columns="code"))
    pd.testing.assert_frame_equal(house.cells.drop(columns="code"), cells.drop(columns="code"))
    assert house.restamp().status == "unchanged"


def test_the_last_bit_of_one_number_is_refused_and_its_cell_named(house: House) -> None:
    house.write(LAST_BIT, IMPORT)
    words = house.refused()
    assert "cell 7 (x 7, name cell 7) of 20 that ran again returned other numbers" in words
    house.write(("float(v), ", "float(v) + 0.0, "))
    assert house.restamp().status == "accepted"


def test_a_sample_vouches_for_what_it_met_only(house: House) -> None:
    """Of 20 cells 3 run: the changed one is met by some seeds, and the same seed meets the same."""
    house.write(LAST_BIT, IMPORT)
    drawn = {seed: sample(cells(20), [0.0] * 20, seed, 3) for seed in range(40)}
    meets = next(seed for seed, chosen in drawn.items() if 7 in chosen)
    misses = next(seed for seed, chosen in drawn.items() if 7 not in chosen)
    for _ in range(2):
        assert "cell 7" in house.refused(seed=meets, least=3)
    assert house.restamp(seed=misses, least=3).cells == 3


def test_new_words_need_no_cell_but_new_verdicts_need_a_refresh(house: House) -> None:
    house.write(('"Means", mean', '"Mean values", mean'))
    stamp = house.restamp()
    assert (stamp.status, stamp.cells) == ("accepted", 0)
    house.write(('"mean of the draws", 0.5, mean, 1', '"mean of the draws", 0.5, mean + 1e-15, 1'))
    assert "claim 'mean of the draws' has another found" in house.refused()
    house.write(('"which way up"', '"which way"'))
    assert "claim 'a vague sentence' has another reason" in house.refused()
    house.write(
        ("    return [\n        compare_number", "    return []\n    return [\n        compare_number")
    )
    assert "its claims give 0 rows where 2 stand" in house.refused()
    house.write(("    mean = float(results", "    mean = floating(results"))
    assert "its claims fail: NameError" in house.refused()


def test_claims_need_the_run_that_they_were_made_of(house: House) -> None:
    house.write(("draws = rng", "numbers = rng"), ("enumerate(draws)", "enumerate(numbers)"))
    assert "no run in" in house.refused(results="elsewhere")
    run(house.study, jobs=0, out=house.folder / "other", seed=1)
    assert "no run in" in house.refused(results="other"), "another seed draws other numbers"
    run(house.study, jobs=0, out=house.folder / "same")
    assert house.restamp(results="same").status == "accepted"


def test_what_is_asked_must_be_the_same(house: House) -> None:
    house.write(('setting(20, "how many', 'setting(21, "how many'))
    assert "its default settings have changed" in house.refused()
    house.write(("range(spec.cells)", "range(spec.cells - 1)"))
    assert "it has 19 cells where 20 are kept" in house.refused()
    house.write(('f"cell {k}"', 'f"Cell {k}"'))
    assert "cell 0 (x 0, name Cell 0) is asked something else" in house.refused()
    house.write(("    claims=claims,\n)", "    claims=claims,\n    version=2,\n)"))
    assert "is asked something else" in house.refused()


def test_code_that_fails_says_where(house: House) -> None:
    house.write(("draws = rng.random(3)", "draws = rng.randoms(3)"))
    words = house.refused(least=1, seed=0)
    assert "fails: AttributeError" in words
    house.write(("import time\n", "import no_such_module\n"))
    assert "its code fails: InputError" in house.refused()
    house.write(("range(spec.cells)", "range(spec.sells)"))
    assert "its cells fail: AttributeError" in house.refused()


def test_rows_without_digests_need_one_refresh(house: House) -> None:
    house.write(("draws = rng", "numbers = rng"), ("enumerate(draws)", "enumerate(numbers)"))
    (house.folder / "ledger_cells.parquet").unlink()
    stamp = house.restamp()
    assert stamp.status == "refused"
    assert "no digests of its cells are kept" in stamp.words
    refresh_ledger(house.folder / "results", [house.study])
    assert len(house.cells) == 20


def test_digests_of_another_machine_are_named(house: House) -> None:
    house.write(LAST_BIT, IMPORT)
    write_kept(house.cells.assign(made="another machine"), house.folder / "ledger_cells.parquet")
    assert "those were made with another machine; here is" in house.refused()


def test_the_command_says_what_it_did(house: House) -> None:
    words = ["ledger", house.study, "--restamp", "--results", str(house.folder / "results")]
    house.write(("draws = rng", "numbers = rng"), ("enumerate(draws)", "enumerate(numbers)"))
    done = CliRunner().invoke(app, [*words, "--seed", "3", "--sample", "2"])
    assert done.exit_code == 0, done.output
    assert "2 of 20 cells run again" in done.output
    assert "sample_study: accepted" in done.output
    house.write(LAST_BIT, IMPORT)
    done = CliRunner().invoke(app, [*words, "--sample", "20", "--json"])
    assert done.exit_code == 3
    (stamp,) = json.loads(done.stdout)
    assert stamp["status"] == "refused"
    assert "cell 7" in stamp["words"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--restamp", "--refresh"], "one of the two"),
        (["--seed", "3"], "--seed belongs to --restamp"),
        (["--restamp", "--sample", "0"], "--sample is 0"),
        (["--restamp", "--budget", "nan"], "--budget nan"),
        (["--restamp", "market_power_scan"], "compares nothing"),
    ],
)
def test_options_that_do_not_fit_are_refused(house: House, words: list[str], named: str) -> None:
    done = CliRunner().invoke(app, ["ledger", *words])
    assert done.exit_code == 2
    assert named in done.output


def test_an_unknown_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no study"):
        restamp_ledger(tmp_path, ["no_such_study"])


def cells(count: int, kinds: int = 0) -> list[dict[str, object]]:
    return [{"x": k} | ({"kind": f"kind {k % kinds}"} if kinds else {}) for k in range(count)]


@given(
    st.lists(st.floats(0.0, 500.0), min_size=1, max_size=60),
    st.integers(0, 6),
    st.integers(0, 2**64 - 1),
    st.integers(1, 9),
    st.floats(1.0, 300.0),
)
def test_samples(seconds: list[float], kinds: int, seed: int, least: int, budget: float) -> None:
    every = cells(len(seconds), kinds)
    chosen = sample(every, seconds, seed, least, budget)
    assert chosen == sample(every, seconds, seed, least, budget) == sorted(set(chosen))
    assert chosen
    spent = sum(seconds[k] for k in chosen)
    assert spent <= budget + 1e-9 or any(spent - seconds[k] <= budget for k in chosen)
    short = [0.0] * len(seconds)
    free = sample(every, short, seed, least, budget)
    assert len(free) >= min(least, len(every))
    if 0 < 2 * kinds <= len(every):
        assert {every[k]["kind"] for k in free} == {f"kind {k}" for k in range(kinds)}


def test_long_cells_have_their_turn() -> None:
    """One cell in ten takes 1000 s: with some seeds it is the one that exceeds the budget."""
    seconds = [1000.0 if k == 4 else 1.0 for k in range(10)]
    chosen = [sample(cells(10), seconds, seed, 3, 50.0) for seed in range(60)]
    assert 0 < sum(4 in one for one in chosen) < 30
    assert all(len(one) == 3 for one in chosen if 4 not in one)
