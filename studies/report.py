"""The page of a run: question, answer beside the published figures, tables, pictures, how it was made."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import pandas as pd

from studies.claims import claim_words, verdict_words
from studies.ledger import run_ledger, tally, write_run_ledger
from studies.pages.page import html_table
from studies.pages.sections import figure_section, table_section, tile_list, write_chart_page
from studies.registry import StudyRef, stored_study
from studies.running.manifest import read_manifests
from studies.running.spec import describe, show
from studies.running.store import write_text
from studies.running.tables import read_results, run_folder
from studies.study import Results, Study

FAILURES_SHOWN = 50
ANSWER = "answer.txt"
KINDS = {"matches": "good", "consistent": "", "differs": "bad", "under-specified": "open"}


def write_report(folder: Path, named: str | None = None, trust: bool = False) -> Path:
    """Write `index.html`, `answer.txt`, the PNG figures and the ledger rows of a run into its folder.

    Parameters
    ----------
    named, trust : where the study's code is (see :func:`studies.registry.stored_study`).

    Raises
    ------
    InputError
        where the folder holds no run, or one of a study whose code would have to come from the folder.
        OSError where it cannot be written.
    """
    folder = run_folder(folder)
    ref = stored_study(read_manifests(folder), named, trust)
    study = ref.shown()
    results = read_results(folder, study)
    empty = not results.tables
    summaries = dict(study.summarise(results)) if study.summarise and not empty else {}
    charts = list(study.figures(results, summaries)) if study.figures and not empty else []
    headline = study.headline(results, summaries) if study.headline and not empty else ()
    answer = tuple(study.answer(results, summaries)) if study.answer and not empty else ()
    rows = run_ledger(study, ref, results, summaries)
    write_run_ledger(rows, folder)
    write_text(folder / ANSWER, "\n".join(answer) + "\n" * bool(answer))
    if charts:
        from studies.pictures.charts_png import draw_chart

        for chart in charts:
            draw_chart(chart, folder / f"{chart.name}.png")
    sections = [
        _heading(study, results, rows, headline, answer),
        figure_section([c for c in charts if c.opening], "At a glance"),
        _ledger_section(rows),
        figure_section([c for c in charts if not c.opening]),
        table_section(summaries),
        _made_section(study, ref, results, folder),
    ]
    title = f"{results.manifest['study']}: {study.title}"
    command = regenerate(results.manifest, ref)
    return write_chart_page(folder / "index.html", title, sections, charts, summaries, command)


def regenerate(manifest: Mapping[str, Any], ref: StudyRef) -> str:
    """The command that makes the same numbers, with every setting that is not the default."""
    defaults = {name: default for name, default, _, _ in describe(ref.load().spec)}
    words = ["walras", "run", ref.path or ref.name]
    for name, value in manifest["spec"].items():
        if show(value) != defaults.get(name):
            words += ["--set", f"{name}={show(value)}"]
    if manifest["seed"]:
        words += ["--seed", str(manifest["seed"])]
    if manifest["replicates"] > 1:
        words += ["--replicates", str(manifest["replicates"])]
    return shlex.join(words)


def _heading(
    study: Study,
    results: Results,
    rows: pd.DataFrame,
    headline: Sequence[tuple[str, str]],
    answer: Sequence[str],
) -> str:
    manifest = results.manifest
    planned = manifest["cells"] * manifest["replicates"]
    failed = len(results.failures)
    good = len(results.cells) - failed
    tiles = [("bad" if good < planned else "good", f"{good:,} of {planned:,}", "cells finished")]
    if results.missing:
        tiles.append(("bad", f"{results.missing:,}", "cells missing"))
    if failed:
        tiles.append(("bad", f"{failed:,}", "cells failed"))
    if study.random:
        tiles.append(("", f"{manifest['replicates']}", "replicates of each cell"))
    tiles += _verdict_tiles(rows)
    tiles += [("", value, words) for value, words in headline]
    seconds = sum(session["wall_seconds"] for session in manifest["sessions"])
    tiles.append(("", f"{seconds:,.1f} s", "of running"))
    return (
        f'<header><h1>{escape(str(manifest["study"]))}</h1><p class="lead">{escape(study.title)}.</p>'
        f'<p class="sentence">{escape(study.question)}</p>{_answer(answer)}{tile_list(tiles)}'
        f"<h2>Method</h2><p>{escape(study.method)}</p></header>"
    )


def _answer(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<section class="answer" aria-label="Answer"><ul>{items}</ul></section>'


def _verdict_tiles(rows: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Printed numbers and sentences by verdict; cross-checks are in the table alone."""
    if rows.empty:
        return []
    counts = tally(rows).loc["published"]
    return [
        (KINDS[str(verdict)], str(count), f"printed {form}{'s' if count > 1 else ''}: {verdict}")
        for form, numbers in counts.iterrows()
        for verdict, count in numbers.items()
        if count
    ]


LEDGERS = {
    "published": ("Published and ours", "ledger"),
    "cross-check": ("Own cross-checks", "cross-checks"),
}


def _ledger_section(rows: pd.DataFrame) -> str:
    """A table of what documents print, then one of our own cross-checks."""
    return "\n".join(
        _ledger_table(part, *LEDGERS[kind]) for kind in LEDGERS if len(part := rows[rows["kind"] == kind])
    )


def _ledger_table(rows: pd.DataFrame, title: str, name: str) -> str:
    cells = "".join(
        f"<tr><td>{escape(claim_words(row['claim'], row['variant']))}</td>"
        f"<td>{escape(row['published'])}</td><td>{escape(row['place'])}</td>"
        f"<td class='number'>{escape(row['ours'])}</td>"
        f"<td><span class='verdict {KINDS[row['verdict']]}'>"
        f"{escape(verdict_words(row['verdict'], row['evidence']))}</span></td>"
        f"<td class='reason'>{escape(row['reason'])}</td></tr>"
        for row in rows.to_dict("records")
    )
    documents = "; ".join(dict.fromkeys(rows["document"]))
    head = "".join(
        f'<th scope="col"{kind}>{word}</th>'
        for word, kind in (("claim", ""), ("printed", ""), ("where", ""), ("ours", ' class="number"'),
                           ("verdict", ""), ("why", ""))
    )  # fmt: skip
    numbers = int((rows["form"] == "number").sum())
    return f"""<section aria-labelledby="{name}-title">
<h2 id="{name}-title">{title}</h2>
<p class="quiet">{escape(documents)}. <b>Matches</b>: to the printed digits, without use of the figure.
<b>Consistent</b>: inside the interval shown, or resting on what is said beside it. <b>Differs</b>,
<b>under-specified</b>: for the reason beside it.</p>
<div class="sideways" tabindex="0" role="region" aria-label="{title}">
<table class="ledger" id="{name}">
<caption>{numbers} numbers, {len(rows) - numbers} sentences</caption>
<thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table></div>
</section>"""


def _made_section(study: Study, ref: StudyRef, results: Results, folder: Path) -> str:
    manifest = results.manifest
    settings = [
        [name, show(manifest["spec"].get(name)), unit, words] for name, _, unit, words in describe(study.spec)
    ]
    parts = ['<section aria-labelledby="made-title"><h2 id="made-title">How it was made</h2>']
    if study.under_specified:
        items = "".join(f"<li>{escape(item)}</li>" for item in study.under_specified)
        parts.append(f"<h3>What the documents leave open</h3><ul>{items}</ul>")
    parts.append(html_table(["setting", "value", "unit, range", "meaning"], settings, "Spec", numbers_from=9))
    if len(results.failures):
        parts.append(_failures(results))
    facts = [
        ["seed", f"{manifest['seed']}; stream of a cell: {manifest['seeding']}"],
        ["content address", str(manifest["address"])],
        ["code of the study", str(manifest["code"])],
        ["git revision", str(manifest["revision"] or "none")],
        ["packages", ", ".join(f"{name} {number}" for name, number in manifest["packages"].items())],
        ["Python, machine", f"{manifest['python']}, {manifest['machine']}"],
    ]
    facts += [
        [
            "session",
            f"ended {s['ended']}: {s['cells']:,} cells in {s['wall_seconds']:,.1f} s by {s['executor']}, "
            f"peak {s['peak_memory_mb']:,.0f} MB{', stopped by ' + s['stopped'] if s['stopped'] else ''}",
        ]
        for s in manifest["sessions"]
    ]
    parts.append(html_table(["", ""], facts, "Provenance", numbers_from=9))
    tables = ", ".join(f"<code>tables/{escape(name)}.parquet</code>" for name in results.tables)
    command = escape(regenerate(manifest, ref))
    parts.append(
        f"<p>Rows of all cells: {tables or 'none'}, beside this page; "
        f'<code>studies.results("{escape(folder.name)}")</code> reads them. '
        f"Made again by <code>{command}</code>.</p></section>"
    )
    return "\n".join(parts)


def _failures(results: Results) -> str:
    rows = [
        [str(row["cell"]), str(row["replicate"]), str(row["values"]), str(row["error"]),
         f"{results.manifest['seed']}, ({row['cell']}, {row['replicate']})"]
        for row in results.failures.head(FAILURES_SHOWN).to_dict("records")
    ]  # fmt: skip
    count = len(results.failures)
    more = f" (first {FAILURES_SHOWN} of {count})" if count > FAILURES_SHOWN else ""
    return html_table(["cell", "replicate", "values", "error", "seed, spawn key"], rows, f"Failures{more}", 9)
