"""Columns and sites, flows, sensitivities, and the lines that may bind."""
