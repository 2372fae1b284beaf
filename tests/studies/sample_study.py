"""A study for tests: random draws, cells that sleep, fail or kill their worker, as the spec says."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from studies.claims import Source, compare_number, compare_open
from studies.pictures.charts import Lines
from studies.running.spec import Spec, setting
from studies.study import Study, Summary, mean_and_error

DOCUMENT = Source("A <document>")


@dataclass(frozen=True)
class Settings(Spec):
    cells: int = setting(20, "how many cells", low=1, high=100_000)
    sleep: float = setting(0.0, "how long a cell takes", "s", low=0.0, high=10.0)
    fails: tuple[int, ...] = setting((), "cells that raise an error")
    kills: tuple[int, ...] = setting((), "cells that kill their worker")
    mercy: str | None = setting(None, "folder of notes: a cell kills once only")
    mode: str = setting("plain", "which way", choices=("plain", "fancy"))


def cells(spec: Settings) -> list[dict[str, object]]:
    return [{"x": k, "name": f"cell {k}"} for k in range(spec.cells)]


def run_cell(spec: Settings, cell, rng):
    x = cell["x"]
    if spec.sleep:
        time.sleep(spec.sleep)
    if x in spec.fails:
        raise ValueError(f"cell {x} was told to fail")
    if x in spec.kills:
        note = Path(spec.mercy, f"killed-{x}") if spec.mercy else None
        if note is None or not note.exists():
            if note is not None:
                note.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    draws = rng.random(3)
    # whole numbers in even cells, fractions in odd ones: the table's type must not depend on company
    return {
        "draws": [{"draw": float(v), "k": k} for k, v in enumerate(draws)],
        "mixed": [{"number": x if x % 2 == 0 else x + 0.5}] if x % 5 else [],
        "late": {"extra": [x], "number": [1]} if x > 10 else [{"number": 1}],
    }


def summarise(results):
    return {"means": Summary("Means", mean_and_error(results["draws"], ["k"], ["draw"]))}


def figures(results, summaries):
    frame = summaries["means"].frame
    line = [("mean", frame["k"].tolist(), frame["draw"].tolist())]
    return [Lines(name="means", title="Means <b>bold</b>", series=line, x_label="k", y_label="draw")]


def answer(results, summaries):
    return [f"The mean of {len(results['draws'])} draws is <{results['draws']['draw'].mean():.3f}>."]


def claims(results, summaries):
    mean = float(results["draws"]["draw"].mean())
    return [
        compare_number(DOCUMENT, "page 1", "mean of the draws", 0.5, mean, 1, interval=(0.0, 1.0)),
        compare_open(DOCUMENT, "page 2", "a vague sentence", "“up”", "no number", "which way up"),
    ]


STUDY = Study(
    title="Draws for tests",
    question="Do the draws depend on who makes them?",
    method="Draw three numbers in each cell.",
    spec=Settings,
    cells=cells,
    run_cell=run_cell,
    summarise=summarise,
    figures=figures,
    answer=answer,
    claims=claims,
)
