"""`walras run STUDY`: run what is left of a study, then write its report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from studies.commands.guard import SOME_FAILED, plain_errors
from studies.commands.options import DebugOption, JsonOption, command_line

if TYPE_CHECKING:
    from studies.running.runner import Run

STOPPED = {"SIGINT": 130, "SIGTERM": 143}


def run(
    context: typer.Context,
    study: Annotated[
        str, typer.Argument(metavar="STUDY", help="A name of `walras studies`, or a study's .py file.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the study; `walras studies STUDY` lists them."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings from a .toml or .yaml file; --set wins over it."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random streams.", min=0)] = 0,
    replicates: Annotated[int, typer.Option(help="Runs of each cell, each with its own stream.", min=1)] = 1,
    jobs: Annotated[
        int | None,
        typer.Option(help="Worker processes; 0 runs in this process.", show_default="one per core"),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786.")
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Run share I of N; `walras report` merges them.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the results.", show_default="results/STUDY"),
    ] = None,
    cell_limit: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="A cell that takes longer has failed, and its worker is ended.",
            show_default="none",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the finished cells of this run.")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no page and pictures.")] = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Run a study, or what is left of it, and report.

    Finished cells are kept: stop with Ctrl-C (or kill) at any time and run the same command to go on;
    a second Ctrl-C does not wait for the cells in flight.
    Exit code 3 says that some cells failed, 130 and 143 that a signal stopped the run.
    """
    with plain_errors(debug):
        from studies.running.progress import ProgressBar
        from studies.running.runner import run as run_study
        from studies.running.spec import read_assignments, read_spec_file
        from studies.running.store import Shard

        values = {} if file is None else read_spec_file(file)
        values |= read_assignments(settings or ())
        ended = run_study(
            study,
            values,
            seed=seed,
            replicates=replicates,
            jobs=jobs,
            cluster=cluster,
            shard=None if shard is None else Shard.read(shard),
            out=out,
            fresh=fresh,
            cell_limit=cell_limit,
            command=command_line(context),
            listener=ProgressBar(),
        )
        page = None
        if not no_report and ended.complete:
            from studies.report import write_report

            page = write_report(ended.folder, study)
        _say(ended, page, as_json)
        code = STOPPED.get(ended.stopped, 0) or (SOME_FAILED if ended.failed else 0)
        if code:
            raise typer.Exit(code)


def _say(ended: Run, page: Path | None, as_json: bool) -> None:
    if as_json:
        import dataclasses
        import json

        from studies.pages.exports import plain

        document = plain(dataclasses.asdict(ended)) | {"page": None if page is None else str(page)}
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    from rich.text import Text

    from studies.commands.terminal import make_console

    console = make_console()
    for note in ended.notes:
        console.print(Text(f"Note: {note}", style="yellow"))
    cells = f"{ended.done:,} of {ended.total:,} cells"
    resumed = f", {ended.resumed:,} of them before" if ended.resumed else ""
    if ended.stopped:
        console.print(
            Text(
                f"Stopped by {ended.stopped}: {cells} are stored; the same command goes on.",
                style="bold yellow",
            )
        )
    else:
        console.print(Text(f"Done: {cells}{resumed}, in {ended.seconds:.1f} s."))
    if ended.failed:
        text = f"{ended.failed:,} cells failed; the page and cells.parquet say why. They run again next time."
        console.print(Text(text, style="bold red"))
    if page is None and not ended.stopped and not ended.complete:
        console.print(Text(f"Other shards are still missing; then: walras report {ended.folder.parent}"))
    if page is not None:
        _say_answer(console, page)
        _say_verdicts(console, page)
        console.print(Text(f"Page     {page}"))
    console.print(Text(f"Results  {ended.folder}"))


def _say_answer(console: object, page: Path) -> None:
    from rich.console import Console
    from rich.text import Text

    from studies.report import ANSWER

    assert isinstance(console, Console)
    for sentence in (page.parent / ANSWER).read_text(encoding="utf-8").splitlines():
        console.print(Text(f"• {sentence}"))


def _say_verdicts(console: object, page: Path) -> None:
    """One line for what documents print, by form, and one for our own cross-checks."""
    from rich.console import Console
    from rich.text import Text

    from studies.ledger import read_run_ledger, tally

    assert isinstance(console, Console)
    rows = read_run_ledger(page.parent)
    if rows.empty:
        return
    counts = tally(rows)
    for kind, title in (("published", "printed"), ("cross-check", "cross-checked")):
        for form, numbers in counts.loc[kind].iterrows():
            words = ", ".join(f"{n} {verdict}" for verdict, n in numbers.items() if n)
            if words:
                console.print(Text(f"Ledger   {title} {form}s: {words}"))
