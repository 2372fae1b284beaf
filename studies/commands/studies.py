"""`walras studies`: the named studies, or the settings of one."""

from __future__ import annotations

from typing import Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption, JsonOption


def studies(
    study: Annotated[
        str | None,
        typer.Argument(metavar="[STUDY]", help="Show the settings of this one.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """List the studies that `walras run` takes, or the settings of one."""
    with plain_errors(debug):
        import json

        from studies.registry import find_study, study_names
        from studies.running.spec import describe

        if study is None:
            titles = [(name, find_study(name).load().title) for name in study_names()]
            if as_json:
                typer.echo(json.dumps([{"study": n, "title": t} for n, t in titles], ensure_ascii=False))
                return
            from studies.commands.terminal import make_console, print_table

            rows = [list(pair) for pair in titles]
            print_table(make_console(), f"{len(rows)} studies", ["study", "what it asks"], rows, "ll")
            return
        loaded = find_study(study).load()
        rows = [list(row) for row in describe(loaded.spec)]
        headers = ["setting", "default", "unit, range", "meaning"]
        if as_json:
            document = {
                "study": study,
                "title": loaded.title,
                "question": loaded.question,
                "settings": [dict(zip(headers, row, strict=True)) for row in rows],
            }
            typer.echo(json.dumps(document, ensure_ascii=False))
            return
        from rich.text import Text

        from studies.commands.terminal import make_console, print_table

        console = make_console()
        console.print(Text.assemble((study, "bold"), f"  {loaded.title}"))
        console.print(Text(loaded.question))
        console.print()
        print_table(console, "Settings (walras run … --set NAME=VALUE)", headers, rows, "llll")
