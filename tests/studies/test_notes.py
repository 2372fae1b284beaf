"""Notes beside a result: what cannot bind follows the book that was cleared."""

from dataclasses import replace

import networks
from clearing import Book, NodalMarket, settle
from networks.case import Provenance, build_case
from networks.notes import NO_LIMIT_CAN_BIND
from studies.pages.facts import Facts


def small_case():
    grid = networks.Grid.from_tables(
        [{"bus": "a"}, {"bus": "b"}],
        [{"branch": "ab", "from_bus": "a", "to_bus": "b", "x_pu": 0.1, "limit_mw": 100}],
    )
    units = [
        {"unit": "cheap", "bus": "a", "min_mw": 0, "max_mw": 90, "price": 10},
        {"unit": "dear", "bus": "b", "min_mw": 0, "max_mw": 90, "price": 20},
    ]
    fleet = networks.Fleet.from_tables(grid, units, loads=[{"load": "L", "bus": "b", "mw": 60}])
    return build_case("small", "", grid, fleet, Provenance("test"))


def notes_of(case, book):
    outcome = NodalMarket(case.grid).clear(book)
    return Facts(case, outcome, settle(outcome, book), "")


def test_no_limit_can_bind_is_said_of_the_book_that_was_cleared():
    case = small_case()
    assert NO_LIMIT_CAN_BIND in case.notes
    book = Book.from_case(case)
    assert NO_LIMIT_CAN_BIND in notes_of(case, book).notes
    larger = replace(book, mw=book.mw * [2.0, 1.0], fixed_mw=book.fixed_mw * 2)
    found = notes_of(case, larger)
    assert len(found.binding) == 1
    assert NO_LIMIT_CAN_BIND not in found.notes
    # a limit that some dispatch of the book reaches, though the cheapest one does not
    possible = replace(larger, price=larger.price[::-1].copy())
    found = notes_of(case, possible)
    assert len(found.binding) == 0
    assert NO_LIMIT_CAN_BIND not in found.notes
