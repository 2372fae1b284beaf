"""Bilateral books too large for one clearing are refused before any work."""

import time

import pytest

from clearing import BilateralBook, BilateralMarket, InputError
from clearing.bilateral.book import MOST_CELLS
from clearing.bilateral.market import MOST_PAIRS


def sides(count):
    sellers = [{"seller": f"s{k}", "mw": 1, "price": 10} for k in range(count)]
    return sellers, [{"buyer": f"b{k}", "mw": 1, "price": 30} for k in range(count)]


def test_too_many_pairs_are_refused_at_once():
    book = BilateralBook.from_tables(*sides(int(MOST_PAIRS**0.5) + 1))
    start = time.process_time()
    with pytest.raises(InputError, match=r"201 sellers and 201 buyers are 40,401 pairs .*only_listed=True"):
        BilateralMarket().clear(book)
    assert time.process_time() - start < 1.0
    with pytest.raises(InputError, match="neighbourhoods"):
        BilateralBook.from_tables(*sides(int(MOST_CELLS**0.5) + 1))


def test_listed_pairs_of_as_many_participants_are_cleared():
    pairs = [{"seller": f"s{k}", "buyer": f"b{k}"} for k in range(201)]
    book = BilateralBook.from_tables(*sides(201), pairs, only_listed=True)
    assert BilateralMarket().clear(book).welfare == pytest.approx(201 * 20)
