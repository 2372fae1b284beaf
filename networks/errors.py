"""The error for bad input, raised before any model is built (law 11)."""

from __future__ import annotations


class InputError(ValueError):
    """Bad input: the message names the table, the row, the column, the value and the remedy."""
