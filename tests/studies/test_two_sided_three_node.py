"""Learning on three nodes: the sweeps, what they return, and sentences that follow from the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import studies
from networks.errors import InputError
from studies.registry import find_study
from studies.running.runner import run
from studies.study import Results
from studies.two_sided_three_node.claims import median_interval
from studies.two_sided_three_node.games import (
    Grid,
    games_of,
    needed_trust,
    outcomes,
    play,
    rate_bound,
    stages,
)
from studies.two_sided_three_node.hour import RULES
from studies.two_sided_three_node.learning_tables import pick, share_table
from studies.two_sided_three_node.study import Settings
from studies.two_sided_three_node.sweep import MINIMAL, learning_cells

STUDY = find_study("two_sided_three_node").shown()

SMALL = {
    "seeds": 60, "rates": (0.1, 0.9), "alphas": (0.1,), "gammas": (0.05, 0.95), "ramps_mw": (4.0, 8.0),
    "days": 120, "days_fine": 60, "offer_from_mw": 199.0, "interrupted_step_mw": 10.0,
    "fine_from_mw": 188.0, "fine_step_mw": 3.0, "fine_cut_step_mw": 10.0,
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    ended = run("two_sided_three_node", SMALL, out=tmp_path_factory.mktemp("learned"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


def cell(**changed):
    return MINIMAL | {"days": 700} | changed


GRID = Grid((200.0, 199.0), (0.0, 20.0))


def test_payoffs_are_those_of_the_scenarios():
    """8 for A at 199 MW; 240, 160 and 260 for D1 in hour 2, by the price rule at 200 MW and 20 MW."""
    first, second = stages(GRID, "high", "margin", "Gen-A and Disco-1")
    assert first.values[0].tolist() == [[0, 0], [398, 0]]
    assert second.values[0].tolist() == [[0, 0], [0, 398]]
    assert second.values[1].tolist() == [[240, 160], [240, 260]]
    low = stages(GRID, "low", "margin", "Gen-A and Disco-1")[1]
    assert low.values[:, 0, 1].tolist() == [400, 260]


def test_the_entropy_bound_follows_from_the_payoffs():
    second = stages(GRID, "high", "margin", "Gen-A and Disco-1")[1]
    assert needed_trust(second) == pytest.approx(0.8)
    assert rate_bound(0.8) == pytest.approx(0.7219, abs=1e-4)
    assert needed_trust(stages(GRID, "low", "margin", "Gen-A and Disco-1")[1]) == 0.0
    assert rate_bound(0.0) == 1.0
    assert rate_bound(1.0) == rate_bound(float("inf")) == 0.0


def test_learned_shares_fall_where_the_genco_explores_beyond_the_bound():
    """Both ends of the published sweep: near certain at .1/.9, rare at .9/.9."""
    shares = {}
    for genco in (0.1, 0.9):
        days = play(cell(genco_rate=genco, disco_rate=0.9), GRID, 100, 7)
        shares[genco] = (outcomes(days, days.greedy[:, -1]) == "two-sided").mean()
    assert shares[0.1] > 0.95
    assert shares[0.9] < 0.2
    days = play(cell(who="Gen-A alone"), GRID, 20, 7)
    paid = days.payoffs(days.greedy[:, -1]).sum(axis=1)
    assert np.allclose(paid, [398, 540])


def test_no_gain_of_a_rounding_error_locks_an_action_in():
    for rule in ("low", "canonical", "high"):
        for game in stages(GRID, rule, "margin", "Gen-A and Disco-1"):
            assert not ((game.values != 0) & (abs(game.values) < 1e-6)).any()


def test_masks_forbid_interruption_in_hour_one_and_steep_ramps():
    fine = Grid((200.0, 196.0, 190.0), (0.0, 20.0))
    days = play(cell(grid="fine", ramp_mw=4.0, days=50), fine, 10, 0)
    done = days.actions(days.played)
    offers = np.array(fine.offers_mw)[done[..., 0]]
    assert (done[:, :, 0, 1] == 0).all()
    assert (abs(200 - offers[:, :, 0]) <= 4).all()
    assert (abs(np.diff(offers, axis=2)) <= 4).all()
    _, ramps = games_of(cell(grid="fine", disco_hours="both", start="free"), fine)
    assert len(ramps.plans(0, 3)) == 5
    assert len(ramps.plans(1, 2)) == 4


def test_cells_are_unique_and_cover_every_sweep():
    cells = learning_cells(Settings())
    keys = {tuple(v for k, v in c.items() if k != "sweeps") for c in cells}
    assert len(keys) == len(cells)
    named = {s for c in cells for s in c["sweeps"].split("; ")}
    assert {"rate", "rates apart", "discount", "step size", "fine grid", "foresight", "ramp", "policies",
            "passive disco", "all five learn", "disco as cost minimiser"} <= named  # fmt: skip
    assert [c["part"] for c in STUDY.cells(Settings(seeds=0))] == ["clearings"] * 62


def test_shares_add_up_and_intervals_hold_them(small: Results):
    table = share_table(small)
    assert np.allclose(table[["two-sided", "alone", "congested"]].sum(axis=1), 1)
    assert ((table["low"] <= table["two-sided"]) & (table["two-sided"] <= table["high"])).all()
    assert (table["seeds"] == 60).all()
    passive = pick(table, "passive disco")
    assert (passive["two-sided"] == 0).all()
    assert len(pick(table, "rates apart", genco_rate=0.1, disco_rate=0.9)) == 1


def test_summaries_claims_and_charts_of_a_small_run(small: Results):
    study = find_study("two_sided_three_node").shown()
    summaries = study.summarise(small)
    charts = study.figures(small, summaries)
    assert charts[0].opening
    assert [c.opening for c in charts[1:]] == [False] * (len(charts) - 1)
    table = share_table(small)
    apart = pick(table, "rates apart")
    answer = dict(summaries["findings"].frame.to_numpy())[
        "How often does learning end in two-sided collusion?"
    ]
    assert f"{apart['two-sided'].max():.0%}" in answer
    rows = {c.claim: c for c in study.claims(small, summaries)}
    bound = rows["Disco-1 needs Pr(199 MW) above .8, which no Er above .722 gives"]
    assert (bound.verdict, bound.ours) == ("matches", "0.8 and 0.722")
    assert study.headline(small, summaries)[0][0] == f"{apart['two-sided'].max():.0%}"


def answer_with(results: Results, **changed) -> list[str]:
    """The answer of a run in which tables are others, or missing where None."""
    tables = {k: v for k, v in (results.tables | changed).items() if v is not None}
    return STUDY.answer(Results(results.spec, tables, results.cells, results.manifest), {})


def test_the_answer_follows_the_tables(small: Results):
    """Steps of 10 MW have the pair as an equilibrium; exploration beyond the bound destroys it."""
    earned, equilibrium, learned, bound, fine = answer_with(small)
    assert "both earn more" in earned
    assert "Gen-A earns 398 $ and Disco-1 260 $" in earned
    assert "is an equilibrium of the hour" in equilibrium
    assert "is part of an equilibrium of the day" in equilibrium
    apart = pick(share_table(small), "rates apart")
    assert f"{100 * apart['two-sided'].max():.0f} % (95 %" in learned
    assert ", but " in learned
    assert "above 0.722" in bound
    assert fine.startswith("On a grid of many offers (3 MW apart)")


def test_the_answer_turns_where_the_numbers_do(small: Results):
    frame = small["clearings"]
    joint = (frame["hour"] == 2) & (frame["interrupted_mw"] == 20)
    worse = frame.assign(**{f"disco_1_{r}": frame[f"disco_1_{r}"] - 500 * joint for r in RULES})
    earned, equilibrium, *_ = answer_with(small, clearings=worse)
    assert "only the generator earns more" in earned
    assert "is no equilibrium of the hour" in equilibrium
    assert "; but it is part of an equilibrium of the day" in equilibrium
    alike = small["seeds"].assign(outcome="alone")
    assert "no other pair of rates differs" in answer_with(small, seeds=alike)[2]


def test_the_answer_leaves_out_what_was_not_run(small: Results):
    assert len(answer_with(small, seeds=None, day_games=None, day_equilibria=None)) == 2
    no_pair = small["clearings"].query("interrupted_mw != 20")
    assert not [
        s for s in answer_with(small, clearings=no_pair) if "hour 2" in s or "equilibrium of the hour" in s
    ]
    assert len(answer_with(small, clearings=None)) == 3


def test_few_seeds_make_no_ledger_rows_of_shares(tmp_path: Path):
    ended = run("two_sided_three_node", SMALL | {"seeds": 3, "days": 5, "days_fine": 5}, out=tmp_path, jobs=0)
    results = studies.results(ended.folder)
    assert not [c for c in STUDY.claims(results, STUDY.summarise(results)) if "share of seeds" in c.claim]


def test_an_empty_sweep_is_refused():
    with pytest.raises(InputError, match="rates is empty"):
        STUDY.cells(Settings(rates=()))


def test_median_intervals_are_order_statistics():
    values = np.arange(1.0, 102.0)
    low, high = median_interval(values)
    assert low < 51 < high
    assert low + high == 102
    assert 39 <= low <= 43
