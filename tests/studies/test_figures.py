"""Pictures: they decode, have the size of a slide, and show what they say."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import clearing
import networks
from networks.case import Provenance, build_case
from studies.commands.books import BookRequest, build_book
from studies.pages.facts import Facts
from studies.pictures.figure_style import BINDING, PRICE_STOPS, price_scale
from studies.pictures.figures import draw_case, draw_clearing
from studies.pictures.label_placing import Placer


def facts_of(name: str, profile: str | None = None) -> Facts:
    case = networks.load(name)
    book = build_book(case, BookRequest(profile=profile))
    outcome = clearing.NodalMarket(case.grid).clear(book)
    return Facts(case, outcome, clearing.settle(outcome, book), f"walras clear {name}")


def near(picture: np.ndarray, colour: str) -> int:
    """Pixels of (almost) a colour."""
    return int((np.abs(picture[..., :3] - np.array(to_rgb(colour))).max(axis=-1) < 0.02).sum())


@pytest.mark.parametrize("name", ["three_node", "five_bus", "pglib_ieee118", "pglib_ieee300"])
def test_a_clearing_on_a_slide(tmp_path: Path, name: str) -> None:
    picture = matplotlib.image.imread(draw_clearing(facts_of(name), tmp_path / "clearing.png"))
    assert picture.shape[:2] == (1080, 1920)
    assert near(picture, BINDING) > 200, "binding branches are marked"
    assert near(picture, PRICE_STOPS[0]) > 50, "the cheapest bus and the foot of the colour bar"
    assert near(picture, PRICE_STOPS[-1]) > 50
    assert (tmp_path / "clearing.png").stat().st_size > 50_000
    assert [path.name for path in tmp_path.iterdir()] == ["clearing.png"]


def test_one_price_needs_no_colour_bar(tmp_path: Path) -> None:
    grid = networks.Grid.from_tables(
        [{"bus": b} for b in "ab"], [{"branch": "ab", "from_bus": "a", "to_bus": "b", "x_pu": 0.1}]
    )
    fleet = networks.Fleet.from_tables(
        grid,
        [{"unit": "G", "bus": "a", "min_mw": 0, "max_mw": 10, "price": 3}],
        loads=[{"load": "L", "bus": "b", "mw": 5}],
    )
    case = build_case("one $ and two $ 电网 <b>", "A title in $, & and ∑", grid, fleet, Provenance("test"))
    book = clearing.Book.from_case(case)
    outcome = clearing.NodalMarket(grid).clear(book)
    facts = Facts(case, outcome, clearing.settle(outcome, book), "test")
    picture = matplotlib.image.imread(draw_clearing(facts, tmp_path / "p.png"))
    assert near(picture, PRICE_STOPS[-1]) == 0


def test_many_periods(tmp_path: Path) -> None:
    facts = facts_of("pglib_ieee118", "0.6,1.1,0.8")
    assert facts.spread[facts.focus_period] == facts.spread.max()
    assert draw_clearing(facts, tmp_path / "p.png").stat().st_size > 50_000


def test_a_market_without_anything(tmp_path: Path) -> None:
    grid = networks.Grid.from_tables([{"bus": 1}], [])
    case = build_case("empty", "", grid, networks.Fleet.from_tables(grid), Provenance("test"))
    book = clearing.Book.from_tables([])
    outcome = clearing.NodalMarket(grid).clear(book)
    facts = Facts(case, outcome, clearing.settle(outcome, book), "test")
    assert draw_clearing(facts, tmp_path / "p.png").stat().st_size > 5_000
    assert draw_case(case, tmp_path / "c.png").stat().st_size > 5_000


def test_a_few_extreme_prices_do_not_wash_out_the_rest() -> None:
    prices = np.concatenate([np.linspace(20, 30, 98), [3000.0, -500.0]])
    scale = price_scale(prices)
    assert scale.cut_low
    assert scale.cut_high
    assert -20 < scale.low < 20
    assert 30 < scale.high < 60
    assert scale.extend == "both"


def test_scales_of_few_equal_and_missing_prices() -> None:
    assert (price_scale(np.array([1.0, 9.0])).low, price_scale(np.array([1.0, 9.0])).high) == (1, 9)
    assert price_scale(np.array([4.0, 4.0])).low < 4 < price_scale(np.array([4.0, 4.0])).high
    assert price_scale(np.array([np.nan])).low < price_scale(np.array([np.nan])).high


def test_labels_do_not_cover_each_other() -> None:
    points = np.array([[50.0, 50.0], [54.0, 50.0], [50.0, 54.0]])
    placer = Placer(points, np.full(3, 2.0), np.empty((0, 2)), np.zeros(2), np.full(2, 100.0))
    size = np.array([20.0, 8.0])
    centres = [placer.place(point, size, (4.0, 10.0, 20.0)) for point in points]
    for k, one in enumerate(centres):
        for other in centres[:k]:
            assert (np.abs(one - other) >= size - 1e-9).any()
