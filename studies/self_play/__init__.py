"""Strategies that evolve by self-play in six market situations, beside tables and exact equilibria."""
