"""Files that are written whole or not at all, locks between processes, and file names made of labels."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

RESERVED = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{k}" for port in ("com", "lpt") for k in range(10)}
)
LONGEST_NAME = 120  # bytes; file systems take 255, and suffixes follow


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft beside `path` to write to, which takes its place when the body has ended well.

    Its name is nobody else's, so that several processes may write the same file: readers find one whole
    version, the last one stays. Where the body raises, the draft is removed and `path` is as it was.
    """
    draft = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


@contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """While the body runs, no other process is in such a body with the same `path`; waits for those that are.

    Parameters
    ----------
    path : a folder, or a file for nothing but the lock, which is made where there is none. Network file
        systems lock files only.

    Where the system has no such locks, or the file may not be written, the body runs all the same.
    """
    try:
        import fcntl

        handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o644)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def safe_name(label: str) -> str:
    """A label as the name of one file or folder: the label itself wherever that is safe.

    Separators, control characters and all that a shell or another system takes for something else become
    `_`; a name that had to be changed ends in a few digits of the label's hash, so that two labels never
    share a file.
    """
    name = re.sub(r"[^\w .,=+()@-]", "_", label).strip(" .")
    if name.lower().partition(".")[0] in RESERVED or name.startswith("-"):
        name = f"_{name}"
    name = name.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip(" .")
    if name and name == label:
        return name
    return f"{name or 'unnamed'}-{sha256(label.encode(errors='surrogatepass')).hexdigest()[:8]}"
