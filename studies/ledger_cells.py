"""What is kept of every cell behind the ledger's rows: a digest of what it returned, in a small table.

With it a change of code that changes no number can be told from one that does without running everything
(:mod:`studies.restamp`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from networks.files import replacing
from studies.registry import StudyRef
from studies.running.code_hash import code_hash
from studies.running.digests import digest_of_text
from studies.running.parts import read_frame
from studies.running.spec import Spec, canonical_json
from studies.study import Results, Study

FILE = "ledger_cells.parquet"
SEED = 0
"""Of the runs that rows are made of; each cell has one replicate."""

COLUMNS = ("study", "cell", "replicate", "asked", "digest", "seconds", "code", "made")
"""`asked` and `digest` are hashes of the question and of the answer; `code` is the hash of the cells' code
that last gave these answers, `made` what they were computed with."""


def cells_of_run(ref: StudyRef, results: Results) -> pd.DataFrame:
    """What is kept of the cells of a complete run with the study's default settings."""
    study, cells = ref.load(), results.cells
    replicates = int(cells["replicate"].max()) + 1
    asked = asked_of(study, study.spec(), int(results.manifest["seed"]), replicates)
    keys = zip(cells["cell"].tolist(), cells["replicate"].tolist(), strict=True)
    return pd.DataFrame(
        {
            "study": ref.name,
            "cell": cells["cell"].astype("int32"),
            "replicate": cells["replicate"].astype("int32"),
            "asked": [asked[key] for key in keys],
            "digest": cells["digest"],
            "seconds": cells["seconds"].astype("float32"),
            "code": code_hash(ref, cells_only=True),
            "made": made_with(results.manifest),
        },
        columns=list(COLUMNS),
    )


def has_digests(results: Results) -> bool:
    """Whether every cell of a run has a digest; runs that were stored before there were any have none."""
    return "digest" in results.cells.columns and bool(results.cells["digest"].notna().all())


def asked_of(study: Study, spec: Spec, seed: int, replicates: int) -> dict[tuple[int, int], str]:
    """(cell, replicate) → a hash of all that the cell depends on beside its code."""
    data = study.fingerprint(spec) if study.fingerprint else ""
    common = {"spec": spec.values(), "seed": seed, "version": study.version, "data": data}
    return {
        (number, replicate): digest_of_text(
            canonical_json(common | {"cell": number, "replicate": replicate, "values": dict(values)})
        )
        for number, values in enumerate(study.cells(spec))
        for replicate in range(replicates)
    }


def made_with(manifest: Mapping[str, Any]) -> str:
    """The machine and versions of a run: where they differ, last bits may."""
    packages = ", ".join(f"{name} {version}" for name, version in sorted(manifest["packages"].items()))
    return f"{manifest['machine']}, python {manifest['python']}, {packages}"


def read_kept(path: Path) -> pd.DataFrame:
    """What is kept of the cells of all studies; nothing where there is no such table."""
    kept = read_frame(path) if path.is_file() else pd.DataFrame()
    return kept[list(COLUMNS)] if set(COLUMNS) <= set(kept.columns) else pd.DataFrame(columns=list(COLUMNS))


def write_kept(kept: pd.DataFrame, path: Path) -> None:
    """Replace the table in one step."""
    with replacing(path) as draft:
        kept.to_parquet(draft, index=False, compression="zstd")
