"""Which code makes a study's numbers: its module and what it imports from the packages, hashed.

The hash is of the text without docstrings, comments and blank lines, so that words may change and
results stay valid. Of `studies` only the study's own module counts, and other modules that it imports beside
the machinery (specs, charts), which only asks and shows.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from studies.registry import StudyRef, claims_path

PACKAGES = ("networks", "clearing", "learners", "studies")
MACHINERY = frozenset(
    {
        "studies", "studies.study", "studies.claims", "studies.running.spec", "studies.pictures.charts",
        "studies.registry",
    }
)  # fmt: skip


MAKING = frozenset({"spec", "cells", "run_cell", "fingerprint", "random", "version"})
"""Arguments of `Study` that its cells depend on; the others are words, and functions that show."""


def code_hash(ref: StudyRef, cells_only: bool = False) -> str:
    """Sixteen hex digits that change when the code behind the study's numbers does.

    `cells_only` leaves out what shows and compares: a study's `show.py` and claims, the functions that its
    `Study` shows with, and what they alone use. They work on stored tables, so that a better caption costs
    no run.
    """
    digest = sha256()
    for name, text in sorted(code_of(ref, cells_only).items()):
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()[:16]


def code_of(ref: StudyRef, cells_only: bool = False) -> dict[str, str]:
    """Module name → its text, for the study and all that it imports, lazily or not; and its claims.

    Imports for type checkers only do not count, nor do the packages' lists of lazy names; the names in
    a registry ("package.module:name") count where another module imports a function of the registry.
    """
    own = _source(ref.module) if ref.source is None else ref.source
    own = _of_cells(own) if cells_only else own
    found = {ref.name: _stripped(own)}
    waiting = list(_imports(own)) + [(name, "") for name in _named_in_text(own)]
    if ref.show_module is not None and not cells_only:
        waiting.append((ref.show_module, ""))
        claims = claims_path(ref.name)
        found |= {claims.name: claims.read_text(encoding="utf-8")} if claims.is_file() else {}
    seen = set(MACHINERY) | set(PACKAGES) | {ref.module}
    called: set[tuple[str, str]] = set()
    while waiting:
        module, name = waiting.pop()
        if module in PACKAGES or module in MACHINERY:
            continue
        if module not in seen:
            seen.add(module)
            found[module], imports, _, _ = _parsed(module)
            waiting += imports
        if (module, name) not in called:
            called.add((module, name))
            _, _, functions, registered = _parsed(module)
            waiting += [(other, "") for other in registered if name in functions]
    return found


Names = tuple[tuple[str, str], ...]  # (module, name imported from it, or "")


@cache
def _parsed(module: str) -> tuple[str, Names, frozenset[str], tuple[str, ...]]:
    """A module's text, imports, functions, and the modules that its texts name."""
    text = _source(module)
    functions = frozenset(node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef))
    return _stripped(text), tuple(_imports(text)), functions, tuple(_named_in_text(text))


@cache
def _file(module: str) -> Path | None:
    """The file of a module of the four packages, None for anything else."""
    if module.partition(".")[0] not in PACKAGES:
        return None
    try:
        found = sys.modules.get(module)
        origin = found.__file__ if found is not None else getattr(find_spec(module), "origin", None)
    except (ImportError, ValueError):
        return None
    return Path(origin) if origin else None


def _source(module: str) -> str:
    path = _file(module)
    return path.read_text(encoding="utf-8") if path is not None and path.suffix == ".py" else ""


def _imports(text: str) -> Iterator[tuple[str, str]]:
    """(module, name) pairs that a text imports from the packages, where it runs."""
    for node in _walk_running(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if _file(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0 and _file(node.module):
            for alias in node.names:
                yield from _home(node.module, alias.name)
        elif isinstance(node, ast.Attribute):
            package = node.value.id if isinstance(node.value, ast.Name) else ""
            yield from _home(package, node.attr) if package in PACKAGES else ()


def _walk_running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes except those under `if TYPE_CHECKING:`."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _named_in_text(text: str) -> Iterator[str]:
    """Modules that texts of the form "package.module:name" name."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value:
            module = node.value.partition(":")[0]
            if module.isascii() and module.replace(".", "").isidentifier() and _file(module):
                yield module


def _home(package: str, name: str) -> Iterator[tuple[str, str]]:
    """The module behind `package.name`: a submodule, or where a lazily loaded name lives."""
    if _file(f"{package}.{name}"):
        yield f"{package}.{name}", ""
    elif "." in package:
        yield package, name
    else:
        home = getattr(getattr(import_module(package), name, None), "__module__", None)
        if isinstance(home, str) and _file(home):
            yield home, name


def _of_cells(text: str) -> str:
    """The statements behind the arguments of `STUDY = Study(…)` that the cells depend on, and the latter.

    Words, functions that show, and what these alone use are left out.
    """
    statements = ast.parse(text).body
    found = ((node, call) for node in statements if (call := _study_call(node)) is not None)
    study, call = next(found, (None, None))
    if study is None or call is None:
        return text
    making = [*call.args, *(word for word in call.keywords if word.arg in MAKING)]
    rest = [node for node in statements if node is not study]
    waiting = [*making, *(node for node in rest if not _defined(node))]
    used: set[str] = set()
    while waiting:
        names = {node.id for node in ast.walk(waiting.pop()) if isinstance(node, ast.Name)} - used
        used |= names
        waiting += [node for node in rest if names & _defined(node)]
    lines = text.splitlines()
    for node in statements:
        if node is study or (_defined(node) and not used & _defined(node)):
            first = min([node.lineno, *(word.lineno for word in getattr(node, "decorator_list", ()))])
            lines[first - 1 : node.end_lineno] = [""] * ((node.end_lineno or first) - first + 1)
    made = (f"{ast.get_source_segment(text, value)}" for value in making)
    return "\n".join([*lines, f"STUDY = Study({', '.join(made)})"])


def _defined(node: ast.stmt) -> set[str]:
    """The names that a statement defines; none for one that only does something."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {
        part.id for target in targets if target for part in ast.walk(target) if isinstance(part, ast.Name)
    }


def _study_call(node: ast.stmt) -> ast.Call | None:
    """The call in `STUDY = Study(…)`, None for any other statement."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Call):
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    named = any(isinstance(target, ast.Name) and target.id == "STUDY" for target in targets)
    return node.value if named else None


def _stripped(text: str) -> str:
    """The lines without docstrings, comments of their own and blanks; the same for every Python version."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        for item in body if isinstance(body, list) else ():
            word = item.value if isinstance(item, ast.Expr) else None
            if isinstance(word, ast.Constant) and isinstance(word.value, str) and item.end_lineno:
                lines[item.lineno - 1 : item.end_lineno] = [""] * (item.end_lineno - item.lineno + 1)
    kept = (line.rstrip() for line in lines)
    return "\n".join(line for line in kept if line and not line.lstrip().startswith("#"))
