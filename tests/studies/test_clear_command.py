"""`walras clear`: every option changes what it should, files are complete, bad input is exit code 2."""

from __future__ import annotations

import json
import math
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from studies.cli import app

run = CliRunner().invoke
CASE = "three_node"  # two periods; the branch 1-2 of 100 MW binds in both


def clear(*words: str) -> dict[str, Any]:
    """The JSON document of a clearing."""
    done = run(app, ["clear", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*words: str) -> str:
    """The message of a clearing that ends with exit code 2 and prints nothing else."""
    done = run(app, ["clear", *words, "--no-files"])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def table(document: dict[str, Any], name: str) -> pd.DataFrame:
    return pd.DataFrame(document["tables"][name])


def test_summary_says_what_an_engineer_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(app, ["clear", CASE, "--explain", "2"])
    assert done.exit_code == 0, done.output
    text = done.stdout
    numbers = ("2,740.00 $", "440.0 MWh", "6.00 $/MWh (bus 1", "1 branch binds", "holds: 10 conditions")
    for words in (*numbers, "optimal", "not unique at", "demand pays", "Binding branches", "Note: "):
        assert words in text, words
    assert "One more MW at bus 2" in text or "bus 2" in text
    assert "\x1b[" not in text, "colours belong on a terminal only"
    assert (tmp_path / "results" / CASE / "index.html").is_file()


def test_files_hold_the_outcome_in_full_precision(tmp_path: Path) -> None:
    document = clear(CASE, "--out", str(tmp_path))
    names = {Path(path).name for path in document["files"]}
    tables = ("prices", "accepted", "flows", "payments", "participants", "rents")
    assert {"index.html", "clearing.png", *(f"{t}.{s}" for t in tables for s in ("csv", "parquet"))} <= names
    assert names == {path.name for path in tmp_path.iterdir()}, "no drafts are left"
    for name in tables:
        stored = pd.read_parquet(tmp_path / f"{name}.parquet")
        pd.testing.assert_frame_equal(stored, pd.read_csv(tmp_path / f"{name}.csv"), check_dtype=False)
        shown = table(document, name)
        assert list(shown.columns) == list(stored.columns)
        if "lmp" in stored:
            assert (shown["lmp"] == stored["lmp"]).all()


def test_json_is_one_document_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = clear(CASE)
    assert document["status"] == "optimal"
    assert document["cost"] == pytest.approx(2740, abs=1e-9)
    assert document["certificate"]["holds"] is True
    assert document["command"] == f"walras clear {CASE} --json"
    assert not list(tmp_path.iterdir())


def test_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(app, ["clear", CASE, "--no-files"]).exit_code == 0
    assert not list(tmp_path.iterdir())


def test_price_rules_order_the_prices() -> None:
    low, middle, high = (
        table(clear(CASE, "--price-rule", rule), "prices")["lmp"].sum()
        for rule in ("low", "canonical", "high")
    )
    assert low < middle < high
    assert middle == pytest.approx((low + high) / 2)


def test_forms_agree() -> None:
    angle, ptdf = (table(clear(CASE, "--form", form), "prices")["lmp"] for form in ("angle", "ptdf"))
    pd.testing.assert_series_equal(angle, ptdf, rtol=1e-9)


@pytest.mark.parametrize("rule", ["lmp", "uniform", "pay_as_bid"])
def test_settlement_rules(rule: str) -> None:
    document = clear(CASE, "--rule", rule)
    assert document["settlement"]["rule"] == rule
    summary = document["settlement"]
    paid = summary["buyers' payments"] + summary["fixed demand's payment"] + summary["grid shunts' payment"]
    assert paid - summary["sellers' receipts"] == pytest.approx(summary["merchandising surplus"], abs=1e-6)


def test_markup_and_withholding_change_the_orders() -> None:
    plain, dear, tenth, less = (
        table(clear(CASE, *words), "accepted").set_index(["order", "period"]).loc[("Gen-C", 0)]
        for words in ((), ("--markup", "Gen-C=1"), ("--markup", "Gen-C=10%"), ("--withhold", "Gen-C=0.25"))
    )
    assert (plain.limit_price, dear.limit_price, tenth.limit_price) == (8, 9, pytest.approx(8.8))
    assert (plain.offered_mw, less.offered_mw) == (200, 150)


def test_profile_periods_and_hours(tmp_path: Path) -> None:
    document = clear("five_bus", "--profile", "0.5, 1, 0.9", "--hours", "0.5")
    assert (document["periods"], document["hours"]) == (3, 0.5)
    file = tmp_path / "profile.csv"
    file.write_text("hour,share\n0,0.5\n1,1\n2,0.9\n", encoding="utf-8")
    assert clear("five_bus", "--profile", str(file), "--hours", "0.5")["cost"] == document["cost"]
    assert clear("five_bus", "--periods", "2")["periods"] == 2


def test_ramp_share_limits_every_unit() -> None:
    document = clear("five_bus", "--profile", "0.6,1", "--ramp-share", "0.5")
    before, after = (rows.set_index("order") for _, rows in table(document, "accepted").groupby("period"))
    change = (after["accepted_mw"] - before["accepted_mw"]).abs()
    assert (change <= 0.5 * before["offered_mw"] + 1e-6).all()
    assert "no previous output" in " ".join(document["notes"])


def test_convention_and_angle_limits() -> None:
    assert clear("five_bus", "--convention", "powermodels", "--angle-limits", "ignore")["status"] == "optimal"


def test_orders_fixed_and_ramps_from_files(tmp_path: Path) -> None:
    orders, fixed, ramps = (tmp_path / f"{name}.csv" for name in ("orders", "fixed", "ramps"))
    orders.write_text(
        "order,participant,bus,side,mw,price\nA,north,1,sell,100,10\nB,north,2,sell,100,20\nC,south,3,buy,50,30\n",
        encoding="utf-8",
    )
    fixed.write_text("bus,mw\n3,60\n", encoding="utf-8")
    ramps.write_text("unit,up_mw,previous_mw\nA,5,0\n", encoding="utf-8")
    free = clear(CASE, "--orders", str(orders), "--fixed", str(fixed), "--periods", "2")
    assert free["served_mwh"] == pytest.approx(220)
    held = clear(
        CASE, "--orders", str(orders), "--fixed", str(fixed), "--periods", "2", "--ramps", str(ramps)
    )
    accepted = table(held, "accepted").set_index(["order", "period"])["accepted_mw"]
    assert (accepted["A", 0], accepted["A", 1]) == (pytest.approx(5), pytest.approx(10))
    nothing = clear(CASE, "--orders", str(orders), "--fixed", "none", "--periods", "2")
    assert nothing["served_mwh"] == pytest.approx(100)


def test_value_of_lost_load_makes_a_short_market_clear() -> None:
    message = refused("five_bus", "--profile", "40")
    assert message.startswith("walras: infeasible:")
    document = clear("five_bus", "--profile", "40", "--voll", "3000")
    assert table(document, "prices")["lmp"].max() == pytest.approx(3000)


def test_exported_case_clears_to_the_same_numbers(tmp_path: Path) -> None:
    assert run(app, ["show", CASE, "--export", str(tmp_path / "mine")]).exit_code == 0
    assert clear(str(tmp_path / "mine"))["cost"] == clear(CASE)["cost"]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--explain", "north"), ["--explain", "'north'", "not a bus"]),
        (("--profile", "1,x"), ["profile", "entry 1", "'x'"]),
        (("--profile", "1,2,3"), ["2", "3"]),
        (("--periods", "0"), ["periods"]),
        (("--hours", "-1"), ["hours is -1.0"]),
        (("--hours", "nan"), ["hours is nan"]),
        (("--markup", "Nobody=3"), ["'Nobody'", "sells nothing"]),
        (("--withhold", "Gen-A=1.5"), ["withheld share of 'Gen-A'", "0 to 1"]),
        (("--ramp-share", "-0.1"), ["ramp_share is -0.1"]),
        (("--voll", "-5"), ["value_of_lost_load is -5"]),
        (("--time-limit", "0"), ["time_limit is 0"]),
        (("--orders", "missing.csv"), ["orders", "missing.csv"]),
        (("--fixed", "missing.csv"), ["fixed", "missing.csv"]),
        (("--ramps", "missing.csv"), ["ramps", "missing.csv"]),
        (("--orders", "missing.csv", "--ramp-share", "0.1"), ["--ramp-share", "--ramps"]),
    ],
)
def test_bad_options_are_refused_by_name(words: tuple[str, ...], parts: list[str]) -> None:
    message = refused(CASE, *words)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ("A,north,9,sell,10,5", ["'orders'", "'bus'", "9"]),
        ("A,north,1,sell,-10,5", ["'orders'", "'A'", "'mw'", "-10"]),
        ("A,north,1,sell,10,dear", ["'orders'", "'A'", "'price'", "'dear'", "$/MWh"]),
        ("A,north,1,lend,10,5", ["'orders'", "'side'", "'lend'"]),
    ],
)
def test_bad_rows_name_table_row_column_value_and_remedy(tmp_path: Path, row: str, parts: list[str]) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(f"order,participant,bus,side,mw,price\n{row}\n", encoding="utf-8")
    message = refused(CASE, "--orders", str(file), "--fixed", "none")
    for part in parts:
        assert part in message


@pytest.mark.parametrize("content", ["", "mpc = oops", "function mpc = x\nmpc.bus = [1 2 3"])
def test_broken_case_files_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "broken.m"
    file.write_text(content, encoding="utf-8")
    assert "broken" in refused(str(file))


def test_unwritable_folder_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = run(app, ["clear", CASE, "--out", str(tmp_path / "file" / "below")])
    assert done.exit_code == 2
    assert re.fullmatch(r"walras: cannot read or write '.*below'.*\n", done.stderr)


def test_numbers_without_a_value_are_null() -> None:
    from studies.pages.exports import plain

    assert plain({"a": [math.nan, math.inf, 1.5], 3: pd.NA}) == {"a": [None, None, 1.5], "3": None}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_interrupt_ends_cleanly(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time, studies.commands.books\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "def build(*_):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "studies.commands.books.build_book = build\n"
        "from studies.cli import main\n"
        "main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "clear", CASE],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in message


def test_commands_of_the_readme_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    lines = re.findall(r"^walras ((?:cases|show|clear|homes)\b.*)$", text, re.M)
    assert len(lines) >= 6
    (tmp_path / "examples").symlink_to(Path(__file__).parents[2] / "examples")
    monkeypatch.chdir(tmp_path)
    for line in lines:
        words = shlex.split(line, comments=True)
        if words[0] in ("clear", "homes") and "--json" not in words:
            words.append("--no-files")
        done = run(app, words)
        assert done.exit_code == 0, (line, done.output)


def test_a_name_in_a_file_is_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The results of a case of somebody else stay below `results`, whatever its tables call it."""
    monkeypatch.chdir(tmp_path)
    assert run(app, ["show", CASE, "--export", "theirs"]).exit_code == 0
    settings = tmp_path / "theirs" / "case.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text.replace('name = "three_node"', 'name = "../mine"'), "utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "index.html").write_text("my page", "utf-8")
    done = run(app, ["clear", "theirs"])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine" / "index.html").read_text("utf-8") == "my page"
    (folder,) = (tmp_path / "results").iterdir()
    assert (folder / "index.html").is_file()
