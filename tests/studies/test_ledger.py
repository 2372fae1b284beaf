"""The ledger: what documents print stands apart from our own checks, and no verdict flatters."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from studies.claims import Source, compare_number, compare_open, compare_statement
from studies.ledger import COLUMNS, FIGURES, current_ledger, tally
from tests.studies.helpers import walras

DOCUMENTS = {
    "Simulating power markets with competitive self-play (post on an article of 2009)",
    "Poster on coalitions of owners of private lines",
    "Two-Sided Tacit Collusion (Jabbari Zideh, Mohtavipour; Energies 2017, 10, 2045)",
    "Collusive Smart Homes (A. Mowry, 2019)",
    "Synchronization Games in P2P Energy Trading (Saukh, Papst, Saukh)",
}
WEAK = ("input", "fitted", "weak")


@pytest.fixture(scope="module")
def shipped() -> pd.DataFrame:
    return current_ledger(Path("no-such-folder"))


@pytest.fixture(scope="module")
def printed(shipped: pd.DataFrame) -> pd.DataFrame:
    return shipped[shipped["kind"] == "published"]


def one(frame: pd.DataFrame, *words: str) -> pd.Series:
    """The only row whose claim has all these words."""
    found = frame[[all(word in claim for word in words) for claim in frame["claim"]]]
    assert len(found) == 1, list(found["claim"])
    return found.iloc[0]


def test_every_published_row_is_of_a_document_and_says_where(printed: pd.DataFrame) -> None:
    assert set(printed["document"]) == DOCUMENTS
    assert printed["place"].str.strip().all()
    assert printed["published"].str.contains(r"\w").all()
    quoted = printed["published"].str.contains("“") | printed["published"].str.contains(r"\d")
    assert quoted.all(), list(printed.loc[~quoted, "claim"])
    numbers = printed[printed["form"] == "number"]
    assert numbers["printed"].notna().all()
    sentences = printed[printed["form"] == "sentence"]
    assert sentences["printed"].isna().all()


def test_own_checks_are_never_published(shipped: pd.DataFrame) -> None:
    own = shipped[shipped["kind"] == "cross-check"]
    assert not set(own["document"]) & DOCUMENTS
    assert len(own) > 300


def test_no_match_stands_on_other_digits_or_on_itself(shipped: pd.DataFrame) -> None:
    matches = shipped[shipped["verdict"] == "matches"]
    assert (matches["evidence"] == "independent").all()
    numbers = matches[matches["form"] == "number"]
    for row in numbers.to_dict("records"):
        room = 0.5 * 10.0 ** -row["digits"] + 1e-9 * (1 + abs(row["printed"]))
        assert abs(row["found"] - row["printed"]) <= room, row["claim"]
        assert not row["low"] < row["high"], f"{row['claim']}: an interval is no match"
    assert matches.loc[matches["form"] == "sentence", "holds"].all()


def test_every_other_verdict_has_its_reason(shipped: pd.DataFrame) -> None:
    others = shipped[shipped["verdict"] != "matches"]
    assert others["reason"].str.strip().all()
    assert shipped.loc[shipped["evidence"] != "independent", "reason"].str.strip().all()


def test_shares_stay_between_none_and_all(shipped: pd.DataFrame) -> None:
    shares = shipped[
        shipped["claim"].str.contains("share of seeds|Share that|Daytime decisions|best-response loss")
    ]
    assert len(shares) > 30
    ends = shares[["low", "high"]].dropna()
    assert len(ends)
    assert (ends >= 0).all(axis=None)
    assert (ends <= 1).all(axis=None)


@pytest.mark.parametrize(
    ("words", "verdict", "evidence", "why"),
    [
        (("Figure 3", "hours of the morning"), "consistent", "input", "day_start"),
        (("cyclical variation of the price",), "consistent", "weak", "no period is measured"),
        (("entirely random",), "consistent", "weak", "so few runs"),
        (("quite arbitrary",), "differs", "independent", "in part"),
        (("self-play finds the same equilibria",), "consistent", "fitted", "reconstructed"),
        (("no cyclical behaviour",), "consistent", "fitted", "reconstructed"),
        (("eradicates market power",), "consistent", "fitted", "reconstructed"),
        (("increases the total benefit",), "consistent", "fitted", "reconstructed"),
        (("matches per generation",), "consistent", "input", "not a finding"),
        (("consumers' benefit in the equilibrium",), "differs", "fitted", "11.7%"),
        (("each node's price in hour 2",), "differs", "independent", "node 2"),
    ],
)
def test_verdicts_that_flattered(
    printed: pd.DataFrame, words: tuple[str, ...], verdict: str, evidence: str, why: str
) -> None:
    row = one(printed, *words)
    assert (row["verdict"], row["evidence"]) == (verdict, evidence)
    assert why in row["reason"]


def test_a_profit_seven_percent_off_differs(printed: pd.DataFrame) -> None:
    """7700 $ are printed; the placements give 7179 and 7067."""
    rows = printed[printed["printed"] == 7700]
    assert len(rows) == 2
    assert set(rows["verdict"]) == {"differs"}


def test_the_empty_column_of_the_far_square_is_consistent(printed: pd.DataFrame) -> None:
    """100 km, no private lines: 7.12 against 7.13, without sampling error."""
    rows = printed[printed["claim"].str.match("100 km.*column 0")]
    assert rows["printed"].tolist() == [7.12, 7.12, 7.12, 7.10]
    assert set(rows["verdict"]) == {"consistent"}


def test_intervals_that_say_nothing_decide_nothing(shipped: pd.DataFrame) -> None:
    assert one(shipped, "median day", "Er .05 genco, .3 disco")["verdict"] == "under-specified"
    edges = shipped[shipped["claim"].str.contains("least pooled median")]
    assert len(edges) == 4
    assert set(edges["verdict"]) == {"differs"}
    assert not shipped["reason"].str.contains("same side of the edge").any()


def test_stored_verdicts_count_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = [
        compare_number(Source("A paper"), "page 1", "price", 8, 9.2, 0, "$/MWh"),
        compare_statement(Source("Notes", "cross-check"), "", "it rises", "rises", "it does", True),
    ]
    rows = pd.DataFrame([claim.row() for claim in claims]).reindex(columns=list(COLUMNS))
    path = tmp_path / "ledger.parquet"
    rows.assign(study="eight_node", code="", spec="", seconds=0.0, verdict="matches").to_parquet(path)
    monkeypatch.setattr("studies.ledger.shipped_path", lambda: path)
    found = current_ledger(tmp_path / "none")
    assert found["verdict"].tolist() == ["differs", "matches"]
    pd.read_parquet(path).drop(columns=list(FIGURES)).to_parquet(path)
    assert current_ledger(tmp_path / "none").empty, "rows without figures have no verdict"


def test_a_printed_figure_counts_once_by_its_least_favourable_reading() -> None:
    paper, notes = Source("A paper"), Source("Notes", "cross-check")
    claims = [
        compare_number(paper, "page 1", "price", 8, 8, 0, variant="one reading"),
        compare_number(paper, "page 1", "price", 8, 9, 0, variant="another reading"),
        compare_number(paper, "page 1", "profit", 398, 398, 0),
        compare_statement(paper, "page 1", "it rises", "“it rises”", "so", True),
        compare_open(paper, "page 1", "it settles", "“it settles”", "not run", "no rule is given"),
        *[compare_number(notes, "", f"figure {k}", k, k, 0) for k in range(7)],
    ]
    counts = tally(pd.DataFrame([claim.row() for claim in claims]))
    assert counts.loc[("published", "number")].tolist() == [1, 0, 1, 0]
    assert counts.loc[("published", "sentence")].tolist() == [1, 0, 0, 1]
    assert counts.loc[("cross-check", "number")].tolist() == [7, 0, 0, 0]
    assert counts.loc[("cross-check", "sentence")].tolist() == [0, 0, 0, 0]


def test_the_command_opens_with_what_documents_print(printed: pd.DataFrame) -> None:
    done = walras("ledger", "--results", "no-such-folder")
    assert done.returncode == 0, done.stderr
    head, own, _ = done.stdout.partition("Own cross-checks")
    assert head.startswith("Published")
    assert own
    counts = tally(printed).loc["published"]
    for form, numbers in counts.iterrows():
        row = next(line.split() for line in head.splitlines() if line.strip().startswith(f"{form}s"))
        assert row[1:] == [str(n) for n in numbers]
    total = int(tally(current_ledger(Path("no-such-folder"))).to_numpy().sum())
    assert str(total) not in done.stdout.split("[", 1)[0].split(), "no total mixes the two"
    reasons = printed.loc[printed["verdict"] == "matches", "reason"]
    kept = next(reason for reason in reasons if reason)
    assert kept[:40] in done.stdout, "a match keeps its reason"


def test_rows_of_the_table_have_their_figures(shipped: pd.DataFrame) -> None:
    assert set(COLUMNS) <= set(shipped.columns)
    assert not any(math.isnan(v) for v in shipped.loc[shipped["form"] == "number", "printed"])
    assert set(shipped["evidence"]) <= {"independent", "open", *WEAK}
