"""How a command ends when something is wrong: one message on stderr and an exit code, no traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

BAD_INPUT = 2  # what click itself uses for a wrong option
INTERRUPTED = 130  # 128 + SIGINT
BROKEN = 1
SOME_FAILED = 3  # cells of a study
SOME_MISSING = 4


@contextmanager
def plain_errors(debug: bool = False) -> Iterator[None]:
    """Turn exceptions of the body into a message and an exit code; `debug` lets them through.

    Bad input, a market that cannot be cleared and a file that cannot be written are 2, Ctrl-C is
    130, anything else (a bug of ours) is 1.
    """
    from clearing.errors import ClearingError, InputError

    try:
        yield
    except BrokenPipeError:
        # the reader (`| head`) has gone; point stdout elsewhere so that its last flush cannot fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN) from None
    except KeyboardInterrupt:
        typer.echo("walras: interrupted; nothing was left half-written", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except (InputError, ClearingError, OSError) as error:
        if debug:
            raise
        from studies.commands.terminal import visible

        typer.echo(f"walras: {visible(_sentence(error))}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except Exception as error:
        if debug or isinstance(error, typer.Exit):
            raise
        from studies.commands.terminal import visible

        typer.echo(
            f"walras: internal error, {type(error).__name__}: {visible(str(error))}\n"
            "This is a bug of walras. Run the command again with --debug for the traceback, and report it.",
            err=True,
        )
        raise typer.Exit(BROKEN) from None


def _sentence(error: BaseException) -> str:
    """The message; what kind of failure it is goes first where the message alone may not tell."""
    kind = type(error).__name__
    text = str(error)
    if kind == "InputError":
        return text
    if isinstance(error, OSError):
        where = f" {str(error.filename)!r}" if error.filename else ""
        return f"cannot read or write{where}: {error.strerror or text}"
    words = {
        "InfeasibleError": "infeasible",
        "UnboundedError": "unbounded",
        "TimeLimitError": "time limit",
        "NumericalError": "no proven optimum",
    }
    return f"{words[kind]}: {text}" if kind in words else text
