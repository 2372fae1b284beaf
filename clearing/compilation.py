"""Compiled code that is kept where it can be, and renewed when any source it may call changes.

numba keeps machine code on disk and looks at the file of the function alone: an edit in a function that it
calls, or a checkout of another version, would leave callers with old code, and wrong numbers without a word.
It also takes for granted that some folder can be written, that no disk is full, and that files are whole.
"""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from numba import config
from numba.misc.appdirs import AppDirs

from networks.errors import InputError

DAMAGED = (
    AttributeError, ImportError, EOFError, IndexError, KeyError, MemoryError, OverflowError, TypeError,
    ValueError, pickle.UnpicklingError,
)  # fmt: skip
"""What reading a pickle raises that is torn, or whose types are those of another version."""

SEAL = b"walras:sha256:"
"""Begins what follows a pickle of kept code: its length and digest. Readers of pickles stop before it."""


def renew_with(sources: Callable[[], str], dispatcher: Any) -> Any:
    """The dispatcher of a function compiled with `cache=True`, whose kept code also depends on a digest.

    Kept code that is torn or was changed is compiled anew; code that cannot be written is used all the same.

    Parameters
    ----------
    sources : returns the digest of all files whose compiled functions may call one another.

    Raises
    ------
    InputError
        where the environment switches compilation off.
    """
    if not hasattr(dispatcher, "_cache"):
        raise InputError(
            "NUMBA_DISABLE_JIT is set, and prepared markets and learning sessions are compiled code; unset it"
        )
    kept = dispatcher._cache._cache_file  # numba offers no public way; a test fails should this move
    kept._source_stamp = (kept._source_stamp, sources())
    load_index, load_data, dump, save = kept._load_index, kept._load_data, kept._dump, kept.save

    def load_whole_index() -> Any:
        try:
            _refuse_broken_seal(kept._index_path)
            return load_index()
        except (*DAMAGED, OSError):
            return {}

    def load_whole_data(name: str) -> Any:
        try:
            _refuse_broken_seal(kept._data_path(name))
            return load_data(name)
        except DAMAGED as error:
            raise OSError(f"{name} is damaged") from error  # numba takes it for a file that is gone

    def dump_sealed(item: Any) -> bytes:
        data: bytes = dump(item)
        return data + SEAL + len(data).to_bytes(8, "big") + sha256(data).digest()

    def save_if_possible(key: Any, data: Any) -> None:
        try:
            save(key, data)
        except OSError as error:
            reason = error.strerror or error
            warnings.warn(
                f"compiled code cannot be kept ({reason}); it is compiled at every start", stacklevel=2
            )

    kept._load_index, kept._load_data = load_whole_index, load_whole_data
    kept._dump, kept.save = dump_sealed, save_if_possible
    return dispatcher


def _refuse_broken_seal(path: str) -> None:
    """Raise ValueError where a file is not what was written; versions before this one wrote no seal."""
    body, seal, end = Path(path).read_bytes().rpartition(SEAL)
    if seal and sha256(body[-int.from_bytes(end[:8], "big") :]).digest() != end[8:]:
        raise ValueError(f"{path} is damaged")


@cache
def digest_of(folder: Path, mark: str = "") -> str:
    """A digest of the `.py` files below a folder whose text holds a mark."""
    digest = sha256()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_bytes()
        if mark.encode() in text:
            digest.update(path.name.encode() + b"\0" + text)
    return digest.hexdigest()[:16]


def _keep_code_somewhere() -> TemporaryDirectory[str] | None:
    """A folder for compiled code that lasts as long as this process, where no lasting one can be written.

    numba tries NUMBA_CACHE_DIR, the folder of the source, and the user's cache, and gives up. The folder made
    here is this user's alone, since kept code is run; processes that this one starts share it.
    """
    beside = Path(__file__).parent / "engine" / "__pycache__"
    users = Path(AppDirs(appname="numba", appauthor=False).user_cache_dir)
    if any(_may_write(folder) for folder in (config.CACHE_DIR, beside, users) if folder):
        return None
    try:
        folder = TemporaryDirectory(prefix="walras-code-", ignore_cleanup_errors=True)
    except OSError:
        raise InputError(
            "compiled code needs a folder that can be written, and there is none, not even a temporary one; "
            "set NUMBA_CACHE_DIR to one"
        ) from None
    warnings.warn(
        f"neither {str(beside)!r} nor {str(users)!r} can be written: compiled code is kept for this process "
        "only, and compiling takes minutes at every start; set NUMBA_CACHE_DIR to a folder of yours",
        stacklevel=2,
    )
    config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"] = folder.name
    return folder


def _may_write(folder: Path | str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)
        TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


_kept_for_now = _keep_code_somewhere()
