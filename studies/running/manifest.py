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
from typing import Any

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


def write_manifest(store: Store, manifest: dict[str, Any], session: dict[str, Any] | None) -> None:
    """Write the manifest of a store's shard; what earlier starts wrote of themselves stays in it."""
    earlier: dict[str, Any] = {}
    if store.manifest_path.is_file():
        with suppress(ValueError):  # damaged: written anew
            earlier = json.loads(store.manifest_path.read_text(encoding="utf-8"))
    manifest = manifest | {
        "sessions": [*earlier.get("sessions", []), *([session] if session else [])],
        "replicates": max(manifest["replicates"], int(earlier.get("replicates", 1))),
        "started": earlier.get("started", manifest["started"]),
        "command": manifest["command"] or earlier.get("command", ""),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    write_text(store.manifest_path, text)
