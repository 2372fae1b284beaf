"""Multipliers given in words: no entry is lost."""

from __future__ import annotations

import pytest

from networks.errors import InputError
from studies.commands.books import read_profile


@pytest.mark.parametrize(("text", "entry"), [("0.9,,1.1", 1), (",0.9,1.1", 0), ("0.9, 1.1,", 2)])
def test_an_empty_entry_is_named(text: str, entry: int) -> None:
    with pytest.raises(InputError, match=f"entry {entry} is empty; give a number for each period"):
        read_profile(text)


def test_entries_are_kept_in_order() -> None:
    assert read_profile("0.9, 1,1.1").tolist() == [0.9, 1.0, 1.1]
