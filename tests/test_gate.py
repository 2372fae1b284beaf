"""The gate (`benchmarks/gate.py`): one bit shows, nothing else does, and a slower checkout is called so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
if str(BENCHMARKS) not in sys.path:
    sys.path.append(str(BENCHMARKS))

from gate_cases import Missing, all_cases, differences, public, run  # noqa: E402
from gate_digest import digest, digest_parts  # noqa: E402
from gate_speed import compare_speed  # noqa: E402

FEW = ("clearing/nodal/three_node", "clearing/posted/given", "game/two buses", "equilibria/intervals")
NUDGED = """

_found = __getattr__


def __getattr__(name):
    thing = _found(name)
    if name != "PostedOfferMarket":
        return thing
    from dataclasses import replace
    from math import inf, nextafter

    class Nudged(thing):
        def clear(self, book):
            outcome = super().clear(book)
            price = outcome.price.copy()
            price[0, 0] = nextafter(price[0, 0], inf)
            return replace(outcome, price=price)

    return Nudged
"""
LIVE = "import sys\nfor line in sys.stdin: print({}, flush=True)"


def gate(*words: str, seed: str = "0", folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(BENCHMARKS / "gate.py"), *words]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"PYTHONHASHSEED": seed}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@given(
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=9),
    st.integers(0, 2**20),
    st.integers(0, 63),
    st.sampled_from(["array", "list", "column", "index", "mapping"]),
)
def test_every_bit_of_every_number_counts(numbers: list[float], place: int, bit: int, kind: str) -> None:
    before = np.array(numbers)
    after = before.copy()
    after.view(np.uint64)[place % len(after)] ^= np.uint64(1 << bit)
    forms: dict[str, Any] = {
        "array": lambda x: x,
        "list": lambda x: x.tolist(),
        "column": lambda x: pd.DataFrame({"a": range(len(x)), "b": x}),
        "index": lambda x: pd.Series(0, index=x),
        "mapping": lambda x: {f"{k}": (value,) for k, value in enumerate(x.tolist())},
    }
    assert digest(forms[kind](before)) == digest(forms[kind](before.copy()))
    assert digest(forms[kind](before)) != digest(forms[kind](after))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (0.0, -0.0),
        (1, 1.0),
        (True, 1),
        ("1", 1),
        (["ab", "c"], ["a", "bc"]),
        ([[1], 2], [1, [2]]),
        ([], None),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        (pd.DataFrame({"a": [1], "b": [2]}), pd.DataFrame({"b": [2], "a": [1]})),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]}, index=[1, 0])),
        (pd.Series(["x", None]), pd.Series(["x", "None"])),
    ],
)
def test_what_differs_has_another_digest(one: object, other: object) -> None:
    assert digest(one) != digest(other)


def test_how_a_value_is_kept_does_not_count() -> None:
    assert digest({"a": 1, "b": {2, 3}}) == digest({"b": {3, 2}, "a": 1})
    assert digest((1, "x")) == digest([np.int32(1), np.str_("x")])
    assert digest(np.arange(4, dtype=np.int32)[::2]) == digest(np.array([0, 2]))
    strange = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype=np.uint64).view(float)
    assert digest(strange) == digest(np.array([np.nan, np.nan])), "one NaN is like another"


def test_what_has_an_address_or_a_place_is_refused() -> None:
    for value in (object(), Path("x"), lambda: 0, [1, object()], np.array([object()])):
        with pytest.raises(TypeError, match="has no bits to compare"):
            digest(value)


def test_parts_have_names_of_their_own() -> None:
    assert list(digest_parts({"b": {"y": 1, "x": {"k": 2}}, "a": 3})) == ["a", "b.x.k", "b.y"]
    with pytest.raises(ValueError, match=r"two outputs are named 'a\.b'"):
        digest_parts({"a": {"b": 1}, "a.b": 2})


def test_a_name_is_found_wherever_it_is_defined() -> None:
    assert public("clearing", "NodalMarket").__name__ == "NodalMarket"
    assert public("clearing", "run_posted_offers").__name__ == "run_posted_offers"
    assert public("clearing", "price_grid").__name__ == "price_grid", "to the right"
    with pytest.raises(Missing, match="defines no 'run_nothing'"):
        public("clearing", "run_nothing")


def test_a_case_that_breaks_hides_no_other() -> None:
    def broken() -> dict[str, object]:
        raise KeyError("gone")

    digests, failed = run({"a": broken, "b": lambda: {"x": 1}})
    assert list(digests) == ["b"]
    assert failed == {"a": "KeyError: 'gone'"}


def test_differences_name_case_and_part() -> None:
    here = {
        "cases": {"a": {"x": "1", "y": "2"}, "b": {"x": "1"}, "c": {"x": "1"}},
        "failed": {"d": "Error: e"},
    }
    there = {"cases": {"a": {"x": "1", "y": "3"}, "b": {"x": "1"}, "d": {"x": "1"}}, "failed": {}}
    assert differences(here, here) == ["d: here Error: e; there Error: e"], "a failure is no equality"
    assert differences(here, there) == ["a: y of 2", "c: only on one side", "d: here Error: e"]


def test_two_runs_print_the_same_whatever_their_place_and_seed(tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    runs = [
        gate("hash", "--only", *FEW, "--out", str(file), seed=seed, folder=folder)
        for file, seed, folder in zip(files, ("1", "2"), (ROOT, tmp_path), strict=True)
    ]
    assert [done.returncode for done in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(json.loads(files[0].read_text(encoding="utf-8"))["cases"]) == sorted(FEW)
    assert len(all_cases()) > 200


def test_one_bit_of_one_price_in_another_checkout_is_found(tmp_path: Path) -> None:
    """A checkout of links to this one's files, but for a market that moves one price by one bit."""
    (tmp_path / "clearing").mkdir()
    for package in ("networks", "learners", "studies"):
        (tmp_path / package).symlink_to(ROOT / package)
    for entry in (ROOT / "clearing").iterdir():
        if entry.name not in ("__init__.py", "__pycache__"):
            (tmp_path / "clearing" / entry.name).symlink_to(entry)
    text = (ROOT / "clearing" / "__init__.py").read_text(encoding="utf-8")
    (tmp_path / "clearing" / "__init__.py").write_text(text + NUDGED, encoding="utf-8")
    words = ["compare", str(tmp_path), "--python", sys.executable, "--skip", "speed"]
    done = gate(*words, "--only", "clearing/posted/given", "clearing/bilateral/low")
    assert done.returncode == 1, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "clearing/posted/given: canonical.prices, high.prices, low.prices of 51"
    assert second == "1 cases are equal, bit for bit; 1 are not"


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    done = gate("compare", str(tmp_path))
    assert done.returncode == 2
    assert "has no checkout" in done.stderr


def live(answer: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", LIVE.format(answer)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_slower_regime_is_named_and_an_equal_one_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    slow_where = "10.5 if 'per call' in line and 'ieee57' in line else 10.1"
    slower = compare_speed(live(slow_where), live("10.0"), tolerance=0.02, quick=True)
    assert slower == ["ieee57, per call"]
    assert "slower by more than 2%: ieee57, per call" in capsys.readouterr().out
    assert compare_speed(live("9.0"), live("10.0"), tolerance=0.02, quick=True) == []


def test_the_timed_process_clears_every_regime() -> None:
    questions = [
        ["ieee5", regime, 40] for regime in ("independent", "3 agents", "5 $ grid", "per call", "half sloped")
    ]
    command = [sys.executable, str(BENCHMARKS / "gate.py"), "live"]
    asked = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run(command, input=asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(questions)
    assert all(float(answer) > 0 for answer in done.stdout.split())
