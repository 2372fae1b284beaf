"""`walras homes`: drawn and given homes, plans, tariffs, an auction from their true curves, bad input."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from studies.cli import app


def homes(*words):
    return CliRunner().invoke(app, ["homes", *map(str, words)])


def test_homes_by_one_seed_with_tables_picture_and_page(tmp_path):
    words = ("cigre_lv", "--count", 4, "--seed", 3, "--slots", 24, "--compare")
    done = homes(*words, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "clearing.png").read_bytes()[:4] == b"\x89PNG"
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "What one MWh more costs a home" in page
    slots = pd.read_csv(tmp_path / "slots.csv")
    assert len(slots) == 4 * 24
    assert (slots["marginal_low"] <= slots["marginal_cost"]).all()
    assert (slots["marginal_cost"] <= slots["marginal_high"]).all()
    assert list(pd.read_csv(tmp_path / "tariffs.csv")["tariff"]) == ["flat", "time of use", "net metering"]
    table = pd.read_csv(tmp_path / "homes.csv")
    hours = 1.0
    buy = np.where((np.arange(24) >= 16) & (np.arange(24) < 21), 320.0, 200.0)
    for name, part in slots.groupby("home"):
        bill = float((buy * part["bought"] - 60.0 * part["sold"]).sum()) * hours
        assert table.set_index("home")["bill"][name] == pytest.approx(bill, abs=1e-9)
    again = json.loads(homes(*words[:-1], "--json").output)
    assert again["summary"]["bills"] == pytest.approx(float(table["bill"].sum()), abs=1e-12)


def test_given_loads_and_sun_in_kilowatts(tmp_path):
    pd.DataFrame({"slot": range(4), "Ann": [1, 2, 1, 0], "Bob": 0.5}).to_csv(
        tmp_path / "load.csv", index=False
    )
    pd.DataFrame({"slot": range(4), "Bob": 0, "Ann": [0, 3, 3, 0]}).to_csv(tmp_path / "sun.csv", index=False)
    words = ("feeder8", "--load", tmp_path / "load.csv", "--slots", 4)
    words += ("--sun", tmp_path / "sun.csv", "--tariff", "flat")
    document = json.loads(homes(*words, "--battery-share", 0, "--vehicle-share", 0, "--json").output)
    slots = pd.DataFrame(document["tables"]["slots"]).set_index(["home", "slot"])
    assert slots["load"]["Ann"].tolist() == pytest.approx([1e-3, 2e-3, 1e-3, 0])
    assert slots["sun"]["Bob"].max() == 0
    assert set(slots.index.get_level_values("home")) == {"Ann", "Bob"}


def test_the_auction_of_a_slot_can_be_cleared(tmp_path):
    done = homes("feeder8", "--count", 3, "--slots", 24, "--seed", 1, "--orders-at", 12, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    words = ["clear", "feeder8", "--market", "elecbay", "--orders", str(tmp_path / "orders.csv")]
    words += ["--supplier", str(tmp_path / "supplier.csv"), "--json"]
    document = json.loads(CliRunner().invoke(app, words).output)
    assert document["certificate"]["holds"]
    assert document["summary"]["welfare"] > 0


def test_a_battery_is_not_paid_for_burning_energy():
    """At a negative price charging and discharging at once would pay; the plan does one of the two."""
    words = (
        "feeder8",
        "--count",
        2,
        "--slots",
        8,
        "--battery-share",
        1,
        "--vehicle-share",
        0,
        "--tariff",
        "flat",
    )
    document = json.loads(homes(*words, "--price", -500, "--feed-in", -510, "--json").output)
    slots = pd.DataFrame(document["tables"]["slots"])
    assert np.minimum(slots["charged"], slots["discharged"]).max() < 1e-9
    assert slots["charged"].max() > 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("feeder8", "--price", 50, "--feed-in", 60), "sell_price is 60 and buy_price 50 $/MWh in slot 0"),
        (("three_node", "--count", 2), "it closes a loop"),
        (("feeder9",), "feeder8"),
        (("feeder8", "--count", 0), "--count is 0"),
        (("feeder8", "--battery-share", 2), "battery_share is 2.0; give a probability from 0 to 1"),
        (("feeder8", "--sun", "x.csv"), "--sun needs --load"),
        (("feeder8", "--count", 1, "--slots", 4, "--orders-at", 25), "the plan ends at 24 h"),
        (("feeder8", "--load", "missing.csv"), "missing.csv"),
    ],
)
def test_bad_input_ends_with_code_2_and_a_remedy(words, message):
    done = homes(*words, "--no-files")
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.stderr.split())


def test_a_load_that_nothing_can_serve_is_named(tmp_path):
    (tmp_path / "load.csv").write_text("slot,Ann,Bob\n0,1,1\n1,1,30\n")
    done = homes("feeder8", "--load", tmp_path / "load.csv", "--slots", 2, "--no-files")
    assert done.exit_code == 2
    text = " ".join(done.stderr.split())
    assert "home 'Bob': nothing can serve its load in slot 1" in text
    assert "raise connection_mw, or give value_of_lost_load" in text


def bill_of(loads_kw, clock):
    """At the default tariff: 320 $/MWh from 16 to 21 h, 200 otherwise."""
    price = np.where((clock % 24 >= 16) & (clock % 24 < 21), 320.0, 200.0)
    return float((loads_kw.sum(axis=1) * price).sum()) * 1e-3


def test_given_loads_are_the_whole_plan_whatever_their_length(tmp_path):
    """Three days of hourly rows cost what the tariff asks for them, and nothing is drawn but places."""
    loads = np.random.default_rng(5).uniform(0.1, 2.0, (72, 2))
    frame = pd.DataFrame({"slot": range(72), "007": loads[:, 0], "=Bob": loads[:, 1]})
    frame.to_csv(tmp_path / "load.csv", index=False, sep=";", decimal=",")
    words = ("feeder8", "--load", tmp_path / "load.csv", "--slots", 24)
    document = json.loads(homes(*words, "--json").output)
    assert document["summary"]["bills"] == pytest.approx(bill_of(loads, np.arange(72.0)), rel=1e-9)
    assert document["summary"]["comfort_worth"] == 0
    assert document["origin"] == "loads as given, 72 rows of 1 h (3 days); drawn by seed 0: places"
    table = pd.DataFrame(document["tables"]["homes"])
    assert table["home"].tolist() == ["007", "=Bob"]
    assert not table["vehicle"].any()
    assert table["battery_mwh"].max() == 0
    first = homes(*words, "--comfort", "--battery-share", 1, "--out", tmp_path).stdout.splitlines()[0]
    assert "drawn by seed 0: places, batteries, comfort" in first
    assert "'=Bob" in (tmp_path / "homes.csv").read_text(encoding="utf-8")


def test_times_say_how_long_rows_are_and_when_the_peak_is(tmp_path):
    """Half-hourly rows over the change to summer time, given in another order."""
    stamps = pd.date_range("2026-03-28 15:00", periods=50, freq="30min", tz="Europe/Berlin")
    loads = np.random.default_rng(6).uniform(0.1, 2.0, (50, 1))
    frame = pd.DataFrame({"time": [stamp.isoformat() for stamp in stamps], "Ann": loads[:, 0]})
    frame.sample(frac=1.0, random_state=1).to_csv(tmp_path / "load.csv", index=False)
    document = json.loads(homes("feeder8", "--load", tmp_path / "load.csv", "--json").output)
    clock = stamps.hour.to_numpy() + stamps.minute.to_numpy() / 60.0
    assert document["summary"]["bills"] == pytest.approx(0.5 * bill_of(loads, clock), rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "words", "message"),
    [
        ("slot,Ann\n0,1\n1,1\n", (), "2 rows and does not say how long a row is; give --slots"),
        ("slot,Ann\n" + "".join(f"{k},1\n" for k in range(48)),
         ("--slots", 24, "--vehicle-share", 0.5), "describe one day, and --load has 48 rows of 1 h (2 days)"),
        ("time,Ann\n2026-01-01 00:00,1\n2026-01-01 01:00,1\n", ("--slots", 96),
         "rows of 1 h; leave --slots out"),
        ("time,Ann\n2026-01-01 00:00,1\n2026-01-01 01:00,1\n2026-01-01 03:00,1\n2026-01-01 04:00,1\n", (),
         "does not follow the row before by 1 h"),
        ("slot,Ann\n0,1\n1,1\n", ("--slots", 2, "--count", 25), "one home per column; leave --count out"),
        ("time,Ann\n01.02.2026 13:00,1\n01.02.2026 14:00,1\n", (), "write times as 2026-01-31 13:00"),
        ("time,Ann\n2026-01-01 00:00,1\n2026-01-01T01:00+01:00,1\n", (),
         "offset from UTC and some have none"),
    ],
)  # fmt: skip
def test_loads_of_unknown_length_are_refused(tmp_path, rows, words, message):
    (tmp_path / "load.csv").write_text(rows)
    done = homes("feeder8", "--load", tmp_path / "load.csv", *words, "--no-files")
    assert done.exit_code == 2, done.output
    assert message in " ".join(done.stderr.split())
