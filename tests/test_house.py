"""The house: imports point left only, documented code runs, and the package lists are complete."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("networks", "clearing", "learners", "studies")  # each may import those before it, and itself
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def imported_packages(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names} & set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_point_left_only(package: str) -> None:
    allowed = set(PACKAGES[: PACKAGES.index(package) + 1])
    for path in (ROOT / package).rglob("*.py"):
        assert imported_packages(path) <= allowed, f"{path.relative_to(ROOT)} imports to the right"


def test_one_place_imports_solvers() -> None:
    solvers = {"highspy", "piqp", "clarabel"}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            used = {name for name in solvers if re.search(rf"^\s*(import|from) {name}\b", text, re.M)}
            assert not used or path.parent == ROOT / "clearing" / "solvers", f"{path}: {used}"


def test_the_dual_face_stays_with_pricing() -> None:
    """Others read prices, intervals and weights from the outcome."""
    own = ("clearing/pricing/", "clearing/explaining/", "clearing/optimum.py", "clearing/outcome.py")
    for package in PACKAGES[1:]:
        for path in (ROOT / package).rglob("*.py"):
            place = path.relative_to(ROOT).as_posix()
            assert place.startswith(own) or ".face." not in path.read_text(encoding="utf-8"), place


def imported_modules(path: Path, known: dict[str, Path]) -> set[str]:
    """Modules of ours that a module needs before it is there: not those of functions and types."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known.keys()


def test_no_modules_import_each_other_in_a_circle() -> None:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    parts = {path: path.relative_to(ROOT).with_suffix("").parts for path in paths}
    known = {
        ".".join(names[:-1] if names[-1] == "__init__" else names): path for path, names in parts.items()
    }
    left = {module: imported_modules(path, known) - {module} for module, path in known.items()}
    while free := [module for module, needs in left.items() if not needs]:
        left = {module: needs.difference(free) for module, needs in left.items() if needs}
    assert not left


def test_no_file_is_longer_than_a_sitting() -> None:
    lengths = {
        path: len(path.read_text(encoding="utf-8").splitlines()) for path in ROOT.glob("[a-z]*/**/*.py")
    }
    assert {path: count for path, count in lengths.items() if count > 350} == {}


def test_every_folder_with_code_is_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packaged = set(settings["tool"]["setuptools"]["packages"])
    for package in PACKAGES:
        for init in (ROOT / package).rglob("__init__.py"):
            name = ".".join(init.parent.relative_to(ROOT).parts)
            assert name in packaged, f"add {name} to packages in pyproject.toml"


def test_the_map_of_the_house_names_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for package in PACKAGES:
        for init in (ROOT / package).glob("*/__init__.py"):
            if (init.parent / "study.py").exists():
                continue  # `walras studies` lists these
            first = (ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or "").splitlines()[0]
            assert f"| `{package}/{init.parent.name}` | {first.rstrip('.')} |" in page


def run_python(code: str, folder: Path) -> None:
    environment = dict(os.environ, PYTHONPATH=str(ROOT), MPLBACKEND="Agg")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_readme_python_block_runs_and_is_short(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert blocks
    assert len(blocks[0].strip().splitlines()) < 15
    for block in blocks:
        run_python(block, tmp_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(example: Path, tmp_path: Path) -> None:
    run_python(example.read_text(encoding="utf-8"), tmp_path)


def test_relative_links_in_documents_exist() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


def test_commands_of_the_mathematics_page_exist() -> None:
    source = (ROOT / "clearing" / "nodal_model.py").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")
    for name in re.findall(r"^def (\w+)\(", source, re.M):
        if name.startswith(("constrain_", "balance_", "limit_", "offered_", "build_")):
            assert f"`{name}`" in page or f".{name}`" in page, f"docs/mathematics.md does not mention {name}"
