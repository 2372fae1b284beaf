"""Benchmarks: equilibria, best responses, deviation tests and indices."""
