"""Multipliers given in words: no entry is lost."""

from __future__ import annotations

import pytest

from networks.errors import InputError
from studies.commands.books import read_profile


@pytest.mark.parametrize(("text", "entry"), [("0.9,,1.1", 1), (",0.9,1.1", 0), ("0.9, 1.1,", 2)])
def test_an_empty_entry_is_named(text: str, entry: int) -> None:
    with pytest.raises(InputError, match=f"entry {entry} is empty; give a number for each period"):
        read_profile(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.7 0.8", "entry 0 is '0.7 0.8': it is no single number; separate numbers by commas"),
        ("1,0.7;0.8", "entry 1 is '0.7;0.8': it is no single number"),
        ("1,-2e400", "entry 1 is '-2e400': it is too large; give a finite number"),
        ("inf", "entry 0 is 'inf': it is too large"),
        ("1.2.3", "entry 0 is '1.2.3': it is no number"),
        ("0.7,o.8", "entry 1 is 'o.8': it is no number"),
        (";", "entry 0 is ';'"),
        ("demand,2027.csv", "there is no file 'demand,2027.csv'"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_profile(text)


def test_entries_are_kept_in_order() -> None:
    assert read_profile("0.9, 1,1.1").tolist() == [0.9, 1.0, 1.1]
