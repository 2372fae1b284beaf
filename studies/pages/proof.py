"""A certificate on a page: its tile in the headline, and the table of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from studies.pages.page import html_table

if TYPE_CHECKING:
    from clearing.certificate import Certificate

OPTIMALITY = {
    "P": "the dispatch is feasible",
    "D": "the prices support it",
    "C": "limits with a price are met",
    "G": "cost equals its lower bound",
    "S": "payments add up",
}
"""First letter of a row of the nodal certificate → the condition in words (docs/laws.md)."""


def proof_tile(certificate: Certificate, status: str) -> tuple[str, str, str]:
    """(kind, verdict, words) of the headline's tile."""
    row, residual = certificate.worst
    words = f"certificate: worst row {row} at {residual:.1e}, tolerance {certificate.tolerances[row]:.0e}"
    if not certificate.holds:
        return "bad", "Proof fails", words
    return "good", "Proven optimal" if status == "optimal" else "Proof holds", words


def proof_table(certificate: Certificate, conditions: Mapping[str, str]) -> str:
    """The rows with their conditions, which are named by row or by a row's first letter."""
    rows = []
    for row, residual, tolerance, verdict in certificate.table.itertuples(name=None):
        condition = conditions.get(row) or conditions.get(row[0], "")
        rows.append([row, condition, f"{residual:.2e}", f"{tolerance:.0e}", verdict])
    header = ["row", "condition", "residual", "tolerance", "verdict"]
    return html_table(header, rows, "Residuals, scaled", numbers_from=2)
