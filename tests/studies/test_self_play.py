"""Self-play: exact facts against the reference, money that adds up, where pools end, honest verdicts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import studies
from learners import Evolution
from networks.errors import InputError
from studies.pictures.charts import Multiple, Multiples
from studies.pictures.charts_multiples import grid_shape
from studies.pictures.charts_plotly import plotly_chart
from studies.pictures.charts_png import draw_chart
from studies.printed import figure_of, read_claims
from studies.registry import claims_path, find_study
from studies.running.runner import run
from studies.self_play import facts_five_bus, facts_prices
from studies.self_play.claims import ExactFigures, claims
from studies.self_play.claims_evolved import sampled
from studies.self_play.claims_post import PostFigures, even_odds
from studies.self_play.evolving import PLAN, discrete_tables, equilibrium_tests, evolve
from studies.self_play.facts import Capacity, Known, TwoBus
from studies.self_play.figures import figures
from studies.self_play.situations import BENEFITS, COST, Watched, even_grid, make_game, play_matches
from studies.self_play.study import Settings, cells
from studies.self_play.tables import facts, near_equilibrium, summarise
from studies.study import Results

STUDY = find_study("self_play").shown()

SMALL = {"situations": ["bertrand", "two_bus_50"], "seeds": 2, "discrete_seeds": 2, "generations": 12,
         "rounds": 2_000, "level_counts": [2, 4]}  # fmt: skip
NAMES = tuple(name for name in PLAN if name != "demand_levels")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """A short run of two situations, with all exact facts."""
    ended = run("self_play", SMALL, out=tmp_path_factory.mktemp("play"), jobs=0)
    assert (ended.failed, ended.complete) == (0, True)
    return studies.results(ended.folder)


def entry(figure: str):
    """The claim about a figure."""
    return next(e for e in read_claims(claims_path("self_play")) if e.figure == figure)


def test_exact_facts_are_those_of_the_reference(small: Results) -> None:
    """Every figure of the reference calculations that is exact, but for an equilibrium that a path chose."""
    figures = ExactFigures(facts(small))
    exact = [
        e
        for e in read_claims(claims_path("self_play"))
        if hasattr(figures, e.figure) and e.evidence != "open"
    ]
    rows = [e.compared(figure_of(e, figures)()) for e in exact]
    wrong = [row for row in rows if row.verdict not in ("matches", "consistent")]
    assert len(rows) > 110
    assert [row.claim for row in wrong] == ["two buses, 75 MW: profits by Lemke and Howson, asymmetric"]
    assert all(row.reason for row in wrong)
    drawn = [row for row in rows if row.verdict == "consistent"]
    assert {row.claim[:14] for row in drawn} == {"random starts,"}


@given(first=st.integers(0, 200), second=st.integers(0, 200))
def test_even_odds_are_never_a_match(first: int, second: int) -> None:
    """Runs can speak against even odds, not for them."""
    row = entry("who_is_high").compared(even_odds(first, max(first + second, 1)))
    assert row.verdict in ("consistent", "differs")
    assert row.reason
    if first == second > 0:
        assert row.verdict == "consistent"
    if first > 10 * (second + 1):
        assert row.verdict == "differs"


def with_bids(small: Results, move: dict[int, float], noise: float) -> Results:
    """Median bids that swing by `move` at each line [MW], and by `noise` where equilibria are pure."""
    rows = []
    swings = {f"two_bus_{line}": swing for line, swing in move.items()} | {"capacity_uniform": noise}
    for situation, swing in swings.items():
        rows += [
            {"situation": situation, "kind": "network", "session": run, "player": player, "generation": g,
             "markup": 40.0 + swing * (g % 2)}
            for run in range(2) for player in (1, 2) for g in range(1, 41)
        ]  # fmt: skip
    return Results(small.spec, dict(small.tables) | {"bids": pd.DataFrame(rows)}, small.cells, small.manifest)


def test_bids_that_move_are_no_cycle(small: Results) -> None:
    def cyclical(move: dict[int, float], noise: float):
        figures = PostFigures(with_bids(small, move, noise), facts(small))
        assert entry("no_pure_equilibrium").compared(figures.no_pure_equilibrium()).verdict == "matches"
        return entry("cyclical").compared(figures.cyclical())

    wide = cyclical({10: 13, 25: 28, 50: 58, 75: 76}, 14)
    assert wide.verdict == "consistent"
    assert "no period is measured" in wide.reason
    assert "as much as at K of 10 MW" in wide.reason
    assert cyclical({10: 3, 25: 3, 50: 3, 75: 3}, 14).verdict == "differs", "no more than mutation"


def test_a_short_run_claims_nothing_of_the_post(small: Results) -> None:
    assert claims(small, {}) == []


@given(name=st.sampled_from(NAMES), data=st.data())
@settings(max_examples=25, deadline=None)
def test_benefits_add_up_in_every_situation(name: str, data: st.DataObject) -> None:
    """Consumers, producers and rent share the total; no rent without a line; profits are the game's own."""
    game = make_game(name, even_grid(name, 31))
    actions = st.lists(st.integers(0, 30), min_size=len(game.actions), max_size=len(game.actions))
    profiles = np.array(data.draw(st.lists(actions, min_size=1, max_size=4)))
    found = play_matches(game, profiles)
    assert np.allclose(found.profits, game.payoffs(profiles))
    price, consumer, producer, rent, total = found.benefits.T
    assert np.allclose(consumer + producer + rent, total)
    assert np.allclose(producer, found.profits.sum(axis=1))
    assert (rent >= -1e-6).all()
    if name.startswith("two_bus"):
        asked = np.array(game.prices)[profiles]
        assert np.allclose(rent, abs(asked[:, 0] - asked[:, 1]) * game.line)
        assert np.allclose(price, asked.mean(axis=1))
    elif not name.startswith("five_bus"):
        assert np.allclose(rent, 0)


def test_what_is_watched_is_what_was_played() -> None:
    """Producers' benefit of each generation is the sum of the mean profits that evolution reports."""
    watched = Watched(make_game("two_bus_25", even_grid("two_bus_25", 101)), 3)
    evolved = Evolution().evolve(watched, 4, seed=5, replicates=3)
    seen = watched.by_generation(10)
    assert seen.shape == (4, 3, len(BENEFITS))
    assert np.allclose(seen[..., BENEFITS.index("producer")], evolved.mean_profit.sum(axis=2))
    assert np.allclose(seen[..., 0], evolved.mean_signals[..., 0])


def test_demand_levels_are_met_in_turn() -> None:
    """Ten passes of three levels; 90 MW can be served by one seller alone, 200 MW need both."""
    evolved, watched = evolve("demand_levels", "sees demand", even_grid("demand_levels", 101), 3, 1, 2)
    assert watched.called == [k % 3 for k in range(30)]
    assert set(watched.asked_by_level(30)) == {0, 1, 2}
    total = np.array([s[0, BENEFITS.index("welfare")] for s in watched.sums[:3]])
    assert np.allclose(total, [9_000, 16_000, 20_000])
    assert evolved.median_action.shape == (3, 2, 2)
    assert Watched(make_game("five_bus_100", (0.0, 30.0)), 1).levels == 0  # its one level is no news


@pytest.mark.parametrize(("grid", "end"), [((0.0, 10.0, 100.0), 100.0), ((0.0, 60.0, 100.0), 60.0)])
def test_few_markups_end_at_the_highest_strict_equilibrium(grid: tuple[float, ...], end: float) -> None:
    rows = pd.DataFrame(discrete_tables(grid, 40, 3, 3)["discrete"])
    assert (rows["markup"] == end).all()
    assert (rows["highest_strict"] == end).all()


def test_pure_equilibria_of_bertrand_follow_the_rule() -> None:
    """(m_k, m_k) just where m_{k−1} ≤ m_k/2; strict where the inequality is."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        grid = sorted(set(rng.integers(0, 60, size=5).tolist()))
        expected = [m for k, m in enumerate(grid) if k == 0 or grid[k - 1] <= m / 2]
        assert facts_prices.symmetric_equilibria(grid) == expected


def test_which_mark_ups_count_as_an_equilibrium() -> None:
    known = Known.of_rows([row.values() for row in Capacity(160.0).rows()])

    def near(situation: str, *rows: tuple[float, ...]) -> list[bool]:
        found = near_equilibrium(situation, np.array(rows), known, 1.0)
        return [bool(good) for good in found]

    assert near("bertrand", (0.0, 0.9), (0.0, 1.1)) == [True, False]
    assert near("half_load", (40.0, 99.5), (90.0, 90.0)) == [True, False]
    assert near("capacity_uniform", (100, 60.9), (30, 99.2), (100, 62), (90, 10)) == [
        True,
        True,
        False,
        False,
    ]
    five = near("five_bus_100", (9, 30, 30), (30, 5, 30), (30, 9, 30), (0, 30, 20), (10, 30, 30))
    assert five == [True, True, False, False, False]
    tests = equilibrium_tests(even_grid("five_bus_100", 31))
    rows = np.array([[9, 30, 30], [30, 5, 30], [30, 30, 30], [10, 30, 30]])
    assert tests["(low, 30, 30)"](rows).tolist() == [True, False, False, False]
    assert tests["(30, low, 30)"](rows).tolist() == [False, True, False, False]


def test_turns_and_periods_by_hand() -> None:
    """Changes by players 1, 3 and 1: turns 2, 4 and 5 of the order 0, 1, 2, 0, ..., and three who stay."""
    path = np.array([[0, 0, 0], [0, 1, 0], [1, 1, 0], [1, 2, 0]])
    assert facts_five_bus._turns(path) == 5 + 3
    cycle = np.array([[3, 4], [3, 2], [4, 3], [2, 3]])
    assert facts_prices._period(cycle) == 2
    assert facts_prices._period(cycle[:3]) == 3


def test_counts_agree_within_their_sampling_error() -> None:
    low, high = sampled(36, 38, 40, 40)
    assert low <= 36 <= high
    assert sampled(3, 20, 40, 40)[0] > 3
    assert sampled(0, 0, 10, 10)[0] == 0


def test_tables_and_figures_of_a_short_run(small: Results, tmp_path: Path) -> None:
    tables = summarise(small)
    assert set(tables) >= {"ends", "benefits", "discrete", "facts"}
    assert len(tables["discrete"].frame) == 5 + 2
    charts = figures(small, {})
    assert charts[0].opening
    assert charts[0].name == "bids"
    first = charts[0]
    assert isinstance(first, Multiples)
    assert [panel.title for panel in first.panels][1] == "two buses, line of 50 MW"
    assert first.panels[1].band == pytest.approx((100 / 3, 100.0))
    for chart in charts:
        data, layout = plotly_chart(chart)
        assert data
        assert "xaxis" in layout
    assert draw_chart(first, tmp_path / "bids.png").stat().st_size > 10_000
    assert facts(small).of(TwoBus, line=50).least_markup == pytest.approx(100 / 3)


def test_small_multiples_have_a_panel_each() -> None:
    panels = [
        Multiple(title=f"<{k}>", curves=[("a", [0, 1], [k, k]), ("a", [0, 1], [0, k])]) for k in range(7)
    ]
    data, layout = plotly_chart(Multiples(name="m", title="t", panels=panels, x_label="x", y_label="y"))
    assert len(data) == 7
    assert sum(trace["showlegend"] for trace in data) == 1
    assert data[0]["x"] == [0.0, 1.0, None, 0.0, 1.0, None]
    assert layout["annotations"][0]["text"] == "<b>&lt;0&gt;</b>"
    assert [grid_shape(n) for n in (1, 4, 5, 8, 11)] == [(1, 1), (1, 4), (2, 3), (2, 4), (3, 4)]


def test_unknown_situations_are_refused() -> None:
    with pytest.raises(InputError, match="'cournot' is unknown"):
        cells(Settings(situations=("cournot",)))
    names = {cell["situation"] for cell in cells(Settings())}
    assert names == {*PLAN, "prices", "five_bus"}
    assert COST == 100.0


@pytest.mark.parametrize("missing", ["facts", "learned", "reruns", "by_level", "discrete", "bids"])
def test_an_unfinished_run_has_a_page(small: Results, missing: str) -> None:
    """What is not there yet is left out, and nothing is claimed."""
    tables = {name: frame for name, frame in small.tables.items() if name != missing}
    part = Results(small.spec, tables, small.cells, small.manifest)
    shown = summarise(part)
    assert (missing in shown) <= (missing in tables)
    for chart in figures(part, {}):
        plotly_chart(chart)
    assert claims(part, {}) == []


def answer_with(results: Results, **changed: pd.DataFrame | None) -> list[str]:
    """The answer of a run in which tables are others, or missing where None."""
    tables = {k: v for k, v in (dict(results.tables) | changed).items() if v is not None}
    return list(STUDY.answer(Results(results.spec, tables, results.cells, results.manifest), {}))


def test_the_answer_follows_the_tables(small: Results) -> None:
    pure, mixed, memory, counts, gain = answer_with(small)
    assert "0 of 2 runs end within 1 $/MWh of one" in pure
    assert mixed.startswith("Where equilibria are mixed (1 situation)")
    assert "4 comparisons" in memory
    table = summarise(small)["discrete"].frame
    assert f"{table['runs that end there'].sum()} of {table['runs'].sum()} runs" in counts
    assert "in 2 of 2 situations" in gain


def test_the_answer_turns_where_the_numbers_do(small: Results) -> None:
    """Bids at cost are Bertrand's equilibrium, and nobody pays more; a memory that adds 20 shows."""
    frame, money = small["bids"], small["benefits"]
    pure, mixed, memory, _, gain = answer_with(
        small,
        bids=frame.assign(markup=0.0 + 1e-3 * frame["session"] + 20.0 * (frame["kind"] == "no memory")),
        benefits=money.assign(price=COST, rent=0.0),
    )
    assert "2 of 2 runs end" in pure
    assert "where not all do" not in pure
    assert "above that of the equilibrium in 0 and below it in 1" in mixed
    assert "in 2 of 4 comparisons, most for networks without memory" in memory
    assert "by +20.0 $/MWh" in memory
    assert gain.endswith("in 0 of 2 situations.")


def test_the_answer_leaves_out_what_was_not_run(small: Results) -> None:
    assert len(answer_with(small, bids=None)) == 1
    assert len(answer_with(small, discrete=None)) == 4
    assert len(answer_with(small, facts=None)) == 4  # the price of a mixed equilibrium is not known
    one = small["bids"].query("session == 0 and situation == 'bertrand'")
    assert not [said for said in answer_with(small, bids=one) if "emory" in said]
    assert answer_with(small, **dict.fromkeys(small.tables)) == []


@pytest.mark.slow
def test_the_ledger_of_the_default_run(tmp_path: Path) -> None:
    """About 90 s of processor time; streams are fixed, so verdicts are."""
    ended = run("self_play", out=tmp_path)
    assert (ended.failed, ended.complete) == (0, True)
    rows = claims(studies.results(ended.folder), {})
    own = pd.Series([row.verdict for row in rows if row.source.kind == "cross-check"])
    assert len(rows) == 203
    assert (own == "matches").sum() >= 125
    assert all(row.reason for row in rows if row.verdict != "matches")
    post = {row.claim: row for row in rows if row.source.kind == "published"}
    assert [claim for claim, row in post.items() if row.verdict == "differs"] == [
        "with discrete levels the outcome is quite arbitrary and depends on the exact mark-ups",
        "to discover several equilibria the model must be rerun",
        "five buses: consumers' benefit in the equilibrium",
    ]
    rebuilt = [row for claim, row in post.items() if "five buses" in claim or "doubling" in claim]
    assert not [row for row in rebuilt if row.verdict == "matches"]
