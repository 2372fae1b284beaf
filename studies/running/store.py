"""Where the cells of a run are kept: parts that are written whole, tables made of them, manifests.

    DIR/ADDRESS/parts/part-SHARD-DIGEST.parquet    finished cells; the name holds the content's hash
    DIR/ADDRESS/tables/NAME.parquet                rows of all cells, in the order (cell, replicate)
    DIR/ADDRESS/cells.parquet                      status, seconds, error and digest of each cell
    DIR/ADDRESS/manifest.json                      spec, seed, code, versions, times (one per shard)

The address is the hash of study, spec, code and seed, so a changed question never meets old answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from networks.errors import InputError
from networks.files import alone_with, replacing
from studies.running.parts import CELL_COLUMNS, DONE, decode, join

JOINED_FILES = 256
JOINED_BYTES = 16 * 2**20
"""At the end of a run small parts are joined, so many or so large at a time."""

DRAFT = ".part-"


@dataclass(frozen=True)
class Shard:
    """Which share of the cells: number `index` of `count`, from 1; of these `only` some, where given."""

    index: int = 1
    count: int = 1
    only: frozenset[tuple[int, int]] | None = None

    @classmethod
    def read(cls, text: str) -> Shard:
        """From "2/8"."""
        index, _, count = text.partition("/")
        if not (index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count)):
            raise InputError(f"--shard is {text!r}; give i/n with 1 ≤ i ≤ n, such as 2/8")
        return cls(int(index), int(count))

    def share(self, cells: int, replicates: int) -> list[tuple[int, int]]:
        """(cell, replicate) of what this shard runs: one replicate of every cell, then the next."""
        every = [(number, replicate) for replicate in range(replicates) for number in range(cells)]
        mine = every[self.index - 1 :: self.count]
        return mine if self.only is None else [key for key in mine if key in self.only]

    def __str__(self) -> str:
        return f"{self.index}of{self.count}"


@dataclass
class Store:
    """The folder of one run; the only writer of its shard's parts while it holds the lock."""

    folder: Path
    shard: Shard = field(default_factory=Shard)
    _lock: Any = None

    @property
    def parts(self) -> Path:
        return self.folder / "parts"

    @property
    def manifest_path(self) -> Path:
        name = "manifest.json" if self.shard.count == 1 else f"manifest-{self.shard}.json"
        return self.folder / name

    def open(self) -> None:
        """Make the folder and take the lock of this shard; remove what a killed run left half-written.

        Raises
        ------
        InputError
            another process runs the same cells into the same folder.
        """
        self.parts.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / f".lock-{self.shard}").open("w")
        try:
            import fcntl

            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except BlockingIOError:
            raise InputError(
                f"another walras runs these cells into {str(self.folder)!r}; wait for it, or give "
                f"another --out"
            ) from None
        for draft in self.parts.glob(f"{DRAFT}{self.shard}-*"):
            draft.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def alone(self) -> AbstractContextManager[None]:
        """While no other process joins parts here, reads them all, or makes tables of them."""
        return alone_with(self.folder / ".lock")

    def add(self, data: bytes) -> Path:
        """Keep a part: it is there whole or not at all, whenever the process ends."""
        name = f"part-{self.shard}-{sha256(data).hexdigest()[:20]}.parquet"
        path, draft = self.parts / name, self.parts / f"{DRAFT}{self.shard}-{os.getpid()}"
        try:
            draft.write_bytes(data)
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        return path

    def clear(self) -> None:
        """Remove what this shard has stored (`--fresh`), and the tables made of it."""
        with self.alone():
            for pattern in (
                f"parts/part-{self.shard}-*",
                "tables/*",
                "cells.parquet",
                self.manifest_path.name,
            ):
                for path in self.folder.glob(pattern):
                    path.unlink(missing_ok=True)

    def part_paths(self) -> list[Path]:
        """The parts, by name."""
        return sorted(self.parts.glob("part-*.parquet"))

    def read(self, path: Path) -> pa.Table | None:
        """A part, or None where the file is not what was written (it is put aside)."""
        data = path.read_bytes()
        digest = path.stem.rpartition("-")[2]
        if sha256(data).hexdigest()[:20] == digest:
            with suppress(pa.ArrowException, OSError):
                table = decode(data)
                if set(CELL_COLUMNS) <= set(table.column_names):
                    return table
        with suppress(OSError):  # of a folder that may not be written it stays out all the same
            path.replace(path.with_suffix(".damaged"))
        return None

    def join_small_parts(self) -> None:
        """Few parts instead of many; a kill in between leaves cells twice, which does no harm.

        To be called while :meth:`alone`: whoever reads the parts must find each of them.
        """
        own = [p for p in self.part_paths() if p.name.startswith(f"part-{self.shard}-")]
        small = [p for p in own if p.stat().st_size < JOINED_BYTES]
        for group in _groups(small):
            tables = [table for path in group if (table := self.read(path)) is not None]
            if len(tables) < 2:
                continue
            kept = self.add(join(tables))
            for path in group:
                if path != kept:
                    path.unlink(missing_ok=True)


def _groups(paths: Sequence[Path]) -> Iterator[list[Path]]:
    group: list[Path] = []
    size = 0
    for path in paths:
        group.append(path)
        size += path.stat().st_size
        if len(group) == JOINED_FILES or size > JOINED_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


@dataclass(frozen=True)
class Index:
    """Where every stored cell is: arrays over cells in the order (cell, replicate).

    Attributes
    ----------
    cell, replicate, failed : what is stored; part, row : where.
    paths : the parts; damaged : files that were put aside.
    """

    cell: np.ndarray
    replicate: np.ndarray
    failed: np.ndarray
    part: np.ndarray
    row: np.ndarray
    paths: tuple[Path, ...]
    damaged: tuple[Path, ...]

    @property
    def done(self) -> set[tuple[int, int]]:
        """The cells that need not run again."""
        good = ~self.failed
        return set(zip(self.cell[good].tolist(), self.replicate[good].tolist(), strict=True))

    def signature(self) -> str:
        """A hash of the parts' names, and so of their contents."""
        return signature_of(self.paths)


def signature_of(parts: Sequence[Path]) -> str:
    """A hash of the names of parts: whatever is made of the same parts has the same."""
    return sha256("\n".join(sorted(path.name for path in parts)).encode()).hexdigest()


def read_index(store: Store) -> Index:
    """What a store holds; of a cell that is there twice, a finished one wins over a failed one."""
    paths: list[Path] = []
    damaged: list[Path] = []
    columns = []
    for path in store.part_paths():
        table = store.read(path)
        if table is None:
            damaged.append(path)
            continue
        failed = np.array([status != DONE for status in table.column("status").to_pylist()], dtype=bool)
        keys = [table.column(name).to_numpy() for name in ("cell", "replicate")]
        count = len(failed)
        columns.append((*keys, failed, np.full(count, len(paths)), np.arange(count)))
        paths.append(path)
    if columns:
        cell, replicate, failed, part, row = (np.concatenate(c) for c in zip(*columns, strict=True))
    else:
        cell, replicate, part, row = (np.zeros(0, dtype=np.int64) for _ in range(4))
        failed = np.zeros(0, dtype=bool)
    order = np.lexsort((part, failed, replicate, cell))
    again = np.zeros(len(order), dtype=bool)
    a, b = cell[order], replicate[order]
    again[1:] = (a[1:] == a[:-1]) & (b[1:] == b[:-1])
    kept = order[~again]
    return Index(
        cell[kept], replicate[kept], failed[kept], part[kept], row[kept], tuple(paths), tuple(damaged)
    )


def write_text(path: Path, text: str) -> None:
    """Replace a small file in one step."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")
