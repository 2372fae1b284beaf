"""Cooperative games, and payments that make cooperation acceptable."""
