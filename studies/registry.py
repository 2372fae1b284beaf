"""The named studies, and how a study is found again in another process.

A folder of this package with a `study.py` is a named study; there is no list to keep. Its `show.py` says how
stored tables are shown, its `claims.toml` what they are compared with. A file of the user's own is a study
too, and travels to the workers as its text.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from networks.checks import suggest
from networks.errors import InputError
from studies.study import Study

FOLDER = Path(__file__).parent
SHOWING = ("summarise", "figures", "headline", "answer", "claims")
"""What a study's `show.py` may define."""


@dataclass(frozen=True)
class StudyRef:
    """Where a study is: a module of this package, or the text of a user's file.

    Attributes
    ----------
    name : of the study; `module` : the import name of its cells; `source` : its text where it is a file.
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

    @property
    def show_module(self) -> str | None:
        """The import name of what shows the study's stored tables; None where its own file does."""
        return f"studies.{self.name}.show" if self.source is None else None

    def shown(self) -> Study:
        """The study with the functions that show what its cells returned; workers need none of them."""
        study = self.load()
        if self.show_module is None:
            return study
        show = import_module(self.show_module)
        return replace(study, **{name: getattr(show, name) for name in SHOWING if hasattr(show, name)})


def study_names() -> list[str]:
    """The named studies, in alphabetical order, without importing any."""
    return sorted(path.parent.name for path in FOLDER.glob("*/study.py"))


def claims_path(name: str) -> Path:
    """The file of a named study's claims, which not every study has."""
    return FOLDER / name / "claims.toml"


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
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"study file {name!r} cannot be read: {reason}") from None
        return _ref_of_text(path.stem, text, str(path.resolve()))
    names = study_names()
    if name not in names:
        raise InputError(
            f"there is no study {name!r}{suggest(name, names)}; `walras studies` lists them "
            "(a study of your own: give the path of its .py file)"
        )
    return StudyRef(name, f"studies.{name}.study")


def stored_study(manifest: Mapping[str, Any], named: str | None = None, trust: bool = False) -> StudyRef:
    """The study of a stored run; results may be somebody else's, so their manifest alone runs no code.

    Parameters
    ----------
    named : a study's name or file, which is taken in place of what the manifest says.
    trust : run the text that the manifest holds.

    Raises
    ------
    InputError
        where the study is not one of :func:`study_names`, was not run in this process, and neither `named`
        nor `trust` says where its code is.
    """
    kept = manifest["study_ref"]
    name = str(manifest["study"])
    if named is not None:
        ref = find_study(named)
        if ref.name != name:
            raise InputError(f"the run is of the study {name!r}, not of {ref.name!r}; name its own study")
        return ref
    if kept["source"] is None and name in study_names():
        return find_study(name)
    if kept["source"] is not None:
        ref = _ref_of_text(name, kept["source"], kept["path"])
        if trust or ref.module in sys.modules:  # run here before, so named before
            return ref
        raise InputError(
            f"the run is of the study {name!r}, whose code is in the manifest (from {str(kept['path'])!r}) "
            "and is not run unasked: name the study's file (walras report DIR --study FILE.py) or, where you "
            "trust the folder, give --trust"
        )
    raise InputError(
        f"the run is of a study {name!r} that this walras does not have; name its file: "
        "walras report DIR --study FILE.py"
    )


def _ref_of_text(name: str, text: str, path: str | None) -> StudyRef:
    return StudyRef(name, f"walras_study_{name}_{sha256(text.encode()).hexdigest()[:12]}", text, path)


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
