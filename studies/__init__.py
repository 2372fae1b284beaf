"""Questions and answers: the command line, pictures, pages, and the named studies with their runner.

Importing the package costs nothing; each command loads what it needs, and names load when first used:
`studies.run(STUDY)` runs a study, `studies.results(DIR)` reads its tables as data frames.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.claims import Claim as Claim
    from studies.claims import Source as Source
    from studies.claims import compare_number as compare_number
    from studies.claims import compare_open as compare_open
    from studies.claims import compare_statement as compare_statement
    from studies.running.runner import run as run
    from studies.running.spec import Spec as Spec
    from studies.running.spec import setting as setting
    from studies.study import Results as Results
    from studies.study import Study as Study
    from studies.study import Summary as Summary
    from studies.study import mean_and_error as mean_and_error

_HOMES = {
    "Claim": "claims",
    "Results": "study",
    "Source": "claims",
    "Spec": "running.spec",
    "Study": "study",
    "Summary": "study",
    "compare_number": "claims",
    "compare_open": "claims",
    "compare_statement": "claims",
    "mean_and_error": "study",
    "run": "running.runner",
    "setting": "running.spec",
}

__all__ = [*_HOMES, "results"]


def results(folder: Path | str) -> Results:
    """The results in a run's folder, or of the newest run in it: `.tables`, `.cells`, `.spec`, `.manifest`.

    Raises
    ------
    InputError
        where there is no run.
    """
    from studies.running.tables import read_results

    return read_results(Path(folder))


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'studies' has no attribute {name!r}")
    return getattr(import_module(f"studies.{_HOMES[name]}"), name)
