"""Tolerances that every path to an outcome shares."""

TIE_WIDTH = 2e-9
"""Of the greatest |price| in the book: what differs by no more costs the same (law 4)."""
