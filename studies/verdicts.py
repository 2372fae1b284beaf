"""The verdict: what follows from our figure, the values it cannot be told from, and what is published.

Every claim of every study, and every stored row that is read again, has its verdict from here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Evidence = Literal["independent", "input", "fitted", "weak", "open"]
Verdict = Literal["matches", "consistent", "differs", "under-specified"]
Ends = tuple[float, float]

VERDICTS: tuple[Verdict, ...] = ("matches", "consistent", "differs", "under-specified")
FAVOUR: tuple[Verdict, ...] = ("matches", "consistent", "under-specified", "differs")
"""From the most to the least favourable."""
HALF = 0.5  # of what is possible: an interval or a printed range that is wider decides nothing


@dataclass(frozen=True, slots=True)
class Published:
    """What a source prints: a number, bounds, or, where all is left out, a sentence.

    Attributes
    ----------
    number, digits : a printed number and its decimals; NaN where none is printed.
    low, high : "7,100 to 8,200": a range with its ends. above, below : "more than 2": bounds without them.
    """

    number: float = math.nan
    digits: int = 0
    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    @property
    def bounded(self) -> bool:
        """Whether there are bounds."""
        return max(self.low, self.above) > -math.inf or min(self.high, self.below) < math.inf

    def admits(self, value: float) -> bool:
        """Whether a value is inside all bounds."""
        slack = 1e-9 * (1 + abs(value))
        return self.low - slack <= value <= self.high + slack and self.above < value < self.below


def verdict(
    ours: float | bool,
    interval: Ends | None,
    published: Published,
    evidence: Evidence = "independent",
    widest: float = math.inf,
) -> Verdict:
    """The verdict on what is published.

    Parameters
    ----------
    ours : our number; of a sentence whether it holds.
    interval : the values that ours cannot be told from; None, NaN or without width where ours is exact.
    evidence : what ours rests on (:class:`studies.claims.Claim`).
    widest : an interval that is wider decides nothing.

    A number with an interval is *consistent* inside it, else it *differs*; one without *matches* to its
    printed digits, else it differs. Bounds hold where all of the interval is inside, or, without one, our
    number: a mean that may be beyond them is not clear. A sentence matches where it holds. What does not rest
    on independent evidence is consistent at most. Where the source leaves out what would decide, or the
    interval is too wide, a claim is *under-specified* (law 12).
    """
    if evidence == "open":
        return "under-specified"
    low, high = interval if interval is not None and interval[0] < interval[1] else (math.nan, math.nan)
    if not math.isnan(published.number):
        slack = 1e-9 * (1 + abs(published.number))
        exact = not low < high and abs(ours - published.number) <= 0.5 * 10.0**-published.digits + slack
        agrees = exact or low - slack <= published.number <= high + slack
    elif published.bounded:
        exact = agrees = all(published.admits(value) for value in ((low, high) if low < high else (ours,)))
    else:
        exact = agrees = bool(ours)
    if not agrees:
        return "differs"
    if high - low > widest:
        return "under-specified"
    return "matches" if exact and evidence == "independent" else "consistent"


def clearly(interval: Ends, *, above: float = -math.inf, below: float = math.inf) -> bool:
    """Whether a figure with an interval is above or below a bound: all of the interval has to be."""
    middle = (interval[0] + interval[1]) / 2
    return verdict(middle, interval, Published(above=above, below=below)) == "matches"


def ends_of_share(interval: Ends) -> Ends:
    """The interval of a share, which ends at 0 and 1."""
    low, high = (min(max(end, 0.0), 1.0) for end in interval)
    return low, high
