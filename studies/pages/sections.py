"""Pages of charts and tables: the sections that they share, and the page that shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import floor, log10
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from studies.pages.exports import plain
from studies.pages.page import asset, write_page

if TYPE_CHECKING:
    from studies.pictures.charts import Chart
    from studies.study import Summary

SCRIPTS = ("tables.js", "report_page.js")


def write_chart_page(
    path: Path,
    title: str,
    sections: Sequence[str],
    charts: Sequence[Chart],
    summaries: Mapping[str, Summary],
    command: str,
) -> Path:
    """Write a page of HTML sections in which charts and tables have their places; returns the path."""
    body = "\n".join([f"<style>\n{asset('report.css')}</style>", *sections])
    data = {"charts": [_chart_data(chart) for chart in charts], "tables": table_data(summaries)}
    return write_page(path, title, body, data, SCRIPTS, command)


def tile_list(tiles: Iterable[tuple[str, str, str]]) -> str:
    """(kind, value, words) of each tile of a headline, as HTML."""
    items = "".join(
        f'<li class="{kind}"><b>{escape(value)}</b><span>{escape(words)}</span></li>'
        for kind, value, words in tiles
    )
    return f'<ul class="tiles">{items}</ul>'


def figure_section(charts: Sequence[Chart], title: str = "Figures") -> str:
    """Places for charts under a title, as HTML."""
    if not charts:
        return ""
    figures = "\n".join(
        f"<figure{' class=' + chr(34) + 'wide' + chr(34) if chart.wide else ''}>"
        f'<h3 id="{chart.name}-title">{escape(chart.title)}</h3>'
        f'<div id="chart-{chart.name}" class="plot" role="img" aria-labelledby="{chart.name}-title"></div>'
        f"<figcaption>{escape(chart.caption)}</figcaption></figure>"
        for chart in charts
    )
    place = f"{title.lower().replace(' ', '-')}-title"
    return f"""<section aria-labelledby="{place}">
<h2 id="{place}">{title}</h2>
<div class="pair">{figures}</div>
</section>"""


def table_section(summaries: Mapping[str, Summary]) -> str:
    """Places for tables, as HTML."""
    if not summaries:
        return ""
    tables = "\n".join(
        f'<h3>{escape(summary.title)}</h3><p class="quiet">{escape(summary.note)}</p>'
        f'<div id="table-{name}"></div>'
        for name, summary in summaries.items()
    )
    return f'<section aria-labelledby="tables-title"><h2 id="tables-title">Tables</h2>{tables}</section>'


def _chart_data(chart: Chart) -> dict[str, Any]:
    """A chart for the page's script."""
    from studies.pictures.charts_plotly import plotly_chart

    data, layout = plotly_chart(chart)
    return {"id": f"chart-{chart.name}", "data": data, "layout": layout}


def table_data(summaries: Mapping[str, Summary]) -> list[dict[str, Any]]:
    """Tables for the page's script."""
    out = []
    for name, summary in summaries.items():
        frame = summary.frame
        truths = {str(c): frame[c].map({True: "yes", False: "no"}) for c in frame.select_dtypes(bool).columns}
        frame = frame.assign(**truths)
        columns = [
            {"name": str(c)}
            | ({"digits": _digits(frame[c])} if pd.api.types.is_numeric_dtype(frame[c]) else {})
            for c in frame.columns
        ]
        rows = plain(frame.to_numpy(dtype=object).tolist())
        out.append({"id": f"table-{name}", "title": summary.title, "columns": columns, "rows": rows})
    return out


def _digits(column: pd.Series) -> int:
    """Decimals that a column needs: none for whole numbers, four digits of what is small throughout."""
    numbers = column.dropna().astype(float)
    if (numbers == numbers.round()).all():
        return 0
    largest = float(numbers.abs().max())
    if largest < 0.1:
        return min(3 - floor(log10(largest)), 12)
    return 2 if largest >= 10 else 3
