"""`walras ledger`: what documents print beside what walras finds, then our own cross-checks (law 12)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from studies.commands.guard import SOME_FAILED, plain_errors
from studies.commands.options import DebugOption, JsonOption

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

STYLES = {"matches": "green", "consistent": "cyan", "differs": "bold red", "under-specified": "yellow"}
STAMP_STYLES = {"accepted": "green", "unchanged": "dim", "refused": "bold red"}
TITLES = {
    "published": "Published: numbers and sentences that documents print",
    "cross-check": "Own cross-checks: notes, references and second computations of ours, no evidence from "
    "outside",
}
HEADERS = ("match", "consistent", "differ", "cannot be decided")


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
    restamp: Annotated[
        bool,
        typer.Option(
            "--restamp",
            help="Accept changed code that changes no number: some cells run again and must agree bit for "
            "bit, and claims made anew of the stored runs in DIR must be the same.",
        ),
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(help="Of --restamp's choice of cells.", show_default="the code's hash"),
    ] = None,
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="K", help="With --restamp: cells of each study, at least.", show_default="3, and 5 %"
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="With --restamp: what the cells of a study took when stored, at most (the first alone may "
            "take longer).",
            show_default="100",
        ),
    ] = None,
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Stored runs that come before the shipped rows.")
    ] = Path("results"),
    debug: DebugOption = False,
) -> None:
    """Show what documents print beside what walras finds, with a verdict for each, then our own cross-checks.

    It opens with how many printed numbers and sentences match, are consistent, differ, or cannot be decided.
    A row comes from a stored run in DIR where there is one, else from the table that walras ships. It is
    stale where the code behind it has changed since. Rows of --json carry `kind`: published or cross-check.
    With --restamp, exit code 3 says that rows of some study must be refreshed.
    """
    with plain_errors(debug):
        from networks.errors import InputError
        from studies.ledger import current_ledger, refresh_ledger
        from studies.registry import find_study

        if refresh and restamp:
            raise InputError("--refresh makes rows anew, --restamp keeps them: give one of the two")
        if restamp:
            _restamp(results, studies or (), as_json, _given(seed=seed, least=sample, budget=budget))
            return
        for option, value in (("--seed", seed), ("--sample", sample), ("--budget", budget)):
            if value is not None:
                raise InputError(f"{option} belongs to --restamp; give both or neither")
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
        from studies.commands.terminal import make_console

        console = make_console()
        print_tally(console, frame)
        for (_, document, study), rows in frame.groupby(["kind", "document", "study"], sort=False):
            _print_rows(console, f"{document} [{study}]", rows)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _restamp(results: Path, studies: Sequence[str], as_json: bool, options: dict[str, Any]) -> None:
    """Accept the present code where it changes no number, and say of each study what became of its rows."""
    from studies.restamp import restamp_ledger
    from studies.running.progress import ProgressBar

    stamps = restamp_ledger(
        results, studies, tell=lambda words: typer.echo(words, err=True), listener=ProgressBar(), **options
    )
    if as_json:
        import dataclasses
        import json

        typer.echo(json.dumps([dataclasses.asdict(stamp) for stamp in stamps], ensure_ascii=False))
    else:
        from rich.text import Text

        from studies.commands.terminal import make_console

        console = make_console()
        for stamp in stamps:
            console.print(
                Text(f"{stamp.study}: {stamp.status}: {stamp.words}", style=STAMP_STYLES[stamp.status])
            )
        counts = [
            f"{sum(stamp.rows for stamp in stamps if stamp.status == status)} rows {status}"
            for status in STAMP_STYLES
        ]
        seconds = sum(stamp.seconds for stamp in stamps)
        console.print(Text(f"Ledger   {', '.join(counts)}; the cells that ran took {seconds:.1f} s"))
    if any(stamp.status == "refused" for stamp in stamps):
        raise typer.Exit(SOME_FAILED)


def print_tally(console: Console, rows: pd.DataFrame) -> None:
    """How many printed numbers and sentences have which verdict, kind by kind; no total mixes them."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from studies.ledger import tally

    counts = tally(rows)
    for kind, title in TITLES.items():
        part = counts.loc[kind]
        if not part.to_numpy().any():
            continue
        table = Table(box=SIMPLE_HEAD, show_edge=False, header_style="dim")
        table.add_column("")
        for header in HEADERS:
            table.add_column(header, justify="right")
        for form, numbers in part.iterrows():
            table.add_row(f"{form}s", *[str(n) for n in numbers])
        console.print(Text(title, style="bold"))
        console.print(table)
        console.print()


def _print_rows(console: Console, title: str, rows: pd.DataFrame) -> None:
    """The rows of one source, and the reasons of all that have one."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from studies.claims import claim_words, verdict_words

    table = Table(box=SIMPLE_HEAD, show_edge=False, header_style="dim")
    for header in ("claim", "printed", "where", "ours", "verdict"):
        table.add_column(header, overflow="fold")
    records: list[dict[str, Any]] = rows.to_dict("records")  # type: ignore[assignment]
    for row in records:
        verdict = Text(
            verdict_words(row["verdict"], row["evidence"]), style=STYLES.get(str(row["verdict"]), "")
        )
        if row["stale"]:
            verdict.append(" (stale)", style="bold yellow")
        words = (claim_words(row["claim"], row["variant"]), row["published"], row["place"], row["ours"])
        table.add_row(*[Text(str(word)) for word in words], verdict)
    console.print(Text(title, style="bold"))
    console.print(table)
    for row in records:
        if row["reason"]:
            console.print(
                Text(f"  {claim_words(row['claim'], row['variant'])}: {row['reason']}", style="dim")
            )
    console.print()
