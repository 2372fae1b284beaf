"""Which code an address covers: what runs, found through lazy names and registries, and nothing else."""

from __future__ import annotations

from studies.registry import StudyRef, find_study
from studies.running.code_hash import code_hash, code_of


def modules(text: str, cells_only: bool = False) -> set[str]:
    return set(code_of(StudyRef("mine", "walras_study_mine", text, "mine.py"), cells_only))


def test_the_chain_of_a_clearing_is_covered() -> None:
    found = set(code_of(find_study("two_sided_three_node")))
    assert {"clearing.nodal", "clearing.nodal_model", "clearing.solvers", "networks.grid"} <= found
    assert "studies.two_sided_three_node.tables" in found
    assert not found & {"clearing.elecbay.market", "studies.report", "studies.pictures.charts"}
    cells = set(code_of(find_study("two_sided_three_node"), cells_only=True))
    assert not cells & {"clearing.settlement", "studies.two_sided_three_node.tables"}


def test_lazy_names_are_found() -> None:
    for text in (
        "import clearing\ndef f():\n    clearing.settle",
        "def f():\n    from clearing import settle",
        "from clearing.settlement import settle",
    ):
        assert "clearing.settlement" in modules(text), text


def test_a_registry_counts_where_it_is_used() -> None:
    assert "clearing.nodal" in modules("from clearing.market import market_named")
    assert "clearing.nodal" not in modules("from clearing.market import Market")


def test_imports_for_type_checkers_do_not_count() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from clearing.book import Book\n"
    assert modules(text) == {"mine"}


def test_showing_is_no_part_of_the_cells() -> None:
    ref = find_study("incubator")
    cells, rows = set(code_of(ref, cells_only=True)), set(code_of(ref))
    assert {"incubator", "studies.incubator.cells", "clearing.nodal"} <= cells < rows
    shown = {f"studies.incubator.{name}" for name in ("show", "tables", "figures", "answer")}
    assert shown <= rows - cells


def test_of_the_studys_own_words_only_what_makes_cells_counts() -> None:
    text = 'STUDY = Study(\n    title="{title}", cells=cells, random={random},\n    answer=answer,\n)\n'
    made = [("One", "True"), ("Two", "True"), ("One", "False")]
    plain, worded, other = (
        code_hash(StudyRef("m", "walras_m", text.format(title=t, random=r), "m.py"), cells_only=True)
        for t, r in made
    )
    assert plain == worded != other


def test_words_are_no_code() -> None:
    one = StudyRef("m", "walras_m", '"""One."""\nx = 1  \n\n# why\n', "m.py")
    assert code_hash(one) == code_hash(StudyRef("m", "walras_m", '"""Two\nlines."""\nx = 1\n', "m.py"))
