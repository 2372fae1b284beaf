"""The command as a whole: quick help, version, catalogue, errors without tracebacks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from studies.cli import app
from studies.commands.guard import plain_errors
from studies.commands.options import read_pairs

HEAVY = (
    "numpy",
    "pandas",
    "scipy",
    "pyomo",
    "pandapower",
    "matplotlib",
    "plotly",
    "pyarrow",
    "networkx",
    "rich.table",
)
run = CliRunner().invoke


def walras(*words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a user runs it."""
    code = "from studies.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_help_loads_no_heavy_library() -> None:
    code = (
        "import sys, studies.cli\n"
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [("--help",), ("clear", "--help"), ("show", "-h"), ("cases", "--help")])
def test_help_answers(words: tuple[str, ...]) -> None:
    done = run(app, list(words))
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_version() -> None:
    from importlib.metadata import version

    done = run(app, ["--version"])
    assert (done.exit_code, done.stdout) == (0, f"walras {version('walras')}\n")


def test_cases_lists_the_catalogue() -> None:
    done = run(app, ["cases"])
    assert done.exit_code == 0
    assert "pglib_ieee300" in done.stdout
    rows = json.loads(run(app, ["cases", "--json"]).stdout)
    assert {"name", "buses", "branches", "units", "load_mw", "limits", "good_for"} <= set(rows[0])


@pytest.mark.parametrize(
    "words", [("clear",), ("clear", "three_node", "--price-rule", "dear"), ("sell", "three_node")]
)
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    done = run(app, list(words))
    assert done.exit_code == 2
    assert done.stdout == ""


def test_unknown_case_is_one_message_without_traceback(tmp_path: Path) -> None:
    done = walras("clear", "pglib_ieee3000", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(
        "walras: case 'pglib_ieee3000' is not in the catalogue (did you mean 'pglib_ieee300'?)"
    )
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    done = walras("clear", "nowhere", "--debug", folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (PermissionError(13, "Permission denied", "results"), 2, "'results': Permission denied"),
        (ZeroDivisionError("division by zero"), 1, "internal error, ZeroDivisionError"),
    ],
)
def test_guard_ends_with_a_message_and_a_code(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    with pytest.raises(typer.Exit) as ended, plain_errors():
        raise error
    assert ended.value.exit_code == code
    assert words in capsys.readouterr().err


def test_guard_says_what_kind_of_failure(capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    from clearing.errors import InfeasibleError

    with pytest.raises(typer.Exit), plain_errors():
        raise InfeasibleError("island of bus 'a' lacks 3 MW")
    assert capsys.readouterr().err == "walras: infeasible: island of bus 'a' lacks 3 MW\n"


def test_a_closed_pipe_is_no_crash() -> None:
    program = "from studies.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "cases"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        message = process.stderr.read().decode()
    assert "Traceback" not in message


def test_pairs_take_percentages_and_names_with_equals_signs() -> None:
    assert read_pairs(["G1=10", "a=b=-2.5", "G 2 = 5%"], "--markup") == [
        ("G1", 10.0, False),
        ("a=b", -2.5, False),
        ("G 2", 5.0, True),
    ]


@pytest.mark.parametrize("word", ["G1", "=3", "G1=", "G1=much", "G1=nan"])
def test_wrong_pairs_name_the_option(word: str) -> None:
    from networks.errors import InputError

    with pytest.raises(InputError, match="--markup is"):
        read_pairs([word], "--markup")
