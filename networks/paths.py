"""What the readers need of a folder: a `pathlib.Path`, or a folder inside the installed package."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path

Folder = Path | Traversable
