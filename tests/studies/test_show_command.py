"""`walras show`: what is in a case, its drawing, its tables."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from studies.cli import app

run = CliRunner().invoke


def test_show_counts_what_is_there() -> None:
    done = run(app, ["show", "pglib_ieee300"])
    assert done.exit_code == 0, done.output
    for words in ("300", "411", "PGLib", "CC-BY", "$/MWh", "Capacity"):
        assert words in done.stdout


def test_show_as_json() -> None:
    summary = json.loads(run(app, ["show", "three_node", "--json"]).stdout)
    assert (summary["buses"], summary["branches"], summary["units"]) == (3, 3, 3)


def test_show_draws_and_exports(tmp_path: Path) -> None:
    picture, folder = tmp_path / "grid.png", tmp_path / "tables"
    done = run(app, ["show", "three_node", "--png", str(picture), "--export", str(folder)])
    assert done.exit_code == 0, done.output
    assert picture.stat().st_size > 10_000
    assert (folder / "buses.csv").is_file()
    assert str(picture) in done.stdout


def test_show_refuses_an_unknown_case() -> None:
    done = run(app, ["show", "threenode"])
    assert done.exit_code == 2
    assert "did you mean 'three_node'" in done.stderr


def test_show_draws_png_only(tmp_path: Path) -> None:
    for name in ("grid.foo", "grid", "grid.pdf"):
        done = run(app, ["show", "three_node", "--png", str(tmp_path / name)])
        assert done.exit_code == 2
        assert "ends in .png" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert run(app, ["show", "three_node", "--png", str(tmp_path / "GRID.PNG")]).exit_code == 0
