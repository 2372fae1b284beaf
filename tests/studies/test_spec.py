"""Specs: from Python, files and words; every mistake is one sentence that says what to give."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from pathlib import Path

import pytest

from networks.errors import InputError
from studies.running.spec import Spec, describe, make_spec, read_assignments, read_spec_file, setting, show


@dataclass(frozen=True)
class Example(Spec):
    count: int = setting(3, "how many", low=1, high=9)
    share: float = setting(0.5, "how much", "MW", low=0, high=1)
    active: bool = setting(True, "whether")
    word: str = setting("a", "which", choices=("a", "bee"))
    levels: tuple[float, ...] = setting((0.0, 1.0), "where", low=0)
    cap: float | None = setting(None, "at most", "$")


def test_words_files_and_python_make_the_same_spec(tmp_path: Path) -> None:
    words = ["count=4", "share=0.25", "active=false", "word=bee", "levels=1,2.5", "cap=none"]
    (tmp_path / "a.toml").write_text(
        'count = 4\nshare = 0.25\nactive = false\nword = "bee"\nlevels = [1, 2.5]\n', encoding="utf-8"
    )
    (tmp_path / "a.yaml").write_text(
        "count: 4\nshare: 0.25\nactive: no\nword: bee\nlevels: [1, 2.5]\ncap:\n", encoding="utf-8"
    )
    python = Example(count=4, share=0.25, active=False, word="bee", levels=(1, 2.5))
    assert make_spec(Example, read_assignments(words)) == python
    assert make_spec(Example, read_spec_file(tmp_path / "a.toml")) == python
    assert make_spec(Example, read_spec_file(tmp_path / "a.yaml")) == python
    assert make_spec(Example, python.values()) == python
    with pytest.raises(FrozenInstanceError):
        python.count = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("cuont=3", ["'cuont'", "did you mean 'count'"]),
        ("count=12", ["count is 12", "from 1 to 9"]),
        ("count=2.5", ["count is '2.5'", "whole number"]),
        ("share=nan", ["share", "a number in MW from 0 to 1"]),
        ("share=x", ["share is 'x'", "a number"]),
        ("active=perhaps", ["active is 'perhaps'", "true or false"]),
        ("word=be", ["word is 'be'", "did you mean 'bee'"]),
        ("levels=1,-2", ["levels is -2", "at least 0"]),
        ("count", ["--set is 'count'", "NAME=VALUE"]),
    ],
)
def test_mistakes_are_named(word: str, parts: list[str]) -> None:
    with pytest.raises(InputError) as error:
        make_spec(Example, read_assignments([word]))
    for part in parts:
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("a.toml", "count = ", "no valid TOML"),
        ("a.yaml", "count: [", "no valid YAML"),
        ("a.yaml", "- 1", "holds no settings"),
        (
            "a.yaml",
            "a: &a [1, 1]\nb: &b [*a, *a]\ncount: [*b, *b]",
            "refers to the anchor 'a'; write the value",
        ),
        ("a.toml", "count = " + "[" * 5000, "no valid TOML"),
        ("a.toml", "count = " + "1" * 5000, "no valid TOML"),
        ("a.ini", "count=1", "give a .toml, .yaml or .yml file"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, name: str, text: str, part: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=part):
        read_spec_file(tmp_path / name)


def test_python_values_are_checked_too() -> None:
    for wrong in ({"count": True}, {"share": "0.5"}, {"levels": 3}, {"active": 1}, {"word": 3}):
        with pytest.raises(InputError):
            Example(**wrong)
    with pytest.raises(InputError, match="no file"):
        read_spec_file(Path("nowhere.toml"))


def test_what_is_shown_can_be_typed() -> None:
    spec = Example(count=2, levels=(0.1, 3), cap=5)
    words = [f"{name}={show(value)}" for name, value in spec.values().items()]
    assert make_spec(Example, read_assignments(words)) == spec
    assert describe(Example)[1] == ("share", "0.5", "MW, from 0 to 1", "how much")
