"""The command `walras`: thin, so that `walras --help` answers at once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from studies.commands.cases import cases
from studies.commands.clear import clear
from studies.commands.homes import homes
from studies.commands.incubate import incubate
from studies.commands.ledger import ledger
from studies.commands.play import play
from studies.commands.report import report
from studies.commands.run import run
from studies.commands.show import show
from studies.commands.studies import studies
from studies.commands.trade import trade

app = typer.Typer(
    name="walras",
    help="Clear electricity markets exactly, with proofs, and study what agents learn in them.",
    epilog="A first step:  walras clear pglib_ieee300",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"walras {version('walras')}")
        raise typer.Exit


@app.callback()
def walras(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Clear electricity markets exactly, with proofs, and study what agents learn in them."""


app.command("cases")(cases)
app.command("show")(show)
app.command("clear")(clear)
app.command("trade")(trade)
app.command("homes")(homes)
app.command("incubate")(incubate)
app.command("studies")(studies)
app.command("run")(run)
app.command("report")(report)
app.command("play")(play)
app.command("ledger")(ledger)


def main() -> None:
    """Entry point of the console script; Ctrl-C ends it with status 130, as shells expect."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
