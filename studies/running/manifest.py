"""What a run says about itself: spec, seed, code, versions, revision, times, memory."""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import NoneType
from typing import Any

from networks.errors import InputError
from studies.pages.page import PACKAGES
from studies.registry import StudyRef
from studies.running.code_hash import code_hash
from studies.running.spec import Spec, canonical_json
from studies.running.store import Store, write_text
from studies.study import Study

ALSO = ("pyarrow", "plotly", "numba", "distributed")


@dataclasses.dataclass(frozen=True)
class Identity:
    """What makes a run this run: two runs share results where all of it is the same.

    Attributes
    ----------
    code : hash of the code behind the study's cells; data : fingerprint of what the spec reads.
    """

    study: str
    spec: Mapping[str, Any]
    seed: int
    code: str
    version: int
    data: str

    @property
    def address(self) -> str:
        """Twelve hex digits: the content address."""
        return sha256(canonical_json(dataclasses.asdict(self)).encode()).hexdigest()[:12]


def identify(ref: StudyRef, study: Study, spec: Spec, seed: int) -> Identity:
    """The identity of a run of `study`."""
    data = study.fingerprint(spec) if study.fingerprint else ""
    return Identity(ref.name, spec.values(), seed, code_hash(ref, cells_only=True), study.version, data)


def new_manifest(
    ref: StudyRef, identity: Identity, cells: int, replicates: int, command: str
) -> dict[str, Any]:
    """The manifest of a run that begins now."""
    return {
        "walras": installed("walras"),
        "study": ref.name,
        "study_ref": dataclasses.asdict(ref),
        "address": identity.address,
        "spec": dict(identity.spec),
        "seed": identity.seed,
        "seeding": "numpy.random.SeedSequence(seed, spawn_key=(cell, replicate))",
        "replicates": replicates,
        "cells": cells,
        "code": identity.code,
        "version": identity.version,
        "data": identity.data,
        "revision": git_revision(ref),
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
        "packages": {name: installed(name) for name in (*PACKAGES[1:], *ALSO) if installed(name)},
        "command": command,
        "started": now(),
        "sessions": [],
    }


def installed(package: str) -> str | None:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def now() -> str:
    """The time in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def git_revision(ref: StudyRef) -> str | None:
    """The commit of the checkout that holds the study, with `+` where files differ from it."""
    folder = Path(ref.path).parent if ref.path else Path(__file__).parent
    try:
        head = _git(folder, "rev-parse", "HEAD")
        inside = _git(folder, "ls-files", "--error-unmatch", Path(ref.path or __file__).name)
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}{'+' if changed else ''}" if inside else None


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


SESSION: dict[str, type | tuple[type, ...]] = {
    "ended": str, "cells": int, "wall_seconds": (int, float), "cell_seconds": (int, float),
    "executor": str, "peak_memory_mb": (int, float), "stopped": str,
}  # fmt: skip
FIELDS: dict[str, type | tuple[type, ...]] = {
    "study": str, "study_ref": dict, "address": str, "spec": dict, "seed": int, "seeding": str,
    "replicates": int, "cells": int, "code": str, "version": int, "data": str, "revision": (str, NoneType),
    "walras": (str, NoneType),
    "python": str, "machine": str, "packages": dict, "command": str, "started": str, "sessions": list,
}  # fmt: skip
REF: dict[str, type | tuple[type, ...]] = {
    "name": str, "module": str, "source": (str, NoneType), "path": (str, NoneType),
}  # fmt: skip


def read_manifests(folder: Path) -> dict[str, Any]:
    """The manifest of a run; those of several shards are put together.

    Raises
    ------
    InputError
        where there is none, or one is not what was written.
    """
    found = [read_manifest(path) for path in sorted(folder.glob("manifest*.json"))]
    if not found:
        raise InputError(f"{str(folder)!r} holds no run of a study (there is no manifest.json)")
    if len({manifest["address"] for manifest in found}) > 1:
        raise InputError(f"{str(folder)!r} holds manifests of different runs; give each its own folder")
    newest = max(found, key=lambda manifest: str(manifest["started"]))
    return newest | {
        "sessions": [s for manifest in found for s in manifest["sessions"]],
        "replicates": max(manifest["replicates"] for manifest in found),
    }


def read_manifest(path: Path) -> dict[str, Any]:
    """One manifest, checked: its fields, that its checksum holds, and that its address is that of its spec.

    Manifests of versions that wrote no checksum are read; their address still covers what was asked.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        checksum = manifest.pop("sha256", None)
        _expect(manifest, FIELDS)
        if unknown := sorted(set(manifest) - set(FIELDS)):  # the name of the checksum may be what is damaged
            raise ValueError(f"it has a field {unknown[0]!r:.60}, which this version does not write")
        _expect(manifest["study_ref"], REF)
        for session in manifest["sessions"]:
            _expect(session, SESSION)
        names = (field.name for field in dataclasses.fields(Identity))
        address = Identity(**{name: manifest[name] for name in names}).address
        if address != manifest["address"] or checksum not in (None, _checksum(manifest)):
            raise ValueError("it is not what was written")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{str(path)!r} is damaged; run the command of this study again to write it anew (finished "
            f"cells are kept). Found: {error}"
        ) from None
    return manifest


def _expect(found: Mapping[str, Any], fields: Mapping[str, type | tuple[type, ...]]) -> None:
    for name, kind in fields.items():
        if name not in found or not isinstance(found[name], kind):
            raise ValueError(f"its field {name!r} is {found.get(name)!r:.60}")


def _checksum(manifest: Mapping[str, Any]) -> str:
    return sha256(canonical_json(manifest).encode()).hexdigest()


def write_manifest(store: Store, manifest: dict[str, Any], session: dict[str, Any] | None) -> None:
    """Write the manifest of a store's shard; what earlier starts wrote of themselves stays in it."""
    earlier: dict[str, Any] = {}
    if store.manifest_path.is_file():
        with suppress(InputError):  # damaged: written anew
            earlier = read_manifest(store.manifest_path)
    manifest = manifest | {
        "sessions": [*earlier.get("sessions", []), *([session] if session else [])],
        "replicates": max(manifest["replicates"], int(earlier.get("replicates", 1))),
        "started": earlier.get("started", manifest["started"]),
        "command": manifest["command"] or earlier.get("command", ""),
    }
    manifest["sha256"] = _checksum(manifest)
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(store.manifest_path, text)
