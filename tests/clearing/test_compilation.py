"""Compiled code is renewed when a function that it calls changes in another file."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

MODULES = {
    "callee.py": """
from numba import njit

@njit(cache=True)
def answer():
    return {number}
""",
    "caller.py": """
from pathlib import Path
from numba import njit
from callee import answer
from clearing.compilation import digest_of, renew_with

def ask():
    return answer()

ask = renew_with(lambda: digest_of(Path(__file__).parent), njit(cache=True)(ask))
print(ask(), sum(ask.stats.cache_hits.values()))
""",
}


def test_an_edit_in_a_callee_reaches_its_callers(tmp_path: Path) -> None:
    caller = tmp_path / "caller.py"
    caller.write_text(MODULES["caller.py"])

    def run(number: int) -> list[str]:
        (tmp_path / "callee.py").write_text(MODULES["callee.py"].format(number=number))
        environment = dict(os.environ, PYTHONPATH=f"{ROOT}{os.pathsep}{tmp_path}")
        environment.pop("NUMBA_CACHE_DIR", None)
        done = subprocess.run(
            [sys.executable, caller], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    assert run(1) == ["1", "0"], "compiled"
    assert run(1) == ["1", "1"], "kept"
    assert run(2) == ["2", "0"], "renewed, although the caller's own file is as it was"
    (index,) = (tmp_path / "__pycache__").glob("caller.ask-*.nbi")
    with index.open("rb") as file:
        version = pickle.load(file)
    index.write_bytes(pickle.dumps(version, protocol=4) + b"cclearing.compilation\nNoMore\n.")
    assert run(2) == ["2", "0"], "compiled anew where another version's types are kept"
    assert run(2) == ["2", "1"]
