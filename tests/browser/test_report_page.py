"""The page of a study in a real browser: no errors, figures drawn, tables usable by keyboard, nothing "
"requested."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studies.report import write_report
from studies.running.runner import run

sys.path.insert(0, str(Path(__file__).parent))
from chromium import Visit, find_chromium, visit

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)

PROBE = """
  const count = (what) => document.querySelectorAll(what).length;
  found.ready = document.documentElement.dataset.ready;
  found.charts = [...document.querySelectorAll(".js-plotly-plot")].map((plot) => ({
    id: plot.id, traces: plot.data.length, width: plot.getBoundingClientRect().width,
    marks: plot.querySelectorAll(".plot path, .plot image, .plot rect").length }));
  found.ledger = [...document.querySelectorAll("#ledger .verdict")].map((cell) => cell.textContent);
  found.rows = count("#table-firms tbody tr, #table-means tbody tr, #table-scenarios tbody tr");
  found.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  const focusable = [...document.querySelectorAll("a[href], button, input, [tabindex='0'], summary")]
    .filter((item) => item.offsetParent !== null || item.classList.contains("skip"));
  const refuses = (item) => { item.focus(); return document.activeElement !== item; };
  found.unfocused = focusable.filter(refuses).length;
  found.focusable = focusable.length;
  const header = document.querySelector("th button");
  header.focus();
  header.click();
  found.sorted = header.parentElement.getAttribute("aria-sort");
  found.text = document.body.innerText;
"""
SAMPLE = str(Path(__file__).parents[1] / "studies" / "sample_study.py")


def open_report(folder: Path, study: str, spec: dict, size: str = "1400,1000", **options) -> Visit:
    ended = run(study, spec, jobs=0, out=folder, **options)
    return visit(write_report(ended.folder), folder, PROBE, size)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    spec = {"case": "three_node", "withheld": [0.0, 0.005, 1.0], "markups": [0.0, 1.0]}
    return open_report(tmp_path_factory.mktemp("scan"), "market_power_scan", spec)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Visit]:
    folder = tmp_path_factory.mktemp("sample")
    return folder, open_report(folder, SAMPLE, {"cells": 6, "fails": [2]}, "500,900", replicates=3, seed=4)


def test_no_errors_and_nothing_requested(scan: Visit, sample: tuple[Path, Visit]) -> None:
    for seen in (scan, sample[1]):
        assert seen.found["errors"] == []
        assert seen.found["ready"] == "yes"
        assert (seen.hosts, seen.found["fetched"]) == ([], [])


def test_every_figure_is_drawn(scan: Visit) -> None:
    charts = {chart["id"]: chart for chart in scan.found["charts"]}
    assert {"chart-grid", "chart-residual_supply", "chart-withhold_profit_change"} <= set(charts)
    for chart in charts.values():
        assert chart["traces"] >= 1
        assert chart["marks"] >= 3, chart
        assert chart["width"] > 400


def test_the_keyboard_reaches_everything(scan: Visit) -> None:
    assert scan.found["focusable"] > 10
    assert scan.found["unfocused"] == 0
    assert scan.found["sorted"] in ("ascending", "descending")


def test_the_page_says_what_happened(sample: tuple[Path, Visit]) -> None:
    folder, seen = sample
    text = seen.found["text"]
    for words in (
        "Do the draws depend on who makes them?",
        "15 of 18",
        "replicates of each cell",
        "± s.e.",
        "ValueError: cell 2 was told to fail",
        "--set cells=6 --set fails=2 --seed 4 --replicates 3",
        "SeedSequence(seed, spawn_key=(cell, replicate))",
        "pyarrow",
    ):
        assert words in text, words
    assert "<bold>" not in text
    assert len(list(folder.glob("*/means.png"))) == 1
    assert seen.found["overflow"] <= 0, "no sideways scrolling on a telephone"


def test_a_complete_run_shows_its_ledger(tmp_path: Path) -> None:
    seen = open_report(tmp_path, SAMPLE, {"cells": 3})
    assert seen.found["errors"] == []
    assert seen.found["ledger"] == ["consistent", "under-specified"]
    assert "A <document>" in seen.found["text"]
    assert "which way up" in seen.found["text"]
