"""Compiled code that is renewed when any source it may call changes.

numba keeps machine code on disk and looks at the file of the function alone: an edit in a function that it
calls, or a checkout of another version, would leave callers with old code, and wrong numbers without a word.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any


def renew_with(sources: Callable[[], str], dispatcher: Any) -> Any:
    """The dispatcher of a function compiled with `cache=True`, whose kept code also depends on a digest.

    Parameters
    ----------
    sources : returns the digest of all files whose compiled functions may call one another.
    """
    if not hasattr(dispatcher, "_cache"):  # NUMBA_DISABLE_JIT
        return dispatcher
    kept = dispatcher._cache._cache_file  # numba offers no public way; a test fails should this move
    kept._source_stamp = (kept._source_stamp, sources())
    load = kept._load_index

    def load_index() -> Any:
        try:
            return load()
        except (AttributeError, ImportError, EOFError, pickle.UnpicklingError):
            return {}  # kept by a version with types that are no more, or torn: compiled anew

    kept._load_index = load_index
    return dispatcher


@cache
def digest_of(folder: Path, mark: str = "") -> str:
    """A digest of the `.py` files below a folder whose text holds a mark."""
    digest = sha256()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_bytes()
        if mark.encode() in text:
            digest.update(path.name.encode() + b"\0" + text)
    return digest.hexdigest()[:16]
