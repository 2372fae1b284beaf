"""Compiled code is renewed with what it calls, and kept only where files are whole and can be written."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MODULES = {
    "callee.py": """
from numba import njit

@njit
def answer():
    return {number}
""",
    "caller.py": """
from pathlib import Path
from clearing.compilation import digest_of, renew_with
from numba import njit
from callee import answer

def ask():
    return answer()

ask = renew_with(lambda: digest_of(Path(__file__).parent), njit(cache=True)(ask))
print(ask(), sum(ask.stats.cache_hits.values()))
""",
}


def answer(folder: Path, number: int = 1, program: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """The answer and how often kept code was used, in a process of its own."""
    (folder / "caller.py").write_text(MODULES["caller.py"])
    (folder / "callee.py").write_text(MODULES["callee.py"].format(number=number))
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "NUMBA_CACHE_DIR": ""} | more
    command = [sys.executable, *(["-c", program] if program else []), folder / "caller.py"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def words(folder: Path, number: int = 1) -> list[str]:
    done = answer(folder, number)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.split()


def test_an_edit_in_a_callee_reaches_its_callers(tmp_path: Path) -> None:
    assert words(tmp_path, 1) == ["1", "0"], "compiled"
    assert words(tmp_path, 1) == ["1", "1"], "kept"
    assert words(tmp_path, 2) == ["2", "0"], "renewed, although the caller's own file is as it was"
    (index,) = (tmp_path / "__pycache__").glob("caller.ask-*.nbi")
    with index.open("rb") as file:
        version = pickle.load(file)
    index.write_bytes(pickle.dumps(version, protocol=4) + b"cclearing.compilation\nNoMore\n.")
    assert words(tmp_path, 2) == ["2", "0"], "compiled anew where another version's types are kept"
    assert words(tmp_path, 2) == ["2", "1"]


def test_damaged_code_is_compiled_anew(tmp_path: Path) -> None:
    """Empty, torn, and with one bit of machine code flipped."""
    assert words(tmp_path) == ["1", "0"]
    for kind, damage in (
        ("nbi", lambda data: b""),
        ("nbi", lambda data: data[:-40]),
        ("nbc", lambda data: data[: len(data) // 2]),
        ("nbc", lambda data: data[:3000] + bytes([data[3000] ^ 4]) + data[3001:]),
    ):
        (path,) = (tmp_path / "__pycache__").glob(f"caller.ask-*.{kind}")
        path.write_bytes(damage(path.read_bytes()))
        assert words(tmp_path) == ["1", "0"], kind
    assert words(tmp_path) == ["1", "1"]


FULL = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))  # not a byte more on the disk
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def test_a_full_disk_costs_time_alone(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    words(tmp_path, 1)  # leaves the files
    done = answer(tmp_path, 2, program=FULL)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", "0"]
    assert done.stderr.count("compiled code cannot be kept (File too large)") == 1
    assert words(tmp_path, 2) == ["2", "0"], "nothing half-written was left"


def test_where_no_folder_can_be_written_a_temporary_one_serves(tmp_path: Path) -> None:
    for name in (
        "networks/__init__.py",
        "networks/errors.py",
        "clearing/__init__.py",
        "clearing/compilation.py",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "clearing" / "engine").mkdir()
    for folder in (tmp_path, tmp_path / "clearing" / "engine"):
        (folder / "__pycache__").write_text("a file in place of the folder")
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache", "PYTHONPATH": str(tmp_path)}
    (tmp_path / "temporary").mkdir()
    done = answer(tmp_path, **nowhere, TMPDIR=str(tmp_path / "temporary"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "0"]
    assert done.stderr.count("set NUMBA_CACHE_DIR") == 1
    assert not list((tmp_path / "temporary").iterdir()), "it is removed at the end"
    given = answer(tmp_path, **nowhere, NUMBA_CACHE_DIR=str(tmp_path / "given"))
    assert (given.stdout.split(), given.stderr) == (["1", "0"], "")
    assert list((tmp_path / "given").iterdir())


def test_without_compilation_there_is_one_message() -> None:
    program = "import clearing.engine.batch"
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"NUMBA_DISABLE_JIT": "1"}, cwd=ROOT,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "InputError: NUMBA_DISABLE_JIT is set" in done.stderr
    assert done.stderr.rstrip().endswith("unset it")
