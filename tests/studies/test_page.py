"""The page: self-contained, complete, escaped, and with the numbers of the outcome."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import clearing
import networks
from studies.pages.clearing_page import write_clearing_page
from studies.pages.facts import Facts
from studies.pages.page import html_table, json_for_script, plotting_library

LOADS = {"src", "srcset", "data", "poster", "background", "action", "formaction", "href", "xlink:href"}


class Elements(HTMLParser):
    """Tags with their attributes, and the text of script elements by id."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)


def facts_of(name: str) -> Facts:
    case = networks.load(name)
    book = clearing.Book.from_case(case)
    outcome = clearing.NodalMarket(case.grid).clear(book)
    return Facts(case, outcome, clearing.settle(outcome, book), f"walras clear {name}")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[Facts, str]:
    facts = facts_of("pglib_ieee118")
    path = write_clearing_page(facts, tmp_path_factory.mktemp("page") / "index.html")
    return facts, path.read_text(encoding="utf-8")


def test_nothing_is_loaded_from_anywhere(page: tuple[Facts, str]) -> None:
    for tag, attributes in Elements(page[1]).tags:
        for name in LOADS & set(attributes):
            value = attributes[name] or ""
            assert value.startswith(("#", "data:")), f"<{tag} {name}={value!r}>"
    styles = "".join(re.findall(r"<style>(.*?)</style>", page[1], re.S))
    assert "url(" not in styles
    assert "@import" not in styles


def test_a_policy_forbids_requests(page: tuple[Facts, str]) -> None:
    policies = [a for t, a in Elements(page[1]).tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert (policies[0]["content"] or "").startswith("default-src 'none';")


def test_the_plotting_library_is_there_once(page: tuple[Facts, str]) -> None:
    assert page[1].count(plotting_library()[:200]) == 1
    assert len(page[1]) < 6_000_000


def test_the_page_can_be_read_aloud(page: tuple[Facts, str]) -> None:
    elements = Elements(page[1])
    assert dict(elements.tags)["html"] == {"lang": "en"}
    ids = {a["id"] for _, a in elements.tags if "id" in a}
    for _, attributes in elements.tags:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert attributes.get(name) is None or attributes[name] in ids
        if attributes.get("role") == "img":
            assert attributes.get("aria-label") or attributes.get("aria-labelledby")


def test_the_numbers_are_those_of_the_outcome(page: tuple[Facts, str]) -> None:
    facts, text = page
    data = json.loads(next(t for a, t in Elements(text).scripts if a.get("id") == "data"))
    assert data["bus"]["lmp"][0] == pytest.approx(facts.outcome.lmp[:, 0].tolist(), rel=1e-6)
    assert data["branch"]["flow"][0] == pytest.approx(
        facts.outcome.flow_mw[:, 0].tolist(), rel=1e-6, abs=1e-6
    )
    assert len(data["orders"]["accepted"]) == len(facts.outcome.accepted_mw)
    whole, *parts = [row[2] for row in data["money"]["shares"]]
    assert whole == pytest.approx(sum(parts), rel=1e-6)
    for words in (facts.command, "Proven optimal", "certificate holds", "pyomo"):
        assert words.lower() in text.lower()


def test_labels_cannot_break_out_of_the_page() -> None:
    nasty = "</script><script>alert(1)</script>&\u2028"
    text = json_for_script({"label": nasty})
    assert "<" not in text
    assert json.loads(text) == {"label": nasty}
    assert "<b>" not in html_table(["<b>"], [["<b>x</b>"]], "<b>", numbers_from=9)


def test_prices_without_bounds_are_said_to_have_none(tmp_path: Path) -> None:
    """A must-run unit meets fixed demand exactly: nothing bounds the price."""
    from networks.case import Provenance, build_case

    grid = networks.Grid.from_tables([{"bus": "<i>one</i>"}], [])
    case = build_case("<b>bold</b>", "", grid, networks.Fleet.from_tables(grid), Provenance("test"))
    book = clearing.Book.from_tables(
        [
            {
                "order": "<u>",
                "participant": "&",
                "bus": "<i>one</i>",
                "side": "sell",
                "mw": 5,
                "min_mw": 5,
                "price": 1,
            }
        ],
        fixed=[{"bus": "<i>one</i>", "mw": 5}],
    )
    outcome = clearing.NodalMarket(grid).clear(book)
    text = write_clearing_page(
        Facts(case, outcome, clearing.settle(outcome, book), "test"), tmp_path / "p.html"
    ).read_text(encoding="utf-8")
    assert "No bus has a price" in text
    assert "<b>bold</b>" not in text
    assert "<i>one</i>" not in text
