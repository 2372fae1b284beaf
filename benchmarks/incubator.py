"""Processor time of the incubator: books prepared, cleared as offered and at cost, gaps by book and seller.

    python benchmarks/incubator.py [--case pglib_ieee300] [--books 1000] [--runs 5]

Compiled code is loaded by a first clearing, whose time is printed on its own. Figures are medians of
`time.process_time`, so that other work on the machine does not count.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import networks
from clearing import Book, NodalMarket
from clearing.incubator import Incubator, honest_gaps
from studies.incubator.series import largest_sellers, simulate_series


def timed(work: Callable[[], object], runs: int) -> float:
    """Median seconds of processor time."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", default="pglib_ieee300")
    parser.add_argument("--books", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    case = networks.load(given.case)
    book = Book.from_case(case, ramps=False)
    series = simulate_series(book, case.grid, given.books, np.random.default_rng(0), outages=0.0)
    series = series.with_markup(dict.fromkeys(largest_sellers(book)[:10], 0.3))
    start = time.process_time()
    incubator = Incubator(NodalMarket(case.grid), book)
    incubator.compare(series.part(np.arange(1)))
    print(f"{given.case}, {given.books:,} books")
    print(f"{'first clearing, code loaded':<46}{time.process_time() - start:9.3f} s")

    def everything() -> None:
        fresh = Incubator(NodalMarket(case.grid), book)
        found = fresh.compare(series)
        found.periods(), found.agents()

    print(f"{'prepared, cleared twice, gaps by book and seller':<46}{timed(everything, given.runs):9.3f} s")
    day = series.part(np.arange(min(24, given.books)))

    def errors() -> None:
        honest_gaps(incubator, day, 0.1, 400, np.random.default_rng(1))

    print(f"{'400 draws of wrong costs over 24 books':<46}{timed(errors, given.runs):9.3f} s")


if __name__ == "__main__":
    main()
