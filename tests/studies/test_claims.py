"""Verdicts follow from figures: no match rests on itself, or on what could not have failed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.claims import (
    Claim,
    Source,
    compare_number,
    compare_open,
    compare_sampled,
    compare_share,
    compare_statement,
    verdict_of,
    verdict_words,
)
from studies.verdicts import FAVOUR

PAPER = Source("A paper")
NOTES = Source("Notes of ours", "cross-check")
values = st.floats(-1e4, 1e4)
digits = st.integers(0, 4)


def number(printed: float, ours: float, places: int, **more) -> Claim:
    return compare_number(PAPER, "table 1", "a number", printed, ours, places, **more)


@pytest.mark.parametrize(
    ("ours", "verdict"), [(7.25, "matches"), (7.249999, "matches"), (7.256, "differs"), (math.nan, "differs")]
)
def test_a_number_matches_to_its_printed_digits(ours: float, verdict: str) -> None:
    assert number(7.25, ours, 2).verdict == verdict


@given(values, values, digits)
def test_a_match_shows_the_printed_digits(printed: float, ours: float, places: int) -> None:
    printed = round(printed, places)
    claim = number(printed, ours, places)
    assert (claim.verdict == "matches") == (
        abs(ours - printed) <= 0.5 * 10.0**-places + 1e-9 * (1 + abs(printed))
    )
    assert claim.reason or claim.verdict == "matches"


@given(values, st.floats(1e-6, 100), st.floats(0, 300))
def test_an_interval_is_consistent_at_most(printed: float, half: float, apart: float) -> None:
    claim = number(printed, printed + apart, 2, interval=(printed + apart - half, printed + apart + half))
    assert claim.verdict == ("consistent" if apart <= half + 2e-9 * (1 + abs(printed)) else "differs")


@pytest.mark.parametrize("evidence", ["input", "fitted", "weak"])
def test_what_does_not_rest_on_independent_evidence_is_no_match(evidence) -> None:
    same = number(500, 500, 0, evidence=evidence, reason="a setting that was taken from the paper")
    said = compare_statement(PAPER, "page 3", "it rises", "“it rises”", "it does", True, "by construction",
                             evidence=evidence)  # fmt: skip
    assert same.verdict == said.verdict == "consistent"
    assert verdict_words(same.verdict, same.evidence) == f"consistent, {evidence}"
    with pytest.raises(ValueError, match="without a reason"):
        number(500, 500, 0, evidence=evidence)


def test_what_the_source_leaves_open_is_not_decided() -> None:
    claim = compare_open(
        PAPER, "section 2", "a rate", "“a rate”", "0.1", "the rate is not given", printed=0.1
    )
    assert (claim.verdict, claim.form) == ("under-specified", "number")


@pytest.mark.parametrize(("place", "published"), [("", "“it rises”"), ("page 3", ""), (" ", "“it rises”")])
def test_a_published_claim_says_what_is_printed_and_where(place: str, published: str) -> None:
    with pytest.raises(ValueError, match="prints, and where"):
        compare_statement(PAPER, place, "it rises", published, "it does", True)
    assert compare_statement(NOTES, place, "it rises", published, "it does", True).verdict == "matches"


def test_a_reason_stays_beside_a_match() -> None:
    said = compare_statement(PAPER, "page 3", "it rises", "“it rises”", "it does", True, "on steps of 1")
    assert (said.verdict, said.reason, said.row()["reason"]) == ("matches", "on steps of 1", "on steps of 1")


@pytest.mark.parametrize(
    ("printed", "interval", "verdict"),
    [
        (337, (2, 380), "under-specified"),  # as wide as the figure itself: nothing could have been told
        (337, (300, 380), "consistent"),
        (337, (2, 300), "differs"),
        (0.6, (-0.5, 2.4), "under-specified"),
    ],
)
def test_an_interval_wider_than_its_figure_decides_nothing(printed, interval, verdict) -> None:
    ours = sum(interval) / 2
    assert compare_sampled(NOTES, "", "a median", printed, ours, interval, 1).verdict == verdict


@pytest.mark.parametrize(("low", "verdict"), [(7.24, "consistent"), (7.26, "differs")])
def test_a_printed_number_may_be_half_its_last_digit_off(low, verdict) -> None:
    """7.2 stands for what lies between 7.15 and 7.25."""
    assert compare_sampled(NOTES, "", "a mean", 7.2, 7.4, (low, 7.6), 1, "inside").verdict == verdict


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2), st.integers(2, 4))
def test_intervals_of_shares_end_where_shares_do(
    printed: float, ours: float, half: float, places: int
) -> None:
    printed = round(printed, places)
    claim = compare_share(
        NOTES, "", "a share", printed, ours, (ours - half, ours + half), places, "two errors"
    )
    assert not claim.low < 0
    assert not claim.high > 1
    shown = [float(word.strip("[],%")) for word in claim.ours.split() if word.strip("[],").endswith("%")]
    assert all(0 <= end <= 100 for end in shown)
    if abs(printed - ours) > half + 10.0**-places:
        assert claim.verdict == "differs"
    elif min(1.0, ours + half) - max(0.0, ours - half) > 0.5 + 1e-9:
        assert claim.verdict == "under-specified"


@given(
    st.sampled_from(["independent", "input", "fitted", "weak", "open"]), st.booleans(), values, values, digits
)
def test_a_row_carries_all_that_its_verdict_follows_from(evidence, holds, printed, ours, places) -> None:
    claims = [
        number(printed, ours, places, evidence=evidence, reason="as it is"),
        compare_statement(
            PAPER, "page 3", "it rises", "“it rises”", "so", holds, "as it is", evidence=evidence
        ),
    ]
    for claim in claims:
        row = claim.row()
        kept = (row[name] for name in ("evidence", "holds", "printed", "digits", "found", "low", "high"))
        assert verdict_of(*kept) == row["verdict"] == claim.verdict
        assert row["verdict"] in FAVOUR
        assert row["form"] == claim.form
