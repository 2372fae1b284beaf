"""`walras play`: a session, its figure, and what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from learners.equilibria.indices import Benchmarks
from studies.cli import app
from studies.commands.play_session import say_finding

run = CliRunner().invoke


def test_play_says_what_was_learned(tmp_path: Path) -> None:
    done = run(app, ["play", "logit", "--rounds", "20000", "--replicates", "2", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for words in ("firm 1", "Nash, highest", "per round", "2 of 20,000 rounds, seed 0"):
        assert words in done.stdout
    assert (tmp_path / "play.png").stat().st_size > 10_000
    assert "profit" in (tmp_path / "rounds.csv").read_text().splitlines()[0]


def test_play_on_a_network_market_as_json(tmp_path: Path) -> None:
    words = ["--players", "G1,G2,G3", "--markups", "0,10,20,30", "--rounds", "3000", "--policy", "entropy"]
    learners = ["--learner", "expected-sarsa", "--learner", "best-response", "--learner", "roth-erev"]
    done = run(app, ["play", "five_bus", *words, *learners, "--json", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["players"] == ["G1", "G2", "G3"]
    assert facts["lowest_Nash_profit"] <= facts["joint_optimum_profit"]
    assert len(facts["cards"]) == 3


def test_where_play_rests_on_a_market_is_certified(tmp_path: Path) -> None:
    """Rules that rest at (0, 30, 30), which is an equilibrium of all mark-ups from 0 to 30."""
    words = ["play", "five_bus", "--players", "G1,G2,G3", "--markups", "0,10,20,30", "--rounds", "40"]
    learners = ["--learner", "truthful", "--learner", "best-response", "--learner", "best-response"]
    done = run(app, [*words, *learners, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "rests at mark-ups 0, 30, 30" in said
    facts = json.loads(run(app, [*words, *learners, "--json", "--out", str(tmp_path)]).stdout)
    assert facts["epsilon"] == pytest.approx(0, abs=1e-5)
    assert facts["epsilon_proven"]


@pytest.mark.parametrize("learner", ["q", "evolution", "linear"])
def test_demand_that_changes_is_known_to_the_players(learner: str, tmp_path: Path) -> None:
    words = ["play", "five_bus", "--markups", "0,30", "--rounds", "2000", "--demand", "0.6,1", "--gamma", "0"]
    more = ["--noise", "0.05", "--memory", "none", "--learner", learner, "--replicates", "2"]
    done = run(app, [*words, *more, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for part in ("Demand 60%", "Demand 100%", "Joint", "So"):
        assert part in done.stdout
    facts = json.loads(run(app, [*words, *more, "--json", "--out", str(tmp_path)]).stdout)
    low, high = facts["asked"]
    assert low["demand"] == 0.6
    assert all(0 <= row[player] <= 30 for row in (low, high) for player in facts["players"])
    assert facts["competitive_profit"] < facts["joint_optimum_profit"]


def test_pools_play_and_a_checkpoint_goes_on(tmp_path: Path) -> None:
    words = ["play", "bertrand", "--learner", "evolution", "--learner", "grim", "--rounds", "1500", "--json"]
    files = ["--checkpoint", str(tmp_path / "run.npz"), "--out", str(tmp_path)]
    first, again, plain = (run(app, [*words, *more]) for more in (files, files, ["--out", str(tmp_path)]))
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout) == json.loads(again.stdout)
    assert json.loads(first.stdout)["profit_per_round"] == json.loads(plain.stdout)["profit_per_round"]
    other = run(app, [*words, *files, "--seed", "1"])
    assert other.exit_code == 2
    assert "of seed 0 and 4 sessions" in other.stderr


@pytest.mark.parametrize(
    ("earned", "words"),
    [
        (9.0, "above every static equilibrium, 67% of the way"),
        (6.0, "among the static equilibria"),
        (4.0, "above competition"),
        (2.0, "competitive"),
        (1.0, "below competition"),
    ],
)
def test_findings_follow_the_benchmarks(earned: float, words: str) -> None:
    assert words in say_finding(earned, Benchmarks(2.0, 5.0, 7.0, 10.0))


def test_findings_without_a_pure_equilibrium() -> None:
    nan = float("nan")
    assert "50% of the way from competition" in say_finding(6.0, Benchmarks(2.0, nan, nan, 10.0))
    assert say_finding(6.0, Benchmarks(2.0, 6.0, 6.0, 10.0)) == "at a static equilibrium"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["logitt"], "logit, bertrand"),
        (["logit", "--learner", "qq"], "give one of q, sarsa"),
        (["logit", "--policy", "greedy"], "give one of epsilon"),
        (["logit", "--learner", "q", "--learner", "q", "--learner", "q"], "3 times for 2 players"),
        (["logit", "--markups", "1,2"], "belong to a case"),
        (["five_bus", "--markups", "1,x"], "numbers in $/MWh"),
        (["five_bus", "--players", "G9"], "no participant"),
        (["five_bus", "--noise", "0.1"], "give both"),
        (["logit", "--demand", "1"], "belong to a case"),
        (["five_bus", "--demand", "one"], "such as 0.6,0.8,1"),
        (["five_bus", "--players", "G1,G1"], "names 'G1' twice"),
        (["logit", "--policy", "boltzmann", "--unchanged", "100"], "falling schedule"),
    ],
)
def test_play_refuses_bad_words(words: list[str], message: str) -> None:
    done = run(app, ["play", *words])
    assert done.exit_code == 2
    assert message in done.stderr
