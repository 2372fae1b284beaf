"""The remedies study: the same seeds for all, and verdicts that follow the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from networks.errors import InputError
from studies.registry import find_study
from studies.remedies import tables as remedies_tables
from studies.remedies.claims import claims
from studies.remedies.show import answer
from studies.remedies.study import Settings, cells, run_cell
from studies.remedies.treatments import NONE, REMEDIES
from studies.running.runner import run
from studies.running.tables import read_results
from studies.study import Results

QUICK: dict[str, Any] = {"sessions": 2, "beta": 2e-3, "unchanged": 500}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Two quick sessions of some remedies."""
    spec = QUICK | {"remedies": ["blind", "cap", "firm", "lock_16", "buyers"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("studies.smart_homes.learning.MOST_ROUNDS", 40_000)
        ended = run("remedies", spec, out=tmp_path_factory.mktemp("remedies"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return read_results(ended.folder)


def test_every_remedy_is_in_both_markets_where_it_fits() -> None:
    rows = cells(Settings(**QUICK))
    pairs = [(row["market"], row["remedy"]) for row in rows]
    assert len(set(pairs)) == len(pairs) == 2 * len(REMEDIES) - 1
    assert ("stage", "low_price") not in pairs
    some = cells(Settings(**QUICK, remedies=("more",)))
    assert [row["remedy"] for row in some[::2]] == ["none", "coarse", "more"]
    with pytest.raises(InputError, match="lock_16"):
        cells(Settings(remedies=("lock_17",)))


def test_sessions_of_all_remedies_draw_the_same_numbers() -> None:
    """Whatever the cell: no remedy gives the same rows twice, and other seeds or blocks give others."""
    spec = Settings(**QUICK)
    cell = {"market": "stage", "remedy": NONE, "first": 0, "count": 2}

    def rows(number: int, entropy: int, **other: Any) -> pd.DataFrame:
        sequence = np.random.SeedSequence(entropy, spawn_key=(number, 0))
        return pd.DataFrame(run_cell(spec, cell | other, np.random.default_rng(sequence))["sessions"])

    first = rows(0, 7)
    pd.testing.assert_frame_equal(first, rows(31, 7))
    assert not first.equals(rows(0, 8))
    assert not first[["updates", "profit"]].equals(rows(0, 7, first=6)[["updates", "profit"]])


def test_differences_are_paired_and_on_one_scale(small: Results) -> None:
    frame = remedies_tables.paired(small)
    plain = frame[frame["remedy"] == NONE]
    assert (plain[["d_index", "d_bill", "d_welfare"]] == 0).all().all()
    for (market, name), group in frame.groupby(["market", "remedy"]):
        base = frame[(frame["market"] == market) & (frame["remedy"] == REMEDIES[str(name)].base(str(market)))]
        gap = group["index"].to_numpy() - base["index"].to_numpy()
        assert group["d_index"].to_numpy() == pytest.approx(gap)
    stage = frame[(frame["market"] == "stage") & (frame["remedy"] == "firm")]
    assert stage["index"].to_numpy() == pytest.approx(stage["profit"].to_numpy() / 0.6)
    assert (stage["profit"] <= 1e-12).all(), "the fee takes what competition leaves"


def test_the_page_says_what_works(small: Results) -> None:
    study = find_study("remedies").shown()
    assert study.summarise is not None
    assert study.figures is not None
    assert study.headline is not None
    assert study.claims is not None
    tables = study.summarise(small)
    assert set(tables) == {"stage", "street"}
    assert "change of welfare" in tables["street"].frame
    charts = study.figures(small, tables)
    assert charts[0].opening
    assert charts[0].name == "index_street"
    words = " ".join(text for _, text in study.headline(small, tables))
    assert "remedies lower the bill" in words
    rows = study.claims(small, tables)
    assert {row.verdict for row in rows} <= {"matches", "consistent", "differs", "under-specified"}
    assert all(row.reason for row in rows if row.verdict != "matches")


def made_up(**change: float) -> Results:
    """Results in which each named remedy shifts every session's profit by a share of the room."""
    rng = np.random.default_rng(0)
    rows = []
    for market in ("stage", "street"):
        noise = 0.02 * rng.standard_normal(12)
        for name in (NONE, *change):
            for session in range(12):
                profit = 0.8 + change.get(name, 0.0) + noise[session] + 0.001 * rng.standard_normal()
                rows.append(
                    {"market": market, "remedy": name, "session": session, "replicate": 0, "profit": profit,
                     "bill": 1 + profit, "welfare": 2 - profit / 10, "years": 30.0, "price": 1 + profit,
                     "yard_competitive": 0.0, "yard_joint": 1.0, "yard_nash_low": 0.0, "yard_nash_high": 0.3,
                     "yard_competitive_bill": 1.0, "yard_competitive_welfare": 2.0}
                )  # fmt: skip
    return Results(Settings(), {"sessions": pd.DataFrame(rows)}, pd.DataFrame({"status": []}))


def test_verdicts_follow_the_numbers() -> None:
    results = made_up(lock_4=-0.5, lock_16=-0.6, price_only=0.0, own_only=-0.4, buyers=0.1, coarse=0.0)
    rows = {row.claim[:12]: row for row in claims(results, {})}
    assert rows["Rate-limitin"].verdict == "matches"
    assert rows["Information-"].verdict == "consistent"
    assert rows["Sell-side co"].verdict == "differs"
    words = remedies_tables.finding(remedies_tables.paired(results))
    works, fails = words.split("In no market:")
    assert "4 rounds" in works
    assert "a club of buyers" in fails
    assert "only the price" in fails


def test_the_answer_follows_the_numbers() -> None:
    said = answer(
        made_up(lock_4=-0.5, lock_16=-0.6, price_only=0.0, buyers=0.1, lock_cap=-0.7, coarse=0.0), {}
    )
    words = " ".join(said)
    assert "against 30 % in the highest static Nash equilibrium" in said[0]
    assert "the furthest, offers stand for 16 rounds: change of the index -0.60" in words
    assert "In no market: sellers see only the price; a club of buyers learns too." in words
    assert "2 of 4 single remedies lower consumers' bill" in words
    assert "in some market it rises under: a club of buyers learns too" in words
    assert "Welfare falls in some market under: a club of buyers learns too" in words
    assert "1 of 1 combinations lower index and bill" in words
    worse = " ".join(answer(made_up(lock_4=0.2), {}))
    assert "No single remedy brings homes back" in worse
    assert "No single remedy lowers consumers' bill" in worse


def test_the_answer_leaves_out_what_failed(small: Results) -> None:
    assert 3 <= len(answer(small, {})) <= 6
    rows = small["sessions"]
    stage = Results(small.spec, {"sessions": rows[rows["market"] == "stage"]}, small.cells)
    assert "street" not in " ".join(answer(stage, {}))
    alone = Results(small.spec, {"sessions": rows[rows["remedy"] == NONE]}, small.cells)
    assert len(answer(alone, {})) == 1
    lost = Results(small.spec, {"sessions": rows[rows["remedy"] == "cap"]}, small.cells)
    assert answer(lost, {}) == []
    assert answer(Results(small.spec, {}, small.cells), {}) == []
