"""Asking a run to stop: Ctrl-C and SIGTERM are noted, and acted on when the cells in flight are stored."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noted_signals() -> Iterator[list[str]]:
    """A list that holds the name of the signal that asked to stop; a second one interrupts at once."""
    told: list[str] = []

    def note(number: int, _: object) -> None:
        if told:
            raise KeyboardInterrupt
        told.append(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():
        yield told
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
