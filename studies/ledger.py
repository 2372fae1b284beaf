"""Two ledgers in one table (law 12): what documents print beside ours, and our own cross-checks.

Rows come from stored runs, else from the table that walras ships. Their verdicts are made from their figures
whenever they are read; a stored verdict counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from networks.errors import InputError
from networks.files import replacing
from studies.claims import verdict_of
from studies.ledger_cells import COLUMNS as CELLS
from studies.ledger_cells import FILE as CELLS_FILE
from studies.ledger_cells import SEED, cells_of_run, has_digests, read_kept, write_kept
from studies.registry import StudyRef, find_study, study_names
from studies.running.code_hash import code_hash
from studies.running.parts import read_frame
from studies.running.spec import canonical_json
from studies.running.tables import read_results, run_folders
from studies.study import Results, Study, Summary
from studies.verdicts import FAVOUR, VERDICTS

FIGURES = ("evidence", "holds", "printed", "digits", "found", "low", "high")
COLUMNS = (
    "kind", "document", "place", "study", "claim", "variant", "form", "published", "ours", "verdict",
    "reason",
    *FIGURES, "spec", "seeds", "code", "date", "seconds",
)  # fmt: skip
FILE = "ledger.parquet"
KINDS = ("published", "cross-check")
FORMS = ("number", "sentence")


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
    rows = [claim.row() | common for claim in claims] if complete else []
    return pd.DataFrame(rows, columns=list(COLUMNS))


def tally(rows: pd.DataFrame) -> pd.DataFrame:
    """Counts of verdicts by kind and form: index (kind, form), one column per verdict.

    A printed figure that several readings or studies speak of counts once, by its least favourable verdict.
    There is no total over kinds: agreement with ourselves is no evidence.
    """
    rank = rows["verdict"].map({verdict: k for k, verdict in enumerate(FAVOUR)})
    items = rows.assign(rank=rank.astype(int)).groupby(["kind", "document", "claim", "form"])["rank"].max()
    counted = items.map(dict(enumerate(FAVOUR))).rename("verdict").reset_index()
    table = counted.pivot_table(
        index=["kind", "form"], columns="verdict", values="claim", aggfunc="count", fill_value=0
    )
    shape = pd.MultiIndex.from_product([KINDS, FORMS], names=["kind", "form"])
    return table.reindex(index=shape, columns=list(VERDICTS), fill_value=0).astype(int)


def write_run_ledger(rows: pd.DataFrame, folder: Path) -> None:
    """Keep a run's rows beside its tables."""
    path = folder / FILE
    if rows.empty:
        path.unlink(missing_ok=True)
        return
    write_rows(rows, path)


def read_run_ledger(folder: Path) -> pd.DataFrame:
    """A run's rows, none where it has no claims."""
    return read_rows(folder / FILE)


def shipped_path() -> Path:
    """The table in the distribution's `data/`."""
    from networks.named_cases import data_folder

    return Path(str(data_folder().joinpath(FILE)))


def read_rows(path: Path) -> pd.DataFrame:
    """Stored rows with the verdicts of their figures; none from a version that kept no figures."""
    rows = read_frame(path) if path.is_file() else pd.DataFrame()
    if not set(COLUMNS) <= set(rows.columns):
        return pd.DataFrame(columns=list(COLUMNS))
    rows["verdict"] = [verdict_of(*figures) for figures in rows[list(FIGURES)].itertuples(index=False)]
    return rows[list(COLUMNS)]


def write_rows(rows: pd.DataFrame, path: Path) -> None:
    """Replace stored rows in one step."""
    with replacing(path) as draft:
        rows.to_parquet(draft, index=False)


def cells_path() -> Path:
    """The table of the cells behind the rows, beside them."""
    return shipped_path().with_name(CELLS_FILE)


def current_ledger(results: Path) -> pd.DataFrame:
    """All rows, published ones first, each from the newest stored run with present code and default settings,
    else as shipped.

    The column `stale` says whether the code behind a row has changed since, `source` where it is from.
    """
    shipped = shipped_path()
    frames = []
    if shipped.is_file():
        frames.append(read_rows(shipped).assign(source="shipped"))
    for folder in run_folders(results) if results.is_dir() else ():
        rows = read_run_ledger(folder)
        if len(rows) and _is_current_default(rows.iloc[0]):
            frames.append(rows.assign(source=str(folder)))
    if not frames:
        return pd.DataFrame(columns=[*COLUMNS, "source", "stale"])
    frame = pd.concat(frames, ignore_index=True)
    frame = frame.drop_duplicates(["study", "document", "claim", "variant"], keep="last")
    frame = frame.sort_values(
        "kind", key=lambda kinds: kinds.map(KINDS.index), kind="stable", ignore_index=True
    )
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
    refs = [find_study(name) for name in names or known]
    claiming = [ref for ref in refs if ref.shown().claims is not None]
    if names and (without := [ref.name for ref in refs if ref not in claiming]):
        raise InputError(f"study {without[0]!r} compares nothing with published figures: no rows to refresh")
    path = shipped_path()
    rows, cells = {}, {}
    if names:
        rows = {str(name): old for name, old in read_rows(path).groupby("study") if name in known}
        cells = {str(name): old for name, old in read_kept(cells_path()).groupby("study") if name in known}
    for ref in claiming:
        rows[ref.name], cells[ref.name] = recompute(ref, results)
    write_kept(_joined(cells, CELLS), cells_path())
    write_rows(_joined(rows, COLUMNS), path)
    return path


def recompute(ref: StudyRef, results: Path, jobs: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of a study from a run with its defaults, and what is kept of its cells.

    What is stored of the run is used, unless it was stored before cells had digests.
    """
    from studies.running.runner import run

    for fresh in (False, True):
        ended = run(ref, seed=SEED, jobs=jobs, out=results / ref.name, fresh=fresh)
        if ended.failed or not ended.complete:
            raise InputError(
                f"study {ref.name!r}: {ended.failed} cells failed; `walras run {ref.name}` says why"
            )
        found = read_results(ended.folder)
        if has_digests(found):
            break
    return rows_of_run(ref, found), cells_of_run(ref, found)


def rows_of_run(ref: StudyRef, results: Results) -> pd.DataFrame:
    """The ledger rows of a stored run."""
    study = ref.shown()
    return run_ledger(study, ref, results, dict(study.summarise(results)) if study.summarise else {})


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


def _joined(frames: Mapping[str, pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    ordered = [frames[name] for name in sorted(frames)]
    return pd.concat(ordered, ignore_index=True) if ordered else pd.DataFrame(columns=list(columns))
