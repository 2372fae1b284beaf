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


def results(folder: Path | str, study: str | None = None, trust: bool = False) -> Results:
    """The results in a run's folder, or of the newest run in it: `.tables`, `.cells`, `.spec`, `.manifest`.

    They are data: code that the folder holds is not run. The spec is of the study's own class where the
    study is one of walras, was run in this process, or is named; else it is a plain record of its values.

    Parameters
    ----------
    study : the study's name or file. trust : run the study's text that the folder holds.

    Raises
    ------
    InputError
        where there is no run, or it is damaged.
    """
    from networks.errors import InputError
    from studies.registry import stored_study
    from studies.running.manifest import read_manifests
    from studies.running.tables import read_results, run_folder

    run = run_folder(Path(folder))
    manifest = read_manifests(run)
    try:
        found = stored_study(manifest, study, trust).load()
    except InputError:
        if study is not None or trust:
            raise
        found = None
    return read_results(run, found)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'studies' has no attribute {name!r}")
    return getattr(import_module(f"studies.{_HOMES[name]}"), name)
