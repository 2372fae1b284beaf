"""`walras ledger`: published figures beside ours, with verdicts (law 12)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from studies.commands.guard import plain_errors
from studies.commands.options import DebugOption, JsonOption

STYLES = {"matches": "green", "consistent": "cyan", "differs": "bold red", "under-specified": "yellow"}


def ledger(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]...", help="Only these studies.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
    refresh: Annotated[
        bool,
        typer.Option("--refresh", help="Run the studies and write their rows to data/ledger.parquet."),
    ] = False,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Stored runs that come before the shipped rows.")
    ] = Path("results"),
    debug: DebugOption = False,
) -> None:
    """Show published figures and sentences beside what walras finds, with a verdict for each.

    A row comes from a stored run in DIR where there is one, else from the table that walras ships. It
    is stale where the code behind it has changed since.
    """
    with plain_errors(debug):
        from studies.ledger import current_ledger, refresh_ledger
        from studies.registry import find_study

        if refresh:
            path = refresh_ledger(results, studies or ())
            typer.echo(f"Ledger   {path}", err=True)
        frame = current_ledger(results)
        for name in studies or ():
            find_study(name)  # an unknown name is refused
        frame = frame[frame["study"].isin(studies)] if studies else frame
        if as_json:
            import json

            from studies.pages.exports import plain

            typer.echo(json.dumps(plain(frame.to_dict("records")), ensure_ascii=False))
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        from studies.commands.terminal import make_console

        console = make_console()
        for study, rows in frame.groupby("study", sort=False):
            console.print(Text(f"{study}: {rows['document'].iloc[0]}", style="bold"))
            table = Table(box=SIMPLE_HEAD, show_edge=False, header_style="dim")
            for header in ("claim", "published", "ours", "verdict"):
                table.add_column(header, overflow="fold")
            for row in rows.to_dict("records"):
                verdict = Text(str(row["verdict"]), style=STYLES.get(str(row["verdict"]), ""))
                if row["stale"]:
                    verdict.append(" (stale)", style="bold yellow")
                table.add_row(*[Text(str(row[c])) for c in ("claim", "published", "ours")], verdict)
            console.print(table)
            for row in rows.to_dict("records"):
                if row["reason"] and row["verdict"] not in ("matches",):
                    console.print(Text(f"  {row['claim']}: {row['reason']}", style="dim"))
            console.print()
