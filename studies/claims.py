"""Claims: what a source prints beside what we find, and the verdict that follows from both (law 12).

Nobody writes a verdict down: `verdict_of` makes it from the figures of a claim, and makes it again whenever
stored rows are read. What could not have come out otherwise says so as `evidence`, and is no match.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from studies.verdicts import HALF, Ends, Evidence, Published, Verdict, ends_of_share, verdict

Kind = Literal["published", "cross-check"]
Form = Literal["number", "sentence"]


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
    evidence: Evidence,
    holds: bool | None,
    printed: float,
    digits: int,
    found: float,
    low: float,
    high: float,
) -> Verdict:
    """The verdict on a claim by the figures that its row keeps."""
    ours = bool(holds) if math.isnan(printed) else found
    return verdict(ours, (low, high), Published(printed, int(digits)), evidence)


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
    low, high = interval if interval is not None and interval[0] < interval[1] else (math.nan, math.nan)
    if low < high:
        found = shown or f"[{low:g}, {high:g}] {unit}".strip()
        reason = reason or "by the interval shown"
    else:
        known = math.isfinite(ours)
        found = shown or (f"{ours:.{digits}f} {unit}".strip() if known else "none")
        if not reason and verdict(ours, None, Published(printed, digits)) == "differs":
            reason = "not the printed digits" if known else "no such number came out"
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
    interval: Ends,
    digits: int,
    reason: str = "",
    *,
    published: str = "",
    shown: str = "",
    outside: str = "",
    widest: float | None = None,
    half: float | None = None,
    ends: Ends = (-math.inf, math.inf),
    variant: str = "",
) -> Claim:
    """A printed number beside one with a sampling error: inside the interval, to the printed digit, or not.

    Parameters
    ----------
    reason, outside : of an agreement, and of a difference.
    interval : by sampling errors alone; without width ours is exact.
    widest : an interval that is wider decides nothing; the printed number itself where not given.
    half : of the last printed digit, where `digits` do not say it.
    ends : of what is possible.
    """
    half = 0.5 * 10.0**-digits if half is None else half
    low, high = interval
    span = (max(low - half, ends[0]), min(high + half, ends[1])) if low < high else None
    room = abs(printed) if widest is None else widest
    room += span[1] - span[0] - (high - low) if span else 0.0  # the printed digit is no sampling error
    found = verdict(ours, span, Published(printed, digits), widest=room)
    if found == "differs":
        reason = outside or "outside the interval shown"
    elif found == "under-specified":
        reason = f"agreement would say nothing: [{low:g}, {high:g}] is too wide to tell"
    evidence: Evidence = "open" if found == "under-specified" else "independent"
    return compare_number(source, place, claim, printed, ours, digits, reason=reason, interval=span,
                          evidence=evidence, published=published, shown=shown, variant=variant)  # fmt: skip


def compare_share(
    source: Source,
    place: str,
    claim: str,
    printed: float,
    ours: float,
    interval: Ends,
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
    low, high = ends_of_share(interval)
    places = max(digits - 2, 0)
    shown = f"{ours:.{places}%} {count}".strip() + f" [{low:.{places}%}, {high:.{places}%}]"
    return compare_sampled(source, place, claim, printed, ours, (low, high), digits, reason,
                           published=published or f"{printed:.{places}%}", shown=shown, outside=outside,
                           widest=HALF, ends=(0.0, 1.0))  # fmt: skip
