"""The one rule of verdicts, by hand; and the claim files, which hold words and printed numbers alone."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from networks.errors import InputError
from studies import ledger
from studies.claims import compare_sampled, compare_share
from studies.printed import Ours, compare, figure_of, ours, read_claims
from studies.registry import FOLDER, claims_path, study_names
from studies.verdicts import Published, clearly, ends_of_share, verdict
from studies.words import mean_of, share_of, side_of

CLAIMING = [name for name in study_names() if claims_path(name).is_file()]
NUMBER = Published(7.25, 2)


@pytest.mark.parametrize(
    ("value", "interval", "expected"),
    [
        (7.0, (6.9, 7.3), "consistent"),  # the printed number inside
        (7.0, (6.9, 7.2), "differs"),  # outside
        (7.0, (6.9, 7.25), "consistent"),  # on the end
        (7.2549, None, "matches"),  # rounds to the printed digits
        (7.2551, None, "differs"),
        (7.25, (7.25, 7.25), "matches"),  # an interval without width: exact
        (7.0, (7.0, 7.0), "differs"),
        (7.25, (math.nan, math.nan), "matches"),  # an absent interval
        (math.nan, None, "differs"),  # no number came out
        (7.25, (7.3, 7.5), "differs"),  # a mean that is no part of its interval decides nothing
    ],
)
def test_a_printed_number(value, interval, expected) -> None:
    assert verdict(value, interval, NUMBER) == expected


@pytest.mark.parametrize(
    ("published", "value", "interval", "expected"),
    [
        (Published(above=2), 2.1, None, "matches"),
        (Published(above=2), 2.0, None, "differs"),  # "above 2" is not 2
        (Published(above=2), 2.5, (2.2, 2.8), "matches"),
        (Published(above=2), 2.5, (1.9, 3.1), "differs"),  # the mean is above, the interval is not clearly
        (Published(below=0), -0.5, (-0.9, -0.1), "matches"),
        (Published(below=0), -0.5, (-1.1, 0.1), "differs"),
        (Published(low=7100, high=8200), 7100, None, "matches"),
        (Published(low=7100, high=8200), 8000, (7500, 8300), "differs"),
        (Published(above=2), math.nan, None, "differs"),
        (Published(above=2), math.nan, (-math.inf, math.inf), "differs"),  # one session says nothing
    ],
)
def test_a_printed_bound_or_range(published, value, interval, expected) -> None:
    assert verdict(value, interval, published) == expected


def test_clearly_needs_all_of_the_interval() -> None:
    assert clearly((0.1, 0.3), above=0.0)
    assert clearly((-0.3, -0.1), below=0.0)
    assert not clearly((-0.1, 0.9), above=0.0)  # a mean of 0.4 would do in place of the interval
    assert not clearly((0.0, 0.9), above=0.0)
    assert not clearly((math.nan, math.nan), above=0.0)


def test_not_clearly_apart_is_said() -> None:
    assert side_of((0.5, 0.7), 0.4) == "above"
    assert side_of((0.5, 0.7), 0.8) == "below"
    assert side_of((0.5, 0.7), 0.6) == side_of((0.6, 0.7), 0.6) == "not clearly apart from"
    assert side_of((-math.inf, math.inf), 0.0, neither="nor") == "nor"


def test_means_stand_beside_their_intervals() -> None:
    assert mean_of([1.0, 2.0, 3.0], "$", 1) == "2.0 $ (95 % interval -0.5 to 4.5)"
    assert mean_of([1.0, math.nan], "$", 1, "+") == "+1.0 $ (one value)"
    assert mean_of([], "$") == "no finite number"
    assert share_of([True, False]) == "50 % (95 % interval 9 to 91 %)"


def test_a_sentence_and_what_evidence_makes_of_it() -> None:
    said = Published()
    assert verdict(True, None, said) == "matches"
    assert verdict(False, None, said) == "differs"
    assert verdict(True, None, said, "weak") == "consistent"
    assert verdict(False, None, said, "open") == verdict(7.25, None, NUMBER, "open") == "under-specified"
    assert verdict(7.25, None, NUMBER, "fitted") == "consistent"


def test_an_interval_that_is_too_wide_decides_nothing() -> None:
    assert verdict(7.0, (4.0, 10.0), NUMBER, widest=5.0) == "under-specified"
    assert verdict(7.0, (4.0, 10.0), NUMBER, widest=7.0) == "consistent"
    assert verdict(2.0, (-1.0, 5.0), NUMBER, widest=5.0) == "differs"  # that, it can tell


def test_a_share_ends_where_shares_do() -> None:
    assert ends_of_share((-0.1, 0.4)) == (0.0, 0.4)
    assert ends_of_share((0.7, 1.2)) == (0.7, 1.0)
    source = read_claims(claims_path("incubator"))[0].source
    claim = compare_share(source, "a table", "a share", 1.0, 0.98, (0.9, 1.06), reason="by the interval")
    assert (claim.verdict, claim.high, claim.ours) == ("consistent", 1.0, "98% [90%, 100%]")
    wide = compare_sampled(source, "a table", "a number", 0.6, 0.95, (-0.5, 2.4), 1, published="0.6")
    assert (wide.verdict, wide.evidence) == ("under-specified", "open")


@pytest.mark.parametrize("name", CLAIMING)
def test_no_study_has_a_rule_of_its_own(name: str) -> None:
    """Words of verdicts, and intervals around what is printed, stand in `studies.verdicts` alone."""
    for path in (FOLDER / name).glob("claims*.py"):
        texts = [node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
        assert not set(texts) & {"consistent", "differs", "under-specified"}, path


@pytest.mark.parametrize("name", CLAIMING)
def test_every_entry_says_what_is_printed_and_where(name: str) -> None:
    for entry in read_claims(claims_path(name)):
        if entry.source.kind == "published":
            assert entry.place
            assert entry.published or not math.isnan(entry.printed), entry.claim


@pytest.mark.parametrize("name", CLAIMING)
def test_every_claim_of_a_file_is_in_the_ledger(name: str) -> None:
    """What is skipped where a run lacks it is in the run with default settings."""
    rows = ledger.read_rows(ledger.shipped_path())
    rows = rows[rows["study"] == name]
    shown = set(zip(rows["document"], rows["published"], strict=True))
    for entry in read_claims(claims_path(name)):
        said = entry.published or f"{entry.printed:.{entry.digits}f} {entry.unit}".strip()
        if "{" not in said and entry.compare != "share":
            assert (entry.source.title, said) in shown, entry.claim


class Found:
    """What a study would find."""

    def mean(self, bus: int) -> Ours | None:
        return ours(0.5, (0.4, 0.6), mean=0.5, bus=bus) if bus else None

    def above(self) -> Ours:
        return ours(clearly((0.4, 0.6), above=0.3))


TEXT = """
[notes]
own = "Notes of ours"
[texts]
near = "near it"
[[claims]]
source = "own"
figure = "mean"
claim = "price at bus {bus}"
variant = "at {mean:g}"
printed = 0.45
digits = 2
reason = "{near}: {mean:.1f}"
otherwise = "far"
each = [
  {of = {bus = 1}}, {of = {bus = 0}}, {of = {bus = 2}, compare = "sample"}, {of = {bus = 3}, printed = 0.7},
]
[[claims]]
source = "own"
figure = "above"
claim = "above 0.3"
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A study's claims from a text."""

    def write(text: str):
        path = tmp_path / str(abs(hash(text))) / "claims.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr("studies.printed.claims_path", lambda name: path)
        return compare("mine", Found())

    return write


def test_a_file_becomes_claims_in_its_order(own) -> None:
    rows = own(TEXT)
    assert [row.claim for row in rows] == [*(f"price at bus {bus}" for bus in (1, 2, 3)), "above 0.3"]
    assert [row.verdict for row in rows] == ["consistent", "consistent", "differs", "matches"]
    assert [row.reason for row in rows] == ["near it: 0.5", "near it: 0.5", "far", ""]
    assert [row.variant for row in rows] == [*["at 0.5"] * 3, ""]
    assert {row.source.kind for row in rows} == {"cross-check"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('figure = "above"', 'figure = "abve"', "no figure 'abve' .did you mean 'above'"),
        ("bus = 1", "bsu = 1", "takes no such `of`"),
        ('source = "own"', 'source = "won"', "source 'won' is not listed .did you mean 'own'"),
        ("digits = 2", 'digits = "2"', "digits is '2'"),
        ("digits = 2", "digit = 2", "no key 'digit' .did you mean 'digits'"),
        ("{mean:.1f}", "{mena:.1f}", "KeyError.'mena'"),
        ('compare = "sample"', 'compare = "simple"', "one of number, sample, share"),
        ('claim = "above 0.3"', "", "has no claim"),
        ("[notes]", "[remarks]", "without .'remarks'"),
        ("[notes]", "[notes", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(own, old: str, new: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        own(TEXT.replace(old, new))


def test_every_figure_of_a_file_is_a_function_of_its_study() -> None:
    from importlib import import_module

    for name in CLAIMING:
        modules = [
            import_module(f"studies.{name}.{path.stem}") for path in (FOLDER / name).glob("claims*.py")
        ]
        kinds = [item for module in modules for item in vars(module).values() if isinstance(item, type)]
        made = [object.__new__(kind) for kind in kinds if kind.__name__.endswith("Figures")]
        for entry in read_claims(claims_path(name)):
            has = [figures for figures in made if hasattr(type(figures), entry.figure)]
            assert has, (name, entry.figure)
            assert any(figure_of(entry, figures) for figures in has)


@pytest.mark.parametrize(
    ("mean", "spread", "lower"), [(-0.5, 0.1, True), (-0.5, 4.0, False), (0.0, 0.0, False)]
)
def test_a_mean_in_place_of_an_interval_is_noticed(mean: float, spread: float, lower: bool) -> None:
    """The index falls in the mean; whether by more than none, its interval says."""
    import pandas as pd

    from studies.remedies.claims import Figures
    from studies.remedies.tables import changes

    change = mean + spread * np.array([-1.0, 0.0, 1.0, -0.5, 0.5])
    frame = pd.DataFrame({"market": "street", "remedy": "buyers", "d_index": change, "d_bill": change,
                          "d_welfare": change})  # fmt: skip
    found = Figures(changes(frame)).lowers_index("buyers")
    assert found is not None
    assert (found.value, found.why) == (lower, "all" if lower else "none")
