"""`walras report DIR`: the page, pictures and tables of a run, shards put together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studies.commands.guard import SOME_FAILED, SOME_MISSING, plain_errors
from studies.commands.options import DebugOption


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folder of a run or of its shards; of several runs the newest."
        ),
    ],
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.py", help="The study, where it is a file of yours.", show_default=False
        ),
    ] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="Run the study's code that DIR holds. Only where you trust its sender."),
    ] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: DebugOption = False,
) -> None:
    """Write the page of a run again, from what is stored; shards in DIR are merged first.

    Results are data: code in DIR is not run unless --trust is given. Exit code 3 says that some cells
    failed, 4 that some are missing.
    """
    with plain_errors(debug):
        from studies.report import write_report
        from studies.running.merging import merge_runs
        from studies.running.tables import read_results

        folder, others = merge_runs(folders)
        page = write_report(folder, study, trust)
        for other in others:
            typer.echo(f"Note: {other} holds another run; name it to report it", err=True)
        typer.echo(f"Page     {page}")
        if open_page:
            typer.launch(page.resolve().as_uri())
        stored = read_results(folder)
        if stored.missing:
            typer.echo(
                f"Note: {stored.missing:,} cells are missing: a shard has not run, or not to its end; run "
                "its command again (finished cells are kept), then this one",
                err=True,
            )
            raise typer.Exit(SOME_MISSING)
        if len(stored.failures):
            typer.echo(f"Note: {len(stored.failures):,} cells failed; the page says why", err=True)
            raise typer.Exit(SOME_FAILED)
