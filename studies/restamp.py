"""Accepting a new code hash in the ledger's rows without running everything.

A row of the ledger follows from the cells of a run, and from the functions that summarise and compare them.
Both kinds of code enter its hash, and each is vouched for in its own way:

- cells: a seeded sample of them runs again, and what they return has the digests that were kept, bit for
  bit (none needs to run where their code is what it was);
- what makes rows of cells: the stored run whose every cell has the kept digests is summarised and compared
  anew, and each row comes out as it stands. Without such a run nothing vouches for this code, since it may
  call into all that the cells call, and nothing is accepted.

Then the rows get the new hash; figures, verdicts and dates stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeVar

import pandas as pd

from networks.errors import InputError
from studies import ledger
from studies.ledger_cells import SEED, asked_of, has_digests, made_with, read_kept, write_kept
from studies.registry import StudyRef, find_study, study_names
from studies.running.code_hash import code_hash
from studies.running.manifest import read_manifests
from studies.running.parts import DONE
from studies.running.progress import Listener
from studies.running.sampling import BUDGET, LEAST, sample
from studies.running.spec import canonical_json
from studies.running.store import Shard
from studies.running.tables import read_results, run_folders
from studies.study import Cell, Results, Study

STAMPED = ("code", "date", "seconds")  # columns of a row that say which run it came from
SHOWN = 3  # differing cells that are named

Tell = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Stamp:
    """What became of a study's rows.

    Attributes
    ----------
    words : why. rows : of the ledger. cells : that ran again. seconds : that these took.
    """

    study: str
    status: Literal["unchanged", "accepted", "refused"]
    words: str
    rows: int = 0
    cells: int = 0
    seconds: float = 0.0


def restamp_ledger(
    results: Path,
    names: Sequence[str] = (),
    *,
    seed: int | None = None,
    least: int = LEAST,
    budget: float = BUDGET,
    jobs: int | None = None,
    tell: Tell = lambda words: None,
    listener: Listener | None = None,
) -> list[Stamp]:
    """Accept the present code in the shipped rows of studies whose numbers it does not change.

    Parameters
    ----------
    results : stored runs, among them those that the shipped rows were made of.
    names : of the studies; none means all that have claims.
    seed : of the sample; by default the code hash itself, so that each new code meets other cells.
    least : cells of each study that run again, at least.
    budget : s per study, by the durations that were kept.
    jobs : worker processes, 0 for this process, None for one per core.
    tell : told what runs, before it does.

    Raises
    ------
    InputError
        an unknown study, or one without claims, was named; a number out of range. OSError where `data/`
        cannot be written.
    """
    if least < 1 or not budget > 0 or (seed is not None and seed < 0):
        raise InputError(
            f"--sample is {least}, --budget {budget:g} and --seed {seed}; give at least 1, more than 0 and "
            "at least 0"
        )
    effort = _Effort(seed, least, budget, jobs, tell, listener)
    stamps = []
    for ref in _with_rows(names):
        rows, kept = ledger.read_rows(ledger.shipped_path()), read_kept(ledger.cells_path())
        own = rows["study"] == ref.name
        trial = _Trial(ref, rows[own], kept[kept["study"] == ref.name], results, effort)
        stamp = trial.stamp()
        if stamp.status == "accepted":  # written study by study: an interruption costs one of them
            kept.loc[kept["study"] == ref.name, "code"] = trial.cells_code
            rows.loc[own, "code"] = trial.code
            write_kept(kept, ledger.cells_path())
            ledger.write_rows(rows, ledger.shipped_path())
        stamps.append(stamp)
    return stamps


def _with_rows(names: Sequence[str]) -> list[StudyRef]:
    """The named studies, else all that have claims; one whose code fails is tried, and says so then."""
    refs = [find_study(name) for name in names or study_names()]
    rows = set(ledger.read_rows(ledger.shipped_path())["study"])
    claiming = []
    for ref in refs:
        try:
            has_claims = ref.shown().claims is not None
        except Exception:
            has_claims = bool(names) or ref.name in rows
        if has_claims:
            claiming.append(ref)
        elif names:
            raise InputError(f"study {ref.name!r} compares nothing with published figures: it has no rows")
    return claiming


@dataclass(frozen=True)
class _Effort:
    """What may run again, how, and who is told."""

    seed: int | None
    least: int
    budget: float
    jobs: int | None
    tell: Tell
    listener: Listener | None


class _Refused(Exception):
    """Why the rows of a study must be made anew."""


class _Trial:
    """One study's rows and kept cells before its present code."""

    def __init__(self, ref: StudyRef, rows: pd.DataFrame, kept: pd.DataFrame, results: Path, effort: _Effort):
        self.ref, self.rows, self.results, self.effort = ref, rows, results, effort
        self.kept = kept.reset_index(drop=True)
        self.code = self.cells_code = ""
        self.ran, self.seconds = 0, 0.0

    def stamp(self) -> Stamp:
        """Whether the code may be accepted; an error of the study's own code is a refusal."""
        name, count = self.ref.name, len(self.rows)
        try:
            study = _guarded("its code fails", self.ref.load)
            self.code, self.cells_code = _guarded(
                "its code cannot be read", lambda: (code_hash(self.ref), code_hash(self.ref, cells_only=True))
            )
            if count and set(self.rows["code"]) == {self.code}:
                return Stamp(name, "unchanged", "the code behind its rows is what it was", count)
            self._require_digests()
            cells = self._require_same_question(study)
            stored = self._stored_run()
            if set(self.kept["code"]) == {self.cells_code}:
                words = "the code of its cells is what it was"
            else:
                seed = int(self.code, 16) if self.effort.seed is None else self.effort.seed
                seconds = self.kept["seconds"].tolist()
                self._rerun(cells, sample(cells, seconds, seed, self.effort.least, self.effort.budget))
                words = f"{self.ran} of {len(cells)} cells agree bit for bit ({self.seconds:.1f} s)"
            self._compare_rows(stored)
        except _Refused as refusal:
            words = f"{refusal}; its rows need: walras ledger {name} --refresh"
            return Stamp(name, "refused", words, count, self.ran, self.seconds)
        words += f"; made anew from the stored run, its {count} rows are the same"
        return Stamp(name, "accepted", words, count, self.ran, self.seconds)

    def _require_digests(self) -> None:
        if self.rows.empty:
            raise _Refused("it has no rows")
        if self.kept.empty:
            raise _Refused("no digests of its cells are kept: its rows are older than these are")

    def _require_same_question(self, study: Study) -> list[Cell]:
        """The cell behind each kept digest.

        Raises
        ------
        _Refused
            where the study has other cells, settings or data by now.
        """
        spec = _guarded("its settings fail", study.spec)
        if set(self.rows["spec"]) != {canonical_json(spec.values())}:
            raise _Refused("its default settings have changed")
        numbers, replicates = self.kept["cell"].tolist(), self.kept["replicate"].tolist()
        kept = dict(zip(zip(numbers, replicates, strict=True), self.kept["asked"], strict=True))
        asked = _guarded("its cells fail", lambda: asked_of(study, spec, SEED, max(replicates) + 1))
        if len(asked) != len(kept) or set(asked) != set(kept):
            raise _Refused(f"it has {len(asked)} cells where {len(kept)} are kept")
        cells = list(study.cells(spec))
        for (number, replicate), found in asked.items():
            if found != kept[number, replicate]:
                raise _Refused(
                    f"cell {_cell_words(number, cells[number])} is asked something else: its values, or the "
                    "study's data, version or seed, have changed"
                )
        return [cells[number] for number in numbers]

    def _stored_run(self) -> Results:
        """The run that the rows were made of: all its cells have the kept digests."""
        wanted = _answers(self.kept)
        for folder in run_folders(self.results) if self.results.is_dir() else ():
            try:
                if read_manifests(folder)["study"] != self.ref.name:
                    continue
                found = read_results(folder)
            except InputError:
                continue  # damaged, and so no witness
            if has_digests(found) and _answers(found.cells) == wanted:
                return found
        raise _Refused(
            f"no run in {str(self.results)!r} has the kept digests, so that its claims cannot be made anew"
        )

    def _rerun(self, cells: Sequence[Cell], positions: list[int]) -> None:
        """Run the cells again, as any run does, and compare what they return."""
        from studies.running.runner import run

        chosen = self.kept.iloc[positions]
        keys = frozenset(zip(chosen["cell"].tolist(), chosen["replicate"].tolist(), strict=True))
        self.effort.tell(
            f"{self.ref.name}: {len(keys)} of {len(cells)} cells run again; "
            f"they took {chosen['seconds'].sum():.1f} s when they were stored"
        )
        with TemporaryDirectory(prefix="walras-restamp-", ignore_cleanup_errors=True) as folder:
            ended = run(
                self.ref,
                seed=SEED,
                replicates=int(self.kept["replicate"].max()) + 1,
                jobs=self.effort.jobs,
                shard=Shard(only=keys),
                out=folder,
                listener=self.effort.listener,
            )
            if ended.stopped:
                raise KeyboardInterrupt
            found = read_results(ended.folder)
        self.ran, self.seconds = len(found.cells), float(found.cells["seconds"].sum())
        kept = chosen.set_index(["cell", "replicate"])["digest"]
        wrong = []
        values = dict(zip(self.kept["cell"].tolist(), cells, strict=True))
        for row in found.cells.to_dict("records"):
            words = _cell_words(row["cell"], values[row["cell"]])
            if row["status"] != DONE:
                raise _Refused(f"cell {words} fails: {row['error']}")
            if row["digest"] != kept[row["cell"], row["replicate"]]:
                wrong.append(words)
        if len(found.cells) != len(keys):
            raise _Refused(f"only {len(found.cells)} of {len(keys)} cells came back")
        if wrong:
            more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
            raise _Refused(
                f"cell {', '.join(wrong[:SHOWN])}{more} of {len(keys)} that ran again returned other numbers "
                f"than those kept{self._elsewhere(found)}"
            )

    def _elsewhere(self, found: Results) -> str:
        here = made_with(found.manifest)
        others = sorted(set(self.kept["made"]) - {here})
        return f" (those were made with {others[0]}; here is {here})" if others else ""

    def _compare_rows(self, stored: Results) -> None:
        """Make the rows anew from the stored run, and hold them against those that stand."""
        made = _guarded("its claims fail", lambda: ledger.rows_of_run(self.ref, stored))
        buffer = BytesIO()
        made.to_parquet(buffer, index=False)
        made = pd.read_parquet(buffer)
        if len(made) != len(self.rows):
            raise _Refused(f"its claims give {len(made)} rows where {len(self.rows)} stand")
        columns = [name for name in self.rows.columns if name not in STAMPED]
        pairs = zip(made[columns].to_dict("records"), self.rows[columns].to_dict("records"), strict=True)
        for new, old in pairs:
            other = [name for name in columns if _plain(new[name]) != _plain(old[name])]
            if other:
                raise _Refused(
                    f"made anew from the stored run, its claim {old['claim']!r} has another {other[0]}: "
                    f"{new[other[0]]!r} in place of {old[other[0]]!r}"
                )


def _guarded(words: str, body: Callable[[], T]) -> T:
    """What a study's own code returns; any error of it is a refusal that says so."""
    try:
        return body()
    except Exception as error:
        raise _Refused(f"{words}: {type(error).__name__}: {error}") from error


def _answers(cells: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(cells[["cell", "replicate", "digest"]].itertuples(index=False, name=None))


def _cell_words(number: int, values: Cell) -> str:
    return f"{number} ({', '.join(f'{key} {value}' for key, value in values.items())})"


def _plain(value: Any) -> str:
    """A stored value, told apart to the last bit; all missing values are the same."""
    if pd.isna(value):
        return ""
    return repr(value.item() if hasattr(value, "item") else value)
