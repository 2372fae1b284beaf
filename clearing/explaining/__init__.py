"""Prices in words, and why no dispatch exists."""
