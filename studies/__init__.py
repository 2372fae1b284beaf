"""Questions and answers: the command line, pictures, pages, and the named studies with their runner.

Importing the package costs nothing; each command loads what it needs, and names load when first used:
`studies.run(STUDY)` runs a study, `studies.results(DIR)` reads its tables as data frames.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.runner import run as run
    from studies.study import Results

__all__ = ["results", "run"]


def results(folder: Path | str) -> Results:
    """The results in a run's folder, or of the newest run in it: `.tables`, `.cells`, `.spec`, `.manifest`.

    Raises
    ------
    InputError
        where there is no run.
    """
    from studies.tables import read_results

    return read_results(Path(folder))


def __getattr__(name: str) -> Any:
    if name == "run":
        from importlib import import_module

        return import_module("studies.runner").run
    raise AttributeError(f"module 'studies' has no attribute {name!r}")
