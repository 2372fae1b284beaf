"""Published figures beside ours (law 12): from stored runs, else from the table that walras ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from networks.errors import InputError
from networks.files import replacing
from studies.registry import StudyRef, find_study, study_names
from studies.running.code_hash import code_hash
from studies.running.spec import canonical_json
from studies.running.tables import read_results, run_folders
from studies.study import Results, Study, Summary

COLUMNS = (
    "document", "study", "claim", "published", "ours", "verdict", "reason",
    "spec", "seeds", "code", "date", "seconds",
)  # fmt: skip
FILE = "ledger.parquet"


def run_ledger(
    study: Study, ref: StudyRef, results: Results, summaries: Mapping[str, Summary]
) -> pd.DataFrame:
    """The ledger rows of one run."""
    manifest = results.manifest
    planned = int(manifest["cells"]) * int(manifest["replicates"])
    claims = study.claims(results, summaries) if study.claims and results.tables else ()
    complete = len(results.cells) - len(results.failures) >= planned
    common: dict[str, Any] = {
        "study": ref.name,
        "spec": canonical_json(manifest["spec"]),
        "seeds": f"{manifest['seed']} × {manifest['replicates']}" if study.random else "none drawn",
        "code": code_hash(ref),
        "date": max((s["ended"] for s in manifest["sessions"]), default=manifest["started"])[:10],
        "seconds": round(sum(s["cell_seconds"] for s in manifest["sessions"]), 2),
    }
    rows = [asdict(claim) | common for claim in claims] if complete else []
    return pd.DataFrame(rows, columns=list(COLUMNS))


def write_run_ledger(rows: pd.DataFrame, folder: Path) -> None:
    """Keep a run's rows beside its tables."""
    path = folder / FILE
    if rows.empty:
        path.unlink(missing_ok=True)
        return
    _write(rows, path)


def read_run_ledger(folder: Path) -> pd.DataFrame:
    """A run's rows, none where it has no claims."""
    path = folder / FILE
    return pd.read_parquet(path) if path.is_file() else pd.DataFrame(columns=list(COLUMNS))


def shipped_path() -> Path:
    """The table in the distribution's `data/`."""
    from networks.named_cases import data_folder

    return Path(str(data_folder().joinpath(FILE)))


def current_ledger(results: Path) -> pd.DataFrame:
    """All rows, each from the newest stored run with present code and default settings, else as shipped.

    The column `stale` says whether the code behind a row has changed since, `source` where it is from.
    """
    shipped = shipped_path()
    frames = []
    if shipped.is_file():
        frames.append(pd.read_parquet(shipped).assign(source="shipped"))
    for folder in run_folders(results) if results.is_dir() else ():
        rows = read_run_ledger(folder)
        if len(rows) and _is_current_default(rows.iloc[0]):
            frames.append(rows.assign(source=str(folder)))
    if not frames:
        return pd.DataFrame(columns=[*COLUMNS, "source", "stale"])
    frame = pd.concat(frames, ignore_index=True)
    frame = frame.drop_duplicates(["study", "claim"], keep="last").reset_index(drop=True)
    frame["stale"] = [
        code != _present_code(study) for study, code in zip(frame["study"], frame["code"], strict=True)
    ]
    return frame


def refresh_ledger(results: Path, names: Sequence[str] = ()) -> Path:
    """Run studies that have claims, with their defaults, and write their rows into the shipped table.

    Parameters
    ----------
    names : of the studies; none means all. Rows of the others stay as they are.

    Raises
    ------
    InputError
        an unknown study, or one without claims, was named; or cells failed, so that rows are missing.
        OSError where `data/` cannot be written.
    """
    known = study_names()
    claiming = [name for name in names or known if find_study(name).load().claims is not None]
    if without := sorted(set(names) - set(claiming)):
        raise InputError(f"study {without[0]!r} compares nothing with published figures: no rows to refresh")
    path = shipped_path()
    rows = {}
    if names and path.is_file():
        rows = {str(name): old for name, old in pd.read_parquet(path).groupby("study") if name in known}
    rows |= {name: recompute(name, results) for name in claiming}
    frames = [rows[name] for name in sorted(rows)]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS))
    _write(frame, path)
    return path


def recompute(name: str, results: Path, jobs: int | None = None) -> pd.DataFrame:
    """The rows of a study from a run with its defaults (what is stored of it is used)."""
    from studies.running.runner import run

    ended = run(name, jobs=jobs, out=results / name)
    if ended.failed or not ended.complete:
        raise InputError(f"study {name!r}: {ended.failed} cells failed; `walras run {name}` says why")
    found = read_results(ended.folder)
    ref = find_study(name)
    study = ref.load()
    return run_ledger(study, ref, found, dict(study.summarise(found)) if study.summarise else {})


@cache
def _present_code(study: str) -> str:
    try:
        return code_hash(find_study(study))
    except InputError:
        return ""  # a study that is no more


def _is_current_default(row: pd.Series) -> bool:
    if row["study"] not in study_names() or row["code"] != _present_code(str(row["study"])):
        return False
    return bool(row["spec"] == canonical_json(find_study(str(row["study"])).load().spec().values()))


def _write(rows: pd.DataFrame, path: Path) -> None:
    with replacing(path) as draft:
        rows.to_parquet(draft, index=False)
