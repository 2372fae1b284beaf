"""The forward study: the answer follows from the tables, on the article's own hour."""

from __future__ import annotations

import numpy as np
import pytest

import studies
from studies.forward_and_spot.games import is_two_sided, spot_game
from studies.forward_and_spot.tables import least_thresholds
from studies.registry import find_study
from studies.running.runner import run
from studies.study import Results

SMALL = {
    "networks": ("article", "18 buses, ramp"), "seeds": 20, "days": 200, "rates": (0.5,), "rate": 0.5,
    "genco_covers": (0.0, 1.0), "disco_covers": (0.0, 0.1, 0.5), "chosen_covers": (0.0, 0.5),
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    ended = run("forward_and_spot", SMALL, out=tmp_path_factory.mktemp("forward"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


def test_the_articles_hour_is_that_of_the_three_node_study():
    game, most = spot_game("article", "high")
    assert most == (200.0, 120.0)
    assert game.values[0].tolist() == [[0, 0], [0, 398]]
    assert game.values[1].tolist() == [[240, 160], [240, 260]]
    assert is_two_sided(game, np.array([[1, 1], [0, 1], [1, 0], [0, 0]])).tolist() == [
        True,
        False,
        False,
        False,
    ]


def test_thresholds_and_equilibria_agree(small: Results):
    """199 MW of sales, 20 MW of purchases; only covers beyond them have no two-sided equilibrium."""
    table = least_thresholds(small).set_index(["network", "side"])
    assert table.loc[("article", "genco"), "least_mw"] == pytest.approx(199.0)
    assert table.loc[("article", "discos"), "least_mw"] == pytest.approx(20.0)
    rows = small["equilibria"]
    rows = rows[rows["network"] == "article"]
    expected = (200 * rows["genco_cover"] < 199) & (120 * rows["disco_cover"] < 20)
    assert ((rows["two_sided"] > 0) == expected).all()


def test_learners_stop_colluding_where_the_buyers_are_covered(small: Results):
    learned = small["learned"]
    learned = learned[(learned["network"] == "article") & (learned["genco_cover"] == 0)]
    shares = learned.groupby("disco_cover")["two_sided"].mean()
    assert shares[0.5] < shares[0.0]


def test_pages_of_a_small_run(small: Results):
    study = find_study("forward_and_spot").shown()
    summaries = study.summarise(small)
    charts = study.figures(small, summaries)
    assert [c.opening for c in charts].count(True) == 1
    answers = dict(summaries["findings"].frame.to_numpy())
    assert "from 10% of its load" not in answers["Does cover break it? (article)"]
    assert "discos alone ends it from 50% of its load" in answers["Does cover break it? (article)"]
    assert "genco alone ends it from 100% of its capacity" in answers["Does cover break it? (article)"]
    assert study.headline(small, summaries)[0][0] in ("199 MW", "20 MW")


def answer_with(results: Results, **changed) -> list[str]:
    """The answer of a run in which tables are others, or missing where None."""
    tables = {k: v for k, v in (results.tables | changed).items() if v is not None}
    part = Results(results.spec, tables, results.cells, results.manifest)
    return find_study("forward_and_spot").shown().answer(part, {})


def test_the_answer_follows_the_tables(small: Results):
    broken, needed, exact, learned, chosen = answer_with(small)
    assert "can break two-sided collusion in some markets" in broken
    assert "50 % of the retailers' load in 1 of 2" in broken
    assert "20 to " in needed
    assert "of the retailers' load and 199 to " in needed
    assert "if all expect what is best for the genco" in exact
    assert "end two-sided without cover" in learned
    share = 100 * small["chosen"]["genco_cover"].mean()
    assert f"take {share:.0f} % (generator)" in chosen


def test_the_answer_turns_where_the_numbers_do(small: Results):
    frame = small["equilibria"]
    covered = (frame["genco_cover"] > 0) | (frame["disco_cover"] > 0)
    always, never = frame.assign(two_sided=1), frame.assign(two_sided=0)
    assert "market does not break" in answer_with(small, equilibria=always)[0]
    ended = frame.assign(two_sided=1 - 1 * covered)
    assert "can break two-sided collusion in every market" in answer_with(small, equilibria=ended)[0]
    assert "nothing to break: none of the 2" in answer_with(small, equilibria=never)[0]
    ends = {"chosen": True, "learned": False}
    turned = {name: small[name].assign(two_sided=both) for name, both in ends.items()}
    assert "collude more often in 2 markets" in answer_with(small, **turned)[4]


def test_the_answer_leaves_out_what_was_not_run(small: Results):
    assert len(answer_with(small, learned=None, chosen=None)) == 3
    without = {name: small[name].query("genco_cover > 0") for name in ("equilibria", "learned")}
    assert len(answer_with(small, **without)) == 2
    unsolved = small["chosen_exact"].assign(positions="none")
    assert (
        "no equilibrium of that choice was found in 2 markets" in answer_with(small, chosen_exact=unsolved)[2]
    )
    assert answer_with(small, **dict.fromkeys(small.tables)) == []


def test_without_seeds_it_only_solves(tmp_path):
    ended = run("forward_and_spot", SMALL | {"seeds": 0, "networks": ("article",)}, out=tmp_path, jobs=0)
    results = studies.results(ended.folder)
    study = find_study("forward_and_spot").shown()
    summaries = study.summarise(results)
    assert "learned" not in summaries
    assert study.figures(results, summaries)[0].opening
