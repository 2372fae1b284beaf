"""The progress bar of a run: rate and remaining time on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Listener(Protocol):
    """What a progress bar hears."""

    def begin(self, total: int, done: int, where: str) -> None: ...

    def advance(self, cells: int, failed: int) -> None: ...

    def stop(self, signal: str, flying: int) -> None: ...

    def end(self) -> None: ...


class ProgressBar:
    """A bar on stderr that listens to the runner."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._failed = 0

    def begin(self, total: int, done: int, where: str) -> None:
        """Show the bar, with `done` cells from an earlier start."""
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("cells  {task.fields[rate]}"),
            TextColumn("remaining"),
            TimeRemainingColumn(),
            TextColumn("[red]{task.fields[failed]}"),
            console=Console(file=sys.stderr),
            transient=True,
        )
        self._task = self._progress.add_task(where, total=total, completed=done, rate="", failed="")
        self._progress.start()

    def advance(self, cells: int, failed: int) -> None:
        """Cells that came back."""
        if self._progress is None or self._task is None:
            return
        self._failed += failed
        speed = self._progress.tasks[0].speed
        self._progress.update(
            self._task,
            advance=cells,
            rate=f"{speed:.1f}/s" if speed else "",
            failed=f"{self._failed} failed" if self._failed else "",
        )

    def stop(self, signal: str, flying: int) -> None:
        """A signal asked to stop, and the cells in flight are waited for."""
        where = sys.stderr if self._progress is None else self._progress.console.file
        where.write(
            f"walras: {signal}: waiting for what is in flight ({flying} batches); once more ends it at once\n"
        )
        where.flush()

    def end(self) -> None:
        """Take the bar away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
