"""The 18-bus study: experiments as in the reproduction study, learning, and a placement of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import studies
from networks.errors import InputError
from studies.registry import find_study
from studies.running.runner import run
from studies.study import Results
from studies.two_sided_eighteen_bus.market import EXPERIMENTS, case_of, everyone, limits_of, small_game
from studies.two_sided_eighteen_bus.study import Settings
from studies.two_sided_eighteen_bus.tables import ends_table, flow_of, pick_end, price_of

STUDY = find_study("two_sided_eighteen_bus").shown()

SMALL = {
    "placements": ("fitted",),
    "seeds": 20,
    "rates": (0.9,),
    "days": 400,
    "seeds_everyone": 0,
    "general_seeds": 0,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    ended = run("two_sided_eighteen_bus", SMALL, out=tmp_path_factory.mktemp("eighteen"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


def test_which_lines_bind(small: Results):
    assert flow_of(small, "fitted", "base", 4) == pytest.approx((500, 500))
    assert flow_of(small, "fitted", "base", 5)[0] == pytest.approx(160, abs=0.5)
    assert flow_of(small, "fitted", "300", 4) == pytest.approx((300, 300))


def test_alone_withholding_pays_from_1036_mw(small: Results):
    """The jump lies between 64 and 66 MW withheld."""
    alone = small["curve"].query("`with` == 'nobody'").set_index("offer_mw")["profit"]
    base = alone[1099.9]
    assert alone[1038.0] < base
    assert alone[1034.0] > base


def test_learned_ends_with_and_without_the_ramp_limit(small: Results):
    """Passive: full offer with the limit, 1020 MW and 12,444 $ without; learning discos lift the first."""
    table = ends_table(small)
    held = pick_end(table, ramp=True).set_index("discos")["G1_profit"]
    free = pick_end(table, ramp=False).set_index("discos")["G1_profit"]
    assert held[False] == pytest.approx(6087, abs=30)
    assert free[False] == pytest.approx(12444, abs=130)
    assert held[True] > 7000
    joins = pick_end(table, ramp=False, lines="4=700")["D3_joins"].iloc[0]
    assert joins < 0.5 < pick_end(table, ramp=False, discos=True)["D3_joins"].iloc[0]


def test_pages_of_a_small_run(small: Results):
    study = find_study("two_sided_eighteen_bus").shown()
    summaries = study.summarise(small)
    charts = study.figures(small, summaries)
    assert [c.opening for c in charts].count(True) == 1
    assert charts[0].opening
    rows = study.claims(small, summaries)
    assert all(c.variant.startswith("fitted placement") for c in rows)
    fitted = [c for c in rows if c.claim.startswith("price of")]
    assert len(fitted) == 14
    printed = [c for c in rows if c.source.kind == "published"]
    assert not [c for c in printed if c.verdict == "matches"], "the article does not say who stands where"
    profits = {c.printed: c for c in rows if c.claim.startswith("profit of G1")}
    assert profits[7700].verdict == "differs", "7179 $ is 6.8 % less"
    assert "6.8%" in profits[7700].reason
    assert profits[7200].verdict == "consistent", "7179 $ is 0.3 % less"
    vacuous = [c for c in rows if "vacuous" in c.reason]
    assert {c.verdict for c in vacuous} == {"under-specified"}
    assert {c.verdict for c in fitted} <= {"consistent", "differs"}, "a fitted price is never a match"
    assert dict(study.headline(small, summaries))["12,444 $"].startswith("an hour for G1 alone")
    assert set(summaries["experiments"].frame["experiment"]) == {w for w, *_ in EXPERIMENTS.values()}


def answer_with(results: Results, **changed) -> list[str]:
    """The answer of a run in which tables are others, or missing where None."""
    tables = {k: v for k, v in (results.tables | changed).items() if v is not None}
    return STUDY.answer(Results(results.spec, tables, results.cells, results.manifest), {})


def test_the_answer_follows_the_tables(small: Results):
    need, ramp, lines = answer_with(small)
    assert "G1 does not need retailers" in need
    assert "12,444 $ an hour alone (G1 withholds 80 MW alone)" in need
    assert "instead of 6,087 $ with its ramp limit" in ramp
    assert "D3 interrupts in 100 % (95 %" in lines
    assert "with line 4 at 700 MW" in lines


def test_the_answer_turns_where_the_numbers_do(small: Results):
    """Nothing to gain alone, ends that no line moves, and demand that cannot be served."""
    frame = small["experiments"]
    alone = frame["experiment"].isin(["alone 40", "alone 80", "alone 90"])
    need, _, lines = answer_with(
        small,
        experiments=frame.assign(profit=frame["profit"].mask(alone, 0.0)),
        ends=small["ends"].assign(D1_mw=0.0, D2_mw=0.0, D3_mw=0.0),
    )
    assert "G1 gains nothing without retailers" in need
    assert "with retailers it earns more" in need
    assert lines.startswith("None of the 5 other line limits tried")
    assert answer_with(small, ends=None, experiments=frame.assign(profit=np.nan)) == []
    assert len(answer_with(small, ends=None)) == 1


@pytest.mark.parametrize(("gain", "said"), [(500.0, "+500 $"), (-500.0, "-500 $")])
def test_what_all_agents_end_in_is_said(small: Results, gain: float, said: str):
    rows = [
        {"placement": "fitted", "rate": 0.5, "seed": k, "agent": agent, "moved_mw": 40.0 * (agent == "G1"),
         "profit": 100.0 + gain * (agent == "D1"), "passive": 100.0}
        for k in range(3) for agent in ("G1", "D1")
    ]  # fmt: skip
    sentence = answer_with(small, ends=None, experiments=None, everyone=pd.DataFrame(rows))[0]
    assert "100 % of the generators withhold in the end and 0 % of the retailers interrupt" in sentence
    assert f"that of all retailers by {said}" in sentence


def test_all_24_learn_and_their_gains_are_exact():
    spec = Settings(seeds_everyone=2, days=60)
    rows = everyone({"placement": "fitted", "rate": 0.5}, spec, 3)["everyone"]
    assert len(rows) == 2 * 24
    assert all(row["gain_alone"] >= 0 for row in rows)
    again = everyone({"placement": "fitted", "rate": 0.5}, spec, 3)["everyone"]
    assert rows == again


def test_the_small_game_agrees_with_the_experiments(small: Results):
    game = small_game("fitted", "canonical", False, True, "")
    profile = tuple(list(game.labels[i]).index(v) for i, v in enumerate((1000.0, 40.0, 0.0, 60.0)))
    found = game.values[(slice(None), *profile)]
    frame = small["experiments"]
    want = [price_of(frame, "fitted", "G1 D1 D3", a, "profit") for a in ("G1", "D1", "D2", "D3")]
    assert np.allclose(found, want)


@pytest.mark.parametrize(("agent", "bus", "feasible"), [("G10", 18, True), ("D1", 18, False)])
def test_a_placement_of_ones_own(tmp_path: Path, agent: str, bus: int, feasible: bool):
    """A table moves an agent; where the grid then cannot serve it, the rows say so."""
    path = tmp_path / "mine.csv"
    path.write_text(f"agent,bus\n{agent},{bus}\n")
    settings = {"placements": (str(path),), "seeds": 0, "seeds_everyone": 0, "general_seeds": 0}
    ended = run("two_sided_eighteen_bus", settings, out=tmp_path / "out", jobs=0)
    assert ended.failed == 0
    results = studies.results(ended.folder)
    summaries = STUDY.summarise(results)
    rows = STUDY.claims(results, summaries)
    assert rows[0].variant == "placement of the user"
    assert (rows[0].ours != "not feasible") == feasible
    assert STUDY.figures(results, summaries)
    before = STUDY.fingerprint(Settings(**settings))
    path.write_text("agent,bus\nD1,17\n")
    assert STUDY.fingerprint(Settings(**settings)) != before


def test_a_table_that_is_not_there():
    with pytest.raises(InputError, match="no file"):
        case_of("missing.csv")


def test_line_limits_are_read_from_words():
    assert limits_of("") == {}
    assert limits_of("4=700 5=800") == {4: 700.0, 5: 800.0}
