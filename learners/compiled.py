"""How loops are compiled: once each, without the global interpreter lock, kept on disk.

A study may compile its own: each function with all that it calls in its own file or among the learners.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

from clearing.compilation import digest_of, renew_with


def _sources() -> str:
    return digest_of(Path(__file__).parent, "@compiled")


def compiled(function: Callable[..., Any]) -> Any:
    """A compiled function, renewed with any of the package's compiled sources."""
    return renew_with(_sources, njit(cache=True, nogil=True)(function))
