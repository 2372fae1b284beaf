"""How the engine's functions are compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from clearing.engine.compilation.no_unroll import Rolled


def steps_down(values: np.ndarray) -> float:
    """A loop within a loop, with two ways out of it and a loop after it."""
    total = 0.0
    for i in range(len(values)):
        k = i
        while k > 0 and values[k] > 1.0:
            total += values[k]
            if total > 1e6:
                break
            k -= 2
    for i in range(len(values)):
        total -= values[i]
    return total


def test_no_loop_is_unrolled() -> None:
    values = np.linspace(0.0, 4.0, 23)
    rolled: Any = njit(pipeline_class=Rolled)(steps_down)
    usual: Any = njit(steps_down)
    assert rolled(values) == usual(values) == steps_down(values)
    (signature,) = rolled.signatures
    code = rolled.inspect_llvm(signature)
    assert code.count(", !llvm.loop !") == 3, (
        "should numba move what `rolled` builds on, loops are unrolled again"
    )
    assert "llvm.loop.unroll.disable" in code
