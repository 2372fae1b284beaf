"""`walras incubate`: a user's series from files, a simulated one, and what it says of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from clearing import InputError
from studies.incubator.input import IncubatorRequest, write_series
from studies.incubator.result import incubate
from tests.studies.helpers import ROOT, walras

EXAMPLE = ROOT / "examples" / "incubator"
QUICK = {"trials": 40, "block": 6}


def recorded(**options):
    return incubate(
        IncubatorRequest("five_bus", EXAMPLE / "books.csv", EXAMPLE / "loads.csv", **(QUICK | options)),
        "test",
    )


def test_the_example_shows_who_raises_prices(tmp_path: Path) -> None:
    result = recorded()
    agents = result.tables["agents"].set_index("seller")
    assert agents["gain"].idxmax() == "G3"
    assert agents.loc["G3", "offered_markup"] == pytest.approx(0.6, abs=1e-4)
    assert agents.loc["G3", "gap_low"] <= agents.loc["G3", "gap"] <= agents.loc["G3", "gap_high"]
    assert result.assessment.p_value < 0.05
    assert "closer look" in result.assessment.sentence
    periods = result.tables["periods"]
    assert len(periods) == 48
    assert (periods["gap"].dropna() > 1).all()
    files = result.write(tmp_path)
    assert {"index.html", "prices.png", "errors.png", "sellers.png", "gains.png", "agents.csv"} <= {
        path.name for path in files
    }
    page = files[0].read_text(encoding="utf-8")
    assert result.assessment.sentence in page
    document = json.loads(result.document(files))
    assert document["summary"]["cleared"] == int(periods["cleared"].sum())


def test_own_costs_and_observed_prices(tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    books = pd.read_csv(EXAMPLE / "books.csv")
    books[books["book"] == 0][["order", "price"]].to_csv(costs, index=False)
    believed = recorded(costs=costs)
    assert believed.assessment.gap == pytest.approx(0, abs=1e-6)  # who reports offers as costs is not found
    prices = tmp_path / "prices.csv"
    pd.DataFrame({"book": [0] * 5, "bus": [1, 2, 3, 4, 5], "lmp": 500.0}).to_csv(prices, index=False)
    observed = recorded(prices=prices).tables["periods"]
    assert observed["observed_price"][0] == pytest.approx(500)
    assert observed["observed_price"][1] == pytest.approx(recorded().tables["periods"]["observed_price"][1])


def test_a_simulated_series_comes_back_from_its_files(tmp_path: Path) -> None:
    request = IncubatorRequest("five_bus", simulate=20, markup=(("G3", 50.0, True),), seed=4, **QUICK)
    made = incubate(request)
    books, loads = write_series(made.assessment.found, tmp_path)
    again = incubate(IncubatorRequest("five_bus", books, loads, **QUICK))
    assert again.tables["periods"]["gap"].to_numpy() == pytest.approx(
        made.tables["periods"]["gap"].to_numpy(), abs=1e-4, nan_ok=True
    )
    calm = incubate(IncubatorRequest("five_bus", simulate=5, sigma=0.0))
    assert "what truthful costs would give" in calm.assessment.sentence
    assert len(calm.assessment.null) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"books": None, "loads": None}, "or --simulate HOURS"),
        ({"simulate": 5}, "or --simulate HOURS"),
        ({"markup": (("G3", 0.5, False),)}, "not recorded books"),
        ({"books": None, "simulate": 5}, "--loads belongs to recorded books"),
        ({"case": "three_node"}, "one period"),
        ({"case": "nowhere"}, "nowhere"),
        ({"sigma": -0.1}, "cost error"),
        ({"costs": EXAMPLE / "none.csv"}, "no file"),
    ],
)
def test_bad_input_is_named(options, words) -> None:
    given = {"case": "five_bus", "books": EXAMPLE / "books.csv", "loads": EXAMPLE / "loads.csv"} | QUICK
    with pytest.raises(InputError, match=words):
        incubate(IncubatorRequest(**(given | options)))


def test_the_command(tmp_path: Path) -> None:
    files = [EXAMPLE / "books.csv", "--loads", EXAMPLE / "loads.csv"]
    done = walras("incubate", *files, "--case", "five_bus", "--out", tmp_path, "--trials", 40)
    assert done.returncode == 0, done.stderr
    assert "Over 46 books prices are on average 7.72 $/MWh above" in done.stdout.replace("\n", " ")
    assert "G3" in done.stdout
    assert (tmp_path / "index.html").stat().st_size > 1e6
    bad = walras("incubate", EXAMPLE / "books.csv")
    assert bad.returncode == 2
    assert "--case is missing" in bad.stderr
