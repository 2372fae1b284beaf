"""`walras report DIR`: the page, pictures and tables of a run, shards put together."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folder of a run or of its shards; of several runs the newest."
        ),
    ],
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    debug: DebugOption = False,
) -> None:
    """Write the page of a run again, from what is stored; shards in DIR are merged first."""
    with plain_errors(debug):
        from studies.report import write_report
        from studies.running.merging import merge_runs

        folder, others = merge_runs(folders)
        page = write_report(folder)
        for other in others:
            typer.echo(f"Note: {other} holds another run; name it to report it", err=True)
        typer.echo(f"Page     {page}")
        if open_page:
            typer.launch(page.resolve().as_uri())
