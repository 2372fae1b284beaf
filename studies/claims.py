"""Claims: what a source prints beside what we find, and the verdict that follows from both (law 12).

Nobody writes a verdict down: `verdict_of` makes it from the figures of a claim, and makes it again whenever
stored rows are read. What could not have come out otherwise says so as `evidence`, and is no match.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Kind = Literal["published", "cross-check"]
Form = Literal["number", "sentence"]
Evidence = Literal["independent", "input", "fitted", "weak", "open"]
Verdict = Literal["matches", "consistent", "differs", "under-specified"]

VERDICTS: tuple[Verdict, ...] = ("matches", "consistent", "differs", "under-specified")
FAVOUR: tuple[Verdict, ...] = ("matches", "consistent", "under-specified", "differs")
"""From the most to the least favourable."""
HALF = 0.5  # of what is possible: an interval or a printed range that is wider decides nothing


@dataclass(frozen=True, slots=True)
class Source:
    """Where printed words and numbers come from.

    Attributes
    ----------
    title : of a document that anybody can read (`published`), or of notes, references and second
        implementations of our own (`cross-check`), which are no evidence from outside.
    """

    title: str
    kind: Kind = "published"


@dataclass(frozen=True, slots=True)
class Claim:
    """A printed number or sentence beside what we find.

    Attributes
    ----------
    place : where in the source it stands: a section, a table's row, a figure.
    claim : what is compared, in our words; published : the printed words or number.
    ours, reason : what we find, and why that is no match or what the match rests on.
    evidence : "independent" where ours follows from what the source gives, without use of the figure; "input"
        where a setting was taken from it; "fitted" where a model was reconstructed to give it; "weak" where
        the comparison hardly could have failed or holds in part; "open" where the source leaves out what
        would decide.
    holds : whether a sentence is true of our results; None for a number.
    printed, digits : a printed number and its decimals; NaN for a sentence.
    found, low, high : our number and the printed values that it cannot be told from; both NaN where it is
        exact.
    variant : which of several readings of the source this is; they count as one printed figure.

    Raises
    ------
    ValueError
        a published claim without printed words and place, or evidence that is not independent without a
        reason.
    """

    source: Source
    place: str
    claim: str
    published: str
    ours: str
    reason: str = ""
    evidence: Evidence = "independent"
    holds: bool | None = None
    printed: float = math.nan
    digits: int = 0
    found: float = math.nan
    low: float = math.nan
    high: float = math.nan
    variant: str = ""

    def __post_init__(self) -> None:
        if self.source.kind == "published" and not (self.place.strip() and self.published.strip()):
            raise ValueError(f"claim {self.claim!r}: say what {self.source.title!r} prints, and where")
        if self.verdict != "matches" and not self.reason.strip():
            raise ValueError(f"claim {self.claim!r}: {self.verdict} without a reason")

    @property
    def verdict(self) -> Verdict:
        """What follows from the figures."""
        numbers = (self.printed, self.digits, self.found, self.low, self.high)
        return verdict_of(self.evidence, self.holds, *numbers)

    @property
    def form(self) -> Form:
        """Whether the source prints a number or a sentence."""
        return "sentence" if math.isnan(self.printed) else "number"

    def row(self) -> dict[str, Any]:
        """The claim as a row of the ledger."""
        own = asdict(self)
        source = own.pop("source")
        return own | {
            "kind": source["kind"],
            "document": source["title"],
            "form": self.form,
            "verdict": self.verdict,
        }


def verdict_of(
    evidence: str, holds: bool | None, printed: float, digits: int, found: float, low: float, high: float
) -> Verdict:
    """The verdict on a claim.

    A number with an interval [low, high] is *consistent* inside it, else it *differs*; one without *matches*
    to its printed digits, else it differs. A sentence matches where it holds. What does not rest on
    independent evidence is consistent at most. Where the source leaves out what would decide, a claim is
    *under-specified*.
    """
    if evidence == "open":
        return "under-specified"
    if math.isnan(printed):
        exact = agrees = bool(holds)
    else:
        slack = 1e-9 * (1 + abs(printed))
        exact = not low < high and abs(found - printed) <= 0.5 * 10.0 ** -int(digits) + slack
        agrees = exact or low - slack <= printed <= high + slack
    if not agrees:
        return "differs"
    return "matches" if exact and evidence == "independent" else "consistent"


def verdict_words(verdict: str, evidence: str) -> str:
    """`"consistent, input"`: a verdict, and what it rests on where that is not independent."""
    return f"{verdict}, {evidence}" if verdict == "consistent" and evidence != "independent" else verdict


def claim_words(claim: str, variant: str) -> str:
    """A claim and which reading of the source it is."""
    return f"{claim} ({variant})" if variant else claim


def compare_number(
    source: Source,
    place: str,
    claim: str,
    printed: float,
    ours: float,
    digits: int,
    unit: str = "",
    reason: str = "",
    *,
    interval: tuple[float, float] | None = None,
    evidence: Evidence = "independent",
    published: str = "",
    shown: str = "",
    variant: str = "",
) -> Claim:
    """A printed number beside ours.

    Parameters
    ----------
    digits : printed decimals. unit : of both.
    interval : the printed values that ours cannot be told from: a confidence interval, or all values of a
    quantity
        that is not unique. An interval without width says that ours is exact.
    published, shown : what the source prints and what we find, where number and unit do not say it.
    """
    low, high = interval if interval is not None else (math.nan, math.nan)
    if low < high:
        found = shown or f"[{low:g}, {high:g}] {unit}".strip()
        reason = reason or "by the interval shown"
    else:
        low = high = math.nan
        found = shown or (f"{ours:.{digits}f} {unit}".strip() if math.isfinite(ours) else "none")
        same = abs(ours - printed) <= 0.5 * 10.0**-digits + 1e-9 * (1 + abs(printed))
        if not reason and not same:
            reason = "not the printed digits" if math.isfinite(ours) else "no such number came out"
    words = published or f"{printed:.{digits}f} {unit}".strip()
    return Claim(source, place, claim, words, found, reason, evidence, None, printed, digits, ours,
                 low, high, variant)  # fmt: skip


def compare_statement(
    source: Source,
    place: str,
    claim: str,
    published: str,
    ours: str,
    holds: bool,
    reason: str = "",
    *,
    evidence: Evidence = "independent",
    variant: str = "",
) -> Claim:
    """A printed sentence that is true or false of our results."""
    why = reason if holds else reason or "not so in our results"
    return Claim(source, place, claim, published, ours, why, evidence, bool(holds), variant=variant)


def compare_open(
    source: Source,
    place: str,
    claim: str,
    published: str,
    ours: str,
    reason: str,
    *,
    printed: float = math.nan,
    variant: str = "",
) -> Claim:
    """A printed sentence, or number `printed`, that cannot be decided for the reason given."""
    return Claim(source, place, claim, published, ours, reason, "open", printed=printed, variant=variant)


def compare_sampled(
    source: Source,
    place: str,
    claim: str,
    printed: float,
    ours: float,
    interval: tuple[float, float],
    digits: int,
    reason: str = "",
    *,
    published: str = "",
    shown: str = "",
    outside: str = "",
    widest: float | None = None,
    half: float | None = None,
) -> Claim:
    """A printed number beside one with a sampling error: inside the interval, to the printed digit, or not.

    Parameters
    ----------
    reason, outside : of an agreement, and of a difference.
    interval : by sampling errors alone; without width ours is exact.
    widest : an interval that is wider decides nothing; the printed number itself where not given.
    half : of the last printed digit, where `digits` do not say it.
    """
    half = 0.5 * 10.0**-digits if half is None else half
    low, high = interval
    room = high - low if low < high else 0.0
    inside = low - half <= printed <= high + half
    evidence: Evidence = "independent"
    if not inside:
        reason = outside or "outside the interval shown"
    elif room > (abs(printed) if widest is None else widest):
        evidence, reason = "open", f"agreement would say nothing: [{low:g}, {high:g}] is too wide to tell"
    span = (low - half, high + half) if room else None
    return compare_number(source, place, claim, printed, ours, digits, reason=reason, interval=span,
                          evidence=evidence, published=published, shown=shown)  # fmt: skip


def compare_share(
    source: Source,
    place: str,
    claim: str,
    printed: float,
    ours: float,
    interval: tuple[float, float],
    digits: int = 2,
    reason: str = "",
    *,
    published: str = "",
    count: str = "",
    outside: str = "",
) -> Claim:
    """A printed share in [0, 1] beside ours; its interval ends where shares do.

    Parameters
    ----------
    digits : printed decimals of the share (two more than those of a percentage).
    count : what ours is a share of, such as "of 200".
    """
    low, high = (min(max(end, 0.0), 1.0) for end in interval)
    places = max(digits - 2, 0)
    shown = f"{ours:.{places}%} {count}".strip() + f" [{low:.{places}%}, {high:.{places}%}]"
    claimed = compare_sampled(source, place, claim, printed, ours, (low, high), digits, reason,
                              published=published or f"{printed:.{places}%}", shown=shown, outside=outside,
                              widest=HALF)  # fmt: skip
    ends = (min(max(claimed.low, 0.0), 1.0), min(max(claimed.high, 0.0), 1.0))
    return replace(claimed, low=ends[0], high=ends[1])
