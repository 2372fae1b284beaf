"""The named studies, and how a study is found again in another process.

A module of this package with a line `STUDY = Study(` is a named study; there is no list to keep.
A file of the user's own is a study too, and travels to the workers as its text.
"""

from __future__ import annotations

import re
import sys
import types
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path

from networks.checks import suggest
from networks.errors import InputError
from studies.study import Study

FOLDER = Path(__file__).parent
MARK = re.compile(r"^STUDY\s*(:\s*Study\s*)?=\s*Study\(", re.MULTILINE)


@dataclass(frozen=True)
class StudyRef:
    """Where a study is: a module of this package, or the text of a user's file.

    Attributes
    ----------
    name : of the study; `module` : its import name; `source` : its text where it is a file.
    """

    name: str
    module: str
    source: str | None = None
    path: str | None = None

    def load(self) -> Study:
        """The study, imported, or run from its text; each once in a process."""
        module = sys.modules.get(self.module)
        if module is None:
            module = import_module(self.module) if self.source is None else _run_text(self)
        study = getattr(module, "STUDY", None)
        if not isinstance(study, Study):
            raise InputError(f"study {self.name!r} defines no STUDY; end its file with STUDY = Study(…)")
        return study


def study_names() -> list[str]:
    """The named studies, in alphabetical order, without importing any."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if MARK.search(path.read_text(encoding="utf-8")))


def find_study(name: str) -> StudyRef:
    """The study of a name, or in a `.py` file.

    Raises
    ------
    InputError
        for an unknown name, with the nearest one, and for a file that is no study.
    """
    if name.endswith(".py"):
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"study file {name!r} cannot be read: {error.strerror or error}") from None
        module = f"walras_study_{path.stem}_{sha256(text.encode()).hexdigest()[:12]}"
        return StudyRef(path.stem, module, text, str(path.resolve()))
    names = study_names()
    if name not in names:
        raise InputError(
            f"there is no study {name!r}{suggest(name, names)}; `walras studies` lists them "
            "(a study of your own: give the path of its .py file)"
        )
    return StudyRef(name, f"studies.{name}")


def _run_text(ref: StudyRef) -> types.ModuleType:
    module = types.ModuleType(ref.module)
    module.__file__ = ref.path
    sys.modules[ref.module] = module  # dataclasses look their module up
    try:
        exec(compile(ref.source or "", ref.path or ref.module, "exec"), module.__dict__)
    except BaseException as error:
        del sys.modules[ref.module]
        if isinstance(error, Exception) and not isinstance(error, InputError):
            raise InputError(f"study file {ref.path!r} fails: {type(error).__name__}: {error}") from error
        raise
    return module
