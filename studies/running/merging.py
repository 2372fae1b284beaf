"""Shards of one run put together, wherever their folders are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from networks.errors import InputError
from networks.files import replacing
from studies.running.store import Store
from studies.running.tables import run_folders


def merge_runs(folders: Sequence[Path]) -> tuple[Path, list[Path]]:
    """The folder of the newest run in `folders`, with its shards' parts, and the other runs' folders.

    Shards that wrote into different folders are copied into the first folder given.

    Raises
    ------
    InputError
        a folder that holds no run.
    """
    found: list[Path] = []
    for folder in folders:
        here = run_folders(folder)
        if not here:
            raise InputError(
                f"{str(folder)!r} holds no run of a study; `walras run STUDY --out DIR` makes one"
            )
        found += here
    newest = max(found, key=lambda run: max(p.stat().st_mtime for p in run.glob("manifest*.json")))
    same = [run for run in dict.fromkeys(found) if run.name == newest.name]
    others = [run for run in dict.fromkeys(found) if run.name != newest.name]
    if len(same) == 1:
        return newest, others
    target = folders[0] if folders[0].name == newest.name else folders[0] / newest.name
    (target / "parts").mkdir(parents=True, exist_ok=True)
    for run in same:
        if run == target:
            continue
        with Store(run).alone():  # a part that was listed shall still be there
            for path in [*run.glob("parts/part-*.parquet"), *run.glob("manifest*.json")]:
                copy = target / path.relative_to(run)
                if not copy.exists():
                    with replacing(copy) as draft:
                        shutil.copyfile(path, draft)
    return target, others
