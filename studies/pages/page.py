"""One self-contained HTML page: figures, tables and text in one file that needs no network.

The plotting library is written into the page once, fonts are the system's, and a content security
policy forbids every request, so that a page opened from a stick shows what it showed when made.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any

from networks.files import replacing

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:"
)
"""Nothing may be fetched; `unsafe-eval` because the plotting library compiles its WebGL shaders' code."""

PACKAGES = ("walras", "numpy", "scipy", "pandas", "pyomo", "highspy", "piqp", "clarabel", "pandapower")


def write_page(
    path: Path, title: str, body: str, data: Mapping[str, Any], scripts: Sequence[str], command: str
) -> Path:
    """Write a page whose `body` is HTML, whose `data` its scripts read from `#data`, with a colophon.

    Parameters
    ----------
    data : JSON-compatible; NaN and ±inf must be None already.
    scripts : names of files in `studies/assets`, run in this order after the plotting library.
    command : what makes the page again.
    """
    filled = {
        "title": escape(title),
        "policy": escape(POLICY),
        "style": asset("page.css"),
        "body": body,
        "colophon": colophon(command),
        "data": json_for_script(data),
        "plotly": plotting_library(),
        "scripts": "\n".join(f"<script>\n{asset(name)}</script>" for name in scripts),
    }
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], asset("page.html"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")
    return path


def asset(name: str) -> str:
    """The text of a file in `studies/assets`."""
    return (Path(__file__).parents[1] / "assets" / name).read_text(encoding="utf-8")


def plotting_library() -> str:
    """The source of plotly.js from the installed plotly package (importing plotly itself would be slow)."""
    text = files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")
    return text.replace("</script", "<\\/script")


def json_for_script(data: Mapping[str, Any]) -> str:
    """JSON that can stand inside a script element whatever the labels are."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def html_table(headers: Sequence[str], rows: Sequence[Sequence[str]], caption: str, numbers_from: int) -> str:
    """A plain table of escaped texts; columns from `numbers_from` on are set as numbers."""

    def cells(tag: str, row: Sequence[str]) -> str:
        parts = []
        for k, cell in enumerate(row):
            kind = ' class="number"' if k >= numbers_from else ""
            scope = ' scope="col"' if tag == "th" else ""
            parts.append(f"<{tag}{kind}{scope}>{escape(str(cell))}</{tag}>")
        return "".join(parts)

    body = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="sideways"><table><caption>{escape(caption)}</caption><thead>'
        f"<tr>{cells('th', headers)}</tr></thead>"
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def colophon(command: str) -> str:
    """The command, the versions and the time, for the foot of the page."""
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    made = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"<p>Made by <code>{escape(command)}</code> on {made}, {escape(platform.machine())} "
        f"{escape(platform.system())}.</p><p>{escape(', '.join(found))}</p>"
    )
