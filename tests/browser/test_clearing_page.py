"""The page of a clearing in a real browser: no errors, figures drawn, controls work, nothing requested."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import clearing
import networks
from studies.commands.books import BookRequest, build_book
from studies.pages.clearing_page import write_clearing_page
from studies.pages.facts import Facts

sys.path.insert(0, str(Path(__file__).parent))
from chromium import Visit, find_chromium, visit

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium is installed (Debian: apt-get install chromium)"
)

PROBE = """
  const points = (id) => [...document.querySelectorAll(`#${id} .scatterlayer .points path`)].length;
  const lines = (id) => [...document.querySelectorAll(`#${id} .scatterlayer .lines path`)].length;
  const rows = (id) => document.querySelectorAll(`#${id} tbody tr`).length;
  const cell = (id, k) => document.querySelector(`#${id} tbody tr td:nth-child(${k})`).textContent;
  const settle = () => new Promise((done) => setTimeout(done, 300));
  found.ready = document.documentElement.dataset.ready;
  found.points = points("grid");
  found.lines = lines("grid");
  found.curves = lines("curves");
  found.bars = document.querySelectorAll("#money .barlayer .point path").length;
  found.size = document.getElementById("grid").getBoundingClientRect().width;
  found.overflow = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  found.buses = rows("bus-table");
  found.orders = rows("order-table");
  found.participants = rows("participant-table");
  const header = document.querySelectorAll("#bus-table th button")[1];
  header.focus();
  found.focused = document.activeElement === header;
  header.click();
  found.dearest = cell("bus-table", 2);
  found.sorted = header.parentElement.getAttribute("aria-sort");
  header.click();
  found.cheapest = cell("bus-table", 2);
  const search = document.querySelector("#bus-table input");
  search.value = "zzz";
  search.dispatchEvent(new Event("input"));
  found.filtered = rows("bus-table");
  const slider = document.getElementById("period");
  found.before = cell("order-table", 7);
  slider.value = slider.value === "0" ? slider.max : "0";
  slider.dispatchEvent(new Event("input"));
  await settle();
  found.now = document.getElementById("period-now").textContent;
  found.hidden = slider.closest(".controls").hidden;
  const plot = document.getElementById("grid");
  found.hover = plot.data.flatMap((t) => t.hovertext || []).join(" ");
"""


def facts_of(name: str, profile: str | None = None) -> Facts:
    case = networks.load(name)
    book = build_book(case, BookRequest(profile=profile))
    outcome = clearing.NodalMarket(case.grid).clear(book)
    return Facts(case, outcome, clearing.settle(outcome, book), f"walras clear {name}")


def open_page(facts: Facts, folder: Path, size: str = "1400,1000") -> Visit:
    return visit(write_clearing_page(facts, folder / "index.html"), folder, PROBE, size)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, Visit]:
    facts = facts_of("pglib_ieee300")
    return facts, open_page(facts, tmp_path_factory.mktemp("large"))


def test_no_errors_and_nothing_requested(large: tuple[Facts, Visit]) -> None:
    _, seen = large
    assert seen.found["errors"] == []
    assert seen.found["ready"] == "yes"
    assert (seen.hosts, seen.found["fetched"]) == ([], [])


def test_figures_are_drawn(large: tuple[Facts, Visit]) -> None:
    facts, seen = large
    tags = int(facts.is_binding[:, 0].sum())
    assert seen.found["points"] == len(facts.grid.buses) + len(facts.grid.branches) + tags
    assert seen.found["lines"] > 3
    assert seen.found["curves"] >= 2
    assert seen.found["bars"] >= 3
    assert seen.found["size"] > 1000


def test_tables_sort_and_filter(large: tuple[Facts, Visit]) -> None:
    facts, seen = large
    assert seen.found["focused"]
    assert seen.found["sorted"] == "descending"
    assert seen.found["dearest"] == f"{facts.outcome.lmp.max():.2f}"
    assert seen.found["cheapest"] == f"{facts.outcome.lmp.min():.2f}"
    assert seen.found["filtered"] == 0
    assert seen.found["buses"] == 200, "the rest is shown on request"
    assert seen.found["participants"] > 60


def test_hovering_tells_the_figures(large: tuple[Facts, Visit]) -> None:
    texts = large[1].found["hover"]
    for words in (
        "price",
        "energy",
        "congestion",
        "generation",
        "demand",
        "flow",
        "limit",
        "shadow price",
        "rent",
    ):
        assert words in texts


def test_periods_follow_the_slider_on_a_telephone(tmp_path: Path) -> None:
    facts = facts_of("three_node")
    seen = open_page(facts, tmp_path, size="500,900")
    assert seen.found["errors"] == []
    assert (seen.hosts, seen.found["fetched"]) == ([], [])
    assert seen.found["hidden"] is False
    assert seen.found["now"] == "0 of 0 to 1"
    assert seen.found["overflow"] <= 0, "no sideways scrolling"
    assert "interval" in seen.found["hover"], "prices are not unique here"


def test_markup_in_labels_stays_text(tmp_path: Path) -> None:
    from networks.case import Provenance, build_case

    bus = "</script><img src=x onerror=alert(1)> Süd 南"
    grid = networks.Grid.from_tables([{"bus": bus}])
    case = build_case(bus, "", grid, networks.Fleet.from_tables(grid), Provenance("test"))
    order = {"order": "<b>a</b>", "participant": "p", "bus": bus, "side": "sell", "mw": 5, "price": 1}
    book = clearing.Book.from_tables([order], fixed=[{"bus": bus, "mw": 3}])
    outcome = clearing.NodalMarket(grid).clear(book)
    seen = open_page(Facts(case, outcome, clearing.settle(outcome, book), "test"), tmp_path)
    assert seen.found["errors"] == []
    assert (seen.hosts, seen.found["fetched"]) == ([], [])
    assert "&lt;/script&gt;" in seen.found["hover"]
